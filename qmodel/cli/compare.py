"""``qmodel compare``: models side by side, at the same load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command(
    "compare",
    epilog=options.examples(
        "qmodel compare",
        "qmodel compare site.yaml",
        "qmodel compare today.yaml tomorrow.yaml --rate 2000/s",
    ),
)
@options.files(
    "Model files; the first is the reference. One alone is compared with itself in its "
    "scenarios; without any, monolith and microservices are.",
)
@options.load
@options.objectives
@options.changes
@options.overrides
@options.printed
def command(
    files: Sequence[Path],
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
) -> None:
    """Compare models at the same load: files, scenarios, or monolith and microservices.

    --set changes each of them that has the parameter; --override is laid over each file.
    """
    from dataclasses import replace

    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write, progress("comparing"):
        models, load, goals, notes = model.compared(files, **question)
        answer = answers.compare(models, load, objectives=goals)
        answer = replace(answer, notes=[*notes, *answer.notes])
        write(answer)
    show(answer, form)
