"""``qmodel check``: objectives held against models, for a build to go on or to stop."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["MISSED", "command"]

MISSED = 99
"""Exit status where an objective is missed."""


@click.command(
    "check",
    epilog=options.examples(
        "qmodel check site.yaml",
        'qmodel check site.yaml --scenario "a zone lost" --format markdown',
        'qmodel check --rate 2000/s --objective "p99 < 300 ms" --objective "loss < 0.1 %"',
        "qmodel check sites/*.yaml --scenario all --format junit --output check.xml",
    ),
)
@options.files(
    "Model files, each with its load and objectives; without any, the typical web pipeline.",
)
@options.objectives
@options.load
@click.option(
    "--scenario",
    "scenarios",
    metavar="NAME",
    multiple=True,
    help="A scenario of the files, such as 'a zone lost'; all: as it is, and each of them. May "
    "be repeated.",
)
@options.changes
@options.overrides
@click.option(
    "--format",
    "form",
    type=click.Choice((*options.FORMATS, "junit")),
    default="table",
    help="How to print: for people, programs or build servers.",
)
@options.output
def command(
    files: Sequence[Path],
    scenarios: Sequence[str],
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
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
        named: Sequence[Path | None] = files or [None]
        for file in named:
            for name in model.cases(file, scenarios, question["overrides"]):
                question["file"], question["scenario"] = file, name
                it = model.asked(**question, default="")
                model.refuse_open(it, file)
                label = model.label(file, name)
                found[label] = answers.check(it.model, it.load, objectives=it.objectives)
        one = next(iter(found.values()))
        answer = one if len(found) == 1 else answers.gathered(found)
        write(answer)
    show(answer, form)
    if not answer.good:
        sys.exit(MISSED)
