"""Measures pools whose balancer looks, of general service, against simulations for the labels.

    python docs/errors_of_informed_pools.py [REQUESTS]
    python docs/errors_of_informed_pools.py again

simulates each point with as many requests (by default 1,000,000; some five seconds a point) and
writes docs/reference/errors-of-informed-pools.csv, a page of the same name and
qmodel/balancing/pool_errors.py; "again" keeps what is simulated and measures only the library
anew. The stored values are of 8 to 144 million requests a point. Exponential service is in
docs/errors_of_balancing.py. tests/unit/test_pool_errors.py computes some again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import QUANTITIES, ErrorTable, of_distribution
from errors_of_balancing import pool, seen
from errors_of_many_servers import FAMILIES, ROOT

import qmodel as qm
from qmodel.queues import MDc


class Point(NamedTuple):
    """A policy, replicas and the workers of each, service and load."""

    policy: str
    replicas: int
    workers: int
    family: str
    scv: float
    load: float


def read(point: str) -> Point:
    """Return what stands in a point."""
    policy, sizes, service, load = point.split(", ")
    (replicas, workers), (family, scv) = sizes.split(" of "), service.rsplit(" ", 1)
    return Point(policy, int(replicas), int(workers), family, float(scv), float(load))


FITTED = """
least, 2 of 1, constant 0, 0.5
least, 2 of 1, constant 0, 0.8
least, 5 of 1, constant 0, 0.5
least, 20 of 1, constant 0, 0.8
least, 50 of 1, constant 0, 0.95
two, 5 of 1, constant 0, 0.5
two, 5 of 1, constant 0, 0.8
two, 20 of 1, constant 0, 0.5
two, 20 of 1, constant 0, 0.8
two, 20 of 1, constant 0, 0.95
two, 100 of 1, constant 0, 0.8
two, 100 of 1, constant 0, 0.95
least, 2 of 4, constant 0, 0.8
least, 2 of 4, constant 0, 0.95
least, 10 of 4, constant 0, 0.8
least, 10 of 4, constant 0, 0.95
two, 10 of 4, constant 0, 0.8
two, 10 of 4, constant 0, 0.95
least, 2 of 1, gamma 0.25, 0.5
least, 5 of 1, gamma 0.25, 0.8
least, 5 of 1, gamma 0.25, 0.95
least, 20 of 1, gamma 0.25, 0.95
least, 50 of 1, gamma 0.25, 0.8
two, 5 of 1, gamma 0.25, 0.5
two, 5 of 1, gamma 0.25, 0.8
two, 5 of 1, gamma 0.25, 0.95
two, 20 of 1, gamma 0.25, 0.8
two, 20 of 1, gamma 0.25, 0.95
two, 100 of 1, gamma 0.25, 0.5
least, 2 of 4, gamma 0.25, 0.5
least, 10 of 4, gamma 0.25, 0.8
two, 10 of 4, gamma 0.25, 0.8
least, 2 of 1, hyperexponential 4, 0.95
least, 5 of 1, hyperexponential 4, 0.95
least, 20 of 1, hyperexponential 4, 0.8
two, 5 of 1, hyperexponential 4, 0.8
two, 20 of 1, hyperexponential 4, 0.5
two, 20 of 1, hyperexponential 4, 0.8
least, 2 of 4, hyperexponential 4, 0.5
least, 10 of 4, hyperexponential 4, 0.8
two, 10 of 4, hyperexponential 4, 0.8
least, 4 of 16, hyperexponential 4, 0.95
least, 2 of 1, hyperexponential 9, 0.8
least, 2 of 1, hyperexponential 9, 0.95
least, 5 of 1, hyperexponential 9, 0.8
least, 5 of 1, hyperexponential 9, 0.95
least, 20 of 1, hyperexponential 9, 0.95
least, 50 of 1, hyperexponential 9, 0.8
two, 5 of 1, hyperexponential 9, 0.95
two, 20 of 1, hyperexponential 9, 0.5
two, 20 of 1, hyperexponential 9, 0.8
two, 100 of 1, hyperexponential 9, 0.95
least, 2 of 4, hyperexponential 9, 0.95
least, 10 of 4, hyperexponential 9, 0.8
least, 10 of 4, hyperexponential 9, 0.95
least, 4 of 16, hyperexponential 9, 0.95
"""
"""Policy, replicas of workers, service and load."""

DRAWN = """
least, 10 of 2, lognormal 4, 0.9
least, 5 of 1, lognormal 4, 0.5
least, 20 of 1, gamma 4, 0.7
two, 20 of 1, lognormal 4, 0.7
two, 10 of 2, lognormal 4, 0.9
idle, 20 of 1, gamma 4, 0.9
three, 8 of 1, lognormal 9, 0.86
least, 2 of 1, lognormal 2, 0.55
two, 3 of 4, gamma 9, 0.61
two, 4 of 2, lognormal 9, 0.57
three, 40 of 1, lognormal 9, 0.56
least, 4 of 1, gamma 9, 0.63
least, 6 of 2, lognormal 9, 0.63
least, 4 of 1, lognormal 9, 0.53
three, 12 of 1, lognormal 9, 0.64
three, 12 of 1, gamma 9, 0.72
least, 2 of 1, lognormal 9, 0.88
two, 20 of 4, lognormal 2, 0.88
three, 4 of 4, gamma 9, 0.93
least, 40 of 1, lognormal 9, 0.73
least, 12 of 1, lognormal 9, 0.52
two, 12 of 1, lognormal 9, 0.65
three, 12 of 1, lognormal 9, 0.58
three, 8 of 2, lognormal 9, 0.57
three, 20 of 1, lognormal 9, 0.61
two, 20 of 1, lognormal 9, 0.53
two, 6 of 1, gamma 9, 0.94
least, 4 of 2, lognormal 9, 0.67
two, 4 of 2, gamma 9, 0.91
two, 12 of 2, lognormal 2, 0.62
three, 6 of 1, gamma 9, 0.61
least, 8 of 2, hyperexponential 9, 0.93
two, 4 of 4, lognormal 4, 0.78
least, 8 of 1, gamma 4, 0.88
idle, 4 of 1, hyperexponential 4, 0.73
idle, 4 of 1, lognormal 2, 0.64
least, 8 of 4, gamma 2, 0.71
two, 4 of 1, gamma 0.25, 0.54
two, 20 of 4, constant 0, 0.91
least, 3 of 1, uniform 0.3333, 0.83
least, 3 of 4, lognormal 9, 0.71
least, 3 of 1, gamma 9, 0.7
least, 12 of 4, hyperexponential 9, 0.53
idle, 40 of 4, lognormal 4, 0.93
two, 4 of 4, gamma 4, 0.71
two, 40 of 2, hyperexponential 4, 0.51
least, 2 of 2, lognormal 2, 0.78
three, 40 of 2, gamma 2, 0.55
idle, 3 of 2, gamma 0.25, 0.87
least, 4 of 1, constant 0, 0.74
least, 40 of 1, uniform 0.3333, 0.92
idle, 12 of 1, lognormal 9, 0.53
idle, 4 of 1, gamma 9, 0.82
two, 3 of 2, hyperexponential 9, 0.55
idle, 8 of 1, lognormal 4, 0.9
two, 4 of 1, gamma 4, 0.59
least, 4 of 1, hyperexponential 4, 0.57
least, 6 of 4, lognormal 2, 0.85
idle, 8 of 4, gamma 2, 0.62
least, 40 of 4, gamma 0.25, 0.69
three, 6 of 2, constant 0, 0.89
least, 40 of 1, uniform 0.3333, 0.52
two, 3 of 1, lognormal 9, 0.8
least, 6 of 1, gamma 9, 0.85
two, 3 of 2, hyperexponential 9, 0.63
idle, 12 of 2, lognormal 4, 0.59
idle, 40 of 1, gamma 4, 0.63
least, 12 of 1, hyperexponential 4, 0.91
three, 6 of 2, lognormal 2, 0.94
idle, 12 of 4, gamma 2, 0.68
three, 8 of 4, gamma 0.25, 0.88
two, 4 of 1, constant 0, 0.92
least, 6 of 4, uniform 0.3333, 0.78
least, 2 of 4, lognormal 9, 0.55
two, 6 of 1, gamma 9, 0.79
idle, 3 of 1, hyperexponential 9, 0.54
idle, 20 of 4, lognormal 4, 0.83
least, 2 of 2, gamma 4, 0.84
two, 8 of 2, hyperexponential 4, 0.85
least, 20 of 1, lognormal 2, 0.55
idle, 40 of 1, gamma 2, 0.52
three, 40 of 4, gamma 0.25, 0.92
idle, 8 of 1, gamma 4, 0.92
idle, 4 of 1, gamma 4, 0.85
idle, 20 of 1, gamma 9, 0.9
idle, 8 of 1, gamma 9, 0.8
two, 20 of 1, gamma 4, 0.9
two, 8 of 1, gamma 4, 0.93
least, 4 of 1, gamma 4, 0.8
two, 8 of 1, lognormal 4, 0.9
three, 12 of 1, lognormal 4, 0.9
two, 6 of 2, lognormal 4, 0.86
two, 40 of 1, lognormal 4, 0.8
three, 20 of 1, gamma 4, 0.9
idle, 20 of 1, constant 0, 0.9
idle, 8 of 1, constant 0, 0.8
two, 40 of 1, lognormal 9, 0.85
two, 8 of 1, lognormal 9, 0.9
two, 12 of 1, uniform 0.3333, 0.91
least, 4 of 4, constant 0, 0.52
three, 20 of 4, lognormal 4, 0.6
idle, 40 of 1, gamma 4, 0.7
least, 4 of 2, lognormal 9, 0.61
three, 6 of 4, gamma 9, 0.65
two, 40 of 1, uniform 0.3333, 0.63
three, 20 of 2, constant 0, 0.55
three, 8 of 4, lognormal 4, 0.59
three, 6 of 1, gamma 4, 0.83
idle, 40 of 1, lognormal 9, 0.95
idle, 3 of 1, gamma 9, 0.91
least, 3 of 1, uniform 0.3333, 0.52
two, 8 of 1, constant 0, 0.74
least, 20 of 4, lognormal 4, 0.69
least, 6 of 1, gamma 4, 0.79
idle, 20 of 4, lognormal 9, 0.86
least, 4 of 4, gamma 9, 0.87
least, 8 of 2, uniform 0.3333, 0.92
two, 4 of 4, constant 0, 0.72
three, 12 of 1, lognormal 4, 0.58
three, 6 of 4, gamma 4, 0.51
three, 20 of 1, lognormal 9, 0.51
least, 2 of 1, gamma 9, 0.6
least, 2 of 1, gamma 2, 0.87
two, 3 of 4, gamma 4, 0.73
idle, 4 of 1, gamma 9, 0.87
idle, 6 of 1, gamma 0.5, 0.89
idle, 6 of 1, hyperexponential 4, 0.92
two, 8 of 1, hyperexponential 9, 0.83
three, 64 of 2, lognormal 2, 0.7
least, 3 of 1, lognormal 4, 0.56
two, 6 of 1, lognormal 9, 0.34
least, 6 of 1, lognormal 4, 0.81
two, 8 of 1, lognormal 9, 0.67
least, 8 of 1, Pareto 2.2 to 10,000 1.754, 0.65
least, 8 of 1, Pareto 2.0 to 3,000 3.006, 0.88
two, 3 of 2, bounded Pareto 9.885, 0.6
least, 20 of 4, uniform 0.3333, 0.42
three, 4 of 4, constant 0, 0.74
two, 6 of 1, gamma 2, 0.3
least, 20 of 1, gamma 4, 0.7
least, 8 of 1, gamma 9, 0.7
two, 6 of 1, gamma 0.5, 0.64
least, 4 of 1, hyperexponential 4, 0.84
least, 4 of 1, hyperexponential 9, 0.46
least, 20 of 1, lognormal 2, 0.9
idle, 8 of 1, lognormal 4, 0.62
idle, 32 of 1, lognormal 9, 0.75
two, 12 of 1, lognormal 4, 0.56
two, 64 of 1, lognormal 9, 0.74
idle, 20 of 2, Pareto 2.2 to 10,000 1.754, 0.55
two, 3 of 1, Pareto 2.0 to 3,000 3.006, 0.67
two, 32 of 2, bounded Pareto 9.885, 0.63
least, 32 of 1, uniform 0.3333, 0.9
least, 12 of 1, constant 0, 0.6
two, 6 of 1, gamma 2, 0.5
idle, 64 of 1, gamma 4, 0.39
three, 4 of 1, gamma 9, 0.44
least, 32 of 1, gamma 0.5, 0.42
least, 64 of 1, hyperexponential 4, 0.43
least, 6 of 1, hyperexponential 9, 0.71
two, 6 of 1, lognormal 2, 0.61
two, 8 of 1, lognormal 4, 0.83
two, 6 of 2, lognormal 9, 0.55
least, 6 of 2, lognormal 4, 0.56
three, 8 of 2, lognormal 9, 0.84
two, 3 of 1, Pareto 2.2 to 10,000 1.754, 0.42
two, 20 of 1, Pareto 2.0 to 3,000 3.006, 0.9
two, 4 of 4, bounded Pareto 9.885, 0.41
three, 4 of 1, uniform 0.3333, 0.72
least, 12 of 1, constant 0, 0.38
"""
"""Of other families: drawn at random, and where errors are large."""

LAST = """
least, 32 of 1, gamma 2, 0.94
three, 8 of 1, gamma 4, 0.65
least, 32 of 4, gamma 9, 0.7
two, 8 of 1, gamma 0.5, 0.9
idle, 3 of 1, hyperexponential 4, 0.37
idle, 2 of 4, hyperexponential 9, 0.67
two, 8 of 1, lognormal 2, 0.71
least, 8 of 2, lognormal 4, 0.38
two, 3 of 1, lognormal 9, 0.7
three, 64 of 1, lognormal 4, 0.66
idle, 8 of 4, lognormal 9, 0.62
three, 32 of 1, Pareto 2.2 to 10,000 1.754, 0.31
two, 6 of 4, Pareto 2.0 to 3,000 3.006, 0.67
least, 20 of 1, bounded Pareto 9.885, 0.83
two, 3 of 2, uniform 0.3333, 0.56
three, 12 of 1, constant 0, 0.42
least, 4 of 1, gamma 2, 0.66
three, 4 of 1, gamma 4, 0.93
three, 8 of 4, gamma 9, 0.47
least, 4 of 4, gamma 0.5, 0.38
idle, 32 of 1, hyperexponential 4, 0.38
idle, 32 of 1, hyperexponential 9, 0.57
two, 12 of 2, lognormal 2, 0.74
idle, 64 of 1, lognormal 4, 0.74
three, 64 of 1, lognormal 9, 0.7
least, 12 of 1, lognormal 4, 0.88
three, 20 of 1, lognormal 9, 0.74
idle, 32 of 4, Pareto 2.2 to 10,000 1.754, 0.89
two, 3 of 1, Pareto 2.0 to 3,000 3.006, 0.62
three, 32 of 1, bounded Pareto 9.885, 0.39
least, 8 of 1, uniform 0.3333, 0.5
least, 64 of 2, constant 0, 0.59
least, 3 of 1, gamma 2, 0.95
least, 12 of 1, gamma 4, 0.55
idle, 6 of 2, gamma 9, 0.38
least, 8 of 1, gamma 0.5, 0.73
"""
"""Drawn at random last, and nothing was fitted to them."""

POINTS = [line for points in (FITTED, DRAWN, LAST) for line in points.strip().splitlines()]


def computed(point: str) -> list[float]:
    """Return each quantity as the library has it."""
    p = read(point)
    work = FAMILIES[p.family].distribution(p.scv)
    replica = qm.MGc(work, p.workers) if p.scv else MDc(1.0, p.workers)
    r = pool(p.policy, replica, p.replicas).solve(p.load * p.replicas * p.workers)
    assert r.wait is not None
    return [*of_distribution(r.response), float(r.wait.tail(0.0))]


def simulated(point: str, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity and its standard error, by means of batches."""
    p = read(point)
    draw = FAMILIES[p.family].draw(p.scv)
    sizes = p.replicas, p.workers
    return seen(p.policy, sizes, p.load, draw, requests=requests, seed=seed)


