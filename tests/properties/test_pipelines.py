"""Distributions that every pipeline keeps, on random trees of steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm

# A tree is drawn as plain data first, so that the same tree can be built with other
# stations, other units and other orders: ("call", i), ("series", [..]), ("branch", [(p, ..)]),
# ("repeat", n, ..), ("cached", h, lookup, miss), ("parallel", [delays]).

NAMES = ("a", "b", "c", "d", "e")
TIMES = {"a": 0.010, "b": 0.004, "c": 0.025, "d": 0.002, "e": 0.05}
SERVERS = {"a": 1, "b": 2, "c": 6, "d": 1, "e": None}  # e is a delay
calls = st.tuples(st.just("call"), st.sampled_from(NAMES))


def weights(n: int) -> Any:
    return st.lists(st.integers(1, 9), min_size=n, max_size=n).map(
        lambda w: [x / sum(w) for x in w]
    )


def choices(inner: Any) -> Any:
    return st.integers(1, 3).flatmap(
        lambda n: st.tuples(
            st.just("branch"), weights(n), st.lists(inner, min_size=n, max_size=n)
        )
    )


def deeper(inner: Any) -> Any:
    return st.one_of(
        st.tuples(st.just("series"), st.lists(inner, min_size=0, max_size=3)),
        choices(inner),
        st.tuples(st.just("repeat"), st.integers(0, 3), inner),
        st.tuples(st.just("cached"), st.sampled_from([0.0, 0.3, 0.9, 1.0]), inner, inner),
        st.tuples(st.just("retry"), st.sampled_from([0.0, 0.1, 0.5]), st.integers(1, 3), inner),
    )


trees = st.recursive(calls | st.just(("nothing",)), deeper, max_leaves=6)
loads = st.floats(0.05, 0.9)


def stations(scale: Any = 1.0) -> dict[str, qm.Station]:
    return {
        name: qm.Delay(qm.Exponential(TIMES[name] * scale))
        if SERVERS[name] is None
        else qm.MMc(TIMES[name] * scale, SERVERS[name])
        for name in NAMES
    }


def build(tree: Any, here: dict[str, qm.Station]) -> qm.Step:
    kind, *rest = tree
    if kind == "call":
        return qm.call(rest[0], here[rest[0]])
    if kind == "nothing":
        return qm.nothing()
    if kind == "series":
        return qm.series(*(build(t, here) for t in rest[0]))
    if kind == "branch":
        return qm.branch(*((p, build(t, here)) for p, t in zip(*rest, strict=True)))
    if kind == "repeat":
        return qm.repeat(rest[0], build(rest[1], here))
    if kind == "cached":
        ratio, lookup, miss = rest[0], build(rest[1], here), build(rest[2], here)
        return qm.cached(ratio, lookup=lookup, miss=miss, name=f"cache {100 * ratio:.0f}")
    assert kind == "retry"
    return qm.retry(build(rest[2], here), failure=rest[0], attempts=rest[1])


def counted(tree: Any, share: float, total: dict[str, float]) -> dict[str, float]:
    """Count the visits of a tree, by hand."""
    kind, *rest = tree
    if kind == "call":
        total[rest[0]] = total.get(rest[0], 0.0) + share
    elif kind == "series":
        for inner in rest[0]:
            counted(inner, share, total)
    elif kind == "branch":
        for p, inner in zip(*rest, strict=True):
            counted(inner, share * p, total)
    elif kind == "repeat":
        counted(rest[1], share * rest[0], total)
    elif kind == "cached":
        counted(rest[1], share, total)
        counted(rest[2], share * (1 - rest[0]), total)
    elif kind == "retry":
        counted(rest[2], share * sum(rest[0] ** k for k in range(rest[1])), total)
    return total


def rate_of(pipeline: qm.Pipeline, load: float) -> float:
    limit = float(pipeline.max_rate)
    return load * (limit if np.isfinite(limit) else 100.0)


@given(trees)
def test_visits_by_hand(tree: Any) -> None:
    pipeline = qm.Pipeline(build(tree, stations()))
    expected = counted(tree, 1.0, {})
    assert set(pipeline.visits) == set(expected)
    for name, visits in expected.items():
        assert pipeline.visits[name] == pytest.approx(visits, rel=1e-12, abs=1e-15)


@given(trees, loads)
def test_flow_and_capacity(tree: Any, load: float) -> None:
    here = stations()
    pipeline = qm.Pipeline(build(tree, here))
    limits = [
        here[name].max_rate / visits if visits else np.inf
        for name, visits in counted(tree, 1.0, {}).items()
    ]
    assert float(pipeline.max_rate) == pytest.approx(min(limits, default=np.inf), rel=1e-12)
    rate = rate_of(pipeline, load)
    r = pipeline.solve(rate)
    for name, station in r.stations.items():
        assert station.arrival_rate == pytest.approx(
            rate * r.visits[name], rel=1e-12, abs=1e-300
        )
    if r.bottleneck:
        assert r.stations[r.bottleneck].utilization == pytest.approx(load, rel=1e-9)
    else:
        assert np.isinf(r.max_rate)


@given(trees, loads)
def test_mean_is_the_sum_of_the_times_at_the_stations(tree: Any, load: float) -> None:
    pipeline = qm.Pipeline(build(tree, stations()))
    r = pipeline.solve(rate_of(pipeline, load))
    total = sum(r.visits[n] * s.response_time for n, s in r.stations.items() if r.visits[n])
    assert float(r.latency.mean) == pytest.approx(float(total), rel=1e-9, abs=1e-15)
    if len(r.stations):
        frame = r.to_frame()
        assert frame["time_per_request"].sum() == pytest.approx(
            float(total), rel=1e-12, abs=1e-15
        )


@given(trees, loads)
def test_littles_distribution_of_the_whole(tree: Any, load: float) -> None:
    pipeline = qm.Pipeline(build(tree, stations()))
    rate = rate_of(pipeline, load)
    r = pipeline.solve(rate)
    present = sum(float(s.number_in_system) for s in r.stations.values())
    assert present == pytest.approx(rate * float(r.latency.mean), rel=1e-9, abs=1e-12)


@given(trees, loads, st.sampled_from([1e3, 1 / 60]))
def test_another_unit_of_time(tree: Any, load: float, unit: float) -> None:
    here, there = (qm.Pipeline(build(tree, stations(s))) for s in (1.0, unit))
    rate = rate_of(here, load)
    a, b = here.solve(rate), there.solve(rate / unit)
    assert float(b.latency.mean) == pytest.approx(float(a.latency.mean) * unit, rel=1e-9)
    assert float(b.max_rate) * unit == pytest.approx(float(a.max_rate), rel=1e-12)
    p90 = float(a.latency.quantile(0.9)) * unit
    assert float(b.latency.quantile(0.9)) == pytest.approx(p90, rel=1e-6, abs=1e-12 * unit)
    assert a.bottleneck == b.bottleneck
    assert str(a.basis) == str(b.basis)


@given(trees, st.lists(loads, min_size=1, max_size=3))
def test_an_array_is_its_cells(tree: Any, some: list[float]) -> None:
    scales = np.array([1.0, 1.5])[:, None]
    pipeline = qm.Pipeline(build(tree, stations(scales)))
    rates = np.array([rate_of(qm.Pipeline(build(tree, stations())), load) for load in some]) / 2
    r = pipeline.solve(rates)
    shape = (2, len(some))
    means = np.broadcast_to(r.latency.mean, shape)
    p90 = np.broadcast_to(r.latency.quantile(0.9), shape)
    tails = np.broadcast_to(r.latency.tail(0.02), shape)
    for i, scale in enumerate(scales[:, 0]):
        single = qm.Pipeline(build(tree, stations(float(scale))))
        for j, rate in enumerate(rates):
            cell = single.solve(float(rate)).latency
            assert means[i, j] == pytest.approx(float(cell.mean), rel=1e-9)
            assert p90[i, j] == pytest.approx(float(cell.quantile(0.9)), rel=1e-5, abs=1e-9)
            assert tails[i, j] == pytest.approx(float(cell.tail(0.02)), rel=1e-6, abs=1e-9)


@given(trees, loads)
def test_quantile_inverts_the_tail(tree: Any, load: float) -> None:
    pipeline = qm.Pipeline(build(tree, stations()))
    distribution = pipeline.solve(rate_of(pipeline, load)).latency
    for p in (0.5, 0.9, 0.99):
        t = float(distribution.quantile(p))
        before, after = distribution.tail(t * (1 - 1e-6)), distribution.tail(t * (1 + 1e-6))
        assert after - 1e-9 <= 1 - p <= (before if t else 1) + 1e-9


@given(st.lists(trees, min_size=2, max_size=4), st.randoms(use_true_random=False), loads)
def test_the_order_of_branches_is_nothing(inner: list[Any], random: Any, load: float) -> None:
    shares = [(k + 1) / sum(range(1, len(inner) + 1)) for k in range(len(inner))]
    pairs = list(zip(shares, inner, strict=True))
    shuffled = random.sample(pairs, len(pairs))
    here = stations()
    one, two = (
        qm.Pipeline(qm.branch(*((p, build(t, here)) for p, t in order)))
        for order in (pairs, shuffled)
    )
    rate = rate_of(one, load)
    a, b = one.solve(rate), two.solve(rate)
    assert float(a.latency.mean) == pytest.approx(float(b.latency.mean), rel=1e-12)
    assert float(a.max_rate) == pytest.approx(float(b.max_rate), rel=1e-12)
    # Not 0.9, which may be a sum of shares: there rounding decides on which side of a jump.
    assert float(a.latency.quantile(0.8713)) == pytest.approx(
        float(b.latency.quantile(0.8713)), rel=1e-6, abs=1e-12
    )
    assert dict(a.basis.grounds).keys() == dict(b.basis.grounds).keys()
    assert (a.basis["mean"], a.basis["p99"]) == (b.basis["mean"], b.basis["p99"])


@given(trees, trees, loads)
def test_a_cache_is_a_branch(lookup: Any, miss: Any, load: float) -> None:
    cached = ("cached", 0.3, lookup, miss)
    written = ("series", [lookup, ("branch", [0.7, 0.3], [miss, ("nothing",)])])
    one, two = (qm.Pipeline(build(tree, stations())) for tree in (cached, written))
    rate = rate_of(one, load)
    for p in (0.5, 0.95):
        quantiles = [float(x.solve(rate).latency.quantile(p)) for x in (one, two)]
        assert quantiles[0] == pytest.approx(quantiles[1], rel=1e-6, abs=1e-12)


@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=5))
def test_a_fork_of_delays_waits_for_the_last(means: list[float]) -> None:
    fork = qm.parallel(
        *(qm.call(f"d{i}", qm.Delay(qm.Exponential(m))) for i, m in enumerate(means))
    )
    r = qm.Pipeline(fork).solve(5.0)
    for t in (0.01, 0.3, 2.0):
        expected = 1 - np.prod([1 - np.exp(-t / m) for m in means])
        assert float(r.latency.tail(t)) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert max(means) * (1 - 1e-9) <= float(r.latency.mean) <= sum(means) * (1 + 1e-9)
    assert str(r.basis) == "exact"


@given(st.floats(0.05, 0.9))
def test_a_fork_of_constant_delays_is_the_longest(load: float) -> None:
    fork = qm.parallel(qm.call("x", qm.Delay(0.1)), qm.call("y", qm.Delay(0.3)))
    latency = qm.Pipeline(fork).solve(load).latency
    assert float(latency.mean) == pytest.approx(0.3, rel=1e-12)
    assert float(latency.quantile(0.99)) == pytest.approx(0.3, rel=1e-12)


@pytest.mark.parametrize("ratio", [1.0, np.array([1.0, 0.9])])
def test_a_miss_that_never_happens_counts_nothing(ratio: Any) -> None:
    """Hit ratio 1 before a database that one request would overload."""
    cache, database = qm.call("cache", qm.MMc(0.001)), qm.call("db", qm.MMc(10.0))
    r = qm.Pipeline(qm.cached(ratio, lookup=cache, miss=database)).solve(100.0)
    alone = qm.MMc(0.001).solve(100.0).response
    assert np.ravel(r.latency.mean)[0] == pytest.approx(alone.mean, rel=1e-12)
    assert np.ravel(r.latency.quantile(0.99))[0] == pytest.approx(
        alone.quantile(0.99), rel=1e-6
    )
    assert np.ravel(r.max_rate)[0] == pytest.approx(1000.0)
    if np.ndim(ratio):
        assert np.isposinf(r.latency.mean[1])
        assert np.isposinf(r.latency.quantile(0.99)[1])


def test_a_miss_under_overload_elsewhere() -> None:
    """The database is overloaded by others; the cached path that never reaches it is not."""
    cache, database = qm.call("cache", qm.MMc(0.001)), qm.call("db", qm.MMc(1.0))
    kinds = {
        "cached": (0.5, qm.cached(1.0, lookup=cache, miss=database)),
        "direct": (0.5, database),
    }
    r = qm.Pipeline(kinds).solve(10.0)
    assert np.isfinite(r.kinds["cached"].latency.mean)
    assert np.isposinf(r.kinds["direct"].latency.mean)
    assert np.isposinf(r.latency.mean)
    assert float(r.latency.quantile(0.4)) < 0.01
    assert np.isposinf(r.latency.quantile(0.6))


def test_overload_stays_in_its_cell() -> None:
    web, db = qm.call("web", qm.MMc(0.01)), qm.call("db", qm.MMc(0.02))
    pipeline = qm.Pipeline(qm.series(web, db))
    r = pipeline.solve(np.array([20.0, 50.0, 80.0, np.nan]))
    alone = pipeline.solve(20.0)
    assert r.latency.mean[0] == pytest.approx(float(alone.latency.mean), rel=1e-12)
    assert np.isposinf(r.latency.mean[1:3]).all()
    assert np.isnan(r.latency.mean[3])
    quantiles = r.latency.quantile(0.99)
    assert quantiles[0] == pytest.approx(float(alone.latency.quantile(0.99)), rel=1e-6)
    assert np.isposinf(quantiles[1:3]).all()
    assert np.isnan(quantiles[3])
    assert r.stations["web"].waiting_time[1] == pytest.approx(0.01)


@given(trees, trees, st.floats(0.05, 0.95), loads)
def test_kinds_are_a_branch(one: Any, two: Any, share: float, load: float) -> None:
    here = stations()
    kinds = qm.Pipeline({"x": (share, build(one, here)), "y": (1 - share, build(two, here))})
    branch = qm.Pipeline(qm.branch((share, build(one, here)), (1 - share, build(two, here))))
    rate = rate_of(kinds, load)
    a, b = kinds.solve(rate), branch.solve(rate)
    assert float(a.latency.mean) == pytest.approx(float(b.latency.mean), rel=1e-12)
    mixed = share * a.kinds["x"].latency.mean + (1 - share) * a.kinds["y"].latency.mean
    assert float(a.latency.mean) == pytest.approx(float(mixed), rel=1e-12)
    for p in (0.5, 0.95):
        assert float(a.latency.quantile(p)) == pytest.approx(
            float(b.latency.quantile(p)), rel=1e-6, abs=1e-12
        )
