"""``qmodel sweep``: the pipeline over a grid of loads and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from qmodel.cli.options import Changes, Format, Output, Rate, Shape, pair
from qmodel.cli.report import NUMBER, RATE, SHARE, TEXT, TIME, Column, Report, Table
from qmodel.errors import DomainError
from qmodel.units import parse, text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["axis_of", "command"]

_SHOWN = 40  # Rows of a table on the terminal.


def command(
    over: Annotated[
        list[str],
        typer.Option(
            "--over",
            metavar="NAME=VALUES",
            help="What to vary: a list 0.8,0.9,0.99 or a range START:STOP:COUNT such as "
            "500/s:2000/s:4. May be repeated: all combinations are solved.",
        ),
    ],
    rate: Rate = None,
    set_: Changes = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Solve the pipeline over loads and parameters, one row for each combination.

    NAME is arrival_rate or a parameter, such as cache.hit_ratio or database.servers.
    """
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.planning.sweep import sweep

    axes: dict[str, list[float]] = {}
    for name, values in (pair("--over", written) for written in over):
        if name in axes:
            raise DomainError(f"--over {name} is given twice")
        axes[name] = axis_of(name, values)
    with writing(output) as write:
        pipeline = model.changed(model.default_model(), set_)
        load, remark = None, ""
        if "arrival_rate" not in axes:
            load, remark = model.load_of(pipeline, rate)
        elif rate is not None:
            raise DomainError("the load is given twice: --rate, and --over arrival_rate")
        frame = sweep(pipeline, axes, arrival_rate=load)
        report = _report(frame, axes, load, remark)
        write(report)
    show(report, form)


def axis_of(name: str, written: str) -> list[float]:
    """Return the values that a list or a range of ``--over`` means."""
    parts = written.split(":")
    if len(parts) == 1:
        return [parse(value.strip()) for value in written.split(",") if value.strip()]
    if len(parts) != 3 or not parts[2].strip().isdigit() or int(parts[2]) < 2:
        raise DomainError(
            f"--over {name} needs a list such as 1,2,4 or a range START:STOP:COUNT with a "
            f"count of 2 or more, got {written!r}"
        )
    import numpy as np

    start, stop, count = parse(parts[0]), parse(parts[1]), int(parts[2])
    values: list[float] = np.linspace(start, stop, count).tolist()
    return values


def _report(frame: pd.DataFrame, axes: Any, load: float | None, remark: str) -> Report:
    import numpy as np

    p99 = frame["p99"].to_numpy()
    fine = np.isfinite(p99)
    over = int(np.isinf(p99).sum())
    verdict = f"{len(frame):,} scenarios"
    if fine.any():
        least, most = (text(float(t), "s") for t in (p99[fine].min(), p99[fine].max()))
        verdict += f": p99 from {least} to {most}" if least != most else f": p99 {least}"
    if over:
        verdict += f"; {over:,} in overload"
    meaning = []
    if load is not None:
        meaning.append(f"Load: {text(load, '1/s')}{f' ({remark})' if remark else ''}.")
    head = frame.head(_SHOWN)
    columns = [
        Column(
            name, "load" if name == "arrival_rate" else name, _unit(name), head[name].tolist()
        )
        for name in axes
    ]
    columns += [Column(n, n, TIME, head[n].tolist()) for n in ("mean", "p95", "p99")]
    columns.append(Column("max_rate", "carries", RATE, head["max_rate"].tolist()))
    columns.append(Column("bottleneck", "full first", TEXT, head["bottleneck"].tolist()))
    notes = []
    if len(frame) > _SHOWN:
        notes.append(
            f"{len(frame) - _SHOWN:,} more rows: --output FILE or --format csv has all."
        )
    notes.append(f"Basis of the percentiles: {frame['basis'].iloc[0]}.")
    return Report(
        verdict=verdict,
        meaning=meaning,
        tables=[Table("scenarios", "Latency, capacity and bottleneck", columns)],
        notes=notes,
        frame=frame,
        facts={"arrival_rate": load} if load is not None else {},
    )


def _unit(name: str) -> str:
    last = name.rsplit(".", 1)[-1]
    if last in ("arrival_rate", "rate"):
        return RATE
    if last in ("hit_ratio", "failure"):
        return SHARE
    return TIME if last in ("service_time", "mean", "pause") else NUMBER
