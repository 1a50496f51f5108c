"""What a station is told of the stream that comes to it: how variable it is, and when."""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.distributions import Distribution
from qmodel.queues.approximations.behind import Behind
from qmodel.queues.approximations.clock import felt_by_clock
from qmodel.queues.approximations.constant_in_a_row import (
    scv_behind_constant,
    scv_behind_several,
)
from qmodel.queues.approximations.dispersion import Dispersion, where_finite
from qmodel.queues.approximations.limited_stream import Limited
from qmodel.queues.approximations.time_scales import (
    early_index,
    early_scv,
    late_scv,
    scv_at,
)

__all__ = ["at_station"]


def at_station(
    stream: Dispersion,
    rate: Any,
    utilization: Any,
    service: Distribution,
    servers: Any,
    seen: Any,
    once: bool = True,
) -> dict[str, Any]:
    """Return how variable a stream is at a station.

    Parameters
    ----------
    stream : Dispersion
        What comes. [-]
    rate, utilization : number or array
        Requests a second, and busy share of the servers. [1/s]
    service : Distribution
        Distribution of the service time. [-]
    servers : int or integer array
        Number of servers. [-]
    seen : number or array
        SCV of the service, as far as requests feel it. [-]
    once : bool, default True
        Whether each request comes once. [-]

    Returns
    -------
    dict
        The index of dispersion that the station feels, and what `qmodel.Stream` has of it. [-]
    """
    timed = stream.timed
    most, of_one = (np.greater_equal(share, 0.5) for share in stream.shares)
    seen = where_finite(seen)
    exact: list[tuple[Any, Any, Any]] = []  # Where it is, and the SCV there, and at first.
    if isinstance(stream, Behind):
        spaced = stream.spaces(service, servers)
        slower = scv_behind_constant(stream, rate, service, servers) if once else None
        known = False if slower is None else ~np.isnan(slower) & ~spaced
        left = np.where(known, 0.0 if slower is None else slower, 0.0)
        exact.append((spaced | known, left, left))
    burst: Any = np.inf
    if once and (sources := stream.sources) is not None:
        known = sources.apart(service, servers)
        if np.any(known):
            left = scv_behind_several(sources, rate, service)
            soon = early_index(rate, utilization, left, service, servers)
            exact.append((known, left, sources.early(utilization, soon)))
            # One of each server at most is met.
            burst = np.where(known, float(sources.number), np.inf)[()]
    exact = [cells for cells in exact if np.any(cells[0])]
    for where, _, _ in exact:
        timed, most, of_one = (x & ~where for x in (timed, most, of_one))
    felt = felt_by_clock(stream, rate, utilization, seen) if np.any(timed) else None
    if felt is not None:
        # Several servers send the next few more evenly than the index says.
        most = np.where(np.less(felt.index, 1), of_one, most)
    scv: Any = 1.0
    early: Any = 1.0
    if felt is None or not np.all(timed & most):
        scv = scv_at(stream, rate, utilization, seen)
        early = early_scv(stream, rate, utilization, scv, service, servers)
    for where, *left_there in exact:
        scv, early = (
            np.where(where, x, y)[()] for x, y in zip(left_there, (scv, early), strict=True)
        )
    if felt is not None:
        index, as_gaps, late = (
            np.where(timed, x, scv)[()] for x in (felt.index, felt.scv, felt.late)
        )
        return {
            "index": index,
            "scv": as_gaps,
            "early_scv": np.where(most, index, early)[()],
            "late_scv": late,
            "gap_scv": np.where(most, 1.0, 0.0)[()],
            "disturbance": felt.bursts.length if felt.bursts else None,
            "disturbance_share": felt.bursts.share if felt.bursts else 1.0,
            "burst": burst,
        }
    first = None if early is scv else early
    found = {"index": scv, "scv": scv, "early_scv": first, "burst": burst}
    if isinstance(stream, Limited):
        late = late_scv(stream, rate, utilization, scv, seen)
        if late is not None:
            if np.any(np.equal(service.scv, 0)):
                burst = stream.burst_at(service.mean, servers)
            found |= {"burst": burst, "late_scv": late, "gap_scv": early}
    return found
