r"""Erlang A, the M/M/c+M queue: requests wait no longer than their patience.

Clients with timeouts, callers that hang up: the patience is exponential with mean
:math:`1 / \theta`, so no load is too much. With offered load :math:`a = \lambda S`,
:math:`x = c \mu / \theta`, :math:`y = \lambda / \theta`, the odds R of Erlang B, the Poisson
pmf f and the incomplete gamma function P of real order,

.. math::

    G = \frac{P(x, y)}{f(x; y)}, \qquad p_c = \frac{1}{R + G}, \qquad
    P(\text{wait}) = \frac{G}{R + G}, \qquad p_{c + k} = p_c \frac{f(x + k; y)}{f(x; y)}, \qquad
    P_{ab} = \frac{\theta L_q}{\lambda} = P(\text{wait})
    \Bigl( 1 - \frac{x}{y} + \frac{x}{y G} \Bigr) ,

the last with a series, or the integral :math:`\int_0^1 u (1 - u)^{x - 1} e^{y u} du`, where
it would cancel. The wait V that is offered (to endless patience), the wait W of all, and
that of the served have closed tails; with :math:`z = y e^{-\theta t}`,

.. math::

    P(V > t) = P(\text{wait}) \frac{P(x, z)}{P(x, y)}, \qquad P(W > t) = P(V > t) e^{-\theta t},
    \qquad P(\text{served}, W > t) = P(\text{wait}) \frac{x P(x + 1, z)}{y P(x, y)} .

With a finite capacity it is M/M/c/K+M: a birth-death chain, and the same by K beta
distributions.

**Shapes.** All arguments broadcast. **Overload.** There is none. NaN in, NaN out.
**Symbols.** Without a limit of capacity the means and shares are closed forms.
**Accuracy.** Means and probabilities 1e-10 relative or better, distributions 1e-9, for patience
from 0.01 to 1e4 service times; beyond, the distributions lose a digit for each of it.

References
----------
.. [1] C. Palm, "Research on telephone traffic carried by full availability groups", Tele 1,
   1957.
.. [2] S. Zeltyn, A. Mandelbaum, "Call centers with impatient customers: many-server
   asymptotics of the M/M/n+G queue", Queueing Systems 51, 2005.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import Distribution, Exponential
from qmodel.errors import DomainError, ModelError
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.birth_death import MeanOnly
from qmodel.queues.counts.erlang_a import Chain, ImpatientStates
from qmodel.queues.counts.erlang_a_finite import FiniteChain, states
from qmodel.queues.counts.states import FiniteStates, States
from qmodel.queues.mmc import EXPONENTIAL_SERVICE
from qmodel.queues.results import busy_share
from qmodel.queues.waits.erlang_a import (
    Impatient,
    OfferedWait,
    Response,
    ServedResponse,
    ServedWait,
    Wait,
)

__all__ = ["ErlangA"]

EXPONENTIAL_PATIENCE = Assumption(
    "exponential-patience",
    "a request gives up waiting after an exponential time, and never in service",
    "Palm 1957",
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class ImpatientState(StationResult):
    """The steady state of a station that requests may leave before they are served.

    `waiting_time`, `response_time`, `wait` and `response` are those of all requests that are
    accepted, also of those that give up; `served_wait` and `served_response` are of those that
    do not.
    """

    def _distribution(self, kind: type[Impatient]) -> Distribution:
        if not isinstance(self.wait, Wait):
            raise ModelError("on symbols, Erlang A has means and shares, but no distributions")
        return kind(self.wait.chain, self.wait.service_time)

    @property
    def offered_wait(self) -> Distribution:
        """Distribution of what a request of endless patience would wait. [-]."""
        return self._distribution(OfferedWait)

    @property
    def served_wait(self) -> Distribution:
        """Distribution of the time in queue of the served. [-]."""
        return self._distribution(ServedWait)

    @property
    def served_response(self) -> Distribution:
        """Distribution of the time in queue and in service of the served. [-]."""
        return self._distribution(ServedResponse)

    def offered_within(self, t: Value) -> Value:
        """Share of the accepted to whom a wait of at most `t` [s] is offered [-]."""
        return self.offered_wait.cdf(t)

    def waited_within(self, t: Value) -> Value:
        """Share of the accepted that leave the queue, either way, within `t` [s] [-]."""
        assert self.wait is not None
        return self.wait.cdf(t)

    def served_within(self, t: Value) -> Value:
        """Share of the accepted that go to service within `t` [s] [-]."""
        with np.errstate(invalid="ignore"):
            share = 1 - self.abandonment / (1 - self.loss)
        return share * self.served_wait.cdf(t)


def _refuse(servers: Any, patience: Any, capacity: Any) -> None:
    if np.any(np.isinf(patience)):
        raise DomainError(f"patience must be finite, got {patience}; endless, it is MMc")
    if np.any(np.less(capacity, servers)):
        raise DomainError(f"capacity must be at least servers = {servers}, got {capacity}")
    if np.any(np.isinf(capacity)) and not np.all(np.isinf(capacity)):
        raise DomainError(f"capacity must be finite in all cells or in none, got {capacity}")


@dataclass(frozen=True, slots=True, eq=False)
class ErlangA(Station):
    """Station with exponential service, equal servers and impatient requests.

    Parameters
    ----------
    service_time : number or array
        Mean service time of one request on one server, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    patience : number or array
        Mean time that a request waits before it gives up, > 0 and finite. [s]
    capacity : int, integer array or inf, default inf
        Requests that the station holds, in service and in queue, >= `servers`; finite or
        infinite in all cells. The cost grows with it where it is finite. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain; the message names it and the value.

    Examples
    --------
    >>> calls = ErlangA(service_time=1.0, servers=10, patience=2.0)
    >>> load = calls.solve(12.0)
    >>> float(load.abandonment), float(load.waiting_time), float(load.served_wait.mean)
    (0.1957, 0.3913, 0.4008)

    Three shares that are all called service level:

    >>> [float(f(0.2)) for f in (load.offered_within, load.waited_within, load.served_within)]
    [0.3022, 0.3686, 0.2944]
    """

    service_time: Value = parameter(
        "mean service time", unit="s", symbol="S", check=_check.positive
    )
    servers: Count = parameter("servers", symbol="c", check=_check.count)
    patience: Value = parameter("mean patience", unit="s", symbol="P", check=_check.positive)
    capacity: Count = parameter(
        "requests in the station at most",
        symbol="K",
        check=partial(_check.count, endless=True, most=10**5),
        default=np.inf,
    )
    service: Exponential = field(init=False, repr=False)
    loses = True

    def __post_init__(self) -> None:
        if not is_symbolic(self.service_time, self.servers, self.patience, self.capacity):
            _refuse(self.servers, self.patience, self.capacity)
        object.__setattr__(self, "service", Exponential(self.service_time))

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates: never, requests give up. [1/s]."""
        return np.inf

    def serving(self, service: Distribution) -> Station:
        """Return as many servers with another exponential service distribution."""
        if not isinstance(service, Exponential):
            raise ModelError(f"Erlang A has exponential service, got {service!r}")
        return ErlangA(service.mean, self.servers, self.patience, self.capacity)

    def _solve(self, arrival_rate: Value) -> StationResult:
        s = self.service_time
        xp = namespace(arrival_rate, s, self.servers, self.patience, self.capacity)
        # Arrays, as a float would raise where it divides by zero.
        rate, c, a, patience = (
            x if xp.symbolic else np.asarray(x, dtype=float)
            for x in (arrival_rate, self.servers, arrival_rate * s, self.patience / s)
        )
        number: States | None = None
        chain: Any = Chain(a, c, spare_servers(rate, s, c), patience)
        loss, accepted = 0 * a * c * patience, 1
        if xp.symbolic:
            if is_symbolic(self.capacity) or np.any(np.isfinite(self.capacity)):
                raise ModelError(f"beside symbols, places must be inf, got {self.capacity}")
        elif np.all(np.isinf(self.capacity)):
            number = ImpatientStates(chain)
        else:
            p = states(a, c, patience, np.asarray(self.capacity))
            number = FiniteStates(p)
            chain, loss, accepted = self._finite(p, a, c, patience)
        left, served = chain.abandonment(), chain.served()  # of the accepted
        wait = self.patience * left
        response = wait + s * served
        means = (POISSON_ARRIVALS, EXPONENTIAL_SERVICE, EXPONENTIAL_PATIENCE)
        known = (*MEANS, "loss", "abandonment", "number")
        return ImpatientState(
            arrival_rate=arrival_rate,
            utilization=xp.asarray(busy_share(a * accepted * served, c)),
            waiting_time=xp.asarray(wait),
            response_time=xp.asarray(response),
            queue_length=xp.asarray(rate * accepted * wait),
            number_in_system=xp.asarray(rate * accepted * response),
            wait=Wait(chain, s) if number else MeanOnly(wait),
            response=Response(chain, s) if number else MeanOnly(response),
            station=self,
            loss=xp.asarray(loss),
            abandonment=xp.asarray(accepted * left),
            accepted=xp.asarray(accepted * served),
            number=number,
            basis=Basis(
                dict.fromkeys(known, means) | dict.fromkeys(DISTRIBUTIONS, (*means, FCFS))
            ),
        )

    def _finite(self, p: np.ndarray, a: Any, c: Any, patience: Any) -> tuple[Any, Any, Any]:
        """Return what the accepted see, and the shares that are lost and accepted."""
        n = np.arange(len(p), dtype=float).reshape(-1, *[1] * (p.ndim - 1))
        loss = np.where(n == self.capacity, p, 0.0).sum(axis=0)
        accepted = np.where(n < self.capacity, p, 0.0)
        share = accepted.sum(axis=0)  # 1 - loss, which would cancel in overload
        found = accepted / share
        ahead = [
            np.where(n == c + k, found, 0.0).sum(axis=0)
            for k in range(len(p) - 1 - int(np.min(c)))
        ]
        while ahead and np.all(ahead[-1] <= 1e-20):
            ahead.pop()
        at_once = np.where(n < c, found, 0.0).sum(axis=0)
        return FiniteChain(a, c, patience, at_once, tuple(ahead)), loss, share
