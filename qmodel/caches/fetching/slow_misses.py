r"""A cache and the database behind it, each of which makes the other slower.

Misses load the database, and a loaded database answers late. Meanwhile the object is not in
the cache. So the rate x of fetches at the database is a fixed point. With lifetimes T,
rates :math:`\lambda_i` and the response time W(x) of the database,

.. math::

    x = \sum_i \frac{\lambda_i}{1 + \lambda_i (T + W(x))}
    \qquad\text{or}\qquad
    x = \sum_i \frac{\lambda_i (1 + \lambda_i W(x))}{1 + \lambda_i (T + W(x))}

where fetches are shared (`qmodel.caches.fetching.delayed_hits`), or where each request without
an answer fetches for itself (`qmodel.caches.fetching.stampede`).

**Shared.** The right side falls in x, so there is one solution, at every load: a slow
database lengthens the fetches, and more requests share each.
**Not shared.** The right side grows in x, and there may be several solutions: the *healthy*
one; a *threshold*, beyond which each fetch breeds more than one and the load runs away; and
behind it a *collapsed* one, with nearly all requests at the database, or none if these are
more than it can serve: then the backlog grows without end. A flush, or a slow minute of the
database, that pushes the load over the threshold does not heal when its cause is gone.

**Shapes.** Popularity, request rate, lifetime and station broadcast.
**Overload.** Where there is no healthy solution, it is inf.
**Numerics.** The solutions are the sign changes on 400 points, denser towards saturation,
each then found to 1e-12. Two that lie closer than a point apart are missed.

References
----------
.. [1] N. Bronson, A. Aghayev, A. Charapko, T. Zhu, "Metastable failures in distributed
   systems", HotOS, 2021, sec. 2 (look-aside caches).
.. [2] J. Jung, A. W. Berger, H. Balakrishnan, "Modeling TTL-based Internet caches", IEEE
   INFOCOM, 2003, for the cycle of one object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis, union
from qmodel.caches.base import INDEPENDENT_REFERENCE
from qmodel.caches.popularity.base import Popularity
from qmodel.numerics.roots import increasing_root
from qmodel.queues.base import Station

__all__ = ["SlowMissesResult", "slow_misses"]

POISSON_MISSES = Assumption(
    "poisson-misses",
    "the misses of all objects together are taken as a Poisson stream, and the response of "
    "the database as that of its steady state; simulated fetch rates are within 0.2 % for "
    "1000 objects and more, and 1.5 % for 200 at a database that is 99 % busy",
    "Jung, Berger and Balakrishnan 2003 for the cycle; Palm and Khinchin for many objects",
    APPROXIMATE,
)
CONSTANT_WINDOW = Assumption(
    "constant-window",
    "the first of several fetches for an object takes the mean time, as constant ones do; "
    "others end sooner, but come together: at a database that is 87 % busy the simulated "
    "rate is within 0.1 %, and the response 5 % longer",
    "Bronson et al. 2021 for the mechanism",
    APPROXIMATE,
)

_POINTS = 400


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SlowMissesResult:
    """The steady states of a cache with the database behind it.

    Parameters
    ----------
    request_rate : number or array
        Requests for objects of the catalogue. [1/s]
    healthy : number or array
        Load of the database in the good state; inf where there is none. [1/s]
    threshold : number or array
        Load beyond which it runs away; inf where there is no such load. [1/s]
    collapsed : number or array
        Load of the database after that; inf where it saturates, NaN where the good state
        is the only one. [1/s]
    response_time : number or array
        Response of the database in the good state. [s]
    hit_ratio : number or array
        Share of the requests in the good state that are answered at once. [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    """

    request_rate: Value
    healthy: Value
    threshold: Value
    collapsed: Value
    response_time: Value
    hit_ratio: Value
    basis: Basis

    @property
    def margin(self) -> Value:
        """Share by which the load of the database can rise and still fall back. [-]."""
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(self.healthy), 0.0, self.threshold / self.healthy - 1)[()]

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())


@checked
def slow_misses(
    popularity: Popularity,
    request_rate: Value,
    ttl: Value,
    database: Station,
    *,
    shared: bool = False,
) -> SlowMissesResult:
    """Return the loads at which a cache and the database behind it are in balance.

    Parameters
    ----------
    popularity : Popularity
        Which share of the requests asks for each object. [-]
    request_rate : number or array
        Requests for objects of the catalogue, Poisson, > 0. [1/s]
    ttl : number or array
        How long an object lives after it came in, > 0. [s]
    database : Station
        What answers the misses. [-]
    shared : bool, default False
        Whether requests wait for a fetch that is under way, and start none. [-]

    Returns
    -------
    SlowMissesResult
        The good state, the threshold and the bad state. [-]

    Raises
    ------
    DomainError
        If `request_rate` or `ttl` is not > 0.
    ModelError
        If `popularity` or `database` is not one.

    Examples
    --------
    A database for 200 queries a second, at 40 % load: with a lock it stays there, and
    without it does not come back once it was pushed over the edge.

    >>> import qmodel as qm
    >>> keys, db = qm.caches.Zipf(10**4, 1.0), qm.MMc(0.040, servers=8)
    >>> r = slow_misses(keys, 500.0, 60.0, db)
    >>> float(r.healthy), float(r.threshold), float(r.collapsed)
    (74.3, 199.96, inf)
    >>> locked = slow_misses(keys, [500.0, 5000.0], 60.0, db, shared=True)
    >>> locked.healthy.round(1), locked.threshold
    (array([ 74. , 144.1]), array([inf, inf]))
    """
    _check.instance("popularity", popularity, Popularity)
    _check.instance("database", database, Station)
    rate, life = _check.positive("request_rate", request_rate), _check.positive("ttl", ttl)
    grid = popularity.grid
    most = np.asarray(database.max_rate, dtype=float)
    shape = np.broadcast_shapes(grid.shape, np.shape(rate), np.shape(life), most.shape)
    demand = np.asarray(rate, dtype=float)[..., None] * grid.share
    life = np.asarray(life, dtype=float)[..., None]
    # A station that never saturates is loaded by all requests at most.
    high = np.broadcast_to(np.minimum(most, 2.0 * np.asarray(rate)), shape)

    def response(load: Any) -> Any:
        return np.asarray(database.solve(load).response_time, dtype=float)

    def excess(load: Any) -> Any:
        """Return the load that there is less that which makes it."""
        wait = response(load)[..., None]
        endless = np.isinf(wait)
        wait = np.where(endless, 0.0, wait)
        fetches = 1 + (0.0 if shared else demand * wait)
        fetches = demand * fetches / (1 + demand * (life + wait))
        fetches = np.where(endless, 0.0 if shared else demand, fetches)
        return load - grid.over_objects(fetches)

    nothing = np.full(shape, np.nan)
    if shared:
        healthy = np.asarray(increasing_root(excess, 0.0 * high, high))
        threshold, collapsed = np.full(shape, np.inf) + 0 * healthy, nothing
    else:
        found = _crossings(excess, high)
        healthy, threshold, third = (found[k] for k in range(3))
        only = np.isfinite(healthy) & np.isinf(threshold)
        collapsed = np.where(only, np.nan, third)
    finite = np.where(np.isfinite(healthy), healthy, 0.0)
    wait = np.where(np.isinf(healthy), np.inf, response(finite))
    wait = np.where(np.isnan(healthy), np.nan, wait)
    stays = np.where(np.isinf(wait), 0.0, wait)[..., None]
    hits = grid.over_requests(demand * life / (1 + demand * (life + stays)))
    model = (POISSON_ARRIVALS, INDEPENDENT_REFERENCE, POISSON_MISSES, *popularity.grounds)
    known = model if shared else (*model, CONSTANT_WINDOW)
    names = ("healthy", "threshold", "collapsed", "response_time", "hit_ratio", "margin")
    return SlowMissesResult(
        request_rate=rate,
        healthy=healthy[()],
        threshold=threshold[()],
        collapsed=collapsed[()],
        response_time=wait[()],
        hit_ratio=np.where(np.isinf(wait), 0.0, hits)[()],
        basis=Basis(dict.fromkeys(names, known)),
    )


def _crossings(excess: Callable[[Any], Any], high: Any) -> Any:
    """Return the first three roots of `excess` below `high`, inf where there are fewer."""
    # Half of the points lie evenly, and half come closer to saturation by equal factors.
    even = np.linspace(0.0, 1.0, _POINTS // 2, endpoint=False)
    share = np.sort(np.concatenate([even, 1 - np.geomspace(1e-9, 0.5, _POINTS // 2)]))
    column = (-1, *[1] * high.ndim)
    loads = share.reshape(column) * high
    sign = np.stack([excess(load) >= 0 for load in loads])
    unknown = np.isnan(excess(loads[0]))
    changed = sign[1:] != sign[:-1]
    order = np.cumsum(changed, axis=0)
    found = np.full((3, *high.shape), np.inf)
    for k in range(3):
        there = changed & (order == k + 1)
        some = there.any(axis=0)
        at = there.argmax(axis=0)[None]
        low = np.take_along_axis(loads, at, 0)[0]
        up = np.take_along_axis(loads[1:], at, 0)[0]

        def rising(load: Any, sign: float = (-1.0) ** k) -> Any:
            return sign * excess(load)

        root = increasing_root(rising, low, up)
        found[k] = np.where(some, root, np.inf)
    return np.where(unknown, np.nan, found)
