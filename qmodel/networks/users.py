"""How many users a site can have: the largest closed load that keeps an objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel.networks import closed
from qmodel.queues.base import Station

__all__ = ["most_users"]

_MOST = 2.0**50


def most_users(
    stations: Mapping[str, Station],
    visits: Mapping[str, Value],
    think_time: Value = 0.0,
    *,
    within: Value,
    percentile: Value | None = None,
) -> Value:
    """Return the greatest number of users who are answered within a time.

    The response grows with the number of users, so whole numbers are bracketed by doubling
    and halved, in all cells together.

    Parameters
    ----------
    stations : mapping of str to Station
        The stations by name. [-]
    visits : mapping of str to number or array
        How often one request visits each, on average, >= 0. [-]
    think_time : number or array, default 0
        Mean time between an answer and the next request of a user, >= 0. [s]
    within : number or array
        The objective, > 0. [s]
    percentile : number or array, optional
        Share of the requests that must be answered within it; by default the mean must. [-]

    Returns
    -------
    number or array
        Whole number of users; 0 where even one is answered too late, inf where any number is
        answered in time. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain.
    ModelError
        If a station has no product form, or visits and stations differ.

    Examples
    --------
    >>> import qmodel as qm
    >>> site = {"cpu": qm.MMc(0.020, servers=2), "db": qm.MMc(0.008, servers=1)}
    >>> visits = {"cpu": 1, "db": 3}
    >>> float(most_users(site, visits, think_time=5.0, within=1.0, percentile=0.99))
    211.0
    >>> float(most_users(site, visits, think_time=5.0, within=1.0))
    249.0
    """
    within = _check.positive("within", within)
    if percentile is not None:
        percentile = _check.probability("percentile", percentile)

    def late(users: Any) -> Any:
        found = closed.solve(stations, visits, users, think_time)
        if percentile is None:
            return found.response_time > within
        return found.latency.tail(within) > 1 - percentile

    first = late(np.ones(np.shape(within)))
    low, high = np.zeros(np.shape(first)), np.ones(np.shape(first))
    once = closed.solve(stations, visits, 1, think_time)
    endless = np.broadcast_to(np.isinf(once.max_rate), high.shape)
    open_ = ~first & ~endless
    while open_.any() and np.max(high) < _MOST:
        low, high = np.where(open_, high, low), np.where(open_, 4 * high, high)
        open_ = open_ & ~late(high)
    while np.any(high - low > 1):
        middle = np.floor((low + high) / 2)
        too_late = late(np.maximum(middle, 1.0))
        low, high = np.where(too_late, low, middle), np.where(too_late, middle, high)
    unknown = np.isnan(once.response_time + within)
    found = np.where(endless & ~first, np.inf, low)
    return np.where(unknown, np.nan, found)[()]
