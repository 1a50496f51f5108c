"""The same model in another unit of time."""

from __future__ import annotations

from dataclasses import Field, fields, is_dataclass
from typing import Any

import numpy as np

from qmodel._fields import described
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.pipeline import Pipeline, Step
from qmodel.queues.base import Station
from qmodel.queues.counts.batches import RandomNumber

__all__ = ["rescaled"]

_POWERS = {"-": 0, "s": 1, "1/s": -1}
"""Powers of the time in the units that fields declare."""


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

    Raises
    ------
    ModelError
        If a number in the model does not say in which unit it is.

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
            said = described(thing).get(f.name)
            power = 0 if said is None else _POWERS.get(said.unit, 0)
            if power and value is not None and not is_dataclass(value):
                value = _times(value, unit**power)
            elif said is None and _is_open(thing, f, value):
                raise ModelError(
                    f"{type(thing).__name__}.{f.name} does not say its unit: declare the "
                    "field by qmodel.parameter(..., unit=...)"
                )
            else:
                value = _rescaled(value, unit, seen)
            object.__setattr__(copy, f.name, value)
    return seen[id(thing)]


def _is_open(thing: Any, f: Field[Any], value: Any) -> bool:
    """Return whether a field is a number of which nobody knows the unit."""
    told = not f.init or f.name.startswith("_") or isinstance(value, (bool, int))
    number = isinstance(value, (float, np.ndarray))
    return number and not told and isinstance(thing, (Station, Distribution, Step))


def _times(value: Any, factor: float) -> Any:
    return tuple(x * factor for x in value) if isinstance(value, tuple) else value * factor
