"""Logarithms of many complex numbers against those of SciPy, one by one."""

import numpy as np
import pytest
from scipy import special

from qmodel.numerics.logarithms import log1p, power1p


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


@pytest.mark.parametrize("size", [1e-300, 1e-9, 0.3, 1.0, 30.0, 1e99, 1e150])
@pytest.mark.parametrize("exponent", [-0.25, -1.0, 2.0])
def test_powers(size, exponent):
    z = size * np.exp(1j * np.linspace(-3.1, 3.1, 101))
    expected = np.exp(exponent * special.log1p(z))
    np.testing.assert_allclose(power1p(z, exponent), expected, rtol=4e-15)


def test_powers_with_an_exponent_for_each_column():
    z = 0.02 * np.arange(100)[:, np.newaxis] * np.array([1j, 0.5 + 2j])
    exponents = np.array([-3.0, -500.0])
    expected = np.exp(exponents * special.log1p(z))
    # An angle of hundreds has as many roundings, and below 1e-308 there are few digits.
    np.testing.assert_allclose(power1p(z, exponents), expected, rtol=1e-12, atol=1e-308)
    # Half an angle of pi has an endless tangent.
    np.testing.assert_allclose(power1p(np.full(100, -3.0 + 0j), 1.0), -2.0, atol=1e-15)


def test_powers_of_few_and_real_numbers():
    assert power1p(0.5, -2.0) == pytest.approx(1.5**-2, rel=1e-15)
    assert power1p(np.full(100, 0.5), -2.0) == pytest.approx(np.full(100, 1.5**-2), rel=1e-15)
