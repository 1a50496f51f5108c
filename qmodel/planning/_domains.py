"""Which values a parameter of a model takes, found by asking the model itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._nearest import did_you_mean
from qmodel.errors import DomainError, ModelError
from qmodel.pipeline.parameters import meanings, said
from qmodel.planning._models import Asked, StationModel
from qmodel.units import text

__all__ = ["Domain", "domain_of"]

_FAR = 2.0**60


@dataclass(frozen=True, slots=True)
class Domain:
    """The values of a parameter: from `bottom` to `top`, whole numbers or all.

    The bottom is among them where it is `closed`, and so is a finite top.
    """

    name: str
    current: float
    bottom: float
    closed: bool
    top: float
    whole: bool
    unit: str

    def number(self, value: Any) -> Any:
        """Return a value as models take it: a whole number is an int."""
        if np.ndim(value):
            return value
        return int(value) if self.whole and math.isfinite(value) else float(value)

    def text(self, value: float) -> str:
        """Return a value as people write it."""
        return text(value, self.unit, digits=12 if self.whole else 5)

    def stride(self, value: float, steps: float) -> float:
        """Return the value so many doublings away (in a share: of its odds), within bounds."""
        if math.isfinite(self.top) and not self.whole:
            span = self.top - self.bottom
            share = min(max((value - self.bottom) / span, 2.0**-40), 1 - 2.0**-40)
            odds = share / (1 - share) * 2.0**steps
            # The ends themselves come next to the last odds that differ from them.
            end = self.bottom if odds < 2.0**-20 else self.top if odds > 2.0**20 else None
            return end if end is not None else self.bottom + span * odds / (1 + odds)
        away: float = value * 2.0**steps
        if self.whole:
            away = math.ceil(away) if steps > 0 else math.floor(away)
        return min(max(away, self.bottom), self.top)

    def between(self, low: Any, high: Any) -> Any:
        """Return what lies halfway between two values; one of them if nothing does."""
        if self.whole:
            return np.floor((np.asarray(low) + high) / 2)
        if math.isfinite(self.top):
            return (np.asarray(low) + high) / 2
        return np.sqrt(np.maximum(low, 0.0) * high)


def _unit_of(model: Asked, name: str) -> str:
    """Return the unit of a parameter, which the field says that it is."""
    if isinstance(model, StationModel):
        return said(model.station, name).unit
    return meanings(model)[name].unit


def domain_of(model: Asked, name: str) -> Domain:
    """Return the domain of a parameter, refusing what the model does not have."""
    known = model.parameters()
    if name not in known:
        raise ModelError(f"no parameter {name!r} in the model{did_you_mean(name, known)}")

    def takes(value: float) -> bool:
        try:
            model.replace({name: int(value) if value == math.floor(value) else value})
        except (DomainError, ModelError):
            return False
        return True

    current = float(np.median(np.asarray(known[name], dtype=float)))
    if not 0 < current < math.inf:
        current = next((2.0**k for k in range(60) if takes(2.0**k)), 0.5)
    floor = math.floor(current)
    fractions = (floor + 0.5, floor - 0.5, 0.9 * current + 0.049)
    whole = not any(x > 0 and takes(x) for x in fractions)
    bottom = next((x for x in (0.0, 1.0) if x <= current and takes(x)), None)
    if not whole and takes(max(current, 1.0) / _FAR):
        bottom = 0.0
    elif bottom is None:
        bottom = _end(takes, current, 0.0, whole)
    top = next((x for x in (1.0, current) if not whole and takes(x) and not takes(x + 1e-9)), 0)
    if not top:
        top = math.inf if takes(current * _FAR) else _end(takes, current, current * _FAR, whole)
    if math.isfinite(top) and not whole:
        current = min(max(current, bottom + (top - bottom) / 1000), top - (top - bottom) / 1000)
    return Domain(name, current, bottom, takes(bottom), top, whole, _unit_of(model, name))


def _end(takes: Any, inside: float, outside: float, whole: bool) -> float:
    """Return the last value taken, between one that is and one that is not."""
    while abs(outside - inside) > (1 if whole else 1e-15 * abs(inside)):
        middle = (inside + outside) / 2
        middle = math.floor(middle) if whole else middle
        if middle in (inside, outside):
            break
        inside, outside = (middle, outside) if takes(middle) else (inside, middle)
    return inside
