"""``qmodel outages``: what the loss of a cache, a server or a zone does."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command("outages")
@options.file
@options.load
@options.objectives
@options.zones
@options.changed
@options.printed
def command(
    zones: str | None, form: str, output: Path | None, **question: Unpack[options.Question]
) -> None:
    """Say what the loss of each cache, server and zone does to the site."""
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write, progress("losing each"):
        it = model.asked(**question)
        answer = answers.outages(
            it.model,
            it.load,
            objectives=it.objectives,
            zones=model.zones_of(it, zones),
            spread=it.site.zones.spread if it.site.zones else None,
        )
        write(answer)
    show(answer, form)
