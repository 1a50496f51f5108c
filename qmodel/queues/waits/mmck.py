r"""The distributions of wait and response of the requests that M/M/c/K accepts, in closed form.

The formulas are in `qmodel.queues.mmck`: geometric mixtures of Erlang distributions, summed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel.distributions import Distribution
from qmodel.numerics import geometric, poisson
from qmodel.numerics.quadrature import on_unit_interval
from qmodel.queues.counts.server_states import log_load

__all__: list[str] = []

_NODES, _WEIGHTS = on_unit_interval(10)


def erlang_mixture_tail(t: Any, log_first: Any, x: Any, m: Any, rate: Any) -> Any:
    """Return the sum over k < m of first exp(k x) P(k + 1 stages of `rate` last beyond t)."""
    y, rho = rate * t, np.exp(x)
    with np.errstate(all="ignore"):
        one = np.exp(log_first + np.expm1(x) * y + poisson.log_upper(m, rho * y))
        two = np.exp(log_first + m * x + poisson.log_upper(m, y))
        tail = (one - two) / -np.expm1(x)
        close = np.abs(m * x) < 1
        if np.any(close):
            # The difference quotient is the mean of the derivative over the loads between.
            upper = np.exp(log_first + poisson.log_upper(m, y))
            mean: Any = 0.0
            for node, weight in zip(_NODES, _WEIGHTS, strict=True):
                more = node * np.expm1(x)
                u = 1 + more
                lower = np.exp(log_first + more * y + poisson.log_upper(m - 1, u * y))
                mean = mean + weight * (m * u ** (m - 1) * upper - y * lower)
            tail = np.where(close, mean, tail)
        return np.clip(tail, 0.0, 1.0)


def erlang_mixture_density(t: Any, log_first: Any, x: Any, m: Any, rate: Any) -> Any:
    """Return the density of `erlang_mixture_tail`."""
    y = rate * t
    with np.errstate(all="ignore"):
        return rate * np.exp(log_first + np.expm1(x) * y + poisson.log_upper(m, np.exp(x) * y))


@dataclass(frozen=True, slots=True, eq=False)
class _Accepted(Distribution):
    offered_load: Value
    servers: Count
    spare: Value
    room: Count
    service_time: Value
    closed = True

    def _chain(self) -> tuple[Any, ...]:
        """Return a, c, m, the log load, log q_c, and P(N < c), as accepted requests see it."""
        a, c, m = (
            np.asarray(v, dtype=float) for v in (self.offered_load, self.servers, self.room)
        )
        x = log_load(a, c, self.spare)
        with np.errstate(all="ignore"):
            log_odds = poisson.log_odds(c, a)
            first = -np.logaddexp(log_odds, geometric.log_sum(x, m - 1))
            at_once = np.where(a > 0, np.exp(first + log_odds), 1.0 + 0.0 * a)
        return a, c, m, x, first, at_once

    def _queue(self) -> tuple[Any, Any, Any]:
        """Return P(wait), and mean and variance of the services ahead of those that wait."""
        _, _, m, x, first, _ = self._chain()
        with np.errstate(all="ignore"):
            must_wait = np.exp(first + geometric.log_sum(x, m - 1))
            room = np.maximum(m - 1, 0)
            return must_wait, 1 + geometric.mean(x, room), geometric.variance(x, room)


@dataclass(frozen=True, slots=True, eq=False)
class AcceptedWait(_Accepted):
    """The time in queue of a request that M/M/c/K accepts."""

    @property
    def mean(self) -> Value:
        must_wait, ahead, _ = self._queue()
        return (must_wait * ahead * self.service_time / self.servers)[()]

    @property
    def variance(self) -> Value:
        must_wait, ahead, spread = self._queue()
        unit = self.service_time / self.servers
        return (must_wait * (ahead + spread + (1 - must_wait) * ahead**2) * unit**2)[()]

    @property
    def third_cumulant(self) -> Value:
        p, ahead, spread = self._queue()
        _, _, m, x, *_ = self._chain()
        # Of a sum of as many exponential times, then with the atom at zero.
        skew = 2 * ahead + 3 * spread + geometric.third_cumulant(x, np.maximum(m - 1, 0))
        spread, rest = spread + ahead, 1 - p
        both = skew + 3 * rest * spread * ahead + rest * (rest - p) * ahead**3
        return (p * both * (self.service_time / self.servers) ** 3)[()]

    @property
    def atom(self) -> Value:
        return self._chain()[-1][()]

    def laplace(self, s: Value) -> Value:
        _, c, m, x, first, at_once = self._chain()
        with np.errstate(all="ignore"):
            step = np.log1p(np.asarray(s * self.service_time / c))
            w = x - step
            lifted = np.where(w.real > 0, np.maximum(m - 1, 0) * w, 0.0)
            v = np.where(w.real > 0, -w, w)
            ratio = np.where(w == 0, m + 0.0 * w, np.expm1(m * v) / np.expm1(v))
            return (at_once + np.exp(first + lifted - step) * ratio)[()]

    def tail(self, t: Value) -> Value:
        _, c, m, x, first, _ = self._chain()
        t = np.asarray(t, dtype=float)
        rate = c / self.service_time
        tail = erlang_mixture_tail(np.maximum(t, 0.0), first, x, m, rate)
        return np.where(t < 0, 1.0, tail)[()]

    def density(self, t: Value) -> Value:
        _, c, m, x, first, _ = self._chain()
        t = np.asarray(t, dtype=float)
        rate = c / self.service_time
        density = erlang_mixture_density(np.maximum(t, 0.0), first, x, m, rate)
        return np.where(t < 0, 0.0, density)[()]


@dataclass(frozen=True, slots=True, eq=False)
class AcceptedResponse(_Accepted):
    """The time in queue and in service of a request that M/M/c/K accepts."""

    def _wait(self) -> AcceptedWait:
        return AcceptedWait(
            self.offered_load, self.servers, self.spare, self.room, self.service_time
        )

    @property
    def mean(self) -> Value:
        return self._wait().mean + self.service_time

    @property
    def variance(self) -> Value:
        return self._wait().variance + self.service_time**2

    @property
    def third_cumulant(self) -> Value:
        return self._wait().third_cumulant + 2 * self.service_time**3

    def laplace(self, s: Value) -> Value:
        return self._wait().laplace(s) / (1 + s * self.service_time)

    def tail(self, t: Value) -> Value:
        waiting, serving = self._both(t)
        return np.where(np.asarray(t) < 0, 1.0, np.clip(waiting + serving, 0.0, 1.0))[()]

    def density(self, t: Value) -> Value:
        # Served at rate mu once begun.
        serving = self._both(t)[1] / self.service_time
        return np.where(np.asarray(t) < 0, 0.0, serving)[()]

    def _both(self, t: Value) -> tuple[Any, Any]:
        """Return the probabilities of being in queue, and in service, at `t`."""
        a, c, m, x, first, at_once = self._chain()
        s = self.service_time
        t = np.maximum(np.asarray(t, dtype=float), 0.0)
        waiting = erlang_mixture_tail(t, first, x, m, c / s)
        with np.errstate(all="ignore"):
            queued = self._served_after_wait(t / s, a, c, m, first)
            serving = np.exp(-t / s) * at_once + queued
            alone = c == 1
            if np.any(alone):
                # One server: the service is one more stage of the same length.
                head = np.where(a > 0, first - x, 0.0)
                density = s * erlang_mixture_density(t, head, x, m + 1, 1 / s)
                serving = np.where(alone, density, serving)
        return waiting, serving

    def _served_after_wait(self, t: Any, a: Any, c: Any, m: Any, first: Any) -> Any:
        """Return q_c c exp(-t) times the integral of exp(b u) Q(m, a u), in service times."""
        b, a = 1 - np.asarray(self.spare, dtype=float), np.maximum(a, 1e-300)
        head = first + np.log(c) - t
        up = np.exp(head + b * t + poisson.log_upper(m, a * t))
        slow = np.maximum(c - 1, 1.0)
        log_ratio = np.log(a) - np.log(slow)
        down = np.exp(head + m * log_ratio + poisson.log_lower(m, slow * t))
        far = (up - np.exp(head) + down) / b
        close = np.abs(b) * np.minimum(t, m / a) < 0.25
        if not np.any(close):
            return far
        mean: Any = 0.0
        top = head + poisson.log_upper(m, a * t)
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            rest = a - node * b
            beyond = t * np.exp(top + node * b * t)
            log_mass = (m + 1) * np.log(a / rest) + poisson.log_lower(m + 1, rest * t)
            within = m / a * np.exp(head + log_mass)
            mean = mean + weight * (beyond + within)
        return np.where(close, mean, far)
