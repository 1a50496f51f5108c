"""``qmodel size``: the cheapest numbers of servers that meet the objectives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command(
    "size",
    epilog=options.examples(
        'qmodel size site.yaml --rate 1200/s --objective "p99 < 300 ms"',
        'qmodel size site.yaml --users 400 --think-time 5s --objective "p99 < 1 s"',
        "qmodel size site.yaml --headroom 20% --spares 1 --output sizes.md",
        "qmodel size --price monolith.servers=3 --price database.servers=1",
    ),
)
@options.file
@options.load
@options.objectives
@options.prices
@options.headroom
@options.spares
@options.changed
@options.printed
def command(
    prices: Sequence[str],
    headroom: str,
    spares: str,
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
) -> None:
    """Find the cheapest numbers of servers that meet all objectives, in all scenarios.

    The scenarios of the file must hold all at once: the peak, the night, a zone lost. Says
    what binds, and what one more of each would bring.
    """
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    priced = [options.pair("--price", written) for written in prices]
    with writing(output) as write, progress("looking for the least cost"):
        it = model.asked(**question)
        plan = it.site.sizing(prices={n: numbers.number("--price", p) for n, p in priced})
        answer = answers.size(
            it.model,
            it.load,
            objectives=it.objectives,
            prices=plan.prices,
            scenarios=plan.scenarios,
            headroom=numbers.share("--headroom", headroom, 5.0),
            spares=int(numbers.number("--spares", spares, zero=True)),
        )
        write(answer)
    show(answer, form)
