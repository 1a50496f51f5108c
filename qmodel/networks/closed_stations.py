r"""What a user of a closed network meets at one station: number present and wait.

With N users, a request that arrives at a station finds it as if its own user did not exist
(arrival theorem). With :math:`G(N; Z)` the constant of the whole network and :math:`G'` that of
the network in which the station of c servers and demand D is one server of demand D / c,

.. math::

    P(N_k \ge j) = \frac{D^j}{c! \, c^{j - c}} \frac{G'(N - j; Z)}{G(N; Z)} \quad (j \ge c),
    \qquad
    P(T_q > t) = \frac{D^c}{c!} \, e^{-c \mu t} \,
    \frac{G'(N - 1 - c; Z + V t)}{G(N - 1; Z)} :

with V visits in a round, waiting for a time t acts like a longer delay. Both are ratios of two
constants of `qmodel.networks.contour`.

References
----------
.. [1] K. C. Sevcik, I. Mitrani, "The distribution of queuing network states at input and
   output instants", Journal of the ACM 28, 1981.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel.distributions import Distribution
from qmodel.networks.contour import log_constant, steady_state
from qmodel.networks.saddle import Loop, SpeedTable
from qmodel.numerics import quadrature
from qmodel.queues.counts.states import FiniteStates, States

__all__ = ["Others"]


@dataclass(frozen=True, slots=True, eq=False)
class Others:
    """The stations of a closed network but one, as tuples of cells."""

    single: tuple[Value, ...]
    tables: tuple[tuple[Value, tuple[Value, ...]], ...]  # demand, speeds
    delay: Value

    def loop(self, single: tuple[Any, ...], extra_delay: Any, *more: Any) -> tuple[Any, ...]:
        """Return the network with further single servers, and `more` flat, all of one shape."""
        speeds = [s for _, table in self.tables for s in table]
        demands = [d for d, _ in self.tables]
        cells = np.broadcast_arrays(
            self.delay + extra_delay, *self.single, *single, *demands, *speeds, *more
        )
        shape = cells[0].shape
        flat = [np.array(x, dtype=float).ravel() for x in cells]
        delay, flat = flat[0], flat[1:]
        k, m = len(self.single) + len(single), len(self.tables)
        singles = np.array(flat[:k]).reshape(k, delay.size)
        tables, at = [], k + m
        for i, (_, table) in enumerate(self.tables):
            rows = np.array(flat[at : at + len(table)])
            tables.append(SpeedTable(flat[k + i], rows))
            at += len(table)
        return (Loop(singles, delay, tuple(tables)), shape, *flat[at:])

    def log_constant(self, single: tuple[Any, ...], extra_delay: Any, population: Any) -> Any:
        """Return log G of the network with further single servers."""
        loop, shape, n = self.loop(single, extra_delay, population)
        return log_constant(loop, n).reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class ClosedNumber(States):
    """The number of requests present at a station of c equal servers."""

    others: Others
    everyone: Others  # the station included
    demand: Value
    servers: Count
    population: Count
    mean: Value

    @property
    def whole(self) -> Any:
        return self.everyone.log_constant((), 0.0, self.population)

    def tail(self, n: Count) -> Value:
        from scipy.special import gammaln

        j = np.asarray(n, dtype=float) + 1
        c = np.asarray(self.servers, dtype=float)
        whole = self.whole
        with np.errstate(all="ignore"):
            log = j * np.log(self.demand) - gammaln(c + 1) - (j - c) * np.log(c)
            rest = self.others.log_constant((self.demand / c,), 0.0, self.population - j)
            queued = np.where(j > self.population, 0.0, np.exp(log + rest - whole))
        busy = self._few().tail(np.minimum(n, np.max(c)))
        return np.where(j >= c, queued, busy)[()]

    def probability(self, n: Count) -> Value:
        n = np.asarray(n)
        below = np.where(n > 0, self.tail(np.maximum(n, 1) - 1), 1.0)
        return np.where(n < 0, 0.0, below - self.tail(n))[()]

    def _few(self) -> FiniteStates:
        """Return the distribution of the number; all beyond the servers count as one state."""
        from scipy.special import gammaln

        c, whole = np.asarray(self.servers, dtype=float), self.whole
        rows = []
        for n in range(int(np.max(c))):
            with np.errstate(all="ignore"):
                log = n * np.log(self.demand) - gammaln(n + 1.0)
                log = log + self.others.log_constant((), 0.0, self.population - n) - whole
                rows.append(np.where((n < c) & (n <= self.population), np.exp(log), 0.0))
        shape = np.broadcast_shapes(*(row.shape for row in rows))
        found = np.array([np.broadcast_to(row, shape) for row in rows])
        return FiniteStates(np.concatenate([found, (1 - found.sum(axis=0))[None]]))

    @property
    def variance(self) -> Value:
        n = np.arange(int(np.max(self.population)) + 1).reshape(-1, *[1] * np.ndim(self.mean))
        tail = np.asarray(self.tail(n))
        return ((2 * n + 1) * tail).sum(axis=0) - self.mean**2


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClosedWait(Distribution):
    """The time in queue at a station of c equal servers, as a user of the network meets it."""

    others: Others
    everyone: Others  # the station included
    visits: Value
    service_time: Value
    servers: Count
    population: Count
    mean: Value
    closed = True

    @property
    def analytic(self) -> bool:
        return False

    def _log_tail(self, t: Any) -> Any:
        from scipy.special import gammaln

        c = np.asarray(self.servers, dtype=float)
        demand = self.visits * self.service_time
        longer = self.visits * t
        rest = self.others.log_constant((demand / c,), longer, self.population - 1 - c)
        log = c * np.log(demand) - gammaln(c + 1) - c / self.service_time * t
        return log + rest - self.everyone.log_constant((), 0.0, self.population - 1)

    def tail(self, t: Value) -> Value:
        t = np.asarray(t, dtype=float)
        with np.errstate(all="ignore"):
            queued = np.minimum(np.exp(self._log_tail(np.maximum(t, 0.0))), 1.0)
        return np.where(t < 0, 1.0, queued)[()]

    def density(self, t: Value) -> Value:
        t = np.asarray(t, dtype=float)
        after = np.maximum(t, 0.0)
        c = np.asarray(self.servers, dtype=float)
        single = (self.visits * self.service_time / c,)
        loop, shape, n = self.others.loop(single, self.visits * after, self.population - 1 - c)
        with np.errstate(all="ignore"):
            through = steady_state(loop, np.maximum(n, 0.0)).throughput.reshape(shape)
            rate = c / self.service_time - self.visits * through
            return np.where(t < 0, 0.0, self.tail(after) * rate)[()]

    @property
    def atom(self) -> Value:
        return (1 - self.tail(0.0))[()]

    def _moments(self) -> tuple[Any, Any, Any]:
        return quadrature.moments(self.tail, self.mean + self.service_time)

    @property
    def variance(self) -> Value:
        return self._moments()[1] - self.mean**2

    @property
    def third_cumulant(self) -> Value:
        first, second, third = self._moments()
        return third - 3 * first * second + 2 * first**3

    def laplace(self, s: Value) -> Value:
        if not np.any(s):
            return 1.0 + 0.0 * np.asarray(self.mean * s)[()]
        return quadrature.transform(self.tail, s)
