r"""The GI/M/c queue: independent interarrival times, c exponential servers, FCFS; exact.

With the transform A of the time between arrivals, :math:`\sigma` the root in (0, 1) of
:math:`\sigma = A(c \mu (1 - \sigma))`, :math:`\varphi_j = A(j \mu)` and
:math:`C_j = \prod_{i \le j} \varphi_i / (1 - \varphi_i)`, Takács [1]_ gives

.. math::

    \frac{1}{P(\text{wait})} = 1 + (1 - \sigma) \sum_{j=1}^{c} \frac{\binom{c}{j}}
        {C_j (1 - \varphi_j)} \, \frac{c (1 - \varphi_j) - j}{c (1 - \sigma) - j}, \qquad
    P(T_q > t) = P(\text{wait}) \, e^{-c \mu (1 - \sigma) t} .

The last factor is positive for every j. Where j is close to :math:`c (1 - \sigma)`, 0/0 at a
common load of M/M/c, it is a derivative: with :math:`x_j = j / a` and the transform
:math:`A_e(x)` of the residual time between arrivals, of mean time 1, it is
:math:`-j c \, a^{-2}` times the divided difference of :math:`A_e` between :math:`x_j` and the
root. Binomials and C are in logs, so hundreds of servers do no harm.

D/M/c, E_k/M/c and H2/M/c are this with `Deterministic`, `Erlang` and `HyperExponential`
times; D/M/c is what each of n round-robin pools of c servers sees as n grows. Arrivals do not
see the time average: P(wait) is not P(N >= c).

**Load.** The distribution of the interarrival times gives the shape; ``solve(arrival_rate)``
scales it to the rate.
**Numbers.** Relative error at most 1e-11 for constant, gamma and hyperexponential times, 1e-8
for others.
**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] L. Takács, "Introduction to the Theory of Queues", Oxford University Press, 1962.
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
from qmodel._xp import is_symbolic
from qmodel.basis import Assumption, Basis
from qmodel.distributions import Distribution, Exponential
from qmodel.distributions.broadcasting import select, shape_of
from qmodel.errors import ModelError
from qmodel.numerics.erlang import special
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.counts.gmc import RenewalNumber
from qmodel.queues.mmc import EXPONENTIAL_SERVICE
from qmodel.queues.waits.mmc import MMcResponse, MMcWait
from qmodel.queues.waits.renewal_root import root, unit

__all__ = ["GMc", "waiting_probability", "waiting_time"]

TERMS = 1 << 18  # terms of the sum at a time

RENEWAL_ARRIVALS = Assumption(
    "renewal-arrivals",
    "interarrival times are independent, with the given distribution scaled to the rate",
    "Takács 1962",
)


_servers = partial(_check.count, most=10**7)


@checked
def waiting_time(
    arrival_rate: Value, service_time: Value, *, interarrival: Distribution, servers: Count = 1
) -> Value:
    """Mean time in queue before service starts, W_q.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    interarrival : Distribution
        Shape of the distribution of the interarrival times; its mean does not count. [-]
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
        If `interarrival` is not a distribution, or an argument is a symbol.

    Examples
    --------
    >>> import qmodel as qm
    >>> float(waiting_time(3.2, 1.0, interarrival=qm.Erlang(1.0, phases=4), servers=4))
    0.38443
    """
    probability, drain = _queue(*_checked(arrival_rate, service_time, interarrival, servers))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return _mean(probability, drain)


@checked
def waiting_probability(
    arrival_rate: Value, service_time: Value, *, interarrival: Distribution, servers: Count = 1
) -> Value:
    """Share of the arrivals that find all servers busy.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    interarrival : Distribution
        Shape of the distribution of the interarrival times; its mean does not count. [-]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]

    Returns
    -------
    number or array
        Probability, of the broadcast shape; 1 in overload. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.
    ModelError
        If `interarrival` is not a distribution, or an argument is a symbol.

    Examples
    --------
    >>> import qmodel as qm
    >>> float(waiting_probability(18.0, 1.0, interarrival=qm.Deterministic(1.0), servers=20))
    0.38944
    """
    return _queue(*_checked(arrival_rate, service_time, interarrival, servers))[0]


def _checked(rate: Any, s: Any, distribution: Any, c: Any) -> tuple[Any, ...]:
    rate = _check.nonnegative("arrival_rate", rate)
    s = _check.positive("service_time", s)
    c = _servers("servers", c)
    if is_symbolic(rate, s, c):
        raise ModelError("GI/M/c has no closed form for symbols; M/M/c has")
    return rate, s, _check.instance("interarrival", distribution, Distribution), c


def _mean(probability: Any, drain: Any) -> Any:
    # Below the smallest float nobody waits.
    return np.where(probability == 0, 0.0, probability / drain)[()]


def _queue(rate: Any, s: Any, interarrival: Distribution, c: Any) -> tuple[Any, Any]:
    """Return the probability of waiting and the rate of drain 1 / E[wait | wait > 0]."""
    distribution = unit(interarrival)
    shape = np.broadcast_shapes(*(np.shape(x) for x in (rate, s, c)), shape_of(distribution))
    rate, s, c = (np.broadcast_to(np.asarray(x, float), shape).ravel() for x in (rate, s, c))
    spare = np.asarray(spare_servers(rate, s, c))
    load = rate * s
    good = (load > 0) & (spare > 0)
    probability, x = np.full(load.shape, np.nan), np.full(load.shape, np.nan)
    # As many cells at a time as have room; the few with many servers do not widen the rest.
    order = np.argsort(c)
    order = order[good[order]]
    while order.size:
        most = max(1, int(TERMS // c[order[-1]]))
        part, order = order[-most:], order[:-most]
        here = select(distribution, shape, part) if shape else distribution
        x[part] = root(here, load[part] / c[part], spare[part] / c[part])
        probability[part] = _probability(here, load[part], c[part], x[part])
    idle, full = load == 0, spare <= 0
    probability = np.where(idle, 0.0, np.where(full, 1.0, probability))
    # c mu (1 - sigma) is x times the arrival rate; without load, that of c idle servers.
    drain = np.where(idle, c / s, np.where(full, 0.0, rate * x))
    return probability.reshape(shape)[()], drain.reshape(shape)[()]


def _probability(distribution: Distribution, a: Any, c: Any, x: Any) -> Any:
    j = np.arange(1.0, c.max() + 1)[:, None]
    at = j / a

    def residual(y: Any) -> Any:
        return (1 - distribution.laplace(y)) / y

    with np.errstate(all="ignore"):
        phi = np.asarray(distribution.laplace(at))
        found = np.where(x < 0.1, 1 - distribution.remaining_gap(x), residual(x))
        apart = np.abs(at - x) > 1e-5 * x
        # The derivative in between, by a complex step.
        middle = (at + x) / 2
        slope = residual(middle + 1e-30j).imag / 1e-30
        slope = np.where(apart, (residual(at) - found) / (at - x), slope)
        logs = np.log(phi) - np.log1p(-phi)
        binomial = special().gammaln(c + 1) - special().gammaln(j + 1)
        binomial = binomial - special().gammaln(c - j + 1)
        logs = (
            binomial
            - logs.cumsum(axis=0)
            - np.log1p(-phi)
            + np.log(-slope)
            + np.log(j * c)
            - 2 * np.log(a)
        )
        terms = np.where(j <= c, np.exp(np.minimum(logs, 700.0)), 0.0)
        # Beyond 1e300 the probability is none, and where a transform is below the floats.
        probability = 1 / (1 + a / c * x * terms.sum(axis=0))
        none = ((logs > 690.0) | (phi == 0)) & (j <= c)
        return np.where(np.any(none, axis=0), 0.0, probability)


@dataclass(frozen=True, slots=True, eq=False)
class GMc(Station):
    """Station with exponential servers and arrivals at independent times of any distribution.

    Parameters
    ----------
    interarrival : Distribution
        Shape of the distribution of the interarrival times, of mean > 0; ``solve`` scales it to
        the arrival rate. [-]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain; the message names it and the value.
    ModelError
        If `interarrival` is not a distribution, or a parameter is a symbol.

    Examples
    --------
    A job every 50 ms, not at random, waits less:

    >>> import qmodel as qm
    >>> load = GMc(qm.Deterministic(1.0), service_time=0.9, servers=20).solve(20.0)
    >>> float(load.waiting_time), float(load.wait.quantile(0.99)), load.basis
    (0.0908, 0.8534, 'exact')
    >>> float(qm.MMc(0.9, 20).solve(20.0).waiting_time)
    0.2478
    """

    interarrival: Distribution
    service_time: Value = parameter(
        "mean service time", unit="s", symbol="S", check=_check.positive
    )
    servers: Count = parameter("servers", symbol="c", check=_servers, default=1)
    service: Exponential = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _checked(0.0, self.service_time, self.interarrival, self.servers)
        object.__setattr__(self, "service", Exponential(self.service_time))

    def serving(self, service: Distribution) -> Station:
        """Return the same arrivals and servers with another service distribution."""
        if isinstance(service, Exponential):
            return GMc(self.interarrival, service.mean, self.servers)
        return self._of_general_service(service)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, s, c = arrival_rate, self.service_time, self.servers
        probability, drain = _queue(*_checked(rate, s, self.interarrival, c))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            wait = _mean(probability, drain)
        grounds = (RENEWAL_ARRIVALS, EXPONENTIAL_SERVICE, FCFS)
        return StationResult.by_littles_law(
            self,
            rate,
            wait,
            wait=MMcWait(probability, drain),
            response=MMcResponse(probability, drain, 1 / s),
            basis=Basis(dict.fromkeys((*MEANS, *DISTRIBUTIONS, "number"), grounds)),
            number=RenewalNumber(rate, s, self.interarrival, c),
        )
