"""The cells of a held pool at a load, and its steady state from what is found there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel._typing import Value
from qmodel._xp import namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis, union
from qmodel.distributions import Distribution
from qmodel.distributions.algebra import measure
from qmodel.networks.held.counts import saturation
from qmodel.networks.held.grounds import HELD_PERMITS
from qmodel.networks.held.inside import longer, thinned, together
from qmodel.networks.held.result import HeldResult, View
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station

if TYPE_CHECKING:
    from qmodel.networks.held.pool import HeldPool

__all__ = ["Found", "State", "result_of", "state_of", "varied_at", "without_queues"]

_AT_LIMIT = 1e-8
"""How far below its limit a pool is solved that is beyond it."""


class State(NamedTuple):
    """The cells of a pool: its load, where it saturates, and a flow that is below that."""

    rate: Any
    limit: Any
    flow: Any
    known: Any
    over: Any
    plain: Any
    """Where it would saturate were all service exponential."""
    varied: Any
    """Waits at the stations over those with exponential service, at the limit."""
    uneven: Any
    """1 + I of a full pool, how unevenly it completes; NaN where phases do not say it. [-]"""

    @property
    def pace(self) -> Any:
        """The pace of the pool over that with exponential service."""
        return self.limit / self.plain

    @property
    def worse(self) -> Any:
        """1, inf in overload, NaN where the load is unknown."""
        return self.unknown * np.where(self.over, np.inf, 1.0)

    @property
    def unknown(self) -> Any:
        """1, NaN where the load is unknown."""
        return np.where(self.known, 1.0, np.nan)

    @property
    def paced(self) -> Any:
        """The pace, 1 where the load is unknown."""
        return np.where(self.known, self.pace, 1.0)


def state_of(pool: HeldPool, arrival_rate: Value) -> State:
    """Return the cells of a pool at a load."""
    limit = np.asarray(pool.max_rate, dtype=float)
    rate, limit = np.broadcast_arrays(np.asarray(arrival_rate, dtype=float), limit)
    known, over = ~np.isnan(rate + limit), rate >= limit
    # In overload all permits are in use, which is what holders find at the limit.
    flow = np.where(over, limit * (1 - _AT_LIMIT), rate)
    plain, varied = pool.within.once("plain", lambda: _exponential(pool, limit))
    uneven = pool.full_pool[1]
    return State(rate, limit, np.where(known, flow, 0.0), known, over, plain, varied, uneven)


def _exponential(pool: HeldPool, limit: Any) -> tuple[Any, Any]:
    """Return the limit with exponential service, and the waits there over its own."""
    places = {name: place._replace(service=None) for name, place in pool.within.places.items()}
    if all(np.all(np.asarray(place.scv) == 1) for place in pool.within.places.values()):
        return limit, np.asarray(1.0)
    plain = saturation(pool.servers, places)
    return plain, varied_at(pool, limit, plain)


def varied_at(pool: HeldPool, limit: Any, other: Any) -> Any:
    """Return the waits inside where a pool is full, at a limit over those at another one."""
    places = pool.within.places.values()
    alone: Any = sum(place.visits * place.work / place.first for place in places)
    with np.errstate(divide="ignore", invalid="ignore"):
        varied = (pool.servers / limit - alone) / (pool.servers / other - alone)
    return np.where(np.isfinite(varied), np.maximum(varied, 0.0), 1.0)


def without_queues(pool: HeldPool, alike: Station, rate: Value) -> HeldResult:
    """Return the state of a pool as that of the station that it is."""
    own, inside = alike.solve(rate), pool.within
    grounds = dict(own.basis.resting_on((HELD_PERMITS,)).grounds)
    return HeldResult(
        arrival_rate=own.arrival_rate,
        utilization=own.utilization,
        waiting_time=own.waiting_time,
        response_time=own.response_time,
        queue_length=own.queue_length,
        number_in_system=own.number_in_system,
        wait=own.wait,
        response=own.response,
        basis=Basis(
            grounds
            | dict.fromkeys(("holding_time", "holders"), (POISSON_ARRIVALS, HELD_PERMITS))
        ),
        station=pool,
        number=own.number,
        holding_time=own.station.service.mean + 0 * own.utilization,
        holders=namespace(own.utilization).minimum(own.utilization, 1) * pool.servers,
        stations={name: inside.result(name) for name in inside.names},
        views=(View(1, own.wait, {}),),
    )


class Found(NamedTuple):
    """What requests find at a pool, and what that rests on."""

    views: tuple[View, ...]
    wait: Distribution
    grounds: tuple[Assumption, ...]
    of_distribution: tuple[Assumption, ...] = ()
    """What only the distribution of the response rests on."""


def result_of(pool: HeldPool, state: State, at: Found) -> HeldResult:
    """Return the steady state of a pool from what is found there."""
    views, wait, grounds, of_distribution = at
    inside, rate, shares = pool.within, state.rate, tuple(view.share for view in views)
    weigh = namespace(rate).weigh
    passages = [inside.passage(view.stations) for view in views]
    pairs = list(zip(views, passages, strict=True))
    holding = sum(
        weigh(view.share, view.scale * distribution.mean) for view, distribution in pairs
    )
    holding = (holding * state.unknown)[()]
    distributions = tuple(view.after(distribution) for view, distribution in pairs)
    alone = {name: inside.result(name) for name in inside.names}
    means = union(grounds, inside.grounds)
    with np.errstate(invalid="ignore"):
        used = np.where(state.over, rate / state.limit * pool.servers, rate * holding)
    total = wait.mean + holding
    # What is inside serves no more than the pool lets in.
    with np.errstate(divide="ignore", invalid="ignore"):
        enters = np.where(state.over, state.limit / rate, 1.0)[()]
    return HeldResult(
        arrival_rate=rate[()],
        utilization=(used / pool.servers)[()],
        waiting_time=wait.mean,
        response_time=total,
        queue_length=weigh(rate, wait.mean),
        number_in_system=weigh(rate, total),
        wait=wait,
        response=distributions[0]
        if len(distributions) == 1
        else measure(shares, distributions),
        basis=Basis(
            dict.fromkeys((*MEANS, "holding_time", "holders", "wait"), means)
            | dict.fromkeys(DISTRIBUTIONS[1:], union(means, of_distribution))
        ),
        station=pool,
        holding_time=holding,
        holders=np.minimum(used, pool.servers)[()],
        stations={
            name: thinned(
                together(
                    shares, [longer(view.stations.get(name, r), view.scale) for view in views]
                ),
                enters,
            )
            for name, r in alone.items()
        },
        views=views,
    )
