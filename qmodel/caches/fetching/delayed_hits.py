r"""Fetches that later requests for the same object share: delayed hits.

While an object is fetched, further requests for it wait for that fetch and start none of
their own (coalescing; a lock, or a lease). The lifetime starts when the object comes in.
A cycle of one object, from fetch to fetch, has on average

.. math:: 1 + \lambda E[Z] + \lambda T \quad\text{requests, or}\quad
          e^{\lambda T} + \lambda E[Z]

where hits renew the lifetime T, with one miss, :math:`\lambda E[Z]` delayed hits and else
hits. In a cache that evicts the least recently used object T is its characteristic time,
at which the objects present fill the cache, and an object under way takes no place in it:

.. math:: \sum_i s_i \frac{1 - e^{-\lambda_i T}}
          {1 + \lambda_i E[Z]\, e^{-\lambda_i T}} = C .

Exact for one object, for Poisson requests and any distribution of Z. The mean added time has
E[Z^2] in it: exponential fetches make delayed hits wait twice as long as constant ones.

References
----------
.. [1] J. Jung, A. W. Berger, H. Balakrishnan, "Modeling TTL-based Internet caches", IEEE
   INFOCOM, 2003, for the cycle without fetch times.
.. [2] N. Atre, J. Sherry, W. Wang, D. S. Berger, "Caching with delayed hits", ACM SIGCOMM,
   2020, sec. 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption
from qmodel.caches.fetching.base import INDEPENDENT_FETCHES, Fetching, Outcome
from qmodel.caches.policies.filling import filling_time
from qmodel.caches.policies.replacement import CHARACTERISTIC_TIME
from qmodel.caches.popularity.base import Grid, Popularity
from qmodel.distributions import Distribution

__all__ = ["FetchedLRU", "FetchedTTL", "outcome"]


@checked
def outcome(
    request_rate: Value, ttl: Value, fetch_time: Value, *, renewing: bool = False
) -> Outcome:
    """Return what becomes of the requests for an object whose fetches are shared.

    Parameters
    ----------
    request_rate : number or array
        Requests for the object, Poisson, >= 0. [1/s]
    ttl : number or array
        How long it lives after it came in, >= 0. [s]
    fetch_time : number or array
        Mean time of a fetch, >= 0; inf where the origin is overloaded. [s]
    renewing : bool, default False
        Whether each hit starts the lifetime anew. [-]

    Returns
    -------
    Outcome
        Shares of its requests, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is negative.

    Examples
    --------
    >>> [round(float(x), 4) for x in outcome(20.0, ttl=10.0, fetch_time=0.5)]
    [0.9479, 0.0047, 0.0474, 0.0, 0.0047]

    >>> import sympy as sp
    >>> lam, T, Z = sp.symbols("lambda T Z", positive=True)
    >>> outcome(lam, T, Z).missed
    1/(T*lambda + Z*lambda + 1)
    """
    rate = _check.nonnegative("request_rate", request_rate)
    life = _check.nonnegative("ttl", ttl)
    return _outcome(rate, life, _check.nonnegative("fetch_time", fetch_time), renewing)


def _outcome(rate: Value, life: Value, fetch: Value, renewing: bool) -> Outcome:
    xp = namespace(rate, life, fetch)
    endless = fetch == xp.inf
    with xp.errstate(invalid="ignore", over="ignore", under="ignore"):
        late = rate * xp.guard(fetch, endless, 1)
        asked = xp.weigh(rate, life)
        if renewing:
            alone = xp.exp(-asked)
            missed = alone / (1 + late * alone)
            hit = (1 - alone if xp.symbolic else -xp.expm1(-asked)) / (1 + late * alone)
        else:
            missed = 1 / (1 + asked + late)
            hit = xp.guard(asked * missed, asked == xp.inf, 1)
    # A fetch that never ends: whoever asks at all waits for it.
    missed, hit = (xp.guard(x, endless & (rate > 0), 0) for x in (missed, hit))
    delayed = xp.guard(late * missed, endless & (rate > 0), 1)
    return Outcome(hit, missed, delayed, 0, missed)


@dataclass(frozen=True, slots=True, eq=False)
class FetchedTTL(Fetching):
    """Cache whose objects expire, with shared fetches.

    Parameters
    ----------
    ttl : number or array
        How long an object lives after it came in, > 0. [s]
    fetch : Distribution
        Distribution of the time that a fetch takes. [-]
    renewing : bool, default False
        Whether each hit starts the lifetime anew. [-]

    Raises
    ------
    DomainError
        If `ttl` is not > 0.
    ModelError
        If `fetch` is no distribution.

    Examples
    --------
    A key asked for 200 times a second, 0.1 s to compute, kept for 5 s:

    >>> import qmodel as qm
    >>> page = FetchedTTL(5.0, qm.Exponential(0.1))
    >>> r = page.solve(qm.caches.Zipf(1), request_rate=200.0)
    >>> float(r.miss_ratio), float(r.delayed_ratio), float(r.fetch_rate)
    (0.001, 0.0196, 0.1959)
    >>> float(r.added_latency), float(r.added.quantile(0.99))
    (0.0021, 0.0722)
    """

    ttl: Value = parameter("time to live", unit="s", symbol="T", check="positive")
    fetch: Distribution  # type: ignore[misc]  # `parameter` is no default
    renewing: bool = False

    @property
    def _parameters(self) -> tuple[Any, ...]:
        return self.ttl, self.fetch.mean

    def _outcome(self, request_rate: Any, *parameters: Any) -> Outcome:
        ttl, fetch_time = parameters
        return _outcome(request_rate, ttl, fetch_time, self.renewing)


@dataclass(frozen=True, slots=True, eq=False)
class FetchedLRU(Fetching):
    """Cache that evicts the least recently used object, with shared fetches.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0. [-]
    fetch : Distribution
        Distribution of the time that a fetch takes. [-]

    Raises
    ------
    DomainError
        If `capacity` is negative.
    ModelError
        If `fetch` is no distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> cache = FetchedLRU(1000, qm.Deterministic(0.2))
    >>> r = cache.solve(qm.caches.Zipf(10**4, 0.8), request_rate=[10.0, 1000.0, 10**5])
    >>> r.hit_ratio, r.delayed_ratio
    (array([0.4366, 0.4321, 0.3912]), array([0.0002, 0.0181, 0.3902]))
    """

    capacity: Value = parameter("what fits, in the unit of the sizes", symbol="C")
    fetch: Distribution  # type: ignore[misc]  # `parameter` is no default

    @property
    def _grounds(self) -> tuple[Assumption, ...]:
        return POISSON_ARRIVALS, INDEPENDENT_FETCHES, CHARACTERISTIC_TIME

    @property
    def _parameters(self) -> tuple[Any, ...]:
        return np.nan, self.fetch.mean

    def _outcome(self, request_rate: Any, *parameters: Any) -> Outcome:
        time, fetch_time = parameters
        return _outcome(request_rate, time, fetch_time, True)

    def _cases(self, popularity: Popularity, request_rate: Value) -> tuple[Any, ...]:
        grid = popularity.grid
        fetch = np.asarray(self.fetch.mean, dtype=float)
        shape = np.broadcast_shapes(
            grid.shape, np.shape(self.capacity), np.shape(request_rate), fetch.shape
        )
        rate, fetch = (np.broadcast_to(x, shape).reshape(-1, 1) for x in (request_rate, fetch))

        def presence(here: slice, part: Grid, time: Any) -> Any:
            demand = rate[here] * part.share
            return _outcome(demand, time / rate[here], fetch[here], True).hit

        time = filling_time(grid, self.capacity, shape, presence)
        return np.minimum(time, 1e250) / request_rate, self.fetch.mean
