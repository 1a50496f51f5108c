r"""The M/G/1/K queue: one server, capacity K, any service distribution; the rest is lost.

With :math:`a_j` the probability of j arrivals in one service and :math:`\bar a_j` that of
more, the chain of the numbers left behind at departures balances the flows across each
level, with positive terms only:

.. math::

    q_{n+1} a_0 = q_0 \bar a_n + \sum_{i=1}^{n} q_i \bar a_{n+1-i}, \qquad 0 \le n < K - 1,

normalised to :math:`\sum_{n<K} q_n = 1`. Per departure

.. math::

    \ell = q_0 m_{K-1} + \sum_{i=1}^{K-1} q_i m_{K-i}, \qquad m_j = E[(\text{arrivals} - j)^+]

requests are lost, so a share :math:`\ell / (1 + \ell)` of all, and
:math:`p_n = q_n / (1 + \ell)`: no difference of nearly equal numbers. The mean wait follows
by Little's law.

**Times.** Those of the accepted requests. Their wait is the remaining service and
whole services; its distribution is exact (`qmodel.queues.waits.mg1k`), closed for exponential
and for constant service.
**Numbers.** The arrivals in a service are geometric, Poisson, negative binomial or mixtures
of these for exponential, constant, gamma and hyperexponential service, with full relative
accuracy; for other distributions they are the coefficients of :math:`B(\lambda (1 - z))` on a
circle, to an absolute error of 1e-13.

References
----------
.. [1] R. B. Cooper, "Introduction to Queueing Theory", 2nd ed., North Holland, 1981, ch. 5.
.. [2] H. Takagi, "Queueing Analysis, Volume 2: Finite Systems", North-Holland, 1993, ch. 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.basis import POISSON_ARRIVALS, Basis
from qmodel.distributions import (
    ZERO,
    Deterministic,
    Distribution,
    Erlang,
    Exponential,
    Mixture,
    Sum,
)
from qmodel.distributions.broadcasting import shape_of
from qmodel.errors import ModelError
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, StationResult
from qmodel.queues.counts.arrivals import arrivals_in
from qmodel.queues.counts.states import FiniteStates
from qmodel.queues.finite_room import FINITE_ROOM, FiniteRoom
from qmodel.queues.mg1 import GENERAL_SERVICE
from qmodel.queues.results import busy_share
from qmodel.queues.waits.mg1k import queued_wait

__all__ = ["MG1K"]


def _embedded(rate: Any, service: Distribution, capacity: int) -> tuple[Any, Any]:
    """Return the number left behind at departures, and losses per departure."""
    none, more, excess = arrivals_in(service, rate, capacity)
    with np.errstate(all="ignore"):
        left = np.zeros((capacity, *np.shape(none)))
        left[0] = 1.0 + 0.0 * none  # unknown where the load is, also with a capacity of one
        for n in range(capacity - 1):
            up = left[0] * more[n] + (left[1 : n + 1] * more[n:0:-1]).sum(axis=0)
            # In an extreme overload no service is without arrivals: all is in the last state.
            never = none < 1e-290
            left[: n + 1] = np.where(never, 0.0, left[: n + 1])
            left[n + 1] = np.where(never, 1.0, up / none)
            left[: n + 2] /= left[: n + 2].sum(axis=0)
        lost = left[0] * excess[capacity - 1] + (left[1:] * excess[capacity - 1 : 0 : -1]).sum(
            axis=0
        )
    return left, lost


@dataclass(frozen=True, slots=True, eq=False)
class MG1K(FiniteRoom):
    """Station with one server and a finite capacity, first come first served.

    Its times are those of the accepted requests.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]
    capacity : int
        Requests that may be present, in queue and in service, >= 1. [-]

    Raises
    ------
    DomainError
        If `capacity` is not a whole number >= 1.
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> load = MG1K(qm.Deterministic(1.0), capacity=10).solve(0.8)
    >>> float(load.loss), float(load.response_time), float(load.number.mean)
    (0.003639, 2.8298, 2.2556)
    >>> float(load.response.quantile(0.99)), load.basis
    (8.9864, 'exact')
    """

    service: Distribution
    capacity: int = parameter(
        "requests that may be present",
        symbol="K",
        check=partial(_check.one_count, most=20_000),
    )

    @property
    def servers(self) -> int:
        """Number of servers, one. [-]."""
        return 1

    def serving(self, service: Distribution) -> MG1K:
        """Return the same capacity with another service distribution."""
        return MG1K(service, self.capacity)

    def _solve(self, arrival_rate: Value) -> StationResult:
        service, capacity = self.service, self.capacity
        if is_symbolic(arrival_rate, service.mean, service.scv):
            raise ModelError("M/G/1/K has no form for symbols; MMcK has")
        shape = np.broadcast_shapes(np.shape(arrival_rate), shape_of(service))
        rate = np.broadcast_to(np.asarray(arrival_rate, dtype=float), shape)[()]
        s = service.mean
        left, lost = _embedded(rate, service, capacity)
        loss, accepted = lost / (1 + lost), 1 / (1 + lost)
        present = FiniteStates(np.concatenate([left / (1 + lost), [loss]]))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # Those who enter are served one after the other: throughput is known twice.
            queue = (left[1:] * np.arange(capacity - 1).reshape(-1, *[1] * left[0].ndim)).sum(
                axis=0
            )
            waiting = queue / (1 + lost) + (capacity - 1) * loss
            wait = np.where(rate == 0, 0.0, waiting * (1 + lost) / rate)[()]
        if isinstance(service, Exponential):
            # Who finds n requests waits for n exponential services, and then is served.
            probabilities = tuple(p[()] for p in left)
            stages = [Erlang(n * s, n) for n in range(1, capacity + 1)]
            distribution: Distribution = Mixture(probabilities, (ZERO, *stages[:-1]))
            response: Distribution = Mixture(probabilities, tuple(stages))
        else:
            distribution = self._wait(rate, left)
            response = Sum((distribution, service))
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, FCFS, FINITE_ROOM)
        return StationResult(
            arrival_rate=rate,
            utilization=busy_share(rate * s * accepted, 1),
            waiting_time=wait,
            response_time=wait + s,
            queue_length=waiting[()],
            number_in_system=present.mean,
            wait=distribution,
            response=response,
            station=self,
            basis=Basis(dict.fromkeys((*MEANS, "loss", "number", *DISTRIBUTIONS), grounds)),
            loss=loss[()],
            accepted=accepted[()],
            number=present,
        )

    def _wait(self, rate: Any, left: Any) -> Distribution:
        if self.capacity == 1:
            return Deterministic((0.0 * left[0])[()])
        queued = queued_wait(rate, self.service, left)
        return Mixture((left[0][()], (1 - left[0])[()]), (ZERO, queued))
