r"""Birth-death chains: any station whose rates depend on the number present, and only on it.

With n present, requests arrive at rate :math:`\lambda_n` and are served at the total rate
:math:`\mu_n`. Between neighbours the flows balance,

.. math::

    \lambda_n p_n = \mu_{n+1} p_{n+1}, \qquad
    \log p_n = \text{const} + \sum_{i < n} (\log \lambda_i - \log \mu_{i+1}) .

The sums of logs are shifted by the largest before they are exponentiated, so no chain
overflows and no probability is a difference: the error is about n rounding errors.

**Assumptions.** Exponential times between events, in every state. Exact.
**Shapes.** States are the first axis; the cells of all rates broadcast on the others.
**Overload.** A finite chain is never unstable: what comes to a full station is lost. NaN in,
NaN out, in its cell.

References
----------
.. [1] L. Kleinrock, "Queueing Systems, Volume 1: Theory", Wiley, 1975, ch. 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import Distribution, Exponential
from qmodel.errors import DomainError, ModelError
from qmodel.queues.base import MEANS, Station, StationResult
from qmodel.queues.counts.states import FiniteStates
from qmodel.queues.results import busy_share

__all__ = ["BirthDeath", "state_probabilities"]

STATE_DEPENDENT = Assumption(
    "state-dependent-rates",
    "arrivals and services are memoryless, at rates that depend on the number present only",
    "Kleinrock 1975",
)


@checked
def state_probabilities(birth_rates: Value, death_rates: Value) -> np.ndarray:
    """Return the stationary distribution of a finite birth-death chain.

    Parameters
    ----------
    birth_rates : array of shape (states - 1, ...)
        Rate from state n to n + 1, for n = 0, 1, ..., >= 0; the cells on the other axes,
        which broadcast from the right. [1/s]
    death_rates : array of shape (states - 1, ...)
        Rate from state n + 1 to n, for n = 0, 1, ..., > 0. [1/s]

    Returns
    -------
    array of shape (states, ...)
        P(N = 0), P(N = 1), ... on the first axis. [-]

    Raises
    ------
    DomainError
        If a rate is outside its domain, or the numbers of rates differ.

    Examples
    --------
    One server at 80 % load with a capacity of two:

    >>> state_probabilities([0.8, 0.8], [1.0, 1.0]).round(4)
    array([0.4098, 0.3279, 0.2623])
    """
    up = np.asarray(_check.nonnegative("birth_rates", birth_rates))
    down = np.asarray(_check.positive("death_rates", death_rates))
    if not up.ndim or not down.ndim or len(up) != len(down):
        raise DomainError(
            "death_rates must be as many as birth_rates, "
            f"got shapes {down.shape} and {up.shape}"
        )
    cells = np.broadcast_shapes(up.shape[1:], down.shape[1:])
    up, down = (
        x.reshape(len(x), *[1] * (len(cells) - x.ndim + 1), *x.shape[1:]) for x in (up, down)
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        steps = np.broadcast_to(np.log(up) - np.log(down), (len(up), *cells))
        # What lies beyond a rate of zero is never reached: -inf stays.
        logs = np.concatenate([np.zeros((1, *cells)), np.cumsum(steps, axis=0)])
        weights = np.exp(logs - logs.max(axis=0))
        distribution: np.ndarray = weights / weights.sum(axis=0)
    return distribution


@dataclass(frozen=True, slots=True, eq=False)
class MeanOnly(Distribution):
    """A time of which theory gives the mean, and no more in closed form."""

    mean: Value

    def _unknown(self) -> ModelError:
        return ModelError("of this time only the mean is known, not its distribution")

    @property
    def variance(self) -> Value:
        raise self._unknown()

    def laplace(self, s: Value) -> Value:
        raise self._unknown()

    def tail(self, t: Value) -> Value:
        raise self._unknown()

    def density(self, t: Value) -> Value:
        raise self._unknown()

    def quantile(self, p: Value) -> Value:
        raise self._unknown()


def _refuse_symbols(*values: Any) -> None:
    if is_symbolic(*values):
        raise ModelError("a birth-death station takes numbers; MMcK has a form for symbols")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class BirthDeathState(StationResult):
    """The steady state of a birth-death station.

    Parameters
    ----------
    served : number or array
        Requests served a second: the rate of service of each state, by its share. [1/s]
    """

    served: Value

    @property
    def throughput(self) -> Value:
        """Requests served a second. [1/s]."""
        return self.served


@dataclass(frozen=True, slots=True, eq=False)
class BirthDeath(Station):
    """Station whose rates of arrival and of service depend on the number present.

    Servers that slow each other down, clients that turn away from a long queue, helpers
    that join when it grows. The times are means over the accepted requests; of
    their distributions nothing more is known in closed form.

    Parameters
    ----------
    service_rates : sequence of numbers or arrays
        Total rate of service with 1, 2, ..., K present, > 0; K is the capacity,
        and what comes when all are taken is lost. [1/s]
    arrival_factors : sequence of numbers or arrays, optional
        With 0, 1, ..., K present, by how much the arrival rate is multiplied, >= 0; by
        default 1. The last counts the arrivals that are lost. [-]
    servers : int or integer array, default 1
        Requests that are in service at once; the others queue. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain, or there are not K + 1 factors.

    Examples
    --------
    Two cores and a capacity of four, where the third and fourth request cost a tenth of the
    speed:

    >>> cores = BirthDeath([20.0, 40.0, 36.0, 36.0], servers=2)
    >>> load = cores.solve(30.0)
    >>> float(load.loss), float(load.throughput), float(load.response_time)
    (0.1462, 25.6140, 0.0708)

    Half of the clients turn away when both are busy:

    >>> wary = BirthDeath([20.0, 40.0, 36.0, 36.0], [1, 1, 0.5, 0.5, 0.5], servers=2)
    >>> load = wary.solve(30.0)
    >>> float(load.arrival_rate), float(load.loss)
    (23.7432, 0.0288)
    """

    service_rates: tuple[Value, ...] = parameter(
        "rates of service by the number present",
        unit="1/s",
        symbol="mu",
        check=_check.each(_check.positive),
    )
    arrival_factors: tuple[Value, ...] | None = parameter(
        "factors of the arrival rate by the number present",
        check=_check.each(_check.nonnegative),
        default=None,
    )
    servers: Count = parameter(
        "requests in service at once", symbol="c", check=_check.count, default=1
    )
    service: Exponential = field(init=False, repr=False)
    loses = True
    not_in_paths = "its arrival rate is not that of a flow of requests"

    def __post_init__(self) -> None:
        rates = self.service_rates
        _refuse_symbols(*rates, *(self.arrival_factors or ()), self.servers)
        if not rates:
            raise DomainError("service_rates must not be empty")
        factors = self.arrival_factors
        if factors is not None and len(factors) != len(rates) + 1:
            raise DomainError(
                f"arrival_factors must be one more than service_rates, {len(rates) + 1}, "
                f"got {len(factors)}"
            )
        # Of one server, when the station is at its fastest.
        service = Exponential(self.servers / self._fastest())
        object.__setattr__(self, "service", service)

    @property
    def capacity(self) -> int:
        """Requests that the station holds at most. [-]."""
        return len(self.service_rates)

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates: never. [1/s]."""
        return np.inf

    def serving(self, service: Distribution) -> Station:
        """Refuse: the rates of service are what this station is."""
        raise ModelError(
            "a birth-death station has rates of service, not a service distribution"
        )

    def _fastest(self) -> Any:
        fastest: Any = 0.0
        for rate in self.service_rates:
            fastest = np.maximum(fastest, rate)
        return fastest

    def _solve(self, arrival_rate: Value) -> StationResult:
        _refuse_symbols(arrival_rate)
        factors = self.arrival_factors or (1.0,) * (self.capacity + 1)
        shape = np.broadcast_shapes(
            *(np.shape(x) for x in (arrival_rate, self.servers, *self.service_rates, *factors))
        )
        up = np.stack([np.broadcast_to(f * arrival_rate, shape) for f in factors])
        down = np.stack([np.broadcast_to(r, shape) for r in self.service_rates])
        present = state_probabilities(up[:-1], down)
        number = FiniteStates(present)
        queued = np.maximum(np.arange(len(up)).reshape(-1, *[1] * len(shape)) - self.servers, 0)
        queue = (queued * present).sum(axis=0)
        offered, lost = (up * present).sum(axis=0), up[-1] * present[-1]
        served = (down * present[1:]).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # The first arrival of all finds nobody, and is served by the first rate.
            alone = served == 0
            response = np.where(alone, 1 / down[0], number.mean / served)
            wait = np.where(alone, 0.0, queue / served)
            loss = np.where(offered == 0, 0.0, lost / offered)
            accepted = np.where(offered == 0, 1.0, served / offered)
        grounds = (POISSON_ARRIVALS, STATE_DEPENDENT)
        return BirthDeathState(
            arrival_rate=offered[()],
            served=served[()],
            utilization=busy_share(number.mean - queue, self.servers),
            waiting_time=wait[()],
            response_time=response[()],
            queue_length=queue[()],
            number_in_system=number.mean,
            wait=None,
            response=MeanOnly(response[()]),
            station=self,
            loss=loss[()],
            accepted=np.minimum(accepted, 1.0)[()],
            number=number,
            basis=Basis(dict.fromkeys((*MEANS, "loss", "number"), grounds)),
        )
