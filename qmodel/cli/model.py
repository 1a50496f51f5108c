"""The model that commands ask: the typical web pipeline, changed as the options say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qmodel.cli.options import pair
from qmodel.errors import DomainError
from qmodel.units import parse, text

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline

__all__ = ["changed", "changes_of", "default_model", "load_of", "rate_of"]

_SENSIBLE = 0.6
_WITHOUT_LIMIT = 100.0  # [1/s] for a pipeline that never saturates


def default_model() -> Pipeline:
    """Return the pipeline that is asked where none is named."""
    from qmodel.web import typical_pipeline

    return typical_pipeline()


def changes_of(written: Sequence[str] | None) -> dict[str, float]:
    """Return what ``--set`` changes, from name to value."""
    return {name: parse(value) for name, value in (pair("--set", w) for w in written or ())}


def changed(model: Pipeline, written: Sequence[str] | None) -> Pipeline:
    """Return `model` with the changes of ``--set``."""
    changes = changes_of(written)
    return model.replace(changes) if changes else model


def rate_of(written: str) -> float:
    """Return the arrival rate of ``--rate`` [1/s]."""
    rate = parse(written)
    if not (math.isfinite(rate) and rate >= 0):
        raise DomainError(f"--rate must be a finite number >= 0, got {written!r}")
    return rate


def load_of(model: Pipeline, written: str | None) -> tuple[float, str]:
    """Return the load [1/s], named or sensible, and a remark on how it was chosen."""
    if written is not None:
        return rate_of(written), ""
    limit = float(model.max_rate)
    if not math.isfinite(limit):
        return _WITHOUT_LIMIT, f"load: {text(_WITHOUT_LIMIT, '1/s')}, as --rate was not given"
    return _SENSIBLE * limit, f"{_SENSIBLE:.0%} of what it can carry, as --rate was not given"
