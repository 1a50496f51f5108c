"""Exact caches, against Markov chains of all contents, and published figures elsewhere."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import FIFO, LFU, LRU, ExactFIFO, ExactLRU, Measured, Zipf
from qmodel.numerics.poisson_binomial import distribution, without_each


def chain(shares: np.ndarray, places: int, to_front: bool) -> np.ndarray:
    """Return the probability of each object to be present, from all orders of contents."""
    states = list(permutations(range(len(shares)), places))
    number = {state: i for i, state in enumerate(states)}
    moves = np.zeros((len(states), len(states)))
    for state, i in number.items():
        for k, p in enumerate(shares):
            if k in state:
                after = (k, *(j for j in state if j != k)) if to_front else state
            else:
                after = (k, *state[:-1])
            moves[i, number[after]] += p
    balance = moves.T - np.eye(len(states))
    balance[-1] = 1.0
    right = np.zeros(len(states))
    right[-1] = 1.0
    weights = np.linalg.solve(balance, right)
    present = [[k in state for state in states] for k in range(len(shares))]
    return np.array(present, dtype=float) @ weights


@pytest.mark.parametrize("places", [1, 2, 3, 4])
@pytest.mark.parametrize("shares", [[0.5, 0.2, 0.15, 0.1, 0.05], [0.3, 0.3, 0.2, 0.1, 0.1]])
def test_against_all_contents(places: int, shares: list[float]) -> None:
    popularity = Measured.of_shares(shares)
    ranks = np.arange(1, 6)
    for cache, to_front in ((ExactLRU(places), True), (ExactFIFO(places), False)):
        h = chain(np.array(shares), places, to_front)
        r = cache.solve(popularity)
        assert r.hit_ratio_of(ranks) == pytest.approx(h, rel=1e-11)
        assert r.hit_ratio == pytest.approx(h @ shares, rel=1e-12)
        assert r.basis["hit_ratio"] == "exact"


@settings(max_examples=20)
@given(st.integers(2, 60), st.floats(0.0, 2.0), st.data())
def test_properties(objects: int, exponent: float, data: st.DataObject) -> None:
    places = data.draw(st.integers(1, objects - 1))
    pages = Zipf(objects, exponent)
    lru, fifo = ExactLRU(places).solve(pages), ExactFIFO(places).solve(pages)
    assert lru.occupancy == pytest.approx(places, rel=1e-11)
    assert fifo.occupancy == pytest.approx(places, rel=1e-11)
    best = LFU(places).solve(pages).hit_ratio
    assert best + 1e-11 >= lru.hit_ratio >= fifo.hit_ratio - 1e-11
    if places == 1:
        assert lru.hit_ratio == pytest.approx((pages.shares() ** 2).sum(), rel=1e-11)
        assert fifo.hit_ratio == pytest.approx((pages.shares() ** 2).sum(), rel=1e-11)


@pytest.mark.parametrize("places", [1, 30, 250, 299])
def test_a_few_hundred_objects(places: int) -> None:
    pages = Zipf(300, 1.2)
    assert ExactLRU(places).solve(pages).occupancy == pytest.approx(places, rel=1e-12)
    fifo = ExactFIFO(places).solve(pages)
    assert fifo.occupancy == pytest.approx(places, rel=1e-12)
    if places > 1:
        usual = FIFO(places).solve(pages).hit_ratio
        assert fifo.hit_ratio == pytest.approx(usual, abs=0.003)
        exact = ExactLRU(places).solve(pages).hit_ratio
        assert exact == pytest.approx(LRU(places).solve(pages).hit_ratio, abs=0.001)


def test_a_thousand_objects() -> None:
    r = ExactLRU([500, 900]).solve(Zipf(1000, [0.6, 1.0]))
    assert r.occupancy == pytest.approx(np.array([500, 900]), rel=1e-13)


def test_arrays_and_edges() -> None:
    places = np.array([[0.0], [5.0], [19.0], [20.0], [50.0]])
    for policy in (ExactLRU, ExactFIFO):
        r = policy(places).solve(Zipf(20, [0.5, 1.0]), 3.0)
        assert r.hit_ratio.shape == (5, 2)
        assert (r.hit_ratio[0] == 0).all()
        assert (r.eviction_age[0] == 0).all()
        assert r.hit_ratio[3:] == pytest.approx(np.ones((2, 2)), rel=1e-14)
        assert np.isinf(r.eviction_age[3:]).all()
        one = policy(5).solve(Zipf(20, 1.0), 3.0)
        assert r.hit_ratio[1, 1] == pytest.approx(one.hit_ratio, rel=1e-12)
        assert r.eviction_age[1, 1] == pytest.approx(one.eviction_age, rel=1e-12)
        assert r.hit_ratio_of(2)[1, 1] == pytest.approx(one.hit_ratio_of(2), rel=1e-12)
        sizes = policy(2).solve(Zipf([3, 20], 1.0)).hit_ratio
        assert sizes[0] == pytest.approx(policy(2).solve(Zipf(3, 1.0)).hit_ratio, rel=1e-12)
        assert np.isnan(policy(2).solve(Zipf(5, [1.0, np.nan])).hit_ratio[1])


def test_what_is_refused() -> None:
    with pytest.raises(qm.DomainError, match="at most 1000 for ExactLRU"):
        ExactLRU(5).solve(Zipf(1001))
    with pytest.raises(qm.DomainError, match="at most 5000 for ExactFIFO"):
        ExactFIFO(5).solve(Zipf(5001))
    with pytest.raises(qm.DomainError, match="capacity"):
        ExactLRU(2.5)  # type: ignore[arg-type]
    with pytest.raises(qm.ModelError, match="sizes"):
        ExactLRU(2).solve(Zipf(10, size=3.0))
    with pytest.raises(qm.ModelError, match="derivative"):
        ExactLRU(2).solve(Zipf(10)).hit_ratio_slope()


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=10), st.data())
def test_distributions_of_unlike_events(
    probabilities: list[float], data: st.DataObject
) -> None:
    outcomes = np.array(np.meshgrid(*[[0, 1]] * len(probabilities), indexing="ij"))
    outcomes = outcomes.reshape(len(probabilities), -1)
    pi = np.array(probabilities)[:, None]
    each = np.where(outcomes, pi, 1 - pi)
    total, exact = outcomes.sum(axis=0), each.prod(axis=0)
    expected = [exact[total == k].sum() for k in range(len(probabilities) + 1)]
    assert distribution(probabilities) == pytest.approx(expected, abs=1e-14)
    most = data.draw(st.integers(0, len(probabilities) - 1))
    few, just = without_each(probabilities, most)
    for i in range(len(probabilities)):
        others = np.delete(each, i, axis=0).prod(axis=0) / 2
        number = np.delete(outcomes, i, axis=0).sum(axis=0)
        assert few[i] == pytest.approx(others[number <= most].sum(), abs=1e-13)
        assert just[i] == pytest.approx(others[number == most].sum(), abs=1e-13)


@pytest.mark.parametrize("objects", [200, 900])
def test_objects_alike(objects: int) -> None:
    # The share of one is small, and yet the number asked for changes within a request.
    places = np.array([1, 5, 100, objects - 5])
    r = ExactLRU(places).solve(Zipf(objects, 0.0))
    assert r.hit_ratio == pytest.approx(places / objects, rel=1e-12)
