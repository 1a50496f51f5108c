"""Networks from a routing matrix: traffic equations, classes, distributions, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.networks import routed


def servers(*times: float) -> dict[str, qm.MMc]:
    return {f"s{i}": qm.MMc(t) for i, t in enumerate(times)}


def test_feedback_to_the_cpu() -> None:
    """Bolch and others, example 7.4."""
    rows = [[0, 0.5, 0.5, 0], [1, 0, 0, 0], [0.6, 0, 0, 0], [1, 0, 0, 0]]
    r = routed(servers(0.04, 0.03, 0.06, 0.05), rows).solve([0, 0, 0, 4.0])
    times = [s.response_time for s in r.stations.values()]
    assert times == pytest.approx([0.2, 0.042857142857142858, 0.15, 0.0625], rel=1e-13)
    assert r.number_in_system == pytest.approx(6.17857142857143, rel=1e-13)
    assert r.response_time == pytest.approx(1.5446428571428574, rel=1e-13)
    assert list(r.visits.values()) == pytest.approx([5.0, 2.5, 2.5, 1.0], rel=1e-13)
    assert (r.bottleneck, r.basis["mean"]) == ("s0", "exact")
    assert r.max_rate == pytest.approx(5.0)


def test_fractional_visits_need_no_thought() -> None:
    """A page asks disk 2 10.5 times and the network 1.5 times; it saturates at 17,143/h."""
    times = {"cpu": 0.0065, "disk1": 0.012, "disk2": 0.020, "net": 0.035}
    row = {"disk1": 3 / 16, "disk2": 10.5 / 16, "net": 1.5 / 16}
    back = {name: {"cpu": 1.0} for name in row}
    network = routed({n: qm.MMc(t) for n, t in times.items()}, {"cpu": row} | back)
    assert network.visits({"cpu": 1.0})["cpu"] == pytest.approx(16.0)
    r = network.solve({"cpu": 8976 / 3600})
    assert r.response_time == pytest.approx(0.681172, abs=1e-6)
    assert r.max_rate * 3600 == pytest.approx(17142.857, abs=1e-3)
    assert r.bottleneck == "disk2"


def test_classes_that_keep_to_themselves() -> None:
    """Gross and Harris, example 4.3, exactly."""
    stations = {"1": qm.MMc(0.5 / 60), "2": qm.MMc(0.1, 3), "3": qm.MMc(1 / 3, 7)}
    rows = {"a": {"1": {"2": 1.0}, "2": {"3": 0.02}}, "b": {"1": {"3": 1.0}, "3": {"2": 0.01}}}
    r = routed(stations, rows).solve({"a": {"1": 35 * 0.55}, "b": {"1": 35 * 0.45}})
    numbers = [s.number_in_system for s in r.stations.values()]
    assert numbers == pytest.approx(
        [0.4117647058823529, 2.7047794802396146, 6.7776604698779765]
    )
    for c in r.classes.values():
        assert c.number_in_system == pytest.approx(c.arrival_rate * c.response_time, rel=1e-12)
    total = sum(c.number_in_system for c in r.classes.values())
    assert r.number_in_system == pytest.approx(total, rel=1e-12)


def test_classes_that_change_and_share_servers() -> None:
    """Two stations, two classes; the second class is entered from the first, too."""
    rows = {
        ("a", "x"): {("b", "x"): 0.2, ("b", "y"): 0.8},
        ("a", "y"): {("b", "x"): 0.2},
        ("b", "y"): {("b", "y"): 0.8},
    }
    stations = {"x": qm.MG1PS(qm.Exponential(0.1)), "y": qm.MG1PS(qm.Exponential(0.1))}
    fast = {"y": qm.Exponential(0.1), "x": qm.Exponential(0.05)}
    entries = {"a": {"x": 1.0, "y": 1.0}}
    r = routed(stations, rows, {"b": fast}).solve(entries)
    assert r.stations["x"].arrival_rate == pytest.approx(1.4)
    assert r.stations["y"].arrival_rate == pytest.approx(5.0)
    assert r.stations["x"].utilization == pytest.approx(0.12)
    assert list(r.classes) == ["a"]
    assert r.number_in_system == pytest.approx(2.0 * r.classes["a"].response_time, rel=1e-12)
    assert r.basis["mean"] == "exact"


def test_other_stations_are_approximate() -> None:
    r = routed({"a": qm.MG1(qm.Deterministic(0.1)), "b": qm.MMc(0.1)}, {"a": {"b": 1}})
    assert r.solve([5.0, 0.0]).basis["mean"] == "approximate"


def test_percentiles_of_a_tandem_are_exact() -> None:
    r = routed({"a": qm.MMc(1.0), "b": qm.MMc(0.5)}, {"a": {"b": 1}}).solve({"a": 0.5})
    path = qm.Sum((qm.MMc(1.0).solve(0.5).response, qm.MMc(0.5).solve(0.5).response))
    assert r.latency.quantile(0.99) == pytest.approx(path.quantile(0.99), rel=1e-9)
    assert r.basis["p99"] == "exact"


def test_percentiles_of_a_branch() -> None:
    network = routed(servers(0.1, 0.2, 0.05), {"s0": {"s1": 0.3, "s2": 0.5}})
    r = network.solve({"s0": 3.0})
    distributions = [s.response for s in r.stations.values()]
    after = qm.Mixture(
        (0.2, 0.3, 0.5), (qm.Deterministic(0.0), distributions[1], distributions[2])
    )
    assert r.latency.quantile(0.9) == pytest.approx(
        qm.Sum((distributions[0], after)).quantile(0.9)
    )
    assert r.latency.mean == pytest.approx(r.response_time, rel=1e-12)


def test_revisits_find_the_same_queue() -> None:
    """M/M/1 with feedback of one half at 80 %: p99 is 63.3 (simulated), not 46.1."""
    r = routed({"x": qm.MMc(1.0)}, {"x": {"x": 0.5}}).solve({"x": 0.4})
    assert r.latency.mean == pytest.approx(r.response_time) == pytest.approx(10.0)
    assert r.latency.quantile(0.99) == pytest.approx(63.3, rel=0.05)
    assert "revisits" in r.basis.assumptions("p99")


def test_loads_and_probabilities_broadcast() -> None:
    p = np.array([[0.1], [0.5]])
    stations, back = servers(0.02, 0.06), {"s0": 1}
    r = routed(stations, {"s0": {"s1": p}, "s1": back}).solve({"s0": [1.0, 9.0]})
    assert r.response_time.shape == r.latency.quantile(0.9).shape == (2, 2)
    alone = routed(stations, {"s0": {"s1": 0.5}, "s1": back}).solve({"s0": 1.0})
    assert r.response_time[1, 0] == pytest.approx(alone.response_time, rel=1e-13)
    assert r.latency.quantile(0.9)[1, 0] == pytest.approx(alone.latency.quantile(0.9))
    heavy = routed(stations, {"s0": {"s1": 0.5}, "s1": back}).solve({"s0": 30.0})
    assert np.isinf(heavy.response_time)
    assert np.isinf(heavy.latency.quantile(0.5))


def test_closed_forms_on_symbols() -> None:
    rate, p, s = sp.symbols("lambda p S", positive=True)
    r = routed({"x": qm.MMc(s)}, {"x": {"x": p}}).solve({"x": rate})
    assert sp.simplify(r.response_time - s / (1 - p - rate * s)) == 0
    assert sp.simplify(r.max_rate - (1 - p) / s) == 0


def test_closed() -> None:
    """A central server with 8 jobs, of a loop without an end and of one with."""
    rows = [[0.1, 0.5, 0.4], [1, 0, 0], [1, 0, 0]]
    r = routed(servers(0.02, 0.06, 0.08), rows).solve(qm.Closed(8))
    assert r.throughput == pytest.approx(27.821381821344254, rel=1e-13)
    numbers = [s.number_in_system for s in r.stations.values()]
    assert numbers == pytest.approx([1.162040457658527, 3.084268623525686, 3.7536909188157876])
    ends = routed(servers(0.02, 0.06), {"s0": {"s1": 0.75}, "s1": {"s0": 1}}).solve(
        qm.Closed(20, 5.0)
    )
    twin = qm.networks.closed.solve(servers(0.02, 0.06), {"s0": 4, "s1": 3}, 20, 5.0)
    assert ends.throughput == pytest.approx(twin.throughput, rel=1e-13)


def test_models_that_do_not_fit() -> None:
    two = servers(0.1, 0.2)
    with pytest.raises(DomainError, match=r"routing from s0 must sum to at most 1, got 1.4"):
        routed(two, [[0.7, 0.7], [0, 0]])
    with pytest.raises(DomainError, match="routing from s0 to s1 must be a probability"):
        routed(two, {"s0": {"s1": -0.1}})
    with pytest.raises(ModelError, match="get to s0, s1 never leave"):
        routed(two, [[0, 1], [1, 0]]).solve([1.0, 0.0])
    with pytest.raises(ModelError, match="no stop s7 to route; there are s0, s1"):
        routed(two, {"s0": {"s7": 1}})
    with pytest.raises(ModelError, match="must be 2 by 2"):
        routed(two, [[0, 1]])
    with pytest.raises(ModelError, match="no station 'x'; there are s0, s1"):
        routed(two, {"s0": {"s1": 1}}).solve({"x": 1.0})
    with pytest.raises(DomainError, match="arrival rate at s0 must be a number >= 0"):
        routed(two, {"s0": {"s1": 1}}).solve({"s0": -1.0})
    with pytest.raises(ModelError, match="at least one station"):
        routed({}, {})
    # A trap that nobody enters does no harm.
    assert routed(servers(0.1, 0.2, 0.3), [[0, 0, 0], [0, 0, 1], [0, 1, 0]]).solve(
        {"s0": 5.0}
    ).response_time == pytest.approx(0.2)
