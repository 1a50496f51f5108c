r"""The M/M/c+D queue: exponential service, and requests that give up after a constant wait.

Connection pools and proxies are this: who has waited for a time :math:`\tau` leaves with an
error, and who is in service stays. With :math:`\theta = c \mu - \lambda` and the wait V that is
offered (to endless patience), of density v, Barrer [1]_ has

.. math::

    v(w) \propto \begin{cases} \lambda e^{-\theta w} & w < \tau \\
        \lambda e^{-\theta \tau} e^{-c \mu (w - \tau)} & w > \tau \end{cases}, \qquad
    P(V = 0) \propto \frac{1}{B(c - 1, a)}, \qquad
    P_{ab} = P(V > \tau) \propto \frac{\lambda}{c \mu} e^{-\theta \tau} ,

with Erlang's B. In overload, where :math:`\theta < 0`, everyone who is served has waited for
almost the whole of :math:`\tau`; with exponential patience of the same mean
(`qmodel.queues.erlang_a`) the served would wait much less. All terms are divided by the largest
power, so nothing overflows.

**Shapes.** All arguments broadcast. **Overload.** There is none. NaN in, NaN out.

References
----------
.. [1] D. Y. Barrer, "Queuing with impatient customers and ordered service", Operations Research
   5, 1957.
.. [2] F. Baccelli, G. Hebuterne, "On queues with impatient customers", Performance '81, 1981.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import ZERO, Deterministic, Distribution, Exponential, Mixture
from qmodel.errors import DomainError, ModelError
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.counts.erlang import erlang_b
from qmodel.queues.mmc import EXPONENTIAL_SERVICE
from qmodel.queues.results import busy_share

__all__ = ["MMcD"]

CONSTANT_PATIENCE = Assumption(
    "constant-patience",
    "a request gives up when it has waited for a constant time, and never in service",
    "Barrer 1957",
)


def _share(x: Any) -> Any:
    """Return (1 - exp(-x)) / x."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(x == 0, 1.0, -np.expm1(-x) / x)


