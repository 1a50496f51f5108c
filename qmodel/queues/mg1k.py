r"""The M/G/1/K queue: one server, K places, any law of service; who finds none is lost.

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

**Times.** Those of the requests that find a place. Their wait is the remaining service and
whole services; its law is exact (`qmodel.queues.waits.mg1k`), closed for exponential and for
constant service.
**Numbers.** The arrivals in a service are geometric, Poisson, negative binomial or mixtures
of these for exponential, constant, gamma and hyperexponential service, with full relative
accuracy; for other laws they are the coefficients of :math:`B(\lambda (1 - z))` on a circle,
to an absolute error of 1e-13.

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
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
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
from qmodel.queues.base import FCFS, LAWS, MEANS, Station, StationResult
from qmodel.queues.counts.arrivals import arrivals_in
from qmodel.queues.counts.states import FiniteStates
from qmodel.queues.mg1 import GENERAL_SERVICE
from qmodel.queues.results import busy_share
from qmodel.queues.waits.mg1k import queued_wait

__all__ = ["MG1K"]

FINITE_ROOM = Assumption(
    "finite-room", "who finds all places taken is lost and does not come back", "Erlang 1917"
)


def _embedded(rate: Any, service: Distribution, places: int) -> tuple[Any, Any]:
    """Return the law of the number left behind at departures, and losses per departure."""
    none, more, excess = arrivals_in(service, rate, places)
    with np.errstate(all="ignore"):
        left = np.zeros((places, *np.shape(none)))
        left[0] = 1.0 + 0.0 * none  # unknown where the load is, also of one place
        for n in range(places - 1):
            up = left[0] * more[n] + (left[1 : n + 1] * more[n:0:-1]).sum(axis=0)
            # In an extreme overload no service is without arrivals: all is in the last state.
            never = none < 1e-290
            left[: n + 1] = np.where(never, 0.0, left[: n + 1])
            left[n + 1] = np.where(never, 1.0, up / none)
            left[: n + 2] /= left[: n + 2].sum(axis=0)
        lost = left[0] * excess[places - 1] + (left[1:] * excess[places - 1 : 0 : -1]).sum(
            axis=0
        )
    return left, lost


@dataclass(frozen=True, slots=True, eq=False)
class MG1K(Station):
    """Station with one server and room for `places` requests, first come first served.

    Its times are those of the requests that find a place.

    Parameters
    ----------
    service : Distribution
        Law of the service time. [-]
    places : int
        Requests that may be present, in queue and in service, >= 1. [-]

    Raises
    ------
    DomainError
        If `places` is not a whole number >= 1.
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> load = MG1K(qm.Deterministic(1.0), places=10).solve(0.8)
    >>> float(load.loss), float(load.response_time), float(load.number.mean)
    (0.003639, 2.8298, 2.2556)
    >>> float(load.response.quantile(0.99)), load.basis
    (8.9864, 'exact')
    """

    service: Distribution
    places: int = parameter(
        "requests that may be present",
        symbol="K",
        check=partial(_check.one_count, most=20_000),
    )
    loses = True

    @property
    def servers(self) -> int:
        """Number of servers, one. [-]."""
        return 1

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates: never, it loses. [1/s]."""
        return np.inf

    def serving(self, service: Distribution) -> MG1K:
        """Return as many places with another law of service."""
        return MG1K(service, self.places)

    def _solve(self, arrival_rate: Value) -> StationResult:
        service, places = self.service, self.places
        if is_symbolic(arrival_rate, service.mean, service.scv):
            raise ModelError("M/G/1/K has no form for symbols; MMcK has")
        shape = np.broadcast_shapes(np.shape(arrival_rate), shape_of(service))
        rate = np.broadcast_to(np.asarray(arrival_rate, dtype=float), shape)[()]
        s = service.mean
        left, lost = _embedded(rate, service, places)
        loss, accepted = lost / (1 + lost), 1 / (1 + lost)
        present = FiniteStates(np.concatenate([left / (1 + lost), [loss]]))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # Those who enter are served one after the other: throughput is known twice.
            queue = (left[1:] * np.arange(places - 1).reshape(-1, *[1] * left[0].ndim)).sum(
                axis=0
            )
            waiting = queue / (1 + lost) + (places - 1) * loss
            wait = np.where(rate == 0, 0.0, waiting * (1 + lost) / rate)[()]
        if isinstance(service, Exponential):
            # Who finds n requests waits for n exponential services, and then is served.
            chances = tuple(p[()] for p in left)
            stages = [Erlang(n * s, n) for n in range(1, places + 1)]
            law: Distribution = Mixture(chances, (ZERO, *stages[:-1]))
            response: Distribution = Mixture(chances, tuple(stages))
        else:
            law = self._wait(rate, left)
            response = Sum((law, service))
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, FCFS, FINITE_ROOM)
        return StationResult(
            arrival_rate=rate,
            utilization=busy_share(rate * s * accepted, 1),
            waiting_time=wait,
            response_time=wait + s,
            queue_length=waiting[()],
            number_in_system=present.mean,
            wait=law,
            response=response,
            station=self,
            basis=Basis(dict.fromkeys((*MEANS, "loss", "number", *LAWS), grounds)),
            loss=loss[()],
            accepted=accepted[()],
            number=present,
        )

    def _wait(self, rate: Any, left: Any) -> Distribution:
        if self.places == 1:
            return Deterministic((0.0 * left[0])[()])
        queued = queued_wait(rate, self.service, left)
        return Mixture((left[0][()], (1 - left[0])[()]), (ZERO, queued))
