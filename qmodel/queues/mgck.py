r"""The M/G/c/K queue: c servers, any service distribution, capacity K; the rest is lost.

Service of phase type is solved exactly (`qmodel.queues.phases.finite_capacity`), exponential
service as M/M/c/K, one server as M/G/1/K. Without a buffer loss and number depend on the
mean service time only. Other service is imitated by phases that are fitted to its residual
(`qmodel.distributions.fit_phases`), as many as the number of servers allows: three to 16
servers, two to 160, which keep mean and SCV (not below 1/2). The distribution of the service
itself stays what it is.

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

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import ZERO, Distribution, Exponential, Sum
from qmodel.distributions.broadcasting import shape_of
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.distributions.fit_phases import fit_phases
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.errors import DomainError, ModelError
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.counts.states import FiniteStates
from qmodel.queues.delay import at_load
from qmodel.queues.mg1 import GENERAL_SERVICE
from qmodel.queues.mg1k import FINITE_ROOM, MG1K
from qmodel.queues.mmck import MMcK
from qmodel.queues.phases.busy_servers import states
from qmodel.queues.phases.finite_capacity import SteppedWait, in_room
from qmodel.queues.phases.mgc import shapes
from qmodel.queues.results import busy_share

__all__ = ["MGcK"]

_STATES = 170
_GOOD_FIT = 0.05  # the error up to which a fit below an SCV of 1 is used

IMITATED_IN_ROOM = Assumption(
    "phases-in-room",
    "service is imitated by phases that are fitted to its residual, as many as the servers "
    "allow; for SCVs of 0.25 to 4 and up to 16 servers the loss and the mean wait are within "
    "8 % and p99 of the response within 2 %; constant service is taken as more variable, "
    "which makes p99 of the response up to 16 % long and the loss up to 44 % high",
    "Feldmann and Whitt 1998; Tijms, van Hoorn and Federgruen 1981",
    APPROXIMATE,
)


def _imitation(distribution: Distribution, servers: int) -> tuple[PhaseType, bool]:
    """Return phases of mean 1 that stand for a distribution, and whether they are it."""
    mean, scv = float(distribution.mean), float(distribution.scv)
    exact = phases_of(distribution)
    if exact is not None and states(servers, exact.initial.size) <= _STATES:
        return PhaseType(exact.initial, exact.generator * mean), True
    most = max(n for n in range(1, 25) if states(servers, n) <= _STATES)
    if most < 2 or not np.isfinite(scv):
        return PhaseType([1.0], [[-1.0]]), False
    if most >= 3:
        fitted = fit_phases(distribution, min(most, 8))
        if scv >= 1 or fitted.error <= _GOOD_FIT:
            return PhaseType(
                fitted.distribution.initial, fitted.distribution.generator * mean
            ), False
    if scv >= 1:
        two = phases_of(balanced_hyperexponential(1.0, scv))
        assert two is not None
        return two, False
    return _regular(scv, most), False


def _regular(scv: float, most: int) -> PhaseType:
    """Return n or n - 1 phases of one rate with this SCV, at least 1 / `most` (Tijms)."""
    scv = max(scv, 1 / most)
    n = int(np.ceil(1 / scv - 1e-9))
    fewer = (n * scv - np.sqrt(n * (1 + scv) - n**2 * scv)) / (1 + scv)
    initial = np.eye(n)[0] * (1 - fewer) + (np.eye(n)[1] * fewer if n > 1 else 0.0)
    return PhaseType(initial, (n - fewer) * (np.eye(n, k=1) - np.eye(n)))


@dataclass(frozen=True, slots=True, eq=False)
class MGcK(Station):
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
    loses = True

    def __post_init__(self) -> None:
        if self.capacity < self.servers:
            raise DomainError(
                f"capacity must be at least servers, {self.servers}, got {self.capacity}"
            )

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates: never, it loses. [1/s]."""
        return np.inf

    def serving(self, service: Distribution) -> MGcK:
        """Return as many servers and the same capacity with another service distribution."""
        return MGcK(service, self.servers, self.capacity)

    def _solve(self, arrival_rate: Value) -> StationResult:
        service, c, capacity = self.service, self.servers, self.capacity
        if isinstance(service, Exponential):
            return MMcK(service.mean, c, capacity)._solve(arrival_rate)
        if c == 1:
            return MG1K(service, capacity)._solve(arrival_rate)
        s = service.mean
        if is_symbolic(arrival_rate, s, service.scv):
            raise ModelError("M/G/c/K has no form for symbols; MMcK has")
        shape = np.broadcast_shapes(np.shape(arrival_rate), shape_of(service))
        rate = np.broadcast_to(np.asarray(arrival_rate, dtype=float), shape)[()]
        load = np.broadcast_to(rate * s, shape).ravel()
        # Without load nobody is there; endless load is as good as very much.
        usual = np.where(np.isnan(load), 1.0, np.clip(load, np.finfo(float).tiny, 1e100))
        present = np.empty((capacity + 1, load.size))
        steps, speed, exact = [np.zeros(1)] * load.size, np.ones(load.size), True
        for distribution, here in shapes(service, shape, load.size):
            phases, own = _imitation(distribution, c)
            exact = exact and own
            found = in_room(phases.initial, phases.generator, c, capacity, usual[here])
            present[:, here], speed[here] = found.present, found.rate
            for i, row in zip(here, found.steps, strict=True):
                steps[i] = row
        present[:, load == 0] = (np.arange(capacity + 1) == 0)[:, None]
        present[:, np.isnan(load)] = np.nan
        number = FiniteStates(present.reshape(capacity + 1, *shape))
        cell = np.arange(load.size).reshape(shape)[()]
        unknown = np.where(np.isnan(load), np.nan, 1.0).reshape(shape)
        unit = s * unknown / speed.reshape(shape)
        wait: Distribution = SteppedWait(unit[()], cell, tuple(steps))
        if capacity == c:
            wait = at_load(ZERO, rate * s)
        states = np.arange(capacity + 1).reshape(-1, *[1] * len(shape))
        queue = (np.maximum(states - c, 0) * number.probabilities).sum(axis=0)[()]
        loss = number.probability(capacity)
        accepted = (number.probabilities[:-1]).sum(axis=0)[()]
        working = (np.minimum(states, c) * number.probabilities).sum(axis=0)[()]
        grounds: tuple[Assumption, ...] = (POISSON_ARRIVALS, GENERAL_SERVICE, FCFS, FINITE_ROOM)
        if not exact and capacity > c:
            grounds = (*grounds, IMITATED_IN_ROOM)
        return StationResult(
            arrival_rate=rate,
            utilization=busy_share(working, c),
            waiting_time=wait.mean,
            response_time=wait.mean + s,
            queue_length=queue,
            number_in_system=number.mean,
            wait=wait,
            response=Sum((wait, service)),
            station=self,
            basis=Basis(dict.fromkeys((*MEANS, "loss", "number", *DISTRIBUTIONS), grounds)),
            loss=loss,
            accepted=accepted,
            number=number,
        )
