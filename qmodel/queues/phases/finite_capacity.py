r"""PH/PH/c/K exactly: c servers with service of phase type, and capacity K.

Arrivals are Poisson, or the times between them are of phase type too.

The states are the number n of requests present, the phase of the next arrival and how many of
the busy servers are in each phase (`qmodel.queues.phases.busy_servers`); levels are eliminated
from K downwards, with positive terms only,

.. math::

    \pi_n = \pi_{n-1} F_n, \qquad F_n = U_{n-1} (-L_n - F_{n+1} D_{n+1})^{-1},

with the rates U up, L within a level and D down. In a long room the factors stop changing, and
are taken as they are.

**Wait.** Who finds n requests, :math:`c \le n < K`, waits for n - c + 1 departures while all
servers are busy. In steps of a Poisson process of rate :math:`\Lambda`, no less than any rate
out of a state [1]_, the probability :math:`w_k` that k steps are too few does not depend on the
time, so that the tail is closed, with positive terms:

.. math::

    P(T_q > t) = \sum_k \frac{(\Lambda t)^k}{k!} e^{-\Lambda t} \, w_k .

References
----------
.. [1] A. Jensen, "Markoff chains as an aid in the study of Markoff processes", Skandinavisk
   Aktuarietidskrift 36, 1953.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel._typing import Count, Value
from qmodel.distributions import Distribution
from qmodel.distributions.broadcasting import whole
from qmodel.numerics.stationary import stationary
from qmodel.queues.phases import busy_servers

__all__ = ["POISSON_GAPS", "InRoom", "SteppedWait", "in_room"]

_LEAST = 1e-14
"""The share that is left out at the end of a wait."""
_MOST_STEPS = 200_000
POISSON_GAPS = np.ones((1, 1)), -np.ones((1, 1, 1))
"""Exponential times between arrivals."""


class InRoom(NamedTuple):
    """The steady state of cells with one service distribution, in units of its mean.

    Parameters
    ----------
    present, seen : array of shape (capacity + 1, cells)
        Probabilities of the number present, and of that which an arrival finds. [-]
    steps : tuple of arrays
        For each cell the probabilities that so many steps are too few for the wait of an
        accepted request. [-]
    rate : float
        Rate of the steps. [-]
    """

    present: np.ndarray
    seen: np.ndarray
    steps: tuple[np.ndarray, ...]
    rate: float


def in_room(
    initial: np.ndarray,
    generator: np.ndarray,
    servers: int,
    capacity: int,
    load: np.ndarray,
    gaps: tuple[np.ndarray, np.ndarray] = POISSON_GAPS,
) -> InRoom:
    """Return the steady state at some loads.

    Parameters
    ----------
    initial : array of shape (phases,)
        Probability that a service begins in each phase. [-]
    generator : array of shape (phases, phases)
        Rates of one service, of mean 1. [-]
    servers, capacity : int
        Numbers of both, 1 <= servers <= capacity. [-]
    load : array of shape (cells,)
        Arrivals in a mean service time, > 0. [-]
    gaps : pair of arrays, of shape (cells, stages) and (cells, stages, stages)
        The same of the times between arrivals, of mean 1; by default exponential. [-]

    Returns
    -------
    InRoom
        Number present, and the waits. [-]

    Examples
    --------
    Two servers and a capacity of four, as for M/M/2/4:

    >>> one = np.array([1.0]), np.array([[-1.0]])
    >>> found = in_room(*one, servers=2, capacity=4, load=np.array([1.6]))
    >>> found.present[:, 0].round(4), found.steps[0][:3].round(4)
    (array([0.1747, 0.2796, 0.2237, 0.1789, 0.1431]), array([0.4698, 0.2088, 0.    ]))
    """
    start, rates = initial[None], generator[None]
    change = [busy_servers.changes(n, rates) for n in range(1, servers + 1)]
    change.insert(0, np.zeros((1, 1, 1)))
    fall = [busy_servers.ends(n, rates) for n in range(1, servers + 1)]
    begin = [busy_servers.starts(n, start) for n in range(servers)]
    leave = fall[-1] @ begin[-1]
    a = load[:, None, None]
    stages = gaps[0].shape[-1]
    stage, busy = np.eye(stages)[None], np.eye(leave.shape[-1])[None]
    quiet = a * gaps[1]
    ends = a[..., 0] * -gaps[1].sum(axis=-1)
    come = ends[:, :, None] * gaps[0][:, None, :]
    done = _each(stage, leave)

    # From the full room downwards; up to a factor that stays, in long rooms.
    up, within = _each(come, busy), _each(quiet, busy) + _each(stage, change[-1])
    # Together before the rest, which an endless load would swallow.
    full = _each(quiet + come, busy) + _each(stage, change[-1])
    factors = [up @ np.linalg.inv(-full)] if capacity > servers else []
    while len(factors) < capacity - servers:
        factor = up @ np.linalg.inv(-within - factors[-1] @ done)
        if abs(factor - factors[-1]).max() < 1e-15 * abs(factor).max():
            factors.extend([factor] * (capacity - servers - len(factors)))
            break
        factors.append(factor)
    inside = within if capacity > servers else full
    back: Any = factors[-1] @ done if factors else 0.0
    below = []
    for n in range(servers, 0, -1):
        below.append(_each(come, begin[n - 1]) @ np.linalg.inv(-inside - back))
        back = below[-1] @ _each(stage, fall[n - 1])
        size = begin[n - 1].shape[1]
        inside = _each(quiet, np.eye(size)[None]) + _each(stage, change[n - 1])
    levels = [stationary(inside + back)[:, None]]
    for factor in [*below[::-1], *factors[::-1]]:
        levels.append(levels[-1] @ factor)
        # A crowded room has more than a float can hold, of an empty one.
        most = levels[-1].max(axis=(1, 2), keepdims=True)
        if (most > 1e200).any():
            levels = [level / np.where(most > 1e200, most, 1.0) for level in levels]
    present = np.stack([level.sum(axis=(1, 2)) for level in levels])
    # What an arrival finds: the busy servers, by the rate at which each stage ends.
    finds = [
        (ends[:, None] @ level.reshape(load.size, stages, -1))[:, 0] / load[:, None]
        for level in levels
    ]
    seen = np.stack([each.sum(axis=1) for each in finds])
    queued = np.stack(finds[servers:-1], axis=1) if factors else None
    accepted = seen[:-1].sum(axis=0)
    rate = float(-change[-1].diagonal(axis1=1, axis2=2).min())
    steps = tuple(
        np.zeros(1)
        if queued is None
        else _steps(queued[i] / accepted[i], change[-1][0], leave[0], rate)
        for i in range(load.size)
    )
    return InRoom(present / present.sum(axis=0), seen / seen.sum(axis=0), steps, rate)


def _each(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return the Kronecker product in each cell."""
    if outer.shape[1:] == (1, 1):
        return np.asarray(outer * inner)
    rows, columns = outer.shape[1] * inner.shape[1], outer.shape[2] * inner.shape[2]
    whole: np.ndarray = outer[:, :, None, :, None] * inner[:, None, :, None, :]
    return whole.reshape(-1, rows, columns)


