r"""The M/G/c queue: Poisson arrivals, c servers, any service distribution, FCFS.

Service of phase type (exponential, Erlang, hyperexponential, their sums and mixtures) is solved
exactly (`qmodel.queues.phases.queue`), constant service as M/D/c, one server as M/G/1. Other
service, lognormal or measured, is imitated by a distribution of phases that is fitted to the
residual of it, and more servers than can be solved are extrapolated from fewer
(`qmodel.queues.phases.mgc`).

To compare, `waiting_time` is the formula of Kimura [1]_, between exponential service
(:math:`W_M`, Erlang C) and constant service (:math:`W_D`, exact):

.. math::

    W_q = \frac{1 + c_s^2}{2 c_s^2 / W_M + (1 - c_s^2) / W_D} .

It is exact for these two; below an SCV of 1 it was within 2 % where it was measured, above an
SCV of 1 two distributions with the same two moments can differ in their mean waits by a factor
of 1.6.

**Error.** docs/reference/errors-of-many-servers.md, measured over distributions, SCVs,
servers and loads.

**Infinite variance.** The mean wait is ``inf`` in its cell, and percentiles stay
(`qmodel.queues.waits.infinite_variance`).

References
----------
.. [1] T. Kimura, "A two-moment approximation for the mean waiting time in the GI/G/s
   queue", Management Science 32, 1986.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import Deterministic, Distribution, Exponential
from qmodel.errors import ModelError
from qmodel.numerics import spitzer
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues import mmc
from qmodel.queues.approximations.decay import decay_rate
from qmodel.queues.approximations.regimes import by_kind, kinds_of, of_cells
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.counts.queued import QueuedNumber
from qmodel.queues.counts.server_states import ServerStates
from qmodel.queues.counts.states import States
from qmodel.queues.mdc import MDc
from qmodel.queues.mg1 import GENERAL_SERVICE, MG1
from qmodel.queues.phases.measured_service import response
from qmodel.queues.phases.mgc import PhaseCells, phase_cells
from qmodel.queues.waits.decaying import distribution_of_wait, scv_of_delay
from qmodel.queues.waits.infinite_variance import infinite_in_its_cell

__all__ = ["MGc", "waiting_time"]

KIMURA = Assumption(
    "kimura",
    "the mean wait, and the probability of waiting, interpolate between exponential and "
    "constant service",
    "Kimura 1986",
    APPROXIMATE,
)
CONDITIONAL_WAIT = Assumption(
    "two-exponential-wait",
    "the wait is two exponentials of its mean, its second moment with one server and the "
    "exact rate of decay",
    "Whitt 1993; Neuts and Takahashi 1981",
    APPROXIMATE,
)

MARKOV_STATES = Assumption(
    "markov-states",
    "the number has the states of M/M/c below the servers, and above them those of the "
    "arrivals in the approximate wait; at 50 % load and more P(N > n) is within 0.03, for an "
    "SCV from 0.25 to 4 and up to 15 servers",
    "Tijms, van Hoorn and Federgruen 1981; Haji and Newell 1971",
    APPROXIMATE,
)


_CONSTANT = Deterministic(1.0)


@checked
def waiting_time(
    arrival_rate: Value, service_time: Value, *, servers: Count = 1, scv: Value
) -> Value:
    """Mean time in queue by Kimura's interpolation, W_q.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]
    scv : number or array
        Squared coefficient of variation of the service time, >= 0. [-]

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
    An H2/5 case whose exact value is 1.2542:

    >>> float(waiting_time(4.0, 1.0, servers=5, scv=4.0))
    1.2318
    """
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    s = _check.positive("service_time", service_time)
    scv = _check.scv("scv", scv)
    c = _check.count("servers", servers)
    exponential = mmc.waiting_time(rate, s, servers=c)
    constant = spitzer.waiting(rate * s, c).mean * s
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        finite = np.where(np.isinf(scv), 1.0, scv)
        wait = (1 + finite) / (2 * finite / exponential + (1 - finite) / constant)
        # Without a variance the wait has no mean.
        wait = np.where(np.isinf(scv), np.inf, wait)
        # No wait with either service is no wait with this one.
        some = np.minimum(constant, exponential) > 1e-300
        either = np.where(some, wait, 0.0 * finite * exponential)
    over = spare_servers(rate, s, c) <= 0
    return np.where(over, np.inf, either)[()]


@dataclass(frozen=True, slots=True, eq=False)
class MGc(Station):
    """Station with equal servers and any service distribution, first come first served.

    Service of phase type is solved exactly, constant service as M/D/c and one server as M/G/1;
    other service is imitated by phases.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]

    Raises
    ------
    DomainError
        If `servers` is not a whole number >= 1.
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> workers = MGc(qm.LogNormal(0.05, scv=4.0), servers=8)
    >>> load = workers.solve(128.0)
    >>> float(load.waiting_time), float(load.wait.quantile(0.99)), load.basis["p99"]
    (0.0286, 0.2934, 'approximate')

    >>> load = MGc(qm.Erlang(0.05, phases=2), servers=8).solve(128.0)
    >>> float(load.waiting_time), load.basis["p99"]
    (0.0110, 'exact')
    """

    variable_arrivals = True

    service: Distribution
    servers: Count = parameter("servers", symbol="c", check=_check.count, default=1)

    def serving(self, service: Distribution) -> MGc:
        """Return as many servers with another service distribution."""
        return MGc(service, self.servers)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, service, c = arrival_rate, self.service, self.servers
        if len(kinds := kinds_of(service)) > 1:
            return by_kind(
                self, rate, [(where, MGc(distribution, c)) for where, distribution in kinds]
            )
        if isinstance(service, Exponential):
            return mmc.MMc(service.mean, c)._solve(rate)
        if isinstance(c, int) and c == 1:
            return MG1(service)._solve(rate)
        if isinstance(service, Deterministic):
            return MDc(service.mean, c)._solve(rate)
        if (alone := np.asarray(c) == 1).any():
            several = MGc(service, np.where(alone, 2, c))
            stations = [(alone, MG1(service)), (~alone, several)]
            return by_kind(self, rate, stations[: 1 if alone.all() else 2])
        s, scv = service.mean, service.scv
        if is_symbolic(rate, s, scv, c):
            raise ModelError("M/G/c has no form for symbols; M/M/c and M/G/1 have")
        spare = np.asarray(spare_servers(rate, s, c))
        usual = np.where((spare > 0) & np.isfinite(spare), spare, 0.5 * np.asarray(c))
        shape = np.broadcast_shapes(np.shape(usual), np.shape(s + scv), np.shape(c))
        # Where nobody comes nobody waits, whatever the service; shapes differ between cells.
        nobody = bool(np.all(np.equal(rate, 0)))
        cells = phase_cells(
            Exponential(s) if nobody and np.ndim(scv) else service,
            np.broadcast_to(np.minimum(c, 2**53), shape).ravel().astype(int),
            np.broadcast_to(1 - usual / np.asarray(c), shape).ravel(),
            shape,
        )
        ways = [(cells.solved, self._by_phases), (~cells.solved, self._interpolated)]
        found = [of(rate, spare, cells, shape) for where, of in ways if where.any()]
        here = [where.reshape(shape)[()] for where, _ in ways if where.any()]
        return found[0] if len(found) == 1 else of_cells(self, rate, here, found)

    def _by_phases(
        self, rate: Value, spare: Any, cells: PhaseCells, shape: tuple[int, ...]
    ) -> StationResult:
        """Return the steady state of the cells that are solved by phases."""
        wait, number = cells.distributions(rate, self.service.mean, self.servers, spare, shape)
        model = (POISSON_ARRIVALS, GENERAL_SERVICE, FCFS, *cells.grounds)
        grounds: dict[str, Any] = dict.fromkeys((*MEANS, *DISTRIBUTIONS, "number"), model)
        if cells.scaled.any():
            grounds["number"] = (*model, MARKOV_STATES)
        return self._result(rate, wait.mean, wait, number, grounds)

    def _interpolated(
        self, rate: Value, spare: Any, cells: PhaseCells, shape: tuple[int, ...]
    ) -> StationResult:
        """Return the steady state of the other cells, from two moments of service."""
        service, c = self.service, self.servers
        s, scv = service.mean, service.scv
        wait = waiting_time(rate, s, servers=c, scv=scv)
        over, idle = spare <= 0, np.asarray(rate) == 0
        # Without load there is no wait; the arrivals only need a mean.
        between = Exponential(1 / np.where(over | idle, 1 / s, rate)[()])
        wait, distribution, endless = infinite_in_its_cell(
            wait,
            distribution=self._distribution_of_wait(rate, wait, between, spare),
            arrival_rate=rate,
            service=service,
            servers=c,
            probability=erlang_c(servers=c, offered_load=rate * s),
        )
        model = (POISSON_ARRIVALS, GENERAL_SERVICE, FCFS, *endless)
        grounds: dict[str, Any] = dict.fromkeys(MEANS, (*model, KIMURA))
        grounds |= dict.fromkeys(DISTRIBUTIONS, (*model, KIMURA, CONDITIONAL_WAIT))
        grounds["number"] = (*grounds["wait"], MARKOV_STATES)
        markov = ServerStates(rate * s, c, spare)
        number = QueuedNumber(markov, distribution, between, rate * s, c, over)
        return self._result(rate, wait, distribution, number, grounds)

    def _result(
        self, rate: Value, mean: Value, distribution: Distribution, number: States, grounds: Any
    ) -> StationResult:
        model = (POISSON_ARRIVALS, GENERAL_SERVICE, FCFS)
        return StationResult.by_littles_law(
            self,
            rate,
            mean,
            wait=distribution,
            response=response(distribution, self.service),
            basis=Basis(grounds | {"utilization": model}),
            number=number,
        )

    def _distribution_of_wait(
        self, rate: Value, wait: Value, between: Distribution, spare: Any
    ) -> Distribution:
        service, c = self.service, self.servers
        over = spare <= 0
        load = np.where(over, 0.5, rate * service.mean / c)
        constant, varied = spitzer.waiting(load * c, c), np.minimum(service.scv, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Constant service on c servers: the waits of those that wait vary less than on one.
            mean, probability = np.asarray(constant.mean), np.asarray(constant.probability)
            steady = (constant.variance + mean**2) * probability / mean**2 - 1
            away = np.where(mean > 1e-200, steady - scv_of_delay(load, _CONSTANT), 0.0)
        return distribution_of_wait(
            wait,
            probability=varied * erlang_c(servers=c, offered_load=load * c)
            + (1 - varied) * probability,
            scv=scv_of_delay(load, service) + (1 - varied) * away,
            decay=decay_rate(between, service, c, spare / c),
            scale=service.mean,
            over=over,
        )
