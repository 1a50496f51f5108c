"""The stations at a load, each solved when it is first asked for."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._xp import is_symbolic
from qmodel.distributions import Distribution
from qmodel.networks.held.inside import together
from qmodel.pipeline.arrivals import Arrivals
from qmodel.queues.approximations.waits_in_a_row import Wait, with_covariances
from qmodel.queues.base import StationResult, StreamResult
from qmodel.queues.streams import so_variable

if TYPE_CHECKING:
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.steps.base import Step
    from qmodel.pipeline.steps.call import Call

__all__ = ["Solved"]


class Stations(Mapping[str, StationResult]):
    """The results of the stations by name, where nothing that is held limits their load."""

    def __init__(self, flows: Flows, at: Solved) -> None:
        self._flows, self._at = flows, at
        self._results = dict(flows.results)

    def __getitem__(self, name: str) -> StationResult:
        if name not in self._results:
            station, streams = self._flows.station(name), self._flows.streams(name)
            scv = self.arrival_scv(name)
            if scv is not None:
                found = self.arrivals.told.get(name, {"scv": scv})
                streams = [so_variable(stream, **found) for stream in streams]
            if batches := self.batches(name):
                keys = self._flows.keys(name)
                streams = [
                    replace(stream, batch=batches.get(key, 1))
                    for key, stream in zip(keys, streams, strict=True)
                ]
            for kind, visits, pause in self.returns(name):
                streams = [
                    replace(s, visits=visits, pause=pause) if s.kind == kind else s
                    for s in streams
                ]
            if alone := self._alone(name):
                self._results[name] = station._solve_streams(streams, alone)
            else:
                self._results[name] = station.solve_at(streams, self._at)
        return self._results[name]

    @cached_property
    def arrivals(self) -> Arrivals:
        """How variable the streams are that come to the stations."""
        return self._flows.arrivals or Arrivals(self._flows)

    def _varies(self) -> bool:
        """Return whether streams may not be Poisson: without load nothing varies."""
        rate = self._flows.rate
        return self._flows.plan.variable and not (isinstance(rate, int) and rate == 0)

    def arrival_scv(self, name: str) -> Any:
        """Return how variable what comes to a station is; None if Poisson or not known."""
        return self.arrivals.scvs.get(name) if self._varies() else None

    def _alone(self, name: str) -> StationResult | None:
        """Return the result of a station behind a Poisson stream, if it has been found."""
        return self.arrivals.alone.get(name) if self._varies() else None

    def batches(self, name: str) -> dict[Any, int]:
        """Return how many requests come at once, by stream; none where all come alone."""
        if self.arrival_scv(name) is None or self._flows.plan.stations[name].prioritised:
            return {}
        return self.arrivals.batches.get(name, {})

    def returns(self, name: str) -> list[tuple[str, Any, Any]]:
        """Return the kinds of request that come back to a station: visits, and pause."""
        plan, station = self._flows.plan, self._flows.station(name)
        if not (self._varies() and plan.revisited and station.variable_arrivals):
            return []
        if self.arrival_scv(name) is None and np.all(np.equal(station.service.scv, 1)):
            return []  # Exponential service forgets who was there.
        found = self.arrivals.returns.items()
        return [(kind, *again) for (place, kind), again in found if place == name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._flows.plan.stations)

    def __len__(self) -> int:
        return len(self._flows.plan.stations)


class Solved:
    """What the time of a request is composed of: stations, and coupled steps.

    `kind` is the kind of request whose path is read.
    """

    def __init__(self, flows: Flows, stations: Any = None) -> None:
        self.flows = flows
        self.stations: Any = Stations(flows, self) if stations is None else stations
        self._arrival_scv = getattr(self.stations, "arrival_scv", None)
        self.found: Mapping[str, StationResult] = {}
        self.held: dict[str, Any] = {}
        self._distributions: dict[Distribution, Distribution] = {}
        self._times: dict[tuple[int, str], Any] = {}
        self.settled: Mapping[Any, Any] = flows.shares
        self.kind = next(iter(flows.plan.kinds))
        self.pause: Any = 0.0
        self.round: Any = None

    def of_kind(self, kind: str) -> Solved:
        """Return the same for another kind of request."""
        other = copy(self)
        other.kind = kind
        return other

    def again_after(self, pause: Any, every: Any = None) -> Solved:
        """Return the same where a request comes back to a station after a mean time.

        The time is `pause`, or what `every` round takes less the time at the station. [s]
        """
        other = self.of_kind(self.kind)
        other.pause, other.round = pause, every
        return other

    def time_of(self, step: Step) -> Any:
        """Return the mean time of a step done once, found once for all who ask. [s]."""
        key = id(step), self.kind
        if key not in self._times:
            self._times[key] = step.outcome(self.again_after(0.0)).time.mean
        return self._times[key]

    def later(self, delay: float) -> Solved:
        """Return what is met by those who come so much later: the same, in a steady state."""
        return self

    def pause_of(self, response: Any, visits: int) -> Any:
        """Return the mean time between visits, of which a round has so many."""
        if self.round is None:
            return self.pause
        left = self.round / visits - response
        return left if is_symbolic(left) else np.maximum(left, 0.0)

    def where(self, found: Mapping[str, StationResult]) -> Solved:
        """Return the same where some stations are as they are found in a part of the path."""
        if not found:
            return self
        other = self.of_kind(self.kind)
        other.stations = ChainMap(dict(found), self.stations)
        other.found = {**self.found, **found}
        other._times = {}
        return other

    def shared(self, distribution: Distribution) -> Distribution:
        """Return one object for all that are equal, whose transform then is known to all."""
        return self._distributions.setdefault(distribution, distribution)

    def wait(self, call: Call) -> Wait | None:
        """Return the wait of a call, where it has one that may depend on others of its path."""
        if self._arrival_scv is None or not self.flows.plan.variable:
            return None
        result, stream = self.stream(call)
        time, station = stream.wait or result.wait, result.station
        if not station.variable_arrivals or time is None or is_symbolic(time.mean):
            return None
        scv = self._arrival_scv(call.name)
        service = station.service.scv
        return Wait(time, result.utilization, 1.0 if scv is None else scv, service)

    def in_a_row(self, waits: Sequence[Any]) -> list[Distribution]:
        """Return the waits of one path as if they were independent."""
        return with_covariances(waits)

    @property
    def as_found(self) -> dict[str, StationResult]:
        """The results of the stations as requests find them, those that hold others, too."""
        flows, found = self.flows, dict(self.stations)
        for name in sorted(found, key=flows.depth) if flows.held else ():
            result = found[name]
            parts, rest = [], 1.0
            for holder, calls in flows.held.items():
                mine = [v for key, v in calls.items() if key[0] == name]
                if not mine:
                    continue
                total: Any = sum(v for key, v in flows.visits.items() if key[0] == name)
                share = sum(mine) / total if np.all(np.asarray(total) > 0) else 1.0
                parts.append((share, found[holder].stations[name]))
                rest = rest - share
            if not parts:
                continue
            if not np.all(np.abs(rest) < 1e-12):
                parts.append((rest, result))
            found[name] = together(*zip(*parts, strict=True))
        return found

    def stream(self, call: Call) -> tuple[StationResult, StreamResult]:
        """Return the result of the station of a call, and that of its stream there."""
        result = self.stations[call.name]
        return result, result.streams[self.flows.place(call, self.kind)]
