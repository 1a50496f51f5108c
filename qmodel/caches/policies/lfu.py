r"""LFU: the most popular objects are kept, and no others.

With the popularity known, or learnt long enough, the cache holds the objects that are
asked for most, as many as fit. No policy that does not know the next request hits more
often where requests are independent [1]_, so what another policy hits less is what there is
to gain from a better one. Where sizes differ, this is still the order of the counts, not of
the counts a byte.

References
----------
.. [1] E. G. Coffman, P. J. Denning, "Operating Systems Theory", Prentice-Hall, 1973,
   sec. 6.6 (the policy A0).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.basis import Basis
from qmodel.caches.base import INDEPENDENT_REFERENCE, QUANTITIES, Cache, CacheResult
from qmodel.caches.popularity.base import Popularity

__all__ = ["LFU"]

_ALIKE = 1e-12
"""Objects whose shares differ by less, relatively, are asked for equally often."""


@dataclass(frozen=True, slots=True, eq=False)
class LFU(Cache):
    """Cache of the most popular objects, the optimum for independent requests.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0; objects
        that are asked for equally often, and the last object, fit in part. [-]

    Raises
    ------
    DomainError
        If `capacity` is negative.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(10**6, exponent=0.8)
    >>> load = LFU([10**3, 10**4, 10**5]).solve(pages)
    >>> load.hit_ratio, load.basis["hit_ratio"]
    (array([0.2068, 0.3624, 0.6091]), 'exact')
    """

    capacity: Value = parameter("what fits, in the unit of the sizes", symbol="C")

    def _solve(self, popularity: Popularity, request_rate: Value) -> CacheResult:
        head = popularity.most_popular(self.capacity)
        whole = np.asarray(self.capacity) >= np.asarray(popularity.volume)
        hit = np.where(whole, 1.0, head.requests)[()]
        return CacheResult(
            request_rate=request_rate,
            hit_ratio=hit,
            byte_hit_ratio=np.where(whole, 1.0, head.bytes_asked)[()],
            miss_ratio=1 - hit,
            characteristic_time=np.where(whole, np.inf, np.nan + 0.0 * hit)[()],
            occupancy=head.objects,
            eviction_age=np.where(hit > 0, np.inf, 0.0 * hit)[()],
            hits=partial(self._hits, popularity),
            cache=self,
            popularity=popularity,
            basis=Basis(dict.fromkeys(QUANTITIES, (INDEPENDENT_REFERENCE,))),
        )

    def _hits(self, popularity: Popularity, share: Any) -> Any:
        """Return 1 for the objects within, 0 for those without, a part at the edge."""
        share, capacity = np.asarray(share, dtype=float), np.asarray(self.capacity)
        scenarios = np.broadcast_shapes(
            share.shape[:-1], capacity.shape, np.shape(popularity.volume)
        )
        # Scenarios broadcast from the right, so the nodes go first.
        asked = np.moveaxis(np.broadcast_to(share, (*scenarios, share.shape[-1])), -1, 0)
        known = np.where(asked > 0, asked, 1.0)
        within = popularity.above(known * (1 + _ALIKE)).volume
        upto = popularity.above(known * (1 - _ALIKE)).volume
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.clip((capacity - within) / (upto - within), 0.0, 1.0)
        part = np.where(upto > within, part, np.where(capacity >= upto, 1.0, 0.0))
        unasked = capacity >= popularity.volume
        found = np.where(asked > 0, part, np.where(unasked, 1.0, 0.0))
        found = found + np.where(np.isnan(capacity), np.nan, 0.0)
        return np.moveaxis(found, 0, -1)

    def _slope(self, result: CacheResult) -> Value:
        # What the next object adds, in units of capacity.
        popularity = result.popularity
        step = np.asarray(popularity.volume) * 1e-9
        more = popularity.most_popular(self.capacity + step)
        return (more.requests - popularity.most_popular(self.capacity).requests) / step
