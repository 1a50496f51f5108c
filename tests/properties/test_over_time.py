"""Laws of loads that change in time, over every station and several pipelines.

A slow load is a steady state at each moment, and a constant one is that; the unit of time is
free; what comes is served, lost or there at every moment; a model without servers for a while
serves nothing meanwhile, and all of it later.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel.transients import Autoscaler, Emptied, Schedule
from qmodel.transients.station import station_over_time


def stations(unit: float = 1.0) -> dict[str, qm.Station]:
    """Return a station of each class that has a solution over time; patience is a second."""
    s = 0.02 * unit
    return {
        "MMc": qm.MMc(s, 3),
        "MMcK": qm.MMcK(s, 3, 30),
        "ErlangA": qm.ErlangA(s, 3, unit),
        "MGc": qm.MGc(qm.Gamma(s, 0.5), 3),
        "MDc": qm.MDc(s, 3),
        "MG1": qm.MG1(qm.LogNormal(s / 3, 2.0)),
        "MG1PS": qm.MG1PS(qm.Exponential(s / 3)),
        "MGcPS": qm.MGcPS(qm.Exponential(s), 3),
        "Delay": qm.Delay(qm.Exponential(s)),
    }


def pipelines(unit: float = 1.0) -> dict[str, qm.Pipeline]:
    a, b = qm.call("a", qm.MMc(0.02 * unit, 3)), qm.call("b", qm.MMc(0.005 * unit))
    steps = {
        "series": qm.series(a, b),
        "branch": qm.branch((0.4, a), (0.6, qm.series(b, a))),
        "cached": qm.cached(0.7, lookup=b, miss=a),
        "hold": qm.hold("pool", 6, a),
    }
    return {name: qm.Pipeline(step) for name, step in steps.items()}


def retried(unit: float = 1.0) -> qm.Pipeline:
    """Return a station whose clients try again; a rush would tip it for good."""
    a = qm.call("a", qm.MMc(0.02 * unit, 3))
    return qm.Pipeline(qm.retry(qm.timeout(0.5 * unit, a), attempts=2))


BOTH = [*stations(), *pipelines()]
RUSH = qm.Profile([0.0, 10.0, 20.0, 30.0, 60.0], [60.0, 60.0, 220.0, 60.0, 60.0])


def over(name: str, load: qm.Profile, times: Any, unit: float = 1.0, **more: Any) -> Any:
    if name in stations():
        return station_over_time(stations(unit)[name], load, np.asarray(times), **more)
    return pipelines(unit)[name].over_time(load, times=times, **more)


def mean(name: str, result: Any) -> Any:
    return result.response_time if name in stations() else result.mean


def steady(name: str, rates: Any) -> Any:
    if name in stations():
        return stations()[name].solve(rates).response_time
    return pipelines()[name].solve(rates).latency.mean


@pytest.mark.parametrize("name", BOTH)
def test_a_slow_load_and_a_constant_one_are_steady_states(name: str) -> None:
    slow = qm.Profile([0.0, 7200.0], [30.0, 90.0])
    at = np.array([0.0, 3600.0, 7200.0])
    found = mean(name, over(name, slow, at))
    assert found == pytest.approx(np.broadcast_to(steady(name, slow.rate(at)), 3), rel=1e-3)
    flat = qm.Profile([0.0, 60.0], [90.0, 90.0])
    found = mean(name, over(name, flat, [0.0, 60.0]))
    assert found == pytest.approx(float(np.ravel(steady(name, 90.0))[0]), rel=1e-3)


@pytest.mark.parametrize("name", BOTH)
def test_the_unit_of_time_changes_nothing(name: str) -> None:
    at = np.array([0.0, 20.0, 25.0, 60.0])
    fast = mean(name, over(name, RUSH, at))
    other = qm.Profile(1000 * RUSH.times, RUSH.rates / 1000)
    slow = mean(name, over(name, other, 1000 * at, unit=1000.0))
    assert slow == pytest.approx(1000 * fast, rel=2e-3)


def test_a_warm_cache_and_servers_that_are_enough_are_steady_states() -> None:
    """A cache that was lost is full again, and an autoscaler leaves what it has."""
    flat = qm.Profile([0.0, 600.0], [90.0, 90.0])
    warm = REFILLED.over_time(flat, times=[0.1, 600.0], emptied={"cache": LOST})
    full = REFILLED.solve(90.0).latency.mean
    assert warm.mean[1] == pytest.approx(float(full), rel=1e-3)
    assert warm.mean[0] > 1.5 * full
    site = pipelines()["series"]
    more = {"a": Autoscaler(target=0.7, pod=1, least=3, boot=5.0)}
    calm = site.over_time(flat, times=[0.0, 600.0], servers=more)
    assert calm.mean == pytest.approx(float(site.solve(90.0).latency.mean), rel=1e-3)
    assert calm.stations["a"].servers.tolist() == [3.0, 3.0]


def test_clients_who_try_again_are_in_the_steady_state_of_a_slow_load() -> None:
    slow = qm.Profile([0.0, 7200.0], [30.0, 120.0])
    at = np.array([0.0, 3600.0, 7200.0])
    known = retried().solve(slow.rate(at)).latency.mean
    assert retried().over_time(slow, times=at).mean == pytest.approx(known, rel=1e-3)


@pytest.mark.thorough
def test_the_unit_of_time_changes_nothing_of_what_follows_itself() -> None:
    """A cache that fills, an autoscaler that measures, clients who try again."""
    at = np.array([0.0, 25.0, 40.0, 60.0])

    def found(unit: float) -> tuple[Any, ...]:
        load = qm.Profile(unit * RUSH.times, RUSH.rates / unit)
        calm = qm.Profile(load.times, np.minimum(load.rates, 140 / unit))
        lost = Emptied(at=5.0 * unit, entries=500)
        rules = Autoscaler(
            target=0.7, pod=1, least=3, boot=5 * unit, period=15 * unit, window=60 * unit
        )
        cold = pipelines(unit)["cached"].over_time(load, times=unit * at, emptied={"b": lost})
        site = pipelines(unit)["series"]
        scaled = site.over_time(load, times=unit * at, servers={"a": rules})
        again = retried(unit).over_time(calm, times=unit * at)
        return cold.mean, scaled.mean, again.mean

    for fast, slow in zip(found(1.0), found(1000.0), strict=True):
        assert slow == pytest.approx(1000 * fast, rel=2e-3)


CALLS = qm.call("a", qm.MMc(0.02, 3)), qm.call("b", qm.MMc(0.005))
LOST = Emptied(at=0.0)
REFILLED = qm.Pipeline(
    qm.cached(
        qm.caches.LRU(500),
        lookup=qm.call("cache", qm.MMc(0.005)),
        miss=qm.call("db", qm.MMc(0.02, 3)),
        popularity=qm.caches.Zipf(5000, 0.9),
    )
)
FOLLOWED: dict[str, tuple[qm.Pipeline, dict[str, Any]]] = {
    **{name: (site, {}) for name, site in pipelines().items()},
    "parallel": (qm.Pipeline(qm.parallel(*CALLS)), {}),
    "retry": (retried(), {}),
    "warming": (REFILLED, {"emptied": {"cache": LOST}}),
    "scaled": (
        pipelines()["series"],
        {"servers": {"a": Autoscaler(target=0.7, pod=1, least=3, boot=5.0)}},
    ),
    "room": (qm.Pipeline(qm.retry(qm.call("a", qm.MMcK(0.02, 3, 20)), attempts=2)), {}),
}


@pytest.mark.thorough
@settings(max_examples=8, phases=[Phase.generate])
@given(
    name=st.sampled_from([*FOLLOWED]),
    peak=st.floats(80.0, 300.0),
    rise=st.floats(0.5, 10.0),
    lasts=st.floats(0.1, 10.0),
)
def test_what_comes_to_a_station_is_served_lost_or_there_at_every_moment(
    name: str, peak: float, rise: float, lasts: float
) -> None:
    """To what a trapezoid misses between the times."""
    site, more = FOLLOWED[name]
    corners = np.cumsum([0.0, 6.0, rise, lasts, rise])
    load = qm.Profile([*corners, 40.0], [50.0, 50.0, peak, peak, 50.0, 50.0])
    times = np.linspace(0.0, 40.0, 401)
    for station in site.over_time(load, times=times, **more).stations.values():
        flow = station.arrival_rate * (1 - station.rejected) - station.throughput
        grown = np.concatenate([[0.0], np.cumsum(np.diff(times) * (flow[1:] + flow[:-1]) / 2)])
        there = station.number_in_system
        assert there == pytest.approx(there[0] + grown, abs=2.0)


@pytest.mark.parametrize("name", BOTH)
def test_what_comes_is_served_lost_or_there_at_every_moment(name: str) -> None:
    """To what a trapezoid misses between the times: two of some five thousand requests."""
    times = np.linspace(0.0, 60.0, 401)
    r = over(name, RUSH, times)
    if name in stations():
        there = r.number_in_system
        came, gone = r.arrival_rate * (1 - r.rejected), r.throughput
        if name == "ErlangA":
            gone = gone + r.queue_length
    else:
        there = sum(s.number_in_system for s in r.stations.values())
        came, gone = r.arrival_rate, r.goodput
    grown = np.concatenate([[0.0], np.cumsum(np.diff(times) * (came - gone)[1:])])
    half = np.concatenate([[0.0], np.cumsum(np.diff(times) * (came - gone)[:-1])])
    assert there == pytest.approx(there[0] + (grown + half) / 2, abs=2.0)


@pytest.mark.parametrize("name", BOTH)
def test_when_one_looks_first_changes_nothing(name: str) -> None:
    """The load begins when it begins: a jam that is looked at from its middle is as long."""
    all_of_it = over(name, RUSH, [0.0, 20.0, 25.0, 60.0])
    from_within = over(name, RUSH, [20.0, 25.0, 60.0])
    assert mean(name, from_within) == pytest.approx(mean(name, all_of_it)[1:], rel=1e-9)
    if name in pipelines():
        assert from_within.backlog[0] > 20
    elif name != "Delay":
        assert from_within.queue_length[0] > 10
    # Before it begins it is in the steady state of its first rate.
    early = over(name, RUSH, [-5.0, 20.0])
    assert mean(name, early) == pytest.approx(mean(name, all_of_it)[:2], rel=2e-3)


@pytest.mark.parametrize("name", [n for n in BOTH if n != "Delay"])
def test_what_is_there_at_the_start_is_there_at_the_first_look(name: str) -> None:
    there = over(name, RUSH, [22.0, 60.0], start=7)
    found = [there] if name in stations() else there.stations.values()
    assert [float(one.number_in_system[0]) for one in found] == [7.0] * len(list(found))


@pytest.mark.parametrize("name", pipelines())
def test_a_pipeline_without_servers_for_a_while(name: str) -> None:
    """What waits for them does so in front of them, and is served when they are back."""
    outage = {"a": Schedule([0.0, 20.0, 22.0], [3, 0, 3])}
    flat = qm.Profile([0.0, 60.0], [60.0, 60.0])
    if name == "hold":
        outage = {"pool": Schedule([0.0, 20.0, 22.0], [6, 0, 6])}
    r = over(name, flat, [0.0, 19.0, 21.9, 60.0], servers=outage)
    (stopped,) = outage
    at = r.stations[stopped]
    assert (at.throughput[2], at.servers[2]) == (0.0, 0.0)
    came = 1.9 * float(at.arrival_rate[1])
    assert at.number_in_system[2] == pytest.approx(at.number_in_system[1] + came, rel=0.01)
    assert at.number_in_system[3] == pytest.approx(at.number_in_system[1], rel=0.01)
    assert r.mean[1] + 0.05 < r.mean[2] or name in ("branch", "cached")
    assert r.mean[3] == pytest.approx(r.mean[1], rel=0.01)


def test_a_delay_has_no_servers_to_lose() -> None:
    outage = Schedule([0.0, 20.0], [0, 3])
    with pytest.raises(qm.ModelError, match="Delay"):
        over("Delay", RUSH, [0.0, 60.0], servers=outage)
    site = qm.Pipeline(qm.call("net", qm.Delay(0.01)))
    with pytest.raises(qm.ModelError, match="net is a Delay, and has no servers"):
        site.over_time(RUSH, servers={"net": outage})
    with pytest.raises(qm.ModelError, match="net is a Delay, and has no queue"):
        site.over_time(RUSH, start={"net": 3})
    with pytest.raises(qm.ModelError, match="Delay has no queue"):
        over("Delay", RUSH, [0.0, 60.0], start=3)
    # One for all stations is for those that have servers.
    assert site.over_time(RUSH, servers=outage).mean == pytest.approx(0.01)


@pytest.mark.parametrize("rate", [-1.0, np.nan, np.inf])
def test_rates_that_cannot_be_are_refused_by_name(rate: float) -> None:
    with pytest.raises(qm.DomainError, match=f"rates must be .*got .*{rate:g}"):
        qm.Profile([0.0, 1.0], [1.0, rate])


@pytest.mark.thorough
def test_overload_at_the_end_is_said() -> None:
    rising = qm.Profile([0.0, 60.0], [60.0, 260.0])
    r = pipelines()["series"].over_time(rising)
    assert "a is saturated from" in str(r)
    assert "to the end, and beyond" in str(r)
    assert r.settled_at == np.inf
    assert r.load_at_the_end >= 1


@pytest.mark.parametrize("name", [n for n in stations() if n != "Delay"])
def test_without_servers_for_a_while(name: str) -> None:
    servers = float(stations()[name].servers)
    outage = Schedule([0.0, 20.0, 22.0], [int(servers), 0, int(servers)])
    flat = qm.Profile([0.0, 60.0], [60.0, 60.0])
    at = np.array([0.0, 19.0, 21.9, 60.0])
    r = over(name, flat, at, servers=outage)
    assert r.throughput[2] == 0
    assert r.servers[2] == 0
    fewest = {"MMcK": 25.0, "ErlangA": 40.0}.get(name, 100.0)
    assert fewest < r.number_in_system[2] < 125.0
    assert r.number_in_system[3] == pytest.approx(r.number_in_system[1], rel=0.01)
    assert np.isfinite(r.waiting_time[[0, 1, 3]]).all()
