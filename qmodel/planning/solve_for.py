"""Inverse questions: the value of a parameter with which a model just meets its objectives.

How many servers, which hit ratio, how slow may the database be, how much may a limit let
through? The answer is a boundary, and a side: at least so many servers, at most so long a
service time. Which side is good is found, not assumed: values are tried outwards from the
present one, in factors of two (of the odds, for a share), until some meet the objectives and
some do not. The boundary between is then narrowed, to the last whole number or to 1e-12.

**Not monotone.** Where the objectives hold between two values only, both are boundaries. Where
they hold in several separate ranges, there is no one answer, and the error names the ranges.
A single range that is narrower than the steps is found if the margin leads to it.
**Whole numbers** (servers, replicas, capacities of rooms) stay whole.
**Shapes.** One search for all scenarios of a model or load with arrays.
**Over time.** Under a `qmodel.Profile` each value is tried through all of it, and the boundary
is found to a thousandth; without objectives, the load is over when it ends. The number may
also be in the load ("load", so many times the profile; or a function that draws the load) or in
the servers (a function that makes their schedules or autoscalers).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, reduce
from typing import Any, cast

import numpy as np

from qmodel._annotations import check_of
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.errors import InfeasibleError, ModelError
from qmodel.loads import Load, Profile, columns_of, in_words
from qmodel.pipeline import PipelineOverTime
from qmodel.planning._attempts import Attempts
from qmodel.planning._domains import Domain, domain_of
from qmodel.planning._edges import Margin, halved, nearly, root
from qmodel.planning._models import asked
from qmodel.planning._results import (
    Model,
    footprint,
    load_share_of,
    lost_of,
    max_rate_of,
    unchanged,
)
from qmodel.planning.boundary import Boundary, Side
from qmodel.planning.region import warn_beyond
from qmodel.planning.slo import Objective, Objectives, missed_by, objectives_of
from qmodel.units import text

__all__ = ["solve_for"]

_NEAR, _FAR, _ZOOMS = 4, 60, 16
_NEAR_IN_TIME = 2
"""Steps outwards that are always tried: one through time is dear."""


@checked
def solve_for(
    model: Model,
    parameter: str,
    arrival_rate: Value | Load | Callable[[float], Profile],
    *objectives: Objectives,
    servers: Any = None,
    emptied: Any = None,
) -> Boundary:
    """Return the boundary value of a parameter with which a model meets its objectives.

    Parameters
    ----------
    model : Pipeline or Station
        The model; its other parameters may be arrays. [-]
    parameter : str
        A parameter as in `Pipeline.parameters`, "db.servers"; of a station without the
        prefix, "servers". [-]
    arrival_rate : number, array, Load or callable
        The load: a rate; `qmodel.Closed`, users who wait for their answers; `qmodel.Profile`,
        which changes in time; or a function from the number to a profile. [1/s]
    *objectives : str, Objective or sequence of them
        What must hold, all of it, such as "p99 < 300 ms", "loss < 1 %"; without any, only
        that there is a steady state. [-]
    servers : mapping, Schedule, Autoscaler or callable, optional
        Over time, as in `Pipeline.over_time`; or a function from the number to it. [-]
    emptied : mapping, optional
        Over time, as in `Pipeline.over_time`. [-]

    Returns
    -------
    Boundary
        The value, on the side where the objectives hold, and which side that is. It is a
        number to `float`, and an array to NumPy. [-]

    Raises
    ------
    DomainError
        If a text is no objective.
    InfeasibleError
        If no value is good enough, in a model without arrays.
    ModelError
        If there is no such parameter, the objectives hold in several separate ranges, or
        the model is symbolic.

    Examples
    --------
    >>> import qmodel as qm
    >>> cache, db = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.01, servers=4))
    >>> site = qm.Pipeline(qm.cached(0.9, lookup=cache, miss=db))

    The least hit ratio that the database survives, and the least for a latency:

    >>> print(solve_for(site, "cache.hit_ratio", 1000.0))
    cache.hit_ratio at least 0.6: there is a steady state at 1000/s
    >>> print(solve_for(site, "cache.hit_ratio", 1000.0, "p99 < 30 ms"))
    cache.hit_ratio at least 0.82189: p99 < 30 ms holds at 1000/s

    How slow may the database be? How many servers, for three loads?

    >>> print(solve_for(site, "db.service_time", 1000.0, "p99 < 30 ms"))
    db.service_time at most 12.778 ms: p99 < 30 ms holds at 1000/s
    >>> solve_for(site, "db.servers", [1000.0, 2000.0, 4000.0], "p99 < 30 ms").value
    array([3, 4, 6])

    With users who think for 2 s instead of a rate:

    >>> print(solve_for(site, "db.servers", qm.Closed(8000, think_time=2.0), "p99 < 80 ms"))
    db.servers at least 4: p99 < 80 ms holds with 8,000 users who think 2 s

    Through a crowd:

    >>> news = qm.transients.pulse(2000, 6.0, base=100.0, until=24.0)
    >>> shop = qm.MMc(0.01, servers=4)
    >>> print(solve_for(shop, "servers", news, "p99 < 200 ms in 80 % of the minutes"))
    servers at least 5: p99 < 200 ms in 80 % of the time holds under a load of up to 621/s

    The reserved concurrency at which one call in a thousand is throttled:

    >>> calls = qm.MGcc(qm.Exponential(2.0), servers=200)
    >>> int(solve_for(calls, "servers", 100.0, "loss < 0.1 %"))
    238
    """
    what, load = asked(model), cast(Any, arrival_rate)
    wanted = objectives_of(objectives)
    changing = isinstance(load, Profile) or callable(load)
    if not changing and (servers is not None or emptied is not None):
        raise ModelError("servers and emptied go with a load that changes in time, a Profile")
    if callable(load):
        check_of("arrival_rate", Callable[[float], Profile])(load)  # type: ignore[misc]
    numbers = () if changing else columns_of(load).values()
    if is_symbolic(*numbers, what.max_rate):
        raise ModelError("the boundary of a parameter has no symbolic form: put numbers in")
    attempts = Attempts(what, parameter, load, servers, emptied)
    if parameter in ("arrival_rate", "users") and not (changing and attempts.free):
        raise ModelError(
            "which load a model meets its objectives at is what `capacity` answers; with a "
            "`think_time`, how many users"
        )
    domain = attempts.domain if changing else domain_of(what, parameter)

    def solved(value: Any) -> Any:
        if changing:
            return attempts.at(value)
        return what.replace({parameter: domain.number(value)}).solve(load)

    backlogs: dict[float, float] = {}

    @cache
    def tried(value: float) -> tuple[Any, ...]:
        return looked(value)

    def looked(value: Any) -> tuple[Any, ...]:
        result = solved(value)
        if changing:
            backlogs[value] = float(result.backlog.max())
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            missed = missed_by(result, wanted)
            return missed, *footprint(result, missed)

    def look(value: Any) -> tuple[Any, ...]:
        return tried(float(value)) if changing else looked(value)

    def margin(value: Any) -> Any:
        if changing:
            return tried(float(value))[0]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            return missed_by(solved(value), wanted)

    near = _NEAR_IN_TIME if changing else _NEAR
    values, margins = _windows(margin, domain, *_scan(look, domain, near))
    unknown = np.isnan(margins).any(axis=0)
    holds = margins < 0
    _refuse_gaps(domain, values, holds & ~unknown)
    some, every = holds.any(axis=0), holds.all(axis=0)
    if holds.ndim == 1 and not some and not unknown:
        best = domain.number(_nearest(values, margins, backlogs))
        raise InfeasibleError(_why(domain, best, solved(best), load, wanted))
    search = halved if domain.whole else nearly if changing else root
    low, high = (_edge(margin, domain, values, holds, way, search) for way in (1, -1))
    side = _side(margins, holds, some & ~every & ~unknown)
    low, high = (np.where(unknown, np.nan, x)[()] for x in (low, high))
    result = None
    if side != "between" and np.isfinite(at := low if side == "at least" else high).all():
        result = solved(at)
        if not changing:
            warn_beyond(what.replace({parameter: domain.number(at)}), load)
    if changing:
        load = attempts.load_at(np.ravel(low if side == "at least" else high)[0])
    return Boundary(
        parameter=parameter,
        side=side,
        low=low,
        high=high,
        objectives=tuple(map(str, wanted)),
        load=load,
        whole=domain.whole,
        unit=domain.unit,
        rejected=lost_of(result, "rejected") if result else np.nan,
        abandoned=lost_of(result, "abandoned") if result else np.nan,
    )


def _scan(
    look: Callable[[Any], Any], domain: Domain, near: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return ascending values along a new first axis, and their margins.

    They go outwards until each scenario has values of both kinds, or nothing changes.
    """
    here, *prints = look(domain.current)
    found = {domain.current: np.asarray(here)}
    last = {-1: (domain.current, prints), 1: (domain.current, prints)}
    step, moving = 0, {-1, 1}
    while moving and step < _FAR and (step < near or not _decided(found)):
        step += 1
        for way in tuple(moving):
            value, (end, before) = domain.stride(domain.current, way * step), last[way]
            if value == end or (value == domain.bottom and not domain.closed):
                moving.discard(way)
                continue
            here, *prints = look(value)
            found[value], last[way] = np.asarray(here), (value, prints)
            if step > near and unchanged(before, prints):
                moving.discard(way)
    # A parameter that does nothing, a delay of zero, may be another thing than a small one.
    if domain.closed and domain.bottom not in found:
        found[domain.bottom] = np.asarray(look(domain.bottom)[0])
    ascending = sorted(found)
    shape = np.broadcast_shapes(*(m.shape for m in found.values()))
    values = np.array(ascending).reshape(-1, *[1] * len(shape))
    margins = np.array([np.broadcast_to(found[value], shape) for value in ascending])
    return np.broadcast_to(values, margins.shape), margins


