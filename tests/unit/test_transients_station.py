"""Stations over time: golden values, steady states, losses, schedules, mass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.linalg import expm

import qmodel as qm
from qmodel.transients import Schedule, number_after
from qmodel.transients.station import station_over_time

# Kolmogorov's equations by Crank and Nicolson: number present, p50 and p99 of the wait after a
# pulse c (0.6 + 0.8 exp(-((t - 60) / 12)^2)).
PULSES = {
    (10, 55): (21.46, 1.104, 4.040),
    (10, 70): (64.37, 5.457, 10.896),
    (10, 80): (43.76, 3.337, 9.530),
    (10, 90): (16.35, 0.0, 6.217),
    (50, 60): (179.26, 2.585, 4.267),
    (50, 70): (303.16, 5.068, 7.426),
    (50, 80): (196.84, 2.943, 5.641),
    (50, 90): (45.09, 0.0, 2.034),
}


def pulse(servers: int) -> qm.Profile:
    t = np.linspace(0, 100, 401)
    return qm.Profile(t, servers * (0.6 + 0.8 * np.exp(-(((t - 60) / 12) ** 2))))


def over(station: qm.Station, load: qm.Profile, times: Any, **more: Any) -> Any:
    return station_over_time(station, load, np.asarray(times, dtype=float), **more)


@pytest.mark.parametrize("servers", [10, 50])
def test_golden_pulses(servers: int) -> None:
    times = [0.0, *(t for c, t in PULSES if c == servers)]
    found = over(qm.MMc(1.0, servers), pulse(servers), times, start=0)
    medians, quantiles = (found.wait.quantile(p) for p in (0.5, 0.99))
    for i, t in enumerate(times[1:], 1):
        number, half, late = PULSES[servers, int(t)]
        assert found.number_in_system[i] == pytest.approx(number, rel=2e-3)
        assert medians[i] == pytest.approx(half, rel=3e-3, abs=1e-9)
        assert quantiles[i] == pytest.approx(late, rel=3e-3)


@pytest.mark.parametrize(
    ("station", "rate"),
    [
        (qm.MMc(0.1, 3), 24.0),
        (qm.MMcK(0.1, 2, 6), 30.0),
        (qm.ErlangA(0.1, 2, 0.5), 25.0),
        (qm.MG1(qm.Exponential(0.1)), 6.0),
        (qm.MGcPS(qm.Exponential(0.1), 2), 14.0),
    ],
    ids=lambda x: type(x).__name__,
)
def test_a_constant_load_settles_in_the_steady_state(station: qm.Station, rate: float) -> None:
    steady = station.solve(rate)
    found = over(station, qm.Profile([0.0, 300.0], [rate, rate]), [0.0, 300.0], start=0)
    assert found.number_in_system[-1] == pytest.approx(float(steady.number_in_system), rel=1e-3)
    assert found.rejected[-1] == pytest.approx(float(steady.loss), abs=1e-4)
    assert found.abandoned[-1] == pytest.approx(float(steady.abandonment), abs=1e-4)
    assert found.throughput[-1] == pytest.approx(float(steady.throughput), rel=1e-3)
    if not isinstance(station, qm.MGcPS):
        late = float(steady.served_response.quantile(0.99))
        assert found.response.quantile(0.99)[-1] == pytest.approx(late, rel=5e-3)


@pytest.mark.parametrize(
    "station", [qm.MGc(qm.LogNormal(0.1, 2.0), 2), qm.MDc(0.1, 2), qm.MG1(qm.Gamma(0.1, 3.0))]
)
def test_general_service_settles_near_its_steady_state(station: qm.Station) -> None:
    rate = 7.0 * float(station.servers)
    steady = station.solve(rate)
    found = over(station, qm.Profile([0.0, 600.0], [rate, rate]), [0.0, 600.0], start=0)
    assert found.waiting_time[-1] == pytest.approx(float(steady.waiting_time), rel=0.06)
    assert found.number_in_system[-1] == pytest.approx(float(steady.number_in_system), rel=0.03)


def test_a_slow_load_is_a_steady_state_at_each_moment() -> None:
    slow = qm.Profile([0.0, 7200.0], [100.0, 700.0])
    found = over(qm.MMc(0.005, 4), slow, [0.0, 3600.0, 7200.0])
    steady = qm.MMc(0.005, 4).solve([100.0, 400.0, 700.0])
    assert found.response.quantile(0.99) == pytest.approx(
        steady.response.quantile(0.99), rel=1e-3
    )


def test_shared_servers_speed_up_again_while_a_request_is_there() -> None:
    """Of 300 simulated crowds, known to 4 %: who comes in the rush is served while it ends.

    Work over the share at arrival would give a p99 of up to 33 s.
    """
    crowd = qm.transients.pulse(1500, 15.0, at=20.0, base=50.0, until=60.0)
    at = [20.0, 24.0, 28.0, 32.0]
    found = over(qm.MGcPS(qm.Exponential(0.02), 2), crowd, at)
    assert found.number_in_system == pytest.approx([374.8, 700.1, 692.7, 520.7], rel=0.01)
    half, late = (found.response.quantile(p) for p in (0.5, 0.99))
    assert half == pytest.approx([3.658, 4.927, 4.244, 3.106], rel=0.04)
    assert late == pytest.approx([20.02, 16.92, 13.59, 10.19], rel=0.07)
    # Nobody is slower than with the work of all in front of him, and the mean is between.
    assert (found.response_time > half).all()
    assert (found.response_time < late).all()


def test_shared_servers_of_a_constant_load_are_those_of_the_steady_state() -> None:
    for station in (qm.MGcPS(qm.Exponential(0.02), 2), qm.MG1PS(qm.LogNormal(0.01, 4.0))):
        flat = qm.Profile([0.0, 60.0], [70.0, 70.0])
        found = over(station, flat, [0.0, 59.0, 60.0], start=2)
        steady = float(station.solve(70.0).response_time)
        assert found.response_time[1:] == pytest.approx([steady] * 2, rel=2e-3)


def test_mass_is_kept() -> None:
    load = qm.transients.pulse(2000, 24.0, base=20.0)
    for station in (qm.MMc(0.1, 4), qm.MMcK(0.1, 4, 40), qm.ErlangA(0.1, 4, 5.0)):
        times = np.linspace(0.0, load.times[-1], 600)
        r = over(station, load, times, start=0)
        came = np.trapezoid(r.arrival_rate * (1 - r.rejected), times)
        served = np.trapezoid(r.throughput, times)
        left = 0.0
        if isinstance(station, qm.ErlangA):
            left = np.trapezoid(r.queue_length / 5.0, times)
        assert came == pytest.approx(served + left + r.number_in_system[-1], rel=2e-3)


def test_time_unit_changes_nothing() -> None:
    load = qm.transients.pulse(2000, 60.0, base=10.0)
    fast = over(qm.MMc(0.1, 4), load, [0.0, 90.0, 120.0])
    other = qm.Profile(1000 * load.times, load.rates / 1000)
    slow = over(qm.MMc(100.0, 4), other, [0.0, 90_000.0, 120_000.0])
    assert slow.number_in_system == pytest.approx(fast.number_in_system, rel=1e-3)
    assert slow.waiting_time == pytest.approx(1000 * fast.waiting_time, rel=2e-3)


def test_an_outage_and_what_is_there_at_the_opening() -> None:
    flat = qm.Profile([0.0, 100.0], [10.0, 10.0])
    plan = Schedule([0.0, 20.0, 50.0], [2, 0, 2])
    r = over(qm.MMc(0.1, 2), flat, [0.0, 19.0, 49.9, 60.0, 100.0], servers=plan)
    assert r.servers.tolist() == [2.0, 2.0, 0.0, 2.0, 2.0]
    assert r.throughput[2] == 0
    assert r.number_in_system[2] == pytest.approx(300.0, rel=0.02)
    # Who comes just before the end of the outage waits for the others, and for the end.
    assert r.waiting_time[2] == pytest.approx(0.1 + 299 / 20, rel=0.03)
    crowd = over(qm.MMc(1.0), qm.Profile([0.0, 50.0], [0.0, 0.0]), [0.0, 10.0], start=100)
    assert crowd.waiting_time.tolist() == pytest.approx([100.0, 90.0], rel=0.01)


def test_exact_numbers_after_a_while() -> None:
    p = number_after(qm.MMcK(0.5, 2, 4), 3.0, 1.3, start=2)
    q = np.zeros((5, 5))
    for n in range(4):
        q[n, n + 1], q[n + 1, n] = 3.0, 2.0 * min(n + 1, 2)
    q -= np.diag(q.sum(axis=1))
    assert p == pytest.approx(expm(1.3 * q)[2], abs=1e-13)
    waiting = number_after(qm.Delay(0.5), 4.0, 0.2, start=3)
    assert waiting @ np.arange(len(waiting)) == pytest.approx(3 + 0.8)
    with pytest.raises(qm.ModelError, match="jumps"):
        number_after(qm.MMc(1e-6), 1e6, 1e3)


@pytest.mark.parametrize(
    ("rate", "time", "start", "what"),
    [
        (np.nan, 1.0, 0, "arrival_rate"),
        (sp.Symbol("a"), 1.0, 0, "arrival_rate"),
        ([1.0, 2.0], 1.0, 0, "arrival_rate"),
        (1.0, np.nan, 0, "time"),
        (1.0, np.inf, 0, "time"),
        (1.0, 1.0, 9, "start"),
        (1.0, 1.0, [1, 2], "start"),
    ],
)
def test_numbers_after_a_while_refuse_what_has_no_answer(
    rate: Any, time: Any, start: Any, what: str
) -> None:
    with pytest.raises(qm.DomainError, match=what):
        number_after(qm.MMcK(0.5, 2, 4), rate, time, start=start)


@pytest.mark.parametrize("times", [[0.0, np.inf], [0.0, np.nan], [1.0, 1.0]])
def test_the_times_of_a_schedule_are_finite_and_increase(times: list[float]) -> None:
    with pytest.raises(qm.DomainError, match="finite and increase"):
        Schedule(times, [1, 2])


def test_delays_are_exact() -> None:
    load = qm.Profile([0.0, 10.0, 20.0], [0.0, 100.0, 100.0])
    r = over(qm.Delay(qm.Exponential(2.0)), load, [0.0, 10.0, 20.0])
    # m' = rate - m / 2 from 0: on the ramp 20 (t - 2 (1 - exp(-t / 2))).
    at_10 = 20 * (10 - 2 * (1 - np.exp(-5)))
    at_20 = 200 + (at_10 - 200) * np.exp(-5)
    assert r.number_in_system[1:] == pytest.approx([at_10, at_20], rel=2e-3)
    assert r.throughput == pytest.approx(r.number_in_system / 2, rel=5e-3, abs=1e-9)


def test_what_cannot_be_solved_says_so() -> None:
    crowd = qm.transients.pulse(5000, 60.0, base=5.0)
    with pytest.raises(qm.ModelError, match="MG1SizeBased has no solution over time"):
        over(qm.MG1SizeBased(qm.Exponential(0.1)), crowd, [0.0, 90.0])
    light_load = qm.Profile([0, 9], [5, 5])
    light = over(qm.MG1SizeBased(qm.Exponential(0.1)), light_load, [0.0, 9.0])
    assert np.ptp(light.response_time) == 0
    # It is in a steady state, of the servers that it has.
    for more in ({"servers": Schedule([0.0, 3.0], [1, 0])}, {"start": 4}):
        with pytest.raises(qm.ModelError, match="neither servers over time nor requests"):
            over(qm.MG1SizeBased(qm.Exponential(0.1)), light_load, [0.0, 9.0], **more)
        site = qm.Pipeline(qm.call("web", qm.MG1SizeBased(qm.Exponential(0.1))))
        with pytest.raises(qm.ModelError, match="MG1SizeBased has no solution over time"):
            site.over_time(light_load, **more)
    with pytest.raises(qm.DomainError, match="no arrays"):
        over(qm.MMc([0.1, 0.2]), crowd, [0.0, 90.0])
    with pytest.raises(qm.DomainError, match="servers must be as many as times"):
        Schedule([0.0, 1.0], [3])
    with pytest.raises(qm.DomainError, match="times must be finite and increase"):
        Schedule([1.0, 0.0], [3, 4])
