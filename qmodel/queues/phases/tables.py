r"""Waits of PH/PH/c at many loads, through tables at a few of them.

The probability of waiting over Erlang's C, and the tail of the wait in units of
:math:`S / (c - a)`, are smooth in the load. Between Chebyshev nodes they are interpolated,
either as they are, or the slowest exponential apart from the others, which are then taken in
units of S: whichever first comes within 1e-8 of the exact tail between the nodes where service
is of phase type, within 3e-6 where it is fitted. Where neither does, and for few cells, each
load is solved by itself.

References
----------
.. [1] L. N. Trefethen, "Approximation Theory and Approximation Practice", SIAM, 2013, ch. 5.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions import Distribution
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.counts.server_states import ServerStates
from qmodel.queues.phases.busy_servers import states
from qmodel.queues.phases.queue import PhaseSolution, solve
from qmodel.queues.phases.renewal import LEAST_LOAD, solve_renewal
from qmodel.queues.phases.roots import RARE, solve_by_roots
from qmodel.queues.phases.wait import POISSON, Tails

__all__ = [
    "Blend",
    "ConstantQueue",
    "PhaseQueue",
    "beside",
    "blended",
    "by_phases",
    "floor",
    "solved",
    "solved_apart",
]

_SAME = 32  # cells of one queue from which tables are shared
_NODES = {16: np.inf, 24: np.inf, 32: 100.0}
"""Nodes, and how many times too large the error of fewer is at most for them to help."""

_MANY = 30  # states of busy servers from which on roots are less work than matrices
_ARRIVALS = 240  # states of arrivals and servers
_ERROR = {True: 1e-8, False: 3e-6}  # where service is of phase type, and where it is fitted


class PhaseQueue(NamedTuple):
    """A queue whose distributions are of phase type.

    Parameters
    ----------
    service : PhaseType
        Distribution of the service time, of mean 1. [-]
    exact : bool
        Whether this is service itself, and not a fit to it. [-]
    servers : int
        Number of servers. [-]
    interarrival : Distribution, default Exponential(1.0)
        Shape of the distribution of the interarrival times. [-]
    """

    service: PhaseType
    exact: bool
    servers: int
    interarrival: Distribution = POISSON


class ConstantQueue(NamedTuple):
    """A queue with Poisson arrivals and constant service of mean 1, and its servers."""

    servers: int
    interarrival: Distribution = POISSON


class Blend(NamedTuple):
    """Waits in some cells.

    Parameters
    ----------
    ratio : array of shape (cells,)
        Probability of waiting over Erlang's C. [-]
    tails : Tails
        Tails of the waits, in units of S / (c - a). [-]
    levels : array of shape (cells, servers)
        Ratios of the probabilities of fewer requests than servers to those of M/M/c. [-]
    """

    ratio: np.ndarray
    tails: Tails
    levels: np.ndarray


@lru_cache(maxsize=256)
def _least(servers: int) -> float:
    """Return the load at which one request in 1e9 waits, or one of 1e-6 on few servers.

    Below it the tail of the wait, given a wait, is that at this load.
    """
    low, high = 1e-6, 1.0
    while high - low > 1e-4 * low:
        middle = (low + high) / 2
        rare = erlang_c(servers=servers, offered_load=middle * servers) < 1e-9
        low, high = (middle, high) if rare else (low, middle)
    return low


def solved(queue: PhaseQueue, load: np.ndarray) -> Blend:
    """Return the waits at each load, through tables where there are many.

    Parameters
    ----------
    queue : PhaseQueue
        The queue. [-]
    load : array of shape (cells,)
        Utilization, above 0 and below 1. [-]

    Returns
    -------
    Blend
        The waits. [-]

    Examples
    --------
    >>> h2 = PhaseType([0.9, 0.1], [[-2.0, 0.0], [0.0, -2 / 11]])
    >>> found = solved(PhaseQueue(h2, True, 2), np.array([0.5, 0.9]))
    >>> found.ratio.round(4)
    array([1.0274, 1.0063])
    """
    idle = load <= floor(queue)
    if not idle.any():
        return _busy(queue, load)
    # All of them wait as at that load, which is solved once.
    same = _copies(_idle(queue), int(idle.sum()))
    if idle.all():
        return same
    busy = ~idle
    parts = [(np.flatnonzero(idle), same), (np.flatnonzero(busy), _busy(queue, load[busy]))]
    return _joined(parts, queue.servers, load.size)


def by_phases(queue: PhaseQueue) -> bool:
    """Return whether times between arrivals have so few phases that they are states, too."""
    shape = phases_of(queue.interarrival)
    size = states(queue.servers, queue.service.initial.size)
    return shape is not None and (
        queue.interarrival is POISSON or size * shape.initial.size <= _ARRIVALS
    )


def floor(queue: PhaseQueue | ConstantQueue) -> float:
    """Return the load below which all is as it is there [-]."""
    return LEAST_LOAD if phases_of(queue.interarrival) is None else _least(queue.servers)


@lru_cache(maxsize=256)
def _idle(queue: PhaseQueue) -> Blend:
    return solved_apart(queue, np.array([floor(queue)]))


def _copies(of: Blend, cells: int) -> Blend:
    """Return the waits of one cell in so many."""
    here, tails = np.zeros(cells, dtype=int), of.tails
    kept = Tails(tails.weights, tails.rates, *(x[here] for x in tails[2:]))
    return Blend(of.ratio[here], kept, of.levels[here])


def _joined(blends: list[tuple[np.ndarray, Blend]], servers: int, cells: int) -> Blend:
    """Return the waits of all cells from those of some cells each."""
    ratio, levels = np.ones(cells), np.ones((cells, servers))
    for here, blend in blends:
        ratio[here], levels[here] = blend.ratio, blend.levels
    return Blend(ratio, beside([(here, b.tails) for here, b in blends], cells), levels)


def _busy(queue: PhaseQueue, load: np.ndarray) -> Blend:
    """Return the waits at loads at which each is another, through tables where many are."""
    if load.size < _SAME:
        return solved_apart(queue, load)
    low, high = max(_least(queue.servers), 1e-3), 0.1
    windows = [(-np.inf, low), (low, max(low, high)), (max(low, high), np.inf)]
    blends = []
    for first, last in windows:
        here = np.flatnonzero((load >= first) & (load < last))
        if here.size:
            table = _tables(queue, first, min(last, 1.0)) if first > 0 else None
            at = _between(table, load[here]) if table else solved_apart(queue, load[here])
            blends.append((here, at))
    return blends[0][1] if len(blends) == 1 else _joined(blends, queue.servers, load.size)


def solved_apart(queue: PhaseQueue, load: np.ndarray, rare: float = RARE) -> Blend:
    """Return the waits, each load by itself, to nine digits unless they are rare [-]."""
    servers = queue.servers
    rates = servers * np.clip(load, floor(queue), 1 - 1e-9)
    found = _solution(queue, rates, rare)
    ratio = found.probability / erlang_c(servers=servers, offered_load=rates)
    markov = ServerStates(rates, servers, servers - rates)
    levels = found.levels / markov.probability(np.arange(servers)[:, None]).T
    unit = servers - rates
    tails = Tails.own(found.weights, found.rates / unit[:, None], found.mean * unit)
    return Blend(ratio, tails, levels)


def _solution(queue: PhaseQueue, rates: np.ndarray, rare: float) -> PhaseSolution:
    """Return the steady state at each arrival rate, by roots where that is less work."""
    service, servers, gaps = queue.service, queue.servers, queue.interarrival
    if not by_phases(queue):
        return solve_renewal(gaps, service, servers, rates)
    if gaps is POISSON and states(servers, service.initial.size) > _MANY:
        return solve_by_roots(service, servers, rates, rare)
    initial, generator = (
        np.broadcast_to(x, (rates.size, *x.shape)) for x in (service.initial, service.generator)
    )
    return solve(initial, generator, servers, rates, gaps)


def _stacked(tails: list[Tails]) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Return all tables one below the other, and where those of each begin."""
    terms = max(t.weights.shape[1] for t in tails)
    starts = np.cumsum([0, *(len(t.weights) for t in tails[:-1])]).tolist()
    weights = np.concatenate([_padded(t.weights, terms, 0.0) for t in tails])
    return weights, np.concatenate([_padded(t.rates, terms, 1.0) for t in tails]), starts


