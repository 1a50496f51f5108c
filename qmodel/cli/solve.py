"""``qmodel solve``: how much load, how long, what is lost, and what saturates first."""

from __future__ import annotations

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
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say how much load the pipeline sustains, at which latency, and what saturates first."""
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write:
        it = model.asked(
            file,
            set_,
            override,
            scenario=scenario,
            rate=rate,
            users=users,
            think_time=think_time,
            objectives=objective,
        )
        answer = answers.solve(it.model, it.load, objectives=it.objectives)
        write(answer)
    show(answer, form)
