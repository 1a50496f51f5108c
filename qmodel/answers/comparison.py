"""Models side by side at the same load: what one buys, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.hit_ratios import within_header
from qmodel.answers.load import curve_of, facts_of, goals_of, pipeline_of, sensible_load
from qmodel.answers.read_off import capacity_of
from qmodel.answers.words import COUNT, RATE, SHARE, TEXT, TIME, WORDS, listed, lost, shown
from qmodel.errors import ModelError
from qmodel.loads import Closed, Poisson, columns_of, in_words
from qmodel.planning.region import warn_beyond

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.pipeline import Pipeline
    from qmodel.planning.slo import Objective, Objectives
    from qmodel.queues import Station

__all__ = ["compare"]

_SAME = 0.005  # percent
_ROWS = {
    "servers": ("servers in all", COUNT),
    "max_rate": ("sustains at most", RATE),
    "within": ("", RATE),
    "bottleneck": ("saturates first", TEXT),
    "utilization": ("how busy that is", SHARE),
    "headroom": ("load can grow by", SHARE),
    "rejected": ("rejected", SHARE),
    "abandoned": ("abandoned", SHARE),
    "goodput": ("goodput", RATE),
    "mean": ("mean latency", TIME),
    "p50": ("p50", TIME),
    "p95": ("p95", TIME),
    "p99": ("p99", TIME),
    "p99.9": ("p99.9", TIME),
}
_POINTS = 40  # of a curve


@checked
@with_doubts
def compare(
    models: Mapping[str, Pipeline | Station],
    arrival_rate: float | Poisson | Closed | None = None,
    *,
    objectives: Objectives = (),
) -> Answer:
    """Compare models at the same load; the first is the reference.

    Parameters
    ----------
    models : mapping of str to Pipeline or Station
        The models by name. [-]
    arrival_rate : float or Closed, optional
        The load; by default 60 % of what the weakest can sustain. [1/s]
    objectives : str, Objective or sequence of them, optional
        What must hold, such as "p99 < 300 ms". [-]

    Returns
    -------
    Answer
        The models side by side, with their changes against the first. [-]

    Raises
    ------
    DomainError
        If the load is negative, or a text is no objective.
    ModelError
        If there is no model, or one has arrays or lacks what an objective names.

    Examples
    --------
    >>> import qmodel as qm
    >>> found = compare({"one fast": qm.MMc(0.01), "four slow": qm.MMc(0.04, 4)}, 60.0)
    >>> print(found)
    At 60/s: one fast p99 115 ms, four slow p99 199 ms
    Both sustain the same load: 100/s and 100/s.
    They are not equal: 1 and 4 servers.
    """
    from qmodel.planning import compare as side_by_side

    if not models:
        raise ModelError("models must have at least one model")
    whole = {name: pipeline_of(model) for name, model in models.items()}
    goals = goals_of(objectives)
    weakest = min(whole.values(), key=lambda m: float(m.max_rate))
    load, remark = sensible_load(weakest, arrival_rate, "the weakest")
    for one in whole.values():
        warn_beyond(one, load)
    frame = side_by_side(whole, load)
    if goals:
        frame["within"] = [capacity_of(m, goals, load) for m in whole.values()]
        frame["met"] = [
            all(bool(goal.met(m.solve(load))) for goal in goals) for m in whole.values()
        ]
    users = isinstance(load, Closed)
    sustained = users or (load < frame["max_rate"]).all()
    good = bool(sustained and (not goals or frame["met"].all()))
    basis = [
        f"{name}: mean {b['mean']}, percentiles {b['percentiles']}"
        for name, b in frame.attrs["basis"].items()
    ]
    return Answer(
        question="compare",
        verdict=_verdict(frame, list(whole), load),
        meaning=_meaning(frame, list(whole), goals, remark),
        facts=facts_of(load),
        tables=[_table(frame, list(whole), goals, load)],
        notes=[f"Basis: {'; '.join(basis)}."],
        details={
            "objectives": [str(goal) for goal in goals],
            "models": frame.to_dict("records"),
        },
        good=good,
        frame=frame.copy,
        draw=partial(_pictures, whole, load),
    )


def _verdict(frame: pd.DataFrame, names: Sequence[str], load: Any) -> str:
    parts = []
    for name, row in zip(names, frame.to_dict("records"), strict=True):
        gone = lost(row["rejected"], row["abandoned"])
        parts.append(f"{name} p99 {shown(row['p99'], TIME)}{f' ({gone})' if gone else ''}")
    at = in_words(load)
    return f"{at[0].upper()}{at[1:]}: {', '.join(parts)}"


def _meaning(
    frame: pd.DataFrame, names: Sequence[str], goals: Sequence[Objective], remark: str
) -> list[str]:
    limits, counts = frame["max_rate"], frame["servers"]
    lines = [f"The load is {remark}."] if remark else []
    best = int(limits.to_numpy().argmax())
    even = bool((limits == limits.iloc[0]).all())
    all_of = "Both sustain" if len(names) == 2 else "All sustain"
    name = repr(names[best]) if " " in names[best] else f"The {names[best]}"
    most = f"{all_of} the same load" if even else f"{name} sustains most"
    if len(names) > 1:
        lines.append(f"{most}: {listed([shown(v, RATE) for v in limits])}.")
    if (counts != counts.iloc[0]).any():
        numbers = listed([f"{c:.0f}" for c in counts])
        lines.append(f"They are not equal: {numbers} servers.")
    if goals:
        missed = [name for name, met in zip(names, frame["met"], strict=True) if not met]
        said = f"MISSED by {listed(missed)}" if missed else "met by all"
        word = "Objectives" if len(goals) > 1 else "Objective"
        lines.append(f"{word} {listed([str(goal) for goal in goals])}: {said}.")
    return lines


def _table(
    frame: pd.DataFrame, names: Sequence[str], goals: Sequence[Objective], load: Any
) -> Table:
    rows = {key: row for key, row in _ROWS.items() if key in frame}
    users = isinstance(load, Closed)
    if users:
        rows |= {
            "max_rate": ("answers at most", RATE),
            "headroom": ("users to the knee", SHARE),
        }
        if "within" in rows:
            rows["within"] = (f"users within {listed([str(goal) for goal in goals])}", COUNT)
    for key in ("rejected", "abandoned"):
        if (frame[key] <= 1e-9).all():
            del rows[key]
    if not users and not {"rejected", "abandoned"} & set(rows):
        del rows["goodput"]
    heads = [h or within_header(goals) for h, _ in rows.values()]
    columns = [Column("quantity", "", TEXT, heads)]
    for row, name in enumerate(names):
        cells = [shown(frame[key].iloc[row], unit) for key, (_, unit) in rows.items()]
        columns.append(Column(name, name, WORDS, cells))
    for row, name in enumerate(names[1:], start=1):
        header = "change" if len(names) == 2 else f"change, {name}"
        columns.append(Column(f"{name}.change", header, WORDS, _changes(frame, row, rows)))
    return Table("", f"Side by side {in_words(load)}", columns)


def _changes(frame: pd.DataFrame, row: int, rows: Mapping[str, Any]) -> list[str]:
    found = []
    for key in rows:
        change = float("nan")
        if f"{key}.change" in frame:
            change = float(frame[f"{key}.change"].iloc[row])
        elif key == "within" and frame[key].iloc[0] > 0:
            change = 100 * (frame[key].iloc[row] / frame[key].iloc[0] - 1)
        words = "same" if abs(change) < _SAME else f"{change:+.3g} %"
        found.append(words if math.isfinite(change) else "")
    return found


def _pictures(models: Mapping[str, Pipeline], load: Any) -> Sequence[Picture]:
    import numpy as np

    from qmodel.answers.pictures import lines, marks, rows_of

    rows = []
    for name, model in models.items():
        here = next(iter(columns_of(load).values()))
        limit = math.inf if isinstance(load, Closed) else float(model.max_rate)
        until = limit if math.isfinite(limit) else 2 * max(here, 1.0)
        loads, x, unit = curve_of(load, until, _POINTS)
        p99 = np.broadcast_to(model.solve(loads).latency.quantile(0.99), x.shape)
        rows += rows_of({"load": x.tolist(), "p99": p99.tolist(), "of": [name] * x.size})
    picture = lines("p99 by load", rows, ("load", unit), ("p99", "p99 [s]"), by="of")
    return [marks(picture, {"here": float(here)})]
