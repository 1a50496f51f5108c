r"""Many DNS resolvers, each with a cache of its own: which look-ups reach the authority.

The clients of a site look its names up at many resolvers. Each of them keeps the answer for
its time to live T, and hits do not renew it, so with look-ups at a rate
:math:`\lambda_i = p_i \Lambda` at resolver i a share :math:`\lambda_i T / (1 + \lambda_i T)`
of its look-ups are hits [1]_, and it asks the authority at most once in T. A small resolver
misses nearly always. What counts is how the clients are spread, which a popularity says:
here p_i is the share of the look-ups that come through resolver i.

**Negative answers.** A share q of the look-ups asks for what does not exist (NXDOMAIN, or no
record of that type). Its answer is kept, too, for a time of its own [2]_: the lesser of
the SOA record's own time to live and its MINIMUM field. With n such names, all asked for
equally often,

.. math::

    H = \sum_i p_i \left( \frac{(1 - q)\, a_i}{1 + a_i} + \frac{q\, b_i}{1 + b_i} \right),
    \qquad a_i = (1 - q) \lambda_i T, \quad b_i = q \lambda_i T_- / n .

**An outage of the authority.** Entries expire and are not renewed, unless a resolver serves
them for a time S beyond their life [3]_. After a time t, an entry with time to live T is
still answered from with probability

.. math:: 1 - \frac{e^{-\lambda_i (S - t)^+} + \lambda_i (t - S)^+}{1 + \lambda_i T}

(if that is positive): its age at the beginning is that of a cycle of T and one gap.

**Domain.** Poisson look-ups, exact. The time of a fetch is not in the cycle; look-ups that
wait for one under way count as hits, which are at most E[Z] / T of all.
**Shapes.** The parameters, those of the popularity, and the rate broadcast.

References
----------
.. [1] J. Jung, A. W. Berger, H. Balakrishnan, "Modeling TTL-based Internet caches", IEEE
   INFOCOM, 2003.
.. [2] M. Andrews, "Negative caching of DNS queries (DNS NCACHE)", RFC 2308, 1998, sec. 5.
.. [3] D. Lawrence, W. Kumari, P. Sood, "Serving stale data to improve DNS resiliency", RFC
   8767, 2020, sec. 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.caches.base import QUANTITIES, Cache, CacheResult
from qmodel.caches.policies.characteristic_time import in_cells
from qmodel.caches.popularity.base import Popularity

__all__ = ["SEPARATE_RESOLVERS", "Resolvers"]

SEPARATE_RESOLVERS = Assumption(
    "separate-resolvers",
    "each look-up comes through a resolver with its probability, whatever came before, and "
    "no resolver asks another; several caches behind one address count as several",
    "Jung, Berger and Balakrishnan 2003",
)


@dataclass(frozen=True, slots=True, eq=False)
class Resolvers(Cache):
    """Caches of the names of one site at many resolvers.

    Its popularity says which share of the look-ups comes through each resolver.

    Parameters
    ----------
    ttl : number or array
        Time to live of a record, > 0, as the resolvers cap it. [s]
    negative_share : number or array, default 0
        Share of the look-ups for what does not exist. [-]
    negative_ttl : number or array, default 0
        Time to live of the answer that it does not, >= 0. [s]
    negative_names : number or array, default 1
        How many names that is, each asked for equally often, >= 1; inf for names that
        are made up for each look-up. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Notes
    -----
    A resolver that renews a record shortly before it expires, when somebody asks, is
    `qmodel.caches.fetching.refresh.RefreshedTTL` with the same popularity of resolvers.

    Examples
    --------
    Ten look-ups a second through 10,000 resolvers, by time to live:

    >>> import qmodel as qm
    >>> from qmodel.units import minute
    >>> clients = qm.caches.Zipf(10_000, exponent=1.0)
    >>> r = Resolvers([30.0, 300.0, 3600.0]).solve(clients, request_rate=10.0)
    >>> r.hit_ratio.round(3), r.miss_rate.round(2)
    (array([0.41 , 0.641, 0.866]), array([5.9 , 3.59, 1.34]))

    The same number of resolvers, evenly used, misses more:

    >>> even = qm.caches.Zipf(10_000, exponent=0.0)
    >>> Resolvers([30.0, 300.0, 3600.0]).solve(even, 10.0).hit_ratio.round(3)
    array([0.029, 0.231, 0.783])

    Every third look-up is for an AAAA record that is not there:

    >>> site = Resolvers(300.0, negative_share=1 / 3, negative_ttl=[0.0, 60.0, 300.0])
    >>> site.solve(clients, 10.0).hit_ratio.round(3)
    array([0.4  , 0.524, 0.577])
    """

    ttl: Value = parameter("time to live", unit="s", symbol="T", check="positive")
    negative_share: Value = parameter(
        "share of questions for names that do not exist", check="probability", default=0.0
    )
    negative_ttl: Value = parameter("time to live of such an answer", unit="s", default=0.0)
    negative_names: Value = parameter(
        "number of such names", check=_check.at_least(1.0), default=1.0
    )

    needs_rate = True

    @property
    def _parameters(self) -> tuple[Value, ...]:
        return self.ttl, self.negative_share, self.negative_ttl, self.negative_names

    def _solve(self, popularity: Popularity, request_rate: Value) -> CacheResult:
        given = (request_rate, *self._parameters)
        grid = popularity.grid
        shape = np.broadcast_shapes(grid.shape, *(np.shape(x) for x in given))
        cells = in_cells(given, shape)
        sums = np.empty((4, cells[0].size))
        for here, part in grid.chunks(shape):
            rate, *more = (x[here][:, None] for x in cells)
            there, absent = _alive(part.share * rate, *more)
            negative, names = more[1], more[3]
            hits = (1 - negative) * there[0] + negative * there[1]
            missed = (1 - negative) * absent[0] + negative * absent[1]
            with np.errstate(invalid="ignore"):
                # Of names without number as many are kept as are asked for in a life.
                kept = np.where(np.isinf(names), negative * part.share * rate * more[2],
                                names * there[1])  # fmt: skip
            held = there[0] + np.where(negative > 0, kept, 0.0)
            sums[:, here] = (
                part.over_requests(hits), part.over_bytes(hits),
                part.over_requests(missed), part.over_objects(held),
            )  # fmt: skip
        # A mean of ones may round to a little more.
        sums[:2] = np.minimum(sums[:2], 1.0)
        hit, byte_hit, miss, occupancy = (x.reshape(shape)[()] for x in sums)
        with np.errstate(divide="ignore", invalid="ignore"):
            age = np.where(occupancy == 0, 0.0, occupancy / (request_rate * miss))[()]
        return CacheResult(
            request_rate=request_rate,
            hit_ratio=hit,
            byte_hit_ratio=byte_hit,
            miss_ratio=miss,
            characteristic_time=np.nan * miss,
            occupancy=occupancy,
            eviction_age=age,
            hits=partial(self._hits, request_rate=request_rate),
            cache=self,
            popularity=popularity,
            basis=Basis(dict.fromkeys(QUANTITIES, (POISSON_ARRIVALS, SEPARATE_RESOLVERS))),
        )

    def _hits(self, share: Any, request_rate: Value) -> Any:
        rate, *more = (np.asarray(x)[..., None] for x in (request_rate, *self._parameters))
        there, _ = _alive(np.asarray(share) * rate, *more)
        return (1 - more[1]) * there[0] + more[1] * there[1]

    @checked
    def answered(
        self, popularity: Popularity, request_rate: Value, time: Value, *, stale: Value = 0.0
    ) -> Value:
        """Return the share of look-ups that are answered in an outage of the authority.

        Parameters
        ----------
        popularity : Popularity
            Which share of the look-ups comes through each resolver. [-]
        request_rate : number or array
            Look-ups at all resolvers, Poisson, > 0. [1/s]
        time : number or array
            Time since the outage began, >= 0. [s]
        stale : number or array, default 0
            How long an answer is served beyond its life, >= 0. [s]

        Returns
        -------
        number or array
            The share at that time, of the broadcast shape. [-]

        Raises
        ------
        DomainError
            If a number is outside its domain.
        ModelError
            If `popularity` is not one.

        Examples
        --------
        >>> import qmodel as qm
        >>> clients = qm.caches.Zipf(10_000, exponent=1.0)
        >>> outage = [0.0, 150.0, 300.0, 3600.0]
        >>> Resolvers(300.0).answered(clients, 10.0, outage).round(3)
        array([0.641, 0.321, 0.   , 0.   ])
        >>> Resolvers(300.0).answered(clients, 10.0, outage, stale=86400.0)
        array([1.0000, 1.0000, 1.0000, 1.0000])
        """
        _check.instance("popularity", popularity, Popularity)
        given = (
            _check.positive("request_rate", request_rate),
            _check.nonnegative("time", time),
            _check.nonnegative("stale", stale),
            *self._parameters,
        )
        grid = popularity.grid
        shape = np.broadcast_shapes(grid.shape, *(np.shape(x) for x in given))
        cells = in_cells(given, shape)
        found = np.empty(cells[0].size)
        for here, part in grid.chunks(shape):
            rate, since, beyond, ttl, negative, *more = (x[here][:, None] for x in cells)
            absent = _alive(part.share * rate, ttl, negative, *more)[1]
            asked = _asked(part.share * rate, negative, more[1])
            left = [_left(rates, since - beyond, gone)
                    for rates, gone in zip(asked, absent, strict=True)]  # fmt: skip
            found[here] = part.over_requests((1 - negative) * left[0] + negative * left[1])
        return np.minimum(found, 1.0).reshape(shape)[()]


def _asked(rate: Any, negative: Any, names: Any) -> tuple[Any, Any]:
    """Return the look-ups of a resolver for what there is, and for one name that is not."""
    return (1 - negative) * rate, negative * rate / names


def _alive(rate: Any, ttl: Any, negative: Any, negative_ttl: Any, names: Any) -> Any:
    """Return the probabilities that answers are there, and that they are not, at a resolver."""
    with np.errstate(invalid="ignore"):
        lives = zip(_asked(rate, negative, names), (ttl, negative_ttl), strict=True)
        seen = [np.where(asked == 0, 0.0, asked * life) for asked, life in lives]
    absent = [1 / (1 + x) for x in seen]
    with np.errstate(invalid="ignore"):
        return [np.where(np.isinf(x), 1.0, x / (1 + x)) for x in seen], absent


def _left(rate: Any, late: Any, absent: Any) -> Any:
    """Return P(an answer is there), so long after it might have been renewed."""
    with np.errstate(under="ignore"):
        gone = np.exp(-rate * np.maximum(-late, 0.0)) + rate * np.maximum(late, 0.0)
    return np.maximum(1 - absent * gone, 0.0)
