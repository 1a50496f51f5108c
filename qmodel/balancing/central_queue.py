r"""Central queue: replicas behind one queue, the ideal that balancers come close to.

A request waits in front of all replicas and goes to the first worker that becomes free. N
replicas of c workers are then one station of Nc workers:

======================  =====================
replica                 pool
======================  =====================
M/M/c                   M/M/(Nc)
M/D/c                   M/D/(Nc)
M/G/1, M/G/c            M/G/(Nc)
M/G/1-PS, M/G/c-PS      M/G/(Nc)-PS
delay                   the delay
======================  =====================

For replicas that share their workers the pool is one large machine: no balancer, which
cannot move a request that has begun, reaches it. For first come, first served the mean wait
is at most that of any assignment in turn, whatever the service distribution [1]_.

**Error and domain.** Those of the station it becomes. **Overload.** ``inf`` in the cell.

References
----------
.. [1] R. W. Wolff, "An upper bound for multi-channel queues", Journal of Applied Probability
   14, 1977.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel.balancing.pool import Pool
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.queues.base import Station, StationResult, StreamResult
from qmodel.queues.delay import Delay
from qmodel.queues.mdc import MDc
from qmodel.queues.mg1 import MG1
from qmodel.queues.mgc import MGc
from qmodel.queues.mgc_ps import MGcPS
from qmodel.queues.mmc import MMc

__all__ = ["CentralQueue"]


@dataclass(frozen=True, slots=True, eq=False)
class CentralQueue(Pool):
    """Equal replicas behind one queue; the first free worker takes the next request.

    Parameters
    ----------
    replica : Station
        What one replica is: `MMc`, `MDc`, `MG1`, `MGc`, `MG1PS`, `MGcPS` or `Delay`. [-]
    replicas : int or integer array
        Their number, >= 1. [-]

    Raises
    ------
    DomainError
        If `replicas` is not a whole number >= 1.
    ModelError
        If `replica` is another station, whose queue no formula joins with others.

    Examples
    --------
    >>> import qmodel as qm
    >>> pool = CentralQueue(qm.MMc(service_time=0.1, servers=2), replicas=4)
    >>> load = pool.solve(64.0)
    >>> float(load.response_time), float(load.response.quantile(0.99)), load.basis
    (0.1286, 0.5152, 'exact')
    """

    def __post_init__(self) -> None:
        Pool.__post_init__(self)
        self.joined()

    @property
    def poisson_output(self) -> bool:  # type: ignore[override]
        """Whether Poisson arrivals leave as a Poisson stream."""
        return self.joined().poisson_output

    def joined(self) -> Station:
        """Return the station that the workers of all replicas make together."""
        replica, servers = self.replica, self.servers
        if self.alone or isinstance(replica, Delay):
            return replica
        if isinstance(replica, MG1):
            return MGc(replica.service, servers)
        if isinstance(replica, MGcPS):
            return MGcPS(replica.service, servers)
        if isinstance(replica, (MMc, MDc, MGc)):
            return replace(replica, servers=servers)
        raise ModelError(
            f"no formula joins the queues of replicas of the kind {type(replica).__name__}"
        )

    def _solve(self, arrival_rate: Value) -> StationResult:
        return self.joined()._solve(arrival_rate)

    @checked
    def distribution_of_response(
        self, result: StationResult, work: Distribution, visits: Count = 1
    ) -> Distribution:
        """Return the distribution of the response of requests with their own work.

        Parameters
        ----------
        result : StationResult
            The steady state of this pool under all its streams. [-]
        work : Distribution
            Distribution of the service time of these requests, of all their visits together.
            [-]
        visits : int or integer array, default 1
            How often they come on one way. [-]

        Returns
        -------
        Distribution
            Distribution of the time of all these visits. [-]
        """
        return self.joined().distribution_of_response(result, work, visits)

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        return self.joined()._stream(result, rate, service)
