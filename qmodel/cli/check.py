"""``qmodel check``: objectives held against models, for a build to go on or to stop."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qmodel.cli.options import (
    Changes,
    Objectives,
    Output,
    Overrides,
    Rate,
    ThinkTime,
    Users,
    examples,
)

__all__ = ["EPILOG", "MISSED", "command"]

MISSED = 99
"""Exit status where an objective is missed."""
EPILOG = examples(
    "qmodel check site.yaml",
    'qmodel check site.yaml --scenario "a zone lost" --format markdown',
    'qmodel check --rate 2000/s --objective "p99 < 300 ms" --objective "loss < 0.1 %"',
    "qmodel check sites/*.yaml --scenario all --format junit --output check.xml",
)


class CheckFormat(StrEnum):
    """How the verdicts are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    JUNIT = "junit"


def command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILES]...",
            help="Model files, each with its load and objectives; without any, the typical web "
            "pipeline.",
            show_default=False,
        ),
    ] = None,
    objective: Objectives = None,
    rate: Rate = None,
    users: Users = None,
    think_time: ThinkTime = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(
            "--scenario",
            metavar="NAME",
            help="A scenario of the files, such as 'a zone lost'; all: as it is, and each of "
            "them. May be repeated.",
        ),
    ] = None,
    set_: Changes = None,
    override: Overrides = None,
    form: Annotated[
        CheckFormat,
        typer.Option("--format", help="How to print: for people, programs or build servers."),
    ] = CheckFormat.TABLE,
    output: Output = None,
) -> None:
    """Check objectives: a line each, and exit status 0 if all are met, 99 if one is missed.

    Wrong use, such as an objective on what the model lacks, is exit status 2. --output
    takes .xml, too: JUnit.
    """
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.files import ENDINGS, writing
    from qmodel.cli.render import show

    with writing(output, (*ENDINGS, ".xml")) as write:
        found = {}
        named: list[Path | None] = [*(files or ())]
        for file in named or [None]:
            for name in model.cases(file, scenario or [], override):
                it = model.asked(
                    file,
                    set_,
                    override,
                    scenario=name,
                    rate=rate,
                    users=users,
                    think_time=think_time,
                    objectives=objective,
                    default="",
                )
                model.refuse_open(it, file)
                label = model.label(file, name)
                found[label] = answers.check(it.model, it.load, objectives=it.objectives)
        one = next(iter(found.values()))
        answer = one if len(found) == 1 else answers.gathered(found)
        write(answer)
    show(answer, form)
    if not answer.good:
        raise typer.Exit(MISSED)
