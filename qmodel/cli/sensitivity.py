"""``qmodel sensitivity``: which parameters decide latency and capacity."""

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
    ThinkTime,
    Users,
)

__all__ = ["command"]


def command(
    file: File = None,
    rate: Rate = None,
    users: Users = None,
    think_time: ThinkTime = None,
    objective: Objectives = None,
    quantity: Annotated[
        list[str] | None,
        typer.Option(
            "--quantity",
            metavar="NAME",
            help="What is decided: mean, p99, ... May be repeated [mean, p99].",
        ),
    ] = None,
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say what one percent more of each parameter does to latency and capacity."""
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write, progress("changing each number"):
        it = model.asked(
            file,
            set_,
            override,
            scenario=scenario,
            rate=rate,
            users=users,
            think_time=think_time,
            objectives=objective,
            default="",
        )
        answer = answers.sensitivity(
            it.model,
            it.load,
            objectives=it.objectives,
            quantities=quantity or ("mean", "p99"),
        )
        write(answer)
    show(answer, form)
