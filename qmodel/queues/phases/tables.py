r"""Waits of PH/PH/c at many loads, through tables at a few of them.

The probability of waiting over Erlang's C, and the tail of the wait in units of
:math:`S / (c - a)`, are smooth in :math:`-\log(1 - \rho)`, also near saturation, where the
load itself leaves no room to the phases of a service. Between Chebyshev nodes in it they are
interpolated [1]_ where that is within 1e-8 of the exact waits between the nodes, or within 1e-5
where service is fitted. Where it is not, and for few cells, each load is solved by itself.

References
----------
.. [1] L. N. Trefethen, "Approximation Theory and Approximation Practice", SIAM, 2013, ch. 5.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions import Distribution
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.counts.server_states import ServerStates
from qmodel.queues.phases.busy_servers import states
from qmodel.queues.phases.exponentials import few, in_order
from qmodel.queues.phases.queue import PhaseSolution, solve
from qmodel.queues.phases.renewal import LEAST_LOAD, solve_renewal
from qmodel.queues.phases.roots import solve_by_roots
from qmodel.queues.phases.shared_rates import shared_rates
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
_WINDOWS = {True: (1e-3, 0.1, 0.95, 0.9995), False: (1e-3, 0.95, 0.9995)}
"""Loads between which there are tables, where service is of phase type, and where fitted."""

_BEHIND_OTHERS = (1e-3, 0.1, 0.25, 0.95, 0.9995)  # the same, where arrivals are not Poisson
_NODES, _COSTLY, _FEWER = (24, 32), 100, {True: 24, False: 16}
"""Nodes, of which more where fewer do not do; and states from which on there are these."""

_TESTS = np.array([0.02, 0.2, 0.61, 0.98])  # between the ends of a window
_TIMES = np.array([0.0, 0.1, 0.3, 1.0, 3.0, 8.0])[:, None]

_MANY = 30  # states of busy servers from which on roots are less work than matrices
_ARRIVALS = 240  # states of arrivals and servers
_ERROR = {True: 1e-8, False: 1e-5}  # where service is of phase type, and where it is fitted


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
    slowest : float, optional
        The slowest of the shared rates that the tails are on, in units of (c - a) / S; by
        default they are on their own. [-]
    """

    service: PhaseType
    exact: bool
    servers: int
    interarrival: Distribution = POISSON
    slowest: float | None = None


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
    each, same = np.unique(load, return_inverse=True)
    if each.size < load.size:
        found = _busy(queue, each)
        kept = Tails(*found.tails[:2], *(x[same] for x in found.tails[2:]))
        return Blend(found.ratio[same], kept, found.levels[same])
    windows = _WINDOWS[queue.exact] if queue.interarrival is POISSON else _BEHIND_OTHERS
    ends = np.unique(np.maximum(windows, _least(queue.servers))).tolist()
    blends = []
    for low, high in pairwise([0.0, *ends, 1.0]):
        here = np.flatnonzero((load >= low) & (load < high))
        if not here.size:
            continue
        many = here.size >= _SAME and low > 0 and high < 1
        table = _tables(queue, low, high) if many else None
        at = _between(table, load[here]) if table else solved_apart(queue, load[here])
        blends.append((here, at))
    return blends[0][1] if len(blends) == 1 else _joined(blends, queue.servers, load.size)


def solved_apart(queue: PhaseQueue, load: np.ndarray) -> Blend:
    """Return the waits, each load by itself."""
    return _on_shared(queue, _on_own_rates(queue, load))


def _on_shared(queue: PhaseQueue, blend: Blend) -> Blend:
    """Return the same waits on shared rates, if these are wanted."""
    if queue.slowest is None:
        return blend
    return blend._replace(tails=shared_rates(queue.slowest).of(blend.tails))


def _on_own_rates(queue: PhaseQueue, load: np.ndarray) -> Blend:
    servers = queue.servers
    rates = servers * np.clip(load, floor(queue), 1 - 1e-9)
    found = _solution(queue, rates)
    ratio = found.probability / erlang_c(servers=servers, offered_load=rates)
    markov = ServerStates(rates, servers, servers - rates)
    levels = found.levels / markov.probability(np.arange(servers)[:, None]).T
    unit = servers - rates
    weights, speeds = (few if queue.exact else in_order)(found.weights, found.rates)
    tails = Tails.own(weights, speeds / unit[:, None], found.mean * unit)
    return Blend(ratio, tails, levels)


