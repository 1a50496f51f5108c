"""Measures the waits of GI/G/c against simulations, and writes the table that labels read.

    python docs/errors_of_renewal_arrivals.py [REQUESTS]
    python docs/errors_of_renewal_arrivals.py again

simulates each point with as many requests (by default 2,000,000; some ten seconds a point) and
writes docs/reference/errors-of-renewal-arrivals.csv, a page of the same name and
qmodel/queues/approximations/renewal_errors.py; "again" keeps what is simulated, and measures
only the library anew, in a minute. The stored values are of 12 to 100 million requests a point.
tests/unit/test_renewal_errors.py computes some again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import special, stats

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import ErrorTable
from errors_of_many_servers import (
    FAMILIES,
    HARDLY_MORE,
    PROBABILITIES,
    QUANTITIES,
    ROOT,
    Draw,
    bounded,
    figures,
    one_of,
    seen,
    tailed,
)

import qmodel as qm


class Times(NamedTuple):
    """A distribution of mean 1, and how it is drawn."""

    distribution: qm.Distribution
    draw: Draw


def nodes() -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of an integral over 0 to 1, dense at both ends."""
    x, w = np.polynomial.legendre.leggauss(6)
    low, high = np.geomspace(1e-9, 0.5, 60), 1 - np.geomspace(0.5, 1e-9, 60)
    edges = np.concatenate([[0.0], low, high[1:], [1.0]])
    half = np.diff(edges) / 2
    at = (edges[:-1] + half)[:, None] + np.outer(half, x)
    return at.ravel(), np.outer(half, w).ravel()


class Given(qm.Distribution):
    """A distribution that the library does not have, as a user gives one."""

    closed = True

    def __init__(self, times: Any, limit: float) -> None:
        """Take a distribution of scipy, and where its transform ends."""
        self.times, self.limit = times, limit
        at, self.weights = nodes()
        self.values = times.ppf(at)

    def __eq__(self, other: object) -> bool:
        """Return whether it is this one."""
        return self is other

    def __hash__(self) -> int:
        """Return its identity."""
        return id(self)

    @property
    def mean(self) -> float:
        """Mean. [s]."""
        return float(self.times.mean())

    @property
    def variance(self) -> float:
        """Variance. [s^2]."""
        return float(self.times.var())

    @property
    def exponential_limit(self) -> float:
        """Where its transform ends. [1/s]."""
        return self.limit

    def laplace(self, s: Any) -> Any:
        """Return E[exp(-s X)]."""
        return (np.exp(-np.asarray(s)[..., None] * self.values) @ self.weights)[()]

    def tail(self, t: Any) -> Any:
        """Return P(X > t)."""
        return self.times.sf(t)

    def density(self, t: Any) -> Any:
        """Return the density at t."""
        return self.times.pdf(t)


def of(name: str) -> Callable[[float], Times]:
    """Return a family by its SCV."""
    family = FAMILIES[name]
    return lambda scv: Times(family.distribution(scv), family.draw(scv))


def given(times: Any, limit: float) -> Times:
    """Return times by a distribution of scipy."""
    return Times(Given(times, limit), lambda rng, n: times.rvs(size=n, random_state=rng))


def erlang(phases: float) -> Times:
    """Return Erlang times of so many phases."""
    distribution = qm.Erlang(1.0, int(phases))
    return Times(distribution, lambda rng, n: rng.gamma(phases, 1 / phases, n))


def weibull(shape: float) -> Times:
    """Return Weibull times by their shape."""
    times = stats.weibull_min(shape, scale=1 / special.gamma(1 + 1 / shape))
    return given(times, np.inf if shape > 1 else 0.0)


def inverse_gaussian(scv: float) -> Times:
    """Return inverse Gaussian times by their SCV."""
    return given(stats.invgauss(scv, scale=1 / scv), 0.5 / scv)


