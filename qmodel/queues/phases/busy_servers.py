r"""Several servers with service of phase type: how many of them are in each phase.

With n equal servers busy and k phases of service, the state is not the phase of each server
but the number of servers in each phase [1]_: :math:`\binom{n + k - 1}{k - 1}` states in place
of :math:`k^n`. From the initial probabilities and the generator of one service follow the
rates between these states: changes of phase, ends of service, and starts.

Many service distributions of the same number of phases are done together: their parameters have
a first axis of cells.

References
----------
.. [1] V. Ramaswami, D. M. Lucantoni, "Algorithms for the multi-server queue with phase type
   service", Stochastic Models 1, 1985.
"""

from __future__ import annotations

from functools import lru_cache
from math import comb
from typing import NamedTuple

import numpy as np

__all__ = [
    "Moves",
    "changes",
    "configurations",
    "ends",
    "find",
    "log_weights",
    "moved",
    "starts",
    "states",
]


def states(servers: int, phases: int) -> int:
    """Return the number of states of busy servers.

    Examples
    --------
    >>> states(8, 3)
    45
    """
    return comb(servers + phases - 1, phases - 1)


@lru_cache(maxsize=256)
def configurations(servers: int, phases: int) -> np.ndarray:
    """Return the states of busy servers, one row each: how many are in each phase.

    Examples
    --------
    >>> configurations(2, 2).tolist()
    [[2, 0], [1, 1], [0, 2]]
    """
    if phases == 1:
        return np.array([[servers]])
    rows = [
        np.column_stack([np.full(len(rest), first), rest])
        for first in range(servers, -1, -1)
        for rest in (configurations(servers - first, phases - 1),)
    ]
    return np.concatenate(rows)


def find(rows: np.ndarray, servers: int) -> np.ndarray:
    """Return where the states `rows` of as many busy servers stand in their list."""
    phases = rows.shape[1]
    capacity = (servers + 1) ** np.arange(phases)[::-1]
    # The list falls in this order.
    keys = configurations(servers, phases) @ capacity
    found: np.ndarray = len(keys) - 1 - np.searchsorted(keys[::-1], rows @ capacity)
    return found


@lru_cache(maxsize=1024)
def moved(servers: int, phases: int, out: int, into: int) -> tuple[np.ndarray, ...]:
    """Return the states with a server in phase `out`, their number, and where one goes.

    A phase of -1 is none: a service that ends, or one that starts.
    """
    rows = configurations(servers, phases)
    here = np.flatnonzero(rows[:, out]) if out >= 0 else np.arange(len(rows))
    after = rows[here].copy()
    count = after[:, out].copy() if out >= 0 else np.ones(len(rows))
    if out >= 0:
        after[:, out] -= 1
    if into >= 0:
        after[:, into] += 1
    return here, count, find(after, servers - (out >= 0) + (into >= 0))


def changes(servers: int, generator: np.ndarray) -> np.ndarray:
    """Return the rates between states without an end of service, less all rates out.

    Parameters
    ----------
    servers : int
        Number of busy servers, >= 0. [-]
    generator : array of shape (cells, phases, phases)
        Rates of one service. [1/s]

    Returns
    -------
    array of shape (cells, states, states)
        The rates. [1/s]

    Examples
    --------
    >>> changes(2, np.array([[[-3.0, 1.0], [0.0, -1.0]]]))[0]
    array([[-6.,  2.,  0.],
           [ 0., -4.,  1.],
           [ 0.,  0., -2.]])
    """
    phases = generator.shape[-1]
    size = states(servers, phases)
    out = np.zeros((len(generator), size, size))
    for a in range(phases):
        for b in range(phases):
            if generator[:, a, b].any():
                here, count, there = moved(servers, phases, a, b)
                out[:, here, there] += count * generator[:, a, b, None]
    return out


