"""``qmodel replay``: a recorded load on the pipeline; the worst of it first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qmodel.cli.options import (
    Changes,
    File,
    Format,
    LogFormat,
    Objectives,
    Output,
    Overrides,
    Scenario,
    Shape,
)
from qmodel.errors import DomainError

__all__ = ["command"]

_MOST = 5.0  # Whoever writes --scale-to 95 means 95%.


def command(
    load: Annotated[
        Path,
        typer.Argument(
            metavar="LOAD",
            help="Recorded load: CSV with a column of times and one of counts or rates, an "
            "access log, or what a load test or monitoring wrote; plain or .gz.",
        ),
    ],
    file: File = None,
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
            help="The unit of rates, such as requests/min, if the name of the column does not "
            "say it; without it the column counts requests between times.",
        ),
    ] = None,
    log_format: LogFormat = None,
    objective: Objectives = None,
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
    dynamic: Annotated[
        bool,
        typer.Option(
            "--dynamic",
            help="Carry what a row leaves undone into the next, until it is done.",
        ),
    ] = False,
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
) -> None:
    """Replay a recorded load: latency, utilization and headroom for each of its rows.

    Prints the worst row and what missed an objective; --output writes all rows, in their
    order. A row without a load stays, with empty results. Each row is a steady state of its
    own; with --dynamic what one leaves undone is there in the next. Nothing is written after
    an error.
    """
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.recorded_load import read_load

    shares = numbers.percentiles("--percentiles", percentiles)
    scale = None if scale_to is None else numbers.share("--scale-to", scale_to, _MOST)
    if output is not None and output.resolve() == load.resolve():
        raise DomainError(f"--output {str(output)!r} would overwrite the recorded load")
    with writing(output) as write, progress("replay") as tell:
        it = model.asked(
            file, set_, override, scenario=scenario, objectives=objective, default=""
        )
        recorded = read_load(load, time=time, count=count, unit=unit, format=log_format)
        answer = answers.replay(
            it.model,
            recorded,
            objectives=it.objectives,
            scale_to=scale,
            percentiles=shares,
            dynamic=dynamic,
            progress=tell,
        )
        write(answer)
    show(answer, form)
    if output is not None:
        rows = "" if output.suffix == ".html" else f"{len(recorded):,} rows to "
        typer.echo(f"wrote {rows}{output}", err=True)
