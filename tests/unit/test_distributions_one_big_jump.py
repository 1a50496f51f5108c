"""Far tails of sums with heavy times: no noise, and the digits of a convolution."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

import qmodel as qm
from qmodel.distributions import (
    Distribution,
    Exponential,
    LogNormal,
    Pareto,
    Repeated,
    Sum,
    Uniform,
)

HEAVY = LogNormal(1.0, 4.0)
SUMS = {
    "twice": Sum([HEAVY, HEAVY]),
    "beside a light one": Sum([HEAVY, Exponential(1.0), Uniform(0.0, 2.0)]),
    "beside a heavier one": Sum([LogNormal(1.0, 1.0), LogNormal(0.3, 9.0)]),
    "nearly normal": Sum([LogNormal(1.0, 0.5)] * 5),
    "twenty times": Repeated(HEAVY, 20),
}


@pytest.mark.parametrize("name", SUMS)
def test_far_tails_fall_and_never_end(name: str) -> None:
    t = float(SUMS[name].mean) * np.geomspace(0.1, 3000.0, 300)
    tail = np.asarray(SUMS[name].tail(t))
    assert (np.diff(tail) <= 1e-12).all()
    assert (np.diff(tail[tail < 1e-9]) < 0).all()
    assert tail[-1] > 0


@pytest.mark.parametrize("late", [400.0, 2000.0, 1e4])
def test_against_a_convolution(late: float) -> None:
    def turn(log: float) -> float:
        return float(np.exp(log) * HEAVY.density(np.exp(log)) * HEAVY.tail(late - np.exp(log)))

    inside = quad(turn, -40.0, np.log(late / 2), limit=400, epsabs=0, epsrel=1e-10)[0]
    right = 2 * inside + float(HEAVY.tail(late / 2)) ** 2
    found, error = float(SUMS["twice"].tail(late)), float(SUMS["twice"].tail_error(late))
    assert abs(found - right) <= error
    assert error < max(1e-5 * right, 1e-11)


def test_what_has_no_variance_is_inverted_as_it_was() -> None:
    """The terms that would be its error are endless."""
    both: Distribution = Sum([Pareto(1.0, 1.5), Pareto(1.0, 1.5)])
    tail = np.asarray(both.tail(np.array([1e3, 1e5])))
    assert tail == pytest.approx(2 * np.array([1e3, 1e5]) ** -1.5, rel=0.02)


@pytest.mark.parametrize("times", [2.0, 10.0, 20.0])
def test_a_long_time_that_is_not_heavy_may_be_late_alone(times: float) -> None:
    """An exponential wait of 50 services before a lognormal one, beside their convolution."""
    wait, service = Exponential(50.0), LogNormal(1.0, 2.0)
    t = 50.0 * times

    def both(x: float) -> float:
        return float(service.density(x) * wait.tail(t - x))

    ends = [0.0, 1.0, 10.0, t / 2, t]
    known = sum(quad(both, *part)[0] for part in pairwise(ends)) + float(service.tail(t))
    found = Sum((wait, service))
    assert abs(float(found.tail(t)) - known) <= float(found.tail_error(t))
    assert float(found.tail(t)) == pytest.approx(known, rel=0.01)


def test_percentiles_rise_at_nearly_full_load() -> None:
    response = qm.MGc(LogNormal(1.0, 2.0), 2).solve(2 * 0.99).response
    found = response.quantile([0.99, 0.999, 0.9999, 0.99999])
    # Each nine is as much longer as of an exponential wait.
    assert np.diff(found) == pytest.approx([174.4] * 3, rel=2e-3)