def truncated_normal(deviation: float) -> Times:
    """Return normal times around 1 that are not negative, scaled to a mean of 1."""
    mean = float(stats.truncnorm(-1 / deviation, np.inf, 1.0, deviation).mean())
    times = stats.truncnorm(-1 / deviation, np.inf, 1 / mean, deviation / mean)
    return given(times, np.inf)


def triangular(least: float, mode: float) -> Times:
    """Return triangular times of mean 1."""
    most = 3 - least - mode
    times = stats.triang((mode - least) / (most - least), least, most - least)
    return given(times, np.inf)


KINDS: dict[str, Callable[..., Times]] = {
    "constant": lambda: of("constant")(0.0),
    "lognormal": of("lognormal"),
    "gamma": of("gamma"),
    "shifted": of("shifted"),
    "hyperexponential": of("hyperexponential"),
    "Erlang": erlang,
    "uniform": lambda half: of("uniform")(half**2 / 3),
    "two-uniform": lambda half: of("triangular")(half**2 / 6),
    "Weibull": weibull,
    "inverse-Gaussian": inverse_gaussian,
    "truncated-normal": truncated_normal,
    "triangular": triangular,
    "two-times": lambda *of: Times(*(make(0.0) for make in one_of(*of))),
    "Pareto": lambda *of: Times(*(make(0.0) for make in bounded(*of))),
    "lognormal+Pareto": lambda *of: Times(*(make(0.0) for make in tailed(*of))),
}
"""Families of times, by their parameters: the page says what these are."""

