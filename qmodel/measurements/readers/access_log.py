"""Access logs: combined and common format, nginx with times, a log_format of your own, ALB.

The common and combined formats have no times of service; nginx and Apache append them. Known
are ``$request_time $upstream_response_time`` as bare numbers or named (``rt=0.012
urt="0.010"``), and the microseconds of Apache's ``%D``. Any other format is given as the
``log_format`` of nginx: ``read(path, format='$remote_addr [$time_local] "$request" $status
$request_time')``; with ``$ssl_session_reused`` and ``$connection_requests`` it tells the share
of resumed TLS sessions and the requests of a connection.

Requests are logged when they end. Where the time that they took is known, they are counted when
they began, which is when they arrived.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from qmodel.measurements.measurements import Measurements, of_rows
from qmodel.measurements.readers import cells
from qmodel.measurements.readers.quoted_lines import (
    named_times,
    number_columns,
    regular_lines,
    requests_of,
)
from qmodel.measurements.readers.requests import checked_times, kind_numbers, numbers_of, route
from qmodel.measurements.readers.sources import Block, Source
from qmodel.measurements.readers.tally import Tally

__all__ = ["NAME", "read", "recognises"]

NAME = "access log"

_TIME = r"\[([^\]\n]{10,40})\]"

_CAREFUL = re.compile(
    rf'^.*? {_TIME} "((?:[^"\\]|\\.)*)" (\d{{3}}) (?:\d+|-)'
    r'(?: "(?:[^"\\]|\\.)*"){0,4}((?: [^"].*)?)$'
)
_ALB = re.compile(
    r"^(?:https?|h2|grpcs?|wss?) (\S+) \S+ \S+ (\S+) ([-\d.]+) ([-\d.]+) ([-\d.]+) "
    r'(\d{3}|-) (\d{3}|-) \d+ \d+ "((?:[^"\\]|\\.)*)".*$',
    re.M,
)
_NUMBER = re.compile(r"\d+\.\d+|\d+")


def recognises(source: Source) -> bool:
    """Return whether the first lines are those of an access log."""
    some = source.first_lines[:20]
    found = sum(bool(_CAREFUL.match(x) or _ALB.match(x)) for x in some)
    return found > len(some) / 2


def read(source: Source, layout: str = "") -> Measurements:
    """Return the requests of an access log, counted by kind and interval."""
    log = _Log(source)
    if layout:
        pattern, names = _of_layout(source, layout)
        for block in source.blocks():
            log.add_named(block, pattern, names)
    elif any(_ALB.match(x) for x in source.first_lines[:20]):
        source.note("times of an application load balancer; component 'target' is behind it")
        for block in source.blocks():
            log.add_alb(block)
    else:
        for block in source.blocks():
            log.add(block)
    return log.measured()


class _Log:
    """The tallies of a log: of the server itself and of what is behind it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.front, self.behind = Tally(1.0), Tally(1.0)
        self.names = ("web", "upstream")
        self._clock: dict[str, float] = {}
        self.whole: bool | None = None  # Whether times are whole numbers, where they are.
        self.attempts = self.passed = 0
        self.reused: list[int] = [0, 0]
        self.connections: list[float] = [0.0, 0.0]

    def add(self, block: Block) -> None:
        found, others = regular_lines(block.data)
        careful = self._carefully(block.line, others)
        lines, asked, tails = found.lines + block.line, found.asked, found.tails
        times, status = found.times, found.status
        if careful:
            more, stamps, written, answers, ends = zip(*careful, strict=True)
            lines = np.append(lines, more)
            times = np.append(times, self._times(lines[-len(more) :], stamps))
            status = np.append(status, np.array(answers, dtype=int))
            asked, tails = [*asked, *written], [*tails, *ends]
        if not lines.size:
            return
        self.source.good_lines += lines.size
        taken, behind = self._taken(lines, tails)
        failed = (status >= 500) | (status == 499)
        self._count(lines, times, requests_of(asked), failed, taken, behind)

    def _carefully(
        self, first: int, lines: Sequence[tuple[int, bytes]]
    ) -> list[tuple[int, str, bytes, str, bytes]]:
        found = []
        for number, data in lines:
            line = data.decode("utf-8", "replace").strip()
            match = None if "\0" in line else _CAREFUL.match(line)
            if match:
                stamp, asked, status, tail = match.groups()
                found.append((first + number, stamp, asked.encode(), status, tail.encode()))
            elif line:
                self.source.bad(first + number, line, "is no line of this access log")
        return found

    def _times(self, lines: np.ndarray, stamps: Sequence[str]) -> np.ndarray:
        clock = self._clock
        for stamp in set(stamps).difference(clock):
            clock[stamp] = _moment(stamp)
        times = np.fromiter(map(clock.__getitem__, stamps), dtype=float, count=len(stamps))
        if len(clock) > 100_000:
            clock.clear()
        for i in np.flatnonzero(~np.isfinite(times)).tolist():
            self.source.bad(int(lines[i]), stamps[i], "is no date")
            self.source.good_lines -= 1
        return times

    def _taken(
        self, lines: np.ndarray, tails: Sequence[bytes]
    ) -> tuple[np.ndarray | None, Sequence[str] | None]:
        """Return the time that each request took and that of its upstream, where written."""
        first, more = number_columns(tails)
        if not any(first):
            return self._named(lines, more) if any(more) else (None, None)
        name = "the time after the user agent"
        values = numbers_of(self.source, lines, first, name)
        if not np.isfinite(values).any():
            return None, None
        if self.whole is None:
            self.whole = not any("." in f for f in first)
        if self.whole:
            self.source.note("the whole number at the end of a line is in microseconds (%D)")
            return values * 1e-6, None
        self.source.note("the first number after the user agent is the time in seconds")
        return values, [m.strip() or "-" for m in more] if any(more) else None

    def _named(
        self, lines: np.ndarray, tails: Sequence[str]
    ) -> tuple[np.ndarray | None, Sequence[str] | None]:
        first, behind = named_times(tails)
        if not set(first) - {"", "-"}:
            return None, None
        self.source.note("named times at the end of a line are in seconds")
        return numbers_of(self.source, lines, first, "the named time"), behind

    def _count(
        self,
        lines: np.ndarray,
        times: np.ndarray,
        asked: Sequence[str],
        failed: np.ndarray,
        taken: np.ndarray | None,
        behind: Sequence[str] | None,
    ) -> None:
        kinds = kind_numbers(self.front, asked, _kind)
        if taken is not None:
            taken = checked_times(self.source, lines, taken)
            times = times - np.nan_to_num(taken)
        known = np.isfinite(times)
        if not known.all():
            times, failed, kinds = times[known], failed[known], kinds[known]
            taken = None if taken is None else taken[known]
            behind = (
                None if behind is None else [b for b, k in zip(behind, known, strict=True) if k]
            )
        self.front.add(times, taken, failed, kinds)
        if behind is not None:
            spent, tries = _upstream(behind)
            asked_for = tries > 0
            self.attempts += int(tries.sum())
            self.passed += int(asked_for.sum())
            if asked_for.any():
                self.behind.add(times[asked_for], spent[asked_for], failed[asked_for])

    def add_alb(self, block: Block) -> None:
        self.names = ("load balancer", "target")
        found = []
        for number, line in block.lines():
            match = _ALB.match(line)
            if match is None:
                self.source.bad(number, line, "is no line of this access log")
            else:
                found.append((number, *match.groups()))
        if not found:
            return
        self.source.good_lines += len(found)
        lines, stamps, _, ask, wait, reply, status, _, asked = zip(*found, strict=True)
        at = np.array(lines)
        spent = np.array([ask, wait, reply], dtype=float)
        whole = np.where((spent < 0).any(axis=0), np.nan, spent.sum(axis=0))
        times = cells.times(stamps, lambda _: None, name="times")
        target = [w if float(w) >= 0 else "-" for w in wait]
        self._count(at, times, asked, _failed(status), whole, target)

    def add_named(self, block: Block, pattern: re.Pattern[str], names: list[str]) -> None:
        found, lines = [], []
        for number, line in block.lines():
            match = pattern.match(line)
            if match is None:
                self.source.bad(number, line, "does not have the format that was given")
            else:
                found.append(match.groups())
                lines.append(number)
        if not found:
            return
        self.source.good_lines += len(found)
        column = dict(zip(names, zip(*found, strict=True), strict=True))
        at = np.array(lines)
        stamp = next(n for n in ("msec", "time_iso8601", "time_local") if n in column)
        if stamp == "time_local":
            times = self._times(at, column[stamp])
        else:
            times = cells.times(column[stamp], self.source.note, name=f"${stamp}")
        asked = column.get("request") or column.get("uri") or column.get("request_uri")
        if asked is None:
            asked = ("",) * len(lines)
        taken = column.get("request_time")
        self._count(
            at,
            times,
            asked,
            _failed(column.get("status", ("200",) * len(lines))),
            None if taken is None else numbers_of(self.source, at, taken, "$request_time"),
            column.get("upstream_response_time"),
        )
        if "ssl_session_reused" in column:
            self.reused[0] += column["ssl_session_reused"].count("r")
            self.reused[1] += sum(c in ("r", ".") for c in column["ssl_session_reused"])
        if "connection_requests" in column:
            # Each connection has one first request: requests over those is the mean.
            position = np.array(column["connection_requests"], dtype=float)
            self.connections[0] += position.size
            self.connections[1] += float((position == 1).sum())

    def measured(self) -> Measurements:
        facts: dict[str, float] = {}
        if self.passed:
            facts["attempts"] = self.attempts / self.passed
        if self.reused[1]:
            facts["tls_resumed"] = self.reused[0] / self.reused[1]
        if self.connections[1]:
            facts["requests_per_connection"] = self.connections[0] / self.connections[1]
        if self.front.others:
            self.source.note(f"kinds beyond {len(self.front.kinds)} are together as '(other)'")
        rows = [*self.front.rows(self.names[0]), *self.behind.rows(self.names[1])]
        if not self.front.timed:
            self.source.note("no times of service: rates and errors only")
        return of_rows(
            rows,
            self.source,
            NAME,
            arrivals=self.front.arrivals(),
            facts=facts,
        )


