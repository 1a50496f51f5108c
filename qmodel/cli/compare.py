"""``qmodel compare``: monolith against microservices, at equal servers and load."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from qmodel.cli.options import Changes, Format, Objectives, Output, Rate, Shape
from qmodel.cli.report import (
    COUNT,
    RATE,
    SHARE,
    TEXT,
    TIME,
    WORDS,
    Column,
    Report,
    Table,
    shown,
)
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.pipeline import Pipeline
    from qmodel.planning import Objective

__all__ = ["command"]

_SAME = 0.005  # percent
_ROWS = {
    "servers": ("servers in all", COUNT),
    "max_rate": ("carries at most", RATE),
    "within": ("", RATE),
    "bottleneck": ("full first", TEXT),
    "utilization": ("how busy that is", SHARE),
    "headroom": ("load can grow by", SHARE),
    "mean": ("mean latency", TIME),
    "p50": ("p50", TIME),
    "p95": ("p95", TIME),
    "p99": ("p99", TIME),
    "p99.9": ("p99.9", TIME),
}


def command(
    rate: Rate = None,
    objective: Objectives = "p99 < 300 ms",
    set_: Changes = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Compare the monolith with microservices, at as many servers and the same load.

    --set changes each of the two that has the parameter.
    """
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.planning import compare, parse_objective

    goal = parse_objective(objective)
    with writing(output) as write:
        models, notes = model.changed_each(model.models(), set_)
        least = min(models.values(), key=lambda m: float(m.max_rate))
        load, remark = model.load_of(least, rate, "the weaker one")
        frame = compare(models, load)
        frame["within"] = [_within(m, goal) for m in models.values()]
        report = _report(frame, models, goal, remark, notes)
        write(report)
    show(report, form)


def _within(model: Pipeline, goal: Objective) -> float:
    from qmodel.errors import InfeasibleError
    from qmodel.planning import capacity

    try:
        return float(capacity(model, goal))
    except InfeasibleError:
        return 0.0


def _report(
    frame: pd.DataFrame,
    models: Mapping[str, Pipeline],
    goal: Objective,
    remark: str,
    notes: list[str],
) -> Report:
    names = list(models)
    load = float(frame["arrival_rate"].iloc[0])
    heads = [("p99", TIME), ("max_rate", RATE)]
    (first, *_), limits = ([shown(v, u) for v in frame[n]] for n, u in heads), frame["max_rate"]
    verdict = f"At {text(load, '1/s')}: " + ", ".join(
        f"{name} p99 {p99}" for name, p99 in zip(names, first, strict=True)
    )
    meaning = [f"The load is {remark}."] if remark else []
    best = int(limits.to_numpy().argmax())
    even = bool((limits == limits.iloc[0]).all())
    most = "Both carry the same load" if even else f"The {names[best]} carries most"
    meaning.append(f"{most}: {' and '.join(shown(v, RATE) for v in limits)}.")
    counts = frame["servers"]
    if (counts != counts.iloc[0]).any():
        numbers = " and ".join(f"{c:.0f}" for c in counts)
        meaning.append(f"They are not equal: {numbers} servers.")
    columns = [Column("quantity", "", TEXT, [h or f"with {goal}" for h, _ in _ROWS.values()])]
    for row, name in enumerate(names):
        cells = [shown(frame[key].iloc[row], unit) for key, (_, unit) in _ROWS.items()]
        columns.append(Column(name, name, WORDS, cells))
    for row, name in enumerate(names[1:], start=1):
        header = "change" if len(names) == 2 else f"change, {name}"
        columns.append(Column(f"{name}.change", header, WORDS, _changes(frame, row)))
    basis = [
        f"{name}: mean {b['mean']}, percentiles {b['percentiles']}"
        for name, b in frame.attrs["basis"].items()
    ]
    return Report(
        verdict=verdict,
        meaning=meaning,
        tables=[Table("", f"Side by side at {text(load, '1/s')}", columns)],
        notes=[*notes, f"Basis: {'; '.join(basis)}."],
        frame=frame,
        facts={
            "arrival_rate": load,
            "objective": str(goal),
            "models": frame.to_dict("records"),
        },
        good=bool((load < limits).all()),
    )


def _changes(frame: pd.DataFrame, row: int) -> list[str]:
    found = []
    for key in _ROWS:
        change = float("nan")
        if f"{key}.change" in frame:
            change = float(frame[f"{key}.change"].iloc[row])
        elif key == "within" and frame[key].iloc[0] > 0:
            change = 100 * (frame[key].iloc[row] / frame[key].iloc[0] - 1)
        words = "same" if abs(change) < _SAME else f"{change:+.3g} %"
        found.append(words if math.isfinite(change) else "")
    return found
