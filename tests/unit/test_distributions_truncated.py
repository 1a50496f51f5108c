"""A time within a deadline: its transform as it follows from that of the whole time."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.truncated import Truncated, within
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


CELLS = np.array([0.2, 0.4])


@pytest.mark.parametrize("deadline", [0.02, 0.3, 2.0])
@pytest.mark.parametrize(
    "time",
    [
        qm.Exponential(0.2),
        qm.Gamma(CELLS, np.array([0.3, 2.0])),
        qm.Mixture((CELLS, 1 - CELLS), (qm.Exponential(0.1), qm.Gamma(0.3 + CELLS, 0.25))),
    ],
    ids=lambda time: type(time).__name__,
)
def test_moments_in_closed_form_are_those_of_the_tail(
    time: qm.Distribution, deadline: float
) -> None:
    found, by_quadrature = within(time, deadline), Truncated(time, deadline)
    for name in ("mean", "variance", "third_cumulant"):
        expected = getattr(by_quadrature, name)
        scale = 1e-9 * deadline ** {"mean": 1, "variance": 2, "third_cumulant": 3}[name]
        assert getattr(found, name) == pytest.approx(expected, rel=1e-7, abs=scale), name
