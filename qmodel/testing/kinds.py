"""The kinds of station, each by one line: how it is built of parts that are drawn.

A new station needs one line in `STATIONS`; the distributions of the kit are then tested on it.

Examples
--------
>>> import qmodel as qm
>>> from qmodel.testing.kinds import STATIONS, Parts
>>> STATIONS["MMcK"](Parts(qm.Exponential(0.1), servers=4, few=2))
MMcK(service_time=0.1, servers=4, capacity=6)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from qmodel import balancing, queues
from qmodel.distributions import Distribution, Erlang, Exponential
from qmodel.distributions.phase_type import phases_of
from qmodel.queues.base import Station

__all__ = ["IN_PATHS", "STATIONS", "Parts"]

_POLICIES = ("srpt", "psjf", "sjf", "fb")


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What a station is built of; each kind takes of it what it needs.

    Parameters
    ----------
    distribution : Distribution
        Distribution of the service time. [-]
    servers : int, default 1
        Number of servers. [-]
    few : int, default 1
        A small number, >= 1: places to wait, clients without a server, a threshold, a
        batch. [-]
    other : Distribution, default Exponential(1.0)
        Another distribution: of interarrival times, of vacations, of set-ups; its mean is the
        patience. [-]
    flag : bool, default False
        One of two kinds: preemptive or not, vacations again and again or one. [-]
    """

    distribution: Distribution
    servers: int = 1
    few: int = 1
    other: Distribution = field(default_factory=lambda: Exponential(1.0))
    flag: bool = False


def _cores(x: Parts) -> Station:
    # As many at once as there are servers, then a tenth slower.
    rates = [n / x.distribution.mean for n in range(1, x.servers + 1)]
    slower = x.few * [0.9 * rates[-1]]
    return queues.BirthDeath((*rates, *slower), servers=x.servers)


def _unequal(x: Parts) -> Station:
    # One state for each set of busy servers: ten of them are a thousand.
    times = (x.distribution.mean * (1 + i) for i in range(min(x.servers, 6)))
    return queues.UnequalServers(tuple(times))


def _slower(x: Parts) -> Station:
    speeds = (*range(1, x.servers + 1), *x.few * (0.9 * x.servers,))
    return queues.LoadDependent(x.distribution, speeds)


def _in_room(x: Parts) -> Station:
    # Phases as they are; a fit to other distributions would take most of the time of a test.
    distribution = (
        x.distribution if phases_of(x.distribution) else Erlang(x.distribution.mean, 2)
    )
    servers = min(x.servers, 6)
    return queues.MGcK(distribution, servers, servers + x.few)


def _kept(x: Parts) -> Station:
    return queues.Serverless(
        x.distribution, Exponential(x.distribution.mean), 10 * x.other.mean
    )


def _two(x: Parts) -> tuple[Station, Station]:
    return queues.MMc(x.distribution.mean), queues.MMc(1.5 * x.distribution.mean)


STATIONS: dict[str, Callable[[Parts], Station]] = {
    "BirthDeath": _cores,
    "Delay": lambda x: queues.Delay(x.distribution),
    "Engset": lambda x: queues.Engset(x.distribution.mean, x.servers, x.servers + x.few),
    "ErlangA": lambda x: queues.ErlangA(x.distribution.mean, x.servers, x.other.mean),
    "FiniteSource": lambda x: queues.FiniteSource(
        x.distribution.mean, x.servers, x.servers + x.few
    ),
    "GGc": lambda x: queues.GGc(x.other, x.distribution, x.servers),
    "GM1": lambda x: queues.GM1(x.other, x.distribution.mean),
    "GMc": lambda x: queues.GMc(x.other, x.distribution.mean, x.servers),
    "LoadDependent": _slower,
    "MDc": lambda x: queues.MDc(x.distribution.mean, x.servers),
    "MG1": lambda x: queues.MG1(x.distribution),
    "MG1K": lambda x: queues.MG1K(x.distribution, x.few),
    "MG1KPS": lambda x: queues.MG1KPS(x.distribution, x.few),
    "MG1LCFS": lambda x: queues.MG1LCFS(x.distribution, x.flag),
    "MG1PS": lambda x: queues.MG1PS(x.distribution),
    "MG1Priority": lambda x: queues.MG1Priority(x.distribution, x.flag),
    "MG1Setup": lambda x: queues.MG1Setup(x.distribution, x.other),
    "MG1SizeBased": lambda x: queues.MG1SizeBased(x.distribution, _POLICIES[x.few % 4]),
    "MG1Threshold": lambda x: queues.MG1Threshold(x.distribution, x.few),
    "MG1Vacations": lambda x: queues.MG1Vacations(x.distribution, x.other, x.flag),
    "MGc": lambda x: queues.MGc(x.distribution, x.servers),
    "MGcK": _in_room,
    "MGcPS": lambda x: queues.MGcPS(x.distribution, x.servers),
    "MGcc": lambda x: queues.MGcc(x.distribution, x.servers),
    "MMc": lambda x: queues.MMc(x.distribution.mean, x.servers),
    "MMcD": lambda x: queues.MMcD(x.distribution.mean, x.servers, x.other.mean),
    "MMcK": lambda x: queues.MMcK(x.distribution.mean, x.servers, x.servers + x.few),
    "MMcLCFS": lambda x: queues.MMcLCFS(x.distribution.mean, x.servers),
    "MMcPriority": lambda x: queues.MMcPriority(x.distribution.mean, x.servers, x.flag),
    "MXG1": lambda x: queues.MXG1(x.distribution, queues.GeometricBatch(x.few)),
    "Serverless": _kept,
    "UnequalServers": _unequal,
    # Replicas behind a balancer.
    "CentralQueue": lambda x: balancing.CentralQueue(
        queues.MMc(x.distribution.mean), x.servers
    ),
    "JoinIdleQueue": lambda x: balancing.JoinIdleQueue(
        queues.MMc(x.distribution.mean), x.servers
    ),
    "LeastConnections": lambda x: balancing.LeastConnections(
        queues.MG1(x.distribution), x.servers
    ),
    "PowerOfChoices": lambda x: balancing.PowerOfChoices(
        queues.MMc(x.distribution.mean), x.servers + 1
    ),
    "RandomSplit": lambda x: balancing.RandomSplit(queues.MG1(x.distribution), x.servers),
    "RoundRobin": lambda x: balancing.RoundRobin(queues.MMc(x.distribution.mean), x.servers),
    "Sharded": lambda x: balancing.Sharded(queues.MG1(x.distribution), (0.5, 0.3, 0.2)),
    "TiedRequests": lambda x: balancing.TiedRequests(
        queues.MMc(x.distribution.mean), x.servers + 1
    ),
    "WeightedRoundRobin": lambda x: balancing.WeightedRoundRobin(_two(x), (0.6, 0.4)),
    "WeightedSplit": lambda x: balancing.WeightedSplit(_two(x), (0.6, 0.4)),
}
"""Stations by their parts; a new station needs one line."""

IN_PATHS = tuple(
    name for name, build in STATIONS.items() if not build(Parts(Exponential(1.0))).not_in_paths
)
"""The kinds that a path can call."""
