"""``qmodel uncertainty``: what is known of the latency, as parameters are known so far."""

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
    examples,
    pair,
)

__all__ = ["EPILOG", "command"]

EPILOG = examples(
    "qmodel uncertainty site.yaml --spread arrival_rate=10% --spread app.service.mean=5%",
    'qmodel uncertainty --objective "p99 < 300 ms" --spread 10%',
)


def command(
    file: File = None,
    rate: Rate = None,
    users: Users = None,
    think_time: ThinkTime = None,
    objective: Objectives = None,
    spread: Annotated[
        list[str] | None,
        typer.Option(
            "--spread",
            metavar="[NAME=]SHARE",
            help="How well a parameter is known: its standard deviation over its value, or "
            "one for all. May be repeated; by default those of the file, else 10% of all.",
        ),
    ] = None,
    probability: Annotated[
        str,
        typer.Option("--probability", metavar="SHARE", help="What the intervals hold."),
    ] = "90%",
    draws: Annotated[
        str, typer.Option("--draws", metavar="NUMBER", help="Number of draws, >= 100.")
    ] = "2000",
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say what is known of latency and capacity; the probability of overload first."""
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.errors import DomainError

    with writing(output) as write, progress("drawing"):
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
        spreads: float | dict[str, float] = dict(it.site.spreads) or 0.1
        given = list(spread or ())
        if len(given) == 1 and "=" not in given[0]:
            spreads = numbers.share("--spread", given[0], 5.0)
        elif given:
            named = [pair("--spread", written) for written in given]
            spreads = {name: numbers.share(f"--spread {name}", x, 5.0) for name, x in named}
            if len(spreads) < len(named):
                raise DomainError("--spread names a parameter twice")
        answer = answers.uncertainty(
            it.model,
            it.load,
            spreads=spreads,
            objectives=it.objectives,
            probability=numbers.share("--probability", probability, 1.0),
            draws=numbers.whole("--draws", draws),
        )
        write(answer)
    show(answer, form)
