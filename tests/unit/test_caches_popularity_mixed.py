"""Several catalogues in one cache, against one with all their objects."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.caches import KLRU, LFU, LRU, TTL, ExactLRU, Measured, Mixed, Zipf

WEIGHTS = [0.2, 0.5, 0.3]
PARTS = [
    Zipf(40, 1.0, size=3.0),
    Zipf(500, 0.7),
    Measured([5, 3, 3, 1], [1.0, 2.0, 3.0, 4.0], complete=True),
]
SIZES = np.concatenate([np.full(40, 3.0), np.ones(500), [1.0, 2.0, 3.0, 4.0]])


@pytest.fixture(scope="module")
def shares() -> np.ndarray:
    parts = zip(WEIGHTS, PARTS, strict=True)
    return np.concatenate([w * part.shares() for w, part in parts])


def test_sums_and_order(shares: np.ndarray) -> None:
    mixed, one = Mixed(WEIGHTS, PARTS), Measured(shares, SIZES, complete=True)
    assert mixed.objects == 544
    assert mixed.volume == pytest.approx(SIZES.sum())
    ranked = np.sort(shares)[::-1]
    assert mixed.shares() == pytest.approx(ranked, rel=1e-13)
    for share in ranked[[0, 3, 100, 543]] * (1 - 1e-9):
        for found, exact in zip(mixed.above(share), one.above(share), strict=True):
            assert found == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("policy", [LRU, KLRU, LFU, TTL])
def test_one_cache_for_all(policy: type, shares: np.ndarray) -> None:
    mixed, one = Mixed(WEIGHTS, PARTS), Measured(shares, SIZES, complete=True)
    cache = policy([5.0, 100.0, 600.0])
    found, exact = cache.solve(mixed, 3.0), cache.solve(one, 3.0)
    for name in ("hit_ratio", "byte_hit_ratio", "occupancy", "eviction_age"):
        assert getattr(found, name) == pytest.approx(getattr(exact, name), rel=1e-9), name


def test_one_part_is_itself() -> None:
    alone = LRU(50).solve(Zipf(1000, 0.8))
    assert LRU(50).solve(Mixed([1.0], [Zipf(1000, 0.8)])).hit_ratio == alone.hit_ratio


def test_arrays_of_weights() -> None:
    share = np.array([0.0, 0.3, 1.0])
    mixed = Mixed([share, 1 - share], [Zipf(100, 1.0), Zipf(10**4, 0.7)])
    found = LRU(50).solve(mixed).hit_ratio
    assert found[0] == pytest.approx(LRU(50).solve(Zipf(10**4, 0.7)).hit_ratio)
    assert found[2] == pytest.approx(LRU(50).solve(Zipf(100, 1.0)).hit_ratio)
    assert mixed.share_of(1) == pytest.approx(
        np.maximum(
            share * Zipf(100, 1.0).share_of(1), (1 - share) * Zipf(10**4, 0.7).share_of(1)
        )
    )


def test_exact_caches_take_it() -> None:
    halves = Mixed([0.5, 0.5], [Zipf(10, 0.0), Zipf(10, 0.0)])
    assert ExactLRU(5).solve(halves).hit_ratio == pytest.approx(0.25)


def test_impossible_parameters() -> None:
    with pytest.raises(qm.DomainError, match="weights"):
        Mixed([0.5, 0.4], PARTS[:2])
    with pytest.raises(qm.DomainError, match="weights must be as many as parts"):
        Mixed([0.5, 0.5], PARTS)
    with pytest.raises(qm.ModelError, match="parts"):
        Mixed([1.0], [3.0])  # type: ignore[list-item]
    with pytest.raises(qm.DomainError, match="rank"):
        Mixed([1.0], PARTS[:1]).share_of(41)
