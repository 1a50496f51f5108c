"""``qmodel balance``: what the policy of a load balancer does to equal replicas."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from qmodel.cli import model, numbers
from qmodel.cli.numbers import number, share, whole
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
    examples,
)
from qmodel.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qmodel.answers import Replicas

__all__ = ["EPILOG", "Discipline", "command"]

DEFAULTS = {"--replicas": "8", "--workers": "4", "--service-time": "10 ms"}
LOAD = "80%"
_MOST_LOAD = 10.0  # More was meant in percent.
EPILOG = examples(
    'qmodel balance --replicas 8 --workers 4 --service-time "10 ms" --load 80%',
    "qmodel balance site.yaml --station app --workers 4",
    'qmodel balance --workers 1 --scv 4 --objective "p99 < 200 ms"',
    'qmodel balance --discipline share --policy random --policy "least connections"',
)


class Discipline(StrEnum):
    """How a replica serves its requests: one after the other, or all at once."""

    QUEUE = "queue"
    SHARE = "share"


def command(
    file: File = None,
    station: Annotated[
        str | None,
        typer.Option(
            "--station",
            metavar="NAME",
            help="With FILE: the station that the replicas are [what saturates first].",
        ),
    ] = None,
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
        str | None,
        typer.Option(
            "--scv",
            metavar="NUMBER",
            help="Variance of the work over its squared mean: 0 constant, 1 exponential [1].",
        ),
    ] = None,
    discipline: Annotated[
        Discipline | None,
        typer.Option(
            "--discipline",
            help="Whether requests queue for workers or share them (a CPU) [queue].",
        ),
    ] = None,
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
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Compare the policies of a load balancer before equal replicas.

    Which policy answers soonest, how much load it sustains, and what a lost replica, a hash
    of keys or a hot key would do. With FILE the replicas are the servers of one of its
    stations, spread evenly, and --rate is the load of the site.
    """
    from dataclasses import replace

    from qmodel import answers
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    own = {"--service-time": service_time, "--scv": scv, "--discipline": discipline}
    own |= {"--load": load}
    of_file = {"--station": station, "--set": set_, "--override": override}
    of_file |= {"--scenario": scenario}
    wrong = [option for option, value in (of_file if file is None else own).items() if value]
    if wrong:
        why = "goes with a FILE" if file is None else "is what the file says"
        raise DomainError(f"{wrong[0]} {why}")
    with writing(output) as write:
        if file is None:
            given = {"--replicas": replicas, "--workers": workers}
            given |= {"--service-time": service_time}
            found, said = _of_numbers(given, scv, discipline, rate, load)
        else:
            it = model.asked(file, set_, override, scenario=scenario, rate=rate, default="")
            found = answers.replicas_in(
                it.model,
                it.rate(),
                station=station or "",
                replicas=None if replicas is None else whole("--replicas", replicas),
                workers=None if workers is None else whole("--workers", workers),
            )
            said = f"The replicas are the workers of {found.station}, as {file} has them."
        answer = answers.balance(
            found.replica,
            found.number,
            found.arrival_rate,
            load=share("--load", load or LOAD, _MOST_LOAD),
            policies=policy,
            objectives=objective or (),
            virtual_nodes=whole("--virtual-nodes", virtual_nodes),
        )
        if said:
            answer = replace(answer, meaning=[*answer.meaning, said])
        write(answer)
    show(answer, form)


def _of_numbers(
    given: Mapping[str, str | None],
    scv: str | None,
    discipline: Discipline | None,
    rate: str | None,
    load: str | None,
) -> tuple[Replicas, str]:
    """Return the replicas that options describe, and which of them were not given."""
    from qmodel import answers

    if rate is not None and load is not None:
        raise DomainError("the load is given twice: --rate and --load")
    used = {option: written or DEFAULTS[option] for option, written in given.items()}
    guessed = [f"{o} {DEFAULTS[o]}" for o, written in given.items() if written is None]
    if rate is None and load is None:
        guessed.append(f"--load {LOAD}")
    replica = answers.replica_of(
        number("--service-time", used["--service-time"]),
        whole("--workers", used["--workers"]),
        scv=number("--scv", scv or "1", zero=True),
        shared=discipline is Discipline.SHARE,
    )
    count = whole("--replicas", used["--replicas"])
    said = f"Not given, so plausible values are taken: {', '.join(guessed)}." if guessed else ""
    return answers.Replicas("", replica, count, numbers.rate(rate)), said
