r"""A pipeline whose load changes in time: every station, and what a request meets that enters.

Flows go along the paths as functions of time: what leaves a station, with its backlog, is what
comes to the next (`qmodel.transients.station`), so that a crowd which the first station holds
up reaches the second later, and no faster than the first lets it through. Shares that depend on
times, such as that of requests that time out and come again, follow from the latency at each
moment; passes are repeated until they agree. The latency of a request that enters at t is
composed, by the same steps as in a steady state, of what it meets at each station when it gets
there.

**Held pools** are one station each, as fast as their holders let them be. **Arrays**: one
scenario; parameters may not be arrays, but for those that change in time, with a value for each
of the `times`.

References
----------
.. [1] G. F. Newell, "Applications of Queueing Theory", 2nd ed., Chapman and Hall, 1982.
.. [2] R. Bronson, A. Aghayev, A. Charapko, T. Zhu, "Metastable failures in distributed
   systems", HotOS 2021 (crowds that tip).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel.distributions.broadcasting import select
from qmodel.errors import ModelError
from qmodel.loads import Profile
from qmodel.pipeline.dry_in_time import Ahead, DryInTime
from qmodel.pipeline.met_in_time import Met, celled
from qmodel.pipeline.over_time import PipelineOverTime, basis_of
from qmodel.pipeline.places_in_time import Place, by_name, draining, flow_of, station_of
from qmodel.pipeline.refill import Refill
from qmodel.pipeline.steps.base import Outcome, choice
from qmodel.pipeline.steps.call import Call
from qmodel.pipeline.turns_in_time import Turns
from qmodel.queues.delay import Delay
from qmodel.transients.autoscaler import Autoscaler
from qmodel.transients.feed import Feed
from qmodel.transients.over_time import StationOverTime
from qmodel.transients.schedule import Schedule
from qmodel.transients.station import default_times

if TYPE_CHECKING:
    from qmodel.pipeline.plan import Plan
    from qmodel.pipeline.steps.base import Step

__all__ = ["InTime", "over_time"]

_PASSES = 60
_AGREED = 1e-3

_WINDOW = 8
"""Times of a window in which shares and times are made to agree."""


def over_time(
    plan: Plan,
    load: Profile,
    refills: Mapping[Any, Refill] = MappingProxyType({}),
    *,
    times: Any = None,
    servers: Mapping[str, Schedule | Autoscaler] | Schedule | Autoscaler | None = None,
    start: Mapping[str, int] | int | PipelineOverTime | None = None,
) -> PipelineOverTime:
    """Return a pipeline under a load that changes in time (`Pipeline.over_time`)."""
    _check.instance("load", load, Profile)
    names = list(plan.stations)
    staff = by_name("servers", servers, names, (Schedule, Autoscaler))
    for given, what in ((servers, "servers that could change"), (start, "queue to start with")):
        for name in given if isinstance(given, Mapping) else ():
            if isinstance(plan.stations.get(name), Delay):
                raise ModelError(f"{name} is a Delay, and has no {what}")
    earlier = start.ends if isinstance(start, PipelineOverTime) else None
    begin = earlier or by_name("start", start, names, (int, np.integer))
    asked = default_times(load, times)
    # Be the first look when it may, things happen from the first that is known.
    known = [] if start is not None else [load.times[0], *(r.at for r in refills.values())]
    first, last = min([asked[0], *known]), asked[-1]
    closer = [refill.times(first, last) for refill in refills.values()]
    closer += draining(plan.stations, {} if earlier else begin, first)
    grid = np.unique(np.concatenate([[first], default_times(load), asked, *closer]))
    grid = grid[(grid >= first) & (grid <= last)]
    asked = grid if times is None else asked
    return InTime(plan, load, (grid, asked), staff, begin, refills).result()


class InTime:
    """Passes over the paths, with flows that are functions of time.

    Where shares depend on times, time is gone through in windows: in each, passes are repeated
    until they agree, and the next begins where it ends.
    """

    def __init__(
        self,
        plan: Plan,
        load: Profile,
        grid_and_asked: tuple[np.ndarray, np.ndarray],
        servers: Mapping[str, Schedule | Autoscaler],
        start: Mapping[str, Any],
        refills: Mapping[Any, Refill],
    ) -> None:
        self.plan, self.load, self.refills = plan, load, refills
        # Flows are followed on a grid of their own, be there few times or many.
        self.grid, self.asked = grid_and_asked
        self.servers, self.start = servers, start
        mean = float(np.mean(load.rate(self.grid))) or 1.0
        # Who calls and holds what: the same at all loads.
        most = self.plan.max_rate
        _check.numbers("a pipeline over time", most)
        light = min(mean, 0.5 * _least(most))
        self.steady = self.plan.flows(light, dict.fromkeys(self.plan.timed, 0.0))
        self.shares: dict[Any, Any] = {}
        self.over: dict[str, StationOverTime] = {}
        self.met: dict[str, np.ndarray] = {}
        self.places: dict[str, Place] = {}
        self.sources: dict[str, str] = {}
        self._single = not (plan.revisited or plan.timed or plan.met_twice or refills)
        self._done: dict[str, np.ndarray] = {}
        self._before: dict[str, Any] = {}
        self._tried: dict[str, np.ndarray] = {}
        self.inflow: dict[Any, Any] = {}
        self._turns = turn = Turns(plan, self.grid)
        self.note_tried, self.felt = turn.note, turn.felt
        self.ahead = Ahead(plan)
        # What is let through by what looks at flows only, one pass before.
        self._known: dict[Any, np.ndarray] = {}

    # What steps ask of a pass: the share of it that comes is a flow here.

    rate = 1.0
    in_time = True
    varies = True

    def in_turn(
        self, key: Any, share: Any, again: Any, pauses: Sequence[float], wait: float
    ) -> Any:
        """Return all attempts of what comes: each comes so long after the one that failed."""
        total = self._turns.attempts(key, self.times, share, again, pauses, wait)
        return flow_of(total, getattr(share, "age", 0.0))

    def note(self, step: Step, share: Any) -> None:
        """Note what flows into a step [1/s]."""
        self.inflow[step.key] = self.inflow.get(step.key, 0) + np.asarray(share)

    def call(self, step: Call, share: Any) -> Any:
        """Note what comes to a station, and return what leaves it."""
        return self._through(step.name, share)

    def hold(self, entry: Call, step: Step, share: Any) -> Any:
        """Note what comes to a pool, and return what leaves it; what is inside is in it."""
        left = self._through(entry.name, share)
        through = self.through(step, share)
        return left if through is None else left * through

    def settled(self, step: Step, share: Any) -> Any:
        """Return the share that a step makes of what comes to it."""
        key = step.key
        if key in self.plan.timed:
            return self.shares[key]
        self.note(step, share)
        if self._over is not None and key in self.refills:
            self._settled[key] = self._ratios[key]
            return self._ratios[key]
        flow = np.maximum(self.inflow[key], 0.0)
        found = np.broadcast_to(step.settled(flow), self.times.shape)
        if key in self.refills:
            # A cache that is asked several times fills with what all of them ask for.
            asked = self._asked.get(key, flow)
            found = self.refills[key].hit_ratio(self.times, asked, found)
        self._settled[key] = found
        return found

    def through(self, step: Step, share: Any = 1.0) -> Any:
        """Return the share of a flow that a step does not lose; None if it loses none."""
        dry: Any = DryInTime(self, np.asarray(share))
        return step.flow(1.0, dry) if self.plan.loses(step) else None

    def _through(self, name: str, share: Any) -> Any:
        flow = np.maximum(np.broadcast_to(np.asarray(share), self.times.shape), 0.0)
        total = self._into.get(name, 0) + flow
        self._into[name] = total
        if self.plan.revisited and name in self._before:
            total = self._before[name]
        age = np.broadcast_to(getattr(share, "age", 0.0), self.times.shape)
        self.met.setdefault(name, age)
        over = self._station(name, total, share)
        with np.errstate(invalid="ignore", divide="ignore"):
            own = np.where(total > 0, flow / total, 1.0)
        # What hardly waits there depends on what it did before.
        passed = over.passes_on() and getattr(share, "source", None)
        return flow_of(own * over.throughput, age + over.response_time, passed or name)

    def _fed(self, name: str, flow: Any, total: np.ndarray) -> Feed | None:
        """Return the station that feeds another with a flow, where they depend on each other.

        Where passes are repeated, the next is fed by the mean.
        """
        source = getattr(flow, "source", None)
        if source is None or not self._single:
            return None
        self.sources[name] = source
        return self.places[source].feeds(flow, total)

    def _station(self, name: str, total: np.ndarray, flow: Any) -> StationOverTime:
        if self._over is not None:
            return self._over[name]
        known = self._tried.get(name)
        if known is not None and np.abs(total - known).max() <= 1e-4 * (known.max() + 1e-300):
            return self.over[name]
        if name not in self.places:
            own = self.servers.get(name), self.start.get(name)
            self.places[name] = Place(station_of(self.steady, name), *own)
        known = np.concatenate([self._done.get(name, total[:0]), total])
        history = Profile(self.grid[: len(known)], known)
        whole = len(self.times) == len(self.grid)
        feed = self._fed(name, flow, total)
        self.over[name] = self.places[name].advance(history, self.times, whole, feed)
        self._tried[name] = total
        return self.over[name]

    # Passes.

    def _pass(self) -> np.ndarray:
        self.coming = np.asarray(self.load.rate(self.times))
        self._into: dict[str, Any] = {}
        self._turns.begin_pass()
        self._asked = {key: np.maximum(x, 0.0) for key, x in self.inflow.items()}
        self.inflow = {}
        self._settled: dict[Any, Any] = {}
        self.met = {}
        left = np.zeros(len(self.times))
        for share, root in self.plan.kinds.values():
            here: Any = self
            left = left + np.asarray(root.flow(flow_of(share * self.coming, 0.0), here))
        return left

    def _agree(self) -> None:
        """Repeat passes over a window until flows and shares stay as they are."""
        self._before, self._tried, self._known, self.inflow = {}, {}, {}, {}
        self.ahead.begin()
        for _ in range(1 if self._single else _PASSES):
            lost_at = dict(self._tried)
            self._pass()
            # What is tried again is so by the losses at the loads of the pass before.
            looked = [self._before] + [lost_at] * bool(self.plan.met_twice)
            moved = [
                np.abs(total - known.get(name, 0.0)).max() > _AGREED * total.max()
                for name, total in self._into.items()
                for known in looked
            ]
            moved += [
                np.abs(self._settled[k] - self._known.get(k, 2.0)).max() > _AGREED
                for k in self.plan.met_twice
                if k in self._settled
            ]
            self._before, self._known = dict(self._into), self._settled
            new = self._new_shares()
            moved += [np.abs(new[k] - self.shares[k]).max() > _AGREED for k in new]
            moved.append(self.ahead.moved(self.over) > _AGREED)
            self.shares.update(new)
            self._turns.learn(Met(self))
            if not any(moved):
                return

    def _windows(self) -> list[tuple[int, int]]:
        size = len(self.grid)
        if not self.plan.timed:
            return [(0, size)]
        # Each begins with the last time of the one before.
        cuts = [*range(0, size - 1, _WINDOW), size - 1]
        return [(low, high + 1) for low, high in itertools.pairwise(cuts)]

    def result(self) -> PipelineOverTime:
        """Go through time, and read off what a request meets."""
        self._over = None
        by_flow = {key for key in self.plan.met_twice if key in self.plan.coupled}
        kept: dict[Any, list[np.ndarray]] = {
            key: [] for key in (*self.plan.timed, *self.refills, *by_flow)
        }
        for low, high in self._windows():
            self.times = self.grid[low:high]
            for key in self.plan.timed:
                last = kept[key][-1][-1] if kept[key] else 0.0
                self.shares[key] = np.full(high - low, last)
            self._turns.begin(high - low)
            self._agree()
            for refill in self.refills.values():
                refill.keep()
            self._turns.keep()
            later = 1 if low else 0
            for name, total in self._into.items():
                self.places[name].keep()
                # The last time comes again, first in the next window.
                done = self._done.get(name, total[:0])
                self._done[name] = np.concatenate([done, total[:-1]])
            for key, parts in kept.items():
                found = self.shares if key in self.plan.timed else self._settled
                parts.append(found[key][later:])
        self._before = {
            name: np.concatenate([self._done[name], total[-1:]])
            for name, total in self._into.items()
        }
        self.times = self.grid
        whole = {key: np.concatenate(parts) for key, parts in kept.items()}
        self._known = {key: whole[key] for key in by_flow}
        self._ratios = {key: whole[key] for key in self.refills}
        self.shares = {key: whole[key] for key in self.plan.timed}
        if self.plan.timed:
            self.over = {name: place.over(self.grid) for name, place in self.places.items()}
        self._over = self.over
        self._turns.whole()
        self.ahead.begin()
        left = self._pass()
        return self._result(left)

    def _result(self, left: np.ndarray) -> PipelineOverTime:
        outcome = self._outcome()
        shape = self.times.shape
        at = np.searchsorted(self.times, self.asked)
        courses = {n: place.course for n, place in self.places.items() if place.course}
        accepted, rejected, abandoned = (
            np.broadcast_to(np.asarray(x, dtype=float), shape)[at] for x in outcome[:3]
        )
        return PipelineOverTime(
            times=self.asked,
            arrival_rate=self.coming[at],
            goodput=left[at],
            latency=select(celled(outcome.time, shape), shape, at),
            accepted=accepted,
            rejected=rejected,
            abandoned=abandoned,
            stations={n: x.at(at) for n, x in self._turns.restated(self.over).items()},
            shares={key: share[at] for key, share in (self.shares | self._ratios).items()},
            ends={name: course.end for name, course in courses.items()},
            unsettled=max((course.unsettled() for course in courses.values()), default=0.0),
            basis=basis_of(self.over),
        )

    def _new_shares(self) -> dict[Any, Any]:
        at = Met(self)
        return {
            key: np.broadcast_to(
                self.plan.coupled[key].settled_in(at.of_kind(self.plan.kind_of[key])),
                self.times.shape,
            )
            for key in self.plan.timed
        }

    def _outcome(self) -> Outcome:
        at = Met(self)
        found = [root.outcome(at.of_kind(kind)) for kind, (_, root) in self.plan.kinds.items()]
        if len(found) == 1:
            return found[0]
        return choice([share for share, _ in self.plan.kinds.values()], found)


def _least(rate: Any) -> float:
    least = float(np.min(rate))
    return least if np.isfinite(least) else 1e300
