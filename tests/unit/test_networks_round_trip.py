"""Percentiles of the response of a closed network."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.networks import closed

P = np.array([0.5, 0.9, 0.99, 0.999])


def solve(
    users: int, think_time: float, times: list[float], servers: list[int] | None = None
) -> closed.ClosedResult:
    servers = servers or [1] * len(times)
    site = {f"s{i}": qm.MMc(t, c) for i, (t, c) in enumerate(zip(times, servers, strict=True))}
    return closed.solve(site, dict.fromkeys(site, 1), users, think_time)


@pytest.mark.parametrize(
    ("users", "think_time", "times", "servers", "mean", "percentiles"),
    [
        (30, 5.0, [0.1, 0.15, 0.05], None, 0.781625451989,
         [0.68020882, 1.44385114, 2.31562739, 3.07337762]),
        (60, 5.0, [0.3, 0.08, 0.2], [4, 1, 4], 0.972119727321,
         [0.8952184, 1.6425115, 2.45603199, 3.18756086]),
    ],
)  # fmt: skip
def test_by_complex_convolution(
    users: int, think_time: float, times: list[float], servers: list[int] | None,
    mean: float, percentiles: list[float],
) -> None:  # fmt: skip
    """Another route: the transform by one complex convolution for each point of inversion."""
    r = solve(users, think_time, times, servers)
    assert r.response_time == pytest.approx(mean, rel=1e-11)
    assert r.latency.mean == pytest.approx(mean, rel=1e-11)
    assert r.latency.quantile(P) == pytest.approx(percentiles, rel=1e-7)


@pytest.mark.parametrize(
    ("users", "think_time", "times", "servers", "rate", "mean"),
    [
        (30, 5.0, [0.1, 0.15, 0.05], None, 5.188852209318, 0.781625451989),
        (60, 5.0, [0.1, 0.07, 0.05], None, 9.596875324372, 1.2520349563808868),
        (60, 5.0, [0.3, 0.08, 0.2], [4, 1, 4], 10.046684048465, 0.972119727321),
        (40, 2.0, [0.3, 0.06, 0.2], [4, 1, 4], 12.60759, 1.17269),
    ],
)
def test_published_means(
    users: int, think_time: float, times: list[float], servers: list[int] | None,
    rate: float, mean: float,
) -> None:  # fmt: skip
    """Throughput and mean response to all digits that are published."""
    r = solve(users, think_time, times, servers)
    digits = 1e-5 if rate == 12.60759 else 1e-11
    assert r.throughput == pytest.approx(rate, rel=digits)
    assert r.response_time == pytest.approx(mean, rel=digits)


def test_published_numbers_and_percentiles_of_sixty_users() -> None:
    r = solve(60, 5.0, [0.1, 0.07, 0.05])
    present = [s.number_in_system for s in r.stations.values()]
    assert present == pytest.approx([9.14833676, 1.95652371, 0.9107629], abs=6e-9)
    assert r.response_time == pytest.approx(1.2520349563808868, rel=1e-13)
    assert r.latency.quantile(P) == pytest.approx([1.1697, 2.1226, 3.0280, 3.7486], abs=6e-5)


def test_published_percentiles_of_several_servers() -> None:
    """Two servers of four in the way of 40 users."""
    r = solve(40, 2.0, [0.3, 0.06, 0.2], [4, 1, 4])
    assert r.latency.quantile(P) == pytest.approx([1.1094, 1.8605, 2.6574, 3.3781], abs=6e-5)


def test_simulated_percentiles() -> None:
    """Four runs with (standard errors): p99 3.037 (0.008)."""
    r = solve(60, 5.0, [0.1, 0.07, 0.05])
    assert r.latency.quantile(0.99) == pytest.approx(3.037, abs=3 * 0.008)
    r = solve(40, 2.0, [0.3, 0.06, 0.2], [4, 1, 4])
    assert r.latency.quantile(P) == pytest.approx([1.1091, 1.8614, 2.6622, 3.3768], rel=2e-3)
    assert r.basis["p99"] == "approximate"


@pytest.mark.parametrize("users", [1, 2, 40, 3000, 10**6])
def test_all_mass_is_there_at_any_population(users: int) -> None:
    think_time = 0.09 * users * 0.9
    r = solve(users, think_time, [0.05, 0.02, 0.09])
    distribution = r.latency
    assert sum(distribution.masses) + distribution.atom == pytest.approx(1.0, abs=1e-8)
    assert distribution.mean == pytest.approx(r.response_time, rel=1e-7)
    t = distribution.quantile(P)
    assert distribution.tail(t) == pytest.approx(1 - P, rel=1e-7)
    steps = np.linspace(0.0, 2 * t[-1], 4001)
    tails = distribution.tail(steps)
    assert (np.diff(tails) <= 1e-12).all()
    area = ((tails[1:] + tails[:-1]) / 2 * np.diff(steps)).sum()
    assert area == pytest.approx(r.response_time, rel=1e-3)


def test_one_user_meets_services_only() -> None:
    r = solve(1, 3.0, [0.1, 0.07, 0.05])
    services = qm.distributions.Sum((qm.Exponential(0.1), qm.Exponential(0.07),
                                     qm.Exponential(0.05)))  # fmt: skip
    assert r.latency.quantile(P) == pytest.approx(services.quantile(P), rel=1e-8)
    several = solve(1, 3.0, [0.1, 0.07, 0.05], [2, 3, 4])
    assert several.latency.quantile(P) == pytest.approx(services.quantile(P), rel=1e-8)


def test_tail_in_its_transform() -> None:
    distribution = solve(30, 5.0, [0.1, 0.15, 0.05]).latency
    s = 1.7
    t = np.linspace(0.0, 16.0, 4001)
    f = np.exp(-s * t) * distribution.tail(t)
    integral = ((f[1:] + f[:-1]) / 2 * np.diff(t)).sum()
    assert distribution.laplace(s) == pytest.approx(1 - s * integral, rel=3e-5)


def test_visits_share_one_wait_and_keep_the_mean() -> None:
    site = {"a": qm.MMc(0.03), "b": qm.MMc(0.05, servers=2), "net": qm.Delay(0.01)}
    visits = {"a": 3, "b": 1.4, "net": 2}
    r = closed.solve(site, visits, 40, 2.0)
    assert r.latency.mean == pytest.approx(r.response_time, rel=1e-9)
    assert "shared-waits" in r.basis.assumptions("p99")
    assert r.latency.quantile(0.5) < r.response_time < r.latency.quantile(0.9)


def test_only_delays() -> None:
    r = closed.solve({"net": qm.Delay(0.1)}, {"net": 3}, 1000, 1.0)
    assert r.latency.quantile(0.99) == pytest.approx(0.3)
    assert r.throughput == pytest.approx(1000 / 1.3)


def test_no_visits_no_users_and_unknown_numbers() -> None:
    site = {"a": qm.MMc(0.1), "b": qm.MMc(0.2, servers=2), "net": qm.Delay(0.1)}
    r = closed.solve(site, {"a": 1, "b": [0, 1, np.nan], "net": 1}, 10, 1.0)
    without = closed.solve({"a": site["a"], "net": site["net"]}, {"a": 1, "net": 1}, 10, 1.0)
    p90 = r.latency.quantile(0.9)
    assert p90[0] == pytest.approx(without.latency.quantile(0.9), rel=1e-7)
    assert np.isnan(p90[2])
    assert np.isnan(r.throughput[2])
    nobody = closed.solve(site, {"a": 1, "b": 1, "net": 1}, [0, 1], 1.0).latency.quantile(0.9)
    assert nobody[0] == pytest.approx(nobody[1], rel=1e-9)
    unknown = closed.solve(site, {"a": 1, "b": 1, "net": 1}, 5, [1.0, np.nan])
    assert np.isnan(unknown.latency.quantile(0.9)).tolist() == [False, True]
