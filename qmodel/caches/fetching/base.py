r"""Misses that cost time: what all models of a slow fetch have in common.

A miss takes the fetch time Z. Requests for the object that come meanwhile are no hits
either: they wait for the rest of the fetch that is under way ("delayed hits" [1]_). With
Poisson requests of rate :math:`\lambda` for one object,

.. math::

    P(\text{added time} > t) = p_m P(Z > t) + p_d P(Z_e > t), \qquad
    p_d = p_m \lambda E[Z], \qquad
    E[\text{added time}] = p_m \Bigl(E[Z] + \frac{\lambda E[Z^2]}{2}\Bigr)

for the shares p_m of misses and p_d of delayed hits, with :math:`Z_e` the remainder of Z
(`qmodel.distributions.residual`): an arrival finds a fetch at a random age. All objects
share the distribution of Z, so the distribution for a whole catalogue has the same form.

**Shapes.** Parameters of the policy, of the popularity and the request rate broadcast.
**Domain.** Fetch times independent of one another and of the requests.

References
----------
.. [1] N. Atre, J. Sherry, W. Wang, D. S. Berger, "Caching with delayed hits", ACM SIGCOMM,
   2020.
.. [2] J. Jung, A. W. Berger, H. Balakrishnan, "Modeling TTL-based Internet caches", IEEE
   INFOCOM, 2003 (cycles of an entry that expires).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model
from qmodel._typing import Value
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis, union
from qmodel.caches.base import INDEPENDENT_REFERENCE
from qmodel.caches.popularity.base import Grid, Popularity
from qmodel.distributions import Deterministic, Distribution
from qmodel.distributions.algebra import measure
from qmodel.distributions.residual import residual

__all__ = ["FetchResult", "Fetching", "Outcome"]

INDEPENDENT_FETCHES = Assumption(
    "independent-fetches",
    "the times of fetches do not depend on one another nor on the requests",
    "Jung, Berger and Balakrishnan 2003",
)

QUANTITIES = (
    "hit_ratio", "miss_ratio", "delayed_ratio", "stale_ratio", "fetch_rate", "added_latency",
    "added", "percentiles",
)  # fmt: skip


class Outcome(NamedTuple):
    """What becomes of a request for one object: shares of its requests.

    Examples
    --------
    >>> from qmodel.caches.fetching.delayed_hits import outcome
    >>> float(outcome(20.0, ttl=10.0, fetch_time=0.5).missed)
    0.0047
    """

    hit: Any
    """Answered at once from a fresh object. [-]."""

    missed: Any
    """Starts a fetch and waits for it. [-]."""

    delayed: Any
    """Waits for a fetch that is under way. [-]."""

    stale: Any
    """Answered at once from an old object. [-]."""

    fetches: Any
    """Fetches for a request. [-]."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FetchResult:
    """The steady state of a cache whose misses take time.

    Parameters
    ----------
    request_rate : number or array
        Requests for objects of the catalogue. [1/s]
    hit_ratio : number or array
        Share of the requests that are answered at once from a fresh object. [-]
    miss_ratio : number or array
        Share of the requests that start a fetch and wait for it. [-]
    delayed_ratio : number or array
        Share of the requests that wait for a fetch under way. [-]
    stale_ratio : number or array
        Share of the requests that are answered at once from an old object. [-]
    fetch_rate : number or array
        Fetches at the origin. [1/s]
    added_latency : number or array
        Mean time that fetches add to a request. [s]
    added : Distribution
        Distribution of that time, over all requests. [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    """

    request_rate: Value
    hit_ratio: Value
    miss_ratio: Value
    delayed_ratio: Value
    stale_ratio: Value
    fetch_rate: Value
    added_latency: Value
    added: Distribution
    basis: Basis

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())


