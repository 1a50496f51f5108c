"""A time within a deadline: its transform as it follows from that of the whole time."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.truncated import Truncated
from qmodel.numerics import quadrature

S = np.array([[0.3 + 0.0j, 2.0 + 0j], [0.3 + 2.0j, 2.0 - 7.0j], [0.3 - 30.0j, 2.0 + 90.0j]])


@pytest.mark.parametrize("deadline", [0.02, 0.7, 4.0, 300.0])
def test_the_transform_of_exponential_times(deadline: float) -> None:
    """Few, half, most, and all in time."""
    rate = 1.25
    found = Truncated(qm.Exponential(1 / rate), deadline).laplace(S)
    expected = rate / (rate + S) * np.expm1(-(rate + S) * deadline) / np.expm1(-rate * deadline)
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-11)


@pytest.mark.parametrize("load", [1.0, 7.0, np.array([1.0, 7.5])])
def test_the_transform_of_a_response(load: float | np.ndarray) -> None:
    """By quadrature of the tail up to the deadline, and in cells."""
    in_time = Truncated(qm.MMc(1.0, 8).solve(load).response, 5.0)
    late = np.asarray(in_time.distribution.tail(5.0))
    assert np.all((late > 0) & (late < 0.9))
    slow = quadrature.transform(partial(in_time._within, late), S, (5.0,))
    assert in_time.laplace(S) == pytest.approx(slow, rel=1e-9, abs=1e-10)
