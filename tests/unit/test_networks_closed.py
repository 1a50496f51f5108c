"""A fixed number of users: published figures, limits, distributions at a station, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.networks import closed

SITE = {"cpu": qm.MMc(0.020, servers=2), "db": qm.MMc(0.008), "net": qm.Delay(0.030)}
VISITS = {"cpu": 1, "db": 3, "net": 2}


def test_jain_34_2() -> None:
    site = {"cpu": qm.MMc(0.125), "a": qm.MMc(0.3), "b": qm.MMc(0.2)}
    r = closed.solve(site, {"cpu": 16, "a": 10, "b": 5}, users=20, think_time=4.0)
    assert [s.response_time for s in r.stations.values()] == pytest.approx(
        [0.373339107078097, 4.854259693196409, 0.29992184532243], rel=1e-13
    )
    assert r.bottleneck == "a"
    assert r.max_rate == pytest.approx(1 / 3)
    assert r.knee == pytest.approx((4 + 2 + 3 + 1) / 3)


def test_a_load_test_with_and_without_think_time() -> None:
    """1,000 users on a system that sustains 1,170/s."""
    r = closed.solve({"api": qm.MMc(4 / 1170, servers=4)}, {"api": 1}, 1000, [0.75, 0.0])
    assert r.throughput == pytest.approx([1169.995, 1170.0], abs=1e-3)
    assert r.response_time == pytest.approx([0.104705, 0.854701], abs=1e-6)


def test_forty_users_and_three_disks() -> None:
    demands = [0.895207, 0.754671, 0.826158, 1.02762]
    site = {f"d{i}": qm.MMc(d) for i, d in enumerate(demands)}
    r = closed.solve(site, dict.fromkeys(site, 1), 40, 27.0)
    assert r.throughput == pytest.approx(0.907415, abs=1e-6)
    assert r.response_time == pytest.approx(17.08129, abs=1e-5)


def test_one_station_is_the_finite_source() -> None:
    source = qm.FiniteSource(0.1, servers=4, population=30).solve(1 / 0.5)
    r = closed.solve({"x": qm.MMc(0.1, servers=4)}, {"x": 1}, 30, 0.5)
    here = r.stations["x"]
    assert r.throughput == pytest.approx(source.throughput, rel=1e-13)
    assert here.waiting_time == pytest.approx(source.waiting_time, rel=1e-12)
    for p in (0.5, 0.9, 0.999):
        assert here.wait.quantile(p) == pytest.approx(source.wait.quantile(p), rel=1e-9)
        assert here.response.quantile(p) == pytest.approx(source.response.quantile(p), rel=1e-7)
        assert r.latency.quantile(p) == pytest.approx(source.response.quantile(p), rel=1e-7)
    n = np.arange(31)
    assert here.number.probability(n) == pytest.approx(source.number.probability(n), abs=1e-13)
    assert here.number.variance == pytest.approx(source.number.variance, rel=1e-10)
    assert here.wait.variance == pytest.approx(source.wait.variance, rel=1e-9)
    assert here.wait.atom == pytest.approx(source.wait.atom, rel=1e-12)


@pytest.mark.parametrize("users", [1, 7, 200, 400])
def test_distributions_of_each_station_have_its_means(users: int) -> None:
    r = closed.solve(SITE, VISITS, users, 5.0)
    total = 0.0
    for name, s in r.stations.items():
        assert s.number_in_system == pytest.approx(s.arrival_rate * s.response_time, rel=1e-12)
        assert s.response.mean == pytest.approx(s.response_time, rel=1e-12)
        total += VISITS[name] * s.response_time
        if name != "net":
            first, _, _ = s.wait._moments()
            assert first == pytest.approx(s.waiting_time, rel=1e-9, abs=1e-15)
            n = np.arange(users)
            tail = s.number.tail(n)
            assert tail.sum() == pytest.approx(s.number_in_system, rel=1e-9)
            assert (np.diff(tail) <= 1e-11).all()  # a ratio of numbers whose logs are near 1e3
    assert total == pytest.approx(r.response_time, rel=1e-12)
    assert r.latency.mean == pytest.approx(r.response_time, rel=1e-9)
    assert r.number_in_system + r.throughput * 5.0 == pytest.approx(users, rel=1e-12)


def test_users_think_times_and_demands_broadcast() -> None:
    users = np.array([[1], [50], [300]])
    site = {"cpu": qm.MMc(np.array([0.02, 0.05]), servers=[2, 4]), "db": qm.MMc(0.008)}
    r = closed.solve(site, {"cpu": 1, "db": [3, 2]}, users, 5.0)
    assert r.throughput.shape == r.latency.quantile(0.9).shape == (3, 2)
    quantiles = r.latency.quantile(0.99)
    for i, n in enumerate((1, 50, 300)):
        one = {"cpu": qm.MMc(0.05, servers=4), "db": qm.MMc(0.008)}
        alone = closed.solve(one, {"cpu": 1, "db": 2}, n, 5.0)
        assert r.throughput[i, 1] == pytest.approx(alone.throughput, rel=1e-13)
        p99 = alone.latency.quantile(0.99)
        assert quantiles[i, 1] == pytest.approx(p99, rel=1e-7)
        waits = r.stations["cpu"].wait.quantile(0.999)
        assert waits[i, 1] == pytest.approx(alone.stations["cpu"].wait.quantile(0.999))
    assert r.bottleneck.tolist() == ["db", "db"] or r.bottleneck.shape == (2,)


def test_nobody_finds_an_empty_site() -> None:
    r = closed.solve(SITE, VISITS, [0, 1], 5.0)
    idle = 0.020 + 3 * 0.008 + 2 * 0.030
    assert r.throughput == pytest.approx([0.0, 1 / (5 + idle)])
    assert r.response_time == pytest.approx([idle, idle])
    assert r.number_in_system[0] == 0


def test_many_users_who_think_long_are_an_open_load() -> None:
    rate = 20.0
    users = np.array([10**3, 10**5, 10**7])
    r = closed.solve({"a": qm.MMc(0.03), "b": qm.MMc(0.1, servers=3)}, {"a": 1, "b": 1}, users,
                     users / rate)  # fmt: skip
    opened = qm.MMc(0.03).solve(rate).response_time + qm.MMc(0.1, 3).solve(rate).response_time
    errors = np.abs(r.response_time / opened - 1)
    assert (np.diff(errors) < 0).all()
    assert errors[-1] < 1e-6
    path = qm.distributions.Sum((
        qm.MMc(0.03).solve(rate).response, qm.MMc(0.1, 3).solve(rate).response,
    ))  # fmt: skip
    assert r.latency.quantile(0.99)[-1] == pytest.approx(path.quantile(0.99), rel=1e-5)


def test_insensitive_stations_need_the_mean_only() -> None:
    means = []
    for service in (qm.Exponential(0.1), qm.Deterministic(0.1), qm.Gamma(0.1, 4.0)):
        site = {"ps": qm.MG1PS(service), "lcfs": qm.MG1LCFS(service), "net": qm.Delay(service)}
        r = closed.solve(site, dict.fromkeys(site, 1), 12, 0.3)
        means.append(r.response_time)
        assert r.basis["mean"] == "exact"
    assert means == pytest.approx([means[0]] * 3, rel=1e-14)


def test_service_that_is_not_exponential_says_approximate() -> None:
    r = closed.solve({"a": qm.MG1(qm.Gamma(0.1, 4.0))}, {"a": 1}, 5, 1.0)
    assert r.basis["mean"] == "approximate"
    assert "as-exponential" in r.basis.assumptions("mean")
    assert closed.solve({"a": qm.MMc(0.1)}, {"a": 1}, 5, 1.0).basis["p99"] == "exact"


def test_speed_that_depends_on_the_number() -> None:
    """Slower with many: by convolution; equal to servers where it is that of servers."""
    slows = qm.BirthDeath([20.0, 40.0, 36.0, 30.0])
    r = closed.solve({"x": slows, "y": qm.MMc(0.02)}, {"x": 1, "y": 1}, [3, 10], 0.1)
    assert r.throughput[1] < 30.0 + 1e-9
    with pytest.raises(ModelError, match="only the mean"):
        r.latency.quantile(0.9)
    steady = qm.BirthDeath([20.0, 40.0, 60.0], servers=3)
    same = closed.solve({"x": steady}, {"x": 1}, 9, 0.2)
    assert same.throughput == pytest.approx(
        closed.solve({"x": qm.MMc(0.05, servers=3)}, {"x": 1}, 9, 0.2).throughput, rel=1e-13
    )


def test_closed_forms_on_symbols() -> None:
    d, z = sp.symbols("D Z", positive=True)
    r = closed.solve({"x": qm.MMc(d), "y": qm.MMc(d, servers=2)}, {"x": 1, "y": 2}, 2, z)
    # G(1) = Z + 3 D; G(2) = Z^2/2 + 3 Z D + D^2 + 2 D^2 + (2 D)^2 / 2.
    expected = (z + 3 * d) / (z**2 / 2 + 3 * z * d + 5 * d**2)
    assert sp.simplify(r.throughput - expected) == 0
    numbers = {d: 0.1, z: 1.5}
    twin = closed.solve({"x": qm.MMc(0.1), "y": qm.MMc(0.1, 2)}, {"x": 1, "y": 2}, 2, 1.5)
    assert float(r.response_time.subs(numbers)) == pytest.approx(twin.response_time, rel=1e-13)
    with pytest.raises(ModelError, match="number of users"):
        closed.solve({"x": qm.MMc(d)}, {"x": 1}, sp.Symbol("N", integer=True, positive=True), z)


@pytest.mark.parametrize(
    ("users", "think_time", "message"),
    [
        (-1, 1.0, "users must be a whole number >= 0, got -1"),
        (2.5, 1.0, "users must be a whole number >= 0, got 2.5"),
        (3, -1.0, "think_time must be a finite number >= 0, got -1"),
        (3, np.inf, "think_time must be a finite number"),
    ],
)
def test_impossible_numbers(users: float, think_time: float, message: str) -> None:
    with pytest.raises(DomainError, match=message):
        closed.solve({"a": qm.MMc(0.1)}, {"a": 1}, users, think_time)


def test_models_that_do_not_fit() -> None:
    with pytest.raises(DomainError, match="needs time in its loop"):
        closed.solve({"a": qm.Delay(0.0)}, {"a": 1}, 3)
    with pytest.raises(DomainError, match="needs time in its loop"):
        closed.solve({"a": qm.MMc(0.1)}, {"a": 0}, 3)
    with pytest.raises(ModelError, match="b is in one only"):
        closed.solve({"a": qm.MMc(0.1)}, {"a": 1, "b": 2}, 3)
    with pytest.raises(ModelError, match="at least one station"):
        closed.solve({}, {}, 3)
    with pytest.raises(ModelError, match="srpt cannot take a closed load: MG1SizeBased"):
        closed.solve({"srpt": qm.MG1SizeBased(qm.Exponential(0.1), "srpt")}, {"srpt": 1}, 3)
