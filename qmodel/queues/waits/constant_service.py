"""The distributions of the wait and of the number behind constant service, with their kinks.

`qmodel.queues.mdc` has the equations; here they take the shapes of the library: cells that
are idle, full or unknown are put in around the flat stable ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel.distributions import Distribution
from qmodel.numerics import crommelin, spitzer
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.counts.states import States

__all__ = ["ConstantServiceNumber", "ConstantServiceWait"]

_NONE = 1e-290
"""A load without requests: its powers are no floats."""


def _cells(compute: Callable[..., Any], *values: Any) -> Any:
    """Return what `compute` gives in the stable cells of flat (rate, constant, c, ...).

    It gives arrays with the cells on the last axis; the other cells are NaN.
    """
    spread = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in values))
    rate, constant, c, *others = (v.ravel() for v in spread)
    load, spare = rate * constant, np.asarray(spare_servers(rate, constant, c))
    good = np.flatnonzero((load > _NONE) & (spare > 0) & ~np.isnan(sum(others, 0.0 * load)))
    part = (load[good], spare[good], c[good], *(v[good] for v in others))
    results = compute(*part)
    out = []
    for values_here in results:
        whole = np.full((*values_here.shape[:-1], load.size), np.nan, values_here.dtype)
        whole[..., good] = values_here
        out.append(whole.reshape(values_here.shape[:-1] + spread[0].shape)[()])
    return out


@dataclass(frozen=True, slots=True, eq=False)
class ConstantServiceWait(Distribution):
    """The time in queue: closed, with its kinks.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        The constant service time, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]

    Examples
    --------
    >>> float(ConstantServiceWait(4.0, 1.0, 5).tail(1.0))
    0.075406
    """

    arrival_rate: Value
    service_time: Value
    servers: Count
    closed = True

    def _exact(self) -> spitzer.Waiting:
        load = np.where(self._full(), self.servers, self.arrival_rate * self.service_time)
        return spitzer.waiting(load, self.servers)

    def _full(self) -> Any:
        spare = spare_servers(self.arrival_rate, self.service_time, self.servers)
        return np.asarray(spare) <= 0

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._exact().mean * self.service_time

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self._exact().variance * self.service_time**2

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        # That of the queue, by the distributional form of Little's law.
        third = _cells(
            lambda *cell: [crommelin.third_cumulant(*cell)],
            self.arrival_rate, self.service_time, self.servers,
        )[0]  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            third = third / self.arrival_rate**3
        return _elsewhere(third, self, 0.0, np.inf)

    @property
    def atom(self) -> Value:
        """Probability of no wait. [-]."""
        return 1 - self._exact().probability

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return np.where(self._full(), 1.0, 0.0)[()]

    @property
    def analytic(self) -> bool:
        """No: there are kinks at the multiples of the service time."""
        return False

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        s = np.asarray(s)
        shape = np.broadcast_shapes(s.shape, np.shape(self._full()))
        spread = np.broadcast_to(s, shape)
        cells = (self.arrival_rate, self.service_time, self.servers)

        def at(load: Any, spare: Any, c: Any, x: Any, y: Any) -> Any:
            # 1 - s / rate = 1 - s D / a
            return [crommelin.transform(load, spare, c, (1 - (x + 1j * y) / load)[None])[0]]

        scaled = spread * np.asarray(self.service_time)
        found = _cells(at, *cells, scaled.real, scaled.imag)[0]
        out = _elsewhere(found, self, 1.0, 0.0)
        return out if np.iscomplexobj(s) else np.real(out)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return self._both(t)[0]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        return self._both(t)[1]

    def _both(self, t: Value) -> tuple[Any, Any]:
        t = np.asarray(t, dtype=float)
        steps = np.maximum(t, 0.0) / self.service_time

        def at(load: Any, spare: Any, c: Any, x: Any) -> Any:
            k = np.floor(x) + 1
            return crommelin.tail(load, spare, c, k * c - 1, load * (k - x))

        finite = np.where(np.isinf(steps), 0.0, steps)
        cells = (self.arrival_rate, self.service_time, self.servers)
        tail, density = _cells(at, *cells, finite)
        never = np.where(np.isinf(steps), 0.0, 1.0)
        tail = _elsewhere(tail * never, self, 0.0 * steps, 1.0)
        density = _elsewhere(density * never * self.arrival_rate, self, 0.0 * steps, 0.0)
        past = t < 0
        return np.where(past, 1.0, tail)[()], np.where(past, 0.0, density)[()]


def _elsewhere(value: Any, wait: Any, idle: Any, full: Any) -> Any:
    """Return `value` with the limits without load and in overload put in."""
    load = np.asarray(wait.arrival_rate) * wait.service_time
    value = np.where(load <= _NONE, idle, value)
    return np.where(wait._full(), full, value)[()]


@dataclass(frozen=True, slots=True, eq=False)
class ConstantServiceNumber(States):
    """The number in the system: those that wait and an independent Poisson number.

    Parameters
    ----------
    wait : ConstantServiceWait
        Distribution of the time in queue. [-]

    Examples
    --------
    >>> float(ConstantServiceNumber(ConstantServiceWait(4.0, 1.0, 5)).probability(5))
    0.1492
    """

    wait: ConstantServiceWait

    @property
    def mean(self) -> Value:
        """Mean number; inf in overload. [-]."""
        with np.errstate(invalid="ignore"):
            return self._load() + self.queue_mean()

    @property
    def variance(self) -> Value:
        """Variance of the number; inf in overload. [-]."""
        distribution = self.wait
        return (
            self._load()
            + self.queue_mean()
            + distribution.arrival_rate**2 * distribution.variance
        )

    def _load(self) -> Value:
        return self.wait.arrival_rate * self.wait.service_time

    def queue_mean(self) -> Value:
        """Return the mean number that wait [-]."""
        return self.wait.arrival_rate * self.wait.mean

    def probability(self, n: Count) -> Value:
        """Return P(N = n) [-]."""
        return self._both(n)[1]

    def tail(self, n: Count) -> Value:
        """Return P(N > n) [-]."""
        return self._both(n)[0]

    def _both(self, n: Count) -> tuple[Any, Any]:
        distribution, n = self.wait, np.asarray(n, dtype=float)

        def at(load: Any, spare: Any, c: Any, count: Any) -> Any:
            return crommelin.tail(load, spare, c, count, load)

        above, here = _cells(
            at, distribution.arrival_rate, distribution.service_time, distribution.servers, n
        )
        return _elsewhere(above, distribution, 0.0 * n, 1.0), _elsewhere(
            here, distribution, (n == 0) * 1.0, 0.0
        )
