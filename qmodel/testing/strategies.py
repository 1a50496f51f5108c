"""Hypothesis strategies: service distributions, stations, streams, paths, pipelines and loads.

They go to the edges: loads from 1e-12 to a hair below saturation, one server and a million,
constant service and an SCV of 100. What they draw is stable at the loads that they draw;
`rate_of` makes an arrival rate of a load, whatever is loaded.

Examples
--------
>>> from hypothesis import given, settings
>>> from qmodel.testing import strategies
>>> @settings(deadline=None, max_examples=10, derandomize=True)
... @given(strategies.pipelines(), strategies.loads(most=0.9))
... def test_latency_is_finite(pipeline, load):
...     assert pipeline.solve(strategies.rate_of(pipeline, load)).latency.mean < float("inf")
>>> test_latency_is_finite()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from qmodel.distributions import (
    Deterministic,
    Distribution,
    Erlang,
    Exponential,
    Gamma,
    LogNormal,
    Sum,
    Uniform,
    from_mean_scv,
)
from qmodel.pipeline import (
    Pipeline,
    Step,
    branch,
    cached,
    call,
    nothing,
    parallel,
    repeat,
    retry,
    series,
)
from qmodel.queues.base import Station, Stream
from qmodel.queues.mmc import MMc
from qmodel.testing.kinds import IN_PATHS, STATIONS, Parts

__all__ = [
    "DISTRIBUTIONS",
    "STATIONS",
    "loads",
    "parts",
    "paths",
    "pipelines",
    "rate_of",
    "scvs",
    "servers",
    "service_distributions",
    "service_times",
    "stations",
    "streams",
]

DISTRIBUTIONS: dict[str, Callable[[float, float], Distribution]] = {
    "exponential": lambda mean, scv: Exponential(mean),
    "constant": lambda mean, scv: Deterministic(mean),
    "erlang": lambda mean, scv: Erlang(mean, 4),
    "gamma": lambda mean, scv: Gamma(mean, max(scv, 0.01)),
    "two moments": lambda mean, scv: from_mean_scv(mean, scv),
    "uniform": lambda mean, scv: Uniform(0.5 * mean, 1.5 * mean),
    "lognormal": lambda mean, scv: LogNormal(mean, min(max(scv, 0.01), 9.0)),
    "sum": lambda mean, scv: Sum((Exponential(0.3 * mean), Gamma(0.7 * mean, max(scv, 0.01)))),
}
"""Service distributions by mean and SCV, where they have one; a new one needs one line."""

_SMOOTH = ("exponential", "constant", "erlang", "gamma")


def loads(*, least: float = 1e-12, most: float = 1 - 1e-9) -> st.SearchStrategy[float]:
    """Draw loads: shares of the rate at which something saturates.

    Parameters
    ----------
    least : float, default 1e-12
        The least. [-]
    most : float, default 1 - 1e-9
        The most, < 1. [-]

    Returns
    -------
    SearchStrategy of float
        The strategy. [-]

    Examples
    --------
    >>> from hypothesis import find
    >>> find(loads(), lambda load: load < 1e-9) < 1e-9
    True
    """
    edges = [x for x in (1e-12, 1e-6, 0.5, 0.999, 1 - 1e-6, 1 - 1e-9) if least <= x <= most]
    anywhere = st.floats(max(least, 0.01), min(most, 0.98)) if least < 0.98 else st.nothing()
    return st.one_of(anywhere, st.sampled_from([least, *edges, most]))


def service_times(least: float = 1e-4, most: float = 1e3) -> st.SearchStrategy[float]:
    """Draw mean service times, over many powers of ten.

    Parameters
    ----------
    least : float, default 1e-4
        The least. [s]
    most : float, default 1e3
        The most. [s]

    Returns
    -------
    SearchStrategy of float
        The strategy. [s]

    Examples
    --------
    >>> from hypothesis import find
    >>> find(service_times(), lambda mean: mean > 99.0) < 1001
    True
    """
    return st.floats(np.log(least), np.log(most)).map(lambda x: float(np.exp(x)))


def scvs(most: float = 100.0) -> st.SearchStrategy[float]:
    """Draw squared coefficients of variation: 0, 1, 100 and what is between.

    Parameters
    ----------
    most : float, default 100
        The most. [-]

    Returns
    -------
    SearchStrategy of float
        The strategy. [-]

    Examples
    --------
    >>> from hypothesis import find
    >>> find(scvs(), lambda scv: scv > 99.0) > 99.0
    True
    """
    edges = [x for x in (0.0, 0.25, 1.0, 4.0, 100.0) if x <= most]
    return st.one_of(st.sampled_from(edges), st.floats(0.01, most))


def servers(most: int = 1_000_000) -> st.SearchStrategy[int]:
    """Draw numbers of servers: one, a few, and up to a million.

    Parameters
    ----------
    most : int, default 1000000
        The most. [-]

    Returns
    -------
    SearchStrategy of int
        The strategy. [-]

    Examples
    --------
    >>> from hypothesis import find
    >>> find(servers(), lambda c: c > 1000) > 1000
    True
    """
    edges = [c for c in (1, 2, 63, 64, 1000, most) if c <= most]
    return st.one_of(st.integers(1, min(most, 40)), st.sampled_from(edges))


@st.composite
def service_distributions(
    draw: Any,
    kinds: Any = tuple(DISTRIBUTIONS),
    mean: float | None = None,
    most_scv: float = 100.0,
) -> Any:
    """Draw service distributions.

    Parameters
    ----------
    kinds : sequence of str, default all of DISTRIBUTIONS
        The families. [-]
    mean : float, optional
        Their mean; by default drawn. [s]
    most_scv : float, default 100
        Most squared coefficient of variation. [-]

    Returns
    -------
    SearchStrategy of Distribution
        The strategy. [-]

    Examples
    --------
    >>> from hypothesis import find
    >>> find(service_distributions(["uniform"], mean=2.0), lambda distribution: True)
    Uniform(low=1.0, high=3.0)
    """
    build = DISTRIBUTIONS[draw(st.sampled_from(sorted(kinds)))]
    return build(draw(service_times()) if mean is None else mean, draw(scvs(most_scv)))


@st.composite
def parts(draw: Any, distributions: Any = tuple(DISTRIBUTIONS), most_servers: int = 40) -> Any:
    """Draw what stations are built of, by the lines of `STATIONS`.

    Parameters
    ----------
    distributions : sequence of str, default all of DISTRIBUTIONS
        The families of their service distributions. [-]
    most_servers : int, default 40
        Most servers. [-]

    Returns
    -------
    SearchStrategy of Parts
        The strategy; all is drawn apart, so that one part can be exchanged. [-]

    Examples
    --------
    >>> from hypothesis import find
    >>> find(parts(), lambda x: x.servers > 3 and x.flag).flag
    True
    """
    distribution = draw(service_distributions(distributions))
    # What is away or patient is so for about as long as a service takes, or far from it.
    ratio = draw(st.sampled_from([0.05, 0.7, 1.0, 20.0]))
    other = draw(
        service_distributions(_SMOOTH, mean=ratio * float(distribution.mean), most_scv=4.0)
    )
    few, flag = draw(st.integers(1, 8)), draw(st.booleans())
    return Parts(distribution, draw(servers(most_servers)), few, other, flag)


@st.composite
def stations(
    draw: Any,
    kinds: Any = tuple(STATIONS),
    distributions: Any = tuple(DISTRIBUTIONS),
    most_servers: int = 40,
) -> Any:
    """Draw stations of every kind.

    Parameters
    ----------
    kinds : sequence of str, default all of STATIONS
        The kinds of station. [-]
    distributions : sequence of str, default all of DISTRIBUTIONS
        The families of their service distributions. [-]
    most_servers : int, default 40
        Most servers; Erlang's formulas take a million, laws of general service fewer. [-]

    Returns
    -------
    SearchStrategy of Station
        The strategy. [-]

    Examples
    --------
    >>> from hypothesis import find
    >>> find(stations(kinds=["MMc"]), lambda station: station.servers > 3).servers > 3
    True
    """
    build = STATIONS[draw(st.sampled_from(sorted(kinds)))]
    return build(draw(parts(distributions, most_servers)))


@st.composite
def streams(draw: Any, station: Station, load: float, most: int = 3) -> Any:
    """Draw streams that load a station, each with its own distribution or the station's.

    Parameters
    ----------
    station : Station
        The station. [-]
    load : float
        Their load together. [-]
    most : int, default 3
        Most streams. [-]

    Returns
    -------
    SearchStrategy of list of Stream
        The strategy. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> from hypothesis import find
    >>> some = find(streams(qm.MMc(0.1), 0.5), lambda found: len(found) == 2)
    >>> float(sum(stream.arrival_rate for stream in some))
    5.0
    """
    mean = float(station.service.mean)
    shares = draw(st.lists(st.floats(0.05, 1.0), min_size=1, max_size=most))
    distributions = [draw(st.none() | service_distributions(mean=mean)) for _ in shares]
    rate = rate_of(station, load)
    return [
        Stream(rate * share / sum(shares), distribution)
        for share, distribution in zip(shares, distributions, strict=True)
    ]


@st.composite
def paths(draw: Any, kinds: Any = IN_PATHS, depth: int = 2) -> Any:
    """Draw ways of a request: calls in series, branched, cached, repeated and at once.

    Parameters
    ----------
    kinds : sequence of str, default all that a path can call
        The kinds of station that are called. [-]
    depth : int, default 2
        Steps within steps. [-]

    Returns
    -------
    SearchStrategy of Step
        The strategy; every call has a station of its own. [-]

    Examples
    --------
    >>> from hypothesis import find
    >>> found = find(paths(["MMc", "MG1"], depth=1), lambda path: len(list(path.walk())) == 3)
    >>> len(list(found.walk()))
    3
    """
    # Smooth distributions with moderate spread: composing is what a path is about.
    names = (f"station {i}" for i in range(1000))

    def step(left: int) -> Step:
        if left == 0:
            station = draw(stations(kinds, _SMOOTH, most_servers=8))
            return call(next(names), station)
        kind = draw(
            st.sampled_from(["series", "branch", "cached", "repeat", "retry", "parallel"])
        )
        one = step(left - 1)
        if kind == "repeat":
            return repeat(draw(st.integers(0, 3)), one)
        if kind == "retry":
            return retry(one, failure=draw(st.floats(0.0, 0.9)), attempts=2)
        if kind == "branch":
            p = draw(st.floats(0.0, 1.0))
            return branch((p, one), (1 - p, nothing()))
        two = step(left - 1)
        if kind == "cached":
            return cached(draw(st.floats(0.0, 1.0)), lookup=one, miss=two, name=next(names))
        return parallel(one, two) if kind == "parallel" else series(one, two)

    return step(depth)


@st.composite
def pipelines(draw: Any, kinds: Any = IN_PATHS, depth: int = 2) -> Any:
    """Draw pipelines of one or two kinds of request, which share no station.

    Parameters
    ----------
    kinds : sequence of str, default all that a path can call
        The kinds of station. [-]
    depth : int, default 2
        Steps within steps. [-]

    Returns
    -------
    SearchStrategy of Pipeline
        The strategy. [-]

    Examples
    --------
    >>> from hypothesis import find
    >>> one = find(pipelines(["MMc"], depth=0), lambda found: len(found.stations) == 1)
    >>> list(one.stations)
    ['station 0']
    """
    path = draw(paths(kinds, depth))
    if draw(st.booleans()):
        return Pipeline(path)
    share = draw(st.floats(0.0, 1.0))
    light = call("other", MMc(draw(service_times()), 2))
    return Pipeline({"one": (share, path), "two": (1 - share, series(light, path))})


def rate_of(model: Station | Pipeline, load: Any) -> Any:
    """Return the arrival rate at a load.

    Parameters
    ----------
    model : Station or Pipeline
        What is loaded. [-]
    load : float or array
        Share of the rate at which it saturates. Of what never does: of what its servers
        can do, the mean number in a delay, or requests a second. [-]

    Returns
    -------
    float or array
        Arrival rate. [1/s]

    Examples
    --------
    >>> import qmodel as qm
    >>> float(rate_of(qm.MMc(0.1, servers=2), 0.5))
    10.0
    """
    limit = np.asarray(model.max_rate, dtype=float)
    if not np.isfinite(limit).all() and isinstance(model, Station):
        workers = np.where(np.isfinite(model.servers), model.servers, 1)
        limit = np.asarray(workers / model.service.mean, dtype=float)
    limit = np.where(np.isfinite(limit), limit, 1.0)
    return (np.asarray(load) * limit)[()]