DRAWN = """
Weibull 1.02, lognormal+Pareto 0.73 0.068 5 2.74 189, 6 at 0.58
Erlang 2, lognormal 0.31, 2 at 0.58
lognormal 0.71, lognormal+Pareto 0.93 0.047 2.2 2.77 300, 3 at 0.42
gamma 0.37, Weibull 3.76, 6 at 0.57
hyperexponential 5.4, Weibull 0.46, 64 at 0.8
uniform 0.55, two-uniform 0.57, 2 at 0.32
Weibull 0.77, gamma 5.64, 8 at 0.55
gamma 0.79, two-uniform 0.44, 12 at 0.5
hyperexponential 4.4, lognormal+Pareto 0.31 0.028 3.4 1.7 83, 64 at 0.79
lognormal 0.12, uniform 0.98, 16 at 0.88
gamma 0.24, two-times 0.06 28.2, 64 at 0.89
Erlang 2, triangular 0.02 0.55, 64 at 0.74
Weibull 1.83, two-times 0.05 24.5, 10 at 0.58
uniform 0.67, shifted 0.33, 64 at 0.87
constant, lognormal 3.61, 3 at 0.61
Weibull 1.46, shifted 0.13, 5 at 0.89
constant, Weibull 0.86, 5 at 0.74
lognormal 0.33, Pareto 4 1000, 6 at 0.86
hyperexponential 5.7, two-times 0.08 15.2, 2 at 0.54
gamma 0.74, gamma 0.24, 3 at 0.73
uniform 0.55, Pareto 1.88 152, 32 at 0.89
gamma 0.32, lognormal+Pareto 0.2 0.02 2 3.5 100, 10 at 0.78
uniform 0.45, lognormal 2, 8 at 0.66
constant, lognormal 0.35, 8 at 0.53
uniform 0.94, lognormal+Pareto 0.95 0.017 4.8 2.4 55, 10 at 0.52
gamma 0.78, shifted 0.68, 24 at 0.87
gamma 0.76, lognormal+Pareto 0.29 0.054 5 1.54 792, 8 at 0.69
Weibull 1.74, triangular 0.03 1.09, 24 at 0.94
Weibull 2.37, lognormal+Pareto 0.35 0.081 5.4 2.09 33, 3 at 0.31
constant, gamma 0.15, 32 at 0.73
constant, two-times 0.08 18.3, 10 at 0.69
constant, two-times 0.21 2.9, 2 at 0.3
hyperexponential 4.1, Weibull 0.63, 12 at 0.85
uniform 0.86, shifted 0.14, 32 at 0.89
hyperexponential 3.1, lognormal+Pareto 0.2 0.072 4.1 2.69 110, 12 at 0.65
uniform 0.72, two-times 0.19 4.6, 3 at 0.74
constant, lognormal 1.79, 10 at 0.8
Erlang 4, Pareto 3 100, 2 at 0.79
gamma 0.56, gamma 2.17, 3 at 0.68
uniform 0.55, inverse-Gaussian 0.71, 12 at 0.87
hyperexponential 3.9, lognormal 4.97, 5 at 0.7
hyperexponential 3.3, Pareto 2 10, 48 at 0.83
Weibull 2.32, gamma 2.45, 5 at 0.94
gamma 0.48, Pareto 3 100, 6 at 0.82
Erlang 2, Pareto 2.23 357, 5 at 0.59
hyperexponential 2, truncated-normal 0.76, 32 at 0.81
Weibull 1.7, Weibull 0.49, 2 at 0.92
uniform 0.51, Pareto 4 1000, 2 at 0.47
uniform 0.66, Weibull 0.86, 12 at 0.71
uniform 0.88, truncated-normal 0.77, 12 at 0.59
Erlang 5, two-times 0.08 22, 32 at 0.89
lognormal 1.07, Weibull 3.66, 10 at 0.73
uniform 0.65, lognormal+Pareto 0.51 0.066 3.9 2.11 150, 64 at 0.74
hyperexponential 5.2, lognormal 0.45, 8 at 0.67
lognormal 0.7, lognormal+Pareto 0.2 0.064 3.4 1.74 740, 3 at 0.76
lognormal 0.46, lognormal+Pareto 0.2 0.02 2 3.5 100, 16 at 0.85
Erlang 2, inverse-Gaussian 6.87, 48 at 0.94
Weibull 2, shifted 0.87, 8 at 0.63
gamma 0.86, two-times 0.09 9.1, 1 at 0.79
constant, Pareto 4 1000, 3 at 0.72
Weibull 0.94, gamma 3.72, 6 at 0.61
gamma 0.63, Weibull 2.25, 48 at 0.83
lognormal 1.09, Weibull 0.5, 10 at 0.55
constant, Pareto 4 1000, 12 at 0.93
hyperexponential 1.8, Pareto 2.55 145, 32 at 0.73
gamma 0.37, inverse-Gaussian 0.45, 64 at 0.71
gamma 0.64, inverse-Gaussian 1.88, 4 at 0.47
Weibull 1.74, lognormal 0.21, 3 at 0.59
constant, gamma 3.46, 8 at 0.94
Weibull 1.67, Pareto 3 100, 24 at 0.78
hyperexponential 2.5, Weibull 0.71, 16 at 0.58
gamma 0.26, two-uniform 0.7, 5 at 0.73
gamma 0.47, gamma 1.68, 32 at 0.89
Erlang 5, Pareto 2 10, 16 at 0.91
lognormal 0.49, gamma 3.57, 16 at 0.57
Weibull 0.89, shifted 0.13, 5 at 0.65
lognormal 4.2, inverse-Gaussian 2.3, 3 at 0.49
Weibull 1.41, lognormal+Pareto 0.2 0.02 2 3.5 100, 32 at 0.88
gamma 0.65, gamma 2.01, 16 at 0.59
lognormal 3.96, Pareto 2 10, 1 at 0.63
gamma 0.44, gamma 4.49, 4 at 0.87
gamma 0.31, Pareto 2 10, 2 at 0.83
hyperexponential 3.5, lognormal+Pareto 0.93 0.072 2.7 1.77 40, 8 at 0.65
hyperexponential 2.1, Weibull 3.22, 5 at 0.74
lognormal 0.17, inverse-Gaussian 1.53, 6 at 0.81
lognormal 2.5, two-uniform 0.39, 1 at 0.49
Erlang 4, lognormal 7.35, 48 at 0.77
Erlang 5, lognormal 0.46, 1 at 0.61
lognormal 4.96, lognormal+Pareto 0.26 0.083 2.5 2.49 38, 1 at 0.88
gamma 0.29, lognormal 0.4, 64 at 0.76
gamma 0.89, lognormal+Pareto 0.86 0.023 4.2 2.51 930, 6 at 0.56
hyperexponential 3.2, truncated-normal 0.36, 10 at 0.55
gamma 0.8, lognormal+Pareto 0.26 0.081 4.3 2.3 90, 64 at 0.77
gamma 0.34, gamma 0.42, 12 at 0.8
gamma 0.17, inverse-Gaussian 4.73, 64 at 0.85
lognormal 0.83, two-uniform 0.57, 8 at 0.93
lognormal 0.24, Pareto 1.69 274, 5 at 0.77
Erlang 3, two-uniform 0.96, 10 at 0.76
uniform 0.92, lognormal+Pareto 0.97 0.015 3.9 1.72 119, 24 at 0.81
lognormal 2.72, truncated-normal 0.53, 48 at 0.72
"""
"""Drawn at random: times between arrivals, service, servers and load."""

