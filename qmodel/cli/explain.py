"""``qmodel explain``: where a number comes from, its formula, sources and assumptions."""

from __future__ import annotations

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
            help="What to explain: mean, p99, max_rate, ..., or a station's, such as "
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
    typer.echo(answer(pipeline.solve(load), name))
    if remark:
        typer.echo(f"\nAt {load:.6g} requests a second ({remark}).")


def answer(result: PipelineResult, name: str) -> str:
    """Return the text for a quantity of a pipeline, or of a station by its name."""
    import difflib

    from qmodel.errors import ModelError
    from qmodel.explanation import explain

    station, dot, quantity = name.partition(".")
    percentile = name[:1] == "p" and name[1:].replace(".", "", 1).isdigit()
    if percentile or not dot:
        return str(explain(result, name))
    if station not in result.stations:
        near = difflib.get_close_matches(station, result.stations, n=1, cutoff=0.0)
        raise ModelError(f"no station {station!r}; did you mean {near[0]!r}?")
    return f"{station}: {explain(result.stations[station], quantity)}"
