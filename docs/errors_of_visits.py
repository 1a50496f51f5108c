"""Measures requests that come back against simulations, and writes the table that labels read.

    python docs/errors_of_visits.py [VISITS]
    python docs/errors_of_visits.py again

simulates each point with as many visits (by default 2,000,000, and ten times as many for 100
visits a request or 90 % load; ten minutes in all) and writes
docs/reference/errors-of-visits.csv, a page of the same name and
qmodel/queues/approximations/visit_errors.py; "again" keeps what is simulated and measures only
the library anew. tests/unit/test_visit_errors.py computes the errors again from what is
simulated.
"""

from __future__ import annotations

import heapq
import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import ErrorTable, by_batches, of_distribution
from errors_of_many_servers import FAMILIES, ROOT

import qmodel as qm


class Point(NamedTuple):
    """Service of mean 1, servers, load, visits, and the mean pause between them."""

    family: str
    scv: float
    servers: int
    load: float
    visits: int
    pause: float


POINTS = [
    Point(*point)
    for point in (
        *(("gamma", 1.0, 1, 0.7, v, 0.0) for v in (2, 10, 200)),
        *(("gamma", 1.0, 4, 0.8, v, 0.0) for v in (3, 50, 1000)),
        ("gamma", 1.0, 2, 0.5, 5, 0.0),
        ("gamma", 1.0, 8, 0.9, 30, 0.0),
        ("gamma", 1.0, 16, 0.8, 200, 0.0),
        ("gamma", 1.0, 1, 0.5, 20, 3.0),
        ("gamma", 1.0, 1, 0.8, 100, 20.0),
        ("gamma", 1.0, 4, 0.9, 6, 5.0),
        ("gamma", 1.0, 8, 0.7, 400, 1.0),
        *(("lognormal", 2.0, 1, 0.6, v, 0.0) for v in (2, 20)),
        *(("lognormal", 4.0, 8, 0.8, v, 0.0) for v in (3, 30)),
        ("lognormal", 4.0, 2, 0.7, 300, 5.0),
        ("lognormal", 2.0, 4, 0.9, 10, 1.0),
        ("hyperexponential", 4.0, 2, 0.8, 6, 0.0),
        ("hyperexponential", 4.0, 4, 0.6, 12, 10.0),
        *(("constant", 0.0, 2, 0.8, v, 0.0) for v in (2, 40)),
        ("constant", 0.0, 8, 0.9, 10, 4.0),
        ("shifted", 0.16, 1, 0.6, 5, 0.0),
        ("shifted", 0.16, 4, 0.85, 100, 2.0),
        ("uniform", 0.3333, 2, 0.7, 8, 0.0),
        ("gamma", 0.3, 16, 0.9, 20, 0.0),
    )
]


def simulated(point: Point, visits: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity of the time of all visits and its standard error."""
    rng = np.random.default_rng(seed)
    draw = FAMILIES[point.family].draw(point.scv)
    # Requests that stay long are few, and alike.
    visits *= 10 if point.visits >= 100 or point.load >= 0.9 else 1
    requests = visits // point.visits
    arrivals = np.cumsum(rng.exponential(point.visits / (point.load * point.servers), requests))
    services, pauses = (
        _blocks(lambda n: draw(rng, n)),
        _blocks(lambda n: rng.exponential(1.0, n)),
    )
    left, ends = [point.visits] * requests, np.zeros(requests)
    # An event: its time, the request, and whether a service has ended.
    events: list[tuple[float, int, bool]] = []
    queue: deque[int] = deque()
    free, coming = point.servers, 0
    while coming < requests or events:
        if coming < requests and (not events or arrivals[coming] < events[0][0]):
            now, request, ended = float(arrivals[coming]), coming, False
            coming += 1
        else:
            now, request, ended = heapq.heappop(events)
        if not ended:
            queue.append(request)
        else:
            free += 1
            left[request] -= 1
            back = now + point.pause * next(pauses)
            if not left[request]:
                ends[request] = back
            elif point.pause:
                heapq.heappush(events, (back, request, False))
            else:
                queue.append(request)
        while free and queue:
            free -= 1
            heapq.heappush(events, (now + next(services), queue.popleft(), True))
    return by_batches((ends - arrivals)[requests // 10 :])


def _blocks(draw: Callable[[int], np.ndarray]) -> Iterator[float]:
    while True:
        yield from draw(1 << 16).tolist()


def computed(point: Point) -> list[float]:
    """Return each quantity as the library has it."""
    distribution = FAMILIES[point.family].distribution(point.scv)
    service = qm.Exponential(1.0) if point.scv == 1 else distribution
    db = qm.call("db", qm.MGc(service, point.servers))
    away = qm.call("away", qm.Delay(qm.Exponential(point.pause or 1.0)))
    step = qm.series(db, away) if point.pause else db
    path = qm.repeat(point.visits, step)
    rate = point.load * point.servers / point.visits
    return of_distribution(qm.Pipeline(path).solve(rate).latency)


def named(point: Point) -> str:
    """Return a point in words."""
    pause = f", {point.pause:g} after each" if point.pause else ""
    service = "exponential" if point.scv == 1 else f"{point.family} {point.scv:g}"
    return f"{service}, {point.servers}, {point.load:g}; {point.visits} visits{pause}"


HEAD = """# Errors of several visits

A request that comes back to a queue finds much of what it left there. Here is the error of the
time of all its visits, and of a pause after each, in percent, against simulations ([with
their standard errors](errors-of-visits.csv)) in which all requests come as often. A station is
its service with its SCV, its servers, its load; pauses are exponential, with their mean in
service times. The labels of results read the largest of these.

Written by `python docs/errors_of_visits.py`.

"""


TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-visits.csv",
    ROOT / "qmodel" / "queues" / "approximations" / "visit_errors.py",
    "several visits to one queue", HEAD, POINTS, named, computed, simulated,
    group=lambda point: "exponential" if point.scv == 1 else "other",
)  # fmt: skip


if __name__ == "__main__":
    TABLE.main(2_000_000)
