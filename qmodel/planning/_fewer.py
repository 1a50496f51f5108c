"""A number of which less may be better: what a smaller number is enough for counts as met.

The cheapest numbers under that condition are the cheapest under the plain one, as fewer cost
less; and more never breaks it, which the search for them needs.
"""

from __future__ import annotations

import numpy as np

from qmodel.planning._least_cost import Excess, Holds, Numbers

__all__ = ["EnoughOfFewer"]

_STEP = 1.1
"""Ratio of the numbers that are tried; a range that is enough may not be narrower."""

_RANGE = 6
"""Multiple of what a steady state needs up to which a limit may be better than none."""

_NEAR = 0.15
"""By how much what fewer are enough for is missed at most: twice what limits of pools bring."""


class EnoughOfFewer:
    """A condition on rows of numbers, closed in one of them."""

    def __init__(
        self, holds: Holds, excess: Excess, at: int, low: Numbers, high: Numbers
    ) -> None:
        self._holds, self._excess, self._at = holds, excess, at
        first = int(low[at])
        last = max(min(int(high[at]), _RANGE * first), first)
        steps = int(np.ceil(np.log(last / first) / np.log(_STEP))) + 1
        grid = np.unique(np.round(first * _STEP ** np.arange(steps)).astype(np.int64))
        self._grid = np.append(grid[grid < last], last)
        self._never = int(high[at]) + 1
        self._least: dict[bytes, int] = {}

    def holds(self, rows: Numbers) -> np.ndarray:
        """Return whether each row is enough, or would be with less of the one number."""
        good = self._holds(rows)
        if (missed := np.flatnonzero(~good)).size:
            near = missed[self._excess(rows[missed]) <= _NEAR]
            good[near] = self._with_fewer(rows[near])
        return good

    def _with_fewer(self, rows: Numbers) -> np.ndarray:
        others = rows.copy()
        others[:, self._at] = 0
        keys = [other.tobytes() for other in others]
        new = {key: i for i, key in enumerate(keys) if key not in self._least}
        if new:
            self._least |= zip(new, self._found(rows[list(new.values())]), strict=True)
        return rows[:, self._at] >= np.array([self._least[key] for key in keys], dtype=int)

    def _found(self, rows: Numbers) -> list[int]:
        """Return the least of the one number that is enough beside the others of each row."""
        enough = self._of_each(rows, [self._grid] * len(rows))
        first = [int(np.argmax(good)) if good.any() else -1 for good in enough]
        between = [
            np.arange(self._grid[i - 1] + 1, self._grid[i] + 1) if i > 0 else self._grid[:1]
            for i in first
        ]
        finer = self._of_each(rows, between)
        return [
            int(tried[np.argmax(good)]) if i >= 0 else self._never
            for i, tried, good in zip(first, between, finer, strict=True)
        ]

    def _of_each(self, rows: Numbers, tried: list[Numbers]) -> list[np.ndarray]:
        sizes = [len(numbers) for numbers in tried]
        all_rows = np.repeat(rows, sizes, axis=0)
        all_rows[:, self._at] = np.concatenate(tried)
        return np.split(self._holds(all_rows), np.cumsum(sizes)[:-1])
