"""What all caches that evict have in common, and how they differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import (
    FIFO,
    KLRU,
    LFU,
    LRU,
    QLRU,
    Clock,
    ExpiringLRU,
    Measured,
    Mixed,
    Random,
    Zipf,
)
from qmodel.caches.policies import clock, fifo, lru, q_lru

POLICIES = {
    "LRU": LRU, "FIFO": FIFO, "Random": Random, "Clock": Clock, "QLRU": QLRU,
    "QLRU rare": lambda c: QLRU(c, admitted=0.001), "KLRU": KLRU,
    "3-LRU": lambda c: KLRU(c, levels=3),
    "few identifiers": lambda c: KLRU(c, identifiers=5.0),
}  # fmt: skip
SHAPES = ("LRU", "Clock", "QLRU rare", "3-LRU", "few identifiers")
every_policy = pytest.mark.parametrize("name", POLICIES)
catalogues = st.builds(Zipf, st.integers(2, 10**7), st.floats(0.0, 2.0))


@pytest.mark.parametrize("name", SHAPES)
@given(pages=catalogues, part=st.floats(1e-6, 0.9999))
def test_the_cache_is_full(name: str, pages: Zipf, part: float) -> None:
    capacity = part * float(pages.objects)
    r = POLICIES[name](capacity).solve(pages)
    assert r.occupancy == pytest.approx(capacity, rel=1e-9)
    assert 0 <= r.hit_ratio <= 1 + 1e-12
    assert r.hit_ratio + r.miss_ratio == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", SHAPES)
@given(pages=catalogues, parts=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)))
def test_more_places_more_hits(name: str, pages: Zipf, parts: tuple[float, float]) -> None:
    few, many = sorted(parts)
    capacities = np.array([few, many]) * float(pages.objects)
    h = POLICIES[name](capacities).solve(pages).hit_ratio
    assert h[0] <= h[1] + 1e-12


@given(pages=catalogues, part=st.floats(1e-4, 0.999))
def test_the_order_of_policies(pages: Zipf, part: float) -> None:
    places = part * float(pages.objects)
    lfu, k_lru, lru, fifo, random = (
        float(policy(places).solve(pages).hit_ratio)
        for policy in (LFU, KLRU, LRU, FIFO, Random)
    )
    assert lfu >= k_lru - 1e-9
    assert lfu >= lru - 1e-9
    assert lru >= fifo - 1e-9
    assert fifo == random


@every_policy
def test_uniform_popularity_leaves_no_choice(name: str) -> None:
    places = np.array([1.0, 10.0, 70.0, 99.0])
    r = POLICIES[name](places).solve(Zipf(100, 0.0))
    assert r.hit_ratio == pytest.approx(places / 100, rel=1e-10)


@every_policy
def test_nothing_and_everything(name: str) -> None:
    r = POLICIES[name]([0.0, 1000.0, 2000.0, np.inf]).solve(Zipf(1000, 0.8), 5.0)
    if name != "few identifiers":
        assert r.hit_ratio == pytest.approx([0, 1, 1, 1], rel=1e-14)
        assert (r.hit_ratio <= 1).all()
        assert r.occupancy == pytest.approx([0, 1000, 1000, 1000], rel=1e-14)
        assert r.miss_rate == pytest.approx([5, 0, 0, 0], rel=1e-13)
    assert (r.characteristic_time == [0, np.inf, np.inf, np.inf]).all()
    assert (r.eviction_age == [0, np.inf, np.inf, np.inf]).all()
    assert (r.hit_ratio_slope()[1:] == 0).all()
    assert "everything fits" in repr(POLICIES[name](1000).solve(Zipf(1000, 0.8)))


GOLDEN = {
    LRU: [0.3777902213, 0.7697154655],
    FIFO: [0.3336797094, 0.7273948684],
    KLRU: [0.4780794545, 0.7952738735],
    LFU: [0.5258265116, 0.8335297683],
}
"""Zipf's law of exponent 0.8 over 1,000 objects, 100 and 500 places, by direct sums."""


