"""Where requests flow: one pass over the paths, at a load.

A pass counts what comes to each station, by kind of request, service and priority. What a
station loses, a limit turns away or a modelled cache answers follows from the flow that comes
to it. Where such a place stands once on the paths, all that comes to it is known when the pass
meets it, and it is settled at once; where it stands several times, passes are repeated until
its share stays as it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from copy import copy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._xp import is_symbolic
from qmodel.pipeline.fixed_points import Guess
from qmodel.queues.base import Station, StationResult, Stream
from qmodel.queues.streams import mixed_service, so_variable

if TYPE_CHECKING:
    from qmodel.pipeline.plan import Plan
    from qmodel.pipeline.steps.base import Step
    from qmodel.pipeline.steps.call import Call
    from qmodel.pipeline.steps.full_again import InTurn

__all__ = ["FELT", "DryPass", "Flows", "settled"]

FELT = "felt"
_ROUNDS = 200
"""Passes after which shares that still move are taken as not converged."""


class Flows:
    """One pass over all paths.

    `shares` depend on the load: known beforehand, or settled on the way. `scvs` say how
    variable the streams are where requests are lost; others are taken as Poisson.
    """

    in_time = False
    varies = False
    """Whether the load changes."""
    arrivals: Any = None
    """How variable the streams are (`qmodel.pipeline.arrivals`), where it is known."""

    def __init__(
        self,
        plan: Plan,
        rate: Any,
        shares: Mapping[Any, Any],
        scvs: Mapping[Any, Any] = MappingProxyType({}),
    ) -> None:
        self.plan, self.rate, self.shares, self._scvs = plan, rate, dict(shares), dict(scvs)
        self.visits: dict[Any, Any] = {}
        """By station, kind of request, service and priority: how often a request calls."""
        self._calls: dict[str, list[Any]] = {}
        """By station: its keys among the visits."""
        self.tried: dict[str, InTurn] = {}
        """By station: attempts of which others do not feel all."""
        self.inflow: dict[Any, Any] = {}
        self.results: dict[str, StationResult] = {}
        self.held: dict[str, dict[Any, Any]] = {}
        """By station that is held: how often a request calls others meanwhile, by stream."""
        self.holders: dict[str, list[tuple[str, Step, Any]]] = {}
        """By station that is held: kind of request, what is done meanwhile, and its share."""
        self.placed: dict[str, Station] = {}
        self._holding: list[str] = []
        self.converged: Any = True
        self._kind = ""
        self._streams: dict[str, list[Stream]] | None = None
        for kind, (share, root) in plan.kinds.items():
            self._kind = kind
            root.flow(share, self)
        self._streams = {}

    def at(self, rate: Any) -> Flows:
        """Return the same flows of another load, with nothing solved yet."""
        other = copy(self)
        other.rate, other.results, other._streams = rate, {}, {}
        return other

    def call(self, step: Call, share: Any) -> Any:
        """Note a call, and return the share of the requests that the station does not lose."""
        key = (step.name, *stream_of(step, self._kind))
        if key not in self.visits:
            self._calls.setdefault(step.name, []).append(key)
        self.visits[key] = self.visits.get(key, 0) + share
        if self._holding:
            held = self.held[self._holding[-1]]
            held[key] = held.get(key, 0) + share
        if not step.station.loses:
            return share
        if step.name not in self.shares:
            self.shares[step.name] = self.accepted(step.name)
        return share * self.shares[step.name]

    def hold(self, entry: Call, step: Step, share: Any) -> Any:
        """Note a station held during a step, and return the share that goes on."""
        self.call(entry, share)
        self.held.setdefault(entry.name, {})
        self.holders.setdefault(entry.name, []).append((self._kind, step, share))
        self._holding.append(entry.name)
        through = step.flow(share, self)
        self._holding.pop()
        return through

    def station(self, name: str) -> Station:
        """Return a station as it stands in these flows."""
        if name not in self.placed:
            self.placed[name] = self.plan.stations[name].placed(name, self)
        return self.placed[name]

    @property
    def inside(self) -> dict[str, list[str]]:
        """By station that is held: the stations called meanwhile."""
        return {h: list(dict.fromkeys(key[0] for key in c)) for h, c in self.held.items()}

    def keys(self, name: str) -> list[Any]:
        """Return the kind of request, service and priority of each stream of a station."""
        return [key[1:] for key in self._calls.get(name, ())]

    def most(self, name: str) -> Any:
        """Return how many can be at a station at once, as all hold one pool; None if any."""
        total = sum(self.visits[key] for key in self._calls.get(name, ()))
        for holder, calls in self.held.items():
            own = sum(v for key, v in calls.items() if key[0] == name)
            if np.all(np.asarray(own) > 0) and np.all(np.isclose(own, total, rtol=1e-12)):
                return self.plan.stations[holder].servers
        return None

    def depth(self, name: str) -> int:
        """Return how many stations are held, one in the other, where this one is called."""
        outer = [h for h, inside in self.inside.items() if name in inside]
        return max((1 + self.depth(h) for h in outer), default=0)

    def settled(self, step: Step, share: Any) -> Any:
        """Note what flows into a step, and return what the load makes of it."""
        self.note(step, share)
        if (key := step.key) not in self.shares:
            self.shares[key] = self._by_flow(key)
        return self.shares[key]

    def _by_flow(self, key: Any) -> Any:
        step, flow = self.plan.coupled[key], self.rate * self.inflow[key]
        return step.settled(flow, self._scvs.get(key, 1.0))

    def note(self, step: Step, share: Any) -> None:
        """Note what flows into a step."""
        self.inflow[step.key] = self.inflow.get(step.key, 0) + share

    def felt(self, name: str, fresh: Any) -> Any:
        """Return the attempts a second that others at a station feel, if known beforehand."""
        return self.shares.get((FELT, name))

    def note_tried(self, turn: InTurn) -> None:
        """Note attempts at a station of which others do not feel all."""
        self.tried[turn.name] = turn

    def through(self, step: Step, share: Any = 1.0) -> Any:
        """Return the share that a step does not lose of a share of all; None if it loses none.

        The share counts where what is lost depends on the rate.
        """
        dry: Any = DryPass(self, self.rate * share)
        return step.flow(1.0, dry) if self.plan.loses(step) else None

    def accepted(self, name: str) -> Any:
        """Return the share that a station accepts of what has come to it."""
        streams = self.streams(name)
        if name in self._scvs:
            streams = [so_variable(stream, scv=self._scvs[name]) for stream in streams]
        result = self.plan.stations[name].solve(streams)
        self.results[name] = result
        return result.accepted

    def again(self) -> dict[Any, Any]:
        """Return the shares that follow from the flows, of those that were guessed."""
        return {
            key: self.accepted(key) if isinstance(key, str) else self._by_flow(key)
            for key in self.plan.met_twice
        }

    def attempts(self) -> dict[str, Any]:
        """Return the visits of one request to each station, those that nobody feels, too."""
        found = self.by_station()
        for name, turn in self.tried.items():
            found[name] = found[name] / turn.felt * turn.tried
        return found

    def by_station(self) -> dict[str, Any]:
        """Return the visits of one request to each station."""
        total: dict[str, Any] = dict.fromkeys(self.plan.stations, 0)
        for (name, *_), count in self.visits.items():
            total[name] = total[name] + count
        return total

    def streams(self, name: str) -> list[Stream]:
        """Return what comes to a station, most urgent first where it has priorities."""
        if self._streams is None:  # More is still to come.
            return self._all_streams(name)
        if name not in self._streams:
            self._streams[name] = self._all_streams(name)
        return self._streams[name]

    def _all_streams(self, name: str) -> list[Stream]:
        own = [(key[1:], self.visits[key]) for key in self._calls.get(name, ())]
        if not self.plan.stations[name].prioritised:
            return [Stream(self.rate * v, s, kind=k) for (k, s, _), v in own]
        found = []
        for urgency in self.urgencies(name):
            same = [(k, s, v) for (k, s, p), v in own if self.plan.urgency(k, p) == urgency]
            found.append(self._class(self.plan.stations[name].service, same, urgency))
        return found

    def _class(self, service: Any, same: list[Any], urgency: int) -> Stream:
        """Return the stream of all calls of one priority."""
        rates = [self.rate * v for _, _, v in same]
        works = [service if s is None else s for _, s, _ in same]
        alike = all(work is works[0] for work in works)
        mix = works[0] if alike else mixed_service(works, rates)
        own = None if mix is service else mix
        kinds = ", ".join(dict.fromkeys(k for k, _, _ in same))
        return Stream(sum(rates), own, kind=kinds, priority=urgency)

    def urgencies(self, name: str) -> list[int]:
        """Return the priorities that are called for at a station, most urgent first."""
        mine = self._calls.get(name, ())
        return sorted({self.plan.urgency(kind, p) for _, kind, _, p in mine})

    def place(self, call: Call, kind: str) -> int:
        """Return which of the streams of its station a call belongs to."""
        if self.plan.stations[call.name].prioritised:
            return self.urgencies(call.name).index(self.plan.urgency(kind, call.priority))
        mine = [key[1:] for key in self._calls.get(call.name, ())]
        return mine.index(stream_of(call, kind))


class DryPass:
    """A pass that takes note of nothing, with the shares of another."""

    in_time = False
    varies = False

    def __init__(self, flows: Flows, rate: Any) -> None:
        self._flows, self.rate, self.plan = flows, rate, flows.plan

    def felt(self, name: str, fresh: Any) -> Any:
        """Return the attempts a second that others at a station feel, as `Flows` does."""
        return self._flows.felt(name, fresh)

    def note_tried(self, turn: InTurn) -> None:
        """Note nothing."""

    def through(self, step: Step, share: Any = 1.0) -> Any:
        """Return the share of the requests that a step does not lose, as `Flows` does."""
        flows = self._flows
        inner: Any = DryPass(flows, self.rate * share)
        return step.flow(1.0, inner) if flows.plan.loses(step) else None

    def note(self, step: Step, share: Any) -> None:
        """Note nothing."""

    def call(self, step: Call, share: Any) -> Any:
        """Return the share of the requests that a station does not lose."""
        return share * self._flows.shares.get(step.name, 1) if step.station.loses else share

    def hold(self, entry: Call, step: Step, share: Any) -> Any:
        """Return the share that goes on after a step during which a station is held."""
        dry: Any = self
        return step.flow(share, dry)

    def settled(self, step: Step, share: Any) -> Any:
        """Return what the load makes of the requests into a step."""
        return self._flows.shares.get(step.key, step.worst)


def stream_of(call: Call, kind: str) -> tuple[Hashable, ...]:
    """Return what tells the stream of a call from others at its station."""
    return kind, call.service, call.priority


def settled(
    plan: Plan,
    rate: Any,
    given: Mapping[Any, Any],
    scvs: Mapping[Any, Any] = MappingProxyType({}),
) -> Flows:
    """Return the flows at a load, with the shares in `given` and all others settled.

    `scvs` are how variable the streams are where requests are lost.
    """
    guessed = {key: plan.guess(key) for key in plan.met_twice}
    steps = {key: Guess() for key in guessed} if plan.settles_down else {}
    for _ in range(_ROUNDS):
        flows = Flows(plan, rate, {**guessed, **given}, scvs)
        if not guessed:
            return flows
        new = flows.again()
        moved = [_moved(new[key], guessed[key]) for key in guessed]
        if not any(np.any(m) for m in moved):
            return flows
        # Where more failures bring less load, passes oscillate.
        guessed = {k: steps[k].towards(x, guessed[k]) for k, x in new.items()} if steps else new
    flows.converged = ~np.logical_or.reduce(np.broadcast_arrays(*moved))
    return flows


def _moved(new: Any, old: Any) -> Any:
    if is_symbolic(new, old):
        return new != old
    far = np.abs(np.asarray(new) - old) > 1e-12 * np.abs(new)
    return far | (np.isnan(new) != np.isnan(old))
