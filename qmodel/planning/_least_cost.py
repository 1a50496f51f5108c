"""The cheapest whole numbers that meet a condition which more of anything never breaks.

Branch and bound over whole levels at once: the numbers are fixed one after the other, the
dearest first; at each level all that is still open is solved together, as arrays. Where a bound
is searched, many numbers are tried at once, as an array costs little more than one. For every
partial choice the open numbers are raised to the least that each needs while the others are
unlimited; what that costs bounds the choice from below [1]_. A greedy choice, pruned, is the
bound from above, and is mostly the answer.

References
----------
.. [1] A. H. Land, A. G. Doig, "An automatic method of solving discrete programming
   problems", Econometrica 28, 1960.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Choice", "Excess", "Holds", "Numbers", "cheapest"]

Numbers = npt.NDArray[np.int64]
Excess = Callable[[Numbers], npt.NDArray[np.float64]]
"""From rows of numbers to how much they miss; at most 0 where they are enough."""

Holds = Callable[[Numbers], npt.NDArray[np.bool_]]
"""From rows of numbers to whether they are enough, which may cost less than by how much."""

_AT_ONCE = 16
"""Numbers between two bounds that are tried together."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The cheapest numbers found, and what no choice costs less than."""

    numbers: Numbers
    least: Numbers
    bound: float
    exact: bool


def cheapest(
    excess: Excess,
    prices: npt.NDArray[np.float64],
    low: Numbers,
    high: Numbers,
    budget: int,
    holds: Holds | None = None,
) -> Choice:
    """Return the cheapest numbers between `low` and `high`, which are enough.

    After `budget` rows, the best so far and a bound. `holds` is by default where `excess` is
    at most 0.
    """
    search = _Search(excess, prices, high, holds or (lambda rows: excess(rows) <= 0))
    if search.holds(low[None])[0]:
        return Choice(low, low, float(prices @ low), True)
    least = search.raised(low)
    if search.holds(least[None])[0]:
        return Choice(least, least, float(prices @ least), True)
    best = search.pruned(search.greedy(least), least)
    rows, exact, bound = least[None], True, float(prices @ best)
    for level in np.argsort(-prices, kind="stable"):
        search.done.append(int(level))
        rows, best = search.branched(rows, best, int(level))
        if not len(rows):
            break
        if search.rows > budget:
            exact, bound = False, float((rows @ prices).min())
            break
    return Choice(best, least, bound if not exact else float(prices @ best), exact)


