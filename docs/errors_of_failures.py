"""Measures the mixture over the replicas that are up against the exact chain, for its label.

    python docs/errors_of_failures.py

solves each point, in a minute, and writes docs/reference/errors-of-failures.csv, a page of the
same name and qmodel/balancing/reliability/failure_errors.py. Nothing is simulated: what is
compared is M/M/c whose repairs take a time, which is exact, with the same where repairs are
taken as slow. tests/unit/test_failure_errors.py computes some again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import ErrorTable, of_distribution
from errors_of_many_servers import ROOT

import qmodel as qm
from qmodel.balancing import Failing

POINTS = """
32 up 0.98, 0.37, repairs of 10
5 up 0.9995, 0.63, repairs of 100
32 up 0.9995, 0.74, repairs of 300
6 up 0.995, 0.38, repairs of 10
5 up 0.99, 0.35, repairs of 300
32 up 0.995, 0.39, repairs of 300
16 up 0.98, 0.31, repairs of 100
24 up 0.9995, 0.66, repairs of 1000
24 up 0.9995, 0.48, repairs of 10
12 up 0.999, 0.48, repairs of 10
3 up 0.999, 0.37, repairs of 30
6 up 0.9995, 0.51, repairs of 30
3 up 0.9995, 0.49, repairs of 300
16 up 0.99, 0.64, repairs of 300
24 up 0.995, 0.57, repairs of 100
5 up 0.999, 0.43, repairs of 100
3 up 0.9995, 0.49, repairs of 300
3 up 0.9995, 0.45, repairs of 1000
5 up 0.995, 0.42, repairs of 10
32 up 0.9, 0.52, repairs of 10
16 up 0.999, 0.39, repairs of 10
32 up 0.999, 0.8, repairs of 100
8 up 0.99, 0.48, repairs of 10
24 up 0.9, 0.53, repairs of 300
16 up 0.9995, 0.38, repairs of 1000
12 up 0.999, 0.59, repairs of 10
4 up 0.999, 0.56, repairs of 300
32 up 0.99, 0.36, repairs of 30
5 up 0.9995, 0.7, repairs of 100
5 up 0.9995, 0.67, repairs of 10
3 up 0.995, 0.34, repairs of 30
8 up 0.95, 0.38, repairs of 30
8 up 0.95, 0.43, repairs of 100
2 up 0.995, 0.36, repairs of 30
6 up 0.9, 0.32, repairs of 1000
12 up 0.9, 0.47, repairs of 30
16 up 0.98, 0.65, repairs of 10
12 up 0.95, 0.5, repairs of 100
12 up 0.98, 0.63, repairs of 10
6 up 0.95, 0.44, repairs of 30
8 up 0.99, 0.63, repairs of 30
3 up 0.995, 0.36, repairs of 30
2 up 0.995, 0.34, repairs of 100
24 up 0.99, 0.79, repairs of 1000
8 up 0.999, 0.78, repairs of 100
32 up 0.995, 0.8, repairs of 10
32 up 0.95, 0.71, repairs of 30
6 up 0.9, 0.31, repairs of 30
12 up 0.9, 0.46, repairs of 100
8 up 0.98, 0.51, repairs of 10
32 up 0.99, 0.77, repairs of 10
12 up 0.9995, 0.81, repairs of 30
6 up 0.95, 0.37, repairs of 1000
12 up 0.95, 0.5, repairs of 1000
8 up 0.999, 0.7, repairs of 1000
4 up 0.995, 0.5, repairs of 30
24 up 0.9, 0.64, repairs of 1000
3 up 0.99, 0.6, repairs of 1000
4 up 0.995, 0.47, repairs of 100
6 up 0.995, 0.68, repairs of 300
2 up 0.9995, 0.79, repairs of 10
32 up 0.999, 0.86, repairs of 100
4 up 0.95, 0.35, repairs of 100
4 up 0.95, 0.44, repairs of 100
4 up 0.95, 0.44, repairs of 100
4 up 0.95, 0.47, repairs of 10
16 up 0.98, 0.72, repairs of 1000
3 up 0.99, 0.44, repairs of 100
12 up 0.95, 0.59, repairs of 100
6 up 0.995, 0.7, repairs of 100
2 up 0.98, 0.42, repairs of 30
5 up 0.99, 0.65, repairs of 10
1 up 0.9995, 0.45, repairs of 1000
5 up 0.99, 0.55, repairs of 10
2 up 0.9995, 0.58, repairs of 10
1 up 0.9995, 0.5, repairs of 10
5 up 0.9, 0.36, repairs of 300
5 up 0.995, 0.67, repairs of 100
5 up 0.99, 0.55, repairs of 100
2 up 0.98, 0.41, repairs of 30
16 up 0.99, 0.82, repairs of 100
5 up 0.95, 0.8, repairs of 1000
4 up 0.99, 0.83, repairs of 300
3 up 0.999, 0.65, repairs of 30
24 up 0.9, 0.88, repairs of 100
1 up 0.99, 0.54, repairs of 10
4 up 0.995, 0.92, repairs of 10
5 up 0.9, 0.81, repairs of 30
3 up 0.98, 0.73, repairs of 100
6 up 0.95, 0.52, repairs of 1000
1 up 0.9995, 0.94, repairs of 10
4 up 0.98, 0.47, repairs of 300
1 up 0.995, 0.67, repairs of 30
8 up 0.99, 0.78, repairs of 1000
1 up 0.9995, 0.93, repairs of 100
8 up 0.9, 0.75, repairs of 100
1 up 0.9995, 0.78, repairs of 1000
1 up 0.9995, 0.82, repairs of 1000
1 up 0.9995, 0.87, repairs of 1000
1 up 0.9995, 0.88, repairs of 300
2 up 0.98, 0.45, repairs of 10
2 up 0.9995, 0.9, repairs of 100
3 up 0.9, 0.32, repairs of 10
2 up 0.98, 0.44, repairs of 10
3 up 0.9, 0.33, repairs of 30
3 up 0.999, 0.6, repairs of 10
2 up 0.999, 0.43, repairs of 10
2 up 0.999, 0.45, repairs of 30
4 up 0.999, 0.66, repairs of 10
5 up 0.99, 0.54, repairs of 10
3 up 0.995, 0.56, repairs of 1000
2 up 0.995, 0.44, repairs of 1000
3 up 0.995, 0.6, repairs of 1000
2 up 0.995, 0.42, repairs of 10
5 up 0.98, 0.53, repairs of 10
2 up 0.995, 0.43, repairs of 30
2 up 0.995, 0.44, repairs of 10
6 up 0.995, 0.67, repairs of 10
""".strip().splitlines()
"""Servers, the fraction of time that each is up, load, and the mean time of a repair.

