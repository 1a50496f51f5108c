"""Columns of text of single requests, checked and put into a tally."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from qmodel.measurements.readers import cells
from qmodel.measurements.readers.sources import Source
from qmodel.measurements.readers.tally import Tally

__all__ = ["checked_times", "kind_numbers", "numbers_of", "route"]

_REMEMBERED = 100_000
_NO_DIGITS = str.maketrans("", "", "0123456789")
_LONGEST = 1e6  # [s]: no request takes longer; a unit is wrong.


def numbers_of(
    source: Source, lines: np.ndarray, column: Sequence[str], name: str, factor: float = 1.0
) -> np.ndarray:
    """Return a column of numbers times a factor; what is none counts as a bad line."""
    values = cells.numbers(column, source.note, name=name)
    if np.isfinite(values).all():
        return values * factor
    for i in np.flatnonzero(~np.isfinite(values)).tolist():
        if column[i].strip().lower() not in cells.MISSING:
            source.bad(int(lines[i]), column[i], f"is no number in {name}")
            source.good_lines -= 1
    return np.where(np.isfinite(values), values, np.nan) * factor


def checked_times(source: Source, lines: np.ndarray, latency: np.ndarray) -> np.ndarray:
    """Return times that requests took, NaN where one is impossible (a bad line)."""
    wrong = (latency < 0) | (latency > _LONGEST)
    for i in np.flatnonzero(wrong):
        what = "is a negative time" if latency[i] < 0 else "is a time of more than 11 days"
        source.bad(int(lines[i]), f"{latency[i]:g} s", what)
        source.good_lines -= 1
    return np.where(wrong, np.nan, latency) if wrong.any() else latency


def kind_numbers(
    tally: Tally, names: Sequence[str], of: Callable[[str], str] = str
) -> np.ndarray:
    """Return the numbers of the kinds of requests in a tally."""
    known = tally.known
    if len(known) > _REMEMBERED:
        known.clear()
    for name in dict.fromkeys(names):
        if name not in known:
            known[name] = tally.kind(of(name))
    return np.fromiter(map(known.__getitem__, names), dtype=np.int64, count=len(names))


def route(path: str) -> str:
    """Return a path as its kind of request: two segments, identifiers replaced, no query."""
    bare = path.partition("?")[0]
    if "://" in bare:
        bare = "/" + bare.partition("://")[2].partition("/")[2]
    parts = bare.split("/", 3)[1:3]
    return "/" + "/".join("{id}" if _identifies(p) else p for p in parts if p)


def _identifies(segment: str) -> bool:
    if segment.isdecimal() or segment.isalpha():
        return segment.isdecimal()
    digits = len(segment) - len(segment.translate(_NO_DIGITS))
    return digits > 0 and (digits >= 4 or len(segment) > 20)
