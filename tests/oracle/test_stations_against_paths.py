"""Stations against sample paths: what is labelled exact lies in the confidence interval."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential

H2 = balanced_hyperexponential(1.0, 4.0)
DISTRIBUTIONS: dict[str, tuple[qm.Distribution, Callable[[Any, int], np.ndarray]]] = {
    "exponential": (qm.Exponential(1.0), lambda rng, n: rng.exponential(1.0, n)),
    "constant": (qm.Deterministic(1.0), lambda rng, n: np.ones(n)),
    "gamma": (qm.Gamma(1.0, 0.25), lambda rng, n: rng.gamma(4.0, 0.25, n)),
    "uniform": (qm.Uniform(0.5, 1.5), lambda rng, n: rng.uniform(0.5, 1.5, n)),
    "h2": (H2, lambda rng, n: hyper(rng, n)),
}
PERCENTILES = (0.5, 0.9, 0.95, 0.99)
JOBS = 300_000


def hyper(rng: Any, n: int) -> np.ndarray:
    first = rng.random(n) < H2.probabilities[0]
    return rng.exponential(1.0, n) * np.where(first, *H2.means)


def path(
    sim: ModuleType, distribution: str, load: float, servers: int, n: int, seed: int
) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    arrivals = sim.poisson(rng, load * servers, n)
    return arrivals, DISTRIBUTIONS[distribution][1](rng, n)


def check_exact(sim: ModuleType, r: qm.StationResult, wait: Any, response: Any) -> None:
    for name, distribution, times in (
        ("wait", r.wait, wait),
        ("response", r.response, response),
    ):
        if distribution is None or r.basis["percentiles"] != "exact":
            continue
        for p in PERCENTILES:
            found = sim.quantile(times, p)
            # An interval of width zero is an atom: the percentile is that very time.
            assert found.holds(distribution.quantile(p)) or distribution.quantile(
                p
            ) == pytest.approx(found.value, rel=1e-9, abs=1e-6), (
                f"{name} p{100 * p:g}: {distribution.quantile(p):.5g}, simulated {found}"
            )
    assert r.basis["waiting_time"] == "exact"
    assert sim.mean(response).holds(r.response_time)
    if wait is not None:
        assert sim.mean(wait).holds(r.waiting_time)


@pytest.mark.thorough
@pytest.mark.parametrize("load", [0.5, 0.8])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_one_server(sim: ModuleType, distribution: str, load: float) -> None:
    arrivals, services = path(sim, distribution, load, 1, JOBS, seed=11)
    response = sim.single(arrivals, services) - arrivals
    r = qm.MG1(DISTRIBUTIONS[distribution][0]).solve(load)
    assert str(r.basis) == "exact"
    check_exact(sim, r, response - services, response)


@pytest.mark.parametrize(("servers", "load"), [(2, 0.9), (8, 0.625), (8, 0.9)])
def test_exponential_servers(sim: ModuleType, servers: int, load: float) -> None:
    arrivals, services = path(sim, "exponential", load, servers, JOBS, seed=servers)
    response = sim.several(arrivals, services, servers) - arrivals
    r = qm.MMc(1.0, servers).solve(load * servers)
    assert str(r.basis) == "exact"
    check_exact(sim, r, response - services, response)


@pytest.mark.parametrize("servers", [3, 8])
def test_constant_service_behind_several_servers(sim: ModuleType, servers: int) -> None:
    arrivals, services = path(sim, "constant", 0.8, servers, JOBS, seed=5)
    wait = sim.several(arrivals, services, servers) - arrivals - services
    r = qm.MGc(qm.Deterministic(1.0), servers).solve(0.8 * servers)
    assert r.basis["waiting_time"] == "exact"
    assert sim.mean(wait).holds(r.waiting_time)
    assert sim.estimate(wait, lambda x: float((x > 1e-9).mean())).holds(1 - r.wait.atom)


def test_constant_service_p99(sim: ModuleType) -> None:
    """M/D/1: the one distribution with a kink at every multiple of the service time."""
    arrivals, services = path(sim, "constant", 0.9, 1, 1_000_000, seed=3)
    wait = sim.single(arrivals, services) - arrivals - services
    assert sim.quantile(wait, 0.99).holds(
        qm.MG1(qm.Deterministic(1.0)).solve(0.9).wait.quantile(0.99)
    )


@pytest.mark.thorough
@pytest.mark.parametrize("distribution", ["exponential", "constant", "h2"])
def test_shared_server_mean_is_insensitive(sim: ModuleType, distribution: str) -> None:
    arrivals, services = path(sim, distribution, 0.7, 1, JOBS, seed=8)
    response = sim.shared(arrivals, services) - arrivals
    r = qm.MG1PS(DISTRIBUTIONS[distribution][0]).solve(0.7)
    assert r.basis["response_time"] == "exact"
    assert sim.mean(response).holds(r.response_time)


def test_shared_exponential_server(sim: ModuleType) -> None:
    arrivals, services = path(sim, "exponential", 0.8, 1, 500_000, seed=21)
    response = sim.shared(arrivals, services) - arrivals
    r = qm.MG1PS(qm.Exponential(1.0)).solve(0.8)
    assert str(r.basis) == "exact"
    check_exact(sim, r, None, response)


@pytest.mark.thorough
@pytest.mark.parametrize("distribution", ["constant", "h2"])
def test_shared_general_server_within_its_stated_error(
    sim: ModuleType, distribution: str
) -> None:
    """Percentiles within 2 %, and what the simulation itself does not know."""
    arrivals, services = path(sim, distribution, 0.8, 1, 500_000, seed=22)
    response = sim.shared(arrivals, services) - arrivals
    r = qm.MG1PS(DISTRIBUTIONS[distribution][0]).solve(0.8)
    assert r.basis["p99"] == "approximate"
    for p in PERCENTILES:
        found = sim.quantile(response, p)
        assert abs(r.response.quantile(p) - found.value) <= 0.02 * found.value + found.half, p


def test_hyperexponential_servers(sim: ModuleType) -> None:
    arrivals, services = path(sim, "h2", 0.8, 6, 500_000, seed=6)
    response = sim.several(arrivals, services, 6) - arrivals
    r = qm.MGc(H2, 6).solve(4.8)
    check_exact(sim, r, response - services, response)
    found = sim.estimate(response - services, lambda x: float((x > 1e-9).mean()))
    assert found.holds(1 - r.wait.atom)


def test_streams_at_a_shared_server(sim: ModuleType) -> None:
    rng = np.random.default_rng(31)
    n = 300_000
    arrivals = sim.poisson(rng, 0.8, n)
    large = rng.random(n) < 0.25
    services = rng.exponential(1.0, n) * np.where(large, 2.0, 0.5)
    response = sim.shared(arrivals, services) - arrivals
    streams = [qm.Stream(0.6, qm.Exponential(0.5)), qm.Stream(0.2, qm.Exponential(2.0))]
    small, big = qm.MG1PS(qm.Exponential(1.0)).solve(streams).streams
    assert sim.mean(response[~large]).holds(small.response_time)
    assert sim.mean(response[large]).holds(big.response_time)


def test_streams_at_a_queue(sim: ModuleType) -> None:
    rng = np.random.default_rng(32)
    n = 500_000
    arrivals = sim.poisson(rng, 0.8, n)
    large = rng.random(n) < 0.25
    services = rng.exponential(1.0, n) * np.where(large, 2.0, 0.5)
    response = sim.single(arrivals, services) - arrivals
    streams = [qm.Stream(0.6, qm.Exponential(0.5)), qm.Stream(0.2, qm.Exponential(2.0))]
    small, big = qm.MG1(qm.Exponential(1.0)).solve(streams).streams
    for part, result in ((response[~large], small), (response[large], big)):
        assert sim.mean(part).holds(result.response_time)
        for p in PERCENTILES:
            assert sim.quantile(part, p).holds(result.response.quantile(p))


@pytest.mark.slow
@pytest.mark.parametrize("distribution", ["exponential", "h2"])
@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("servers", [2, 8])
def test_shared_servers(sim: ModuleType, servers: int, load: float, distribution: str) -> None:
    """The mean is exact; the error of the percentiles is printed, of p99 at most 8 %."""
    arrivals, services = path(sim, distribution, load, servers, 3_000_000, seed=77)
    response = sim.shared(arrivals, services, servers) - arrivals
    r = qm.MGcPS(DISTRIBUTIONS[distribution][0], servers).solve(load * servers)
    assert sim.mean(response).holds(r.response_time)
    shown = []
    for p in (0.5, 0.9, 0.95, 0.99, 0.999):
        found = sim.quantile(response, p)
        error = r.response.quantile(p) / found.value - 1
        shown.append(
            f"p{100 * p:g} {100 * error:+.2f} % (+- {100 * found.half / found.value:.2f})"
        )
        if p == 0.99:
            assert abs(error) <= 0.08 + found.half / found.value
    print(f"\nM/{distribution}/{servers}-PS at {load}: {', '.join(shown)}")
