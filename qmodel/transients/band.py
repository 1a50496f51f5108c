"""The levels on which a station can be now: the rest cost nothing.

A backlog that is known to a few percent is on a few of the levels that a crowd goes through.
What is nearly impossible is left out, and a step that would get there is taken again with more
levels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qmodel.transients.evolution import Neighbours
from qmodel.transients.feed import Coupling
from qmodel.transients.levels import Levels
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
    _deaths: np.ndarray = field(init=False)
    _full: np.ndarray = field(init=False)
    _last: tuple[float, float] = field(init=False, default=(-1.0, -1.0))
    _rates: Neighbours = field(init=False)

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

    def rates(self, rate: float, servers: float) -> Neighbours:
        """Return the rates up and down from each level [1/s]."""
        if (rate, servers) == self._last:
            return self._rates  # A load that stays as it is has one chain.
        if servers != self._servers:
            self._deaths = self.walk.deaths(self.numbers, servers)
            self._full = (self.numbers >= max(servers, 1)).astype(float)
            self._servers = servers
        births, deaths = np.full(len(self.numbers), rate), self._deaths
        if more := self.walk.more(rate, servers):
            births, deaths = births + more * self._full, deaths + more * self._full
        self._last, self._rates = (rate, servers), Neighbours(*self._part.rates(births, deaths))
        return self._rates

    def together(self, coupling: Coupling, servers: float) -> Together:
        """Return how the probabilities change with those of the station that feeds it."""
        plain = self.rates(float(coupling.coming[0, 0]), servers)
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
