"""How many servers there are over time: as planned, or as an autoscaler makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from qmodel import _check
from qmodel.errors import DomainError

__all__ = ["Constant", "Schedule", "Staffing"]


class Staffing(Protocol):
    """What decides on the servers; it is told what happens, and asked at each change."""

    def servers(self, time: float) -> float:
        """Return the servers that are ready at a time [-]."""

    def next_change(self, time: float) -> float:
        """Return the next time at which their number may change [s]."""

    def decide(self, time: float) -> Sequence[tuple[float, Staffing]]:
        """Return what it may decide at a time, and with which probability."""

    @property
    def plan(self) -> Any:
        """What is decided: of equal plans come as many servers."""

    def ahead(self, time: float) -> list[tuple[float, float]]:
        """Return the changes after a time that are decided: when [s], and to how many."""


class Constant:
    """As many servers at all times."""

    def __init__(self, servers: float) -> None:
        self._servers = servers

    def servers(self, time: float) -> float:
        """Return their number."""
        return self._servers

    def next_change(self, time: float) -> float:
        """Return that it never changes."""
        return np.inf

    plan = None

    def decide(self, time: float) -> list[tuple[float, Staffing]]:
        """Return that nothing is decided."""
        return [(1.0, self)]

    def ahead(self, time: float) -> list[tuple[float, float]]:
        """Return that nothing changes."""
        return []


class Schedule:
    """Servers that are added and taken away at given times.

    Parameters
    ----------
    times : sequence of float
        When their number changes, increasing; the first number holds before, too. [s]
    servers : sequence of int
        Servers from each time on, >= 0; with 0 nothing is served. [-]

    Raises
    ------
    DomainError
        If there are not as many numbers as times, times do not increase, or a number is
        negative or not whole.

    Examples
    --------
    >>> plan = Schedule(times=[0.0, 300.0, 900.0], servers=[4, 20, 4])
    >>> plan.servers(120.0), plan.servers(300.0), plan.next_change(300.0)
    (4.0, 20.0, 900.0)
    """

    def __init__(self, times: Any, servers: Any) -> None:
        self.times = np.array(_check.real("times", _check.several("times", times)))
        counts = np.array(_check.count("servers", servers, least=0), dtype=float)
        if self.times.ndim != 1 or counts.shape != self.times.shape:
            raise DomainError(
                f"servers must be as many as times, got {counts.size} and {self.times.size}"
            )
        if not (np.isfinite(self.times).all() and (np.diff(self.times) > 0).all()):
            raise DomainError(f"times must be finite and increase, got {self.times.tolist()}")
        self.counts = counts

    def servers(self, time: float) -> float:
        """Return the servers that are ready at a time [-]."""
        time = _check.one("time", time, _check.time)
        if np.isnan(time):
            return time
        place = int(np.searchsorted(self.times, time, side="right")) - 1
        return float(self.counts[max(place, 0)])

    def next_change(self, time: float) -> float:
        """Return the next time at which their number changes, inf after the last [s]."""
        time = _check.one("time", time, _check.time)
        if np.isnan(time):
            return time
        later = self.times[self.times > time]
        return float(later[0]) if later.size else np.inf

    plan = None

    def decide(self, time: float) -> list[tuple[float, Staffing]]:
        """Return that nothing is decided."""
        return [(1.0, self)]

    def ahead(self, time: float) -> list[tuple[float, float]]:
        """Return what is planned after a time."""
        later = self.times > time
        return list(zip(self.times[later].tolist(), self.counts[later].tolist(), strict=True))
