"""Pools with service of phase type inside: against chains and queues that say it otherwise."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.networks import HeldPool
from qmodel.networks.held.closed import Part, chosen, full_pool, matched
from qmodel.networks.held.ladders import ladder, of_delay

UNEVEN = qm.HyperExponential((0.9, 0.1), (0.05, 0.6))
EVEN = qm.distributions.Erlang(0.1, phases=2)
SKIPS = PhaseType([0.7, 0.3], [[-9.0, 2.0], [1.0, -4.0]])


def after(state: tuple[Any, ...], stations: list[tuple[Any, int]], permits: int) -> Iterator:
    """Yield what follows a state: outside, and by station who waits and the phases begun."""
    outside, inside = state[0], [list(map(list, s)) for s in state[1:]]

    def put(at: list, k: int, outside: int) -> Iterator:
        """Yield the ways in which one more comes to station k; beyond the last it is gone."""
        if k == len(stations):
            if outside:
                yield from put(at, 0, outside - 1)
            else:
                yield 1.0, (outside, *(tuple(map(tuple, s)) for s in at))
            return
        phases, servers = stations[k]
        if sum(at[k][1]) == servers:
            yield from [(1.0, grown(at, k, 0, 0, 1, outside))]
            return
        for b, p in enumerate(phases.initial):
            if p:
                yield p, grown(at, k, 1, b, 1, outside)

    def grown(at: list, k: int, what: int, b: int, by: int, outside: int) -> tuple:
        new = [[list(x) for x in s] for s in at]
        new[k][what][b] += by
        return (outside, *(tuple(map(tuple, s)) for s in new))

    for k, (phases, _) in enumerate(stations):
        for a, busy in enumerate(inside[k][1]):
            if not busy:
                continue
            for b, rate in enumerate(phases.generator[a]):
                if b != a and rate:
                    there = [[list(x) for x in s] for s in inside]
                    there[k][1][a] -= 1
                    there[k][1][b] += 1
                    yield busy * rate, (outside, *(tuple(map(tuple, s)) for s in there)), 0
            there = [[list(x) for x in s] for s in inside]
            there[k][1][a] -= 1
            begun = [(1.0, there)]
            if there[k][0][0]:
                there[k][0][0] -= 1
                begun = [
                    (p, [list(map(list, s)) for s in grown(there, k, 1, b, 1, 0)[1:]])
                    for b, p in enumerate(phases.initial)
                ]
            for p, at in begun:
                for q, found in put(at, k + 1, outside):
                    yield busy * phases.ends[a] * p * q, found, 0


def whole_chain(
    permits: int, stations: list[tuple[Any, int]], rate: float, levels: int
) -> tuple[float, float, list[float]]:
    """Return who waits, the wait for a permit, and times at stations, by one linear system."""
    empty = (0, *(((0,), (0,) * p.initial.size) for p, _ in stations))
    index, todo, moves = {empty: 0}, deque([empty]), []
    while todo:
        state = todo.popleft()
        held = sum(w[0] + sum(b) for w, b in state[1:])
        found = list(after(state, stations, permits))
        if held == permits and state[0] < levels:
            found.append((rate, (state[0] + 1, *state[1:]), 1))
        elif held < permits:
            waiting, busy = state[1]
            phases, servers = stations[0]
            if sum(busy) == servers:
                found.append((rate, (0, ((waiting[0] + 1,), busy), *state[2:]), 1))
            else:
                for b, p in enumerate(phases.initial):
                    begun = tuple(n + (i == b) for i, n in enumerate(busy))
                    found.append((rate * p, (0, (waiting, begun), *state[2:]), 1))
        for value, to, _ in found:
            if to not in index:
                index[to] = len(index)
                todo.append(to)
            moves.append((index[state], index[to], value))
    flow = np.zeros((len(index), len(index)))
    for i, j, value in moves:
        flow[i, j] += value
    flow -= np.diag(flow.sum(axis=1))
    flow[:, 0] = 1.0
    steady = np.linalg.solve(flow.T, np.eye(len(index))[0])
    states = list(index)
    held = np.array([[w[0] + sum(b) for w, b in s[1:]] for s in states])
    outside = np.array([s[0] for s in states])
    full = steady[held.sum(axis=1) == permits].sum()
    return full, steady @ outside / rate, list(steady @ held / rate)


def of(service: Any, servers: float) -> qm.Station:
    return qm.Delay(service) if servers == np.inf else qm.MGc(service, servers=servers)


@pytest.mark.parametrize(
    ("permits", "stations", "rate"),
    [(2, [(UNEVEN, np.inf), (EVEN, 1)], 4.0), (3, [(SKIPS, 2), (UNEVEN, 1)], 3.0),
     (3, [(EVEN, 1), (qm.Exponential(0.2), 2), (UNEVEN, 2)], 3.5)],
)  # fmt: skip
def test_against_the_whole_chain(
    permits: int, stations: list[tuple[Any, float]], rate: float
) -> None:
    known = [(phases_of(s), min(c, permits)) for s, c in stations]
    full, wait, times = whole_chain(permits, known, rate, 60)
    r = HeldPool(permits, {f"s{k}": of(*s) for k, s in enumerate(stations)}).solve(rate)
    assert 1 - r.wait.atom == pytest.approx(full, rel=1e-7)
    assert r.waiting_time == pytest.approx(wait, rel=1e-6)
    assert [s.response_time for s in r.stations.values()] == pytest.approx(times, rel=1e-7)
    assert r.response.mean == pytest.approx(r.response_time, rel=1e-9)
    assert r.basis["response_time"] == "exact"
    assert r.basis["response"] == "approximate"


def test_one_permit_is_a_server_for_all_that_is_done() -> None:
    inside = {"work": qm.Delay(UNEVEN), "db": qm.MGc(EVEN, servers=2)}
    rate = np.array([0.0, 1.0, 4.0, 4.6, 7.0])
    alone = qm.distributions.Sum((UNEVEN, EVEN))
    r, twin = HeldPool(1, inside).solve(rate), qm.MG1(alone).solve(rate)
    assert r.waiting_time == pytest.approx(twin.waiting_time, rel=1e-9, abs=1e-9)
    # Service of other kinds has its first two moments, and that is what the mean rests on.
    service = qm.LogNormal(0.2, scv=3.0)
    r, twin = HeldPool(1, {"db": of(service, 1)}).solve(rate), qm.MG1(service).solve(rate)
    assert r.waiting_time == pytest.approx(twin.waiting_time, rel=1e-2, abs=1e-9)


def test_a_pool_that_limits_nobody() -> None:
    rate = np.array([2.0, 10.0, 15.0])
    r = HeldPool(40, {"db": qm.MGc(UNEVEN, servers=2)}).solve(rate)
    twin = qm.MGc(UNEVEN, servers=2).solve(rate)
    assert r.response_time == pytest.approx(twin.response_time, rel=1e-6)
    assert float(HeldPool(40, {"db": qm.MGc(UNEVEN, servers=2)}).max_rate) == pytest.approx(
        2 / UNEVEN.mean, rel=1e-9
    )


def test_phases_with_one_rate_are_exponential() -> None:
    rate = np.array([20.0, 200.0, 320.0, np.nan, 400.0])
    same = qm.HyperExponential((0.3, 0.7), (0.012, 0.012))
    pools = [
        HeldPool(10, {"work": qm.Delay(qm.Exponential(0.02)), "db": of(service, 4)})
        for service in (same, qm.Exponential(0.012))
    ]
    alike, plain = (pool.solve(rate) for pool in pools)
    assert alike.response_time == pytest.approx(plain.response_time, rel=1e-9, nan_ok=True)
    late = [r.response.quantile(0.99) for r in (alike, plain)]
    assert late[0] == pytest.approx(late[1], rel=1e-9, nan_ok=True)


def part(service: Any, servers: float = 1.0, delay: bool = False) -> Part:
    steps = (of_delay if delay else ladder)(service)
    assert steps is not None
    return Part(1.0, float(service.mean), servers, None, steps)


def test_unevenness_of_a_full_pool() -> None:
    """One queue alone completes as a renewal process: its index is the SCV."""
    for service in (UNEVEN, EVEN, qm.Exponential(0.3)):
        found = full_pool(5, (part(service),), (len(part(service).ladder.steps) - 1,))
        assert np.exp(found.throughput) == pytest.approx(1 / service.mean, rel=1e-12)
        assert np.expm1(found.uneven) == pytest.approx(float(service.scv), rel=1e-9)


STATIONS = st.lists(
    st.tuples(
        st.floats(1e-4, 10.0),
        st.sampled_from([1, 2, 5, 40]),
        st.sampled_from([0.05, 0.5, 1.0, 4.0, 30.0]),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.thorough
@given(STATIONS, st.integers(1, 60))
def test_a_full_pool_is_as_fast_as_its_slowest_station_at_most(
    some: list[tuple[float, int, float]], permits: int
) -> None:
    """However rarely all of its holders are at another one."""
    inside = {str(i): qm.MGc(qm.Gamma(s, scv), c) for i, (s, c, scv) in enumerate(some)}
    found = float(HeldPool(permits, inside).max_rate)
    most = min(c / s for s, c, _ in some)
    # As fast as if holders never met, and no slower than one at a time.
    alone = 1 / sum(s for s, _, _ in some)
    assert alone * (1 - 1e-9) <= found <= min(most, permits * alone) * (1 + 1e-9)


def test_a_station_that_is_hardly_ever_full() -> None:
    """Next to two servers that are always busy, while 22 more holders are there."""
    inside = {"a": qm.MGc(qm.Gamma(0.9385, 4.0), 2), "b": qm.MGc(qm.Gamma(0.33, 4.0), 5)}
    assert HeldPool(23, inside).max_rate == pytest.approx(2 / 0.9385, rel=1e-5)


def test_more_phases_than_any_chain_has_are_extrapolated() -> None:
    """As Erlang service of 12 phases, written out: one queue beside a delay."""
    service = qm.distributions.Erlang(0.004, phases=12)
    steps, full = ladder(service), phases_of(service)
    assert steps is not None
    assert full is not None
    assert max(step.initial.size for step in steps.steps) == 4
    unit = PhaseType(full.initial, full.generator * 0.004)
    delay = part(qm.Exponential(0.020), np.inf, delay=True)
    found = matched(6, (delay, Part(1.0, 0.004, 1.0, None, steps)))
    known = (delay, Part(1.0, 0.004, 1.0, None, steps._replace(steps=(unit,))))
    assert found == pytest.approx(full_pool(6, known, (0, 0)), abs=2e-3)


def test_the_busiest_station_has_its_phases_first() -> None:
    parts = (
        part(qm.LogNormal(0.02, scv=4.0), np.inf, delay=True),
        part(qm.LogNormal(0.001, scv=4.0), 4.0),
        part(qm.LogNormal(0.004, scv=4.0)),
    )
    assert chosen(16, parts, 1_000_000) == (1, 2, 2)
    few = chosen(12, parts, 200)
    assert few is not None
    assert few[2] >= max(few[:2])
    assert chosen(16, parts, 100) is None