@pytest.mark.parametrize("policy", GOLDEN)
def test_direct_sums(policy: Any) -> None:
    found = policy([100, 500]).solve(Zipf(1000, 0.8)).hit_ratio
    assert found == pytest.approx(GOLDEN[policy], rel=0, abs=5.1e-11)


@pytest.mark.parametrize("exponent", [1.3, 1.5, 2.0])
def test_lru_misses_more_than_the_optimum_by_a_known_factor(exponent: float) -> None:
    from scipy.special import gamma

    # Jelenkovic 1999: for many places of an endless catalogue with an exponent above 1.
    pages, places = Zipf(10**9, exponent), 10**4
    ratio = LRU(places).solve(pages).miss_ratio / LFU(places).solve(pages).miss_ratio
    limit = (1 - 1 / exponent) * gamma(1 - 1 / exponent) ** exponent
    assert ratio == pytest.approx(limit, rel=0.02 if exponent == 1.3 else 0.002)


@given(pages=catalogues, parts=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)))
def test_each_place_is_worth_less(pages: Zipf, parts: tuple[float, float]) -> None:
    few, many = sorted(parts)
    capacities = np.array([few, many]) * float(pages.objects)
    slope = LRU(capacities).solve(pages).hit_ratio_slope()
    assert slope[0] >= slope[1] * (1 - 1e-9) - 1e-15


@pytest.mark.parametrize("objects", [16, 28, 38])
def test_no_hit_ratio_rounds_above_one(objects: int) -> None:
    # The shares of these catalogues sum to a little more than 1.
    assert LRU(objects).solve(Zipf(objects, 0.8)).hit_ratio == 1.0


@every_policy
def test_the_slope_is_the_derivative(name: str) -> None:
    pages = Zipf(10**4, [0.0, 0.7, 1.2], size=2.0)
    # Few places are whole ones, between which it is constant: none of these is.
    places, step = np.array([2.6, 51.0, 3000.0, 19_000.0])[:, None], 1e-5
    # The lists of identifiers stay as they are.
    make: Any = POLICIES[name] if "LRU" not in name or name[0] in "LQ" else None
    if make is None:
        make = lambda c: KLRU(c, levels=3, identifiers=300.0)  # noqa: E731
    up, down = (make(places * (1 + d)).solve(pages).hit_ratio for d in (step, -step))
    slope = make(places).solve(pages).hit_ratio_slope()
    assert slope == pytest.approx((up - down) / (2 * step * places), rel=1e-5)
    none = make(0.0).solve(pages).hit_ratio_slope()
    assert none == pytest.approx(make(1e-6).solve(pages).hit_ratio / 1e-6, rel=1e-3)


@every_policy
def test_time_is_in_seconds(name: str) -> None:
    slow, fast = (POLICIES[name](50.0).solve(Zipf(1000, 0.9), rate) for rate in (1.0, 400.0))
    assert fast.hit_ratio == pytest.approx(slow.hit_ratio, rel=1e-14)
    assert fast.characteristic_time == pytest.approx(slow.characteristic_time / 400.0)
    assert fast.eviction_age == pytest.approx(slow.eviction_age / 400.0)
    assert fast.miss_rate == pytest.approx(slow.miss_rate * 400.0)


@every_policy
def test_objects_make_up_the_whole(name: str) -> None:
    pages = Zipf(60, 0.9)
    r = POLICIES[name](7.0).solve(pages)
    h = r.hit_ratio_of(np.arange(1, 61))
    assert h.sum() == pytest.approx(7.0, rel=1e-12)
    assert pages.shares() @ h == pytest.approx(r.hit_ratio, rel=1e-12)
    assert (np.diff(h) < 0).all()


