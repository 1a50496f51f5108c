"""``qmodel outages``: what the loss of a cache, a server or a zone does."""

from __future__ import annotations

from typing import Annotated

import typer

from qmodel.cli.options import (
    Changes,
    File,
    Format,
    Objectives,
    Output,
    Overrides,
    Rate,
    Scenario,
    Shape,
)

__all__ = ["command"]


def command(
    file: File = None,
    rate: Rate = None,
    objective: Objectives = None,
    zones: Annotated[
        str | None,
        typer.Option("--zones", metavar="NUMBER", help="Zones, >= 2 [of the file, else 3]."),
    ] = None,
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say what the loss of each cache, server and zone does to the site."""
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write:
        it = model.asked(
            file,
            set_,
            override,
            scenario=scenario,
            rate=rate,
            objectives=objective,
        )
        own = it.site.zones.number if it.site.zones else 3
        answer = answers.outages(
            it.model,
            it.rate(),
            objectives=it.objectives,
            zones=own if zones is None else numbers.whole("--zones", zones),
        )
        write(answer)
    show(answer, form)
