"""``qmodel balance``: what the policy of a load balancer does to equal replicas."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from qmodel.cli.numbers import number, whole
from qmodel.cli.options import Format, Output, Rate, Shape, examples
from qmodel.errors import DomainError
from qmodel.units import parse

if TYPE_CHECKING:
    from qmodel.queues import Station

__all__ = ["Discipline", "command", "replica_of"]

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
    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            metavar="TEXT",
            help="What must hold, such as 'p99 < 80 ms' [p99 at most twice that of no load].",
        ),
    ] = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Compare the policies of a load balancer before equal replicas.

    Which policy answers soonest, how much load it carries, and what a lost replica, a hash
    of keys or a hot key would do.
    """
    from qmodel.cli.balance_report import Pools, answer, goal_of, policies_of
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    given = {"--replicas": replicas, "--workers": workers, "--service-time": service_time}
    used = {option: written or DEFAULTS[option] for option, written in given.items()}
    guessed = [f"{o} {DEFAULTS[o]}" for o, written in given.items() if written is None]
    with writing(output) as write:
        replica = replica_of(
            number("--service-time", used["--service-time"]),
            whole("--workers", used["--workers"]),
            number("--scv", scv, zero=True),
            discipline,
        )
        pools = Pools(
            replica,
            whole("--replicas", used["--replicas"]),
            policies_of(policy),
            whole("--virtual-nodes", virtual_nodes),
        )
        arrivals = _rate(float(replica.max_rate) * pools.replicas, rate, load)
        if rate is None and load is None:
            guessed.append(f"--load {LOAD}")
        report = answer(pools, arrivals, goal_of(objective, replica), ", ".join(guessed))
        write(report)
    show(report, form)


def replica_of(
    service_time: float, workers: int, scv: float, discipline: Discipline
) -> Station:
    """Return the station that one replica is."""
    from qmodel.distributions import from_mean_scv
    from qmodel.queues import MG1, MG1PS, MGc, MGcPS, MMc

    law = from_mean_scv(service_time, scv)
    if discipline is Discipline.SHARE:
        return MGcPS(law, workers) if workers > 1 else MG1PS(law)
    if scv == 1:
        return MMc(service_time, workers)
    return MGc(law, workers) if workers > 1 else MG1(law)


def _rate(max_rate: float, rate: str | None, load: str | None) -> float:
    """Return the arrival rate [1/s] of ``--rate``, or of the share that ``--load`` is."""
    if rate is not None and load is not None:
        raise DomainError("the load is given twice: --rate and --load")
    if rate is not None:
        return number("--rate", rate, zero=True)
    share = parse(LOAD if load is None else load)
    if not 0 <= share < _MOST_LOAD:
        raise DomainError(f"--load must be a share such as 80%, got {load!r}")
    return share * max_rate
