"""Requests counted as they stream by: rates, errors and times in intervals of time.

Memory is bounded whatever the length of the file: intervals begin at one second and are made
coarser when their cells become too many; a series of counts alone, for the variability of the
arrivals, keeps a finer grid as long as it can.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from qmodel.measurements.histogram import bucket_of, of_buckets

__all__ = ["Tally"]

INTERVALS = (1, 10, 60, 600, 3600, 86400)
"""Lengths of the intervals [s], from fine to coarse."""

KINDS = 64
"""Most kinds of request that are kept apart."""

_CELLS = 20_000  # Most cells: a kind in an interval.
_ENTRIES = 2_000_000  # Most buckets of cells.
_FINE = 4_000_000  # Most intervals of the series of arrivals.
_BUCKETS = 1 << 12


class Tally:
    """Counts of the requests of one component, by kind and interval.

    Parameters
    ----------
    resolution : float, default 0.001
        Of the times: arrivals are not told apart within it. [s]
    """

    def __init__(self, resolution: float = 1e-3) -> None:
        self.kinds: dict[str, int] = {}
        self.known: dict[str, int] = {}  # the number of a kind by what it was called
        self.step = INTERVALS[0]
        self.others = 0
        self.timed = False
        self._cells: list[tuple[np.ndarray, np.ndarray]] = []
        self._entries: list[tuple[np.ndarray, np.ndarray]] = []
        self._waiting = 0
        self._fine = resolution  # [s]
        self._whole = True
        self._arrivals: dict[int, np.ndarray] = {}
        self.span = (np.inf, -np.inf)

    def kind(self, name: str) -> int:
        """Return the number of a kind; the last stands for all that come too late."""
        at = self.kinds.get(name)
        if at is None:
            if len(self.kinds) >= KINDS - 1:
                self.others += 1
                return self.kinds.setdefault("(other)", KINDS - 1)
            at = self.kinds[name] = len(self.kinds)
        return at

    def add(
        self,
        times: np.ndarray,
        latency: np.ndarray | None = None,
        failed: np.ndarray | None = None,
        kinds: np.ndarray | int = 0,
        users: np.ndarray | None = None,
    ) -> None:
        """Count requests: when they came [s], how long they took [s], whether they failed."""
        times = np.asarray(times, dtype=float)
        known = np.isfinite(times)
        if not known.all():
            times = np.where(known, times, self.span[1] if self.span[1] > -np.inf else 0.0)
        if not times.size:
            return
        self.span = min(self.span[0], times.min()), max(self.span[1], times.max())
        bins = np.floor(times / self.step).astype(np.int64)
        keys = bins * KINDS + kinds
        taken = np.full(times.size, np.nan) if latency is None else latency
        timed = np.isfinite(taken)
        unique, where = np.unique(keys, return_inverse=True)
        sums = np.stack(
            [
                np.bincount(where, weights=w, minlength=unique.size)
                for w in (
                    np.ones(times.size),
                    np.zeros(times.size) if failed is None else failed.astype(float),
                    timed.astype(float),
                    np.where(timed, taken, 0.0),
                    np.where(timed, taken, 0.0) ** 2,
                    np.zeros(times.size) if users is None else np.nan_to_num(users),
                )
            ]
        )
        self._cells.append((unique, sums))
        if timed.any():
            self.timed = True
            full, counts = np.unique(
                keys[timed] * _BUCKETS + (bucket_of(taken[timed]) + _BUCKETS // 2),
                return_counts=True,
            )
            self._entries.append((full, counts.astype(float)[None]))
        self._waiting += unique.size
        self._count_arrivals(times)
        if self._waiting > _CELLS // 4 or len(self._cells) > 64:
            self._settle()

    def _settle(self) -> None:
        """Add up what came apart, in coarser intervals if the cells are too many."""
        self._cells = [_added(self._cells)]
        self._entries = [_added(self._entries)] if self._entries else []
        self._waiting = 0
        coarser = [s for s in INTERVALS if s > self.step]
        for step in coarser:
            few = not self._entries or self._entries[0][0].size <= _ENTRIES
            if self._cells[0][0].size <= _CELLS and few:
                return
            factor = step // self.step
            keys, sums = self._cells[0]
            self._cells = [_added([(keys // KINDS // factor * KINDS + keys % KINDS, sums)])]
            if self._entries:
                keys, sums = self._entries[0]
                cell = keys // _BUCKETS
                cell = cell // KINDS // factor * KINDS + cell % KINDS
                self._entries = [_added([(cell * _BUCKETS + keys % _BUCKETS, sums)])]
            self.step = step

    def _count_arrivals(self, times: np.ndarray) -> None:
        self._whole = self._whole and bool((times == np.floor(times)).all())
        while (self.span[1] - self.span[0]) / self._fine > _FINE:
            self._fine *= 10
            again: dict[int, np.ndarray] = {}
            for start, counts in self._arrivals.items():
                at = (start + np.arange(counts.size)) // 10
                _put(again, at - at[0], counts, int(at[0]))
            self._arrivals = again
        at = np.floor(times / self._fine).astype(np.int64)
        first = int(at.min())
        _put(self._arrivals, at - first, None, first)

    def arrivals(self) -> tuple[float, float, np.ndarray]:
        """Return start [s], interval [s] and counts of the series of arrivals."""
        if not self._arrivals:
            return 0.0, 1.0, np.zeros(0)
        # Times in whole seconds say nothing of what happened within them.
        factor = max(1, round(1 / self._fine)) if self._whole else 1
        first, last = (int(np.floor(t / self._fine)) for t in self.span)
        first -= first % factor
        size = (last - first) // factor + 1
        whole = np.zeros(size)
        for start, counts in self._arrivals.items():
            some = np.flatnonzero(counts)
            at = (some + (start - first)) // factor
            whole += np.bincount(at, counts[some], size)
        return first * self._fine, self._fine * factor, whole

    def rows(self, component: str) -> Iterator[dict[str, Any]]:
        """Yield one row for each kind in each interval, in order of time."""
        if not self._cells:
            return
        self._settle()
        names = {at: name for name, at in self.kinds.items()}
        keys, sums = self._cells[0]
        full, counts = (
            self._entries[0] if self._entries else (np.zeros(0, int), np.zeros((1, 0)))
        )
        starts = np.searchsorted(full, keys * _BUCKETS)
        ends = np.searchsorted(full, (keys + 1) * _BUCKETS)
        for i, key in enumerate(keys):
            n, failed, timed, total, squares, users = sums[:, i]
            row = {
                "time": float(key // KINDS * self.step),
                "interval": float(self.step),
                "component": component,
                "kind": names.get(int(key % KINDS), ""),
                "arrival_rate": n / self.step,
                "count": n,
                "errors": failed,
            }
            if timed:
                row["mean"] = mean = total / timed
                row["scv"] = max(squares / timed / mean**2 - 1, 0.0) if mean else np.nan
                some = slice(starts[i], ends[i])
                row["histogram"] = of_buckets(
                    full[some] % _BUCKETS - _BUCKETS // 2, counts[0, some], total
                )
            if users:
                row["in_flight"] = users / n
            yield row


def _added(some: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    keys = np.concatenate([k for k, _ in some])
    sums = np.concatenate([s for _, s in some], axis=1)
    unique, where = np.unique(keys, return_inverse=True)
    return unique, np.stack([np.bincount(where, w, unique.size) for w in sums])


def _put(
    series: dict[int, np.ndarray], at: np.ndarray, weights: np.ndarray | None, first: int
) -> None:
    """Add counts to a series kept in pieces of 2^16 intervals."""
    place = at + first
    for piece in np.unique(place >> 16):
        here = place >> 16 == piece
        start = int(piece) << 16
        held = series.setdefault(start, np.zeros(1 << 16))
        held += np.bincount(
            place[here] - start, None if weights is None else weights[here], 1 << 16
        )
