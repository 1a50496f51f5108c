"""A station whose load, or whose servers, change in time: what a request meets, and when.

The number present follows the Kolmogorov equations (`qmodel.transients.evolution`) on levels
(`qmodel.transients.levels`): exact for exponential work where backlogs stay below some hundred,
and told apart to 1 to 2 % of the backlog beyond. A request that has b services
in front of it waits for as long as all servers take for b services, with the servers that will
be there then. Where a load is light, and slow against the memory of the queue, each moment is a
steady state.

References
----------
.. [1] A. Jensen, "Markoff chains as an aid in the study of Markoff processes", Skandinavisk
   Aktuarietidskrift 36, 1953.
.. [2] G. F. Newell, "Applications of Queueing Theory", 2nd ed., Chapman and Hall, 1982 (what
   backlogs do on the scale of rush hours).
.. [3] S. G. Eick, W. A. Massey, W. Whitt, "The physics of the M_t/G/inf queue", Operations
   Research 41, 1993.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel import _check
from qmodel.distributions import ZERO, Scaled
from qmodel.errors import DomainError, ModelError
from qmodel.loads import Profile
from qmodel.queues.base import Station
from qmodel.queues.delay import Delay
from qmodel.queues.mg1_ps import MG1PS
from qmodel.queues.mgc_ps import MGcPS
from qmodel.transients.autoscaler import Autoscaler
from qmodel.transients.course import Course, reach_of
from qmodel.transients.over_time import StationOverTime
from qmodel.transients.schedule import Schedule
from qmodel.transients.walk import Walk, walk_of

__all__ = ["default_times", "delayed", "follows", "station_over_time", "steady", "walk_or_none"]

_POINTS = 300
_LIGHT, _SLOW = 0.95, 1e-3
"""Below this load, and as slow against the memory of the queue, a load is followed at once."""


def default_times(profile: Profile, times: Any = None) -> np.ndarray:
    """Return the times that are asked for: the given ones, or evenly and at the corners."""
    if times is None:
        even = np.linspace(profile.times[0], profile.times[-1], _POINTS)
        # Corners of a recorded load are as many as its rows: they are times enough.
        corners = profile.times if len(profile.times) <= 4 * _POINTS else profile.times[:0]
        return np.unique(np.concatenate([even, corners]))
    found = np.array(_check.real("times", times))
    rising = found.ndim == 1 and found.size and (np.diff(found) > 0).all()
    if not rising or not np.isfinite(found).all():
        raise DomainError(f"times must increase, got {_check.short(times)}")
    return found


def walk_or_none(station: Station, load: Profile, *, plain: bool = True) -> Walk | None:
    """Return a station as a walk; None if it has none, and the load is always light.

    `plain` are as many servers at all times, and a steady state at first: without a walk there
    is nothing else.
    """
    try:
        return walk_of(station)
    except ModelError as error:
        if not plain:
            raise ModelError(
                f"{error}; so neither servers over time nor requests at the start can be "
                "followed"
            ) from None
        if load.peak < _LIGHT * float(np.min(station.max_rate)):
            return None
        raise


def station_over_time(
    station: Station,
    profile: Profile,
    times: np.ndarray,
    *,
    servers: Schedule | Autoscaler | None = None,
    start: int | None = None,
) -> StationOverTime:
    """Return a station at each of the `times`, by the conventions of `Pipeline.over_time`.

    Parameters
    ----------
    station : Station
        The station. [-]
    profile : Profile
        What comes; before its first time as at that, after its last as at that. [1/s]
    times : array
        Increasing times at which to look, be it after the load began. [s]
    servers : Schedule or Autoscaler, optional
        How the number of servers changes; by default it does not. [-]
    start : int, optional
        Requests that are there at the first of the `times`; by default the load begins in the
        steady state of its first rate, or with none where there is no such state. [-]

    Returns
    -------
    StationOverTime
        The station over time.

    Raises
    ------
    ModelError
        If the station has no solution over time, or no servers or no queue that could change.
    """
    if isinstance(station, Delay):
        if servers is not None or start is not None:
            what = "servers that could change over time" if start is None else "queue to start"
            raise ModelError(f"a Delay has no {what}")
        return delayed(station, profile, times)
    # Be the first look when it may, a load begins when it does.
    first = float(times[0] if start is not None else min(times[0], profile.times[0]))
    corners = np.concatenate([[first], profile.times[profile.times > first], [first + 1.0]])
    load = Profile(np.unique(corners), profile.rate(np.unique(corners)))
    grid = np.unique(np.concatenate([[first], times]))
    if isinstance(station, (MG1PS, MGcPS)):
        # How long the work takes is known of all times.
        more = default_times(load)
        grid = np.union1d(grid, more[more > first])
    plain = servers is None and start is None
    walk = walk_or_none(station, load, plain=plain)
    if walk is None or (plain and follows(walk, load, grid)):
        return steady(station, profile, times)
    reach = reach_of(walk, load, servers, start)
    course = Course(walk, load, reach, servers=servers, start=start)
    result = course.advance(load, grid).reading.result(station)
    return result.at(np.searchsorted(grid, times)) if len(grid) > len(times) else result


def follows(walk: Walk, profile: Profile, times: np.ndarray) -> bool:
    """Return whether a load is so slow, and so light, that each moment is a steady state."""
    inside = (profile.times >= times[0]) & (profile.times <= times[-1])
    corners = np.unique(np.concatenate([times, profile.times[inside]]))
    rate = np.asarray(profile.rate(corners))
    if walk.throughputs is not None:
        return False
    most = float(walk.completions(walk.servers, walk.servers))
    if not rate.max() < _LIGHT * most:
        return False
    # The time that the queue remembers, at the greatest load.
    memory = max(1 / (np.sqrt(most) - np.sqrt(rate.max())) ** 2, walk.service_time)
    drift = np.abs(np.diff(rate)) / np.diff(corners)
    return bool((drift * memory <= _SLOW * (most - rate[1:])).all())


def steady(station: Station, profile: Profile, times: np.ndarray) -> StationOverTime:
    """Return a station that is in the steady state of each moment."""
    rate = np.asarray(profile.rate(times))
    r, zero = station.solve(rate), np.zeros(len(times))
    return StationOverTime(
        times=times,
        arrival_rate=rate,
        servers=zero + station.servers,
        number_in_system=zero + r.number_in_system,
        queue_length=zero + r.queue_length,
        busy=zero + r.utilization * station.servers,
        throughput=zero + rate * r.accepted,
        rejected=zero + r.loss,
        abandoned=zero + r.abandonment,
        waiting_time=zero + r.waiting_time,
        response_time=zero + r.response_time,
        wait=r.served_wait,
        response=r.served_response,
        station=station,
    )


def delayed(station: Delay, profile: Profile, times: np.ndarray) -> StationOverTime:
    """Return a delay over time: the number present is Poisson, and known exactly [3]."""
    distribution = station.service
    nodes, weights = np.polynomial.legendre.leggauss(64)
    shares = (nodes + 1) / 2
    stays = np.asarray(distribution.quantile(shares), dtype=float)
    leaving = profile.rate(times[:, None] - stays) @ (weights / 2)
    # The age of a request in the delay: its tail over its mean.
    length = float(distribution.quantile(1 - 1e-9))
    ages, size = (nodes + 1) / 2 * length, weights / 2 * length
    inside = (profile.rate(times[:, None] - ages) * distribution.tail(ages)) @ size
    rate, zero = np.asarray(profile.rate(times)), np.zeros(len(times))
    mean = float(distribution.mean)
    return StationOverTime(
        times=times,
        arrival_rate=rate,
        servers=zero + np.inf,
        number_in_system=inside,
        queue_length=zero,
        busy=inside,
        throughput=leaving,
        rejected=zero,
        abandoned=zero,
        waiting_time=zero,
        response_time=zero + mean,
        wait=Scaled(ZERO, zero + 1),
        response=Scaled(distribution, zero + 1),
        station=station,
    )
