"""A request's way as an expression: functions that make a tree of steps.

Stations are shared resources: a station may be called from many places, by its name.

=====================================  ==========================================
``call(name, station)``                one visit to a station
``series(a, b, ...)``                  one after the other
``branch((p, a), (q, b))``             one of them, by probability
``parallel(a, b, ...)``                all at once; wait for the last
``repeat(n, a)``                       n times, one after the other
``retry(a, failure=p, attempts=n)``    again after a failure
``fan_out(name, n, a)``                ask n copies at once; wait for the last
``hedge(name, a, delay)``              do it a second time where it takes long
``cached(h, lookup=a, miss=b)``        look up, and on a miss go on
``limit(name, rate)``                  turn away what comes too fast
``nothing()``                          no time, no station
=====================================  ==========================================
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.caches.base import Cache
from qmodel.caches.popularity import Popularity
from qmodel.distributions import Distribution
from qmodel.errors import DomainError, ModelError
from qmodel.pipeline.nodes import (
    Branch,
    Cached,
    Call,
    FanOut,
    Hedged,
    Limit,
    Nothing,
    Parallel,
    Repeat,
    Retry,
    Series,
    Step,
    Stored,
)
from qmodel.queues.base import Station

__all__ = [
    "branch",
    "cached",
    "call",
    "fan_out",
    "hedge",
    "limit",
    "nothing",
    "parallel",
    "repeat",
    "retry",
    "series",
]


def _step(name: str, x: Any) -> Step:
    return _check.instance(name, x, Step)  # type: ignore[no-any-return]


def _name(x: Any) -> str:
    if not isinstance(x, str) or not x or "." in x:
        raise ModelError(f"name must be text without a dot, got {x!r}")
    return x


def call(name: str, station: Station, service: Distribution | None = None) -> Call:
    """Visit a station once.

    Parameters
    ----------
    name : str
        Name of the station; all calls of one name share one station. [-]
    station : Station
        The station. [-]
    service : Distribution, optional
        Law of service of this call; by default the station's own. [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    ModelError
        If `name` is no text or has a dot, `station` or `service` are something else, or
        the station is not one that a path can call.

    Examples
    --------
    >>> import qmodel as qm
    >>> db = qm.MMc(0.004, servers=8)
    >>> path = qm.series(qm.call("db", db), qm.call("db", db, service=qm.Exponential(0.01)))
    >>> float(qm.Pipeline(path).solve(100.0).visits["db"])
    2.0
    """
    if service is not None:
        _check.instance("service", service, Distribution)
    if _check.instance("station", station, Station).not_in_paths:
        kind = type(station).__name__
        raise ModelError(f"a path cannot call {kind} {name!r}: {station.not_in_paths}")
    return Call(_name(name), station, service)


def series(*steps: Step) -> Step:
    """Do steps one after the other.

    Parameters
    ----------
    *steps : Step
        The steps, in order. [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    ModelError
        If an argument is not a step.

    Examples
    --------
    >>> import qmodel as qm
    >>> path = qm.series(qm.call("web", qm.MMc(0.01)), qm.call("db", qm.MMc(0.02)))
    >>> float(qm.Pipeline(path).solve(20.0).latency.mean)
    0.0458
    """
    return Series(tuple(_step("steps", s) for s in steps))


def branch(*choices: tuple[Value, Step]) -> Step:
    """Do one of several steps, by probability.

    Parameters
    ----------
    *choices : tuple of number or array, and Step
        Probability and step of each; the probabilities sum to 1, with `nothing` for those
        that do nothing. [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    DomainError
        If a probability is outside 0 to 1, or they do not sum to 1.
    ModelError
        If a choice is not a pair of probability and step.

    Examples
    --------
    >>> import qmodel as qm
    >>> disk = qm.call("disk", qm.MMc(0.01))
    >>> path = qm.branch((0.2, disk), (0.8, qm.nothing()))
    >>> float(qm.Pipeline(path).max_rate)
    500.0
    """
    for choice in choices:
        if not isinstance(choice, tuple) or len(choice) != 2:
            raise ModelError(f"a choice must be a pair (probability, step), got {choice!r}")
    steps = tuple(_step("the step of a choice", s) for _, s in choices)
    return Branch(_check.weights("branch probabilities", [p for p, _ in choices]), steps)


def parallel(*steps: Step, need: int | None = None) -> Step:
    """Do steps all at once and wait for the last one, or for some of them.

    Parameters
    ----------
    *steps : Step
        The steps. Their times are taken as independent: exact for delays; for queues, which
        are long together, the mean of all is an upper bound, and with `need` the tail is too
        short. [-]
    need : int, optional
        How many must be done before the request goes on; by default all. The others run
        to their end and load their stations. [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    DomainError
        If `need` is not a whole number from 1 to the number of steps.
    ModelError
        If there is no step, or an argument is not one; if a step may turn requests away
        where not all are needed.

    Examples
    --------
    >>> import qmodel as qm
    >>> ask = [qm.call(name, qm.Delay(qm.Exponential(0.02))) for name in ("a", "b", "c")]
    >>> float(qm.Pipeline(qm.parallel(*ask)).solve(10.0).latency.mean)
    0.0367
    >>> float(qm.Pipeline(qm.parallel(*ask, need=1)).solve(10.0).latency.mean)
    0.0067
    """
    if not steps:
        raise ModelError("parallel must have at least one step")
    branches = tuple(_step("steps", s) for s in steps)
    if need is None:
        return Parallel(branches, len(branches))
    enough = _check.count("need", need)
    if np.ndim(enough) or is_symbolic(enough):
        raise DomainError(f"need must be one number, got {need!r}")
    enough = int(enough)
    if enough > len(branches):
        raise DomainError(f"need must be at most {len(branches)}, the steps, got {need}")
    if enough < len(branches):
        _all_through("parallel with need", branches)
    return Parallel(branches, enough)


def fan_out(name: str, copies: Count, step: Step, *, need: Count | None = None) -> Step:
    """Ask equal copies of a step all at once, as a search asks all its shards.

    Parameters
    ----------
    name : str
        Name of the fan-out, for `Pipeline.replace`. [-]
    copies : int or integer array
        How many, >= 1. [-]
    step : Step
        One of them. Each copy has stations like these of its own, so that every station
        sees every request. [-]
    need : int or integer array, optional
        How many must be done before the request goes on; by default all. [-]

    Returns
    -------
    Step
        The step. M/M/1 queues that are all waited for are solved as fork and join
        (`qmodel.balancing.fork_join`), other copies as in `parallel`.

    Raises
    ------
    DomainError
        If a number is not whole, or `need` is more than `copies`.
    ModelError
        If `step` is not a step, or may turn requests away.

    Examples
    --------
    >>> import qmodel as qm
    >>> leaf = qm.call("leaf", qm.Delay(qm.Exponential(0.010 / 4.60517)))
    >>> search = qm.Pipeline(qm.fan_out("search", [1, 10, 100], leaf))
    >>> search.solve(10.0).latency.tail(0.010).round(3)
    array([0.01 , 0.096, 0.634])
    """
    number = _check.count("copies", copies)
    if need is not None:
        need = _check.count("need", need)
        _check.numbers("fan_out with need", number, need)
        if np.any(np.asarray(need) > np.asarray(number)):
            raise DomainError(f"need must be at most copies, got {need} of {copies}")
    _all_through("fan_out", (_step("step", step),))
    return FanOut(_name(name), number, step, need)


def _all_through(where: str, steps: tuple[Step, ...]) -> None:
    """Refuse steps that may turn requests away."""
    for inner in (inner for step in steps for inner in step.walk()):
        if isinstance(inner, Limit) or (isinstance(inner, Call) and inner.station.loses):
            raise ModelError(f"{where} cannot hold {inner.name!r}, which turns requests away")


def repeat(times: Count, step: Step) -> Step:
    """Do a step several times, one after the other.

    Parameters
    ----------
    times : int or integer array
        How often, >= 0. [-]
    step : Step
        The step. [-]

    Returns
    -------
    Step
        The step. Repeated visits to one queue find the same wait (snapshot principle);
        the percentiles are approximate.

    Raises
    ------
    DomainError
        If `times` is not a whole number >= 0.
    ModelError
        If `step` is not a step.

    Examples
    --------
    >>> import qmodel as qm
    >>> queries = qm.repeat(8, qm.call("db", qm.MMc(0.001, servers=4)))
    >>> float(qm.Pipeline(queries).max_rate)
    500.0
    """
    return Repeat(_check.count("times", times, least=0), _step("step", step))


def retry(step: Step, *, failure: Value, attempts: int = 3, pause: Value = 0.0) -> Step:
    """Do a step again after each failure, up to a number of attempts.

    Parameters
    ----------
    step : Step
        The step; failed attempts take as long as others. [-]
    failure : number or array
        Probability that an attempt fails, independently. [-]
    attempts : int, default 3
        Attempts in all, the first included, >= 1. [-]
    pause : number or array, default 0
        Constant time between attempts. [s]

    Returns
    -------
    Step
        The step. Its load is the amplified one, (1 - failure^attempts) / (1 - failure).

    Raises
    ------
    DomainError
        If a parameter is outside its domain.
    ModelError
        If `step` is not a step.

    Examples
    --------
    >>> import qmodel as qm
    >>> path = qm.retry(qm.call("api", qm.Delay(0.05)), failure=0.1, attempts=3, pause=0.2)
    >>> r = qm.Pipeline(path).solve(100.0)
    >>> float(r.visits["api"]), float(r.latency.mean), float(r.latency.quantile(0.95))
    (1.11, 0.0775, 0.3)
    """
    chance = _check.probability("failure", failure)
    tries = int(_check.count("attempts", attempts))
    return Retry(_step("step", step), chance, tries, _check.nonnegative("pause", pause))


def cached(
    hit_ratio: Value | Cache,
    *,
    lookup: Step,
    miss: Step,
    popularity: Popularity | None = None,
    name: str | None = None,
) -> Step:
    """Look something up in a cache, and on a miss do another step.

    Parameters
    ----------
    hit_ratio : number, array or Cache
        Share of the look-ups that the cache answers; or the cache, which gives it. [-]
    lookup : Step
        What every request does. [-]
    miss : Step
        What a miss does, after the look-up. [-]
    popularity : Popularity, optional
        With a cache: which share of the look-ups asks for each object. [-]
    name : str, optional
        Name under which `Pipeline.replace` finds the hit ratio, or the parameters of
        cache and popularity; by default that of the station that is looked up in, or
        "cache". [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    DomainError
        If `hit_ratio` is outside 0 to 1.
    ModelError
        If `lookup` or `miss` is not a step, or a cache comes without a popularity or a
        popularity without a cache.

    Examples
    --------
    >>> import qmodel as qm
    >>> cache, db = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.01, servers=4))
    >>> p = qm.Pipeline(qm.cached(0.9, lookup=cache, miss=db))
    >>> float(p.max_rate), p.bottleneck
    (4000.0, 'db')
    >>> p.replace({"cache.hit_ratio": np.array([0.5, 0.9, 0.99])}).max_rate
    array([ 800., 4000., 5000.])

    How big must it be?

    >>> pages = qm.caches.Zipf(10**6, exponent=0.9)
    >>> store = qm.cached(qm.caches.LRU(10**4), popularity=pages, lookup=cache, miss=db)
    >>> site = qm.Pipeline(store).replace({"cache.capacity": [10**3, 10**4, 10**5]})
    >>> r = site.solve(600.0)
    >>> r.caches["cache"].hit_ratio.round(3), r.stations["db"].utilization.round(2)
    (array([0.224, 0.395, 0.637]), array([1.16, 0.91, 0.54]))
    """
    _step("lookup", lookup)
    if name is None:
        name = lookup.name if isinstance(lookup, Call) else "cache"
    if isinstance(hit_ratio, Cache):
        what = _check.instance("popularity", popularity, Popularity)
        return Stored(_name(name), hit_ratio, what, lookup, _step("miss", miss))
    if popularity is not None:
        raise ModelError("popularity needs a cache: the first argument is a hit ratio")
    ratio = _check.share("hit_ratio", hit_ratio)
    return Cached(_name(name), ratio, lookup, _step("miss", miss))


def hedge(name: str, step: Step, delay: Value, *, budget: Value = 1.0) -> Step:
    """Do a step a second time where it takes long, and take the first answer.

    Parameters
    ----------
    name : str
        Name of the hedge, for `Pipeline.replace`. [-]
    step : Step
        The step. The copy goes the same way, and both are done to their end. [-]
    delay : number or array
        Time after which the copy is sent, >= 0; 0 sends both at once. [s]
    budget : number or array, default 1
        Greatest share of the requests that is copied, from 0 to 1; the others that take
        long wait for their first copy. [-]

    Returns
    -------
    Step
        The step. Its stations have the load of the copies, at the greatest fixed point:
        where copies of all requests would overload them, a backlog makes all late and
        keeps itself alive, so the pipeline saturates there. A budget moves that limit.

    Raises
    ------
    DomainError
        If `delay` is negative or infinite, or `budget` is outside 0 to 1.
    ModelError
        If `step` is not a step.

    Examples
    --------
    >>> import qmodel as qm
    >>> shard = qm.call("shard", qm.MMc(0.01, servers=16))
    >>> hedged = qm.hedge("hedge", shard, delay=0.03)
    >>> capped = qm.hedge("hedge", shard, delay=0.03, budget=0.1)
    >>> for path in (shard, hedged, capped):
    ...     r = qm.Pipeline(path).solve(500.0)
    ...     visits, p99 = r.visits["shard"], r.latency.quantile(0.99)
    ...     print(f"{visits:.3f} visits, p99 {p99:.4f} s, at most {r.max_rate:.0f}/s")
    1.000 visits, p99 0.0461 s, at most 1600/s
    1.050 visits, p99 0.0380 s, at most 800/s
    1.050 visits, p99 0.0380 s, at most 1455/s
    """
    late = _check.finite("delay", delay)
    return Hedged(_name(name), _step("step", step), late, _check.probability("budget", budget))


def limit(name: str, rate: Value, *, burst: Value = 1.0) -> Step:
    """Turn away requests that come faster than a rate: a token bucket.

    Parameters
    ----------
    name : str
        Name of the limit; all of one name share one bucket. [-]
    rate : number or array
        Requests a second let through in the long run, > 0; inf for no limit. [1/s]
    burst : number or array, default 1
        Requests that may come at once, >= 1. [-]

    Returns
    -------
    Step
        The step; latencies are then those of the requests let through.

    Raises
    ------
    DomainError
        If `rate` is not > 0 or `burst` is below 1.

    Examples
    --------
    >>> import qmodel as qm
    >>> path = qm.series(qm.limit("quota", 100.0, burst=50), qm.call("db", qm.MMc(0.008)))
    >>> r = qm.Pipeline(path).solve(150.0)
    >>> float(r.rejected), float(r.goodput), float(r.stations["db"].utilization)
    (0.3333, 100.0, 0.8)
    """
    if np.any(np.asarray(burst) < 1):
        raise DomainError(f"burst must be a number >= 1, got {burst}")
    return Limit(_name(name), _check.positive("rate", rate), burst)


def nothing() -> Step:
    """Do nothing: no time, no station.

    Returns
    -------
    Step
        The step.

    Examples
    --------
    >>> import qmodel as qm
    >>> float(qm.Pipeline(qm.nothing()).solve(10.0).latency.mean)
    0.0
    """
    return Nothing()
