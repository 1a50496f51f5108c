"""The way of a station through time, stretch by stretch."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel.loads import Profile
from qmodel.transients.autoscaler import Autoscaler
from qmodel.transients.evolution import evolve
from qmodel.transients.levels import levels_for
from qmodel.transients.reading import Reading
from qmodel.transients.schedule import Constant, Schedule, Staffing
from qmodel.transients.walk import Walk

__all__ = ["Course", "Stretch", "reach_of"]

_TOLERANCE = 1e-4
"""Error of one step, in probability mass."""

_EDGE = 1e-9
"""Probability of the last level beyond which there must be more of them."""


class _State(NamedTuple):
    """A station at a moment."""

    time: float
    p: np.ndarray
    ready: float
    staff: Staffing


@dataclass(frozen=True, slots=True)
class Stretch:
    """A station through some time."""

    reading: Reading
    end: _State


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
    start : int, optional
        Requests present; by default the steady state of the first rate, or none. [-]
    """

    def __init__(
        self,
        walk: Walk,
        first: Profile,
        reach: float,
        *,
        servers: Schedule | Autoscaler | None = None,
        start: int | None = None,
    ) -> None:
        self.walk, self._reach = walk, reach
        self.levels = levels_for(max(walk.servers, 1.0), reach, walk.room)
        time = float(first.times[0])
        staff = staffing(servers, walk, time)
        ready = staff.servers(time)
        p = self._first(float(first.rates[0]), ready, start)
        self._state = _State(time, p, ready, staff)
        self.kept: list[Reading] = []

    def _first(self, rate: float, servers: float, start: int | None) -> np.ndarray:
        numbers = self.levels.numbers
        most = float(self.walk.completions(servers, servers))
        stable = rate < most or np.isfinite(self.walk.room)
        if start is None and (stable or self.walk.impatience):
            births, deaths = self.walk.births_and_deaths(numbers, rate, servers)
            up, down = self.levels.rates(births, deaths)
            with np.errstate(divide="ignore"):
                logs = np.concatenate([[0.0], np.cumsum(np.log(up[:-1]) - np.log(down[1:]))])
            steady: np.ndarray = np.exp(logs - logs.max())
            return np.asarray(steady / steady.sum())
        p = np.zeros(len(numbers))
        p[int(np.argmin(np.abs(numbers - (start or 0))))] = 1.0
        return p

    def advance(self, load: Profile, times: np.ndarray) -> Stretch:
        """Return the stretch over `times`, of which the first is now."""
        while True:
            stretch, edge = self._tried(load, times)
            if edge <= _EDGE or self.levels.numbers[-1] >= self.walk.room:
                return stretch
            self._widen()

    def keep(self, stretch: Stretch) -> None:
        """Go on from the end of a stretch."""
        self.kept.append(stretch.reading)
        self._state = stretch.end

    def whole(self) -> Reading:
        """Return all stretches that were kept as one."""
        numbers = self.levels.numbers
        parts = [
            (part, 1 if i else 0) for i, part in enumerate(self.kept)
        ]  # each begins where the one before ends

        def joined(name: str) -> np.ndarray:
            return np.concatenate([getattr(part, name)[skip:] for part, skip in parts])

        seen = np.concatenate(
            [_on(numbers, part.numbers, part.seen[skip:]) for part, skip in parts]
        )
        changes = [change for part, _ in parts for change in part.changes]
        return Reading(
            walk=self.walk,
            numbers=numbers,
            times=joined("times"),
            rates=joined("rates"),
            ready=joined("ready"),
            seen=seen,
            changes=changes,
        )

    def _widen(self) -> None:
        self._reach *= 4
        old = self.levels.numbers
        self.levels = levels_for(max(self.walk.servers, 1.0), self._reach, self.walk.room)
        p = _on(self.levels.numbers, old, self._state.p[None])[0]
        self._state = self._state._replace(p=p)

    def _tried(self, load: Profile, times: np.ndarray) -> tuple[Stretch, float]:
        walk, levels = self.walk, self.levels
        now, p, ready, staff = self._state
        staff = deepcopy(staff)
        numbers, edge = levels.numbers, 0.0
        corners = load.times[load.times > now]
        changes = [(now, ready)]
        all_ready, seen = np.empty(len(times)), np.empty((len(times), len(numbers)))
        all_ready[0], seen[0] = ready, p
        step = min(np.diff(times).min(initial=1.0), walk.service_time)

        def rates(time: float) -> tuple[np.ndarray, np.ndarray]:
            rate = float(load.rate(time))
            return levels.rates(*walk.births_and_deaths(numbers, rate, ready))

        for i, until in enumerate(times[1:], 1):
            while now < until:
                later = corners[np.searchsorted(corners, now, side="right") :]
                corner = float(later[0]) if later.size else np.inf
                end = min(float(until), staff.next_change(now), corner)
                for time, new in evolve(rates, p, now, end, tolerance=_TOLERANCE, step=step):
                    staff.observe(time, float(np.minimum(numbers, ready) @ new))
                    step, now, p = max(time - now, 1e-12), time, new
                edge = max(edge, float(p[-1]))
                if (others := staff.servers(now)) != ready:
                    ready = others
                    changes.append((now, ready))
            all_ready[i], seen[i] = ready, p
        reading = Reading(
            walk=walk,
            numbers=numbers,
            times=times,
            rates=np.asarray(load.rate(times)),
            ready=all_ready,
            seen=seen,
            changes=changes,
        )
        return Stretch(reading, _State(now, p, ready, staff)), edge


def _on(numbers: np.ndarray, old: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return probabilities of old levels on others, each at the nearest."""
    if len(old) == len(numbers):
        return seen
    found = np.zeros((len(seen), len(numbers)))
    places = np.abs(numbers[:, None] - old[None, :]).argmin(axis=0)
    for i, place in enumerate(places):
        found[:, place] += seen[:, i]
    return found


def staffing(servers: Schedule | Autoscaler | None, walk: Walk, time: float) -> Staffing:
    """Return what decides on the servers of a station."""
    if isinstance(servers, Autoscaler):
        return servers.begin(walk.servers, time)
    return Constant(walk.servers) if servers is None else servers


def reach_of(walk: Walk, load: Profile, servers: Any = None, start: int | None = None) -> float:
    """Return a number present that is hardly exceeded: a fluid backlog, and its spread."""
    begin, end = load.times[0], load.times[-1]
    grid = np.union1d(np.linspace(begin, end, 4000), load.times)
    rate, staff = load.rate(grid), staffing(servers, walk, begin)
    ready = walk.servers
    backlog = most = float(start or 0)
    for i, step in enumerate(np.diff(grid)):
        ready = staff.servers(grid[i]) if isinstance(servers, Schedule) else ready
        served = float(walk.completions(ready, ready))
        backlog = max(backlog + (rate[i] - served) * step, 0.0)
        if walk.impatience:
            backlog /= 1 + walk.impatience * step
        most = max(most, backlog)
    moved = float(rate.max()) * min(end - begin, 1e4 * walk.service_time)
    present = float(rate.max()) * walk.service_time
    crowd = max(most, min(present, walk.servers)) + walk.servers
    # Levels that are far apart spread more.
    spread = np.sqrt((crowd + moved * max(walk.variability, 1.0)) * max(1.0, most / 300))
    return float(min(crowd + 8 * spread + 60, walk.room))
