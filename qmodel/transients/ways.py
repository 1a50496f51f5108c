"""The ways that the servers of a station may go, and the number present on each.

Where nothing is measured there is one way. An autoscaler decides on what it measures, which is
not the same on all days (`qmodel.transients.scaling`): a decision that may be this or that
makes of one way several, each with its share of the probability. Ways on which the same
servers come are one again, and of very many the least likely go with those most like them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from qmodel.loads import Profile
from qmodel.transients.band import Band, band_of
from qmodel.transients.evolution import Change, Neighbours, evolve
from qmodel.transients.feed import Feed
from qmodel.transients.levels import Levels
from qmodel.transients.scaling import noise_of
from qmodel.transients.schedule import Staffing
from qmodel.transients.strand import Strand
from qmodel.transients.together import Together
from qmodel.transients.walk import Walk

__all__ = ["Way", "Ways"]

_TOLERANCE = 5e-5
"""Error of one step, in probability mass."""

_MOST = 16
"""Ways that are told apart."""


class Way(NamedTuple):
    """A way that the servers may have gone: where the station is on it."""

    name: tuple[float, ...]
    weight: float
    p: np.ndarray
    ready: float
    staff: Staffing


@dataclass(slots=True, eq=False)
class _OnItsWay:
    """A way that goes on; probabilities are those under the condition that it is this one."""

    strand: Strand
    weight: float
    p: np.ndarray
    ready: float
    staff: Staffing
    band: Band
    step: float
    moments: np.ndarray | None = None

    @property
    def name(self) -> tuple[float, ...]:
        return self.strand.name


class Ways:
    """All ways of a station through some times.

    Parameters
    ----------
    walk : Walk
        The station. [-]
    levels : Levels
        The numbers present that are told apart. [-]
    load : Profile
        What comes. [1/s]
    begin : sequence of Way
        Where it is at the first time. [-]
    times : array
        The times that are looked at. [s]
    feed : Feed, optional
        The station before it, if it depends on one. [-]
    """

    def __init__(
        self,
        walk: Walk,
        levels: Levels,
        load: Profile,
        begin: tuple[Way, ...],
        times: np.ndarray,
        feed: Feed | None = None,
    ) -> None:
        self._walk, self._levels, self._load, self._feed = walk, levels, load, feed
        self._times, self.edge = times, 0.0
        self._corners = load.times[load.times > times[0]]
        step = min(np.diff(times).min(initial=1.0), walk.service_time)
        self.strands: list[Strand] = []
        self._alive = [
            self._started(way.name, way.weight, way.p, way.ready, deepcopy(way.staff), step)
            for way in begin
        ]

    def _started(
        self,
        name: tuple[float, ...],
        weight: float,
        p: np.ndarray,
        ready: float,
        staff: Staffing,
        step: float,
        time: float | None = None,
    ) -> _OnItsWay:
        size = len(self._times), len(self._levels.numbers)
        begin = float(self._times[0]) if time is None else time
        strand = Strand(name, np.zeros(size[0]), np.zeros(size), np.zeros(size[0]))
        strand.changes.append((begin, ready))
        if self._feed is not None:
            strand.finds = np.zeros(size)
        self.strands.append(strand)
        band = band_of(self._walk, self._levels, p)
        return _OnItsWay(strand, weight, p, ready, staff, band, step)

    @property
    def ends(self) -> tuple[Way, ...]:
        """Where the station is on each way."""
        return tuple(Way(w.name, w.weight, w.p, w.ready, w.staff) for w in self._alive)

    def note(self, i: int, time: float) -> None:
        """Note where the station is at one of the times."""
        for way in self._alive:
            strand = way.strand
            strand.weights[i], strand.seen[i], strand.ready[i] = way.weight, way.p, way.ready
            strand.ahead = way.staff.ahead(time)
            if strand.finds is not None:
                strand.finds[i] = self._finds(way, time)
            if way.moments is not None:
                strand.moments[i] = way.moments
            way.band = way.band.around(way.p)

    def go_on(self, now: float, until: float) -> float:
        """Go on to a time at most, and not beyond what changes, and return when it is."""
        later = self._corners[np.searchsorted(self._corners, now, side="right") :]
        changes = [way.staff.next_change(now) for way in self._alive]
        end = min(until, *changes, *later[:1].tolist())
        self.edge = 0.0
        for way in self._alive:
            self._go(way, now, end)
            self.edge = max(self.edge, float(way.p[-1]))
        self._decide(end)
        for way in self._alive:
            if (others := way.staff.servers(end)) != way.ready:
                way.ready = others
                way.strand.changes.append((end, others))
        return float(end)

    def _finds(self, way: _OnItsWay, time: float) -> np.ndarray:
        """Return the probabilities of what those who come find."""
        if way.moments is None or self._feed is None:
            return way.p
        coming = self._feed.at(time).coming[0]
        found = np.maximum(coming[0] * way.p + coming[1:] @ way.moments, 0.0)
        return np.asarray(found / max(found.sum(), 1e-300))

    def _go(self, way: _OnItsWay, now: float, end: float) -> None:
        feed, band, begin = self._feed, way.band, now
        if feed is not None and way.moments is None and not feed.idle(now, end):
            way.moments = np.zeros((feed.size - 1, len(way.p)))
        together = way.moments is not None
        # Between two corners the load goes in a straight line.
        first, last = (float(self._load.rate(time)) for time in (begin, end))
        slope = (last - first) / (end - begin) if end > begin else 0.0

        def alone(*times: float) -> list[Neighbours]:
            return band.rates([first + slope * (t - begin) for t in times], way.ready)

        def both(*times: float) -> list[Together]:
            assert feed is not None
            return [band.together(feed.at(t), way.ready) for t in times]

        rates: Callable[..., Sequence[Change]] = both if together else alone
        # What decides by how much of them is busy takes note of that.
        observe = getattr(way.staff, "observe", None)
        while now < end:
            here, wide = band.of(way.p), True
            if way.moments is not None:
                here = np.vstack([here, band.of(way.moments)])
            steps = evolve(rates, here, now, end, tolerance=_TOLERANCE, step=way.step)
            for time, new, step in steps:
                p = new[0] if together else new
                if band.spills(p):
                    wide = False
                    break
                if observe is not None:
                    busy = np.minimum(band.numbers, way.ready)
                    noise = noise_of(p, busy, *alone(time)[0])
                    observe(time, float(busy @ p), noise)
                way.step, now, here = step, time, new
            whole = band.whole(here)
            way.p, way.moments = (whole[0], whole[1:]) if together else (whole, None)
            band = band if wide else band.wider()
        way.band = band
        if way.moments is not None and feed is not None and feed.none(way.moments):
            way.moments = None

    def _decide(self, time: float) -> None:
        """Let each way go on as it may."""
        found = []
        for way in self._alive:
            ways = way.staff.decide(time)
            likely = max(range(len(ways)), key=lambda k: ways[k][0])
            for k, (share, staff) in enumerate(ways):
                weight = share * way.weight
                if k == likely:
                    way.staff = staff
                    found.append((weight, way))
                else:
                    name = (*way.name, time, float(k))
                    other = self._started(name, weight, way.p, way.ready, staff, way.step, time)
                    other.moments = way.moments
                    found.append((weight, other))
        for weight, way in found:
            way.weight = weight
        self._alive = [way for _, way in found]
        if len(self._alive) > 1:
            self._join()

    def _join(self) -> None:
        """Make one way of those on which the same servers come, and of too many."""
        by_plan: dict[object, _OnItsWay] = {}
        for way in sorted(self._alive, key=lambda way: -way.weight):
            same = by_plan.setdefault(way.staff.plan, way)
            if same is not way:
                _taken_in(same, way)
        alive = list(by_plan.values())
        while len(alive) > _MOST:
            least = alive.pop()  # They are in the order of their weights at first.
            near = min(alive, key=lambda way: abs(_coming(way) - _coming(least)))
            _taken_in(near, least)
        self._alive = alive


def _coming(way: _OnItsWay) -> float:
    """Return the servers that a way has and will have."""
    ready, coming = way.staff.plan or (way.ready, ())
    return float(ready + sum(more for _, more in coming))


def _taken_in(way: _OnItsWay, other: _OnItsWay) -> None:
    """Make another way a part of one."""
    whole = way.weight + other.weight
    way.p = (way.weight * way.p + other.weight * other.p) / whole
    way.band = way.band.around(way.p)  # The other one may be somewhere else.
    moments = [w.weight * w.moments for w in (way, other) if w.moments is not None]
    if moments:
        way.moments = np.sum(moments, axis=0) / whole
    way.weight = whole
    other.strand.into = way.name
