"""``qmodel balance``: what the policy of a load balancer does to equal replicas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from qmodel.cli import model, numbers, options
from qmodel.cli.numbers import number, share, whole
from qmodel.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qmodel.answers import Replicas

__all__ = ["command"]

DEFAULTS = {"--replicas": "8", "--workers": "4", "--service-time": "10 ms"}
LOAD = "80%"
_MOST_LOAD = 10.0  # More was meant in percent.
DISCIPLINES = ("queue", "share")
"""How a replica serves its requests: one after the other, or all at once."""


@click.command(
    "balance",
    epilog=options.examples(
        'qmodel balance --replicas 8 --workers 4 --service-time "10 ms" --load 80%',
        "qmodel balance site.yaml --station app --workers 4",
        'qmodel balance --workers 1 --scv 4 --objective "p99 < 200 ms"',
        'qmodel balance --discipline share --policy random --policy "least connections"',
    ),
)
@options.file
@click.option(
    "--station",
    metavar="NAME",
    help="With FILE: the station that the replicas are [what saturates first].",
)
@click.option("--replicas", metavar="NUMBER", help="Equal replicas [8].")
@click.option("--workers", metavar="NUMBER", help="Workers of each of them [4].")
@click.option("--service-time", metavar="TIME", help="Mean work of a request, no wait [10 ms].")
@click.option(
    "--scv",
    metavar="NUMBER",
    help="Variance of the work over its squared mean: 0 constant, 1 exponential [1].",
)
@click.option(
    "--discipline",
    type=click.Choice(DISCIPLINES),
    help="Whether requests queue for workers or share them (a CPU) [queue].",
)
@options.rate
@click.option(
    "--load", metavar="SHARE", help="In place of --rate: share of what all can do [80%]."
)
@click.option(
    "--policy",
    "policies",
    metavar="NAME",
    multiple=True,
    help="May be repeated; by default all that there are.",
)
@click.option(
    "--virtual-nodes",
    metavar="NUMBER",
    default="100",
    help="Points of each replica on a hash ring, were requests to go by their keys.",
)
@options.objectives
@options.changed
@options.printed
def command(
    station: str | None,
    replicas: str | None,
    workers: str | None,
    service_time: str | None,
    scv: str | None,
    discipline: str | None,
    load: str | None,
    policies: Sequence[str],
    virtual_nodes: str,
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
) -> None:
    """Compare the policies of a load balancer before equal replicas.

    Which policy answers soonest, how much load it sustains, and what a lost replica, a hash
    of keys or a hot key would do. With FILE the replicas are the servers of one of its
    stations, spread evenly, and --rate is the load of the site.
    """
    from dataclasses import replace

    from qmodel import answers
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    file, rate = question["file"], question["rate"]
    wrong: dict[str, object]
    if file is None:
        why = "goes with a FILE"
        wrong = {"--station": station, "--set": question["changes"]}
        wrong |= {"--override": question["overrides"], "--scenario": question["scenario"]}
    else:
        why = "is what the file says"
        wrong = {"--service-time": service_time, "--scv": scv, "--discipline": discipline}
        wrong |= {"--load": load}
    for option, value in wrong.items():
        if value:
            raise DomainError(f"{option} {why}")
    with writing(output) as write, progress("comparing the policies"):
        if file is None:
            given = {"--replicas": replicas, "--workers": workers}
            given |= {"--service-time": service_time}
            found, said = _of_numbers(given, scv, discipline, rate, load)
        else:
            it = model.asked(**question, default="")
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
            policies=policies or None,
            objectives=question["objectives"],
            virtual_nodes=whole("--virtual-nodes", virtual_nodes),
        )
        if said:
            answer = replace(answer, meaning=[*answer.meaning, said])
        write(answer)
    show(answer, form)


def _of_numbers(
    given: Mapping[str, str | None],
    scv: str | None,
    discipline: str | None,
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
        number("--service-time", used["--service-time"], "s"),
        whole("--workers", used["--workers"]),
        scv=number("--scv", scv or "1", zero=True),
        shared=discipline == "share",
    )
    count = whole("--replicas", used["--replicas"])
    said = f"Not given, so plausible values are taken: {', '.join(guessed)}." if guessed else ""
    return answers.Replicas("", replica, count, numbers.rate(rate)), said