class Fetching(Model, ABC):
    """A cache whose misses take time: intrinsic data only."""

    __slots__ = ()

    if TYPE_CHECKING:
        # A property would become the default value of a field of this name.
        @property
        def fetch(self) -> Distribution:
            """Distribution of the time that a fetch takes. [-]."""

    @property
    @abstractmethod
    def _parameters(self) -> tuple[Any, ...]:
        """What the outcome depends on beside the request rate, each a value a scenario."""

    @abstractmethod
    def _outcome(self, request_rate: Any, *parameters: Any) -> Outcome:
        """Return what becomes of requests, objects along the last axis."""

    @property
    def _grounds(self) -> tuple[Assumption, ...]:
        return (POISSON_ARRIVALS, INDEPENDENT_FETCHES)

    @checked
    def outcome(self, request_rate: Value) -> Outcome:
        """Return what becomes of the requests for one object.

        Parameters
        ----------
        request_rate : number or array
            Requests for the object, Poisson, >= 0. [1/s]

        Returns
        -------
        Outcome
            The shares of its requests, of the broadcast shape. [-]

        Raises
        ------
        DomainError
            If `request_rate` is negative.
        """
        rate = _check.nonnegative("request_rate", request_rate)
        return self._outcome(rate, *self._parameters)

    @checked
    def solve(self, popularity: Popularity, request_rate: Value) -> FetchResult:
        """Return the steady state under a demand.

        Parameters
        ----------
        popularity : Popularity
            Which share of the requests asks for each object. [-]
        request_rate : number or array
            Requests for objects of the catalogue, Poisson, > 0. [1/s]

        Returns
        -------
        FetchResult
            Shares of the requests, fetches and added times, with their basis. [-]

        Raises
        ------
        DomainError
            If `request_rate` is not > 0.
        ModelError
            If `popularity` is not one.
        """
        _check.instance("popularity", popularity, Popularity)
        rate = _check.positive("request_rate", request_rate)
        case = (rate, *self._cases(popularity, rate))
        grid = popularity.grid
        shape = np.broadcast_shapes(grid.shape, *(np.shape(x) for x in case))
        flat = [np.broadcast_to(x, shape).ravel() for x in case]
        sums = np.empty((len(Outcome._fields), flat[0].size))
        for here, part in grid.chunks(shape):
            demand, *more = (x[here][:, None] for x in flat)
            outcome = self._outcome(demand * part.share, *more)
            sums[:, here] = [part.over_requests(x) for x in _even(part, outcome)]
        # A mean of ones may round to a little more. Fetches may be more than one.
        sums[:4] = np.minimum(sums[:4], 1.0)
        total = Outcome(*(x.reshape(shape)[()] for x in sums))
        after, distribution = self._waits(total)
        known = (*self._grounds, INDEPENDENT_REFERENCE, *popularity.grounds)
        return FetchResult(
            request_rate=rate,
            hit_ratio=total.hit,
            miss_ratio=total.missed,
            delayed_ratio=total.delayed,
            stale_ratio=total.stale,
            fetch_rate=rate * total.fetches,
            added_latency=after,
            added=distribution,
            basis=Basis(dict.fromkeys(QUANTITIES, known)),
        )

    def _cases(self, popularity: Popularity, request_rate: Value) -> tuple[Any, ...]:
        """Return the parameters of the outcome under a demand."""
        return self._parameters

    def _waits(self, total: Outcome) -> tuple[Value, Distribution]:
        """Return the mean of the added time, and its distribution."""
        rest = residual(self.fetch)
        at_once = total.hit + total.stale
        mean = _weigh(total.missed, self.fetch.mean) + _weigh(total.delayed, rest.mean)
        shares = (at_once, total.missed, total.delayed)
        return mean, measure(shares, (Deterministic(0.0), self.fetch, rest))


def _weigh(share: Any, time: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return np.where(np.asarray(share) == 0, 0.0, share * np.asarray(time))[()]


def _even(grid: Grid, outcome: Outcome) -> list[Any]:
    """Return the shares of the outcome, each with a value for every object."""
    shape = np.broadcast_shapes(grid.share.shape, *(np.shape(x) for x in outcome))
    return [np.broadcast_to(x, shape) for x in outcome]
