r"""Closed networks of several classes, approximately: Schweitzer and Linearizer.

A request of class c finds at a station what is there with one user of its class less. From the
solution with all,

.. math::

    Q_{jk}(N - e_c) \approx (N_j - [j = c]) \Big(\frac{Q_{jk}}{N_j} + F_{jk}^{(c)}\Big), \qquad
    R_{ck} = D_{ck} \Big(1 + \sum_j Q_{jk}(N - e_c)\Big), \qquad X_c = \frac{N_c}{Z_c + R_c} ,

with :math:`F = 0` in Bard's and Schweitzer's method, and in the Linearizer of Chandy and Neuse
with F from the same method at :math:`N - e_c`, three times over. Populations may be real
numbers. A station of c servers is one of demand D / c and a delay of D (c - 1) / c (Seidmann).

References
----------
.. [1] P. J. Schweitzer, "Approximate analysis of multiclass closed networks of queues", Int.
   Conference on Stochastic Control and Optimization, Amsterdam, 1979.
.. [2] K. M. Chandy, D. Neuse, "Linearizer: a heuristic algorithm for queueing network models of
   computing systems", Communications of the ACM 25, 1982.
.. [3] A. Seidmann, P. J. Schweitzer, S. Shalev-Oren, "Computerized closed queueing network
   models of flexible manufacturing systems", Large Scale Systems 12, 1987.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["linearizer", "schweitzer"]

_CLOSE, _MOST = 1e-12, 2000


def _core(demands: Any, delays: Any, users: Any, bend: Any, numbers: Any) -> tuple[Any, Any]:
    """Return throughputs and numbers for given F, (class less, class, station, cells)."""
    size = len(demands)
    less = users[None] - np.eye(size)[:, :, None]  # (class less, class, cells)
    share = less / np.where(users > 0, users, 1.0)
    for _ in range(_MOST):
        there = share[:, :, None] * numbers[None] + np.maximum(less, 0.0)[:, :, None] * bend
        seen = np.maximum(there, 0.0).sum(axis=1)
        response = demands * (1 + seen)
        through = users / (delays + response.sum(axis=1))
        found = through[:, None] * response
        change = np.max(np.abs(found - numbers), initial=0.0)
        numbers = found
        if not change > _CLOSE * np.max(users, initial=1.0):
            break
    return through, numbers


def schweitzer(demands: Any, delays: Any, users: Any) -> tuple[Any, Any]:
    """Return throughputs and mean numbers by Bard's and Schweitzer's method.

    Parameters
    ----------
    demands : array of shape (classes, stations, n)
        Demands at single servers. [s]
    delays : array of shape (classes, n)
        All delays of a round. [s]
    users : array of shape (classes, n)
        Users, >= 0; real numbers are allowed. [-]

    Returns
    -------
    tuple of two arrays
        Throughputs (classes, n) [1/s] and numbers (classes, stations, n) [-].
    """
    busy = demands.sum(axis=1, keepdims=True)
    start = users[:, None] * demands / np.where(busy > 0, busy, 1.0)
    return _core(demands, delays, users, np.zeros(()), start)


def linearizer(demands: Any, delays: Any, users: Any) -> tuple[Any, Any]:
    """Return throughputs and mean numbers by the Linearizer.

    Parameters
    ----------
    demands : array of shape (classes, stations, n)
        Demands at single servers. [s]
    delays : array of shape (classes, n)
        All delays of a round. [s]
    users : array of shape (classes, n)
        Users, >= 0; real numbers are allowed. [-]

    Returns
    -------
    tuple of two arrays
        Throughputs (classes, n) [1/s] and numbers (classes, stations, n) [-].
    """
    size = len(demands)
    through, numbers = schweitzer(demands, delays, users)
    bend = np.zeros((size, *numbers.shape))
    for _ in range(3):
        ahead = np.zeros_like(bend)
        for c in range(size):
            less = users - np.eye(size)[c][:, None]
            less = np.maximum(less, 0.0)
            _, fewer = _core(demands, delays, less, bend, numbers)
            ahead[c] = fewer / np.where(less > 0, less, np.inf)[:, None]
            ahead[c] -= numbers / np.where(less > 0, users, np.inf)[:, None]
        bend = ahead
        through, numbers = _core(demands, delays, users, bend, numbers)
    return through, numbers
