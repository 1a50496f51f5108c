"""Measures losses of streams that are not Poisson against simulations, for labels to read.

    python docs/errors_of_losses.py [REQUESTS]
    python docs/errors_of_losses.py again

simulates each point with as many requests (by default 1,000,000; two minutes in all) and writes
docs/reference/errors-of-losses.csv, a page of the same name and
qmodel/queues/approximations/loss_errors.py; "again" keeps what is simulated and measures only
the library anew. tests/unit/test_error_tables.py computes some again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import BATCHES, ErrorTable
from errors_of_many_servers import FAMILIES, ROOT, oracle

import qmodel as qm
from qmodel.queues import MG1K, MDc, MGcc, MGcK

FIGURES = ("lost", "mean", "p99", "next")


class Service(NamedTuple):
    """Service of a family and an SCV on some servers, at a load."""

    family: str
    scv: float
    servers: int
    load: float


class Point(NamedTuple):
    """What loses, with how much room (a burst at a limit), and what stands before.

    A load is that of what comes at 1/s. In a fork as many of the first come at once.
    """

    first: Service | None
    last: Service | None
    room: int
    branches: int = 1


ONE, CONSTANT = ("gamma", 1.0), ("constant", 0.0)
LOGNORMAL, REGULAR = ("lognormal", 4.0), ("gamma", 0.25)
ROOMS = [
    (Service(*ONE, 4, 0.8), 8),
    (Service(*ONE, 1, 0.9), 10),
    (Service(*ONE, 8, 0.7), 8),
    (Service(*LOGNORMAL, 1, 0.8), 10),
    (Service(*REGULAR, 4, 0.9), 12),
    (Service(*ONE, 2, 1.1), 20),
]
POINTS = [
    *(
        Point(first, last, room)
        for first in (
            None, Service(*LOGNORMAL, 1, 0.85), Service(*CONSTANT, 1, 0.85),
            Service("hyperexponential", 4.0, 2, 0.7),
        )
        for last, room in ROOMS
    ),
    # Other families, forks, and other sizes: nothing was chosen by these.
    Point(Service("lognormal", 2.0, 4, 0.9), Service(*ONE, 16, 0.9), 24),
    Point(Service("uniform", 0.3333, 1, 0.8), Service("lognormal", 2.0, 2, 0.8), 5),
    Point(Service("gamma", 0.5, 2, 0.9), Service("uniform", 0.3333, 3, 0.9), 6),
    Point(Service("bounded Pareto", 9.9, 1, 0.7), Service(*ONE, 2, 0.8), 6),
    Point(Service(*ONE, 1, 0.8), Service(*ONE, 2, 0.8), 6, branches=4),
    Point(Service("lognormal", 2.0, 2, 0.7), Service(*CONSTANT, 1, 0.9), 4, branches=2),
    Point(Service("hyperexponential", 9.0, 1, 0.5), Service(*ONE, 1, 0.7), 3),
    # At a limit: as many a second as a load says, in bursts.
    *(
        Point(first, None, burst)
        for first, burst in (
            (Service(*LOGNORMAL, 1, 0.85), 3), (Service(*LOGNORMAL, 1, 0.5), 10),
            (Service("hyperexponential", 4.0, 1, 0.9), 20), (Service("gamma", 2.0, 4, 0.9), 8),
            (Service(*REGULAR, 1, 0.8), 2), (Service(*CONSTANT, 1, 0.9), 5),
            (Service("uniform", 0.3333, 1, 0.85), 4), (Service(*CONSTANT, 1, 0.8), 3),
        )
    ),
    Point(Service(*CONSTANT, 2, 0.8), None, 2, branches=2),
    # Drawn at random.
    *(
        Point(first, None, burst)
        for first, burst in (
            (Service("gamma", 0.5, 1, 0.59), 4), (Service(*CONSTANT, 1, 0.71), 15),
            (Service(*REGULAR, 1, 0.75), 15), (Service(*CONSTANT, 1, 0.51), 10),
            (Service(*CONSTANT, 1, 0.73), 8), (Service(*CONSTANT, 1, 0.64), 2),
            (Service("hyperexponential", 4.0, 1, 0.74), 4), (Service(*REGULAR, 1, 0.53), 4),
            (Service("hyperexponential", 4.0, 2, 0.77), 15), (Service(*CONSTANT, 1, 0.88), 4),
            (Service("uniform", 0.3333, 1, 0.54), 10), (Service(*CONSTANT, 2, 0.94), 5),
            (Service(*LOGNORMAL, 4, 0.85), 15), (Service(*CONSTANT, 1, 0.92), 1),
        )
    ),
]  # fmt: skip

RATE = 1.05
"""Tokens a second at limits."""


def lost(point: Point, arrivals: np.ndarray, work: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return which are lost, and when the others begin and leave."""
    if point.last is None:
        return _limited(arrivals, point.room)
    free, present = [0.0] * point.last.servers, [0.0] * 0
    begun = np.full(arrivals.size, np.nan)
    for i, (t, s) in enumerate(zip(arrivals.tolist(), work.tolist(), strict=True)):
        while present and present[0] <= t:
            heappop(present)
        if len(present) < point.room:
            begun[i] = max(t, heappop(free))
            heappush(free, begun[i] + s)
            heappush(present, begun[i] + s)
    return np.isnan(begun), begun, begun + work


