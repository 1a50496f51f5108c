"""``qmodel sweep``: the pipeline over a grid of loads and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]


@click.command("sweep", no_args_is_help=True)
@click.option(
    "--over",
    metavar="NAME=VALUES",
    multiple=True,
    required=True,
    help="What to vary: a list 0.8,0.9,0.99 or a range START:STOP:COUNT such as "
    "500/s:2000/s:4. May be repeated: all combinations are solved.",
)
@options.file
@options.load
@options.changed
@options.printed
def command(
    over: Sequence[str],
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
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

    rate, users = question["rate"], question["users"]
    axes: dict[str, str] = {}
    for name, values in (options.pair("--over", written) for written in over):
        if name in axes:
            raise DomainError(f"--over {name} is given twice")
        axes[name] = values
    if rate is not None and "arrival_rate" in axes:
        raise DomainError("the load is given twice: --rate, and --over arrival_rate")
    if users is not None and "users" in axes:
        raise DomainError("the load is given twice: --users, and --over users")
    with writing(output) as write, progress("sweeping"):
        it = model.asked(**question)
        # The load of a file is what is asked where no axis has it.
        load = it.load
        known = {"users", "think_time"} if isinstance(load, Closed) else {"users"}
        if rate is None and ("arrival_rate" in axes or known <= set(axes)):
            load = None
        answer = answers.sweep(it.model, axes, load)
        write(answer)
    show(answer, form)
