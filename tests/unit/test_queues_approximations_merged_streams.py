"""What several servers of constant work let through together, and the wait behind them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing import RandomSplit
from qmodel.queues.approximations.merged_streams import Sources, mean_wait


def _branch(first: Any, number: int) -> qm.Step:
    return qm.branch(*((1 / number, qm.call(f"s{i}", first)) for i in range(number)))


def _behind(step: qm.Step, station: qm.Station, rate: Any = 1.0) -> qm.StationResult:
    path = qm.series(step, qm.call("then", station))
    return qm.Pipeline(path).solve(rate).stations["then"]


# Number of servers, their load, the load behind them, and the mean wait there, of 3 million
# requests by Lindley's recursion, with standard errors of 0.1 to 0.3 %.
EXACT = [
    (2, 0.93, 0.77, 0.14882), (3, 0.66, 0.58, 0.13377), (4, 0.82, 0.65, 0.21877),
    (12, 0.78, 0.78, 0.66192), (16, 0.62, 0.60, 0.33351), (32, 0.88, 0.52, 0.24685),
]  # fmt: skip


@pytest.mark.parametrize(("number", "load", "then", "wait"), EXACT)
def test_constant_work_no_longer_than_all_come(
    number: int, load: float, then: float, wait: float
) -> None:
    sources = Sources(number, load, number * load, 0.0)
    assert float(mean_wait(sources, then)) == pytest.approx(wait, rel=0.01)
    found = _behind(_branch(qm.MDc(number * load), number), qm.MDc(then))
    assert float(found.waiting_time) == pytest.approx(
        float(mean_wait(sources, then)), rel=0.015
    )
    # Who comes from the same server is never met: one of `number` less waits.
    waits = 1 - float(found.wait.atom)
    assert waits == pytest.approx(then * (1 - 1 / number), rel=0.02)


def test_the_longest_of_two_waits_is_a_service() -> None:
    """Simulated, with standard errors of 0.1 %; p99 was 61 % high without an end."""
    wait = _behind(_branch(qm.MDc(1.26), 2), qm.MDc(0.63)).wait
    assert wait.quantile(np.array([0.95, 0.99])) == pytest.approx([0.530, 0.610], rel=0.01)
    assert float(wait.tail(0.64)) < 1e-9


def test_each_of_two_meets_the_other_alone() -> None:
    r"""With the chance :math:`\lambda s / 2`, for half a service on the mean."""
    loads, services = np.array([0.3, 0.5, 0.8]), np.array([0.1, 0.5, 0.8])
    found = mean_wait(Sources(2, loads, 2 * loads, 0.0), services)
    assert found == pytest.approx(services**2 / 4, rel=1e-12)


@pytest.mark.parametrize(("share", "then"), [(0.8, 0.6), (0.5, 0.45), (0.3, 0.27)])
def test_nobody_waits_behind_a_part_of_slower_constant_work(share: float, then: float) -> None:
    first, last = qm.call("a", qm.MDc(0.9)), qm.call("then", qm.MDc(then / share))
    path = qm.series(first, qm.branch((share, last), (1 - share, qm.nothing())))
    found = qm.Pipeline(path).solve(1.0).stations["then"]
    assert float(found.waiting_time) < 1e-6
    slower = qm.call("then", qm.MDc(0.91))
    path = qm.series(first, qm.branch((share, slower), (1 - share, qm.nothing())))
    assert float(qm.Pipeline(path).solve(1.0).stations["then"].waiting_time) > 1e-3


def test_a_mix_with_a_poisson_stream_waits() -> None:
    """Half of the requests have not been at the first station."""
    some = qm.branch((0.5, qm.call("a", qm.MDc(1.8))), (0.5, qm.nothing()))
    found = _behind(some, qm.MDc(0.8))
    assert 0.5 < float(found.waiting_time) < 1.6


def test_a_part_of_what_several_let_through() -> None:
    """Each of two meets the other alone, which comes half as often."""
    both = _branch(qm.MDc(1.6), 2)
    path = qm.series(both, qm.branch((0.5, qm.call("then", qm.MDc(0.7))), (0.5, qm.nothing())))
    found = qm.Pipeline(path).solve(1.0).stations["then"]
    assert float(found.waiting_time) == pytest.approx(0.7**2 / 8, rel=0.015)


def test_each_meets_a_part_of_the_other_as_much_less() -> None:
    found = mean_wait(Sources(2, 0.8, 1.6, 0.0, share=np.array([0.25, 0.5])), 0.7)
    assert found == pytest.approx(0.7**2 / 4 * np.array([0.25, 0.5]))


def test_who_comes_from_the_same_server_alone_is_never_met() -> None:
    """At no load either."""
    early = Sources(1, np.array([0.0, 0.5]), 1.0, 0.0).early(np.array([0.0, 0.5]), 0.0)
    assert (early == 0).all()


def test_very_many_are_a_poisson_stream() -> None:
    found = mean_wait(Sources(400, 0.8, 320.0, 0.0), 0.5)
    assert float(found) == pytest.approx(0.25, rel=0.01)


# What comes may be more than is served for a while.
SPLIT = [
    (("c", 0.8), ("c", 0.9), 3, 1.8558), (("c", 0.8), ("c", 0.9), 8, 1.5369),
    (("c", 0.58), ("c", 0.75), 4, 0.5562), (("c", 0.6), ("c", 0.66), 4, 0.2647),
    (("c", 0.75), ("g", 0.76), 12, 0.8438), (("g", 0.85), ("c", 0.86), 4, 1.198),
    (("c", 0.8), ("e", 0.8), 3, 2.1925), (("c", 0.46), ("c", 0.77), 12, 0.8523),
]  # fmt: skip


def _station(kind: str, mean: float) -> qm.Station:
    if kind == "c":
        return qm.MDc(mean)
    return qm.MMc(mean) if kind == "e" else qm.MG1(qm.Gamma(mean, 0.25))


@pytest.mark.parametrize(("first", "then", "number", "wait"), SPLIT)
def test_splits_at_random_against_simulation(
    first: tuple[str, float], then: tuple[str, float], number: int, wait: float
) -> None:
    """Standard errors of 0.3 to 1 %; some were 39 % high, with constant work before 28 %."""
    before = _station(first[0], number * first[1])
    for step in (_branch(before, number), qm.call("pool", RandomSplit(before, number))):
        found = _behind(step, _station(*then))
        assert float(found.waiting_time) == pytest.approx(wait, rel=0.065)


def test_over_longer_times_several_servers_count_less() -> None:
    """At three times what a station sees of a server, by half of 0.3; of one, as it is."""
    time = 3 * 2.1 * 0.8 / (1 - 0.4)
    for index, scv in ((1.0, 0.0), (0.4, 0.6)):
        four, one = (Sources(n, 0.4, 0.8, 0.0) for n in (4, 1))
        assert four.counts(index, time, scv) == pytest.approx(0.85)
        assert one.counts(index, time, scv) == 1


def test_cells() -> None:
    rates = np.array([0.0, np.nan, 0.4, 0.9, 1.3])
    pool = qm.call("pool", RandomSplit(qm.MDc(3.0), 4))
    station = qm.MDc([[0.7], [0.75], [0.9]])
    found = _behind(pool, station, rates).waiting_time
    assert found.shape == (3, 5)
    assert (found[:, 0] == 0).all()
    assert np.isnan(found[:, 1]).all()
    assert np.isinf(found[2, 4])
    for i, service in enumerate((0.7, 0.75, 0.9)):
        for j in (2, 3):
            one = _behind(pool, qm.MDc(service), float(rates[j])).waiting_time
            assert found[i, j] == pytest.approx(float(one), rel=1e-6)


def test_a_split_that_is_not_even_is_no_such_stream() -> None:
    """Nor are stations that differ, or a part of the stream that went elsewhere."""
    slow, fast = qm.call("slow", qm.MDc(1.6)), qm.call("fast", qm.MDc(1.0))
    uneven = qm.branch((0.6, qm.call("a", qm.MDc(1.2))), (0.4, qm.call("b", qm.MDc(1.2))))
    for step in (uneven, qm.branch((0.5, slow), (0.5, fast))):
        wait = float(_behind(step, qm.MDc(0.6)).waiting_time)
        assert 0.09 < wait < 0.45  # Between those of two equal ones, and of a Poisson stream.


@pytest.mark.parametrize("work", [qm.Deterministic(0.1), qm.Gamma(0.1, 0.3)], ids=str)
def test_shares_and_servers_in_arrays_are_their_cells(work: qm.Distribution) -> None:
    """Only where parts are equal, and leave one server each, is more known of them."""

    def latency(share: Any, servers: Any) -> qm.Distribution:
        parts = [qm.call(name, qm.MGc(work, servers)) for name in ("one", "other")]
        split = qm.branch((share, parts[0]), (1 - share, parts[1]))
        path = qm.series(split, qm.call("then", qm.MDc(0.05)))
        return qm.Pipeline(path).solve(12.0).latency

    p = np.array([[0.5], [0.99]])
    for shares, servers in (([0.5, 0.3, 0.5], [1, 1, 1]), ([0.5, 0.5, 0.5], [1, 2, 1])):
        found = latency(np.array(shares), np.array(servers))
        for i, (share, c) in enumerate(zip(shares, servers, strict=True)):
            alone = latency(share, c)
            assert float(alone.mean) == pytest.approx(found.mean[i], rel=1e-6)
            wanted = alone.quantile(p[:, 0])
            np.testing.assert_allclose(found.quantile(p)[:, i], wanted, rtol=1e-4)