def _kind(asked: str) -> str:
    parts = asked.split(" ", 2)
    if len(parts) < 2 or not parts[0].isalpha():
        return route(asked) if asked.startswith("/") else "(malformed)" if asked else ""
    return f"{parts[0]} {route(parts[1])}"


def _failed(status: Sequence[str]) -> np.ndarray:
    bad = {s: s[:1] == "5" or s == "499" for s in set(status)}
    return np.fromiter(map(bad.__getitem__, status), bool, len(status))


def _moment(stamp: str) -> float:
    try:
        return datetime.strptime(stamp, "%d/%b/%Y:%H:%M:%S %z").timestamp()
    except ValueError:
        return float("nan")


def _upstream(written: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the time spent upstream, all attempts together, and the number of attempts."""
    try:
        spent = np.array(["nan" if w == "-" else w for w in written], dtype=float)
    except ValueError:
        tries = [[float(x) for x in _NUMBER.findall(w)] for w in written]
        return np.array([sum(t) for t in tries]), np.array([len(t) for t in tries])
    return spent, np.isfinite(spent).astype(float)


def _of_layout(source: Source, layout: str) -> tuple[re.Pattern[str], list[str]]:
    names = re.findall(r"\$(\w+)", layout)
    if not {"msec", "time_iso8601", "time_local"} & set(names):
        raise source.refusal(
            f"needs $time_local, $time_iso8601 or $msec in its format {layout!r}"
        )
    written, at = "", 0
    for match in re.finditer(r"\$(\w+)", layout):
        literal = layout[at : match.start()]
        following = layout[match.end() : match.end() + 1]
        inside = f"[^{re.escape(following)}]*?" if following.strip() else r".*?"
        written += re.escape(literal) + f"({inside})"
        at = match.end()
    return re.compile(written + re.escape(layout[at:]) + r"\s*$"), names
