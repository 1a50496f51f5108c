"""``qmodel balance``: what the policy of a load balancer does to equal replicas."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from qmodel.cli.numbers import number, share, whole
from qmodel.cli.options import Format, Objectives, Output, Rate, Shape, examples
from qmodel.errors import DomainError

__all__ = ["EPILOG", "Discipline", "command"]

DEFAULTS = {"--replicas": "8", "--workers": "4", "--service-time": "10 ms"}
LOAD = "80%"
_MOST_LOAD = 10.0  # More was meant in percent.
EPILOG = examples(
    'qmodel balance --replicas 8 --workers 4 --service-time "10 ms" --load 80%',
    'qmodel balance --workers 1 --scv 4 --objective "p99 < 200 ms"',
    'qmodel balance --discipline share --policy random --policy "least connections"',
)


class Discipline(StrEnum):
    """How a replica serves its requests: one after the other, or all at once."""

    QUEUE = "queue"
    SHARE = "share"


def command(
    replicas: Annotated[
        str | None,
        typer.Option("--replicas", metavar="NUMBER", help="Equal replicas [8]."),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option("--workers", metavar="NUMBER", help="Workers of each of them [4]."),
    ] = None,
    service_time: Annotated[
        str | None,
        typer.Option(
            "--service-time", metavar="TIME", help="Mean work of a request, no wait [10 ms]."
        ),
    ] = None,
    scv: Annotated[
        str,
        typer.Option(
            "--scv",
            metavar="NUMBER",
            help="Variance of the work over its squared mean: 0 constant, 1 exponential.",
        ),
    ] = "1",
    discipline: Annotated[
        Discipline,
        typer.Option(
            "--discipline", help="Whether requests queue for workers or share them (a CPU)."
        ),
    ] = Discipline.QUEUE,
    rate: Rate = None,
    load: Annotated[
        str | None,
        typer.Option(
            "--load",
            metavar="SHARE",
            help="In place of --rate: share of what all can do [80%].",
        ),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy", metavar="NAME", help="May be repeated; by default all that there are."
        ),
    ] = None,
    virtual_nodes: Annotated[
        str,
        typer.Option(
            "--virtual-nodes",
            metavar="NUMBER",
            help="Points of each replica on a hash ring, were requests to go by their keys.",
        ),
    ] = "100",
    objective: Objectives = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Compare the policies of a load balancer before equal replicas.

    Which policy answers soonest, how much load it sustains, and what a lost replica, a hash
    of keys or a hot key would do.
    """
    from dataclasses import replace

    from qmodel import answers
    from qmodel.cli import numbers
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    if rate is not None and load is not None:
        raise DomainError("the load is given twice: --rate and --load")
    given = {"--replicas": replicas, "--workers": workers, "--service-time": service_time}
    used = {option: written or DEFAULTS[option] for option, written in given.items()}
    guessed = [f"{o} {DEFAULTS[o]}" for o, written in given.items() if written is None]
    if rate is None and load is None:
        guessed.append(f"--load {LOAD}")
    with writing(output) as write:
        replica = answers.replica_of(
            number("--service-time", used["--service-time"]),
            whole("--workers", used["--workers"]),
            scv=number("--scv", scv, zero=True),
            shared=discipline is Discipline.SHARE,
        )
        answer = answers.balance(
            replica,
            whole("--replicas", used["--replicas"]),
            numbers.rate(rate),
            load=share("--load", load or LOAD, _MOST_LOAD),
            policies=policy,
            objectives=objective or (),
            virtual_nodes=whole("--virtual-nodes", virtual_nodes),
        )
        if guessed:
            said = f"Not given, so plausible values are taken: {', '.join(guessed)}."
            answer = replace(answer, meaning=[*answer.meaning, said])
        write(answer)
    show(answer, form)
