"""``qmodel frontier``: cost against latency, the cheapest choice for each limit."""

from __future__ import annotations

from typing import Annotated

import typer

from qmodel.cli.options import (
    Changes,
    File,
    Format,
    Headroom,
    Output,
    Overrides,
    Prices,
    Rate,
    Scenario,
    Shape,
    Spares,
    ThinkTime,
    Users,
    pair,
)

__all__ = ["command"]


def command(
    file: File = None,
    rate: Rate = None,
    users: Users = None,
    think_time: ThinkTime = None,
    quantity: Annotated[
        str,
        typer.Option("--quantity", metavar="NAME", help="What improves with cost: p99, loss."),
    ] = "p99",
    points: Annotated[str, typer.Option("--points", metavar="NUMBER", help="Most rows.")] = "8",
    price: Prices = None,
    headroom: Headroom = "0%",
    spares: Spares = "0",
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say what each step towards a better percentile costs at least."""
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    priced = [pair("--price", written) for written in price or ()]
    with writing(output) as write, progress("looking for the cheapest of each"):
        it = model.asked(
            file,
            set_,
            override,
            scenario=scenario,
            rate=rate,
            users=users,
            think_time=think_time,
        )
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
