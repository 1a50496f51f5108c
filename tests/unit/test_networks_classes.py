"""Several classes, closed and open: published exact values, limits, approximations."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.networks import classes, closed
from qmodel.networks.classes import ClosedClass, OpenClass

UNIT = qm.Exponential(1.0)


def visits(*demands: float) -> dict[str, float]:
    return {f"s{k}": d for k, d in enumerate(demands)}


def sites(*servers: int) -> dict[str, qm.Station]:
    """Stations of mean service 1 s, whose visits are demands."""
    return {f"s{k}": qm.MGcPS(UNIT, c) for k, c in enumerate(servers)}


def numbers(r: classes.ClassesResult, name: str) -> list[float]:
    return [float(s.numbers[name]) for s in r.stations.values()]


def test_exact_fractions() -> None:
    """11 and 7 users, by exact rational arithmetic."""
    mix = {
        "a": ClosedClass(visits=visits(10, 5), users=11, think_time=91.0),
        "b": ClosedClass(visits=visits(5, 9), users=7, think_time=92.0),
    }
    r = classes.solve(sites(1, 1), mix)
    assert r.throughputs["a"] == pytest.approx(0.06913169782403515, rel=1e-14)
    assert r.throughputs["b"] == pytest.approx(0.047321564822131054, rel=1e-14)
    assert numbers(r, "a") == pytest.approx([3.5238340326331423, 1.1851814653796588], rel=1e-13)
    assert str(r.basis) == "exact"


def test_two_servers_shared_by_classes() -> None:
    """By a Markov chain: 4 and 2 users, two shared servers."""
    mix = {
        "a": ClosedClass(visits={"x": 1.5}, users=4, think_time=1.0),
        "b": ClosedClass(visits={"x": 2.5}, users=2, think_time=2.0),
    }
    r = classes.solve({"x": qm.MGcPS(UNIT, 2)}, mix)
    assert r.throughputs["a"] == pytest.approx(0.897501892505677, rel=1e-13)
    assert r.stations["x"].numbers["b"] == pytest.approx(1.4884258336985532, rel=1e-13)


def test_open_streams_at_several_servers() -> None:
    """One closed class and one open one at 1 to 5 shared servers, in 30 digits."""
    mix = {
        "c": ClosedClass(visits=visits(1, 0.5, 1 / 3, 0.25), users=3),
        "o": OpenClass(visits=visits(1, 0.5**0.5, 3**-0.5, 0, 5**-0.5), arrival_rate=0.3),
    }
    r = classes.solve(sites(1, 2, 3, 4, 5), mix)
    assert r.throughputs["c"] == pytest.approx(0.672902451808386, rel=1e-13)
    expected = [
        2.250489035189991,
        0.3565605602815233,
        0.22472479157638944,
        0.1682256129520965,
        0,
    ]
    assert numbers(r, "c") == pytest.approx(expected, rel=1e-12)
    expected = [1.3930667293671388, 0.22824170621630704, 0.17368160411461903, 0.0,
                0.13416408762478438]  # fmt: skip
    assert numbers(r, "o") == pytest.approx(expected, rel=1e-12)


def test_one_class_is_the_closed_network() -> None:
    users = np.array([1, 20, 60])
    site = {"cpu": qm.MMc(0.02, servers=3), "db": qm.MMc(0.008), "net": qm.Delay(0.1)}
    v = {"cpu": 1, "db": 3, "net": 2}
    r = classes.solve(site, {"u": ClosedClass(visits=v, users=users, think_time=0.5)})
    twin = closed.solve(site, v, users, 0.5)
    assert r.throughputs["u"] == pytest.approx(twin.throughput, rel=1e-12)
    for name, s in twin.stations.items():
        found = r.stations[name]
        assert found.number_in_system == pytest.approx(s.number_in_system, rel=1e-11)
        assert found.utilization == pytest.approx(s.utilization, rel=1e-12)


def test_equal_classes_are_one() -> None:
    site, v = {"cpu": qm.MMc(0.2, servers=2), "db": qm.MMc(0.3)}, {"cpu": 1, "db": 1}
    half = ClosedClass(visits=v, users=6, think_time=2.0)
    r = classes.solve(site, {"a": half, "b": half})
    whole = closed.solve(site, v, 12, 2.0)
    assert r.throughputs["a"] == r.throughputs["b"]
    assert 2 * r.throughputs["a"] == pytest.approx(whole.throughput, rel=1e-12)
    assert r.response_times["a"] == pytest.approx(whole.response_time, rel=1e-12)


def test_open_classes_alone_are_the_station() -> None:
    rate = np.array([5.0, 15.0, 25.0])
    r = classes.solve(
        {"d": qm.MMc(0.1, 2)}, {"o": OpenClass(visits={"d": 1}, arrival_rate=rate)}
    )
    twin = qm.MMc(0.1, 2).solve(rate)
    assert r.response_times["o"] == pytest.approx(twin.response_time, rel=1e-12)


def test_open_overload_stops_the_closed_classes_that_pass() -> None:
    mix = {
        "o": OpenClass(visits={"d": 1}, arrival_rate=[5.0, 25.0]),
        "c": ClosedClass(visits={"d": 1, "e": 1}, users=5),
        "x": ClosedClass(visits={"e": 1}, users=2, think_time=1.0),
    }
    r = classes.solve({"d": qm.MMc(0.1, 2), "e": qm.MMc(0.1)}, mix)
    assert r.throughputs["c"][1] == 0
    assert np.isinf(r.response_times["c"][1])
    assert np.isinf(r.response_times["o"][1])
    alone = closed.solve({"e": qm.MMc(0.1)}, {"e": 1}, 2, 1.0)
    assert r.throughputs["x"][1] == pytest.approx(alone.throughput, rel=1e-12)
    assert r.stations["d"].numbers["c"][1] == 5


def test_many_servers_and_users_keep_their_digits() -> None:
    mix = {"u": ClosedClass(visits={"s0": 4.0}, users=90, think_time=10.0)}
    assert classes.solve(sites(8), mix).throughputs["u"] == pytest.approx(2.0, rel=1e-12)


def test_approximations_within_what_they_say() -> None:
    rng = np.random.default_rng(1)
    worst = {"linearizer": 0.0, "schweitzer": 0.0}
    for _ in range(25):
        size, k = int(rng.integers(1, 4)), int(rng.integers(2, 5))
        mix = {
            f"c{i}": ClosedClass(
                visits=visits(*rng.uniform(0.05, 1.0, k)),
                users=int(rng.integers(1, 13)),
                think_time=float(rng.choice([0.0, 2.0, 10.0])),
            )
            for i in range(size)
        }
        exact = classes.solve(sites(*[1] * k), mix, method="exact")
        for method, error in worst.items():
            r = classes.solve(sites(*[1] * k), mix, method=method)
            here = [abs(r.throughputs[n] / exact.throughputs[n] - 1) for n in mix]
            worst[method] = max(error, *here)
            assert method in r.assumptions
    assert worst["linearizer"] < 0.022
    assert 0.022 < worst["schweitzer"] < 0.113


def test_large_populations_are_approximate() -> None:
    mix = {
        f"c{i}": ClosedClass(visits=visits(0.01, 0.02), users=1000, think_time=1.0 * i)
        for i in range(3)
    }
    r = classes.solve(sites(1, 1), mix)
    assert "linearizer" in r.assumptions
    assert sum(r.throughputs.values()) == pytest.approx(50.0, rel=1e-3)


def test_service_by_class() -> None:
    quick = {"x": qm.Exponential(0.05)}
    mix = {
        "a": ClosedClass(visits={"x": 1}, users=3, think_time=1.0),
        "b": ClosedClass(visits={"x": 1}, users=3, think_time=1.0, services=quick),
    }
    assert str(classes.solve({"x": qm.MG1PS(qm.Exponential(0.1))}, mix).basis) == "exact"
    assert "order-among-classes" in classes.solve({"x": qm.MMc(0.1)}, mix).assumptions


def test_models_that_do_not_fit() -> None:
    user = ClosedClass(visits={"x": 1}, users=3)
    with pytest.raises(ModelError, match="no station 'x'; there are y"):
        classes.solve({"y": qm.MMc(0.1)}, {"u": user})
    with pytest.raises(DomainError, match="method must be one of auto"):
        classes.solve({"x": qm.MMc(0.1)}, {"u": user}, method="best")
    with pytest.raises(ModelError, match="must be a ClosedClass or an OpenClass, got 3"):
        classes.solve({"x": qm.MMc(0.1)}, {"u": 3})
    with pytest.raises(DomainError, match=r"users must be a whole number >= 0, got 2.5"):
        classes.solve({"x": qm.MMc(0.1)}, {"u": ClosedClass(visits={"x": 1}, users=2.5)})
    with pytest.raises(DomainError, match="needs time in its loop"):
        classes.solve({"x": qm.MMc(0.1)}, {"u": ClosedClass(visits={}, users=2)})
    slow = qm.BirthDeath([10.0, 5.0])
    with pytest.raises(ModelError, match="must not slow down"):
        classes.solve({"x": slow}, {"u": user, "v": user})
    with pytest.raises(ModelError, match="at least one station"):
        classes.solve({}, {"u": user})
