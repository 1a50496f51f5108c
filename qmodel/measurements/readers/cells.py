"""Numbers and times as people and programs write them, a column at a time.

Numbers may have thousands signs and a decimal comma; times may be ISO 8601, dates with the day
or the month first, or numbers since 1970 in seconds, milli-, micro- or nanoseconds, which their
magnitude tells apart: a time between 1973 and 2286 has 9 or 10 digits before the point in
seconds, and 3 more in each finer unit. What had to be guessed is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

__all__ = ["EARLIEST", "MISSING", "epoch_seconds", "numbers", "per_unit", "seconds_of", "times"]

MISSING = frozenset(("", "-", "nan", "na", "n/a", "null", "none", "\\n"))
"""Cells without a value, in small letters."""

_EPOCHS = (
    (1e17, 1e-9, "nanoseconds"),
    (1e14, 1e-6, "microseconds"),
    (1e11, 1e-3, "milliseconds"),
)
EARLIEST = 1e8
"""Since 1970: smaller numbers are seconds since a start. [s]."""
_LATEST = 1e11  # [s] since 1970: no date is later.
_UNITS = {
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "ms": 1e-3, "msec": 1e-3, "millis": 1e-3, "milliseconds": 1e-3, "millisecond": 1e-3,
    "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "usec": 1e-6, "micros": 1e-6, "microseconds": 1e-6,
    "ns": 1e-9, "nsec": 1e-9, "nanos": 1e-9, "nanoseconds": 1e-9,
    "m": 60.0, "min": 60.0, "minutes": 60.0, "h": 3600.0, "hours": 3600.0,
}  # fmt: skip
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_GROUPED = re.compile(r"[+-]?\d{1,3}([,.' \u00a0\u202f’])\d{3}(\1\d{3})*(?:[.,]\d+)?")
_DURATION = re.compile(r"(\d+\.?\d*)\s*([a-zµμ]+)")
_ISO_CLOCK = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?"
_ISO = re.compile(rf"{_ISO_CLOCK}(Z|[+-]\d\d:\d\d)")
_SLASHED = re.compile(r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(.*)")


def per_unit(name: str) -> float | None:
    """Return the seconds of a unit of time, such as "ms"; None if it is none."""
    return _UNITS.get(name.strip().lower())


def seconds_of(written: str) -> float:
    """Return a duration such as "1.2ms" or "1m2.5s" in seconds, NaN if it is none."""
    text = written.strip().lower()
    pieces = _DURATION.findall(text)
    if not pieces or "".join(a + b for a, b in pieces) != text.replace(" ", ""):
        return float("nan")
    units = [_UNITS.get(unit) for _, unit in pieces]
    if None in units:
        return float("nan")
    return sum(float(a) * u for (a, _), u in zip(pieces, units, strict=True) if u is not None)


def numbers(
    cells: Sequence[str], note: Callable[[str], None], *, name: str = "a column"
) -> np.ndarray:
    """Return cells as numbers, NaN where one is missing or is no number."""
    try:
        return np.array(cells, dtype=float)
    except ValueError:
        pass
    stripped = [c.strip().strip("%").strip() for c in cells]
    other = [c for c in stripped if not _PLAIN.fullmatch(c) and c.lower() not in MISSING]
    decimal = _decimal_sign(other)
    if other and decimal == ",":
        note(f"in {name} the comma is the decimal sign")
    elif any(_GROUPED.fullmatch(c) for c in other):
        note(f"in {name} numbers have thousands signs")
    return np.array([_number(c, decimal) for c in stripped])


def _decimal_sign(cells: Sequence[str]) -> str:
    """Return the decimal sign that cells such as "1.234,5", "0,25" or "1,234" have."""
    for cell in cells:
        if "," in cell and "." in cell:
            return max(",.", key=cell.rfind)
    commas = [c for c in cells if "," in c]
    grouped = [c for c in commas if _GROUPED.fullmatch(c)]
    return "," if commas and len(grouped) < len(commas) else "."


def _number(cell: str, decimal: str) -> float:
    if decimal == "," or not _PLAIN.fullmatch(cell):
        thousands = "." if decimal == "," else ","
        cell = re.sub(rf"[{thousands}' \u00a0\u202f’]", "", cell).replace(decimal, ".")
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def epoch_seconds(
    values: np.ndarray, note: Callable[[str], None], *, name: str = "times"
) -> np.ndarray:
    """Return numeric times in seconds, whatever unit since 1970 they are in."""
    some = values[np.isfinite(values)]
    middle = float(np.median(np.abs(some))) if some.size else 0.0
    for least, factor, unit in _EPOCHS:
        if middle >= least:
            note(f"{name}: numbers of {unit} since 1970, by their magnitude")
            return values * factor
    if middle >= EARLIEST:
        note(f"{name}: numbers of seconds since 1970, by their magnitude")
    elif some.size:
        note(f"{name}: seconds since a start that is not given")
    return values


def times(
    cells: Sequence[str],
    note: Callable[[str], None],
    *,
    name: str = "times",
    day_first: bool | None = None,
) -> np.ndarray:
    """Return cells as times [s]: since 1970, or since a start; NaN where there is none."""
    alike = _iso_column(cells)
    if alike is not None:
        return np.where(np.abs(alike) < _LATEST, alike, np.nan)
    distinct = list(dict.fromkeys(cells))
    values = numbers(distinct, lambda _: None)
    present = [c for c in distinct if c.strip().lower() not in MISSING]
    if np.isfinite(values).sum() > len(present) / 2:
        found = epoch_seconds(values, note, name=name)
    else:
        found = _dates(distinct, note, name, day_first)
    found = np.where(np.abs(found) < _LATEST, found, np.nan)
    at = dict(zip(distinct, found, strict=True))
    return np.array([at[c] for c in cells], dtype=float)


def _dates(
    cells: list[str], note: Callable[[str], None], name: str, day_first: bool | None
) -> np.ndarray:
    isos = np.array([_iso(c) for c in cells])
    if np.isfinite(isos).any():
        if any(np.isfinite(x) and not re.search(r"(Z|[+-]\d\d:?\d\d)$", c.strip())
               for x, c in zip(isos, cells, strict=True)):  # fmt: skip
            note(f"{name}: dates without an offset, taken as UTC")
        return isos
    parts = [_SLASHED.fullmatch(c.strip()) for c in cells]
    numbered = [(int(m[1]), int(m[2])) for m in parts if m and len(m[3]) in (2, 4)]
    if not numbered:
        return isos
    first, second = (max(pair[i] for pair in numbered) for i in (0, 1))
    if day_first is None and (first > 12) == (second > 12):
        raise ValueError(
            f"{name} such as {cells[0]!r} may have the day or the month first: say which with "
            "day_first=True or False"
        )
    days = first > 12 if day_first is None else day_first
    note(f"{name}: dates with the {'day' if days else 'month'} first, taken as UTC")
    return np.array([_slashed(m, days) for m in parts])


def _iso_column(cells: Sequence[str]) -> np.ndarray | None:
    """Return cells that are ISO 8601 with one and the same offset, None if they are not."""
    first = _ISO.fullmatch(cells[0]) if len(cells) else None
    if first is None:
        return None
    text = "\n".join(cells)
    one = rf"{_ISO_CLOCK}{re.escape(first[1])}"
    if not re.fullmatch(rf"(?:{one}\n)*+{one}", text):
        return None
    try:
        found = np.array(
            (text + "\n").replace(f"{first[1]}\n", "\n").split("\n")[:-1], "datetime64[us]"
        )
    except ValueError:
        return None
    seconds = found.astype(np.int64) / 1e6
    return seconds + round(_iso(cells[0]) - float(seconds[0]))


def _iso(cell: str) -> float:
    text = cell.strip()
    # Nanoseconds, as Go writes them, are more digits than datetime takes.
    text = re.sub(r"(\.\d{6})\d+", r"\1", text).removesuffix(" UTC")
    text = re.sub(r"^(\d{4})/(\d\d)/(\d\d)", r"\1-\2-\3", text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return float("nan")
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _slashed(match: Any, days: bool) -> float:
    if not match:
        return float("nan")
    a, b, year = int(match[1]), int(match[2]), int(match[3])
    day, month = (a, b) if days else (b, a)
    clock = match[4].strip().strip(",T").strip()
    return _iso(f"{year + 2000 * (year < 100):04d}-{month:02d}-{day:02d} {clock or '00:00'}")
