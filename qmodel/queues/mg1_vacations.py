r"""The M/G/1 queue whose server is away at times: vacations, set-up times, thresholds.

The wait is that of the M/G/1 queue and, independent of it, what the absence adds [1]_:

===================  ===================================================================
the server           adds to the wait
===================  ===================================================================
takes vacations V    the residual distribution of V: on average :math:`E[V^2] / 2E[V]`
again and again
takes one vacation   the residual distribution of V with probability
when it runs empty   :math:`\lambda E[V] / (\lambda E[V] + E[e^{-\lambda V}])`, else nothing
needs a set-up time  D with probability :math:`1 / (1 + \lambda E[D])`, else the residual
distribution D after being idle   of D: on average
                     :math:`(2E[D] + \lambda E[D^2]) / 2(1 + \lambda E[D])`
begins when N wait   on average :math:`(N - 1) / 2\lambda`
===================  ===================================================================

In the last, the wait depends on later arrivals and is no such sum; its distribution is a
mixture: who arrives as the j-th of the N waits for N - j arrivals and j - 1 services, who
arrives while the server works finds the M/G/1 wait and the remainder of N services.

A vacation is a garbage collection, a polling round, a maintenance; a set-up time is a cold
start. All results are exact; the server is busy for a share :math:`\rho` of the time, and
queues are stable below the same load as without.

References
----------
.. [1] S. W. Fuhrmann, R. B. Cooper, "Stochastic decompositions in the M/G/1 queue with
   generalized vacations", Operations Research 33, 1985.
.. [2] H. Takagi, "Queueing Analysis, Volume 1: Vacation and Priority Systems", North
   Holland, 1991.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import (
    NEVER,
    ZERO,
    Distribution,
    Exponential,
    Mixture,
    Repeated,
    Sum,
)
from qmodel.distributions.residual import residual
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.mg1 import GENERAL_SERVICE, MG1

__all__ = ["MG1Setup", "MG1Threshold", "MG1Vacations"]

VACATIONS = Assumption(
    "vacations",
    "an empty server goes away; its work is not interrupted",
    "Fuhrmann, Cooper 1985",
)
SETUP = Assumption(
    "set-up-time",
    "the first request after an idle time starts a set-up, independent of all else",
    "Fuhrmann, Cooper 1985",
)
THRESHOLD = Assumption(
    "threshold", "an empty server begins again when a given number waits", "Heyman 1968"
)

_a_time = partial(_check.instance, kind=Distribution)


@dataclass(frozen=True, slots=True, eq=False)
class _Away(Station):
    """What these stations share: one server, and a wait that gives all else."""

    service: Distribution

    @property
    def servers(self) -> int:
        """Number of servers, one. [-]."""
        return 1

    @abstractmethod
    def _ground(self) -> Assumption:
        """Return when the server is away."""

    @abstractmethod
    def _wait(self, rate: Value) -> Distribution:
        """Return the distribution of the time in queue."""

    def _present(self, rate: Value) -> Distribution:
        """Return the distribution of the wait for a server that is never away."""
        wait = MG1(self.service).solve(rate).wait
        assert wait is not None
        return wait

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate = arrival_rate
        distribution = self._wait(rate)
        wait = distribution.mean
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, FCFS, self._ground())
        return StationResult.by_littles_law(
            self,
            rate,
            wait,
            wait=distribution,
            basis=Basis(dict.fromkeys((*MEANS, *DISTRIBUTIONS), grounds)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class MG1Vacations(_Away):
    """Station with one server that goes on vacation when nobody is left.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]
    vacation : Distribution
        Distribution of a vacation, of mean > 0. [-]
    repeated : bool, default True
        Whether it goes again when it comes back to an empty queue; else it waits there. [-]

    Raises
    ------
    ModelError
        If `service` or `vacation` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> load = MG1Vacations(qm.Exponential(1.0), vacation=qm.Deterministic(1.5)).solve(0.5)
    >>> float(load.waiting_time), float(load.wait.variance), load.basis
    (1.75, 3.1875, 'exact')
    """

    vacation: Distribution = parameter("mean vacation", unit="s", symbol="V", check=_a_time)
    repeated: bool = True

    def __post_init__(self) -> None:
        _check.positive("the mean of vacation", self.vacation.mean)

    def serving(self, service: Distribution) -> MG1Vacations:
        """Return a server with the same vacations and another service distribution."""
        return MG1Vacations(service, self.vacation, self.repeated)

    def _ground(self) -> Assumption:
        return VACATIONS

    def _wait(self, rate: Value) -> Distribution:
        added = residual(self.vacation)
        if not self.repeated:
            away, idle = rate * self.vacation.mean, self.vacation.laplace(rate)
            share = away / (away + idle)
            added = Mixture((1 - share, share), (ZERO, added))
        return Sum((self._present(rate), added))


@dataclass(frozen=True, slots=True, eq=False)
class MG1Setup(_Away):
    """Station with one server that needs a set-up time, or cold start, after being idle.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]
    setup : Distribution
        Distribution of the set-up time, of mean > 0. [-]

    Raises
    ------
    ModelError
        If `service` or `setup` is not a distribution.

    Examples
    --------
    A function that takes 20 ms, and half a second when it starts cold:

    >>> import qmodel as qm
    >>> function = MG1Setup(qm.Exponential(0.020), setup=qm.Deterministic(0.5))
    >>> function.solve([1.0, 10.0, 40.0]).response_time.round(3)
    array([0.437, 0.317, 0.362])
    """

    setup: Distribution = parameter("mean set-up time", unit="s", symbol="D", check=_a_time)

    def __post_init__(self) -> None:
        _check.positive("the mean of setup", self.setup.mean)

    def serving(self, service: Distribution) -> MG1Setup:
        """Return a server with the same set-up time and another service distribution."""
        return MG1Setup(service, self.setup)

    def _ground(self) -> Assumption:
        return SETUP

    def _wait(self, rate: Value) -> Distribution:
        first = 1 / (1 + rate * self.setup.mean)
        added = Mixture((first, 1 - first), (self.setup, residual(self.setup)))
        return Sum((self._present(rate), added))


@dataclass(frozen=True, slots=True, eq=False)
class MG1Threshold(_Away):
    """Station with one server that, once empty, begins again when `threshold` requests wait.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]
    threshold : int
        How many must wait for the server to begin, >= 1; with 1, an M/G/1 queue. [-]

    Raises
    ------
    DomainError
        If `threshold` is not one whole number >= 1.
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> load = MG1Threshold(qm.Exponential(1.0), threshold=5).solve(0.6)
    >>> float(load.waiting_time), float(load.response.quantile(0.99))
    (4.8333, 15.892)
    """

    threshold: int = parameter(
        "requests at which the server begins",
        symbol="n",
        check=partial(_check.one_count, most=10**4),
    )

    def serving(self, service: Distribution) -> MG1Threshold:
        """Return a server with the same threshold and another service distribution."""
        return MG1Threshold(service, self.threshold)

    def _ground(self) -> Assumption:
        return THRESHOLD

    def _wait(self, rate: Value) -> Distribution:
        wait = self._present(rate)
        n = self.threshold
        if n == 1:
            return wait
        spare = spare_servers(rate, self.service.mean, 1)
        xp = namespace(rate, spare)
        with xp.errstate(divide="ignore"):
            gap: Any = 1 / (rate if xp.symbolic else np.asarray(rate))
        idle = spare if xp.symbolic else np.maximum(spare, 0.0)
        first = [_first(gap, j, n, self.service) for j in range(n)]
        late = Sum((wait, residual(Repeated(self.service, n))))
        return Mixture((*(idle / n for _ in range(n)), 1 - idle), (*first, late))


def _first(gap: Any, before: int, threshold: int, service: Distribution) -> Distribution:
    """Return the wait of who finds `before` requests at a server that has not begun."""
    behind = threshold - 1 - before
    distributions: list[Distribution] = []
    if behind:
        never = False if is_symbolic(gap) else np.isinf(gap)
        finite = gap if is_symbolic(gap) else np.where(never, 1.0, gap)[()]
        arrivals: Distribution = Repeated(Exponential(finite), behind)
        if np.any(never):
            arrivals = Mixture((1.0 - never, 1.0 * never), (arrivals, NEVER))
        distributions.append(arrivals)
    if before:
        distributions.append(Repeated(service, before))
    return Sum(tuple(distributions))
