"""LRU and FIFO of few places: exact, on any catalogue, and no seam to the many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmodel.caches import (
    FIFO,
    KLRU,
    LFU,
    LRU,
    ExactFIFO,
    ExactLRU,
    Measured,
    Mixed,
    Random,
    Replicated,
    Zipf,
)
from qmodel.caches.policies.replacement import Replacement

EXPONENTS = np.array([0.0, 0.6, 1.0, 1.4, 3.0])
PAIRS = pytest.mark.parametrize(("policy", "exact"), [(LRU, ExactLRU), (FIFO, ExactFIFO)])


@pytest.mark.thorough
@PAIRS
@pytest.mark.parametrize("objects", [2, 17, 70, 100, 200])
def test_against_all_objects(policy: Any, exact: Any, objects: int) -> None:
    places = np.array([c for c in (1, 2, 7, 15, 16) if c < objects])[:, None]
    pages = Zipf(objects, EXPONENTS)
    r, e = policy(places).solve(pages), exact(places).solve(pages)
    assert r.hit_ratio == pytest.approx(e.hit_ratio, rel=1e-11)
    assert r.eviction_age == pytest.approx(e.eviction_age, rel=1e-9)
    assert (r.occupancy == places + np.zeros(5)).all()
    for rank in (1, 2, objects):
        h = e.hit_ratio_of(rank)
        assert r.hit_ratio_of(rank) == pytest.approx(h, rel=1e-9, abs=1e-12)
    assert r.basis["hit_ratio"] == r.basis["miss_rate"] == "exact"
    assert r.basis["characteristic_time"] == "asymptotic"


@pytest.mark.parametrize("policy", [LRU, FIFO, Random])
@pytest.mark.parametrize("objects", [10**3, 10**5, 10**9])
def test_one_place_holds_the_last_request(policy: Any, objects: int) -> None:
    pages = Zipf(objects, [0.3, 0.8, 1.0, 1.7, 5.0])
    grid = pages.grid
    twice = (grid.count * grid.share**2).sum(axis=-1)
    assert policy(1).solve(pages).hit_ratio == pytest.approx(twice, rel=1e-12)
    # Objects make up the whole.
    r = policy([[1], [3.5], [30]]).solve(pages)
    h = r.hits(grid.share)
    assert grid.over_objects(h) == pytest.approx(r.occupancy, rel=1e-9)
    assert grid.over_requests(h) == pytest.approx(r.hit_ratio, rel=1e-9)


@PAIRS
def test_other_popularities(policy: Any, exact: Any) -> None:
    places = np.array([1, 5, 16])
    rng = np.random.default_rng(4)
    counted = Measured(
        np.concatenate([rng.pareto(1.0, 250) + 0.01, np.ones(45)]), complete=True
    )
    two = [Zipf(100, 1.0), Zipf(200, 1.3)]
    mixed = Mixed([0.4, 0.6], two)
    laid_out = Measured(
        np.concatenate([0.4 * two[0].shares(), 0.6 * two[1].shares()]), complete=True
    )
    for popularity, same in ((counted, counted), (mixed, laid_out)):
        found = policy(places).solve(popularity).hit_ratio
        assert found == pytest.approx(exact(places).solve(same).hit_ratio, rel=1e-11)


def test_a_large_measured_catalogue() -> None:
    # Beyond 1,000 objects only the hottest stand one by one; ties fill the bin they are in.
    rng = np.random.default_rng(5)
    for counts in (rng.pareto(0.8, 4000) + 0.01, np.repeat([3.0, 1.0], [500, 3000])):
        places = np.array([1, 16, 32])
        found = FIFO(places).solve(Measured(counts, complete=True))
        expected = ExactFIFO(places).solve(Measured(counts, complete=True)).hit_ratio
        assert found.hit_ratio == pytest.approx(expected, rel=1e-11)
        assert found.basis["hit_ratio"] == "exact"
        shares = counts / counts.sum()
        one = LRU(1).solve(Measured(counts, complete=True)).hit_ratio
        assert one == pytest.approx((shares**2).sum(), rel=1e-11)


@pytest.mark.parametrize("policy", [LRU, FIFO])
@settings(max_examples=20)
@given(st.integers(2, 10**9), st.floats(0.0, 4.0))
def test_no_seam(policy: Any, objects: int, exponent: float) -> None:
    last = min(1.2 * policy.most_places, objects)
    places = np.linspace(0.0, last, 150)
    pages = Zipf(objects, exponent)
    r = policy(places).solve(pages)
    assert (np.diff(r.hit_ratio) >= -1e-12).all()
    assert (LFU(places).solve(pages).hit_ratio >= r.hit_ratio - 1e-9).all()
    usual = Replacement._solve(policy(places), pages, 1.0).hit_ratio
    assert np.abs(r.hit_ratio - usual)[places >= policy.most_places / 2].max(initial=0) < 0.0025
    # No step where one solution ends.
    seam = policy(
        policy.most_places * np.array([0.5, 1.0])[:, None] * (1 + 1e-9 * np.arange(-1, 2))
    )
    assert np.abs(np.diff(seam.solve(pages).hit_ratio)).max() < 1e-8


@pytest.mark.parametrize("policy", [LRU, FIFO])
def test_between_whole_places(policy: Any) -> None:
    pages = Zipf(10**5, [[0.7], [1.2]])
    h = policy([4.0, 4.25, 5.0]).solve(pages).hit_ratio
    assert h[:, 1] == pytest.approx(0.75 * h[:, 0] + 0.25 * h[:, 2], rel=1e-12)
    slope = policy([0.0, 4.0, 4.25]).solve(pages).hit_ratio_slope()
    assert slope[:, 1:] == pytest.approx(np.diff(h[:, ::2]) + np.zeros(2), rel=1e-10)
    assert slope[:, 0] == pytest.approx(policy(1).solve(pages).hit_ratio[:, 0], rel=1e-12)


@pytest.mark.parametrize("policy", [LRU, FIFO])
def test_the_unit_of_sizes_does_not_matter(policy: Any) -> None:
    places = np.array([1.0, 10.5, 20.0, 50.0])
    one = policy(places).solve(Zipf(10**4, 1.1), 7.0)
    for pages in (
        Zipf(10**4, 1.1, size=4096.0),
        Measured(Zipf(900).shares(), sizes=4096.0, complete=True),
    ):
        if pages.objects == 900:
            one = policy(places).solve(Zipf(900), 7.0)
        r = policy(4096 * places).solve(pages, 7.0)
        for name in ("hit_ratio", "byte_hit_ratio", "occupancy", "eviction_age", "miss_rate"):
            assert getattr(r, name) == pytest.approx(getattr(one, name), rel=1e-9), name
        assert 4096 * r.hit_ratio_slope() == pytest.approx(one.hit_ratio_slope(), rel=1e-9)
        assert r.hit_ratio_of(3) == pytest.approx(one.hit_ratio_of(3), rel=1e-9)


@pytest.mark.parametrize("policy", [LRU, FIFO])
def test_cells_are_single_ones(policy: Any) -> None:
    places = np.array([0.0, 0.5, 3.0, 20.0, 70.0, 1e4, np.inf, np.nan])[:, None, None]
    pages = Zipf(np.array([[2], [30], [10**6]]), [0.0, 1.0, np.nan])
    r = policy(places).solve(pages, 2.0)
    h1, slope = r.hit_ratio_of(1), r.hit_ratio_slope()
    for cell in np.ndindex(r.hit_ratio.shape):
        i, j, k = cell
        alone = Zipf(int(pages.objects[j, 0]), float(pages.exponent[k]))
        one = policy(float(places[i, 0, 0])).solve(alone, 2.0)
        for name in ("hit_ratio", "miss_ratio", "occupancy", "eviction_age"):
            found, expected = getattr(r, name)[cell], getattr(one, name)
            assert found == pytest.approx(expected, rel=1e-11, abs=1e-13, nan_ok=True), name
        assert h1[cell] == pytest.approx(one.hit_ratio_of(1), rel=1e-9, nan_ok=True)
        expected = one.hit_ratio_slope()
        assert slope[cell] == pytest.approx(expected, rel=1e-8, abs=1e-13, nan_ok=True)


def test_who_keeps_the_characteristic_time() -> None:
    copies = Replicated(Zipf(10**4, 1.0), nodes=3, replicated=5)
    sized = Measured([5, 4, 3, 2, 1], sizes=[1, 2, 3, 4, 5], complete=True)
    for popularity in (copies, sized):
        for policy in (LRU, FIFO):
            r = policy(3.0).solve(popularity)
            usual = Replacement._solve(policy(3.0), popularity, 1.0)
            assert r.hit_ratio == usual.hit_ratio
            assert r.basis["hit_ratio"] == "asymptotic"
    pages = Zipf(1000)
    assert KLRU(3.0, levels=1).solve(pages).basis["hit_ratio"] == "asymptotic"
    assert LRU([3, 40]).solve(pages).basis["hit_ratio"] == "asymptotic"
    assert LRU([0, 3, 1000]).solve(pages).basis["hit_ratio"] == "exact"
