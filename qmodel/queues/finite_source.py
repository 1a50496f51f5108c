r"""Finite sources: N clients that think, then ask c servers and wait (machine repair).

Each client thinks for a mean time Z, the reciprocal of the rate :math:`\gamma` at which it
asks while idle, of any distribution. With :math:`z = Z / S`, behind busy servers the clients
that think are a truncated Poisson distribution of mean cz, so that Erlang's odds :math:`R(m,
cz)` of `qmodel.queues.counts.erlang` count the queue and Engset's those below. A request sees
the station as if its own client did not exist (arrival theorem). With :math:`m = N - c`,

.. math::

    P(T_q > t) = P(\text{wait}) \frac{Q(m, c z + c \mu t)}{Q(m, c z)}, \qquad
    X = \frac{N}{Z + W}, \qquad L = X W ;

for one server the response is :math:`P(T > t) = Q(N, z + \mu t) / Q(N, z)`. Ratios of the
incomplete gamma function Q are taken as
:math:`e^{-v} (1 + v / w)^m R(m, w + v) / R(m, w)`, which neither underflows nor cancels.

**Shapes.** All arguments broadcast. **Overload.** There is none: clients wait.
NaN in, NaN out. **Symbols.** With a known number of servers the means are closed forms, for
more clients than servers; of a known population a finite sum (``doit``).
**Cost.** That of c terms, whatever the number of clients; the distribution of the number
present costs N terms, when it is asked for.

References
----------
.. [1] L. Takács, "Introduction to the Theory of Queues", Oxford University Press, 1962,
   ch. 5.
.. [2] K. C. Sevcik, I. Mitrani, "The distribution of queuing network states at input and
   output instants", Journal of the ACM 28, 1981.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.basis import Basis
from qmodel.distributions import Distribution, Exponential
from qmodel.errors import ModelError
from qmodel.numerics import poisson, quadrature
from qmodel.queues import engset
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.birth_death import MeanOnly, state_probabilities
from qmodel.queues.counts.server_states import idle_servers
from qmodel.queues.counts.states import FiniteStates, States
from qmodel.queues.engset import FINITE_SOURCES
from qmodel.queues.mmc import EXPONENTIAL_SERVICE

__all__ = ["FiniteSource"]


def _log_ratio(m: Any, w: Any, v: Any) -> Any:
    """Return log of Q(m, w + v) / Q(m, w)."""
    return m * np.log1p(v / w) - v + poisson.log_odds(m, w + v) - poisson.log_odds(m, w)


def _mean_wait(load: Any, servers: int, population: Any) -> Any:
    """Return the mean wait in service times on symbols, by the same terms in Erlang's B."""
    from qmodel.numerics.erlang_symbolic import ErlangB

    below = engset.odds(load, servers, population - 1)
    m, w = population - servers, servers / load
    if not is_symbolic(m) and m <= 0:
        return 0
    lost = ErlangB(m - 1, w)
    return (m - w * (1 - lost)) / (1 + below * lost) / servers


@dataclass(frozen=True, slots=True, eq=False)
class _SourceStates(States):
    load: Any
    servers: Any
    population: Any

    def _distribution(self) -> FiniteStates:
        a, c, size = np.broadcast_arrays(self.load, self.servers, self.population)
        n = np.arange(int(np.max(size))).reshape(-1, *[1] * a.ndim)
        down = np.minimum(n + 1, c) + 0.0 * a
        return FiniteStates(
            state_probabilities(
                np.maximum(size - n, 0) * a, np.where(np.isnan(down), 1.0, down)
            )
        )

    @property
    def mean(self) -> Value:
        return self._distribution().mean

    @property
    def variance(self) -> Value:
        return self._distribution().variance

    def probability(self, n: Count) -> Value:
        return self._distribution().probability(n)

    def tail(self, n: Count) -> Value:
        return self._distribution().tail(n)


