"""A flow of requests along the paths of a pipeline, and a station on its way through time."""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.loads import Profile
from qmodel.queues.base import Station
from qmodel.queues.delay import Delay
from qmodel.transients.course import Course, Stretch, reach_of
from qmodel.transients.over_time import StationOverTime
from qmodel.transients.station import delayed, follows, steady, walk_or_none

__all__ = ["Flow", "Place", "flow_of"]


class Flow(np.ndarray):
    """A flow of requests at each time, and how old they are when they come."""

    age: Any

    def __array_finalize__(self, other: Any) -> None:
        self.age = getattr(other, "age", 0.0)


def flow_of(values: Any, age: Any) -> Any:
    """Return a flow whose requests are so old [s]."""
    found = np.asarray(values, dtype=float).view(Flow)
    found.age = age
    return found


class Place:
    """A station of a pipeline on its way through time."""

    def __init__(self, station: Station, servers: Any, start: Any) -> None:
        self.station, self._servers, self._start = station, servers, start
        self._course: Course | None = None
        self._stretch: Stretch | None = None
        self._load: Profile | None = None

    def advance(self, load: Profile, times: np.ndarray, whole: bool) -> StationOverTime:
        """Return the station over the `times`, of a load up to the last of them."""
        self._load = load
        if isinstance(self.station, Delay):
            return delayed(self.station, load, times)
        plain = self._servers is None and self._start is None
        walk = walk_or_none(self.station, load, plain=plain)
        if walk is None or (plain and whole and follows(walk, load, times)):
            return steady(self.station, load, times)
        if self._course is None or not self._course.kept:
            # The first state is that of the first rate, on which passes agree; of a part of
            # the way the worst is not known yet, and there is room to widen.
            reach = reach_of(walk, load, self._servers, self._start)
            self._course = Course(walk, load, reach, servers=self._servers, start=self._start)
        self._stretch = self._course.advance(load, times)
        return self._stretch.reading.result(self.station, closed=not whole)

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
