"""Counted requests on nodes, against the sums over all objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import LFU, LRU, Measured, Zipf

RNG = np.random.default_rng(7)
LOGS = {
    "few": RNG.pareto(1.2, 300) + 0.1,
    "pareto": RNG.pareto(1.2, 50_000) + 0.01,
    "whole": RNG.poisson(3.0, 20_000).astype(float),
    "wide": 10.0 ** RNG.uniform(-30, 5, 20_000),
    "alike": np.full(5_000, 3.0),
    "two": np.where(RNG.random(5_000) < 0.5, 1.0, 1.0 + 1e-12),
}
CURVES = (lambda x: -np.expm1(-x), lambda x: x / (1 + x), lambda x: x * np.exp(-x))


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("sized", [False, True])
def test_sums_over_the_catalogue(name: str, sized: bool) -> None:
    counts = LOGS[name]
    sizes = np.random.default_rng(1).lognormal(size=counts.size) if sized else 2.0
    popularity = Measured(counts, sizes, complete=True)
    grid, shares = popularity.grid, counts / counts.sum()
    assert grid.share.size < 12_000
    for time in (1.0, 1e3, 1e5):
        for g in CURVES:
            every, nodes = g(shares * time), g(grid.share * time)
            asked = shares * sizes
            for found, exact in (
                (grid.over_objects(nodes), every.sum()),
                (grid.over_sizes(nodes), (every * sizes).sum()),
                (grid.over_requests(nodes), (every * shares).sum()),
                (grid.over_bytes(nodes), (every * asked).sum() / asked.sum()),
            ):
                assert found == pytest.approx(exact, rel=1e-11)


def test_a_cache_of_bytes() -> None:
    counts = LOGS["pareto"]
    sizes = np.random.default_rng(2).lognormal(8.0, 1.0, counts.size)
    shares = counts / counts.sum()
    load = LRU(1e7).solve(Measured(counts, sizes, complete=True))
    hits = -np.expm1(-shares * load.characteristic_time)
    assert (sizes * hits).sum() == pytest.approx(1e7, rel=1e-11)
    assert load.hit_ratio == pytest.approx((shares * hits).sum(), rel=1e-11)
    asked = shares * sizes
    assert load.byte_hit_ratio == pytest.approx((asked * hits).sum() / asked.sum(), rel=1e-11)
    assert load.occupancy == pytest.approx(hits.sum(), rel=1e-11)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60), st.floats(0.0, 1.0))
def test_the_most_popular(counts: list[int], part: float) -> None:
    counts = [*counts, 5]
    popularity = Measured(counts, complete=True)
    ranked = np.sort(counts)[::-1] / np.sum(counts)
    places = part * popularity.volume
    whole = int(places)
    rest = (places - whole) * ranked[min(whole, len(ranked) - 1)]
    head = popularity.most_popular(places)
    assert head.requests == pytest.approx(ranked[:whole].sum() + rest, rel=1e-9, abs=1e-11)
    assert popularity.share_of(np.arange(1, len(counts) + 1)) == pytest.approx(ranked)
    assert popularity.shares() == pytest.approx(ranked)
    assert LFU(places).solve(popularity).hit_ratio == pytest.approx(head.requests, abs=1e-11)


def test_it_is_zipf_if_the_counts_are() -> None:
    zipf = Zipf(10**5, 0.9)
    counted = Measured(zipf.shares(), complete=True)
    capacities = np.geomspace(1.0, 9e4, 300)
    for policy in (qm.caches.LRU, qm.caches.FIFO, qm.caches.KLRU):
        found = policy(capacities).solve(counted).hit_ratio
        assert found == pytest.approx(policy(capacities).solve(zipf).hit_ratio, rel=1e-11)


def test_objects_that_nobody_asked_for() -> None:
    popularity = Measured([3, 0, 1, 0], complete=True)
    assert popularity.objects == 4
    assert popularity.volume == 2
    load = LRU(2).solve(popularity)
    assert load.hit_ratio == 1.0
    assert load.hit_ratio_of([1, 2, 3, 4]) == pytest.approx([1, 1, 0, 0])


@pytest.mark.parametrize("many", [3, 3000])
def test_nan_in_nan_out(many: int) -> None:
    unknown = Measured([np.nan, *range(1, many)], complete=True)
    assert np.isnan(LRU([1.0, 2.0]).solve(unknown).hit_ratio).all()
    assert np.isnan(LFU(1.0).solve(unknown).hit_ratio)
    assert np.isnan(LRU(1.0).solve(Measured([1, 2], [np.nan, 1.0], complete=True)).hit_ratio)


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (lambda: Measured([]), "counts"), (lambda: Measured([0, 0]), "counts"),
        (lambda: Measured([1, -2]), "counts"), (lambda: Measured([1, np.inf]), "counts"),
        (lambda: Measured([[1, 2]]), "counts"),
        (lambda: Measured([1, 2], [1]), "sizes"), (lambda: Measured([1, 2], [1, 0]), "sizes"),
        (lambda: Measured.of_shares([0.5, 0.6]), "shares"),
        (lambda: Measured([10, 20]).share_of(3), "rank"),
    ],
)  # fmt: skip
def test_impossible_parameters(bad: Any, named: str) -> None:
    with pytest.raises(qm.DomainError, match=named):
        bad()
