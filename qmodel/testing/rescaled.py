"""The same model in another unit of time."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from qmodel._fields import described
from qmodel.pipeline import Pipeline
from qmodel.queues.batches import RandomNumber

__all__ = ["rescaled"]

TIMES = {
    "by", "high", "low", "mean", "means", "minimum", "maximum", "patience", "pause", "samples",
    "service_time", "service_times",
}  # fmt: skip
RATES = {"rate", "service_rates"}
"""Names of the parameters of laws, stations and steps that are times, and rates."""


def rescaled(model: Any, unit: float) -> Any:
    """Return a model with its times in another unit.

    Parameters
    ----------
    model : Station, Distribution, Step or Pipeline
        The model; it stays as it is. [-]
    unit : float
        How many of the new units a second has. [-]

    Returns
    -------
    same kind
        The model in the new unit. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> rescaled(qm.MG1(qm.Uniform(1.0, 2.0)), 60.0).service
    Uniform(low=60.0, high=120.0)
    """
    return _rescaled(model, unit, {})


def _rescaled(thing: Any, unit: float, seen: dict[int, Any]) -> Any:
    if isinstance(thing, tuple):
        return tuple(_rescaled(x, unit, seen) for x in thing)
    if isinstance(thing, dict):
        return {name: _rescaled(x, unit, seen) for name, x in thing.items()}
    if isinstance(thing, Pipeline):
        kinds = {k: (p, _rescaled(step, unit, seen)) for k, (p, step) in thing.kinds.items()}
        return Pipeline(kinds, urgent=thing.urgent)
    # How many requests a batch has is no time.
    if not is_dataclass(thing) or isinstance(thing, RandomNumber):
        return thing
    if id(thing) not in seen:
        # One object stays one object: stations are shared by identity.
        seen[id(thing)] = copy = object.__new__(type(thing))
        for f in fields(thing):
            value = getattr(thing, f.name)
            if (power := _power(thing, f.name)) and not is_dataclass(value):
                value = _times(value, unit**power)
            else:
                value = _rescaled(value, unit, seen)
            object.__setattr__(copy, f.name, value)
    return seen[id(thing)]


def _power(thing: Any, name: str) -> int:
    """Return 1 for a field that is a time, -1 for a rate, 0 for others."""
    said = described(thing).get(name)
    if said is not None:
        return {"s": 1, "1/s": -1}.get(said.unit, 0)
    return (name in TIMES) - (name in RATES)


def _times(value: Any, factor: float) -> Any:
    return tuple(x * factor for x in value) if isinstance(value, tuple) else value * factor
