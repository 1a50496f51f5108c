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
    E[\text{holding}] = E[\text{holders}] / \lambda .

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

__all__ = ["Chain", "PoolState", "solve"]

_STEPS = 60


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

    waits: Any
    """Rates of the phases of the wait, D0 + lambda G; (cells, phases, phases)."""
    start: Any
    """Probabilities of these phases for an arrival that waits; (cells, phases)."""
    holders: Any
    """Distribution of the number of holders, 0 to P; (P + 1, cells)."""
    present: Any
    """Mean number at each station, (stations, cells)."""
    met: Any
    """Distribution of the number that a holder finds at each station; (stations, P, cells)."""


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
    found = np.zeros((*shape, values.shape[-1]))
    np.add.at(found, (i, j), values)
    return np.moveaxis(found, -1, 0)


def _entering(chain: Chain, holders: int) -> Any:
    """Return the phases that an arrival leads to when it takes a permit, in cells."""
    stations = len(chain.rates)
    i, j, _, m = _moves(holders, stations).entered
    shape = len(phases_of(holders, stations)), len(phases_of(holders + 1, stations))
    return _filled(shape, i, j, chain.entry[m])


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
        Waits, holders and what they find at the stations. [-]
    """
    permits = chain.permits
    rate = arrival_rate[:, None, None]
    inside, down, refilled = _matrices(chain, permits)
    one = np.eye(inside.shape[-1])
    waits = inside + rate * _first_passage(inside, refilled, rate)
    ratio = rate * np.linalg.inv(rate * one - waits)
    downs = [_matrices(chain, n) for n in range(permits)]
    ratios: list[Any] = []  # of the probabilities of a level to those of the next
    for n in range(permits):
        leave = rate * np.eye(downs[n][0].shape[-1]) - downs[n][0]
        if n:
            leave = leave - rate * ratios[-1] @ _entering(chain, n - 1)
        following = down if n == permits - 1 else downs[n + 1][1]
        ratios.append(_right_divided(following, leave))
    balance = inside - rate * one + ratio @ refilled
    balance = balance + rate * ratios[-1] @ _entering(chain, permits - 1)
    balance[:, :, 0] = 1.0
    unit = np.zeros((len(arrival_rate), 1, len(one)))
    unit[..., 0] = 1.0
    full = np.maximum(_right_divided(unit, balance), 0.0)
    levels = [_right_divided(full, one - ratio)[:, 0]]
    here = full[:, 0]
    for step in reversed(ratios):
        here = np.einsum("ci,cij->cj", here, step)
        levels.append(here)
    total = sum(level.sum(axis=-1) for level in levels)[:, None]
    levels = [np.maximum(level / total, 0.0) for level in reversed(levels)]
    holders = np.array([level.sum(axis=-1) for level in levels])
    queued = np.maximum(levels[-1] - full[:, 0] / total, 0.0)
    present, met = _inside(chain, levels, queued, arrival_rate)
    return PoolState(waits, levels[-1], holders, present, met)


def _right_divided(x: Any, matrix: Any) -> Any:
    """Return x times the inverse of a matrix, in all cells."""
    return np.linalg.solve(matrix.swapaxes(-1, -2), x.swapaxes(-1, -2)).swapaxes(-1, -2)


def _inside(chain: Chain, levels: list[Any], queued: Any, rate: Any) -> tuple[Any, Any]:
    """Return mean numbers at the stations, and how many a holder finds there."""
    stations, cells = len(chain.rates), len(rate)
    present = np.zeros((stations, cells))
    met = np.zeros((stations, chain.permits, cells))
    for holders, level in enumerate(levels):
        moves, rates = _moves(holders, stations), _rates(chain, holders)
        present += np.einsum("ps,cp->sc", moves.there, level)
        if holders < chain.permits:
            i, _, _, m = moves.entered
            np.add.at(met, (m, moves.there[i, m]), level[:, i].T * rate * chain.entry[m])
        # Who comes from another station finds the others here.
        i, _, k, m = moves.inside
        come = level[:, i].T * rates[i, k] * chain.onward[k, m]
        np.add.at(met, (m, moves.there[i, m]), come)
    i, _, k, m = moves.refilled
    come = queued[:, i].T * rates[i, k] * chain.leave[k] * chain.entry[m]
    np.add.at(met, (m, moves.there[i, m] - (m == k)), come)
    # Without load a holder finds nobody.
    met[:, 0] += met.sum(axis=1) == 0
    return present, met / met.sum(axis=1, keepdims=True)
