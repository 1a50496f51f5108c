"""``qmodel crowd``: what many requests within a while do, minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

import click

from qmodel.cli import options

if TYPE_CHECKING:
    from qmodel.files import Site

__all__ = ["command"]


@click.command(
    "crowd",
    epilog=options.examples(
        'qmodel crowd site.yaml --requests 500000 --within "5 min" --base 300/s',
        'qmodel crowd --requests 1M --within "10 min" --shape news --objective "p99 < 1 s"',
        'qmodel crowd --requests 1M --within "10 min" --cold "cache=500000 at 14 min"',
    ),
)
@options.file
@click.option("--requests", metavar="NUMBER", help="Requests of the crowd in all.")
@click.option(
    "--within", metavar="TIME", help="Time in which 95 % of them come, such as '10 min'."
)
@click.option("--base", metavar="RATE", help="What comes anyway; by default the file's load.")
@click.option(
    "--shape",
    type=click.Choice(("bell", "burst", "news")),
    default="bell",
    help="As a bell, all at once, or as news spreads.",
)
@click.option(
    "--cold",
    metavar="CACHE[=ENTRIES][ at TIME]",
    multiple=True,
    help="A cache that is empty at the time (at first, without one), and fills again; a given "
    "hit ratio needs the entries that fit. May be repeated.",
)
@options.objectives
@options.changed
@options.printed
def command(
    requests: str | None,
    within: str | None,
    base: str | None,
    shape: Literal["bell", "burst", "news"],
    cold: Sequence[str],
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
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
        it = model.asked(**question)
        if requests is not None and within is not None:
            anyway = it.rate() if base is None else numbers.rate(base)
            load = pulse(
                numbers.number("--requests", requests, zero=True),
                numbers.number("--within", within, "s"),
                shape=shape,
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
                emptied=dict(_emptied(it.site, written) for written in cold),
                progress=tell,
            )
        write(answer)
    show(answer, form)


def _emptied(site: Site, written: str) -> tuple[str, Any]:
    """Return a cache that is emptied, as "cache=500000 at 14 min" says it."""
    from qmodel.cli import numbers

    what, _, when = written.partition(" at ")
    name, _, entries = what.partition("=")
    at = numbers.number("--cold", when, "s", zero=True) if when else 0.0
    return site.emptied(name.strip(), at, numbers.whole("--cold", entries) if entries else None)
