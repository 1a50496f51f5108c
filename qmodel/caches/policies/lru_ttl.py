r"""LRU whose entries expire, too.

The places are those of LRU: an entry is evicted if it was not asked for in a
characteristic time T, expired entries are only noticed when they are asked for. Entries live
for a time :math:`\tau`. Where hits renew it, the shorter of the two times counts, and
:math:`h_i = 1 - e^{-p_i \min(T, \tau)}` [1]_.

Where they do not, the hits after a fetch go on until a gap exceeds T or the entry has
expired. Their mean m is a renewal function of the defective distribution of gaps, cut at T;
with :math:`x = p_i T`, :math:`r = \tau / T` and :math:`b = x e^{-x}`, its transform inverts to

.. math::

    m = \sum_{k=1}^{r} \frac{(-b)^k (r - k)^k}{k!}
      + x \sum_{k=0}^{r} \frac{(-b)^k (r - k)^{k + 1}}{(k + 1)!} , \qquad h = \frac{m}{1 + m} ,

which is the formula of TTL for r < 1 and tends to that of LRU for long lives. Beyond r = 20
the sum cancels, and its slowest exponential is all that is left (1e-13): with z the other
root of :math:`z e^{-z} = b` than x,

.. math:: 1 + m = e^x \left( 1 - \frac{1 - z/x}{1 - z}\, e^{-z (1 + r)} \right) .

References
----------
.. [1] N. C. Fofack, P. Nain, G. Neglia, D. Towsley, "Analysis of TTL-based cache networks",
   VALUETOOLS, 2012.
.. [2] W. Feller, "An Introduction to Probability Theory and its Applications" II, Wiley, 1971,
   sec. XI.6 (terminating renewal processes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.basis import ASYMPTOTIC, POISSON_ARRIVALS, Assumption
from qmodel.caches.base import INDEPENDENT_REFERENCE
from qmodel.caches.policies import lru
from qmodel.caches.policies.replacement import Replacement
from qmodel.caches.policies.ttl import alive
from qmodel.caches.popularity.base import Popularity

__all__ = ["EVICTION_OR_EXPIRY", "ExpiringLRU", "hits_of_one_life"]

EVICTION_OR_EXPIRY = Assumption(
    "eviction-or-expiry",
    "all entries are evicted after the same time without requests, or expire; hit ratios "
    "within 0.005 from 100 places on and within 0.016 for ten, worst where the life is just "
    "the characteristic time",
    "Fofack, Nain, Neglia and Towsley 2012, and Feller 1971, XI.6, for one life",
    ASYMPTOTIC,
)

_SERIES = 20
"""Lives in characteristic times up to which the sum keeps its digits."""


@dataclass(frozen=True, slots=True, eq=False)
class ExpiringLRU(Replacement):
    """Cache that evicts the least recently used entry, and whose entries expire.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0. [-]
    ttl : number or array
        Time to live of an entry, > 0. [s]
    renewing : bool, default False
        Whether a hit renews the life, as in a session store. [-]

    Raises
    ------
    DomainError
        If `capacity` is negative or `ttl` is not > 0.

    Notes
    -----
    The occupancy counts the entries that live. An expired one keeps its place until it is
    asked for or evicted.

    Examples
    --------
    >>> import qmodel as qm
    >>> names = qm.caches.Zipf(10**6, exponent=0.9)
    >>> load = ExpiringLRU(10**4, ttl=[10.0, 60.0, 3600.0]).solve(names, request_rate=1000.0)
    >>> load.hit_ratio.round(4), float(qm.caches.LRU(10**4).solve(names).hit_ratio)
    (array([0.3291, 0.3891, 0.3949]), 0.3949)
    """

    ttl: Value = parameter("time to live", unit="s", symbol="T", check="positive")
    renewing: bool = False

    needs_rate = True

    @property
    def _grounds(self) -> tuple[Assumption, ...]:
        return (POISSON_ARRIVALS, INDEPENDENT_REFERENCE, EVICTION_OR_EXPIRY)

    def _parameters(self, popularity: Popularity, request_rate: Value) -> Sequence[Any]:
        return (np.asarray(self.ttl) * request_rate,)

    def _presence(self, share: Any, time: Any, *_: Any) -> tuple[Any, Any]:
        return lru.presence(share * time)

    def _hits(self, share: Any, time: Any, *parameters: Any) -> tuple[Any, Any]:
        (life,) = parameters
        if self.renewing:
            found, slope = lru.presence(share * np.minimum(time, life))
            return found, np.where(time < life, slope, 0.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            none = np.where(np.isnan(life), np.nan, 0.0)
            lives = np.where(np.asarray(time) > 0, life / time, none)
        return hits_of_one_life(share * time, lives)

    def _kept(self, share: Any, *parameters: Any) -> Any:
        (life,) = parameters
        return alive(share, life, self.renewing)


@checked
def hits_of_one_life(x: Value, lives: Value) -> tuple[Any, Any]:
    """Share of hits for an object in LRU whose entry expires a fixed time after its fetch.

    Parameters
    ----------
    x : number or array
        Mean number of requests for the object in a characteristic time, >= 0. [-]
    lives : number or array
        Life of an entry over the characteristic time. [-]

    Returns
    -------
    tuple of number or array
        The share, and its derivative in the logarithm of the characteristic time. [-]

    Examples
    --------
    >>> [float(hits_of_one_life(1.0, r)[0]) for r in (0.5, 1.5, 100.0)]
    [0.3333, 0.5595, 0.6321]
    """
    x, lives = np.asarray(x, dtype=float), np.asarray(lives, dtype=float)
    long = lives > _SERIES
    if not long.any():
        return _series(x, lives)
    found, slope = _slowest(x, np.maximum(lives, _SERIES))
    if long.all():
        return found, slope
    short = _series(x, np.minimum(lives, _SERIES))
    return np.where(long, found, short[0]), np.where(long, slope, short[1])


def _series(x: Any, r: Any) -> tuple[Any, Any]:
    b = x * np.exp(-x)
    number, moved, volume, moved_volume = np.zeros((4, *np.broadcast_shapes(x.shape, r.shape)))
    most = np.nanmax(r, initial=0.0)
    power: Any = 1.0  # (-b)^k / k!
    for k in range(int(most) + 1):
        d = np.maximum(r - k, 0.0)
        term = power * d**k
        volume = volume + term * d / (k + 1)
        moved_volume = moved_volume + k * (1 - x) * term * d / (k + 1)
        moved_volume = moved_volume - r * np.where(r > k, term, 0.0)
        if k:
            number = number + term
            moved = moved + k * (1 - x) * term
            moved = moved - r * k * power * np.where(r > k, d ** (k - 1), 0.0)
        power = power * -b / (k + 1)
    m = number + x * volume
    slope = moved + x * (volume + moved_volume)
    return m / (1 + m), slope / (1 + m) ** 2


def _slowest(x: Any, r: Any) -> tuple[Any, Any]:
    from scipy.special import lambertw

    x = np.maximum(x, 1e-200)
    # At x = 1 both roots are one; there the exponential is below 1e-9 and its factor 2.
    near = np.abs(x - 1) < 1e-5
    safe = np.where(near, 2.0, x)
    z = -lambertw(-safe * np.exp(-safe), np.where(safe > 1, 0, -1)).real
    with np.errstate(under="ignore", divide="ignore", invalid="ignore", over="ignore"):
        more = np.where(near, 1.0, z * (safe - 1) / (safe * (1 - z)))
        z = np.where(near, 2.0 - x, z)
        log = np.log1p(more) - z * (1 + r)
        rest = -np.expm1(log)
        gone = z < 1e-280
        missed = np.where(gone, 1 / (1 + x * r), z * np.exp(-z) / (x * rest))
        turn = np.where(near, -1.0, z * (x - 1) / (z - 1))
        grow = np.where(
            near, 1 + 2 * r, (z - turn) / (x - z) + turn / (1 - z) - turn * (1 + r) + z * r
        )
        part = np.exp(log)
        turned = np.where(part > 0, part * grow / rest, 0.0)
        slope = np.where(gone, 0.0, missed * (x - turned))
        # Where hits are rare they are the small difference, where misses are these.
        few = np.minimum(x, 1.0)
        hits = (np.expm1(few) - np.exp(few + log)) * missed
    return np.where(x < 1, hits, 1 - missed), slope
