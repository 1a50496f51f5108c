r"""Objects that are refreshed while the old one is still served: nobody waits.

An object is fresh for a time T after it came in. The first request in the time S after
that is answered at once with the old object and starts a refresh in the background; until
it is done, all are answered with the old object. Only where nobody asks for so long, the
object is gone and the next request is a miss. A cycle has

.. math:: 1 + \lambda (T + E[Z]) \quad\text{requests, and is a miss with probability}\quad
          e^{-\lambda S},

then with :math:`\lambda E[Z]` delayed hits (`qmodel.caches.fetching.base`). The origin has as
many fetches as with shared fetches and no stale answers: staleness buys latency, and not
load. This is ``stale-while-revalidate`` [1]_ with S as its argument. It is refresh-ahead
as well, with T the age from which requests refresh and T + S the age of expiry: then what
is called stale here is still valid.

Exact for one object, Poisson requests and any distribution of Z; a refresh that has begun ends
before the object is dropped.

References
----------
.. [1] M. Nottingham, "HTTP Cache-Control extensions for stale content", RFC 5861, 2010,
   sec. 3.
.. [2] J. Jung, A. W. Berger, H. Balakrishnan, "Modeling TTL-based Internet caches", IEEE
   INFOCOM, 2003, for the cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import namespace
from qmodel.caches.fetching.base import Fetching, Outcome
from qmodel.distributions import Distribution

__all__ = ["RefreshedTTL", "outcome"]


@checked
def outcome(request_rate: Value, ttl: Value, stale: Value, fetch_time: Value) -> Outcome:
    """Return what becomes of the requests for an object that is refreshed behind the scenes.

    Parameters
    ----------
    request_rate : number or array
        Requests for the object, Poisson, >= 0. [1/s]
    ttl : number or array
        How long it is fresh, >= 0. [s]
    stale : number or array
        How long after that a request may still be answered with it, >= 0. [s]
    fetch_time : number or array
        Mean time of a fetch, >= 0. [s]

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
    >>> [round(float(x), 4) for x in outcome(0.1, ttl=60.0, stale=30.0, fetch_time=0.5)]
    [0.8511, 0.0071, 0.0004, 0.1415, 0.1418]
    """
    return _outcome(
        _check.nonnegative("request_rate", request_rate),
        _check.nonnegative("ttl", ttl),
        _check.nonnegative("stale", stale),
        _check.nonnegative("fetch_time", fetch_time),
    )


def _outcome(rate: Value, ttl: Value, stale: Value, fetch: Value) -> Outcome:
    xp = namespace(rate, ttl, stale, fetch)
    asked = xp.weigh(rate, ttl)
    fetches = 1 / (1 + asked + rate * fetch)
    late = rate * fetch * fetches
    # Nobody asks in no time, also where the time to ask is endless.
    with xp.errstate(invalid="ignore", under="ignore"):
        gone = xp.guard(xp.exp(-rate * stale), rate == 0, 1)
        hit = xp.guard(asked * fetches, asked == xp.inf, 1)
    return Outcome(
        hit,
        gone * fetches,
        gone * late,
        (1 - gone) * (fetches + late),
        fetches,
    )


@dataclass(frozen=True, slots=True, eq=False)
class RefreshedTTL(Fetching):
    """Cache that answers with old objects while it refreshes them.

    Parameters
    ----------
    ttl : number or array
        How long an object is fresh, > 0. [s]
    stale : number or array
        How long after that a request may still be answered with it, >= 0. [s]
    fetch : Distribution
        Distribution of the time that a fetch takes. [-]

    Raises
    ------
    DomainError
        If `ttl` is not > 0, or `stale` is negative.
    ModelError
        If `fetch` is no distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> keys = qm.caches.Zipf(10**4, 1.0)
    >>> cache = RefreshedTTL(60.0, [0.0, 60.0, 600.0], qm.Exponential(0.3))
    >>> r = cache.solve(keys, request_rate=2000.0)
    >>> (1000 * r.added_latency).round(2), r.fetch_rate.round(1)
    (array([19.61,  1.68,  0.  ]), array([121.4, 121.4, 121.4]))
    """

    ttl: Value = parameter("time to live", unit="s", symbol="T", check="positive")
    stale: Value = parameter("time to answer stale", unit="s")
    fetch: Distribution  # type: ignore[misc]  # `parameter` is no default

    @property
    def _parameters(self) -> tuple[Any, ...]:
        return self.ttl, self.stale, self.fetch.mean

    def _outcome(self, request_rate: Any, *parameters: Any) -> Outcome:
        ttl, stale, fetch_time = parameters
        return _outcome(request_rate, ttl, stale, fetch_time)
