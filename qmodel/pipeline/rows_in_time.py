r"""How long a request waits in all at the stations of a row, while queues fill and drain.

Where a station depends on the one before, what a request finds there follows from what it left
behind (`qmodel.transients.behind`): the wait at the first is taken in bins, what each of them
finds at the next in groups, and the sums are taken together in bins again. Waits at stations
that are not told apart so depend to first order (`qmodel.pipeline.waits_in_time`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions import ZERO, Distribution, Mixture, Shifted
from qmodel.pipeline.waits_in_time import WaitInTime
from qmodel.queues.approximations.waits_in_a_row import with_covariances
from qmodel.transients.reading import CUTS, mixed_wait
from qmodel.transients.sharing import in_bins

__all__ = ["in_a_row"]

_APART = 0.9
"""Standard deviations from its mean at which a bin is taken."""

_PARTS = 6
"""Waits at the last station that are told apart at the next, of one wait before."""


def in_a_row(waits: Sequence[WaitInTime]) -> list[Distribution]:
    """Return the waits of a row as if they were independent; of some together at the last."""
    rows: list[_Row] = []
    for k, wait in enumerate(waits):
        places = [i for i, row in enumerate(rows) if row.waits[-1].name == wait.source]
        # What passes on what comes is no part of the row of those behind it.
        passes = wait.source in {later.source for later in waits[k + 1 :]}
        joined = None
        if places and not passes:
            source = rows[places[0]]
            between = waits[waits.index(source.waits[0]) : k]
            joined = source.with_next(wait, sum(one.service_time for one in between))
        if joined is None:
            rows.append(_Row((wait,), wait.time))
        else:
            rows[places[0]] = joined
    varied = with_covariances(rows)
    times = {row.waits[-1]: time for row, time in zip(rows, varied, strict=True)}
    return [times.get(wait, ZERO) for wait in waits]


class _Cells(NamedTuple):
    """Ways through the stations until now, along the first axis, of each time."""

    weights: np.ndarray
    """Probabilities [-]."""
    means: np.ndarray
    """Mean waits in all [s]."""
    squares: np.ndarray
    """Mean squares of them [s^2]."""
    last: np.ndarray
    """Waits at the last station, NaN of none [s]."""


@dataclass(frozen=True, eq=False)
class _Row:
    """Stations whose waits are one time."""

    waits: tuple[WaitInTime, ...]
    time: Distribution
    cells: _Cells | None = None

    def covariance(self, after: _Row, between: Sequence[_Row] = ()) -> Any:
        """Return the covariance with the wait at stations `after` these [s^2]."""
        row = [wait for part in (self, *between, after) for wait in part.waits]
        own, last = len(self.waits), len(row) - len(after.waits)
        return sum(
            row[i].covariance(row[k], row[i + 1 : k])
            for i in range(own)
            for k in range(last, len(row))
        )

    def with_next(self, wait: WaitInTime, work: float) -> _Row | None:
        """Return the row with one more station, None where it is not told apart.

        `work` is what is done until there, besides waiting [s].
        """
        before = self.waits[-1]
        if wait.behind is None:
            return None
        cells = _first(self.time) if self.cells is None else self.cells
        if cells is None:
            return None
        leave = self.waits[0].comes + cells.means + work
        waited = np.isfinite(cells.last)
        came = leave - before.service_time - np.where(waited, cells.last, 0.0)
        pace = before.at(before.spread.pace, leave)

        def left(time: np.ndarray) -> np.ndarray:
            # Those in front are still there before, and others are served after.
            behind = before.arrivals(time) - before.arrivals(came)
            number = 1 + behind + pace * (leave - time)
            return np.where(waited, np.maximum(number, 1.0), np.nan)

        found = wait.behind.found(left, leave)
        weights = cells.weights[..., None] * found.weights
        means = cells.means[..., None] + found.waits
        own = cells.squares - cells.means**2
        squares = means**2 + own[..., None] + np.maximum(found.squares - found.waits**2, 0.0)
        last = np.where(np.arange(weights.shape[-1]) > 0, found.waits, np.nan)
        every = _Cells(weights, means, squares, last)
        return _Row((*self.waits, wait), _mixed(every), _fewer(every))


def _first(time: Distribution) -> _Cells | None:
    """Return the ways through the first station."""
    after: Any = 0.0
    if isinstance(time, Shifted):
        after, time = time.by, time.distribution
    if not isinstance(time, Mixture):
        return None
    none, *weights = np.broadcast_arrays(*time.probabilities)
    waits = time.distributions[1:]
    means, spread = np.array([w.mean for w in waits]), np.array([w.variance for w in waits])
    # Each bin in two: what is longer in it finds other numbers, too. Not so what hardly waits.
    apart = _APART * np.sqrt(spread) * np.maximum(1 - 2 * spread / means**2, 0.0)
    zero = np.zeros(none.shape)
    mean = np.stack([zero, *(means - apart), *(means + apart)]) + after
    squares = mean**2 + np.stack([zero, *(spread - apart**2), *(spread - apart**2)])
    halves = [0.5 * weight for weight in weights]
    shares = np.stack([none, *halves, *halves])
    return _Cells(shares, mean, squares, np.where(mean > 0, mean, np.nan))


def _mixed(cells: _Cells) -> Distribution:
    """Return the time of all ways, in bins."""
    size = cells.weights.shape[1]
    flat = [np.moveaxis(x, 1, 0).reshape(size, -1) for x in cells[:3]]
    order = np.argsort(flat[1], axis=1, kind="stable")
    weights, means, squares = (np.take_along_axis(x, order, axis=1) for x in flat)
    weights = weights / weights.sum(axis=1, keepdims=True)
    waiting = np.where(means > 0, weights, 0.0)
    total = waiting.sum(axis=1)
    shares = waiting / np.maximum(total, 1e-300)[:, None]
    parts, mean = in_bins(shares, means, CUTS)
    _, square = in_bins(shares, squares, CUTS)
    some = parts * total > 0
    mean = np.where(some, mean, 1.0)
    scv = np.where(some, np.maximum(square / mean**2 - 1, 1e-9), 1.0)
    return mixed_wait(np.maximum(1 - total, 0.0), parts * total, mean, scv)


def _fewer(cells: _Cells) -> _Cells:
    """Return few ways, of each way to the last station the waits there in parts."""
    weights = cells.weights
    below = np.cumsum(weights, axis=-1) - weights / 2
    whole = np.maximum(weights.sum(axis=-1, keepdims=True), 1e-300)
    place = np.minimum(_PARTS * below / whole, _PARTS - 1).astype(int)
    place = np.where(np.isfinite(cells.last), 1 + place, 0)
    found = []
    for part in range(_PARTS + 1):
        here = np.where(place == part, weights, 0.0)
        total = here.sum(axis=-1)
        values = (np.nan_to_num(x) for x in cells[1:])
        sums = [(here * x).sum(axis=-1) / np.maximum(total, 1e-300) for x in values]
        found.append((total, *sums[:2], sums[2] if part else np.full(total.shape, np.nan)))
    weights, *others = (np.concatenate(x) for x in zip(*found, strict=True))
    return _Cells(weights, *others)
