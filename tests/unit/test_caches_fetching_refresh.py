"""Refreshing behind the scenes: a path of one object, and the limits of staleness."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.caches import Zipf
from qmodel.caches.fetching.delayed_hits import FetchedTTL
from qmodel.caches.fetching.refresh import RefreshedTTL, outcome


def test_against_a_path() -> None:
    rng = np.random.default_rng(5)
    rate, life, stale, n = 2.0, 0.7, 0.4, 300_000
    t = np.cumsum(rng.exponential(1 / rate, n))
    z = rng.exponential(0.5, n)
    fresh = old = missed = delayed = i = 0
    end = -10.0  # when the object came in
    while i < n:
        after = int(np.searchsorted(t, end + life))
        fresh += after - i
        if after >= n:
            break
        back = t[after] + z[after]
        j = int(np.searchsorted(t, back))
        if t[after] <= end + life + stale:
            old += j - after
        else:
            missed, delayed = missed + 1, delayed + j - after - 1
        i, end = j, back
    o = outcome(rate, life, stale, 0.5)
    found = np.array([fresh, missed, delayed, old]) / n
    np.testing.assert_allclose(found, [float(x) for x in o[:4]], atol=3e-3)


def test_no_staleness_is_a_plain_lifetime() -> None:
    keys, distribution = Zipf(10**4, 0.9), qm.Gamma(0.2, 2.0)
    plain = FetchedTTL(30.0, distribution).solve(keys, 100.0)
    r = RefreshedTTL(30.0, [0.0, 10.0, np.inf], distribution).solve(keys, 100.0)
    assert r.added_latency[0] == pytest.approx(float(plain.added_latency), rel=1e-12)
    assert r.hit_ratio[0] == pytest.approx(float(plain.hit_ratio), rel=1e-12)
    np.testing.assert_allclose(r.fetch_rate, plain.fetch_rate, rtol=1e-12)
    assert (np.diff(r.added_latency) < 0).all()
    assert r.added_latency[2] == 0.0
    total = r.hit_ratio + r.miss_ratio + r.delayed_ratio + r.stale_ratio
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)


def test_edges() -> None:
    np.testing.assert_array_equal(outcome(0.0, 1.0, np.inf, 0.1).missed, 1.0)
    lam, T, S, Z = sp.symbols("lambda T S Z", positive=True)
    assert sp.simplify(sum(outcome(lam, T, S, Z)[:4]) - 1) == 0
    assert np.isnan(
        RefreshedTTL(1.0, np.nan, qm.Exponential(1.0)).solve(Zipf(5), 1.0).miss_ratio
    )
    for bad in ({"ttl": -1.0}, {"stale": -1.0}):
        with pytest.raises(qm.DomainError, match=next(iter(bad))):
            RefreshedTTL(**({"ttl": 1.0, "stale": 1.0, "fetch": qm.Exponential(1.0)} | bad))


def test_endless_lives_hit_always() -> None:
    pages = qm.caches.Measured([1, 0], complete=True)
    r = RefreshedTTL([1.0, np.inf], 0.5, qm.Exponential(0.1)).solve(pages, 3.0)
    assert 0 < r.hit_ratio[0] < r.hit_ratio[1] == 1.0
    assert r.fetch_rate[1] == r.stale_ratio[1] == 0.0


def test_who_gets_a_stale_answer_does_not_wait() -> None:
    fetch = qm.Exponential(0.5)
    r = RefreshedTTL(0.7, 0.4, fetch).solve(Zipf(1), 2.0)
    one = outcome(2.0, ttl=0.7, stale=0.4, fetch_time=0.5)
    assert one.stale > 0.05
    assert r.added.atom == pytest.approx(1 - one.missed - one.delayed, rel=1e-12)
    # Who comes during an exponential fetch waits as long as who begins it.
    assert r.added.tail(0.3) == pytest.approx((one.missed + one.delayed) * np.exp(-0.6))