def blended(tails: list[Tails], means: np.ndarray) -> Tails:
    """Return the sum of tails of the same cells that have their weights already.

    Parameters
    ----------
    tails : list of Tails
        The tails; `blend` sums to 1 over all of them. [-]
    means : array of shape (cells,)
        The mean of the sum, in the unit of the cell. [-]

    Returns
    -------
    Tails
        The sum. [-]

    Examples
    --------
    >>> one = Tails.own(np.ones((1, 1)), np.array([[2.0]]), np.array([0.5]))
    >>> half = one._replace(blend=np.array([[0.5]]))
    >>> blended([half, half], np.array([0.5])).blend.tolist()
    [[0.5, 0.5]]
    """
    weights, rates, starts = _stacked(tails)
    tables = [t.tables + start for t, start in zip(tails, starts, strict=True)]
    blend, speed, slowest = (
        np.concatenate([x[i] for x in tails], axis=1)
        for i in (Tails._fields.index(name) for name in ("blend", "speed", "slowest"))
    )
    every = np.concatenate(tables, axis=1)
    return Tails(weights, rates, every, blend, speed, slowest, means)


def _padded(x: np.ndarray, columns: int, fill: float) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, columns - x.shape[1])), constant_values=fill)


class _Tables(NamedTuple):
    """Waits at the nodes of the load, and the weights of the nodes in an interpolation.

    The rates are in units of S / (c - a), or all but the slowest in units of S.
    """

    servers: int
    nodes: np.ndarray
    barycentric: np.ndarray
    at: Blend
    slowest_apart: bool


