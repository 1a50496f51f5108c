"""Measures hedged requests against simulations, and writes the table that the label reads.

    python docs/errors_of_hedges.py [REQUESTS]
    python docs/errors_of_hedges.py again

simulates each point with as many requests (by default 400,000; two minutes in all) and writes
docs/reference/errors-of-hedges.csv, a page of the same name and
qmodel/balancing/fan_out/hedge_errors.py; "again" keeps what is simulated, simulates new points,
and measures the library anew. tests/unit/test_hedge_errors.py computes the errors again from
what is simulated.
"""

from __future__ import annotations

import heapq
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import ErrorTable, by_batches, of_distribution
from errors_of_many_servers import ROOT
from errors_of_tandems import CONSTANT, GAMMA, LOGNORMAL4, ONE, Place, services, station
from errors_of_tandems import named as station_named

import qmodel as qm

Point = tuple[Place, float, float]
"""The station; the delay of the copy in mean service times; the greatest share copied."""

EIGHT, MANY = 8, 16
BUCKET = 10.0
"""Copies that a budget saves up."""

POINTS: list[Point] = [
    *(((*ONE, c, load), 3.0, 1.0) for c in (16, 64) for load in (0.3, 0.45)),
    ((*ONE, 16, 0.5), 1.5, 0.1),
    ((*ONE, 64, 0.5), 0.5, 0.2),
    ((*LOGNORMAL4, 16, 0.45), 3.0, 1.0),
    ((*LOGNORMAL4, 64, 0.5), 2.0, 0.1),
    ((*GAMMA, 16, 0.5), 1.5, 0.1),
    *(((*ONE, 16, load), 3.0, 0.05) for load in (0.6, 0.75, 0.85)),
    ((*ONE, 64, 0.9), 3.0, 0.05),
    ((*ONE, 16, 0.7), 1.5, 0.1),
    ((*LOGNORMAL4, 16, 0.7), 3.0, 0.05),
    ((*GAMMA, 16, 0.8), 1.5, 0.05),
    *(((*ONE, 8, load), 3.0, 1.0) for load in (0.3, 0.45)),
    ((*ONE, 8, 0.55), 3.0, 0.05),
    ((*ONE, 8, 0.75), 3.0, 0.05),
    ((*LOGNORMAL4, 8, 0.5), 3.0, 0.1),
    ((*CONSTANT, 8, 0.6), 1.5, 0.1),
    *(((*ONE, c, load), 3.0, 0.05) for c in (1, 2) for load in (0.3, 0.5, 0.7)),
    ((*LOGNORMAL4, 2, 0.4), 3.0, 0.1),
    ((*GAMMA, 1, 0.5), 2.0, 0.1),
    ((*ONE, 1, 0.3), 3.0, 1.0),
    *(((*ONE, 4, load), 3.0, 0.05) for load in (0.4, 0.7)),
    ((*LOGNORMAL4, 4, 0.45), 3.0, 0.1),
    ((*ONE, 2, 0.4), 3.0, 1.0),
    # Drawn at random: nothing was chosen by these.
    (("hyperexponential", 3.12, 8, 0.84), 1.6, 0.1),
    (("gamma", 3.91, 12, 0.65), 0.9, 0.2),
    (("gamma", 0.62, 2, 0.65), 1.5, 0.02),
    (("uniform", 0.3333, 3, 0.45), 1.6, 0.05),
]


def simulated(point: Point, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity of the hedged requests and its standard error."""
    times, _ = path(point, requests, np.random.default_rng(seed))
    return by_batches(times[requests // 10 :])


def path(point: Point, requests: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return the times of requests on one sample path, and the share that was copied.

    A copy joins the queue of its station behind all that came before it, and is served to its
    end, as is the original. Of the late requests a share at random is copied, so that of all
    no more are than the budget allows.
    """
    place, delay, budget = point
    wait = delay * place[2] * place[3]
    free = [0.0] * place[2]
    arrivals = np.cumsum(rng.exponential(1.0, requests)).tolist()
    work = iter(services(place, rng, 2 * requests).tolist())
    late: list[tuple[float, int]] = []
    ends = np.empty(requests)
    copied, tokens = 0, BUCKET

    def done(now: float) -> float:
        end = max(free[0], now) + next(work)
        heapq.heapreplace(free, end)
        return end

    def copies(until: float) -> None:
        while late and late[0][0] <= until:
            sent, which = heapq.heappop(late)
            ends[which] = min(ends[which], done(sent))

    for i, now in enumerate(arrivals):
        copies(now)
        ends[i] = done(now)
        tokens = min(tokens + budget, BUCKET)
        if ends[i] > now + wait and (budget == 1 or tokens >= 1):
            copied, tokens = copied + 1, tokens - 1
            heapq.heappush(late, (now + wait, i))
    copies(np.inf)
    return ends - np.asarray(arrivals), copied / requests


def computed(point: Point) -> list[float]:
    """Return each quantity as the library has it."""
    place, delay, budget = point
    call, wait = qm.call("s", station(place)), delay * place[2] * place[3]
    step = qm.hedge("hedge", call, wait, budget=budget)
    return of_distribution(qm.Pipeline(step).solve(1.0).latency)


def named(point: Point) -> str:
    """Return the station, the delay and the budget in words."""
    place, delay, budget = point
    most = "" if budget == 1 else f", at most {100 * budget:g} %"
    return f"{station_named((place,))}; copy after {delay:g}{most}"


def group(point: Point) -> str:
    """Return what kind of pool it is."""
    _, _, servers, load = point[0]
    if servers < EIGHT:
        return "fewer servers"
    if servers < MANY:
        return "eight servers"
    return "many servers" if load <= 0.5 else "many busy servers"


HEAD = """# Errors of hedged requests

A copy of a late request takes a time of its own, as the library has it; in a queue it meets the
backlog that made its original late. Here is the error of the time until the first answer, in
percent, against simulations ([with their standard errors](errors-of-hedges.csv)). A station is
its service with its SCV, its servers, its load without copies; the copy is sent after so many
mean service times; a budget saves up no more than ten copies. The label of results reads the
largest of these.

Written by `python docs/errors_of_hedges.py`.

"""

TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-hedges.csv",
    ROOT / "qmodel" / "balancing" / "fan_out" / "hedge_errors.py",
    "hedged requests", HEAD, POINTS, named, computed, simulated, group,
)  # fmt: skip


if __name__ == "__main__":
    TABLE.main(400_000)
