"""``qmodel replay``: a recorded load on the pipeline; the worst of it first."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options
from qmodel.errors import DomainError

__all__ = ["command"]

_MOST = 5.0  # Whoever writes --scale-to 95 means 95%.


@click.command("replay", no_args_is_help=True)
@click.argument(
    "load",
    type=options.PATH,
    metavar="LOAD",
    help="Recorded load: CSV with a column of times and one of counts or rates, an access log, "
    "or what a load test or monitoring wrote; plain or .gz.",
)
@options.file
@options.output
@click.option("--time", metavar="COLUMN", help="The column of times.")
@click.option("--count", metavar="COLUMN", help="The column of counts or rates.")
@click.option(
    "--unit",
    metavar="UNIT",
    help="The unit of rates, such as requests/min, if the name of the column does not say it; "
    "without it the column counts requests between times.",
)
@options.log_format
@options.objectives
@click.option(
    "--scale-to",
    metavar="SHARE",
    help="Scale the load: its busiest row at this share of the capacity, such as 95%.",
)
@click.option(
    "--percentiles", metavar="LIST", default="50,95,99", help="Percentiles of the latency."
)
@click.option(
    "--dynamic",
    is_flag=True,
    help="Carry what a row leaves undone into the next, until it is done.",
)
@options.changed
@options.form
def command(
    load: Path,
    output: Path | None,
    time: str | None,
    count: str | None,
    unit: str | None,
    log_format: str | None,
    scale_to: str | None,
    percentiles: str,
    dynamic: bool,
    form: str,
    **question: Unpack[options.Question],
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
        it = model.asked(**question, default="")
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
        click.echo(f"wrote {rows}{output}", err=True)
