"""``qmodel solve``: how much load, how long, what is full first, and what the cache does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qmodel.cli.options import Changes, Format, Objectives, Output, Rate, Shape
from qmodel.cli.report import (
    BAR,
    NUMBER,
    SHARE,
    TEXT,
    TIME,
    Column,
    Report,
    Table,
    percent,
)
from qmodel.errors import InfeasibleError
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline, PipelineResult
    from qmodel.planning import Objective

__all__ = ["command"]

OBJECTIVE = "p99 < 300 ms"
_ROUNDING = 1e-9  # of the shares of the kinds, which sum to 1
PERCENTILES = (0.5, 0.95, 0.99, 0.999)


def command(
    rate: Rate = None,
    objective: Objectives = OBJECTIVE,
    set_: Changes = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say how much load the pipeline carries, at which latency, and what is full first."""
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.planning import parse_objective

    goal = parse_objective(objective)
    with writing(output) as write:
        pipeline = model.changed(model.default_model(), set_)
        load, remark = model.load_of(pipeline, rate)
        report = answer(pipeline, load, goal, remark)
        write(report)
    show(report, form)


def answer(model: Pipeline, load: float, goal: Objective, remark: str = "") -> Report:
    """Return the answer for a model at a load [1/s]."""
    from qmodel.cli.hit_ratios import hit_ratios
    from qmodel.planning import capacity

    result = model.solve(load)
    met = bool(goal.met(result))
    try:
        within = float(capacity(model, goal))
    except InfeasibleError:
        within = 0.0
    idle = text(
        float(goal.value(model.solve(0.0))), "%" if goal.quantity == "utilization" else "s"
    )
    tables, notes = hit_ratios(model, load, goal)
    facts: dict[str, Any] = {"arrival_rate": load, "max_rate": result.max_rate}
    facts |= {"bottleneck": result.bottleneck, "headroom": result.headroom}
    facts |= {"rejected": result.rejected, "objective": str(goal), "met": met}
    facts |= {"capacity_within_objective": within}
    facts |= {"basis": {q: result.basis[q] for q in ("max_rate", "mean", "p99")}}
    facts |= {"assumptions": list(result.assumptions)}
    return Report(
        verdict=_verdict(result, load),
        meaning=_meaning(result, goal, within, idle, remark),
        tables=[_latency(result), _stations(result), *tables],
        notes=[*notes, *_basis(result)],
        frame=result.to_frame(),
        facts=facts,
        good=met,
    )


def _verdict(result: PipelineResult, load: float) -> str:
    at, first = text(load, "1/s"), result.bottleneck
    if load >= result.max_rate:
        return f"Overloaded at {at}: the {first} is full from {_at_most(result)} on"
    mean, p99 = (float(t) for t in (result.latency.mean, result.latency.quantile(0.99)))
    carries = f"Carries up to {_at_most(result)}" if first else "Never full"
    bottleneck = f"; bottleneck: {first}" if first else ""
    lost = float(result.rejected)
    refused = f", {percent(lost)} turned away" if lost > _ROUNDING else ""
    times = f"mean {text(mean, 's')}, p99 {text(p99, 's')}"
    return f"{carries}; at {at}: {times}{refused}{bottleneck}"


def _at_most(result: PipelineResult) -> str:
    return text(float(result.max_rate), "1/s")


def _meaning(
    result: PipelineResult, goal: Objective, within: float, idle: str, remark: str
) -> list[str]:
    load, first = float(result.arrival_rate), result.bottleneck
    lines = []
    chosen = f" ({remark})" if remark else ""
    at = f"{text(load, '1/s').removesuffix('/s')} requests a second{chosen}"
    if load >= result.max_rate:
        lines.append(
            f"With {at}, more arrives than the {first} can do: queues and waiting times grow "
            "for as long as the load lasts."
        )
    else:
        half, most = (text(float(t), "s") for t in result.latency.quantile([0.5, 0.99]))
        lines.append(f"With {at}, half of them take at most {half}, 99 of 100 at most {most}.")
        if first:
            room = f"by {percent(float(result.headroom))}" if load > 0 else "freely"
            lines[0] += f" The {first} is full first; until then the load can grow {room}."
    if result.rejected > _ROUNDING:
        lines.append(
            f"A rate limit turns away {percent(float(result.rejected))} of them at once."
        )
    met = "met" if goal.met(result) else "MISSED"
    if within == 0:
        lines.append(f"Objective {goal}: MISSED at any load; {idle} even without load.")
    else:
        until = "at any load" if math.isinf(within) else f"up to {text(within, '1/s')}"
        lines.append(f"Objective {goal}: {met} here; it holds {until}.")
    return lines


def _latency(result: PipelineResult) -> Table:
    import numpy as np

    laws = {"all requests": result.latency}
    shares = [1.0]
    if len(result.kinds) > 1:
        laws |= {kind: r.latency for kind, r in result.kinds.items()}
        shares += [float(r.share) for r in result.kinds.values()]
    times = np.array([law.quantile(PERCENTILES) for law in laws.values()])
    columns = [Column("kind", "", TEXT, list(laws)), Column("share", "share", SHARE, shares)]
    columns.append(Column("mean", "mean", TIME, [float(law.mean) for law in laws.values()]))
    for i, p in enumerate(PERCENTILES):
        columns.append(Column(f"p{100 * p:g}", f"p{100 * p:g}", TIME, times[:, i].tolist()))
    return Table("latency", "How long requests take: 99 of 100 at most p99", columns)


def _stations(result: PipelineResult) -> Table:
    import numpy as np

    frame = result.to_frame()
    names = list(frame["station"])
    queues = np.isfinite([float(result.stations[n].station.servers) for n in names])
    spent = frame["time_per_request"].to_numpy()
    # In overload one part takes all the time there is, and a share says nothing.
    total = spent.sum() if np.isfinite(spent.sum()) and spent.sum() > 0 else np.nan
    shares = np.where(np.isfinite(spent), spent, np.nan) / total
    busy = np.where(queues, frame["utilization"], np.nan)
    wait = np.where(queues, frame["waiting_time"], np.nan)
    columns = [
        Column("station", "", TEXT, names),
        Column("visits", "visits", NUMBER, frame["visits"].tolist()),
        Column("utilization", "busy", BAR, busy.tolist()),
        Column("waiting_time", "wait", TIME, wait.tolist()),
        Column("response_time", "wait + work", TIME, frame["response_time"].tolist()),
        Column("share_of_time", "of the time", SHARE, shares.tolist()),
    ]
    first = names.index(result.bottleneck) if result.bottleneck else None
    mark = "is full first" if result.bottleneck else ""
    return Table("stations", "Where the time goes", columns, first, mark)


def _basis(result: PipelineResult) -> list[str]:
    labels = {"capacity": "max_rate", "mean": "mean", "percentiles": "p99"}
    by_label: dict[str, list[str]] = {}
    for name, key in labels.items():
        by_label.setdefault(result.basis[key], []).append(name)
    said = ", ".join(f"{' and '.join(names)} {label}" for label, names in by_label.items())
    weak = [a for a in result.assumptions if a.label != "exact"]
    model = [a for a in result.assumptions if a.label == "exact"]
    why = f" ({', '.join(weak)})" if weak else ""
    lines = [f"Basis: {said}{why}."]
    return [*lines, f"Model: {', '.join(model)}."] if model else lines
