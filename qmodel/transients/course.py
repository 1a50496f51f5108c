"""The way of a station through time, stretch by stretch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel.loads import Profile
from qmodel.transients.autoscaler import Autoscaler
from qmodel.transients.feed import Feed
from qmodel.transients.levels import levels_for, on_levels
from qmodel.transients.reading import Reading, joined
from qmodel.transients.schedule import Constant, Schedule, Staffing
from qmodel.transients.walk import Walk
from qmodel.transients.ways import Way, Ways

__all__ = ["Course", "State", "Stretch", "reach_of"]

_EDGE = 1e-9
"""Probability of the last level beyond which there must be more of them."""


class State(NamedTuple):
    """A station at a moment, from which one can go on."""

    time: float
    numbers: np.ndarray
    ways: tuple[Way, ...]

    @property
    def most(self) -> float:
        """The greatest number that may be present. [-]."""
        p = sum(way.weight * way.p for way in self.ways)
        return float(self.numbers[np.asarray(p) > _EDGE].max(initial=0.0))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A station through some time."""

    reading: Reading
    end: State


class Course:
    """A station on its way; a stretch is tried as often as wanted, then kept.

    Parameters
    ----------
    walk : Walk
        The station. [-]
    first : Profile
        What comes at first. [1/s]
    reach : float
        A number present that is hardly exceeded. [-]
    servers : Schedule or Autoscaler, optional
        How the number of servers changes; by default it does not. [-]
    start : int or State, optional
        Requests present, or where an earlier course ended; by default the steady state of the
        first rate, or none. [-]
    """

    def __init__(
        self,
        walk: Walk,
        first: Profile,
        reach: float,
        *,
        servers: Schedule | Autoscaler | None = None,
        start: int | State | None = None,
    ) -> None:
        self.walk, self._reach = walk, reach
        self.levels = levels_for(max(walk.servers, 1.0), reach, walk.room)
        time = float(first.times[0])
        numbers = self.levels.numbers
        if isinstance(start, State):
            ways = _moved(start, numbers)
        else:
            staff = staffing(servers, walk, time)
            ready = staff.servers(time)
            steady = self._steady(float(first.rates[0]), ready) if start is None else None
            p = on_levels(numbers, np.array([float(start or 0)]), np.ones((1, 1)))[0]
            p = p if steady is None else steady
            ways = (Way((), 1.0, p, ready, staff),)
        self.end = State(time, numbers, ways)
        self.kept: list[Reading] = []

    def _steady(self, rate: float, servers: float) -> np.ndarray | None:
        """Return the steady state of a rate, None if there is none."""
        most = float(self.walk.completions(servers, servers))
        if not (rate < most or np.isfinite(self.walk.room) or self.walk.impatience):
            return None
        births, deaths = self.walk.births_and_deaths(self.levels.numbers, rate, servers)
        up, down = self.levels.rates(births, deaths, moving=False)
        with np.errstate(divide="ignore"):
            logs = np.concatenate([[0.0], np.cumsum(np.log(up[:-1]) - np.log(down[1:]))])
        steady: np.ndarray = np.exp(logs - logs.max())
        return np.asarray(steady / steady.sum())

    def unsettled(self) -> float:
        """Return how far the end is from the steady state of its load, in probability [-]."""
        rate, found = float(self.kept[-1].rates[-1]), 0.0
        for way in self.end.ways:
            steady = self._steady(rate, way.ready)
            off = 1.0 if steady is None else float(np.abs(way.p - steady).sum() / 2)
            found += way.weight * off
        return found

    def advance(self, load: Profile, times: np.ndarray, feed: Feed | None = None) -> Stretch:
        """Return the stretch over `times`, of which the first is now."""
        while True:
            stretch, edge = self._tried(load, times, feed)
            if edge <= _EDGE or self.levels.numbers[-1] >= self.walk.room:
                return stretch
            self._widen()

    def keep(self, stretch: Stretch) -> None:
        """Go on from the end of a stretch."""
        self.kept.append(stretch.reading)
        self.end = stretch.end

    def whole(self) -> Reading:
        """Return all stretches that were kept as one."""
        return joined(self.kept, self.levels.numbers)

    def _widen(self) -> None:
        self._reach *= 4
        self.levels = levels_for(max(self.walk.servers, 1.0), self._reach, self.walk.room)
        numbers = self.levels.numbers
        self.end = State(self.end.time, numbers, _moved(self.end, numbers))

    def _tried(
        self, load: Profile, times: np.ndarray, feed: Feed | None
    ) -> tuple[Stretch, float]:
        numbers, now, edge = self.levels.numbers, self.end.time, 0.0
        ways = Ways(self.walk, self.levels, load, self.end.ways, times, feed)
        ways.note(0, now)
        for i, until in enumerate(times[1:], 1):
            while now < until:
                now = ways.go_on(now, float(until))
                edge = max(edge, ways.edge)
            ways.note(i, now)
        reading = Reading(
            walk=self.walk,
            numbers=numbers,
            times=times,
            rates=np.asarray(load.rate(times)),
            strands=ways.strands,
        )
        return Stretch(reading, State(now, numbers, ways.ends)), edge


def _moved(state: State, numbers: np.ndarray) -> tuple[Way, ...]:
    return tuple(
        way._replace(p=on_levels(numbers, state.numbers, way.p[None])[0]) for way in state.ways
    )


def staffing(servers: Schedule | Autoscaler | None, walk: Walk, time: float) -> Staffing:
    """Return what decides on the servers of a station."""
    if isinstance(servers, Autoscaler):
        return servers.begin(walk.servers, time)
    return Constant(walk.servers) if servers is None else servers


def reach_of(
    walk: Walk, load: Profile, servers: Any = None, start: int | State | None = None
) -> float:
    """Return a number present that is hardly exceeded: a fluid backlog, and its spread."""
    begin, end = load.times[0], load.times[-1]
    grid = np.union1d(np.linspace(begin, end, 4000), load.times)
    rate, staff = load.rate(grid), staffing(servers, walk, begin)
    ready, known = walk.servers, -1.0
    backlog = most = start.most if isinstance(start, State) else float(start or 0)
    for time, comes, step in zip(
        *(x.tolist() for x in (grid, rate, np.diff(grid))), strict=False
    ):
        ready = staff.servers(time) if isinstance(servers, Schedule) else ready
        if ready != known:
            served, known = float(walk.completions(ready, ready)), ready
        backlog = max(backlog + (comes - served) * step, 0.0)
        if walk.impatience:
            backlog /= 1 + walk.impatience * step
        most = max(most, backlog)
    moved = float(rate.max()) * min(end - begin, 1e4 * walk.service_time)
    present = float(rate.max()) * walk.service_time
    crowd = max(most, min(present, walk.servers)) + walk.servers
    # Levels that are far apart spread more.
    spread = np.sqrt((crowd + moved * max(walk.variability, 1.0)) * max(1.0, most / 300))
    return float(min(crowd + 8 * spread + 60, walk.room))
