"""An endless load: what loses requests serves what it can, and nothing is NaN."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm

ROOM = qm.MMcK(1.0, 2, 5)
STATIONS = {
    "MMcK": ROOM,
    "MGcK": qm.MGcK(qm.LogNormal(1.0, 4.0), 2, 5),
    "MMcD": qm.MMcD(1.0, 2, 3.0),
}
STEPS = {
    "plain": lambda a: a,
    "timeout": lambda a: qm.timeout(3.0, a),
    "retry": lambda a: qm.retry(a, attempts=3, pause=1.0),
    "late and tried again": lambda a: qm.retry(qm.timeout(3.0, a), attempts=3, pause=1.0),
    "limit": lambda a: qm.series(qm.limit("quota", 10.0), a),
    "breaker": lambda a: qm.circuit_breaker(a, wait=2.0),
    "before others": lambda a: qm.series(a, qm.call("next", qm.MMc(0.1, 4))),
}


@pytest.mark.parametrize(
    ("station", "step"), [*((s, "plain") for s in STATIONS), *(("MMcK", s) for s in STEPS)]
)
def test_what_loses_is_at_its_capacity(station: str, step: str) -> None:
    site = qm.Pipeline(STEPS[step](qm.call("app", STATIONS[station])))
    endless, great = site.solve(np.inf), site.solve(1e5)
    assert float(endless.arrival_rate) == np.inf
    assert float(endless.accepted) == pytest.approx(0.0, abs=1e-5)
    assert float(endless.rejected + endless.abandoned) == pytest.approx(1.0, abs=1e-5)
    assert 0 <= float(endless.goodput) <= 2.0 * (1 + 1e-9)
    assert float(endless.goodput) == pytest.approx(float(great.goodput), rel=2e-3, abs=1e-9)
    assert float(endless.kinds["all"].goodput) == pytest.approx(float(endless.goodput))
    assert float(endless.latency.mean) == pytest.approx(float(great.latency.mean), rel=2e-3)
    assert float(endless.stations["app"].utilization) <= 1 + 1e-12


def test_a_full_room_serves_what_it_can() -> None:
    both = qm.Pipeline(qm.call("app", ROOM)).solve([1.0, np.inf])
    assert both.goodput[1] == pytest.approx(2.0, rel=1e-12)
    assert both.goodput[0] == float(qm.Pipeline(qm.call("app", ROOM)).solve(1.0).goodput)


def test_what_nobody_loses_is_endless() -> None:
    free = qm.call("free", qm.Delay(1.0))
    ways = qm.Pipeline(qm.branch((0.3, qm.call("app", ROOM)), (0.7, free))).solve(np.inf)
    assert float(ways.goodput) == np.inf
    queue = qm.Pipeline(qm.call("app", qm.MMc(1.0, 2))).solve(np.inf)
    assert float(queue.latency.mean) == np.inf
