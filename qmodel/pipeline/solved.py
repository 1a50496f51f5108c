"""The stations at a load, each solved when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qmodel.pipeline.arrivals import Arrivals
from qmodel.queues.base import StationResult, StreamResult

if TYPE_CHECKING:
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.steps.call import Call

__all__ = ["Solved"]


class Stations(Mapping[str, StationResult]):
    """The results of the stations by name."""

    def __init__(self, flows: Flows) -> None:
        self._flows = flows
        self._results = dict(flows.results)

    def __getitem__(self, name: str) -> StationResult:
        if name not in self._results:
            station, streams = self._flows.plan.stations[name], self._flows.streams(name)
            if self._flows.plan.variable and name in self.arrivals.scvs:
                scv = self.arrivals.scvs[name]
                streams = [replace(stream, scv=scv) for stream in streams]
            self._results[name] = station.solve(streams)
        return self._results[name]

    @cached_property
    def arrivals(self) -> Arrivals:
        """How variable the streams are that come to the stations."""
        return Arrivals(self._flows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._flows.plan.stations)

    def __len__(self) -> int:
        return len(self._flows.plan.stations)


class Solved:
    """What the time of a request is composed of: stations, and what the load decides.

    `kind` is the kind of request whose path is read.
    """

    def __init__(self, flows: Flows) -> None:
        self.flows = flows
        self.stations = Stations(flows)
        self.settled: Mapping[Any, Any] = flows.shares
        self.kind = next(iter(flows.plan.kinds))

    def of_kind(self, kind: str) -> Solved:
        """Return the same for another kind of request."""
        other = object.__new__(Solved)
        other.flows, other.stations, other.settled = self.flows, self.stations, self.settled
        other.kind = kind
        return other

    def stream(self, call: Call) -> tuple[StationResult, StreamResult]:
        """Return the result of the station of a call, and that of its stream there."""
        result = self.stations[call.name]
        return result, result.streams[self.flows.place(call, self.kind)]
