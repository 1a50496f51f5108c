"""Shards and replicas: random placements, direct sums, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

import qmodel as qm
from qmodel.caches import LRU, Measured, Zipf
from qmodel.caches.sharding import Replicated, load_scv


def test_load_of_random_placements() -> None:
    rng = np.random.default_rng(10)
    keys, n = Zipf(1000, 1.0), 8
    p = np.asarray(keys.share_of(np.arange(1, 1001)))
    for k in (0, 5):
        loads = [
            np.bincount(rng.integers(0, n, 1000 - k), p[k:], minlength=n) + p[:k].sum() / n
            for _ in range(4000)
        ]
        scv = np.var(loads) * n**2
        assert scv == pytest.approx(float(load_scv(keys, n, replicated=k)), rel=0.04)


def direct(p: np.ndarray, n: int, k: int, size: float) -> float:
    """Return the hit ratio by sums over all objects."""

    def hits(log_time: float) -> np.ndarray:
        t = np.exp(log_time)
        return np.concatenate([-np.expm1(-p[:k] * t / n), -np.expm1(-p[k:] * t)])

    copies = np.where(np.arange(p.size) < k, n, 1)
    root = brentq(lambda u: float(copies @ hits(u)) - size, -20, 60, xtol=1e-13)
    return float(p @ hits(root))


@pytest.mark.parametrize(("k", "error"), [(1, 1e-10), (40, 1e-10), (64, 1e-10), (100, 5e-5)])
def test_hit_ratio_with_replicas(k: int, error: float) -> None:
    keys = Zipf(10**4, 0.9)
    p = np.asarray(keys.share_of(np.arange(1, 10**4 + 1)))
    found = LRU(2000).solve(Replicated(keys, 20, k))
    assert found.hit_ratio == pytest.approx(direct(p, 20, k, 2000.0), abs=error)
    log = Replicated(Measured(p, complete=True), 20, k)
    assert LRU(2000).solve(log).hit_ratio == pytest.approx(direct(p, 20, k, 2000.0), abs=5e-4)
    assert load_scv(keys, 20, replicated=k) == pytest.approx(
        19 * float((p[k:] ** 2).sum()), rel=1e-3
    )


def test_replicas_of_objects_with_sizes() -> None:
    rng = np.random.default_rng(11)
    counts, sizes = np.sort(rng.integers(1, 10**6, 500))[::-1], rng.uniform(1.0, 9.0, 500)
    n, k, capacity = 4, 20, 300.0
    p = counts / counts.sum()
    many = np.where(np.arange(500) < k, n, 1)

    def hits(t: float) -> np.ndarray:
        return -np.expm1(-p * t / many)

    t = brentq(lambda t: float((many * sizes) @ hits(t)) - capacity, 1e-3, 1e9, xtol=1e-9)
    found = LRU(capacity).solve(Replicated(Measured(counts, sizes, complete=True), n, k))
    assert found.hit_ratio == pytest.approx(float(p @ hits(t)), rel=1e-9)
    bytes_found = float((p * sizes) @ hits(t)) / float(p @ sizes)
    assert found.byte_hit_ratio == pytest.approx(bytes_found, rel=1e-9)


def test_limits() -> None:
    keys = Zipf(1000, [[0.7], [1.1]])
    plain = LRU(100).solve(keys).hit_ratio
    np.testing.assert_allclose(
        LRU(100).solve(Replicated(keys, [1, 5, 9], 0)).hit_ratio,
        plain + np.zeros(3),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        LRU(100).solve(Replicated(keys, 1, [0, 5, 2000])).hit_ratio,
        plain + np.zeros(3),
        rtol=1e-9,
    )
    # All objects on all nodes: each node is a cache of its own.
    each = LRU(40).solve(keys).hit_ratio
    np.testing.assert_allclose(
        LRU(160).solve(Replicated(keys, 4, 1000)).hit_ratio, each, rtol=1e-9
    )
    np.testing.assert_allclose(load_scv(keys, 4, replicated=1000)[:, 0], 0.0, atol=1e-18)
    np.testing.assert_allclose(load_scv(Zipf(50, 0.0), 6), 5 / 50)


def test_it_is_a_popularity() -> None:
    keys = Zipf(1000, 0.9)
    both = Replicated(keys, 4, 10)
    assert both.objects == pytest.approx(1030)
    assert both.grid.over_requests(np.ones(1)) == pytest.approx(1.0)
    assert both.share_of(3) == keys.share_of(3)
    head = both.above(float(keys.share_of(11)) * (1 - 1e-9))
    assert head.objects >= 1
    assert both.most_popular(1030.0).requests == pytest.approx(1.0)
    lfu = [float(both.most_popular(v).requests) for v in (10.0, 100.0, 500.0)]
    assert (np.diff(lfu) > 0).all()


def test_nan_and_refusals() -> None:
    keys = Zipf(100)
    assert np.isnan(load_scv(keys, 3, replicated=np.nan))
    assert np.isnan(LRU(10).solve(Replicated(keys, 3, [np.nan, 1.0])).hit_ratio).tolist() == [
        True, False,
    ]  # fmt: skip
    with pytest.raises(qm.DomainError, match="nodes"):
        load_scv(keys, 0)
    with pytest.raises(qm.DomainError, match="replicated"):
        Replicated(keys, 2, -1)
    with pytest.raises(qm.ModelError, match="popularity"):
        Replicated(None, 2, 1)  # type: ignore[arg-type]
