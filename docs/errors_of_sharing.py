"""Measures shared servers against simulations, and writes the table that labels read.

    python docs/errors_of_sharing.py [REQUESTS]
    python docs/errors_of_sharing.py again

simulates each point with as many requests (by default 200,000; two minutes in all) and writes
docs/reference/errors-of-sharing.csv, a page of the same name and
qmodel/queues/waits/sharing_errors.py; "again" keeps what is simulated and measures only the
library anew. tests/unit/test_sharing_errors.py computes the errors again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import ErrorTable, by_batches, of_distribution
from errors_of_many_servers import FAMILIES, ROOT, oracle

import qmodel as qm

Point = tuple[str, float, int, float]
"""Family and SCV of the work, servers, load."""

POINTS: list[Point] = [
    (family, scv, servers, load)
    for family, scv in (
        ("constant", 0.0),
        ("gamma", 0.05),
        ("gamma", 0.3),
        ("gamma", 1.0),
        ("lognormal", 4.0),
    )
    for servers, load in ((1, 0.5), (1, 0.8), (2, 0.5), (2, 0.8), (8, 0.6), (8, 0.8), (32, 0.9))
] + [
    # Other families: nothing was chosen by these.
    *(("two times", 2.25, c, load) for c, load in ((1, 0.8), (4, 0.5), (16, 0.7), (32, 0.75))),
    *(("two near times", 0.01, c, load) for c, load in ((1, 0.7), (3, 0.47), (16, 0.9))),
    ("hyperexponential", 8.51, 3, 0.39), ("hyperexponential", 2.44, 32, 0.6),
    ("lognormal", 0.55, 32, 0.79), ("lognormal", 8.68, 3, 0.4), ("gamma", 0.12, 4, 0.73),
    ("shifted", 0.68, 16, 0.41), ("uniform", 0.3333, 2, 0.3), ("uniform", 0.3333, 8, 0.93),
    ("two lognormals", 8.9, 4, 0.8),
]  # fmt: skip


def simulated(point: Point, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity of the response, and its standard error."""
    family, scv, servers, load = point
    sim, rng = oracle(), np.random.default_rng(seed)
    arrivals = sim.poisson(rng, load * servers, requests)
    services = FAMILIES[family].draw(scv)(rng, requests)
    return by_batches(sim.settled(sim.shared(arrivals, services, servers) - arrivals))


def computed(point: Point) -> list[float]:
    """Return each quantity as the library has it."""
    family, scv, servers, load = point
    station = qm.MGcPS(FAMILIES[family].distribution(scv), servers)
    return of_distribution(station.solve(load * servers).response)


def named(point: Point) -> str:
    """Return a point in words."""
    family, scv, servers, load = point
    kind = "exponential" if (family, scv) == ("gamma", 1.0) else f"{family} {scv:g}"
    return f"{kind}, {servers}, {load:g}"


def group(point: Point) -> str:
    """Return the group of a point, as labels have it."""
    return "SCV from 0.3" if point[1] >= 0.3 else "SCV below 0.3"


HEAD = """# Errors of shared servers

The mean response of servers that all requests share is exact; its distribution is not
(`qmodel.queues.waits.shared_response`). Here is its error in percent, against simulations
([with their standard errors](errors-of-sharing.csv)): the work with its SCV, the servers, the
load. The labels of results read the largest of these.

Written by `python docs/errors_of_sharing.py`.

"""


TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-sharing.csv",
    ROOT / "qmodel" / "queues" / "waits" / "sharing_errors.py",
    "responses of shared servers", HEAD, POINTS, named, computed, simulated, group=group,
)  # fmt: skip


if __name__ == "__main__":
    TABLE.main(200_000)
