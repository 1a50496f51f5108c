"""``qmodel report``: one page on the model, for who decides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command(
    "report",
    epilog=options.examples(
        "qmodel report",
        "qmodel report site.yaml --output site.html",
        'qmodel report --rate 2400/s --objective "p99 < 300 ms" -o site.html',
        "qmodel report site.yaml --measured k6.json -o site.html",
        "qmodel report --set cache.hit_ratio=95% -o better-cache.html",
    ),
)
@options.file
@options.load
@options.objectives
@options.changed
@options.zones
@click.option(
    "--measured",
    type=options.PATH,
    metavar="FILE",
    multiple=True,
    help="Measurements at loads: a section sets what the model predicts beside them. May be "
    "repeated.",
)
@click.option("--title", metavar="TEXT", help="Title of the page [that of the file].")
@click.option(
    "--output",
    "-o",
    type=options.PATH,
    metavar="FILE",
    default="report.html",
    help="The page, an .html file.",
)
def command(
    zones: str | None,
    measured: Sequence[Path],
    title: str | None,
    output: Path,
    **question: Unpack[options.Question],
) -> None:
    """Write one page on the pipeline that opens without a network: report.html.

    Whether it holds, where the time goes, how many of each it needs, what remains when
    something is lost, what decides, how sure that is, and what it all rests on.
    """
    from qmodel import reports
    from qmodel.cli import model
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing

    file, seen = question["file"], None
    if measured:
        from qmodel.cli.calibrate import measurements
        from qmodel.measurements import joined

        seen = joined(measurements(measured))
    with writing(output, (".html",)) as write, progress("writing the report"):
        it = model.asked(**question)
        plan = it.site.sizing()
        found: Any = reports.report(
            it.model,
            it.load,
            objectives=it.objectives,
            zones=model.zones_of(it, zones),
            spread=it.site.zones.spread if it.site.zones else None,
            prices=plan.prices,
            scenarios=plan.scenarios,
            spreads=dict(it.site.spreads) or 0.1,
            source="" if file is None else file.read_text(encoding="utf-8-sig"),
            measured=seen,
            title=title or it.site.title or "Capacity and latency of the site",
        )
        write(found)
    click.echo(str(found))
    click.echo(f"wrote {output}")
