r"""The waits of M/G/c by phases: exactly, by a law of phases fitted to service, or blended.

Each cell is solved in one of these ways.

* **Exactly**, where service is of phase type and c servers have few enough states.
* **Fitted**: other service is imitated by a phase-type law of its residual
  (`qmodel.distributions.fit_phases`) and that is solved exactly, to 8 servers.
* **From fewer servers**: at a fixed :math:`\beta = (1 - \rho) \sqrt c` the probability of
  waiting over Erlang's C, and the tail of the wait in units of :math:`S / (c - a)`, are nearly
  free of c and smooth in :math:`1 / \sqrt c` (Halfin and Whitt [1]_). They are extrapolated
  from three smaller systems by a parabola: from 4, 6 and 8 servers to 16 or 64 within 0.5 %.

Many cells that differ only in their load share tables at Chebyshev nodes of the load, between
which the same two quantities are interpolated, the slowest exponential apart from the others;
the tables are kept, and checked between their nodes (to 1e-8 where service is of phase type, to
3e-6 where it is fitted), else each cell is solved by itself.

Below an SCV of 1 a law without a good fit is left to `qmodel.queues.mgc`.

References
----------
.. [1] S. Halfin, W. Whitt, "Heavy-traffic limits for queues with many exponential servers",
   Operations Research 29, 1981.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from qmodel.basis import APPROXIMATE, ASYMPTOTIC, Assumption
from qmodel.distributions import Distribution
from qmodel.distributions.cells import select, shape_of
from qmodel.distributions.fit_phases import fit_phases
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.queues.busy_servers import states
from qmodel.queues.erlang import erlang_c
from qmodel.queues.phase_queue import solve
from qmodel.queues.phase_wait import Tails
from qmodel.queues.server_states import ServerStates

__all__ = ["FITTED_PHASES", "FROM_FEWER_SERVERS", "PhaseCells", "phase_cells"]

FITTED_PHASES = Assumption(
    "fitted-phases",
    "service is imitated by phases that are fitted to its residual: of lognormal, gamma and "
    "hyperexponential service with an SCV up to 4 the mean, P(wait) and the p99 of wait and "
    "response are within 3 %, to an SCV of 9 within 6 %; of Pareto service within 10 %",
    "Feldmann and Whitt 1998; Asmussen and Møller 2001",
    APPROXIMATE,
)
FROM_FEWER_SERVERS = Assumption(
    "from-fewer-servers",
    "the wait is extrapolated from that of fewer servers with the same spare servers per root "
    "of the servers; within 1 %",
    "Halfin and Whitt 1981",
    ASYMPTOTIC,
)

_STATES = 170  # of busy servers, in an exact solution
_FITTED = 8  # servers up to which a fitted law is solved
_GOOD_FIT = 0.05  # the error up to which a fit below an SCV of 1 is used
_FEWER = {2: (16, 24, 32)}
_FEW_PHASES = (4, 6, 8)
_SAME = 32  # cells of one law and as many servers, from which tables are shared
_NODES = (16, 24, 32)
_TABLE_ERROR = {True: 1e-8, False: 3e-6}  # where service is of phase type, and fitted


class PhaseCells(NamedTuple):
    """What is known by phases in each cell, flat.

    Parameters
    ----------
    solved : bool array
        Where the wait is known by phases. [-]
    exact : bool array
        Where service is of phase type itself. [-]
    scaled : bool array
        Where the wait comes from fewer servers. [-]
    ratio : array
        Probability of waiting over Erlang's C. [-]
    tails : Tails
        Tails of the waits, in units of S / (c - a). [-]
    levels : array of shape (cells, servers)
        Ratios of the probabilities of fewer requests than servers to those of M/M/c; NaN
        where the wait comes from fewer servers. [-]
    """

    solved: np.ndarray
    exact: np.ndarray
    scaled: np.ndarray
    ratio: np.ndarray
    tails: Tails
    levels: np.ndarray


class _Blend(NamedTuple):
    """Ratio, tails and levels of some cells."""

    ratio: np.ndarray
    tails: Tails
    levels: np.ndarray | None


def phase_cells(
    service: Distribution, servers: np.ndarray, load: np.ndarray, shape: tuple[int, ...]
) -> PhaseCells:
    """Return the waits of M/G/c by phases.

    Parameters
    ----------
    service : Distribution
        Law of the service time. [-]
    servers : int array of shape (cells,)
        Number of servers, >= 2. [-]
    load : array of shape (cells,)
        Utilization, above 0 and below 1. [-]
    shape : tuple of int
        The shape of the cells, which the parameters of `service` broadcast to. [-]

    Returns
    -------
    PhaseCells
        How each cell is solved, and what comes out. [-]

    Examples
    --------
    >>> from qmodel.distributions import LogNormal
    >>> c, load = np.array([4, 4]), np.array([0.5, 0.8])
    >>> found = phase_cells(LogNormal(1.0, 4.0), c, load, (2,))
    >>> chance = found.ratio * erlang_c(servers=c, offered_load=c * load)
    >>> found.exact.tolist(), chance.round(4)
    ([False, False], array([0.1804, 0.6086]))
    """
    cells = load.size
    solved, exact, scaled = (np.zeros(cells, dtype=bool) for _ in range(3))
    ratio, blends = np.ones(cells), []
    for law, of_law in _shapes(service, shape, cells):
        for c in np.unique(servers[of_law]):
            here = of_law[servers[of_law] == c]
            phases, is_exact = _phases(law, int(c))
            if phases is None:
                continue
            size = phases.initial.size
            direct = c <= _FITTED if not is_exact else states(int(c), size) <= _STATES
            blend = (_solved if direct else _from_fewer)(phases, is_exact, int(c), load[here])
            solved[here], exact[here], scaled[here] = True, is_exact, not direct
            ratio[here] = blend.ratio
            blends.append((here, blend))
    return PhaseCells(solved, exact, scaled, ratio, *_joined(blends, cells))


def _shapes(
    service: Distribution, shape: tuple[int, ...], cells: int
) -> list[tuple[Distribution, np.ndarray]]:
    """Return each law but for its mean, and the cells that have it."""
    own = shape_of(service)
    if own == () or np.prod(own) == 1:
        law = service if own == () else select(service, own, np.array([0]))
        return [(_scalar(law), np.arange(cells))]
    # Of one shape are laws with equal tails, at multiples of the mean, and equal SCV.
    mean = np.broadcast_to(service.mean, own)
    at = np.array([0.1, 0.5, 1.0, 2.0, 5.0]).reshape(-1, *[1] * len(own)) * mean
    seen = np.array([np.broadcast_to(service.scv, own), *np.asarray(service.tail(at))])
    rows = np.round(seen.reshape(len(seen), -1).T, 10)
    _, first, kind = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    kind = np.broadcast_to(kind.reshape(own), shape).ravel()
    return [
        (_scalar(select(service, own, np.array([i]))), np.flatnonzero(kind == k))
        for k, i in enumerate(first)
    ]


def _scalar(law: Any) -> Any:
    """Return a law of one cell with numbers for its parameters."""
    return select(law, (1,), 0) if shape_of(law) == (1,) else law


def _phases(law: Distribution, servers: int) -> tuple[PhaseType | None, bool]:
    """Return phases of mean 1, and whether they are the law itself."""
    scv, mean = float(law.scv), float(law.mean)
    if not np.isfinite(scv * mean):
        return None, False
    exact = phases_of(law)
    if exact is not None:
        size = exact.initial.size
        if min(states(servers, size), states(_FITTED, size)) <= _STATES:
            return PhaseType(exact.initial, exact.generator * mean), True
    most = 8 if servers <= 2 else 6 if servers <= 4 else 4
    fitted = fit_phases(law, most)
    if scv < 1 and fitted.error > _GOOD_FIT:
        return None, False
    return PhaseType(fitted.law.initial, fitted.law.generator * mean), False


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


def _solved(phases: PhaseType, is_exact: bool, servers: int, load: np.ndarray) -> _Blend:
    """Return the waits at each load, through tables where there are many."""
    if load.size < _SAME:
        return _at(phases, servers, load)
    key = phases.initial.tobytes(), phases.generator.tobytes(), is_exact, servers
    low, high = max(_least(servers), 1e-3), 0.1
    windows = [(-np.inf, low), (low, max(low, high)), (max(low, high), np.inf)]
    blends = []
    for first, last in windows:
        here = np.flatnonzero((load >= first) & (load < last))
        if here.size:
            table = _tables(*key, first, min(last, 1.0)) if first > 0 else None
            at = _between(table, load[here]) if table else _at(phases, servers, load[here])
            blends.append((here, at))
    if len(blends) == 1:
        return blends[0][1]
    ratio, levels = np.ones(load.size), np.ones((load.size, servers))
    for here, blend in blends:
        ratio[here], levels[here] = blend.ratio, blend.levels
    return _Blend(ratio, _beside([(here, b.tails) for here, b in blends], load.size), levels)


def _at(phases: PhaseType, servers: int, load: np.ndarray) -> _Blend:
    n = load.size
    rates = servers * np.clip(load, _least(servers), 1 - 1e-9)
    found = solve(
        np.broadcast_to(phases.initial, (n, phases.initial.size)),
        np.broadcast_to(phases.generator, (n, *phases.generator.shape)),
        servers,
        rates,
    )
    ratio = found.chance / erlang_c(servers=servers, offered_load=rates)
    markov = ServerStates(rates, servers, servers - rates)
    levels = found.levels / markov.probability(np.arange(servers)[:, None]).T
    unit = servers - rates
    tails = Tails.own(found.weights, found.rates / unit[:, None], found.mean * unit)
    return _Blend(ratio, tails, levels)


def _from_fewer(phases: PhaseType, is_exact: bool, servers: int, load: np.ndarray) -> _Blend:
    """Return the waits by extrapolation from three systems with fewer servers."""
    fewer = _FEWER.get(phases.initial.size, _FEW_PHASES)
    roots = np.array([1 / np.sqrt(c) for c in fewer])
    ratio, means, tails = np.zeros(load.size), np.zeros(load.size), []
    for i, c in enumerate(fewer):
        others = np.delete(roots, i)
        weight = np.prod((1 / np.sqrt(servers) - others) / (roots[i] - others))
        # A load that fewer servers cannot have is low enough for hardly a wait.
        like = np.maximum(1 - (1 - load) * np.sqrt(servers / c), 0.02)
        blend = _solved(phases, is_exact, c, like)
        ratio = ratio + weight * blend.ratio
        means = means + weight * blend.tails.means
        tails.append(blend.tails._replace(blend=weight * blend.tails.blend))
    chance = erlang_c(servers=servers, offered_load=servers * load)
    with np.errstate(divide="ignore"):
        ratio = np.clip(ratio, 0.0, np.where(chance > 0, 1 / chance, 1.0))
    weights, rates, starts = _stacked(tails)
    tables = [t.tables + start for t, start in zip(tails, starts, strict=True)]
    parts, speed, slowest = (np.concatenate([t[k] for t in tails], axis=1) for k in (3, 4, 5))
    every = np.concatenate(tables, axis=1)
    joined = Tails(weights, rates, every, parts, speed, slowest, means)
    return _Blend(ratio, joined, None)


def _stacked(tails: list[Tails]) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Return all tables one below the other, and where those of each begin."""
    terms = max(t.weights.shape[1] for t in tails)
    starts = np.cumsum([0, *(len(t.weights) for t in tails[:-1])]).tolist()
    weights = np.concatenate([_wide(t.weights, terms, 0.0) for t in tails])
    return weights, np.concatenate([_wide(t.rates, terms, 1.0) for t in tails]), starts


