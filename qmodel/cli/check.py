"""``qmodel check``: objectives held against the pipeline, for a build to go on or to stop."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from qmodel.cli.options import Changes, Objectives, Output, Rate, examples

__all__ = ["EPILOG", "MISSED", "command"]

MISSED = 99
"""Exit status where an objective is missed."""
EPILOG = examples(
    'qmodel check --rate 2000/s --objective "p99 < 300 ms" --objective "loss < 0.1 %"',
    'qmodel check --objective "utilization < 70 %" --format junit --output check.xml',
)


class CheckFormat(StrEnum):
    """How the verdicts are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    JUNIT = "junit"


def command(
    objective: Objectives = None,
    rate: Rate = None,
    set_: Changes = None,
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
    from qmodel.cli import model, numbers
    from qmodel.cli.files import ENDINGS, writing
    from qmodel.cli.render import show

    with writing(output, (*ENDINGS, ".xml")) as write:
        load = numbers.rate(rate)
        answer = answers.check(model.changed(set_), load, objectives=objective or ())
        write(answer)
    show(answer, form)
    if not answer.good:
        raise typer.Exit(MISSED)
