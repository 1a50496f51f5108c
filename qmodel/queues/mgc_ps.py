r"""The M/G/c-PS queue: c servers shared equally by all requests present.

With n requests each is served at rate min(1, c / n). The mean response time and the state
probabilities are those of M/M/c for *any* law of service with the same mean [1]_, and the
mean response of a request of size x is x times the same stretch :math:`W / S`.

The law is approximate: a request of size x takes x and a gamma excess, with the exact mean
and the variance

.. math::

    V(x) = 2 \sigma^2 (\delta x - \delta^2 (1 - e^{-x / \delta})), \qquad
    \sigma^2 = \frac{C (1 + \rho - C)}{(c (1 - \rho))^2}, \qquad
    \delta = \frac{E[S^2]}{2 S \, c (1 - \rho)},

where :math:`\sigma^2` is the variance of the stretch that an arrival meets, and
:math:`\delta` the size over which it is forgotten. For one server and exponential service
this is the exact variance [2]_. Against the exact M/M/1-PS percentiles from p50 to p99.9
the error of the law is 1.5 % at 50 % load and 0.7 % at 80 %.

References
----------
.. [1] F. P. Kelly, "Reversibility and Stochastic Networks", Wiley, 1979, sec. 3.3.
.. [2] S. F. Yashkov, "A derivation of response time distribution for an M/G/1 processor
   sharing queue", Problems of Control and Information Theory 12, 1983.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import NEVER, Distribution, Mixture, Repeated
from qmodel.errors import ModelError
from qmodel.numerics.spare import spare_servers
from qmodel.queues import mmc
from qmodel.queues.base import LAWS, MEANS, Station, StationResult, StreamResult
from qmodel.queues.erlang import erlang_c
from qmodel.queues.mg1 import GENERAL_SERVICE

__all__ = ["MGcPS", "response_time"]

PROCESSOR_SHARING = Assumption(
    "processor-sharing",
    "all requests present share the servers equally; means do not depend on the law of service",
    "Kleinrock 1967; Kelly 1979",
)
GAMMA_EXCESS = Assumption(
    "gamma-excess",
    "a request of given size takes its size and a gamma excess of two moments; percentiles "
    "within 2 % for one server, more behind several",
    "Yashkov 1983 for the variance",
    APPROXIMATE,
)


def response_time(arrival_rate: Value, service_time: Value, servers: Count = 1) -> Value:
    """Mean time in a station whose servers are shared, W.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time of a request alone, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]

    Returns
    -------
    number or array
        Mean response time, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(response_time(14.0, 0.05))
    0.1667
    """
    return mmc.waiting_time(arrival_rate, service_time, servers) + service_time


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SharedResponse(Distribution):
    """The response of requests of `sizes`: each its size and a gamma excess."""

    weights: tuple[Value, ...]
    sizes: tuple[Value, ...]
    means: tuple[Value, ...]
    variances: tuple[Value, ...]
    closed = True

    @property
    def mean(self) -> Value:
        return sum(w * (x + m) for w, x, m, _ in self._terms())

    @property
    def variance(self) -> Value:
        mean = self.mean
        return sum(w * (v + (x + m - mean) ** 2) for w, x, m, v in self._terms())

    @property
    def analytic(self) -> bool:
        return False

    def _terms(self) -> Any:
        return zip(self.weights, self.sizes, self.means, self.variances, strict=True)

    def laplace(self, s: Value) -> Value:
        return sum(
            w * np.exp(-s * x) * (1 + s * v / m) ** (-m * m / v) for w, x, m, v in self._terms()
        )

    def tail(self, t: Value) -> Value:
        from scipy.special import gammaincc

        t = np.asarray(t, dtype=float)
        return sum(
            w
            * np.where(t < x, 1.0 + 0.0 * m, gammaincc(m * m / v, np.maximum(t - x, 0) * m / v))
            for w, x, m, v in self._terms()
        )

    def density(self, t: Value) -> Value:
        from scipy.special import gammaln, xlogy

        t = np.asarray(t, dtype=float)
        total: Any = 0.0
        with np.errstate(all="ignore"):
            for w, x, m, v in self._terms():
                shape, z = m * m / v, np.maximum(t - x, 0) * m / v
                here = np.exp(xlogy(shape - 1, z) - z - gammaln(shape)) * m / v
                total = total + np.where(t > x, w * np.minimum(here, 1e300), 0.0)
        return total


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Moments(Distribution):
    """What is known of a law on symbols: its mean and variance."""

    mean: Value
    variance: Value

    def laplace(self, s: Value) -> Value:
        raise ModelError("the law of response in a shared station has no symbolic form")


def _symbolic_response(
    rate: Any, mix: Distribution, servers: Any, service: Distribution
) -> Any:
    spare = spare_servers(rate, mix.mean, servers)
    must_wait = erlang_c(rate * mix.mean, servers)
    stretch = 1 + must_wait / spare
    variance = must_wait * (1 + rate * mix.mean / servers - must_wait) / spare**2
    forgotten = mix.mean * (1 + mix.scv) / 2 / spare
    # V(x) of the module, averaged over the sizes x by their transform.
    excess = service.mean - forgotten * (1 - service.laplace(1 / forgotten))
    spread = 2 * variance * forgotten * excess + stretch**2 * service.variance
    return _Moments(stretch * service.mean, spread)


def _graded_sizes(service: Distribution) -> tuple[list[float], list[Any]]:
    # Gauss-Legendre panels in the log of the tail, so that rare large requests count.
    nodes, weights = np.polynomial.legendre.leggauss(8)
    found_weights, sizes = [], []
    for low, high in ((0.0, 0.5), (0.5, 2.0), (2.0, 5.0), (5.0, 12.0), (12.0, 30.0)):
        for node, weight in zip(nodes, weights, strict=True):
            v = (low + high) / 2 + (high - low) / 2 * node
            found_weights.append(weight * (high - low) / 2 * np.exp(-v))
            sizes.append(service.quantile(-np.expm1(-v)))
    total = sum(found_weights)
    share = [w / total for w in found_weights]
    scale = service.mean / sum(w * x for w, x in zip(share, sizes, strict=True))
    return share, [x * scale for x in sizes]


def shared_response(
    rate: Any, mix: Distribution, servers: Any, service: Distribution
) -> Distribution:
    """Return the law of response of requests with `service` in a shared station."""
    s = mix.mean
    if is_symbolic(rate, s, servers):
        return _symbolic_response(rate, mix, servers, service)
    spare = np.asarray(spare_servers(rate, s, servers))
    over = spare <= 0
    load = np.where(over, 0.5, rate * s / servers)
    idle = np.asarray(load == 0)
    load = np.where(idle, 0.5, load)
    # Not servers * (1 - load), which may round to zero a hair below saturation.
    spare = np.where(over | idle, 0.5 * servers, spare)
    must_wait = erlang_c(load * servers, servers)
    variance = must_wait * (1 + load - must_wait) / spare**2
    forgotten = s * (1 + mix.scv) / 2 / spare
    stretch = must_wait / spare
    share, sizes = _graded_sizes(service)
    ratios = [np.asarray(x / forgotten) for x in sizes]
    # x - (1 - exp(-x)), without cancellation for small sizes.
    growth = [np.where(r < 1e-4, r * r / 2, r + np.expm1(-r)) for r in ratios]
    law = SharedResponse(
        tuple(share),
        tuple(sizes),
        tuple((stretch * x)[()] for x in sizes),
        tuple((2 * variance * forgotten**2 * g)[()] for g in growth),
    )
    alone = (1.0 - over) * ~idle
    if over.any() or idle.any():
        chosen = (alone[()], (1.0 * idle * ~over)[()], (1.0 * over)[()])
        return Mixture(chosen, (law, service, NEVER))
    return law


@dataclass(frozen=True, slots=True, eq=False)
class MGcPS(Station):
    """Station whose equal servers are shared by all requests present.

    Parameters
    ----------
    service : Distribution
        Law of the service time of a request alone. [-]
    servers : int or integer array, default 1
        Number of servers (cores), >= 1. [-]

    Raises
    ------
    DomainError
        If `servers` is not a whole number >= 1.
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> cores = MGcPS(qm.HyperExponential([0.9, 0.1], [0.03, 0.23]), servers=8)
    >>> load = cores.solve(120.0)
    >>> float(load.response_time), load.basis["response_time"], load.basis["p99"]
    (0.0589, 'exact', 'approximate')
    """

    service: Distribution
    servers: Count = 1
    poisson_output = True

    def __post_init__(self) -> None:
        _check.instance("service", self.service, Distribution)
        object.__setattr__(self, "servers", _check.count("servers", self.servers))

    def serving(self, service: Distribution) -> Station:
        """Return as many shared servers with another law of service."""
        return MGcPS(service, self.servers)

    def _response(self, rate: Value, service: Distribution) -> Distribution:
        return shared_response(rate, self.service, self.servers, service)

    def law_of_response(
        self, result: StationResult, service: Distribution, times: Count = 1
    ) -> Distribution:
        """Return the law of response of requests that bring `times` as much work.

        Parameters
        ----------
        result : StationResult
            The steady state of this station under all its streams. [-]
        service : Distribution
            Law of the work of one visit. [-]
        times : int or integer array, default 1
            Visits in immediate succession: under sharing, one visit with the whole work. [-]

        Returns
        -------
        Distribution
            Law of the time of all these visits. [-]
        """
        work = service if isinstance(times, int) and times == 1 else Repeated(service, times)
        return self._response(result.arrival_rate, work)

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        stretch = result.response_time / self.service.mean
        return StreamResult(
            arrival_rate=rate,
            waiting_time=(stretch - 1) * service.mean,
            response_time=stretch * service.mean,
            response=self.law_of_response(result, service),
        )

    def _law_grounds(self) -> tuple[Assumption, ...]:
        return (GAMMA_EXCESS,)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, s, c = arrival_rate, self.service.mean, self.servers
        wait = mmc.waiting_time(rate, s, c)
        response = wait + s
        weigh = namespace(rate, response).weigh
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, PROCESSOR_SHARING)
        return StationResult(
            arrival_rate=rate,
            utilization=rate * s / c,
            waiting_time=wait,
            response_time=response,
            queue_length=weigh(rate, wait),
            number_in_system=weigh(rate, response),
            wait=None,
            response=self._response(rate, self.service),
            station=self,
            basis=Basis(
                dict.fromkeys(MEANS, grounds)
                | dict.fromkeys(LAWS, (*grounds, *self._law_grounds()))
            ),
        )
