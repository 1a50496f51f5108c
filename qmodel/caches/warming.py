r"""A cold cache: how it fills, and whether the database behind it survives that.

After a flush at time 0 an object is present once it was asked for, so until the cache is
full, for every policy that takes in what it missed,

.. math::

    \text{occupancy}(t) = \sum_i (1 - e^{-\lambda_i t}), \qquad
    H(t) = \sum_i p_i (1 - e^{-\lambda_i t}) ,

exactly. A cache that evicts the least recently used object is full at its characteristic
time T, and from there on H is the steady hit ratio. So it is with lifetimes T that hits
renew (`qmodel.caches.synchronised_expiry` has those that they do not). Under first in, first
out the cache fills alike, and then falls from there to its lower steady hit ratio: not covered
here.

**The database.** Demand on it begins at the whole request rate and falls as the cache
fills. With at most :math:`\mu` fetches a second there are two ways through:

* *Throttled*: so many requests are let in that their misses are :math:`\mu` a second. Those
  turned away do not warm the cache. After a time t, :math:`\mu t` objects came in, which
  is a cache that warmed for the u that solves occupancy(u) = :math:`\mu t`: the way is
  longer, and its length has a closed form. At first no more than :math:`\mu` may be let in.
* *Queued*: all misses go to the database, those for one object together. The backlog is
  occupancy(t) - :math:`\mu t`, greatest where the demand has fallen to :math:`\mu`, and is
  gone where it is zero. An object counts as present from its first request on.

Both are fluid limits, of many objects: relative fluctuations are of the order of one over
the root of the numbers of fetches. Where the steady misses exceed :math:`\mu` there is no
way through, and the times are inf.

**Shapes.** Parameters of cache, popularity, request rate and times broadcast.

References
----------
.. [1] P. Flajolet, D. Gardy, L. Thimonier, "Birthday paradox, coupon collectors, caching
   algorithms and self-organizing search", Discrete Applied Mathematics 39, 1992, sec. 5.
.. [2] H. Che, Y. Tung, Z. Wang, "Hierarchical web caching systems: modeling, design and
   experimental results", IEEE Journal on Selected Areas in Communications 20, 2002.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, parameter
from qmodel._typing import Value
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis, union
from qmodel.caches.base import INDEPENDENT_REFERENCE
from qmodel.caches.hierarchy.hierarchy import renewed_life
from qmodel.caches.policies.filling import filling_time
from qmodel.caches.policies.lru import LRU
from qmodel.caches.policies.replacement import CHARACTERISTIC_TIME
from qmodel.caches.policies.ttl import TTL
from qmodel.caches.popularity.base import Grid, Popularity
from qmodel.numerics.roots import increasing_root

__all__ = ["SurvivalResult", "Warming"]

FLUID = Assumption(
    "fluid-backlog",
    "requests, fetches and the backlog flow evenly; what fluctuates is of the order of one "
    "over the root of the number of fetches",
    "Flajolet, Gardy and Thimonier 1992 for the mean",
    APPROXIMATE,
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SurvivalResult:
    """How a database survives the warming of the cache before it.

    Parameters
    ----------
    overload : number or array
        Greatest demand over what the database can do; above 1 it is overloaded. [-]
    throttled_duration : number or array
        How long requests are turned away, so that it is not; inf where it never ends. [s]
    turned_away : number or array
        How many requests that are. [-]
    queued_duration : number or array
        How long there is a backlog where all go to it; inf where it never ends. [s]
    backlog : number or array
        Greatest number of fetches that wait then; inf where it grows without end. [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    """

    overload: Value
    throttled_duration: Value
    turned_away: Value
    queued_duration: Value
    backlog: Value
    basis: Basis

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())


@dataclass(frozen=True, slots=True, eq=False)
class Warming(Model):
    """A cache that was flushed, and fills under its demand.

    Parameters
    ----------
    cache : LRU or TTL
        The cache; objects of a TTL live for a constant time, renewed by hits. [-]
    popularity : Popularity
        Which share of the requests asks for each object. [-]
    request_rate : number or array
        Requests for objects of the catalogue, Poisson, > 0. [1/s]

    Raises
    ------
    DomainError
        If `request_rate` is not > 0.
    ModelError
        If `cache` is of another kind, or `popularity` is not one.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(10**6, 0.9)
    >>> cold = Warming(LRU(10**5), pages, request_rate=5000.0)
    >>> cold.hit_ratio([0.0, 1.0, 10.0, 100.0]).round(4)
    array([0.    , 0.3149, 0.4963, 0.637 ])
    >>> float(cold.time_to(0.9)), float(cold.full_at)
    (23.0, 43.9)

    A database for 3000 queries a second is overloaded for a moment, one for 1500 never
    recovers:

    >>> r = cold.survival([1500.0, 3000.0])
    >>> r.overload.round(2), r.queued_duration.round(2), r.throttled_duration.round(2)
    (array([3.33, 1.67]), array([ inf, 8.17]), array([ inf, 3.53]))
    """

    cache: LRU | TTL
    popularity: Popularity
    request_rate: Value = parameter("rate of the requests", unit="1/s", check="positive")
    _full_after: Any = field(init=False)

    def __post_init__(self) -> None:
        if isinstance(self.cache, LRU):
            full = self.cache.solve(self.popularity).characteristic_time
        else:
            full = renewed_life(self.cache) * self.request_rate
        object.__setattr__(self, "_full_after", np.asarray(full))

    @property
    def full_at(self) -> Value:
        """When the cache is full, or first objects expire; inf where all fit. [s]."""
        return (self._full_after / self.request_rate)[()]

    @property
    def _grounds(self) -> tuple[Assumption, ...]:
        model = (POISSON_ARRIVALS, INDEPENDENT_REFERENCE, *self.popularity.grounds)
        return (*model, CHARACTERISTIC_TIME) if isinstance(self.cache, LRU) else model

    @property
    def basis(self) -> Basis:
        """How much each quantity can be trusted."""
        model = self._grounds
        names = ("hit_ratio", "miss_rate", "fetches", "full_at", "time_to", "admitted_rate")
        return Basis(dict.fromkeys(names, model))

    def _cells(self, *more: Any) -> tuple[tuple[int, ...], list[Any]]:
        """Return the shape of the scenarios, and values as rows of it, the full time first."""
        values = (self._full_after, self.request_rate, *more)
        shape = np.broadcast_shapes(self.popularity.grid.shape, *(np.shape(x) for x in values))
        return shape, [np.broadcast_to(x, shape).ravel().astype(float) for x in values]

    def _state(self, requests: Any, full: Any, grid: Grid) -> tuple[Any, Any, Any]:
        """Return hit ratio, miss ratio and fetches so far, after so many requests let in."""
        with np.errstate(over="ignore", under="ignore"):
            # What is endless is long enough, and can be subtracted.
            requests, full = np.minimum(requests, 1e300), np.minimum(full, 1e300)
            until = np.minimum(requests, full)[..., None]
            missing = np.exp(-grid.share * until)
            came = grid.over_objects(-np.expm1(-grid.share * until))
        missed = grid.over_requests(missing)
        # Once full, misses go on at their steady rate.
        after = np.maximum(requests - full, 0.0)
        return grid.over_requests(1 - missing), missed, came + missed * after

    def _at(self, time: Value, which: int) -> Value:
        time = _check.nonnegative("time", time)
        shape, (full, rate, t) = self._cells(time)
        found = np.empty(full.size)
        for here, part in self.popularity.grid.chunks(shape):
            found[here] = self._state(rate[here] * t[here], full[here], part)[which]
        return found.reshape(shape)[()]

    @checked
    def hit_ratio(self, time: Value) -> Value:
        """Return the share of the requests that hit at a time after the flush.

        Parameters
        ----------
        time : number or array
            The time, >= 0. [s]

        Returns
        -------
        number or array
            The share, of the broadcast shape. [-]
        """
        return self._at(time, 0)

    @checked
    def miss_rate(self, time: Value) -> Value:
        """Return the demand on the database at a time after the flush.

        Parameters
        ----------
        time : number or array
            The time, >= 0. [s]

        Returns
        -------
        number or array
            Misses a second, of the broadcast shape. [1/s]
        """
        return self.request_rate * self._at(time, 1)

    @checked
    def fetches(self, time: Value) -> Value:
        """Return the number of misses from the flush to a time after it.

        Parameters
        ----------
        time : number or array
            The time, >= 0. [s]

        Returns
        -------
        number or array
            Mean number of misses, of the broadcast shape. [-]
        """
        return self._at(time, 2)

    @checked
    def time_to(self, share: Value) -> Value:
        """Return when the hit ratio has reached a share of its steady value.

        Parameters
        ----------
        share : number or array
            The share, from 0 to 1. [-]

        Returns
        -------
        number or array
            The time after the flush, of the broadcast shape. [s]

        Raises
        ------
        DomainError
            If `share` is no probability.
        """
        share = _check.probability("share", share)
        shape, (full, rate, part_of) = self._cells(share)
        found = np.empty(full.size)
        for here, part in self.popularity.grid.chunks(shape):
            goal = part_of[here] * self._state(full[here], full[here], part)[0]
            found[here] = self._first(lambda h, _, g=goal: h - g, full[here], part)
        found = np.where(part_of == 0, 0.0, np.where(part_of == 1, full, found))
        return (found / rate).reshape(shape)[()]

    def _first(self, over: Any, full: Any, grid: Grid) -> Any:
        """Return after how many requests something that grows with hits passes zero."""

        def at(log_requests: Any) -> Any:
            hit, missed, _ = self._state(np.exp(log_requests), full, grid)
            return over(hit, missed)

        low = np.full(full.shape, -40.0)
        with np.errstate(divide="ignore"):
            high = np.clip(np.log(full), -40.0, 600.0)
        return np.exp(increasing_root(at, low, high, rtol=1e-14))

    @checked
    def survival(self, max_rate: Value) -> SurvivalResult:
        """Return how a database of limited rate survives the warming.

        Parameters
        ----------
        max_rate : number or array
            Fetches that the database can do, > 0. [1/s]

        Returns
        -------
        SurvivalResult
            How long it is overloaded, and what waits or is turned away. [-]

        Raises
        ------
        DomainError
            If `max_rate` is not > 0.
        """
        most = _check.positive("max_rate", max_rate)
        shape, (full, rate, most) = self._cells(most)
        even, came, backlog_ends = np.empty((3, full.size))
        # Fetches that the database can do for a request.
        able = most / rate
        for here, part in self.popularity.grid.chunks(shape):
            level, cap = able[here], full[here]
            even[here] = self._first(lambda _, m, a=level: a - m, cap, part)
            even[here] = np.where(level >= 1, 0.0, even[here])
            _, missed, came[here] = self._state(even[here], cap, part)
            # Behind the peak the backlog falls, at last at the steady rate.
            never = (missed > level * (1 + 1e-9)) | np.isnan(missed)
            even[here] = np.where(never, np.where(np.isnan(missed), np.nan, np.inf), even[here])
            backlog_ends[here] = self._emptied(level, even[here], cap, part)
        never = np.isinf(even)
        with np.errstate(invalid="ignore"):
            throttled = np.where(never, np.inf, came / most)
            away = np.where(never, np.inf, np.maximum(rate * throttled - even, 0.0))
            backlog = np.where(never, np.inf, np.maximum(came - able * even, 0.0))

        def cell(values: Any) -> Any:
            return values.reshape(shape)[()]

        grounds = self._grounds
        fluid = ("throttled_duration", "turned_away", "queued_duration", "backlog")
        return SurvivalResult(
            overload=cell(rate / most),
            throttled_duration=cell(throttled),
            turned_away=cell(away),
            queued_duration=cell(backlog_ends / rate),
            backlog=cell(backlog),
            basis=Basis({"overload": grounds[:2]} | dict.fromkeys(fluid, (*grounds, FLUID))),
        )

    def _emptied(self, able: Any, even: Any, full: Any, grid: Grid) -> Any:
        """Return after how many requests the database has done what came."""
        finite = np.isfinite(even)
        start = np.where(finite, even, 0.0)

        def done(requests: Any) -> Any:
            return able * requests - self._state(requests, full, grid)[2]

        # All objects have come at last, unless the cache is full before.
        end = np.maximum(np.minimum(full, grid.count.sum(axis=-1) / able), start) + 1.0
        over = np.maximum(-done(end), 0.0)
        steady = able - self._state(full, full, grid)[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            later = np.where(over > 0, end + over / steady, end)
        found = increasing_root(done, start, np.where(over > 0, start, end))
        found = np.where(over > 0, np.where(steady > 0, later, np.inf), found)
        found = np.where(even == 0, 0.0, found)
        return np.where(finite, found, even)

    @checked
    def admitted_rate(self, time: Value, max_rate: Value) -> Value:
        """Return how many requests may be let in so that the database is not overloaded.

        Parameters
        ----------
        time : number or array
            Time after the flush, with as many let in all along, >= 0. [s]
        max_rate : number or array
            Fetches that the database can do, > 0. [1/s]

        Returns
        -------
        number or array
            Requests a second, at most the request rate; of the broadcast shape. [1/s]

        Raises
        ------
        DomainError
            If an argument is outside its domain.

        Examples
        --------
        >>> import qmodel as qm
        >>> cold = Warming(LRU(10**5), qm.caches.Zipf(10**6, 0.9), 5000.0)
        >>> cold.admitted_rate([0.0, 1.0, 2.0, 10.0], max_rate=2500.0).round(1)
        array([2500. , 3498.1, 3773.2, 4813. ])
        """
        t = _check.nonnegative("time", time)
        shape, (full, rate, t, most) = self._cells(t, _check.positive("max_rate", max_rate))
        found = np.empty(full.size)
        for here, part in self.popularity.grid.chunks(shape):
            cap, fetched = full[here], most[here] * t[here]

            def presence(_: slice, grid: Grid, requests: Any) -> Any:
                return -np.expm1(-grid.share * requests)

            # Objects count one by one, whatever their size.
            ones = part._replace(volume=part.count)
            let_in = filling_time(ones, fetched, fetched.shape, presence)
            missed = self._state(np.minimum(let_in, cap), cap, part)[1]
            with np.errstate(divide="ignore"):
                found[here] = np.minimum(rate[here], most[here] / missed)
        return found.reshape(shape)[()]
