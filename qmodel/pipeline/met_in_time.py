"""What a request that enters at each time meets, as the steps of a path ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.basis import Basis
from qmodel.distributions import Distribution, Scaled, Sum
from qmodel.distributions.broadcasting import select, shape_of
from qmodel.networks.held.pool import HeldPool
from qmodel.networks.held.result import HeldResult, View
from qmodel.pipeline.flows import stream_of
from qmodel.pipeline.over_time import FLOWS_IN_TIME
from qmodel.pipeline.rows_in_time import in_a_row
from qmodel.pipeline.solved import Solved
from qmodel.pipeline.waits_in_time import WaitInTime
from qmodel.queues.base import DISTRIBUTIONS, MEANS, StationResult, StreamResult

if TYPE_CHECKING:
    from qmodel.pipeline.in_time import InTime
    from qmodel.pipeline.steps.call import Call

__all__ = ["Met", "celled"]


def celled(distribution: Distribution, shape: tuple[int, ...]) -> Distribution:
    """Return a distribution with a cell for each time."""
    return (
        distribution
        if shape_of(distribution) == shape
        else Scaled(distribution, np.ones(shape))
    )


class Met(Solved):
    """What a request that enters at each time meets, as the steps of a path ask for it."""

    def __init__(self, of: InTime, after: Any = 0.0) -> None:
        flows: Any = of
        pools: Any = _Pools(results := _Results(of, after))
        super().__init__(flows, results)
        self.found, self._after = pools, after
        self.settled = {**of._settled, **of.shares}
        if np.any(after):
            self.settled = {
                key: np.interp(of.times + after, of.times, np.broadcast_to(x, of.times.shape))
                for key, x in self.settled.items()
            }

    def later(self, delay: Any) -> Solved:
        """Return what is met by those who enter so much later."""
        if not np.any(delay):
            return self
        return Met(self.flows, self._after + delay).of_kind(self.kind)  # type: ignore[arg-type]

    def where(self, found: Mapping[str, StationResult]) -> Solved:
        """Return the same: what is inside a pool is in it."""
        return self

    def wait(self, call: Call) -> Any:
        """Return the wait of a call, where it depends on others of its path."""
        of: Any = self.flows
        over, results = of.over.get(call.name), self.stations
        if of._over is None or over is None or over.spread is None or over.wait is None:
            return None
        every = of.steady.visits
        here = (call.name, *stream_of(call, self.kind))
        return WaitInTime(
            name=call.name,
            source=of.sources.get(call.name),
            behind=of.places[call.name].behind,
            station=over,
            time=results[call.name].wait,
            times=of.times,
            comes=results.comes(call.name),
            visits=float(every[here]),
            passes=float(sum(v for key, v in every.items() if key[0] == call.name)),
        )

    def in_a_row(self, waits: Sequence[Any]) -> list[Distribution]:
        """Return the waits of one path as if they were independent, of some together."""
        return in_a_row(waits)

    def stream(self, call: Call) -> tuple[StationResult, StreamResult]:
        """Return what a call meets."""
        result = self.stations[call.name]
        work = result.station.service if call.service is None else call.service
        response = result.response
        if call.service is not None and result.wait is not None:
            response = Sum((result.wait, work))
        return result, StreamResult(
            arrival_rate=result.arrival_rate,
            waiting_time=result.waiting_time,
            response_time=result.waiting_time + work.mean,
            response=response,
            wait=result.wait,
        )


class _Pools:
    """What requests find at pools: those inside another one are in that."""

    def __init__(self, stations: _Results) -> None:
        self._stations = stations

    def __contains__(self, name: str) -> bool:
        return True

    def __getitem__(self, name: str) -> Any:
        inside = name not in self._stations.of.over
        none = SimpleNamespace(views=(View(1.0, None, {}),))
        return none if inside else self._stations[name]


class _Results(dict[str, StationResult]):
    """The results of the stations, as requests that enter at each time meet them."""

    def __init__(self, of: InTime, after: Any = 0.0) -> None:
        super().__init__()
        self.of, self._after = of, after

    def comes(self, name: str) -> np.ndarray:
        """Return when those who enter at each time come to a station."""
        # Who enters at t comes here at the time u with t = u - age(u).
        times = self.of.times
        entered = np.maximum.accumulate(times - self.of.met[name])
        found: np.ndarray = np.interp(times + self._after, entered, times)
        return found

    def __missing__(self, name: str) -> StationResult:
        of = self.of
        if name not in of.over:  # inside a pool
            found = of.steady.station(name).solve(0.0)
            self[name] = found
            return found
        over, times, comes = of.over[name], of.times, self.comes(name)
        at = np.rint(np.interp(comes, times, np.arange(len(times)))).astype(int)

        def here(values: Any) -> Any:
            return np.interp(comes, times, values)

        shape = times.shape
        wait = None if over.wait is None else select(celled(over.wait, shape), shape, at)
        response = select(celled(over.response, shape), shape, at)
        common: dict[str, Any] = {
            "arrival_rate": here(over.arrival_rate),
            "utilization": np.nan_to_num(here(over.utilization)),
            "waiting_time": here(over.waiting_time),
            "response_time": here(over.response_time),
            "queue_length": here(over.queue_length),
            "number_in_system": here(over.number_in_system),
            "wait": wait,
            "response": response,
            "basis": Basis(dict.fromkeys((*MEANS, *DISTRIBUTIONS), (FLOWS_IN_TIME,))),
            "station": over.station,
            "loss": here(over.rejected),
            "abandonment": here(over.abandoned),
        }
        if isinstance(over.station, HeldPool):
            alone = over.station.service.mean
            slower = np.maximum((common["response_time"] - common["waiting_time"]) / alone, 1.0)
            assert wait is not None
            view = View(1.0, Scaled(wait, 1 / slower), {}, slower)
            self[name] = HeldResult(
                **common,
                holding_time=common["response_time"] - common["waiting_time"],
                holders=here(over.busy),
                stations={},
                views=(view,),
            )
        else:
            self[name] = StationResult(**common)
        return self[name]
