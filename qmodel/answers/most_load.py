"""How much load a model takes within its objectives, what binds, and what is lost there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.load import goals_of, pipeline_of
from qmodel.answers.read_off import capacity_of, losses, value_of
from qmodel.answers.steady_state import load_pictures
from qmodel.answers.users import user_pictures
from qmodel.answers.words import COUNT, RATE, TEXT, TIME, WORDS, listed, shown
from qmodel.loads import Closed
from qmodel.planning.region import warn_beyond
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.planning.slo import Objective, Objectives
    from qmodel.queues import Station

__all__ = ["capacity"]

_HUGE = 1e12
"""A load at which all that can be lost is lost. [1/s]"""

_UNLIMITED = "No objective limits what is lost: add 'loss < 1 %'."


@checked
@with_doubts
def capacity(
    model: Pipeline | Station, objectives: Objectives = (), *, think_time: float | None = None
) -> Answer:
    """Say how much load a model takes within its objectives, and what is lost at that load.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    objectives : str, Objective or sequence of them, optional
        What must hold, such as "p99 < 300 ms"; without any, a steady state. [-]
    think_time : float, optional
        Mean time between an answer and the next request of a user: with it the answer is a
        number of users. [s]

    Returns
    -------
    Answer
        The greatest load, the objective that binds, and the state there. [-]

    Raises
    ------
    DomainError
        If a text is no objective, or `think_time` is negative.
    ModelError
        If the model has arrays, or lacks what an objective names.

    Examples
    --------
    >>> import qmodel as qm
    >>> web = qm.MMc(0.02, servers=4)
    >>> print(capacity(web, ["p99 < 100 ms", "utilization < 80 %"]).verdict)
    Takes up to 121/s within p99 < 100 ms and utilization < 80 %; p99 < 100 ms binds

    A latency alone hides what is turned away:

    >>> print(capacity(qm.MMcK(0.1, servers=5, capacity=10), "p99 < 500 ms").verdict)
    Takes up to 43.1/s within p99 < 500 ms; of the requests 6.2 % are rejected there
    >>> print(capacity(web, "p99 < 1 s", think_time=5.0).verdict)
    Takes up to 1,120 users who think 5 s within p99 < 1 s
    """
    whole, goals = pipeline_of(model), goals_of(objectives)
    think = None if think_time is None else Closed(1, think_time)
    most = capacity_of(whole, goals, think)
    count = RATE if think is None else COUNT
    facts = [Fact("capacity", "takes up to", most, count)]
    if think is not None:
        facts.append(Fact("think_time", "think time", float(think.think_time), TIME))
    if most == 0 or math.isinf(most):
        verdict = _at_no_or_any_load(most, [str(goal) for goal in goals], think)
        hides = think is None and most > 0 and float(whole.solve(_HUGE).accepted) < 1
        if hides:
            verdict += ", as what is too much is lost"
        return Answer(
            question="capacity",
            verdict=verdict,
            facts=facts,
            notes=[_UNLIMITED] if hides else [],
            good=most > 0,
        )
    # At the capacity itself a pipeline without objectives has no steady state.
    load: Any = most * (1 - 1e-9) if think is None else Closed(most, think.think_time)
    result: Any = whole.solve(load)
    warn_beyond(whole, load)
    alone = [capacity_of(whole, [goal], think) for goal in goals]
    lost = "" if think is not None else _lost(goals, result)
    return Answer(
        question="capacity",
        verdict=_verdict(most, goals, alone, think) + (f"{lost} there" if lost else ""),
        facts=[
            *facts,
            Fact("bottleneck", "saturates first", str(result.bottleneck)),
            *(losses(result) if think is None else ()),
        ],
        tables=[_table(goals, result, alone, count)] if goals else [],
        notes=[_UNLIMITED] if lost else [],
        good=True,
        draw=partial(load_pictures, whole, load, goals)
        if think is None
        else partial(user_pictures, whole, load),
    )


def _verdict(
    most: float, goals: Sequence[Objective], alone: Sequence[float], think: Closed | None
) -> str:
    what = text(most, "1/s")
    if think is not None:
        what = f"{shown(most, COUNT)} users who think {text(float(think.think_time), 's')}"
    if not goals:
        return f"Takes up to {what} before it saturates"
    line = f"Takes up to {what} within {listed([str(goal) for goal in goals])}"
    if len(goals) > 1 and most in alone:
        line += f"; {goals[alone.index(most)]} binds"
    return line


def _at_no_or_any_load(most: float, goals: Sequence[str], think: Closed | None) -> str:
    several = len(goals) > 1
    if most == 0:
        holds = "do not hold" if several else "does not hold"
        return f"{listed(goals)} {holds} even {'with one user' if think else 'without load'}"
    holds = f"{listed(goals)} {'hold' if several else 'holds'}" if goals else "It is stable"
    return f"{holds} {'with any number of users' if think else 'at any load'}"


def _lost(goals: Sequence[Objective], result: PipelineResult) -> str:
    from qmodel.planning.slo import unasked_losses

    lost = float(result.rejected), float(result.abandoned)
    return unasked_losses([str(goal) for goal in goals], *lost)


def _table(
    goals: Sequence[Objective], result: Any, alone: Sequence[float], count: str
) -> Table:
    return Table(
        "objectives",
        "Objectives there",
        [
            Column("objective", "objective", TEXT, [str(goal) for goal in goals]),
            Column("value", "there", WORDS, [value_of(goal, result) for goal in goals]),
            Column("capacity", "alone up to", count, list(alone)),
        ],
    )
