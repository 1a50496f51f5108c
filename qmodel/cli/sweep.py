"""``qmodel sweep``: the pipeline over a grid of loads and parameters."""

from __future__ import annotations

from typing import Annotated

import typer

from qmodel.cli.options import (
    Changes,
    File,
    Format,
    Output,
    Overrides,
    Rate,
    Scenario,
    Shape,
    ThinkTime,
    Users,
    pair,
)

__all__ = ["command"]


def command(
    over: Annotated[
        list[str],
        typer.Option(
            "--over",
            metavar="NAME=VALUES",
            help="What to vary: a list 0.8,0.9,0.99 or a range START:STOP:COUNT such as "
            "500/s:2000/s:4. May be repeated: all combinations are solved.",
        ),
    ],
    file: File = None,
    rate: Rate = None,
    users: Users = None,
    think_time: ThinkTime = None,
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Solve the pipeline over loads and parameters, one row for each combination.

    NAME is arrival_rate or a parameter, such as cache.hit_ratio or database.servers.
    """
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.errors import DomainError
    from qmodel.loads import Closed

    axes: dict[str, str] = {}
    for name, values in (pair("--over", written) for written in over):
        if name in axes:
            raise DomainError(f"--over {name} is given twice")
        axes[name] = values
    if rate is not None and "arrival_rate" in axes:
        raise DomainError("the load is given twice: --rate, and --over arrival_rate")
    if users is not None and "users" in axes:
        raise DomainError("the load is given twice: --users, and --over users")
    with writing(output) as write, progress("sweeping"):
        it = model.asked(
            file,
            set_,
            override,
            scenario=scenario,
            rate=rate,
            users=users,
            think_time=think_time,
        )
        # The load of a file is what is asked where no axis has it.
        load = it.load
        known = {"users", "think_time"} if isinstance(load, Closed) else {"users"}
        if rate is None and ("arrival_rate" in axes or known <= set(axes)):
            load = None
        answer = answers.sweep(it.model, axes, load)
        write(answer)
    show(answer, form)
