"""``qmodel params``: every parameter of a model, with value, unit and meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command("params")
@options.file
@options.changed
@options.printed
def command(form: str, output: Path | None, **question: Unpack[options.Question]) -> None:
    """List every parameter that --set, --over and prices take: value, unit and meaning."""
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write:
        answer = answers.parameters(model.asked(**question).model)
        write(answer)
    show(answer, form)