def group(point: str) -> str:
    """Return the class of service."""
    p = read(point)
    if p.scv < 1:
        return "SCV below 1" if p.scv else "constant"
    if "Pareto" in p.family:
        return "bounded Pareto"
    return f"{p.family if p.family[0] == 'h' else 'other'}, SCV {4 if p.scv <= 4 else 9}"


HEAD = f"""# Errors of informed pools of general service

Least connections, the power of choices and join idle queue are approximate, and so is what
becomes of their waits where service is not exponential ([of that](errors-of-balancing.md)).
Here are {len(POINTS)} points of FCFS replicas, at loads from 0.3 to 0.95, drawn at random or
where errors are large. The weight that replicas have as independent ones was chosen on all but
the last {len(LAST.strip().splitlines())}, to which nothing was fitted. Errors of the response
and of the probability of a wait are in percent against simulation; positive is too long.
[The table](errors-of-informed-pools.csv) has the simulated values and their standard errors;
figures with one above 3 %, and below a thousandth, are left out. The labels of results read the
largest of each class of service; to an SCV of 4 and to one of 9 "other" is lognormal and gamma
service, and the SCV of bounded Pareto service is 1.8 to 10.

A point is the policy (least connections, two or three choices, idle queue), its replicas and
the workers of each, service with its SCV, and load.

Written by `python docs/errors_of_informed_pools.py`.

"""

TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-informed-pools.csv",
    ROOT / "qmodel" / "balancing" / "pool_errors.py",
    "informed pools of general service",
    HEAD,
    POINTS,
    str,
    computed,
    simulated,
    group=group,
    quantities=(*QUANTITIES, "probability"),
    least=1e-3,
    noisiest=0.03,
)


if __name__ == "__main__":
    TABLE.main(1_000_000)
