"""What the numbers of a closed load come from: users who wait for their answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy as sp

from qmodel import symbolic
from qmodel.explanation.on_symbols import equation, inverted
from qmodel.explanation.results import (
    checked,
    explain,
    literature,
    of_station,
    percent,
    stations_table,
)
from qmodel.explanation.text import Explanation
from qmodel.networks import closed
from qmodel.networks.closed_result import ClosedResult

__all__: list[str] = []

_N = sp.Symbol("N", integer=True, positive=True)
_Z, _X, _R = sp.symbols("Z X R", positive=True)
_I, _STATIONS = sp.symbols("i n", integer=True, positive=True)
_MEANING = {
    _N: ("users", "-"),
    _Z: ("mean think time", "s"),
    _X: ("throughput", "1/s"),
    _R: ("mean response time", "s"),
}
_KNOWN = (
    "mean", "latency", "throughput", "goodput", "response_time", "number_in_system",
    "max_rate", "knee", "headroom", "bottleneck", "visits", "users", "think_time",
)  # fmt: skip
_HOW = {
    "throughput": "The ratio of the normalising constants of N - 1 and of N users, by one sum "
    "over a contour through the saddle of the generating function.",
    "mean": "The numbers present at the stations, from the same contour, over the throughput.",
    "max_rate": "The least over the stations: no number of users asks for more.",
    "knee": "The users who keep the station that saturates first busy, if nothing were random.",
    "headroom": "By so much can the number of users grow up to the knee.",
    "number_in_system": "Little's law.",
    "bottleneck": "The station with the greatest demand over its servers saturates first.",
    "visits": "Counted along the paths, by the probabilities of the branches.",
}
_SAME = {"goodput": "throughput", "response_time": "mean"}


def _formulas() -> dict[str, Any]:
    g, visits, service, count, number = (sp.IndexedBase(x) for x in ("G", "V", "S", "c", "L"))
    alone = sp.Sum(visits[_I] * service[_I], (_I, 1, _STATIONS))
    least = sp.Function("min")(count[_I] / (visits[_I] * service[_I]))
    return {
        "throughput": equation(_X, g[_N - 1] / g[_N]),
        "mean": equation(_R, sp.Sum(number[_I], (_I, 1, _STATIONS)) / _X),
        "max_rate": equation(sp.Symbol("X_max"), least),
        "knee": equation(sp.Symbol("N_knee"), (_Z + alone) * least),
        "headroom": equation(sp.Symbol("h"), sp.Symbol("N_knee") / _N - 1),
        "number_in_system": equation(sp.Symbol("L"), _X * _R),
    }


def _at_station(result: ClosedResult, name: str, quantity: str) -> Explanation:
    why = of_station(result, name, quantity)
    p = percent(quantity)
    if p is None and quantity not in ("wait", "response"):
        return why
    # The formula of the station alone is that of an open load.
    distribution = getattr(result.stations[name], "response" if p is not None else quantity)
    return replace(why, formula=None, numbers={}, how=f"{_MET} {inverted(distribution)}")


_MET = "A request meets the station as if its own user did not exist (arrival theorem)."


@explain.register
def _users(result: ClosedResult, quantity: str) -> Explanation:
    name, dot, rest = str(quantity).partition(".")
    if dot and name in result.stations:
        return _at_station(result, name, rest)
    p = checked(quantity, list(_KNOWN))
    which = _SAME.get(quantity, quantity)
    formula, how, value = _formulas().get(which), _HOW.get(which, ""), None
    numbers: dict[Any, Any] = {_N: result.users, _Z: result.think_time}
    if p is not None or quantity == "latency":
        value = None if p is None else result.latency.quantile(p)
        how = (
            "The distribution of the time from a request to its answer: a request meets the "
            "stations as if its own user did not exist (arrival theorem). "
            + inverted(result.latency)
        )
    elif which == "mean":
        value = result.response_time
        numbers |= {_X: result.throughput}
    else:
        value = getattr(result, quantity)
        numbers |= {_X: result.throughput, _R: result.response_time}
    ground = "percentiles" if p is not None else {"headroom": "knee"}.get(which, which)
    used = formula.rhs.free_symbols if formula is not None else {_N, _Z}
    return Explanation(
        quantity=quantity,
        value=value,
        formula=formula,
        how=how,
        numbers={symbol: x for symbol, x in numbers.items() if symbol in used},
        meanings=_MEANING | {symbolic.servers: ("servers", "-")},
        parts=(),
        rows=stations_table(result),
        assumptions=result.basis.grounds.get(ground, result.basis.grounds["throughput"]),
        sources=literature(closed.solve),
    )
