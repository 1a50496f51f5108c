"""``qmodel explain``: where a number comes from, its formula, sources and assumptions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from qmodel.cli.options import Changes, Rate

if TYPE_CHECKING:
    from qmodel.pipeline import PipelineResult

__all__ = ["answer", "command"]


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
) -> None:
    """Say where a number comes from: formula, numbers put in, assumptions, literature."""
    from qmodel.cli import model

    pipeline = model.changed(model.default_model(), set_)
    load, remark = model.load_of(pipeline, rate)
    typer.echo(answer(pipeline.solve(load), name, unicode=_takes_unicode()))
    if remark:
        typer.echo(f"\nAt {load:.6g} requests a second ({remark}).")


def answer(result: PipelineResult, name: str, *, unicode: bool = True) -> str:
    """Return the text for a quantity of a pipeline, or of a station by its name."""
    from qmodel.explanation import explain

    return explain(result, name).as_text(unicode=unicode)


def _takes_unicode() -> bool:
    try:
        "λ─µ".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
