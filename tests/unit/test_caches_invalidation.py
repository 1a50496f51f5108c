"""Writes that remove objects: paths, limits, and the identity of LRU in other units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.caches import LRU, TTL, Zipf
from qmodel.caches.invalidation import WrittenLRU, hit_ratio


@pytest.mark.parametrize("renewing", [False, True])
@pytest.mark.parametrize("life", [0.8, np.inf])
def test_against_a_path(life: float, renewing: bool) -> None:
    rng = np.random.default_rng(6)
    rate, writes, n = 2.0, 0.7, 250_000
    t = np.cumsum(rng.exponential(1 / rate, n))
    w = np.cumsum(rng.exponential(1 / writes, int(n * writes / rate * 1.1)))
    following = w[np.minimum(np.searchsorted(w, t), w.size - 1)]
    if renewing:
        hits = np.mean(t[1:] < np.minimum(t[:-1] + life, following[:-1]))
    else:
        misses = i = 0
        while i < n:
            misses += 1
            i = int(np.searchsorted(t, min(t[i] + life, following[i])))
        hits = 1 - misses / n
    assert hits == pytest.approx(
        float(hit_ratio(rate, writes, life, renewing=renewing)), abs=2.5e-3
    )


def test_limits() -> None:
    for renewing in (False, True):
        plain = TTL(3.0, renewing=renewing).solve(Zipf(1), 2.0).hit_ratio
        found = hit_ratio(2.0, 0.0, 3.0, renewing=renewing)
        assert found == pytest.approx(float(plain), rel=1e-12)
        assert hit_ratio(9.0, 1.0, renewing=renewing) == pytest.approx(0.9)
        assert hit_ratio(0.0, 1.0, 5.0, renewing=renewing) == 0.0
    assert hit_ratio(1.0, 0.0) == 1.0
    lam, w, T = sp.symbols("lambda w T", positive=True)
    assert sp.simplify(sp.limit(hit_ratio(lam, w, T), T, sp.oo) - lam / (lam + w)) == 0


def test_lru_against_a_path() -> None:
    from collections import OrderedDict

    rng = np.random.default_rng(7)
    n, size, writes = 200_000, 100, 0.5
    shares = np.asarray(Zipf(1000, 0.9).share_of(np.arange(1, 1001)))
    asked = rng.choice(1000, n, p=shares).tolist()
    is_write = (rng.random(n) < writes / (1 + writes)).tolist()
    held: OrderedDict[int, None] = OrderedDict()
    hits = reads = 0
    for i, write in zip(asked, is_write, strict=True):
        if write:
            held.pop(i, None)
            continue
        reads += 1
        if i in held:
            hits += 1
            held.move_to_end(i)
        else:
            held[i] = None
            if len(held) > size:
                held.popitem(last=False)
    r = WrittenLRU(size, writes).solve(Zipf(1000, 0.9))
    assert hits / reads == pytest.approx(float(r.hit_ratio), abs=4e-3)


def test_lru_in_other_units() -> None:
    pages: Any = Zipf(1000, [[0.6], [1.0]])
    r = WrittenLRU(np.array([0.0, 100.0, 900.0]), 0.25).solve(pages, 5.0)
    plain = LRU(np.array([0.0, 125.0, 1125.0])).solve(pages, 5.0)
    np.testing.assert_allclose(r.hit_ratio, plain.hit_ratio / 1.25)
    np.testing.assert_allclose(r.miss_ratio + r.hit_ratio, 1.0)
    np.testing.assert_allclose(r.occupancy[:, 1], 100.0)
    # Never full: all that was not written since is there.
    np.testing.assert_allclose(r.occupancy[:, 2], 800.0)
    np.testing.assert_allclose(r.hit_ratio[:, 2], 0.8)
    np.testing.assert_array_equal(r.eviction_age[:, 0], 0.0)
    one = r.hit_ratio_of(1)[:, 1]
    time = r.characteristic_time[:, 1] * 5.0
    expected = hit_ratio(pages.share_of(1)[:, 0], 0.25 * pages.share_of(1)[:, 0], time,
                         renewing=True)  # fmt: skip
    np.testing.assert_allclose(one, expected, rtol=1e-9)


def test_labels_edges_and_refusals() -> None:
    r = WrittenLRU(40, [0.0, np.nan]).solve(Zipf(100))
    assert r.hit_ratio[0] == pytest.approx(float(LRU(40).solve(Zipf(100)).hit_ratio))
    assert np.isnan(r.hit_ratio[1])
    assert r.basis["hit_ratio"] == "asymptotic"
    assert "poisson-writes" in r.assumptions
    for name in ("capacity", "writes"):
        with pytest.raises(qm.DomainError, match=name):
            WrittenLRU(**({"capacity": 1.0, "writes": 1.0} | {name: -1.0}))
    with pytest.raises(qm.DomainError, match="write_rate"):
        hit_ratio(1.0, -1.0)
