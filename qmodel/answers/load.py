"""The load of a question, where it is not given; and what is asked, as a pipeline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from qmodel import _check
from qmodel.answers.answer import Fact
from qmodel.answers.words import COUNT, RATE, TIME, lost
from qmodel.loads import Closed, Poisson, Profile, one_scenario
from qmodel.units import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.planning.slo import Objective, Objectives
    from qmodel.queues import Station

    Model: TypeAlias = Pipeline | Station

__all__ = [
    "curve_of",
    "facts_of",
    "goals_of",
    "lost_in",
    "most",
    "pipeline_of",
    "sensible_load",
]

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
    model: Pipeline, arrival_rate: float | Poisson | Closed | Profile | None, who: str = "it"
) -> tuple[Any, str]:
    """Return the load [1/s], given or sensible, and a remark on how it was chosen."""
    if isinstance(arrival_rate, Closed):
        return one_scenario(arrival_rate), ""
    if isinstance(arrival_rate, Profile):
        return arrival_rate.peak, "the peak of one that changes in time"
    if isinstance(arrival_rate, Poisson):
        arrival_rate = arrival_rate.rate
    if arrival_rate is not None:
        return float(_check.nonnegative("arrival_rate", arrival_rate)), ""
    limit = float(model.max_rate)
    if not math.isfinite(limit):
        return _WITHOUT_LIMIT, "a guess, as no load was given"
    share = f"{100 * _SENSIBLE:.0f} % of what {who} can sustain"
    return _SENSIBLE * limit, f"{share}, as no load was given"


def facts_of(load: Any) -> list[Fact]:
    """Return a load as facts."""
    if isinstance(load, Profile):
        return [Fact("peak", "load at its peak", load.peak, RATE)]
    if not isinstance(load, Closed):
        return [Fact("arrival_rate", "load", load, RATE)]
    return [
        Fact("users", "users", int(load.users), COUNT),
        Fact("think_time", "think time", float(load.think_time), TIME),
    ]


def curve_of(load: Any, until: float, points: int) -> tuple[Any, Any, str]:
    """Return loads of a curve, the same as numbers, and what they are.

    `until` is a rate; the curve of users ends at four times their number, or at twice the
    knee.
    """
    # Closer together at the end, where the curves rise.
    grid = 1 - np.linspace(1, 0.05, points) ** 2
    if not isinstance(load, Closed):
        return until * grid, until * grid, "requests/s"
    users = np.unique(np.ceil(max(until, 1.0) * np.linspace(0, 1, points + 1)[1:]))
    return Closed(users, load.think_time), users, "users"


def lost_in(result: PipelineResult) -> str:
    """Return what is rejected and abandoned as in a sentence; "" where nothing is."""
    return lost(float(result.rejected), float(result.abandoned))


def most(result: PipelineResult) -> str:
    """Return the greatest load in words."""
    return text(float(result.max_rate), "1/s")