def _wide(x: np.ndarray, columns: int, fill: float) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, columns - x.shape[1])), constant_values=fill)


class _Tables(NamedTuple):
    """Waits at the nodes of the load, and the weights of the nodes in an interpolation.

    The rates are in units of S / (c - a), or all but the slowest in units of S.
    """

    servers: int
    nodes: np.ndarray
    barycentric: np.ndarray
    at: _Blend
    slowest_apart: bool


@lru_cache(maxsize=128)
def _tables(
    initial: bytes, generator: bytes, is_exact: bool, servers: int, low: float, high: float
) -> _Tables | None:
    """Return tables for the loads from low to high that are right between their nodes."""
    start = np.frombuffer(initial)
    phases = PhaseType(start, np.frombuffer(generator).reshape(start.size, start.size))
    tests = low + (high - low) * np.array([0.02, 0.11, 0.32, 0.61, 0.87, 0.98])
    exact, every = _at(phases, servers, tests), np.arange(tests.size)
    times = np.array([0.0, 0.1, 0.3, 1.0, 3.0, 8.0])[:, None]
    tail = exact.tails.sums(every, _falling, times)
    for n in _NODES:
        turn = (2 * np.arange(n) + 1) * np.pi / (2 * n)
        nodes = low + (high - low) * (1 + np.cos(turn)) / 2
        barycentric = (-1.0) ** np.arange(n) * np.sin(turn)
        at = _at(phases, servers, nodes)
        for slowest_apart in (True, False):
            table = _Tables(servers, nodes, barycentric, at, slowest_apart)
            found = _between(table, tests)
            away = abs(found.tails.sums(every, _falling, times) - tail).max()
            away = max(away, abs(found.ratio / exact.ratio - 1).max())
            away = max(away, abs(found.tails.means / exact.tails.means - 1).max())
            if away < _TABLE_ERROR[is_exact]:
                return table
    return None


