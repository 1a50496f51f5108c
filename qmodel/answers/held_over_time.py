"""Objectives held against every moment of a load that changes in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from qmodel.answers.answer import Answer, Column, Fact, Table
from qmodel.answers.words import COUNT, RATE, SHARE, TEXT, WORDS, listed, shown
from qmodel.loads import in_words
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.loads import Profile
    from qmodel.pipeline import Pipeline, PipelineOverTime
    from qmodel.planning.slo import Objective

__all__ = ["check_over_time", "held"]


def held(goal: Objective, result: PipelineOverTime) -> tuple[bool, str]:
    """Return whether an objective holds in as much of the time as it asks for, in words."""
    from qmodel.pipeline.over_time import in_minutes
    from qmodel.planning.held_in_time import share_of_time

    good = goal.met_at(result)
    if good.all():
        return True, f"{goal} holds at all times."
    share = share_of_time(result.times, good)
    met = share >= goal.of_time - 1e-12
    bad = np.flatnonzero(~good)
    first, last = (in_minutes(float(result.times[i])) for i in (bad[0], bad[-1]))
    until = "the end" if bad[-1] == len(good) - 1 else last
    if goal.of_time < 1:
        word = "is met" if met else "is missed"
        often = shown(share, SHARE)
        return met, f"{goal} {word}: it holds in {often}, and not from {first} to {until}."
    late = np.where(good, 0.0, result.arrival_rate)
    came = float(np.trapezoid(result.arrival_rate, result.times))
    those = float(np.trapezoid(late, result.times)) / came if came > 0 else 0.0
    return False, (
        f"{goal} is missed from {first} to {until}, by {shown(those, SHARE)} of the requests."
    )


def check_over_time(model: Pipeline, load: Profile, goals: Sequence[Objective]) -> Answer:
    """Say which objectives a model meets under a load that changes in time."""
    result = model.over_time(load)
    found = [held(goal, result) for goal in goals]
    missed = [str(goal) for goal, (good, _) in zip(goals, found, strict=True) if not good]
    at = in_words(load)
    if missed:
        verdict = f"{len(missed)} of {len(goals)} objectives missed {at}: {listed(missed)}"
    else:
        verdict = (
            f"All {len(goals)} objectives met {at}" if goals[1:] else f"Objective met {at}"
        )
    values = [goal.value(result) for goal in goals]
    table = Table(
        "objectives",
        f"Objectives {at}",
        [
            Column("verdict", "", TEXT, ["met" if good else "MISSED" for good, _ in found]),
            Column("objective", "objective", TEXT, [str(goal) for goal in goals]),
            Column(
                "value",
                "worst",
                WORDS,
                [_worst(goal, float(x)) for goal, x in zip(goals, values, strict=True)],
            ),
        ],
    )
    return Answer(
        question="check",
        verdict=verdict,
        meaning=[said for _, said in found],
        facts=[
            Fact("peak", "peak of the load", load.peak, RATE),
            Fact("requests", "requests", load.total, COUNT),
            Fact("met", "", not missed),
        ],
        tables=[table],
        notes=[f"Basis: {next(iter(result.basis.assumptions('mean'))).statement}."],
        details={"values": [float(x) for x in values]},
        good=not missed,
    )


def _worst(goal: Objective, value: float) -> str:
    from qmodel.planning.quantities import quantity_of

    return text(value, quantity_of(goal.quantity).unit)
