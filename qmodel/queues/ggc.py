r"""The GI/G/c queue: independent interarrival times, any service distribution, c servers, FCFS.

Service of phase type is solved exactly, if there are few enough states: with times between
arrivals of phase type too (`qmodel.queues.phases.queue`), and of any distribution with a light
tail, constant times among them (`qmodel.queues.phases.renewal`). Other service, and other times
between arrivals, are imitated by phases (`qmodel.queues.phases.behind_renewal`). Constant
service behind Erlang times of n phases waits as in M/D/nc, exactly; Poisson arrivals go to
`MGc`, exponential service to `GMc`, and constant times of both kinds to D/D/c.

Else no exact formula is known, and the mean wait is that of
GI/M/c with the given distribution of arrivals, exactly, times the factor by which Kimura
corrects M/M/c (`qmodel.queues.approximations.combined_wait`); for one server and arrivals more
regular than Poisson it is that of Kraemer and Langenbach-Belz. The probability of waiting is
that of GI/M/c, for regular arrivals corrected by the ratio of two values of Whitt's formula
[1]_; for one server it is theirs. The distribution of the wait is two exponentials, with the
exact rate of decay where service has an exponential moment (`qmodel.queues.waits.decaying`).

`qmodel.queues.approximations.methods` lists the approximations of the mean wait that hold at a
point, with their errors.

**Infinite variance** of service: the mean wait is ``inf`` in its cell, and percentiles stay
(`qmodel.queues.waits.infinite_variance`).
**Load.** The distribution of the interarrival times gives the shape; ``solve(arrival_rate)``
scales it to the rate.
**Error.** docs/reference/errors-of-renewal-arrivals.md, measured over distributions of both
kinds, servers and loads; the assumptions of a result state the largest, and the medians.
docs/reference/errors-of-approximations.md has more of the mean wait.
**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] W. Whitt, "Approximations for the GI/G/m queue", Production and Operations Management
   2, 1993.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel.basis import Basis, union
from qmodel.distributions import (
    Deterministic,
    Distribution,
    Exponential,
    Gamma,
    Scaled,
)
from qmodel.distributions.broadcasting import select, shape_of
from qmodel.distributions.phase_type import phases_of
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues import gmc, mdc
from qmodel.queues.approximations import wait_probabilities as probabilities
from qmodel.queues.approximations.combined_wait import at_most_alone, corrected
from qmodel.queues.approximations.decay import decay_rate
from qmodel.queues.approximations.ggc_grounds import (
    COMBINED,
    CONDITIONAL_WAIT,
    RENEWAL_STATES,
)
from qmodel.queues.approximations.regimes import by_kind, kinds_of, of_cells
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.counts.gmc import RenewalNumber
from qmodel.queues.counts.queued import QueuedNumber
from qmodel.queues.counts.states import States
from qmodel.queues.mg1 import GENERAL_SERVICE
from qmodel.queues.mgc import MGc
from qmodel.queues.phases.behind_renewal import gaps_by_phases
from qmodel.queues.phases.grounds import BEHIND_RENEWAL
from qmodel.queues.phases.measured_service import response
from qmodel.queues.phases.mgc import phase_cells
from qmodel.queues.waits import ddc
from qmodel.queues.waits.decaying import distribution_of_wait, scv_of_delay
from qmodel.queues.waits.infinite_variance import infinite_in_its_cell

__all__ = ["GGc"]


def _in_phases(gaps: Distribution) -> bool:
    """Return whether interarrival times are Erlang, in all cells."""
    if not isinstance(gaps, Gamma):
        return False
    phases = 1 / np.asarray(gaps.scv)
    return bool(np.all(abs(phases - np.round(phases)) < 1e-9 * phases))


@dataclass(frozen=True, slots=True, eq=False)
class GGc(Station):
    """Station with equal servers, general service and independent interarrival times.

    Parameters
    ----------
    interarrival : Distribution
        Shape of the distribution of the interarrival times, of mean > 0; ``solve`` scales it to
        the arrival rate. [-]
    service : Distribution
        Distribution of the service time. [-]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]

    Raises
    ------
    DomainError
        If `servers` is not a whole number >= 1.
    ModelError
        If a distribution is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> workers = GGc(qm.Erlang(1.0, 2), qm.Gamma(0.05, scv=2.0), servers=4)
    >>> load = workers.solve(64.0)
    >>> float(load.waiting_time), load.basis["waiting_time"], load.basis["utilization"]
    (0.0425, 'approximate', 'exact')
    """

    interarrival: Distribution
    service: Distribution
    servers: Count = parameter(
        "servers", symbol="c", check=partial(_check.count, most=10**7), default=1
    )

    def serving(self, service: Distribution) -> GGc:
        """Return the same arrivals and servers with another service distribution."""
        return GGc(self.interarrival, service, self.servers)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, service, c = arrival_rate, self.service, self.servers
        kinds = [
            (np.asarray(here) & there, GGc(gaps, distribution, c))
            for here, gaps in kinds_of(self.interarrival)
            for there, distribution in kinds_of(service)
        ]
        if len(kinds) > 1:
            return by_kind(self, rate, [kind for kind in kinds if kind[0].any()])
        if isinstance(self.interarrival, Exponential):
            return MGc(service, c)._solve(rate)
        if isinstance(service, Exponential):
            return gmc.GMc(self.interarrival, service.mean, c)._solve(rate)
        if isinstance(self.interarrival, Deterministic) and isinstance(service, Deterministic):
            return ddc.steady_state(self, rate)
        if isinstance(service, Deterministic) and _in_phases(self.interarrival):
            return self._constant_service(rate)
        if shape_of(self.interarrival):
            return by_kind(self, rate, self._by_arrivals())
        phases = phases_of(self.interarrival)
        if phases is not None and phases.initial.size == 1:  # Exponential by another name.
            return MGc(service, c)._solve(rate)
        spare = np.asarray(spare_servers(rate, service.mean, c))
        gaps, known = gaps_by_phases(self.interarrival)
        usual = np.where((spare > 0) & np.isfinite(spare), spare, 0.5 * np.asarray(c))
        shape = np.broadcast_shapes(np.shape(usual), np.shape(service.scv), np.shape(c))
        cells = phase_cells(
            service,
            np.broadcast_to(np.minimum(c, 2**53), shape).ravel().astype(int),
            np.broadcast_to(1 - usual / np.asarray(c), shape).ravel(),
            shape,
            gaps,
        )
        found, here = [], []
        servers = np.broadcast_to(c, shape).ravel()
        if cells.solved.any():
            wait, number = cells.distributions(rate, service.mean, c, spare, shape, gaps)
            model = union(
                (gmc.RENEWAL_ARRIVALS, GENERAL_SERVICE, FCFS, *cells.grounds),
                () if known else (BEHIND_RENEWAL,),
            )
            grounds = dict.fromkeys((*MEANS, *DISTRIBUTIONS, "number"), model)
            # Below the servers the states may not be known.
            below = np.arange(cells.levels.shape[1]) < servers[:, None]
            unknown = (np.isnan(cells.levels) & below).any(axis=1)
            alike = self._number(rate, wait, spare), (*model, RENEWAL_STATES)
            for where, (states, of_states) in (
                (cells.solved & ~unknown, (number, model)),
                (cells.solved & unknown, alike),
            ):
                if where.any():
                    grounds = {**grounds, "number": of_states}
                    found.append(self._result(rate, wait.mean, wait, states, grounds))
                    here.append(where.reshape(shape)[()])
        if not cells.solved.all():
            found.append(self._approximated(rate, spare))
            here.append(~cells.solved.reshape(shape)[()])
        return found[0] if len(found) == 1 else of_cells(self, rate, here, found)

    def _by_arrivals(self) -> list[tuple[Any, Station]]:
        """Return the stations of each distribution of interarrival times, and where."""
        shape = shape_of(self.interarrival)
        kinds: list[Distribution] = []
        which = np.empty(int(np.prod(shape)), dtype=int)
        for i in range(which.size):
            gaps = select(self.interarrival, shape, i)
            which[i] = next((k for k, x in enumerate(kinds) if x == gaps), len(kinds))
            if which[i] == len(kinds):
                kinds.append(gaps)
        return [
            ((which == k).reshape(shape), GGc(gaps, self.service, self.servers))
            for k, gaps in enumerate(kinds)
        ]

    def _constant_service(self, rate: Value) -> StationResult:
        """Return GI/D/c with n phases between arrivals: the wait of M/D/nc at n times the rate.

        Constant service lets c servers take turns, so each sees every c-th arrival, after nc
        phases; and M/D/nc is that for one phase.
        """
        phases = np.round(1 / np.asarray(self.interarrival.scv))
        c = np.asarray(self.servers * phases)[()]
        many = mdc.MDc(self.service.mean, c if np.ndim(c) else int(c))._solve(rate * phases)
        model = (gmc.RENEWAL_ARRIVALS, GENERAL_SERVICE, FCFS)
        grounds: dict[str, Any] = dict.fromkeys((*MEANS, *DISTRIBUTIONS), model)
        grounds["number"] = (*model, RENEWAL_STATES)
        s, wait = self.service.mean, many.wait
        assert wait is not None
        spare = np.asarray(spare_servers(rate, s, self.servers))
        distribution = self._distribution_of_wait(
            rate, many.waiting_time, 1 - wait.atom, self._between(rate, spare), spare
        )
        number = self._number(rate, distribution, spare)
        return self._result(rate, many.waiting_time, wait, number, grounds)

    def _between(self, rate: Value, spare: Any) -> Distribution:
        # Without load there is no wait; the arrivals only need a mean.
        usual = np.where((spare <= 0) | (np.asarray(rate) == 0), 1 / self.service.mean, rate)
        return Scaled(self.interarrival, np.asarray(1 / (usual * self.interarrival.mean))[()])

    def _number(self, rate: Value, distribution: Distribution, spare: Any) -> States:
        s, c = self.service.mean, self.servers
        markov = RenewalNumber(rate, s, self.interarrival, c)
        return QueuedNumber(
            markov, distribution, self._between(rate, spare), rate * s, c, spare <= 0
        )

    def _approximated(self, rate: Value, spare: Any) -> StationResult:
        wait, probability = self._wait_and_probability(rate)
        wait, distribution, endless = infinite_in_its_cell(
            wait,
            distribution=self._distribution_of_wait(
                rate, wait, probability, self._between(rate, spare), spare
            ),
            arrival_rate=rate,
            service=self.service,
            servers=self.servers,
            probability=gmc.waiting_probability(
                rate, self.service.mean, interarrival=self.interarrival, servers=self.servers
            ),
        )
        model = (gmc.RENEWAL_ARRIVALS, GENERAL_SERVICE, FCFS, *endless)
        grounds: dict[str, Any] = dict.fromkeys(MEANS, (*model, COMBINED))
        grounds |= dict.fromkeys(DISTRIBUTIONS, (*model, COMBINED, CONDITIONAL_WAIT))
        grounds["number"] = (*grounds["wait"], RENEWAL_STATES)
        return self._result(
            rate, wait, distribution, self._number(rate, distribution, spare), grounds
        )

    def _result(
        self, rate: Value, wait: Value, distribution: Distribution, number: States, grounds: Any
    ) -> StationResult:
        model = (gmc.RENEWAL_ARRIVALS, GENERAL_SERVICE, FCFS)
        return StationResult.by_littles_law(
            self,
            rate,
            wait,
            wait=distribution,
            response=response(distribution, self.service),
            basis=Basis(grounds | {"utilization": model}),
            number=number,
        )

    def _wait_and_probability(self, rate: Value) -> tuple[Value, Value]:
        service, c = self.service, np.asarray(self.servers, dtype=float)[()]
        s, ca2, cs2 = service.mean, self.interarrival.scv, service.scv
        wait = gmc.waiting_time(rate, s, interarrival=self.interarrival, servers=c)
        wait = corrected(wait, rate, s, c, np.asarray(ca2)[()], cs2)
        probability = gmc.waiting_probability(
            rate, s, interarrival=self.interarrival, servers=c
        )
        regular, alone = np.asarray(ca2) < 1, np.asarray(c) == 1
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # What Whitt's formula makes of service that is not exponential.
            base = probabilities.interpolated(
                rate, s, servers=c, arrival_scv=ca2, service_scv=1.0
            )
            turned = np.minimum(
                1.0,
                probability
                * probabilities.interpolated(
                    rate, s, servers=c, arrival_scv=ca2, service_scv=cs2
                )
                / base,
            )
        probability = np.where(regular & (np.asarray(base) > 0), turned, probability)
        if (alone | regular).any():
            single = probabilities.one_server(
                rate, s, servers=1, arrival_scv=ca2, service_scv=cs2
            )
            probability = np.where(
                alone, single, np.where(regular, np.minimum(probability, single), probability)
            )
            wait = np.where(regular, at_most_alone(wait, rate, s, c, ca2, cs2), wait)
        return np.asarray(wait)[()], np.asarray(probability)[()]

    def _distribution_of_wait(
        self, rate: Value, wait: Value, probability: Value, between: Distribution, spare: Any
    ) -> Distribution:
        service, c = self.service, self.servers
        over = spare <= 0
        load = np.where(over, 0.5, rate * service.mean / c)
        return distribution_of_wait(
            wait,
            probability=probability,
            scv=scv_of_delay(load, service),
            decay=decay_rate(between, service, c, spare / c),
            scale=service.mean,
            over=over,
        )
