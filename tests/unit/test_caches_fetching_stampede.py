"""Stampedes: a path of one object, constant fetches, the other extreme, catalogues."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

import qmodel as qm
from qmodel.caches import Zipf
from qmodel.caches.fetching.delayed_hits import FetchedTTL
from qmodel.caches.fetching.stampede import UnsharedTTL, stampede_size


@pytest.mark.parametrize("rate", [0.01, 3.0, 1e3])
def test_sizes_by_quadrature(rate: float) -> None:
    z = 0.3
    tail = lambda t: np.exp(-t / z - rate * (t - z * (1 - np.exp(-t / z))))  # noqa: E731
    window = quad(tail, 0, 20 * min(z, (z / rate) ** 0.5) + 1e-9, epsabs=1e-13)[0]
    assert stampede_size(rate, qm.Exponential(z)) == pytest.approx(1 + rate * window, rel=1e-8)
    assert stampede_size(rate, qm.Deterministic(z)) == pytest.approx(1 + rate * z, rel=1e-9)


@pytest.mark.parametrize("distribution", [qm.Deterministic(0.3), qm.Exponential(0.3)], ids=repr)
def test_against_a_path(distribution: Any) -> None:
    rng = np.random.default_rng(4)
    rate, life, n = 8.0, 1.0, 200_000
    t = np.cumsum(rng.exponential(1 / rate, n))
    z = rng.exponential(0.3, n) if isinstance(distribution, qm.Exponential) else np.full(n, 0.3)
    done = t + z
    fetches = cycles = i = 0
    while i < n:
        end, j = done[i], i + 1
        while j < n and t[j] < end:
            end, j = min(end, done[j]), j + 1
        fetches, cycles = fetches + j - i, cycles + 1
        i = int(np.searchsorted(t, end + life))
    r = UnsharedTTL(life, distribution).solve(Zipf(1), rate)
    assert fetches / n == pytest.approx(float(r.miss_ratio), abs=1.5e-3)
    assert fetches / cycles == pytest.approx(float(stampede_size(rate, distribution)), rel=5e-3)


def test_sharing_never_costs_fetches() -> None:
    keys, rates = Zipf(10**4, 1.0), np.array([1.0, 100.0, 10**4])
    for distribution in (qm.Deterministic(0.3), qm.Exponential(0.3), qm.Gamma(0.3, 0.25)):
        shared = FetchedTTL(60.0, distribution).solve(keys, rates)
        alone = UnsharedTTL(60.0, distribution).solve(keys, rates)
        assert (alone.fetch_rate >= shared.fetch_rate).all()
        assert alone.fetch_rate[0] == pytest.approx(float(shared.fetch_rate[0]), rel=5e-3)
        np.testing.assert_allclose(alone.hit_ratio + alone.miss_ratio, 1.0)
        np.testing.assert_allclose(alone.fetch_rate, rates * alone.miss_ratio)
        np.testing.assert_allclose(alone.added_latency, 0.3 * alone.miss_ratio)


def test_constant_fetches_miss_and_wait_as_shared_ones_do() -> None:
    keys, distribution = Zipf(100, 1.0), qm.Deterministic([0.1, 0.5])
    shared, alone = (
        c.solve(keys, 50.0)
        for c in (FetchedTTL(5.0, distribution), UnsharedTTL(5.0, distribution))
    )
    np.testing.assert_allclose(
        alone.miss_ratio, shared.miss_ratio + shared.delayed_ratio, rtol=1e-9
    )
    np.testing.assert_allclose(alone.hit_ratio, shared.hit_ratio, rtol=1e-9)


def test_edges_and_refusals() -> None:
    r = UnsharedTTL([1e-300, np.nan, 1.0], qm.Exponential(0.3)).solve(Zipf(10), 2.0)
    assert r.hit_ratio[0] < 1e-299
    assert np.isnan(r.hit_ratio[1])
    assert r.basis["hit_ratio"] == "exact"
    assert stampede_size(0.0, qm.Exponential(1.0)) == 1.0
    with pytest.raises(qm.DomainError, match="request_rate"):
        stampede_size(-1.0, qm.Exponential(1.0))
    with pytest.raises(qm.DomainError, match="ttl"):
        UnsharedTTL(-1.0, qm.Exponential(1.0))


def test_endless_lives_hit_always() -> None:
    r = UnsharedTTL([1.0, np.inf], qm.Exponential(0.1)).solve(
        qm.caches.Measured([1, 0], complete=True), 3.0
    )
    assert 0 < r.hit_ratio[0] < r.hit_ratio[1] == 1.0
    assert r.fetch_rate[1] == r.miss_ratio[1] == 0.0
