r"""The best split of memory over several caches: equal value at the margin.

Caches that share a total C, each with its own catalogue, request rate and penalty of a
miss, save most where the last unit of memory is worth the same in all of them,

.. math:: w_j \Lambda_j \frac{dH_j}{dC_j} = m \quad (C_j > 0), \qquad \sum_j C_j = C ,

as long as each H is concave: it is for LRU, FIFO and LFU with objects of one size [1]_, and
where size has nothing to do with popularity. Where popular objects are much larger than
others it need not be, and the split that is found is then a stationary one only.

This beats one cache for all, which gives all objects the same characteristic time instead
of the same value at the margin.

**Numerics.** m lies between the values at the margin of the split that is proportional to
the catalogues. One root in it, and for each trial one root in every C_j, in logarithms;
all scenarios share them.
**Shapes.** The total and the parameters of the demands broadcast; the results have one row
a cache along a new first axis.

References
----------
.. [1] M. Dehghan, W. Chu, P. Nain, D. Towsley, Z.-L. Zhang, "Sharing cache resources among
   content providers: a utility-based approach", IEEE/ACM Transactions on Networking 27,
   2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel.caches.base import Cache
from qmodel.caches.k_lru import KLRU
from qmodel.caches.popularity import Popularity
from qmodel.errors import DomainError, ModelError
from qmodel.numerics.roots import increasing_root
from qmodel.planning.cache_size import resized

__all__ = ["CacheDemand", "MemorySplit", "split_memory"]

_LEAST = -35.0
"""Logarithm of the least capacity in the unit of the whole catalogue: 6e-16 of it."""

_RTOL = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class CacheDemand:
    """One of the caches that share a memory: its policy, and what is asked of it.

    Parameters
    ----------
    cache : Cache
        The policy; its own capacity does not matter. [-]
    popularity : Popularity
        Which share of its requests asks for each object. [-]
    request_rate : number or array
        Requests for objects of this catalogue, > 0. [1/s]
    penalty : number or array, default 1
        What a miss costs, in any unit, the same for all caches, > 0. [-]

    Raises
    ------
    DomainError
        If `request_rate` or `penalty` is not > 0.
    ModelError
        If `cache` is none of which the capacity may vary, or `popularity` is none.
    """

    cache: Cache
    popularity: Popularity
    request_rate: Value
    penalty: Value = 1.0

    def __post_init__(self) -> None:
        resized(_check.instance("cache", self.cache, Cache), 0.0)
        cache = self.cache
        if isinstance(cache, KLRU) and cache.levels > 1 and cache.identifiers is None:
            raise ModelError(
                "lists of identifiers that grow with the cache have no value at the margin: "
                "give KLRU its identifiers"
            )
        _check.instance("popularity", self.popularity, Popularity)
        for name in ("request_rate", "penalty"):
            object.__setattr__(self, name, _check.positive(name, getattr(self, name)))

    def _at(self, capacity: Any) -> tuple[Any, Any]:
        """Return hit ratio and logarithm of the value at the margin."""
        found = resized(self.cache, capacity).solve(self.popularity, self.request_rate)
        with np.errstate(divide="ignore"):
            value = np.log(found.hit_ratio_slope() * self.request_rate * self.penalty)
        return found.hit_ratio, value


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MemorySplit:
    """A split of memory over caches, which stand along the first axis.

    Parameters
    ----------
    capacity : array
        What each cache gets, in the unit of the sizes. [-]
    hit_ratio : array
        Hit ratio of each. [-]
    hits : number or array
        Hits of all caches together, each weighted by what its miss costs. [1/s]
    value : number or array
        What one more unit of memory adds to `hits`; 0 where everything fits. [1/s]
    """

    capacity: Value
    hit_ratio: Value
    hits: Value
    value: Value


def split_memory(demands: Sequence[CacheDemand], total: Value) -> MemorySplit:
    """Return the split of a memory over caches that saves most.

    Parameters
    ----------
    demands : sequence of CacheDemand
        The caches. [-]
    total : number or array
        Memory of all together, in the unit of the sizes, >= 0. [-]

    Returns
    -------
    MemorySplit
        Capacities to 1e-10 relative; where everything fits, room for everything. [-]

    Raises
    ------
    DomainError
        If `total` is negative, or there are no demands.
    ModelError
        If a demand is something else.

    Examples
    --------
    >>> import qmodel as qm
    >>> from qmodel.caches import LRU, Zipf
    >>> pages = CacheDemand(LRU(0), Zipf(20_000, 0.8), request_rate=1.0)
    >>> users = CacheDemand(LRU(0), Zipf(5_000, 1.1), request_rate=2.0)
    >>> best = split_memory([pages, users], total=2000)
    >>> best.capacity.round(), float(best.hits)
    (array([ 716., 1284.]), 2.0187)

    One LRU for both catalogues has fewer hits:

    >>> both = qm.caches.Mixed([1 / 3, 2 / 3], [pages.popularity, users.popularity])
    >>> 3 * float(LRU(2000).solve(both).hit_ratio)
    1.9902
    """
    demands = [_check.instance("demands", d, CacheDemand) for d in demands]
    if not demands:
        raise DomainError("demands must not be empty")
    total = np.asarray(_check.nonnegative("total", total), dtype=float)
    wholes = [np.asarray(d.popularity.volume, dtype=float) for d in demands]
    room = np.asarray(sum(wholes))
    part = np.minimum(total / room, 1.0)
    # Where nothing or everything is shared out, half stands in for a split.
    inner = (part > 0) & (part < 1)
    even = [d._at((np.where(inner, part, 0.5) * w)[()])[1]
            for d, w in zip(demands, wholes, strict=True)]  # fmt: skip
    shape = np.broadcast_shapes(total.shape, room.shape, *(np.shape(e) for e in even))
    even = [np.broadcast_to(e, shape) for e in even]
    wholes = [np.broadcast_to(w, shape) for w in wholes]
    goal = np.where(inner, total, room / 2)

    def shared_out(log_value: Any) -> list[Any]:
        return [
            _capacity(d, w, log_value, np.log(np.where(inner, part, 0.5)), at)
            for d, w, at in zip(demands, wholes, even, strict=True)
        ]

    def missing(log_value: Any) -> Any:
        return np.log(goal) - np.log(sum(shared_out(log_value)))

    lowest, highest = np.min(even, axis=0), np.max(even, axis=0)
    margin = increasing_root(missing, lowest, highest, rtol=_RTOL)
    split = np.stack(shared_out(margin))
    # To the last digit all of the memory is shared out.
    split = split * (goal / split.sum(axis=0))
    split = np.where(inner, split, np.where(part > 0, np.stack(wholes), 0.0))
    split = np.where(np.isnan(part + margin), np.nan, split)
    ratios, values = zip(
        *(d._at(c[()]) for d, c in zip(demands, split, strict=True)), strict=True
    )
    hits = sum(
        np.asarray(d.request_rate) * d.penalty * h for d, h in zip(demands, ratios, strict=True)
    )
    return MemorySplit(
        capacity=split,
        hit_ratio=np.stack([np.broadcast_to(h, shape) for h in ratios]),
        hits=np.broadcast_to(hits, shape)[()],
        value=np.exp(np.max([np.broadcast_to(v, shape) for v in values], axis=0))[()],
    )


def _capacity(demand: CacheDemand, whole: Any, log_value: Any, start: Any, at: Any) -> Any:
    """Return the capacity at which one more unit is worth just so much."""

    def less(log_part: Any) -> Any:
        return log_value - demand._at((whole * np.exp(log_part))[()])[1]

    more = np.asarray(at) > log_value
    low, high = np.where(more, start, _LEAST), np.where(more, 0.0, start)
    return whole * np.exp(increasing_root(less, low, high, rtol=_RTOL))
