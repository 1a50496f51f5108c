"""A model over a grid of loads and parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Sized
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.load import facts_of, pipeline_of, sensible_load
from qmodel.answers.words import (
    COUNT,
    NUMBER,
    RATE,
    SHARE,
    TEXT,
    TIME,
    counted,
    shown,
    size,
)
from qmodel.errors import DomainError
from qmodel.loads import Closed, Poisson, columns_of, in_words
from qmodel.units import parse, text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.pipeline import Pipeline
    from qmodel.queues import Station

__all__ = ["sweep"]

MOST = 2.0**30
"""Memory of the frame of one answer [B]."""
_SHOWN = 40
_COLUMNS = 15  # of a frame, beside one for each station
_CELL = 8.0  # [B]


@checked
@with_doubts
def sweep(
    model: Pipeline | Station,
    over: Mapping[str, Any],
    arrival_rate: float | Poisson | Closed | None = None,
) -> Answer:
    """Solve a model over loads and parameters, one row for each combination.

    Parameters
    ----------
    model : Pipeline or Station
        The model. [-]
    over : mapping of str to sequence or str
        The axes, "arrival_rate", "users" and "think_time", or names as in
        `Pipeline.parameters`, and their values: a sequence, or text: a list "0.8,90%,0.99",
        or a range "500/s:2000/s:4" of start, stop and count. [-]
    arrival_rate : float or Closed, optional
        The load, where it is no axis, or of users and their think time what is none; by
        default 60 % of what the model can sustain. [1/s]

    Returns
    -------
    Answer
        Latency, losses, capacity and bottleneck of each scenario. [-]

    Raises
    ------
    DomainError
        If an axis is empty, a value outside its domain, or the grid too large for the memory.
    ModelError
        If an axis is unknown, or the load is given twice.

    Examples
    --------
    >>> import qmodel as qm
    >>> shop = qm.Pipeline(qm.call("web", qm.MMc(0.01, servers=4)))
    >>> found = sweep(shop, {"arrival_rate": [100.0, 300.0, 500.0]})
    >>> print(found)
    3 scenarios: p99 from 46.2 ms to 60.1 ms; 1 in overload
    >>> found.to_frame()["p99"].round(4).tolist()
    [0.0462, 0.0601, inf]
    """
    from qmodel.planning.sweep import sweep as solved

    whole = pipeline_of(model)
    load, remark = None, ""
    if isinstance(arrival_rate, Closed) and {"users", "think_time"} & set(over):
        # What is no axis of a load of users is as it is given.
        rest = {n: [x] for n, x in columns_of(arrival_rate).items() if n not in over}
        if not rest:
            raise DomainError("the load is given twice: arrival_rate, and as axes")
        over, arrival_rate = {**rest, **over}, None
    if not {"arrival_rate", "users"} & set(over):
        load, remark = sensible_load(whole, arrival_rate)
    elif arrival_rate is not None:
        raise DomainError("the load is given twice: arrival_rate, and as an axis")
    axes = {name: _axis(name, values) for name, values in over.items()}
    for name, axis in axes.items():
        if isinstance(axis, tuple) and isinstance(whole.parameters().get(name), int):
            _refuse_parts(name, *axis)
        if not (isinstance(axis, Sized) and len(axis)):
            raise DomainError(
                f"over: {name} must have at least one value, in a sequence, got {axis!r}"
            )
    cells = math.prod(
        axis[-1] if isinstance(axis, tuple) else len(axis) for axis in axes.values()
    )
    _refuse(cells, _CELL * cells * (_COLUMNS + len(whole.stations)))
    frame = solved(whole, {n: _values(a) for n, a in axes.items()}, arrival_rate=load)
    facts = [] if load is None else facts_of(load)
    facts.append(Fact("scenario_count", "scenarios", len(frame), COUNT))
    said = "" if load is None else in_words(load)
    said = f"{said[:1].upper()}{said[1:]}{f' ({remark})' if remark else ''}."
    return Answer(
        question="sweep",
        verdict=_verdict(frame),
        meaning=[] if load is None else [said],
        facts=facts,
        tables=[_table(frame, list(over))],
        notes=_notes(frame),
        good="users" in frame or bool((frame["arrival_rate"] < frame["max_rate"]).any()),
        frame=frame.copy,
        rows="scenarios",
        draw=partial(_pictures, frame, list(over)),
    )


def _axis(name: str, values: Any) -> Any:
    """Return the values of an axis, or of a range its start, stop and count."""
    if not isinstance(values, str):
        return list(values) if isinstance(values, tuple) else values
    parts = values.split(":")
    if len(parts) == 1:
        return [parse(value.strip()) for value in values.split(",") if value.strip()]
    if len(parts) != 3 or not parts[2].strip().isdigit() or int(parts[2]) < 2:
        raise DomainError(
            f"axis {name} needs a list such as 1,2,4 or a range START:STOP:COUNT with a "
            f"count of 2 or more, got {values!r}"
        )
    return parse(parts[0]), parse(parts[1]), int(parts[2])


def _refuse_parts(name: str, start: float, stop: float, count: int) -> None:
    """Refuse a range of a whole number whose values are not all whole."""
    span = stop - start
    if start % 1 == 0 == span % (count - 1):
        return
    hint = f"{start:g}:{stop:g}:{span + 1:g} has each of them"
    if span % count == 0:
        hint = f"in steps of {count} it is {start:g}:{stop:g}:{span / count + 1:g}"
    raise DomainError(
        f"over: {name} is a whole number, and {count} values from {start:g} to {stop:g} are "
        f"not all whole: {hint}"
    )


def _refuse(cells: int, needed: float) -> None:
    """Refuse a grid that would take too much memory, before it is laid out."""
    if needed > MOST:
        raise DomainError(
            f"the axes make {cells:,} scenarios, which take {size(needed)} of memory, more "
            f"than {size(MOST)}: take fewer values, or qmodel.planning.sweep_chunks, which "
            "yields them in parts"
        )


def _values(axis: Any) -> Any:
    import numpy as np

    return np.linspace(*axis) if isinstance(axis, tuple) else axis


def _verdict(frame: pd.DataFrame) -> str:
    import numpy as np

    p99 = frame["p99"].to_numpy()
    fine, over = np.isfinite(p99), int(np.isinf(p99).sum())
    verdict = counted(len(frame), "scenario")
    if fine.any():
        least, most = (text(float(t), "s") for t in (p99[fine].min(), p99[fine].max()))
        verdict += f": p99 from {least} to {most}" if least != most else f": p99 {least}"
    if over:
        verdict += f"; {over:,} in overload"
    if unknown := int(np.isnan(p99).sum()):
        verdict += f"; {unknown:,} without a number"
    worst = float((frame["rejected"] + frame["abandoned"]).max())
    if worst > 1e-9:
        verdict += f"; up to {shown(worst, SHARE)} lost"
    return verdict


def _table(frame: pd.DataFrame, axes: Sequence[str]) -> Table:
    head = frame.head(_SHOWN)
    columns = [
        Column(n, "load" if n == "arrival_rate" else n, _unit(n), head[n].tolist())
        for n in axes
    ]
    columns += [Column(n, n, TIME, head[n].tolist()) for n in ("mean", "p95", "p99")]
    for name in ("rejected", "abandoned"):
        if (frame[name] > 1e-9).any():
            columns.append(Column(name, name, SHARE, head[name].tolist()))
    columns.append(Column("max_rate", "sustains", RATE, head["max_rate"].tolist()))
    if "bottleneck" in frame:
        words = head["bottleneck"].tolist()
        columns.append(Column("bottleneck", "saturates first", TEXT, words))
    return Table("scenarios", "Latency, capacity and bottleneck", columns)


def _notes(frame: pd.DataFrame) -> list[str]:
    notes = [f"Basis of the percentiles: {frame['basis'].iloc[0]}."]
    if len(frame) > _SHOWN:
        rest = len(frame) - _SHOWN
        notes.insert(0, f"{rest:,} more rows: to_frame, --output FILE or --format csv has all.")
    return notes


def _unit(name: str) -> str:
    last = name.rsplit(".", 1)[-1]
    if last in ("arrival_rate", "rate"):
        return RATE
    if last in ("hit_ratio", "failure", "share"):
        return SHARE
    if last == "users":
        return COUNT
    return TIME if last in ("service_time", "mean", "pause", "think_time") else NUMBER


def _pictures(frame: pd.DataFrame, axes: Sequence[str]) -> Sequence[Picture]:
    from qmodel.answers.pictures import heat_map, lines, rows_of

    # What has one value is no axis.
    axes = [name for name in axes if frame[name].nunique() > 1] or axes[:1]
    if len(frame) > 5000 or len(axes) > 2:
        return []
    if len(axes) == 1:
        (x,) = axes
        rows: list[Any] = []
        for name in ("mean", "p50", "p95", "p99"):
            cells = {x: frame[x].tolist(), "latency": frame[name].tolist()}
            rows += rows_of(cells | {"of": [name] * len(frame)})
        title = f"Latency by {x}"
        return [lines(title, rows, (x, x), ("latency", "latency [s]"), by="of")]
    rows = frame[[*axes, "p99"]].to_dict("records")
    title = "p99" if "users" in frame else "p99 (orange: overload)"
    return [heat_map(title, rows, axes[0], axes[1], ("p99", "p99 [s]"))]
