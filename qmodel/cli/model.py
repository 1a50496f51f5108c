"""The model that commands ask: the typical web pipeline, changed as the options say."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qmodel.cli.options import pair
from qmodel.errors import DomainError, ModelError
from qmodel.units import parse

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline

__all__ = ["changed", "changed_each", "default_model", "models"]


def default_model() -> Pipeline:
    """Return the pipeline that is asked where none is named."""
    from qmodel.web import typical_pipeline

    return typical_pipeline()


def models() -> dict[str, Pipeline]:
    """Return the pipelines that are compared, by name; the first is the reference."""
    from qmodel.web import typical_microservices, typical_monolith

    return {"monolith": typical_monolith(), "microservices": typical_microservices()}


def _changes(written: Sequence[str] | None) -> dict[str, float]:
    """Return what ``--set`` changes, from name to value."""
    changes: dict[str, float] = {}
    for name, value in (pair("--set", w) for w in written or ()):
        if name in changes:
            raise DomainError(f"--set {name} is given twice")
        changes[name] = parse(value)
        if math.isnan(changes[name]):
            raise DomainError(f"--set {name} must be a number, got {value!r}")
    return changes


def changed(written: Sequence[str] | None) -> Pipeline:
    """Return the default model with the changes of ``--set``."""
    changes, model = _changes(written), default_model()
    return model.replace(changes) if changes else model


def changed_each(
    models: Mapping[str, Pipeline], written: Sequence[str] | None
) -> tuple[dict[str, Pipeline], list[str]]:
    """Return each model with the changes that it knows, and a note for what only some know."""
    changes, notes = _changes(written), []
    known = {name: model.parameters() for name, model in models.items()}
    for change in changes:
        having = [name for name in models if change in known[name]]
        if not having:
            every = {parameter for parameters in known.values() for parameter in parameters}
            near = difflib.get_close_matches(change, sorted(every), n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ModelError(f"no parameter {change!r} in any of the pipelines{hint}")
        if len(having) < len(models):
            notes.append(f"{change} was set in {' and '.join(having)} only.")
    return {
        name: model.replace({n: v for n, v in changes.items() if n in known[name]})
        for name, model in models.items()
    }, notes
