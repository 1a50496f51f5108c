"""The steady states of a held pool: without queues inside, by its chain, and by its counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel._typing import Value
from qmodel._xp import namespace
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis, union
from qmodel.distributions import ZERO, Distribution, Exponential, Mixture, Scaled
from qmodel.distributions.algebra import measure
from qmodel.networks.found_wait import FoundWait
from qmodel.networks.held_chain import Chain, solve
from qmodel.networks.held_counts import Counts, Place, counts
from qmodel.networks.held_inside import found, longer, thinned, together
from qmodel.networks.held_result import HeldResult, View
from qmodel.networks.phase_wait import PhaseWait
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station

if TYPE_CHECKING:
    from qmodel.networks.held_pool import HeldPool

__all__ = ["few", "limited", "many", "result_of", "state_of", "without_queues"]

HELD_PERMITS = Assumption(
    "held-permits",
    "a permit is held from its first to its last station inside, waits there included",
    "Neuts 1981",
)
HELD_INDEPENDENT = Assumption(
    "held-independent",
    "the wait for a permit and the times at the stations inside are taken as independent; p99 "
    "of the response was within 7 % of simulations",
    "our simulations",
    APPROXIMATE,
)
HELD_AS_EXPONENTIAL = Assumption(
    "held-as-exponential",
    "service inside a pool that is not exponential acts on the waits inside as it does without "
    "the pool, and on the wait for a permit by the SCV of the time for which it is held; in "
    "simulations of 8 and 12 threads over a database with lognormal service the mean was "
    "within 5 % and p99 within 7 % at 60 % load; at 85 %, where 12 threads fill the database, "
    "the mean is 4 % and p99 7 % high at an SCV of 0.25, 7 % and about 20 % low at 4",
    "our simulations",
    APPROXIMATE,
)
FLOW_EQUIVALENCE = Assumption(
    "flow-equivalence",
    "the stations inside a pool are in equilibrium at each number of holders; to 80 % load "
    "the mean was within 1.5 % and the p99 within 3 % of simulations with exponential service, "
    "5 and 7 % with lognormal service of SCV 4",
    "Chandy, Herzog and Woo 1975; our simulations",
    APPROXIMATE,
)


_AT_LIMIT = 1e-8
"""How far below its limit a pool is solved that is beyond it."""


class State(NamedTuple):
    """The cells of a pool: its load, where it saturates, and a flow that is below that."""

    rate: Any
    limit: Any
    flow: Any
    known: Any
    over: Any

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
    return State(rate, limit, np.where(known, flow, 0.0), known, over)


def without_queues(pool: HeldPool, alike: Station, rate: Value) -> HeldResult:
    """Return the state of a pool as that of the station that it is."""
    own, inside = alike.solve(rate), pool.within
    grounds = {n: union(g, (HELD_PERMITS,)) for n, g in own.basis.grounds.items()}
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
    """Return what is found at a pool of few permits, by its chain."""
    shape, places = state.flow.shape, pool.within.places
    still = [place for place in places.values() if place.endless]
    queues = {name: place for name, place in places.items() if not place.endless}
    # All that nobody waits for is one delay, at the beginning.
    order = [*queues.values()]
    if still:
        order.insert(0, Place(1.0, sum(place.visits * place.work for place in still)))
    permits = np.broadcast_to(np.asarray(pool.servers, dtype=int), shape).ravel()
    most = int(permits.max())
    rates = np.array([_completions(place, most, shape) for place in order])
    visits = np.array([np.broadcast_to(place.visits, shape).ravel() for place in order])
    # Some load, however small, as the chain divides by it.
    flow = np.maximum(state.flow, 1e-12 * np.where(state.known, state.limit, 1.0)).ravel()
    parts, met = [], np.zeros((len(queues), most, permits.size))
    for size in np.unique(permits):
        mine = np.nonzero(permits == size)[0]
        chain = Chain.of(int(size), rates[:, : size + 1, mine], np.nan_to_num(visits[:, mine]))
        parts.append((mine, solve(chain, flow[mine])))
        met[:, :size, mine] = parts[-1][1].met[len(order) - len(queues) :]
    wait = _phase_wait(parts, shape, state.worse)
    chain_scv = _scv_of_series(order)
    wait = _varied(wait, _variability(pool, state, chain_scv))
    found_ = [m.reshape(most, *shape) for m in met]
    stations = found(pool.within, dict(zip(queues, found_, strict=True)))
    grounds = (POISSON_ARRIVALS, HELD_PERMITS)
    return Found((View(1, wait, stations),), wait, grounds, (HELD_INDEPENDENT,))


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


def _phase_wait(parts: Sequence[Any], shape: tuple[int, ...], worse: Any) -> Distribution:
    """Return the wait from chains of several sizes, each with its cells."""
    cells, size = worse.size, max(one.waits.shape[-1] for _, one in parts)
    rates, start = np.zeros((cells, size, size)), np.zeros((cells, size))
    rates[:, range(size), range(size)] = -1.0  # of phases that a chain does not have
    for mine, one in parts:
        n = one.waits.shape[-1]
        rates[np.ix_(mine, range(n), range(n))] = one.waits
        start[np.ix_(mine, range(n))] = one.start
    return PhaseWait.of(rates, start, np.arange(cells).reshape(shape), worse)


def _scv_of_series(order: Sequence[Place]) -> Any:
    """Return the SCV of the time held without load, were all service exponential."""
    mean: Any = sum(p.visits * p.work for p in order)
    own: Any = sum(p.visits * (2 - p.visits) * p.work**2 for p in order)
    return own / mean**2


def many(pool: HeldPool, state: State) -> Found:
    """Return what is found at a pool of many permits, by the numbers inside."""
    held = counts(pool.servers, pool.within.places, state.flow, state.limit)
    once, waited = _inside(pool, held)
    full = (np.where(state.over, 1.0, held.full) * _known(state))[()]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = 1 / (state.limit - state.flow)
    drain: Distribution = Exponential((np.where(state.over, np.inf, mean) * _known(state))[()])
    drain = _varied(drain, _variability(pool, state, None))
    views = (View(1 - full, None, once), View(full, drain, waited))
    wait = Mixture((1 - full, full), (ZERO, drain))
    return Found(views, wait, (POISSON_ARRIVALS, HELD_PERMITS, FLOW_EQUIVALENCE))


def _known(state: State) -> Any:
    return np.where(state.known, 1.0, np.nan)


def _inside(pool: HeldPool, held: Counts) -> tuple[Any, Any]:
    """Return the stations as those find them that found a permit, and that waited for one."""
    once = {name: m.at_once for name, m in held.met.items()}
    waited = {name: m.waited for name, m in held.met.items()}
    return found(pool.within, once), found(pool.within, waited)


def limited(pool: HeldPool, result: HeldResult, met: Any) -> HeldResult:
    """Return the state of a pool in a pool, of which holders of that one find so many there.

    Its times are those of the numbers inside, scaled towards the mean that it has alone.
    """
    state = state_of(pool, result.arrival_rate)
    held = counts(pool.servers, pool.within.places, state.flow, state.limit)
    varied = _variability(pool, state, None)
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
    once = found(pool.within, held.among(met - late))
    waited = _inside(pool, held)[1]
    late = late / np.where(full > 0, full, 1.0)
    late[-1] += full == 0
    wait = _varied(FoundWait.of(late, pool.servers, state.limit), varied)
    views = (View((1 - full)[()], None, once, scale), View(full[()], wait, waited, scale))
    whole = Scaled(Mixture(((1 - full)[()], full[()]), (ZERO, wait)), scale)
    grounds = (POISSON_ARRIVALS, HELD_PERMITS, FLOW_EQUIVALENCE)
    return result_of(pool, state, Found(views, whole, grounds))


def _varied(wait: Distribution, factor: Any) -> Distribution:
    return wait if np.all(np.abs(factor - 1) < 1e-12) else Scaled(wait, factor)


def _variability(pool: HeldPool, state: State, chain_scv: Any) -> Any:
    """Return the wait for a permit over that of a chain, by what service makes of it.

    `chain_scv` is the SCV of the time held in the chain; None for completions of a full pool
    that come as a Poisson stream.
    """
    inside, shape = pool.within, state.flow.shape
    queues = {name: place for name, place in inside.places.items() if not place.endless}
    alone = inside.once("moments", lambda: (inside.alone.mean, inside.alone.scv))
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.clip(alone[0] * state.limit / pool.servers, 0.0, 1.0)
        loads = [np.broadcast_to(p.visits * p.work / p.fastest, shape) for p in queues.values()]
    scvs = [np.broadcast_to(inside.result(n).station.service.scv, shape) for n in queues]
    first = np.argmax(np.array(loads), axis=0)[None]
    of_queue = np.take_along_axis(np.array(scvs), first, axis=0)[0]
    factor = 1 + free * alone[1] + (1 - free) * of_queue
    factor = factor / (2 if chain_scv is None else 2 - free + free * chain_scv)
    return np.where(np.isfinite(factor), factor, 1.0)[()]


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
