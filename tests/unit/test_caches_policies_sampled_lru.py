"""LRU by samples, between random eviction and LRU."""

from __future__ import annotations

import numpy as np
import pytest

from qmodel.caches import LRU, Measured, Random, SampledLRU, Zipf
from qmodel.caches.policies.sampled_lru import _table
from qmodel.errors import DomainError

PAGES = Zipf(10**4, 0.8)


def test_one_sample_is_random_eviction() -> None:
    places = np.array([100, 1000, 5000, 9990])
    one = SampledLRU(places, samples=1).solve(PAGES)
    assert one.hit_ratio == pytest.approx(Random(places).solve(PAGES).hit_ratio, abs=2e-6)
    assert one.occupancy == pytest.approx(places)
    rng = np.random.default_rng(3)
    sized = Measured(rng.lognormal(0, 1, 400), rng.lognormal(0, 1, 400), complete=True)
    one, random = SampledLRU(100.0, 1).solve(sized), Random(100.0).solve(sized)
    for name in ("hit_ratio", "byte_hit_ratio", "occupancy", "eviction_age"):
        assert getattr(one, name) == pytest.approx(getattr(random, name), rel=1e-5), name


@pytest.mark.parametrize("candidates", [1, 16])
def test_more_samples_come_nearer_to_lru(candidates: int) -> None:
    samples = np.array([1, 2, 5, 10])
    found = SampledLRU(2000, samples, candidates).solve(PAGES).hit_ratio
    lru = float(LRU(2000).solve(PAGES).hit_ratio)
    assert (np.diff(found) > 0).all()
    assert found[-1] < lru
    assert found[-1] == pytest.approx(lru, abs=0.002)
    if candidates > 1:
        kept_none = SampledLRU(2000, samples).solve(PAGES).hit_ratio
        assert (found[1:] > kept_none[1:] + 5e-4).all()
        assert found[0] == pytest.approx(kept_none[0], abs=1e-7)


@pytest.mark.thorough
def test_simulated_hit_ratios() -> None:
    """Eight million requests each, of an eviction written apart; noise 0.0003."""
    cases = [
        (10**4, 0.6, 1000, 2, 1, 0.23268), (10**4, 0.9, 100, 5, 1, 0.25743),
        (10**4, 1.2, 100, 1, 1, 0.60413), (10**5, 0.9, 10**4, 10, 1, 0.60370),
        (10**5, 0.6, 1000, 10, 16, 0.05354), (10**4, 0.9, 1000, 2, 16, 0.54521),
        (10**5, 0.9, 10**4, 5, 16, 0.60363),
    ]  # fmt: skip
    for objects, exponent, places, samples, candidates, simulated in cases:
        cache = SampledLRU(places, samples, candidates)
        found = float(cache.solve(Zipf(objects, exponent)).hit_ratio)
        assert found == pytest.approx(simulated, abs=0.001), cache


def test_the_hits_of_objects_add_up() -> None:
    r = SampledLRU([100, 3000], 5).solve(PAGES)
    hits = r.hits(PAGES.grid.share)
    assert PAGES.grid.over_requests(hits) == pytest.approx(r.hit_ratio, abs=1e-5)
    assert PAGES.grid.over_objects(hits) == pytest.approx(r.occupancy, rel=1e-4)
    assert (np.diff(r.hit_ratio_of(np.array([[1], [10], [10_000]])), axis=0) < 0).all()


def test_sizes_are_a_unit() -> None:
    sized = SampledLRU(3000.0).solve(Zipf(10**4, 0.8, size=3.0))
    plain = SampledLRU(1000).solve(PAGES)
    assert sized.hit_ratio == pytest.approx(float(plain.hit_ratio), abs=1e-12)
    assert 3 * sized.hit_ratio_slope() == pytest.approx(plain.hit_ratio_slope(), rel=1e-6)


def test_edges() -> None:
    r = SampledLRU([0.0, 1e4, 2e4, np.nan]).solve(PAGES, request_rate=10.0)
    assert r.hit_ratio[:3].tolist() == [0.0, 1.0, 1.0]
    assert r.miss_ratio[:3].tolist() == [1.0, 0.0, 0.0]
    assert np.isnan(r.hit_ratio[3])
    assert r.eviction_age[0] == 0
    assert np.isinf(r.eviction_age[1])
    flat = SampledLRU([10.0, 70.0], samples=[[2], [10]]).solve(Zipf(100, 0.0))
    assert flat.hit_ratio == pytest.approx(np.array([[0.1, 0.7]] * 2), abs=1e-5)
    assert r.basis["hit_ratio"] == "asymptotic"


def test_the_slope_is_that_of_the_hit_ratio() -> None:
    at = SampledLRU([50.0, 900.0]).solve(PAGES)
    beside = SampledLRU([[49.0, 890.0], [51.0, 910.0]]).solve(PAGES).hit_ratio
    rise = (beside[1] - beside[0]) / np.array([2.0, 20.0])
    assert at.hit_ratio_slope() == pytest.approx(rise, rel=2e-4)


def test_the_rank_of_the_evicted() -> None:
    """Of k drawn the oldest, or drawn with what was left over, replayed."""
    rng, drawn, kept = np.random.default_rng(2), 5, 16
    pool: list[float] = []
    gone = []
    for step in range(40_000):
        pool = sorted([*pool, *rng.random(drawn)])[-kept:]
        evicted = pool.pop()
        if step > 100:
            gone.append(evicted)
    distribution = np.cumsum(_table(drawn, kept)) / 4096
    ranks = np.linspace(0, 1, 4097)
    for rank in (0.75, 0.8, 0.85, 0.95):
        assert (np.array(gone) <= rank).mean() == pytest.approx(
            float(np.interp(rank, ranks, distribution)), abs=0.008
        )


@pytest.mark.parametrize(
    ("parameters", "name"),
    [((-1.0,), "capacity"), ((9, 0), "samples"), ((9, 2.5), "samples"), ((9, 17), "samples"),
     ((9, 5, 0), "candidates"), ((9, 5, 17), "candidates")],
)  # fmt: skip
def test_impossible_parameters(parameters: tuple[float, ...], name: str) -> None:
    with pytest.raises(DomainError, match=name):
        SampledLRU(*parameters)


def test_what_is_never_asked_for_is_not_held() -> None:
    r = SampledLRU([2.0, 10.0], 5).solve(Measured([5.0, 0.0, 3.0], complete=True))
    assert r.occupancy == pytest.approx([2.0, 2.0])
    assert r.hit_ratio == pytest.approx([1.0, 1.0])
