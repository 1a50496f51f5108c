"""Measures branches that call one station, each with others of its own, for their label.

    python docs/errors_of_shared_stations.py [REQUESTS]
    python docs/errors_of_shared_stations.py again

simulates the points of docs/reference/errors-of-shared-stations.csv with as many requests (by
default 300,000; half a minute a point) and writes it, a page of the same name and
qmodel/balancing/fan_out/shared_errors.py; "again" keeps what is simulated and measures only the
library anew, in three minutes. The stored values are of 2 million requests a point.
tests/unit/test_shared_station_errors.py computes some again.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from heapq import heappop, heappush, heapreplace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import ErrorTable, by_batches, of_distribution
from errors_of_many_servers import FAMILIES, ROOT, bounded, oracle

import qmodel as qm

PATH = ROOT / "docs" / "reference" / "errors-of-shared-stations.csv"
with PATH.open(newline="") as file:
    POINTS = list(dict.fromkeys(row["stations"] for row in csv.DictReader(file)))


class Place(NamedTuple):
    """A station, or a delay, which has no servers."""

    servers: int
    times: tuple[str, ...]
    mean: float

    @property
    def station(self) -> qm.queues.Station:
        """The same as the library has it."""
        name, *parameters = self.times
        if name == "exponential" and self.servers:
            return qm.MMc(self.mean, self.servers)
        if name == "constant" and self.servers:
            return qm.MDc(self.mean, self.servers)
        work = distribution(name, self.mean, *map(float, parameters))
        if not self.servers:
            return qm.Delay(work)
        return qm.MG1(work) if self.servers == 1 else qm.MGc(work, self.servers)

    def drawn(self, rng: np.random.Generator, number: int) -> np.ndarray:
        """Return service times."""
        name, *parameters = self.times
        if name == "exponential":
            return rng.exponential(self.mean, number)
        draw = bounded(*map(float, parameters)).draw(0.0) if name == "Pareto" else None
        scv = float(parameters[0]) if parameters else 0.0
        return self.mean * np.asarray((draw or FAMILIES[name].draw(scv))(rng, number))


def distribution(name: str, mean: float, *parameters: float) -> qm.Distribution:
    """Return the distribution of a family, by its SCV or its shape and length."""
    if name == "uniform":
        half = mean * np.sqrt(3 * parameters[0])
        return qm.Uniform(mean - half, mean + half)
    if name == "Pareto":
        shape, most = parameters
        least = mean / float(qm.Pareto(1.0, shape, most).mean)
        return qm.Pareto(least, shape, least * most)
    make: dict[str, Callable[..., qm.Distribution]] = {
        "exponential": qm.Exponential,
        "constant": qm.Deterministic,
        "lognormal": qm.LogNormal,
        "gamma": qm.Gamma,
        "hyperexponential": qm.from_mean_scv,
    }
    return make[name](mean, *parameters)


def parts(point: str) -> tuple[float, list[Place], list[list[int]]]:
    """Return the arrival rate, the places, that of all branches first, and the branches."""
    first, *others = point.split("; ")
    times, load = first.split(", ")
    servers, *family = times.split()
    rate = float(load) * int(servers) / len(others)
    places, branches = [Place(int(servers), tuple(family), 1.0)], []
    for place, other in enumerate(others, 1):
        way, *rest = other.replace(",", "").split()
        if way == "only":
            places.append(places[0])
            branches.append([0])
        elif way == "delay":
            places.append(Place(0, tuple(rest[:-1]), float(rest[-1])))
            branches.append([place, 0])
        else:
            own, mean = int(rest[0]), round(float(rest[-1]) * int(rest[0]) / rate, 4)
            places.append(Place(own, tuple(rest[1:-1]), mean))
            branches.append([place, 0] if way == "before" else [0, place])
    return rate, places, branches


def computed(point: str) -> list[float]:
    """Return each quantity as the library has it."""
    rate, places, branches = parts(point)
    calls = [qm.call(f"s{k}", place.station) for k, place in enumerate(places)]
    steps = [qm.series(*(calls[k] for k in branch)) for branch in branches]
    return of_distribution(qm.Pipeline(qm.parallel(*steps)).solve(rate).latency)


def simulated(point: str, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity and its standard error, by means of batches."""
    rate, places, branches = parts(point)
    rng = np.random.default_rng(seed)
    arrivals = oracle().poisson(rng, rate, requests)
    work: list[list[Any]] = [
        [places[k].drawn(rng, requests).tolist() for k in branch] for branch in branches
    ]
    free = [[0.0] * max(place.servers, 1) for place in places]
    done, waiting = np.zeros(requests), list[tuple[float, float, int, int, int]]()
    ties = rng.random(requests * len(branches)).tolist()
    arriving = arrivals.tolist()
    for i in range(requests + 1):
        # All that happens before the next request comes, in turn.
        while waiting and (i == requests or waiting[0][0] <= arriving[i]):
            t, tie, request, branch, step = heappop(waiting)
            if step == len(branches[branch]):
                done[request] = max(done[request], t)
                continue
            k, s = branches[branch][step], work[branch][step][request]
            left = t + s
            if places[k].servers:
                left = max(free[k][0], t) + s
                heapreplace(free[k], left)
            heappush(waiting, (left, tie, request, branch, step + 1))
        if i < requests:
            for branch in range(len(branches)):
                heappush(waiting, (arriving[i], ties.pop(), i, branch, 0))
    return by_batches(oracle().settled(done - arrivals))


def group(point: str) -> str:
    """Return whether stations or delays set the branches apart."""
    return "delays" if "delay" in point else "stations"


HEAD = f"""# Errors of branches that share a station

Branches of a request that call one station, before or after a station of their own, or after a
delay, wait there in one queue: for other requests, and for each other. They were measured
against simulations of {len(POINTS)} points that were drawn at random: 2 to 6 branches, 1 to 16
servers at loads from 0.3 to 0.95. Errors of the time until all are done are in percent;
positive is too long. [The table](errors-of-shared-stations.csv) has the simulated values and
their standard errors. Where only delays set the branches apart, they find each other there more
often than they are taken to.

A point is the servers of the station of all, its service and load; and of each branch what it
has of its own, before or after, with its servers, service and load, or the mean of a delay in
services of the station of all. "only" is a branch that has nothing else. Service is given by
its SCV, Pareto service by its shape, and its most over its least.

Written by `python docs/errors_of_shared_stations.py`.

"""

TABLE = ErrorTable(
    PATH,
    ROOT / "qmodel" / "balancing" / "fan_out" / "shared_errors.py",
    "branches that share a station",
    HEAD,
    POINTS,
    str,
    computed,
    simulated,
    group=group,
    solved_groups=True,
    noisiest=0.03,
)


if __name__ == "__main__":
    TABLE.main(300_000)