def _falling(rates: Any, t: Any) -> Any:
    return np.exp(-rates * t)


def _between(table: _Tables, load: np.ndarray) -> _Blend:
    away = load[:, None] - table.nodes
    at_node = away == 0
    with np.errstate(divide="ignore"):
        blend = table.barycentric / np.where(at_node, 1.0, away)
    blend = np.where(at_node.any(axis=1, keepdims=True), 1.0 * at_node, blend)
    blend = blend / blend.sum(axis=1, keepdims=True)
    tables = np.broadcast_to(np.arange(table.nodes.size), blend.shape)
    levels, own = table.at.levels, table.at.tails
    assert levels is not None
    rates, slowest = own.rates, own.rates[:, 0].real
    if table.slowest_apart:
        rates = rates * (table.servers * (1 - table.nodes))[:, None]
        speed = 1 / (table.servers * (1 - load))[:, None] + 0 * blend
        first = (blend @ slowest)[:, None] + 0 * blend
    else:
        speed, first = 1 + 0 * blend, slowest + 0 * blend
    tails = Tails(own.weights, rates, tables, blend, speed, first, blend @ own.means)
    return _Blend(blend @ table.at.ratio, tails, blend @ levels)


def _beside(tails: list[tuple[np.ndarray, Tails]], cells: int) -> Tails:
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


def _joined(blends: list[tuple[np.ndarray, _Blend]], cells: int) -> tuple[Tails, np.ndarray]:
    """Return the tails and levels of all cells from those of some cells each."""
    if not blends:
        return Tails.own(np.ones((cells, 1)), np.ones((cells, 1)), np.ones(cells)), np.full(
            (cells, 1), np.nan
        )
    tails = _beside([(here, b.tails) for here, b in blends], cells)
    deep = max((b.levels.shape[1] for _, b in blends if b.levels is not None), default=1)
    levels = np.full((cells, deep), np.nan)
    for here, b in blends:
        if b.levels is not None:
            levels[here, : b.levels.shape[1]] = b.levels
    return tails, levels
