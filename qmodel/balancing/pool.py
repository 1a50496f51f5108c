"""A pool: equal replicas behind a balancer, as one station.

What a balancer knows decides where a request goes, and so how long it waits. Every policy
is a `Pool`: it holds the station that one replica is, and their number; the load is the
argument of `solve`, as at any station.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.basis import Assumption
from qmodel.distributions import Distribution
from qmodel.queues.approximations.dispersion import (
    VARIABILITY,
    probability_factor,
    wait_factor,
)
from qmodel.queues.base import Station, StationResult, Stream, StreamResult
from qmodel.queues.waits.disturbed import disturbed

__all__ = ["Pool", "SplitPool"]


@dataclass(frozen=True, slots=True, eq=False)
class Pool(Station):
    """Equal replicas behind a balancer.

    Parameters
    ----------
    replica : Station
        What one replica is, with its own workers and service distribution. [-]
    replicas : int or integer array
        Their number, >= 1. [-]

    Raises
    ------
    DomainError
        If `replicas` is not a whole number >= 1.
    ModelError
        If `replica` is not a station.
    """

    replica: Station
    replicas: Count = parameter("replicas", symbol="N", check=partial(_check.count, most=10**9))

    @property
    def not_in_paths(self) -> str:  # type: ignore[override]
        """Why a path cannot call the pool: because it cannot call the replica."""
        return self.replica.not_in_paths

    @property
    def loses(self) -> bool:  # type: ignore[override]
        """Whether the replicas lose requests."""
        return self.replica.loses

    @property
    def service(self) -> Distribution:
        """Distribution of the service time of one request. [-]."""
        return self.replica.service

    @property
    def servers(self) -> Count:
        """Workers of all replicas together. [-]."""
        return self.replica.servers * self.replicas

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which all replicas are busy. [1/s]."""
        return self.replica.max_rate * self.replicas

    @property
    def shared_queue(self) -> tuple[Count, Value, Value] | None:  # type: ignore[override]
        """Workers with one queue, queues like it, and the SCV of what comes to each. [-]."""
        known = self.replica.variable_arrivals and not self.replica.loses
        return self._shared_queue() if known else None

    def _shared_queue(self) -> tuple[Count, Value, Value]:
        # Who looks at the queues makes one of them, or nearly so.
        return self.servers, 1, 1.0

    def _behind(
        self, result: StationResult, streams: Sequence[Stream], rates: Sequence[Value]
    ) -> StationResult:
        if self.shared_queue is None or not all(s.once and s.batch == 1 for s in streams):
            return Station._behind(self, result, streams, rates)
        _, queues, own = self.shared_queue
        load, varied = result.utilization, result.station.service.scv
        scv, first = (
            np.maximum(own + (x - 1) / queues, 0.0)
            for x in self._felt(result, streams, rates)[:2]
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            factor, often = (
                of(x, load, varied) / of(own, load, varied)
                for of, x in ((wait_factor, scv), (probability_factor, first))
            )
        total: Any = sum(rates)
        waits = None if result.wait is None else disturbed(result.wait, factor, often)
        wait = namespace(total).weigh(factor, result.waiting_time)
        return self._slower(result, total, wait, waits, (VARIABILITY,))

    @property
    def alone(self) -> bool:
        """Whether there is one replica, with nothing to balance. [-]."""
        return isinstance(self.replicas, int) and self.replicas == 1

    @checked
    def serving(self, service: Distribution) -> Self:
        """Return as many replicas with another service distribution."""
        return replace(self, replica=self.replica.serving(service))

    @abstractmethod
    def _solve(self, arrival_rate: Value) -> StationResult:
        """Return the steady state under one stream."""


class SplitPool(Pool):
    """A pool where each replica is a station with its own, equal part of the stream.

    So it is wherever the balancer does not look at the state of the replicas. Waits and
    responses are those at one replica; the numbers present are those of all.
    """

    __slots__ = ()

    policy: ClassVar[Assumption]
    """What the balancer does."""

    @abstractmethod
    def _part(self, arrival_rate: Value) -> StationResult:
        """Return the state of one replica while `arrival_rate` [1/s] comes to the pool."""

    def _shared_queue(self) -> tuple[Count, Value, Value]:
        return self.replica.servers, self.replicas, 1.0

    def _one(self, result: StationResult) -> StationResult:
        """Return the state of one replica."""
        one = self._part(result.arrival_rate)
        if self.shared_queue is None:
            return one
        # Behind streams that are not Poisson the waits are others.
        return replace(one, wait=result.wait, waiting_time=result.waiting_time)

    def _solve(self, arrival_rate: Value) -> StationResult:
        one = self._part(arrival_rate)
        without = "" if self.alone else "number"
        return replace(
            one,
            arrival_rate=arrival_rate,
            queue_length=one.queue_length * self.replicas,
            number_in_system=one.number_in_system * self.replicas,
            number=one.number if self.alone else None,
            station=self,
            basis=one.basis.resting_on((self.policy,), without=without),
        )

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
            How often they come on one way, taken as to one replica. [-]

        Returns
        -------
        Distribution
            Distribution of the time of all these visits. [-]
        """
        one = self._one(result)
        return one.station.distribution_of_response(one, work, visits)

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        if service == self.service:
            return Pool._stream(self, result, rate, service)
        one = self._one(result)
        return replace(one.station._stream(one, rate, service), arrival_rate=rate)
