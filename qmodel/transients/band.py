"""The levels on which a station can be now: the rest cost nothing.

A backlog that is known to a few percent is on a few of the levels that a crowd goes through.
What is nearly impossible is left out, and a step that would get there is taken again with more
levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qmodel.transients.evolution import Neighbours
from qmodel.transients.feed import Coupling
from qmodel.transients.levels import Levels, Runs, rates_of
from qmodel.transients.together import Together
from qmodel.transients.walk import Walk

__all__ = ["Band", "band_of"]

_NONE, _SOME = 1e-13, 1e-10
"""Probability of a level that is left out, and of one at the edge that needs more of them."""

_MARGIN = 32
"""Levels on either side of those that are possible."""


@dataclass(slots=True, eq=False)
class Band:
    """The levels from `low` to before `high`, from which nothing gets out.

    Parameters
    ----------
    walk : Walk
        The station. [-]
    levels : Levels
        All levels. [-]
    low, high : int
        Places of the first, and after the last. [-]
    """

    walk: Walk
    levels: Levels
    low: int
    high: int
    _part: Levels = field(init=False)
    _servers: float = field(init=False, default=-1.0)
    _walk: np.ndarray = field(init=False)
    _full: np.ndarray = field(init=False)
    _runs: Runs = field(init=False)
    _known: dict[float, Neighbours] = field(init=False)

    def __post_init__(self) -> None:
        self._part = Levels(self.levels.numbers[self.low : self.high])

    @property
    def numbers(self) -> np.ndarray:
        """The numbers present. [-]."""
        return self._part.numbers

    def of(self, p: np.ndarray) -> np.ndarray:
        """Return the probabilities of the band, of those of all levels."""
        return p[..., self.low : self.high]

    def whole(self, p: np.ndarray) -> np.ndarray:
        """Return the probabilities of all levels, of those of the band."""
        found = np.zeros((*p.shape[:-1], len(self.levels.numbers)))
        found[..., self.low : self.high] = p
        return found

    def rates(self, loads: Sequence[float], servers: float) -> list[Neighbours]:
        """Return the rates up and down from each level, at each of some loads [1/s]."""
        if servers != self._servers:
            deaths = self.walk.deaths(self.numbers, servers)
            full = self.numbers >= max(servers, 1)
            self._runs = self._part.runs(deaths, full)
            self._walk = np.zeros((2, 1, len(self._runs.first)))
            self._walk[1] = deaths[self._runs.first]
            self._full, self._servers, self._known = full[self._runs.first], servers, {}
        # A load that stays as it is has one chain.
        new = [load for load in dict.fromkeys(loads) if load not in self._known]
        if new:
            walks = self._walk.repeat(len(new), axis=1)
            walks[0] = np.array(new)[:, None]
            if self.walk.variability != 1:
                more = [[self.walk.more(load, servers)] for load in new]
                walks += np.array(more) * self._full
            rates = rates_of(self._runs, walks)
            self._known |= zip(new, map(Neighbours, *rates), strict=True)
        self._known = {load: self._known[load] for load in loads}
        return [self._known[load] for load in loads]

    def together(self, coupling: Coupling, servers: float) -> Together:
        """Return how the probabilities change with those of the station that feeds it."""
        (plain,) = self.rates([float(coupling.coming[0, 0])], servers)
        return Together(coupling, *plain, self._part.of_more)

    def spills(self, p: np.ndarray) -> bool:
        """Return whether some get to an edge beyond which there are more levels."""
        below = self.low > 0 and abs(p[0]) > _SOME
        return bool(below or (self.high < len(self.levels.numbers) and abs(p[-1]) > _SOME))

    def wider(self) -> Band:
        """Return twice the levels."""
        more = (self.high - self.low) // 2 + 1
        high = min(self.high + more, len(self.levels.numbers))
        return Band(self.walk, self.levels, max(self.low - more, 0), high)

    def around(self, p: np.ndarray) -> Band:
        """Return a band around what is possible now, this one if it is nearly that."""
        new = band_of(self.walk, self.levels, p)
        inside = self.low <= new.low and new.high <= self.high
        narrow = self.high - self.low <= 1.5 * (new.high - new.low)
        return self if inside and narrow else new


def band_of(walk: Walk, levels: Levels, p: np.ndarray) -> Band:
    """Return a band around what is possible."""
    some = np.flatnonzero(np.abs(p) > _NONE)
    low, high = max(int(some[0]) - _MARGIN, 0), int(some[-1]) + 1 + _MARGIN
    return Band(walk, levels, low, min(high, len(p)))
