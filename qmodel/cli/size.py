"""``qmodel size``: the cheapest numbers of servers that meet the objectives."""

from __future__ import annotations

from typing import Annotated

import typer

from qmodel.cli.options import (
    Changes,
    File,
    Format,
    Objectives,
    Output,
    Overrides,
    Rate,
    Scenario,
    Shape,
    examples,
    pair,
)

__all__ = ["EPILOG", "command"]

EPILOG = examples(
    'qmodel size site.yaml --rate 1200/s --objective "p99 < 300 ms"',
    "qmodel size site.yaml --headroom 20% --spares 1 --output sizes.md",
    "qmodel size --price monolith.servers=3 --price database.servers=1",
)


def command(
    file: File = None,
    rate: Rate = None,
    objective: Objectives = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            "--price",
            metavar="NAME=NUMBER",
            help="What to size, and the price of one: app.servers=3. May be repeated; by "
            "default the prices of the file, else the servers of each station at 1.",
        ),
    ] = None,
    headroom: Annotated[
        str,
        typer.Option(
            "--headroom", metavar="SHARE", help="Share by which loads may exceed what is said."
        ),
    ] = "0%",
    spares: Annotated[
        str,
        typer.Option(
            "--spares", metavar="NUMBER", help="How many more of each to have: N + k."
        ),
    ] = "0",
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Find the cheapest numbers of servers that meet all objectives, in all scenarios.

    The scenarios of the file must hold all at once: the peak, the night, a zone lost. Says
    what binds, and what one more of each would bring.
    """
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    priced = [pair("--price", written) for written in price or ()]
    with writing(output) as write:
        it = model.asked(
            file,
            set_,
            override,
            scenario=scenario,
            rate=rate,
            objectives=objective,
        )
        plan = it.site.sizing(
            rate=it.rate(), prices={n: numbers.number("--price", p) for n, p in priced}
        )
        answer = answers.size(
            it.model,
            it.rate(),
            objectives=it.objectives,
            prices=plan.prices,
            scenarios=plan.scenarios,
            headroom=numbers.share("--headroom", headroom, 5.0),
            spares=int(numbers.number("--spares", spares, zero=True)),
        )
        write(answer)
    show(answer, form)
