r"""The M/D/c queue: Poisson arrivals, constant service, c equal servers, FCFS; exact.

With :math:`a = \lambda D` and :math:`u = \lambda (k D - t)`, :math:`(k-1) D \le t < k D`,
Franx [1]_ writes the distribution of the wait with positive terms only,

.. math::

    P(T_q > t) = P(Q + U \ge k c), \qquad U \sim \text{Poisson}(u),

where Q is the number that wait at an arbitrary time. Its distribution comes from one
Wiener-Hopf factorisation (`qmodel.numerics.crommelin`); probability, mean and variance of the
wait from Spitzer's identity (`qmodel.numerics.spitzer`), which costs the same at any load. The
tail has kinks at the multiples of D, which are met exactly; far out it is :math:`A e^{-\lambda
(\tau - 1) t}`, with :math:`\tau > 1` the root of :math:`\tau^c = e^{a (\tau - 1)}`. The number
in the system is Q and an independent Poisson number of mean a.

**Shapes.** All arguments broadcast; scalars in, scalars out.
**Numbers.** Floats and NumPy arrays; there is no closed form for symbols. Relative error of
the mean at most 1e-12; of tails 1e-10 down to ``1e-12 P(wait)``, and a few parts in a hundred
beyond ``1e-20 P(wait)`` where few requests wait.
**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] G. J. Franx, "A simple solution for the M/D/c waiting time distribution", Operations
   Research Letters 29, 2001, 221-229.
"""

from __future__ import annotations

from dataclasses import dataclass

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import Deterministic, Distribution, Sum
from qmodel.errors import ModelError
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.waits.constant_service import ConstantServiceNumber, ConstantServiceWait

__all__ = ["MDc", "waiting_tail", "waiting_time"]

CONSTANT_SERVICE = Assumption(
    "constant-service",
    "all requests take the same time to serve",
    "Erlang 1909; Crommelin 1932",
)


@checked
def waiting_time(arrival_rate: Value, service_time: Value, *, servers: Count = 1) -> Value:
    """Mean time in queue before service starts, W_q.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        The constant service time, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]

    Returns
    -------
    number or array
        Mean wait, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.
    ModelError
        If an argument is a symbol.

    See Also
    --------
    qmodel.queues.mmc.waiting_time : exponential service, up to twice as long.

    Examples
    --------
    >>> float(waiting_time(4.0, 1.0, servers=5))
    0.289060
    """
    return _wait(arrival_rate, service_time, servers).mean


@checked
def waiting_tail(
    arrival_rate: Value, service_time: Value, *, servers: Count = 1, t: Value
) -> Value:
    """Probability that the time in queue exceeds `t`.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        The constant service time, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]
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
    ModelError
        If an argument is a symbol.

    Examples
    --------
    >>> waiting_tail(4.0, 1.0, servers=5, t=[0.0, 0.5, 1.0]).round(6)
    array([0.533615, 0.224309, 0.075406])
    """
    t = _check.nonnegative("t", t)
    return _wait(arrival_rate, service_time, servers).tail(t)


def _wait(arrival_rate: Value, service_time: Value, servers: Count) -> ConstantServiceWait:
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    constant = _check.positive("service_time", service_time)
    c = _check.count("servers", servers, most=10**7)
    if is_symbolic(rate, constant, c):
        raise ModelError("M/D/c has no closed form for symbols; M/D/1 has, as MG1")
    return ConstantServiceWait(rate, constant, c)


@dataclass(frozen=True, slots=True, eq=False)
class MDc(Station):
    """Station with constant service and equal servers, first come first served.

    Parameters
    ----------
    service_time : number or array
        The constant service time, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain; the message names it and the value.
    ModelError
        If a parameter is a symbol.

    Examples
    --------
    >>> encoder = MDc(service_time=1.0, servers=5)
    >>> load = encoder.solve(4.0)
    >>> float(load.waiting_time), float(load.wait.quantile(0.99)), load.basis
    (0.2891, 1.9374, 'exact')
    >>> load.number.probability([4, 5, 6]).round(4)
    array([0.1618, 0.1492, 0.1201])
    """

    variable_arrivals = True

    service_time: Value = parameter(
        "mean service time", unit="s", symbol="S", check=_check.positive
    )
    servers: Count = parameter("servers", symbol="c", check=_check.count, default=1)

    def __post_init__(self) -> None:
        _wait(0.0, self.service_time, self.servers)  # refuses symbols

    @property
    def service(self) -> Deterministic:
        """Distribution of the service time. [-]."""
        return Deterministic(self.service_time)

    def serving(self, service: Distribution) -> Station:
        """Return as many servers with another service: M/G/c unless constant."""
        if isinstance(service, Deterministic):
            return MDc(service.mean, self.servers)
        return self._of_general_service(service)

    def _solve(self, arrival_rate: Value) -> StationResult:
        distribution = _wait(arrival_rate, self.service_time, self.servers)
        wait, number = distribution.mean, ConstantServiceNumber(distribution)
        grounds = (POISSON_ARRIVALS, CONSTANT_SERVICE)
        return StationResult(
            arrival_rate=arrival_rate,
            utilization=arrival_rate * self.service_time / self.servers,
            waiting_time=wait,
            response_time=wait + self.service_time,
            queue_length=number.queue_mean(),
            number_in_system=number.mean,
            wait=distribution,
            response=Sum((distribution, self.service)),
            station=self,
            basis=Basis(
                dict.fromkeys((*MEANS, "number"), grounds)
                | dict.fromkeys(DISTRIBUTIONS, (*grounds, FCFS))
            ),
            number=number,
        )
