r"""The distribution of the response of M/M/c whose servers break down.

Of the requests present the oldest are served, so that those that come later do not matter: a
request that finds n others, with j servers up, is served while :math:`n < j`, and one of the
others leaves at the rate :math:`\min(n, j) / S`. With Q the generator of the number up, and D
the diagonal of j / S, the transforms :math:`v_n` of what is left (a vector over j) are

.. math::

    (s - Q + \min(n, D) + 1_{n < j} / S) \, v_n = \min(n, D) \, v_{n - 1} + 1_{n < j} / S ,

one after the other up to :math:`n = c - 1`. From c on all levels are alike, and an arrival
finds :math:`\pi_{c + k} = \pi_c R^k` (`qmodel.balancing.reliability.breakdowns`). With Schur's
form :math:`R = U T U^*` the columns of :math:`\sum_k v_{c + k} \, \pi_c R^k U` solve, one after
the other,

.. math::

    (s - Q + (1 - T_{ii}) D) \, m_i = D \Big( (\pi_c U)_i \, v_{c - 1}
    + \sum_{j < i} T_{ji} \, m_j \Big),

and the sum of their products with the columns of U is the rest of the transform; eigenvectors
of R would lose all digits from 30 servers on. All systems are tridiagonal. The moments are the
same systems at s = 0, with the moment before on the right. For one server it is M/G/1 with
interruptions [1]_.

References
----------
.. [1] B. Avi-Itzhak, P. Naor, "Some queuing problems with the service station subject to
   breakdown", Operations Research 11, 1963.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel._typing import Count, Value
from qmodel.distributions import Distribution
from qmodel.distributions.broadcasting import whole

__all__ = ["Found", "InterruptedResponse"]


class Found(NamedTuple):
    """What an arrival finds, in service times.

    Parameters
    ----------
    fails : float
        Rate at which a server that is up breaks down. [-]
    repair : float
        Mean time of a repair. [-]
    below : array of shape (c, c + 1)
        Probabilities of 0, ..., c - 1 requests, by servers up. [-]
    unitary, triangle : array of shape (c + 1, c + 1)
        Schur's form of the matrix of ratios of the levels from there on. [-]
    first, all : array of shape (c + 1,)
        The level of c requests, and the sum of it and all beyond, times the unitary matrix. [-]
    """

    fails: float
    repair: float
    below: np.ndarray
    unitary: np.ndarray
    triangle: np.ndarray
    first: np.ndarray
    all: np.ndarray

    @classmethod
    def of(
        cls, fails: float, repair: float, below: np.ndarray, ratio: np.ndarray, total: float
    ) -> Found:
        """Return it from levels, their ratio R, and what they and the rest sum to."""
        from scipy.linalg import schur

        triangle, unitary = schur(ratio, output="complex")
        below = below / total
        first = below[-1] @ ratio
        beyond = np.linalg.solve(np.eye(len(ratio)) - ratio.T, first)
        return cls(fails, repair, below, unitary, triangle, first @ unitary, beyond @ unitary)


@dataclass(frozen=True, slots=True, eq=False)
class InterruptedResponse(Distribution):
    """Time in queue and in service where servers break down.

    Parameters
    ----------
    service_time : number or array
        Mean service time without interruptions, > 0. [s]
    cell : int or integer array
        Which of `found`. [-]
    found : tuple of Found
        What arrivals find. [-]
    """

    service_time: Value
    cell: Count
    found: tuple[Found, ...] = whole()

    def _in_cells(self, of: Any, *values: Any) -> Any:
        """Return ``of(found, *values)`` in each cell."""
        cells, *given = np.broadcast_arrays(self.cell, *values)
        flat, at = cells.ravel(), [np.asarray(x).ravel() for x in given]
        out = np.zeros(flat.size, dtype=complex)
        for row in np.unique(flat):
            here = flat == row
            out[here] = of(self.found[row], *(x[here] for x in at))
        return out.reshape(cells.shape)

    def _moment(self, order: int) -> Any:
        return self.service_time**order * self._in_cells(lambda f: _moments(f)[order - 1]).real

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._moment(1)[()]

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return (self._moment(2) - self._moment(1) ** 2)[()]

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        first, second, third = (self._moment(k) for k in (1, 2, 3))
        return (third - 3 * first * second + 2 * first**3)[()]

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        found = self._in_cells(_transform, np.asarray(s) * self.service_time)
        return (found if np.iscomplexobj(s) else found.real)[()]


def _transform(found: Found, s: np.ndarray) -> Any:
    """Return the transform at points s."""
    servers = len(found.below)
    up = np.arange(servers + 1.0)
    left: Any = np.zeros((s.size, servers + 1))
    total: Any = np.zeros(s.size, dtype=complex)
    for n, state in enumerate(found.below):
        own, others = 1.0 * (n < up), np.minimum(n, up)
        left = _solved(found, s[:, None] + own + others, own + others * left)
        total += left @ state
    return total + _beyond(found, s[:, None], left, [0.0] * (servers + 1))[1]


def _moments(found: Found) -> list[Any]:
    """Return the first three moments."""
    servers = len(found.below)
    up = np.arange(servers + 1.0)
    levels: list[Any] = [np.ones(servers + 1)] * servers
    rest: Any = [x * np.ones(servers + 1) for x in found.all]
    moments = []
    for order in (1, 2, 3):
        before: Any = 0.0
        total: Any = 0.0
        for n, state in enumerate(found.below):
            own, others = 1.0 * (n < up), np.minimum(n, up)
            before = _solved(found, own + others, order * levels[n] + others * before)
            levels[n] = before
            total = total + before @ state
        rest, beyond = _beyond(found, 0.0, before, [order * x for x in rest])
        moments.append(total + beyond)
    return moments


def _beyond(found: Found, s: Any, before: Any, more: Any) -> tuple[Any, Any]:
    """Return the columns of the sum from c requests on, with `more` on the right; their sum."""
    up = np.arange(len(found.below) + 1.0)
    columns = np.zeros((up.size, *np.shape(before)), dtype=complex)
    total: Any = 0.0
    for i in range(up.size):
        own = found.first[i] * before + np.tensordot(found.triangle[:i, i], columns[:i], 1)
        drain = s + (1 - found.triangle[i, i]) * up
        columns[i] = _solved(found, drain, more[i] + up * own)
        total = total + columns[i] @ found.unitary[:, i].conj()
    return columns, total


def _solved(found: Found, leave: Any, right: Any) -> Any:
    """Return x of (leave - Q) x = right, with the number up along the last axis."""
    servers = len(found.below)
    fails = np.arange(servers + 1) * found.fails
    mends = (servers - np.arange(servers + 1)) / found.repair
    main, right = np.broadcast_arrays(leave + fails + mends, right)
    pivots, sides = [main[..., 0]], [right[..., 0]]
    for j in range(1, servers + 1):
        share = fails[j] / pivots[-1]
        pivots.append(main[..., j] - share * mends[j - 1])
        sides.append(right[..., j] + share * sides[-1])
    out = [sides[-1] / pivots[-1]]
    for j in range(servers - 1, -1, -1):
        out.append((sides[j] + mends[j] * out[-1]) / pivots[j])
    return np.stack(out[::-1], axis=-1)
