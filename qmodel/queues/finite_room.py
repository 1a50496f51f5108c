r"""A station with a finite capacity: what finds it full is lost.

Its steady state is that of a Markov chain, with service that is of phase type or imitated by
phases that are fitted to its residual (`qmodel.distributions.fit_phases`), as many as the
number of servers allows: three to 16 servers, two to 160, which keep mean and SCV (not below
1/2). The distribution of the service itself stays what it is.

Behind a stream that is not Poisson the times between arrivals are of phase type, too, and of
the SCV that the station feels (`qmodel.queues.approximations.losses_behind`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import ZERO, Distribution, Sum
from qmodel.distributions.broadcasting import shape_of
from qmodel.distributions.few_phases import balanced, erlangs
from qmodel.distributions.fit_phases import fit_phases
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.distributions.shapes import shapes
from qmodel.errors import ModelError
from qmodel.queues.approximations.losses_behind import LOSSES_BEHIND
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult, Stream
from qmodel.queues.counts.states import FiniteStates
from qmodel.queues.delay import at_load
from qmodel.queues.mg1 import GENERAL_SERVICE
from qmodel.queues.phases.busy_servers import states
from qmodel.queues.phases.finite_capacity import SteppedWait, in_room
from qmodel.queues.phases.gaps import gaps_of
from qmodel.queues.results import busy_share

__all__ = ["FINITE_ROOM", "FiniteRoom", "solve_in_room"]

_STATES = 170
_GOOD_FIT = 0.05  # the error up to which a fit below an SCV of 1 is used
_MOST_SERVERS, _MOST_ROOM = 2_000, 20_000
"""Of a chain behind a stream that is not Poisson."""

FINITE_ROOM = Assumption(
    "finite-room", "who finds the station full is lost and does not come back", "Erlang 1917"
)
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
    return PhaseType(*(balanced(scv) if scv >= 1 else erlangs(scv, most))), False


class FiniteRoom(Station):
    """A station with servers and a capacity, first come first served."""

    __slots__ = ()
    loses = True

    @property
    def losses_follow(self) -> bool:  # type: ignore[override]
        """Whether the chain behind a stream that is not Poisson is small enough. [-]."""
        servers, most = self.servers, self.most
        if is_symbolic(servers, most):
            return False
        few = np.less_equal(servers, _MOST_SERVERS) & np.less_equal(most, _MOST_ROOM)
        return bool(np.all(few))

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates: never, it loses. [1/s]."""
        return np.inf

    @property
    def most(self) -> Count:
        """Requests that the station holds, in service and in queue. [-]."""
        found: Count = self.capacity  # type: ignore[attr-defined]
        return found

    def _behind(
        self, result: StationResult, streams: Sequence[Stream], rates: Sequence[Value]
    ) -> StationResult:
        if not all(s.once and s.batch == 1 for s in streams):
            raise ModelError(
                f"{type(self).__name__} takes each request once and alone: no stream with "
                "visits or with a batch"
            )
        station: Any = result.station
        scv, _, _ = self._felt(result, streams, rates)
        if not station.losses_follow or is_symbolic(scv, result.arrival_rate):
            raise ModelError(
                f"{type(self).__name__} takes a stream with an scv as numbers, with up to "
                f"{_MOST_SERVERS} servers and a capacity of {_MOST_ROOM}"
            )
        most = station.most
        return solve_in_room(station, arrival_rate=result.arrival_rate, capacity=most, scv=scv)


def solve_in_room(
    station: Station, *, arrival_rate: Value, capacity: Count, scv: Value = 1.0
) -> StationResult:
    """Return the steady state of a station with so many places.

    Parameters
    ----------
    station : Station
        Its servers and its service. [-]
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    capacity : int or integer array
        Requests in service and in queue at most. [-]
    scv : number or array, default 1
        SCV of the times between arrivals. [-]

    Returns
    -------
    StationResult
        The steady state; the times are those of accepted requests. [-]
    """
    service, s, c = station.service, station.service.mean, station.servers
    parts = (arrival_rate, c, capacity, scv)
    shape = np.broadcast_shapes(shape_of(service), *map(np.shape, parts))
    rate = np.broadcast_to(np.asarray(arrival_rate, dtype=float), shape)[()]
    load = np.broadcast_to(rate * s, shape).ravel()
    servers, places, varied = (np.broadcast_to(x, shape).ravel() for x in (c, capacity, scv))
    # Without load nobody is there; endless load is as good as very much.
    usual = np.where(np.isnan(load), 1.0, np.clip(load, np.finfo(float).tiny, 1e100))
    largest = int(places.max())
    present = np.zeros((largest + 1, load.size))
    kept, steps = np.empty((2, load.size)), [np.zeros(1)] * load.size
    speed, exact = np.ones(load.size), True
    for here, phases, own, gaps in _alike(service, shape, servers, places, varied):
        one, k = int(servers[here[0]]), int(places[here[0]])
        exact = exact and (own or k == one)
        found = in_room(phases.initial, phases.generator, one, k, usual[here], gaps)
        present[: k + 1, here] = found.present
        kept[:, here] = found.seen[:-1].sum(axis=0), found.seen[-1]
        speed[here] = found.rate
        for i, row in zip(here, found.steps, strict=True):
            steps[i] = row
    idle, unknown = load == 0, np.isnan(load + varied)
    present[:, idle] = (np.arange(largest + 1) == 0)[:, None]
    present[:, unknown] = np.nan
    kept = np.where(unknown, np.nan, np.where(idle, [[1.0], [0.0]], np.minimum(kept, 1.0)))
    accepted, loss = (each.reshape(shape)[()] for each in kept)
    number = FiniteStates(present.reshape(largest + 1, *shape))
    cell = np.arange(load.size).reshape(shape)[()]
    unit = s * np.where(unknown, np.nan, 1.0).reshape(shape) / speed.reshape(shape)
    wait: Distribution = SteppedWait(unit[()], cell, tuple(steps))
    if np.all(places == servers):
        wait = at_load(ZERO, rate * s * np.where(unknown, np.nan, 1.0).reshape(shape)[()])
    counts = np.arange(largest + 1).reshape(-1, *[1] * len(shape))
    queue = (np.maximum(counts - c, 0) * number.probabilities).sum(axis=0)[()]
    working = (np.minimum(counts, c) * number.probabilities).sum(axis=0)[()]
    grounds: tuple[Assumption, ...] = (POISSON_ARRIVALS, GENERAL_SERVICE, FCFS, FINITE_ROOM)
    if np.any(varied != 1):
        grounds = (LOSSES_BEHIND, *grounds[1:])
    if not exact:
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
        station=station,
        basis=Basis(dict.fromkeys((*MEANS, "loss", "number", *DISTRIBUTIONS), grounds)),
        loss=loss,
        accepted=accepted,
        number=number,
    )


def _alike(
    service: Distribution,
    shape: tuple[int, ...],
    servers: np.ndarray,
    places: np.ndarray,
    scv: np.ndarray,
) -> Iterator[tuple[np.ndarray, PhaseType, bool, Any]]:
    """Yield cells of one size: their phases, whether these are the service, and arrivals."""
    for distribution, cells in shapes(service, shape, scv.size):
        sizes = np.stack([servers[cells], places[cells]])
        for size in np.unique(sizes, axis=1).T:
            mine = cells[(sizes == size[:, None]).all(axis=0)]
            phases, own = _imitation(distribution, int(size[0]))
            for some, gaps in gaps_of(scv[mine]):
                yield mine[some], phases, own, gaps
