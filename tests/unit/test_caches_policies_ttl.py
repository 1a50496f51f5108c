"""Caches whose entries expire: closed forms, renewals, and expiry beside eviction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import LRU, TTL, ExpiringLRU, Zipf
from qmodel.caches.policies.lru_ttl import hits_of_one_life
from qmodel.caches.policies.ttl import hit_ratio, hit_ratio_of_renewals

NAMES, RATE = Zipf(5000, 0.9), 20.0


def shares() -> Any:
    return NAMES.shares()


@pytest.mark.parametrize("life", [1e-9, 0.1, 60.0, 1e5])
def test_sums_over_the_catalogue(life: float) -> None:
    asked = shares() * RATE * life
    kept, renewed = TTL(life).solve(NAMES, RATE), TTL(life, True).solve(NAMES, RATE)
    for r, h in ((kept, asked / (1 + asked)), (renewed, -np.expm1(-asked))):
        assert r.hit_ratio == pytest.approx((shares() * h).sum(), rel=1e-12)
        assert r.occupancy == pytest.approx(h.sum(), rel=1e-12)
        assert r.hit_ratio_of(np.arange(1, 5001)) == pytest.approx(h, rel=1e-12)
        assert r.miss_rate == pytest.approx(RATE * (1 - (shares() * h).sum()), rel=1e-9)
        assert r.basis == "exact"
    # Without renewal all entries stay just as long; with it, the longer.
    assert kept.eviction_age == pytest.approx(life, rel=1e-10)
    assert renewed.eviction_age >= kept.eviction_age
    assert renewed.hit_ratio >= kept.hit_ratio


def test_renewing_entries_stay_a_busy_period() -> None:
    # One object: it stays until a gap exceeds the life, (exp(x) - 1) / rate on average.
    r = TTL(2.0, renewing=True).solve(Zipf(1), 0.7)
    assert r.eviction_age == pytest.approx((np.exp(1.4) - 1) / 0.7, rel=1e-12)


def test_distributions_of_lives() -> None:
    fixed, random = TTL(30.0), TTL(qm.Exponential(30.0))
    assert random.solve(NAMES, RATE).hit_ratio == fixed.solve(NAMES, RATE).hit_ratio
    # Exponential lives that hits renew are those that they do not.
    renewed = TTL(qm.Exponential(30.0), renewing=True).solve(NAMES, RATE)
    assert renewed.hit_ratio == pytest.approx(fixed.solve(NAMES, RATE).hit_ratio, rel=1e-12)
    constant = TTL(qm.Deterministic(30.0), renewing=True).solve(NAMES, RATE)
    exact = TTL(30.0, renewing=True).solve(NAMES, RATE).hit_ratio
    assert constant.hit_ratio == pytest.approx(exact, rel=1e-9)
    several = TTL(qm.Gamma([3.0, 30.0], 0.5), renewing=True).solve(NAMES, RATE)
    one = TTL(qm.Gamma(30.0, 0.5), renewing=True).solve(NAMES, RATE)
    assert several.hit_ratio[1] == pytest.approx(one.hit_ratio, rel=1e-12)
    assert several.hit_ratio_of(3)[1] == pytest.approx(one.hit_ratio_of(3), rel=1e-12)


def test_arrays_and_limits() -> None:
    r = TTL([[1e-300], [5.0], [np.inf], [np.nan]]).solve(Zipf(100, [0.5, 1.0]), [1.0, 2.0])
    assert r.hit_ratio.shape == r.characteristic_time.shape == (4, 2)
    assert (r.hit_ratio[0] < 1e-300).all()
    assert r.hit_ratio[2] == pytest.approx([1, 1], rel=1e-14)
    assert np.isnan(r.hit_ratio[3]).all()
    assert r.hit_ratio[1, 1] == pytest.approx(TTL(5.0).solve(Zipf(100), 2.0).hit_ratio)


def test_faster_clocks_change_nothing() -> None:
    for cache in (TTL, lambda t: TTL(t, True), lambda t: ExpiringLRU(100.0, t)):
        slow, fast = cache(10.0).solve(NAMES, 1.0), cache(0.1).solve(NAMES, 100.0)
        assert fast.hit_ratio == pytest.approx(slow.hit_ratio, rel=1e-12)


H2 = qm.HyperExponential([0.9, 0.1], [1 / 4, 1 / 0.3])


def test_renewal_functions() -> None:
    life = np.array([1e-9, 0.01, 0.5, 2.0, 50.0])
    poisson = hit_ratio_of_renewals(qm.Exponential(0.25), life)
    assert poisson == pytest.approx(hit_ratio(4.0, life), rel=1e-8)
    drift = 4 * 0.1 + 0.3 * 0.9
    requests = life / H2.mean - (H2.scv - 1) / 2 * np.expm1(-drift * life)
    bursts = hit_ratio_of_renewals(H2, life)
    assert bursts == pytest.approx(requests / (1 + requests), rel=1e-8)
    # Erlang-2 gaps: m(t) = t / mean - (1 - exp(-4 t / mean)) / 4.
    regular = life - (1 - np.exp(-4 * life)) / 4
    assert hit_ratio_of_renewals(qm.Erlang(1.0, 2), life) == pytest.approx(
        regular / (1 + regular), rel=1e-7, abs=1e-12
    )
    assert hit_ratio_of_renewals(H2, life, renewing=True) == pytest.approx(H2.cdf(life))
    many = hit_ratio_of_renewals(qm.Exponential([0.25, 1.0]), [[0.5], [2.0]])
    assert many == pytest.approx(hit_ratio(np.array([4.0, 1.0]), np.array([[0.5], [2.0]])))
    with pytest.raises(qm.ModelError, match="no jumps"):
        hit_ratio_of_renewals(qm.Deterministic(1.0), 0.5)


def hits_by_convolution(x: float, lives: float, cells: int = 4000) -> float:
    """Return the share of hits from the renewal equation of gaps that are cut at 1."""
    step = lives / cells
    t = np.arange(cells + 1) * step
    cut = -np.expm1(-x * np.minimum(t, 1.0))
    mass = np.diff(cut)
    m = np.zeros(cells + 1)
    for k in range(1, cells + 1):
        # The mass of each cell lies at its middle, where m is the mean of its ends.
        past = (m[k - 1 :: -1] + m[k:0:-1]) / 2
        known = past * mass[:k]
        m[k] = (cut[k] + known[1:].sum() + m[k - 1] / 2 * mass[0]) / (1 - mass[0] / 2)
    return float(m[-1] / (1 + m[-1]))


@pytest.mark.parametrize(("x", "lives"), [(0.5, 3.3), (1.0, 2.5), (2.0, 1.4), (4.0, 7.0)])
def test_one_life_by_its_renewal_equation(x: float, lives: float) -> None:
    assert hits_of_one_life(x, lives)[0] == pytest.approx(
        hits_by_convolution(x, lives),
        rel=2e-5,  # the cells' error
    )


@given(st.floats(1e-9, 900.0), st.floats(0.01, 1e4))
def test_one_life_is_between_its_limits(x: float, lives: float) -> None:
    h, slope = hits_of_one_life(x, lives)
    asked = x * lives
    assert h <= min(-np.expm1(-x), asked / (1 + asked)) * (1 + 1e-12)
    assert slope >= -1e-12
    if lives <= 1:
        assert h == pytest.approx(asked / (1 + asked), rel=1e-12)


@pytest.mark.parametrize("x", [1e-6, 0.3, 1 - 1e-7, 1.0, 1 + 1e-7, 1.5, 9.0, 50.0, 800.0])
def test_sum_and_slowest_exponential_meet(x: float) -> None:
    (short, slope), (long, other) = (hits_of_one_life(x, r) for r in (20.0, 20.0 + 1e-12))
    assert short == pytest.approx(long, rel=1e-12)
    assert slope == pytest.approx(other, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("renewing", [False, True])
def test_expiry_beside_eviction(renewing: bool) -> None:
    life = np.array([1e-9, 1e-3, 1.0, 30.0, 1e3, 1e9])
    lru, ttl = LRU(200.0).solve(NAMES, RATE), TTL(life, renewing).solve(NAMES, RATE)
    both = ExpiringLRU(200.0, life, renewing).solve(NAMES, RATE)
    assert (both.hit_ratio <= np.minimum(lru.hit_ratio, ttl.hit_ratio) + 1e-12).all()
    assert both.hit_ratio[:2] == pytest.approx(ttl.hit_ratio[:2], rel=1e-9)
    assert both.hit_ratio[-1] == pytest.approx(lru.hit_ratio, rel=1e-5)
    assert both.characteristic_time == pytest.approx(np.full(6, lru.characteristic_time))
    assert (both.occupancy <= 200.0 + 1e-9).all()
    # Where everything fits, only expiry is left.
    roomy = ExpiringLRU(6000.0, life, renewing).solve(NAMES, RATE)
    assert roomy.hit_ratio == pytest.approx(ttl.hit_ratio, rel=1e-12, abs=1e-15)
    step = 1e-5
    up, down = (
        ExpiringLRU(200.0 * (1 + d), life, renewing).solve(NAMES, RATE).hit_ratio
        for d in (step, -step)
    )
    assert both.hit_ratio_slope() == pytest.approx(
        (up - down) / (400.0 * step), rel=1e-4, abs=1e-12
    )


@pytest.mark.parametrize("renewing", [False, True])
def test_endless_lives(renewing: bool) -> None:
    places = np.array([0.0, 40.0, 200.0, 5000.0, np.inf])
    both = ExpiringLRU(places, np.inf, renewing).solve(NAMES, RATE)
    lru = LRU(places).solve(NAMES, RATE)
    assert both.hit_ratio == pytest.approx(lru.hit_ratio, rel=1e-12)
    assert both.hit_ratio_slope() == pytest.approx(lru.hit_ratio_slope(), rel=1e-9)
    unasked = qm.caches.Measured([1.0, 0.0], complete=True)
    assert (
        ExpiringLRU(5.0, np.inf, renewing).solve(unasked).hit_ratio_of([1, 2]) == [1, 0]
    ).all()
    assert (TTL(np.inf, renewing).solve(unasked).hit_ratio_of([1, 2]) == [1, 0]).all()


def test_nothing_fits() -> None:
    r = ExpiringLRU([0.0, np.nan], 5.0).solve(NAMES)
    assert r.hit_ratio[0] == r.occupancy[0] == 0
    assert np.isnan(r.hit_ratio[1])


def test_impossible_parameters() -> None:
    with pytest.raises(qm.DomainError, match="ttl"):
        TTL(-1.0)
    with pytest.raises(qm.DomainError, match="ttl"):
        hit_ratio(1.0, -1.0)
    with pytest.raises(qm.ModelError, match="gaps"):
        hit_ratio_of_renewals(1.0, 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("life", [0.0, -1.0])
def test_a_life_that_is_none_is_refused(life: float) -> None:
    for cache in (TTL, lambda t: ExpiringLRU(100.0, t), qm.caches.Resolvers):
        with pytest.raises(qm.DomainError, match=f"ttl must be a number > 0, got {life}"):
            cache(life)
