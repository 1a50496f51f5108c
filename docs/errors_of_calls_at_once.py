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

from error_tables import BATCHES, QUANTITIES, ErrorTable, by_batches, of_distribution
from errors_of_many_servers import FAMILIES, ROOT, oracle

import qmodel as qm


class First(NamedTuple):
    """A station before: its service, servers and load."""

    family: str
    scv: float
    servers: int
    load: float


class Point(NamedTuple):
    """Calls at once, service, servers and load, and the share of it that comes one by one.

    And the station that requests have left before.
    """

    calls: int
    family: str
    scv: float
    servers: int
    load: float
    alone: float = 0.0
    first: First | None = None


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
    # Behind stations whose departures are no Poisson stream: nothing was chosen by these.
    Point(4, *ONE, 4, 0.7, first=First("lognormal", 4.0, 1, 0.8)),
    Point(4, *ONE, 1, 0.8, first=First("lognormal", 4.0, 1, 0.8)),
    Point(4, "lognormal", 4.0, 4, 0.8, first=First("lognormal", 2.0, 1, 0.9)),
    Point(3, "gamma", 0.5, 8, 0.8, first=First("hyperexponential", 4.0, 2, 0.8)),
    Point(6, *ONE, 16, 0.7, first=First("gamma", 4.0, 1, 0.8)),
    Point(2, *CONSTANT, 2, 0.7, first=First("uniform", 0.3333, 1, 0.8)),
    Point(4, "lognormal", 2.0, 2, 0.6, first=First("gamma", 0.25, 1, 0.9)),
    Point(4, *ONE, 1, 0.8, first=First(*CONSTANT, 1, 0.9)),
    Point(4, *ONE, 4, 0.7, first=First(*CONSTANT, 1, 0.8)),
    # Drawn at random: nothing was chosen by these.
    Point(6, *CONSTANT, 16, 0.54), Point(8, *CONSTANT, 16, 0.89),
    Point(7, "even times", 0.19, 16, 0.57), Point(5, "even times", 0.04, 6, 0.78),
    Point(4, *CONSTANT, 6, 0.46, first=First("hyperexponential", 3.48, 1, 0.89)),
    Point(3, *CONSTANT, 4, 0.35, first=First("hyperexponential", 1.8, 8, 0.32)),
]  # fmt: skip


def simulated(point: Point, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity of the time of all calls of a request, and its standard error."""
    sim, rng = oracle(), np.random.default_rng(seed)
    requests *= 2 if point.load >= 0.8 else 1
    alone = int(requests * point.alone)
    batches = (requests - alone) // point.calls
    come = sim.poisson(rng, 1.0, batches)
    if point.first is not None:
        before = point.first.load * point.first.servers
        drawn = FAMILIES[point.first.family].draw(point.first.scv)(rng, batches)
        come = np.sort(sim.fcfs(come, before * drawn, point.first.servers))
    together = np.repeat(come, point.calls)
    singles = rng.uniform(0.0, together[-1], alone)
    arrivals = np.concatenate([together, singles])
    order = np.argsort(arrivals, kind="stable")
    work = FAMILIES[point.family].draw(point.scv)(rng, arrivals.size)
    times = np.empty(arrivals.size)
    times[order] = sim.fcfs(arrivals[order], _service_time(point) * work, point.servers)
    last = times[: together.size].reshape(batches, point.calls).max(axis=1)
    found = by_batches(sim.settled(last - together[:: point.calls]))
    if point.first is None:
        return found
    waits = sim.settled(times - arrivals[order] - _service_time(point) * work)
    each = [float(part.mean()) for part in np.array_split(waits, BATCHES)]
    return [*found, (float(waits.mean()), float(np.std(each, ddof=1) / np.sqrt(BATCHES)))]


def _service_time(point: Point) -> float:
    return point.load * point.servers / point.calls * (1 - point.alone)


def computed(point: Point) -> list[float]:
    """Return each quantity as the library has it."""
    service = First(point.family, point.scv, point.servers, point.load)
    call = qm.call("database", _station(service, _service_time(point)))
    many = qm.parallel(*[call] * point.calls)
    if (first := point.first) is not None:
        before = qm.call("first", _station(first, first.load * first.servers))
        found = qm.Pipeline(qm.series(before, many)).solve(1.0).stations["database"]
        assert found.at_once is not None
        done = found.at_once.done([found.station.service] * point.calls)
        return [*of_distribution(done), float(found.waiting_time)]
    if not point.alone:
        return of_distribution(qm.Pipeline(many).solve(1.0).latency)
    singles = point.calls * point.alone / (1 - point.alone)
    kinds = {"many": (1 / (1 + singles), many), "one": (singles / (1 + singles), call)}
    return of_distribution(qm.Pipeline(kinds).solve(1 + singles).kinds["many"].latency)


def _station(service: First, mean: float) -> qm.Station:
    if service[:2] == ONE:
        return qm.MMc(mean, service.servers)
    if service[:2] == CONSTANT:
        return qm.MDc(mean, service.servers)
    unit = FAMILIES[service.family].distribution(service.scv)
    return qm.MGc(qm.Scaled(unit, mean), service.servers)


def named(point: Point) -> str:
    """Return the point in words."""
    text = f"{point.calls} calls, {point.family} {point.scv:g}, {point.servers}, {point.load:g}"
    if point.first is not None:
        family, scv, servers, load = point.first
        text += f"; behind {family} {scv:g}, {servers}, {load:g}"
    return text + (f", {point.alone:g} of it alone" if point.alone else "")


def group(point: Point) -> str:
    """Return what a point is measured with."""
    if point.first is not None:
        varied = point.first.scv >= 1
        return "behind service of an SCV from 1" if varied else "behind regular service"
    return "constant service" if point.scv == 0 else "other service"


HEAD = """# Errors of calls at once

Branches that call one station at the same time find the servers busy with one another
(`qmodel.queues.waits.at_once`). Here is the error of the time until all are done, in percent,
against simulations ([with their standard errors](errors-of-calls-at-once.csv)): the number of
calls, the service with its SCV, the servers, the load, the share of it that single calls make,
and the station that the requests have left before, where there is one; there the mean wait of
any one of the calls stands, too. The labels of results read the largest of these.

Written by `python docs/errors_of_calls_at_once.py`.

"""


TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-calls-at-once.csv",
    ROOT / "qmodel" / "queues" / "approximations" / "batch_errors.py",
    "calls at once to one station", HEAD, POINTS, named, computed, simulated,
    group=group, quantities=(*QUANTITIES, "wait"),
    of_point=lambda point: QUANTITIES if point.first is None else (*QUANTITIES, "wait"),
)  # fmt: skip


if __name__ == "__main__":
    TABLE.main(2_000_000)
