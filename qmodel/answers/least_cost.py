"""How many of each: the cheapest numbers of servers that meet the objectives."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.load import facts_of, goals_of, pipeline_of, sensible_load
from qmodel.answers.words import COUNT, NUMBER, SHARE, TEXT, WORDS, percent, shown
from qmodel.errors import InfeasibleError, ModelError
from qmodel.loads import Closed, Poisson, Profile

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline
    from qmodel.planning.sizing import Sizing
    from qmodel.planning.slo import Objectives
    from qmodel.queues import Station

__all__ = ["size"]

_ROWS = 5  # of the picture of costs


@checked
@with_doubts
def size(
    model: Pipeline | Station,
    arrival_rate: float | Poisson | Closed | Profile | None = None,
    *,
    objectives: Objectives,
    prices: Mapping[str, float] | None = None,
    lots: Mapping[str, float] | None = None,
    scenarios: Mapping[str, Mapping[str, Any]] | None = None,
    headroom: float = 0.0,
    spares: int | Mapping[str, int] = 0,
) -> Answer:
    """Say how many of each to have, for the least cost, and what one more of each would buy.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    arrival_rate : float, Closed or Profile, optional
        The load: a rate, users, or what changes in time; by default 60 % of what the model
        can sustain. [1/s]
    objectives : str, Objective or sequence of them
        What must hold in all scenarios, such as "p99 < 300 ms". [-]
    prices : mapping of str to number, optional
        Price of one of each parameter that is sized; by default the replicas of each pool
        and the servers of each other station, at 1. [-]
    lots : mapping of str to number, optional
        How much is bought at once of what is no whole number, such as memory. [-]
    scenarios : mapping of str to (mapping of str to number), optional
        In each, what differs, as in `qmodel.size`. [-]
    headroom : number, default 0
        Share by which all loads may exceed what is stated. [-]
    spares : int or mapping of str to int, default 0
        How many more of each to have. [-]

    Returns
    -------
    Answer
        The numbers, their cost and what binds; good unless no numbers are enough, and then
        its verdict says what is too slow, and how fast it must become.

    Raises
    ------
    DomainError
        If a price, share or load is outside its domain, or a text is no objective.
    ModelError
        If there is no such parameter, it is no whole number, or more of it is worse.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.call("web", qm.MMc(0.045)), qm.call("db", qm.MMc(0.020))
    >>> site = qm.Pipeline(qm.series(web, qm.cached(0.85, lookup=qm.nothing(), miss=db)))
    >>> found = size(site, 1200.0, objectives="p99 < 250 ms", prices={"web.servers": 1,
    ...     "db.servers": 3})
    >>> print(found.verdict)
    web.servers 56, db.servers 5 for p99 < 250 ms at 1200/s (cost 71, the least): p99 is 238 ms;
    web.servers binds, one more makes it 226 ms
    >>> size(site, 1200.0, objectives="p99 < 150 ms").good
    False
    """
    from qmodel.planning.size import size as sized

    goals = goals_of(objectives)
    if not goals:
        raise ModelError("size needs an objective, such as 'p99 < 300 ms'")
    load, remark = arrival_rate, ""
    if not isinstance(load, Profile):
        load, remark = sensible_load(pipeline_of(model), load)
    given = {
        "prices": prices, "lots": lots, "scenarios": scenarios, "headroom": headroom,
        "spares": spares,
    }  # fmt: skip
    said = [f"The load is {remark}."] if remark else []
    asked_of = facts_of(load)
    try:
        plan = sized(model, load, *goals, **given)  # type: ignore[arg-type]
    except InfeasibleError as none:
        verdict = str(none)[:1].upper() + str(none)[1:]
        facts = [*asked_of, Fact("feasible", "", False)]
        return Answer(
            question="size", verdict=verdict, good=False, meaning=said, facts=facts, tables=[]
        )
    return Answer(
        question="size",
        verdict=str(plan),
        good=True,
        meaning=said,
        facts=[
            *asked_of,
            Fact("feasible", "", True),
            Fact("cost", "cost", plan.cost, NUMBER),
            Fact("bound", "costs at least", plan.bound, NUMBER),
            Fact("binding", "binds", plan.binding),
            Fact("binding_objective", "nearest objective", plan.binding_objective),
            Fact("binding_scenario", "in", plan.binding_scenario),
            Fact("rejected", "rejected", plan.rejected, SHARE),
            Fact("abandoned", "abandoned", plan.abandoned, SHARE),
        ],
        tables=[_numbers(model, plan), *_scenarios(plan)],
        notes=_notes(plan, headroom),
        details={"numbers": dict(plan.numbers), "exact": plan.exact, "gap": plan.gap},
        frame=plan.to_frame,
        draw=partial(_pictures, model, load, plan, given),
    )


def _numbers(model: Any, plan: Sizing) -> Table:
    from qmodel.planning._models import asked
    from qmodel.planning.quantities import quantity_of
    from qmodel.planning.slo import parse_objective

    now = asked(model).parameters()
    binding = parse_objective(plan.binding_objective)
    unit = quantity_of(binding.quantity).unit
    more = [shown(x, unit) for x in plan.with_one_more.values()]
    here = [float(now[name]) / plan.lots.get(name, 1) for name in plan.numbers]
    columns = [
        Column("parameter", "", TEXT, list(plan.numbers)),
        Column("now", "in the model", COUNT, here),
        Column("number", "to have", COUNT, list(plan.numbers.values())),
        Column("needed", "needed", COUNT, list(plan.needed.values())),
        Column("least", "if all else is unlimited", COUNT, list(plan.least.values())),
        Column("steady", "for a steady state", COUNT, list(plan.steady.values())),
        Column("price", "price", NUMBER, list(plan.prices.values())),
        Column("with_one_more", f"{binding.quantity} with one more", WORDS, more),
    ]
    at = list(plan.numbers).index(plan.binding)
    return Table("sizes", "How many of each", columns, at, "one more of it buys the most")


def _scenarios(plan: Sizing) -> list[Table]:
    from qmodel.planning.quantities import quantity_of
    from qmodel.planning.slo import parse_objective

    if len(plan.values) < 2:
        return []
    names = list(plan.values)
    columns = [Column("scenario", "", TEXT, names)]
    for goal in plan.objectives:
        unit = quantity_of(parse_objective(goal).quantity).unit
        cells = [shown(plan.values[name][goal], unit) for name in names]
        columns.append(Column(goal, goal, WORDS, cells))
    at = names.index(plan.binding_scenario)
    return [Table("by_scenario", "As sized, in each scenario", columns, at, "decides")]


def _notes(plan: Sizing, headroom: float) -> list[str]:
    notes = []
    if plan.exact:
        notes.append("The search was complete: nothing cheaper is enough.")
    else:
        over = percent(plan.gap)
        notes.append(f"The search was cut short: the least cost may be up to {over} lower.")
    for name, lot in plan.lots.items():
        notes.append(f"One {name} is {lot:.10g}.")
    if headroom:
        notes.append(f"All loads with {percent(headroom)} of headroom.")
    spare = {n: plan.numbers[n] - k for n, k in plan.needed.items() if plan.numbers[n] > k}
    if spare:
        said = ", ".join(f"{k} of {name}" for name, k in spare.items())
        notes.append(f"Spares, all of which may fail at once: {said}.")
    return notes


def _pictures(model: Any, load: Any, plan: Sizing, given: Mapping[str, Any]) -> list[Picture]:
    from qmodel.answers.pictures import costs
    from qmodel.planning.frontier import cost_frontier
    from qmodel.planning.quantities import quantity_of
    from qmodel.planning.slo import parse_objective

    goals = map(parse_objective, plan.objectives)
    timed = (g for g in goals if g.subject is None and quantity_of(g.quantity).unit == "s")
    goal = next(timed, None)
    if goal is None or isinstance(load, Profile):  # Each point is a search through time.
        return []
    frame = cost_frontier(model, load, goal.quantity, points=_ROWS, **given)
    rows = [
        {"cost": row["cost"], "value": row[goal.quantity]} for row in frame.to_dict("records")
    ]
    title = f"What a better {goal.quantity} costs"
    limit = (goal.limit, str(goal))
    return [costs(title, rows, f"{goal.quantity} [s]", limit)] if len(rows) > 1 else []
