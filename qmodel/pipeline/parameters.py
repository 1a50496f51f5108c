"""The parameters of a pipeline by name, and the pipeline with other values of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from qmodel.distributions.cells import WHOLE
from qmodel.pipeline.steps.base import Step

__all__ = ["changed", "parameters", "swapped"]


def parameters(thing: Any) -> dict[str, Any]:
    """Return the numbers in a station, distribution, cache or step, by names with dots.

    A class whose numbers are not its fields says them itself, by methods `parameters` and
    `changed`.
    """
    if hasattr(thing, "parameters"):
        return dict(thing.parameters())
    found: dict[str, Any] = {}
    for f in fields(thing):
        value = getattr(thing, f.name)
        skipped = f.metadata.get(WHOLE) or value is None
        if not f.init or skipped or isinstance(value, (str, tuple, Step)):
            continue
        if is_dataclass(value) or hasattr(value, "parameters"):
            inner = parameters(value)
            found |= {f"{f.name}.{name}": number for name, number in inner.items()}
        elif not isinstance(value, bool):
            found[f.name] = value
    return found


def changed(thing: Any, changes: Mapping[str, Any]) -> Any:
    """Return a copy of a station, distribution, cache or step with other numbers."""
    if hasattr(thing, "changed"):
        return thing.changed(changes)
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
