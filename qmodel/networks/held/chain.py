r"""The Markov chain of a pool whose permits are held while their holders pass queues inside.

Requests arrive at rate :math:`\lambda` and wait for one of P permits in the order of arrival. A
holder passes the inner stations in one order, some of them perhaps left out, and then returns
its permit. A level is the number of requests, waiting and holding; a phase says how many
holders are at each station, and in which phases their services are
(`qmodel.networks.held.moves`): with exponential service the numbers alone. From P requests on
all levels are alike: with :math:`D_0` the moves inside (less all rates, on the diagonal),
:math:`D_1` the completions, upon which the next in line enters, and G the probabilities of the
phase in which the chain first comes a level down,

.. math::

    D_1 + (D_0 - \lambda I) G + \lambda G^2 = 0, \qquad
    R = \lambda (\lambda I - D_0 - \lambda G)^{-1},

by logarithmic reduction (`qmodel.queues.phases.queue`). Below P the levels are counted up with
positive terms only [1]_. With y the phases at level P and above, the queue being FCFS and its
arrivals Poisson,

.. math::

    P(T_q > t) = y \, e^{(D_0 + \lambda G) t} \, 1, \qquad
    E[T_q^k] = k! \, y \, (-D_0 - \lambda G)^{-k} \, 1, \qquad
    E[\text{holding}] = E[\text{holders}] / \lambda .

All of it is smooth in the load: of one pool at many loads, a chain is solved at `_LOADS` of
them, and what is between is interpolated (`solve_all`).

References
----------
.. [1] M. F. Neuts, "Matrix-Geometric Solutions in Stochastic Models", Johns Hopkins University
   Press, 1981.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qmodel.networks.held.moves import (
    Chain,
    Rates,
    entered,
    levels_of,
    matrices,
    moves_of,
    refilling,
)
from qmodel.numerics.stationary import stationary
from qmodel.queues.phases.queue import first_passage

__all__ = ["PoolState", "solve", "solve_all"]

_LOADS = 32
_ANGLES = (np.arange(_LOADS) + 0.5) * np.pi / _LOADS
_HAIR = 1e-6
_NEAR = 0.03
_ENDS = np.sqrt([_NEAR, 1 + _NEAR])
_NODES = 1 + _NEAR - (_ENDS[0] + (_ENDS[1] - _ENDS[0]) * (1 - np.cos(_ANGLES)) / 2) ** 2
_TO_SERIES = 2 / _LOADS * np.cos(np.outer(_ANGLES, np.arange(_LOADS)))
_TO_SERIES[:, 0] /= 2


class PoolState(NamedTuple):
    """The steady state, in cells."""

    full: Any
    """Probability that all permits are taken. [-]"""
    present: Any
    """Mean number at each station over the arrival rate, (stations, cells). [s]"""
    waits: Any
    """E[T_q^k] / k! of those who wait, for k = 1, 2, 3; (3, cells). [s^k]"""
    met: Any
    """Probabilities of 0 to P others at each station, (2, stations, P + 1, cells).

    As those find them that found a permit, and that waited for one."""


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
    rates = Rates.of(chain)
    (inside, down), refilled = matrices(chain, rates, permits), refilling(chain, rates)
    one = np.eye(inside.shape[-1])
    up, sure = rate * one, np.ones(inside.shape[:2])
    waits = inside + rate * first_passage(up, inside - up, refilled, sure)
    ratio = rate * np.linalg.inv(rate * one - waits)
    # Up: for how long a level below is held from below, and where it is left for the next.
    steps: list[Any] = []
    enter = rate * entered(chain, rates, 0, np.ones((len(rate), 1, 1)) / rate)
    for n in range(1, permits):
        own, away = matrices(chain, rates, n)
        stay = np.linalg.inv(rate * np.eye(own.shape[-1]) - own - away @ enter)
        steps.append((away, stay))
        enter = rate * entered(chain, rates, n, stay)
        # An arrival comes surely: without this, rounding grows from level to level.
        enter /= enter.sum(axis=-1, keepdims=True)
    last = stationary(inside + ratio @ refilled + down @ enter)[:, None]
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
    states = np.concatenate(
        [w[:, None] * level for w, level in zip(weights, levels, strict=True)], axis=1
    ).T
    there = levels_of(chain.shapes, permits)
    present = there.T @ states
    must_wait = waiting.sum(axis=-1)
    moments, power = [], np.ones((*waiting.shape, 1))
    for _ in range(3):
        power = np.linalg.solve(-waits, power)
        moments.append(np.einsum("ci,cij->c", waiting, power) / must_wait)
    full = waiting.shape[-1]
    once = np.zeros((len(chain.shapes), permits + 1, len(rate)))
    for k, numbers in enumerate(there[full:].T):
        np.add.at(once[k], numbers, states[full:])
    met = _sure(np.array([once, _late(chain, rates, waiting)]))
    return PoolState(weights[0] * must_wait, present / arrival_rate, np.array(moments), met)


def _late(chain: Chain, rates: Rates, waiting: Any) -> Any:
    """Return how often others are found when anyone comes to a station while others wait."""
    permits, stations = chain.permits, len(chain.shapes)
    late = np.zeros((stations, permits + 1, len(waiting)))
    moves = moves_of(chain.shapes, permits, permits)
    for (i, _, x, y, way), ways in (
        (moves.onward, rates.between),
        (moves.refilled, rates.around),
    ):
        flow = rates.ended[x] * rates.came[y] * ways[way] * waiting.T[i]
        from_, to = np.divmod(way, stations)
        np.add.at(late, (to, moves.there[i, to] - (from_ == to)), flow)
    return late


def _sure(weights: Any) -> Any:
    """Return probabilities of numbers from weights; where there are none, nobody is met."""
    weights = np.maximum(weights, 0.0)
    mass = weights.sum(axis=-2, keepdims=True)
    found = weights / np.where(mass > 0, mass, 1.0)
    found[..., :1, :] += mass == 0
    return found


def _right_divided(x: Any, matrix: Any) -> Any:
    """Return x times the inverse of a matrix, in all cells."""
    return np.linalg.solve(matrix.swapaxes(-1, -2), x.swapaxes(-1, -2)).swapaxes(-1, -2)


def solve_all(chain: Chain, arrival_rate: Any, limit: Any) -> PoolState:
    """Return the steady states of pools of one size, many of which differ in load only.

    Parameters
    ----------
    chain : Chain
        The pools, with n cells on the last axis. [-]
    arrival_rate, limit : array of shape (n,)
        Poisson arrivals, and where the pool saturates. [1/s]

    Returns
    -------
    PoolState
        That of all cells. [-]
    """
    _, first, which, number = np.unique(
        np.vstack([chain.described, limit]),
        axis=1,
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    which, load = which.ravel(), arrival_rate / limit
    # A hair below saturation a chain has no digits left, and grows as what is near.
    near = np.minimum(load, 1 - _HAIR)
    many = number > 2 * _LOADS
    # Rows to solve: all loads of some pools, and some of the others.
    rows = [*np.flatnonzero(~many[which]), *np.repeat(first[many], _LOADS)]
    loads = np.concatenate([near[~many[which]], np.tile(_NODES, many.sum())])
    solved = solve(chain.at(rows), loads * limit[rows])
    # What grows without bound towards saturation is interpolated times what it grows by.
    spare = (1 - loads) ** np.arange(1, 4)[:, None]
    parts = solved.full, solved.present, solved.waits * spare, solved.met.reshape(-1, len(rows))
    values = np.vstack(parts)
    found = np.empty((len(values), load.size))
    direct = (~many[which]).sum()
    found[:, ~many[which]] = values[:, :direct]
    tables = values[:, direct:].reshape(len(values), -1, _LOADS) @ _TO_SERIES
    for pool, series in zip(np.flatnonzero(many), tables.swapaxes(0, 1), strict=True):
        mine = which == pool
        found[:, mine] = series @ _polynomials(load[mine])
    full, present, waits, met = np.split(found, np.cumsum([1, len(solved.present), 3]), axis=0)
    waits = waits / (1 - load) ** np.arange(1, 4)[:, None]
    met = _sure(met.reshape(*solved.met.shape[:-1], load.size))
    return PoolState(np.maximum(full[0], 0.0), present, waits, met)


def _polynomials(load: Any) -> Any:
    """Return Chebyshev's polynomials of a load, (degrees, loads), finer towards saturation."""
    part = (np.sqrt(1 - load + _NEAR) - _ENDS[0]) / (_ENDS[1] - _ENDS[0])
    return np.cos(np.arange(_LOADS)[:, None] * np.arccos(np.clip(1 - 2 * part, -1.0, 1.0)))