Drawn at random; the last are the worst of a thousand.
"""

LOADED = 0.9
"""From which load of the servers that are up on they are nearly full."""

RARE = {1e-5: "below 1e-5", 1e-4: "below 1e-4", 1e-3: "below 1e-3"}
"""By how small a share of the time that is."""


def parts(point: str) -> tuple[int, float, float, float]:
    """Return servers, the fraction of time that each is up, arrival rate, time of a repair."""
    servers, load, repair = point.split(", ")
    number, up = servers.split(" up ")
    rate = float(load) * int(number) * float(up)
    return int(number), float(up), rate, float(repair.removeprefix("repairs of "))


def figures(failing: Failing, rate: float) -> list[float]:
    """Return the quantities of the response."""
    r = failing.solve(rate)
    return [float(r.response_time), *of_distribution(r.response)[1:]]


def computed(point: str) -> list[float]:
    """Return each quantity where repairs are taken as slow."""
    servers, up, rate, _ = parts(point)
    return figures(Failing(qm.MMc(1.0, servers), available=up), rate)


def exact(point: str, requests: int = 0, seed: int = 0) -> list[tuple[float, float]]:
    """Return each quantity of the exact chain, which has no standard error."""
    servers, up, rate, repair = parts(point)
    failing = Failing(qm.MMc(1.0, servers), available=up, repair_time=repair)
    return [(value, 0.0) for value in figures(failing, rate)]


def nearly_full(point: str) -> float:
    """Return the fraction of time in which the servers that are up are nearly full."""
    servers, up, rate, _ = parts(point)
    return float(stats.binom.cdf(np.floor(rate / LOADED), servers, up))


def group(point: str) -> str:
    """Return how rarely the servers that are up are nearly full."""
    share = nearly_full(point)
    return next((name for most, name in RARE.items() if share < most), "1e-3 or more")


HEAD = f"""# Errors of failing replicas

`Failing` takes repairs as slow, unless it is told their time. Then no backlog of an overload is
left, and all that are up are in their steady state, which is late where few are up and nearly
full. Here that is held against the exact chain of M/M/c with failures, at {len(POINTS)} points
that were drawn at random, the last as the worst of a thousand. Errors of the response are in
percent; positive is too long. [The table](errors-of-failures.csv) has the exact values. The
labels of results read the largest errors by how often the servers that are up are loaded to
{100 * LOADED:g} % or more; where that is for a thousandth of the time or longer, there is no
bound.

A point is its servers, the fraction of time that each is up, the load of those that are up in
the mean, and the mean time of a repair in service times.

Written by `python docs/errors_of_failures.py`.

"""

TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-failures.csv",
    ROOT / "qmodel" / "balancing" / "reliability" / "failure_errors.py",
    "replicas whose repairs are slow",
    HEAD,
    POINTS,
    str,
    computed,
    exact,
    group=group,
    solved_groups=True,
    shown_by="the exact chain shows",
)


if __name__ == "__main__":
    TABLE.main(1)
