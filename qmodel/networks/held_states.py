"""The steady states of a held pool: without queues inside, by its chain, and by its counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel._typing import Value
from qmodel._xp import namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis, union
from qmodel.distributions import ZERO, Distribution, Exponential, Mixture, Scaled
from qmodel.distributions.algebra import measure
from qmodel.networks.coxian import coxian
from qmodel.networks.found_wait import FoundWait
from qmodel.networks.held_chain import solve_all
from qmodel.networks.held_counts import Counts, Place, counts, saturation
from qmodel.networks.held_grounds import (
    FLOW_EQUIVALENCE,
    HELD_AS_EXPONENTIAL,
    HELD_MET,
    HELD_PERMITS,
)
from qmodel.networks.held_inside import found, longer, mean_met, thinned, together
from qmodel.networks.held_result import HeldResult, View
from qmodel.networks.held_variability import permit_factor
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station

if TYPE_CHECKING:
    from qmodel.networks.held_pool import HeldPool

__all__ = ["few", "limited", "many", "result_of", "state_of", "without_queues"]

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

    @property
    def pace(self) -> Any:
        """The pace of the pool over that with exponential service."""
        return self.limit / self.plain

    @property
    def worse(self) -> Any:
        """1, inf in overload, NaN where the load is unknown."""
        return np.where(~self.known, np.nan, np.where(self.over, np.inf, 1.0))


def state_of(pool: HeldPool, arrival_rate: Value) -> State:
    """Return the cells of a pool at a load."""
    limit = np.asarray(pool.max_rate, dtype=float)
    rate, limit = np.broadcast_arrays(np.asarray(arrival_rate, dtype=float), limit)
    known, over = ~np.isnan(rate + limit), rate >= limit
    # In overload all permits are in use, which is what holders find at the limit.
    flow = np.where(over, limit * (1 - _AT_LIMIT), rate)
    plain, varied = pool.within.once("plain", lambda: _exponential(pool, limit))
    return State(rate, limit, np.where(known, flow, 0.0), known, over, plain, varied)


def _exponential(pool: HeldPool, limit: Any) -> tuple[Any, Any]:
    """Return the limit with exponential service, and the waits there over its own."""
    places = {name: place._replace(scv=1.0) for name, place in pool.within.places.items()}
    if all(np.all(np.asarray(place.scv) == 1) for place in pool.within.places.values()):
        return limit, np.asarray(1.0)
    plain = saturation(pool.servers, places)
    alone = sum(place.visits * place.work / place.first for place in places.values())
    with np.errstate(divide="ignore", invalid="ignore"):
        varied = (pool.servers / limit - alone) / (pool.servers / plain - alone)
    return plain, np.where(np.isfinite(varied), np.maximum(varied, 0.0), 1.0)


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


def few(pool: HeldPool, state: State) -> Found:
    """Return what is found at a pool of few permits: as with many, with the means of its chain.

    Who has waited for a permit also finds full queues inside, which makes the tail of the
    response.
    """
    shape, places = state.flow.shape, pool.within.places
    still = [place for place in places.values() if place.endless]
    queues = {name: place for name, place in places.items() if not place.endless}
    # All that nobody waits for is one delay, at the beginning.
    order = [*queues.values()]
    if still:
        order.insert(0, Place(1.0, sum(place.visits * place.work for place in still)))
    permits = np.broadcast_to(np.asarray(pool.servers, dtype=int), shape).ravel()
    rates = np.array([_completions(place, int(permits.max()), shape) for place in order])
    visits = np.nan_to_num([np.broadcast_to(place.visits, shape).ravel() for place in order])
    # A chain of exponential service has its own pace; some load, as it divides by that.
    limit = np.where(state.known, state.plain, 1.0).ravel()
    flow = np.where(state.known, state.flow / _paced(state), 0.0).ravel()
    chain = solve_all(permits, rates, visits, np.maximum(flow, 1e-9 * limit), limit)
    full, *waits = (x.reshape(shape) for x in (chain.full, *chain.waits))
    held = _counted(pool, state)
    paced = _counted(pool, state, 1.0)
    means = {}
    for k, (name, place) in enumerate(queues.items(), start=len(order) - len(queues)):
        with np.errstate(divide="ignore", invalid="ignore"):  # what nobody visits
            here = (chain.present[k] / visits[k]).reshape(shape)
        met = paced.met[name]
        alike = (1 - full) * mean_met(place, met.at_once) + full * mean_met(place, met.waited)
        means[name] = alike, here
    full = np.where(state.over, 1.0, full)
    once, waited, outside = _inside(pool, held, state, full, means)
    full = (full * _known(state))[()]
    factor = permit_factor(pool, state, _scv_of_series(order)) / _paced(state)
    drain = _longer(coxian(waits, factor * state.worse), full, outside)
    views = (View(1 - full, None, once), View(full, drain, waited))
    wait = Mixture((1 - full, full), (ZERO, drain))
    return Found(views, wait, (POISSON_ARRIVALS, HELD_PERMITS), (HELD_MET,))


def _completions(place: Place, most: int, shape: tuple[int, ...]) -> Any:
    """Return the completions a second with 0, ..., `most` at a place, (most + 1, cells)."""
    found = [np.zeros(shape)]
    for n in range(1, most + 1):
        if place.speeds is None:
            speed: Any = np.minimum(n, place.servers)
        else:
            speed = place.speeds[min(n, len(place.speeds)) - 1]
        found.append(np.broadcast_to(speed / place.work, shape))
    return np.nan_to_num(np.array(found).reshape(most + 1, -1), nan=1.0)


def _scv_of_series(order: Sequence[Place]) -> Any:
    """Return the SCV of the time held without load, were all service exponential."""
    mean: Any = sum(p.visits * p.work for p in order)
    own: Any = sum(p.visits * (2 - p.visits) * p.work**2 for p in order)
    return own / mean**2


def many(pool: HeldPool, state: State) -> Found:
    """Return what is found at a pool of many permits, by the numbers inside."""
    held = _counted(pool, state)
    full = np.where(state.over, 1.0, held.full)
    once, waited, outside = _inside(pool, held, state, full)
    full = (full * _known(state))[()]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = 1 / (state.limit - state.flow)
    drain: Distribution = Exponential((np.where(state.over, np.inf, mean) * _known(state))[()])
    drain = _longer(_varied(drain, permit_factor(pool, state, None)), full, outside)
    views = (View(1 - full, None, once), View(full, drain, waited))
    wait = Mixture((1 - full, full), (ZERO, drain))
    return Found(views, wait, (POISSON_ARRIVALS, HELD_PERMITS, FLOW_EQUIVALENCE))


def by_size(pool: HeldPool, of_few: HeldPool, state: State, small: Any) -> Found:
    """Return what is found where some cells have `small` pools and others do not."""

    def only(cells: Any) -> State:
        return state._replace(flow=np.where(cells, state.flow, 0.0), over=state.over & cells)

    parts = ((few(of_few, only(small)), small * 1.0), (many(pool, only(~small)), ~small * 1.0))
    views = tuple(v._replace(share=v.share * here) for part, here in parts for v in part.views)
    wait = Mixture(tuple(here for _, here in parts), tuple(part.wait for part, _ in parts))
    (first, _), (second, _) = parts
    grounds = union(first.grounds, second.grounds)
    return Found(views, wait, grounds, first.of_distribution)


def _known(state: State) -> Any:
    return np.where(state.known, 1.0, np.nan)


def _paced(state: State) -> Any:
    return np.where(state.known, state.pace, 1.0)


def _counted(pool: HeldPool, state: State, part: Any = None) -> Counts:
    """Return the numbers inside at this part of the limit.

    Below it fewer are inside, who are less in each other's way: the pace is a `part` of that
    at the limit, by default as much as the load is of it.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(state.known, state.flow / state.limit, 1.0) if part is None else part
    pace = _paced(state) ** part**2
    return counts(pool.servers, pool.within.places, state.flow / pace, state.limit / pace)


