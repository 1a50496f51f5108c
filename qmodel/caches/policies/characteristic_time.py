r"""The characteristic time: what a full cache has in common for all its objects.

In a large cache the time T that an object stays unless it is asked for hardly varies, and
it is the same for all objects [1]_. So each object is present, and its requests hit, with a
probability g(p_i T) of its own, and T is what fills the cache:

.. math:: \sum_i s_i\, g(p_i T) = C ,

with the sizes s_i (1 where the cache counts objects). The policy is in g. The
approximation is exact in the limit of many objects [2]_; the measured errors of the hit
ratio stand with the policies.

**Numerics.** T counts requests here, and is found by Newton's method for the logarithm of
full over free places in the logarithm of T, which is nearly straight; where it leaves the
bracket, or its steps do not become smaller, the bracket is halved. Many sizes for one
popularity start from a table of that curve and its slope. The root is exact to rounding,
after some five evaluations of a few hundred nodes; one, from the table.

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

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qmodel.caches.popularity.base import Grid, Popularity

__all__ = ["Presence", "characteristic_time", "in_cells"]

Presence = Callable[..., tuple[Any, Any]]
"""From share, time and parameters to a probability and its slope in the log of the time."""

_MOST = 60
_TABLE = 128


def in_cells(values: Sequence[Any], shape: tuple[int, ...]) -> list[Any]:
    """Return values of several scenarios as flat arrays, one entry a scenario.

    Parameters
    ----------
    values : sequence of number or array
        Each broadcasts to the shape. [-]
    shape : tuple of int
        Shape of the scenarios. [-]

    Returns
    -------
    list of array
        The flat arrays.
    """
    return [np.broadcast_to(np.asarray(x, dtype=float), shape).ravel() for x in values]


def characteristic_time(
    popularity: Popularity, capacity: Any, presence: Presence, parameters: Sequence[Any] = ()
) -> Any:
    """Return the characteristic time, counted in requests.

    Parameters
    ----------
    popularity : Popularity
        What is asked for. [-]
    capacity : number or array
        What fits into the cache, in the unit of the sizes. [-]
    presence : callable
        From the share of the requests p (nodes along the last axis), the time T counted in
        requests, and the parameters, to the probability that an object is present,
        increasing with T from 0 to 1 and asymptotic to a power of T at 0, and its derivative
        in the logarithm of T. [-]
    parameters : sequence of number or array, default ()
        What else the presence depends on; one value a scenario. [-]

    Returns
    -------
    number or array
        The time, of the broadcast shape; 0 without capacity, inf where all objects fit.

    Examples
    --------
    >>> from qmodel.caches.policies.lru import presence
    >>> from qmodel.caches.popularity.zipf import Zipf
    >>> pages = Zipf(1000, 0.8)
    >>> characteristic_time(pages, [10, 100, 500, 1000], lambda p, t: presence(p * t))
    array([  10.4537,  133.8647, 1236.7998,       inf])
    """
    grid = popularity.grid
    shape = np.broadcast_shapes(np.shape(capacity), grid.shape, *map(np.shape, parameters))
    flat, *more = in_cells([capacity, *parameters], shape)
    found = np.empty(flat.size)
    start = None
    if flat.size > _TABLE and not grid.shape and not any(np.ndim(x) for x in parameters):
        start = _starts(grid, flat, presence, parameters)
    for here, part in grid.chunks(shape):
        cells = [x[here][:, None] for x in more]
        first = np.log(flat[here] + 1e-300) if start is None else start[here]
        found[here] = _root(part, flat[here], presence, cells, first)
    return found.reshape(shape)[()]


def _filled(
    grid: Grid, log_time: Any, presence: Presence, parameters: Sequence[Any]
) -> tuple[Any, Any]:
    """Return what objects fill after a time, and its derivative in the logarithm of it."""
    there, slope = presence(grid.share, np.exp(log_time)[..., None], *parameters)
    return grid.over_sizes(there), grid.over_sizes(slope)


def _root(
    grid: Grid, capacity: Any, presence: Presence, parameters: Sequence[Any], start: Any
) -> Any:
    volume = grid.volume.sum(axis=-1)
    inner = (capacity > 0) & (capacity < volume)
    wanted = np.where(inner, capacity, volume / 2)
    target = np.log(wanted / (volume - wanted))
    u = np.where(inner, start, 0.0)
    low, high = np.full(u.shape, -np.inf), np.full(u.shape, np.inf)
    moved = np.full(u.shape, np.inf)
    with np.errstate(all="ignore"):
        for _ in range(_MOST):
            filled, slope = _filled(grid, u, presence, parameters)
            rest = volume - filled
            miss = target - np.log(filled / rest)
            step = miss * filled * rest / (slope * volume)
            short = miss > 0
            low, high = np.where(short, u, low), np.where(short, high, u)
            step = np.where(np.isnan(step), np.where(short, 4.0, -4.0), step)
            after = u + np.clip(step, -4.0, 4.0)
            # Steps that do not become smaller may oscillate for ever. A root that is
            # found lies on its bracket; only long steps leave it.
            lost = (after <= low) | (after >= high) | (np.abs(step) > moved / 2)
            lost &= (np.abs(step) > 1e-8) & np.isfinite(high - low)
            if lost.any():
                after = np.where(lost, (low + high) / 2, after)
            moved, u = np.abs(after - u), after
            # Newton doubles the digits: after a step this small no other is needed.
            if moved.max() <= 1e-8:
                break
        found = np.exp(u)
    found = np.where(capacity <= 0, 0.0, np.where(capacity >= volume, np.inf, found))
    return np.where(np.isnan(capacity + volume), np.nan, found)


def _starts(grid: Grid, capacity: Any, presence: Presence, parameters: Sequence[Any]) -> Any:
    """Return good first guesses for many capacities, from a table."""
    volume = grid.volume.sum()
    inner = capacity[(capacity > 0) & (capacity < volume)]
    if not inner.size:
        return np.zeros(capacity.shape)
    ends = np.array([inner.min(), inner.max()])
    low, high = np.log(_root(grid, ends, presence, parameters, np.log(ends)))
    u = np.linspace(low, high, _TABLE)
    filled, slope = _filled(grid, u, presence, parameters)
    # The inverse of that curve, by Hermite's cubic between its points.
    with np.errstate(all="ignore"):
        rest = volume - filled
        y, rise = np.log(filled / rest), filled * rest / (slope * volume)
        want = np.log(capacity / (volume - capacity))
        cell = np.clip(np.searchsorted(y, want) - 1, 0, _TABLE - 2)
        width = y[cell + 1] - y[cell]
        t = (want - y[cell]) / width
        bend = (1 - t) * rise[cell] - t * rise[cell + 1]
        found = u[cell] + t * t * (3 - 2 * t) * (u[cell + 1] - u[cell])
        found = found + width * t * (1 - t) * bend
    return np.where(np.isfinite(found), found, 0.0)
