"""``qmodel explain``: where a number comes from, its formula, sources and assumptions."""

from __future__ import annotations

from typing import Annotated

import typer

from qmodel.cli.options import Changes, Format, Output, Rate, Shape

__all__ = ["command"]

_ENDINGS = (".json", ".md", ".html")


def command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="What to explain: mean, p99, max_rate, goodput, ..., or a station's, such as "
            "database.waiting_time.",
        ),
    ] = "mean",
    rate: Rate = None,
    set_: Changes = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say where a number comes from: formula, numbers put in, assumptions, literature."""
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output, _ENDINGS) as write:
        answer = answers.explain(model.changed(set_), name, numbers.rate(rate))
        write(answer)
    show(answer, form)
