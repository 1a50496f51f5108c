r"""The characteristic time: what a full cache has in common for all its objects.

In a large cache the time T that an object stays unless it is asked for hardly varies, and
it is the same for all objects [1]_. So each object is present, and its requests hit, with a
probability g(p_i T) of its own, and T is what fills the cache:

.. math:: \sum_i s_i\, g(p_i T) = C ,

with the sizes s_i (1 where the cache counts objects). The policy is in g. The
approximation is exact in the limit of many objects [2]_; the measured errors of the hit
ratio stand with the policies.

**Numerics.** T counts requests here, and is found by Newton's method for the logarithm of
the sum in the logarithm of T, which is nearly straight; where it leaves the bracket, the
bracket is halved. Many sizes for one popularity start from a table of that curve. The
root is exact to rounding, some ten evaluations of a few hundred nodes.

References
----------
.. [1] H. Che, Y. Tung, Z. Wang, "Hierarchical web caching systems: modeling, design and
   experimental results", IEEE Journal on Selected Areas in Communications 20, 2002, sec. III.
.. [2] C. Fricker, P. Robert, J. Roberts, "A versatile and accurate approximation for LRU
   cache performance", International Teletraffic Congress 24, 2012, prop. 1 and 2.
.. [3] V. Martina, M. Garetto, E. Leonardi, "A unified approach to the performance analysis
   of caching systems", IEEE INFOCOM, 2014.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qmodel.caches.popularity import Grid, Popularity

__all__ = ["characteristic_time"]

Presence = Callable[[Any], tuple[Any, Any]]

_MOST = 60
_TABLE = 128


def characteristic_time(popularity: Popularity, capacity: Any, presence: Presence) -> Any:
    """Return the characteristic time, counted in requests.

    Parameters
    ----------
    popularity : Popularity
        What is asked for. [-]
    capacity : number or array
        What fits into the cache, in the unit of the sizes. [-]
    presence : callable
        From x = p T to the probability that an object is present, increasing from 0 to 1
        and asymptotic to a multiple of x at 0, and x times its derivative. [-]

    Returns
    -------
    number or array
        The time, of the broadcast shape; 0 without capacity, inf where all objects fit.

    Examples
    --------
    >>> from qmodel.caches.lru import presence
    >>> from qmodel.caches.zipf import Zipf
    >>> characteristic_time(Zipf(1000, 0.8), [10, 100, 500, 1000], presence)
    array([  10.4537,  133.8647, 1236.7998,       inf])
    """
    capacity = np.asarray(capacity, dtype=float)
    grid = popularity.grid
    shape = np.broadcast_shapes(capacity.shape, grid.shape)
    flat = np.broadcast_to(capacity, shape).ravel()
    found = np.empty(flat.size)
    start = _starts(grid, flat, presence) if not grid.shape and flat.size > _TABLE else None
    for here, part in grid.chunks(shape):
        first = np.log(flat[here] + 1e-300) if start is None else start[here]
        found[here] = _root(part, flat[here], presence, first)
    return found.reshape(shape)[()]


def _filled(grid: Grid, log_time: Any, presence: Presence) -> tuple[Any, Any]:
    """Return what objects fill after a time, and its derivative in the logarithm of it."""
    with np.errstate(over="ignore", under="ignore"):
        x = grid.share * np.exp(log_time)[..., None]
    there, slope = presence(x)
    return grid.over_sizes(there), grid.over_sizes(slope)


def _root(grid: Grid, capacity: Any, presence: Presence, start: Any) -> Any:
    volume = grid.volume.sum(axis=-1)
    inner = (capacity > 0) & (capacity < volume)
    target = np.log(np.where(inner, capacity, volume / 2))
    u = np.where(inner, start, 0.0)
    low, high = np.full(u.shape, -np.inf), np.full(u.shape, np.inf)
    for _ in range(_MOST):
        filled, slope = _filled(grid, u, presence)
        with np.errstate(divide="ignore", invalid="ignore"):
            miss = target - np.log(filled)
            step = miss * filled / slope
        low, high = np.where(miss > 0, u, low), np.where(miss <= 0, u, high)
        after = u + np.clip(np.where(np.isnan(step), np.sign(miss), step), -4.0, 4.0)
        outside = (after <= low) | (after >= high)
        with np.errstate(invalid="ignore"):
            after = np.where(outside & np.isfinite(high - low), (low + high) / 2, after)
        u, moved = after, np.abs(after - u)
        # Newton doubles the digits: a step this small was the last but one needed.
        if not (moved > 1e-9).any():
            break
    found = np.exp(u)
    found = np.where(capacity <= 0, 0.0, np.where(capacity >= volume, np.inf, found))
    return np.where(np.isnan(capacity), np.nan, found)


def _starts(grid: Grid, capacity: Any, presence: Presence) -> Any:
    """Return good first guesses for many capacities, from a table."""
    inner = capacity[(capacity > 0) & (capacity < grid.volume.sum())]
    if not inner.size:
        return np.zeros(capacity.shape)
    ends = np.array([inner.min(), inner.max()])
    low, high = np.log(_root(grid, ends, presence, np.log(ends)))
    u = np.linspace(low, high, _TABLE)
    filled, _ = _filled(grid, u, presence)
    return np.interp(np.log(np.where(capacity > 0, capacity, 1.0)), np.log(filled), u)
