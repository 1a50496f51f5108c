"""Measures functions that start cold against simulations, for their label.

    python docs/errors_of_cold_starts.py [REQUESTS]
    python docs/errors_of_cold_starts.py again

simulates the points of docs/reference/errors-of-cold-starts.csv with as many requests (by
default 500,000; a second a point) and writes it, a page of the same name and
qmodel/queues/approximations/cold_start_errors.py; "again" keeps what is simulated and measures
only the library anew. The stored values are of 6 million requests a point.
tests/unit/test_cold_start_errors.py computes some again.
"""

from __future__ import annotations

import csv
import sys
from heapq import heappop, heappush
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import BATCHES, QUANTITIES, ErrorTable, by_batches, of_distribution
from errors_of_many_servers import ROOT, oracle
from errors_of_shared_stations import Place, distribution

from qmodel.queues.serverless import Serverless

FIGURES = (*QUANTITIES, "cold", "instances", "rejected")

PATH = ROOT / "docs" / "reference" / "errors-of-cold-starts.csv"
with PATH.open(newline="") as file:
    POINTS = list(dict.fromkeys(row["stations"] for row in csv.DictReader(file)))


def parts(point: str) -> tuple[Place, float, float, Place, int | None]:
    """Return service, arrival rate, time of keeping, cold starts and most instances."""
    service, load, kept, start, *most = point.split(", ")
    family, mean = start.split()
    return (
        Place(0, tuple(service.split()), 1.0),
        float(load.split()[0]),
        float(kept.split()[1]),
        Place(0, (family,), float(mean)),
        int(most[0].split()[-1]) if most else None,
    )


def computed(point: str) -> list[float]:
    """Return each quantity as the library has it."""
    service, rate, kept, start, most = parts(point)
    work, cold = (
        distribution(p.times[0], p.mean, *map(float, p.times[1:])) for p in (service, start)
    )
    r = Serverless(work, cold, kept, most).solve(rate)
    lost = [] if most is None else [1 - float(r.accepted)]
    response = [float(r.response_time), *of_distribution(r.response)[1:]]
    return [*response, float(r.cold), float(r.instances), *lost]


def simulated(point: str, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity and its standard error, by means of batches."""
    service, rate, kept, start, most = parts(point)
    rng = np.random.default_rng(seed)
    arrivals = oracle().poisson(rng, rate, requests).tolist()
    work, begin = (p.drawn(rng, requests).tolist() for p in (service, start))
    busy, idle = list[float](), list[float]()
    times, cold, alive, lost = (list[float]() for _ in range(4))
    for t, s, d in zip(arrivals, work, begin, strict=True):
        while busy and busy[0] <= t:
            idle.append(heappop(busy))
        while idle and idle[0] + kept <= t:
            idle.pop(0)
        alive.append(len(busy) + len(idle))
        full = most is not None and len(busy) >= most
        lost.append(full)
        if full:
            continue
        cold.append(not idle)
        # The instance that was used last is used first.
        times.append(s if idle else s + d)
        if idle:
            idle.pop()
        heappush(busy, t + times[-1])
    figures = [by_batches(oracle().settled(np.array(times)))]
    for x in (cold, alive, lost):
        settled = oracle().settled(1.0 * np.array(x))
        each = [part.mean() for part in np.array_split(settled, BATCHES)]
        figures.append([(float(np.mean(each)), float(np.std(each, ddof=1) / np.sqrt(BATCHES)))])
    found = [pair for pairs in figures for pair in pairs]
    return found[: len(quantities_of(point))]


def quantities_of(point: str) -> tuple[str, ...]:
    """Return the quantities of a point."""
    return FIGURES if "at most" in point else FIGURES[:-1]


def group(point: str) -> str:
    """Return how many instances there may be, and how long cold starts take."""
    _, _, _, start, most = parts(point)
    if most is not None:
        return "limited"
    return f"cold starts to {next(x for x in (0.3, 2, 5) if start.mean <= x):g}"


HEAD = f"""# Errors of cold starts

`Serverless` takes cold starts as if they came one by one and hardly lengthened the service.
Here it is held against simulations of {len(POINTS)} points: a dozen with large errors, the
others drawn at random. Errors of the response, of the share of cold starts, of the instances
and of the share that is rejected are in percent; positive is too much.
[The table](errors-of-cold-starts.csv) has the simulated values and their standard errors;
figures with one above 3 %, and below a thousandth, are left out. The labels of results read the
largest.

A point is service (by its SCV; Pareto service by its shape, and its most over its least), the
requests under way, how long instances are kept, and how long a cold start takes, all in
services; and the most instances, if there is a limit.

Written by `python docs/errors_of_cold_starts.py`.

"""

TABLE = ErrorTable(
    PATH,
    ROOT / "qmodel" / "queues" / "approximations" / "cold_start_errors.py",
    "cold starts",
    HEAD,
    POINTS,
    str,
    computed,
    simulated,
    group=group,
    quantities=FIGURES,
    of_point=quantities_of,
    least=1e-3,
    noisiest=0.03,
)


if __name__ == "__main__":
    TABLE.main(500_000)
