"""The result of a held pool: that of a station, with its permits and what is inside."""

from __future__ import annotations

from dataclasses import dataclass

from qmodel._typing import Value
from qmodel.queues.base import StationResult

__all__ = ["HeldResult"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class HeldResult(StationResult):
    """The steady state of a pool whose permits are held.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate of all streams. [1/s]
    utilization : number or array
        Busy share of the servers. Where requests are lost or give up it is at most 1; in
        overload of a queue it is what they would need, 1 and above. [-]
    waiting_time : number or array
        Mean time in queue; where servers are shared, response less service time. [s]
    response_time : number or array
        Mean time in queue and in service. [s]
    queue_length : number or array
        Mean number in queue. [-]
    number_in_system : number or array
        Mean number in queue and in service. [-]
    wait : Distribution or None
        Law of the time in queue; None where servers are shared and nobody queues. [-]
    response : Distribution
        Law of the time in queue and in service. [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    station : Station
        The station, with the law of service of the mix of its streams. [-]
    loss : number or array, default 0
        Share of the arrivals that find no place and are lost. [-]
    abandonment : number or array, default 0
        Share of the arrivals that give up waiting. [-]
    accepted : number or array, optional
        Share of the arrivals that is served and goes on; by default 1 - loss - abandonment,
        which has no digits left in deep overload. [-]
    number : States or None
        Law of the number of requests present, where it is known. [-]
    streams : tuple of StreamResult
        The same for each stream. [-]
    holding_time : number or array
        Mean time for which a request holds its permit. [s]
    holders : number or array
        Mean number of permits in use. [-]
    stations : dict of str to StationResult
        The stations inside. [-]
    scale : number or array, default 1
        Factor of all times inside, by flow equivalence; 1 where the pool is exact. [-]
    """

    holding_time: Value
    holders: Value
    stations: dict[str, StationResult]
    scale: Value = 1.0
