r"""The M/M/c queue under last come, first served: free servers take the newest request first.

A request that finds all servers busy waits until one is free and nobody came after it: for the
busy period of one server c times as fast, which each later request prolongs,

.. math::

    P(\text{wait}) = C(c, a), \qquad
    E[e^{-s T_q} \mid \text{wait}] = \theta(s), \qquad
    \theta = \frac{c \mu}{c \mu + s + \lambda (1 - \theta)},

with Erlang's C, and :math:`\theta` the transform of `qmodel.queues.waits.busy_period`. The mean
is that of M/M/c in the order of arrival; the median is shorter, the tail longer.

**Overload.** Means are ``inf``. All servers are busy, and a request is served in the end with
the probability :math:`c \mu / \lambda`, the newest at once: percentiles up to that share stay
finite. Behind a timeout that is what matters, so LIFO queues keep a site useful in overload.
**Shapes.** All arguments broadcast. NaN in, NaN out.

References
----------
.. [1] L. Kleinrock, "Queueing Systems, Volume 1: Theory", Wiley, 1975, ch. 5.
.. [2] R. W. Wolff, "Stochastic Modeling and the Theory of Queues", Prentice Hall, 1989,
   sec. 10-4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from qmodel import _check
from qmodel._fields import check_fields, parameter
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.basis import POISSON_ARRIVALS, Basis
from qmodel.distributions import ZERO, Distribution, Exponential, Mixture
from qmodel.errors import ModelError
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues import mmc
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station, StationResult
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.counts.server_states import ServerStates
from qmodel.queues.mg1_lcfs import LAST_FIRST
from qmodel.queues.mmc import EXPONENTIAL_SERVICE
from qmodel.queues.waits.busy_period import BusyPeriod

__all__ = ["MMcLCFS"]


@dataclass(frozen=True, slots=True, eq=False)
class MMcLCFS(Station):
    """Station with exponential service and equal servers, which take the newest request first.

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
    >>> import qmodel as qm
    >>> newest, oldest = MMcLCFS(0.1, servers=8).solve(76.0), qm.MMc(0.1, servers=8).solve(76.0)
    >>> [float(r.response_time) for r in (newest, oldest)]
    [0.3110, 0.3110]
    >>> [float(r.response.quantile(0.5)) for r in (newest, oldest)]
    [0.1061, 0.2410]

    At twice the load that it can serve, half of all is answered within half a second:

    >>> float(1 - MMcLCFS(0.1, servers=8).solve(160.0).response.tail(0.5))
    0.4960
    """

    service_time: Value = parameter(
        "mean service time", unit="s", symbol="S", check=_check.positive
    )
    servers: Count = parameter("servers", symbol="c", check=_check.count, default=1)
    service: Exponential = field(init=False, repr=False)
    last_come_first_served = True
    poisson_output = True

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "service", Exponential(self.service_time))

    def serving(self, service: Distribution) -> Station:
        """Return as many servers with another exponential service distribution."""
        if not isinstance(service, Exponential):
            raise ModelError(f"M/M/c LCFS has exponential service, got {service!r}")
        return MMcLCFS(service.mean, self.servers)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, s, c = arrival_rate, self.service_time, self.servers
        waits: Any = erlang_c(servers=c, offered_load=rate * s)
        fast = Exponential(namespace(s, c).maximum(s / c, 5e-324))
        wait = Mixture((1 - waits, waits), (ZERO, BusyPeriod(fast, rate, fast)))
        mean = mmc.waiting_time(rate, s, servers=c)
        grounds = (POISSON_ARRIVALS, EXPONENTIAL_SERVICE, LAST_FIRST)
        return StationResult.by_littles_law(
            self,
            rate,
            mean,
            wait=wait,
            basis=Basis(dict.fromkeys((*MEANS, "number", *DISTRIBUTIONS), grounds)),
            number=ServerStates(rate * s, c, spare_servers(rate, s, c)),
        )
