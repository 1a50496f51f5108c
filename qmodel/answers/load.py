"""The load of a question, where it is not given; and what is asked, as a pipeline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qmodel import _check
from qmodel.answers.words import lost
from qmodel.units import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.planning.slo import Objective, Objectives
    from qmodel.queues import Station

    Model = Pipeline | Station

__all__ = ["goals_of", "lost_in", "most", "pipeline_of", "sensible_load"]

_SENSIBLE = 0.6
_WITHOUT_LIMIT = 100.0  # [1/s] for a pipeline that never saturates


def pipeline_of(model: Model) -> Pipeline:
    """Return a model as a pipeline: a station is the only one of it."""
    from qmodel.errors import ModelError
    from qmodel.pipeline import Pipeline
    from qmodel.planning._models import as_pipeline, asked, has_arrays

    found = asked(model)
    if has_arrays(found):
        raise ModelError("the model has arrays: an answer is to one scenario; sweep several")
    return found if isinstance(found, Pipeline) else as_pipeline(found.station)


def goals_of(objectives: Objectives | Iterable[Objectives]) -> list[Objective]:
    """Return the objectives of a question, each once."""
    from qmodel.planning.slo import objectives_of

    return list({str(o): o for o in objectives_of([objectives])}.values())  # type: ignore[list-item]


def sensible_load(
    model: Pipeline, arrival_rate: float | None, who: str = "it"
) -> tuple[float, str]:
    """Return the load [1/s], given or sensible, and a remark on how it was chosen."""
    if arrival_rate is not None:
        return float(_check.nonnegative("arrival_rate", arrival_rate)), ""
    limit = float(model.max_rate)
    if not math.isfinite(limit):
        return _WITHOUT_LIMIT, "a guess, as no load was given"
    share = f"{100 * _SENSIBLE:.0f} % of what {who} can sustain"
    return _SENSIBLE * limit, f"{share}, as no load was given"


def lost_in(result: PipelineResult) -> str:
    """Return what is rejected and abandoned as in a sentence; "" where nothing is."""
    return lost(float(result.rejected), float(result.abandoned))


def most(result: PipelineResult) -> str:
    """Return the greatest load in words."""
    return text(float(result.max_rate), "1/s")
