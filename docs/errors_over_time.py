"""Measures stations of general service in a load that changes, for the label.

    python docs/errors_over_time.py [PATHS]
    python docs/errors_over_time.py again

simulates the points of docs/reference/errors-over-time.csv with as many paths (by default
2,000; some ten seconds a point) and writes it, a page of the same name and
qmodel/transients/crowd_errors.py; "again" keeps what is simulated and measures only the library
anew. The stored values are of 12,000 to 200,000 paths a point.
tests/unit/test_errors_over_time.py computes some again.
"""

from __future__ import annotations

import csv
import sys
from functools import lru_cache
from heapq import heapreplace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import BATCHES, PROBABILITIES, QUANTITIES, ErrorTable
from errors_of_many_servers import ROOT
from errors_of_shared_stations import Place

import qmodel as qm

PATH = ROOT / "docs" / "reference" / "errors-over-time.csv"
with PATH.open(newline="") as file:
    POINTS = list(dict.fromkeys(row["stations"] for row in csv.DictReader(file)))

LOOKS = (1.6, 2.0, 2.4, 3.0)
"""When a crowd is looked at that begins at 1, is highest at 2, and is gone at 3."""


def parts(point: str) -> tuple[Place, qm.Profile, float, float]:
    """Return the station, its load, how long that grows, and when to look."""
    model, look = point.rsplit(", at ", 1)
    times, servers, crowd = model.split(", ")
    loads, width = crowd.split(" in ")
    low, high = (float(x) * int(servers) for x in loads.split(" to "))
    grows = float(width)
    load = qm.Profile([x * grows for x in (0, 1, 2, 3, 6)], [low, low, high, low, low])
    return Place(int(servers), tuple(times.split()), 1.0), load, grows, float(look)


@lru_cache(maxsize=1)
def solved(model: str) -> list[list[float]]:
    """Return the quantities of a model at all times of a look."""
    place, load, grows, _ = parts(f"{model}, at 1")
    r = qm.Pipeline(qm.call("a", place.station)).over_time(
        load, times=[0.0, *(x * grows for x in LOOKS)]
    )
    columns = r.stations["a"].number_in_system, r.mean, r.p50, r.p95, r.p99
    return [[float(column[k]) for column in columns] for k in range(1, len(LOOKS) + 1)]


def computed(point: str) -> list[float]:
    """Return each quantity as the library has it."""
    model, look = point.rsplit(", at ", 1)
    return solved(model)[LOOKS.index(float(look))]


def simulated(point: str, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity and its standard error of so many paths, by means of batches."""
    place, load, grows, look = parts(point)
    rng = np.random.default_rng(seed)
    first, end, most = -60.0, look * grows, float(load.peak)
    present, times = np.zeros(requests), np.zeros(requests)
    for path in range(requests):
        arrivals = rng.uniform(first, end, rng.poisson(most * (end - first)))
        kept = rng.random(arrivals.size) * most < load.rate(np.maximum(arrivals, 0.0))
        arrivals = np.sort(arrivals[kept])
        free, left = [-np.inf] * place.servers, np.empty(arrivals.size)
        work = place.drawn(rng, arrivals.size + 1).tolist()
        for i, t in enumerate(arrivals.tolist()):
            left[i] = max(free[0], t) + work[i]
            heapreplace(free, left[i])
        present[path] = np.count_nonzero(left > end)
        times[path] = max(free[0] - end, 0.0) + work[-1]
    found = [(present, np.mean), (times, np.mean)]
    found += [(times, lambda x, p=p: np.quantile(x, p)) for p in PROBABILITIES.values()]
    result = []
    for values, of in found:
        each = [float(of(part)) for part in np.array_split(values, BATCHES)]
        result.append((float(of(values)), float(np.std(each, ddof=1) / np.sqrt(BATCHES))))
    return result


def group(point: str) -> str:
    """Return the class of service."""
    work = parts(point)[0].station.service
    if work.scv == 1:
        return "exponential service"
    if "Pareto" in point:
        return "Pareto service"
    if work.scv == 0:
        return "constant service"
    return "an SCV below 1" if work.scv < 1 else "an SCV from 1"


HEAD = """# Errors over time

A station of general service in a load that changes is between a fluid and its steady states.
Here it is held against simulations of crowds that were drawn at random: the load is steady,
then grows to its peak, falls as long, and is as before. Errors of the number present, and of
the response of a request that comes then, are in percent; positive is too much.
[The table](errors-over-time.csv) has the simulated values and their standard errors; figures
with one above 3 % are left out. The labels of results read the largest of each class of
service.

A point is service (by its SCV; Pareto service by its shape, and its most over its least), the
servers, the load before and at the peak, how long it grows in services, and when it is looked
at: it begins to grow at 1, is highest at 2, and is as before from 3 on.

Written by `python docs/errors_over_time.py`.

"""

TABLE = ErrorTable(
    PATH,
    ROOT / "qmodel" / "transients" / "crowd_errors.py",
    "general service over time",
    HEAD,
    POINTS,
    str,
    computed,
    simulated,
    group=group,
    quantities=("number", *QUANTITIES),
    noisiest=0.03,
)


if __name__ == "__main__":
    TABLE.main(2_000)
