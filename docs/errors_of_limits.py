"""Measures stations behind a limit against simulations, and writes the table that labels read.

    python docs/errors_of_limits.py [REQUESTS]
    python docs/errors_of_limits.py again

simulates each point with as many arrivals (by default 2,000,000; five minutes in all) and
writes docs/reference/errors-of-limits.csv, a page of the same name and
qmodel/queues/approximations/limit_errors.py; "again" keeps what is simulated and measures only
the library anew. tests/unit/test_limit_errors.py computes the errors again from what is
simulated.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import ErrorTable, by_batches, of_distribution
from errors_of_many_servers import FAMILIES, ROOT, oracle

import qmodel as qm


class Point(NamedTuple):
    """Arrivals for each token, the burst, and service, servers and load at the limit."""

    arrivals: float
    burst: float
    family: str
    scv: float
    servers: int
    load: float


POINTS = [
    Point(*point)
    for point in (
        (3.0, 20.0, "gamma", 1.0, 1, 0.8),
        (3.0, 1.0, "gamma", 1.0, 1, 0.8),
        (1.1, 10.0, "gamma", 1.0, 1, 0.8),
        (0.75, 5.0, "gamma", 1.0, 1, 0.8),
        (3.0, 20.0, "lognormal", 2.0, 4, 0.8),
        (1.5, 50.0, "constant", 0.0, 1, 0.8),
        (0.9, 5.0, "gamma", 1.0, 1, 0.9),
        (0.9, 20.0, "lognormal", 4.0, 1, 0.8),
        (1.1, 1.0, "lognormal", 4.0, 4, 0.9),
        (2.0, 5.0, "gamma", 0.25, 1, 0.9),
        (1.5, 5.0, "gamma", 1.0, 4, 0.9),
        (3.0, 50.0, "lognormal", 2.0, 1, 0.9),
        (0.9, 2.0, "constant", 0.0, 1, 0.9),
        (0.75, 1.0, "gamma", 1.0, 1, 0.5),
        (1.1, 20.0, "gamma", 1.0, 16, 0.9),
        (2.0, 100.0, "gamma", 1.0, 1, 0.8),
        (1.0, 10.0, "uniform", 0.3333, 1, 0.7),
        (2.0, 10.0, "hyperexponential", 4.0, 2, 0.8),
        # Small bursts, and pressure on the limit.
        (0.8, 2.0, "constant", 0.0, 1, 0.6),
        (1.0, 3.0, "constant", 0.0, 1, 0.9),
        (1.3, 10.0, "constant", 0.0, 1, 0.9),
        (3.0, 5.0, "constant", 0.0, 1, 0.6),
        (3.0, 5.0, "constant", 0.0, 4, 0.6),
        (0.8, 2.0, "gamma", 0.25, 1, 0.6),
        (1.3, 10.0, "gamma", 0.25, 1, 0.9),
        (1.0, 20.0, "gamma", 0.25, 1, 0.9),
        (3.0, 5.0, "gamma", 0.25, 4, 0.9),
        (0.8, 2.0, "gamma", 1.0, 1, 0.9),
        (1.3, 10.0, "gamma", 1.0, 1, 0.9),
        (1.0, 3.0, "lognormal", 2.0, 2, 0.8),
        # Drawn at random.
        (0.71, 20.0, "gamma", 1.0, 1, 0.74),
        (1.9, 5.0, "lognormal", 4.0, 1, 0.74),
        (0.91, 40.0, "uniform", 0.3333, 1, 0.74),
        (2.5, 40.0, "gamma", 1.0, 1, 0.83),
        (1.66, 5.0, "constant", 0.0, 1, 0.69),
        (2.79, 5.0, "uniform", 0.3333, 1, 0.52),
        (2.94, 10.0, "gamma", 0.25, 4, 0.86),
        (0.97, 5.0, "gamma", 1.0, 2, 0.66),
        (0.82, 8.0, "gamma", 0.25, 2, 0.78),
        (3.0, 3.0, "uniform", 0.3333, 1, 0.65),
        (0.95, 1.0, "gamma", 0.25, 1, 0.7),
        (0.98, 5.0, "gamma", 0.25, 2, 0.77),
        (1.76, 5.0, "gamma", 1.0, 1, 0.64),
        (2.26, 2.0, "gamma", 0.25, 2, 0.6),
        (1.07, 10.0, "gamma", 0.25, 1, 0.84),
        (2.85, 2.0, "constant", 0.0, 1, 0.6),
    )
]


def passed(arrivals: np.ndarray, burst: float) -> np.ndarray:
    """Return those that find a token in a bucket that gains one in each unit of time."""
    tokens, last, found = burst, 0.0, np.zeros(len(arrivals), dtype=bool)
    for i, t in enumerate(arrivals.tolist()):
        tokens = min(burst, tokens + t - last)
        last = t
        if tokens >= 1:
            tokens -= 1
            found[i] = True
    return arrivals[found]


def simulated(point: Point, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity of the response behind the limit, and its standard error."""
    sim, rng = oracle(), np.random.default_rng(seed)
    arrivals = passed(sim.poisson(rng, point.arrivals, requests), point.burst)
    unit = point.servers * point.load
    services = unit * FAMILIES[point.family].draw(point.scv)(rng, len(arrivals))
    return by_batches(sim.settled(sim.fcfs(arrivals, services, point.servers) - arrivals))


def station(point: Point) -> qm.Station:
    """Return the station of the library."""
    unit = point.servers * point.load
    if (point.family, point.scv) == ("gamma", 1.0):
        return qm.MMc(unit, point.servers)
    if point.family == "constant":
        return qm.MDc(unit, point.servers)
    service = qm.Scaled(FAMILIES[point.family].distribution(point.scv), unit)
    return qm.MGc(service, point.servers)


def computed(point: Point) -> list[float]:
    """Return each quantity as the library has it."""
    path = qm.series(qm.limit("quota", 1.0, burst=point.burst), qm.call("api", station(point)))
    solved = qm.Pipeline(path).solve(point.arrivals)
    return of_distribution(solved.stations["api"].response)


def named(point: Point) -> str:
    """Return a point in words."""
    family = "exponential" if point[2:4] == ("gamma", 1.0) else f"{point.family} {point.scv:g}"
    where = f"{family}, {point.servers}, {point.load:g}"
    return f"{where}; {point.arrivals:g} a token, burst {point.burst:g}"


HEAD = """# Errors behind a limit

What a token bucket lets through is no Poisson stream: `qmodel` follows how variable it is over
time (`qmodel.queues.approximations.limited_stream`). Here is the error of the response of the
station behind it, in percent, against simulations ([with their standard
errors](errors-of-limits.csv)). A station is its service with its SCV, its servers, and its
load by as many requests as there are tokens; arrivals are those for each token. The labels of
results read the largest of these.

Written by `python docs/errors_of_limits.py`.

"""


TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-limits.csv",
    ROOT / "qmodel" / "queues" / "approximations" / "limit_errors.py",
    "a station behind a limit", HEAD, POINTS, named, computed, simulated,
    group=lambda point: "SCV from 1" if point.scv >= 1 else "SCV below 1",
)  # fmt: skip


if __name__ == "__main__":
    TABLE.main(2_000_000)
