"""``qmodel crowd``: what many requests within a while do, minute by minute."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from qmodel.files import Site

__all__ = ["EPILOG", "command"]

EPILOG = examples(
    'qmodel crowd site.yaml --requests 500000 --within "5 min" --base 300/s',
    'qmodel crowd --requests 1000000 --within "10 min" --shape news --objective "p99 < 1 s"',
    'qmodel crowd --requests 1000000 --within "10 min" --cold "cache=500000 at 14 min"',
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
    cold: Annotated[
        list[str] | None,
        typer.Option(
            "--cold",
            metavar="CACHE[=ENTRIES][ at TIME]",
            help="A cache that is empty at the time (at first, without one), and fills again; "
            "a given hit ratio needs the entries that fit. May be repeated.",
        ),
    ] = None,
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
    from qmodel.cli.console import progress
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
        with progress("through the crowd") as tell:
            answer = answers.crowd(
                it.model,
                load,
                objectives=it.objectives,
                emptied=dict(_emptied(it.site, written) for written in cold or ()),
                progress=tell,
            )
        write(answer)
    show(answer, form)


def _emptied(site: Site, written: str) -> tuple[str, Any]:
    """Return a cache that is emptied, as "cache=500000 at 14 min" says it."""
    from qmodel.cli import numbers

    what, _, when = written.partition(" at ")
    name, _, entries = what.partition("=")
    at = numbers.number("--cold", when, zero=True) if when else 0.0
    return site.emptied(name.strip(), at, numbers.whole("--cold", entries) if entries else None)
