"""Logarithms of many complex numbers against those of SciPy, one by one."""

import numpy as np
import pytest
from scipy import special

from qmodel.numerics.logarithms import log1p


@pytest.mark.parametrize("size", [1e-300, 1e-17, 1e-6, 0.3, 1.0, 30.0, 1e99, 1e200])
def test_near_zero_and_far_away(size):
    turn = np.exp(1j * np.linspace(-3.1, 3.1, 101))
    np.testing.assert_allclose(log1p(size * turn), special.log1p(size * turn), rtol=2e-15)


@pytest.mark.parametrize("distance", [1e-12, 1e-6, 0.01, 0.5])
def test_near_the_point_where_it_is_infinite(distance):
    z = -1 + distance * np.exp(1j * np.linspace(-3.1, 3.1, 101))
    np.testing.assert_allclose(log1p(z), np.log(1 + z), rtol=1e-12)


def test_few_and_real_numbers():
    assert log1p(0.5) == special.log1p(0.5)
    assert log1p(np.full(100, 0.5)) == pytest.approx(np.full(100, special.log1p(0.5)))
