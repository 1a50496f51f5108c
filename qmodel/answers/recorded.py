"""A recorded load on a model: the worst of it first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qmodel._checked import checked
from qmodel.answers.answer import Answer, Column, Fact, Picture, Table
from qmodel.answers.beyond import with_doubts
from qmodel.answers.load import goals_of, pipeline_of
from qmodel.answers.words import BAR, COUNT, RATE, SHARE, TEXT, TIME, listed, percent
from qmodel.errors import DomainError
from qmodel.planning.region import warn_beyond
from qmodel.units import text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from qmodel.pipeline import Pipeline
    from qmodel.planning.slo import Objectives
    from qmodel.queues import Station

__all__ = ["replay"]

LEVELS = {"median": 0.5, "busiest 5 %": 0.95, "busiest 1 %": 0.99, "busiest 0.1 %": 0.999}
_ROUNDING = 1e-9  # of the shares of the kinds, which sum to 1
_WORDS = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86400.0: "day"}
_DRAWN = 2000  # Rows of a picture.


@checked
@with_doubts
def replay(
    model: Pipeline | Station,
    load: pd.DataFrame,
    *,
    objectives: Objectives = (),
    scale_to: float | None = None,
    percentiles: Sequence[float] = (0.5, 0.95, 0.99),
    dynamic: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Answer:
    """Replay a recorded load: latency, losses, utilization and headroom for each of its rows.

    Parameters
    ----------
    model : Pipeline or Station
        The model; one scenario. [-]
    load : pandas.DataFrame
        As from `qmodel.read_load`: columns ``time`` and ``arrival_rate`` [1/s]. [-]
    objectives : str, Objective or sequence of them, optional
        What each row is held against, such as "p99 < 300 ms". [-]
    scale_to : float, optional
        Scale the load so that its busiest row is at this share of the capacity. [-]
    percentiles : sequence of float, default (0.5, 0.95, 0.99)
        Percentiles of the latency, as shares. [-]
    dynamic : bool, default False
        Whether what a row leaves undone is carried into the next. [-]
    progress : callable, optional
        Called with the number of rates and rows solved, and of all. [-]

    Returns
    -------
    Answer
        The worst row, what missed the objectives, and all rows. [-]

    Raises
    ------
    DomainError
        If no row has a load, a rate is negative, or `scale_to` or a percentile out of range.
    ModelError
        If the model has arrays, never saturates and should be scaled to, or lacks what an
        objective names.

    Examples
    --------
    >>> import pandas as pd, qmodel as qm
    >>> load = pd.DataFrame({"time": [0, 60, 120], "arrival_rate": [100.0, 300.0, 500.0]})
    >>> print(replay(qm.MMc(0.01, servers=4), load).verdict)
    Worst row: 120 s, 500/s, overload; bottleneck: MMc
    >>> print(replay(qm.MMc(0.01, servers=4), load, dynamic=True).verdict)
    Worst row: 120 s, 500/s, p99 4.87 s; bottleneck: MMc
    """
    from qmodel.recorded_load import replay as solved

    whole, goals = pipeline_of(model), goals_of(objectives)
    frame = solved(
        whole,
        load,
        objectives=goals,
        scale_to=scale_to,
        percentiles=sorted({float(p) for p in percentiles}),
        dynamic=dynamic,
        progress=progress,
    )
    written = [str(goal) for goal in goals]
    answer = _answer(frame, float(whole.max_rate), written, dynamic=dynamic)
    warn_beyond(whole, frame["arrival_rate"].dropna().to_numpy())
    return answer


def _answer(
    frame: pd.DataFrame, limit: float, goals: Sequence[str], *, dynamic: bool
) -> Answer:
    """Return the verdict on a replayed load, for a pipeline of capacity `limit` [1/s]."""
    import numpy as np

    rates = frame["arrival_rate"].to_numpy()
    tail = _percentiles(frame)[-1]
    known = np.flatnonzero(~np.isnan(rates))
    word = _WORDS.get(frame.attrs.get("interval", 0.0), "row")
    if not known.size:
        raise DomainError("no row of the recorded load has a number of requests")
    # Of rows in overload, all with infinite latency, the busiest is the worst.
    order = known[np.lexsort((rates[known], frame[tail].to_numpy()[known]))]
    worst = int(order[-1])
    when, load = _moment(frame["time"][worst]), text(float(rates[worst]), "1/s")
    first, over = str(frame["bottleneck"][worst]), rates >= limit
    latency = float(frame[tail][worst])
    slow = f"{tail} {text(latency, 's')}" if np.isfinite(latency) else "overload"
    verdict = f"Worst {word}: {when}, {load}, {slow}" + (
        f"; bottleneck: {first}" if first else ""
    )
    missed = np.zeros(0, dtype=bool)
    lines = [_peak(frame, worst, word, first, limit)]
    if goals:
        missed = ~frame["met"].fillna(True).to_numpy(dtype=bool)
        lines.append(_missed(frame, missed, known.size, word, goals))
    if over.any():
        lines.append(
            f"Overload in {_of(over.sum(), known.size, word)}: more arrives than the {first} "
            "can do. What is left undone is "
            + ("carried into the next one." if dynamic else "not carried into the next one.")
        )
        lines += _backlog(frame, word) if dynamic else []
    else:
        lines.append(f"No {word} is in overload.")
    lines += _lost(frame, word)
    facts = [
        Fact("row_count", "rows", len(frame), COUNT),
        Fact("rows_without_load", "", len(frame) - known.size, COUNT),
        Fact("worst_time", "worst", when),
        Fact("worst_arrival_rate", "load there", float(rates[worst]), RATE),
        Fact(f"worst_{tail}", f"{tail} there", latency, TIME),
        Fact("max_rate", "saturates at", limit, RATE),
        Fact("bottleneck", "saturates first", first),
        Fact("headroom", "", float(frame["headroom"][worst]), SHARE),
        Fact("rejected", "rejected, of all", _of_all(frame, "rejected"), SHARE),
        Fact("abandoned", "abandoned, of all", _of_all(frame, "abandoned"), SHARE),
        Fact("rows_in_overload", "rows in overload", int(over.sum()), COUNT),
        Fact("backlog", "backlog up to", float(frame["backlog"].max()), COUNT),
        Fact("scale", "", float(frame.attrs.get("scale", 1.0)), "-"),
    ]
    if goals:
        facts.append(Fact("rows_missed", "rows that miss", int(missed.sum()), COUNT))
    return Answer(
        question="replay",
        verdict=verdict,
        meaning=lines,
        tables=[_levels(frame, known, word, first)],
        notes=_notes(frame, known.size, word, dynamic=dynamic),
        facts=facts,
        details={"objectives": list(goals)},
        good=not over.any() and not missed.any(),
        frame=frame.copy,
        rows="rows",
        draw=partial(_pictures, frame, tail),
    )


def _of_all(frame: pd.DataFrame, name: str) -> float:
    """Return the share of all requests of the load that is lost."""
    rates = frame["arrival_rate"].fillna(0.0)
    return float((rates * frame[name].fillna(0.0)).sum() / max(rates.sum(), 1e-300))


def _backlog(frame: pd.DataFrame, word: str) -> list[str]:
    """Say how much waits at most, how long there is a backlog, and whether it ends."""
    in_time = frame[frame["backlog"].notna() & frame["time"].notna()].sort_values("time")
    waits = in_time["backlog"].to_numpy()
    most = int(waits.argmax())
    # A second of the load at hand is no more than a queue.
    behind = waits > in_time["arrival_rate"].to_numpy().clip(min=1.0)
    at = _moment(in_time["time"].iloc[most])
    line = (
        f"The backlog is up to {waits[most]:,.0f} requests, {at}; there is one of more than a "
        f"second of load in {_of(behind.sum(), len(waits), word)}"
    )
    if behind[-1]:
        return [f"{line}.", f"The record ends in overload, with {waits[-1]:,.0f} that wait."]
    return [f"{line}, and none at the end."]


def _lost(frame: pd.DataFrame, word: str) -> list[str]:
    lines = []
    for name in ("rejected", "abandoned"):
        worst = float(frame[name].max())
        if worst > _ROUNDING:
            whole = percent(_of_all(frame, name))
            lines.append(
                f"{whole} of all requests {name}, {percent(worst)} in the worst {word}."
            )
    return lines


def _percentiles(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame if name.startswith("p") and name[1:2].isdigit()]


def _peak(frame: pd.DataFrame, row: int, word: str, first: str, limit: float) -> str:
    room = float(frame["headroom"][row])
    if not first:
        return "Nothing in the pipeline ever saturates."
    full = f"the {first} is saturated at {text(limit, '1/s')}"
    if room <= 0:
        excess = percent(-room / (1 + room))
        return f"In that {word} {full}: {excess} more arrives than it sustains."
    return f"In that {word} the load could still grow by {percent(room)}: {full}."


def _of(some: int, of: int, word: str) -> str:
    share = percent(some / of)
    return f"{some:,} of {of:,} {word}s ({share})"


def _missed(
    frame: pd.DataFrame, missed: np.ndarray, known: int, word: str, goals: Sequence[str]
) -> str:
    import numpy as np

    what = f"Objective{'s' if len(goals) > 1 else ''} {listed(goals)}"
    if not missed.any():
        return f"{what}: met in all {known:,} {word}s."
    times = frame["time"]
    in_order = np.argsort(times.to_numpy(), kind="stable")
    edges = np.diff(np.concatenate(([0], missed[in_order].astype(int), [0])))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    longest = int((ends - begins).argmax())
    n = int(ends[longest] - begins[longest])
    since, until = (_moment(times[in_order[i]]) for i in (begins[longest], ends[longest] - 1))
    run = (
        f"longest run {n:,} {word}s, {since} to {until}"
        if n > 1
        else f"never two {word}s in a row"
    )
    return f"{what}: MISSED in {_of(int(missed.sum()), known, word)}; {run}."


def _levels(frame: pd.DataFrame, known: np.ndarray, word: str, first: str) -> Table:
    """Return the row of median load, of the busiest ones, and the peak."""
    import numpy as np

    rates = frame["arrival_rate"].to_numpy()
    by_load = known[np.argsort(rates[known], kind="stable")]
    at = [by_load[min(int(q * by_load.size), by_load.size - 1)] for q in LEVELS.values()]
    rows = frame.iloc[[*at, by_load[-1]]]
    columns = [Column("level", "", TEXT, [*LEVELS, "peak"])]
    columns.append(Column("arrival_rate", "load", RATE, rows["arrival_rate"].tolist()))
    times = ["mean", *_percentiles(frame)]
    columns += [Column(name, name, TIME, rows[name].tolist()) for name in times]
    if f"utilization.{first}" in frame:
        busy = rows[f"utilization.{first}"].tolist()
        columns.append(Column("utilization", f"{first} busy", BAR, busy))
    return Table("levels", f"Quiet and busy {word}s, from which load on", columns, len(LEVELS))


def _notes(frame: pd.DataFrame, known: int, word: str, *, dynamic: bool) -> list[str]:
    notes = [f"{note[0].upper()}{note[1:]}." for note in frame.attrs.get("notes", ())]
    scale = float(frame.attrs.get("scale", 1.0))
    if scale != 1:
        notes.append(f"The recorded load was multiplied by {scale:.4g}.")
    if known < len(frame):
        notes.append(
            f"{_of(len(frame) - known, len(frame), word)} have no load: no results there."
        )
    if not frame["time"].dropna().is_monotonic_increasing:
        notes.append("The times are not in order; the rows stay as they are in the file.")
    if dynamic:
        notes.append(
            f"The load goes in straight lines from {word} to {word}, over those without one "
            f"too. A {word} that differs from a steady state by less than 0.1 % is one."
        )
    else:
        notes.append(f"Each {word} is taken as a steady state of its own.")
    return notes


def _moment(time: Any) -> str:
    if time != time:  # A missing time, of any type.
        return "at an unknown time"
    if hasattr(time, "strftime"):
        return str(time.strftime("%Y-%m-%d %H:%M" if time.second == 0 else "%Y-%m-%d %H:%M:%S"))
    return f"{float(time):.12g} s"


def _pictures(frame: pd.DataFrame, tail: str) -> Sequence[Picture]:
    from qmodel.answers.pictures import lines, rows_of

    # Of each stretch of rows the worst, so that no peak is lost.
    step = -(-len(frame) // _DRAWN)
    worst = frame.groupby(frame.index // step)
    times = worst["time"].first()
    temporal = hasattr(times, "dt")
    at = times.astype(str).tolist() if temporal else times.tolist()
    found = []
    for name, axis in (("arrival_rate", "requests/s"), (tail, f"{tail} [s]")):
        cells = {"time": at, name: worst[name].max().tolist(), "of": [axis] * len(at)}
        found.append(
            lines(
                f"{axis} over time",
                rows_of(cells),
                ("time", "time"),
                (name, axis),
                by="of",
                time=temporal,
            )
        )
    return found
