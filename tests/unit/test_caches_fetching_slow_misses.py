"""The fixed point of cache and database: a known bistable case, uniqueness, margins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

import qmodel as qm
from qmodel.caches import TTL, Zipf
from qmodel.caches.fetching.slow_misses import slow_misses

KEYS, DB = Zipf(10**4, 1.0), qm.MMc(0.040, servers=8)


def test_a_known_bistable_case() -> None:
    r = slow_misses(KEYS, 500.0, 60.0, DB)
    assert r.healthy == pytest.approx(74.3, abs=0.05)
    assert r.threshold == pytest.approx(199.96, abs=0.005)
    assert np.isinf(r.collapsed)
    assert r.margin == pytest.approx(199.96 / 74.3 - 1, abs=2e-3)


def test_solutions_solve_the_sum_over_all_objects() -> None:
    lam = 500.0 * np.asarray(KEYS.share_of(np.arange(1, 10**4 + 1)))

    def alone(x: float) -> float:
        w = float(DB.solve(x).response_time)
        return float((lam * (1 + lam * w) / (1 + lam * (60.0 + w))).sum()) - x

    def shared(x: float) -> float:
        w = float(DB.solve(x).response_time)
        return float((lam / (1 + lam * (60.0 + w))).sum()) - x

    r = slow_misses(KEYS, 500.0, 60.0, DB)
    assert r.healthy == pytest.approx(brentq(alone, 1.0, 150.0), rel=1e-9)
    assert r.threshold == pytest.approx(brentq(alone, 150.0, 199.999), rel=1e-9)
    locked = slow_misses(KEYS, 500.0, 60.0, DB, shared=True)
    assert locked.healthy == pytest.approx(brentq(shared, 1.0, 199.9), rel=1e-9)


def test_a_collapsed_state_that_the_database_can_bear() -> None:
    # All requests are fewer than it serves, and yet it stays slow once it was: few keys.
    db = qm.MMc(1.0, servers=100)
    r = slow_misses(Zipf(5, 0.0), 99.9, 1.0, db)
    states = [float(x) for x in (r.healthy, r.threshold, r.collapsed)]
    assert np.isfinite(states[0])
    lam = 99.9 / 5
    for x in states:
        if np.isfinite(x):
            w = float(db.solve(x).response_time)
            assert 99.9 * (1 + lam * w) / (1 + lam * (1.0 + w)) == pytest.approx(x, rel=1e-9)


def test_sharing_has_one_solution_at_every_load() -> None:
    rates = np.geomspace(1.0, 1e6, 13)
    r = slow_misses(KEYS, rates, 60.0, DB, shared=True)
    assert (r.healthy < DB.max_rate).all()
    assert (np.diff(r.healthy) > 0).all()
    assert np.isfinite(r.response_time).all()
    np.testing.assert_array_equal(r.threshold, np.inf)
    assert np.isnan(r.collapsed).all()
    alone = slow_misses(KEYS, rates, 60.0, DB)
    assert (r.healthy <= alone.healthy * (1 + 1e-12)).all()


def test_a_database_without_queue() -> None:
    # Constant responses: the sum at hand, with nothing to feed back.
    r = slow_misses(KEYS, 500.0, 60.0, qm.Delay(0.0001), shared=True)
    plain = TTL(60.0).solve(KEYS, 500.0)
    assert r.healthy == pytest.approx(float(plain.miss_rate), rel=1e-3)
    assert r.hit_ratio == pytest.approx(float(plain.hit_ratio), rel=1e-3)
    alone = slow_misses(KEYS, 500.0, 60.0, qm.Delay(0.0001))
    assert alone.healthy == pytest.approx(float(plain.miss_rate), rel=1e-3)
    assert np.isinf(alone.threshold)
    assert np.isnan(alone.collapsed)


def test_overload_and_nan() -> None:
    r = slow_misses(KEYS, [500.0, 1e5, np.nan], 60.0, DB)
    assert np.isinf(r.healthy[1])
    assert r.hit_ratio[1] == 0.0
    assert r.margin[1] == 0.0
    assert np.isinf(r.response_time[1])
    for x in (r.healthy, r.threshold, r.response_time, r.hit_ratio, r.margin):
        assert np.isnan(x[2])
        assert not np.isnan(x[:2]).any()
    assert r.healthy[0] == pytest.approx(74.3, abs=0.05)


def test_more_room_for_error_with_longer_lives() -> None:
    r = slow_misses(KEYS, 500.0, [[10.0], [60.0], [600.0]], qm.MMc(0.040, servers=[8, 12]))
    assert r.healthy.shape == (3, 2)
    assert (np.diff(r.healthy, axis=0) < 0).all()
    assert (np.diff(r.margin, axis=0) > 0).all()
    assert (np.diff(r.margin, axis=1) > 0).all()


def test_labels_and_refusals() -> None:
    assert slow_misses(KEYS, 500.0, 60.0, DB).basis == "approximate"
    locked = slow_misses(KEYS, 5.0, 60.0, DB, shared=True)
    assert "constant-window" not in locked.assumptions
    with pytest.raises(qm.DomainError, match="ttl"):
        slow_misses(KEYS, 500.0, 0.0, DB)
    with pytest.raises(qm.DomainError, match="request_rate"):
        slow_misses(KEYS, 0.0, 1.0, DB)
    with pytest.raises(qm.ModelError, match="database"):
        slow_misses(KEYS, 1.0, 1.0, 0.1)  # type: ignore[arg-type]