@lru_cache(maxsize=128)
def _tables(queue: PhaseQueue, low: float, high: float) -> _Tables | None:
    """Return tables for the loads from low to high that are right between their nodes."""
    tests = low + (high - low) * np.array([0.02, 0.11, 0.32, 0.61, 0.87, 0.98])
    exact, every = solved_apart(queue, tests), np.arange(tests.size)
    times = np.array([0.0, 0.1, 0.3, 1.0, 3.0, 8.0])[:, None]
    tail = exact.tails.sums(every, _falling, times)
    least = 0.0
    for n, most in _NODES.items():
        if least > most * _ERROR[queue.exact]:
            continue
        least = np.inf
        turn = (2 * np.arange(n) + 1) * np.pi / (2 * n)
        nodes = low + (high - low) * (1 + np.cos(turn)) / 2
        barycentric = (-1.0) ** np.arange(n) * np.sin(turn)
        at = solved_apart(queue, nodes)
        for slowest_apart in (True, False):
            table = _Tables(queue.servers, nodes, barycentric, at, slowest_apart)
            found = _between(table, tests)
            away = abs(found.tails.sums(every, _falling, times) - tail).max()
            away = max(away, abs(found.ratio / exact.ratio - 1).max())
            away = max(away, abs(found.tails.means / exact.tails.means - 1).max())
            if away < _ERROR[queue.exact]:
                return table
            least = min(least, float(away))
    return None


def _falling(rates: Any, t: Any) -> Any:
    return np.exp(-rates * t)


def _between(table: _Tables, load: np.ndarray) -> Blend:
    away = load[:, None] - table.nodes
    at_node = away == 0
    with np.errstate(divide="ignore"):
        blend = table.barycentric / np.where(at_node, 1.0, away)
    blend = np.where(at_node.any(axis=1, keepdims=True), 1.0 * at_node, blend)
    blend = blend / blend.sum(axis=1, keepdims=True)
    tables = np.broadcast_to(np.arange(table.nodes.size), blend.shape)
    levels, own = table.at.levels, table.at.tails
    rates, slowest = own.rates, own.rates[:, 0].real
    if table.slowest_apart:
        rates = rates * (table.servers * (1 - table.nodes))[:, None]
        speed = 1 / (table.servers * (1 - load))[:, None] + 0 * blend
        first = (blend @ slowest)[:, None] + 0 * blend
    else:
        speed, first = 1 + 0 * blend, slowest + 0 * blend
    tails = Tails(own.weights, rates, tables, blend, speed, first, blend @ own.means)
    return Blend(blend @ table.at.ratio, tails, blend @ levels)


def beside(tails: list[tuple[np.ndarray, Tails]], cells: int) -> Tails:
    """Return the tails of all cells from those of some cells each."""
    deep = max(t.tables.shape[1] for _, t in tails)
    tables, blend = np.zeros((cells, deep), dtype=int), np.zeros((cells, deep))
    speed, slowest = np.ones((cells, deep)), np.ones((cells, deep))
    means, blend[:, 0] = np.ones(cells), 1.0
    weights, rates, starts = _stacked([t for _, t in tails])
    for (here, t), start in zip(tails, starts, strict=True):
        own = t.tables.shape[1]
        blend[here, 0] = 0.0
        tables[here, :own], blend[here, :own] = t.tables + start, t.blend
        speed[here, :own], slowest[here, :own], means[here] = t.speed, t.slowest, t.means
    return Tails(weights, rates, tables, blend, speed, slowest, means)
