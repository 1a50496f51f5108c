"""A file of recorded load: a column of times, and a column of counts or rates.

* What load tools and monitoring write (Locust, k6, JMeter, access logs, Prometheus and more) is
  read by `qmodel.measurements`; the rest of this page is about a plain table.
* Times are ISO 8601 ("1998-04-30 21:30", with or without an offset), or numbers: seconds since
  a start, or seconds, milli-, micro- or nanoseconds since 1970, told apart by their magnitude.
  Rows may come in any order and keep it, and gaps are fine; but one time twice is an error,
  as it is open whether the counts add up or one of them is wrong.
* Counts become rates by the interval between times, which must then be regular. A counter that
  only ever grows is differenced. A column of rates has a unit, such as "requests/min", and is
  taken as it stands.
* An empty cell, "nan", "NA", "null" or "none" is a missing value: it becomes NaN (a time:
  NaT), and the row stays.
"""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._checked import checked
from qmodel._nearest import did_you_mean
from qmodel.errors import DomainError, LoadFileError
from qmodel.measurements.readers.access_log import refuse_layout
from qmodel.measurements.readers.cells import EARLIEST, epoch_seconds, per_unit
from qmodel.measurements.readers.plain import is_counter, per_second, role_of
from qmodel.measurements.readers.reading import format_of, read
from qmodel.measurements.readers.sources import Source
from qmodel.recorded_load.table import GROUPED, Table, read_table
from qmodel.units import parse

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_load"]

_MISSING = ("", "nan", "na", "n/a", "null", "none")
_RATE = re.compile(r".*(/\s*\w+|rps|qps|rpm)")
_JITTER = 0.01  # Of the interval: how far times may be off a regular grid.


@checked
def read_load(
    path: str | PathLike[str],
    *,
    time: str | None = None,
    count: str | None = None,
    unit: str | None = None,
    format: str | None = None,
) -> pd.DataFrame:
    r"""Return a file of recorded load as arrival rates.

    Parameters
    ----------
    path : str or path
        CSV file, plain or gzip, whose first line names the columns; or any other that
        `qmodel.measurements.read` knows. [-]
    time : str, optional
        Column of times; by default the only one that holds dates, or numbers below a name such
        as "timestamp". [-]
    count : str, optional
        Column of counts or rates; by default the only other one that holds numbers. [-]
    unit : str, optional
        Unit of the rates in that column, such as "requests/min" or "/s"; by default what its
        name says, such as "rps", and else it counts requests, in the interval between times.
        Of another file the unit of its times, as "ms", where it does not say it. [-]
    format : str, optional
        Format of a file that is no table, as `qmodel.measurements.read` takes it: the
        ``log_format`` of an access log. [-]

    Returns
    -------
    pandas.DataFrame
        Columns ``time`` and ``arrival_rate`` [1/s], one row for each row of the file, in its
        order; ``attrs["interval"]`` is the time between rows in seconds, NaN where it is
        not regular; ``attrs["notes"]`` what was assumed of another file, and its bad lines. [-]

    Raises
    ------
    LoadFileError
        If the file cannot be read or has no such column; the message names the bad line.
    DomainError
        If `unit` is not the unit of a rate.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "load.csv"
    >>> _ = path.write_text("minute,requests\n2026-05-01 12:00,600\n2026-05-01 12:01,1200\n")
    >>> read_load(path)["arrival_rate"].tolist()
    [10.0, 20.0]
    """
    import pandas as pd

    source = Source(path)
    known = "" if time is not None or count is not None else format or format_of(source)
    if known not in ("csv", ""):
        if unit is not None and per_unit(unit) is None:
            _rate(unit)
        measured = read(path, format, unit=unit)
        frame = measured.load()
        notes = list(measured.notes)
        if measured.bad_lines:
            count = f"{measured.bad_lines:,} bad line{'s' if measured.bad_lines > 1 else ''}"
            notes.append(f"{count} left out; the first is {measured.first_bad}")
        frame.attrs["notes"] = notes
        return frame
    refuse_layout(source)
    table = read_table(Path(path))
    at, counted = _columns(table, time, count)
    notes = []
    rate = None if unit is None else _rate(unit)
    if rate is None and (named := role_of(table.header[counted]))[0] == "arrival_rate":
        rate = per_second(named[1])
        notes.append(f"{table.header[counted]}: a rate, by its name")
    times, counts = _read(table, at, counted)
    interval = _interval(table, times)
    if rate is None:
        if np.isnan(interval):
            raise LoadFileError(
                f"the times in {table.path.name} have no regular interval, so counts do not "
                "tell rates: if the column holds rates, name their unit, such as 'requests/min'"
            )
        rate = 1 / interval
        counts = _differenced(source, table.header[counted], times, counts, count is None)
    frame = pd.DataFrame({"time": times, "arrival_rate": counts * rate})
    frame.attrs = {"units": {"arrival_rate": "1/s"}, "interval": interval, "notes": notes}
    return frame


