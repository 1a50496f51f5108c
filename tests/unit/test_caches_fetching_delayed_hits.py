"""Delayed hits: paths of one object, closed forms, limits, whole catalogues."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import LRU, TTL, Measured, Zipf
from qmodel.caches.fetching.delayed_hits import FetchedLRU, FetchedTTL, outcome

ONE = Zipf(1)
DISTRIBUTIONS = [qm.Deterministic(0.3), qm.Exponential(0.3), qm.Gamma(0.3, scv=3.0)]


def draw(distribution: Any, rng: Any, n: int) -> Any:
    if isinstance(distribution, qm.Deterministic):
        return np.full(n, float(distribution.mean))
    shape = 1 / float(distribution.scv)
    return rng.gamma(shape, float(distribution.mean) / shape, n)


def path(
    rate: float, life: float, distribution: Any, renewing: bool, seed: int, n: int = 400_000
) -> Any:
    """Return misses, delayed hits and the added times of the requests for one object."""
    rng = np.random.default_rng(seed)
    t = np.cumsum(rng.exponential(1 / rate, n))
    fetch = draw(distribution, rng, n)
    long = np.flatnonzero(np.diff(t) > life)
    added = np.zeros(n)
    misses = delayed = i = 0
    while i < n:
        end = t[i] + fetch[i]
        j = int(np.searchsorted(t, end))
        added[i:j] = end - t[i:j]
        misses, delayed = misses + 1, delayed + j - i - 1
        if not renewing:
            i = int(np.searchsorted(t, end + life))
        elif j < n and t[j] <= end + life:
            # From the first hit on, until a gap is too long.
            k = int(np.searchsorted(long, j))
            i = int(long[k]) + 1 if k < long.size else n
        else:
            i = j
    return misses / n, delayed / n, added


@pytest.mark.parametrize("renewing", [False, True])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
def test_against_a_path(distribution: Any, renewing: bool) -> None:
    rate, life = 3.0, 0.9
    r = FetchedTTL(life, distribution, renewing=renewing).solve(ONE, rate)
    missed, delayed, added = path(rate, life, distribution, renewing, 2)
    # 4e5 requests; the longest fetches weigh most in the mean.
    assert missed == pytest.approx(float(r.miss_ratio), abs=1.5e-3)
    assert delayed == pytest.approx(float(r.delayed_ratio), abs=3e-3)
    assert added.mean() == pytest.approx(float(r.added_latency), rel=0.02)
    for t in (0.05, 0.2, 0.5):
        assert np.mean(added > t) == pytest.approx(float(r.added.tail(t)), abs=3e-3)


@pytest.mark.slow
@pytest.mark.parametrize("renewing", [False, True])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS[:2], ids=repr)
def test_against_a_long_path(distribution: Any, renewing: bool) -> None:
    r = FetchedTTL(0.9, distribution, renewing=renewing).solve(ONE, 3.0)
    runs = [path(3.0, 0.9, distribution, renewing, seed, 3_000_000) for seed in (12, 13, 14)]
    missed, delayed, added = (np.mean([np.mean(run[k]) for run in runs]) for k in range(3))
    # Four standard errors of 9e6 requests, where fetches are exponential.
    assert missed == pytest.approx(float(r.miss_ratio), abs=5e-4)
    assert delayed == pytest.approx(float(r.delayed_ratio), abs=5e-4)
    assert added == pytest.approx(float(r.added_latency), abs=5e-4)


@given(st.floats(0.0, 1e4), st.floats(0.0, 1e3), st.floats(0.0, 1e3), st.booleans())
def test_outcomes_add_up(rate: float, life: float, fetch: float, renewing: bool) -> None:
    o = outcome(rate, life, fetch, renewing=renewing)
    assert o.hit + o.missed + o.delayed == pytest.approx(1.0)
    assert min(o) >= 0
    assert o.delayed == pytest.approx(rate * fetch * o.missed)


@pytest.mark.parametrize("renewing", [False, True])
def test_fetches_in_no_time(renewing: bool) -> None:
    pages, rate = Zipf(10**4, 0.9), 40.0
    cache = FetchedTTL([1.0, 60.0], qm.Deterministic(0.0), renewing=renewing)
    r = cache.solve(pages, rate)
    plain = TTL([1.0, 60.0], renewing=renewing).solve(pages, rate)
    np.testing.assert_allclose(r.hit_ratio, plain.hit_ratio, rtol=1e-12)
    np.testing.assert_allclose(r.fetch_rate, plain.miss_rate, rtol=1e-12)
    np.testing.assert_array_equal(r.added_latency, 0.0)


def test_the_second_moment_counts() -> None:
    rate, life, mean = 200.0, 5.0, 0.1

    def delay(distribution: Any) -> float:
        return float(FetchedTTL(life, distribution).solve(ONE, rate).added_latency)

    cycle = 1 + rate * (life + mean)
    assert delay(qm.Deterministic(mean)) == pytest.approx((mean + rate * mean**2 / 2) / cycle)
    assert delay(qm.Exponential(mean)) == pytest.approx((mean + rate * mean**2) / cycle)


def test_lru_at_slow_rates_is_lru() -> None:
    pages, sizes = Zipf(10**4, 0.9), np.array([0.0, 100.0, 1000.0, 10**4])
    r = FetchedLRU(sizes, qm.Exponential(0.1)).solve(pages, 1e-6)
    np.testing.assert_allclose(r.hit_ratio, LRU(sizes).solve(pages).hit_ratio, atol=1e-6)


def test_lru_holds_what_fits() -> None:
    pages, rate, size = Zipf(10**4, 0.9, size=3.0), 1000.0, 2500.0
    cache = FetchedLRU(size, qm.Exponential(0.1))
    time, fetch = cache._cases(pages, rate)
    grid = pages.grid
    held = grid.over_sizes(outcome(rate * grid.share, time, fetch, renewing=True).hit)
    assert held == pytest.approx(size, rel=1e-9)


def test_lru_against_a_path() -> None:
    # An LRU of 200 with fetches of 0.5 s, as a list of requests and of what comes back.
    import heapq
    from collections import OrderedDict

    rng = np.random.default_rng(3)
    pages, rate, fetch, n = Zipf(2000, 0.8), 200.0, 0.5, 150_000
    shares = np.asarray(pages.share_of(np.arange(1, 2001)))
    asked = rng.choice(2000, n, p=shares).tolist()
    times = np.cumsum(rng.exponential(1 / rate, n)).tolist()
    held: OrderedDict[int, None] = OrderedDict()
    under_way: dict[int, float] = {}
    back: list[tuple[float, int]] = []
    hits = delayed = 0
    for t, i in zip(times, asked, strict=True):
        while back and back[0][0] <= t:
            _, j = heapq.heappop(back)
            del under_way[j]
            held[j] = None
            if len(held) > 200:
                held.popitem(last=False)
        if i in held:
            held.move_to_end(i)
            hits += 1
        elif i in under_way:
            delayed += 1
        else:
            under_way[i] = t + fetch
            heapq.heappush(back, (t + fetch, i))
    r = FetchedLRU(200, qm.Deterministic(fetch)).solve(pages, rate)
    assert hits / n == pytest.approx(float(r.hit_ratio), abs=4e-3)
    assert delayed / n == pytest.approx(float(r.delayed_ratio), abs=4e-3)


def test_an_origin_without_answer() -> None:
    o = outcome([0.0, 2.0], 1.0, np.inf)
    np.testing.assert_array_equal(o.missed, [1.0, 0.0])
    np.testing.assert_array_equal(o.delayed, [0.0, 1.0])


def test_symbols_and_shapes() -> None:
    lam, T, Z = sp.symbols("lambda T Z", positive=True)
    o = outcome(lam, T, Z, renewing=True)
    assert sp.simplify(o.hit + o.missed + o.delayed - 1) == 0
    r = FetchedTTL(np.array([[1.0], [np.nan]]), qm.Exponential([0.1, 0.2, 0.3])).solve(
        Zipf(100), 2.0
    )
    assert r.hit_ratio.shape == (2, 3)
    assert np.isnan(r.hit_ratio[1]).all()
    assert np.isfinite(r.hit_ratio[0]).all()
    assert r.added.quantile(0.999)[0].shape == (3,)


def test_labels_and_refusals() -> None:
    fetch = qm.Exponential(0.1)
    assert FetchedTTL(1.0, fetch).solve(Zipf(10), 1.0).basis["p99"] == "exact"
    assert FetchedLRU(5, fetch).solve(Zipf(10), 1.0).basis["hit_ratio"] == "asymptotic"
    with pytest.raises(qm.DomainError, match="ttl"):
        FetchedTTL(-1.0, fetch)
    with pytest.raises(qm.DomainError, match="capacity"):
        FetchedLRU(-1.0, fetch)
    with pytest.raises(qm.ModelError, match="fetch"):
        FetchedTTL(1.0, 0.1)  # type: ignore[arg-type]
    with pytest.raises(qm.DomainError, match="request_rate"):
        FetchedTTL(1.0, fetch).solve(ONE, -1.0)
    with pytest.raises(qm.DomainError, match="request_rate"):
        FetchedTTL(1.0, fetch).outcome(-1.0)


def test_endless_lives_hit_always() -> None:
    pages = Measured([1, 1, 0], complete=True)
    for renewing in (False, True):
        r = FetchedTTL([1.0, np.inf], qm.Exponential(0.1), renewing=renewing).solve(pages, 3.0)
        assert 0 < r.hit_ratio[0] < r.hit_ratio[1] == 1.0
        assert r.fetch_rate[1] == r.miss_ratio[1] == r.delayed_ratio[1] == 0.0


def test_no_hit_ratio_rounds_above_one() -> None:
    pages = Measured(np.random.default_rng(1).pareto(0.7, 2193) + 1e-3, complete=True)
    for objects in (16, 28, 38):
        r = FetchedLRU(1e9, qm.Exponential(1.0)).solve(Zipf(objects, 0.8), 1e-9)
        assert r.hit_ratio <= 1.0
    assert FetchedLRU(1e9, qm.Exponential(1.0)).solve(pages, 1e3).hit_ratio <= 1.0


@pytest.mark.parametrize("rate", [0.5, 5.0])
@pytest.mark.parametrize("renewing", [False, True])
def test_whoever_asks_during_a_fetch_that_never_ends_waits(rate: float, renewing: bool) -> None:
    assert outcome(rate, 2.0, np.inf, renewing=renewing) == (0.0, 0.0, 1.0, 0.0, 0.0)
