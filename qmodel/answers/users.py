"""How fast a model is for users who wait for their answers, and how many it can have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel.answers.answer import Answer, Fact, Picture
from qmodel.answers.load import curve_of, facts_of
from qmodel.answers.read_off import basis_notes, capacity_of, latency_table, stations_table
from qmodel.answers.words import COUNT, RATE, TIME, percent, shown
from qmodel.loads import Closed, in_words
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.networks.closed_result import ClosedResult
    from qmodel.pipeline import Pipeline
    from qmodel.planning.slo import Objective

__all__ = ["of_users", "user_pictures"]

_POINTS = 60  # of a curve


def of_users(model: Pipeline, load: Closed, goals: Sequence[Objective]) -> Answer:
    """Return the answer to `solve` under a closed load."""
    result = model.solve(load)
    within = [capacity_of(model, [goal], load) for goal in goals]
    met = [bool(goal.met(result)) for goal in goals]
    facts = [
        *facts_of(load),
        Fact("throughput", "throughput", float(result.throughput), RATE),
        Fact("max_rate", "at most", float(result.max_rate), RATE),
        Fact("knee", "knee", float(result.knee), "-"),
        Fact("bottleneck", "saturates first", result.bottleneck),
        Fact("mean", "mean", float(result.response_time), TIME),
        Fact("p99", "p99", float(result.latency.quantile(0.99)), TIME),
    ]
    if goals:
        joint = within[0] if len(goals) == 1 else capacity_of(model, goals, load)
        facts.append(Fact("users_within_objectives", "users within objectives", joint, COUNT))
        facts.append(Fact("met", "", all(met)))
    return Answer(
        question="solve",
        verdict=_verdict(result, load),
        meaning=[_meaning(result, load), *map(_objective, goals, met, within)],
        facts=facts,
        tables=[latency_table(result), stations_table(result)],
        notes=basis_notes(result),
        details={
            "objectives": [
                {"objective": str(g), "met": m, "value": float(g.value(result)), "users": w}
                for g, m, w in zip(goals, met, within, strict=True)
            ],
            "basis": {q: result.basis[q] for q in ("throughput", "mean", "percentiles")},
            "assumptions": list(result.assumptions),
        },
        good=all(met),
        frame=result.to_frame,
        draw=partial(user_pictures, model, load),
    )


def _verdict(result: ClosedResult, load: Closed) -> str:
    mean, p99 = float(result.response_time), float(result.latency.quantile(0.99))
    first = f"; bottleneck: {result.bottleneck}" if result.bottleneck else ""
    through = text(float(result.throughput), "1/s")
    words = in_words(load)
    return (
        f"{words[0].upper()}{words[1:]}: {through}, mean {text(mean, 's')}, "
        f"p99 {text(p99, 's')}{first}"
    )


def _meaning(result: ClosedResult, load: Closed) -> str:
    half, slow = (text(float(t), "s") for t in result.latency.quantile([0.5, 0.99]))
    line = f"Half of the answers take at most {half}, 99 of 100 at most {slow}."
    if not result.bottleneck:
        return f"{line} No user slows another down."
    knee, most = float(result.knee), text(float(result.max_rate), "1/s")
    if load.users > knee:
        wait = text(1 / float(result.max_rate), "s")
        return (
            f"{line} The {result.bottleneck} is saturated from {shown(knee, COUNT)} users on: "
            f"each one more makes all others wait {wait} longer, and no more than {most} are "
            "answered."
        )
    return (
        f"{line} The {result.bottleneck} saturates first, with {shown(knee, COUNT)} users at "
        f"{most}; until then their number can grow by {percent(float(result.headroom))}."
    )


def _objective(goal: Objective, met: bool, within: float) -> str:
    line = f"Objective {goal}: {'met' if met else 'MISSED'} here"
    if goal.from_below:
        return f"{line}."
    if math.isinf(within):
        return f"{line}; it holds with any number of users."
    if within == 0:
        return f"{line}, and with one user."
    return f"{line}; it holds up to {shown(within, COUNT)} users."


def user_pictures(model: Pipeline, load: Closed) -> Sequence[Picture]:
    """Return latency and throughput by users."""
    import numpy as np

    from qmodel.answers.pictures import lines, marks, rows_of

    here = model.solve(load)
    knee = float(here.knee)
    until = 2 * max(float(load.users), knee if math.isfinite(knee) else 1.0)
    loads, users, unit = curve_of(load, until, _POINTS)
    result: Any = model.solve(loads)
    at = {"here": float(load.users), "knee": knee}
    pictures = []
    curves = {"mean": result.response_time}
    curves |= {f"p{100 * p:g}": result.latency.quantile(p) for p in (0.5, 0.95, 0.99)}
    rows: list[dict[str, Any]] = []
    for name, times in curves.items():
        cells = np.broadcast_to(times, users.shape).tolist()
        rows += rows_of({"users": users.tolist(), "latency": cells, "of": [name] * users.size})
    axes = ("users", unit), ("latency", "latency [s]")
    pictures.append(marks(lines("Latency by users", rows, *axes, by="of"), at))
    through = np.broadcast_to(result.throughput, users.shape).tolist()
    rows = rows_of(
        {"users": users.tolist(), "rate": through, "of": ["throughput"] * len(users)}
    )
    axes = ("users", unit), ("rate", "answers/s")
    pictures.append(marks(lines("Throughput by users", rows, *axes, by="of"), at))
    return pictures
