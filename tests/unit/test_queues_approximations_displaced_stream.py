"""Streams after delays."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues import MDc
from qmodel.queues.approximations.behind import Behind
from qmodel.queues.approximations.dispersion import DISTURBED, POISSON
from qmodel.queues.approximations.displaced_stream import displaced


def second(delay: qm.Distribution | None, then: float, rate: object = 1.0) -> np.ndarray:
    """Return the mean wait at constant work behind constant work at a load of 0.8."""
    steps = [qm.call("first", MDc(0.8))]
    if delay is not None:
        steps.append(qm.call("delay", qm.Delay(delay)))
    steps.append(qm.call("second", MDc(then)))
    found = qm.Pipeline(qm.series(*steps)).solve(rate).stations["second"].waiting_time
    return np.asarray(found)


# Simulated with three million requests, to one percent.
@pytest.mark.parametrize(
    ("delay", "then", "wait", "within"),
    [
        (1.0, 0.9, 2.966, 0.07), (3.0, 0.9, 3.298, 0.03), (10.0, 0.9, 3.668, 0.06),
        (3.0, 0.5, 0.193, 0.2), (10.0, 0.5, 0.234, 0.06),
    ],
)  # fmt: skip
def test_simulated_waits(delay: float, then: float, wait: float, within: float) -> None:
    assert float(second(qm.Exponential(delay), then)) == pytest.approx(wait, rel=within)


def test_constant_and_short_delays_change_nothing() -> None:
    for then in (0.5, 0.9):
        plain = second(None, then)
        assert second(qm.Deterministic(50.0), then) == pytest.approx(plain)
        assert second(qm.Exponential(0.01), then) == pytest.approx(plain)


def test_an_endless_delay_leaves_a_poisson_stream() -> None:
    plain = float(MDc(0.9).solve(1.0).waiting_time)
    assert float(second(qm.Exponential(1e9), 0.9)) == pytest.approx(plain, rel=1e-6)
    assert float(second(qm.Pareto(1.0, 1.5), 0.9)) < plain


def test_short_and_long_times() -> None:
    left = Behind(POISSON, 1.0, 0.9, 1, qm.LogNormal(0.9, 4.0), 1.0)
    after = displaced(left, qm.Exponential(5.0), 1.0)
    time = np.array([0.0, 0.01, 1e7, np.nan])
    found, plain = after.extra(time, {}), left.extra(time, {})
    assert found[:2] == pytest.approx([0.0, 0.0], abs=0.01)
    assert found[2] == pytest.approx(plain[2], rel=1e-5)
    assert np.isnan(found[3])
    assert displaced(POISSON, qm.Exponential(5.0), 1.0) is POISSON
    assert displaced(DISTURBED, qm.Exponential(5.0), 1.0) is DISTURBED


def test_cells() -> None:
    rates = np.array([0.0, 0.5, 1.0, np.nan, 1.3])
    found = second(qm.Exponential(3.0), 0.9, rates)
    assert found[0] == 0.0
    assert np.isnan(found[3])
    assert found[4] == np.inf
    for k in (1, 2):
        assert found[k] == pytest.approx(float(second(qm.Exponential(3.0), 0.9, rates[k])))
