r"""The M/M/c queue: Poisson arrivals, exponential service, c equal servers, FCFS.

With offered load :math:`a = \lambda S`, the Erlang C probability :math:`C(c, a)` of
`qmodel.queues.counts.erlang`, and the rate :math:`\theta = (c - a) / S` at which a full queue
drains,

.. math::

    W_q = \frac{C S}{c - a}, \qquad P(T_q > t) = C e^{-\theta t}, \qquad
    P(T > t) = e^{-\mu t} + C \mu t \, e^{-\min(\mu, \theta) t}
    \frac{e^{-|\mu - \theta| t} - 1}{-|\mu - \theta| t} .

The last form has no 0/0 at :math:`\theta = \mu`, where the usual one divides by zero.

**Shapes.** All arguments broadcast; scalars in, scalars out.
**Servers.** The formulas take any real number > 0, on which C is Jagerman's integral
(`qmodel.queues.counts.erlang`): the smooth curve between whole numbers that a search for a size
follows. A station has a whole number.
**Numbers.** Floats, NumPy arrays, SymPy expressions.
**Overload.** A cell with ``arrival_rate * service_time >= servers`` is ``inf``. NaN in,
NaN out.

References
----------
.. [1] D. Gross, J. F. Shortle, J. M. Thompson, C. M. Harris, "Fundamentals of Queueing
   Theory", 4th ed., Wiley, 2008, ch. 2.
.. [2] P. J. Burke, "The output of a queuing system", Operations Research 4, 1956.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import Distribution, Exponential
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.counts.server_states import ServerStates
from qmodel.queues.waits.mmc import MMcResponse, MMcWait

__all__ = ["MMc", "waiting_tail", "waiting_time"]

EXPONENTIAL_SERVICE = Assumption(
    "exponential-service", "service times are exponential and independent", "Erlang 1917"
)

_GROUNDS = (POISSON_ARRIVALS, EXPONENTIAL_SERVICE)
_BASIS = Basis(
    dict.fromkeys((*MEANS, "number"), _GROUNDS)
    | dict.fromkeys(DISTRIBUTIONS, (*_GROUNDS, FCFS))
)


@checked
def waiting_time(arrival_rate: Value, service_time: Value, *, servers: Value = 1) -> Value:
    """Mean time in queue before service starts, W_q.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : number or array, default 1
        Number of servers, > 0; a real number is allowed. [-]

    Returns
    -------
    number or array
        Mean wait, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(waiting_time(9.0, 0.2, servers=4))
    0.0117

    Shapes broadcast, and an overloaded cell does not spoil its neighbours:

    >>> import numpy as np
    >>> waiting_time(np.array([[1.0], [9.0], [11.0]]), 0.2, servers=[2, 4]).round(4)
    array([[0.002 , 0.    ],
           [0.8526, 0.0117],
           [   inf, 0.0252]])

    A size may be any real number, as on the way to an optimum:

    >>> waiting_time(9.0, 0.2, servers=np.array([2.0, 2.5, 3.0])).round(4)
    array([0.8526, 0.1598, 0.0591])

    The same lines give the formula:

    >>> import sympy as sp
    >>> lam, s = sp.symbols("lambda S", positive=True)
    >>> sp.factor(waiting_time(lam, s, servers=2).doit())
    -S**3*lambda**2/((S*lambda - 2)*(S*lambda + 2))
    """
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    s = _check.positive("service_time", service_time)
    c = _check.size("servers", servers)
    return _mean_wait(erlang_c(servers=c, offered_load=rate * s), s, spare_servers(rate, s, c))


def _mean_wait(must_wait: Any, s: Any, spare: Any) -> Any:
    xp = namespace(must_wait, s, spare)
    return xp.over(must_wait * s, spare, xp.inf)


def _drain(s: Any, spare: Any) -> Any:
    """Return the rate at which a full queue drains, 1 / E[wait | wait > 0]."""
    xp = namespace(s, spare)
    with xp.errstate(invalid="ignore"):
        return xp.guard(spare / s, spare <= 0, 0.0)


@checked
def waiting_tail(
    arrival_rate: Value, service_time: Value, *, servers: Value = 1, t: Value
) -> Value:
    """Probability that the time in queue exceeds `t`.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : number or array, default 1
        Number of servers, > 0; a real number is allowed. [-]
    t : number or array
        Time, >= 0. [s]

    Returns
    -------
    number or array
        Probability, of the broadcast shape; 1 in overload. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(waiting_tail(9.0, 0.2, servers=2, t=1.0))
    0.3137
    """
    t = _check.nonnegative("t", t)
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    s = _check.positive("service_time", service_time)
    c = _check.size("servers", servers)
    drain = _drain(s, spare_servers(rate, s, c))
    return erlang_c(servers=c, offered_load=rate * s) * namespace(t, drain).exp(-drain * t)


@dataclass(frozen=True, slots=True, eq=False)
class MMc(Station):
    """Station with exponential service and equal servers, first come first served.

    Parameters
    ----------
    service_time : number or array
        Mean service time of one request on one server, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain; the message names it and the value.

    Examples
    --------
    >>> database = MMc(service_time=0.2, servers=2)
    >>> database.max_rate
    10.0
    >>> load = database.solve(9.0)
    >>> float(load.response_time), float(load.number_in_system)
    (1.0526, 9.4737)
    >>> float(load.response.quantile(0.99)), load.basis
    (4.6689, 'exact')
    """

    service_time: Value = parameter(
        "mean service time", unit="s", symbol="S", check=_check.positive
    )
    servers: Count = parameter("servers", symbol="c", check=_check.count, default=1)
    service: Exponential = field(init=False, repr=False)
    poisson_output = True
    variable_arrivals = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "service", Exponential(self.service_time))

    def serving(self, service: Distribution) -> Station:
        """Return as many servers with another service: M/G/c unless exponential."""
        if isinstance(service, Exponential):
            return MMc(service.mean, self.servers)
        return self._of_general_service(service)

    def distribution_of_response(
        self, result: StationResult, work: Distribution, visits: Count = 1
    ) -> Distribution:
        """Return the distribution of the response, in closed form where the wait has one."""
        wait, once = result.wait, isinstance(visits, int) and visits == 1
        if once and isinstance(wait, MMcWait) and isinstance(work, Exponential):
            return MMcResponse(wait.probability, wait.drain, 1 / work.mean)
        return Station.distribution_of_response(self, result, work, visits)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, s, c = arrival_rate, self.service_time, self.servers
        spare, must_wait = spare_servers(rate, s, c), erlang_c(servers=c, offered_load=rate * s)
        wait, drain = _mean_wait(must_wait, s, spare), _drain(s, spare)
        return StationResult(
            arrival_rate=rate,
            utilization=rate * s / c,
            waiting_time=wait,
            response_time=wait + s,
            queue_length=namespace(rate, s, c).weigh(rate, wait),
            number_in_system=namespace(rate, s, c).weigh(rate, wait + s),
            wait=MMcWait(must_wait, drain),
            response=MMcResponse(must_wait, drain, 1 / s),
            station=self,
            number=ServerStates(rate * s, c, spare),
            basis=_BASIS,
        )
