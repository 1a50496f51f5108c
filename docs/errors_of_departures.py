"""Measures stations behind pools against simulations, and writes the table that labels read.

    python docs/errors_of_departures.py [REQUESTS]
    python docs/errors_of_departures.py again

simulates each point with as many requests (by default 1,000,000; a minute in all) and writes
docs/reference/errors-of-departures.csv, a page of the same name and
qmodel/queues/approximations/departure_errors.py; "again" keeps what is simulated and measures
only the library anew. tests/unit/test_error_tables.py computes some again.
"""

from __future__ import annotations

import sys
from heapq import heappop, heappush
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import ErrorTable, by_batches, of_distribution
from errors_of_many_servers import FAMILIES, ROOT, oracle

import qmodel as qm
from qmodel.balancing import LeastConnections, RandomSplit, RoundRobin
from qmodel.queues import MDc


class Service(NamedTuple):
    """Service of a family and an SCV on some servers, at a load."""

    family: str
    scv: float
    servers: int
    load: float


class Point(NamedTuple):
    """A pool and its replicas, and the station behind it, or the one before."""

    policy: str
    replicas: int
    replica: Service
    then: Service | None
    first: Service | None = None


POLICIES = {
    "random": RandomSplit,
    "round robin": RoundRobin,
    "least connections": LeastConnections,
}
ONE, CONSTANT = ("gamma", 1.0), ("constant", 0.0)
EXPONENTIAL, REGULAR = Service(*ONE, 1, 0.8), Service(*CONSTANT, 1, 0.9)


def _drawn_last(number: int, seed: int) -> list[Point]:
    """Return splits at random before one server; nothing was chosen by these."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        first, then = (FIRST[rng.integers(len(FIRST))], THEN[rng.integers(len(THEN))])
        loads = np.round(rng.uniform([0.3, 0.4], [0.9, 0.92]), 2).tolist()
        replicas = int(rng.choice((2, 3, 4, 5, 7, 10, 14, 20)))
        services = (
            Service(*of, 1, load) for of, load in zip((first, then), loads, strict=True)
        )
        found.append(Point("random", replicas, *services))
    return found


FIRST = [CONSTANT, CONSTANT, CONSTANT, ("gamma", 0.25), ("uniform", 0.3333), ("lognormal", 2.0)]
THEN = [CONSTANT, CONSTANT, ("gamma", 0.25), ONE, ("lognormal", 2.0)]
POINTS = (
    [
        Point(policy, replicas, replica, then)
        for policy, replicas, replica in (
            ("round robin", 4, Service("lognormal", 4.0, 1, 0.7)),
            ("round robin", 4, Service(*CONSTANT, 1, 0.8)),
            ("round robin", 8, Service(*ONE, 2, 0.8)),
            ("round robin", 3, Service("gamma", 4.0, 2, 0.8)),
            ("round robin", 2, Service("uniform", 0.3333, 1, 0.9)),
            ("random", 4, Service("lognormal", 2.0, 1, 0.8)),
            ("random", 3, Service(*CONSTANT, 1, 0.8)),
            ("least connections", 4, Service("lognormal", 4.0, 1, 0.8)),
            ("least connections", 3, Service(*CONSTANT, 1, 0.85)),
            ("least connections", 6, Service("hyperexponential", 4.0, 1, 0.7)),
        )
        for then in (EXPONENTIAL, REGULAR)
    ]
    + [
        Point(policy, replicas, replica, None, first)
        for policy, replicas, replica in (
            ("round robin", 3, Service(*ONE, 1, 0.8)),
            ("round robin", 2, Service("lognormal", 2.0, 2, 0.8)),
            ("random", 2, Service("uniform", 0.3333, 1, 0.8)),
            ("least connections", 4, Service(*ONE, 1, 0.8)),
            ("least connections", 2, Service("gamma", 0.25, 1, 0.9)),
        )
        for first in (Service("lognormal", 4.0, 1, 0.8), Service("gamma", 0.25, 1, 0.85))
    ]
    + [
        # Drawn at random.
        Point(
            "round robin",
            6,
            Service("constant", 0.0, 1, 0.81),
            Service("constant", 0.0, 1, 0.85),
        ),
        Point(
            "round robin",
            3,
            Service("constant", 0.0, 1, 0.71),
            Service("constant", 0.0, 1, 0.89),
        ),
        Point(
            "round robin",
            3,
            Service("constant", 0.0, 2, 0.51),
            Service("constant", 0.0, 1, 0.64),
        ),
        Point(
            "round robin",
            8,
            Service("constant", 0.0, 2, 0.68),
            Service("constant", 0.0, 1, 0.8),
        ),
        Point(
            "least connections",
            2,
            Service("constant", 0.0, 1, 0.55),
            Service("constant", 0.0, 1, 0.87),
        ),
        Point(
            "random", 4, Service("constant", 0.0, 1, 0.58), Service("constant", 0.0, 1, 0.75)
        ),
        Point(
            "least connections",
            3,
            Service("constant", 0.0, 1, 0.58),
            Service("constant", 0.0, 1, 0.69),
        ),
        Point(
            "least connections",
            2,
            Service("constant", 0.0, 1, 0.84),
            Service("constant", 0.0, 1, 0.88),
        ),
        Point(
            "random", 2, Service("constant", 0.0, 2, 0.71), Service("constant", 0.0, 1, 0.91)
        ),
        Point(
            "round robin", 4, Service("lognormal", 4.0, 1, 0.63), Service("gamma", 1.0, 1, 0.79)
        ),
        Point(
            "random", 4, Service("lognormal", 2.0, 1, 0.73), Service("constant", 0.0, 1, 0.88)
        ),
        Point("random", 2, Service("gamma", 0.25, 1, 0.86), Service("gamma", 1.0, 1, 0.95)),
        Point(
            "least connections",
            2,
            Service("uniform", 0.3333, 1, 0.57),
            Service("constant", 0.0, 1, 0.88),
        ),
        Point("random", 6, Service("constant", 0.0, 1, 0.86), Service("gamma", 1.0, 1, 0.95)),
        Point("random", 16, Service(*CONSTANT, 1, 0.8), REGULAR),
        Point("random", 2, Service(*CONSTANT, 1, 0.66), Service(*CONSTANT, 1, 0.67)),
        Point("random", 8, Service(*CONSTANT, 1, 0.9), Service(*CONSTANT, 1, 0.95)),
    ]
    + _drawn_last(30, 2029)
)


def _least(arrivals: np.ndarray, work: np.ndarray, replicas: int) -> np.ndarray:
    """Return when requests leave servers whose balancer counts their requests."""
    free, counts = [0.0] * replicas, [0] * replicas
    leaving: list[tuple[float, int]] = []
    left = np.empty(arrivals.size)
    for i, (t, s) in enumerate(zip(arrivals.tolist(), work.tolist(), strict=True)):
        while leaving and leaving[0][0] <= t:
            counts[heappop(leaving)[1]] -= 1
        # Equals in turn are as good as drawn at random.
        k = min(range(replicas), key=lambda j: (counts[j], (j - i) % replicas))
        free[k] = max(free[k], t) + s
        counts[k] += 1
        left[i] = free[k]
        heappush(leaving, (free[k], k))
    return left


def simulated(point: Point, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity behind the pool or at it, and its standard error."""
    sim, rng = oracle(), np.random.default_rng(seed)
    come, n = sim.poisson(rng, 1.0, requests), point.replicas
    if point.first is not None:
        before = _mean(point.first) * drawn(point.first, rng, requests)
        come = np.sort(sim.fcfs(come, before, point.first.servers))
    work = _mean(point.replica, n) * drawn(point.replica, rng, requests)
    if point.policy == "least connections":
        left = _least(come, work, n)
    else:
        drawn_at = rng.integers(n, size=requests)
        to = np.arange(requests) % n if point.policy == "round robin" else drawn_at
        left = np.empty(requests)
        for k in range(n):
            left[to == k] = sim.fcfs(come[to == k], work[to == k], point.replica.servers)
    if point.then is None:
        return by_batches(sim.settled(left - come))
    left = np.sort(left)
    then = _mean(point.then) * drawn(point.then, rng, requests)
    return by_batches(sim.settled(sim.fcfs(left, then, point.then.servers) - left - then))


