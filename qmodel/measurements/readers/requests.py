"""Columns of text of single requests, checked and put into a tally."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np

from qmodel.measurements.readers import cells
from qmodel.measurements.readers.sources import Source
from qmodel.measurements.readers.tally import Tally

__all__ = [
    "checked_times", "columns_of", "failures", "kind_numbers", "numbers_of", "route",
    "upstream_times",
]  # fmt: skip

_REMEMBERED = 100_000
_NO_DIGITS = str.maketrans("", "", "0123456789")
_NUMBER = re.compile(r"\d+\.\d+|\d+")
_LONGEST = 1e6  # [s]: no request takes longer; a unit is wrong.


def columns_of(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the columns of rows, one at least."""
    width = len(rows[0])
    # Not zip(*rows): its iterators, one a row, keep the garbage collector busy.
    whole = list(chain.from_iterable(rows))
    return [whole[i::width] for i in range(width)]


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


def upstream_times(written: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the time spent upstream, all attempts together, and the number of attempts."""
    several = [i for i, w in enumerate(written) if "," in w or ":" in w]
    one = ["nan" if w in {"-", ""} else w for w in written]
    for i in several:
        one[i] = "nan"
    spent = cells.numbers(one, lambda _: None)
    tries = ((spent >= 0) & (spent <= _LONGEST)).astype(float)
    for i in several:
        found = [float(x) for x in _NUMBER.findall(written[i])]
        spent[i], tries[i] = sum(found), len(found)
    return spent, tries


def failures(status: Sequence[str]) -> np.ndarray:
    """Return which answers count as failed: 5xx, and 499 and 0, of clients that went."""
    bad = {s: s[:1] == "5" or s in {"499", "0"} for s in set(status)}
    return np.fromiter(map(bad.__getitem__, status), bool, len(status))


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