@dataclass(frozen=True, slots=True, eq=False)
class _Met(Distribution):
    """What a request meets: the queue of the other clients, in service times."""

    load: Value  # of one idle client
    servers: Count
    population: Count
    service_time: Value
    closed = True

    @property
    def _m(self) -> Any:
        return np.asarray(self.population, dtype=float) - self.servers

    @property
    def _w(self) -> Any:
        # Clients that never ask think for 1e300 service times, or for 1e-300.
        return self.servers / np.clip(np.asarray(self.load, dtype=float), 1e-300, 1e300)

    def must_wait(self) -> Any:
        with np.errstate(all="ignore"):
            m = np.maximum(self._m, 1.0)
            below = engset.odds(self.load, self.servers, np.subtract(self.population, 1))
            # All states with a queue, over that in which nobody queues.
            queued = np.exp(np.logaddexp(0.0, poisson.log_odds(m - 1, self._w)))
            met = np.where(np.isinf(queued), 1.0, queued / (below + queued))
            unknown = 0.0 * np.asarray(self.load, dtype=float)
            return np.where(self._m > 0, met, 0.0) + unknown

    def ahead(self) -> tuple[Any, Any]:
        """Return mean and variance of the departures that a request waits for, if any."""
        m, w = np.broadcast_arrays(np.maximum(self._m - 1, 0.0), self._w)
        mean, variance = idle_servers(w, m, m - w)
        return np.where(m > 0, mean, 0.0) + 1, np.where(m > 0, variance, 0.0)

    @property
    def analytic(self) -> bool:
        return False

    def _wait_tail(self, u: Any) -> Any:
        m = np.maximum(self._m, 1.0)
        with np.errstate(all="ignore"):
            return self.must_wait() * np.exp(_log_ratio(m, self._w, self.servers * u))

    def _in_service(self, u: Any) -> Any:
        """Return the probability of being in service at the age `u`."""
        c, m, w = np.asarray(self.servers, dtype=float), np.maximum(self._m, 1.0), self._w
        must_wait = self.must_wait()
        with np.errstate(all="ignore"):
            part = np.where(c > 1, 1 - 1 / c, 0.5)
            low, high = part * w, part * (w + c * u)
            scale = -u + poisson.log_odds(m, low) - poisson.log_odds(m, w)
            far = np.exp(scale) * -np.expm1(_log_ratio(m, low, high - low))
            # While most clients are here, Q is near 1 and the difference that of P.
            scale = -u - w / c - m * np.log(part) - poisson.log_upper(m, w)
            near = np.exp(scale + poisson.log_lower(m, high)) - np.exp(
                scale + poisson.log_lower(m, low)
            )
            queued = must_wait * np.where(low < m, near, far)
            several = (1 - must_wait) * np.exp(-u) + np.where(must_wait > 0, queued, 0.0)
            # One server: the service is one more stage of the same length.
            n, now = self.population + 0.0 * w, w + u
            log = np.log(n / now) + _log_ratio(n, w, u) - poisson.log_odds(n, now)
            return np.where(c == 1, np.exp(log), several)

    @property
    def third_cumulant(self) -> Value:
        # The transform is an integral, on the right of zero only.
        scale = self.service_time + self.mean
        with np.errstate(all="ignore"):
            first, second, third = quadrature.moments(self.tail, scale)
        return third - 3 * first * second + 2 * first**3

    def laplace(self, s: Value) -> Value:
        if not np.any(s):
            return 1.0 + 0.0 * self.tail(0.0) * np.asarray(s)[()]
        return quadrature.transform(self.tail, s)


@dataclass(frozen=True, slots=True, eq=False)
class _Wait(_Met):
    @property
    def atom(self) -> Value:
        return (1 - self.must_wait())[()]

    @property
    def mean(self) -> Value:
        unit = self.service_time / np.asarray(self.servers, dtype=float)
        return (self.must_wait() * self.ahead()[0] * unit)[()]

    @property
    def variance(self) -> Value:
        p, (mean, spread) = self.must_wait(), self.ahead()
        unit = self.service_time / np.asarray(self.servers, dtype=float)
        return (p * (mean + spread + (1 - p) * mean**2) * unit**2)[()]

    def tail(self, t: Value) -> Value:
        u = np.maximum(np.asarray(t, dtype=float), 0.0) / self.service_time
        return np.where(np.asarray(t) < 0, 1.0, self._wait_tail(u))[()]

    def density(self, t: Value) -> Value:
        u = np.maximum(np.asarray(t, dtype=float), 0.0) / self.service_time
        m, w, c = np.maximum(self._m, 1.0), self._w, self.servers
        with np.errstate(all="ignore"):
            # f(m - 1; w) / Q(m, w) is m / (w R(m, w)).
            now = w + c * u
            log = np.log(c * m / now) - poisson.log_odds(m, now)
            rate = self._wait_tail(u) * np.exp(log) / self.service_time
        return np.where(np.asarray(t) < 0, 0.0, rate)[()]


