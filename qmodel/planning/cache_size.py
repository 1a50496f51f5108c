"""The size of a cache for a wanted hit ratio: the inverse of its hit ratio.

The hit ratio H(C) grows with the capacity C, so the size is the one root of H(C) = h. It is
sought in the logarithm of C, in which H is close to a straight line. All scenarios share one
search; a step solves the cache once.

**Domain.** Caches with a capacity: LRU, FIFO, LFU and the others. For lists of identifiers
that grow with the cache (2-LRU) they do so here, too.
**Shapes.** Wanted hit ratios and the parameters of cache and popularity broadcast.
**Limits.** Without hits no capacity; for all hits, capacity for every object. Where entries
expire, more hits than those of an endless cache cannot be had.

References
----------
.. [1] C. Fricker, P. Robert, J. Roberts, "A versatile and accurate approximation for LRU
   cache performance", International Teletraffic Congress 24, 2012 (what H is, and its error).
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.caches.base import Cache
from qmodel.caches.popularity.base import Popularity
from qmodel.errors import InfeasibleError, ModelError
from qmodel.numerics.roots import increasing_root

__all__ = ["cache_size", "resized"]

_LEAST = -35.0
"""Logarithm of the least capacity in the unit of the whole catalogue: 6e-16 of it."""


def resized(cache: Cache, capacity: Value) -> Any:
    """Return a cache of another capacity."""
    if not any(f.name == "capacity" for f in fields(cache)):  # type: ignore[arg-type]
        raise ModelError(f"{type(cache).__name__} has no capacity that may vary")
    return replace(cache, capacity=capacity)  # type: ignore[type-var]


@checked
def cache_size(
    cache: Cache, popularity: Popularity, hit_ratio: Value, request_rate: Value = 1.0
) -> Value:
    """Return the least capacity with which a cache has a wanted hit ratio.

    Parameters
    ----------
    cache : Cache
        The policy; its own capacity does not matter. [-]
    popularity : Popularity
        Which share of the requests asks for each object. [-]
    hit_ratio : number or array
        Share of the requests that shall find their object. [-]
    request_rate : number or array, default 1
        Requests for objects of the catalogue; matters only where entries expire. [1/s]

    Returns
    -------
    number or array
        The capacity to 1e-12 relative, in the unit of the popularity's sizes, of the
        broadcast shape; in arrays ``inf`` where no capacity is enough, NaN for NaN. [-]

    Raises
    ------
    DomainError
        If `hit_ratio` is no probability, or `request_rate` not > 0.
    InfeasibleError
        If no capacity is enough, in a single scenario.
    ModelError
        If the cache has no capacity, or an argument is something else.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(10**6, exponent=0.9)
    >>> cache_size(qm.caches.LRU(0), pages, [0.5, 0.8, 0.9]).round()
    array([ 30256., 315405., 572280.])

    In GiB, for three skews, with 2 KiB an object:

    >>> from qmodel.units import GiB, KiB
    >>> pages = qm.caches.Zipf(10**7, exponent=[0.7, 0.9, 1.1], size=2 * KiB)
    >>> (cache_size(qm.caches.LRU(0), pages, 0.8) / GiB).round(2)
    array([11.24,  5.55,  0.13])
    """
    _check.instance("cache", cache, Cache)
    _check.instance("popularity", popularity, Popularity)
    wanted = np.asarray(_check.probability("hit_ratio", hit_ratio), dtype=float)
    rate = _check.positive("request_rate", request_rate)
    whole = np.asarray(popularity.volume, dtype=float)
    most = np.asarray(resized(cache, whole).solve(popularity, rate).hit_ratio)
    shape = np.broadcast_shapes(wanted.shape, most.shape, whole.shape)
    wanted, most, whole = (np.broadcast_to(x, shape) for x in (wanted, most, whole))

    def above(log_part: Any) -> Any:
        capacity = (whole * np.exp(np.minimum(log_part, 0.0)))[()]
        return resized(cache, capacity).solve(popularity, rate).hit_ratio - wanted

    # The whole catalogue gives what an endless cache does, to the rounding of a sum of ones.
    never = wanted > most * (1 + 1e-14)
    if not shape and never:
        raise InfeasibleError(
            f"no capacity is enough for a hit ratio of {float(wanted):g}: with capacity for "
            f"everything it is {float(most):.6g}"
        )
    inner = (wanted > 0) & (wanted < most)
    found = whole * np.exp(increasing_root(above, np.full(shape, _LEAST), np.zeros(shape)))
    found = np.where(inner, found, np.where(wanted == 0, 0.0, whole))
    found = np.where(never, np.inf, found)
    # Without a lifetime the rate changes nothing; what is unknown stays unknown.
    return np.where(np.isnan(wanted + most + rate), np.nan, found)[()]
