"""``qmodel solve``: how much load, how long, what is lost, and what saturates first."""

from __future__ import annotations

from qmodel.cli.options import OBJECTIVE, Changes, Format, Objectives, Output, Rate, Shape

__all__ = ["command"]


def command(
    rate: Rate = None,
    objective: Objectives = [OBJECTIVE],  # noqa: B006 (typer shows it)
    set_: Changes = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say how much load the pipeline sustains, at which latency, and what saturates first."""
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write:
        load = numbers.rate(rate)
        answer = answers.solve(model.changed(set_), load, objectives=objective or ())
        write(answer)
    show(answer, form)