class _Search:
    def __init__(
        self, excess: Excess, prices: npt.NDArray[np.float64], high: Numbers, holds: Holds
    ) -> None:
        self.prices, self.high, self.rows = prices, high, 0
        self.done: list[int] = []
        self._excess, self._holds = excess, holds

    def excess(self, rows: Numbers) -> npt.NDArray[np.float64]:
        self.rows += len(rows)
        return self._excess(rows)

    def holds(self, rows: Numbers) -> npt.NDArray[np.bool_]:
        self.rows += len(rows)
        return self._holds(rows)

    def raised(self, low: Numbers) -> Numbers:
        """Return the least of each number with which it is enough, all others being at high."""
        fails, holds = low - 1, self.high.copy()
        doublings = 2 ** np.arange(int(np.max(holds - fails)).bit_length())
        grid = fails[:, None] + doublings
        while (open_ := (grid > fails[:, None]) & (grid < holds[:, None])).any():
            which, _ = np.nonzero(open_)
            rows = np.tile(self.high, (which.size, 1))
            rows[np.arange(which.size), which] = grid[open_]
            good = np.zeros_like(open_)
            good[open_] = self.holds(rows)
            bad = np.where(open_ & ~good, grid, fails[:, None])
            holds = np.where(good, grid, holds[:, None]).min(axis=1)
            fails = np.where(bad < holds[:, None], bad, fails[:, None]).max(axis=1)
            apart = (holds - fails)[:, None] * np.arange(1, _AT_ONCE + 1)
            grid = fails[:, None] + -(-apart // (_AT_ONCE + 1))
            # Each number once.
            grid[:, 1:] = np.where(grid[:, 1:] > grid[:, :-1], grid[:, 1:], fails[:, None])
        return holds

    def greedy(self, numbers: Numbers) -> Numbers:
        """Return numbers that are enough, one more at a time where it pays most."""
        steps = np.eye(numbers.size, dtype=np.int64)
        here = float(self.excess(numbers[None])[0])
        while here > 0:
            rows = np.minimum(numbers + steps, self.high)
            after = self.excess(rows)
            with np.errstate(invalid="ignore"):
                gain = np.where(
                    rows.sum(axis=1) > numbers.sum(), (here - after) / self.prices, -1
                )
            if not (gain > 0).any():  # Nothing helps by itself: one more of all.
                numbers = np.minimum(numbers + 1, self.high)
                here = float(self.excess(numbers[None])[0])
                continue
            enough = np.flatnonzero((after <= 0) & (gain > 0))
            pick = enough[np.argmin(self.prices[enough])] if enough.size else np.argmax(gain)
            numbers, here = rows[pick], float(after[pick])
        return numbers

    def pruned(self, numbers: Numbers, least: Numbers) -> Numbers:
        """Return numbers of which none can be one less, the dearest having been tried first."""
        while True:
            rows = np.maximum(numbers - np.eye(numbers.size, dtype=np.int64), least)
            less = rows.sum(axis=1) < numbers.sum()
            good = np.flatnonzero(self.holds(rows) & less)
            if not good.size:
                return numbers
            numbers = rows[good[np.argmax(self.prices[good])]]

    def branched(self, rows: Numbers, best: Numbers, level: int) -> tuple[Numbers, Numbers]:
        """Return the choices still open with one more number fixed, and the best so far."""
        room = self._room(rows, best, level)
        rows = np.repeat(rows, room + 1, axis=0)
        starts = np.cumsum(room + 1) - (room + 1)
        rows[:, level] += np.arange(len(rows)) - np.repeat(starts, room + 1)
        rows = rows[rows[:, level] <= self.high[level]]
        for other in range(rows.shape[1]):
            if other not in self.done and len(rows):
                rows = self._tightened(rows, best, other)
        if not len(rows):
            return rows, best
        enough = self.holds(rows)
        costs = rows @ self.prices
        if enough.any():
            at = np.argmin(np.where(enough, costs, np.inf))
            if costs[at] < self.prices @ best:
                best = rows[at]
        open_ = ~enough & (costs < self.prices @ best * (1 - 1e-12))
        return rows[open_], best

    def _room(self, rows: Numbers, best: Numbers, level: int) -> Numbers:
        """Return how many more of a number are cheaper than the best, in each row."""
        left = self.prices @ best * (1 - 1e-12) - rows @ self.prices
        room: Numbers = np.maximum(np.floor(left / self.prices[level]), 0).astype(np.int64)
        return room

    def _tightened(self, rows: Numbers, best: Numbers, other: int) -> Numbers:
        """Return rows with the least of another number that the fixed ones leave; some end."""
        trial = np.tile(self.high, (len(rows), 1))
        trial[:, self.done] = rows[:, self.done]

        def good(values: Numbers, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
            trial[:, other] = values
            return self.holds(trial[which])

        fails = rows[:, other] - 1
        holds = np.minimum(rows[:, other] + self._room(rows, best, other), self.high[other])
        every = np.ones(len(rows), dtype=bool)
        first = good(rows[:, other], every)
        holds = np.where(first, rows[:, other], holds)
        fails = np.where(first, fails, rows[:, other])
        alive = first.copy()
        rest = ~first & (holds > fails)
        if rest.any():
            alive[rest] = good(holds, rest)
        while (open_ := alive & (holds - fails > 1)).any():
            middle = (fails + holds) // 2
            enough = np.zeros(len(rows), dtype=bool)
            enough[open_] = good(middle, open_)
            holds = np.where(open_ & enough, middle, holds)
            fails = np.where(open_ & ~enough, middle, fails)
        rows = rows.copy()
        rows[:, other] = holds
        return rows[alive]
