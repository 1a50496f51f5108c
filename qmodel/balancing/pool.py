"""A pool: equal replicas behind a balancer, as one station.

What a balancer knows decides where a request goes, and so how long it waits. Every policy
is a `Pool`: it holds the station that one replica is, and their number; the load is the
argument of `solve`, as at any station.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Self

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel.basis import Assumption
from qmodel.distributions import Distribution
from qmodel.queues.base import Station, StationResult, StreamResult

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
        one = self._part(result.arrival_rate)
        return one.station.distribution_of_response(one, work, visits)

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        if service == self.service:
            return Pool._stream(self, result, rate, service)
        one = self._part(result.arrival_rate)
        return replace(one.station._stream(one, rate, service), arrival_rate=rate)
