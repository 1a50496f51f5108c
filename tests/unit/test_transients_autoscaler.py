"""Autoscalers: what a fluid of requests does with them, and the highest target."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.transients import Autoscaler, Schedule, highest_target, ramp
from qmodel.transients.scaling import noise_of

# Load times five from 600/s within some seconds, pods of 10/s, 60 s window, 15 s period, 90 s
# boot: peak of the backlog, when, and when it is gone; to 2 %, as the source has other steps.
RAMPS = {
    (60, 0.5): (214_500, 509, 620),
    (60, 0.7): (511_580, 689, 942),
    (600, 0.5): (0, 0, 0),
    (600, 0.7): (30_630, 599, 711),
}


def fluid(load: qm.Profile, rules: Autoscaler, pods: float) -> tuple[float, float, float]:
    """Return peak, its time, and when nothing is left of a backlog without probability."""
    scaler, backlog, step = rules.begin(pods, 0.0), 0.0, 0.25
    peak = at = gone = 0.0
    for t in np.arange(0.0, 1200.0, step):
        rate, room = float(load.rate(t + step / 2)), 10 * scaler.servers(t)
        backlog = max(backlog + (rate - room) * step, 0.0)
        if backlog > peak:
            peak, at = backlog, t + step
        gone = t + step if backlog > 0 else gone
        there = float(load.rate(t + step)) / 10
        scaler.observe(t + step, scaler.ready if backlog > 0 else min(there, scaler.ready))
        ((_, scaler),) = scaler.decide(t + step)
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


def test_what_is_measured_has_noise_and_decisions_are_each_with_its_probability() -> None:
    """Half measure more than what two pods are enough for, and half less; then they know."""
    scaler = Autoscaler(target=0.5, boot=0.0, window=30.0).begin(4.0, 0.0)
    scaler.observe(15.0, 2.5, 0.16)
    (few, two), (many, three) = sorted(scaler.decide(15.0), key=lambda way: way[1].plan[1])
    assert (few, many) == pytest.approx((0.5, 0.5))
    assert two.plan[1] == ((15.0, 1.0),)
    assert three.plan[1] == ((15.0, 2.0),)
    assert two._noise.mean[0] == pytest.approx(-three._noise.mean[0])
    # The mean and variance of half a normal distribution.
    variance = 15 * 0.16 / 4**2
    assert three._noise.mean[0] == pytest.approx(np.sqrt(2 / np.pi * variance))
    assert three._noise.covariance[0, 0] == pytest.approx(variance * (1 - 2 / np.pi))


def test_noise_of_servers_that_do_not_wait() -> None:
    """The integral of a number in M/M/inf grows in variance by twice the load over mu."""
    n = np.arange(60.0)
    p = np.exp(n * np.log(9.0) - 9.0 - np.cumsum(np.log(np.maximum(n, 1.0))))
    assert noise_of(p, n, np.full(60, 9.0 * 4), n * 4) == pytest.approx(2 * 9.0 / 4, rel=1e-9)


@pytest.mark.thorough
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
