"""``qmodel solve``: how much load, how long, what is lost, and what saturates first."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command("solve")
@options.file
@options.load
@options.objectives
@options.changed
@options.printed
def command(form: str, output: Path | None, **question: Unpack[options.Question]) -> None:
    """Say how much load the pipeline sustains, at which latency, and what saturates first."""
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write:
        it = model.asked(**question)
        answer = answers.solve(it.model, it.load, objectives=it.objectives)
        write(answer)
    show(answer, form)
