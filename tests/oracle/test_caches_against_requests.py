"""Caches against replayed requests: what is exact, and the errors of what is not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.caches import (
    FIFO,
    KLRU,
    LRU,
    QLRU,
    TTL,
    Cache,
    Clock,
    ExactFIFO,
    ExactLRU,
    ExpiringLRU,
    Zipf,
)

TEN = Zipf(60, 0.9)
HUNDRED = Zipf(1000, 0.8)


@pytest.fixture(scope="module")
def caches() -> ModuleType:
    """Return the simulator beside these tests."""
    path = Path(__file__).parent / "cache_simulator.py"
    spec = importlib.util.spec_from_file_location("oracle_cache_simulator", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_stack_distances(caches: ModuleType) -> None:
    asked = np.random.default_rng(1).integers(0, 25, 400)
    found = caches.distinct_since(asked)
    for i, wanted in enumerate(asked):
        before = np.flatnonzero(asked[:i] == wanted)
        between = set(asked[before[-1] + 1 : i]) if before.size else range(400)
        assert found[i] == len(between)


def test_the_simulator_is_lru_by_stack_distances(caches: ModuleType) -> None:
    shares, run = TEN.shares(), {"count": 4000, "warm": 1000, "runs": 40, "seed": 3}
    mean, error = caches.simulate(shares, 10, caches.Policy("lru"), **run)
    by_distance = caches.lru_hit_ratios(shares, [10], 150_000, 1000, 5)[0]
    assert by_distance == pytest.approx(mean, abs=4 * error + 0.004)


EXACT: list[tuple[dict[str, Any], Cache]] = [
    ({"kind": "lru"}, ExactLRU(10)),
    ({"kind": "fifo"}, ExactFIFO(10)),
    ({"kind": "random"}, ExactFIFO(10)),
    ({"kind": "lru", "ttl": 20.0}, TTL(20.0)),
    ({"kind": "lru", "ttl": 20.0, "renewing": True}, TTL(20.0, renewing=True)),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("policy", "cache"), EXACT, ids=lambda x: str(x)[:60])
def test_exact_caches(caches: ModuleType, policy: dict[str, Any], cache: Cache) -> None:
    # With room for all objects only expiry is left.
    room = 60 if isinstance(cache, TTL) else 10
    run = {"count": 2000, "warm": 500, "runs": 150, "seed": 11}
    mean, error = caches.simulate(TEN.shares(), room, caches.Policy(**policy), **run)
    r = cache.solve(TEN)
    assert r.basis["hit_ratio"] == "exact"
    assert r.hit_ratio == pytest.approx(mean, abs=4 * error)


OTHERS: list[tuple[dict[str, Any], Cache, float]] = [
    ({"kind": "lru"}, LRU(100), 0.001),
    ({"kind": "fifo"}, FIFO(100), 0.001),
    ({"kind": "random"}, FIFO(100), 0.001),
    ({"kind": "clock"}, Clock(100), 0.001),
    ({"kind": "lru", "admitted": 0.1}, QLRU(100, 0.1), 0.001),
    ({"kind": "lru", "known": 100}, KLRU(100), 0.003),
    ({"kind": "lru", "ttl": 130.0}, ExpiringLRU(100, 130.0), 0.005),
    ({"kind": "lru", "ttl": 500.0}, ExpiringLRU(100, 500.0), 0.005),
    ({"kind": "lru", "ttl": 130.0, "renewing": True}, ExpiringLRU(100, 130.0, True), 0.005),
]
"""Each policy with the error that its assumption states from 100 places on."""


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "cache", "error"), OTHERS, ids=lambda x: str(x)[:60])
def test_the_stated_errors(
    caches: ModuleType, policy: dict[str, Any], cache: Cache, error: float
) -> None:
    run = {"count": 10_000, "warm": 5_000, "runs": 200, "seed": 5}
    mean, noise = caches.simulate(HUNDRED.shares(), 100, caches.Policy(**policy), **run)
    assert cache.solve(HUNDRED).hit_ratio == pytest.approx(mean, abs=error + 3 * noise)


@pytest.mark.slow
@pytest.mark.parametrize("exponent", [0.6, 1.0, 1.4])
def test_lru_of_large_catalogues(caches: ModuleType, exponent: float) -> None:
    pages, capacity = Zipf(10**5, exponent), np.array([100, 1000, 10_000])
    found = caches.lru_hit_ratios(pages.shares(), capacity, 10**6, 6 * 10**5, 9)
    # A thousandth, and the noise of a million requests.
    assert LRU(capacity).solve(pages).hit_ratio == pytest.approx(found, abs=0.001 + 0.0015)


@pytest.mark.parametrize(
    ("name", "cache"),
    [("LRU", LRU(100)), ("FIFO", FIFO(100)), ("Random", FIFO(100)), ("Clock", Clock(100))],
)
def test_against_libcachesim(caches: ModuleType, name: str, cache: Cache) -> None:
    lcs = pytest.importorskip("libcachesim")
    request = lcs.Request()
    request.obj_size = 1
    other, hits = getattr(lcs, name)(100, hashpower=12), 0
    asked = caches.requests(HUNDRED.shares(), 220_000, 1, 2)[0]
    for step, wanted in enumerate(asked.tolist()):
        request.obj_id = wanted + 1
        hits += bool(other.get(request)) and step >= 20_000
    # A thousandth, and three standard errors of the requests.
    assert cache.solve(HUNDRED).hit_ratio == pytest.approx(hits / 200_000, abs=0.001 + 0.0033)
    if name == "LRU":
        # The same requests, so the very same hits.
        distance = caches.distinct_since(asked)[20_000:]
        assert hits == (distance < 100).sum()


def test_a_cache_of_bytes(caches: ModuleType) -> None:
    """LRU by bytes: evicts until the new object fits."""
    rng = np.random.default_rng(4)
    shares = HUNDRED.shares()
    sizes = rng.lognormal(0.0, 0.8, 1000)
    room = 100.0
    content: dict[int, None] = {}
    filled, hits, found, total = 0.0, 0, 0.0, 0.0
    for step, wanted in enumerate(caches.requests(shares, 120_000, 1, 8)[0].tolist()):
        there = wanted in content
        if there:
            del content[wanted]
        else:
            filled += sizes[wanted]
        content[wanted] = None
        while filled > room:
            oldest = next(iter(content))
            del content[oldest]
            filled -= sizes[oldest]
        if step >= 20_000:
            hits, found = hits + there, found + there * sizes[wanted]
            total += sizes[wanted]
    r = LRU(room).solve(qm.caches.Measured(shares, sizes, complete=True))
    # Half an object is lost at the end of the cache, and the noise of 100,000 requests.
    assert r.hit_ratio == pytest.approx(hits / 100_000, abs=0.008)
    assert r.byte_hit_ratio == pytest.approx(found / total, abs=0.012)
