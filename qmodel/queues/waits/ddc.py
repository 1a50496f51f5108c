r"""D/D/c: requests that come at constant intervals and all take equally long.

With offered load :math:`a = \lambda S` nobody ever waits while :math:`a \le c`, full load
included; the number present is the whole number below a, and one more for a fraction of time
:math:`a - \lfloor a \rfloor`. With more the queue grows without limit.

**Shapes.** All arguments broadcast. **Overload.** ``inf``; at a = c there is none yet.

References
----------
.. [1] D. Gross, J. F. Shortle, J. M. Thompson, C. M. Harris, "Fundamentals of Queueing
   Theory", 4th ed., Wiley, 2008, sec. 1.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.basis import Assumption, Basis
from qmodel.distributions import NEVER, ZERO, Distribution, Mixture, Sum
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.counts.states import States

__all__ = ["ConstantNumber", "steady_state"]

CONSTANT_TIMES = Assumption(
    "constant-times",
    "interarrival times and service times are constant, so that nobody waits",
    "Gross et al. 2008, sec. 1.6",
)


@dataclass(frozen=True, slots=True, eq=False)
class ConstantNumber(States):
    """Distribution of the number present: a whole number, or one more.

    Parameters
    ----------
    mean : number or array
        Mean, >= 0; inf in overload. [-]

    Examples
    --------
    >>> number = ConstantNumber(1.75)
    >>> number.probability([1, 2, 3]), float(number.tail(1)), float(number.variance)
    (array([0.25, 0.75, 0.  ]), 0.75, 0.1875)
    """

    mean: Value

    @property
    def variance(self) -> Value:
        """Variance of the number. [-]."""
        with np.errstate(invalid="ignore"):
            part = self.mean - np.floor(self.mean)
        return np.where(np.isinf(self.mean), np.inf, part * (1 - part))[()]

    def probability(self, n: Count) -> Value:
        """Return P(N = n) [-]."""
        return np.maximum(1 - abs(np.asarray(n, dtype=float) - self.mean), 0.0)[()]

    def tail(self, n: Count) -> Value:
        """Return P(N > n) [-]."""
        return np.clip(self.mean - np.asarray(n, dtype=float), 0.0, 1.0)[()]


def steady_state(station: Station, arrival_rate: Value) -> StationResult:
    """Return the steady state of a station with constant times.

    Parameters
    ----------
    station : Station
        A station with constant service and a number of servers. [-]
    arrival_rate : number or array
        Arrival rate, >= 0, of arrivals at constant intervals. [1/s]

    Returns
    -------
    StationResult
        Means, distributions and their basis. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> r = steady_state(qm.MGc(qm.Deterministic(0.5), servers=3), [5.0, 6.0, 6.1])
    >>> r.waiting_time, r.number_in_system
    (array([ 0.,  0., inf]), array([2.5, 3. , inf]))
    """
    rate, service, c = np.asarray(arrival_rate, dtype=float), station.service, station.servers
    load = rate * np.asarray(service.mean)
    spare = np.asarray(spare_servers(rate, service.mean, c))
    over = np.where(np.isnan(spare), np.nan, 1.0 * (spare < 0))
    wait = np.where(over == 1, np.inf, 0.0 * over)[()]
    distribution: Distribution = Mixture(((1 - over)[()], over[()]), (ZERO, NEVER))
    weigh: Any = namespace(rate, wait).weigh
    present = weigh(rate, wait + service.mean)
    grounds = (CONSTANT_TIMES, FCFS)
    return StationResult(
        arrival_rate=rate[()],
        utilization=(load / c)[()],
        waiting_time=wait,
        response_time=wait + service.mean,
        queue_length=weigh(rate, wait),
        number_in_system=present,
        wait=distribution,
        response=Sum((distribution, service)),
        station=station,
        number=ConstantNumber(present),
        basis=Basis(dict.fromkeys((*MEANS, *DISTRIBUTIONS, "number"), grounds)),
    )
