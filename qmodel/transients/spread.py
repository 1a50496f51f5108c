"""How the number present at a station varies, and what follows from one more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qmodel.transients.strand import Part
from qmodel.transients.walk import Walk

__all__ = ["Spread", "spread_of"]


class Spread(NamedTuple):
    """How the number present varies, and what follows from one more; arrays like the times."""

    variance: np.ndarray
    """Variance of the number present [-]."""
    waits: np.ndarray
    """How many more wait for each that is present more than in the mean [-]."""
    leave: np.ndarray
    """How many more leave a second, served or not [1/s]."""
    served: np.ndarray
    """How many more are served a second [1/s]."""
    noise: np.ndarray
    """Variance by which the number that is served grows a second [1/s]."""
    pace: np.ndarray
    """What all servers can serve [1/s]."""


def spread_of(
    walk: Walk,
    n: np.ndarray,
    rates: np.ndarray,
    ways: Sequence[Part],
) -> Spread:
    """Return how the number present varies; slopes are those of a regression.

    `ways` are those that the servers went, with the probabilities of the numbers `n`.
    """
    size = len(rates)
    one, mean, square, noise, pace = np.zeros((5, size))
    of_busy, of_served, of_left = np.zeros((3, 2, size))
    for part in ways:
        for there, at, p in part.by_servers():
            more = np.array([walk.more(rate, there) for rate in rates[at]])
            served, busy = walk.completions(n, there), np.minimum(n, there)
            left = served + walk.impatience * np.maximum(n - there, 0.0)
            alone = (np.ones(len(n)), n, n**2, (n >= there).astype(float))
            pairs = [x for values in (busy, served, left) for x in (values, values * n)]
            found = (p @ np.stack([*alone, *pairs], axis=1)).T
            for total, new in zip((one, mean, square), found, strict=False):
                total[at] += new
            noise[at] += found[6] + more * found[3]
            pace[at] += part.strand.weights[at] * walk.completions(there, there)
            for sums, first in zip((of_busy, of_served, of_left), (4, 6, 8), strict=True):
                sums[:, at] += found[first : first + 2]
    variance = np.maximum(square / one - (mean / one) ** 2, 0.0)

    def slope(sums: np.ndarray, none: float) -> np.ndarray:
        both = sums[1] / one - sums[0] * mean / one**2
        some = variance > 1e-9
        return np.where(some, both / np.where(some, variance, 1.0), none)

    single = float(walk.completions(1.0, 1.0))
    waits = 1 - slope(of_busy, 1.0)
    return Spread(
        variance, waits, slope(of_left, single), slope(of_served, single), noise, pace
    )
