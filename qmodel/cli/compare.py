"""``qmodel compare``: models side by side, at the same load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qmodel.cli.options import (
    Changes,
    Format,
    Objectives,
    Output,
    Overrides,
    Rate,
    Shape,
    ThinkTime,
    Users,
    examples,
)

__all__ = ["EPILOG", "command"]

EPILOG = examples(
    "qmodel compare",
    "qmodel compare site.yaml",
    "qmodel compare today.yaml tomorrow.yaml --rate 2000/s",
)


def command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES]...",
            help="Model files; the first is the reference. One alone is compared with itself "
            "in its scenarios; without any, monolith and microservices are.",
            show_default=False,
        ),
    ] = None,
    rate: Rate = None,
    users: Users = None,
    think_time: ThinkTime = None,
    objective: Objectives = None,
    set_: Changes = None,
    override: Overrides = None,
    form: Shape = Format.TABLE,
    output: Output = None,
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
        changes = model.changes_of(set_)
        sites, load, goals = model.compared(
            files or [],
            changes,
            override,
            rate=rate,
            users=users,
            think_time=think_time,
            objectives=objective,
        )
        each = {} if files and len(files) == 1 else changes
        models, notes = model.changed_each(sites, each)
        answer = answers.compare(models, load, objectives=goals)
        answer = replace(answer, notes=[*notes, *answer.notes])
        write(answer)
    show(answer, form)