def _rate(unit: str) -> float:
    if not _RATE.fullmatch(unit.strip()):
        raise DomainError(f"unit must be that of a rate, such as 'requests/min', got {unit!r}")
    return parse(f"1 {unit.strip()}")


def _columns(table: Table, time: str | None, count: str | None) -> tuple[int, int]:
    """Return the places of the columns of times and counts: named, or the only ones."""
    import pandas as pd

    if any(
        GROUPED.fullmatch(name) or pd.notna(_numbers([name])[0])
        for name in table.header
        if name.lower() not in _MISSING
    ):
        first = table.delimiter.join(table.header)
        why = f"{table.path.name}, line 1: {first!r} does not name the columns"
        if whole := GROUPED.search(first):
            why += (
                f"; if {whole[0]!r} is one number, write it without its thousands separator, "
                "below a line such as 'time,requests'"
            )
        raise LoadFileError(why)
    at = None if time is None else _named(table, time)
    counted = None if count is None else _named(table, count)
    some = [table.head(i) for i in range(len(table.header))]
    filled = [[c for c in cells if c.lower() not in _MISSING] for cells in some]
    numbers = [i for i, cells in enumerate(filled) if cells and _share(_numbers(cells))]
    dates = [
        i
        for i, cells in enumerate(filled)
        if cells and i not in numbers and _share(_dates(cells))
    ]
    if at is None:
        timed = dates or [i for i in numbers if role_of(table.header[i])[0] == "time"]
        at = _only(table, [i for i in timed if i != counted], "dates", "--time", "times")
    if counted is None:
        known = [i for i in numbers if i != at]
        if not known:
            _refuse_separators(table, filled)
        counted = _only(table, known, "numbers", "--count", "counts")
    if at == counted:
        raise LoadFileError(f"column {table.header[at]!r} cannot be both times and counts")
    return at, counted


def _named(table: Table, name: str) -> int:
    if name in table.header:
        return table.header.index(name)
    hint, there = did_you_mean(name, table.header), ", ".join(table.header)
    raise LoadFileError(f"no column {name!r} in {table.path.name}{hint} (it has {there})")


def _only(table: Table, found: list[int], what: str, option: str, role: str) -> int:
    if len(found) == 1:
        return found[0]
    names = ", ".join(table.header[i] for i in found) or ", ".join(table.header)
    how_many = "several columns" if found else "no column"
    raise LoadFileError(
        f"{table.path.name} has {how_many} of {what} ({names}): name the one that holds the "
        f"{role} ({option} on the command line)"
    )


def _refuse_separators(table: Table, filled: list[list[str]]) -> None:
    """Say it where the only numbers have thousands separators."""
    for name, cells in zip(table.header, filled, strict=True):
        grouped = [cell for cell in cells if GROUPED.fullmatch(cell)]
        if grouped:
            raise LoadFileError(
                f"the numbers in column {name!r} of {table.path.name} have thousands "
                f"separators, such as {grouped[0]!r}: write them without"
            )


def _share(values: Any) -> bool:
    """Return whether most cells have a value: one bad line must not hide a column."""
    import pandas as pd

    return bool(pd.notna(values).mean() > 0.5)


def _numbers(cells: list[str]) -> np.ndarray:
    import pandas as pd

    found: np.ndarray = pd.to_numeric(
        pd.Series(cells, dtype=object), errors="coerce"
    ).to_numpy()
    return found.astype(float)