LATER = """
gamma 0.39, Weibull 0.84, 1 at 0.64
Erlang 4, inverse-Gaussian 4.89, 2 at 0.74
Weibull 1.88, gamma 4.36, 16 at 0.91
gamma 0.24, Weibull 0.57, 1 at 0.76
hyperexponential 2.2, gamma 2.76, 16 at 0.86
Erlang 2, lognormal+Pareto 0.79 0.09 3.8 2.41 209, 8 at 0.74
gamma 0.84, gamma 0.73, 4 at 0.51
uniform 0.97, gamma 4.14, 6 at 0.71
Erlang 3, gamma 2.98, 2 at 0.83
Erlang 3, Weibull 0.74, 3 at 0.67
Weibull 2.33, gamma 1.33, 2 at 0.6
gamma 0.16, gamma 0.4, 8 at 0.65
uniform 0.88, lognormal 1.07, 16 at 0.88
Weibull 0.78, inverse-Gaussian 1.1, 1 at 0.74
hyperexponential 3, inverse-Gaussian 4.1, 5 at 0.91
hyperexponential 5.4, lognormal+Pareto 0.31 0.058 5.3 2.17 304, 6 at 0.88
gamma 0.83, inverse-Gaussian 2.25, 5 at 0.79
Erlang 4, inverse-Gaussian 3.03, 16 at 0.85
gamma 0.66, lognormal 2.41, 3 at 0.81
lognormal 1.1, Weibull 1.19, 3 at 0.68
Weibull 2.41, gamma 3.52, 10 at 0.7
constant, lognormal 1.12, 2 at 0.82
uniform 0.66, lognormal 1.22, 10 at 0.79
uniform 0.47, lognormal+Pareto 0.35 0.044 5.3 2.05 499, 4 at 0.58
hyperexponential 5.1, Weibull 1.37, 1 at 0.67
hyperexponential 2.9, lognormal 2.87, 1 at 0.76
constant, inverse-Gaussian 1.95, 5 at 0.88
constant, Weibull 0.59, 4 at 0.49
lognormal 0.28, lognormal+Pareto 0.51 0.017 3.4 2.1 398, 4 at 0.88
lognormal 0.42, gamma 4.25, 10 at 0.84
constant, lognormal+Pareto 0.95 0.096 4.6 2.25 125, 24 at 0.64
hyperexponential 5.6, lognormal+Pareto 0.34 0.057 2.6 1.81 131, 6 at 0.62
uniform 0.93, lognormal+Pareto 0.45 0.032 2.4 2.28 69, 16 at 0.92
uniform 0.83, gamma 2.62, 8 at 0.8
"""
"""Drawn when all formulas had been chosen."""

