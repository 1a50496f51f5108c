"""``qmodel compare``: monolith against microservices, at equal servers and load."""

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
    """Compare the monolith with microservices, at as many servers and the same load.

    --set changes each of the two that has the parameter.
    """
    from dataclasses import replace

    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write:
        models, notes = model.changed_each(model.models(), set_)
        answer = answers.compare(models, numbers.rate(rate), objectives=objective or ())
        answer = replace(answer, notes=[*notes, *answer.notes])
        write(answer)
    show(answer, form)
