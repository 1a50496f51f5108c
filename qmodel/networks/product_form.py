r"""Which stations have a product form, and what of them enters it.

A closed or mixed network has a product form if each of its stations is one of the four kinds
of Baskett, Chandy, Muntz and Palacios: FCFS with exponential service that is the same for all
classes, shared servers, a single server that is preempted by the newest request, or a delay.
Of a station only its mean service time and its speed by the number present then count.

Other FCFS stations are taken as if their service were exponential, with a measured error;
stations with priorities, a finite capacity, or arrivals of their own are refused. Several
classes can pass more (`mixed_node_of`), whose figures then are no product form.

References
----------
.. [1] F. Baskett, K. M. Chandy, R. R. Muntz, F. G. Palacios, "Open, closed, and mixed networks
   of queues with different classes of customers", Journal of the ACM 22, 1975.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qmodel.basis import APPROXIMATE, Assumption
from qmodel.distributions import Exponential
from qmodel.errors import ModelError
from qmodel.queues import (
    MG1,
    MG1LCFS,
    BirthDeath,
    Delay,
    FiniteSource,
    LoadDependent,
    MDc,
    MG1Priority,
    MGc,
    MGcPS,
    MMc,
    MMcLCFS,
    MMcPriority,
    Station,
)
from qmodel.queues.base import FCFS
from qmodel.queues.birth_death import STATE_DEPENDENT
from qmodel.queues.load_dependent import SPEED_BY_NUMBER
from qmodel.queues.mg1 import GENERAL_SERVICE
from qmodel.queues.mg1_lcfs import LAST_FIRST, LAST_FIRST_PREEMPTIVE
from qmodel.queues.mg1_priority import NON_PREEMPTIVE, PREEMPTIVE
from qmodel.queues.mgc_ps import PROCESSOR_SHARING
from qmodel.queues.mmc import EXPONENTIAL_SERVICE

__all__ = ["Node", "mixed_node_of", "node_of"]

AS_EXPONENTIAL = Assumption(
    "as-exponential",
    "an FCFS station under a closed load is taken as if its service were exponential; around "
    "the knee, in simulations of three stations, with constant service the throughput was 4 % "
    "low and the response up to 40 % high (p99 90 %), with an SCV of 4 the throughput 7 % high "
    "and the response up to 34 % low (p99 59 %)",
    "Reiser 1979; our simulations",
    APPROXIMATE,
)


class Node(NamedTuple):
    """What a station is to a product form."""

    work: Any
    """Mean work of a visit, in seconds at speed 1. [s]"""
    speeds: tuple[Any, ...] | None
    """Speed with 1, 2, ... present, the last of which goes on; None for equal servers."""
    servers: Any
    """Number of servers, inf for a delay. [-]"""
    queues: bool
    """Whether requests wait in the order of arrival."""
    grounds: tuple[Assumption, ...]
    order: str = "oldest"
    """Who of those that wait goes first: the "oldest" or "newest", or the most important class,
    which "interrupts" or "overtakes"; "stacked" where the newest interrupts."""

    @property
    def delays(self) -> bool:
        """Whether nobody waits."""
        return bool(np.ndim(self.servers) == 0 and self.servers == np.inf)

    @property
    def fastest(self) -> Any:
        """Speed with many present. [-]."""
        return self.servers if self.speeds is None else self.speeds[-1]


def node_of(name: str, station: Station) -> Node:
    """Return what `station` is to a product form; refuse it where it has none."""
    if isinstance(station, Delay):
        return Node(station.service.mean, None, np.inf, False, (GENERAL_SERVICE,))
    if isinstance(station, MGcPS):
        grounds = (GENERAL_SERVICE, PROCESSOR_SHARING)
        return Node(station.service.mean, None, station.servers, False, grounds)
    if isinstance(station, MG1LCFS) and station.preemptive:
        grounds = (GENERAL_SERVICE, LAST_FIRST_PREEMPTIVE)
        return Node(station.service.mean, None, 1, False, grounds, "stacked")
    if isinstance(station, LoadDependent):
        grounds = (GENERAL_SERVICE, SPEED_BY_NUMBER)
        return Node(station.service.mean, station.speeds, station.servers, False, grounds)
    if isinstance(station, BirthDeath) and station.arrival_factors is None:
        speeds = station.service_rates
        return Node(1.0, speeds, station.servers, False, (STATE_DEPENDENT,))
    if isinstance(station, (MMc, MG1, MGc, MDc, FiniteSource)):
        grounds = (FCFS, EXPONENTIAL_SERVICE)
        if not isinstance(station.service, Exponential):
            grounds = (FCFS, AS_EXPONENTIAL)
        return Node(station.service.mean, None, station.servers, True, grounds)
    raise ModelError(
        f"{name} cannot take a closed load: {type(station).__name__} has no product form; MMc, "
        "FiniteSource, MG1PS, MGcPS, preemptive MG1LCFS, LoadDependent, Delay and BirthDeath "
        "have one, and MG1, MGc and MDc are approximated"
    )


def mixed_node_of(name: str, station: Station) -> Node:
    """Return what `station` is to several classes, which may have an order among them."""
    if isinstance(station, (MG1Priority, MMcPriority)):
        order, kind = (
            ("interrupts", PREEMPTIVE)
            if station.preemptive
            else (
                "overtakes",
                NON_PREEMPTIVE,
            )
        )
    elif isinstance(station, (MG1LCFS, MMcLCFS)) and not getattr(station, "preemptive", False):
        order, kind = "newest", LAST_FIRST
    else:
        return node_of(name, station)
    distribution = (
        EXPONENTIAL_SERVICE if isinstance(station.service, Exponential) else AS_EXPONENTIAL
    )
    return Node(station.service.mean, None, station.servers, True, (kind, distribution), order)
