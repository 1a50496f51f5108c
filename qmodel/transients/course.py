"""The way of a station through time, stretch by stretch."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel.loads import Profile
from qmodel.transients.autoscaler import Autoscaler
from qmodel.transients.band import band_of
from qmodel.transients.evolution import evolve
from qmodel.transients.levels import levels_for
from qmodel.transients.reading import Reading
from qmodel.transients.schedule import Constant, Schedule, Staffing
from qmodel.transients.walk import Walk

__all__ = ["Course", "State", "Stretch", "reach_of"]

_TOLERANCE = 1e-4
"""Error of one step, in probability mass."""

_EDGE = 1e-9
"""Probability of the last level beyond which there must be more of them."""


class State(NamedTuple):
    """A station at a moment, from which one can go on."""

    time: float
    numbers: np.ndarray
    p: np.ndarray
    ready: float
    staff: Staffing

    @property
    def most(self) -> float:
        """The greatest number that may be present. [-]."""
        return float(self.numbers[self.p > _EDGE].max(initial=0.0))


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
            p = _on(numbers, start.numbers, start.p[None])[0]
            ready, staff = start.ready, start.staff
        else:
            staff = staffing(servers, walk, time)
            ready = staff.servers(time)
            steady = self._steady(float(first.rates[0]), ready) if start is None else None
            p = _on(numbers, np.array([float(start or 0)]), np.ones((1, 1)))[0]
            p = p if steady is None else steady
        self.end = State(time, numbers, p, ready, staff)
        self.kept: list[Reading] = []

    def _steady(self, rate: float, servers: float) -> np.ndarray | None:
        """Return the steady state of a rate, None if there is none."""
        most = float(self.walk.completions(servers, servers))
        if not (rate < most or np.isfinite(self.walk.room) or self.walk.impatience):
            return None
        births, deaths = self.walk.births_and_deaths(self.levels.numbers, rate, servers)
        up, down = self.levels.rates(births, deaths)
        with np.errstate(divide="ignore"):
            logs = np.concatenate([[0.0], np.cumsum(np.log(up[:-1]) - np.log(down[1:]))])
        steady: np.ndarray = np.exp(logs - logs.max())
        return np.asarray(steady / steady.sum())

    def unsettled(self) -> float:
        """Return how far the end is from the steady state of its load, in probability [-]."""
        steady = self._steady(float(self.kept[-1].rates[-1]), self.end.ready)
        return 1.0 if steady is None else float(np.abs(self.end.p - steady).sum() / 2)

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
        self.end = stretch.end

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
        p = _on(self.levels.numbers, old, self.end.p[None])[0]
        self.end = self.end._replace(numbers=self.levels.numbers, p=p)

    def _tried(self, load: Profile, times: np.ndarray) -> tuple[Stretch, float]:
        walk, numbers = self.walk, self.levels.numbers
        now, _, p, ready, staff = self.end
        staff, edge = deepcopy(staff), 0.0
        corners = load.times[load.times > now]
        changes = [(now, ready)]
        all_ready, seen = np.empty(len(times)), np.empty((len(times), len(numbers)))
        all_ready[0], seen[0] = ready, p
        step = min(np.diff(times).min(initial=1.0), walk.service_time)
        band = band_of(walk, self.levels, p)

        def rates(time: float) -> tuple[np.ndarray, np.ndarray]:
            return band.rates(float(np.interp(time, load.times, load.rates)), ready)

        for i, until in enumerate(times[1:], 1):
            band = band.around(p)
            while now < until:
                later = corners[np.searchsorted(corners, now, side="right") :]
                corner = float(later[0]) if later.size else np.inf
                end = min(float(until), staff.next_change(now), corner)
                here = band.of(p)
                for time, new in evolve(rates, here, now, end, tolerance=_TOLERANCE, step=step):
                    if band.spills(new):
                        band = band.wider()
                        break
                    staff.observe(time, float(np.minimum(band.numbers, ready) @ new))
                    step, now, p = max(time - now, 1e-12), time, band.whole(new)
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
        return Stretch(reading, State(now, numbers, p, ready, staff)), edge


def _on(numbers: np.ndarray, old: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return probabilities of old levels on others, of the same mean but at the last."""
    if np.array_equal(old, numbers):
        return seen
    found = np.zeros((len(seen), len(numbers)))
    above = np.clip(np.searchsorted(numbers, old), 1, max(len(numbers) - 1, 1))
    gaps = numbers[above % len(numbers)] - numbers[above - 1]
    parts = np.clip((old - numbers[above - 1]) / np.maximum(gaps, 1.0), 0.0, 1.0)
    for i, (place, part) in enumerate(zip(above, parts, strict=True)):
        found[:, place - 1] += (1 - part) * seen[:, i]
        found[:, place % len(numbers)] += part * seen[:, i]
    return found


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
    ready = walk.servers
    backlog = most = start.most if isinstance(start, State) else float(start or 0)
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
