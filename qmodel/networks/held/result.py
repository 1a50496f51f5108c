"""The result of a held pool: that of a station, with its permits and what is inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel.distributions import Distribution, Scaled, Sum
from qmodel.queues.base import StationResult

__all__ = ["HeldResult", "View"]


class View(NamedTuple):
    """What becomes of some of the requests: those that find a permit, or those that wait."""

    share: Value
    """Share of the requests. [-]"""
    wait: Distribution | None
    """Distribution of their wait for a permit; None where they find one."""
    stations: Mapping[str, StationResult]
    """What they find at stations inside; those left out are as they are without the pool."""
    scale: Value = 1
    """Factor of all their times. [-]"""

    @checked
    def after(self, held: Distribution, visits: Count = 1) -> Distribution:
        """Return the time of `visits` that find the same, permits being `held` so long."""
        distribution = held
        if self.wait is not None:
            once = isinstance(visits, int) and visits == 1
            distribution = Sum((self.wait if once else Scaled(self.wait, visits), held))
        return distribution if isinstance(self.scale, int) else Scaled(distribution, self.scale)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class HeldResult(StationResult):
    """The steady state of a pool whose permits are held.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate of all streams. [1/s]
    utilization : number or array
        Share of the permits in use; in overload 1 and above. [-]
    waiting_time : number or array
        Mean wait for a permit. [s]
    response_time : number or array
        Mean time from the request for a permit to its return. [s]
    queue_length : number or array
        Mean number that waits for a permit. [-]
    number_in_system : number or array
        Mean number that waits for a permit or holds one. [-]
    wait : Distribution or None
        Distribution of the wait for a permit. [-]
    response : Distribution
        Distribution of the time from the request for a permit to its return. [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    station : Station
        The pool. [-]
    loss : number or array, default 0
        Share of the arrivals that come to a full station and are lost. [-]
    abandonment : number or array, default 0
        Share of the arrivals that give up waiting. [-]
    accepted : number or array, optional
        Share of the arrivals that is served and goes on. [-]
    number : States or None
        Distribution of the number of requests present, where it is known. [-]
    streams : tuple of StreamResult
        The same for each stream. [-]
    at_once : AtOnce or None
        What those meet who come at once, where there are some. [-]
    holding_time : number or array
        Mean time for which a request holds its permit. [s]
    holders : number or array
        Mean number of permits in use. [-]
    stations : mapping of str to StationResult
        The stations inside, as holders find them. [-]
    views : tuple of View
        What those that find a permit and those that wait for one find inside. [-]
    """

    holding_time: Value
    holders: Value
    stations: Mapping[str, StationResult]
    views: tuple[View, ...]

    @property
    def offered_load(self) -> Value:
        """Arrival rate times mean holding time: the permits that it takes. [erlang]."""
        return self.utilization * self.station.servers

    @property
    def working_servers(self) -> Value:
        """Permits of those who do their own work, at no station with servers. [-]."""
        delays = (r for r in self.stations.values() if np.all(np.isinf(r.station.servers)))
        busy = any(np.any(np.asarray(r.station.service.variance) > 0) for r in delays)
        return self.station.servers if busy else 0

    @property
    def time_here(self) -> Value:
        """Mean time at the pool itself: what is inside counts there. [s]."""
        return self.waiting_time