@dataclass(frozen=True, slots=True, eq=False)
class _Response(_Met):
    def _wait(self) -> _Wait:
        return _Wait(self.load, self.servers, self.population, self.service_time)

    @property
    def mean(self) -> Value:
        return self._wait().mean + self.service_time

    @property
    def variance(self) -> Value:
        return self._wait().variance + self.service_time**2

    def tail(self, t: Value) -> Value:
        u = np.maximum(np.asarray(t, dtype=float), 0.0) / self.service_time
        both = np.clip(self._wait_tail(u) + self._in_service(u), 0.0, 1.0)
        return np.where(np.asarray(t) < 0, 1.0, both)[()]

    def density(self, t: Value) -> Value:
        u = np.maximum(np.asarray(t, dtype=float), 0.0) / self.service_time
        return np.where(np.asarray(t) < 0, 0.0, self._in_service(u) / self.service_time)[()]


@dataclass(frozen=True, slots=True, eq=False)
class FiniteSource(Station):
    """Station with exponential service and equal servers, for a finite number of clients.

    `solve` takes the rate of *one idle client*, the reciprocal of its think time;
    `arrival_rate` and `throughput` of the result are those of all clients together. On a path
    its clients are the users of a `qmodel.Closed` load.

    Parameters
    ----------
    service_time : number or array
        Mean service time of one request on one server, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    population : int or integer array
        Number of clients, >= 1. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain; the message names it and the value.

    Examples
    --------
    Thirty users who think for 10 s, and a server that takes 1 s:

    >>> terminal = FiniteSource(service_time=1.0, servers=1, population=30)
    >>> load = terminal.solve(1 / 10.0)
    >>> float(load.throughput), float(load.response_time), float(load.response.quantile(0.9))
    (1.0000, 20.0000, 27.1985)
    >>> import qmodel as qm
    >>> path = qm.Pipeline(qm.series(qm.call("net", qm.Delay(0.5)), qm.call("x", terminal)))
    >>> path.solve(qm.Closed(users=30, think_time=9.5))
    <30 users: throughput 1/s, mean response 20.5 s>
    """

    service_time: Value = parameter(
        "mean service time", unit="s", symbol="S", check=_check.positive
    )
    servers: Count = parameter("servers", symbol="c", check=_check.count)
    population: Count = parameter("clients", symbol="N", check=_check.count)
    service: Exponential = field(init=False, repr=False)
    not_in_paths = "its arrival rate is not that of a flow of requests"
    users_only = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "service", Exponential(self.service_time))

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates: never, clients wait. [1/s]."""
        return np.inf

    def serving(self, service: Distribution) -> Station:
        """Return as many servers and clients with another exponential service distribution."""
        if not isinstance(service, Exponential):
            raise ModelError(f"M/M/c//N has exponential service, got {service!r}")
        return FiniteSource(service.mean, self.servers, self.population)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, s, c, n = arrival_rate, self.service_time, self.servers, self.population
        number: States | None = None
        wait: Distribution
        response: Distribution
        if is_symbolic(rate, s, c, n):
            waiting = _mean_wait(rate * s, c, n) * s
            wait, response = MeanOnly(waiting), MeanOnly(waiting + s)
        else:
            load = np.asarray(rate * s)
            wait, response = _Wait(load, c, n, s), _Response(load, c, n, s)
            number = _SourceStates(load, c, n)
        waiting, time = wait.mean, response.mean
        # The distribution of the interactive system, which needs no think time at rate 0.
        through = n * (rate / (1 + rate * time))
        means = (FINITE_SOURCES, EXPONENTIAL_SERVICE)
        return StationResult(
            arrival_rate=through,
            utilization=through * s / c,
            waiting_time=waiting,
            response_time=time,
            queue_length=through * waiting,
            number_in_system=through * time,
            wait=wait,
            response=response,
            station=self,
            number=number,
            basis=Basis(
                dict.fromkeys((*MEANS, "number"), means)
                | dict.fromkeys(DISTRIBUTIONS, (*means, FCFS))
            ),
        )
