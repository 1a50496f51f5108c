"""Closed networks of any shape: distributions that hold whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel.networks import bounds, classes, closed, routed

DEAR = settings(max_examples=settings.default.max_examples // 2)
"""For what costs seconds."""

TIMES = st.floats(0.01, 1.0)
SERVERS = st.sampled_from([1, 1, 2, 5])
SITES = st.lists(st.tuples(TIMES, SERVERS, st.integers(1, 4)), min_size=1, max_size=4)
THINK = st.one_of(st.just(0.0), st.floats(0.1, 50.0))


def built(site: list[tuple[float, int, int]], unit: float = 1.0) -> tuple[dict, dict]:
    """Return stations and visits."""
    stations = {f"s{i}": qm.MMc(unit * t, c) for i, (t, c, _) in enumerate(site)}
    return stations, {f"s{i}": v for i, (_, _, v) in enumerate(site)}


@given(site=SITES, think=THINK, users=st.integers(1, 300))
def test_throughput_rises_within_its_bounds(
    site: list[tuple[float, int, int]], think: float, users: int
) -> None:
    stations, visits = built(site)
    r = closed.solve(stations, visits, [users, users + 1], think)
    x = r.throughput
    assert x[0] <= x[1] * (1 + 1e-12)
    demands = [t * v for t, _, v in site]
    low, high = bounds.asymptotic(demands, users, think, servers=[c for _, c, _ in site])
    assert low * (1 - 1e-12) <= x[0] <= high * (1 + 1e-12)
    assert r.response_time[0] <= r.response_time[1] * (1 + 1e-12)
    present = sum(s.number_in_system for s in r.stations.values())
    assert present + x * think == pytest.approx([users, users + 1], rel=1e-10)
    for name, s in r.stations.items():
        busy = x * visits[name] * stations[name].service_time / stations[name].servers
        assert s.utilization == pytest.approx(busy, rel=1e-12)
        assert (s.utilization <= 1 + 1e-12).all()


@DEAR
@given(site=SITES, think=THINK, users=st.integers(1, 60), unit=st.floats(1e-3, 1e3))
def test_another_unit_of_time_changes_nothing_else(
    site: list[tuple[float, int, int]], think: float, users: int, unit: float
) -> None:
    one = closed.solve(*built(site), users, think)
    other = closed.solve(*built(site, unit), users, think * unit)
    assert other.response_time == pytest.approx(unit * one.response_time, rel=1e-9)
    p90 = one.latency.quantile(0.9)
    assert other.latency.quantile(0.9) == pytest.approx(unit * p90, rel=1e-6)
    assert one.latency.mean == pytest.approx(one.response_time, rel=1e-7)


@DEAR
@given(site=SITES, users=st.integers(1, 8), think=THINK)
def test_a_class_split_in_two_is_the_same(
    site: list[tuple[float, int, int]], users: int, think: float
) -> None:
    stations, visits = built(site)
    half = classes.ClosedClass(visits=visits, users=users, think_time=think)
    r = classes.solve(stations, {"a": half, "b": half})
    whole = closed.solve(stations, visits, 2 * users, think)
    assert 2 * r.throughputs["a"] == pytest.approx(whole.throughput, rel=1e-10)
    for name, s in whole.stations.items():
        assert 2 * r.stations[name].numbers["b"] == pytest.approx(s.number_in_system, rel=1e-9)


@given(p=st.lists(st.floats(0.0, 0.45), min_size=4, max_size=4), rate=st.floats(0.01, 2.0))
def test_flows_of_a_routed_network_balance(p: list[float], rate: float) -> None:
    stations = {"a": qm.MMc(0.1), "b": qm.MMc(0.05, servers=2)}
    network = routed(stations, [[p[0], p[1]], [p[2], p[3]]])
    r = network.solve({"a": rate})
    a, b = (r.stations[n].arrival_rate for n in ("a", "b"))
    assert a == pytest.approx(rate + p[0] * a + p[2] * b, rel=1e-10)
    assert b == pytest.approx(p[1] * a + p[3] * b, rel=1e-10, abs=1e-15)
    out = (1 - p[0] - p[1]) * a + (1 - p[2] - p[3]) * b
    assert out == pytest.approx(rate, rel=1e-10)
    assert r.response_time * rate == pytest.approx(r.number_in_system, rel=1e-12)
    assert np.isfinite(r.response_time) == (rate < r.max_rate)
