"""q-LRU of few objects is solved by its Markov chain."""

from __future__ import annotations

import numpy as np
import pytest

from qmodel.caches import LRU, QLRU, ExactLRU, ExactQLRU, Measured, Zipf
from qmodel.caches.policies.exact_q_lru import solvable
from qmodel.errors import DomainError

SIX = Zipf(6, 0.8)


def replayed(shares: np.ndarray, places: int, admitted: float, requests: int) -> float:
    rng = np.random.default_rng(4)
    asked = rng.choice(shares.size, requests, p=shares)
    lucky = rng.random(requests) < admitted
    held: list[int] = []
    hits = 0
    for wanted, taken in zip(asked.tolist(), lucky.tolist(), strict=True):
        if wanted in held:
            hits += 1
            held.remove(wanted)
        elif not taken:
            continue
        held.insert(0, wanted)
        del held[places:]
    return hits / requests


def test_it_is_the_chain() -> None:
    r = QLRU(3, 0.1).solve(SIX)
    assert float(r.hit_ratio) == pytest.approx(0.612966, abs=5e-7)
    assert r.basis["hit_ratio"] == "exact"
    assert r.basis["characteristic_time"] == "asymptotic"
    # Three standard errors of 200,000 requests that depend on one another.
    assert float(r.hit_ratio) == pytest.approx(
        replayed(SIX.shares(), 3, 0.1, 200_000), abs=0.005
    )


def test_all_admitted_is_lru() -> None:
    places = np.array([1, 2, 3, 5])
    found = QLRU(places, 1.0).solve(SIX)
    assert found.hit_ratio == pytest.approx(ExactLRU(places).solve(SIX).hit_ratio, abs=1e-12)
    assert found.hit_ratio_of(np.array([[1], [6]])) == pytest.approx(
        ExactLRU(places).solve(SIX).hit_ratio_of(np.array([[1], [6]])), abs=1e-12
    )


def test_one_place_of_many_objects() -> None:
    pages = Zipf(1000, 0.9)
    found = QLRU(1, [0.5, 0.01]).solve(pages)
    assert found.hit_ratio == pytest.approx([float((pages.shares() ** 2).sum())] * 2)


def test_between_whole_places() -> None:
    r = QLRU([2.0, 2.25, 3.0], 0.2).solve(SIX)
    assert r.hit_ratio[1] == pytest.approx(0.75 * r.hit_ratio[0] + 0.25 * r.hit_ratio[2])
    assert r.occupancy.tolist() == [2.0, 2.25, 3.0]
    slope = r.hit_ratio_slope()
    assert slope[:2] == pytest.approx([float(r.hit_ratio[2] - r.hit_ratio[0])] * 2)
    sized = QLRU(4.5 * 10, 0.2).solve(Zipf(6, 0.8, size=10.0))
    assert sized.hit_ratio == pytest.approx(float(QLRU(4.5, 0.2).solve(SIX).hit_ratio))


def test_where_the_chain_is_too_long() -> None:
    pages = Zipf(60, 0.9)
    r = QLRU([1, 2, 10, 60], 0.1).solve(pages)
    assert r.basis["hit_ratio"] == "asymptotic"
    assert r.hit_ratio[3] == 1.0
    assert (np.diff(r.hit_ratio) > 0).all()
    with pytest.raises(DomainError, match="at most 2520 orders"):
        ExactQLRU(10).solve(pages)
    assert not solvable(60, 10)


def test_scenarios_are_solved_one_by_one() -> None:
    pages = Zipf(7, [[0.5], [1.1]])
    found = QLRU([1, 3, 6], [[[0.1]], [[0.9]]]).solve(pages)
    assert found.hit_ratio.shape == (2, 2, 3)
    alone = QLRU(3, 0.9).solve(Zipf(7, 1.1)).hit_ratio
    assert found.hit_ratio[1, 1, 1] == pytest.approx(float(alone), abs=1e-13)
    never = Measured([4, 3, 2, 0, 0], complete=True)
    some = Measured([4, 3, 2], complete=True)
    for places in (2, 3, 4):
        with_them = QLRU(places, 0.3).solve(never).hit_ratio
        assert float(with_them) == pytest.approx(float(QLRU(places, 0.3).solve(some).hit_ratio))


def test_few_admissions_keep_the_most_popular() -> None:
    found = QLRU(3, [1.0, 0.3, 0.1, 0.001]).solve(SIX).hit_ratio
    assert (np.diff(found) > 0).all()
    assert found[0] == pytest.approx(float(LRU(3).solve(SIX).hit_ratio), abs=1e-9)
    assert found[-1] < SIX.shares()[:3].sum()


def test_time_of_an_object_is_littles() -> None:
    # What is let in, times how long it stays, is what is there.
    r = QLRU(3, 0.1).solve(SIX, np.array([7.0, 14.0]))
    let_in = np.array([7.0, 14.0]) * r.miss_ratio * 0.1
    assert r.eviction_age * let_in == pytest.approx(np.array([3.0, 3.0]), rel=1e-12)


def test_hit_ratio_of_each_rank_makes_that_of_all() -> None:
    r = QLRU(3, 0.1).solve(SIX)
    of_each = np.array([float(r.hit_ratio_of(rank)) for rank in range(1, 7)])
    assert of_each @ SIX.shares() == pytest.approx(float(r.hit_ratio), rel=1e-12)
    assert r.hit_ratio_of(np.arange(1, 7)) == pytest.approx(of_each, rel=1e-12)
