"""``qmodel report``: one page on the model, for who decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from qmodel.cli.options import (
    Changes,
    File,
    Objectives,
    Overrides,
    Rate,
    Scenario,
    ThinkTime,
    Users,
    Zones,
    examples,
)

__all__ = ["EPILOG", "command"]

EPILOG = examples(
    "qmodel report",
    "qmodel report site.yaml --output site.html",
    'qmodel report --rate 2400/s --objective "p99 < 300 ms" -o site.html',
    "qmodel report site.yaml --measured k6.json -o site.html",
    "qmodel report --set cache.hit_ratio=95% -o better-cache.html",
)


def command(
    file: File = None,
    rate: Rate = None,
    users: Users = None,
    think_time: ThinkTime = None,
    objective: Objectives = None,
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    zones: Zones = None,
    measured: Annotated[
        list[Path] | None,
        typer.Option(
            "--measured",
            metavar="FILE",
            help="Measurements at loads: a section sets what the model predicts beside them. "
            "May be repeated.",
        ),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option("--title", metavar="TEXT", help="Title of the page [that of the file]."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page, an .html file.")
    ] = Path("report.html"),
) -> None:
    """Write one page on the pipeline that opens without a network: report.html.

    Whether it holds, where the time goes, how many of each it needs, what remains when
    something is lost, what decides, how sure that is, and what it all rests on.
    """
    from qmodel import reports
    from qmodel.cli import model
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing

    seen = None
    if measured:
        from qmodel.cli.calibrate import measurements
        from qmodel.measurements import joined

        seen = joined(measurements(measured))
    with writing(output, (".html",)) as write, progress("writing the report"):
        it = model.asked(
            file,
            set_,
            override,
            scenario=scenario,
            rate=rate,
            users=users,
            think_time=think_time,
            objectives=objective,
        )
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
    typer.echo(str(found))
    typer.echo(f"wrote {output}")
