"""A pipeline whose clients wait for their answers: what it is while hardly anybody gives up."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline, Step

__all__ = ["FEW", "patient"]

FEW = 1e-3
"""Share of requests that give up, below which the others do not notice."""


def patient(model: Pipeline) -> Pipeline:
    """Return the pipeline without its timeouts, and without the retries that only they cause.

    Retries around a pool that is held take seconds to solve, and thousands of them are asked
    for by a search, a heat map and draws.
    """
    from qmodel.pipeline import Pipeline

    kinds = {name: (share, _without(root)) for name, (share, root) in model.kinds.items()}
    if len(kinds) == 1:
        ((_, root),) = kinds.values()
        return Pipeline(root, measured=model.measured)
    return Pipeline(kinds, urgent=model.urgent, measured=model.measured)


def _without(step: Step) -> Step:
    if step.word == "timeout":
        return _without(step.children[0])
    changed: dict[str, Any] = {}
    for f in fields(step):  # type: ignore[arg-type]
        value = getattr(step, f.name)
        if _is_step(value):
            changed[f.name] = _without(value)
        elif isinstance(value, tuple) and any(map(_is_step, value)):
            changed[f.name] = tuple(_without(v) if _is_step(v) else v for v in value)
    if step.word == "retry":
        inner: Step = changed["step"]
        if step.failure is None and not any(s.loses for s in inner.walk()):  # type: ignore[attr-defined]
            return inner
    return replace(step, **changed) if changed else step  # type: ignore[type-var]


def _is_step(value: Any) -> bool:
    from qmodel.pipeline import Step

    return isinstance(value, Step)
