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
    for strand, at, p in ways:
        there = strand.ready[at, None]
        served, full = walk.completions(n, there), n >= there
        more = [walk.more(*x) for x in zip(rates[at], strand.ready[at], strict=True)]
        one[at] += p.sum(axis=1)
        mean[at] += p @ n
        square[at] += p @ n**2
        noise[at] += ((served + full * np.array(more)[:, None]) * p).sum(axis=1)
        pace[at] += strand.weights[at] * walk.completions(strand.ready[at], strand.ready[at])
        left = served + walk.impatience * np.maximum(n - there, 0.0)
        for sums, values in (
            (of_busy, np.minimum(n, there)),
            (of_served, served),
            (of_left, left),
        ):
            sums[:, at] += [(values * p).sum(axis=1), (values * p) @ n]
    variance = np.maximum(square / one - (mean / one) ** 2, 0.0)

    def slope(sums: np.ndarray, none: float) -> np.ndarray:
        both = sums[1] / one - sums[0] * mean / one**2
        some = variance > 1e-9
        return np.where(some, both / np.where(some, variance, 1.0), none)

    alone = float(walk.completions(1.0, 1.0))
    waits = 1 - slope(of_busy, 1.0)
    return Spread(variance, waits, slope(of_left, alone), slope(of_served, alone), noise, pace)
