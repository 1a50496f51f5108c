"""Caches against bare passes of exp, and large catalogues against small ones."""

import numpy as np
import pytest

from qmodel.caches import LRU, Measured, Zipf

pytestmark = pytest.mark.benchmark
REPEAT = 20


def solved(policy, popularity):
    return [policy.solve(popularity).hit_ratio for _ in range(REPEAT)]


def test_a_million_counts(interleaved):
    counts = np.random.default_rng(1).pareto(1.2, 10**6) + 0.01
    r = interleaved(
        lambda: LRU(10**4).solve(Measured(counts, complete=True)), lambda: np.exp(-counts)
    )
    print(f"\nLRU of a million counted objects: {r} passes of exp(-x), limit 6")
    assert r.median <= 6.0


def test_a_billion_objects(interleaved):
    large, small = Zipf(10**9, 0.8), Zipf(10**4, 0.8)
    r = interleaved(lambda: solved(LRU(10**6), large), lambda: solved(LRU(10**3), small))
    print(f"\nLRU of 1e9 objects: {r} of 1e4 objects, limit 3")
    assert r.median <= 3.0


@pytest.mark.parametrize("objects", [10**4, 10**9])
def test_nodes_against_all_objects(interleaved, objects):
    pages = Zipf(objects, 0.8)
    shares = np.arange(1.0, 10**7 + 1) ** -0.8
    shares /= shares.sum()

    def all_objects():
        # Four Newton steps and the hit ratio, object by object.
        time = 1e5
        for _ in range(4):
            absent = np.exp(-shares * time)
            time += (1e5 - (1 - absent).sum()) / (shares @ absent)
        return shares @ -np.expm1(-shares * time)

    r = interleaved(lambda: LRU(objects / 100).solve(pages), all_objects, rounds=3)
    print(f"\nLRU of {objects:g} objects: {r:} of ten million one by one, limit 0.01")
    assert r.median <= 0.01


def test_a_thousand_sizes(interleaved):
    pages, sizes = Zipf(10**6, 0.8), np.geomspace(10, 1e5, 1000)
    r = interleaved(
        lambda: [LRU(sizes).solve(pages) for _ in range(3)],
        lambda: [LRU(1e4).solve(pages) for _ in range(3)],
    )
    print(f"\nLRU of a thousand sizes: {r} of one size, limit 30")
    assert r.median <= 30.0
