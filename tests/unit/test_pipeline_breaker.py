"""Circuit breakers: what they let through, by enumeration, and what they make of a collapse."""

from __future__ import annotations

import random

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.pipeline.steps.breaker import Breaker

APP = qm.timeout(5.0, qm.call("app", qm.MMc(1.0, servers=8)))


def passed(breaker: Breaker, fails: float, rate: float, calls: int = 200_000) -> float:
    """Simulate one breaker call by call; return the share that it lets through."""
    draw, now, opened, row, probes = random.Random(3), 0.0, -1.0, 0, 0
    seen = bad = through = 0
    for _ in range(calls):
        now += draw.expovariate(rate)
        if now < opened:
            continue
        through += 1
        failed = draw.random() < fails
        if probes:
            probes -= 1
            if failed:
                opened, probes = now + breaker.wait, breaker.probes
            continue
        row = row + 1 if failed else 0
        seen, bad = seen + 1, bad + failed
        trips = row == breaker.failures if breaker.window is None else False
        if breaker.window is not None and seen == breaker.window:
            trips, seen, bad = bad >= breaker.failures, 0, 0
        if trips:
            opened, row, probes, seen, bad = now + breaker.wait, 0, breaker.probes, 0, 0
    return through / calls


@pytest.mark.thorough
@pytest.mark.parametrize(
    "options",
    [
        {"failures": 3},
        {"failures": 3, "probes": 2},
        {"failures": 1},
        {"failures": 6, "window": 20},
        {"failures": 6, "window": 20, "probes": 3},
    ],
)
@pytest.mark.parametrize("fails", [0.2, 0.5, 0.9])
def test_the_share_let_through_is_that_of_a_simulation(options, fails: float) -> None:
    breaker = qm.circuit_breaker(APP, wait=10.0, **options)
    assert isinstance(breaker, Breaker)
    found = float(breaker.passes(fails, 2.0))
    # An opening begins at a failed call and ends at the first call after it.
    assert found == pytest.approx(passed(breaker, fails, 2.0), rel=0.04)


def test_the_ends_of_what_fails() -> None:
    breaker = qm.circuit_breaker(APP, wait=10.0, failures=5, clients=4)
    shares = breaker.passes(np.array([0.0, 1e-100, 1e-6, 1.0]), 8.0)
    assert shares[:3] == pytest.approx(1.0, abs=1e-12)
    assert shares[3] == pytest.approx(1 / (1 + 2.0 * 10.0))  # only the probes


def test_around_what_cannot_fail_nothing_changes() -> None:
    plain, guarded = qm.call("app", qm.MMc(1.0, 8)), qm.Pipeline(qm.call("app", qm.MMc(1.0, 8)))
    breaker = qm.Pipeline(qm.circuit_breaker(plain, wait=10.0))
    assert breaker.max_rate == guarded.max_rate
    assert breaker.solve(6.0).latency.mean == guarded.solve(6.0).latency.mean
    assert breaker.solve(6.0).accepted == 1


@pytest.mark.thorough
def test_a_breaker_makes_a_collapse_bearable() -> None:
    without = qm.Pipeline(qm.retry(APP, attempts=3, pause=1.0))
    found = []
    for clients in (1, 20):
        inside = qm.circuit_breaker(APP, wait=30.0, clients=clients)
        p = qm.Pipeline(qm.retry(inside, attempts=3, pause=1.0))
        states = p.solve(6.0).equilibria
        assert float(states["healthy"].goodput) == pytest.approx(6.0, rel=1e-5)
        found.append(float(list(states.values())[-1].goodput))
        assert float(p.hidden_capacity) > float(without.hidden_capacity)
    assert float(without.solve(6.0).equilibria["collapsed"].goodput) == 0.0
    assert found[0] == pytest.approx(6.0, rel=1e-5)  # one breaker for all opens soon enough
    assert 1.0 < found[1] < 4.0


def test_around_the_retries_and_inside_them() -> None:
    """Both are solved; a balance of flows holds in every state."""
    inner = qm.retry(qm.circuit_breaker(APP, wait=30.0, clients=20), attempts=3)
    outer = qm.circuit_breaker(qm.retry(APP, attempts=3), wait=30.0, clients=20)
    for step in (inner, outer):
        for state in qm.Pipeline(step).solve(6.0).equilibria.values():
            x = float(state.visits["app"]) * 6.0
            late = float(qm.MMc(1.0, 8).solve(x).response.tail(5.0))
            assert float(state.goodput) == pytest.approx(x * (1 - late), rel=1e-6)
            total = float(state.accepted + state.rejected + state.abandoned)
            assert total == pytest.approx(1.0, rel=1e-9)


