"""Caches that are emptied: how they fill, whatever the load does, and what that costs."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.caches import FIFO, KLRU, LRU, QLRU, Warming, Zipf
from qmodel.transients import Emptied, ramp

LOOKUP, DB = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.01, servers=12))
PAGES = Zipf(10**4, 0.8)
FLAT = qm.Profile([0.0, 60.0], [500.0, 500.0])


def site(policy: object = LRU(2000)) -> qm.Pipeline:
    return qm.Pipeline(qm.cached(policy, lookup=LOOKUP, miss=DB, popularity=PAGES))


def misses(r: qm.pipeline.PipelineOverTime) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return r.stations["db"].arrival_rate / r.stations["cache"].arrival_rate


def test_under_a_constant_load_it_warms_as_a_flushed_cache() -> None:
    at = np.array([5.0, 10.0, 10.1, 11.0, 14.0, 60.0])
    r = site().over_time(FLAT, times=at, emptied={"cache": 10.0})
    cold = Warming(LRU(2000), PAGES, 500.0)
    steady = float(LRU(2000).solve(PAGES).miss_ratio)
    wanted = [steady, 1.0, *(1 - cold.hit_ratio(at[2:] - 10.0))]
    assert misses(r) == pytest.approx(wanted, abs=2e-3)
    assert misses(r)[-1] == pytest.approx(steady, rel=1e-9)


def test_a_loss_before_the_first_look_happens_when_it_happens() -> None:
    at = np.array([3.0, 8.0])
    later = site().over_time(FLAT, times=at, emptied={"cache": 0.0})
    whole = site().over_time(FLAT, times=[0.0, *at], emptied={"cache": 0.0})
    assert misses(later) == pytest.approx(misses(whole)[1:], rel=1e-3)
    # Before the load begins, it is that of its first rate.
    early = site().over_time(FLAT, times=[0.0, 5.0], emptied={"cache": -3.0})
    assert misses(early) == pytest.approx(misses(whole)[1:], rel=1e-3)


def test_against_drawn_requests() -> None:
    """A load that triples while the cache warms: who finds the object asked for before?"""
    load = ramp(200.0, 600.0, start=2.0, over=4.0, until=12.0)
    rng, runs, edges = np.random.default_rng(5), 60, np.arange(0.0, 12.5, 1.0)
    share = np.arange(1, 10**4 + 1) ** -0.8
    share /= share.sum()
    hits, asked = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    grid = np.linspace(0.0, 12.0, 4001)
    came = np.concatenate([[0.0], np.cumsum(np.diff(grid) * load.rate(grid[1:]))])
    for _ in range(runs):
        number = rng.poisson(came[-1])
        times = np.interp(np.sort(rng.random(number)) * came[-1], came, grid)
        objects = rng.choice(10**4, size=number, p=share)
        first = np.zeros(number, dtype=bool)
        first[np.unique(objects, return_index=True)[1]] = True
        asked += np.histogram(times, edges)[0]
        hits += np.histogram(times[~first], edges)[0]
    cold = site(LRU(10**4)).over_time(load, emptied={"cache": 0.0})
    middles = np.interp((edges[1:] + edges[:-1]) / 2, cold.times, 1 - misses(cold))
    # 60 runs of 200 to 600 requests: standard errors of 0.2 to 0.4 %.
    assert middles[1:] == pytest.approx((hits / asked)[1:], abs=0.012)


def test_a_given_hit_ratio_fills_as_a_cache_that_has_it() -> None:
    plain = qm.Pipeline(qm.cached(0.9, lookup=LOOKUP, miss=DB))
    lost = {"cache": Emptied(at=10.0, entries=5000)}
    r = plain.over_time(FLAT, emptied=lost)
    assert misses(r)[0] == pytest.approx(0.1, abs=1e-4)
    assert misses(r).max() == pytest.approx(1.0)
    assert misses(r)[-1] == pytest.approx(0.1, abs=1e-4)
    larger = plain.over_time(FLAT, emptied={"cache": Emptied(at=10.0, entries=50_000)})
    assert larger.stations["db"].arrival_rate.sum() > r.stations["db"].arrival_rate.sum()
    with pytest.raises(qm.ModelError, match="does not say how soon it fills"):
        plain.over_time(FLAT, emptied={"cache": 10.0})
    with pytest.raises(qm.ModelError, match="have no hit ratio"):
        plain.over_time(FLAT, emptied={"cache": Emptied(entries=5000, exponent=3.0)})


def test_caches_asked_by_two_kinds_fill_with_both() -> None:
    step = qm.cached(LRU(10**4), lookup=LOOKUP, miss=DB, popularity=PAGES)
    extra = qm.series(qm.call("cpu", qm.MMc(0.001, 4)), step)
    two = qm.Pipeline({"a": (0.5, step), "b": (0.5, extra)})
    one, both = (s.over_time(FLAT, emptied={"cache": 1.0}) for s in (site(LRU(10**4)), two))
    assert misses(both) == pytest.approx(misses(one), abs=0.01)


def test_other_policies() -> None:
    def filled(policy: object) -> float:
        r = site(policy).over_time(FLAT, times=[0.0, 8.0], emptied={"cache": 0.0})
        return float(misses(r)[-1])

    assert filled(FIFO(9000)) == pytest.approx(filled(LRU(9000)), rel=1e-6)
    assert filled(QLRU(9000, admitted=0.2)) > filled(LRU(9000)) + 0.1
    with pytest.raises(qm.ModelError, match="KLRU fills again"):
        filled(KLRU(2000))
    with pytest.raises(qm.ModelError, match="no cache 'cash'"):
        site().over_time(FLAT, emptied={"cash": 0.0})


@pytest.mark.thorough
def test_clients_who_try_again_meet_a_cold_cache() -> None:
    """With windows in time the cache fills as without them."""
    found = qm.cached(
        LRU(2000), lookup=qm.call("cache", qm.Delay(0.0002)), miss=DB, popularity=PAGES
    )
    plain = qm.Pipeline(found).over_time(FLAT, emptied={"cache": 5.0})
    again = qm.Pipeline(qm.retry(qm.timeout(2.0, found), attempts=2))
    r = again.over_time(FLAT, emptied={"cache": 5.0})
    late = np.interp([4.0, 6.0, 9.0, 30.0], r.times, misses(r))
    assert late == pytest.approx(
        np.interp([4.0, 6.0, 9.0, 30.0], plain.times, misses(plain)), abs=0.02
    )
