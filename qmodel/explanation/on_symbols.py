"""A station and its distributions solved on symbols: the formula is the code that ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import sympy as sp

from qmodel import _check, symbolic
from qmodel._fields import described
from qmodel._typing import Value
from qmodel.distributions import Deterministic, Distribution, Exponential
from qmodel.distributions.broadcasting import WHOLE
from qmodel.numerics.erlang_symbolic import ErlangB, ErlangC
from qmodel.queues.base import Station, StationResult

__all__: list[str] = []

_S, _B = sp.Symbol("s", positive=True), sp.Function("B")


def _letter(thing: Any, name: str) -> str:
    """Return the symbol of a field, as it says itself; else its name."""
    said = described(thing).get(name)
    return said.symbol if said is not None and said.symbol else name


def _counts(thing: Any, name: str) -> bool:
    """Return whether a field is a whole number, by what its values are checked for."""
    said = described(thing).get(name)
    check = None if said is None else getattr(said.check, "func", said.check)
    return check in (_check.count, _check.one_count)


def _symbol(thing: Any, name: str) -> Any:
    kind = {"integer": True} if _counts(thing, name) else {}
    return sp.Symbol(_letter(thing, name), positive=True, **kind)


def meanings(station: Station) -> dict[Any, tuple[str, str]]:
    """Return what the symbols of a station mean, and their units, as its fields say."""
    return {
        _symbol(station, name): (said.meaning, said.unit)
        for name, said in described(station).items()
    }


def equation(left: Any, right: Any) -> Any:
    """Return an equation as it is, also where both sides are known to be equal."""
    return sp.Eq(left, right, evaluate=False)


@dataclass(frozen=True, slots=True, eq=False)
class _General(Distribution):
    """Any distribution: its mean, its variability, its transform."""

    mean: Value
    scv: Value
    transform: Any = _B

    @property
    def variance(self) -> Value:
        return self.scv * self.mean**2

    @property
    def third_cumulant(self) -> Value:
        return sp.Symbol("kappa_3", positive=True)

    def laplace(self, s: Value) -> Value:
        return self.transform(s)


def solved_on_symbols(result: StationResult) -> tuple[dict[Any, Value], Any]:
    """Return the numbers by their symbols, and the station solved on these, if it can be."""
    # Some sums have a form for a known number of servers only.
    for whole in (True, False):
        numbers: dict[Any, Value] = {symbolic.arrival_rate: _load(result)}
        station = _on_symbols(result.station, numbers, whole)
        solved = attempt(lambda station=station: station.solve(symbolic.arrival_rate))
        if solved is not None:
            break
    return numbers, solved


def _load(result: StationResult) -> Value:
    """Return what the station was solved at: its stream, of finite sources that of one."""
    return result.streams[0].arrival_rate if len(result.streams) == 1 else result.arrival_rate


def gives(formula: Any, numbers: Mapping[Any, Value], value: Any) -> bool:
    """Return whether a formula is that of the value: of several classes it may not be."""
    if isinstance(value, sp.Basic) or any(isinstance(x, sp.Basic) for x in numbers.values()):
        return True
    with np.errstate(all="ignore"):
        found = attempt(lambda: np.asarray(symbolic.evaluate(formula, numbers), dtype=float))
    if found is None:
        return False
    value = np.asarray(value, dtype=float)
    # It is stated for the stable region, and may be too large for floats on the way.
    beyond = ~np.isfinite(value) | ~np.isfinite(found)
    return bool(np.all(np.isclose(found, value, rtol=1e-6, atol=1e-12) | beyond))


def _on_symbols(station: Station, numbers: dict[Any, Value], whole: bool) -> Station:
    """Return the same kind of station with symbols for numbers, and note the numbers."""
    new: dict[str, Any] = {}
    for f in fields(station):  # type: ignore[arg-type]
        value = getattr(station, f.name)
        if f.metadata.get(WHOLE):
            continue
        if f.init and isinstance(value, Distribution):
            letter = _letter(station, f.name)
            new[f.name] = _distribution_on_symbols(f.name, letter, value, numbers)
        elif f.init and _is_number(value) and (whole or not _counts(station, f.name)):
            new[f.name] = symbol = _symbol(station, f.name)
            numbers[symbol] = value
    return replace(station, **new)  # type: ignore[type-var]


def _is_number(value: Any) -> bool:
    """Return whether a field is a number: a switch is none, and no limit is left as it is."""
    number = isinstance(value, (int, float, np.ndarray, np.number))
    return number and not isinstance(value, bool) and bool(np.all(np.isfinite(value)))


def _distribution_on_symbols(
    name: str, letter: str, distribution: Distribution, numbers: dict[Any, Value]
) -> Distribution:
    service = name == "service"
    mean = symbolic.service_time if service else sp.Symbol(letter, positive=True)
    numbers[mean] = distribution.mean
    if isinstance(distribution, (Exponential, Deterministic)):
        return type(distribution)(mean)
    scv = symbolic.scv if service else sp.Symbol(f"c_{letter}__2", positive=True)
    numbers[scv] = distribution.scv
    return _General(mean, scv, _B if service else sp.Function(f"B_{letter}"))


def of_distribution(distribution: Distribution, there: Any, p: float | None) -> tuple[Any, str]:
    """Return the formula that a percentile or a distribution is found from, and how."""
    t_p, tail = sp.Symbol("t_p"), sp.Symbol("P(T > t)")
    if there is None:
        return None, inverted(distribution)
    if p is not None:
        closed = attempt(lambda: there.quantile(symbolic.probability))
        if closed is not None:
            return equation(t_p, closed), ""
    closed = attempt(lambda: there.tail(symbolic.time)) if distribution.closed else None
    if closed is not None:
        newton = "The percentile is the time at which this tail is 1 - p, by Newton's method."
        return equation(tail, closed), newton if p is not None else ""
    transform = attempt(lambda: there.laplace(_S))
    if transform is None:
        return None, inverted(distribution)
    left = sp.Symbol("E[exp(-s T)]")
    service = "B(s) is the transform of the service distribution. " if transform.has(_B) else ""
    return equation(left, transform), service + inverted(distribution)


def inverted(distribution: Distribution) -> str:
    if distribution.closed:
        return "Its tail is a closed form; the percentile is found on it by Newton's method."
    smooth = all(part.distribution.analytic for part in distribution.parts())
    rule = "12 points of a contour" if smooth else "Euler's method"
    return (
        f"The tail is found from the transform by numerical inversion ({rule}), the "
        "percentile on it by Newton's method."
    )


def attempt(f: Any) -> Any:
    """Return what `f` gives on symbols, or None where its code is for numbers only."""
    try:
        return f()
    except (TypeError, ValueError, AttributeError, NotImplementedError):
        return None


def used_in(formula: Any, numbers: Mapping[Any, Value]) -> dict[Any, Value]:
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
