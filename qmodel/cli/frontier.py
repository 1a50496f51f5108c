"""``qmodel frontier``: cost against latency, the cheapest choice for each limit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command("frontier")
@options.file
@options.load
@click.option(
    "--quantity", metavar="NAME", default="p99", help="What improves with cost: p99, loss."
)
@click.option("--points", metavar="NUMBER", default="8", help="Most rows.")
@options.prices
@options.headroom
@options.spares
@options.changed
@options.printed
def command(
    quantity: str,
    points: str,
    prices: Sequence[str],
    headroom: str,
    spares: str,
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
) -> None:
    """Say what each step towards a better percentile costs at least."""
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    priced = [options.pair("--price", written) for written in prices]
    with writing(output) as write, progress("looking for the cheapest of each"):
        it = model.asked(**question)
        plan = it.site.sizing(prices={n: numbers.number("--price", p) for n, p in priced})
        answer = answers.frontier(
            it.model,
            it.load,
            quantity=quantity,
            points=numbers.whole("--points", points),
            prices=plan.prices,
            scenarios=plan.scenarios,
            headroom=numbers.share("--headroom", headroom, 5.0),
            spares=int(numbers.number("--spares", spares, zero=True)),
        )
        write(answer)
    show(answer, form)
