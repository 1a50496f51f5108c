"""``qmodel capacity``: the greatest load within objectives, and what ends it."""

from __future__ import annotations

from qmodel.cli.options import (
    Changes,
    File,
    Format,
    Objectives,
    Output,
    Overrides,
    Scenario,
    Shape,
    ThinkTime,
)

__all__ = ["command"]


def command(
    file: File = None,
    objective: Objectives = None,
    think_time: ThinkTime = None,
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say how much load keeps the objectives, which of them ends it, and what is lost there.

    With --think-time, or where the load of the file is users: how many users, who wait for
    each answer and think before they go on.
    """
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.loads import Closed

    with writing(output) as write, progress("looking for the capacity"):
        it = model.asked(file, set_, override, scenario=scenario, objectives=objective)
        think = it.load.think_time if isinstance(it.load, Closed) else None
        if think_time is not None:
            think = numbers.number("--think-time", think_time, zero=True)
        answer = answers.capacity(it.model, it.objectives, think_time=think)
        write(answer)
    show(answer, form)
