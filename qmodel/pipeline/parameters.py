"""The parameters of a pipeline by name, and the pipeline with other values of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from qmodel import _check
from qmodel.errors import DomainError
from qmodel.pipeline.nodes import Step

__all__ = ["changed", "parameters", "swapped"]


def _burst(name: str, x: Any) -> Any:
    burst = _check.positive(name, x, need="a number >= 1")
    if np.any(burst < 1):
        raise DomainError(f"{name} must be a number >= 1, got {np.min(burst)}")
    return burst


# Stations check their own; what makes steps checks these before there is a step.
_CHECKS: Mapping[str, Callable[[str, Any], Any]] = MappingProxyType(
    {
        "hit_ratio": _check.probability,
        "failure": _check.probability,
        "budget": _check.probability,
        "delay": _check.finite,
        "pause": _check.nonnegative,
        "copies": _check.count,
        "need": _check.count,
        "rate": _check.positive,
        "burst": _burst,
    }
)


def parameters(prefix: str, thing: Any) -> dict[str, Any]:
    """Return the numbers in a station, law or step, named with dots after `prefix`."""
    found: dict[str, Any] = {}
    for f in fields(thing):
        value = getattr(thing, f.name)
        if not f.init or value is None or isinstance(value, (str, tuple, Step)):
            continue
        if is_dataclass(value):
            found |= parameters(f"{prefix}.{f.name}", value)
        elif not f.metadata:
            found[f"{prefix}.{f.name}"] = value
    return found


def changed(thing: Any, changes: Mapping[str, Any]) -> Any:
    """Return a copy of a station, law or step with other numbers, checked anew."""
    own: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        head, _, rest = name.partition(".")
        if rest:
            inner.setdefault(head, {})[rest] = value
        else:
            own[head] = value
    for head, deeper in inner.items():
        own[head] = changed(getattr(thing, head), deeper)
    for name, checked in _CHECKS.items() if isinstance(thing, Step) else ():
        if name in own:
            own[name] = checked(name, own[name])
    return replace(thing, **own)


def swapped(step: Step, swap: Mapping[int, Any], done: dict[int, Step]) -> Step:
    """Return the tree with the things whose id is in `swap` exchanged.

    What stands in several places of the tree is one object after it, too: `done`.
    """
    if id(step) in done:
        return done[id(step)]
    new: dict[str, Any] = {}
    old, step = step, swap.get(id(step), step)
    for f in fields(step):  # type: ignore[arg-type]
        value = getattr(step, f.name)
        if isinstance(value, Step):
            new[f.name] = swapped(value, swap, done)
        elif isinstance(value, tuple) and value and isinstance(value[0], Step):
            new[f.name] = tuple(swapped(child, swap, done) for child in value)
        elif id(value) in swap:
            new[f.name] = swap[id(value)]
    done[id(old)] = replace(step, **new) if new else step  # type: ignore[type-var]
    return done[id(old)]
