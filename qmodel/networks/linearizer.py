r"""Closed networks of several classes, approximately: Schweitzer and Linearizer.

A request of class c finds at a station what is there with one user of its class less. From the
solution with all,

.. math::

    Q_{jk}(N - e_c) \approx (N_j - [j = c]) \Big(\frac{Q_{jk}}{N_j} + F_{jk}^{(c)}\Big), \qquad
    R_{ck} = D_{ck} \Big(1 + \sum_j Q_{jk}(N - e_c)\Big), \qquad X_c = \frac{N_c}{Z_c + R_c} ,

with :math:`F = 0` in Bard's and Schweitzer's method, and in the Linearizer of Chandy and Neuse
with F from the same method at :math:`N - e_c`, three times over. Populations may be real
numbers. A station of c servers is one of demand D / c and a delay of D (c - 1) / c (Seidmann).

Other orders of service change what a request waits for (`Order`). First come, first served with
a service by class: for the work of each one found, :math:`V_c S_j`. Weights w: for
:math:`D_c w_j / w_c`. Behind the classes h that go first, with :math:`U_h = X_h D_h`,

.. math::

    R_c = \frac{D_c + \sum_{j \le c} V_c S_j Q_j}{1 - \sum_{h < c} U_h}
    \quad \text{(preemptive)}, \qquad
    R_c = D_c + \frac{\sum_{j \le c} V_c S_j Q_j + \sum_{j > c} V_c S_j U_j}
    {1 - \sum_{h < c} U_h} \quad \text{(else)} .

References
----------
.. [1] P. J. Schweitzer, "Approximate analysis of multiclass closed networks of queues", Int.
   Conference on Stochastic Control and Optimization, Amsterdam, 1979.
.. [2] K. M. Chandy, D. Neuse, "Linearizer: a heuristic algorithm for queueing network models of
   computing systems", Communications of the ACM 25, 1982.
.. [3] A. Seidmann, P. J. Schweitzer, S. Shalev-Oren, "Computerized closed queueing network
   models of flexible manufacturing systems", Large Scale Systems 12, 1987.
.. [4] M. Reiser, "A queueing network analysis of computer communication networks with window
   flow control", IEEE Transactions on Communications 27, 1979 (service by class).
.. [5] R. M. Bryant, A. E. Krzesinski, M. S. Lakshmi, K. M. Chandy, "The MVA priority
   approximation", ACM Transactions on Computer Systems 2, 1984.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Order", "linearizer", "schweitzer"]

_CLOSE, _MOST, _FULL = 1e-12, 2000, 1 - 1e-9


class Order(NamedTuple):
    """What a request waits for at each station, where it is not all that it finds."""

    found: Any
    """Time for each one found, (class, class found, station, n). [s]"""
    begun: Any
    """Time for each one found in service, of those that it would pass; the same shape. [s]"""
    above: Any
    """Whether a class goes before it, the same shape but for cells of 1. [-]"""
    preempts: Any
    """Whether those above interrupt its service, (station,). [-]"""

    def response(self, demands: Any, there: Any, through: Any) -> Any:
        """Return the time at each station, (class, station, n)."""
        used = (through[:, None] * demands)[None]
        waits = (self.found * there + self.begun * used).sum(axis=1)
        spare = 1 - np.minimum((self.above * used).sum(axis=1), _FULL)
        own = np.where(self.preempts[:, None], demands / spare, demands)
        return own + waits / spare


def _core(
    demands: Any, delays: Any, users: Any, bend: Any, numbers: Any, order: Order | None
) -> tuple[Any, Any]:
    """Return throughputs and numbers for given F, (class less, class, station, cells)."""
    size = len(demands)
    through = np.zeros_like(users)
    less = users[None] - np.eye(size)[:, :, None]  # (class less, class, cells)
    share = less / np.where(users > 0, users, 1.0)
    for _ in range(_MOST):
        there = share[:, :, None] * numbers[None] + np.maximum(less, 0.0)[:, :, None] * bend
        there = np.maximum(there, 0.0)
        if order is None:
            response = demands * (1 + there.sum(axis=1))
        else:
            response = order.response(demands, there, through)
        through = users / (delays + response.sum(axis=1))
        found = through[:, None] * response
        change = np.max(np.abs(found - numbers), initial=0.0)
        numbers = found
        if not change > _CLOSE * np.max(users, initial=1.0):
            break
    return through, numbers


def schweitzer(
    demands: Any, delays: Any, users: Any, order: Order | None = None
) -> tuple[Any, Any]:
    """Return throughputs and mean numbers by Bard's and Schweitzer's method.

    Parameters
    ----------
    demands : array of shape (classes, stations, n)
        Demands at single servers. [s]
    delays : array of shape (classes, n)
        All delays of a round. [s]
    users : array of shape (classes, n)
        Users, >= 0; real numbers are allowed. [-]
    order : Order, optional
        What a request waits for; by default for all that it finds. [-]

    Returns
    -------
    tuple of two arrays
        Throughputs (classes, n) [1/s] and numbers (classes, stations, n) [-].
    """
    busy = demands.sum(axis=1, keepdims=True)
    start = users[:, None] * demands / np.where(busy > 0, busy, 1.0)
    return _core(demands, delays, users, np.zeros(()), start, order)


def linearizer(
    demands: Any, delays: Any, users: Any, order: Order | None = None
) -> tuple[Any, Any]:
    """Return throughputs and mean numbers by the Linearizer.

    Parameters
    ----------
    demands : array of shape (classes, stations, n)
        Demands at single servers. [s]
    delays : array of shape (classes, n)
        All delays of a round. [s]
    users : array of shape (classes, n)
        Users, >= 0; real numbers are allowed. [-]
    order : Order, optional
        What a request waits for; by default for all that it finds. [-]

    Returns
    -------
    tuple of two arrays
        Throughputs (classes, n) [1/s] and numbers (classes, stations, n) [-].
    """
    size = len(demands)
    through, numbers = schweitzer(demands, delays, users, order)
    bend = np.zeros((size, *numbers.shape))
    for _ in range(3):
        ahead = np.zeros_like(bend)
        for c in range(size):
            less = users - np.eye(size)[c][:, None]
            less = np.maximum(less, 0.0)
            _, fewer = _core(demands, delays, less, bend, numbers, order)
            ahead[c] = fewer / np.where(less > 0, less, np.inf)[:, None]
            ahead[c] -= numbers / np.where(less > 0, users, np.inf)[:, None]
        bend = ahead
        through, numbers = _core(demands, delays, users, bend, numbers, order)
    return through, numbers