def _limited(arrivals: np.ndarray, burst: float) -> tuple[np.ndarray, ...]:
    tokens, last = float(burst), 0.0
    refused = np.zeros(arrivals.size, dtype=bool)
    for i, t in enumerate(arrivals.tolist()):
        tokens = min(burst, tokens + RATE * (t - last))
        last = t
        refused[i] = tokens < 1
        tokens -= not refused[i]
    return refused, arrivals, arrivals


def drawn(service: Service, rng: np.random.Generator, count: int) -> np.ndarray:
    """Return times of service, for arrivals at 1/s."""
    unit = service.load * service.servers
    return unit * FAMILIES[service.family].draw(service.scv)(rng, count)


def simulated(point: Point, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return the quantities and their standard errors."""
    sim, rng = oracle(), np.random.default_rng(seed)
    come = sim.poisson(rng, 1.0, requests)
    if point.first is not None:
        servers = point.first.servers
        branches = [drawn(point.first, rng, requests) for _ in range(point.branches)]
        come = np.sort(np.max([sim.fcfs(come, work, servers) for work in branches], axis=0))
    come = sim.settled(come)
    work = drawn(point.last or Service(*CONSTANT, 1, 0.0), rng, come.size)
    missed, begun, left = lost(point, come, work)
    waits, left = (begun - come)[~missed], np.sort(left[~missed])
    then = rng.exponential(NEXT * np.diff(left).mean(), left.size)
    after = sim.settled(sim.fcfs(left, then) - left - then)
    several: list[tuple[np.ndarray, Callable[[np.ndarray], Any]]] = [(missed, np.mean)]
    if point.last is not None and point.room > point.last.servers:
        several += [(waits, np.mean), (waits, partial(np.quantile, q=0.99))]
    found = []
    for values, of in [*several, (after, np.mean)]:
        each = [float(of(part)) for part in np.array_split(values, BATCHES)]
        found.append((float(of(values)), float(np.std(each, ddof=1) / np.sqrt(BATCHES))))
    return found


NEXT = 0.8
"""Load of the exponential server behind."""


def station(service: Service, room: int = 0) -> qm.Station:
    """Return the station of the library."""
    mean, servers = service.load * service.servers, service.servers
    if service[:2] == ONE:
        return qm.MMcK(mean, servers, room) if room else qm.MMc(mean, servers)
    if service[:2] == CONSTANT:
        return MG1K(qm.Deterministic(mean), room) if room else MDc(mean, servers)
    work = qm.Scaled(FAMILIES[service.family].distribution(service.scv), mean)
    if not room:
        return qm.MGc(work, servers)
    if servers == 1:
        return MG1K(work, room)
    return MGcc(work, servers) if room == servers else MGcK(work, servers, room)


def computed(point: Point) -> list[float]:
    """Return the quantities as the library has them."""
    path: list[Any] = []
    if point.first is not None:
        call = qm.call("first", station(point.first))
        path = [call if point.branches == 1 else qm.fan_out("fork", point.branches, call)]
    if point.last is None:
        path.append(qm.limit("quota", RATE, burst=point.room))
    else:
        path.append(qm.call("room", station(point.last, point.room)))
    accepted = float(qm.Pipeline(qm.series(*path)).solve(1.0).accepted)
    behind = qm.call("next", qm.MMc(NEXT / accepted))
    r = qm.Pipeline(qm.series(*path, behind)).solve(1.0)
    found = [float(r.rejected)]
    if point.last is not None and point.room > point.last.servers:
        wait = r.stations["room"].wait
        found += [float(wait.mean), float(wait.quantile(0.99))]
    return [*found, float(r.stations["next"].waiting_time)]


def _in_words(service: Service) -> str:
    family = "exponential" if service[:2] == ONE else f"{service.family} {service.scv:g}"
    return f"{family}, {service.servers}, {service.load:g}"


def named(point: Point) -> str:
    """Return a point in words."""
    before = "Poisson" if point.first is None else f"behind {_in_words(point.first)}"
    if point.branches > 1:
        before = f"behind {point.branches} of {_in_words(point.first or Service(*ONE, 1, 1))}"
    if point.last is None:
        return f"{before}: limit, burst {point.room}"
    return f"{before}: {_in_words(point.last)}, room {point.room}"


def group(point: Point) -> str:
    """Return what a point is measured with."""
    if point.first is None:
        return "Poisson arrivals"
    varied = point.first.scv >= 1
    if point.last is None:
        return "limit behind SCV from 1" if varied else "limit behind SCV below 1"
    return "room behind SCV from 1" if varied else "room behind SCV below 1"


HEAD = """# Errors of losses

How many requests a station with a finite room or a limit turns away depends on how variable the
stream is that comes (`qmodel.queues.approximations.losses_behind`). Here is the error of the
share that is lost, of mean and p99 of the wait of the others, and of the mean wait at an
exponential server behind it of a load of 0.8, in percent, against simulations ([with their
standard errors](errors-of-losses.csv)). A station is its service with its SCV, its servers, and
its load by all that come; limits let 1.05 times as many through. The labels of results read the
largest of these.

Written by `python docs/errors_of_losses.py`.

"""


TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-losses.csv",
    ROOT / "qmodel" / "queues" / "approximations" / "loss_errors.py",
    "losses of streams that are not Poisson",
    HEAD, POINTS, named, computed, simulated,
    group=group, quantities=FIGURES,
    of_point=lambda point: FIGURES if point.last and point.room > point.last.servers
    else ("lost", "next"),
)  # fmt: skip


if __name__ == "__main__":
    TABLE.main(1_000_000)
