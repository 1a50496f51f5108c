"""Steps whose share the load decides: modelled caches and hedged requests."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm

CACHE, DB = qm.MMc(0.0002, servers=2), qm.MMc(0.010, servers=4)
PAGES = qm.caches.Zipf(10**5, exponent=0.9)


def store(policy: qm.caches.Cache, popularity: qm.caches.Popularity = PAGES) -> qm.Pipeline:
    lookup, miss = qm.call("cache", CACHE), qm.call("db", DB)
    return qm.Pipeline(qm.cached(policy, popularity=popularity, lookup=lookup, miss=miss))


def plain(hit_ratio: object) -> qm.Pipeline:
    lookup, miss = qm.call("cache", CACHE), qm.call("db", DB)
    return qm.Pipeline(qm.cached(hit_ratio, lookup=lookup, miss=miss))


def test_a_modelled_cache_is_the_same_as_its_hit_ratio() -> None:
    ratio = qm.caches.LRU(5000).solve(PAGES).hit_ratio
    modelled, given = store(qm.caches.LRU(5000)).solve(400.0), plain(ratio).solve(400.0)
    assert modelled.caches["cache"].hit_ratio == ratio
    assert modelled.max_rate == pytest.approx(given.max_rate, rel=1e-13)
    assert modelled.latency.mean == pytest.approx(given.latency.mean, rel=1e-13)
    assert modelled.latency.quantile(0.99) == pytest.approx(given.latency.quantile(0.99))
    assert float(modelled.visits["db"]) == pytest.approx(1 - ratio)


def test_capacities_exponents_and_rates_broadcast() -> None:
    site = store(qm.caches.LRU(1000))
    known = site.parameters()
    assert {"cache.capacity", "cache.exponent", "cache.objects", "cache.service_time"} <= {
        *known
    }
    sizes, rates = np.array([100.0, 1000.0, 10_000.0]), np.array([[100.0], [300.0]])
    table = site.replace({"cache.capacity": sizes}).solve(rates)
    assert table.latency.mean.shape == (2, 3)
    for i, rate in enumerate(rates.ravel()):
        for j, size in enumerate(sizes):
            one = store(qm.caches.LRU(size)).solve(rate)
            assert table.latency.mean[i, j] == pytest.approx(one.latency.mean, rel=1e-12)
    assert (np.diff(table.stations["db"].utilization, axis=1) < 0).all()


def test_a_cache_whose_entries_expire_answers_more_under_load() -> None:
    site = store(qm.caches.TTL(60.0))
    r = site.solve(np.array([0.0, 100.0, 1000.0]))
    hits = r.caches["cache"].hit_ratio
    assert hits[0] == pytest.approx(0.0, abs=1e-12)
    assert (np.diff(hits) > 0).all()
    # At saturation the database is just full, with the hit ratio that this load brings.
    full = site.solve(site.max_rate)
    assert float(full.stations["db"].utilization) == pytest.approx(1.0, rel=1e-9)


def test_what_a_modelled_cache_makes_of_the_labels() -> None:
    r = store(qm.caches.LRU(5000)).solve(400.0)
    assert "characteristic-time" in r.basis.assumptions("max_rate")
    assert "independent-reference" in r.basis.assumptions("p99")
    assert r.stations["db"].basis["waiting_time"] == "approximate"
    assert r.stations["cache"].basis["waiting_time"] == "exact"


def test_a_cache_needs_a_popularity_and_a_popularity_a_cache() -> None:
    lookup, miss = qm.call("cache", CACHE), qm.call("db", DB)
    with pytest.raises(qm.ModelError, match="popularity must be a Popularity, got None"):
        qm.cached(qm.caches.LRU(10), lookup=lookup, miss=miss)
    with pytest.raises(qm.ModelError, match="popularity needs a cache"):
        qm.cached(0.5, popularity=PAGES, lookup=lookup, miss=miss)


def test_the_same_cache_in_two_places_is_one() -> None:
    lookup, miss = qm.call("cache", CACHE), qm.call("db", DB)
    step = qm.cached(qm.caches.TTL(60.0), popularity=PAGES, lookup=lookup, miss=miss)
    twice = qm.Pipeline(qm.series(step, step)).replace({"db.servers": 8})
    once = store(qm.caches.TTL(60.0))
    seen = twice.solve(100.0).caches["cache"].hit_ratio
    assert seen == pytest.approx(once.solve(200.0).caches["cache"].hit_ratio, rel=1e-12)


DELAYED = qm.call("api", qm.Delay(qm.HyperExponential([0.9, 0.1], [0.01, 0.2])))


def test_hedged_delays_are_the_minimum_of_two_times() -> None:
    rng = np.random.default_rng(7)
    distribution = qm.HyperExponential([0.9, 0.1], [0.01, 0.2])
    r = qm.Pipeline(qm.hedge("hedge", DELAYED, delay=0.05)).solve(10.0)
    first, second = (
        rng.exponential(np.where(rng.random(10**6) < 0.9, 0.01, 0.2)) for _ in range(2)
    )
    seen = np.minimum(first, 0.05 + second)
    assert float(r.visits["api"]) == pytest.approx(1 + distribution.tail(0.05), rel=1e-12)
    assert float(r.latency.mean) == pytest.approx(seen.mean(), rel=0.005)
    assert float(r.latency.quantile(0.99)) == pytest.approx(np.quantile(seen, 0.99), rel=0.01)
    assert r.basis["p99"] == "exact"
    assert r.max_rate == np.inf


def test_copies_load_the_station_at_their_fixed_point() -> None:
    call = qm.call("shard", qm.MMc(0.010, servers=8))
    for rate in (100.0, 300.0, 390.0):
        r = qm.Pipeline(qm.hedge("hedge", call, delay=0.02)).solve(rate)
        copies = float(r.visits["shard"]) - 1
        alone = qm.Pipeline(call).solve(rate * (1 + copies))
        assert float(alone.latency.tail(0.02)) == pytest.approx(copies, rel=1e-9)


def test_a_hedge_has_a_healthy_and_a_collapsed_state() -> None:
    """In a backlog all are late: simulated, 8 servers at 70 % end up with copies of all."""
    call = qm.call("shard", qm.MMc(0.010, servers=8))
    pool = qm.Pipeline(qm.hedge("hedge", call, delay=0.03))
    assert float(pool.hidden_capacity) == 400.0
    assert list(pool.solve(399.0).equilibria) == ["healthy"]
    both = pool.solve(560.0)
    assert both.state == "healthy"
    assert bool(both.converged)
    visits = {name: float(state.visits["shard"]) for name, state in both.equilibria.items()}
    assert 1 < visits["healthy"] < visits["threshold"] < visits["collapsed"] == 2.0
    for name in ("healthy", "threshold"):
        copies = visits[name] - 1
        alone = qm.Pipeline(call).solve(560.0 * (1 + copies))
        assert float(alone.latency.tail(0.03)) == pytest.approx(copies, rel=1e-9)
    assert np.isinf(both.equilibria["collapsed"].latency.mean)
    assert "also a collapsed state with a goodput of 400/s" in str(both)
    assert "comes back only below 400/s" in str(both)


def test_a_hedge_saturates_at_its_fold() -> None:
    call = qm.call("shard", qm.MMc(0.010, servers=8))
    pool = qm.Pipeline(qm.hedge("hedge", call, delay=0.03))
    # The load that the attempt rate x leaves for fresh requests is x / (1 + P(T > delay)).
    x = np.linspace(1.0, 799.9, 20_000)
    fold = (x / (1 + call.station.solve(x).response.tail(0.03))).max()
    assert float(pool.max_rate) == pytest.approx(fold, rel=1e-6)
    below, above = pool.solve(0.999 * fold), pool.solve(1.001 * fold)
    assert float(below.stations["shard"].utilization) < 1
    assert above.state == "collapsed"
    assert np.isinf(above.latency.mean)


def test_the_published_example_of_two_states() -> None:
    call = qm.call("shard", qm.MMc(0.01, servers=16))
    r = qm.Pipeline(qm.hedge("hedge", call, delay=0.03)).solve(1200.0)
    visits = [float(r.equilibria[s].visits["shard"]) for s in ("healthy", "collapsed")]
    assert visits == pytest.approx([1.056, 2.0], abs=5e-4)
    many = qm.call("shard", qm.MMc(0.01, servers=64))
    at = qm.Pipeline(qm.hedge("hedge", many, delay=0.03)).solve(0.7 * 6400)
    assert float(at.visits["shard"]) == pytest.approx(1.05, abs=1e-3)
    assert float(at.latency.mean) == pytest.approx(0.00977, rel=2e-3)


def test_two_hedges_have_their_states_too() -> None:
    def one(name: str) -> qm.Step:
        call = qm.call(name, qm.MMc(0.01, servers=16))
        return qm.hedge(f"{name} hedge", call, delay=0.03)

    both = qm.Pipeline(qm.series(one("a"), one("b"))).solve(1200.0)
    alone = qm.Pipeline(one("a")).solve(1200.0)
    assert float(both.visits["b"]) == pytest.approx(float(alone.visits["a"]), rel=1e-9)
    assert bool(both.converged)
    assert np.isinf(both.equilibria["collapsed"].latency.mean)
    assert float(both.max_rate) == pytest.approx(float(alone.max_rate), rel=1e-6)


def test_a_budget_caps_the_copies_and_moves_the_limit() -> None:
    call = qm.call("shard", qm.MMc(0.010, servers=8))
    budgets = np.array([0.0, 0.05, 0.1, 1.0])
    pool = qm.Pipeline(qm.hedge("hedge", call, delay=0.03, budget=budgets))
    assert pool.hidden_capacity == pytest.approx(800.0 / (1 + budgets))
    assert pool.max_rate[:3] == pytest.approx(800.0 / (1 + budgets[:3]))
    r = pool.solve(560.0)
    assert r.visits["shard"][:2] == pytest.approx(1 + budgets[:2])
    assert (r.visits["shard"] <= 1 + budgets).all()
    plain = qm.Pipeline(call).solve(560.0).latency
    assert float(r.latency.mean[0]) == pytest.approx(float(plain.mean), rel=1e-9)
    # The cap of 5 % serves a part of those that are late.
    alone = qm.Pipeline(call).solve(560.0 * 1.05).latency
    served = 0.05 / float(alone.tail(0.03))
    t = 0.05
    expected = alone.tail(t) * (1 - served + served * alone.tail(t - 0.03))
    assert float(r.latency.tail(t)[1]) == pytest.approx(float(expected), rel=1e-9)


def test_a_copy_at_once_doubles_the_load_and_a_late_one_adds_none() -> None:
    call = qm.call("shard", qm.MMc(0.010, servers=8))
    at_once = qm.Pipeline(qm.hedge("hedge", call, delay=0.0)).solve(300.0)
    assert float(at_once.visits["shard"]) == 2.0
    late = qm.Pipeline(qm.hedge("hedge", call, delay=1e3)).solve(300.0)
    plain = qm.Pipeline(call).solve(300.0)
    assert float(late.latency.mean) == pytest.approx(plain.latency.mean, rel=1e-9)
    assert "independent-copies" in late.basis.assumptions("p99")


def test_delays_of_hedges_broadcast() -> None:
    call = qm.call("shard", qm.MMc(0.010, servers=8))
    path = qm.Pipeline(qm.hedge("hedge", call, delay=0.02))
    delays = np.array([0.01, 0.02, 0.05])
    r = path.replace({"hedge.delay": delays}).solve(400.0)
    for delay, mean in zip(delays, r.latency.mean, strict=True):
        one = path.replace({"hedge.delay": delay}).solve(400.0)
        assert float(one.latency.mean) == pytest.approx(mean, rel=1e-9)


def test_impossible_hedges() -> None:
    with pytest.raises(qm.DomainError, match="delay must be a finite number >= 0, got -1"):
        qm.hedge("hedge", DELAYED, delay=-1.0)
    with pytest.raises(qm.ModelError, match="a hedge and a station are both called 'api'"):
        qm.Pipeline(qm.hedge("api", DELAYED, delay=1.0))
