"""``qmodel crowd``: what many requests within a while do, minute by minute."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from qmodel.cli.options import (
    Changes,
    File,
    Format,
    Objectives,
    Output,
    Overrides,
    Scenario,
    Shape,
    examples,
)

__all__ = ["EPILOG", "command"]

EPILOG = examples(
    'qmodel crowd site.yaml --requests 500000 --within "5 min" --base 300/s',
    'qmodel crowd --requests 1000000 --within "10 min" --shape news --objective "p99 < 1 s"',
)


class Curve(StrEnum):
    """How a crowd comes."""

    BELL = "bell"
    BURST = "burst"
    NEWS = "news"


def command(
    file: File = None,
    requests: Annotated[
        str | None,
        typer.Option("--requests", metavar="NUMBER", help="Requests of the crowd in all."),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(
            "--within",
            metavar="TIME",
            help="Time in which 95 % of them come, such as '10 min'.",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base", metavar="RATE", help="What comes anyway; by default the file's load."
        ),
    ] = None,
    curve: Annotated[
        Curve,
        typer.Option("--shape", help="As a bell, all at once, or as news spreads."),
    ] = Curve.BELL,
    objective: Objectives = None,
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say what a crowd meets minute by minute, and what would have been enough.

    Where it waits and for how long, who is lost, when it is over; how many servers that are
    ready beforehand, or which waiting room at the door, would have kept the objectives. A
    file whose load is a profile needs no --requests.
    """
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.errors import DomainError
    from qmodel.loads import Profile
    from qmodel.transients import pulse

    with writing(output) as write:
        it = model.asked(file, set_, override, scenario=scenario, objectives=objective)
        if requests is not None and within is not None:
            anyway = it.rate() if base is None else numbers.rate(base)
            load = pulse(
                numbers.number("--requests", requests, zero=True),
                numbers.number("--within", within),
                shape=curve.value,
                base=anyway or 0.0,
            )
        elif isinstance(it.load, Profile):
            load = it.load
        else:
            raise DomainError(
                "a crowd needs --requests and --within, such as --requests 500000 "
                "--within '5 min', or a file whose load is a profile"
            )
        answer = answers.crowd(it.model, load, objectives=it.objectives)
        write(answer)
    show(answer, form)
