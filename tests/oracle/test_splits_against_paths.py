"""Pools that do not look at their replicas, against sample paths of all replicas."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing import RandomSplit, RoundRobin, WeightedRoundRobin, WeightedSplit
from qmodel.distributions.fit import balanced_hyperexponential

Array = np.ndarray
N = 1_000_000


def drawn(distribution: Any, rng: np.random.Generator, n: int) -> Array:
    """Draw times of mean 1 and a given SCV: constant, gamma or hyperexponential."""
    if distribution == 0:
        return np.ones(n)
    if distribution <= 1:
        return rng.gamma(1 / distribution, distribution, n)
    mixture = balanced_hyperexponential(1.0, distribution)
    first = rng.random(n) < mixture.probabilities[0]
    return rng.exponential(np.where(first, *mixture.means))


def distribution_of(scv: float) -> qm.Distribution:
    if scv == 0:
        return qm.Deterministic(1.0)
    if scv == 1:
        return qm.Exponential(1.0)
    return qm.Gamma(1.0, scv) if scv < 1 else balanced_hyperexponential(1.0, scv)


def responses(
    arrivals: Array, where: Array, station: Any, services: Array, *sizes: int
) -> Array:
    """Return the responses, in the order of arrival, of requests sent to parts `where`."""
    found = np.empty(len(arrivals))
    for part in np.unique(where):
        here = where == part
        found[here] = station(arrivals[here], services[here], *sizes) - arrivals[here]
    return found


def in_turn(n: int, replicas: int) -> Array:
    return np.arange(n) % replicas


def smooth(n: int, weights: list[int]) -> Array:
    """Return the sites that nginx picks: the greatest current weight, then reduced by all."""
    current, cycle = np.zeros(len(weights)), []
    for _ in range(sum(weights)):
        current += weights
        cycle.append(int(current.argmax()))
        current[cycle[-1]] -= sum(weights)
    return np.resize(cycle, n)


@pytest.mark.thorough
@pytest.mark.parametrize(("replicas", "servers", "load"), [(5, 1, 0.8), (3, 2, 0.7)])
def test_random_split_is_exact(sim: ModuleType, replicas: int, servers: int, load: float):
    rng = np.random.default_rng(1)
    rate = load * replicas * servers
    where = rng.integers(replicas, size=N)
    times = responses(
        sim.poisson(rng, rate, N), where, sim.fcfs, rng.exponential(1, N), servers
    )
    r = RandomSplit(qm.MMc(1.0, servers), replicas).solve(rate)
    assert r.basis == "exact"
    assert sim.mean(times).holds(r.response_time)
    assert sim.quantile(times, 0.99).holds(r.response.quantile(0.99))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("replicas", "servers", "load"), [(2, 1, 0.8), (5, 1, 0.8), (20, 1, 0.8), (4, 3, 0.7)]
)
def test_round_robin_over_exponential_replicas_is_exact(
    sim: ModuleType, replicas: int, servers: int, load: float
):
    rng = np.random.default_rng(2)
    rate = load * replicas * servers
    where = in_turn(N, replicas)
    times = responses(
        sim.poisson(rng, rate, N), where, sim.fcfs, rng.exponential(1, N), servers
    )
    r = RoundRobin(qm.MMc(1.0, servers), replicas).solve(rate)
    assert r.basis == "exact"
    assert sim.mean(times).holds(r.response_time)
    for p in (0.5, 0.99):
        assert sim.quantile(times, p).holds(r.response.quantile(p))


@pytest.mark.parametrize(("replicas", "servers"), [(5, 1), (2, 3)])
def test_constant_service_in_turn_is_one_queue(sim: ModuleType, replicas: int, servers: int):
    rng = np.random.default_rng(3)
    rate = 0.8 * replicas * servers
    times = responses(
        sim.poisson(rng, rate, N), in_turn(N, replicas), sim.fcfs, np.ones(N), servers
    )
    r = RoundRobin(qm.MDc(1.0, servers), replicas).solve(rate)
    assert r.basis == "exact"
    assert sim.mean(times).holds(r.response_time)
    assert sim.quantile(times, 0.99).holds(r.response.quantile(0.99))


def test_sharing_in_turn_has_an_exact_mean_for_exponential_service(sim: ModuleType):
    rng, n = np.random.default_rng(4), N // 4
    times = responses(
        sim.poisson(rng, 4.0, n), in_turn(n, 5), sim.shared, rng.exponential(1, n)
    )
    r = RoundRobin(qm.MG1PS(qm.Exponential(1.0)), 5).solve(4.0)
    assert (r.basis["response_time"], r.basis["p99"]) == ("exact", "approximate")
    assert sim.mean(times).holds(r.response_time)


# The statements of the assumptions, on the points where they were measured.


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [2, 20])
@pytest.mark.parametrize("servers", [1, 4])
@pytest.mark.parametrize("scv", [0.25, 4.0])
@pytest.mark.parametrize("load", [0.5, 0.8])
def test_general_service_in_turn(
    sim: ModuleType, replicas: int, servers: int, scv: float, load: float
):
    rng, n = np.random.default_rng(5), 2 * N
    rate = load * replicas * servers
    arrivals, services = sim.poisson(rng, rate, n), drawn(scv, rng, n)
    times = responses(arrivals, in_turn(n, replicas), sim.fcfs, services, servers)
    r = RoundRobin(qm.MGc(distribution_of(scv), servers), replicas).solve(rate)
    assert r.response_time == pytest.approx(times.mean(), rel=0.08)
    assert r.response.quantile(0.95) == pytest.approx(np.quantile(times, 0.95), rel=0.22)
    assert r.response.quantile(0.99) == pytest.approx(np.quantile(times, 0.99), rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [2, 20])
@pytest.mark.parametrize("servers", [1, 4])
@pytest.mark.parametrize("scv", [0.25, 1.0, 4.0])
@pytest.mark.parametrize(("load", "of_mean", "of_p99"), [(0.5, 0.12, 0.2), (0.8, 0.1, 0.1)])
def test_sharing_in_turn(
    sim: ModuleType,
    replicas: int,
    servers: int,
    scv: float,
    load: float,
    of_mean: float,
    of_p99: float,
):
    rng, n = np.random.default_rng(6), N // 2
    rate = load * replicas * servers
    arrivals, services = sim.poisson(rng, rate, n), drawn(scv, rng, n)
    times = responses(arrivals, in_turn(n, replicas), sim.shared, services, servers)
    r = RoundRobin(qm.MGcPS(distribution_of(scv), servers), replicas).solve(rate)
    assert r.response_time == pytest.approx(times.mean(), rel=of_mean)
    # One more percent is the error of the simulated p99 with so many requests.
    assert r.response.quantile(0.99) == pytest.approx(
        np.quantile(times, 0.99), rel=of_p99 + 0.01
    )


def test_weighted_split_with_round_trips_is_exact(sim: ModuleType):
    rng = np.random.default_rng(7)
    weights, trips, means = (
        np.array([0.6, 0.3, 0.1]),
        np.array([0.5, 0.0, 2.0]),
        np.array([0.9, 1.8, 5.0]),
    )
    where = rng.choice(3, size=N, p=weights)
    services = means[where] * rng.exponential(1, N)
    times = responses(sim.poisson(rng, 1.3, N), where, sim.fcfs, services) + trips[where]
    r = WeightedSplit([qm.MMc(m) for m in means], weights, trips).solve(1.3)
    assert r.basis == "exact"
    assert sim.mean(times).holds(r.response_time)
    for p in (0.3, 0.9, 0.99):
        assert sim.quantile(times, p).holds(r.response.quantile(p))


@pytest.mark.thorough
@pytest.mark.parametrize("weights", [[3, 1], [5, 1, 1], [5, 3, 2], [4, 1, 1, 1, 1, 1, 1]])
@pytest.mark.parametrize(("load", "error"), [(0.5, 0.05), (0.8, 0.02)])
def test_smooth_weighted_round_robin(
    sim: ModuleType, weights: list[int], load: float, error: float
):
    rng = np.random.default_rng(8)
    shares = np.array(weights) / sum(weights)
    where = smooth(2 * N, weights)
    arrivals, services = sim.poisson(rng, 1.0, 2 * N), rng.exponential(1, 2 * N)
    services *= load / shares[where]
    times = responses(arrivals, where, sim.fcfs, services)
    sites = [qm.MMc(load / share) for share in shares]
    r = WeightedRoundRobin(sites, shares)
    assert r.solve(1.0).response_time == pytest.approx(times.mean(), rel=error)
    # The greatest share is the worst of the sites.
    part = r._part(sites[0], shares[0], 1.0)
    assert part.response_time == pytest.approx(times[where == 0].mean(), rel=error)