def _dates(cells: list[str], zoned: bool | None = None) -> Any:
    import pandas as pd

    # Offsets may change within a file (summer time), which only UTC can hold.
    if zoned is None:
        zoned = _zoned(cells)
    return pd.to_datetime(
        pd.Series(cells, dtype=object), format="ISO8601", errors="coerce", utc=zoned
    )


def _zoned(cells: list[str]) -> bool:
    first = next((c for c in cells if c.lower() not in _MISSING), "")
    return bool(re.search(r"(Z|[+-]\d\d:?\d\d)$", first))


def _read(table: Table, at: int, counted: int) -> tuple[Any, np.ndarray]:
    """Return times and counts, chunk by chunk."""
    import pandas as pd

    plain = [c for c in table.head(at) if c.lower() not in _MISSING]
    seconds = bool(plain) and _share(_numbers(plain))
    zoned = _zoned(plain)
    what = "number of seconds" if seconds else "time such as 2026-05-01 12:30:00"
    times, counts, done = [], [], 0
    for moments, numbers in table.chunks(at, counted):
        found = pd.Series(_numbers(moments)) if seconds else _dates(moments, zoned)
        times.append(_filled(table, done, moments, found, at, what))
        counts.append(_counts(table, done, numbers, counted))
        done += len(moments)
    joined = pd.concat(times, ignore_index=True)
    if seconds:
        joined = _since_1970(joined.to_numpy())
    _refuse_twice(table, joined)
    return joined, np.concatenate(counts)


def _filled(table: Table, first: int, cells: list[str], values: Any, at: int, need: str) -> Any:
    """Return `values` of rows from `first` on, refusing what is neither value nor missing."""
    import pandas as pd

    for row in np.flatnonzero(pd.isna(values)):
        if cells[row].lower() not in _MISSING:
            why = f"has no {need} in column {table.header[at]!r}"
            if need == "number" and GROUPED.fullmatch(cells[row]):
                why += f": write {cells[row]!r} without thousands separators"
            raise table.error(first + int(row), why)
    return values


def _counts(table: Table, first: int, cells: list[str], at: int) -> np.ndarray:
    counts: np.ndarray = _filled(table, first, cells, _numbers(cells), at, "number")
    for bad in np.flatnonzero((counts < 0) | np.isinf(counts))[:1]:
        what = "is negative" if counts[bad] < 0 else "is not finite"
        raise table.error(first + int(bad), f"{what} in column {table.header[at]!r}")
    return counts


def _refuse_twice(table: Table, times: Any) -> None:
    if times.dropna().is_unique:
        return
    again = times.duplicated() & times.notna()
    for row in np.flatnonzero(again)[:1]:
        raise table.error(
            int(row), "has a time that an earlier row has; add up the counts of one time first"
        )


def _since_1970(values: np.ndarray) -> Any:
    """Return numbers as dates if their magnitude is that of a time since 1970."""
    import pandas as pd

    found = epoch_seconds(values, lambda _: None)
    known = np.isfinite(found)
    if not known.any() or np.median(found[known]) < EARLIEST:
        return pd.Series(values)
    whole = np.where(known, np.round(found * 1e6), 0).astype(np.int64)
    return pd.Series(whole.astype("datetime64[us]")).where(known)


def _differenced(
    source: Source, name: str, times: Any, counts: np.ndarray, guessed: bool
) -> np.ndarray:
    """Return what a counter grew by until each row; other counts as they are."""
    order = np.argsort(times.to_numpy(), kind="stable")
    known = order[np.isfinite(counts[order])]
    if not guessed or not is_counter(source, name, counts[known]):
        return counts
    grown = np.diff(counts[known], prepend=np.nan)
    found = np.full(counts.size, np.nan)
    # After a restart the counter begins at zero.
    found[known] = np.where(grown < 0, counts[known], grown)
    return found


def _interval(table: Table, times: Any) -> float:
    """Return the time between rows [s]: most common difference, if others are multiples."""
    seen = times.dropna().sort_values()
    if len(seen) < 2:
        return float("nan")
    since = seen - seen.iloc[0]
    steps = np.diff(since if since.dtype.kind == "f" else since.dt.total_seconds())
    values, often = np.unique(steps.round(6), return_counts=True)
    interval = float(values[often.argmax()])
    off = abs(steps / interval - np.round(steps / interval))
    regular = (steps > interval / 2).all() and (off < _JITTER).all()
    return interval if regular else float("nan")
