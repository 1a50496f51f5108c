r"""The best split of memory over several caches: equal value at the margin.

Caches that share a total C, each with its own catalogue, request rate and penalty of a
miss, save most where the last unit of memory is worth the same in all of them,

.. math:: w_j \Lambda_j \frac{dH_j}{dC_j} = m \quad (C_j > 0), \qquad \sum_j C_j = C ,

as long as each H is concave: it is for LRU and FIFO with objects of one size [1]_, and where
size has nothing to do with popularity. Where popular objects are much larger than
others it need not be, and the split that is found is then a stationary one only.

This beats one cache for all, which gives all objects the same characteristic time instead
of the same value at the margin.

**Numerics.** Capacity and value at the margin are both functions of the characteristic time,
which needs no root. So there is one root in m, and for each trial one in the logarithm of
the time of every cache; all scenarios share them. Where a cache gets fewer than 64 places, its
value at the margin is still that of the characteristic time.
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
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, parameter
from qmodel._typing import Value
from qmodel.caches.policies.k_lru import KLRU
from qmodel.caches.policies.replacement import Replacement
from qmodel.caches.popularity.base import Popularity
from qmodel.errors import DomainError, ModelError
from qmodel.numerics.roots import increasing_root

__all__ = ["CacheDemand", "MemorySplit", "split_memory"]

_LOW, _HIGH = -40.0, 80.0
"""Logarithms of times, counted in requests: nothing fits, everything fits."""

_RTOL = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class CacheDemand(Model):
    """One of the caches that share a memory: its policy, and what is asked of it.

    Parameters
    ----------
    cache : Replacement
        The policy, such as `LRU`; its own capacity does not matter. [-]
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
        If `cache` does not evict, or `popularity` is not one.

    Examples
    --------
    >>> from qmodel.caches import LRU, Zipf
    >>> users = CacheDemand(LRU(0), Zipf(5_000, 1.1), request_rate=2.0)
    >>> float(users.penalty)
    1.0
    """

    cache: Replacement
    popularity: Popularity
    request_rate: Value = parameter("rate of the requests", unit="1/s", check="positive")
    penalty: Value = parameter("what a miss costs", check="positive", default=1.0)

    def __post_init__(self) -> None:
        cache = self.cache
        if isinstance(cache, KLRU) and cache.levels > 1 and cache.identifiers is None:
            raise ModelError(
                "lists of identifiers that grow with the cache have no value at the margin: "
                "give KLRU its identifiers"
            )

    def _at(self, log_time: Any) -> tuple[Any, Any]:
        """Return capacity and logarithm of the value at the margin after a time."""
        # A root search may look beyond its bracket in cells that it has done.
        time = np.exp(np.clip(log_time, _LOW, _HIGH))[()]
        filled, slope = self.cache.at_time(self.popularity, self.request_rate, time)
        with np.errstate(divide="ignore", under="ignore"):
            # Beyond all times at which anything is evicted the slope is 0 / 0.
            worth = np.where(np.isnan(slope) & ~np.isnan(time), 0.0, slope)
            return filled, np.log(worth * self.request_rate * self.penalty)


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

    Examples
    --------
    >>> from qmodel.caches import LRU, Zipf
    >>> pages = CacheDemand(LRU(0), Zipf(20_000, 0.8), request_rate=1.0)
    >>> users = CacheDemand(LRU(0), Zipf(5_000, 1.1), request_rate=2.0)
    >>> split_memory([pages, users], total=2000).hit_ratio.round(3)
    array([0.302, 0.858])
    """

    capacity: Value
    hit_ratio: Value
    hits: Value
    value: Value


@checked
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
        Capacities to 1e-10 relative; where everything fits, capacity for everything. [-]

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
    even = np.where(inner, part, 0.5)
    starts = [np.log(_time(d, even * w)) for d, w in zip(demands, wholes, strict=True)]
    values = [d._at(u)[1] for d, u in zip(demands, starts, strict=True)]
    shape = np.broadcast_shapes(total.shape, room.shape, *(np.shape(v) for v in values))
    starts = [np.broadcast_to(u, shape) for u in starts]
    values = [np.broadcast_to(v, shape) for v in values]
    goal = np.where(inner, total, room / 2)

    def times(log_value: Any) -> list[Any]:
        return [
            _log_time(d, log_value, u, v)
            for d, u, v in zip(demands, starts, values, strict=True)
        ]

    def filled(log_times: list[Any]) -> Any:
        return np.stack([d._at(u)[0] for d, u in zip(demands, log_times, strict=True)])

    def missing(log_value: Any) -> Any:
        return np.log(goal) - np.log(filled(times(log_value)).sum(axis=0))

    ends = np.min(values, axis=0), np.max(values, axis=0)
    margin = increasing_root(missing, *ends, rtol=_RTOL)
    split = filled(times(margin))
    whole = np.stack([np.broadcast_to(w, shape) for w in wholes])
    # To the last digit all of the memory is shared out, over those that are not full.
    full = split >= whole * (1 - 1e-9)
    full &= ~full.all(axis=0)
    others = np.where(full, 0.0, split)
    left = np.maximum(goal - np.where(full, whole, 0.0).sum(axis=0), 0.0)
    split = np.where(full, whole, others * (left / others.sum(axis=0)))
    split = np.where(inner, split, np.where(part > 0, whole, 0.0))
    split = np.where(np.isnan(part + margin), np.nan, split)
    solved = [
        replace(d.cache, capacity=c[()]).solve(d.popularity, d.request_rate)
        for d, c in zip(demands, split, strict=True)
    ]
    hits = sum(
        d.request_rate * d.penalty * r.hit_ratio for d, r in zip(demands, solved, strict=True)
    )
    first = np.max(
        [np.broadcast_to(d._at(np.float64(_LOW))[1], shape) for d in demands], axis=0
    )
    value = np.where(inner, np.exp(margin), np.where(part > 0, 0.0, np.exp(first)))
    return MemorySplit(
        capacity=split,
        hit_ratio=np.stack([np.broadcast_to(r.hit_ratio, shape) for r in solved]),
        hits=np.broadcast_to(hits, shape)[()],
        value=np.where(np.isnan(part + margin), np.nan, value)[()],
    )


def _time(demand: CacheDemand, capacity: Any) -> Any:
    """Return the characteristic time of a capacity, counted in requests."""
    found = replace(demand.cache, capacity=capacity[()]).solve(demand.popularity, 1.0)
    return np.asarray(found.characteristic_time)


def _log_time(demand: CacheDemand, log_value: Any, start: Any, value: Any) -> Any:
    """Return the logarithm of the time at which one more unit is worth just so much."""

    def less(log_time: Any) -> Any:
        return log_value - demand._at(log_time)[1]

    more = value > log_value
    low, high = np.where(more, start, _LOW), np.where(more, _HIGH, start)
    return increasing_root(less, low, high, rtol=_RTOL)
