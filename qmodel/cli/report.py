"""``qmodel report``: one page on the model, for who decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from qmodel.cli.options import OBJECTIVE, Changes, Objectives, Rate, examples

__all__ = ["EPILOG", "command"]

EPILOG = examples(
    "qmodel report",
    'qmodel report --rate 2400/s --objective "p99 < 300 ms" -o site.html',
    "qmodel report --set cache.hit_ratio=95% -o better-cache.html",
)


def command(
    rate: Rate = None,
    objective: Objectives = [OBJECTIVE],  # noqa: B006 (typer shows it)
    set_: Changes = None,
    zones: Annotated[
        int, typer.Option("--zones", help="Zones over which everything is spread.")
    ] = 3,
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="Title of the page.")
    ] = "Capacity and latency of the site",
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page, an .html file.")
    ] = Path("report.html"),
) -> None:
    """Write one page on the pipeline that opens without a network: report.html.

    Whether it holds, where the time goes, how many of each it needs, what remains when
    something is lost, what decides, how sure that is, and what it all rests on.
    """
    from qmodel import reports
    from qmodel.cli import model, numbers
    from qmodel.cli.files import writing

    goals: Any = objective or ()
    with writing(output, (".html",)) as write:
        load = numbers.rate(rate)
        found: Any = reports.report(
            model.changed(set_), load, objectives=goals, zones=zones, title=title
        )
        write(found)
    typer.echo(str(found))
    typer.echo(f"wrote {output}")
