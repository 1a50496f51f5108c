r"""The G/M/1 queue: independent interarrival times, exponential service, FCFS.

With the transform A of the time between arrivals, an arrival finds the server busy with the
probability :math:`\sigma` that solves

.. math::

    \sigma = A(\mu (1 - \sigma)), \qquad 0 < \sigma < 1,

and then

.. math::

    P(T_q > t) = \sigma e^{-\mu (1 - \sigma) t}, \qquad
    W_q = \frac{\sigma S}{1 - \sigma}, \qquad W = \frac{S}{1 - \sigma}, \qquad
    p_0 = 1 - \rho, \quad p_n = \rho (1 - \sigma) \sigma^{n-1} :

the response is exponential. Arrivals do not see the time average: :math:`\sigma \ne \rho`.

**Load.** The distribution of the interarrival times gives the shape; ``solve(arrival_rate)``
scales it to the rate.
**Numbers.** The root is that of `qmodel.queues.waits.renewal_root`, which keeps the digits of
:math:`1 - \sigma` near saturation; at light load the equation itself keeps those of
:math:`\sigma`. Relative error 1e-13 for constant, gamma and hyperexponential times, 1e-8 for
others.
**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] L. Takács, "Introduction to the Theory of Queues", Oxford University Press, 1962.
.. [2] L. Kleinrock, "Queueing Systems, Volume 1: Theory", Wiley, 1975, ch. 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import Basis
from qmodel.distributions import Distribution, Exponential
from qmodel.errors import ModelError
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.counts.states import States
from qmodel.queues.gmc import RENEWAL_ARRIVALS
from qmodel.queues.mmc import EXPONENTIAL_SERVICE
from qmodel.queues.waits.mmc import MMcWait
from qmodel.queues.waits.renewal_root import root, unit

__all__ = ["GM1", "waiting_probability", "waiting_time"]


@checked
def waiting_time(service_time: Value, waiting_probability: Value) -> Value:
    """Mean time in queue, from the share of the arrivals that wait.

    Parameters
    ----------
    service_time : number or array
        Mean service time, > 0. [s]
    waiting_probability : number or array
        Share of the arrivals that find the server busy, from 0 to 1. [-]

    Returns
    -------
    number or array
        Mean wait, of the broadcast shape; inf where all wait. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(waiting_time(1.0, 0.5))
    1.0

    >>> import sympy as sp
    >>> s, sigma = sp.symbols("S sigma", positive=True)
    >>> waiting_time(s, sigma)
    S*sigma/(1 - sigma)
    """
    s = _check.positive("service_time", service_time)
    sigma = _check.probability("waiting_probability", waiting_probability)
    if is_symbolic(s, sigma):
        return s * sigma / (1 - sigma)
    with np.errstate(divide="ignore"):
        return s * sigma / (1 - np.asarray(sigma))[()]


@checked
def waiting_probability(
    arrival_rate: Value, service_time: Value, *, interarrival: Distribution
) -> Value:
    """Share of the arrivals that find the server busy, sigma.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    interarrival : Distribution
        Shape of the distribution of the interarrival times; its mean does not count. [-]

    Returns
    -------
    number or array
        Probability, of the broadcast shape; 1 in overload. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.
    ModelError
        If `interarrival` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> float(waiting_probability(0.8, 1.0, interarrival=qm.Erlang(1.0, phases=2)))
    0.7399
    """
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    s = _check.positive("service_time", service_time)
    distribution = _check.instance("interarrival", interarrival, Distribution)
    return _found(rate, s, distribution)[0]


def _found(rate: Any, s: Any, shape: Distribution) -> tuple[Any, Any]:
    """Return sigma and 1 - sigma, each with its own relative accuracy; 1 and 0 in overload."""
    if is_symbolic(rate, s):
        raise ModelError(
            "sigma of GI/M/1 is a root, of numbers only; gm1.waiting_time takes it as a symbol"
        )
    rho, spare = np.asarray(rate * s), np.asarray(spare_servers(rate, s, 1))
    distribution = unit(shape)
    x = root(distribution, rho, spare)
    with np.errstate(all="ignore"):
        # At light load the equation itself keeps the digits of sigma.
        busy = np.where(spare > 0.5, distribution.laplace(x), 1 - rho * x)
        idle = np.where(spare > 0.5, 1 - busy, rho * x)
    none = np.where(rho == 0, 0.0, 1.0 + 0.0 * rho)
    stable = (spare > 0) & (rho > 0)
    return np.where(stable, busy, none)[()], np.where(stable, idle, 1 - none)[()]


@dataclass(frozen=True, slots=True, eq=False)
class _Present(States):
    """The number present: idle, or geometric from 1 on."""

    utilization: Value
    ratio: Value
    found_idle: Value

    def _busy(self) -> Any:
        return np.minimum(self.utilization, 1.0)

    @property
    def mean(self) -> Value:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return self._busy() / self.found_idle

    @property
    def variance(self) -> Value:
        busy, idle = self._busy(), self.found_idle
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return busy * (1 + self.ratio - busy) / idle**2

    def probability(self, n: Count) -> Value:
        n = np.asarray(n)
        some = self._busy() * self.found_idle * self.ratio ** np.maximum(n - 1, 0)
        return np.where(n == 0, 1 - self._busy(), np.where(n < 0, 0.0, some))[()]

    def tail(self, n: Count) -> Value:
        n = np.asarray(n)
        return np.where(n < 0, 1.0, self._busy() * self.ratio ** np.maximum(n, 0))[()]


@dataclass(frozen=True, slots=True, eq=False)
class GM1(Station):
    """Station with one exponential server and independent interarrival times.

    Parameters
    ----------
    interarrival : Distribution
        Shape of the distribution of the interarrival times, of mean > 0; ``solve`` scales it to
        the arrival rate. [-]
    service_time : number or array
        Mean service time, > 0. [s]

    Raises
    ------
    DomainError
        If `service_time` is not > 0.
    ModelError
        If `interarrival` is not a distribution.

    Examples
    --------
    One request every 12.5 ms, not at random, waits less:

    >>> import qmodel as qm
    >>> load = GM1(qm.Deterministic(1.0), service_time=0.010).solve(80.0)
    >>> float(load.waiting_time), float(load.response.quantile(0.99)), load.basis
    (0.0169, 0.1240, 'exact')
    >>> float(qm.MMc(0.010).solve(80.0).waiting_time)
    0.04
    """

    interarrival: Distribution
    service_time: Value = parameter(
        "mean service time", unit="s", symbol="S", check=_check.positive
    )
    service: Exponential = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "service", Exponential(self.service_time))

    @property
    def servers(self) -> int:
        """Number of servers, one. [-]."""
        return 1

    def serving(self, service: Distribution) -> GM1:
        """Return the same arrivals with another exponential service distribution."""
        if not isinstance(service, Exponential):
            raise ModelError(f"service must be Exponential for G/M/1, got {service!r}")
        return GM1(self.interarrival, service.mean)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, s = arrival_rate, self.service_time
        busy, idle = _found(rate, s, self.interarrival)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            response = s / idle
            wait = response * busy
        weigh = namespace(rate, s).weigh
        grounds = (RENEWAL_ARRIVALS, EXPONENTIAL_SERVICE, FCFS)
        return StationResult(
            arrival_rate=rate,
            utilization=rate * s,
            waiting_time=wait,
            response_time=response,
            queue_length=weigh(rate, wait),
            number_in_system=weigh(rate, response),
            wait=MMcWait(busy, idle / s),
            response=MMcWait(1.0 + 0.0 * idle, idle / s),
            station=self,
            basis=Basis(dict.fromkeys((*MEANS, *DISTRIBUTIONS, "number"), grounds)),
            number=_Present(rate * s, busy, idle),
        )
