"""``qmodel capacity``: the greatest load within objectives, and what ends it."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command("capacity")
@options.file
@options.objectives
@options.think_time
@options.changed
@options.printed
def command(form: str, output: Path | None, **question: Unpack[options.Question]) -> None:
    """Say how much load keeps the objectives, which of them ends it, and what is lost there.

    With --think-time, or where the load of the file is users: how many users, who wait for
    each answer and think before they go on.
    """
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.loads import Closed

    think_time = question.pop("think_time", None)
    with writing(output) as write, progress("looking for the capacity"):
        it = model.asked(**question)
        think = it.load.think_time if isinstance(it.load, Closed) else None
        if think_time is not None:
            think = numbers.number("--think-time", think_time, "s", zero=True)
        answer = answers.capacity(it.model, it.objectives, think_time=think)
        write(answer)
    show(answer, form)
