"""Objectives held against a model: met or missed, for a build to go on or to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.held_over_time import check_over_time
from qmodel.answers.load import facts_of, goals_of, lost_in, pipeline_of, sensible_load
from qmodel.answers.read_off import capacity_of, losses, value_of
from qmodel.answers.words import COUNT, RATE, SHARE, TEXT, WORDS, listed
from qmodel.errors import DomainError, ModelError
from qmodel.loads import Closed, Poisson, Profile, in_words
from qmodel.planning.region import warn_beyond

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.planning.slo import Objective, Objectives
    from qmodel.queues import Station

__all__ = ["check", "gathered", "junit"]


@checked
@with_doubts
def check(
    model: Pipeline | Station,
    arrival_rate: float | Poisson | Closed | Profile | None = None,
    *,
    objectives: Objectives,
) -> Answer:
    """Say which objectives a model meets at a load.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    arrival_rate : float, Closed or Profile, optional
        The load; by default 60 % of what the model can sustain; under a profile the
        objectives must hold through all of it. [1/s]
    objectives : str, Objective or sequence of them
        What must hold, one at least, such as "p99 < 300 ms" or "loss < 0.1 %". [-]

    Returns
    -------
    Answer
        Good where all are met; a row for each. [-]

    Raises
    ------
    DomainError
        If there is no objective, or a text is not one.
    ModelError
        If the model lacks what an objective names.

    Examples
    --------
    >>> import qmodel as qm
    >>> shop = qm.Pipeline(qm.call("web", qm.MMc(0.01, servers=4)))
    >>> found = check(shop, 300.0, objectives=["p99 < 80 ms", "utilization < 70 %"])
    >>> print(found)
    1 of 2 objectives missed at 300/s: utilization < 70 %
    >>> print(check(shop, qm.Closed(600, think_time=2.0), objectives="p99 < 80 ms"))
    Objective met with 600 users who think 2 s
    """
    from qmodel.planning._results import load_share_of

    whole, goals = pipeline_of(model), goals_of(objectives)
    if not goals:
        raise DomainError("a check needs an objective, such as 'p99 < 300 ms'")
    if isinstance(arrival_rate, Profile):
        warn_beyond(whole, arrival_rate)
        return check_over_time(whole, arrival_rate, goals)
    load, remark = sensible_load(whole, arrival_rate)
    warn_beyond(whole, load)
    result = whole.solve(load)
    overload = bool(load_share_of(result) >= 1)
    met = [bool(goal.met(result)) for goal in goals]
    missed = [str(goal) for goal, good in zip(goals, met, strict=True) if not good]
    within = [capacity_of(whole, [goal], load) for goal in goals]
    users = isinstance(load, Closed)
    values = [value_of(goal, result) for goal in goals]
    state = ["met" if good else "MISSED" for good in met]
    table = Table(
        "objectives",
        f"Objectives {in_words(load)}",
        [
            Column("verdict", "", TEXT, state),
            Column("objective", "objective", TEXT, [str(goal) for goal in goals]),
            Column("value", "here", WORDS, values),
            Column(
                "users" if users else "capacity",
                "holds up to users" if users else "holds up to",
                COUNT if users else RATE,
                within,
            ),
        ],
    )
    return Answer(
        question="check",
        verdict=_verdict(missed, len(goals), load),
        facts=[
            *facts_of(load),
            Fact("max_rate", "saturates at", float(result.max_rate), RATE),
            Fact("headroom", "", float(result.headroom), SHARE),
            *losses(result),
            Fact("met", "", not missed),
        ],
        tables=[table],
        notes=_notes(result, goals, remark, overload),
        details={"values": [float(goal.value(result)) for goal in goals]},
        good=not missed,
        draw=partial(_pictures, tuple(goals), result),
    )


def _verdict(missed: Sequence[str], of: int, load: Any) -> str:
    at = in_words(load)
    if not missed:
        return f"All {of} objectives met {at}" if of > 1 else f"Objective met {at}"
    if of == 1:
        return f"Objective missed {at}: {missed[0]}"
    return f"{len(missed)} of {of} objectives missed {at}: {listed(missed)}"


def _notes(
    result: PipelineResult, goals: Sequence[Objective], remark: str, overload: bool
) -> list[str]:
    notes = [f"The load is {remark}."] if remark else []
    if overload:
        notes.append("More arrives than can be served: every objective is missed in overload.")
    lost = lost_in(result)
    watched = {"loss", "rejected", "abandoned", "goodput"}
    if lost and not watched & {goal.quantity for goal in goals}:
        notes.append(f"{lost} here; no objective says how much may be, such as 'loss < 1 %'.")
    weak = [a for a in result.assumptions if a.label != "exact"]
    label = result.basis["percentiles"]
    notes.append(f"Basis: percentiles {label}{f' ({listed(weak)})' if weak else ''}.")
    return notes


@checked
def gathered(answers: Mapping[str, Answer]) -> Answer:
    """Return the checks of several models as one.

    Parameters
    ----------
    answers : mapping of str to Answer
        Answers of `check`, by the names of the models. [-]

    Returns
    -------
    Answer
        Good where all are; a row for each model and objective. [-]

    Raises
    ------
    ModelError
        If there are no answers.

    Examples
    --------
    >>> import qmodel as qm
    >>> loads = {"day": 50.0, "peak": 95.0}
    >>> print(gathered({n: check(qm.MMc(0.01), x, objectives="mean < 50 ms")
    ...                 for n, x in loads.items()}))
    1 of 2 objectives missed: mean < 50 ms in peak
    """
    if not answers:
        raise ModelError("answers must have at least one, got none")
    rows: dict[str, list[Any]] = {key: [] for key in ("verdict", "objective", "value", "model")}
    rows["load"] = []
    for name, answer in answers.items():
        columns = {c.key: list(c.values) for c in answer.tables[0].columns}
        for key in ("verdict", "objective", "value"):
            rows[key] += columns[key]
        count = len(columns["verdict"])
        rows["model"] += [name] * count
        rows["load"] += [answer.tables[0].title.partition(" ")[2]] * count
    missed = [
        f"{objective} in {model}"
        for verdict, objective, model in zip(
            rows["verdict"], rows["objective"], rows["model"], strict=True
        )
        if verdict == "MISSED"
    ]
    of = len(rows["verdict"])
    some = f"{len(missed)} of {of} objectives missed: {listed(missed)}" if missed else ""
    return Answer(
        question="check",
        verdict=some or f"All {of} objectives met in {listed(list(answers))}",
        good=not missed,
        doubts=[f"{name}: {d}" for name, a in answers.items() for d in a.doubts],
        facts=[Fact("met", "", not missed)],
        tables=[
            Table(
                "objectives",
                "Objectives",
                [
                    Column("verdict", "", TEXT, rows["verdict"]),
                    Column("objective", "objective", TEXT, rows["objective"]),
                    Column("value", "here", WORDS, rows["value"]),
                    Column("model", "model", TEXT, rows["model"]),
                    Column("load", "load", TEXT, rows["load"]),
                ],
            )
        ],
        notes=list(dict.fromkeys(note for a in answers.values() for note in a.notes)),
        details={"models": {name: a.verdict for name, a in answers.items()}},
    )


@checked
def junit(answer: Answer) -> str:
    """Return the verdicts of `check` as JUnit XML, which build servers show.

    Parameters
    ----------
    answer : Answer
        An answer of `check`. [-]

    Returns
    -------
    str
        A test for each objective; a missed one is a failure. [-]

    Raises
    ------
    DomainError
        If the answer is to another question.

    Examples
    --------
    >>> import qmodel as qm
    >>> answer = check(qm.MMc(0.01), 50.0, objectives="mean < 10 ms")
    >>> print(junit(answer).splitlines()[2])
      <testcase classname="qmodel" name="mean &lt; 10 ms">
    """
    if answer.question != "check":
        raise DomainError(f"JUnit XML is of checks, not of the question {answer.question!r}")
    columns: dict[str, Sequence[Any]] = {c.key: c.values for c in answer.tables[0].columns}
    missed = [state == "MISSED" for state in columns["verdict"]]
    suite = ElementTree.Element(
        "testsuite", name="qmodel", tests=str(len(missed)), failures=str(sum(missed))
    )
    models = columns.get("model", ["qmodel"] * len(missed))
    cells = zip(models, columns["objective"], missed, columns["value"], strict=True)
    for model, name, bad, value in cells:
        case = ElementTree.SubElement(suite, "testcase", classname=model, name=name)
        if bad:
            failure = ElementTree.SubElement(case, "failure", message=f"{value} here")
            failure.text = answer.verdict
    ElementTree.indent(suite)
    body = ElementTree.tostring(suite, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _pictures(goals: Sequence[Objective], result: PipelineResult) -> Sequence[Picture]:
    from qmodel.answers.pictures import bars, marks, rows_of

    values = [float(goal.value(result)) / goal.limit for goal in goals]
    rows = rows_of({"objective": [str(goal) for goal in goals], "share": values})
    axis = ("share", "value over limit")
    return [marks(bars("How near the limits are", rows, axis, "objective"), {"limit": 1.0})]