def _steps(found: np.ndarray, change: np.ndarray, leave: np.ndarray, rate: float) -> np.ndarray:
    """Return the probabilities that 0, 1, ... steps are too few, of rows by what is found."""
    from scipy.sparse import csr_array

    stay = csr_array((np.eye(len(change)) + change / rate).T)
    done = csr_array((leave / rate).T)
    left = np.ascontiguousarray(found.T)
    probabilities = [float(left.sum())]
    while probabilities[-1] > _LEAST * probabilities[0] and len(probabilities) < _MOST_STEPS:
        after = done @ left
        left = stay @ left
        left[:, :-1] += after[:, 1:]
        probabilities.append(float(left.sum()))
    return np.array(probabilities)


@dataclass(frozen=True, slots=True, eq=False)
class SteppedWait(Distribution):
    """A wait of as many steps of a Poisson process as its table says.

    Parameters
    ----------
    unit : number or array
        Mean time of a step, > 0. [s]
    cell : int or integer array
        Which row of the table. [-]
    steps : tuple of arrays
        Probabilities that 0, 1, ... steps are too few, for each row. [-]

    Examples
    --------
    One step or two, after no wait for half of the requests:

    >>> distribution = SteppedWait(0.1, 0, (np.array([0.5, 0.2]),))
    >>> float(distribution.atom), float(distribution.mean), float(distribution.tail(0.1))
    (0.5, 0.07, 0.2575)
    """

    unit: Value
    cell: Count
    steps: tuple[np.ndarray, ...] = whole()
    closed = True

    def _sums(self, of: Any, *values: Any) -> Any:
        """Return ``of(steps, *values)`` in each cell."""
        cells, *found = np.broadcast_arrays(self.cell, *values)
        flat, at = cells.ravel(), [np.asarray(x).ravel() for x in found]
        out = np.zeros(flat.size, dtype=complex)
        for row in np.unique(flat):
            here = flat == row
            out[here] = of(self.steps[row], *(x[here] for x in at))
        return out.reshape(cells.shape)

    def _moment(self, order: int) -> Any:
        """Return the mean of the rising factorial of the steps."""

        def of(probability: np.ndarray) -> Any:
            k = np.arange(probability.size)
            rising = np.ones(probability.size)
            for j in range(1, order):
                rising = rising * (k + j)
            return order * (rising @ probability)

        return self._sums(of).real

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return (self.unit * self._moment(1))[()]

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        first, second = self._moment(1), self._moment(2)
        return (self.unit**2 * np.maximum(second - first**2, 0.0))[()]

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        first, second, third = (self._moment(k) for k in (1, 2, 3))
        return (self.unit**3 * (third - 3 * first * second + 2 * first**3))[()]

    @property
    def atom(self) -> Value:
        """Probability of no wait. [-]."""
        return (1 - self._sums(lambda probability: probability[0]).real + 0 * self.unit)[()]

    @property
    def analytic(self) -> bool:
        """No: many steps in a row are a pole of high order."""
        return False

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""

        def of(probability: np.ndarray, x: np.ndarray) -> Any:
            # 1 - x sum_k w_k z^(k+1), with z = 1 / (1 + x), in blocks of powers.
            z = 1 / (1 + x)
            return 1 - x * z * _polynomial(probability, z)

        return self._sums(of, np.asarray(s) * self.unit)[()]

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return self._both(t)[0]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        return self._both(t)[1]

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return `tail` and `density` at `t` [s], from one table."""
        return self._both(t)

    def _both(self, t: Value) -> tuple[Any, Any]:
        t = np.asarray(t, dtype=float)
        x = t / self.unit
        # Before 0 the tail is 1, and without a number it has none.
        usual = np.where(np.isfinite(x) & (x >= 0), x, 0.0)
        tail = self._sums(lambda w, u: _averaged(w, u), usual).real
        falls = self._sums(lambda w, u: _averaged(w - np.append(w[1:], 0.0), u), usual).real
        tail = np.where(t < 0, 1.0, np.where(np.isposinf(t), 0.0, tail)) + 0 * self.unit
        density = np.where((t < 0) | np.isposinf(t), 0.0, falls / self.unit)
        unknown = np.isnan(x)
        return np.where(unknown, np.nan, tail)[()], np.where(unknown, np.nan, density)[()]


def _averaged(values: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the mean of what a table has at a Poisson number, 0 beyond its end."""
    from scipy.special import gammaln, xlogy

    k = np.arange(values.size)
    out = np.zeros(mean.size)
    step = max(1, (1 << 20) // values.size)
    for i in range(0, mean.size, step):
        m = mean[i : i + step, None]
        out[i : i + step] = np.exp(xlogy(k, m) - m - gammaln(k + 1.0)) @ values
    return out


def _polynomial(weights: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the sum of ``weights[k] * z**k``, of powers up to the block and of the blocks."""
    block = int(np.sqrt(weights.size)) + 1
    padded = np.zeros(block * block)
    padded[: weights.size] = weights
    low = z[:, None] ** np.arange(block)
    high = (z**block)[:, None] ** np.arange(block)
    rows = low @ padded.reshape(block, block).T
    return np.asarray((high * rows).sum(axis=1))
