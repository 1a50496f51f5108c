"""Trees of LRU caches against paths: each level, and the error that the third one states."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from qmodel.caches import LRU, Zipf
from qmodel.caches.hierarchy.hierarchy import Hierarchy, Level

N = 10**4


def lru_misses(asked: np.ndarray, size: int) -> np.ndarray:
    """Return which requests miss in one LRU."""
    held: OrderedDict[int, None] = OrderedDict()
    missed = np.zeros(asked.size, dtype=bool)
    for k, i in enumerate(asked.tolist()):
        if i in held:
            held.move_to_end(i)
        else:
            missed[k] = True
            held[i] = None
            if len(held) > size:
                held.popitem(last=False)
    return missed


def simulate(exponent: float, levels: list[tuple[int, int]], n: int, seed: int) -> list[float]:
    """Return the share of all requests that each level answers; the first fifth warms."""
    rng = np.random.default_rng(seed)
    shares = np.asarray(Zipf(N, exponent).share_of(np.arange(1, N + 1)))
    asked = rng.choice(N, n, p=shares)
    leaf = rng.integers(0, levels[0][0], n)
    there, answered, counted = np.arange(n), [], n - n // 5
    for nodes, size in levels:
        at = leaf[there] * nodes // levels[0][0]
        passed = np.zeros(there.size, dtype=bool)
        for node in range(nodes):
            mine = np.flatnonzero(at == node)
            passed[mine] = lru_misses(asked[there[mine]], size)
        answered.append(float((there[~passed] >= n // 5).sum()) / counted)
        there = there[passed]
    return answered


TREES = [
    (0.8, [(1, 100), (1, 1000)]),
    (0.8, [(4, 500), (1, 1000)]),
    (1.0, [(16, 100), (4, 300)]),
    (0.8, [(16, 200), (4, 500), (1, 2000)]),
    (0.8, [(1, 100), (1, 500), (1, 2000)]),
    (1.0, [(16, 100), (4, 300), (1, 1000)]),
    (0.8, [(1, 100), (1, 200), (1, 400)]),
]


@pytest.mark.slow
@pytest.mark.parametrize("tree", TREES, ids=str)
def test_what_each_level_answers(tree: Any) -> None:
    exponent, levels = tree
    found = simulate(exponent, levels, 2_000_000, 11)
    r = Hierarchy([Level(LRU(c), nodes=n) for n, c in levels]).solve(Zipf(N, exponent), 1.0)
    for k, (expected, level) in enumerate(zip(found, r.levels, strict=True)):
        # 1.6e6 counted requests: 0.0004 each way. Small nodes add the error of their own
        # characteristic time, and a third level that of its filtered misses.
        error = 0.0015 if k < 2 else 0.0065
        assert float(level.answered) == pytest.approx(expected, abs=error)


@pytest.mark.slow
def test_nodes_with_unequal_shares_of_the_clients() -> None:
    rng = np.random.default_rng(3)
    n, clients = 2_000_000, (0.7, 0.25, 0.05)
    shares = np.asarray(Zipf(N, 0.8).share_of(np.arange(1, N + 1)))
    asked, leaf = rng.choice(N, n, p=shares), rng.choice(3, n, p=clients)
    passed = np.zeros(n, dtype=bool)
    for node in range(3):
        mine = np.flatnonzero(leaf == node)
        passed[mine] = lru_misses(asked[mine], 300)
    there = np.flatnonzero(passed)
    hits = there[~lru_misses(asked[there], 1000)]
    found = float((hits >= n // 5).sum()) / (n - n // 5)
    r = Hierarchy([Level(LRU(300), shares=clients), LRU(1000)]).solve(Zipf(N, 0.8))
    # Equal nodes would be at 0.1591.
    assert float(r.levels[1].answered) == pytest.approx(found, abs=1e-3)
