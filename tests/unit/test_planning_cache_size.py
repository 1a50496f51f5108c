"""The size of a cache for a wanted hit ratio."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import FIFO, KLRU, LFU, LRU, QLRU, TTL, Clock, ExpiringLRU, Random, Zipf
from qmodel.planning.cache_size import cache_size

DEAR = settings(max_examples=settings.default.max_examples // 2)
"""For what costs seconds."""

PAGES = Zipf(10**5, exponent=0.9)
POLICIES = [LRU(0), FIFO(0), Random(0), LFU(0), Clock(0), QLRU(0, 0.2), KLRU(0)]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
def test_the_cache_of_that_size_has_that_hit_ratio(policy: LRU) -> None:
    wanted = np.array([1e-3, 0.1, 0.5, 0.9, 0.999])
    size = cache_size(policy, PAGES, wanted)
    found = replace(policy, capacity=size).solve(PAGES)
    assert found.hit_ratio == pytest.approx(wanted, rel=1e-10)


@pytest.mark.thorough
@DEAR
@given(
    exponent=st.floats(0.0, 2.0),
    objects=st.integers(2, 10**8),
    size=st.floats(0.1, 1e4),
    wanted=st.floats(0.001, 0.999),
)
def test_size_and_hit_ratio_are_inverse(
    exponent: float, objects: int, size: float, wanted: float
) -> None:
    pages = Zipf(objects, exponent, size=size)
    found = cache_size(LRU(0), pages, wanted)
    assert 0 < found < objects * size
    assert LRU(found).solve(pages).hit_ratio == pytest.approx(wanted, rel=1e-9)
    # Half of the objects in bytes of half the size are as many.
    assert cache_size(LRU(0), replace(pages, size=size / 2), wanted) == pytest.approx(found / 2)


def test_uniform_popularity_needs_that_share_of_the_catalogue() -> None:
    # All objects are alike, so every policy holds each with the same probability.
    for policy in (LRU(0), FIFO(0), LFU(0)):
        sizes = cache_size(policy, Zipf(1000, 0.0), [0.25, 0.5])
        assert sizes == pytest.approx([250.0, 500.0], rel=1e-9)


def test_the_published_example_of_a_golden_value() -> None:
    # LRU with 10 of 50 objects, Zipf 1: 0.5066, a digit more or less is 0.005 places.
    assert cache_size(LRU(0), Zipf(50, 1.0), 0.5066) == pytest.approx(10.0, abs=0.03)


def test_limits_and_nan() -> None:
    sizes = cache_size(LRU(0), PAGES, [0.0, 1.0, np.nan])
    assert sizes[0] == 0
    assert sizes[1] == PAGES.volume
    assert np.isnan(sizes[2])
    assert np.isnan(cache_size(LRU(0), PAGES, np.nan))


def test_what_expires_has_a_greatest_hit_ratio() -> None:
    sessions = ExpiringLRU(0, ttl=60.0)
    most = float(TTL(60.0).solve(PAGES, 100.0).hit_ratio)
    sizes = cache_size(sessions, PAGES, [most / 2, most * 1.01], request_rate=100.0)
    assert 0 < sizes[0] < 10**5
    assert np.isinf(sizes[1])
    with pytest.raises(qm.InfeasibleError, match=r"with capacity for everything it is 0\.\d+"):
        cache_size(sessions, PAGES, most * 1.01, request_rate=100.0)
    # More requests in a life are more hits, so less room is enough.
    sizes = cache_size(sessions, PAGES, most / 2, request_rate=[100.0, 200.0])
    assert sizes[1] < sizes[0]


def test_scenarios_broadcast() -> None:
    pages = Zipf(10**4, exponent=np.array([0.6, 0.9, 1.2]))
    sizes = cache_size(LRU(0), pages, np.array([[0.3], [0.7]]))
    assert sizes.shape == (2, 3)
    assert sizes[1, 1] == pytest.approx(cache_size(LRU(0), Zipf(10**4, 0.9), 0.7), rel=1e-10)
    assert (np.diff(sizes, axis=1) < 0).all()


def test_a_measured_catalogue_needs_no_room_for_what_nobody_asks_for() -> None:
    log = qm.caches.Measured([5, 3, 2, 0, 0], sizes=[1.0, 2.0, 3.0, 4.0, 5.0], complete=True)
    assert cache_size(LRU(0), log, 1.0) == 6.0


@pytest.mark.parametrize(
    ("policy", "pages", "wanted", "message"),
    [
        (TTL(60.0), PAGES, 0.5, "TTL has no capacity"),
        (60.0, PAGES, 0.5, "cache must be a Cache"),
        (LRU(0), 60.0, 0.5, "popularity must be a Popularity"),
        (LRU(0), PAGES, 50.0, "hit_ratio must be a probability from 0 to 1, got 50.0; 50 %"),
    ],
)
def test_what_cannot_be_asked(
    policy: object, pages: object, wanted: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        cache_size(policy, pages, wanted)  # type: ignore[arg-type]
