"""What several answers read off a solved model: losses, capacity, and the tables of times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qmodel.answers.answer import Column, Fact, Table
from qmodel.answers.words import BAR, NUMBER, RATE, SHARE, TEXT, TIME, listed, shown
from qmodel.loads import Closed
from qmodel.planning.region import doubts_heard
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.networks.closed_result import ClosedResult
    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.planning.slo import Objective
    from qmodel.queues import Station

__all__ = [
    "basis_notes",
    "capacity_of",
    "held_permits",
    "latency_table",
    "losses",
    "stations_table",
    "time_spent",
    "value_of",
]

PERCENTILES = (0.5, 0.95, 0.99, 0.999)


def losses(result: PipelineResult) -> list[Fact]:
    """Return what is lost and what is served."""
    # Rounding may leave a hair less than nothing.
    lost = map(float, (result.rejected, result.abandoned))
    rejected, abandoned = (0.0 if share <= 0 else share for share in lost)
    return [
        Fact("rejected", "rejected", rejected, SHARE),
        Fact("abandoned", "abandoned", abandoned, SHARE),
        Fact("goodput", "goodput", float(result.goodput), RATE),
    ]


def capacity_of(
    model: Pipeline | Station, goals: Sequence[Objective], load: Any = None
) -> float:
    """Return the greatest rate within objectives, or number of users; 0 where there is none.

    `load` is of the kind that is asked for.
    """
    from qmodel.errors import InfeasibleError
    from qmodel.planning import capacity

    try:
        think = load.think_time if isinstance(load, Closed) else None
        with doubts_heard():  # What is said beside an answer is no answer.
            return float(capacity(model, *goals, think_time=think))
    except InfeasibleError:
        return 0.0


def value_of(goal: Objective, result: Any) -> str:
    """Return the quantity of an objective in words."""
    from qmodel.planning.quantities import quantity_of

    return shown(float(goal.value(result)), quantity_of(goal.quantity).unit)


def latency_table(result: PipelineResult | ClosedResult) -> Table:
    """Return mean and percentiles of the latency, of each kind of request."""
    import numpy as np

    from qmodel.pipeline import PipelineResult

    distributions = {"all requests": result.latency}
    parts: list[Any] = [result]
    shares = [1.0]
    if isinstance(result, PipelineResult) and len(result.kinds) > 1:
        distributions |= {kind: r.latency for kind, r in result.kinds.items()}
        parts += result.kinds.values()
        shares += [float(r.share) for r in result.kinds.values()]
    times = np.array(
        [distribution.quantile(PERCENTILES) for distribution in distributions.values()]
    )
    columns = [
        Column("kind", "", TEXT, list(distributions)),
        Column("share", "share", SHARE, shares),
    ]
    for name in ("rejected", "abandoned"):
        values = [float(getattr(part, name)) for part in parts]
        if any(v > 1e-9 for v in values):
            columns.append(Column(name, name, SHARE, values))
    columns.append(
        Column(
            "mean",
            "mean",
            TIME,
            [float(distribution.mean) for distribution in distributions.values()],
        )
    )
    for i, p in enumerate(PERCENTILES):
        columns.append(Column(f"p{100 * p:g}", f"p{100 * p:g}", TIME, times[:, i].tolist()))
    return Table("latency", "How long requests take: 99 of 100 at most p99", columns)


def stations_table(result: PipelineResult | ClosedResult) -> Table:
    """Return what each station adds to the latency."""
    names = list(result.stations)
    states = list(result.stations.values())
    queues = [math.isfinite(float(r.station.servers)) for r in states]
    visits = [float(result.visits[name]) for name in names]
    # In overload one part takes all the time there is, and a share says nothing.
    spent = [sum(times) for times in time_spent(result).values()]
    total = sum(spent)
    known = 0 < total < math.inf
    shares = [t / total if known else math.nan for t in spent]

    def queued(quantity: str) -> list[float]:
        values = (float(getattr(r, quantity)) for r in states)
        return [v if q else math.nan for v, q in zip(values, queues, strict=True)]

    columns = [
        Column("station", "", TEXT, names),
        Column("visits", "visits", NUMBER, visits),
        Column("utilization", "busy", BAR, queued("utilization")),
    ]
    for name in ("rejected", "abandoned"):
        values = [float(getattr(r, name)) for r in states]
        if any(v > 0 for v in values):
            columns.append(Column(name, name, SHARE, values))
    columns += [
        Column("waiting_time", "wait", TIME, queued("waiting_time")),
        Column("time_here", "wait + work", TIME, [float(r.time_here) for r in states]),
        Column("share_of_time", "of the time", SHARE, shares),
    ]
    first = names.index(result.bottleneck) if result.bottleneck else None
    mark = "saturates first" if result.bottleneck else ""
    return Table("stations", "Where the time goes", columns, first, mark)


def held_permits(result: PipelineResult) -> list[str]:
    """Return for how long permits are held: the row of a pool has the wait for one alone."""
    held = {n: float(r.response_time - r.time_here) for n, r in result.stations.items()}
    return [
        f"A permit of {name} is held for {text(time, 's')}: see the rows of what it waits for."
        for name, time in held.items()
        if 0 < time < math.inf
    ]


def basis_notes(result: PipelineResult | ClosedResult) -> list[str]:
    """Return what the numbers rest on."""
    labels = {"capacity": "max_rate", "mean": "mean", "percentiles": "percentiles"}
    by_label: dict[str, list[str]] = {}
    for name, key in labels.items():
        by_label.setdefault(result.basis[key], []).append(name)
    said = ", ".join(f"{listed(names)} {label}" for label, names in by_label.items())
    weak = [a for a in result.assumptions if a.label != "exact"]
    model = [a for a in result.assumptions if a.label == "exact"]
    why = f" ({', '.join(weak)})" if weak else ""
    lines = [f"Basis: {said}{why}."]
    return [*lines, f"Model: {', '.join(model)}."] if model else lines


def time_spent(result: PipelineResult | ClosedResult) -> dict[str, tuple[float, float]]:
    """Return the work and the wait of a request at each station, adding up to its mean [s]."""
    spent = {}
    for name, state in result.stations.items():
        visits = float(result.visits[name])
        here, wait = float(state.time_here), float(state.waiting_time)
        spent[name] = (visits * (here - wait), visits * wait) if visits > 0 else (0.0, 0.0)
    return spent
