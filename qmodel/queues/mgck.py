r"""The M/G/c/K queue: c servers, any service distribution, capacity K; the rest is lost.

Service of phase type is solved exactly (`qmodel.queues.phases.finite_capacity`), exponential
service as M/M/c/K, one server as M/G/1/K. Without a buffer loss and number depend on the
mean service time only. Other service is imitated by phases (`qmodel.queues.finite_room`).

**Shapes.** The cells of all parameters broadcast, `servers` and `capacity` are one number each.
**Overload.** Never: what comes to a full station is lost. NaN in, NaN out.

References
----------
.. [1] H. C. Tijms, M. H. van Hoorn, A. Federgruen, "Approximations for the steady-state
   probabilities in the M/G/c queue", Advances in Applied Probability 13, 1981.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.distributions import Distribution, Exponential
from qmodel.errors import DomainError, ModelError
from qmodel.queues.base import StationResult
from qmodel.queues.finite_room import FiniteRoom, solve_in_room
from qmodel.queues.mg1k import MG1K
from qmodel.queues.mmck import MMcK

__all__ = ["MGcK"]


@dataclass(frozen=True, slots=True, eq=False)
class MGcK(FiniteRoom):
    """Station with equal servers, any service distribution and a finite capacity, FCFS.

    What finds the station full is lost. Times are those of the accepted requests.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]
    servers : int
        Number of servers, >= 1. [-]
    capacity : int
        Requests that the station holds, in service and in queue, >= `servers`. [-]

    Raises
    ------
    DomainError
        If a number is not whole and >= 1, or `capacity` is below `servers`.
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    Four workers and a capacity of ten; half of the work is short, and half of it long:

    >>> import qmodel as qm
    >>> workers = MGcK(qm.HyperExponential([0.9, 0.1], [0.05, 0.55]), servers=4, capacity=10)
    >>> load = workers.solve(50.0)
    >>> float(load.loss), float(load.response_time), float(load.response.quantile(0.99))
    (0.2593, 0.1873, 1.3689)
    >>> load.basis
    'exact'
    """

    service: Distribution
    servers: int = parameter("servers", symbol="c", check=_check.one_count)
    capacity: int = parameter(
        "requests in the station at most",
        symbol="K",
        check=partial(_check.one_count, most=10_000),
    )

    def __post_init__(self) -> None:
        if self.capacity < self.servers:
            raise DomainError(
                f"capacity must be at least servers, {self.servers}, got {self.capacity}"
            )

    def serving(self, service: Distribution) -> MGcK:
        """Return as many servers and the same capacity with another service distribution."""
        return MGcK(service, self.servers, self.capacity)

    def _solve(self, arrival_rate: Value) -> StationResult:
        service, c, capacity = self.service, self.servers, self.capacity
        if isinstance(service, Exponential):
            return MMcK(service.mean, c, capacity)._solve(arrival_rate)
        if c == 1:
            return MG1K(service, capacity)._solve(arrival_rate)
        if is_symbolic(arrival_rate, service.mean, service.scv):
            raise ModelError("M/G/c/K has no form for symbols; MMcK has")
        return solve_in_room(self, arrival_rate=arrival_rate, capacity=capacity)
