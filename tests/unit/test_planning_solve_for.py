"""The least value of a parameter that meets the objectives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel.planning._domains import domain_of

CACHE, DB = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.01, servers=4))
SITE = qm.Pipeline(qm.cached(0.9, lookup=CACHE, miss=DB))


def test_the_least_hit_ratio_that_the_database_survives() -> None:
    rates = np.array([100.0, 400.0, 800.0, 4000.0])
    # The servers of the database do 400/s, so the miss ratio is at most 400 / rate.
    expected = np.maximum(0.0, 1 - 400.0 / rates)
    found = qm.solve_for(SITE, "cache.hit_ratio", rates).value
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert (SITE.replace({"cache.hit_ratio": found}).solve(rates).max_rate > rates).all()


@settings(max_examples=30)
@given(rate=st.floats(1.0, 4000.0), limit=st.sampled_from(["p99 < 60 ms", "mean < 25 ms"]))
def test_servers_are_enough_and_one_less_is_not(rate: float, limit: str) -> None:
    servers = int(qm.solve_for(SITE, "db.servers", rate, limit))
    assert servers >= 1
    objective = qm.planning.parse_objective(limit)
    assert objective.met(SITE.replace({"db.servers": servers}).solve(rate))
    if servers > 1:
        assert not objective.met(SITE.replace({"db.servers": servers - 1}).solve(rate))


def test_capacity_of_a_modelled_cache_for_a_latency() -> None:
    pages = qm.caches.Zipf(10**5, exponent=0.9)
    site = qm.Pipeline(qm.cached(qm.caches.LRU(10.0), popularity=pages, lookup=CACHE, miss=DB))
    size = float(qm.solve_for(site, "cache.capacity", 900.0, "p99 < 35 ms"))
    p99 = site.replace({"cache.capacity": size}).solve(900.0).latency.quantile(0.99)
    assert float(p99) == pytest.approx(0.035, rel=1e-6)


def test_cells_without_an_answer_are_infinite_and_nan_stays() -> None:
    rates = np.array([400.0, 6000.0, np.nan])  # The cache itself does 5,000/s.
    found = qm.solve_for(SITE, "db.servers", rates).value
    assert found[0] == 1
    assert np.isinf(found[1])
    assert np.isnan(found[2])


def test_what_cannot_be_met_or_asked() -> None:
    with pytest.raises(
        qm.InfeasibleError,
        match=r"no db.servers is good enough for a steady state .* it saturates at 5000/s",
    ):
        qm.solve_for(SITE, "db.servers", 6000.0)
    with pytest.raises(qm.InfeasibleError, match=r"p99 < 10 ms at 100/s: p99 is 46\.1 ms"):
        qm.solve_for(qm.MMc(0.01, 4), "servers", 100.0, "p99 < 10 ms")
    with pytest.raises(qm.ModelError, match=r"did you mean 'db.servers'"):
        qm.solve_for(SITE, "db.server", 100.0)
    with pytest.raises(qm.ModelError, match="model must be a Pipeline or a Station"):
        qm.solve_for("site", "servers", 100.0)  # type: ignore[arg-type]
    with pytest.raises(qm.ModelError, match="capacity"):
        qm.solve_for(SITE, "arrival_rate", 100.0, "p99 < 1 s")


def test_slow_is_bad_and_the_answer_says_so() -> None:
    # With many servers nobody waits: 95 % of exponential times are below ln 20 means.
    p = qm.Pipeline(qm.call("db", qm.MMc(0.02, servers=64)))
    found = qm.solve_for(p, "db.service_time", 4.0, "p95 < 1 s")
    assert found.side == "at most"
    assert float(found) == pytest.approx(1 / np.log(20), rel=1e-9)
    assert str(found) == "db.service_time at most 333.81 ms: p95 < 1 s holds at 4/s"
    # One server saturates at 1/4 s: that is the boundary of a steady state.
    one = qm.solve_for(p.replace({"db.servers": 1}), "db.service_time", 4.0)
    assert float(one) == pytest.approx(0.25, rel=1e-9)
    assert float(one) < 0.25


def test_published_staffing() -> None:
    # Erlang B: 100 calls/s of 2 s, fewer than one in a thousand refused.
    calls = qm.MGcc(qm.Deterministic(2.0), servers=200)
    found = qm.solve_for(calls, "servers", 100.0, "loss < 0.1 %")
    assert found.value == 238
    assert isinstance(found.value, int)
    # The usual service level, 80 % within 20 s, for 100 calls of 180 s in half an hour.
    agents = qm.solve_for(qm.MMc(180.0, 10), "servers", 1 / 18, "80 % of wait within 20 s")
    assert int(agents) == 14
    level = 1 - qm.MMc(180.0, np.array([13, 14])).solve(1 / 18).wait.tail(20.0)
    assert level == pytest.approx([0.79559, 0.88835], abs=1e-5)


def test_far_below_what_is_needed() -> None:
    # With up to hundreds of servers all requests wait, to the last digit.
    room = qm.MMcK(0.1, servers=1, capacity=20_000)
    found = qm.solve_for(room, "servers", 10_000.0, "P(wait > 50 ms) < 10 %")
    # Erlang C: P(wait) exp(-(10 c - 10000) t).
    waits = qm.MMc(0.1, np.array([1004, 1005])).solve(10_000.0).wait.tail(0.05)
    assert waits[0] > 0.1 > waits[1]
    assert found.value == 1005
    sized = qm.size(room, 10_000.0, "P(wait > 50 ms) < 10 %", prices={"servers": 1.0})
    assert sized.numbers == {"servers": 1005}


def test_both_ways_of_one_parameter() -> None:
    room = qm.MMcK(0.1, servers=5, capacity=10)
    some = qm.solve_for(room, "capacity", 30.0, "loss < 1 %")
    assert (some.side, some.value) == ("at least", 10)
    few = qm.solve_for(room, "capacity", 48.0, "p99 < 600 ms")
    assert few.side == "at most"
    assert few.rejected == pytest.approx(qm.MMcK(0.1, 5, few.value).solve(48.0).loss)
    assert "of the requests" in str(few)
    assert "are rejected" in str(few)
    both = qm.solve_for(room, "capacity", 48.0, "p99 < 600 ms", "loss < 10 %")
    assert both.side == "between"
    assert both.high == few.value
    assert both.low == qm.solve_for(room, "capacity", 48.0, "loss < 10 %").value
    with pytest.raises(qm.ModelError, match="no one boundary: capacity between"):
        float(both)
    assert "hold at 48/s" in str(both)


def test_patience_and_what_gives_up() -> None:
    queue = qm.ErlangA(0.1, 4, 2.0)
    short = qm.solve_for(queue, "patience", 42.0, "p95 wait < 300 ms")
    assert short.side == "at most"
    assert "give up" in str(short)
    long = qm.solve_for(queue, "patience", 42.0, "abandoned < 5 %")
    assert long.side == "at least"
    met = qm.ErlangA(0.1, 4, float(long)).solve(42.0)
    assert met.abandonment == pytest.approx(0.05, rel=1e-9)


def test_what_a_limit_may_let_through() -> None:
    path = qm.series(qm.limit("limit", 80.0, burst=5), qm.call("db", qm.MMc(0.02)))
    site = qm.Pipeline(path)
    found = qm.solve_for(site, "limit.rate", 100.0)
    assert found.side == "at most"
    assert 50.0 < float(found) < 50.1
    behind = site.replace({"limit.rate": float(found)}).solve(100.0)
    assert behind.stations["db"].utilization == pytest.approx(1.0, rel=1e-9)
    assert "50 % are rejected" in str(found)


HEDGED = qm.Pipeline(qm.hedge("hedge", qm.call("a", qm.MMc(0.01, 16)), delay=0.03))


def test_neither_more_nor_less_is_better() -> None:
    # Copies at once double the load, late ones come too late: p99.9 is least at 3 ms.
    found = qm.solve_for(HEDGED, "hedge.delay", 700.0, "p99.9 < 38 ms")
    assert found.side == "between"
    ends = HEDGED.replace({"hedge.delay": np.array([found.low, found.high])}).solve(700.0)
    assert ends.latency.quantile(0.999) == pytest.approx([0.038, 0.038], rel=1e-8)
    # A window that no step of the search falls into.
    least = float(HEDGED.replace({"hedge.delay": 0.003}).solve(700.0).latency.quantile(0.999))
    narrow = qm.solve_for(HEDGED, "hedge.delay", 700.0, qm.Objective("p99.9", least * 1.0001))
    assert narrow.low < 0.003 < narrow.high
    assert narrow.high / narrow.low < 1.5


def test_separate_ranges_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # Odd numbers of doublings are good: no parameter of today's models is as strange.
    def odd(objective: qm.Objective, result: qm.StationResult) -> float:
        return float(np.cos(np.pi * np.log2(result.station.servers)))

    monkeypatch.setattr(qm.Objective, "margin", odd)
    with pytest.raises(
        qm.ModelError, match=r"separate ranges of servers, about 2 to 2, 8 to 8"
    ):
        qm.solve_for(qm.MMc(0.01, servers=4), "servers", 1.0, "mean < 1 s")


@pytest.mark.thorough
@settings(max_examples=25)
@given(
    st.sampled_from(["db.service_time", "web.service_time", "cache.hit_ratio", "db.servers"]),
    st.floats(50.0, 1500.0),
    st.sampled_from(["p99 < 80 ms", "mean < 25 ms", "utilization < 70 %", ""]),
)
def test_the_boundary_is_where_the_objective_turns(name: str, rate: float, goal: str) -> None:
    web = qm.call("web", qm.MMc(0.01, servers=20))
    site = qm.Pipeline(qm.series(web, qm.cached(0.8, lookup=CACHE, miss=DB)))
    goals = [qm.planning.parse_objective(goal)] if goal else []

    def good(value: float) -> bool:
        result = site.replace({name: value}).solve(rate)
        return all(g.met(result) for g in goals) and rate < result.max_rate

    try:
        found = qm.solve_for(site, name, rate, goals)
    except qm.InfeasibleError:
        assert not good(site.parameters()[name])
        return
    value = found.value
    if found.whole:
        assert good(value)
        assert value == 1 or not good(value - 1)
        return
    if value != 0.0:
        assert good(value)
    if np.isfinite(value) and value not in (0.0, 1.0):
        step = 1e-7 if found.side == "at most" else -1e-7
        assert not good(value * (1 + step))


def test_scenarios_share_one_search(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    solve = qm.Pipeline.solve
    monkeypatch.setattr(qm.Pipeline, "solve", lambda p, r: calls.append(r) or solve(p, r))
    rates = np.linspace(100.0, 3000.0, 500)
    found = qm.solve_for(SITE, "cache.hit_ratio", rates, "p99 < 30 ms")
    assert len(calls) < 60
    assert np.asarray(found).shape == (500,)
    for i in (0, 250, 499):
        alone = qm.solve_for(SITE, "cache.hit_ratio", float(rates[i]), "p99 < 30 ms")
        assert found.value[i] == pytest.approx(float(alone), rel=1e-8, abs=1e-12)
    frame = found.to_frame()
    assert frame["low"].to_numpy() == pytest.approx(found.low)
    assert set(frame["side"]) == {"at least"}
    assert frame.attrs["units"]["low"] == "-"


@pytest.mark.thorough
def test_units_are_those_of_the_fields() -> None:
    path = qm.series(
        qm.limit("limit", 80.0, burst=5),
        qm.hedge("hedge", qm.call("db", qm.MG1(qm.Gamma(0.002, scv=2.0))), delay=0.03),
    )
    site = qm.Pipeline(path)
    units = {name: domain_of(site, name).unit for name in site.parameters()}
    assert units == {
        "limit.rate": "1/s", "limit.burst": "-", "hedge.delay": "s", "hedge.budget": "-",
        "db.service.mean": "s", "db.service.scv": "-",
    }  # fmt: skip
    assert qm.solve_for(qm.ErlangA(0.1, 4, 2.0), "patience", 10.0).unit == "s"