def ends(servers: int, generator: np.ndarray) -> np.ndarray:
    """Return the rates of an end of service, to the states of one busy server fewer.

    Parameters
    ----------
    servers : int
        Number of busy servers, >= 1. [-]
    generator : array of shape (cells, phases, phases)
        Rates of one service. [1/s]

    Returns
    -------
    array of shape (cells, states, states with one server fewer)
        The rates. [1/s]

    Examples
    --------
    >>> ends(2, np.array([[[-3.0, 1.0], [0.0, -1.0]]]))[0]
    array([[4., 0.],
           [1., 2.],
           [0., 2.]])
    """
    phases, rates = generator.shape[-1], np.maximum(-generator.sum(axis=-1), 0.0)
    out = np.zeros((len(generator), states(servers, phases), states(servers - 1, phases)))
    for a in range(phases):
        here, count, there = moved(servers, phases, a, -1)
        out[:, here, there] += count * rates[:, a, None]
    return out


def starts(servers: int, initial: np.ndarray) -> np.ndarray:
    """Return the probabilities of the states after one more server has started.

    Parameters
    ----------
    servers : int
        Number of busy servers before, >= 0. [-]
    initial : array of shape (cells, phases)
        Probability that a service begins in each phase. [-]

    Returns
    -------
    array of shape (cells, states, states with one server more)
        The probabilities. [-]

    Examples
    --------
    >>> starts(1, np.array([[0.25, 0.75]]))[0]
    array([[0.25, 0.75, 0.  ],
           [0.  , 0.25, 0.75]])
    """
    phases = initial.shape[-1]
    out = np.zeros((len(initial), states(servers, phases), states(servers + 1, phases)))
    for b in range(phases):
        here, _, there = moved(servers, phases, -1, b)
        out[:, here, there] += initial[:, b, None]
    return out


def log_weights(servers: int, initial: np.ndarray, generator: np.ndarray) -> np.ndarray:
    r"""Return logarithms of the multinomial weights of the states, the largest 0.

    With :math:`\theta = \alpha (-T)^{-1}` they are :math:`\prod_i \theta_i^{n_i} / n_i!`. For
    hyperexponential service they make the rates symmetric, and the matrices of the wait have
    eigenvectors that are nearly orthogonal.

    Parameters
    ----------
    servers : int
        Number of busy servers. [-]
    initial : array of shape (cells, phases)
        Probability that a service begins in each phase. [-]
    generator : array of shape (cells, phases, phases)
        Rates of one service. [1/s]

    Returns
    -------
    array of shape (cells, states)
        The logarithms. [-]

    Examples
    --------
    >>> rates = np.array([[[-2.0, 0.0], [0.0, -1.0]]])
    >>> np.exp(log_weights(2, np.array([[0.5, 0.5]]), rates)).round(3)
    array([[0.25, 1.  , 1.  ]])
    """
    from scipy.special import gammaln

    rows = configurations(servers, initial.shape[-1])
    spent = np.linalg.solve(-np.swapaxes(generator, 1, 2), initial[..., None])[..., 0]
    log: np.ndarray = np.log(np.maximum(spent, 1e-300)) @ rows.T - gammaln(rows + 1.0).sum(1)
    return np.asarray(log - log.max(axis=1, keepdims=True))


class Moves(NamedTuple):
    """Rates of the ends or of the starts of a service, by its phase, as few as there are.

    Parameters
    ----------
    sizes : tuple of two int
        Number of states before and after. [-]
    phases : list of tuple of three arrays
        For each phase the states before, those after, and the rates. [1/s]

    Examples
    --------
    A service ends in the second of two phases, of two servers:

    >>> here, count, there = moved(2, 2, 1, -1)
    >>> end = Moves((3, 2), [(here, there, 0.5 * count)])
    >>> end.before(np.eye(2)[None])[0].tolist()
    [[0.0, 0.0], [0.5, 0.0], [0.0, 1.0]]
    >>> (end.after(np.eye(3)[None])[0] == end.before(np.eye(2)[None])[0].T).all()
    np.True_
    """

    sizes: tuple[int, int]
    phases: list[tuple[np.ndarray, np.ndarray, np.ndarray]]

    def before(self, columns: np.ndarray) -> np.ndarray:
        """Return the rates times columns of values after."""
        return self._product(columns, 0)

    def after(self, columns: np.ndarray) -> np.ndarray:
        """Return the transposed rates times columns of values before."""
        return self._product(columns, 1)

    def _product(self, columns: np.ndarray, end: int) -> np.ndarray:
        out = np.zeros((len(columns), self.sizes[end], columns.shape[-1]), columns.dtype)
        for *states, rates in self.phases:
            out[:, states[end]] += rates[:, None] * columns[:, states[1 - end]]
        return out
