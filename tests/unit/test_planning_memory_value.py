"""What one more unit of memory is worth to a pipeline."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm
from qmodel.caches import LRU, TTL, Zipf
from qmodel.planning.memory_value import memory_value

PAGES = Zipf(10**6, exponent=0.9)
LOOK_UP = qm.call("cache", qm.Delay(0.045))


def site(capacity: object, database: qm.MMc, pages: Zipf = PAGES) -> qm.Pipeline:
    miss = qm.call("db", database)
    return qm.Pipeline(qm.cached(LRU(capacity), popularity=pages, lookup=LOOK_UP, miss=miss))


@pytest.mark.parametrize("load", [0.01, 0.5, 0.9, 0.99, 0.999])
def test_the_value_of_one_server_in_closed_form(load: float) -> None:
    # One server: mean time (1 - h) / (mu - rate (1 - h)), so its derivative is closed, too.
    capacity = np.array([1e2, 1e4, 5e5, 999_000.0])
    store = LRU(capacity).solve(PAGES)
    miss, slope, mu = 1 - store.hit_ratio, store.hit_ratio_slope(), 100.0
    rate = load * mu / miss
    room = mu - rate * miss
    worth = slope * (1 / room + miss * rate / room**2)
    value = memory_value(site(capacity, qm.MMc(1 / mu)), "cache", rate)
    assert value.latency == pytest.approx(worth, rel=1e-9)
    assert value.utilization["db"] == pytest.approx(rate / mu * slope, rel=1e-9)
    assert value.miss_rate == pytest.approx(rate * slope, rel=1e-12)
    assert value.hit_ratio == pytest.approx(slope, rel=1e-12)


@given(
    part=st.floats(0.02, 0.95),
    load=st.floats(0.05, 0.95),
    servers=st.integers(1, 20),
    exponent=st.floats(0.3, 1.3),
)
def test_it_is_what_a_little_more_memory_changes(
    part: float, load: float, servers: int, exponent: float
) -> None:
    pages, database = Zipf(10**4, exponent), qm.MMc(0.01, servers=servers)
    capacity = part * 10**4
    rate = load * float(site(capacity, database, pages).max_rate)
    step = 1e-4 * capacity * (1 - load)
    around = site(capacity + step * np.array([-1.0, 1.0]), database, pages).solve(rate)
    value = memory_value(site(capacity, database, pages), "cache", rate)
    saved = np.diff(around.latency.mean)[0] / (-2 * step)
    assert value.latency == pytest.approx(saved, rel=1e-4)
    freed = np.diff(around.stations["db"].utilization)[0] / (-2 * step)
    assert value.utilization["db"] == pytest.approx(freed, rel=1e-5)


def test_the_unit_is_free() -> None:
    one = memory_value(site(1e4, qm.MMc(0.01)), "cache", 50.0)
    many = memory_value(site(1e4, qm.MMc(0.01)), "cache", 50.0, per=1000.0)
    for name in ("hit_ratio", "miss_rate", "latency"):
        assert getattr(many, name) == pytest.approx(1000 * getattr(one, name), rel=1e-12)


def test_no_room_all_room_and_overload() -> None:
    value = memory_value(site([0.0, 10**6, 10**5], qm.MMc(0.01)), "cache", [50.0, 50.0, 900.0])
    assert value.latency[0] > 0
    assert value.latency[1] == value.hit_ratio[1] == value.utilization["db"][1] == 0
    assert np.isinf(value.latency[2])
    assert value.utilization["db"][2] > 0
    assert np.isnan(memory_value(site(1e4, qm.MMc(0.01)), "cache", np.nan).latency)


def test_more_memory_is_worth_less_and_less() -> None:
    value = memory_value(site(np.geomspace(100, 9e5, 30), qm.MMc(0.01)), "cache", 95.0)
    assert (np.diff(value.latency) < 0).all()
    assert (np.diff(value.hit_ratio) < 0).all()


def test_a_cache_behind_a_cache_and_writes_beside() -> None:
    # Of two kinds of request one looks up; the value is per request of the mix.
    database = qm.call("db", qm.MMc(0.01))
    reads = qm.cached(LRU(1e4), popularity=PAGES, lookup=LOOK_UP, miss=database)
    mixed = qm.Pipeline({"read": (0.6, reads), "write": (0.4, database)})
    value = memory_value(mixed, "cache", 60.0)
    assert value.miss_rate == pytest.approx(36.0 * value.hit_ratio)
    assert value.utilization["db"] == pytest.approx(0.36 * value.hit_ratio, rel=1e-9)
    outer = qm.Pipeline(qm.cached(0.5, lookup=qm.call("cdn", qm.Delay(0.01)), miss=reads))
    inner = memory_value(outer, "cache", 120.0)
    assert inner.miss_rate == pytest.approx(60.0 * inner.hit_ratio)
    assert inner.basis["latency"] == "approximate" or inner.basis["latency"] == "asymptotic"


def test_what_cannot_be_asked() -> None:
    given_ratio = qm.Pipeline(qm.cached(0.5, lookup=LOOK_UP, miss=qm.nothing()))
    with pytest.raises(qm.ModelError, match="hit ratio of 'cache' is given"):
        memory_value(given_ratio, "cache", 1.0)
    with pytest.raises(qm.ModelError, match=r"no cache 'cash' .* did you mean 'cache'"):
        memory_value(site(1e4, qm.MMc(0.01)), "cash", 1.0)
    lives = qm.cached(TTL(60.0), popularity=PAGES, lookup=LOOK_UP, miss=qm.nothing())
    with pytest.raises(qm.ModelError, match="TTL has no derivative in the capacity"):
        memory_value(qm.Pipeline(lives), "cache", 1.0)
    with pytest.raises(qm.DomainError, match=r"per must be .* got 0"):
        memory_value(site(1e4, qm.MMc(0.01)), "cache", 1.0, per=0.0)
