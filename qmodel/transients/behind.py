r"""What requests find at a station behind another one, by how many they left behind there.

Who waited w at the first station left behind those who came meanwhile, n of them, nearly; and
of the joint probabilities that follow both (`qmodel.transients.feed`) is known

.. math:: P(m \mid n) = \sum_j \varphi_j(n) \, a_j(m), \qquad a = C^{-1} f,

the numbers m at the next at the moment at which they leave it. Where a jam ends this is more
than a covariance: who did not wait finds the next station drained, who waited little finds what
the first has just passed on, and who waited long finds less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from qmodel.transients.feed import Feed
from qmodel.transients.reading import Reading

__all__ = ["Behind", "Found", "behind_of"]

_WIDER = 1.1
"""Backlogs that are taken together, at most as many times longer."""


class Found(NamedTuple):
    """What is found, in groups along the last axis."""

    weights: np.ndarray
    """Probabilities [-]."""
    waits: np.ndarray
    """Mean waits [s]."""
    squares: np.ndarray
    """Mean squares of the waits [s^2]."""


class Behind:
    """A station behind another one at the times at which they depend on each other.

    Parameters
    ----------
    feed : Feed
        The station before it. [-]
    times : array of shape (t,)
        The times. [s]
    p : array of shape (t, m)
        The probabilities of the levels. [-]
    moments : mapping of int to array of shape (j, m)
        Of some of the times, by their places, the moments of the first. [-]
    waits : array of shape (m,)
        Mean waits of those who find each level, 0 of no wait. [s]
    squares : array of shape (m,)
        Mean squares of these waits. [s^2]
    groups : array of shape (m,)
        The group of each level, increasing; the first is that of no wait. [-]
    """

    def __init__(
        self,
        feed: Feed,
        times: np.ndarray,
        p: np.ndarray,
        moments: dict[int, np.ndarray],
        *,
        waits: np.ndarray,
        squares: np.ndarray,
        groups: np.ndarray,
    ) -> None:
        self._feed, self._times = feed, times
        values = np.stack([np.ones(len(waits)), waits, squares])
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        known = np.zeros((len(times), feed.size, 3, len(starts)))
        known[:, 0] = np.add.reduceat(p[:, None, :] * values, starts, axis=-1)
        for place, moment in moments.items():
            parts = np.linalg.solve(feed.variances[place, 1:, 1:], moment)
            known[place, 1:] = np.add.reduceat(parts[:, None, :] * values, starts, axis=-1)
        self._known = known

    def found(self, left: Callable[[np.ndarray], np.ndarray], comes: np.ndarray) -> Found:
        """Return what those find who come at times of any shape.

        `left` tells from times next to those how many are at the station before if they leave
        it when they do, NaN of those who did not wait there.
        """
        times = self._times
        after = np.clip(np.searchsorted(times, comes, side="right"), 1, len(times) - 1)
        part = np.clip((comes - times[after - 1]) / (times[after] - times[after - 1]), 0.0, 1.0)
        found: np.ndarray = np.zeros(())
        for place, share in ((after - 1, 1 - part), (after, part)):
            told = self._feed.told_apart(place, left(times[place]))
            at = np.einsum("...j,...jvg->...vg", told, self._known[place])
            found = found + share[..., None, None] * at
        # What is less than nothing is an error of the moments.
        weights = np.maximum(found[..., 0, :], 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            waits, squares = (
                np.where(weights > 0, found[..., v, :] / weights, 0.0) for v in (1, 2)
            )
        weights = weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-300)
        # Without it means would be longer: as many wait less as keep them.
        mean, now = found[..., 1, :].sum(axis=-1), (weights * waits).sum(axis=-1)
        fewer = np.clip(mean / np.maximum(now, 1e-300), 0.0, 1.0)[..., None]
        weights = np.concatenate(
            [1 - fewer * (1 - weights[..., :1]), fewer * weights[..., 1:]], axis=-1
        )
        return Found(weights, waits, squares)


def behind_of(reading: Reading, feed: Feed) -> Behind | None:
    """Return a station behind the one that feeds it; None where they do not depend.

    Nor is it told apart where some are lost or give up, or where servers change.
    """
    walk, (strand, *others) = reading.walk, reading.strands
    plain = np.isinf(walk.room) and not (walk.impatience or walk.shared or others)
    if not (plain and strand.moments and len(strand.changes) == 1):
        return None
    _, waits, takes, squares = reading.waits_at(walk.servers, 0.0, strand.changes)
    waiting = reading.numbers - walk.servers
    length = np.log1p(np.maximum(waiting, 0.0)) / np.log(_WIDER)
    return Behind(
        feed,
        reading.times,
        strand.seen,
        strand.moments,
        waits=waits * takes,
        squares=waits * squares,
        groups=np.where(waiting < 0, 0, 1 + np.floor(length)).astype(int),
    )
