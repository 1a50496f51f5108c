"""When a cache is full, for presences that need more than p T.

The plain policies depend on p_i T alone (`qmodel.caches.policies.characteristic_time`). Behind
another cache, beside writes or slow fetches, the presence has further times in it. Their
characteristic time is the root of the same sum, here for any increasing presence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qmodel.caches.popularity.base import Grid, Popularity
from qmodel.numerics.roots import increasing_root

__all__ = ["filling_time", "hit_ratio_while_filling"]

_SHORTEST, _LONGEST = -40.0, 600.0
"""Logarithms between which a time is looked for, counted in requests."""


Presence = Callable[[slice, Grid, Any], Any]


def filling_time(grid: Grid, capacity: Any, shape: tuple[int, ...], presence: Presence) -> Any:
    """Return the time that fills a capacity, counted in requests.

    Parameters
    ----------
    grid : Grid
        The objects. [-]
    capacity : number or array
        What fits, in the unit of the sizes. [-]
    shape : tuple of int
        The shape of the scenarios. [-]
    presence : callable
        From a slice of the scenarios, in one row, their grid, and times of that many, with
        a last axis of length one, to the probability of each object to be present; increasing.
        [-]

    Returns
    -------
    array
        The time, of shape `shape`; 0 without capacity, inf where it is never full.

    Examples
    --------
    >>> from qmodel.caches.popularity.zipf import Zipf
    >>> grid = Zipf(1000, 0.8).grid
    >>> filling_time(grid, [100, 1000], (2,), lambda _, g, t: -np.expm1(-g.share * t))
    array([133.8647,      inf])
    """
    wanted = np.broadcast_to(np.asarray(capacity, dtype=float), shape).ravel()
    found = np.empty(wanted.size)
    for here, part in grid.chunks(shape):
        target = wanted[here]

        def filled(log_time: Any, here: slice = here, part: Grid = part) -> Any:
            with np.errstate(under="ignore"):
                return part.over_sizes(presence(here, part, np.exp(log_time)[..., None]))

        low, high = np.full(target.shape, _SHORTEST), np.full(target.shape, _LONGEST)
        # Sums round: a capacity for all but a billionth of a thousandth is one for all.
        endless = target >= filled(high) * (1 - 1e-12)
        goal = np.where(endless | (target <= 0), filled(np.zeros(target.shape)), target)

        def over(log_time: Any, goal: Any = goal, filled: Any = filled) -> Any:
            return filled(log_time) - goal

        root = np.exp(increasing_root(over, low, high, rtol=1e-14))
        found[here] = np.where(target <= 0, 0.0, np.where(endless, np.inf, root))
    return np.where(np.isnan(wanted), np.nan, found).reshape(shape)


def hit_ratio_while_filling(popularity: Popularity, requests: Any) -> Any:
    """Return the share of hits after so many requests to a cache that was empty.

    Until it is full, a cache has each object that was asked for since. At whatever rates the
    requests came: their number is the clock.

    Parameters
    ----------
    popularity : Popularity
        What is asked for, one scenario. [-]
    requests : array of shape (n,)
        Requests since the cache was empty, >= 0. [-]

    Returns
    -------
    array of shape (n,)
        The share of the next requests that hit. [-]

    Examples
    --------
    >>> from qmodel.caches.popularity.zipf import Zipf
    >>> hit_ratio_while_filling(Zipf(1000, 0.8), np.array([0.0, 100.0, 1000.0]))
    array([0.    , 0.3337, 0.7316])
    """
    grid, asked = popularity.grid, np.asarray(requests, dtype=float)
    found = np.empty(asked.shape)
    for here, part in grid.chunks(asked.shape):
        found[here] = part.over_requests(-np.expm1(-part.share * asked[here, None]))
    return found
