"""A flow of requests along the paths of a pipeline, and a station on its way through time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel.errors import ModelError
from qmodel.loads import Profile
from qmodel.networks.held.pool import HeldPool
from qmodel.queues.base import Station
from qmodel.queues.delay import Delay
from qmodel.transients.behind import Behind, behind_of
from qmodel.transients.course import Course, Stretch, reach_of
from qmodel.transients.feed import Feed, feed_of
from qmodel.transients.over_time import StationOverTime
from qmodel.transients.station import delayed, follows, steady, walk_or_none

if TYPE_CHECKING:
    from qmodel.pipeline.flows import Flows

__all__ = ["Flow", "Place", "by_name", "draining", "flow_of", "station_of"]

_MOST_PRESENT, _LOOKS = 1_000_000, 41
"""Requests that may be there at the start: each is a state."""

_LIGHT = 0.75
"""A greatest load at which it hardly matters when what comes ends."""


class Flow(np.ndarray):
    """A flow of requests at each time, how old they are, and which station they come from."""

    age: Any
    source: str | None

    def __array_finalize__(self, other: Any) -> None:
        self.age = getattr(other, "age", 0.0)
        self.source = getattr(other, "source", None)

    def __add__(self, other: Any) -> Any:
        """Return two flows that join: as old as their mean, and from one station or none."""
        total = super().__add__(other)
        if isinstance(other, Flow):
            both = np.asarray(total)
            older = np.asarray(other) * (other.age - self.age)
            part = np.divide(older, both, out=np.zeros_like(both), where=both > 0)
            total.age = self.age + part
            total.source = self.source if self.source == other.source else None
        return total


def flow_of(values: Any, age: Any, source: str | None = None) -> Any:
    """Return a flow whose requests are so old [s], and come from a station."""
    found = np.asarray(values, dtype=float).view(Flow)
    found.age, found.source = age, source
    return found


def station_of(steady: Flows, name: str) -> Station:
    """Return a station as all who come to it find it: with the work of all of them."""
    streams, station = steady.streams(name), steady.station(name)
    if isinstance(station, HeldPool):
        return station
    if station.prioritised and len(streams) > 1:
        raise ModelError(
            f"{name} is an {type(station).__name__} with {len(streams)} priorities, which have "
            "no solution over time: for the number present and the mean wait of all requests "
            "give it as MMc or MGc; for each priority solve the pipeline at the rates that come"
        )
    works = [station.service if s.service is None else s.service for s in streams]
    return station.serving_all(works, [s.arrival_rate for s in streams])


class Place:
    """A station of a pipeline on its way through time."""

    def __init__(self, station: Station, servers: Any, start: Any) -> None:
        self.station, self._servers, self._start = station, servers, start
        self._course: Course | None = None
        self._stretch: Stretch | None = None
        self._feed: Feed | None = None
        self._load: Profile | None = None

    def advance(
        self, load: Profile, times: np.ndarray, whole: bool, feed: Feed | None = None
    ) -> StationOverTime:
        """Return the station over the `times`, of a load up to the last of them."""
        self._load = load
        if isinstance(self.station, Delay):
            return delayed(self.station, load, times)
        plain = self._servers is None and self._start is None
        walk = walk_or_none(self.station, load, plain=plain)
        if walk is None or (plain and whole and follows(walk, load, times)):
            return steady(self.station, load, times)
        most = float(walk.completions(walk.servers, walk.servers))
        if plain and load.peak < _LIGHT * most:
            feed = None
        self._feed = feed
        if self._course is None or not self._course.kept:
            # The first state is that of the first rate, on which passes agree; of a part of
            # the way the worst is not known yet, and there is room to widen.
            reach = reach_of(walk, load, self._servers, self._start)
            self._course = Course(walk, load, reach, servers=self._servers, start=self._start)
        self._stretch = self._course.advance(load, times, feed)
        return self._stretch.reading.result(self.station, closed=not whole)

    def feeds(self, flow: np.ndarray, total: np.ndarray) -> Feed | None:
        """Return what it means for the next station that a flow of a total comes from here.

        None where each moment is a steady state, or they do not depend on each other.
        """
        if self._stretch is None:
            return None
        return feed_of(self._stretch.reading, flow, total)

    @property
    def behind(self) -> Behind | None:
        """What those find who come from the station that it depends on, if on one."""
        if self._feed is None or self._stretch is None:
            return None
        return behind_of(self._stretch.reading, self._feed)

    def keep(self) -> None:
        """Go on from the end of what was tried last."""
        if self._course is not None and self._stretch is not None:
            self._course.keep(self._stretch)

    @property
    def course(self) -> Course | None:
        """Its way, None if each moment is a steady state."""
        return self._course

    def over(self, times: np.ndarray) -> StationOverTime:
        """Return the station over all the way."""
        if self._course is not None:
            return self._course.whole().result(self.station, closed=True)
        assert self._load is not None
        if isinstance(self.station, Delay):
            return delayed(self.station, self._load, times)
        return steady(self.station, self._load, times)


def by_name(what: str, given: Any, names: list[str], kind: Any) -> dict[str, Any]:
    """Return what is given of stations, by their names, checked."""
    if given is None:
        return {}
    found = given if isinstance(given, Mapping) else dict.fromkeys(names, given)
    for name, value in found.items():
        if name not in names:
            raise ModelError(f"{what} has no station {name!r}; there are {', '.join(names)}")
        if not isinstance(value, kind):
            wanted = " or ".join(k.__name__ for k in kind)
            raise ModelError(f"{what} of {name!r} must be of {wanted}, got {value!r}")
        if what == "start":
            _check.one_count(f"start of {name!r}", value, least=0, most=_MOST_PRESENT)
    return dict(found)


def draining(
    stations: Mapping[str, Station], start: Mapping[str, Any], first: float
) -> list[np.ndarray]:
    """Return times at which those who are there at first are looked at while they leave.

    What comes to the next station is known at these times, and in a straight line between.
    """
    found = []
    for name, present in start.items():
        lasts = 2.0 * present / float(np.min(stations[name].max_rate))
        if 0 < lasts < np.inf:
            found.append(first + np.linspace(0.0, lasts, _LOOKS))
    return found
