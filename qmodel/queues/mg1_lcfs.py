r"""The M/G/1 queue under last come, first served: the newest request goes first.

**Preemptive-resume.** An arrival interrupts the request in service. It is through when it and
all that came after it are, so its response is the busy period
(`qmodel.queues.waits.busy_period`) that it begins itself:

.. math::

    W = \frac{S}{1 - \rho}, \qquad E[T \mid \text{size } x] = \frac{x}{1 - \rho}, \qquad
    E[T^2] = \frac{E[S^2]}{(1 - \rho)^3}, \qquad P(N = n) = (1 - \rho) \rho^n ,

the mean and the number present for *any* service distribution. The wait is all the time not in
service.

**Non-preemptive.** A service once begun is finished. The mean wait is that of FCFS; who finds
the server busy, a share :math:`\rho`, waits for the busy period that the remaining service
begins.

.. math::

    E[T_q^2] = \frac{\lambda E[S^3]}{3 (1 - \rho)^2}
             + \frac{(\lambda E[S^2])^2}{2 (1 - \rho)^3} .

All of it is exact; percentiles are inverted to 1e-10, to 3e-3 beside a kink that bounded
service puts into the distribution. Constant service has a distribution of its own, Borel's;
under preemption a mixture with constant services has jumps that are smoothed, and is labelled
so.
**Overload.** Means are ``inf``; but the newest requests are still served, and percentiles up to
the share of those that ever are (1 less the `defect`) stay finite: what adaptive LIFO queues
use. Under preemption work is lost in requests that never end, and throughput is less than
``max_rate``, unless service is exponential.

References
----------
.. [1] L. Kleinrock, "Queueing Systems, Volume 1: Theory", Wiley, 1975, ch. 5.
.. [2] F. P. Kelly, "Reversibility and Stochastic Networks", Wiley, 1979, sec. 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import ZERO, Deterministic, Distribution, Mixture, Sum
from qmodel.distributions.residual import residual
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues import mg1, mmc
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station, StationResult, StreamResult
from qmodel.queues.counts.states import Geometric
from qmodel.queues.mg1 import GENERAL_SERVICE
from qmodel.queues.waits.borel import Borel, BorelWait
from qmodel.queues.waits.busy_period import SMOOTHED_JUMPS, BusyPeriod, Interruptions, jumps

__all__ = ["MG1LCFS"]

LAST_FIRST = Assumption(
    "lcfs",
    "the newest request is served first; a service once begun is finished",
    "Kendall 1953",
)
LAST_FIRST_PREEMPTIVE = Assumption(
    "lcfs-preemptive-resume",
    "the newest request interrupts the service, which is resumed later without loss",
    "Kelly 1979",
)


@dataclass(frozen=True, slots=True, eq=False)
class MG1LCFS(Station):
    """Station with one server, last come first served.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]
    preemptive : bool, default True
        Whether an arrival interrupts the service, which is resumed later. [-]

    Raises
    ------
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    The mean is that of a shared server, the median much shorter:

    >>> import qmodel as qm
    >>> load = MG1LCFS(qm.Exponential(1.0)).solve(0.8)
    >>> float(load.response_time), float(load.response.quantile(0.5)), load.basis
    (5.0, 0.9866, 'exact')

    In overload most requests are still served, in LIFO order:

    >>> load = MG1LCFS(qm.Exponential(1.0)).solve(1.25)
    >>> float(load.response_time), float(1 - load.response.defect)
    (inf, 0.8)
    """

    service: Distribution
    preemptive: bool = True
    last_come_first_served = True

    @property
    def servers(self) -> int:
        """Number of servers, one. [-]."""
        return 1

    @property
    def poisson_output(self) -> bool:  # type: ignore[override]
        """Whether Poisson arrivals leave as a Poisson stream: under preemption."""
        return self.preemptive

    def serving(self, service: Distribution) -> MG1LCFS:
        """Return the same discipline with another service distribution."""
        return MG1LCFS(service, self.preemptive)

    def distribution_of_response(
        self, result: StationResult, work: Distribution, visits: Count = 1
    ) -> Distribution:
        """Return the distribution of the response of requests with their own work.

        Parameters
        ----------
        result : StationResult
            The steady state of this station under all its streams. [-]
        work : Distribution
            Distribution of the service time of these requests, of all their visits together.
            [-]
        visits : int or integer array, default 1
            How often they come on one way. [-]

        Returns
        -------
        Distribution
            Distribution of the time of all these visits; under preemption each interrupts
            whatever is served, so that they are independent. [-]
        """
        if not self.preemptive:
            return Station.distribution_of_response(self, result, work, visits)
        return BusyPeriod(work, result.arrival_rate, self.service)

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        if service == self.service or not self.preemptive:
            return Station._stream(self, result, rate, service)
        stretch = result.response_time / self.service.mean
        return StreamResult(
            arrival_rate=rate,
            waiting_time=(stretch - 1) * service.mean,
            response_time=stretch * service.mean,
            response=self.distribution_of_response(result, service),
        )

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, service = arrival_rate, self.service
        if self.preemptive:
            mean = mmc.waiting_time(rate, service.mean)
            wait, response = _preemptive(rate, service)
        else:
            mean = mg1.waiting_time(rate, service.mean, scv=service.scv)
            wait = _non_preemptive(rate, service)
            response = Sum((wait, service))
        order = LAST_FIRST_PREEMPTIVE if self.preemptive else LAST_FIRST
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, order)
        means = (*MEANS, "number") if self.preemptive else MEANS
        smooth = isinstance(service, Deterministic) or not (self.preemptive and jumps(service))
        distributions = grounds if smooth else (*grounds, SMOOTHED_JUMPS)
        return StationResult.by_littles_law(
            self,
            rate,
            mean,
            wait=wait,
            response=response,
            basis=Basis(
                dict.fromkeys(means, grounds) | dict.fromkeys(DISTRIBUTIONS, distributions)
            ),
            number=Geometric(rate * service.mean) if self.preemptive else None,
        )


def _preemptive(rate: Value, service: Distribution) -> tuple[Distribution, Distribution]:
    constant = isinstance(service, Deterministic) and not namespace(rate, service.mean).symbolic
    if constant:
        return BorelWait(service, rate, service), Borel(service, rate, service)
    return Interruptions(service, rate, service), BusyPeriod(service, rate, service)


def _non_preemptive(rate: Value, service: Distribution) -> Distribution:
    idle = spare_servers(rate, service.mean, 1)
    if not namespace(idle).symbolic:
        idle = np.maximum(idle, 0.0)
    return Mixture((idle, 1 - idle), (ZERO, BusyPeriod(residual(service), rate, service)))
