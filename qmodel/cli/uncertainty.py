"""``qmodel uncertainty``: what is known of the latency, as parameters are known so far."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command(
    "uncertainty",
    epilog=options.examples(
        "qmodel uncertainty site.yaml --spread arrival_rate=10% --spread app.service.mean=5%",
        'qmodel uncertainty --objective "p99 < 300 ms" --spread 10%',
    ),
)
@options.file
@options.load
@options.objectives
@click.option(
    "--spread",
    metavar="[NAME=]SHARE",
    multiple=True,
    help="How well a parameter is known: its standard deviation over its value, or one for "
    "all. May be repeated; by default those of the file, else 10% of all.",
)
@click.option("--probability", metavar="SHARE", default="90%", help="What the intervals hold.")
@click.option(
    "--draws",
    metavar="NUMBER",
    default="512",
    help="Number of draws, >= 100; best a power of 2.",
)
@options.changed
@options.printed
def command(
    spread: Sequence[str],
    probability: str,
    draws: str,
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
) -> None:
    """Say what is known of latency and capacity; the probability of overload first."""
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.errors import DomainError

    with writing(output) as write, progress("drawing"):
        it = model.asked(**question)
        spreads: float | dict[str, float] = dict(it.site.spreads) or 0.1
        if len(spread) == 1 and "=" not in spread[0]:
            spreads = numbers.share("--spread", spread[0], 5.0)
        elif spread:
            named = [options.pair("--spread", written) for written in spread]
            spreads = {name: numbers.share(f"--spread {name}", x, 5.0) for name, x in named}
            if len(spreads) < len(named):
                raise DomainError("--spread names a parameter twice")
        answer = answers.uncertainty(
            it.model,
            it.load,
            spreads=spreads,
            objectives=it.objectives,
            probability=numbers.share("--probability", probability, 1.0),
            draws=numbers.whole("--draws", draws),
        )
        write(answer)
    show(answer, form)
