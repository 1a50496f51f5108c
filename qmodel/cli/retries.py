"""``qmodel retries``: up to which load a site whose clients try again is healthy."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command("retries")
@options.file
@options.rate
@options.changed
@options.printed
def command(form: str, output: Path | None, **question: Unpack[options.Question]) -> None:
    """Say what tips a site whose clients give up and try again, and what brings it back.

    The file must have a timeout, and a retry around it.
    """
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write:
        it = model.asked(**question)
        answer = answers.hysteresis(it.model, it.rate())
        write(answer)
    show(answer, form)