POINTS = [*DRAWN.strip().splitlines(), *LATER.strip().splitlines()]


def times(text: str) -> Times:
    """Return times by the name of their family and its parameters."""
    name, *parameters = text.split()
    return KINDS[name](*map(float, parameters))


def parts(point: str) -> tuple[Times, Times, int, float]:
    """Return times between arrivals, service, servers and load of a point."""
    gaps, service, at = point.split(", ")
    servers, load = at.split(" at ")
    return times(gaps), times(service), int(servers), float(load)


@lru_cache(maxsize=1)
def solved(point: str) -> qm.StationResult:
    """Return the steady state of a point."""
    gaps, service, servers, load = parts(point)
    queue = qm.GGc(gaps.distribution, service.distribution, servers)
    return queue.solve(load * servers)


def computed(point: str) -> list[float]:
    """Return each quantity as the library has it."""
    return figures(solved(point))


def simulated(point: str, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity and its standard error, by means of batches."""
    gaps, service, servers, load = parts(point)
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(gaps.draw(rng, requests)) / (load * servers)
    return seen(arrivals, service.draw(rng, requests), servers)


def group(point: str) -> str:
    """Return what the wait rests on, and whether service has a tail of Pareto."""
    assumptions = solved(point).basis.assumptions("wait")
    kind = "fitted phases" if "renewal-phases" in assumptions else "corrected GI/M/c"
    return f"{kind}, Pareto" if "Pareto" in point.split(", ")[1] else kind


def few_wait(table: list[dict[str, str]]) -> set[tuple[str, str]]:
    """Return the percentiles that hardly more requests exceed than wait at all."""
    return {
        (row["stations"], name)
        for row in table
        if row["quantity"] == "probability"
        for name, p in PROBABILITIES.items()
        if float(row["simulated"]) < HARDLY_MORE * (1 - p)
    }


HEAD = f"""# Errors of GI/G/c

`GGc` is exact where service has few phases. Else its waits are approximate, and were measured
against simulations of {len(POINTS)} points that were drawn at random: 1 to 64 servers at loads
from 0.3 to 0.95, and families of times between arrivals and of service of which the library
has some, and a user may give others. The last {len(LATER.strip().splitlines())} were drawn when
all formulas had been chosen. [The table](errors-of-renewal-arrivals.csv) has the simulated
values and their standard errors; figures with one above 3 %, and below a thousandth, are left
out. Errors are in percent; positive is too long.

A point is its times between arrivals, its service, its servers and their load. Times have a
mean of 1, and are given by their SCV; but Erlang ones by their phases, uniform ones and sums of
two by half their width, Weibull ones by their shape, truncated normal ones by their deviation,
triangular ones by least value and mode; "two-times" by the share of long ones and how much
longer they are; Pareto ones by their shape, and their most over their least; and lognormal ones
with a share of Pareto by the SCV of the one, and of the other by share, least in means of the
one, shape, and most over least.

What a wait rests on are phases that are fitted to service, or GI/M/c with corrections for
service; "Pareto" is service with such a tail. Of each the largest error and the median are
given, less the standard error of the simulation and rounded up; percentiles that hardly more
requests exceed (up to 1.25 times as many) than wait at all are left out. The labels of results
read the same numbers.

Written by `python docs/errors_of_renewal_arrivals.py`.

"""

TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-renewal-arrivals.csv",
    ROOT / "qmodel" / "queues" / "approximations" / "renewal_errors.py",
    "GI/G/c",
    HEAD,
    POINTS,
    str,
    computed,
    simulated,
    group=group,
    quantities=QUANTITIES,
    least=1e-3,
    noisiest=0.03,
    solved_groups=True,
    uncounted=few_wait,
    medians=True,
)


if __name__ == "__main__":
    TABLE.main(2_000_000)