def _inside(
    pool: HeldPool,
    held: Counts,
    state: State,
    full: Any,
    means: Mapping[str, Any] | None = None,
) -> tuple[Any, Any, Any]:
    """Return the stations as those find them that found a permit, and that waited for one.

    And the mean time that does not fit inside: a pool that serves no more the more are inside
    has at most its permits times its load in use, so that what is longer is waited for outside.
    """
    once = {name: m.at_once for name, m in held.met.items()}
    waited = {name: m.waited for name, m in held.met.items()}
    places, inside = pool.within.places, pool.within

    def views(cut: Any) -> tuple[Any, Any]:
        settled = np.where(state.over, 1.0, held.full), state.varied, cut
        return (
            found(inside, once, settled, means),
            found(inside, waited, settled, means, late=True),
        )

    first, later = views(1.0)
    if all(np.all(np.asarray(place.scv) == 1) for place in places.values()):
        return first, later, 0.0
    waits: Any = sum(
        places[name].visits
        * ((1 - full) * first[name].waiting_time + full * later[name].waiting_time)
        for name in first
    )
    room = np.maximum(pool.servers / state.limit - inside.alone.mean, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = np.where(waits > room, room / waits, 1.0)
    if np.all(cut == 1):
        return first, later, 0.0
    return *views(cut), waits * (1 - cut)


def _longer(wait: Distribution, full: Any, outside: Any) -> Distribution:
    """Return the wait for a permit with what does not fit inside."""
    if np.all(np.asarray(outside) == 0):
        return wait
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = 1 + outside / (full * wait.mean)
    return Scaled(wait, np.where(np.isfinite(factor), factor, 1.0)[()])


def limited(pool: HeldPool, result: HeldResult, met: Any) -> HeldResult:
    """Return the state of a pool in a pool, of which holders of that one find so many there.

    Its times are those of the numbers inside, scaled towards the mean that it has alone.
    """
    state = state_of(pool, result.arrival_rate)
    held = _counted(pool, state)
    varied = permit_factor(pool, state, None)
    with np.errstate(divide="ignore", invalid="ignore"):
        present = held.holders + varied * (held.present - held.holders)
        scale = result.response_time * state.flow / present
    n = np.arange(len(met)).reshape(-1, *[1] * (met.ndim - 1))
    late = np.where(n >= pool.servers, met, 0.0)
    full = late.sum(axis=0)
    # The chain differs from its equilibria by those that find the pool full.
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1 + (scale - 1) * np.minimum(full / held.full, 1.0)
    scale = np.where(np.isfinite(scale), scale, 1.0)[()]
    once = found(pool.within, held.among(met - late), (held.full, state.varied, 1.0))
    waited = _inside(pool, held, state, held.full)[1]
    late = late / np.where(full > 0, full, 1.0)
    late[-1] += full == 0
    wait = _varied(FoundWait.of(late, pool.servers, state.limit), varied)
    views = (View((1 - full)[()], None, once, scale), View(full[()], wait, waited, scale))
    whole = Scaled(Mixture(((1 - full)[()], full[()]), (ZERO, wait)), scale)
    grounds = (POISSON_ARRIVALS, HELD_PERMITS, FLOW_EQUIVALENCE)
    return result_of(pool, state, Found(views, whole, grounds))


def _varied(wait: Distribution, factor: Any) -> Distribution:
    return wait if np.all(np.abs(factor - 1) < 1e-12) else Scaled(wait, factor)


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
    holding = (holding * _known(state))[()]
    distributions = tuple(view.after(distribution) for view, distribution in pairs)
    alone = {name: inside.result(name) for name in inside.names}
    general = any(
        not isinstance(r.station.service, Exponential) and np.all(r.station.service.scv != 1)
        for name, r in alone.items()
        if not inside.places[name].pool and not inside.places[name].endless
    )
    grounds = (*grounds, HELD_AS_EXPONENTIAL) if general else grounds
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
