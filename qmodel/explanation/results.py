"""What the numbers of a station and of a pipeline come from, read off their results."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from functools import singledispatch
from typing import Any

import numpy as np
import sympy as sp

from qmodel import symbolic
from qmodel._nearest import did_you_mean
from qmodel.distributions import Distribution
from qmodel.distributions.extremes import Extreme
from qmodel.errors import ModelError
from qmodel.explanation.on_symbols import (
    attempt,
    equation,
    gives,
    inverted,
    meanings,
    of_distribution,
    solved_on_symbols,
    used_in,
)
from qmodel.explanation.text import Explanation, shown
from qmodel.glossary import GLOSSARY
from qmodel.pipeline import PipelineResult
from qmodel.queues.base import MEANS, StationResult

__all__ = ["checked", "explain", "literature", "of_station", "percent", "stations_table"]

_INDEX, _STATIONS = sp.symbols("i n", integer=True, positive=True)
_REJECTED = sp.Symbol("r", positive=True)
_MEANING = {
    symbolic.arrival_rate: ("arrival rate", "1/s"),
    symbolic.service_time: ("mean service time", "s"),
    symbolic.servers: ("servers", "-"),
    symbolic.scv: ("squared coefficient of variation of service", "-"),
    symbolic.probability: ("share that does not take longer", "-"),
    _REJECTED: ("share turned away", "-"),
}
_OF_STATION = (
    *MEANS, "throughput", "loss", "abandonment", "wait", "response", "max_rate",
)  # fmt: skip
_OF_PIPELINE = (
    "mean", "latency", "max_rate", "bottleneck", "headroom", "visits", "goodput", "rejected",
)  # fmt: skip


@singledispatch
def explain(result: Any, quantity: str) -> Explanation:
    """Say where a number of a result comes from.

    Parameters
    ----------
    result : StationResult, PipelineResult, ClosedResult or CacheResult
        The result. [-]
    quantity : str
        Of a station "waiting_time", "p99" (of the response), "max_rate", ...; of a pipeline
        "mean", "p99" (of the latency), "goodput", ..., and what its stations have behind
        their names, "database.waiting_time"; of a cache "hit_ratio", ... [-]

    Returns
    -------
    Explanation
        Formula, source, assumptions and the numbers put in. [-]

    Raises
    ------
    ModelError
        If the result has no such quantity; the message has the nearest one.

    Examples
    --------
    >>> import qmodel as qm
    >>> why = explain(qm.MMc(0.2, servers=4).solve(9.0), "waiting_time")
    >>> why.formula
    Eq(W_q, S*ErlangC(c, S*lambda)/(-S*lambda + c))
    >>> why.label, why.assumptions
    ('exact', ('poisson-arrivals', 'exponential-service'))
    >>> shop = qm.Pipeline(qm.call("web", qm.MMc(0.2, servers=4)))
    >>> float(explain(shop.solve(9.0), "web.waiting_time").value)
    0.0117
    """
    raise ModelError(f"result must be of a station, pipeline or cache, got {result!r}")


@explain.register
def _station(result: StationResult, quantity: str) -> Explanation:
    known = [n for n in _OF_STATION if _value(result, n) is not None]
    p = checked(quantity, known)
    numbers, on_symbols = solved_on_symbols(result)
    formula, how = None, "Found numerically: it has no form on symbols here."
    if p is not None or quantity in ("wait", "response"):
        attribute = "response" if p is not None else quantity
        distribution = getattr(result, attribute)
        value = None if p is None else distribution.quantile(p)
        formula, how = of_distribution(distribution, getattr(on_symbols, attribute, None), p)
        if p is not None:
            numbers[symbolic.probability] = p
    else:
        value = _value(result, quantity)
        found = attempt(lambda: sp.sympify(_value(on_symbols, quantity)))
        if on_symbols is not None and found is not None and gives(found, numbers, value):
            formula, how = equation(_symbol(quantity), found), ""
    ground = {"max_rate": "utilization"}.get(quantity, "percentiles" if p else quantity)
    return Explanation(
        quantity=quantity,
        value=value,
        formula=formula,
        how=how,
        numbers=used_in(formula, numbers),
        meanings=_MEANING | meanings(result.station),
        parts=(),
        rows=(),
        assumptions=result.basis.grounds.get(ground, result.assumptions),
        sources=literature(type(result.station)),
    )


def _value(result: Any, quantity: str) -> Any:
    return getattr(result.station if quantity == "max_rate" else result, quantity, None)


@explain.register
def _pipeline(result: PipelineResult, quantity: str) -> Explanation:
    names = [f"{name}.{q}" for name in result.stations for q in (*_OF_STATION, "visits")]
    name, dot, rest = str(quantity).partition(".")
    if dot and percent(quantity) is None:
        return of_station(result, name, rest)
    p = checked(quantity, list(_OF_PIPELINE), names)
    formula, how, value = None, "", None
    numbers: dict[Any, Any] = {}
    parts: tuple[tuple[str, Any], ...] = ()
    if p is not None or quantity == "latency":
        value = None if p is None else result.latency.quantile(p)
        how = (
            "The latency is composed along the paths: transforms multiply in "
            "series, mix at branches, and tails combine where the last of several decides. "
            + inverted(result.latency)
        )
    elif quantity == "mean":
        value = result.latency.mean
        formula, how = _mean(result)
        parts = tuple(_station_formulas(result)) if formula is not None else ()
    elif quantity == "visits":
        how = "Counted along the paths, by the probabilities of the branches."
    elif quantity in ("goodput", "rejected"):
        value = getattr(result, quantity)
        how = _OF_LIMITS if _limited(result) else "Nothing on the paths turns requests away."
        if quantity == "goodput":
            numbers = {symbolic.arrival_rate: result.arrival_rate, _REJECTED: result.rejected}
            served = symbolic.arrival_rate * (1 - _REJECTED)
            formula = equation(_symbol("throughput"), served)
    else:
        value = getattr(result, quantity)
        formula, how = _capacity(result, quantity)
    grounds = {"headroom": "max_rate", "goodput": "visits", "rejected": "visits"}
    ground = grounds.get(quantity, "percentiles" if p else quantity)
    return Explanation(
        quantity=quantity,
        value=value,
        formula=formula,
        how=how,
        numbers=numbers,
        meanings=_MEANING,
        parts=parts,
        rows=stations_table(result),
        assumptions=result.basis.assumptions(ground),
        sources=(),
    )


_OF_LIMITS = (
    "Counted along the paths: each limit and each full station turns a share away of what "
    "comes to it, and that does not come to the next one."
)


def of_station(result: Any, name: str, quantity: str) -> Explanation:
    """Explain a quantity of one station of a pipeline, under its whole name."""
    if name not in result.stations:
        raise ModelError(f"no station {name!r}{did_you_mean(name, result.stations)}")
    if quantity == "visits":
        why = replace(explain(result, "visits"), value=result.visits[name])
    else:
        why = explain(result.stations[name], quantity)
    return replace(why, quantity=f"{name}.{quantity}")


def _limited(result: PipelineResult) -> bool:
    admitted = result.accepted
    return isinstance(admitted, sp.Basic) or bool(np.any(np.asarray(admitted) < 1))


def _mean(result: PipelineResult) -> tuple[Any, str]:
    """Return the formula of the mean latency where it is a sum over stations, and how else."""
    if _limited(result):
        return None, "The means along the paths, of those that no limit or full station stops."
    if _waits_for_several(result.latency):
        return None, (
            "The means along the paths; of steps at once, the mean of the longest, by "
            "quadrature of its tail."
        )
    visits, response = (sp.Indexed(x, _INDEX) for x in ("V", "W"))
    total = sp.Sum(visits * response, (_INDEX, 1, _STATIONS))
    return equation(sp.Symbol("E[T]"), total), ""


def _capacity(result: PipelineResult, quantity: str) -> tuple[Any, str]:
    """Return the formula of the rate at which the first station saturates, and how."""
    if _limited(result):
        return None, (
            "The rate at which the first station saturates, behind the limits, by search."
        )
    visits, service, count = (sp.Indexed(x, _INDEX) for x in ("V", "S", "c"))
    how = {
        "bottleneck": "The station with the least rate saturates first.",
        "headroom": "By so much can the load grow up to that rate.",
    }.get(quantity, "The least over the stations.")
    return equation(_symbol("max_rate"), sp.Function("min")(count / (visits * service))), how


# What is known by name.


def percent(quantity: str) -> float | None:
    """Return p of a percentile, None of another quantity."""
    match = re.fullmatch(r"p(\d+(?:\.\d+)?)", str(quantity))
    return float(match[1]) / 100 if match and 0 < float(match[1]) < 100 else None


def checked(quantity: str, known: list[str], beside: Sequence[str] = ()) -> float | None:
    """Return p of a percentile, None of another quantity that is known."""
    p = percent(quantity)
    if p is not None or quantity in known:
        return p
    names = [*known, "p99", *beside]
    raise ModelError(f"no quantity {quantity!r}{did_you_mean(quantity, names)}")


def _symbol(quantity: str) -> Any:
    greek = {"utilization": "rho", "max_rate": "lambda_max", "throughput": "X"}
    return sp.Symbol(greek.get(quantity, GLOSSARY[quantity].symbol))


def literature(kind: Any) -> tuple[str, ...]:
    """Return the references of the module in which a station or cache is."""
    doc = inspect.getdoc(inspect.getmodule(kind)) or ""
    _, _, listed = doc.partition("References\n----------\n")
    return tuple(" ".join(x.split()) for x in re.split(r"\.\. \[\d+\]", listed) if x.strip())


# A pipeline's stations.


def _waits_for_several(distribution: Any) -> bool:
    if isinstance(distribution, Extreme):
        return True
    inner = (
        distribution
        if isinstance(distribution, tuple)
        else [getattr(distribution, f.name) for f in fields(distribution)]
    )
    return any(_waits_for_several(x) for x in inner if isinstance(x, (tuple, Distribution)))


def _station_formulas(result: PipelineResult) -> Iterator[tuple[str, Any]]:
    shared: dict[Any, list[str]] = {}
    for name, r in result.stations.items():
        shared.setdefault(explain(r, "response_time").formula, []).append(name)
    for formula, names in shared.items():
        if formula is not None:
            yield ", ".join(names), formula


def stations_table(result: Any) -> tuple[tuple[str, ...], ...]:
    """Return what is put in for each station."""
    rows = [("station", "V", "λ", "S", "c", "W")]
    for name, r in result.stations.items():
        rows.append(
            (
                name,
                shown(result.visits[name], "-"),
                shown(r.arrival_rate, "1/s"),
                shown(r.station.service.mean, "s"),
                shown(r.station.servers, "-"),
                shown(r.time_here, "s"),
            )
        )
    return tuple(rows)