def test_scenarios_at_once() -> None:
    step = qm.retry(qm.circuit_breaker(APP, wait=30.0, clients=20, name="guard"), attempts=3)
    p = qm.Pipeline(step)
    waits = np.array([10.0, 30.0, 90.0])
    table = p.replace({"guard.wait": waits}).solve(6.0).equilibria["collapsed"].goodput
    for wait, goodput in zip(waits, table, strict=True):
        one = p.replace({"guard.wait": wait}).solve(6.0)
        assert float(one.equilibria["collapsed"].goodput) == pytest.approx(goodput, rel=1e-9)
    assert (np.diff(table) > 0).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"wait": 0.0}, "wait must be a number > 0"),
        ({"wait": 1.0, "failures": 0}, "failures must be a whole number >= 1"),
        ({"wait": 1.0, "failures": 5, "window": 4}, "window must be at least the failures"),
        ({"wait": 1.0, "probes": 0}, "probes must be a whole number >= 1"),
        ({"wait": 1.0, "clients": 0.5}, "clients must be a number >= 1"),
    ],
)
def test_impossible_breakers(options, says) -> None:
    with pytest.raises(qm.DomainError, match=says):
        qm.circuit_breaker(APP, **options)


ROOM = qm.call("room", qm.MMcK(0.1, servers=4, capacity=8))
AROUND_ROOM = {
    "breaker": qm.circuit_breaker(ROOM, wait=2.0),
    "many at once": qm.circuit_breaker(ROOM, wait=30.0),
    "retried": qm.retry(qm.circuit_breaker(ROOM, wait=2.0), attempts=3),
    "retried inside": qm.circuit_breaker(qm.retry(ROOM, attempts=3), wait=2.0),
    "retried twice": qm.retry(
        qm.retry(qm.circuit_breaker(ROOM, wait=2.0), attempts=2), attempts=3
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("form", AROUND_ROOM)
def test_what_a_full_station_serves_behind_a_breaker_is_what_comes_out(form: str) -> None:
    """Passes oscillated: 38.8/s were served, and 23.3/s came out."""
    rates = np.array([1e-3, 60.0, 300.0])
    result = qm.Pipeline(AROUND_ROOM[form]).solve(rates)
    room = result.stations["room"]
    assert np.all(result.converged)
    assert rates * result.accepted == pytest.approx(room.arrival_rate * room.accepted, rel=1e-9)
    for rate, goodput in zip(rates, result.goodput, strict=True):
        assert qm.Pipeline(AROUND_ROOM[form]).solve(rate).goodput == pytest.approx(goodput)


def test_a_limit_behind_a_breaker_turns_away_some_of_what_is_let_through() -> None:
    quota = qm.limit("quota", 20.0)
    guarded = qm.circuit_breaker(quota, wait=3.0)
    result = qm.Pipeline(qm.series(guarded, ROOM)).solve(60.0)
    come = 60.0 * float(result.solved.flows.inflow[quota.key])
    through = 20.0 / (20.0 + come)  # of a bucket of one token
    assert float(result.solved.settled[quota.key]) == pytest.approx(through, rel=1e-9)
    assert come == pytest.approx(60.0 * float(guarded.passes(1 - through, 60.0)), rel=1e-9)


@pytest.mark.thorough
@pytest.mark.parametrize("form", ["breaker", "retried", "retried inside"])
def test_over_time_too(form: str) -> None:
    site = qm.Pipeline(AROUND_ROOM[form])
    over = site.over_time(qm.Profile([0.0, 10.0], [60.0, 60.0]), times=[0.0, 10.0])
    room, steady = over.stations["room"], site.solve(60.0)
    assert over.goodput[-1] == pytest.approx(room.throughput[-1], rel=5e-3)
    assert over.goodput[-1] == pytest.approx(float(steady.goodput), rel=5e-3)


def test_a_breaker_takes_no_symbols() -> None:
    rate = sp.Symbol("lambda", positive=True)
    with pytest.raises(qm.ModelError, match="has no symbolic form: put numbers in"):
        _ = qm.Pipeline(AROUND_ROOM["breaker"]).solve(rate).goodput
