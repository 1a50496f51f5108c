r"""Objects that writes remove from the cache.

An object is written at the times of a Poisson process of rate w, and each write drops it.
With Poisson requests of rate :math:`\lambda` and a lifetime T, exactly,

.. math::

    h = \frac{\lambda L}{1 + \lambda L}, \quad L = \frac{1 - e^{-wT}}{w}
    \qquad\text{or}\qquad
    h = \frac{\lambda}{\lambda + w} \bigl(1 - e^{-(\lambda + w) T}\bigr)

where hits do not renew the lifetime, or do. No lifetime is :math:`h = \lambda / (\lambda +
w)`: the share of reads bounds every hit ratio.

A cache that evicts the least recently used object has the second form with its
characteristic time. Where each object has r writes for a read, the sum over the catalogue is
that of the plain cache in other units:

.. math:: H_r(C) = \frac{H_0\bigl((1 + r) C\bigr)}{1 + r} .

Writes free places, so the cache holds more objects that are asked for; it is never full if
(1 + r) C exceeds the catalogue.

References
----------
.. [1] N. Choungmo Fofack, P. Nain, G. Neglia, D. Towsley, "Performance evaluation of
   hierarchical TTL-based cache networks", Computer Networks 65, 2014, sec. 3 (lifetimes of
   any distribution).
.. [2] H. Che, Y. Tung, Z. Wang, "Hierarchical web caching systems: modeling, design and
   experimental results", IEEE Journal on Selected Areas in Communications 20, 2002.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import namespace
from qmodel.basis import Assumption, Basis
from qmodel.caches.base import Cache, CacheResult
from qmodel.caches.policies.lru import LRU
from qmodel.caches.policies.replacement import Replacement
from qmodel.caches.popularity.base import Popularity

__all__ = ["WrittenLRU", "hit_ratio"]

POISSON_WRITES = Assumption(
    "poisson-writes",
    "objects are written in Poisson streams that do not depend on the requests",
    "Choungmo Fofack et al. 2014, sec. 3",
)


@checked
def hit_ratio(
    request_rate: Value, write_rate: Value, ttl: Value = np.inf, *, renewing: bool = False
) -> Value:
    """Share of the requests for an object that find it, where writes remove it.

    Parameters
    ----------
    request_rate : number or array
        Requests for the object, Poisson, >= 0. [1/s]
    write_rate : number or array
        Writes of the object, Poisson, >= 0. [1/s]
    ttl : number or array, default inf
        How long it lives if it is not written, >= 0. [s]
    renewing : bool, default False
        Whether each hit starts the lifetime anew. [-]

    Returns
    -------
    number or array
        Hit ratio, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is negative.

    Examples
    --------
    >>> hit_ratio(1.0, write_rate=[0.0, 0.01, 0.1, 1.0], ttl=60.0)
    array([0.9836, 0.9783, 0.9089, 0.5   ])
    >>> float(hit_ratio(9.0, write_rate=1.0))
    0.9
    """
    rate = _check.nonnegative("request_rate", request_rate)
    writes = _check.nonnegative("write_rate", write_rate)
    life = _check.nonnegative("ttl", ttl)
    xp = namespace(rate, writes, life)
    if renewing:
        return rate * _lives(xp, rate + writes, life)
    asked = rate * _lives(xp, writes, life)
    with xp.errstate(invalid="ignore"):
        return xp.guard(asked / (1 + asked), asked == xp.inf, 1)


def _lives(xp: Any, rate: Value, life: Value) -> Value:
    """Return the mean of the shorter of `life` and an exponential time of a rate."""
    if xp.symbolic:
        return (1 - xp.exp(-rate * life)) / rate
    rate, life = np.asarray(rate, dtype=float), np.asarray(life, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        return np.where(rate == 0, life, -np.expm1(-rate * life) / rate)[()]


@dataclass(frozen=True, slots=True, eq=False)
class WrittenLRU(Cache):
    """Cache that evicts the least recently used object, and drops objects that are written.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0. [-]
    writes : number or array
        Writes of an object for each request for it, >= 0. [-]

    Raises
    ------
    DomainError
        If a parameter is negative.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(10**5, 0.9)
    >>> WrittenLRU(1000, writes=[0.0, 0.1, 1.0]).solve(pages, 500.0).hit_ratio
    array([0.3421, 0.3192, 0.2056])
    """

    capacity: Value = parameter("what fits, in the unit of the sizes", symbol="C")
    writes: Value = parameter("writes for each request of an object", symbol="w")

    def _solve(self, popularity: Popularity, request_rate: Value) -> CacheResult:
        events = 1 + np.asarray(self.writes, dtype=float)
        # Few places of a cache with holes are none of an LRU without.
        plain = Replacement._solve(LRU(self.capacity * events), popularity, request_rate)
        hit = plain.hit_ratio / events
        miss = (self.writes + plain.miss_ratio) / events
        held = plain.occupancy / events
        with np.errstate(divide="ignore", invalid="ignore"):
            # Little's law: each miss brings an object in. Where nothing fits, nothing stays.
            age = np.where(held == 0, 0.0, held / (request_rate * miss))[()]
        return replace(
            plain,
            hit_ratio=hit,
            byte_hit_ratio=plain.byte_hit_ratio / events,
            miss_ratio=miss,
            characteristic_time=plain.characteristic_time / events,
            occupancy=held,
            eviction_age=age,
            hits=partial(_read, plain=plain, events=events),
            cache=self,
            basis=Basis({q: (*g, POISSON_WRITES) for q, g in plain.basis.grounds.items()}),
        )


def _read(share: Any, plain: CacheResult, events: Any) -> Any:
    """Return the share of hits among reads: an object is found where its last event read it."""
    return plain.hits(share) / events[..., None]
