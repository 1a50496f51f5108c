"""The parameters of a pipeline by name, and the pipeline with other values of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from qmodel import _check
from qmodel._fields import Parameter, described
from qmodel._nearest import did_you_mean
from qmodel.distributions.broadcasting import WHOLE
from qmodel.errors import ModelError
from qmodel.pipeline.steps.base import Step

if TYPE_CHECKING:
    from qmodel.pipeline.model import Pipeline

__all__ = ["changed", "check_names", "meanings", "parameters", "said", "swapped"]


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


def meanings(model: Pipeline) -> dict[str, Parameter]:
    """Return unit, symbol and meaning of each parameter of a pipeline, from its field."""
    found = {
        f"{owner}.{name}": said(thing, name)
        for owner, things in model.plan.owners.items()
        for thing in things
        for name in parameters(thing)
    }
    return {name: found.get(name, _SHARES["share"]) for name in model.parameters()}


_SHARES = {
    "share": Parameter("share of the requests", "-", "p", _check.probability),
    "probability": Parameter("probability of this choice", "-", "p", _check.probability),
    "mean": Parameter("mean of the time", "s", "", _check.positive),
    "scv": Parameter("squared coefficient of variation", "-", "c^2", _check.scv),
}
"""Of parameters that are no fields: a distribution by two moments may have no own SCV."""


def said(thing: Any, name: str) -> Parameter:
    """Return what a station, distribution, cache or step says of one of its parameters."""
    *path, last = name.split(".")
    for attribute in path:
        thing = getattr(thing, attribute, None)
    own = described(thing).get(last) if is_dataclass(thing) else None
    return own or _SHARES.get(last) or Parameter(last.replace("_", " "), "-", "", _check.finite)


def check_names(changes: Iterable[str], known: Mapping[str, Any]) -> None:
    """Raise `ModelError` at a name that is no parameter, with the nearest that is one."""
    for name in changes:
        if name not in known:
            raise ModelError(
                f"no parameter {name!r} in the pipeline{did_you_mean(name, known)}"
            )


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