def _solution(queue: PhaseQueue, rates: np.ndarray) -> PhaseSolution:
    """Return the steady state at each arrival rate, by roots where that is less work."""
    service, servers, gaps = queue.service, queue.servers, queue.interarrival
    if not by_phases(queue):
        return solve_renewal(gaps, service, servers, rates)
    if gaps is POISSON and states(servers, service.initial.size) > _MANY:
        return solve_by_roots(service, servers, rates)
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
        The sum, of one table a cell where all are on the same rates. [-]

    Examples
    --------
    >>> one = Tails.own(np.ones((1, 1)), np.array([[2.0]]), np.array([0.5]))
    >>> half = one._replace(blend=np.array([[0.5]]))
    >>> blended([half, half], np.array([0.5])).weights.tolist()
    [[1.0]]
    >>> other = half._replace(rates=np.array([[3.0]]))
    >>> blended([half, other], np.array([0.5])).blend.tolist()
    [[0.5, 0.5]]
    """
    if _alike(tails):
        weights: Any = sum(t.blend * t.weights[t.tables[:, 0]] for t in tails)
        return Tails.of_mean(weights, tails[0].rates[0], means)
    weights, rates, starts = _stacked(tails)
    tables, blend, speed = (
        np.concatenate(x, axis=1)
        for x in (
            [t.tables + start for t, start in zip(tails, starts, strict=True)],
            [t.blend for t in tails],
            [t.speed for t in tails],
        )
    )
    return Tails(weights, rates, tables, blend, speed, means)


def _alike(tails: list[Tails]) -> bool:
    """Return whether all tails are of one table a cell, on the same rates."""
    rates = tails[0].rates[0]
    return all(
        t.tables.shape[1] == 1
        and t.rates.shape[1] == rates.size
        and bool((t.rates == rates).all())
        for t in tails
    )


def _padded(x: np.ndarray, columns: int, fill: float) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, columns - x.shape[1])), constant_values=fill)


class _Tables(NamedTuple):
    """Waits at the nodes of the load, and the weights of the nodes in an interpolation."""

    nodes: np.ndarray
    barycentric: np.ndarray
    at: Blend
    by_logs: bool


def _place(load: Any) -> Any:
    return -np.log1p(-load)


@lru_cache(maxsize=128)
def _tables(queue: PhaseQueue, low: float, high: float) -> _Tables | None:
    """Return tables for the loads from low to high, None if they are wrong between nodes."""
    first, last = _place(low), _place(high)
    costly = states(queue.servers, queue.service.initial.size) > _COSTLY
    tests, every = first + (last - first) * _TESTS, np.arange(_TESTS.size)
    for n in (_FEWER[queue.exact],) if costly else _NODES:
        turn = (2 * np.arange(n) + 1) * np.pi / (2 * n)
        nodes = first + (last - first) * (1 + np.cos(turn)) / 2
        barycentric = (-1.0) ** np.arange(n) * np.sin(turn)
        both = _on_own_rates(queue, -np.expm1(-np.append(nodes, tests)))
        exact, at = _of(both, n + every), _of(both, np.arange(n))
        # The probability of waiting behind irregular arrivals goes by its logarithm.
        for table in (_Tables(nodes, barycentric, at, by_logs) for by_logs in (False, True)):
            found = _between(table, -np.expm1(-tests))
            tails = [x.tails.sums(every, _falling, _TIMES) for x in (exact, found)]
            away = (
                abs(tails[1] - tails[0]).max(),
                abs(found.ratio / exact.ratio - 1).max(),
                abs(found.tails.means / exact.tails.means - 1).max(),
            )
            if max(away) < _ERROR[queue.exact]:
                return table._replace(at=_on_shared(queue, at))
    return None


def _of(blend: Blend, cells: np.ndarray) -> Blend:
    """Return some cells, of one table each."""
    weights, rates, means = (x[cells] for x in (*blend.tails[:2], blend.tails.means))
    return Blend(blend.ratio[cells], Tails.own(weights, rates, means), blend.levels[cells])


def _falling(rates: Any, t: Any) -> Any:
    return np.exp(-rates * t)


def _between(table: _Tables, load: np.ndarray) -> Blend:
    away = _place(load)[:, None] - table.nodes
    at_node = away == 0
    blend = table.barycentric / np.where(at_node, 1.0, away)
    blend = np.where(at_node.any(axis=1, keepdims=True), 1.0 * at_node, blend)
    blend = blend / blend.sum(axis=1, keepdims=True)
    own, one = table.at.tails, np.ones_like(blend)
    cells = np.broadcast_to(np.arange(table.nodes.size), blend.shape)
    tails = Tails(own.weights, own.rates, cells, blend, one, blend @ own.means)
    if (own.rates == own.rates[0]).all():
        tails = Tails.of_mean(blend @ own.weights, own.rates[0], tails.means)
    ratio = blend @ table.at.ratio
    if table.by_logs:
        with np.errstate(all="ignore"):  # of what is not known
            ratio = np.exp(blend @ np.log(table.at.ratio))
    return Blend(ratio, tails, blend @ table.at.levels)


def beside(tails: list[tuple[np.ndarray, Tails]], cells: int) -> Tails:
    """Return the tails of all cells from those of some cells each."""
    deep = max(t.tables.shape[1] for _, t in tails)
    tables, blend = np.zeros((cells, deep), dtype=int), np.zeros((cells, deep))
    speed, means, blend[:, 0] = np.ones((cells, deep)), np.ones(cells), 1.0
    weights, rates, starts = _stacked([t for _, t in tails])
    for (here, t), start in zip(tails, starts, strict=True):
        own = t.tables.shape[1]
        blend[here, 0] = 0.0
        tables[here, :own], blend[here, :own] = t.tables + start, t.blend
        speed[here, :own], means[here] = t.speed, t.means
    return Tails(weights, rates, tables, blend, speed, means)
