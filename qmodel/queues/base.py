"""What every station has in common: it holds what it is, and the load is an argument.

``station.solve(arrival_rate)`` returns the steady state as a frozen `StationResult`. A
station may be loaded by several streams, each with its own rate and service distribution
(``station.solve([Stream(...), Stream(...)])``): reads and writes at a database, page kinds
at a monolith. Means and distributions then come for the mix and for each stream.

Overload is ``inf`` in its cell; it is a state, not an error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from qmodel._checked import checked
from qmodel._fields import Model
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import Assumption
from qmodel.distributions import Distribution, Scaled, Sum, from_mean_scv
from qmodel.errors import ModelError
from qmodel.loads import Load, Renewal
from qmodel.queues.approximations.batch_waits import CALLS_AT_ONCE, met_at_once, wait_of_any
from qmodel.queues.approximations.dispersion import (
    VARIABILITY,
    probability_factor,
    wait_factor,
    where_finite,
)
from qmodel.queues.approximations.fewer_servers import fewer_servers
from qmodel.queues.approximations.return_visits import (
    RETURNS,
    as_if_shared,
    felt,
    lasting,
    together,
)
from qmodel.queues.approximations.time_scales import early_index
from qmodel.queues.results import (
    DISTRIBUTIONS,
    MEANS,
    StationResult,
    StreamResult,
    in_the_limit,
)
from qmodel.queues.streams import Stream, finite_rates, mixed_service, streams_of
from qmodel.queues.waits.bounded import bounded
from qmodel.queues.waits.disturbed import disturbed, shortened

__all__ = [
    "DISTRIBUTIONS",
    "FCFS",
    "MEANS",
    "Station",
    "StationResult",
    "Stream",
    "StreamResult",
]

FCFS = Assumption("fcfs", "requests are served in the order of arrival", "Kendall 1953")


class Station(Model, ABC):
    """A place where requests are served: intrinsic data only."""

    __slots__ = ()

    not_in_paths = ""
    """Why a path cannot call the station, where it cannot."""

    users_only = False
    """Whether a path can call it nevertheless, under a load of users who wait for answers."""

    last_come_first_served = False
    """Whether the newest request goes first, so that in overload most still are in time."""

    loses = False
    """Whether `accepted` may be below 1: arrivals may be lost or give up."""

    prioritised = False
    """Whether some streams are served before others."""

    variable_arrivals = False
    """Whether streams may be more or less variable than Poisson (`Stream.scv`)."""

    losses_follow = False
    """Whether it is known what it loses of streams more or less variable than Poisson."""

    shared_queue: tuple[Count, Value, Value] | None = None
    """Of a pool: servers with one queue, queues like it, and the SCV of what comes to each."""

    poisson_output = False
    """Whether Poisson arrivals leave as a Poisson stream (Burke 1956; Kelly 1979)."""

    general_service: ClassVar[Callable[[Any, Distribution], Station] | None] = None
    """How it becomes the station of general service, where its own is of one kind only."""

    general_arrivals: ClassVar[Callable[[Any, Distribution], Station] | None] = None
    """How it becomes the station of renewal arrivals, where there is one."""

    if TYPE_CHECKING:

        @property
        def servers(self) -> Count:
            """Number of servers. [-]."""

        # An abstract property would become the default value of a field of this name.
        @property
        def service(self) -> Distribution:
            """Distribution of the service time of one request."""

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which it saturates, `inf` if it has a steady state at any. [1/s]."""
        with np.errstate(over="ignore"):
            return self.servers / self.service.mean

    @abstractmethod
    def serving(self, service: Distribution) -> Station:
        """Return this kind of station, as large, with another service distribution."""

    def _of_general_service(self, service: Distribution) -> Station:
        general = type(self).general_service
        if general is None:
            raise ModelError(f"{type(self).__name__} has no form for service {service!r}")
        return general(self, service)

    @abstractmethod
    def _solve(self, arrival_rate: Value) -> StationResult:
        """Return the steady state under one stream."""

    def placed(self, name: str, flows: Any) -> Station:
        """Return the station as it stands in a pipeline; itself, unless others are inside."""
        return self

    def solve_at(self, load: Value | Sequence[Stream], at: Any) -> StationResult:
        """Return the steady state in a pipeline, given its other stations."""
        return self.solve(load)

    def renewal(self, interarrival: Distribution) -> Station:
        """Return the same station where the interarrival times are of this shape.

        Raises `ModelError` if there is no solution for it.
        """
        general = type(self).general_arrivals
        if general is None:
            raise ModelError(f"{type(self).__name__} takes Poisson arrivals, no Renewal load")
        return general(self, interarrival)

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
            How often they come on one way; they find the same queue (the snapshot
            principle of heavy traffic, Reiman 1982), so their waits are equal. [-]

        Returns
        -------
        Distribution
            Distribution of the time of all these visits. [-]
        """
        assert result.wait is not None
        if isinstance(visits, int) and visits == 1:
            return Sum((result.wait, work))
        return Sum((Scaled(result.wait, visits), work))

    @checked
    def solve(self, arrival_rate: Value | Load | Sequence[Stream]) -> StationResult:
        """Return the steady state at a load.

        Parameters
        ----------
        arrival_rate : number, array, Load or sequence of Stream
            Poisson arrivals, >= 0: a rate, or several streams; or another `qmodel.Load`
            that the station takes. [1/s]

        Returns
        -------
        StationResult
            Means, distributions and their basis; ``inf`` in cells of overload. [-]

        Raises
        ------
        DomainError
            If a rate is negative.
        ModelError
            If the station does not take this kind of load.
        """
        if isinstance(arrival_rate, Renewal):
            shape = from_mean_scv(1.0, arrival_rate.scv)
            return self.renewal(shape).solve(arrival_rate.rate)
        return self._solve_streams(streams_of(arrival_rate, type(self).__name__))

    def _solve_streams(
        self, streams: Sequence[Stream], alone: StationResult | None = None
    ) -> StationResult:
        """Return the steady state under streams.

        `alone` is that behind one Poisson stream like all of them, where it has been found.
        """
        distributions = [self.service if s.service is None else s.service for s in streams]
        rates, endless = finite_rates(streams, self.service.mean)
        here = self.serving_all(distributions, rates)
        total = sum(rates)
        if alone is not None and np.array_equal(alone.arrival_rate, total, equal_nan=True):
            result = alone
        else:
            result = here._solve(total)
        if not all(s.plain for s in streams):
            result = self._behind(result, streams, rates)
        if here is self:
            distributions = [here.service] * len(distributions)
        parts = tuple(
            here._stream(result, s.arrival_rate, distribution)
            for s, distribution in zip(streams, distributions, strict=True)
        )
        if any(s.kind for s in streams):
            parts = tuple(replace(x, kind=s.kind) for x, s in zip(parts, streams, strict=True))
        return in_the_limit(replace(result, streams=parts), endless)

    def serving_all(
        self, distributions: Sequence[Distribution], rates: Sequence[Value]
    ) -> Station:
        """Return the station with the service distribution of a mix of streams."""
        if all(distribution == self.service for distribution in distributions):
            return self
        if all(distribution == distributions[0] for distribution in distributions):
            return self.serving(distributions[0])
        return self.serving(mixed_service(distributions, rates))

    def _behind(
        self, result: StationResult, streams: Sequence[Stream], rates: Sequence[Value]
    ) -> StationResult:
        """Return the steady state behind streams that are not Poisson: the waits scaled."""
        if not self.variable_arrivals:
            raise self._refusal()
        total, service = sum(rates), result.station.service
        scv, first, share = self._felt(result, streams, rates)
        again = any(not s.once for s in streams)
        seen = service.scv
        if again:
            seen = np.where(np.isinf(seen), seen, 1 + share * (seen - 1))[()]
        seen = where_finite(seen)
        xp = namespace(scv, total)
        load, servers = result.utilization, result.station.servers
        batches = any(s.batch > 1 for s in streams)
        burst = reduce(np.maximum, (s.burst for s in streams))
        # Gaps may be less regular than what comes over longer times.
        gaps = reduce(np.maximum, (0.0 if s.gap_scv is None else s.gap_scv for s in streams))
        apart = np.greater_equal(gaps, 1)
        fewer = 1.0 if batches else fewer_servers(scv, load, seen, servers, burst, apart)
        factor = wait_factor(scv, load, seen, gaps) * fewer
        if again:
            mean, waits = as_if_shared(result, total, share)
            result = replace(result, waiting_time=mean, wait=waits)
        wait = xp.weigh(factor, result.waiting_time)
        waits = result.wait
        if waits is not None:
            if batches:
                met = met_at_once(result, streams, rates, factor, scv)
                waits = wait_of_any(met, streams, rates)
                wait, result = waits.mean, replace(result, at_once=met)
            elif is_symbolic(total, factor, first):
                waits = shortened(waits, factor, 1)
            else:
                soon = early_index(total, load, scv, service, servers)
                often = probability_factor(first, load, 1 + share * (soon - 1)) * fewer
                if np.any(apart):
                    # Those that wait do so for as long as in heavy traffic.
                    longer = (first + seen) / (1 + seen)
                    often = np.where(apart, factor / np.maximum(longer, 1e-9), often)[()]
                known = streams[0].disturbance, streams[0].disturbance_share
                waits = disturbed(waits, factor, often, *known)
                ended = result.station._ended(waits, streams[0], scv, seen)
                if ended is not waits:
                    wait, waits = ended.mean, ended
        grounds = ((VARIABILITY,) if any(s.scv is not None for s in streams) else ()) + (
            (RETURNS,) if again and np.any(service.scv != 1) else ()
        )
        if result.at_once is not None:
            grounds = (*grounds, CALLS_AT_ONCE)
        return self._slower(result, total, wait, waits, grounds)

    def _refusal(self) -> ModelError:
        """Return what is said of streams that are not Poisson where none is taken."""
        return ModelError(
            f"{type(self).__name__} takes Poisson arrivals, each request once and alone: "
            "no stream with an scv, with visits or with a batch"
        )

    @staticmethod
    def _slower(
        result: StationResult, total: Value, wait: Value, waits: Any, grounds: Any
    ) -> StationResult:
        """Return the steady state with another wait, at a rate of all."""
        slower, service = replace(result, wait=waits), result.station.service
        xp = namespace(total, wait)
        return replace(
            slower,
            waiting_time=wait,
            response_time=wait + service.mean,
            queue_length=xp.weigh(total, wait),
            number_in_system=xp.weigh(total, wait + service.mean),
            response=result.station.distribution_of_response(slower, service),
            number=None,
            basis=result.basis.resting_on(grounds, but="utilization", without="number"),
        )

    def _ended(self, waits: Distribution, stream: Stream, scv: Any, seen: Any) -> Distribution:
        """Return the waits as they are behind bursts that end."""
        service, late = self.service, scv if stream.late_scv is None else stream.late_scv
        # Where work varies, one may wait for any time.
        known = not (isinstance(stream.burst, float) and stream.burst == np.inf)
        ends = np.equal(service.scv, 0) & np.isfinite(stream.burst) if known else False
        if late is scv and not np.any(ends):
            return waits
        with np.errstate(invalid="ignore", divide="ignore"):
            longest: Any = np.inf
            if np.any(ends):
                longest = (stream.burst - 1) * service.mean / self.servers
                longest = np.where(ends, longest, np.inf)[()]
            return bounded(waits, longest, (late + seen) / (scv + seen))

    @staticmethod
    def _felt(result: StationResult, streams: Sequence[Stream], rates: Sequence[Value]) -> Any:
        """Return how variable arrivals are, and at first, and how much service counts."""
        service = result.station.service
        total: Any = sum(rates)
        arriving: Any = 0
        first: Any = 0
        share: Any = 0
        for rate, s in zip(rates, streams, strict=True):
            more, lasts = (s.batch if s.scv is None else s.scv) - 1, 0.0
            soon = more if s.early_scv is None else s.early_scv - 1
            if not s.once:
                unit = service.mean / result.station.servers
                lasts = lasting(s.pause, unit, service.scv, result.utilization)
                more, soon = (x * together(s.visits, lasts) for x in (more, soon))
                share = share + rate * felt(s.visits, lasts, result.utilization)
            else:
                share = share + rate
            arriving, first = arriving + rate * (1 + more), first + rate * (1 + soon)
        xp = namespace(arriving, total)
        return tuple(xp.over(x, total, 1.0) for x in (arriving, first, share))

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        if service == self.service:
            return StreamResult(
                rate, result.waiting_time, result.response_time, result.response
            )
        return StreamResult(
            arrival_rate=rate,
            waiting_time=result.waiting_time,
            response_time=result.waiting_time + service.mean,
            response=self.distribution_of_response(result, service),
        )
