"""Lines of an access log, a whole block at a time: read from where their quotes are.

A regular expression over whole lines spends most of its time on addresses, referrers and user
agents, of which nothing is kept. Here the places of the quotes and of the ends of the lines are
found first, for all lines together: the date stands at a known distance before the first quote
of a line, the status behind the second, the times behind the last. Each column is checked and
read at once. A line that is otherwise anywhere is left to the careful way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qmodel.measurements.readers.requests import columns_of

__all__ = ["Regular", "Written", "regular_lines", "requests_of", "times_written"]

_DATE = np.frombuffer(b" [dd/Mon/yyyy:hh:mm:ss +hhmm] ", np.uint8)
_SIGN = 23
_FIXED = np.flatnonzero(np.isin(_DATE, list(b" [/:]")))
_DIGITS = np.flatnonzero(np.isin(_DATE, list(b"dyhms")))
_NAMES = sorted(
    (int.from_bytes(name, "big"), number)
    for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())
)
_MONTHS, _MONTH_NUMBERS = np.array(_NAMES).T

_ANSWER = 20  # Bytes of a status, a size of up to 14 digits, and what parts them.
_STRINGS = 4  # At most so many quoted strings stand behind the answer.
_SPACE, _END, _QUOTE, _MINUS, _ESCAPE = b' \n"-\\'
_PAD = b"\n" * _DATE.size

_REQUEST = re.compile(
    r"^([A-Z]{2,10} (?:\w+://[^/ \"\n]*)?(?:/[^/?# \"\n]*){0,2}|[^\n]*)", re.M
)
"""Method and the first two segments of a path; the rest does not tell the kind."""

_NUMBERED = re.compile(r"/\d+(?=[/ ?\n])")
_NAMED = re.compile(r'(?<!\w)(\w+)[=:]"?([-\d.,: ]+)"?')
_NUMBERS = r"[-\d.,: ]+"
_CALLED = ("rt|request_time|reqtime", "urt|ut|upstream_response_time|upstream_time|uptime")
_TIMES = tuple(
    re.compile(rf'^(?:[^\n]*?(?<!\w)(?i:{names})[=:]"?({_NUMBERS}))?', re.M)
    for names in _CALLED
)
"""What finds the time of a request in each line, and what that of its upstream."""

_TAIL = re.compile(r"^(?: ([\d.]+|-)(?= |$))?([^\n]*)$", re.M)
_OF_NUMBERS = b"0123456789.-,"
_NUMERIC = {bytes((c,)) for c in b"0123456789.-"}


class Written(NamedTuple):
    """Times as they are written: of each request and of its upstream, "" or "-" for none."""

    whole: Sequence[str]
    behind: Sequence[str]
    named: bool = False


class Regular(NamedTuple):
    """The cells of the lines that are regular, by column, and which lines these are."""

    lines: np.ndarray
    times: np.ndarray
    status: np.ndarray
    asked: list[bytes]
    tails: list[bytes]


def regular_lines(data: bytes) -> tuple[Regular, list[tuple[int, bytes]]]:
    """Return the lines of a block that are regular, and the others as they are.

    Lines are counted from 0. Times are in seconds since 1970, and a tail is what stands behind
    the last quoted string.
    """
    data = b"".join((_PAD, data, b"" if data.endswith(b"\n") else b"\n", _PAD))
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text == _END)[len(_PAD) - 1 : -len(_PAD)]
    starts, ends = ends[:-1] + 1, ends[1:]
    quotes = np.flatnonzero(text == _QUOTE)
    at = np.searchsorted(quotes, starts)
    # Behind the last line are quotes enough for a line that has none.
    padded = np.append(quotes, np.full(2 * _STRINGS + 4, text.size - len(_PAD)))
    opened, closed = padded[at], padded[at + 1]
    good = (closed < ends) & (opened - starts >= _DATE.size)
    times, dated = _moments(_windows(text, opened, -_DATE.size, 0))
    status, size, answered = _answers(_windows(text, closed, 1, _ANSWER + 1))
    good &= dated & answered
    after = np.where(good, closed + 1 + size, ends)
    for string in range(1, _STRINGS + 1):
        more = (text[after] == _SPACE) & (text[after + 1] == _QUOTE)
        end = padded[at + 2 * string + 1]
        good &= ~more | (end < ends)
        after = np.where(more & good, end + 1, after)
    good &= (after == ends) | ((text[after] == _SPACE) & (text[after + 1] != _QUOTE))
    odd = quotes[text[quotes - 1] == _ESCAPE]
    if b"\0" in data:
        odd = np.append(odd, np.flatnonzero(text == 0))
    good[np.searchsorted(starts, odd, "right") - 1] = False
    some, others = np.flatnonzero(good), np.flatnonzero(~good)
    asked = _cut(data, opened[some] + 1, closed[some])
    tails = _cut(data, after[some], ends[some])
    left = zip(others.tolist(), _cut(data, starts[others], ends[others]), strict=True)
    return Regular(some, times[some], status[some], asked, tails), list(left)


def _windows(text: np.ndarray, at: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return the bytes around each place, from so many before it to so many behind it."""
    windows = np.lib.stride_tricks.sliding_window_view(text, last - first)
    found: np.ndarray = windows[np.clip(at + first, 0, len(windows) - 1)]
    return found


