r"""A cache whose entries expire: DNS records, HTTP max-age, sessions.

Nothing is evicted. Where hits do not renew an entry, it lives for a time T after the miss
that fetched it. With Poisson requests of rate :math:`\lambda` for it, a cycle has one miss
and on average :math:`\lambda T` hits, so

.. math:: h = \frac{\lambda T}{1 + \lambda T} ,

exactly; also for random lives with mean T that do not depend on the requests [1]_. Where
hits do renew it, a request hits if its gap is shorter than the life,

.. math:: h = P(X < T), \qquad \text{with Poisson requests}\quad 1 - E[e^{-\lambda T}] .

For one entry with any independent gaps X between requests, the first has the renewal
function :math:`m(T)`, the mean number of requests in a life, in place of
:math:`\lambda T` [2]_: bursts hit more often.

References
----------
.. [1] J. Jung, A. W. Berger, H. Balakrishnan, "Modeling TTL-based Internet caches", IEEE
   INFOCOM, 2003.
.. [2] N. C. Fofack, P. Nain, G. Neglia, D. Towsley, "Analysis of TTL-based cache networks",
   VALUETOOLS, 2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.basis import POISSON_ARRIVALS, Basis
from qmodel.caches.base import INDEPENDENT_REFERENCE, QUANTITIES, Cache, CacheResult
from qmodel.caches.policies.characteristic_time import in_cells
from qmodel.caches.popularity.base import Popularity
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.numerics.inversion import EULER, tail_and_density

__all__ = ["TTL", "hit_ratio", "hit_ratio_of_renewals"]


@checked
def hit_ratio(request_rate: Value, ttl: Value) -> Value:
    """Share of the requests for one entry that find it alive.

    Parameters
    ----------
    request_rate : number or array
        Requests for the entry at this cache, >= 0. [1/s]
    ttl : number or array
        Time to live of the entry, >= 0. [s]

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
    >>> float(hit_ratio(1 / 60, ttl=300.0))
    0.8333
    """
    hits = _check.nonnegative("request_rate", request_rate) * _check.nonnegative("ttl", ttl)
    return hits / (1 + hits)


def alive(request_rate: Any, ttl: Any, renewing: bool) -> Any:
    """Share of the Poisson requests that find an entry alive, also after endless lives.

    Parameters
    ----------
    request_rate : number or array
        Requests for the entry, >= 0. [1/s]
    ttl : number or array
        Time to live, >= 0. [s]
    renewing : bool
        Whether a hit renews the life. [-]

    Returns
    -------
    number or array
        Hit ratio; 0 for entries that nobody asks for. [-]

    Examples
    --------
    >>> [float(alive(*case)) for case in ((0.0, np.inf, False), (1.0, 1.0, True))]
    [0.0, 0.6321]
    """
    rate, ttl = np.asarray(request_rate), np.asarray(ttl)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        asked = np.where((rate == 0) & ~np.isnan(ttl), 0.0, rate * ttl)
        return (-np.expm1(-asked) if renewing else 1 / (1 + 1 / asked))[()]


@checked
def hit_ratio_of_renewals(gaps: Distribution, ttl: Value, *, renewing: bool = False) -> Value:
    """Share of the requests for one entry that find it alive, if they are no Poisson stream.

    Parameters
    ----------
    gaps : Distribution
        Distribution of the times between requests for the entry, independent. [-]
    ttl : number or array
        Time to live of the entry, >= 0. [s]
    renewing : bool, default False
        Whether a hit renews the life. [-]

    Returns
    -------
    number or array
        Hit ratio, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If `ttl` is negative.
    ModelError
        If hits do not renew, and the distribution of the gaps jumps.

    Examples
    --------
    Bursts hit more often than the Poisson formula says (0.472 and 0.782):

    >>> import qmodel as qm
    >>> bursts = qm.HyperExponential([0.9, 0.1], [1 / 4, 1 / 0.3])
    >>> [float(hit_ratio_of_renewals(bursts, t)) for t in (0.5, 2.0)]
    [0.6264, 0.8487]
    """
    life = np.asarray(_check.nonnegative("ttl", ttl))
    _check.instance("gaps", gaps, Distribution)
    if renewing:
        return gaps.cdf(life)
    parts = gaps.parts()
    if len(parts) > 1 or np.any(np.asarray(parts[0].shift) != 0) or np.any(gaps.atom):
        raise ModelError("the distribution of the gaps must have no jumps and no shift")
    rate = 1 / np.asarray(gaps.mean)
    shape = np.broadcast_shapes(life.shape, rate.shape)
    t = np.broadcast_to(life, shape)
    safe = np.where(t > 0, t, 1.0)

    def transform(s: Any) -> Any:
        # Without its straight line, which would cost the digits of a long life.
        gap = gaps.laplace(s)
        return gap / (s * (1 - gap)) - rate / s**2

    def flat(s: Any) -> Any:
        return transform(s.reshape(-1, *shape)).reshape(s.shape)

    _, bent = tail_and_density(flat, 0.0, safe.ravel(), EULER)
    requests = np.where(t > 0, np.maximum(bent.reshape(shape) + rate * safe, 0.0), 0.0 * t)
    return (requests / (1 + requests))[()]


@dataclass(frozen=True, slots=True, eq=False)
class TTL(Cache):
    """Cache with capacity for everything, whose entries expire.

    Parameters
    ----------
    ttl : number, array or Distribution
        Time to live of an entry, > 0, or its distribution. [s or -]
    renewing : bool, default False
        Whether a hit renews the life, as in a session store. [-]

    Raises
    ------
    DomainError
        If `ttl` is not > 0.

    Examples
    --------
    >>> import qmodel as qm
    >>> names = qm.caches.Zipf(10**6, exponent=0.9)
    >>> load = TTL([60.0, 3600.0]).solve(names, request_rate=1000.0)
    >>> load.hit_ratio.round(3), load.occupancy.round(), load.basis["hit_ratio"]
    (array([0.469, 0.856]), array([ 31864., 519024.]), 'exact')
    >>> float(TTL(60.0, renewing=True).solve(names, request_rate=1000.0).hit_ratio)
    0.5126
    """

    ttl: Value | Distribution
    renewing: bool = False

    needs_rate = True

    def __post_init__(self) -> None:
        if not isinstance(self.ttl, Distribution):
            object.__setattr__(self, "ttl", _check.positive("ttl", self.ttl))

    @property
    def _mean(self) -> Value:
        return self.ttl.mean if isinstance(self.ttl, Distribution) else self.ttl

    def _solve(self, popularity: Popularity, request_rate: Value) -> CacheResult:
        grid, mean = popularity.grid, self._mean
        shape = np.broadcast_shapes(grid.shape, np.shape(request_rate), np.shape(mean))
        rate, life = in_cells([request_rate, mean], shape)
        sums = np.empty((4, rate.size))
        for here, part in grid.chunks(shape):
            if isinstance(self.ttl, Distribution) and self.renewing:
                # The distribution knows its own cells only, all together.
                hits = self._hits(grid.share, np.broadcast_to(request_rate, shape)[..., None])
                hits = hits.reshape(-1, hits.shape[-1])[here]
            else:
                hits = alive(
                    part.share * rate[here][:, None], life[here][:, None], self.renewing
                )
            sums[:, here] = (
                part.over_requests(hits), part.over_bytes(hits),
                part.over_requests(1 - hits), part.over_objects(hits),
            )  # fmt: skip
        # A mean of ones may round to a little more.
        sums[:2] = np.minimum(sums[:2], 1.0)
        hit, byte_hit, miss, occupancy = (x.reshape(shape)[()] for x in sums)
        with np.errstate(divide="ignore", invalid="ignore"):
            age = np.where(occupancy == 0, 0.0, occupancy / (request_rate * miss))[()]
        grounds = (POISSON_ARRIVALS, INDEPENDENT_REFERENCE)
        return CacheResult(
            request_rate=request_rate,
            hit_ratio=hit,
            byte_hit_ratio=byte_hit,
            miss_ratio=miss,
            characteristic_time=mean + 0.0 * miss,
            occupancy=occupancy,
            eviction_age=age,
            hits=partial(self._hits, request_rate=np.asarray(request_rate)[..., None]),
            cache=self,
            popularity=popularity,
            basis=Basis(dict.fromkeys(QUANTITIES, grounds)),
        )

    def _hits(self, share: Any, request_rate: Any) -> Any:
        """Return the share of hits by the share of the requests, nodes along the last axis."""
        rate = np.asarray(share) * request_rate
        if not (isinstance(self.ttl, Distribution) and self.renewing):
            return alive(rate, np.asarray(self._mean)[..., None], self.renewing)
        # Parameters of the distribution are scenarios, so the nodes go first.
        scenarios = np.broadcast_shapes(rate.shape[:-1], np.shape(self._mean))
        s = np.moveaxis(np.broadcast_to(rate, (*scenarios, rate.shape[-1])), -1, 0)
        left = 1 - self.ttl.remaining_gap(np.where(s > 0, s, 1.0))
        return np.moveaxis(np.asarray(s * self.ttl.mean * left), 0, -1)
