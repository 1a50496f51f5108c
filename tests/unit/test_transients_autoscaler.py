"""Autoscalers: what a fluid of requests does with them, and the highest target."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.transients import Autoscaler, Schedule, highest_target, ramp

# Load times five from 600/s within some seconds, pods of 10/s, 60 s window, 15 s period, 90 s
# boot: peak of the backlog, when, and when it is gone; to 2 %, as the source has other steps.
RAMPS = {
    (60, 0.5): (214_500, 509, 620),
    (60, 0.7): (511_580, 689, 942),
    (600, 0.5): (0, 0, 0),
    (600, 0.7): (30_630, 599, 711),
}


def fluid(load: qm.Profile, rules: Autoscaler, pods: float) -> tuple[float, float, float]:
    """Return peak, its time, and when nothing is left of a backlog without chance."""
    scaler, backlog, step = rules.begin(pods, 0.0), 0.0, 0.25
    peak = at = gone = 0.0
    for t in np.arange(0.0, 1200.0, step):
        rate, room = float(load.rate(t + step / 2)), 10 * scaler.servers(t)
        busy = scaler.ready if backlog > 0 else min(rate / 10, scaler.ready)
        backlog = max(backlog + (rate - room) * step, 0.0)
        if backlog > peak:
            peak, at = backlog, t + step
        gone = t + step if backlog > 0 else gone
        scaler.observe(t + step, busy)
    return peak, at, gone


@pytest.mark.parametrize(("over", "target"), RAMPS)
def test_ramps(over: float, target: float) -> None:
    load = ramp(600.0, 3000.0, start=300.0, over=over, until=1200.0)
    rules = Autoscaler(target=target, stabilisation=1e6)
    peak, at, gone = RAMPS[over, target]
    found = fluid(load, rules, np.ceil(60 / target))
    assert found[0] == pytest.approx(peak, rel=0.02)
    assert found[1:] == pytest.approx((at, gone), abs=5)


def test_a_backlog_while_pods_start() -> None:
    """A published case: 100/s, and pods for 10, 60 and 650/s from 0, 75 and 90 s on."""
    plan = Schedule([0.0, 75.0, 90.0], [1, 6, 65])
    r = qm.Pipeline(qm.call("pods", qm.MMc(0.1))).over_time(
        qm.Profile([0.0, 150.0], [100.0, 100.0]),
        times=[0.0, 60.0, 75.0, 90.0, 103.36, 110.0],
        servers=plan,
        start=0,
    )
    present = r.stations["pods"].number_in_system
    assert present[1:4] == pytest.approx([5400, 6750, 7350], rel=2e-3)
    assert r.backlog[4] < 150
    assert r.backlog[5] < 1


def test_pods_come_and_go_in_a_pipeline() -> None:
    site = qm.Pipeline(qm.call("web", qm.MMc(0.1, 10)))
    load = qm.Profile([0.0, 120.0, 600.0, 660.0, 2400.0], [40.0, 40.0, 200.0, 40.0, 40.0])
    rules = Autoscaler(target=0.6, boot=60.0, least=8, stabilisation=120.0)
    r = site.over_time(load, servers={"web": rules})
    web = r.stations["web"]
    assert web.servers.max() >= 30
    assert web.servers[-1] <= 10
    assert web.servers.min() >= 8


def test_highest_target() -> None:
    assert highest_target(100.0, lag=0.0) == 1.0
    assert float(highest_target(100.0, lag=100.0)) == pytest.approx(np.exp(-1))
    with pytest.raises(qm.DomainError, match="growth_time"):
        highest_target(0.0, lag=1.0)
    with pytest.raises(qm.DomainError, match="target"):
        Autoscaler(target=1.5)
    with pytest.raises(qm.DomainError, match="target must be above 0"):
        Autoscaler(target=0.0)
