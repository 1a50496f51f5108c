"""What requests find at a held pool: by its chain, by its counts, and inside another pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.basis import POISSON_ARRIVALS, Assumption, union
from qmodel.distributions import ZERO, Distribution, Exponential, Mixture, Scaled
from qmodel.networks.coxian import coxian
from qmodel.networks.held.cells import Pools, solved
from qmodel.networks.held.counts import Counts, Met, Place, counts
from qmodel.networks.held.found_wait import FoundWait
from qmodel.networks.held.grounds import (
    FLOW_EQUIVALENCE,
    HELD_AS_EXPONENTIAL,
    HELD_MET,
    HELD_PERMITS,
    HELD_PHASES,
)
from qmodel.networks.held.inside import FOURTH, Settled, found, variability
from qmodel.networks.held.result import HeldResult, View
from qmodel.networks.held.states import Found, State, result_of, state_of, varied_at
from qmodel.networks.held.times import mean_met, stages
from qmodel.networks.held.variability import permit_factor
from qmodel.queues.base import StationResult

if TYPE_CHECKING:
    from qmodel.networks.held.pool import HeldPool

__all__ = ["by_size", "few", "limited", "many"]


def few(pool: HeldPool, state: State) -> Found:
    """Return what is found at a pool of few permits: as with many, with the means of its chain.

    Who has waited for a permit also finds full queues inside, which makes the tail of the
    response.
    """
    shape, places = state.flow.shape, pool.within.places
    queues = {name: place for name, place in places.items() if not place.endless}
    pools = Pools.of(pool.servers, places, shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        load = np.where(state.known, state.flow / state.limit, 0.0)
    limit = np.where(state.known, state.limit, 1.0).ravel()
    uneven = np.broadcast_to(state.uneven, shape).ravel()
    chain = solved(pools, load.ravel(), limit, uneven)
    full, own_limit, exact = (x.reshape(shape) for x in (chain.full, chain.limit, chain.exact))
    waits, full = [x.reshape(shape) for x in chain.waits], np.where(state.over, 1.0, full)
    # Phases say what service does, if not in the chain then in a full pool.
    settled = exact | np.isfinite(state.uneven)
    varied = varied_at(pool, state.limit, own_limit)
    means, met = {}, {}
    for k, (name, place) in enumerate(queues.items(), start=len(chain.present) - len(queues)):
        with np.errstate(divide="ignore", invalid="ignore"):  # what nobody visits
            here = chain.present[k].reshape(shape) / place.visits
        if not np.all(exact | ~settled):
            open_ = _open(place, pool.within.result(name), chain.scvs[k].reshape(shape))
            factor = np.where(exact | ~settled, 1.0, open_ + full**FOURTH * (varied - open_))
            here = place.work + (here - place.work) * factor
        met[name] = Met(*(x.reshape(len(x), *shape) for x in chain.met[:, k]))
        alike, late = (mean_met(place, x, stages(place)[1]) for x in met[name])
        means[name] = (1 - full) * alike + full * late, here
    once, waited, outside = _inside(pool, met, state, full, means, settled)
    full = (full * state.unknown)[()]
    of_permits: Any = (
        1.0 if settled.all() else np.where(settled, 1.0, permit_factor(pool, state))
    )
    drain = _longer(coxian(waits, of_permits * state.worse), full, outside)
    views = (View(1 - full, None, once), View(full, drain, waited))
    wait = Mixture((1 - full, full), (ZERO, drain))
    grounds = (POISSON_ARRIVALS, HELD_PERMITS, *_of_service(pool, state, exact))
    return Found(views, wait, grounds, (HELD_MET,))


def _open(place: Place, result: StationResult, scv: Any) -> Any:
    """Return the wait of a station without a pool over that with service of an SCV.

    It grows in proportion to what the SCV is above that of exponential service.
    """
    own = variability(result, place)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = own / (1 + (own - 1) * (scv - 1) / (place.scv - 1)) if own is not None else 1.0
    return np.where(np.isfinite(factor) & (factor > 0), factor, 1.0)


def many(pool: HeldPool, state: State) -> Found:
    """Return what is found at a pool of many permits, by the numbers inside."""
    held = _counted(pool, state)
    full = np.where(state.over, 1.0, held.full)
    once, waited, outside = _inside(pool, held.met, state, full)
    full = (full * state.unknown)[()]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = 1 / (state.limit - state.flow)
    drain: Distribution = Exponential((np.where(state.over, np.inf, mean) * state.unknown)[()])
    drain = _longer(_varied(drain, permit_factor(pool, state)), full, outside)
    views = (View(1 - full, None, once), View(full, drain, waited))
    wait = Mixture((1 - full, full), (ZERO, drain))
    return Found(
        views,
        wait,
        (POISSON_ARRIVALS, HELD_PERMITS, FLOW_EQUIVALENCE, *_of_service(pool, state)),
    )


def _of_service(pool: HeldPool, state: State, exact: Any = False) -> tuple[Assumption, ...]:
    """Return what service that is not exponential rests on."""
    settled, here = exact | np.isfinite(state.uneven), state.known & np.logical_not(exact)
    general = any(
        place.service is not None
        and not isinstance(place.service, Exponential)
        and not place.endless
        and np.all(np.asarray(place.scv) != 1)
        for place in pool.within.places.values()
    )
    found = (HELD_PHASES, settled), (HELD_AS_EXPONENTIAL, np.logical_not(settled))
    return tuple(ground for ground, where in found if general and np.any(where & here))


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


def _counted(pool: HeldPool, state: State) -> Counts:
    """Return the numbers inside.

    Below the limit fewer are inside, who are less in each other's way: the pace is as much of
    that at the limit as the load is.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(state.known, state.flow / state.limit, 1.0)
    pace = state.paced**part**2
    return counts(pool.servers, pool.within.places, state.flow / pace, state.limit / pace)


def _inside(
    pool: HeldPool,
    met: Mapping[str, Met],
    state: State,
    full: Any,
    means: Mapping[str, Any] | None = None,
    settled: Any = False,
) -> tuple[Any, Any, Any]:
    """Return the stations as those find them that found a permit, and that waited for one.

    And the mean time that does not fit inside: a pool that serves no more the more are inside
    has at most its permits times its load in use, so that what is longer is waited for outside.
    """
    once = {name: m.at_once for name, m in met.items()}
    waited = {name: m.waited for name, m in met.items()}
    places, inside = pool.within.places, pool.within

    def views(cut: Any) -> tuple[Any, Any]:
        at = Settled(full, state.varied, cut, settled)
        return found(inside, once, at, means), found(inside, waited, at, means, late=True)

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
    varied = permit_factor(pool, state)
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
    once = found(pool.within, held.among(met - late), Settled(held.full, state.varied))
    waited = _inside(pool, held.met, state, held.full)[1]
    late = late / np.where(full > 0, full, 1.0)
    late[-1] += full == 0
    wait = _varied(FoundWait.of(late, pool.servers, state.limit), varied)
    views = (View((1 - full)[()], None, once, scale), View(full[()], wait, waited, scale))
    whole = Scaled(Mixture(((1 - full)[()], full[()]), (ZERO, wait)), scale)
    grounds = (POISSON_ARRIVALS, HELD_PERMITS, FLOW_EQUIVALENCE, *_of_service(pool, state))
    return result_of(pool, state, Found(views, whole, grounds))


def _varied(wait: Distribution, factor: Any) -> Distribution:
    return wait if np.all(np.abs(factor - 1) < 1e-12) else Scaled(wait, factor)
