"""``qmodel replay``: a recorded load on the pipeline; the worst of it first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmodel.cli.options import Changes, Format, Output, Shape
from qmodel.cli.report import BAR, RATE, TEXT, TIME, Column, Report, Table, percent
from qmodel.errors import DomainError
from qmodel.units import parse, text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["command", "percentiles_of", "summary"]

LEVELS = {"median": 0.5, "busiest 5 %": 0.95, "busiest 1 %": 0.99, "busiest 0.1 %": 0.999}
_MOST = 5.0  # Whoever writes --scale-to 95 means 95%.
_ROUNDING = 1e-9  # of the shares of the kinds, which sum to 1
_WORDS = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86400.0: "day"}


def command(
    load: Annotated[
        Path,
        typer.Argument(
            metavar="LOAD.csv",
            help="Recorded load, CSV or .csv.gz: a column of times, one of counts or rates.",
        ),
    ],
    output: Output = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="COLUMN", help="The column of times.")
    ] = None,
    count: Annotated[
        str | None,
        typer.Option("--count", metavar="COLUMN", help="The column of counts or rates."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit",
            metavar="UNIT",
            help="The unit of rates, such as requests/min; without it the column counts "
            "requests between times.",
        ),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            metavar="TEXT",
            help="Hold each row against this, such as 'p99 < 300 ms'.",
        ),
    ] = None,
    scale_to: Annotated[
        str | None,
        typer.Option(
            "--scale-to",
            metavar="SHARE",
            help="Scale the load: its busiest row at this share of the capacity, such as 95%.",
        ),
    ] = None,
    percentiles: Annotated[
        str, typer.Option("--percentiles", metavar="LIST", help="Percentiles of the latency.")
    ] = "50,95,99",
    set_: Changes = None,
    form: Shape = Format.TABLE,
) -> None:
    """Replay a recorded load: latency, utilization and headroom for each of its rows.

    Prints the worst row and what missed the objective; --output writes all rows, in their
    order. A row without a load stays, with empty results. Nothing is written after an error.
    """
    from qmodel.cli import model
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.planning import parse_objective
    from qmodel.recorded_load import read_load, replay

    goal = None if objective is None else parse_objective(objective)
    shares, scale = percentiles_of(percentiles), _scale(scale_to)
    if output is not None and output.resolve() == load.resolve():
        raise DomainError(f"--output {str(output)!r} would overwrite the recorded load")
    with writing(output) as write, progress("replay") as tell:
        pipeline = model.changed(model.default_model(), set_)
        recorded = read_load(load, time=time, count=count, unit=unit)
        frame = replay(
            pipeline,
            recorded,
            objective=goal,
            scale_to=scale,
            percentiles=shares,
            progress=tell,
        )
        report = summary(frame, float(pipeline.max_rate), str(goal or ""))
        write(report)
    show(report, form)
    if output is not None:
        typer.echo(f"wrote {len(frame):,} rows to {output}", err=True)


def _scale(written: str | None) -> float | None:
    if written is None:
        return None
    share = parse(written)
    if share > _MOST and "%" not in written:
        raise DomainError(f"--scale-to is a share, such as 95% or 0.95, got {written!r}")
    return share


def percentiles_of(written: str) -> list[float]:
    """Return the shares that a text such as "50,95,99.9" means."""
    shares = []
    for part in written.split(","):
        digits = part.strip().removeprefix("p")
        try:
            # The number as written: 99.9 / 100 is not the float nearest to 0.999.
            share = float(f"{digits}e-2")
        except ValueError:
            share = float("nan")
        if not 0 < share < 1:
            raise DomainError(f"--percentiles must be between 0 and 100, got {part.strip()!r}")
        shares.append(share)
    return sorted(set(shares))


def summary(frame: pd.DataFrame, limit: float, goal: str = "") -> Report:
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
    if goal:
        missed = ~frame["met"].fillna(True).to_numpy(dtype=bool)
        lines.append(_missed(frame, missed, known.size, word, goal))
    if over.any():
        lines.append(
            f"Overload in {_of(over.sum(), known.size, word)}: more arrives than the {first} "
            "can do. What is left undone is not carried into the next one."
        )
    else:
        lines.append(f"No {word} is in overload.")
    if (most := float(frame["rejected"].max())) > _ROUNDING:
        lines.append(f"A rate limit turns away up to {percent(most)} of the requests.")
    facts: dict[str, Any] = {"rows": len(frame), "rows_without_load": len(frame) - known.size}
    facts |= {"worst_time": when, "worst_arrival_rate": rates[worst], f"worst_{tail}": latency}
    facts |= {"max_rate": limit, "bottleneck": first, "headroom": frame["headroom"][worst]}
    facts |= {"rows_in_overload": int(over.sum()), "scale": frame.attrs.get("scale", 1.0)}
    facts |= {"objective": goal, "rows_missed": int(missed.sum())} if goal else {}
    return Report(
        verdict=verdict,
        meaning=lines,
        tables=[_levels(frame, known, word, first)],
        notes=_notes(frame, known.size, word),
        frame=frame,
        facts=facts,
        good=not over.any() and not missed.any(),
    )


def _percentiles(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame if name.startswith("p") and name[1:2].isdigit()]


def _peak(frame: pd.DataFrame, row: int, word: str, first: str, limit: float) -> str:
    room = float(frame["headroom"][row])
    if not first:
        return "Nothing in the pipeline is ever full."
    full = f"the {first} is full at {text(limit, '1/s')}"
    if room <= 0:
        excess = percent(-room / (1 + room))
        return f"In that {word} {full}: {excess} more arrives than it carries."
    return f"In that {word} the load could still grow by {percent(room)}: {full}."


def _of(some: int, of: int, word: str) -> str:
    share = percent(some / of)
    return f"{some:,} of {of:,} {word}s ({share})"


def _missed(frame: pd.DataFrame, missed: np.ndarray, known: int, word: str, goal: str) -> str:
    import numpy as np

    if not missed.any():
        return f"Objective {goal}: met in all {known:,} {word}s."
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
    return f"Objective {goal}: MISSED in {_of(int(missed.sum()), known, word)}; {run}."


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


def _notes(frame: pd.DataFrame, known: int, word: str) -> list[str]:
    notes, scale = [], float(frame.attrs.get("scale", 1.0))
    if scale != 1:
        notes.append(f"The recorded load was multiplied by {scale:.4g}.")
    if known < len(frame):
        notes.append(
            f"{_of(len(frame) - known, len(frame), word)} have no load: no results there."
        )
    if not frame["time"].dropna().is_monotonic_increasing:
        notes.append("The times are not in order; the rows stay as they are in the file.")
    notes.append(f"Each {word} is taken as a steady state of its own.")
    return notes


def _moment(time: Any) -> str:
    if time != time:  # A missing time, of any type.
        return "at an unknown time"
    if hasattr(time, "strftime"):
        return str(time.strftime("%Y-%m-%d %H:%M" if time.second == 0 else "%Y-%m-%d %H:%M:%S"))
    return f"{float(time):.12g} s"