def drawn(service: Service, rng: np.random.Generator, count: int) -> np.ndarray:
    """Return times of service of mean 1."""
    return FAMILIES[service.family].draw(service.scv)(rng, count)


def _mean(service: Service, replicas: int = 1) -> float:
    return service.load * service.servers * replicas


def station(service: Service, replicas: int = 1) -> qm.Station:
    """Return the station of the library."""
    mean, servers = _mean(service, replicas), service.servers
    if service[:2] == ONE:
        return qm.MMc(mean, servers)
    if service[:2] == CONSTANT:
        return MDc(mean, servers)
    return qm.MGc(qm.Scaled(FAMILIES[service.family].distribution(service.scv), mean), servers)


def computed(point: Point) -> list[float]:
    """Return each quantity as the library has it."""
    pool = POLICIES[point.policy](station(point.replica, point.replicas), point.replicas)
    call = qm.call("pool", pool)
    if point.first is not None:
        behind = qm.series(qm.call("first", station(point.first)), call)
        return of_distribution(qm.Pipeline(behind).solve(1.0).stations["pool"].response)
    assert point.then is not None
    path = qm.series(call, qm.call("then", station(point.then)))
    return of_distribution(qm.Pipeline(path).solve(1.0).stations["then"].wait)


def _in_words(service: Service) -> str:
    family = "exponential" if service[:2] == ONE else f"{service.family} {service.scv:g}"
    return f"{family}, {service.servers}, {service.load:g}"


def named(point: Point) -> str:
    """Return a point in words."""
    pool = f"{point.policy} over {point.replicas} of {_in_words(point.replica)}"
    if point.then is not None:
        return f"{pool}: {_in_words(point.then)}"
    assert point.first is not None
    return f"{pool}; behind {_in_words(point.first)}"


def group(point: Point) -> str:
    """Return what a point is measured with."""
    if point.first is not None:
        return "pool"
    spaced = point.then is not None and point.then.scv == point.replica.scv == 0
    if point.policy == "random" and point.replica.servers == 1:
        return "constant work split at random" if spaced else "split at random"
    return "constant after constant service" if spaced else "other service"


HEAD = """# Errors behind pools

What leaves a pool is as variable as what leaves its queues
(`qmodel.queues.approximations.dispersion`). Here is the error of the wait at the station behind
it, and of the response of a pool behind a station, in percent, against simulations ([with their
standard errors](errors-of-departures.csv)). A station is its service with its SCV, its servers,
and its load. The labels of results read the largest of these.

Written by `python docs/errors_of_departures.py`.

"""


TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-departures.csv",
    ROOT / "qmodel" / "queues" / "approximations" / "departure_errors.py",
    "waits behind pools", HEAD, POINTS, named, computed, simulated,
    group=group,
)  # fmt: skip


if __name__ == "__main__":
    TABLE.main(1_000_000)