def _decided(found: dict[float, np.ndarray]) -> bool:
    """Return whether each scenario has a value that meets the objectives and one that fails."""
    margins = list(found.values())
    some = reduce(np.logical_or, [m < 0 for m in margins])
    others = reduce(np.logical_or, [~(m < 0) for m in margins])
    return bool(np.all(some & others | np.isnan(margins[0])))


def _windows(
    margin: Margin, domain: Domain, values: np.ndarray, margins: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return values and margins with what lies at a turn of the margin between the steps.

    Where all values fail, the least margin may lead to a range that holds; where all hold,
    the greatest may lead to one that fails.
    """
    for sign in (1.0, -1.0):
        rows = sign * margins
        at = np.argmin(np.where(np.isnan(rows), np.inf, rows), axis=0)[None]
        near = [np.clip(at + step, 0, len(rows) - 1) for step in (-1, 0, 1)]
        x = [np.take_along_axis(values, i, 0)[0] for i in near]
        y = [np.take_along_axis(rows, i, 0)[0] for i in near]
        turns = (rows > 0).all(axis=0) & (y[0] > y[1]) & (y[2] > y[1])
        for _ in range(_ZOOMS):
            if not (turns & (y[1] > 0)).any():
                break
            x = [x[0], domain.between(x[0], x[1]), x[1], domain.between(x[1], x[2]), x[2]]
            left, right = (
                sign * np.asarray(margin(np.where(turns, x[i], domain.current)[()]))
                for i in (1, 3)
            )
            y = [y[0], left, y[1], right, y[2]]
            best = np.argmin(np.array(y)[1:4], axis=0)[None] + 1
            x, y = (
                [np.take_along_axis(np.array(z), best + step, 0)[0] for step in (-1, 0, 1)]
                for z in (x, y)
            )
        if turns.any():
            values = np.concatenate([values, np.where(turns, x[1], values[-1])[None]])
            margins = np.concatenate([margins, np.where(turns, sign * y[1], margins[-1])[None]])
            order = np.argsort(values, axis=0, kind="stable")
            values, margins = (np.take_along_axis(z, order, 0) for z in (values, margins))
    return values, margins


def _refuse_gaps(domain: Domain, values: np.ndarray, holds: np.ndarray) -> None:
    """Refuse what holds in several separate ranges."""
    begins = np.concatenate([holds[:1], holds[1:] & ~holds[:-1]])
    gaps = begins.sum(axis=0) > 1
    if gaps.any():
        cell = np.unravel_index(np.argmax(gaps), gaps.shape)
        where: Any = (slice(None), *cell)
        ends = np.concatenate([holds[:-1] & ~holds[1:], holds[-1:]])
        ranges = zip(values[where][begins[where]], values[where][ends[where]], strict=True)
        several = ", ".join(f"{domain.text(a)} to {domain.text(b)}" for a, b in ranges)
        scenario = f", in scenario {tuple(map(int, cell))}" if cell else ""
        raise ModelError(
            f"the objectives hold in separate ranges of {domain.name}, about {several}"
            f"{scenario}: there is no one boundary"
        )


def _edge(
    margin: Margin, domain: Domain, values: Any, holds: Any, way: int, search: Any
) -> Any:
    """Return the least (way 1) or greatest (way -1) value that holds."""
    values, holds = values[::way], holds[::way]
    first = np.argmax(holds, axis=0)[None]
    inside = np.take_along_axis(values, first, 0)[0]
    outside = np.take_along_axis(values, np.maximum(first - 1, 0), 0)[0]
    inner = holds.any(axis=0) & (first[0] > 0)
    if inner.any():
        here = (np.where(inner, x, domain.current) for x in (outside, inside))
        inside = search(margin, *here)
    end, never = (domain.bottom, np.inf) if way > 0 else (domain.top, -np.inf)
    return np.where(inner, inside, np.where(holds.any(axis=0), end, never))


def _side(margins: np.ndarray, holds: np.ndarray, decided: np.ndarray) -> Side:
    """Return which side is good; where nothing decides it, the one to which margins fall."""
    least, most = (decided & ~holds[end] for end in (0, -1))
    if least.any() or most.any():
        if least.any() and most.any():
            return "between"
        return "at least" if least.any() else "at most"
    trend = np.sign(margins[-1] - margins[0])
    trend = trend[~np.isnan(trend)].sum()
    return "at least" if trend < 0 else "at most" if trend > 0 else "any"


def _nearest(values: np.ndarray, margins: np.ndarray, backlogs: dict[float, float]) -> Any:
    """Return the value with the least margin; of equal ones that of the shortest backlog."""
    least = values[margins <= margins.min()]
    return min((least[0], least[-1]), key=lambda value: backlogs.get(float(value), 0.0))


def _why(domain: Domain, best: Any, result: Any, load: Any, wanted: list[Objective]) -> str:
    """Return the message for a model that meets its objectives with no value."""
    at = "" if callable(load) else f" {in_words(load)}"
    goal = ", ".join(map(str, wanted)) or "a steady state"
    message = f"no {domain.name} is good enough for {goal}{at}"
    if not wanted or (not isinstance(result, PipelineOverTime) and load_share_of(result) >= 1):
        if isinstance(result, PipelineOverTime):
            return f"{message}: it is not over with {domain.text(best)}"
        most = float(max_rate_of(result))
        return f"{message}: it saturates at {text(most, '1/s')} with {domain.text(best)}"
    missed = next(o for o in wanted if not o.met(result))
    value = missed.text(float(missed.value(result)))
    return f"{message}: {missed.quantity} is {value} with {domain.text(best)}"
