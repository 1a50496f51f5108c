r"""The best split of a stream over unequal sites, and the one that selfish requests make.

**The best** gives the shortest mean time. At its optimum a further request costs all requests
together as much at every site that is used, and not less at those that are not:

.. math::

    d_i + \frac{d}{d \lambda_i} \lambda_i W_i(\lambda_i) = \nu \; (\lambda_i > 0), \qquad
    d_i + W_i(0) \ge \nu \; (\lambda_i = 0), \qquad \sum_i \lambda_i = \lambda .

For M/M/1 sites without round trips this is the square-root rule [1]_ [2]_: over the sites A
that are used, the fastest ones,

.. math::

    \lambda_i = \mu_i - \sqrt{\mu_i} \, \frac{\sum_A \mu_j - \lambda}{\sum_A \sqrt{\mu_j}},
    \qquad i \in A \iff
    \lambda > \sum_j \sqrt{\mu_j} \, (\sqrt{\mu_j} - \sqrt{\mu_i})^+ .

It keeps spare what goes with the square root of the speed: not proportional to it, and slow
sites are left alone at light load.

**The selfish** or latency-equalising split makes the time equal at all sites that are used,
:math:`d_i + W_i(\lambda_i) = \nu` [3]_: clients who go where they see the shortest times end
there. By how much its mean is longer is the price of anarchy.

**Numbers.** Both conditions are increasing functions, of :math:`\lambda_i` at each site and
of :math:`\nu` for all: nested roots on all cells. Shares sum to 1 to rounding.
**Overload** of all sites together gives each the share of its capacity. NaN in, NaN out.

References
----------
.. [1] J. P. Buzen, P. P.-S. Chen, "Optimal load balancing in memory hierarchies", Information
   Processing 74, 1974.
.. [2] A. N. Tantawi, D. Towsley, "Optimal static load balancing in distributed computer
   systems", Journal of the ACM 32, 1985.
.. [3] J. G. Wardrop, "Some theoretical aspects of road traffic research", Proceedings of the
   Institution of Civil Engineers 1, 1952.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.balancing.marginal_cost import marginal_wait_of, waiting_time_of
from qmodel.balancing.weighted_split import checked_sites
from qmodel.errors import DomainError, ModelError
from qmodel.numerics.roots import increasing_root
from qmodel.queues.base import Station

__all__ = ["best_split", "equal_time_split", "price_of_anarchy", "square_root_split"]


@checked
def square_root_split(arrival_rate: Value, service_times: Sequence[Value]) -> tuple[Value, ...]:
    """Return the shares of M/M/1 sites that give the shortest mean response.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate at all sites together, >= 0. [1/s]
    service_times : sequence of numbers or arrays
        Mean service time of each site, > 0. [s]

    Returns
    -------
    tuple of numbers or arrays
        The share of each site. On symbols all sites are taken to be used. [-]

    Raises
    ------
    DomainError
        If there is no site, the rate is negative, or a time is not > 0.

    Examples
    --------
    The slowest site gets nothing below 11.7 requests a second:

    >>> shares = square_root_split(9.0, [1 / 10, 1 / 6, 1 / 3, 1 / 1])
    >>> [round(9.0 * float(share), 3) for share in shares]
    [5.694, 2.665, 0.641, 0.0]

    >>> import sympy as sp
    >>> mu, lam = sp.symbols("mu lambda", positive=True)
    >>> sp.simplify(square_root_split(lam, [1 / mu, 1 / (4 * mu)])[1])
    2*(lambda + mu)/(3*lambda)
    """
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    times = [
        _check.positive("service_times", s)
        for s in _check.several("service_times", service_times)
    ]
    if not times:
        raise DomainError("service_times must not be empty")
    xp = namespace(rate, *times)
    roots = [xp.sqrt(1 / s) for s in times]

    def ahead(one: Any, other: Any) -> Any:
        """Return what `one` takes before `other` is used."""
        gain = one * (one - other)
        return gain if xp.symbolic else np.maximum(gain, 0.0)

    if xp.symbolic:
        used: list[Any] = [1] * len(roots)
    else:
        used = [1.0 * (rate >= sum(ahead(r, own) for r in roots)) for own in roots]
    total = sum(u * r for u, r in zip(used, roots, strict=True))
    speed = sum(1 / s for s in times)
    shares = []
    with xp.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for u, own in zip(used, roots, strict=True):
            more = sum(v * r * (own - r) for v, r in zip(used, roots, strict=True))
            more = xp.guard(more / xp.asarray(rate), rate == 0, 0.0)
            share = u * own / total * (1 + more)
            shares.append(xp.guard(share, rate >= speed, own**2 / speed))
    return tuple(shares)


@checked
def best_split(
    arrival_rate: Value, stations: Sequence[Station], delays: Sequence[Value] = ()
) -> tuple[Value, ...]:
    """Return the shares of unequal sites that give the shortest mean response.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate at all sites together, >= 0. [1/s]
    stations : sequence of Station
        The sites. [-]
    delays : sequence of numbers or arrays, optional
        Constant round trip to each, >= 0; by default none. [s]

    Returns
    -------
    tuple of numbers or arrays
        The share of each site: the weights of a `WeightedSplit`. [-]

    Raises
    ------
    DomainError
        If there is no site, a number is negative, or the lengths differ.
    ModelError
        If a site is not a station or loses requests, or something is a symbol.

    Examples
    --------
    The near region takes all until it is worth the journey to the far one:

    >>> import numpy as np
    >>> import qmodel as qm
    >>> near, far = qm.MMc(0.05, servers=4), qm.MMc(0.05, servers=8)
    >>> shares = best_split(np.array([20.0, 60.0, 200.0]), [near, far], delays=[0.01, 0.09])
    >>> shares[1].round(3)
    array([0.   , 0.109, 0.676])
    """
    return _balanced("best_split", arrival_rate, stations, delays, marginal_wait_of)


@checked
def equal_time_split(
    arrival_rate: Value, stations: Sequence[Station], delays: Sequence[Value] = ()
) -> tuple[Value, ...]:
    """Return the shares of unequal sites that give equal mean responses at those used.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate at all sites together, >= 0. [1/s]
    stations : sequence of Station
        The sites. [-]
    delays : sequence of numbers or arrays, optional
        Constant round trip to each, >= 0; by default none. [s]

    Returns
    -------
    tuple of numbers or arrays
        The share of each site: the weights of a `WeightedSplit`. [-]

    Raises
    ------
    DomainError
        If there is no site, a number is negative, or the lengths differ.
    ModelError
        If a site is not a station or loses requests, or something is a symbol.

    Examples
    --------
    Everybody goes to the near site, for it is never slower than the far one:

    >>> import qmodel as qm
    >>> near, far = qm.MMc(0.05, servers=4), qm.MMc(0.05, servers=8)
    >>> [round(float(s), 3) for s in equal_time_split(60.0, [near, far], delays=[0.01, 0.09])]
    [1.0, 0.0]
    """
    return _balanced("equal_time_split", arrival_rate, stations, delays, waiting_time_of)


@checked
def price_of_anarchy(
    arrival_rate: Value, stations: Sequence[Station], delays: Sequence[Value] = ()
) -> Value:
    """Return the mean time of the selfish split over that of the best one.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate at all sites together, > 0. [1/s]
    stations : sequence of Station
        The sites. [-]
    delays : sequence of numbers or arrays, optional
        Constant round trip to each, >= 0; by default none. [s]

    Returns
    -------
    number or array
        The ratio, at least 1; NaN where all sites together are in overload. [-]

    Raises
    ------
    DomainError
        If there is no site, a number is negative, or the lengths differ.
    ModelError
        If a site is not a station or loses requests, or something is a symbol.

    Examples
    --------
    >>> import qmodel as qm
    >>> sites = [qm.MMc(1 / mu) for mu in (10.0, 6.0, 3.0, 1.0)]
    >>> float(price_of_anarchy(9.0, sites))
    1.0745
    """
    sites, trips = checked_sites(stations, delays)

    def mean(shares: Sequence[Any]) -> Any:
        weigh = namespace(*shares).weigh
        return sum(
            weigh(w, waiting_time_of(site)(w * arrival_rate) + site.service.mean + trip)
            for w, site, trip in zip(shares, sites, trips, strict=True)
        )

    selfish = mean(equal_time_split(arrival_rate, sites, trips))
    with np.errstate(invalid="ignore"):
        return selfish / mean(best_split(arrival_rate, sites, trips))


def _balanced(
    who: str,
    arrival_rate: Any,
    stations: Sequence[Station],
    delays: Sequence[Any],
    cost_of: Callable[[Station], Callable[[Any], Any]],
) -> tuple[Any, ...]:
    """Return the shares at which all sites that are used cost the same."""
    sites, trips = checked_sites(stations, delays)
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    alone = [site.service.mean + trip for site, trip in zip(sites, trips, strict=True)]
    rates = [site.max_rate for site in sites]
    if is_symbolic(rate, *alone, *rates):
        raise ModelError(f"{who} has no closed form for symbols; square_root_split has")
    rate, *both = np.broadcast_arrays(*(np.asarray(x, float) for x in (rate, *alone, *rates)))
    fixed, limits = np.stack(both[: len(sites)]), np.stack(both[len(sites) :])
    total = limits.sum(axis=0)
    over, unknown = total <= rate, np.isnan(rate + fixed.sum(axis=0) + total)
    # Another load will do for cells with no answer of their own, and for no load at all.
    usual = limits.min(axis=0)
    usual = np.where(np.isinf(usual), 1.0, 0.5 * usual)
    here = np.where(over | unknown | (rate == 0), usual, rate)
    caps = np.minimum(limits, here)
    costs = [cost_of(site) for site in sites]

    def cost(flow: Any) -> Any:
        return np.stack([c(x[()]) + f for c, x, f in zip(costs, flow, fixed, strict=True)])

    def flows(price: Any) -> Any:
        """Return what each site takes while a request there costs at most `price`."""

        def dear(flow: Any) -> Any:
            with np.errstate(invalid="ignore"):
                return 1 - price / cost(flow)

        return np.asarray(increasing_root(dear, np.zeros_like(caps), caps))

    # No site takes more than a part in proportion to its room when this is the price.
    least, most = fixed.min(axis=0), cost(caps * (here / caps.sum(axis=0))).max(axis=0)
    rise = increasing_root(
        lambda y: flows(least * np.exp(y)).sum(axis=0) - here,
        np.zeros_like(here),
        np.log(most / least) + 1e-9,
    )
    # Where a site takes any flow at one price, the flows jump there: they are filled up.
    below, above = (flows(least * np.exp(rise) * (1 + e)) for e in (-1e-11, 1e-11))
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = (here - below.sum(axis=0)) / (above - below).sum(axis=0)
        gap = np.where(np.isfinite(gap), np.clip(gap, 0.0, 1.0), 1.0)
        flow = below + gap * (above - below)
        cheapest = 1.0 * (fixed == least)
        shares = np.where(over, limits / total, flow / flow.sum(axis=0))
        shares = np.where(rate == 0, cheapest / cheapest.sum(axis=0), shares)
    shares = np.where(unknown, np.nan, shares) + 0.0  # no -0.0
    return tuple(shares)
