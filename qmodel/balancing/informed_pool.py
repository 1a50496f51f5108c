r"""A pool whose balancer looks at how many requests its replicas have, and joins a short queue.

Each policy says what a request finds where it joins, for exponential service
(`qmodel.balancing.conditional_wait`). This module makes a station of it, for three kinds of
replica.

**Exponential service, FCFS** (`MMc`): the wait is that distribution.

**General service, FCFS** (`MG1`, `MGc`, `MDc`): the probability of a wait is kept. What it is,
is that of a queue at which requests arrive by the number there, as the policy has it, with the
residual of the service in progress (`qmodel.balancing.replica_queue`,
`qmodel.balancing.replica_wait`). For one replica, and for one choice, it is M/G/1 or M/G/c.
docs/reference/errors-of-informed-pools.md has the errors, also of the probability of a wait.

Where the variance of service is infinite, the mean wait is ``inf`` in its cell, and percentiles
stay (`qmodel.queues.waits.infinite_variance`).

**Sharing** (`MG1PS`, `MGcPS`): the mean hardly depends on the service distribution [1]_ and is
taken from exponential service. A request of size x takes x and a gamma excess as in
`qmodel.queues.waits.shared_response`, with mean and variance of the stretch from the levels; it
is forgotten over a size of :math:`E[S^2] / (2 S^2)` times the mean wait of those that wait.

References
----------
.. [1] V. Gupta, M. Harchol-Balter, K. Sigman, W. Whitt, "Analysis of join-the-shortest-queue
   routing for web server farms", Performance Evaluation 64, 2007.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.balancing.conditional_wait import LevelWait
from qmodel.balancing.pool import Pool
from qmodel.balancing.pool_errors import WORST
from qmodel.balancing.random_split import RandomSplit
from qmodel.balancing.replica_wait import tails_of_waits
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import NEVER, Distribution, Exponential, Mixture, Sum
from qmodel.distributions.broadcasting import shape_of
from qmodel.distributions.phase_type import phases_of
from qmodel.errors import ModelError
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.approximations.measured import of_response
from qmodel.queues.approximations.regimes import by_kind, kinds_of
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, StationResult, StreamResult
from qmodel.queues.mdc import MDc
from qmodel.queues.mg1 import GENERAL_SERVICE, MG1
from qmodel.queues.mgc import MGc
from qmodel.queues.mgc_ps import MGcPS
from qmodel.queues.mmc import EXPONENTIAL_SERVICE, MMc
from qmodel.queues.phases.wait import PhaseWait
from qmodel.queues.waits.infinite_variance import infinite_in_its_cell
from qmodel.queues.waits.mmc import MMcResponse
from qmodel.queues.waits.shared_response import SharedResponse, cells_of_sizes

__all__ = ["InformedPool"]

_NOBODY = 1e-100  # a probability of waiting

_KINDS = {
    "constant": "constant service",
    "SCV below 1": "an SCV below 1",
    "hyperexponential, SCV 4": "hyperexponential service with an SCV of 4",
    "hyperexponential, SCV 9": "an SCV of 9",
    "other, SCV 4": "lognormal and gamma service with an SCV up to 4",
    "other, SCV 9": "an SCV of 9",
    "bounded Pareto": "bounded Pareto service with an SCV up to 10",
}
_MEASURED = "; ".join(
    f"of {name} {of_response(WORST.get(kind, {}))}" for kind, name in _KINDS.items()
)
REPLICA_QUEUE = Assumption(
    "replica-queue",
    "a replica is a queue at which requests arrive by its number, as with exponential service, "
    "whatever the service in progress; measured errors of the response, at loads of 0.3 to "
    f"0.95: {_MEASURED}",
    "Bramson, Lu and Prabhakar 2012 for many replicas; our simulations",
    APPROXIMATE,
)
SHARED_LEVELS = Assumption(
    "shared-levels",
    "shared replicas behind an informed balancer have the mean of exponential service, and a "
    "gamma excess; at loads of 0.5 to 0.95 the mean response is within 3.5 %, p99 within 7 % "
    "for exponential service and 3 % at an SCV of 4, but for constant service from 18 % low to "
    "27 % high",
    "Gupta et al. 2007; our simulations",
    APPROXIMATE,
)


@dataclass(frozen=True, slots=True)
class _State:
    """What all cells need: the wait for exponential service, and where there is none."""

    wait: LevelWait
    load: Any
    over: Any
    levels: tuple[Any, ...]
    ratio: Any
    """As the levels, not those of cells without a steady state, or without load."""


class InformedPool(Pool):
    """A pool whose balancer looks at the number of requests of its replicas."""

    __slots__ = ()

    @abstractmethod
    def _levels(self, load: Any, replicas: Any, servers: Any) -> tuple[tuple[Any, ...], Any]:
        """Return probabilities to find c + j requests or more, and their ratio beyond.

        All three are arrays of one shape, and the loads are inside 0 to 1.
        """

    @abstractmethod
    def _grounds(self) -> tuple[Assumption, ...]:
        """Return what the levels rest on."""

    def _same(self) -> Pool | None:
        """Return the simpler pool that this one is, where it is one."""
        return None

    def _chooses(self) -> Any:
        """Return where the balancer has a choice."""
        return np.greater(self.replicas, 1)

    def _solve(self, arrival_rate: Value) -> StationResult:
        if self.alone:
            return replace(self.replica._solve(arrival_rate), station=self)
        same = self._same()
        if same is not None:
            return replace(same._solve(arrival_rate), station=self)
        rate, replica, service = arrival_rate, self.replica, self.service
        general = not isinstance(replica, MGcPS) and not _is_exponential(service)
        if general and (apart := self._apart(rate)) is not None:
            return replace(apart, number=None)
        state = self._state(rate)
        grounds: tuple[Assumption, ...] = (POISSON_ARRIVALS, EXPONENTIAL_SERVICE)
        wait: Distribution | None = state.wait
        mean = state.wait.mean
        if isinstance(replica, MGcPS):
            wait, response = None, self._shared_response(state, service)
            grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, SHARED_LEVELS)
        elif general:
            wait = self._wait_by_phases(state)
            mean, wait, endless = infinite_in_its_cell(
                wait.mean,
                distribution=wait,
                arrival_rate=rate,
                service=service,
                servers=self.servers,
                probability=state.wait.levels[0],
            )
            response = Sum((wait, service))
            grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, FCFS, REPLICA_QUEUE, *endless)
        else:
            response = self._response(state.wait)
            grounds = (*grounds, FCFS)
        with np.errstate(invalid="ignore"):
            queue = np.where(np.asarray(rate) == 0, 0.0 * mean, rate * mean)[()]
        basis = dict.fromkeys((*MEANS, *DISTRIBUTIONS), (*grounds, *self._grounds()))
        return StationResult(
            arrival_rate=rate,
            utilization=rate * service.mean / self.servers,
            waiting_time=mean,
            response_time=mean + service.mean,
            queue_length=queue,
            number_in_system=queue + rate * service.mean,
            wait=wait,
            response=response,
            station=self,
            basis=Basis(basis | {"utilization": (POISSON_ARRIVALS,)}),
        )

    def _apart(self, rate: Any) -> StationResult | None:
        """Return the result of cells of several kinds, or None where all are of one."""
        if len(kinds := kinds_of(self.service)) > 1:
            return by_kind(self, rate, [(where, self.serving(kind)) for where, kind in kinds])
        chooses = self._chooses()
        if chooses.all():
            return None
        blind = RandomSplit(self.replica, self.replicas)
        return by_kind(self, rate, [(~chooses, blind), (chooses, self._choosing(chooses))])

    def _choosing(self, chooses: Any) -> Pool:
        """Return this pool in the cells where it has a choice, with one in the others."""
        return replace(self, replicas=np.where(chooses, self.replicas, 2))

    def _compared(self) -> Count:
        """Return among how many replicas a request chooses by their numbers."""
        return self.replicas

    def _state(self, rate: Any) -> _State:
        replica, service = self.replica, self.service
        if not isinstance(replica, (MMc, MG1, MGc, MDc, MGcPS)):
            raise ModelError(
                "replica must be MMc, MG1, MGc, MDc, MG1PS or MGcPS where the balancer looks "
                f"at its queue, got {type(replica).__name__}"
            )
        if is_symbolic(rate, service.mean, replica.servers, self.replicas):
            raise ModelError(f"{type(self).__name__} has no symbolic form")
        spare = spare_servers(rate, service.mean, self.servers)
        load, n, c, spare, s = (
            np.asarray(x, dtype=float)
            for x in np.broadcast_arrays(
                rate * service.mean / self.servers,
                self.replicas,
                replica.servers,
                spare,
                service.mean,
            )
        )
        over, idle, missing = spare <= 0, load == 0, np.isnan(load)
        with np.errstate(invalid="ignore"):
            inside = np.where(over | idle | missing, 0.5, np.minimum(load, 1 - 1e-15))
        unknown = np.where(missing, np.nan, 0.0)
        levels, ratio = self._levels(inside, n, c)
        always = np.where(over, 1.0, 0.0)
        out = over | idle
        wait = LevelWait(
            tuple((np.where(out, always, u) + unknown)[()] for u in levels),
            (np.where(out, always, ratio) + unknown)[()],
            (c / s)[()],
        )
        return _State(wait, inside, over, levels, ratio)

    def _response(self, wait: LevelWait) -> Distribution:
        # The queue of M/M/c, with its closed forms, where the levels fall by one ratio.
        drain = wait.drain * (1 - wait.ratio)
        closed = MMcResponse(wait.levels[0], drain, 1 / self.service.mean)
        even = wait.geometric
        if np.all(even):
            return closed
        listed = Sum((wait, self.service))
        return Mixture((1.0 * even, 1.0 - even), (closed, listed)) if np.any(even) else listed

    def _wait_by_phases(self, state: _State) -> Distribution:
        service, seen = self.service, state.levels
        shape = np.broadcast_shapes(np.shape(seen[0]), shape_of(service))
        # Where nobody waits any wait will do.
        nobody = np.asarray(seen[0]) < _NOBODY
        state = replace(
            state,
            load=np.where(nobody, 0.5, state.load),
            levels=tuple(np.where(nobody, 0.5**j, u) for j, u in enumerate(seen, 1)),
            ratio=np.where(nobody, 0.5, state.ratio),
        )
        load, ratio, workers, replicas, choices, full, *levels = (
            np.broadcast_to(x, shape).ravel()
            for x in (
                state.load,
                state.ratio,
                self.replica.servers,
                self.replicas,
                self._compared(),
                self._full(state),
                *state.levels,
            )
        )
        tails = tails_of_waits(
            service,
            workers=workers.astype(int),
            load=load,
            full=full,
            levels=np.stack(levels),
            ratio=ratio,
            replicas=replicas,
            choices=choices,
            shape=shape,
        )
        probability = np.broadcast_to(state.wait.levels[0], shape)[()]
        unit = np.where(state.over, np.inf, np.broadcast_to(service.mean, shape))[()]
        return PhaseWait(probability, unit, np.arange(load.size).reshape(shape)[()], tails)

    def _full(self, state: _State) -> Any:
        """Return the probability that all workers of a replica are busy."""
        load, n, c = np.broadcast_arrays(state.load, self.replicas, self.replica.servers)
        if (c == 1).all():
            return load
        single = self._levels(load, n.astype(float), np.ones(c.shape))[0][0]
        levels = state.levels
        after = levels[1] / levels[0] if len(levels) > 1 else state.ratio
        with np.errstate(divide="ignore", invalid="ignore"):
            # No more than what leaves each share to be found as often as the next, or more so.
            full = levels[0] ** (np.log(load) / np.log(single))
            return np.where(c > 1, np.minimum(full, load * levels[0] / after), load)

    def _shared_response(self, state: _State, work: Distribution) -> Distribution:
        wait, mix = state.wait, self.service
        probability, s = np.asarray(wait.levels[0]), mix.mean
        # So rarely that the square of a wait would lose its digits: never.
        alone = (probability <= 1e-100) & ~state.over
        some = alone | state.over
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            stretch = np.where(some, 1.0, wait.mean / s)
            # The wait varies with the number in front, and with their services.
            number = wait.variance - wait.mean / wait.drain
            variance = np.where(some, 1.0, number / s**2)
            # The size over which the stretch is forgotten.
            forgotten = np.where(some, s, s * (1 + mix.scv) / 2 * stretch / probability)
        share, lows, widths = cells_of_sizes(work)
        sizes = [low + width / 2 for low, width in zip(lows, widths, strict=True)]
        growth = []
        for x in sizes:
            r = np.asarray(x / forgotten)
            growth.append(np.where(r < 1e-4, r * r / 2, r + np.expm1(-r)))
        distribution = SharedResponse(
            share,
            lows,
            widths,
            tuple((stretch * x)[()] for x in sizes),
            tuple((2 * variance * forgotten**2 * g)[()] for g in growth),
        )
        if not some.any():
            return distribution
        weights = (1.0 - some, 1.0 * alone, 1.0 * state.over)
        return Mixture(tuple(w[()] for w in weights), (distribution, work, NEVER))

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
            How often they come on one way, taken as to one replica. [-]

        Returns
        -------
        Distribution
            Distribution of the time of all these visits. [-]
        """
        if not isinstance(self.replica, MGcPS):
            return Pool.distribution_of_response(self, result, work, visits)
        simple = self.replica if self.alone else self._same()
        if simple is not None:
            return simple.distribution_of_response(result, work, visits)
        return self._shared_response(self._state(result.arrival_rate), work)

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        if service == self.service or not isinstance(self.replica, MGcPS):
            return Pool._stream(self, result, rate, service)
        stretch = result.response_time / self.service.mean
        return StreamResult(
            arrival_rate=rate,
            waiting_time=(stretch - 1) * service.mean,
            response_time=stretch * service.mean,
            response=self.distribution_of_response(result, service),
        )


def _is_exponential(service: Distribution) -> bool:
    """Return whether service is exponential, under whatever name."""
    if isinstance(service, Exponential):
        return True
    phases = None if is_symbolic(service.mean) else phases_of(service)
    return phases is not None and phases.initial.size == 1
