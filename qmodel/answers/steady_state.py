"""How much load a model sustains, how long requests take, what is lost, and where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Fact, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.hit_ratios import hit_ratios
from qmodel.answers.load import goals_of, lost_in, most, pipeline_of, sensible_load
from qmodel.answers.read_off import (
    basis_notes,
    capacity_of,
    held_permits,
    latency_table,
    losses,
    stations_table,
    time_spent,
    value_of,
)
from qmodel.answers.words import RATE, SHARE, TIME, percent
from qmodel.loads import Closed, Poisson
from qmodel.planning.region import warn_beyond
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.planning.slo import Objective, Objectives
    from qmodel.queues import Station

__all__ = ["load_pictures", "solve"]

CURVES = {"mean": None, "p50": 0.5, "p95": 0.95, "p99": 0.99}
_POINTS = 60  # of a curve


@checked
@with_doubts
def solve(
    model: Pipeline | Station,
    arrival_rate: float | Poisson | Closed | None = None,
    *,
    objectives: Objectives = (),
) -> Answer:
    """Say how much load a model sustains, how long requests take, and what saturates first.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    arrival_rate : float or Closed, optional
        The load; by default 60 % of what the model can sustain. [1/s]
    objectives : str, Objective or sequence of them, optional
        What must hold, such as "p99 < 300 ms". [-]

    Returns
    -------
    Answer
        Latency, losses, stations, and what the hit ratios of caches do. [-]

    Raises
    ------
    DomainError
        If the load is negative, or a text is no objective.
    ModelError
        If the model has arrays, or lacks what an objective names.

    Examples
    --------
    >>> import qmodel as qm
    >>> door = qm.MMcK(0.1, servers=5, capacity=10)
    >>> print(solve(door, 500.0, objectives="p99 < 1 s").verdict)
    90 % rejected at 500/s, goodput 50/s; of the rest mean 198 ms, p99 570 ms; never saturates

    Users who wait for their answers:

    >>> print(solve(qm.MMc(0.1, 5), qm.Closed(200, think_time=5.0), objectives="p99 < 1 s"))
    With 200 users who think 5 s: 38.9/s, mean 141 ms, p99 547 ms; bottleneck: MMc
    Half of the answers take at most 109 ms, 99 of 100 at most 547 ms. The MMc saturates ...
    Objective p99 < 1 s: met here; it holds up to 255 users.
    """
    from qmodel.answers.users import of_users

    whole, goals = pipeline_of(model), goals_of(objectives)
    load, remark = sensible_load(whole, arrival_rate)
    warn_beyond(whole, load)
    if isinstance(load, Closed):
        return of_users(whole, load, goals)
    result = whole.solve(load)
    tables, notes = hit_ratios(whole, load, goals)
    within = _within(whole, goals, tables)
    met = [bool(goal.met(result)) for goal in goals]
    times = latency_table(result)
    half, slow = (c.values[0] for c in times.columns if c.key in ("p50", "p99"))
    facts = [
        Fact("arrival_rate", "load", load, RATE),
        Fact("max_rate", "saturates at", float(result.max_rate), RATE),
        Fact("headroom", "", float(result.headroom), SHARE),
        Fact("bottleneck", "saturates first", str(result.bottleneck)),
        Fact("mean", "mean", float(result.latency.mean), TIME),
        Fact("p99", "p99", slow, TIME),
        *losses(result),
    ]
    details: dict[str, Any] = {
        "objectives": [
            {"objective": str(g), "met": m, "value": float(g.value(result)), "capacity": w}
            for g, m, w in zip(goals, met, within, strict=True)
        ]
    }
    if goals:
        floors = any(goal.from_below for goal in goals)
        joint = capacity_of(whole, goals) if floors and len(goals) > 1 else min(within)
        facts.append(Fact("capacity_within_objectives", "within objectives", joint, RATE))
        facts.append(Fact("met", "", all(met)))
    details["basis"] = {q: result.basis[q] for q in ("max_rate", "mean", "p99")}
    details["assumptions"] = list(result.assumptions)
    return Answer(
        question="solve",
        verdict=_verdict(result, load, slow),
        meaning=[
            *_meaning(result, load, remark, half, slow),
            *(
                _objective(whole, result, *each)
                for each in zip(goals, met, within, strict=True)
            ),
            *_other_state(result),
        ],
        facts=facts,
        tables=[times, stations_table(result), *tables],
        notes=[*notes, *held_permits(result), *basis_notes(result)],
        details=details,
        good=load < float(result.max_rate) and all(met),
        frame=result.to_frame,
        draw=partial(load_pictures, whole, load, tuple(goals)),
    )


def _within(
    model: Pipeline, goals: Sequence[Objective], tables: Sequence[Table]
) -> list[float]:
    """Return the capacity under each objective; that of the only one may be in a table."""
    if len(goals) == 1:
        for table in tables:
            found = next((c for c in table.columns if c.key == "capacity"), None)
            if found is not None and table.marked is not None:
                return [found.values[table.marked]]
    return [capacity_of(model, [goal]) for goal in goals]


def _verdict(result: PipelineResult, load: float, slow: float) -> str:
    at, first = text(load, "1/s"), result.bottleneck
    if load >= result.max_rate:
        return f"Overloaded at {at}: the {first} is saturated from {most(result)} on"
    times = f"mean {text(float(result.latency.mean), 's')}, p99 {text(slow, 's')}"
    limit = f"bottleneck: {first}" if first else "never saturates"
    if lost := lost_in(result):
        served = text(float(result.goodput), "1/s")
        return f"{lost} at {at}, goodput {served}; of the rest {times}; {limit}"
    sustains = f"Sustains up to {most(result)}; at" if first else "Never saturates; at"
    return f"{sustains} {at}: {times}" + (f"; {limit}" if first else "")


def _meaning(
    result: PipelineResult, load: float, remark: str, half: float, slow: float
) -> list[str]:
    first = result.bottleneck
    chosen = f" ({remark})" if remark else ""
    at = f"{text(load, '1/s').removesuffix('/s')} requests a second{chosen}"
    if load >= result.max_rate:
        return [
            f"With {at}, more arrives than the {first} can do: queues and waiting times grow "
            "for as long as the load lasts."
        ]
    lost = lost_in(result)
    whom = f", {lost}; half of the others" if lost else ", half of them"
    times = f"take at most {text(half, 's')}, 99 of 100 at most {text(slow, 's')}"
    line = f"With {at}{whom} {times}."
    if first:
        room = f"by {percent(float(result.headroom))}" if load > 0 else "freely"
        line += f" The {first} saturates first; until then the load can grow {room}."
    return [line]


def _other_state(result: PipelineResult) -> list[str]:
    """Return in words into which state a burst may tip it, if there is another."""
    other = result.equilibria.get("collapsed")
    if other is None or other is result:
        return []
    served, back = (text(float(x), "1/s") for x in (other.goodput, result.hidden_capacity))
    return [
        "A burst, or a short outage, may leave it collapsed, as clients who give up try again: "
        f"a goodput of {served}, until the load falls below {back}."
    ]


def _objective(
    model: Pipeline, result: PipelineResult, goal: Objective, holds: bool, within: float
) -> str:
    met = "met" if holds else "MISSED"
    if goal.from_below:
        return f"Objective {goal}: {met} here, where it is {value_of(goal, result)}."
    if within == 0:
        idle = value_of(goal, model.solve(0.0))
        return f"Objective {goal}: MISSED at any load; {idle} even without load."
    if math.isinf(within):
        # Who is refused does not wait: a latency alone holds where nearly all are refused.
        hides = lost_in(result) and "loss" not in goal.quantity
        but = "; what is lost is not counted" if hides else ""
        return f"Objective {goal}: {met} here; it holds at any load{but}."
    line = f"Objective {goal}: {met} here; it holds up to {text(within, '1/s')}"
    some = any(model.plan.loses(root) for _, root in model.kinds.values())
    lost = some and lost_in(model.solve(within * (1 - 1e-9)))
    return f"{line}, where {lost}." if lost else f"{line}."


def load_pictures(model: Pipeline, load: float, goals: Sequence[Objective]) -> list[Picture]:
    """Return latency by load, and where the time goes."""
    from qmodel.answers.pictures import marks

    limits = {str(g): g.limit for g in goals if g.quantity in CURVES or g.probability}
    latency = _latency_by_load(model, load, max(limits.values(), default=0.0))
    return [
        marks(latency, limits, "y") if limits else latency,
        *_where_time_goes(model.solve(load)),
    ]


def _latency_by_load(model: Pipeline, load: float, limit: float) -> Picture:
    import numpy as np

    from qmodel.answers.pictures import lines, marks, rows_of

    saturation = float(model.max_rate)
    until = saturation if math.isfinite(saturation) else 2 * max(load, 1.0)
    # Closer together near saturation, where the curves rise.
    rates = until * (1 - np.linspace(1, 0.03, _POINTS) ** 2)
    distribution = model.solve(rates).latency
    curves = {
        name: np.broadcast_to(
            distribution.mean if p is None else distribution.quantile(p), rates.shape
        )
        for name, p in CURVES.items()
    }
    rows = []
    for name, times in curves.items():
        columns = {"load": rates.tolist(), "latency": times.tolist()}
        rows += rows_of(columns | {"of": [name] * len(rates)})
    here = [rates.searchsorted(load)] if load < rates[-1] else []
    p99 = curves["p99"]
    most = max(3 * float(p99[0]), 1.3 * limit, *(1.3 * float(p99[i]) for i in here))
    latency = lines(
        "Latency by load",
        rows,
        ("load", "requests/s"),
        ("latency", "latency [s]"),
        by="of",
        most=min(most, float(np.max(p99, initial=0.0, where=np.isfinite(p99)))) or None,
    )
    capacity = {"here": load}
    if math.isfinite(saturation):
        # The knee of Kleinrock: the most throughput for its latency.
        capacity["knee"] = float(rates[np.argmax(rates / curves["mean"])])
        capacity["saturates"] = saturation
    return marks(latency, capacity)


def _where_time_goes(result: PipelineResult) -> list[Picture]:
    from qmodel.answers.pictures import waterfall

    parts = [(name, *times) for name, times in time_spent(result).items()]
    if not all(math.isfinite(whole) for _, *times in parts for whole in times):
        return []
    title = "Where the time of a request goes"
    return [waterfall(title, parts, "mean time [s]", ("work", "wait"))]