def _cut(data: bytes, starts: np.ndarray, ends: np.ndarray) -> list[bytes]:
    return [data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def _moments(dates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return dates such as [24/Oct/2026:14:20:02 -0700] in seconds, and which are dates."""
    digits = (dates - np.uint8(ord("0"))).astype(np.int32)

    def number(first: int, last: int) -> np.ndarray:
        return digits[:, first:last] @ 10 ** np.arange(last - first, dtype=np.int32)[::-1]

    day, year = number(2, 4), number(9, 13)
    hour, minute, second = (number(i, i + 2) for i in (14, 17, 20))
    ahead = 60 * number(24, 26) + number(26, 28)
    name = dates[:, 5:8] @ np.array([1 << 16, 1 << 8, 1], dtype=np.int64)
    found = np.minimum(np.searchsorted(_MONTHS, name), 11)
    month = 12 * (year - 1970) + _MONTH_NUMBERS[found]
    first, following = (
        m.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        for m in (month, month + 1)
    )
    good = (
        (dates[:, _FIXED] == _DATE[_FIXED]).all(axis=1)
        & (digits[:, _DIGITS].max(axis=1) <= 9)
        & (_MONTHS[found] == name)
        & ((day >= 1) & (day <= following - first))
        & ((hour < 24) & (minute < 60) & (second < 60))
        & ((dates[:, _SIGN] == ord("+")) | (dates[:, _SIGN] == _MINUS))
    )
    east = np.where(dates[:, _SIGN] == _MINUS, -60, 60) * ahead
    return 86400.0 * (first + day - 1) + 3600 * hour + 60 * minute + second - east, good


def _answers(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the status, the width with the size, and which are answers, such as " 200 512"."""
    digits = cells - np.uint8(ord("0"))
    numeric = digits <= 9
    status = digits[:, 1:4] @ np.array([100, 10, 1])
    size = np.argmin(numeric[:, 5:], axis=1)
    size = np.where((size == 0) & (cells[:, 5] == _MINUS), 1, size)
    good = (cells[:, 0] == _SPACE) & (cells[:, 4] == _SPACE) & numeric[:, 1:4].all(axis=1)
    return status, 5 + size, good & (size > 0)


def requests_of(text: str) -> list[str]:
    """Return the requests of lines, each as far as it tells the kind."""
    return _REQUEST.findall(_NUMBERED.sub("/{id}", text))


def times_written(tails: Sequence[bytes]) -> Written:
    """Return the times behind the last string of each line: the first two, or those named."""
    nothing = ("",) * len(tails)
    text = b"\n".join(tails)
    if not text.strip():
        return Written(nothing, nothing)
    if not tails[0].translate(None, _OF_NUMBERS + b" "):
        # Attempts of an upstream, "0.1, 0.2 : 0.3", are one cell.
        plain = text.replace(b" : ", b",").replace(b", ", b",")
        spaces = plain.translate(None, _OF_NUMBERS)
        each = len(spaces.partition(b"\n")[0])
        if each in (1, 2) and spaces == b"\n".join((b" " * each,) * len(tails)):
            cells = plain.decode().split()
            if len(cells) == each * len(tails):
                return Written(cells[::each], cells[1::2] if each == 2 else nothing)
    written = text.decode("utf-8", "replace")
    if not {tail[1:2] for tail in tails} & _NUMERIC:
        whole, behind = _named_times(written, len(tails))
        return Written(whole, behind, named=True)
    first, more = columns_of(_TAIL.findall(written))
    return Written(first, [m.strip() for m in more])


def _named_times(text: str, count: int) -> list[list[str]]:
    """Return the time that each tail names and that of its upstream, "" for none.

    Most tails are as the first is but for the numbers, and read by one expression.
    """
    like, at = "", 0
    first = text.partition("\n")[0]
    groups: list[int] = []
    for match in _NAMED.finditer(first):
        kind = _kind_of_time(match[1])
        like += re.escape(first[at : match.start(2)])
        like += _NUMBERS if kind is None or kind in groups else f"({_NUMBERS})"
        if kind is not None and kind not in groups:
            groups.append(kind)
        at = match.end(2)
    like += re.escape(first[at:])
    found = [[""] * count, [""] * count]
    if groups:
        # The last group is empty, so that there are several.
        rows = re.findall(rf"^(?:{like}|.*)()$", text, re.M)
        for kind, cells in zip(groups, columns_of(rows), strict=False):
            found[kind] = cells
    others = [i for i, cell in enumerate(found[groups[0] if groups else 0]) if not cell]
    if others:
        lines = text.split("\n")
        some = "\n".join(lines[i] for i in others)
        for column, pattern in zip(found, _TIMES, strict=True):
            for i, cell in zip(others, pattern.findall(some), strict=True):
                column[i] = cell
    return found


def _kind_of_time(name: str) -> int | None:
    """Return 0 for the name of the time of a request, 1 for that of its upstream."""
    return next((k for k, n in enumerate(_CALLED) if name.lower() in n.split("|")), None)
