"""What the numbers of a station and of a pipeline come from, read off their results."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import singledispatch
from typing import Any

import numpy as np
import sympy as sp

from qmodel import symbolic
from qmodel._typing import Value
from qmodel.distributions import Deterministic, Distribution, Exponential, Maximum
from qmodel.errors import ModelError
from qmodel.explanation.text import Explanation, shown
from qmodel.glossary import GLOSSARY
from qmodel.numerics.erlang_symbolic import ErlangB, ErlangC
from qmodel.pipeline import PipelineResult
from qmodel.queues.base import MEANS, Station, StationResult

__all__ = ["explain"]

_S, _B = sp.Symbol("s", positive=True), sp.Function("B")
_NAMES = {"service_time": "S", "servers": "c", "places": "K", "sources": "N"}
_WHOLE = ("servers", "places", "sources")
_MEANING = {
    symbolic.arrival_rate: ("arrival rate", "1/s"),
    symbolic.service_time: ("mean service time", "s"),
    symbolic.servers: ("servers", "-"),
    symbolic.scv: ("squared coefficient of variation of service", "-"),
    symbolic.probability: ("share that does not take longer", "-"),
}


@singledispatch
def explain(result: Any, quantity: str) -> Explanation:
    """Say where a number of a result comes from.

    Parameters
    ----------
    result : StationResult or PipelineResult
        The result. [-]
    quantity : str
        "waiting_time", "p99" (of the response, or of the latency), "max_rate", ... [-]

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
    """
    raise ModelError(f"result must be of a station or a pipeline, got {result!r}")


@explain.register
def _station(result: StationResult, quantity: str) -> Explanation:
    known = [*MEANS, "throughput", "loss", "abandonment", "wait", "response"]
    p = _checked(quantity, [n for n in known if getattr(result, n, None) is not None])
    numbers: dict[Any, Value] = {symbolic.arrival_rate: result.arrival_rate}
    on_symbols = _try(lambda: _on_symbols(result.station, numbers).solve(symbolic.arrival_rate))
    formula, how = None, "Found numerically: it has no form on symbols here."
    value = None
    if p is not None or quantity in ("wait", "response"):
        attribute = "response" if p is not None else quantity
        law = getattr(result, attribute)
        value = None if p is None else law.quantile(p)
        formula, how = _of_law(law, getattr(on_symbols, attribute, None), p)
        if p is not None:
            numbers[symbolic.probability] = p
    else:
        value = getattr(result, quantity)
        found = _try(lambda: sp.sympify(getattr(on_symbols, quantity)))
        if on_symbols is not None and found is not None:
            formula, how = _equation(_symbol(quantity), found), ""
    grounds = result.basis.grounds.get("percentiles" if p is not None else quantity)
    return Explanation(
        quantity=quantity,
        value=value,
        formula=formula,
        how=how,
        numbers=_used(formula, numbers),
        meanings=_MEANING,
        parts=(),
        rows=(),
        assumptions=result.assumptions if grounds is None else grounds,
        sources=_literature(type(result.station)),
    )


@explain.register
def _pipeline(result: PipelineResult, quantity: str) -> Explanation:
    known = ["mean", "max_rate", "bottleneck", "headroom", "visits"]
    p = _checked(quantity, known)
    limited = bool(np.any(np.asarray(result.admitted) < 1))
    i, n = sp.symbols("i n", integer=True, positive=True)
    visits, response, service, count = (sp.Indexed(x, i) for x in ("V", "W", "S", "c"))
    formula, how, value = None, "", None
    parts: tuple[tuple[str, Any], ...] = ()
    if p is not None:
        value = result.latency.quantile(p)
        how = (
            "The law of the latency is composed along the paths: transforms multiply in "
            "series, mix at branches, and tails combine where the last of several decides. "
            + _inverted(result.latency)
        )
    elif quantity == "mean":
        value = result.latency.mean
        if limited:
            how = "The means along the paths, of those that no limit or full station stops."
        elif _has_maximum(result.latency):
            how = (
                "The means along the paths; of steps at once, the mean of the longest, by "
                "quadrature of its tail."
            )
        else:
            formula = _equation(sp.Symbol("E[T]"), sp.Sum(visits * response, (i, 1, n)))
            parts = tuple(_station_formulas(result))
    elif quantity == "visits":
        how = "Counted along the paths, by the probabilities of the branches."
    else:
        value = getattr(result, quantity)
        if limited:
            how = "The rate at which the first station saturates, behind the limits, by search."
        else:
            least = sp.Function("min")(count / (visits * service))
            formula = _equation(_symbol("max_rate"), least)
            how = {
                "bottleneck": "The station with the least rate saturates first.",
                "headroom": "By so much can the load grow up to that rate.",
            }.get(quantity, "The least over the stations.")
    grounds = {"headroom": "max_rate"}.get(quantity, "percentiles" if p else quantity)
    return Explanation(
        quantity=quantity,
        value=value,
        formula=formula,
        how=how,
        numbers={},
        meanings=_MEANING,
        parts=parts,
        rows=_table(result),
        assumptions=result.basis.assumptions(grounds),
        sources=(),
    )


# What is known by name.


def _checked(quantity: str, known: list[str]) -> float | None:
    """Return p of a percentile, None of another quantity that is known."""
    match = re.fullmatch(r"p(\d+(?:\.\d+)?)", str(quantity))
    if match and 0 < float(match[1]) < 100:
        return float(match[1]) / 100
    if quantity in known:
        return None
    near = difflib.get_close_matches(str(quantity), [*known, "p99"], n=1, cutoff=0.0)
    raise ModelError(f"no quantity {quantity!r}; did you mean {near[0]!r}?")


def _symbol(quantity: str) -> Any:
    greek = {"utilization": "rho", "max_rate": "lambda_max", "throughput": "X"}
    return sp.Symbol(greek.get(quantity, GLOSSARY[quantity].symbol))


def _equation(left: Any, right: Any) -> Any:
    return sp.Eq(left, right, evaluate=False)


def _literature(kind: type[Station]) -> tuple[str, ...]:
    doc = inspect.getdoc(inspect.getmodule(kind)) or ""
    _, _, listed = doc.partition("References\n----------\n")
    return tuple(" ".join(x.split()) for x in re.split(r"\.\. \[\d+\]", listed) if x.strip())


# The station and its laws on symbols.


@dataclass(frozen=True, slots=True, eq=False)
class _General(Distribution):
    """Any law of service: its mean, its variability, its transform."""

    mean: Value
    scv: Value

    @property
    def variance(self) -> Value:
        return self.scv * self.mean**2

    @property
    def third_cumulant(self) -> Value:
        return sp.Symbol("kappa_3", positive=True)

    def laplace(self, s: Value) -> Value:
        return _B(s)


def _on_symbols(station: Station, numbers: dict[Any, Value]) -> Station:
    """Return the same kind of station with symbols for numbers, and note the numbers."""
    new: dict[str, Any] = {}
    for f in fields(station):  # type: ignore[arg-type]
        value = getattr(station, f.name)
        if f.init and isinstance(value, Distribution):
            new[f.name] = _law_on_symbols(value, numbers)
        elif f.init and isinstance(value, (int, float, np.ndarray, np.number)):
            name = _NAMES.get(f.name, f.name)
            whole = {"integer": True} if f.name in _WHOLE else {}
            new[f.name] = symbol = sp.Symbol(name, positive=True, **whole)
            numbers[symbol] = value
    return replace(station, **new)  # type: ignore[type-var]


def _law_on_symbols(law: Distribution, numbers: dict[Any, Value]) -> Distribution:
    numbers[symbolic.service_time] = law.mean
    if isinstance(law, (Exponential, Deterministic)):
        return type(law)(symbolic.service_time)
    numbers[symbolic.scv] = law.scv
    return _General(symbolic.service_time, symbolic.scv)


def _of_law(law: Distribution, there: Any, p: float | None) -> tuple[Any, str]:
    """Return the formula that a percentile or a law is found from, and how."""
    t_p, tail = sp.Symbol("t_p"), sp.Symbol("P(T > t)")
    if there is None:
        return None, _inverted(law)
    if p is not None:
        closed = _try(lambda: there.quantile(symbolic.probability))
        if closed is not None:
            return _equation(t_p, closed), ""
    closed = _try(lambda: there.tail(symbolic.time)) if law.closed else None
    if closed is not None:
        newton = "The percentile is the time at which this tail is 1 - p, by Newton's method."
        return _equation(tail, closed), newton if p is not None else ""
    transform = _try(lambda: there.laplace(_S))
    if transform is None:
        return None, _inverted(law)
    left = sp.Symbol("E[exp(-s T)]")
    service = "B(s) is the transform of the law of service. " if transform.has(_B) else ""
    return _equation(left, transform), service + _inverted(law)


def _inverted(law: Distribution) -> str:
    if law.closed:
        return "Its tail is a closed form; the percentile is found on it by Newton's method."
    smooth = all(part.law.analytic for part in law.parts())
    rule = "12 points of a contour" if smooth else "Euler's method"
    return (
        f"The tail is found from the transform by numerical inversion ({rule}), the "
        "percentile on it by Newton's method."
    )


def _try(f: Any) -> Any:
    """Return what `f` gives on symbols, or None where its code is for numbers only."""
    try:
        return f()
    except (TypeError, ValueError, AttributeError, NotImplementedError):
        return None


def _used(formula: Any, numbers: Mapping[Any, Value]) -> dict[Any, Value]:
    """Return the numbers that a formula uses, and those of its Erlang functions."""
    if formula is None:
        return dict(numbers)
    used = {x: v for x, v in numbers.items() if x in formula.free_symbols}
    if symbolic.probability in numbers:
        used[symbolic.probability] = numbers[symbolic.probability]
    for f in sorted(formula.atoms(ErlangB, ErlangC), key=str):
        if f.free_symbols <= set(used):
            used[f] = symbolic.evaluate(f, {x: used[x] for x in used if x in f.free_symbols})
    return used


# A pipeline's stations.


def _has_maximum(law: Any) -> bool:
    if isinstance(law, Maximum):
        return True
    inner = law if isinstance(law, tuple) else [getattr(law, f.name) for f in fields(law)]
    return any(_has_maximum(x) for x in inner if isinstance(x, (tuple, Distribution)))


def _station_formulas(result: PipelineResult) -> Iterator[tuple[str, Any]]:
    shared: dict[Any, list[str]] = {}
    for name, r in result.stations.items():
        shared.setdefault(explain(r, "response_time").formula, []).append(name)
    for formula, names in shared.items():
        if formula is not None:
            yield ", ".join(names), formula


def _table(result: PipelineResult) -> tuple[tuple[str, ...], ...]:
    rows = [("station", "V", "λ", "S", "c", "W")]
    for name, r in result.stations.items():
        rows.append(
            (
                name,
                shown(result.visits[name], "-"),
                shown(r.arrival_rate, "1/s"),
                shown(r.station.service.mean, "s"),
                shown(r.station.servers, "-"),
                shown(r.response_time, "s"),
            )
        )
    return tuple(rows)
