"""Pipelines against sample paths: composition, what it assumes, and what the labels say."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import qmodel as qm

PERCENTILES = (0.5, 0.9, 0.95, 0.99)


def web3() -> qm.Pipeline:
    """Balancer, application, and for two requests of five the database."""
    balancer = qm.call("balancer", qm.MMc(1 / 2000))
    application = qm.call("application", qm.MMc(1 / 20, servers=8))
    database = qm.call("database", qm.MMc(1 / 250))
    branch = qm.branch((0.4, database), (0.6, qm.nothing()))
    return qm.Pipeline(qm.series(balancer, application, branch))


def web3_path(sim: ModuleType, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    arrivals = sim.poisson(rng, 100.0, n)
    at = sim.fcfs(arrivals, rng.exponential(1 / 2000, n))
    at = sim.fcfs(at, rng.exponential(1 / 20, n), 8)
    some = rng.random(n) < 0.4
    at[some] = sim.fcfs(at[some], rng.exponential(1 / 250, int(some.sum())))
    return at - arrivals


def test_web3_analytically() -> None:
    """Mean by hand; p99 against 0.2368 +- 0.0004, simulated independently."""
    r = web3().solve(100.0)
    assert float(r.latency.mean) == pytest.approx(0.0552189, abs=5e-8)
    balancer, database = 1 / (2000 - 100), 1 / (250 - 40)
    application = 0.05 + qm.erlang_c(servers=8, offered_load=5.0) * 0.05 / 3
    assert float(r.latency.mean) == pytest.approx(
        balancer + application + 0.4 * database, rel=1e-12
    )
    assert float(r.latency.quantile(0.99)) == pytest.approx(0.2368, rel=0.002)
    assert float(r.latency.quantile(0.99)) == pytest.approx(0.2369, abs=5e-5)
    assert r.basis["mean"] == "exact"
    assert r.bottleneck == "application"
    assert float(r.max_rate) == pytest.approx(160.0)


def test_web3(sim: ModuleType) -> None:
    response = web3_path(sim, 500_000, seed=1)
    distribution = web3().solve(100.0).latency
    assert sim.mean(response).holds(distribution.mean)
    for p in PERCENTILES:
        assert sim.quantile(response, p).holds(distribution.quantile(p))


@pytest.mark.slow
def test_web3_long(sim: ModuleType) -> None:
    response = web3_path(sim, 10_000_000, seed=2)
    distribution = web3().solve(100.0).latency
    found = sim.quantile(response, 0.99, level=0.99)
    print(f"\nweb3 p99: {float(distribution.quantile(0.99)):.6f}, simulated {found}")
    assert found.half <= 0.0005
    assert abs(distribution.quantile(0.99) - found.value) <= 0.002 * found.value
    assert sim.mean(response).holds(distribution.mean)


def test_tandem_is_exact(sim: ModuleType) -> None:
    times = (1.0, 0.5, 0.8)
    stations = [qm.call(str(i), qm.MMc(s)) for i, s in enumerate(times)]
    r = qm.Pipeline(qm.series(*stations)).solve(0.8)
    assert r.basis["p99"] == "exact"
    rng = np.random.default_rng(4)
    arrivals = sim.poisson(rng, 0.8, 500_000)
    at = arrivals
    for s in times:
        at = sim.fcfs(at, rng.exponential(s, len(at)))
    assert sim.mean(at - arrivals).holds(r.latency.mean)
    for p in PERCENTILES:
        assert sim.quantile(at - arrivals, p).holds(r.latency.quantile(p))


def test_tandem_by_hand() -> None:
    """The latency of a tandem of M/M/1 queues is hypoexponential."""
    rates = [1 / s - 0.8 for s in (1.0, 0.5, 0.8)]
    path = qm.series(*(qm.call(str(i), qm.MMc(s)) for i, s in enumerate((1.0, 0.5, 0.8))))
    distribution = qm.Pipeline(path).solve(0.8).latency
    for t in (0.5, 5.0, 20.0, 60.0):
        tail = sum(
            np.exp(-a * t) * np.prod([b / (b - a) for b in rates if b != a]) for a in rates
        )
        assert float(distribution.tail(t)) == pytest.approx(tail, rel=1e-9)


def test_delays_and_branches_are_exact(sim: ModuleType) -> None:
    """Atoms, a constant delay, a cache: the distribution has jumps and stays right."""
    network, cache = qm.call("network", qm.Delay(0.5)), qm.call("cache", qm.Delay(0.1))
    database = qm.call("database", qm.MMc(1.0, servers=2))
    r = qm.Pipeline(qm.series(network, qm.cached(0.7, lookup=cache, miss=database))).solve(4.0)
    assert str(r.basis) == "exact"
    rng = np.random.default_rng(9)
    n = 500_000
    arrivals = sim.poisson(rng, 4.0, n)
    at = arrivals + 0.6
    miss = rng.random(n) < 0.3
    at[miss] = sim.fcfs(at[miss], rng.exponential(1.0, int(miss.sum())), 2)
    response = at - arrivals
    assert sim.mean(response).holds(r.latency.mean)
    assert float(r.latency.quantile(0.69)) == pytest.approx(0.6, rel=1e-12)
    for p in (0.8, 0.9, 0.99):
        assert sim.quantile(response, p).holds(r.latency.quantile(p))


@pytest.mark.thorough
def test_feedback_says_that_it_is_approximate(sim: ModuleType) -> None:
    """M/M/1 at 80 % load, half of the requests come back: the true p99 is 63.3.

    Independent visits would give 46.1, 27 % too little.
    """
    path = qm.retry(qm.call("server", qm.MMc(1.0)), failure=0.5, attempts=50)
    r = qm.Pipeline(path).solve(0.4)
    assert float(r.stations["server"].utilization) == pytest.approx(0.8)
    rng = np.random.default_rng(10)
    arrivals = sim.poisson(rng, 0.4, 1_000_000)
    again = rng.geometric(0.5, len(arrivals))
    response = sim.feedback(arrivals, lambda n: rng.exponential(1.0, n), again) - arrivals
    assert r.basis["mean"] == "exact"
    assert sim.mean(response).holds(r.latency.mean)
    assert r.basis["p99"] == "approximate"
    assert "snapshot" in r.basis.assumptions("p99")
    found = sim.quantile(response, 0.99)
    assert found.value == pytest.approx(63.3, rel=0.04)
    assert r.latency.quantile(0.99) >= 0.9 * 63.3


def test_a_second_visit_is_not_labelled_exact(sim: ModuleType) -> None:
    """Twice to one queue, written as a series: the waits are alike, and the tail is longer."""
    server = qm.call("server", qm.MMc(1.0))
    r = qm.Pipeline(qm.series(server, server)).solve(0.4)
    rng = np.random.default_rng(11)
    arrivals = sim.poisson(rng, 0.4, 500_000)
    twice = np.full(len(arrivals), 2)
    response = sim.feedback(arrivals, lambda n: rng.exponential(1.0, n), twice) - arrivals
    found = sim.quantile(response, 0.99)
    assert found.holds(r.latency.quantile(0.99)) or r.basis["p99"] == "approximate"


def test_fork_join_is_an_upper_bound(sim: ModuleType) -> None:
    names = ("a", "b", "c")
    path = qm.parallel(*(qm.call(name, qm.MMc(1.0)) for name in names))
    r = qm.Pipeline(path).solve(0.8)
    assert r.basis["mean"] == "approximate"
    rng = np.random.default_rng(12)
    n = 300_000
    arrivals = sim.poisson(rng, 0.8, n)
    last = np.max([sim.fcfs(arrivals, rng.exponential(1.0, n)) for _ in names], axis=0)
    found = sim.mean(last - arrivals)
    assert found.value <= r.latency.mean <= 1.35 * found.value
    found = sim.quantile(last - arrivals, 0.99)
    assert abs(r.latency.quantile(0.99) - found.value) <= 0.04 * found.value + found.half


def test_a_fork_of_delays_is_exact(sim: ModuleType) -> None:
    path = qm.parallel(*(qm.call(n, qm.Delay(qm.Exponential(1.0))) for n in "abc"))
    r = qm.Pipeline(path).solve(0.8)
    assert str(r.basis) == "exact"
    times = np.random.default_rng(13).exponential(1.0, (3, 300_000)).max(axis=0)
    for p in PERCENTILES:
        assert sim.quantile(times, p).holds(r.latency.quantile(p))


def test_the_middle_of_a_path_is_labelled(sim: ModuleType) -> None:
    """Several servers between two queues let requests overtake: independence is assumed."""
    stations = [qm.MMc(1.0), qm.MMc(1.0, servers=2), qm.MMc(1.0)]
    path = qm.series(*(qm.call(str(i), s) for i, s in enumerate(stations)))
    r = qm.Pipeline(path).solve(0.7)
    assert (r.basis["mean"], r.basis["p99"]) == ("exact", "approximate")
    assert "independent-sojourns" in r.basis.assumptions("p99")
    rng = np.random.default_rng(14)
    arrivals = at = sim.poisson(rng, 0.7, 500_000)
    for s in stations:
        at = sim.fcfs(at, rng.exponential(1.0, len(at)), s.servers)
    assert sim.mean(at - arrivals).holds(r.latency.mean)
    found = sim.quantile(at - arrivals, 0.99)
    assert abs(r.latency.quantile(0.99) - found.value) <= 0.02 * found.value + found.half


def test_departures_that_are_not_poisson_are_labelled(sim: ModuleType) -> None:
    """Behind constant service the arrivals are smoother than Poisson."""
    path = qm.series(
        qm.call("first", qm.MG1(qm.Deterministic(1.0))), qm.call("second", qm.MMc(0.8))
    )
    r = qm.Pipeline(path).solve(0.8)
    assert r.stations["first"].basis["waiting_time"] == "exact"
    assert r.stations["second"].basis["waiting_time"] == "approximate"
    assert r.basis["mean"] == "approximate"
    rng = np.random.default_rng(15)
    arrivals = sim.poisson(rng, 0.8, 300_000)
    at = sim.fcfs(arrivals, np.ones(300_000))
    second = sim.fcfs(at, rng.exponential(0.8, 300_000)) - at
    assert sim.mean(second).value < r.stations["second"].response_time


def exact_pipelines() -> dict[str, Any]:
    """Pipelines whose percentiles are labelled exact, with a path through the simulator."""
    delay = qm.Delay(qm.Exponential(0.7))
    return {
        "delay, several, one": (
            qm.series(
                qm.call("think", delay),
                qm.call("a", qm.MMc(1.0, servers=3)),
                qm.call("b", qm.MMc(0.4)),
            ),
            lambda sim, rng, t: sim.fcfs(
                sim.fcfs(t + rng.exponential(0.7, len(t)), rng.exponential(1.0, len(t)), 3),
                rng.exponential(0.4, len(t)),
            ),
        ),
        "one, constant delay, several": (
            qm.series(
                qm.call("a", qm.MMc(0.4)),
                qm.call("net", qm.Delay(0.3)),
                qm.call("b", qm.MMc(1.0, 3)),
            ),
            lambda sim, rng, t: sim.fcfs(
                sim.fcfs(t, rng.exponential(0.4, len(t))) + 0.3, rng.exponential(1.0, len(t)), 3
            ),
        ),
        "several, one, several": (
            qm.series(
                qm.call("a", qm.MMc(1.0, 3)),
                qm.call("b", qm.MMc(0.4)),
                qm.call("c", qm.MMc(0.9, 2)),
            ),
            lambda sim, rng, t: sim.fcfs(
                sim.fcfs(
                    sim.fcfs(t, rng.exponential(1.0, len(t)), 3), rng.exponential(0.4, len(t))
                ),
                rng.exponential(0.9, len(t)),
                2,
            ),
        ),
    }


@pytest.mark.thorough
@pytest.mark.parametrize("name", exact_pipelines())
def test_every_path_that_is_labelled_exact(sim: ModuleType, name: str) -> None:
    path, walk = exact_pipelines()[name]
    r = qm.Pipeline(path).solve(2.0)
    assert str(r.basis) == "exact"
    rng = np.random.default_rng(16)
    arrivals = sim.poisson(rng, 2.0, 400_000)
    response = walk(sim, rng, arrivals) - arrivals
    assert sim.mean(response).holds(r.latency.mean)
    for p in PERCENTILES:
        assert sim.quantile(response, p).holds(r.latency.quantile(p))
