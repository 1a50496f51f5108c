"""Measures forks of queues against simulations, and writes the table that the labels read.

    python docs/errors_of_forks.py [REQUESTS]
    python docs/errors_of_forks.py again

simulates each point with as many requests (by default 400,000, and four times as many where
all stations have one server; five minutes in all) and writes
docs/reference/errors-of-forks.csv, a page of the same name and
qmodel/balancing/fan_out/fork_errors.py; "again" keeps what is simulated, simulates new points,
and measures the library anew. tests/unit/test_fork_errors.py computes the errors again from
what is simulated.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import ErrorTable, by_batches, of_distribution
from errors_of_many_servers import ROOT, oracle
from errors_of_tandems import (
    CONSTANT,
    GAMMA,
    LOGNORMAL2,
    LOGNORMAL4,
    ONE,
    UNIFORM,
    Place,
    services,
    station,
)
from errors_of_tandems import named as stations_named

import qmodel as qm

Branch = tuple[Place, ...]
Point = tuple[tuple[Branch, ...], int]
"""The branches, each of stations in a row, and how many of them are waited for."""


def _fork(*branches: Branch | Place, need: int = 0) -> Point:
    rows = tuple(b if isinstance(b[0], tuple) else (b,) for b in branches)
    return rows, need or len(rows)  # type: ignore[return-value]


def _equal(number: int, family: tuple[str, float], servers: int, load: float) -> list[Place]:
    return [(*family, servers, load)] * number


def _drawn_last(number: int, seed: int) -> list[Point]:
    """Return forks of which at most half are waited for; nothing was chosen by these."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        family, least, most = FEW[rng.integers(len(FEW))]
        scv = round(float(np.exp(rng.uniform(np.log(least), np.log(most)))), 2)
        of = int(rng.choice((3, 4, 6, 8, 10, 12, 16, 20, 24, 32)))
        servers = int(rng.choice((1, 1, 1, 2, 4, 8)))
        need = int(rng.integers(1, of // 2 + 1))
        place = (family, scv, servers, round(float(rng.uniform(0.2, 0.8)), 2))
        found.append(_fork(*[place] * of, need=need))
    return found


def _drawn_again(number: int, seed: int) -> list[Point]:
    """Return such forks of all loads, two thirds of M/M/c; the form was fixed before.

    But for one thing: at several servers a fit is without effect at an SCV below a half since.
    """
    rng = np.random.default_rng(seed)
    found = []
    for i in range(number):
        other, least, most = OTHERS[rng.integers(len(OTHERS))]
        scv = round(float(np.exp(rng.uniform(np.log(least), np.log(most)))), 2)
        servers = int(rng.choice((1, 1, 1, 2, 3, 4, 5, 6, 7, 8) if i % 3 else (1, 1, 2, 4)))
        family, scv = ONE if i % 3 else (other, scv)
        of = int(rng.integers(3, 33))
        need = int(rng.integers(1, of // 2 + 1))
        place = (family, scv, servers, round(float(rng.uniform(0.1, 0.9)), 2))
        found.append(_fork(*[place] * of, need=need))
    return found


FEW = [
    ("lognormal", 0.1, 4.0), ("lognormal", 0.5, 4.0), ("gamma", 0.1, 1.0), ("gamma", 1.1, 4.0),
    ("hyperexponential", 1.3, 4.0), ("uniform", 0.05, 0.33), ("even times", 0.05, 0.4),
    ("two times", 2.25, 2.25), ("shifted", 0.1, 0.8), (*ONE, 1.0),
]  # fmt: skip
"""Families, and least and largest SCVs."""
OTHERS = [
    ("lognormal", 0.3, 3.0), ("gamma", 0.3, 3.0), ("hyperexponential", 1.5, 3.5),
    ("Pareto 3.0 to 100", 0.3, 0.3), ("Pareto 4.0 to 1,000", 0.1, 0.1), ("uniform", 0.02, 0.3),
]  # fmt: skip
"""Those of forks that were drawn after all others."""
UNEQUAL = [(*ONE, 1, 0.7), (*ONE, 4, 0.8), (*GAMMA, 2, 0.8), (*LOGNORMAL2, 2, 0.7)]
SPREAD = [(*ONE, 1, round(0.05 + 0.75 * i / 16, 4)) for i in range(1, 17)]
ROW, OTHER = ((*ONE, 1, 0.8), (*ONE, 1, 0.7)), ((*ONE, 1, 0.7), (*ONE, 1, 0.5))

POINTS: list[Point] = [
    *(_fork(*_equal(n, ONE, 1, 0.8)) for n in (2, 8, 32)),
    *(_fork(*_equal(8, ONE, c, 0.8)) for c in (2, 8)),
    *(_fork(*_equal(n, LOGNORMAL4, 1, 0.7)) for n in (2, 8, 32)),
    *(_fork(*_equal(n, LOGNORMAL2, 4, 0.8)) for n in (4, 16)),
    *(_fork(*_equal(n, GAMMA, c, 0.8)) for n, c in ((4, 1), (32, 1), (16, 4))),
    *(_fork(*_equal(n, CONSTANT, c, 0.8)) for n, c in ((4, 1), (16, 2))),
    _fork((*ONE, 1, 0.8), (*ONE, 1, 0.5)),
    _fork(*_equal(4, ONE, 1, 0.8), *_equal(4, ONE, 1, 0.4)),
    _fork((*CONSTANT, 1, 0.8), (*ONE, 1, 0.8)),
    _fork((*CONSTANT, 1, 0.8), (*CONSTANT, 1, 0.6)),
    _fork((*LOGNORMAL4, 1, 0.7), (*ONE, 1, 0.7)),
    _fork((*GAMMA, 1, 0.8), (*LOGNORMAL4, 2, 0.7)),
    _fork(*UNEQUAL, *UNEQUAL),
    _fork(*SPREAD),
    _fork(ROW, OTHER),
    _fork(*[ROW] * 8),
    _fork(*[ROW, OTHER] * 4),
    _fork(*[((*LOGNORMAL4, 1, 0.7), (*LOGNORMAL4, 1, 0.6))] * 4),
    _fork(*[((*GAMMA, 1, 0.8), (*ONE, 4, 0.7))] * 8),
    _fork(*_equal(2, ONE, 1, 0.8), need=1),
    _fork(*_equal(8, ONE, 1, 0.8), need=1),
    _fork(*_equal(8, ONE, 1, 0.8), need=4),
    _fork(*_equal(8, LOGNORMAL2, 2, 0.7), need=6),
    _fork((*ONE, 1, 0.8), (*ONE, 1, 0.5), need=1),
    _fork((*CONSTANT, 1, 0.8), (*ONE, 1, 0.8), need=1),
    _fork(*UNEQUAL, *UNEQUAL, need=4),
    _fork(*_equal(16, GAMMA, 4, 0.8), need=8),
    _fork(*_equal(32, UNIFORM, 4, 0.7)),
    _fork(ROW, OTHER, need=1),
    # Drawn at random, of other families: nothing was chosen by these.
    _fork(*_equal(16, ("even times", 0.04), 4, 0.68)),
    _fork(*_equal(16, ("even times", 0.04), 1, 0.68)),
    _fork(*_equal(8, ("even times", 0.3), 2, 0.7)),
    _fork(*_equal(4, ("two times", 2.25), 4, 0.75)),
    _fork(*_equal(16, ("shifted", 0.09), 4, 0.7)),
    _fork(*_equal(12, ("lognormal", 1.32), 2, 0.49)),
    _fork(*_equal(32, ("gamma", 0.2), 4, 0.73)),
    _fork(*_equal(6, ("hyperexponential", 3.0), 1, 0.6)),
    _fork(*_equal(3, ("lognormal", 0.3), 8, 0.8)),
    _fork(*[(*GAMMA, 1, 0.79), ("lognormal", 0.79, 1, 0.38)] * 2),
    _fork(*[("even times", 0.3, 2, 0.75), ("hyperexponential", 2.0, 3, 0.53)] * 8),
    _fork(*[("shifted", 0.09, 16, 0.72), ("lognormal", 3.8, 3, 0.7), (*ONE, 1, 0.5)] * 4),
    _fork(*[("gamma", 3.87, 3, 0.6), ("lognormal", 0.05, 3, 0.8)] * 2),
    _fork(*[(("even times", 0.04, 4, 0.68), (*UNIFORM, 1, 0.45))] * 16),
    _fork(*[(("even times", 0.3, 2, 0.68), ("lognormal", 0.1, 1, 0.34))] * 4),
    _fork(*[
        ((*UNIFORM, 4, 0.4), (*ONE, 4, 0.5)),
        (("lognormal", 0.1, 1, 0.73), ("hyperexponential", 1.5, 3, 0.75)),
    ] * 3),
    _fork(
        *[(("lognormal", 0.57, 1, 0.76), ("gamma", 0.2, 3, 0.46))] * 2,
        ((*ONE, 4, 0.66), ("gamma", 0.66, 1, 0.49)),
    ),
    _fork(
        *[(("gamma", 0.2, 4, 0.5), ("gamma", 0.33, 8, 0.78), (*ONE, 4, 0.6))] * 8,
        *_equal(8, ONE, 16, 0.5),
    ),
    _fork(*_equal(2, ("hyperexponential", 1.82), 1, 0.39), need=1),
    _fork(*_equal(16, ("hyperexponential", 3.0), 1, 0.7), need=1),
    _fork(*_equal(12, ("lognormal", 1.5), 1, 0.8), need=2),
    _fork(*_equal(4, ("even times", 0.3), 2, 0.7), need=2),
    _fork(
        ("shifted", 0.1, 4, 0.7), ("hyperexponential", 1.85, 8, 0.5),
        ("even times", 0.3, 8, 0.7), need=2,
    ),
    *(_fork(*_equal(n, ("hyperexponential", 3.0), 1, load), need=k)
      for n, k, load in ((16, 4, 0.5), (16, 8, 0.7), (32, 1, 0.3))),
    *(_fork(*_equal(n, ("gamma", 4.0), 1, load), need=k)
      for n, k, load in ((16, 1, 0.3), (16, 4, 0.7), (32, 1, 0.8))),
    *(_fork(*_equal(16, GAMMA, 1, load), need=k) for k, load in ((1, 0.4), (4, 0.8))),
    *(_fork(*_equal(16, ONE, 1, load), need=k) for k, load in ((1, 0.3), (1, 0.7), (4, 0.5))),
    # Some of branches that differ, and of several stations in a row.
    *(_fork(*SPREAD, need=k) for k in (1, 4)),
    _fork(*[ROW, OTHER] * 4, need=1),
    _fork(*[ROW] * 8, need=2),
    _fork(
        *_equal(4, ONE, 1, 0.7), *_equal(4, ONE, 2, 0.6), *_equal(4, LOGNORMAL2, 1, 0.5), need=3
    ),
    _fork(*((*ONE, 1, load) for load in (0.3, 0.5, 0.6, 0.7)), need=1),
    _fork(*[((*LOGNORMAL4, 1, 0.5), (*GAMMA, 1, 0.6))] * 6, need=1),
    _fork(*_equal(6, ONE, 4, 0.7), *_equal(6, ONE, 4, 0.5), need=2),
    *_drawn_last(40, 2029),
    *_drawn_again(44, 2031),
]  # fmt: skip


def simulated(point: Point, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity of the fork and its standard error."""
    sim, rng = oracle(), np.random.default_rng(seed)
    branches, need = point
    # One server is quick to simulate, and long correlated at high load.
    requests *= 4 if all(servers == 1 for b in branches for _, _, servers, _ in b) else 1
    arrivals = sim.poisson(rng, 1.0, requests)
    done = np.empty((len(branches), requests))
    for times, capacity in zip(done, branches, strict=True):
        times[:] = arrivals
        for place in capacity:
            times[:] = sim.fcfs(times, services(place, rng, requests), place[2])
    return by_batches(sim.settled(np.partition(done, need - 1, axis=0)[need - 1] - arrivals))


def computed(point: Point) -> list[float]:
    """Return each quantity as the library has it."""
    branches, need = point
    number = count()
    steps = [
        qm.series(*(qm.call(f"s{next(number)}", station(place)) for place in capacity))
        for capacity in branches
    ]
    return of_distribution(qm.Pipeline(qm.parallel(*steps, need=need)).solve(1.0).latency)


def named(point: Point) -> str:
    """Return the branches in words."""
    branches, need = point
    kinds = [
        (f"{branches.count(b)} x " if branches.count(b) > 1 else "")
        + ("(" + stations_named(b) + ")" if len(b) > 1 else stations_named(b))
        for b in dict.fromkeys(branches)
    ]
    text = " and ".join(kinds if len(kinds) < 5 else [kinds[0], "...", kinds[-1]])
    return text if need == len(branches) else f"{need} of: {text}"


def group(point: Point) -> str:
    """Return what kind of fork it is."""
    branches, need = point
    of_times = any("times" in family for b in branches for family, *_ in b)
    if of_times and 2 * need <= len(branches) > need:
        return "few of two times"
    if need < len(branches) and any(len(b) > 1 for b in branches):
        return "some rows"
    if 2 * need < len(branches):
        return "few" if 4 * need >= len(branches) else "first"
    if need < len(branches):
        return "some"
    if any(len(b) > 1 for b in branches):
        return "rows"
    return "equal" if len(set(branches)) == 1 else "unequal"


HEAD = """# Errors of forks

Queues that the same requests load at once are long together. What their waits have in common
is taken from when the requests came, or as one number (`qmodel.balancing.fan_out.fork_join`).
Here is the error of the time until all branches are done, or as many as are needed, in percent,
against simulations
([with their standard errors](errors-of-forks.csv)). A branch is a station or several in a row,
in brackets; a station is its service with its SCV, its servers, its load. The labels of results
read the largest of these.

Written by `python docs/errors_of_forks.py`.

"""

TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-forks.csv",
    ROOT / "qmodel" / "balancing" / "fan_out" / "fork_errors.py",
    "forks", HEAD, POINTS, named, computed, simulated, group,
)  # fmt: skip


if __name__ == "__main__":
    TABLE.main(400_000)