@dataclass(frozen=True, slots=True, eq=False)
class LimitedWait(Distribution):
    """A time of density proportional to exp(-slope t) up to a limit, with service or without.

    Parameters
    ----------
    slope : number or array
        Rate at which the density falls; negative where it rises. [1/s]
    limit : number or array
        Longest time, > 0. [s]
    service : Exponential or None, default None
        What follows after the time. [-]

    Examples
    --------
    >>> distribution = LimitedWait(slope=0.0, limit=2.0)
    >>> float(distribution.mean), float(distribution.tail(0.5)), float(distribution.variance)
    (1.0, 0.75, 0.3333)
    """

    slope: Value
    limit: Value
    service: Exponential | None = None
    closed = True

    def _moments(self) -> tuple[Any, Any, Any]:
        """Return mean, variance and third cumulant of the time alone."""
        # Of exp(-x u) on the unit interval, for x > 0; else it is run backwards.
        x = np.asarray(self.slope * self.limit, dtype=float)
        y = abs(x)
        with np.errstate(all="ignore"):
            e = np.exp(-y) / -np.expm1(-y)
            mean = 1 / y - e
            variance = 1 / y**2 - e * (1 + e)
            third = 2 / y**3 - e * (1 + e) * (1 + 2 * e)
            small = y < 0.05
            mean = np.where(small, 0.5 - y / 12 + y**3 / 720, mean)
            variance = np.where(small, 1 / 12 - y**2 / 240 + y**4 / 6048, variance)
            third = np.where(small, y / 120 - y**3 / 1512, third)
        mean = np.where(x < 0, 1 - mean, mean)
        third = np.where(x < 0, -third, third)
        limit = self.limit
        return (mean * limit)[()], (variance * limit**2)[()], (third * limit**3)[()]

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._moments()[0] + (self.service.mean if self.service else 0)

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self._moments()[1] + (self.service.variance if self.service else 0)

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self._moments()[2] + (self.service.third_cumulant if self.service else 0)

    @property
    def analytic(self) -> bool:
        """The limit is a kink of the tail."""
        return False

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        x = np.asarray(self.slope * self.limit, dtype=float)
        z = x + np.asarray(s) * self.limit
        # Both shares over the largest power of e.
        with np.errstate(all="ignore"):
            falling = _share(z) / _share(x)
            rising = np.exp(-np.asarray(s) * self.limit) * _share(-z) / _share(-x)
        found = np.where(x >= 0, falling, rising)
        return (found * (self.service.laplace(s) if self.service else 1))[()]

    def _passed(self, t: Any) -> Any:
        """Return P(time <= t) for t from 0 to the limit."""
        x = np.asarray(self.slope * self.limit, dtype=float)
        with np.errstate(all="ignore"):
            part = t / self.limit
            falling = part * _share(x * part) / _share(x)
            rising = part * np.exp(x * (1 - part)) * _share(-x * part) / _share(-x)
            return np.where(x >= 0, falling, rising)

    def _started(self, t: Any) -> tuple[Any, Any]:
        """Return P(time <= t), and the same times P(service not yet over at t)."""
        m = np.clip(t, 0.0, self.limit)
        passed = self._passed(m)
        if self.service is None:
            return passed, 0.0 * passed
        # The time is at w with density d(w): served until t with exp(-(t - w) / S). As seen
        # from m backwards the integrand is exp((slope - 1 / S) u).
        x = np.asarray(self.slope * self.limit, dtype=float)
        with np.errstate(all="ignore"):
            total = np.where(x >= 0, _share(x), _share(-x)) * self.limit
            at_m = np.exp(np.where(x >= 0, -self.slope * m, -self.slope * (m - self.limit)))
            later = np.exp(-(np.asarray(t) - m) / self.service.mean)
            pull = (1 / self.service.mean - self.slope) * m
            # exp(-slope w) from the other end where it falls faster than service ends.
            grown = np.where(pull >= 0, at_m * _share(np.maximum(pull, 0.0)), 0.0)
            start = np.exp(np.where(x >= 0, 0.0, self.slope * self.limit))
            ended = start * np.exp(-m / self.service.mean) * _share(np.maximum(-pull, 0.0))
            busy = np.where(pull >= 0, grown, ended) * m / total
            return passed, busy * later

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        passed, busy = self._started(t)
        return np.where(np.asarray(t) < 0, 1.0, np.clip(1 - passed + busy, 0.0, 1.0))[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        t = np.asarray(t, dtype=float)
        if self.service is not None:
            return np.where(t < 0, 0.0, self._started(t)[1] / self.service.mean)[()]
        x = np.asarray(self.slope * self.limit, dtype=float)
        with np.errstate(all="ignore"):
            away = np.where(x >= 0, -self.slope * t, -self.slope * (t - self.limit))
            total = np.where(x >= 0, _share(x), _share(-x)) * self.limit
            return np.where((t < 0) | (t > self.limit), 0.0, np.exp(away) / total)[()]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class LimitedState(StationResult):
    """The steady state of a station that requests leave after a constant wait.

    `waiting_time`, `response_time`, `wait` and `response` are those of all requests, also of
    those that give up.

    Parameters
    ----------
    served_wait : Distribution
        Distribution of the time in queue of the served. [-]
    served_response : Distribution
        Distribution of the time in queue and in service of the served. [-]
    """

    served_wait: Distribution
    served_response: Distribution


@dataclass(frozen=True, slots=True, eq=False)
class MMcD(Station):
    """Station with exponential service, whose requests give up after a constant wait.

    Parameters
    ----------
    service_time : number or array
        Mean service time of one request on one server, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    patience : number or array
        Longest time that a request waits, > 0 and finite. [s]

    Raises
    ------
    DomainError
        If a parameter is outside its domain; the message names it and the value.

    Examples
    --------
    A pool of 15 connections held for 115 ms, with a timeout of 30 s and 7 % more requests than
    it can take: whoever gets a connection has waited for almost 30 s.

    >>> pool = MMcD(0.115, servers=15, patience=30.0)
    >>> load = pool.solve(140.0)
    >>> float(load.abandonment), float(load.served_wait.mean), float(load.utilization)
    (0.0683, 29.8955, 1.0)
    """

    service_time: Value = parameter(
        "mean service time", unit="s", symbol="S", check=_check.positive
    )
    servers: Count = parameter("servers", symbol="c", check=_check.count)
    patience: Value = parameter(
        "constant patience", unit="s", symbol="P", check=_check.positive
    )
    service: Exponential = field(init=False, repr=False)
    loses = True

    def __post_init__(self) -> None:
        patience = self.patience
        if not is_symbolic(patience) and np.any(np.isinf(patience)):
            raise DomainError(f"patience must be finite, got {patience}; endless, it is MMc")
        object.__setattr__(self, "service", Exponential(self.service_time))

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates: never, requests give up. [1/s]."""
        return np.inf

    def serving(self, service: Distribution) -> Station:
        """Return as many servers with another exponential service distribution."""
        if not isinstance(service, Exponential):
            raise ModelError(f"M/M/c+D has exponential service, got {service!r}")
        return MMcD(service.mean, self.servers, self.patience)

    def _solve(self, arrival_rate: Value) -> StationResult:
        if is_symbolic(arrival_rate, self.service_time, self.servers, self.patience):
            raise ModelError("M/M/c+D has no form for symbols; M/M/c and Erlang A have")
        rate, s, c, limit = (
            np.asarray(x, dtype=float)
            for x in (arrival_rate, self.service_time, self.servers, self.patience)
        )
        slope = np.asarray(spare_servers(rate, s, c)) / s
        x, a = slope * limit, rate * s
        with np.errstate(all="ignore"):
            # Over the largest of the powers.
            few = np.where(c > 1, erlang_b(servers=np.maximum(c - 1, 1), offered_load=a), 1.0)
            at_once = np.exp(np.minimum(x, 0.0)) / few
            waits = rate * limit * np.where(x >= 0, _share(x), _share(-x))
            leaves = a / c * np.exp(-np.maximum(x, 0.0))
            # Without load, or where a wait is too rare for a float, all are served at once.
            rare = ~np.isfinite(at_once) & ~np.isnan(x)
            at_once = np.where(rare, 1.0, at_once)
            waits, leaves = (np.where(rare, 0.0, y) for y in (waits, leaves))
            total = at_once + waits + leaves
            at_once, waits, leaves = ((y / total)[()] for y in (at_once, waits, leaves))
        queued = LimitedWait(slope[()], limit[()])
        served = LimitedWait(slope[()], limit[()], Exponential(s[()]))
        gone, service = Deterministic(limit[()]), Exponential(s[()])
        accepted = at_once + waits
        share = waits / accepted
        wait = waits * queued.mean + leaves * limit
        response = wait + accepted * s
        means = (POISSON_ARRIVALS, EXPONENTIAL_SERVICE, CONSTANT_PATIENCE, FCFS)
        return LimitedState(
            arrival_rate=arrival_rate,
            utilization=busy_share(a * accepted, c),
            waiting_time=wait[()],
            response_time=response[()],
            queue_length=(rate * wait)[()],
            number_in_system=(rate * response)[()],
            wait=Mixture((at_once, waits, leaves), (ZERO, queued, gone)),
            response=Mixture((at_once, waits, leaves), (service, served, gone)),
            station=self,
            abandonment=leaves,
            accepted=accepted[()],
            served_wait=Mixture((1 - share, share), (ZERO, queued)),
            served_response=Mixture((1 - share, share), (service, served)),
            basis=Basis(dict.fromkeys((*MEANS, *DISTRIBUTIONS, "abandonment"), means)),
        )
