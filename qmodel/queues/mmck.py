r"""The M/M/c/K queue: Poisson arrivals, exponential service, c servers, capacity K.

An arrival that finds K requests present is lost; with c = 1 it is M/M/1/K, with K = c
Erlang's loss system. With offered load :math:`a = \lambda S`, :math:`\rho = a / c`,
:math:`m = K - c`, :math:`S_m = 1 + \rho + \dots + \rho^m` and the odds
:math:`R = (1 - B) / B` of Erlang B,

.. math::

    p_K = \frac{1}{R \rho^{-m} + 1 + \rho^{-1} + \dots + \rho^{-m}}, \qquad
    L_q = \frac{S_m}{R + S_m} \, \frac{\sum_{j=0}^m j \rho^j}{S_m} .

All terms are positive at any load; the mean of the truncated geometric distribution is that of
`qmodel.numerics.geometric`, where the textbook form is 0/0 at :math:`\rho = 1`.

**Times of accepted requests.** They find the states of M/M/c/(K-1), :math:`q_n`. With
:math:`\theta = (c - a) / S` and the incomplete gamma functions P and Q,

.. math::

    P(T_q > t) = q_c \frac{e^{-\theta t} Q(m, \lambda t) - \rho^m Q(m, c \mu t)}{1 - \rho},
    \qquad
    P(T > t) = P(T_q > t) + e^{-\mu t} \Bigl( P(N < c) +
    q_c c \mu \int_0^t e^{\beta s} Q(m, \lambda s) \, ds \Bigr),

    \beta \int_0^t e^{\beta s} Q(m, \lambda s) \, ds = e^{\beta t} Q(m, \lambda t) - 1
    + \Bigl( \frac{\lambda}{\lambda - \beta} \Bigr)^m P(m, (\lambda - \beta) t), \qquad
    \beta = \mu - \theta ,

which sum the m Erlang distributions in closed form: the cost does not grow with K. Where they
are 0/0 (:math:`\rho` near 1, :math:`\beta` near 0), Gauss-Legendre points average the
derivative instead. Everything is in logs: absolute error of a tail at most 1e-12 for K up to
1e4, 1e-9 up to 1e7.

**Shapes.** All arguments broadcast; NaN in, NaN out. **Overload.** None: it is lost.

References
----------
.. [1] D. Gross, J. F. Shortle, J. M. Thompson, C. M. Harris, "Fundamentals of Queueing
   Theory", 4th ed., Wiley, 2008, ch. 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import POISSON_ARRIVALS, Basis
from qmodel.distributions import Distribution, Exponential
from qmodel.errors import DomainError, ModelError
from qmodel.numerics import erlang, geometric
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.birth_death import MeanOnly
from qmodel.queues.counts.erlang import erlang_b
from qmodel.queues.counts.server_states import ServerStates, log_load
from qmodel.queues.finite_room import FiniteRoom
from qmodel.queues.mmc import EXPONENTIAL_SERVICE
from qmodel.queues.results import busy_share
from qmodel.queues.waits.mmck import AcceptedResponse, AcceptedWait

__all__ = ["MMcK", "loss_probability", "queue_length", "waiting_time"]


@checked
def loss_probability(
    arrival_rate: Value, service_time: Value, *, servers: Count, capacity: Count
) -> Value:
    """Share of the arrivals that find the station full, p_K.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    capacity : int or integer array
        Requests that the station holds, in service and in queue, >= `servers`. [-]

    Returns
    -------
    number or array
        Probability, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(loss_probability(5.0, 1.0, servers=4, capacity=10))
    0.2300

    At saturation all states of one server are equally likely, and there is no 0/0:

    >>> loss_probability([0.999999999, 1.0, 1000.0], 1.0, servers=1, capacity=9999)
    array([1.000e-04, 1.000e-04, 9.990e-01])

    >>> import sympy as sp
    >>> lam, s = sp.symbols("lambda S", positive=True)
    >>> sp.factor(loss_probability(lam, s, servers=1, capacity=2).doit())
    S**2*lambda**2/(S**2*lambda**2 + S*lambda + 1)
    """
    odds, x, m, _ = _checked(arrival_rate, service_time, servers, capacity)
    return _shares(odds, x, m)[0]


@checked
def queue_length(
    arrival_rate: Value, service_time: Value, *, servers: Count, capacity: Count
) -> Value:
    """Mean number in queue, L_q.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    capacity : int or integer array
        Requests that the station holds, in service and in queue, >= `servers`. [-]

    Returns
    -------
    number or array
        Mean number, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(queue_length(5.0, 1.0, servers=4, capacity=10))
    3.5062
    """
    odds, x, m, _ = _checked(arrival_rate, service_time, servers, capacity)
    xp = namespace(odds, x, m)
    with xp.errstate(divide="ignore", over="ignore"):
        return geometric.mean(x, m) / (1 + odds / geometric.scaled_sum(x, m))


@checked
def waiting_time(
    arrival_rate: Value, service_time: Value, *, servers: Count, capacity: Count
) -> Value:
    """Mean time in queue of the accepted requests, W_q.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    capacity : int or integer array
        Requests that the station holds, in service and in queue, >= `servers`. [-]

    Returns
    -------
    number or array
        Mean wait, of the broadcast shape. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(waiting_time(5.0, 1.0, servers=4, capacity=10))
    0.9107
    """
    odds, x, m, serve = _checked(arrival_rate, service_time, servers, capacity)
    xp = namespace(odds, x, m)
    # The accepted meet the station with a capacity smaller by one.
    with xp.errstate(divide="ignore", over="ignore"):
        must_wait = 1 / (1 + odds / geometric.scaled_sum(x, m - 1))
        return xp.guard(must_wait * (geometric.mean(x, m - 1) + 1), m == 0, 0 * x) / serve


def _checked(rate: Any, service_time: Any, servers: Any, capacity: Any) -> tuple[Any, ...]:
    """Return the odds of Erlang B, the log of the load, the room, and the rate of service."""
    rate = _check.nonnegative("arrival_rate", rate)
    s = _check.positive("service_time", service_time)
    c, k = _sizes(servers, capacity)
    xp = namespace(rate, s, c, k)
    a = rate * s
    odds = 1 / erlang_b(servers=c, offered_load=a) - 1 if xp.symbolic else erlang.odds(a, c)
    return odds, log_load(a, c, spare_servers(rate, s, c)), k - c, c / s


def _sizes(servers: Any, capacity: Any) -> tuple[Any, Any]:
    c = _check.count("servers", servers)
    k = _check.count("capacity", capacity, endless=True)
    if not is_symbolic(c, k):
        if np.any(np.less(k, c)):
            raise DomainError(f"capacity must be at least servers = {servers}, got {capacity}")
        if np.any(np.isinf(k)):
            raise DomainError(
                f"capacity must be finite, got {capacity}; without limit it is MMc"
            )
    return c, k


def _shares(odds: Any, x: Any, m: Any) -> tuple[Any, Any]:
    """Return the shares lost and accepted, in overload the latter without the difference."""
    xp = namespace(odds, x, m)
    with xp.errstate(all="ignore"):
        lost = 1 / (odds * xp.exp(-m * x) + geometric.scaled_sum(-x, m))
        if xp.symbolic:
            return lost, 1 - lost
        others = odds * np.exp(-m * x) + np.exp(-x) * geometric.scaled_sum(-x, m - 1)
        return lost, xp.guard(1 - lost, x > 0, lost * others)


@dataclass(frozen=True, slots=True, eq=False)
class MMcK(FiniteRoom):
    """Station with exponential service, equal servers and a finite capacity.

    What finds the station full is lost. `waiting_time`, `response_time` and the distributions
    are those of the accepted requests; `utilization` is the fraction of time that a server
    works.

    Parameters
    ----------
    service_time : number or array
        Mean service time of one request on one server, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    capacity : int or integer array
        Requests that the station holds, in service and in queue, >= `servers`. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain; the message names it and the value.

    Examples
    --------
    >>> workers = MMcK(service_time=0.1, servers=4, capacity=10)
    >>> load = workers.solve(50.0)
    >>> float(load.loss), float(load.throughput), float(load.response_time)
    (0.2300, 38.4988, 0.1911)
    >>> float(load.response.quantile(0.99)), load.basis
    (0.5805, 'exact')
    """

    service_time: Value = parameter(
        "mean service time", unit="s", symbol="S", check=_check.positive
    )
    servers: Count = parameter("servers", symbol="c", check=_check.count)
    capacity: Count = parameter(
        "requests in the station at most", symbol="K", check=partial(_check.count, endless=True)
    )
    service: Exponential = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _sizes(self.servers, self.capacity)
        object.__setattr__(self, "service", Exponential(self.service_time))

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates: never, it loses. [1/s]."""
        return namespace(self.service_time, self.servers).inf

    def serving(self, service: Distribution) -> Station:
        """Return as many servers and the same capacity with another exponential service."""
        if not isinstance(service, Exponential):
            raise ModelError(f"M/M/c/K has exponential service, got {service!r}")
        return MMcK(service.mean, self.servers, self.capacity)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, s, c, k = arrival_rate, self.service_time, self.servers, self.capacity
        odds, x, room, _ = _checked(rate, s, c, k)
        loss, served = _shares(odds, x, room)
        queue, wait = (
            queue_length(rate, s, servers=c, capacity=k),
            waiting_time(rate, s, servers=c, capacity=k),
        )
        a, spare = rate * s, spare_servers(rate, s, c)
        means = (POISSON_ARRIVALS, EXPONENTIAL_SERVICE)
        distributions: tuple[Distribution, ...] = (MeanOnly(wait), MeanOnly(wait + s))
        if not is_symbolic(odds, x, room):
            chain = (a, c, spare, room, s)
            distributions = (AcceptedWait(*chain), AcceptedResponse(*chain))
        return StationResult(
            arrival_rate=rate,
            utilization=busy_share(a * served, c),
            waiting_time=wait,
            response_time=wait + s,
            queue_length=queue,
            number_in_system=a * served + queue,
            wait=distributions[0],
            response=distributions[1],
            station=self,
            loss=loss,
            accepted=served,
            number=ServerStates(a, c, spare, room),
            basis=Basis(
                dict.fromkeys((*MEANS, "loss", "number"), means)
                | dict.fromkeys(DISTRIBUTIONS, (*means, FCFS))
            ),
        )
