"""The best split of memory over several caches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import FIFO, KLRU, LFU, LRU, Zipf
from qmodel.planning.memory_split import CacheDemand, split_memory

DEAR = settings(max_examples=settings.default.max_examples // 2)
"""For what costs seconds."""

PAGES = CacheDemand(LRU(0), Zipf(20_000, 0.8), 1.0)
USERS = CacheDemand(LRU(0), Zipf(5_000, 1.1), 2.0)


def hits(demands: list[CacheDemand], capacities: list[object]) -> object:
    return sum(
        d.request_rate * d.penalty * replace(d.cache, capacity=c).solve(d.popularity).hit_ratio
        for d, c in zip(demands, capacities, strict=True)
    )


def test_no_other_split_of_two_has_more_hits() -> None:
    best = split_memory([PAGES, USERS], 2000.0)
    first = np.linspace(0.0, 2000.0, 2001)
    others = hits([PAGES, USERS], [first, 2000.0 - first])
    assert best.hits >= others.max() * (1 - 1e-12)
    assert first[others.argmax()] == pytest.approx(best.capacity[0], abs=1.0)
    # Simulated rules of thumb: equal halves, in proportion to the requests, one for both.
    assert best.hits == pytest.approx(2.0187, abs=5e-5)
    assert hits([PAGES, USERS], [1000.0, 1000.0]) == pytest.approx(2.0067, abs=5e-5)
    assert hits([PAGES, USERS], [2000 / 3, 4000 / 3]) == pytest.approx(2.0184, abs=5e-5)


def test_no_other_split_of_three_has_more_hits() -> None:
    rng = np.random.default_rng(3)
    third = CacheDemand(FIFO(0), Zipf(1_000, 0.5), 0.7, penalty=3.0)
    demands = [PAGES, USERS, third]
    best = split_memory(demands, 4000.0)
    near = best.capacity[:, None] * rng.uniform(0.9, 1.1, (3, 1000))
    far = rng.dirichlet([1.0, 1.0, 1.0], 1000).T
    for parts in (near, far):
        others = hits(demands, list(4000.0 * parts / parts.sum(axis=0)))
        assert best.hits >= others.max()


@pytest.mark.thorough
@DEAR
@given(
    part=st.floats(0.01, 0.99),
    exponents=st.lists(st.floats(0.3, 1.4), min_size=3, max_size=3),
    rates=st.lists(st.floats(0.1, 100.0), min_size=3, max_size=3),
    penalty=st.floats(0.1, 10.0),
)
def test_the_last_unit_is_worth_the_same_everywhere(
    part: float, exponents: list[float], rates: list[float], penalty: float
) -> None:
    objects = (1000, 3000, 10_000)
    demands = [
        CacheDemand(kind(0), Zipf(n, a), rate, w)
        for kind, n, a, rate, w in zip(
            (LRU, FIFO, LRU), objects, exponents, rates, (1.0, 1.0, penalty), strict=True
        )
    ]
    total = part * sum(objects)
    best = split_memory(demands, total)
    assert best.capacity.sum() == pytest.approx(total, rel=1e-12)
    solved = [
        type(d.cache)(c).solve(d.popularity)
        for d, c in zip(demands, best.capacity, strict=True)
    ]
    worth = [
        d.request_rate * d.penalty * r.hit_ratio_slope()
        for d, r in zip(demands, solved, strict=True)
    ]
    for w, c, n in zip(worth, best.capacity, objects, strict=True):
        # Caches of few places are solved otherwise, with jumps in their value at the margin.
        if 64 <= c < n * (1 - 1e-9):
            assert w == pytest.approx(best.value, rel=1e-5)
        # What is full would be worth more, were there more to ask for.


def test_alike_caches_share_alike() -> None:
    best = split_memory([PAGES, PAGES, PAGES], 3000.0)
    assert best.capacity == pytest.approx([1000.0] * 3, rel=1e-9)


@pytest.mark.thorough
def test_all_of_it_is_shared_out_also_where_some_are_full() -> None:
    rates = np.array([0.01, 1.0, 100.0, 1e4])
    small = CacheDemand(FIFO(0), Zipf(3000, 0.9375), rates[:, None])
    totals = np.array([1.0, 3000.0, 5687.5, 22_999.0, 23_000 * (1 - 1e-11)])
    best = split_memory([small, PAGES], totals)
    assert best.capacity.sum(axis=0) == pytest.approx(totals * np.ones((4, 1)), rel=1e-12)
    assert (best.capacity[0] <= 3000.0 * (1 + 1e-12)).all()
    assert (best.capacity[1] <= 20_000.0 * (1 + 1e-12)).all()
    assert best.capacity[0, 3, 2] == pytest.approx(3000.0, rel=1e-12)


def test_a_dear_miss_gets_more() -> None:
    penalties = np.array([0.5, 1.0, 2.0])
    dear = CacheDemand(LRU(0), Zipf(20_000, 0.8), 1.0, penalties)
    best = split_memory([dear, USERS], 2000.0)
    assert best.capacity.shape == best.hit_ratio.shape == (2, 3)
    assert (np.diff(best.capacity[0]) > 0).all()
    assert best.capacity[:, 1] == pytest.approx(split_memory([PAGES, USERS], 2000.0).capacity)
    # What counts is the product of rate and penalty.
    often = split_memory([CacheDemand(LRU(0), Zipf(20_000, 0.8), 2.0), USERS], 2000.0)
    assert best.capacity[:, 2] == pytest.approx(often.capacity)


def test_nothing_everything_and_nan() -> None:
    best = split_memory([PAGES, USERS], [0.0, 25_000.0, 1e6, np.nan])
    assert best.capacity[:, 0] == pytest.approx([0.0, 0.0])
    assert best.capacity[:, 1:3].T.tolist() == [[20_000.0, 5_000.0]] * 2
    assert best.hits[:3] == pytest.approx([0.0, 3.0, 3.0])
    assert best.value[0] == split_memory([USERS], 0.0).value > best.value[1] == 0.0
    assert np.isnan(best.capacity[:, 3]).all()
    assert np.isnan(best.hits[3])


def test_bytes_and_one_cache_alone() -> None:
    pictures = CacheDemand(LRU(0), Zipf(20_000, 0.8, size=100.0), 1.0)
    best = split_memory([pictures], 5e4)
    assert best.capacity == pytest.approx([5e4])
    both = split_memory([pictures, USERS], 1e5)
    # In bytes a page of a hundred is worth a hundredth.
    assert both.capacity[1] > split_memory([PAGES, USERS], 1e5 / 100).capacity[1]


def test_what_cannot_be_asked() -> None:
    with pytest.raises(qm.DomainError, match="demands must not be empty"):
        split_memory([], 1.0)
    with pytest.raises(qm.ModelError, match="demands must be a sequence, each"):
        split_memory([LRU(1.0)], 1.0)  # type: ignore[list-item]
    with pytest.raises(qm.DomainError, match=r"total must be .* got -1"):
        split_memory([PAGES], -1.0)
    with pytest.raises(qm.ModelError, match="cache must be a Replacement"):
        CacheDemand(LFU(1.0), Zipf(10), 1.0)  # type: ignore[arg-type]
    with pytest.raises(qm.ModelError, match="give KLRU its identifiers"):
        CacheDemand(KLRU(0), Zipf(10), 1.0)
    with pytest.raises(qm.DomainError, match=r"penalty must be .* got 0"):
        CacheDemand(LRU(0), Zipf(10), 1.0, 0.0)
    assert CacheDemand(KLRU(0, identifiers=5), Zipf(10), 1.0).penalty == 1.0
