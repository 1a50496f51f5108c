"""A cold cache: direct sums, the differential equations, a filled LRU, edges."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import LRU, TTL, Zipf
from qmodel.caches.warming import Warming

PAGES, RATE = Zipf(10**4, 0.9), 500.0
COLD = Warming(LRU(2000), PAGES, RATE)


def test_direct_sums() -> None:
    p = np.asarray(PAGES.share_of(np.arange(1, 10**4 + 1)))
    for t in (0.0, 0.1, 3.0):
        absent = np.exp(-p * RATE * t)
        assert COLD.hit_ratio(t) == pytest.approx(float(p @ (1 - absent)), abs=1e-12)
        assert COLD.fetches(t) == pytest.approx(float((1 - absent).sum()), rel=1e-9)
    assert COLD.fetches(COLD.full_at) == pytest.approx(2000.0, rel=1e-9)


def test_afterwards_it_is_steady() -> None:
    steady = LRU(2000).solve(PAGES, RATE)
    late = COLD.full_at * np.array([1.0, 2.0, 1000.0])
    np.testing.assert_allclose(COLD.hit_ratio(late), steady.hit_ratio)
    np.testing.assert_allclose(COLD.miss_rate(late), steady.miss_rate)
    np.testing.assert_allclose(
        np.diff(COLD.fetches(late)), steady.miss_rate * np.diff(late), rtol=1e-9
    )


def test_fetches_are_the_integral_of_the_demand() -> None:
    t = np.linspace(0.0, 2.0 * float(COLD.full_at), 20_001)
    demand = COLD.miss_rate(t)
    total = np.sum((demand[1:] + demand[:-1]) / 2 * np.diff(t))
    assert total == pytest.approx(float(COLD.fetches(t[-1])), rel=1e-6)


def test_against_a_filling_lru() -> None:
    rng = np.random.default_rng(8)
    p = np.asarray(PAGES.share_of(np.arange(1, 10**4 + 1)))
    runs, n = 40, 6000
    hits = np.zeros(n)
    for _ in range(runs):
        held: OrderedDict[int, None] = OrderedDict()
        for k, i in enumerate(rng.choice(10**4, n, p=p).tolist()):
            if i in held:
                hits[k] += 1
                held.move_to_end(i)
            else:
                held[i] = None
                if len(held) > 2000:
                    held.popitem(last=False)
    windows = hits.reshape(6, 1000).mean(axis=1) / runs
    middle = (np.arange(6) + 0.5) * 1000 / RATE
    # 40,000 requests a window, and the curve bends within the first.
    np.testing.assert_allclose(windows[1:], COLD.hit_ratio(middle)[1:], atol=0.01)


@given(st.floats(0.0, 1.0))
def test_the_time_to_a_share(share: float) -> None:
    t = COLD.time_to(share)
    steady = COLD.hit_ratio(COLD.full_at)
    assert COLD.hit_ratio(t) == pytest.approx(share * steady, abs=1e-9)
    assert t <= COLD.full_at * (1 + 1e-12)


@pytest.mark.parametrize("most", [220.0, 300.0, 450.0])
def test_survival_by_integration(most: float) -> None:
    r = COLD.survival(most)
    # Throttled: requests let in warm the cache, a step at a time.
    step, t, let_in, away = 2e-3, 0.0, 0.0, 0.0
    while True:
        demand = float(COLD.miss_rate(let_in / RATE))
        if demand <= most:
            break
        let_in += RATE * most / demand * step
        away += RATE * (1 - most / demand) * step
        t += step
        if t < 0.02:
            allowed = COLD.admitted_rate(t - step, most)
            assert allowed == pytest.approx(RATE * most / demand, rel=0.01)
    assert r.throttled_duration == pytest.approx(t, rel=0.01, abs=step)
    assert r.turned_away == pytest.approx(away, rel=0.02, abs=RATE * step / 2)
    # Queued: what came less what could be done.
    times = np.arange(0.0, 100.0, 5e-3)
    waiting = COLD.fetches(times) - most * times
    assert r.backlog == pytest.approx(waiting.max(), rel=1e-4, abs=5e-3)
    if np.isfinite(r.queued_duration):
        assert r.queued_duration == pytest.approx(times[1:][waiting[1:] <= 0][0], abs=1e-2)


def test_what_a_database_can_do() -> None:
    steady = float(COLD.miss_rate(COLD.full_at))
    r = COLD.survival(np.array([0.9 * steady, 1.1 * steady, 499.0, 500.0, 900.0, np.nan]))
    for x in (r.throttled_duration, r.turned_away, r.queued_duration, r.backlog):
        assert np.isinf(x[0])
        assert np.isfinite(x[1:5]).all()
        assert (np.diff(x[1:4]) < 0).all()
        np.testing.assert_array_equal(x[3:5], 0.0)
        assert np.isnan(x[5])
    np.testing.assert_allclose(r.overload[:5], 500.0 / np.array(
        [0.9 * steady, 1.1 * steady, 499.0, 500.0, 900.0]))  # fmt: skip


def test_what_is_let_in() -> None:
    t = np.array([0.0, 1.0, 5.0, 1e4])
    allowed = COLD.admitted_rate(t, 300.0)
    assert allowed[0] == pytest.approx(300.0)
    assert (np.diff(allowed) >= 0).all()
    assert allowed[-1] == RATE
    np.testing.assert_allclose(COLD.admitted_rate(t, 600.0), RATE)
    end = COLD.survival(300.0).throttled_duration
    assert COLD.admitted_rate(end, 300.0) == pytest.approx(RATE, rel=1e-9)
    assert COLD.admitted_rate(0.99 * end, 300.0) < RATE


def test_lifetimes_and_everything_fits() -> None:
    sliding = Warming(TTL(4.0, renewing=True), PAGES, RATE)
    assert sliding.full_at == 4.0
    steady = TTL(4.0, renewing=True).solve(PAGES, RATE).hit_ratio
    assert sliding.hit_ratio(9.0) == pytest.approx(float(steady), rel=1e-12)
    assert sliding.basis == "exact"
    everything = Warming(LRU(10**4), PAGES, RATE)
    assert np.isinf(everything.full_at)
    assert everything.hit_ratio(1e6) == pytest.approx(1.0)
    assert everything.time_to(1.0) == np.inf
    assert np.isfinite(everything.time_to(0.99))
    r = everything.survival(10.0)
    assert r.queued_duration == pytest.approx(1000.0, rel=0.05)
    nothing = Warming(LRU(0), PAGES, RATE)
    assert nothing.hit_ratio(5.0) == 0.0
    assert np.isinf(nothing.survival(10.0).backlog)
    assert nothing.survival(501.0).backlog == 0.0


def test_shapes_and_nan() -> None:
    cold = Warming(LRU(np.array([10.0, 100.0, np.nan])), Zipf(1000, [[0.6], [1.2]]), 50.0)
    assert cold.hit_ratio(1.0).shape == (2, 3)
    assert np.isnan(cold.time_to(0.5)[:, 2]).all()
    assert np.isnan(cold.survival(45.0).backlog[:, 2]).all()
    alone = Warming(LRU(100.0), Zipf(1000, 1.2), 50.0)
    assert cold.time_to(0.5)[1, 1] == pytest.approx(float(alone.time_to(0.5)), rel=1e-9)
    assert np.isnan(COLD.hit_ratio([np.nan, 1.0])).tolist() == [True, False]


def test_labels_and_refusals() -> None:
    assert COLD.basis["hit_ratio"] == "asymptotic"
    r = COLD.survival(300.0)
    assert r.basis["overload"] == "exact"
    assert r.basis["backlog"] == "approximate"
    for call in (COLD.hit_ratio, COLD.miss_rate, COLD.fetches):
        with pytest.raises(qm.DomainError, match="time"):
            call(-1.0)
    with pytest.raises(qm.DomainError, match="share"):
        COLD.time_to(1.5)
    with pytest.raises(qm.DomainError, match="max_rate"):
        COLD.survival(0.0)
    with pytest.raises(qm.DomainError, match="request_rate"):
        Warming(LRU(1), PAGES, 0.0)
    with pytest.raises(qm.ModelError, match="constant lifetime"):
        Warming(TTL(1.0), PAGES, 1.0)
