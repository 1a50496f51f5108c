r"""The load-dependent station: shared, at a speed that depends on the number present.

A database that slows down under many queries, cores whose clock falls when all are busy, a
service measured as :math:`X(n)`: with n requests the station works at the speed
:math:`\varphi_n` (1 is that of the service times), each request at :math:`\varphi_n / n`. With
:math:`a = \lambda S`,

.. math::

    \pi_n \propto \prod_{i \le n} \frac{a}{\varphi_i}, \qquad W = \frac{E[N]}{\lambda}, \qquad
    E[T \mid \text{size } x] = x \frac{W}{S}

for any service distribution [1]_. From the last speed given on it stays what it is.

**Response.** For exponential service the distribution is exact, that of one request among the
others (`qmodel.queues.waits.tagged_request`). For others a request of size x takes what it
takes at the best speed that a request can have, :math:`x / \max_n (\varphi_n / n)`, and a gamma
excess as in `qmodel.queues.waits.shared_response`, with the exact variance of the stretch that
an arrival meets, forgotten over a size that gives exponential work its exact variance, times
:math:`E[S^2] / (2 S^2)`.

**Overload.** From :math:`a = \varphi_m` on: ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] F. P. Kelly, "Reversibility and Stochastic Networks", Wiley, 1979, sec. 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import (
    NEVER,
    Distribution,
    Exponential,
    HyperExponential,
    Mixture,
    Scaled,
)
from qmodel.distributions.broadcasting import shape_of
from qmodel.errors import DomainError, ModelError
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station, StationResult, StreamResult
from qmodel.queues.counts.states import GeometricBeyond
from qmodel.queues.mg1 import GENERAL_SERVICE
from qmodel.queues.mgc_ps import GAMMA_EXCESS
from qmodel.queues.waits.shared_response import response_of_sizes
from qmodel.queues.waits.tagged_request import exponentials_of

__all__ = ["LoadDependent"]

SPEED_BY_NUMBER = Assumption(
    "speed-by-number",
    "all requests present share the station equally, at a speed that depends on their number; "
    "means do not depend on the service distribution",
    "Kelly 1979",
)


@dataclass(frozen=True, slots=True, eq=False)
class LoadDependent(Station):
    """Station that all requests present share, at a speed that depends on their number.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time of a request, at the speed 1. [-]
    speeds : sequence of numbers or arrays
        Speed of the whole station with 1, 2, ..., m requests present, > 0; with more, that of
        m. [-]

    Raises
    ------
    DomainError
        If there is no speed, or one is not > 0.
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    A database that does 22 queries of 50 ms at once, each slower than alone, and no more:

    >>> import qmodel as qm
    >>> speeds = [n / (1 + 0.05 * (n - 1) + 0.002 * n * (n - 1)) for n in range(1, 23)]
    >>> db = LoadDependent(qm.Exponential(0.050), speeds)
    >>> load = db.solve([80.0, 120.0, 140.0])
    >>> load.response_time.round(4), load.response.quantile(0.99).round(3)
    (array([0.0678, 0.0965, 0.1904]), array([0.318, 0.486, 1.216]))
    >>> load.basis
    'exact'
    """

    service: Distribution
    speeds: tuple[Value, ...] = parameter(
        "speeds by the number present", symbol="φ", check=_check.each(_check.positive)
    )
    poisson_output = True

    def __post_init__(self) -> None:
        if not self.speeds:
            raise DomainError("speeds must not be empty")

    @property
    def servers(self) -> Value:
        """Requests at the speed 1 that it is worth when it is full: the last speed. [-]."""
        return self.speeds[-1]

    def placed(self, name: str, flows: Any) -> Station:
        """Return the station with the speeds that it can have, as a pool limits who comes."""
        most = flows.most(name)
        if most is None or np.all(np.asarray(most) >= len(self.speeds)):
            return self
        last = int(np.max(most))
        speeds = [self.speeds[min(n, len(self.speeds)) - 1] for n in range(1, last + 1)]
        if np.ndim(most):
            table = np.stack(np.broadcast_arrays(*speeds, most)[:-1])
            index = np.minimum(np.arange(last).reshape(-1, *[1] * np.ndim(most)), most - 1)
            speeds = list(np.take_along_axis(table, index.astype(int), axis=0))
        return LoadDependent(self.service, tuple(speeds))

    def serving(self, service: Distribution) -> LoadDependent:
        """Return the same speeds with another service distribution."""
        return LoadDependent(service, self.speeds)

    def distribution_of_response(
        self, result: StationResult, work: Distribution, visits: Count = 1
    ) -> Distribution:
        """Return the distribution of the response of requests by the work that they bring.

        Parameters
        ----------
        result : StationResult
            The steady state of this station under all its streams. [-]
        work : Distribution
            Distribution of the service time of these requests, of all their visits together.
            [-]
        visits : int or integer array, default 1
            How often they come: under sharing, that is one visit with the whole work. [-]

        Returns
        -------
        Distribution
            Distribution of the time of all these visits. [-]
        """
        number = result.number
        assert isinstance(number, GeometricBeyond)
        return self._response(result.arrival_rate, number, work)

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        stretch = service.mean / self.service.mean
        return StreamResult(
            arrival_rate=rate,
            waiting_time=result.waiting_time * stretch,
            response_time=result.response_time * stretch,
            response=result.response
            if service == self.service
            else self.distribution_of_response(result, service),
        )

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, s = arrival_rate, self.service.mean
        if is_symbolic(rate, s, *self.speeds):
            raise ModelError("a station of many speeds has no form for symbols; MGcPS has")
        number = self._number(rate)
        load, fastest = np.asarray(rate * s), self.speeds[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            # The first request of all finds nobody.
            alone = s / np.asarray(self.speeds[0])
            response = np.where(load == 0, alone, number.mean / np.asarray(rate))[()]
            queue = self._queue(number)
            wait = np.where(load == 0, alone - s, queue / np.asarray(rate))[()]
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, SPEED_BY_NUMBER)
        exact = isinstance(self.service, Exponential)
        distributions = grounds if exact else (*grounds, GAMMA_EXCESS)
        return StationResult(
            arrival_rate=rate,
            utilization=(load / fastest)[()],
            waiting_time=wait,
            response_time=response,
            queue_length=queue,
            number_in_system=number.mean,
            wait=None,
            response=self._response(rate, number, self.service),
            station=self,
            number=number,
            basis=Basis(
                dict.fromkeys((*MEANS, "number"), grounds)
                | dict.fromkeys(DISTRIBUTIONS, distributions)
            ),
        )

    def _number(self, rate: Value) -> GeometricBeyond:
        """Return the distribution of the number present."""
        load = np.asarray(rate * self.service.mean, dtype=float)
        shape = np.broadcast_shapes(load.shape, *(np.shape(v) for v in self.speeds))
        speeds = np.stack([np.broadcast_to(v, shape).astype(float) for v in self.speeds])
        over = load >= speeds[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.log(np.where(over, speeds[-1] / 2, load)) - np.log(speeds)
            logs = np.concatenate([np.zeros((1, *shape)), np.cumsum(steps, axis=0)])
            weights = np.exp(logs - logs.max(axis=0))
            spare = np.where(over, 1.0, 1 - load / speeds[-1])
            total = weights[:-1].sum(axis=0) + weights[-1] / spare
        states = np.where(over, 0.0, weights / total)
        below = tuple(p[()] for p in states[:-1])
        return GeometricBeyond(below, states[-1][()], (load / speeds[-1])[()], spare[()])

    def _queue(self, number: GeometricBeyond) -> Value:
        """Return by how many those present are more than the work done at a time [-].

        By states, as the difference of two means has no digits where hardly anybody comes.
        """
        last, m = np.asarray(self.speeds[-1], dtype=float), len(self.speeds)
        few = sum(
            p * (n - speed)
            for n, (p, speed) in enumerate(zip(number.below[1:], self.speeds, strict=False), 1)
        )
        many = number.full * ((m - last) / number.spare + number.load / number.spare**2)
        return np.where(np.asarray(number.load) >= 1, np.inf, few + many)[()]

    def _response(
        self, rate: Value, number: GeometricBeyond, work: Distribution
    ) -> Distribution:
        s = self.service.mean
        shape = np.broadcast_shapes(np.shape(number.load), shape_of(work))
        load = np.broadcast_to(rate * s, shape).ravel()
        speeds = np.stack([np.broadcast_to(v, shape).ravel() for v in self.speeds])
        usual = (load > 0) & (load < speeds[-1])
        # Without load a request is alone, as a very small load leaves it.
        calm = np.where(usual, load, 1e-9 * speeds[-1])
        at = self._number(calm.reshape(shape) / s)
        means = np.broadcast_to(np.asarray(at.mean), shape).ravel() / calm
        found = []
        for a, speed, mean in zip(calm, speeds.T.astype(float), means, strict=True):
            weights, times = exponentials_of(a, speed)
            found.append((weights, times * (mean / (weights @ times))))
        over = np.broadcast_to(np.asarray(number.load) >= 1, shape)
        unknown = np.where(np.isnan(load), np.nan, 1.0).reshape(shape)
        if isinstance(self.service, Exponential) and work == self.service:
            distribution: Distribution = _mixed(found, s, shape, unknown)
        else:
            distribution = self._of_sizes(found, at, shape, unknown, work)
        return (
            Mixture(((1.0 - over)[()], (1.0 * over)[()]), (distribution, NEVER))
            if over.any()
            else distribution
        )

    def _of_sizes(
        self,
        found: Any,
        at: GeometricBeyond,
        shape: tuple[int, ...],
        unknown: Any,
        work: Distribution,
    ) -> Distribution:
        """Return the response of any work, by what exponential work meets."""
        first, second = (np.array([w @ m**k for w, m in found]).reshape(shape) for k in (1, 2))
        # What an arrival meets: n + 1 requests with it share the speed of so many.
        speeds = np.stack([np.broadcast_to(v, shape) for v in self.speeds])
        n = np.arange(1, len(speeds) + 1).reshape(-1, *[1] * len(shape))
        probabilities = np.stack([np.broadcast_to(p, shape) for p in (*at.below, at.full)])
        met = (n / speeds) ** 2
        square = (probabilities[:-1] * met).sum(axis=0)
        # From m - 1 found on the speed is the last: (j + m + 1)^2 geometric times.
        rho, m = np.asarray(at.load), len(speeds)
        j = rho / (1 - rho)
        far = (m + 1 + j) ** 2 + j / (1 - rho)
        square = square + probabilities[-1] / (1 - rho) * far / speeds[-1] ** 2
        variance = np.maximum(square - first**2, 1e-12)
        # The share of it that exponential work keeps.
        kept = np.clip((2 * second - 2 * first**2) / (2 * variance), 1e-9, 1 - 1e-9)
        forgotten = self.service.mean * kept / (1 - kept) * (1 + self.service.scv) / 2
        # No request is faster than at the best speed that one can have.
        best = (speeds / n).max(axis=0)
        excess = np.maximum(first * best - 1, 1e-9) * unknown
        least = work if np.all(best == 1) else Scaled(work, (1 / best)[()])
        return response_of_sizes(
            least, excess, variance * best**2 * unknown, np.asarray(forgotten / best)
        )


def _mixed(found: Any, service_time: Any, shape: tuple[int, ...], unknown: Any) -> Distribution:
    """Return a mixture of exponentials from those of each cell."""
    terms = max(w.size for w, _ in found)
    weights = np.stack([np.pad(w, (0, terms - w.size)) for w, _ in found], axis=1)
    means = np.stack([np.pad(m, (0, terms - m.size), constant_values=1.0) for _, m in found], 1)
    scale = service_time * unknown
    return HyperExponential(
        tuple(w.reshape(shape)[()] for w in weights),
        tuple((m.reshape(shape) * scale)[()] for m in means),
    )
