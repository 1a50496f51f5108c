"""Measures calls at once to one station against simulations, and writes the table labels read.

    python docs/errors_of_calls_at_once.py [REQUESTS]
    python docs/errors_of_calls_at_once.py again

simulates each point with as many calls (by default 2,000,000, and twice as many at loads from
0.8; three minutes in all) and writes docs/reference/errors-of-calls-at-once.csv, a page of the
same name and qmodel/queues/approximations/batch_errors.py; "again" keeps what is simulated and
measures only the library anew. tests/unit/test_error_tables.py computes some again.
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
    """Calls at once, service, servers and load, and the share of it that comes one by one."""

    calls: int
    family: str
    scv: float
    servers: int
    load: float
    alone: float = 0.0


ONE, CONSTANT = ("gamma", 1.0), ("constant", 0.0)

POINTS = [
    *(
        Point(calls, *service, servers, load)
        for service in (ONE, ("lognormal", 4.0), ("gamma", 0.25), CONSTANT)
        for calls, servers, load in (
            (4, 1, 0.8), (2, 2, 0.7), (4, 2, 0.5), (4, 4, 0.3), (4, 8, 0.9), (8, 4, 0.6),
        )
    ),
    # Other families, and single calls besides: nothing was chosen by these.
    Point(3, "hyperexponential", 4.0, 4, 0.8), Point(6, "hyperexponential", 4.0, 16, 0.8),
    Point(5, "lognormal", 2.0, 8, 0.7), Point(2, "shifted", 0.16, 4, 0.8),
    Point(8, *ONE, 16, 0.7), Point(4, *ONE, 8, 0.8, 0.5),
    Point(4, "lognormal", 2.0, 4, 0.8, 0.5), Point(3, *ONE, 1, 0.6, 0.3),
    Point(8, "gamma", 0.25, 2, 0.8, 0.7),
]  # fmt: skip


def simulated(point: Point, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity of the time of all calls of a request, and its standard error."""
    sim, rng = oracle(), np.random.default_rng(seed)
    requests *= 2 if point.load >= 0.8 else 1
    alone = int(requests * point.alone)
    batches = (requests - alone) // point.calls
    together = np.repeat(sim.poisson(rng, 1.0, batches), point.calls)
    singles = rng.uniform(0.0, together[-1], alone)
    arrivals = np.concatenate([together, singles])
    order = np.argsort(arrivals, kind="stable")
    work = FAMILIES[point.family].draw(point.scv)(rng, arrivals.size)
    times = np.empty(arrivals.size)
    times[order] = sim.fcfs(arrivals[order], _service_time(point) * work, point.servers)
    last = times[: together.size].reshape(batches, point.calls).max(axis=1)
    return by_batches(sim.settled(last - together[:: point.calls]))


def _service_time(point: Point) -> float:
    return point.load * point.servers / point.calls * (1 - point.alone)


def computed(point: Point) -> list[float]:
    """Return each quantity as the library has it."""
    mean, servers = _service_time(point), point.servers
    if (point.family, point.scv) == ONE:
        station: qm.Station = qm.MMc(mean, servers)
    elif (point.family, point.scv) == CONSTANT:
        station = qm.MDc(mean, servers)
    else:
        unit = FAMILIES[point.family].distribution(point.scv)
        station = qm.MGc(qm.Scaled(unit, mean), servers)
    call = qm.call("database", station)
    many = qm.parallel(*[call] * point.calls)
    if not point.alone:
        return of_distribution(qm.Pipeline(many).solve(1.0).latency)
    singles = point.calls * point.alone / (1 - point.alone)
    kinds = {"many": (1 / (1 + singles), many), "one": (singles / (1 + singles), call)}
    return of_distribution(qm.Pipeline(kinds).solve(1 + singles).kinds["many"].latency)


def named(point: Point) -> str:
    """Return the point in words."""
    text = f"{point.calls} calls, {point.family} {point.scv:g}, {point.servers}, {point.load:g}"
    return text + (f", {point.alone:g} of it alone" if point.alone else "")


HEAD = """# Errors of calls at once

Branches that call one station at the same time find the servers busy with one another
(`qmodel.queues.waits.at_once`). Here is the error of the time until all are done, in percent,
against simulations ([with their standard errors](errors-of-calls-at-once.csv)): the number of
calls, the service with its SCV, the servers, the load, and the share of it that single calls
make. The labels of results read the largest of these.

Written by `python docs/errors_of_calls_at_once.py`.

"""


TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-calls-at-once.csv",
    ROOT / "qmodel" / "queues" / "approximations" / "batch_errors.py",
    "calls at once to one station", HEAD, POINTS, named, computed, simulated,
    group=lambda point: "constant service" if point.scv == 0 else "other service",
)  # fmt: skip


if __name__ == "__main__":
    TABLE.main(2_000_000)
