"""Hierarchies: figures of a simulation, limits that are known, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import LRU, TTL, Zipf
from qmodel.caches.hierarchy.hierarchy import Hierarchy, Level

CASES = [
    (1, 100, 1000, 0.8, 0.2797, 0.2795),
    (1, 500, 1000, 0.8, 0.0940, 0.0942),
    (4, 500, 1000, 0.8, 0.1139, 0.1140),
    (16, 200, 2000, 0.8, 0.3430, 0.3432),
    (1, 500, 1000, 1.0, 0.0804, 0.0804),
]
"""Nodes, their size, that of the parent, exponent; its hits: simulated, computed."""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hits_of_a_parent(case: Any) -> None:
    n, child, parent, a, simulated, computed = case
    tree = Hierarchy([Level(LRU(child), nodes=n), LRU(parent)])
    r = tree.solve(Zipf(10**4, a), 1000.0)
    assert r.levels[1].answered == pytest.approx(simulated, abs=4e-4)
    assert r.levels[1].answered == pytest.approx(computed, abs=1e-4)
    assert r.levels[1].occupancy == pytest.approx(parent, rel=1e-9)
    assert r.levels[0].occupancy == pytest.approx(child, rel=1e-9)
    assert r.levels[0].hit_ratio == pytest.approx(
        float(LRU(child).solve(Zipf(10**4, a)).hit_ratio), rel=1e-12
    )


def flows(r: Any) -> None:
    rate = r.request_rate
    for level in r.levels:
        np.testing.assert_allclose(level.request_rate, rate, rtol=1e-12)
        np.testing.assert_allclose(
            level.hit_ratio * level.request_rate, rate - level.miss_rate, rtol=1e-9, atol=1e-9
        )
        rate = level.miss_rate
    np.testing.assert_allclose(r.miss_rate, rate, rtol=1e-12)
    answered = sum(level.answered for level in r.levels)
    np.testing.assert_allclose(answered, r.hit_ratio, rtol=1e-12)


@given(
    st.floats(0.0, 1.5), st.integers(1, 3), st.integers(1, 4),
    st.lists(st.just(0.0) | st.floats(1e-3, 1200.0), min_size=3, max_size=3),
)  # fmt: skip
def test_flows_add_up(a: float, top: int, fan: int, sizes: list[float]) -> None:
    levels = [
        Level(LRU(sizes[0]), nodes=top * fan),
        Level(LRU(np.array([sizes[1], sizes[1] + 50.0])), nodes=top),
        LRU(sizes[2]) if top == 1 else Level(LRU(sizes[2]), nodes=top),
    ]
    r = Hierarchy(levels).solve(Zipf(1000, a), 100.0)
    flows(r)
    for level in r.levels:
        assert ((level.hit_ratio >= -1e-12) & (level.hit_ratio <= 1)).all()
    # More places for the second level leave less for the origin, behind two levels.
    two = Hierarchy(levels[:2]).solve(Zipf(1000, a), 100.0)
    assert two.miss_ratio[1] <= two.miss_ratio[0] + 1e-12


def test_many_children_are_clients() -> None:
    # Caches with one client each see so little that they pass nearly everything on.
    pages = Zipf(1000, 0.8)
    r = Hierarchy([Level(TTL(1.0, renewing=True), nodes=10**6), LRU(100)]).solve(pages, 1e3)
    assert r.levels[1].hit_ratio == pytest.approx(
        float(LRU(100).solve(pages).hit_ratio), abs=1e-4
    )


def test_levels_that_change_nothing() -> None:
    pages = Zipf(1000, 0.8)
    plain = Hierarchy([LRU(50), LRU(300)]).solve(pages, 7.0)
    for levels in ([LRU(50), LRU(0), LRU(300)], [LRU(50), LRU(20), LRU(300)]):
        r = Hierarchy(levels).solve(pages, 7.0)
        assert r.levels[1].hit_ratio == pytest.approx(0.0, abs=1e-12)
        assert r.miss_ratio == pytest.approx(float(plain.miss_ratio), rel=1e-9)
    first = Hierarchy([LRU(0), LRU(300)]).solve(pages, 7.0)
    assert first.miss_ratio == pytest.approx(float(LRU(300).solve(pages).miss_ratio), rel=1e-6)


def test_a_level_for_everything() -> None:
    r = Hierarchy([LRU(10), LRU([1000, 2000]), LRU(10)]).solve(Zipf(1000), 5.0)
    np.testing.assert_array_equal(r.levels[1].hit_ratio, 1.0)
    np.testing.assert_array_equal(r.levels[2].hit_ratio, 0.0)
    np.testing.assert_array_equal(r.levels[1].characteristic_time, np.inf)


def test_lifetimes_are_capacities_in_other_words() -> None:
    pages, rate = Zipf(10**4, 0.9), 250.0
    by_size = Hierarchy([Level(LRU(100), nodes=4), LRU(700)]).solve(pages, rate)
    times = [level.characteristic_time for level in by_size.levels]
    levels = [Level(TTL(times[0], renewing=True), nodes=4), TTL(times[1], renewing=True)]
    by_time = Hierarchy(levels).solve(pages, rate)
    for one, other in zip(by_size.levels, by_time.levels, strict=True):
        assert one.answered == pytest.approx(float(other.answered), rel=1e-9)
        assert one.occupancy == pytest.approx(float(other.occupancy), rel=1e-9)
    assert by_time.basis == "exact"
    assert by_size.basis == "asymptotic"


def test_equal_shares_are_equal_nodes() -> None:
    pages = Zipf(10**4, 0.9)
    for cache in (LRU(100), TTL(3.0, renewing=True)):
        shared = Hierarchy([Level(cache, shares=(0.25,) * 4), LRU([500, 900])])
        equal = Hierarchy([Level(cache, nodes=4), LRU([500, 900])])
        one, other = shared.solve(pages, 250.0), equal.solve(pages, 250.0)
        np.testing.assert_allclose(one.miss_ratio, other.miss_ratio, rtol=1e-10)
        np.testing.assert_allclose(one.levels[0].occupancy, other.levels[0].occupancy)


def test_a_node_without_clients_is_none() -> None:
    pages = Zipf(10**4, 0.9)
    some = Hierarchy([Level(LRU(100), shares=(0.7, 0.3)), LRU(500)]).solve(pages)
    more = Hierarchy([Level(LRU(100), shares=(0.7, 0.3 - 1e-9, 1e-9)), LRU(500)]).solve(pages)
    assert some.miss_ratio == pytest.approx(float(more.miss_ratio), abs=1e-7)


def test_shapes_and_nan() -> None:
    r = Hierarchy([Level(LRU([10.0, np.nan]), nodes=[[2], [4]]), LRU(100)]).solve(
        Zipf(1000, 0.8), [1.0, 10.0]
    )
    assert r.miss_ratio.shape == (2, 2)
    assert np.isnan(r.miss_ratio[:, 1]).all()
    assert np.isfinite(r.miss_ratio[:, 0]).all()
    alone = Hierarchy([Level(LRU(10.0), nodes=4), LRU(100)]).solve(Zipf(1000, 0.8))
    assert r.miss_ratio[1, 0] == pytest.approx(float(alone.miss_ratio), rel=1e-12)


def test_sizes_in_bytes() -> None:
    one = Hierarchy([LRU(10), LRU(100)]).solve(Zipf(1000, 0.8))
    many = Hierarchy([LRU(70), LRU(700)]).solve(Zipf(1000, 0.8, size=7.0))
    assert one.miss_ratio == pytest.approx(float(many.miss_ratio), rel=1e-12)


def test_what_the_labels_say() -> None:
    three = Hierarchy([LRU(10), LRU(100), LRU(200)]).solve(Zipf(1000))
    assert [three.basis[f"level {k}"] for k in (1, 2, 3)] == [
        "asymptotic", "asymptotic", "approximate",
    ]  # fmt: skip
    assert three.basis["hit_ratio"] == "approximate"
    assert "filtered-misses" in three.assumptions


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([], "needs a level"),
        ([LRU(1), Level(LRU(1), nodes=2)], "level 2 has 2 nodes, more than the 1"),
        ([LRU(1), Level(LRU(1), shares=(1.0,))], "only the first level"),
        ([Level(LRU(1), shares=(0.5, 0.5)), Level(LRU(1), nodes=2)], "one node"),
    ],
)
def test_refused_trees(levels: Any, message: str) -> None:
    with pytest.raises(qm.ModelError, match=message):
        Hierarchy(levels)


def test_refused_levels() -> None:
    with pytest.raises(qm.ModelError, match="constant lifetime"):
        Level(TTL(1.0))
    with pytest.raises(qm.ModelError, match="constant lifetime"):
        Level(TTL(qm.Exponential(1.0), renewing=True))
    with pytest.raises(qm.ModelError, match="3 nodes and 2 shares"):
        Level(LRU(1), nodes=3, shares=(0.5, 0.5))
    with pytest.raises(qm.DomainError, match="nodes"):
        Level(LRU(1), nodes=0)
    with pytest.raises(qm.DomainError, match="request_rate"):
        Hierarchy([LRU(1)]).solve(Zipf(10), 0.0)
    with pytest.raises(qm.ModelError, match="popularity"):
        Hierarchy([LRU(1)]).solve(None)  # type: ignore[arg-type]
