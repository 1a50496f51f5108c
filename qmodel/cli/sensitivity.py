"""``qmodel sensitivity``: which parameters decide latency and capacity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command("sensitivity")
@options.file
@options.load
@options.objectives
@click.option(
    "--quantity",
    "quantities",
    metavar="NAME",
    multiple=True,
    help="What is decided: mean, p99, ... May be repeated [mean, p99].",
)
@options.changed
@options.printed
def command(
    quantities: Sequence[str],
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
) -> None:
    """Say what one percent more of each parameter does to latency and capacity."""
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write, progress("changing each number"):
        it = model.asked(**question, default="")
        answer = answers.sensitivity(
            it.model,
            it.load,
            objectives=it.objectives,
            quantities=quantities or ("mean", "p99"),
        )
        write(answer)
    show(answer, form)