def test_how_long_objects_stay() -> None:
    pages, rate = Zipf(1000, 0.8), 3.0
    r = FIFO([80.0, 500.0]).solve(pages, rate)
    assert r.eviction_age == pytest.approx(r.characteristic_time, rel=1e-12)
    # With admission q, an object enters as q of the misses for it.
    q = QLRU(20.0, admitted=0.2).solve(pages, rate)
    assert q.eviction_age == pytest.approx(20.0 / (rate * 0.2 * q.miss_ratio))
    # In 2-LRU an object enters if it misses and is known.
    k = KLRU(40.0).solve(pages, rate)
    h = k.hit_ratio_of(np.arange(1, 1001))
    known = LRU(40.0).solve(pages).hit_ratio_of(np.arange(1, 1001))
    entering = rate * (pages.shares() * (1 - h) * known).sum()
    assert k.eviction_age == pytest.approx(40.0 / entering, rel=1e-10)


@pytest.mark.parametrize(
    "presence",
    [
        lru.presence, fifo.presence, clock.presence, lambda x: q_lru.presence(x, 0.1),
    ],
)  # fmt: skip
def test_the_derivative_of_presence(presence: Any) -> None:
    x, step = np.geomspace(1e-6, 30.0, 40), 1e-6
    difference = (presence(x * (1 + step))[0] - presence(x * (1 - step))[0]) / (2 * step)
    assert presence(x)[1] == pytest.approx(difference, rel=1e-6, abs=1e-10)
    assert presence(np.array([0.0, 1e4]))[0] == pytest.approx([0.0, 1.0], abs=2e-4)


def test_special_cases_of_one_another() -> None:
    pages, places = Zipf(10**5, 0.9), np.array([40.0, 1e3, 5e4])
    lru = LRU(places).solve(pages).hit_ratio
    assert QLRU(places, admitted=1.0).solve(pages).hit_ratio == pytest.approx(lru, rel=1e-12)
    assert KLRU(places, levels=1).solve(pages).hit_ratio == pytest.approx(lru, rel=1e-12)
    all_known = KLRU(places, identifiers=1e5).solve(pages).hit_ratio
    assert all_known == pytest.approx(lru, rel=1e-12)
    lfu = LFU(places).solve(pages).hit_ratio
    assert QLRU(places, admitted=1e-12).solve(pages).hit_ratio == pytest.approx(lfu, rel=0.02)


def test_many_sizes_are_single_ones() -> None:
    pages = Zipf(10**6, 0.8)
    places = np.concatenate([[0.0], np.geomspace(1e-3, 999_999.0, 400), [1e6, np.nan]])
    for policy in (LRU, FIFO, Clock, QLRU, KLRU):
        many = policy(places).solve(pages).hit_ratio
        one = [float(policy(c).solve(pages).hit_ratio) for c in places[::40]]
        assert many[::40] == pytest.approx(one, rel=1e-11, nan_ok=True)
        assert np.isnan(many[-1])


def test_parameters_broadcast() -> None:
    places = np.array([10.0, 100.0, 1000.0])[:, None, None]
    q = np.array([0.01, 0.5])[:, None]
    pages = Zipf(10**4, np.array([0.6, 0.8, 1.0, 1.2]))
    r = QLRU(places, q).solve(pages, request_rate=np.array([2.0, 3.0, 4.0, 5.0]))
    assert r.hit_ratio.shape == r.eviction_age.shape == r.hit_ratio_slope().shape == (3, 2, 4)
    one = QLRU(100.0, 0.5).solve(Zipf(10**4, 1.0), 4.0)
    for name in ("hit_ratio", "characteristic_time", "occupancy", "eviction_age", "miss_rate"):
        assert getattr(r, name)[1, 1, 2] == pytest.approx(getattr(one, name), rel=1e-12), name
    assert r.hit_ratio_slope()[1, 1, 2] == pytest.approx(one.hit_ratio_slope(), rel=1e-12)
    assert r.hit_ratio_of(7)[1, 1, 2] == pytest.approx(one.hit_ratio_of(7), rel=1e-12)
    assert len(r.to_frame()) == 24


