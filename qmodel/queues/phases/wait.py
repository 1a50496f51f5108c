r"""The wait and the number behind several servers, with a tail of exponentials.

`qmodel.queues.phases.queue` gives the tail of the wait, for those that wait, as a sum of
exponentials :math:`\sum_i w_i e^{-x_i t}`. Tables of such sums at a few loads are blended to
other loads and to more servers (`qmodel.queues.phases.mgc`): the tail of a cell is then

.. math::

    P(T_q > t) = P \sum_j v_j \sum_i w_{ji} \, e^{-x_{ji} t / u}

with weights v of the tables, which sum to 1 and may be negative, and a unit of time u; the
rates are those of the table times a speed of the cell. First come, first served, the number in
queue is that of the arrivals in a wait, at any time [1]_, so that a term falls with
:math:`A_e(x / u) A(x / u)^{n - c}` in :math:`P(N > n)`, A being the transform of the time
between arrivals.

References
----------
.. [1] R. Haji, G. F. Newell, "A relation between stationary queue and waiting time
   distributions", Journal of Applied Probability 8, 1971, 617-620.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel._typing import Count, Value
from qmodel.distributions import Distribution, Exponential
from qmodel.distributions.broadcasting import whole
from qmodel.queues.counts.server_states import ServerStates
from qmodel.queues.counts.states import States

__all__ = ["POISSON", "PhaseNumber", "PhaseWait", "Tails"]

POISSON = Exponential(1.0)
"""The shape of the times between Poisson arrivals."""

_CHUNK = 1 << 16  # exponentials at a time


class Tails(NamedTuple):
    """Tails of waits, given a wait, in units of time of each cell.

    Parameters
    ----------
    weights : array of shape (tables, terms)
        Weights of the exponentials; each row sums to 1. [-]
    rates : array of shape (tables, terms)
        Their rates, in a unit of the table, the slowest first. [-]
    tables : int array of shape (cells, blended)
        The tables that a cell blends. [-]
    blend : array of shape (cells, blended)
        Their weights; each row sums to 1. [-]
    speed : array of shape (cells, blended)
        The unit of time of the cell over that of the table. [-]
    means : array of shape (cells,)
        The mean of the blend, in the unit of the cell. [-]
    """

    weights: np.ndarray
    rates: np.ndarray
    tables: np.ndarray
    blend: np.ndarray
    speed: np.ndarray
    means: np.ndarray

    @classmethod
    def own(cls, weights: np.ndarray, rates: np.ndarray, means: np.ndarray) -> Tails:
        """Return tails of one table a cell."""
        tables = np.arange(len(weights))[:, None]
        one = np.ones(tables.shape)
        return cls(weights, rates, tables, one, one, means)

    @classmethod
    def of_mean(cls, weights: np.ndarray, rates: np.ndarray, means: np.ndarray) -> Tails:
        """Return tails of one table a cell on rates that have these means but for an error.

        Their unit of time makes it nothing.
        """
        tails = cls.own(weights, np.broadcast_to(rates, weights.shape), means)
        return tails._replace(
            speed=(weights / rates).sum(axis=1, keepdims=True) / means[:, None]
        )

    def sums(self, cells: Any, of: Callable[..., Any], *values: Any) -> Any:
        """Return the blended sum of ``weights * of(rates, *values)`` in each of the cells."""
        cells, *found = np.broadcast_arrays(cells, *values)
        flat, at = cells.ravel(), [np.asarray(x).ravel() for x in found]
        out = np.zeros(flat.size, dtype=complex)
        step = max(1, _CHUNK // self.rates.shape[1])
        for i in range(0, flat.size, step):
            here = slice(i, i + step)
            cell, x = flat[here], [v[here, None] for v in at]
            for j in range(self.tables.shape[1]):
                blend, table = self.blend[cell, j], self.tables[cell, j]
                if not blend.any():
                    continue
                rates = self.rates[table] * self.speed[cell, j, None]
                with np.errstate(all="ignore"):
                    terms = self.weights[table] * of(rates, *x)
                    out[here] += blend * terms.sum(axis=1)
        total = out if any(np.iscomplexobj(x) for x in values) else out.real
        return total.reshape(cells.shape)[()]


@dataclass(frozen=True, slots=True, eq=False)
class PhaseWait(Distribution):
    """The time in queue behind several servers.

    Parameters
    ----------
    probability : number or array
        Probability of waiting; 1 in overload. [-]
    unit : number or array
        Unit of time of the tail; inf in overload. [s]
    cell : int or int array
        The cells of `tails`. [-]
    tails : Tails
        Tails of the waits, given a wait. [-]

    Examples
    --------
    >>> one = Tails.own(np.array([[0.5, 0.5]]), np.array([[1.0, 2.0]]), np.array([0.75]))
    >>> distribution = PhaseWait(0.8, 2.0, 0, one)
    >>> float(distribution.mean), float(distribution.tail(0.0)), float(distribution.tail(2.0))
    (1.2, 0.8, 0.2013)
    """

    probability: Value
    unit: Value
    cell: Value
    tails: Tails = whole(repr=False)  # noqa: RUF009
    closed = True

    def _moment(self, k: int) -> Any:
        """Return E[X^k] over the factorial of k."""
        if k == 1:
            moment = self.tails.means[self.cell]
        else:
            moment = self.tails.sums(self.cell, lambda rates: 1 / rates**k)
        with np.errstate(invalid="ignore"):
            found = self.probability * np.asarray(self.unit) ** k * moment
        return np.where(np.asarray(self.probability) == 0, 0.0, found)[()]

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._moment(1)

    def _finite(self, cumulant: Callable[[], Any]) -> Any:
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(self.unit), np.inf, cumulant())[()]

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self._finite(lambda: 2 * self._moment(2) - self._moment(1) ** 2)

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""

        def cumulant() -> Any:
            first, second, third = (self._moment(k) for k in (1, 2, 3))
            return 6 * third - 6 * first * second + 2 * first**3

        return self._finite(cumulant)

    @property
    def atom(self) -> Value:
        """Probability of no wait. [-]."""
        return 1 - self.probability

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return np.where(np.isinf(self.unit), 1.0, 0.0)[()]

    @property
    def exponential_limit(self) -> Value:
        """The slowest rate of the tails that are blended. [1/s]."""
        tails = self.tails
        slowest = tails.rates[:, 0].real[tails.tables] * tails.speed
        used = np.where(tails.blend != 0, slowest, np.inf).min(axis=1)
        return (used[self.cell] / np.asarray(self.unit))[()]

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        full = np.isinf(self.unit)
        x = np.asarray(s) * np.where(full, 1.0, self.unit)
        queued = self.tails.sums(self.cell, lambda rates, y: rates / (rates + y), x)
        return (1 - self.probability + np.where(full, 0.0, self.probability * queued))[()]

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        x = np.maximum(t, 0.0) / np.asarray(self.unit)
        below = self.tails.sums(self.cell, lambda rates, y: np.exp(-rates * y), x)
        # Blends and rounding of rare waits may leave the interval by their error.
        below = np.where(x == 0, 1.0, np.clip(below, 0.0, 1.0)) * self.probability
        return np.where(np.asarray(t) < 0, 1.0, below)[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        x = np.maximum(t, 0.0) / np.asarray(self.unit)
        slope = self.tails.sums(self.cell, lambda rates, y: rates * np.exp(-rates * y), x)
        slope = np.maximum(slope, 0.0) * (self.probability / np.asarray(self.unit))
        return np.where(np.asarray(t) < 0, 0.0, slope)[()]


@dataclass(frozen=True, slots=True, eq=False)
class PhaseNumber(States):
    """The number in queue and in service.

    Below the servers the states are those of M/M/c, times ratios that are known, or times a
    straight line in the number, so that the mean number of busy servers is right.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate. [1/s]
    markov : ServerStates
        The distribution of the number with exponential service. [-]
    wait : PhaseWait
        Distribution of the time in queue. [-]
    ratios : array of shape (cells, servers)
        Of the probabilities of fewer requests than servers to those of M/M/c; NaN where they
        are not known. [-]
    interarrival : Distribution, default Exponential(1.0)
        The distribution of the time between arrivals, of mean 1. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> service = qm.HyperExponential([0.9, 0.1], [0.5, 5.5])
    >>> number = qm.MGc(service, servers=3).solve(2.4).number
    >>> number.probability([0, 1, 2, 3]).round(4), float(number.tail(9))
    (array([0.0623, 0.1363, 0.1403, 0.0896]), 0.3351)
    """

    arrival_rate: Value
    markov: ServerStates
    wait: PhaseWait
    ratios: np.ndarray = whole(repr=False)  # noqa: RUF009
    interarrival: Distribution = POISSON

    @property
    def mean(self) -> Value:
        """Mean number; inf in overload. [-]."""
        with np.errstate(invalid="ignore"):
            queue = self.arrival_rate * self.wait.mean
        full = np.isinf(self.wait.unit)
        return np.where(full, np.inf, self.markov.offered_load + queue)[()]

    @property
    def variance(self) -> Value:
        """Variance of the number; inf in overload. [-]."""
        with np.errstate(invalid="ignore", over="ignore"):
            rate, mean = np.asarray(self.arrival_rate), self.mean
            first = rate * self.wait._moment(1)
            full = np.isinf(self.wait.unit)
            unit = np.where(full, 1.0, self.wait.unit) * rate
            second = self.wait.probability * self.wait.tails.sums(
                self.wait.cell, lambda x, y: (2 * y / (x * self._rest(x / y)) - 1) * y / x, unit
            )
            c = np.asarray(self.markov.servers, dtype=float)
            # Of N less the servers: the queue, or less the idle ones, of which one is nought.
            idle = self._below(lambda n: (c - n) ** 2)
            variance = idle + np.where(first > 0, second, 0.0) - (mean - c) ** 2
        return np.where(np.isinf(self.wait.unit), np.inf, variance)[()]

    def probability(self, n: Count) -> Value:
        """Return P(N = n); 0 in overload [-]."""
        n = np.asarray(n, dtype=float)
        c = np.asarray(self.markov.servers, dtype=float)
        above = self._queue(np.maximum(n, c) - 1) - self._queue(np.maximum(n, c))
        below = self._state(np.minimum(n, c - 1))
        return np.where(n < 0, 0.0, np.where(n < c, below, above))[()]

    def tail(self, n: Count) -> Value:
        """Return P(N > n); 1 in overload [-]."""
        n = np.asarray(n, dtype=float)
        c = np.asarray(self.markov.servers, dtype=float)
        least = np.minimum(n, c - 1)
        busy = self._below(lambda k: np.where(k > least, 1.0, 0.0)) + self._all_busy()
        busy = np.where(np.isinf(self.wait.unit), 1.0, busy)
        return np.where(n < 0, 1.0, np.where(n < c - 1, busy, self._queue(n)))[()]

    def _all_busy(self) -> Any:
        """Return the probability that all servers are busy, at any time."""
        if self.interarrival is POISSON:
            return self.wait.probability
        return 1 - self._below(lambda n: 1.0)

    def _queue(self, n: Any) -> Any:
        """Return P(N > n), n not less than the servers less one."""
        wait, c = self.wait, np.asarray(self.markov.servers, dtype=float)
        full = np.isinf(wait.unit)
        # A rate x in units of time is that many arrivals less one.
        unit = np.where(full, 1.0, wait.unit) * self.arrival_rate
        more = np.maximum(n - c + 1, 0.0)
        found = wait.tails.sums(
            wait.cell,
            lambda x, y, k: self._rest(x / y) * self.interarrival.laplace(x / y) ** (k - 1),
            unit,
            np.maximum(more, 1.0),
        )
        found = np.clip(found, 0.0, 1.0) * wait.probability
        found = np.where(more == 0, self._all_busy(), found)
        found = np.where(np.asarray(self.arrival_rate) == 0, 0.0, found)
        return np.where(full, 1.0, found)

    def _rest(self, s: Any) -> Any:
        """Return the transform of the rest of the time between arrivals."""
        return 1 - self.interarrival.remaining_gap(s)

    def _line(self) -> tuple[Any, Any]:
        """Return intercept and slope of the ratio to M/M/c below the servers."""
        c, a = np.asarray(self.markov.servers, dtype=float), self.markov.offered_load
        with np.errstate(all="ignore"):
            waits = np.asarray(self.markov.tail(c - 1))
            mass, busy = 1 - waits, a - c * waits
            queue = np.where(waits > 0, (self.markov.mean - a) / waits, 0.0)
            square = self.markov.variance + self.markov.mean**2
            # Above, the number of M/M/c is the servers and a geometric queue.
            square = square - waits * (c**2 + 2 * c * queue + queue * (2 * queue + 1))
            probability = np.asarray(self.wait.probability)
            wanted, busy_wanted = 1 - probability, a - c * probability
            spread = mass * square - busy**2
            slope = (busy_wanted * mass - busy * wanted) / spread
            flat = ~(spread > 1e-12 * np.maximum(square, 1e-300))
            slope = np.where(flat, 0.0, slope)
            return (wanted - slope * busy) / mass, slope

    def _state(self, n: Any) -> Any:
        """Return P(N = n) for n below the servers."""
        states = np.asarray(self.markov.probability(n))
        shape = np.broadcast_shapes(np.shape(self.wait.cell), states.shape, np.shape(n))
        cell, at = np.broadcast_to(self.wait.cell, shape), np.broadcast_to(n, shape)
        at = np.clip(np.where(np.isnan(at), 0, at), 0, self.ratios.shape[1] - 1).astype(int)
        ratio = self.ratios[cell, at]
        if np.isnan(ratio).any():
            intercept, slope = self._line()
            with np.errstate(invalid="ignore"):
                ratio = np.where(np.isnan(ratio), np.maximum(intercept + slope * n, 0.0), ratio)
        ratio = np.where(np.asarray(self.arrival_rate) == 0, 1.0, ratio)
        return np.where(np.isinf(self.wait.unit), 0.0 * states, states * ratio)

    def _below(self, weight: Callable[[Any], Any]) -> Any:
        """Return the sum of the probabilities below the servers, weighted."""
        c = np.asarray(self.markov.servers, dtype=float)
        total: Any = 0.0
        for n in range(int(np.nanmax(c, initial=1.0))):
            here = np.where(n < c, weight(n), 0.0)
            total = total + here * self._state(np.minimum(float(n), c - 1))
        return total
