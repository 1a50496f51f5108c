r"""The M^X/G/1 queue: requests come in batches, one server, any service distribution, FCFS.

Batches of X requests come in a Poisson stream; :math:`\lambda` is the rate of *requests*,
that of batches is :math:`\lambda / E[X]`. The wait is that of the first of the batch, an M/G/1
queue whose service is that of a whole batch, and the services of those of the batch that go
before, a number J with :math:`P(J = j) = P(X > j) / E[X]`:

.. math::

    W_q = \frac{\lambda E[S^2]}{2 (1 - \rho)} + \frac{(E[X^2] - E[X]) S}{2 E[X] (1 - \rho)} .

This is exact, and so is the distribution of the wait. An arrival here is any request of a
batch; the time average is not what it sees.

References
----------
.. [1] P. J. Burke, "Delays in single-server queues with batch input", Operations Research
   23, 1975.
"""

from __future__ import annotations

from dataclasses import dataclass

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import namespace
from qmodel.basis import Assumption, Basis
from qmodel.distributions import Distribution, Sum
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.counts.batches import GeometricBatch, RandomBatch, Services
from qmodel.queues.mg1 import GENERAL_SERVICE, MG1

__all__ = ["MXG1", "waiting_time"]

BATCHES = Assumption(
    "poisson-batches",
    "batches arrive in a Poisson stream; their sizes are independent",
    "Burke 1975",
)


@checked
def waiting_time(
    arrival_rate: Value, service_time: Value, *, scv: Value, batch_mean: Value, batch_scv: Value
) -> Value:
    """Mean time in queue of a request that comes in a batch.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate of requests, >= 0. [1/s]
    service_time : number or array
        Mean service time of one request, > 0. [s]
    scv : number or array
        Squared coefficient of variation of the service time, >= 0. [-]
    batch_mean : number or array
        Mean number of requests in a batch, >= 1. [-]
    batch_scv : number or array
        Squared coefficient of variation of this number, >= 0. [-]

    Returns
    -------
    number or array
        Mean wait, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(waiting_time(0.8, 1.0, scv=1.0, batch_mean=5.0, batch_scv=0.0))
    14.0
    """
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    s = _check.positive("service_time", service_time)
    scv = _check.scv("scv", scv)
    size = _check.at_least(1.0)("batch_mean", batch_mean)
    spread = _check.scv("batch_scv", batch_scv)
    xp = namespace(rate, s, scv, size, spread)
    spare = spare_servers(rate, s, 1)
    with xp.errstate(divide="ignore", invalid="ignore", over="ignore"):
        own = s * (size * (1 + spread) - 1)
        found = xp.weigh(rate, s**2 * (scv + 1))  # nothing without load, also where inf
        wait = (found + own) / (2 * spare)
        return xp.guard(wait, spare <= 0, xp.inf)


@dataclass(frozen=True, slots=True, eq=False)
class MXG1(Station):
    """Station with one server to which requests come in batches.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time of one request. [-]
    batch : RandomBatch or GeometricBatch
        Number of requests in a batch. [-]

    Raises
    ------
    ModelError
        If a parameter is not of its kind.

    Examples
    --------
    Single requests would wait 4 s:

    >>> import qmodel as qm
    >>> from qmodel.queues.counts.batches import FixedBatch
    >>> load = MXG1(qm.Exponential(1.0), FixedBatch(5)).solve(0.8)
    >>> float(load.waiting_time), float(load.response.quantile(0.99)), load.basis
    (14.0, 66.509, 'exact')
    """

    service: Distribution
    batch: RandomBatch | GeometricBatch
    not_in_paths = "requests of a path come one by one, not in batches"

    @property
    def servers(self) -> int:
        """Number of servers, one. [-]."""
        return 1

    def serving(self, service: Distribution) -> MXG1:
        """Return the same batches with another service distribution."""
        return MXG1(service, self.batch)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, service = arrival_rate, self.service
        batch = self.batch.exact(namespace(rate, service.mean))
        size, spread, _ = batch.cumulants
        wait = waiting_time(
            rate, service.mean, scv=service.scv, batch_mean=size, batch_scv=spread / size**2
        )
        over = spare_servers(rate, service.mean, 1) <= 0
        # The rounding of the rate of batches decides nothing about overload.
        batches = rate / size
        xp = namespace(batches, service.mean)
        with xp.errstate(over="ignore"):
            batches = xp.where(over, 2 * batches, batches)
        first = MG1(Services(batch, service)).solve(batches).wait
        assert first is not None
        distribution = Sum((first, Services(batch.ahead(), service)))
        grounds = (BATCHES, GENERAL_SERVICE, FCFS)
        return StationResult.by_littles_law(
            self,
            rate,
            wait,
            wait=distribution,
            basis=Basis(dict.fromkeys((*MEANS, *DISTRIBUTIONS), grounds)),
        )