def test_heavy_arrays_in_chunks() -> None:
    q = np.linspace(0.01, 1.0, 2000)
    many = QLRU(100.0, q).solve(Zipf(10**6, 0.8)).hit_ratio
    assert many[1234] == pytest.approx(
        QLRU(100.0, q[1234]).solve(Zipf(10**6, 0.8)).hit_ratio, rel=1e-12
    )


def test_labels() -> None:
    pages = Zipf(100)
    for policy, label in (
        (LRU(10), "exact"), (FIFO(10), "exact"), (QLRU(10), "asymptotic"),
        (LRU(20), "asymptotic"), (FIFO(80), "asymptotic"), (LRU([10, 20]), "asymptotic"),
        (KLRU(10), "approximate"), (KLRU(10, levels=1), "asymptotic"),
        (Clock(10), "approximate"), (LFU(10), "exact"), (ExpiringLRU(10, 5.0), "asymptotic"),
    ):  # fmt: skip
        r = policy.solve(pages)  # type: ignore[attr-defined]
        assert r.basis["hit_ratio"] == label
        assert "independent-reference" in r.assumptions


def test_a_slope_needs_a_capacity() -> None:
    with pytest.raises(qm.ModelError, match="TTL has no derivative"):
        qm.caches.TTL(5.0).solve(Zipf(10)).hit_ratio_slope()


def test_lfu_by_objects() -> None:
    pages = Measured([50, 20, 20, 10], complete=True)
    h = LFU([1.0, 2.0, 3.5]).solve(pages)
    assert h.hit_ratio == pytest.approx([0.5, 0.7, 0.95])
    ranks = np.arange(1, 5)[:, None]
    expected = [[1, 1, 1], [0, 0.5, 1], [0, 0.5, 1], [0, 0, 0.5]]
    assert h.hit_ratio_of(ranks) == pytest.approx(np.array(expected))
    assert h.hit_ratio_slope() == pytest.approx([0.2, 0.2, 0.1], rel=1e-6)
    assert np.isinf(h.eviction_age).all()
    assert LFU([np.inf, 4.0]).solve(pages).hit_ratio_of(4) == pytest.approx([1.0, 1.0])
    zipf = LFU(12.0).solve(Zipf(100, 0.8)).hit_ratio_of(np.arange(1, 101))
    assert (zipf == (np.arange(100) < 12)).all()


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (lambda: LRU(-1), "capacity"), (lambda: LFU(-1), "capacity"),
        (lambda: QLRU(1, 0.0), "admitted"), (lambda: QLRU(1, 1.5), "admitted"),
        (lambda: KLRU(1, levels=0), "levels"), (lambda: KLRU(1, identifiers=0), "identifiers"),
        (lambda: ExpiringLRU(1, -1.0), "ttl"),
        (lambda: LRU(1).solve(Zipf(5), 0.0), "request_rate"),
    ],
)  # fmt: skip
def test_impossible_parameters(bad: Any, named: str) -> None:
    with pytest.raises(qm.DomainError, match=named):
        bad()
    with pytest.raises(qm.ModelError, match="popularity"):
        LRU(1).solve(0.8)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [45, 197, 199, 221])
def test_the_solver_does_not_go_to_and_fro(seed: int) -> None:
    # Newton's steps alone swing between two points here, and end far from the root.
    rng = np.random.default_rng(seed)
    weight, few = rng.random(), Measured(rng.pareto(1.0, 50) + 0.01, sizes=2.0, complete=True)
    pages = Mixed([weight, 1 - weight], [Zipf(1000, 0.5), few])
    places = np.linspace(1000, 1099.9, 30)
    for policy in (QLRU(places, 0.01), KLRU(places)):
        r = policy.solve(pages)
        assert (np.diff(r.hit_ratio) >= 0).all()
        hits = r.hits(pages.grid.share)
        assert pages.grid.over_sizes(hits) == pytest.approx(places, rel=1e-9)
