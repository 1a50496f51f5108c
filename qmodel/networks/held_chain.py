r"""The Markov chain of a pool whose permits are held while their holders pass queues inside.

Requests arrive at rate :math:`\lambda` and wait for one of P permits in the order of arrival. A
holder passes the inner stations in one order, some of them perhaps left out, and then returns
its permit. A level is the number of requests, waiting and holding; a phase says how many
holders are at each station but the first. From P requests on all levels are alike: with
:math:`D_0` the moves inside (less all rates, on the diagonal), :math:`D_1` the completions,
upon which the next in line enters, and G the probabilities of the phase in which the chain
first comes a level down,

.. math::

    D_1 + (D_0 - \lambda I) G + \lambda G^2 = 0, \qquad
    R = \lambda (\lambda I - D_0 - \lambda G)^{-1},

by logarithmic reduction [1]_. Below P the levels are counted up with positive terms only. With
y the phases at level P and above, the queue being FCFS and its arrivals Poisson,

.. math::

    P(T_q > t) = y \, e^{(D_0 + \lambda G) t} \, 1, \qquad
    E[T_q^k] = k! \, y \, (-D_0 - \lambda G)^{-k} \, 1, \qquad
    E[\text{holding}] = E[\text{holders}] / \lambda .

All of it is smooth in the load: of one pool at many loads, a chain is solved at `_LOADS` of
them, and what is between is interpolated (`solve_all`).

References
----------
.. [1] G. Latouche, V. Ramaswami, "A logarithmic reduction algorithm for quasi-birth-death
   processes", Journal of Applied Probability 30, 1993.
.. [2] M. F. Neuts, "Matrix-Geometric Solutions in Stochastic Models", Johns Hopkins University
   Press, 1981.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Chain", "PoolState", "solve", "solve_all"]

_STEPS = 60
_LOADS = 32
_ANGLES = (np.arange(_LOADS) + 0.5) * np.pi / _LOADS
_HAIR = 1e-6
_NEAR = 0.03
_ENDS = np.sqrt([_NEAR, 1 + _NEAR])
_NODES = 1 + _NEAR - (_ENDS[0] + (_ENDS[1] - _ENDS[0]) * (1 - np.cos(_ANGLES)) / 2) ** 2
_TO_SERIES = 2 / _LOADS * np.cos(np.outer(_ANGLES, np.arange(_LOADS)))
_TO_SERIES[:, 0] /= 2


class Chain(NamedTuple):
    """The pool in cells, made by `of`."""

    permits: int
    rates: Any
    """Completions a second at each station with 0 to P there, (stations, P + 1, cells)."""
    entry: Any
    """Probability of each station to be the first, (stations, cells)."""
    leave: Any
    """Probability of each station to be the last, (stations, cells)."""
    onward: Any
    """Probabilities of each station to be next, (stations, stations, cells)."""

    @staticmethod
    def of(permits: int, rates: Any, visits: Any) -> Chain:
        """Return the chain of holders who visit each station with a probability, one surely.

        Parameters
        ----------
        permits : int
            Number of permits. [-]
        rates : array of shape (stations, permits + 1, n)
            Completions a second at each station by the number there. [1/s]
        visits : array of shape (stations, n)
            Probability that a holder visits each station. [-]

        Returns
        -------
        Chain
            The pool. [-]
        """
        onward = np.zeros((len(visits), *visits.shape))
        for k in range(len(visits) - 1):
            onward[k, k + 1 :] = visits[k + 1 :] * _none_before(visits[k + 1 :])
        last = _none_before(visits[::-1])[::-1]
        return Chain(permits, rates, visits * _none_before(visits), last, onward)


class PoolState(NamedTuple):
    """The steady state, in cells."""

    full: Any
    """Probability that all permits are taken. [-]"""
    present: Any
    """Mean number at each station over the arrival rate, (stations, cells). [s]"""
    waits: Any
    """E[T_q^k] / k! of those who wait, for k = 1, 2, 3; (3, cells). [s^k]"""


def _none_before(visits: Any) -> Any:
    """Return the probabilities that no station before each one is visited."""
    return np.cumprod(np.concatenate([np.ones_like(visits[:1]), 1 - visits[:-1]]), axis=0)


@lru_cache(maxsize=64)
def phases_of(holders: int, stations: int) -> tuple[tuple[int, ...], ...]:
    """Return all ways in which holders can be at the stations, the first one last in line."""
    if stations == 1:
        return ((holders,),)
    return tuple(
        (holders - used, *rest)
        for used in range(holders + 1)
        for rest in phases_of(used, stations - 1)
    )


class _Moves(NamedTuple):
    """The transitions with a number of holders: from phase, to phase, from and to station."""

    there: Any  # number at each station, (phases, stations)
    inside: Any
    down: Any
    refilled: Any
    entered: Any  # to the phases of one holder more


def _numbered(holders: int, stations: int) -> dict[tuple[int, ...], int]:
    return {phase: i for i, phase in enumerate(phases_of(holders, stations))}


@lru_cache(maxsize=1024)
def _moves(holders: int, stations: int) -> _Moves:
    phases = phases_of(holders, stations)
    index, more = _numbered(holders, stations), _numbered(holders + 1, stations)
    fewer = _numbered(holders - 1, stations) if holders else {}
    inside, down, refilled, entered = [], [], [], []
    for i, p in enumerate(phases):
        for k in range(stations):
            entered.append((i, more[_moved(p, to=k)], k, k))
            if not p[k]:
                continue
            down.append((i, fewer[_moved(p, k)], k, k))
            for m in range(stations):
                refilled.append((i, index[_moved(p, k, m)], k, m))
                if m > k:
                    inside.append((i, index[_moved(p, k, m)], k, m))
    columns = (
        np.array(x, dtype=int).reshape(-1, 4).T for x in (inside, down, refilled, entered)
    )
    return _Moves(np.array(phases), *columns)


def _moved(phase: tuple[int, ...], away: int | None = None, to: int | None = None) -> Any:
    return tuple(n - (k == away) + (k == to) for k, n in enumerate(phase))


def _rates(chain: Chain, holders: int) -> Any:
    """Return the rate of completions at each station by phase, (phases, stations, cells)."""
    there = _moves(holders, len(chain.rates)).there
    return chain.rates[np.arange(len(chain.rates)), there]


def _matrices(chain: Chain, holders: int) -> tuple[Any, Any, Any]:
    """Return D0 without arrivals, the completions down a level, and those that let one in."""
    stations = len(chain.rates)
    moves, rates = _moves(holders, stations), _rates(chain, holders)
    size = len(moves.there)
    fewer = len(phases_of(holders - 1, stations)) if holders else 1
    every = np.arange(size)
    i, j, k, m = moves.inside
    inside = _filled((size, size), i, j, rates[i, k] * chain.onward[k, m])
    inside[:, every, every] -= rates.sum(axis=1).T
    i, j, k, _ = moves.down
    down = _filled((size, fewer), i, j, rates[i, k] * chain.leave[k])
    i, j, k, m = moves.refilled
    refilled = _filled((size, size), i, j, rates[i, k] * chain.leave[k] * chain.entry[m])
    return inside, down, refilled


def _filled(shape: tuple[int, int], i: Any, j: Any, values: Any) -> Any:
    """Return matrices in cells, with values (entries, cells) added at their places."""
    found = np.zeros((values.shape[-1], *shape))
    np.add.at(np.moveaxis(found, 0, -1), (i, j), values)
    return found


def _entered(chain: Chain, holders: int, from_: Any) -> Any:
    """Return vectors of phases, in cells, after an arrival that takes a permit."""
    stations = len(chain.rates)
    i, j, _, m = _moves(holders, stations).entered
    found = np.zeros((*from_.shape[:-1], len(phases_of(holders + 1, stations))))
    for k in np.flatnonzero(chain.entry.any(axis=1)):
        here = m == k
        found[..., j[here]] += from_[..., i[here]] * chain.entry[k][:, None, None]
    return found


def _first_passage(inside: Any, refilled: Any, rate: Any) -> Any:
    """Return G by logarithmic reduction, in all cells together."""
    one = np.eye(inside.shape[-1])
    both = np.linalg.inv(rate * one - inside)
    up, low = both * rate, both @ refilled
    found, ahead = low.copy(), up.copy()
    for _ in range(_STEPS):
        left = one - up @ low - low @ up
        halves = np.linalg.solve(left, np.concatenate([up @ up, low @ low], axis=-1))
        up, low = np.split(halves, 2, axis=-1)
        step = ahead @ low
        found += step
        ahead = ahead @ up
        if step.max(initial=0.0) < 1e-16:
            break
    # Its rows sum to one: rounding is put right where the load is close to saturation.
    return found / found.sum(axis=-1, keepdims=True)


def solve(chain: Chain, arrival_rate: Any) -> PoolState:
    """Return the steady state of a pool below saturation.

    Parameters
    ----------
    chain : Chain
        The pool, with n cells on the last axis. [-]
    arrival_rate : array of shape (n,)
        Poisson arrivals, below saturation. [1/s]

    Returns
    -------
    PoolState
        Who waits, for how long, and how many are at the stations. [-]
    """
    permits = chain.permits
    rate = arrival_rate[:, None, None]
    inside, down, refilled = _matrices(chain, permits)
    one = np.eye(inside.shape[-1])
    waits = inside + rate * _first_passage(inside, refilled, rate)
    ratio = rate * np.linalg.inv(rate * one - waits)
    # Up: for how long a level below is held from below, and where it is left for the next.
    steps: list[Any] = []
    enter = rate * _entered(chain, 0, np.ones((len(rate), 1, 1)) / rate)
    for n in range(1, permits):
        own, away, _ = _matrices(chain, n)
        stay = np.linalg.inv(rate * np.eye(own.shape[-1]) - own - away @ enter)
        steps.append((away, stay))
        enter = rate * _entered(chain, n, stay)
        # An arrival comes surely: without this, rounding grows from level to level.
        enter /= enter.sum(axis=-1, keepdims=True)
    last = _stationary(inside + ratio @ refilled + down @ enter)[:, None]
    waiting = _right_divided(last, one - ratio)[:, 0]
    # Down: with the probabilities of a level, those of the one below, which may be far more.
    levels, logs, here, away = [waiting], [np.zeros(len(rate))], last, down
    for below, stay in [*reversed(steps), (None, 1 / rate)]:
        here = here @ away * stay if below is None else here @ away @ stay
        size = here.sum(axis=-1)[:, 0]
        here = here / size[:, None, None]
        levels.append(here[:, 0])
        logs.append(logs[-1] + np.log(size))
        away = below
    weights = np.exp(logs - np.max(logs, axis=0))
    weights /= (weights * [level.sum(axis=-1) for level in levels]).sum(axis=0)
    stations = len(chain.rates)
    present: Any = sum(
        weight * np.einsum("ps,cp->sc", _moves(n, stations).there, level)
        for n, weight, level in zip(range(permits, -1, -1), weights, levels, strict=True)
    )
    must_wait = waiting.sum(axis=-1)
    moments, power = [], np.ones((*waiting.shape, 1))
    for _ in range(3):
        power = np.linalg.solve(-waits, power)
        moments.append(np.einsum("ci,cij->c", waiting, power) / must_wait)
    return PoolState(weights[0] * must_wait, present / arrival_rate, np.array(moments))


def _stationary(rates: Any) -> Any:
    """Return the probabilities of the states of chains, (cells, states).

    States are taken out one by one, without subtraction (Grassmann, Taksar and Heyman 1985):
    what is rare keeps its digits.
    """
    moves = np.maximum(rates, 0.0)
    size = moves.shape[-1]
    for k in range(size - 1, 0, -1):
        moves[:, :k, k] /= moves[:, k, :k].sum(axis=-1)[:, None]
        moves[:, :k, :k] += moves[:, :k, k, None] * moves[:, k, None, :k]
    found = np.zeros((len(moves), size))
    found[:, 0] = 1.0
    for k in range(1, size):
        found[:, k] = np.einsum("ci,ci->c", found[:, :k], moves[:, :k, k])
    return found / found.sum(axis=-1, keepdims=True)


def _right_divided(x: Any, matrix: Any) -> Any:
    """Return x times the inverse of a matrix, in all cells."""
    return np.linalg.solve(matrix.swapaxes(-1, -2), x.swapaxes(-1, -2)).swapaxes(-1, -2)


def solve_all(
    permits: Any, rates: Any, visits: Any, arrival_rate: Any, limit: Any
) -> PoolState:
    """Return the steady states of pools of several sizes, many of which differ in load only.

    Parameters
    ----------
    permits : integer array of shape (n,)
        Number of permits. [-]
    rates : array of shape (stations, most permits + 1, n)
        Completions a second at each station by the number there. [1/s]
    visits : array of shape (stations, n)
        Probability that a holder visits each station. [-]
    arrival_rate, limit : array of shape (n,)
        Poisson arrivals, and where the pool saturates. [1/s]

    Returns
    -------
    PoolState
        That of all cells. [-]
    """
    pools = np.vstack([permits, rates.reshape(-1, permits.size), visits, limit])
    _, first, which, number = np.unique(
        pools, axis=1, return_index=True, return_inverse=True, return_counts=True
    )
    which, load = which.ravel(), arrival_rate / limit
    # A hair below saturation a chain has no digits left, and grows as what is near.
    near = np.minimum(load, 1 - _HAIR)
    many = number > 2 * _LOADS
    # Rows to solve: all loads of some pools, and some of the others.
    rows = [*np.flatnonzero(~many[which]), *np.repeat(first[many], _LOADS)]
    loads = np.concatenate([near[~many[which]], np.tile(_NODES, many.sum())])
    solved = _by_size(permits[rows], rates[..., rows], visits[:, rows], loads * limit[rows])
    # What grows without bound towards saturation is interpolated times what it grows by.
    spare = (1 - loads) ** np.arange(1, 4)[:, None]
    values = np.vstack([solved.full, solved.present, solved.waits * spare])
    found = np.empty((len(values), permits.size))
    direct = (~many[which]).sum()
    found[:, ~many[which]] = values[:, :direct]
    tables = values[:, direct:].reshape(len(values), -1, _LOADS) @ _TO_SERIES
    for pool, series in zip(np.flatnonzero(many), tables.swapaxes(0, 1), strict=True):
        mine = which == pool
        found[:, mine] = series @ _polynomials(load[mine])
    found[-3:] /= (1 - load) ** np.arange(1, 4)[:, None]
    return PoolState(np.maximum(found[0], 0.0), found[1:-3], found[-3:])


def _by_size(permits: Any, rates: Any, visits: Any, arrival_rate: Any) -> PoolState:
    found = np.empty((len(rates) + 4, permits.size))
    for size in np.unique(permits):
        mine = np.flatnonzero(permits == size)
        chain = Chain.of(int(size), rates[:, : size + 1, mine], visits[:, mine])
        found[:, mine] = np.vstack(solve(chain, arrival_rate[mine]))
    return PoolState(found[0], found[1:-3], found[-3:])


def _polynomials(load: Any) -> Any:
    """Return Chebyshev's polynomials of a load, (degrees, loads), finer towards saturation."""
    part = (np.sqrt(1 - load + _NEAR) - _ENDS[0]) / (_ENDS[1] - _ENDS[0])
    return np.cos(np.arange(_LOADS)[:, None] * np.arccos(np.clip(1 - 2 * part, -1.0, 1.0)))
