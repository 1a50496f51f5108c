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
from qmodel.measurements.readers.quoted_lines import regular_lines, requests_of, times_written
from qmodel.measurements.readers.requests import (
    checked_times,
    columns_of,
    failures,
    kind_numbers,
    numbers_of,
    route,
    upstream_times,
)
from qmodel.measurements.readers.sources import Block, Source
from qmodel.measurements.readers.tally import Tally

__all__ = ["NAME", "read", "recognises", "refuse_layout"]

NAME = "access log"

_TIME = r"\[([^\]\n]{10,40})\]"

_CAREFUL = re.compile(
    rf'^.*? {_TIME} "((?:[^"\\]|\\.)*)" (\d{{3}}) (?:\d+|-)'
    r'(?: "(?:[^"\\]|\\.)*"){0,4}((?: [^"].*)?)$'
)
_ALB = (
    r"(?:https?|h2|grpcs?|wss?) (\S+) \S+ \S+ \S+ ([-\d.]+) ([-\d.]+) ([-\d.]+) "
    r'(\d{3}|-) (?:\d{3}|-) \d+ \d+ "((?:[^"\\\n]++|\\.)*+)"[^\n]*'
)
_ALB_NAMES = ("time_iso8601", "ask", "wait", "reply", "status", "request")
_KEPT = {
    "msec", "time_iso8601", "time_local", "request", "uri", "request_uri", "status",
    "request_time", "upstream_response_time", "ssl_session_reused", "connection_requests",
}  # fmt: skip


def recognises(source: Source) -> bool:
    """Return whether the first lines are those of an access log."""
    some = source.first_lines[:20]
    found = sum(bool(_CAREFUL.match(x) or re.fullmatch(_ALB, x)) for x in some)
    return found > len(some) / 2


def refuse_layout(source: Source) -> None:
    """Ask for the format of what looks like an access log, but is none that is known."""
    if re.search(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d ", source.first_lines[0]):
        raise source.refusal(
            "looks like an access log in a format of its own: give the log_format of its "
            'server, such as read(path, format=\'$remote_addr [$time_local] "$request" '
            "$status $request_time') (--log-format on the command line)",
            1,
            source.first_lines[0],
        )


def read(source: Source, layout: str = "") -> Measurements:
    """Return the requests of an access log, counted by kind and interval."""
    log = _Log(source)
    if layout:
        lines = _of_layout(source, layout)
        for block in source.blocks():
            log.add_named(*lines.columns(source, block))
    elif any(re.fullmatch(_ALB, x) for x in source.first_lines[:20]):
        source.note("times of an application load balancer; component 'target' is behind it")
        log.names = ("load balancer", "target")
        lines = _Lines(_ALB, _ALB, _ALB_NAMES, "is no line of this access log")
        for block in source.blocks():
            log.add_alb(*lines.columns(source, block))
    else:
        for block in source.blocks():
            log.add(block)
    return log.measured()


class _Lines:
    """Lines of which an expression tells the columns, a whole block at a time.

    `strict` is quick; lines that it does not match are tried alone with `lazy`.
    """

    def __init__(self, strict: str, lazy: str, names: Sequence[str], wrong: str) -> None:
        self.strict = re.compile(rf"^(?:{strict}|([^\n]*))$", re.M)
        self.lazy, self.names, self.wrong = re.compile(lazy), tuple(names), wrong

    def columns(
        self, source: Source, block: Block
    ) -> tuple[np.ndarray, dict[str, Sequence[str]]]:
        """Return the numbers of the good lines, and their columns by name."""
        text = block.data.decode("utf-8", "replace").removesuffix("\n")
        found: list[tuple[str, ...]] = self.strict.findall(text)
        lines = np.arange(block.line, block.line + len(found))
        blank = ("",) * (len(self.names) + 1)
        if blank in found or any(row[-1] for row in found):
            kept = [self._kept(source, n, row) for n, row in enumerate(found, block.line)]
            lines = lines[[row is not None for row in kept]]
            found = [row for row in kept if row is not None]
        source.good_lines += len(found)
        return lines, dict(zip(self.names, columns_of(found) if found else (), strict=False))

    def _kept(
        self, source: Source, number: int, row: tuple[str, ...]
    ) -> tuple[str, ...] | None:
        if not any(row) or (row[-1] and not row[-1].strip()):
            return None
        if not row[-1]:
            return row
        match = self.lazy.fullmatch(row[-1].strip())
        if match is None:
            source.bad(number, row[-1], self.wrong)
            return None
        return (*(x or "" for x in match.groups()), "")


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
        text = b"\n".join(asked).decode("utf-8", "replace")
        self._count(lines, times, text, failed, taken, behind)

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
        found = times_written(tails)
        if not set(found.whole) - {"", "-"}:
            return None, None
        if found.named:
            self.source.note("named times at the end of a line are in seconds")
            values = numbers_of(self.source, lines, found.whole, "the named time")
            return values, found.behind
        name = "the time after the user agent"
        values = numbers_of(self.source, lines, found.whole, name)
        if not np.isfinite(values).any():
            return None, None
        if self.whole is None:
            self.whole = not any("." in f for f in found.whole)
        if self.whole:
            self.source.note("the whole number at the end of a line is in microseconds (%D)")
            return values * 1e-6, None
        self.source.note("the first number after the user agent is the time in seconds")
        return values, found.behind if any(found.behind) else None

    def _count(
        self,
        lines: np.ndarray,
        times: np.ndarray,
        asked: str,
        failed: np.ndarray,
        taken: np.ndarray | None,
        behind: Sequence[str] | None,
    ) -> None:
        kinds = kind_numbers(self.front, requests_of(asked), _kind)
        if taken is not None:
            taken = checked_times(self.source, lines, taken)
            times = times - np.nan_to_num(taken)
        known = np.isfinite(times)
        self.front.add(
            times[known], None if taken is None else taken[known], failed[known], kinds[known]
        )
        if behind is not None:
            spent, tries = upstream_times(behind)
            asked_for = known & (tries > 0)
            self.attempts += int(tries[known].sum())
            self.passed += int(asked_for.sum())
            if asked_for.any():
                self.behind.add(times[asked_for], spent[asked_for], failed[asked_for])

    def add_alb(self, lines: np.ndarray, column: dict[str, Sequence[str]]) -> None:
        """Count requests of a load balancer, whose time is that of its three parts."""
        if not lines.size:
            return
        spent = np.array(
            [numbers_of(self.source, lines, column[n], n) for n in ("ask", "wait", "reply")]
        )
        whole = np.where((spent < 0).any(axis=0), np.nan, spent.sum(axis=0))
        times = cells.times(column["time_iso8601"], lambda _: None, name="times")
        asked, failed = "\n".join(column["request"]), failures(column["status"])
        self._count(lines, times, asked, failed, whole, column["wait"])

    def add_named(self, lines: np.ndarray, column: dict[str, Sequence[str]]) -> None:
        """Count requests of a format that was given."""
        if not lines.size:
            return
        stamp = next(n for n in ("msec", "time_iso8601", "time_local") if n in column)
        if stamp == "time_local":
            times = self._times(lines, column[stamp])
        else:
            times = cells.times(column[stamp], self.source.note, name=f"${stamp}")
        nothing = ("",) * len(lines)
        asked = column.get("request") or column.get("uri") or column.get("request_uri")
        taken = column.get("request_time")
        self._count(
            lines,
            times,
            "\n".join(asked or nothing),
            failures(column.get("status", nothing)),
            None if taken is None else numbers_of(self.source, lines, taken, "$request_time"),
            column.get("upstream_response_time"),
        )
        if "ssl_session_reused" in column:
            self.reused[0] += column["ssl_session_reused"].count("r")
            self.reused[1] += sum(c in ("r", ".") for c in column["ssl_session_reused"])
        if "connection_requests" in column:
            # Each connection has one first request: requests over those is the mean.
            position = numbers_of(
                self.source, lines, column["connection_requests"], "$connection_requests"
            )
            self.connections[0] += np.isfinite(position).sum()
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


def _moment(stamp: str) -> float:
    try:
        return datetime.strptime(stamp, "%d/%b/%Y:%H:%M:%S %z").timestamp()
    except ValueError:
        return float("nan")


def _of_layout(source: Source, layout: str) -> _Lines:
    """Return what reads lines of a `log_format` of nginx."""
    if not {"msec", "time_iso8601", "time_local"} & set(re.findall(r"\$(\w+)", layout)):
        raise source.refusal(
            f"needs $time_local, $time_iso8601 or $msec in its format {layout!r}"
        )
    strict, lazy, at = "", "", 0
    names = []
    for match in re.finditer(r"\$(\w+)", layout):
        literal = re.escape(layout[at : match.start()])
        following = re.escape(layout[match.end() : match.end() + 1]) or " "
        keep = match[1] in _KEPT
        names += [match[1]] * keep
        # Between two variables that touch nothing tells where the first ends.
        inside = ".*?" if following == r"\$" else rf"[^{following}\n]*+"
        around = "({})" if keep else "(?:{})"
        strict += literal + around.format(inside)
        lazy += literal + around.format(".*?" if following.strip("\\ ") == "" else inside)
        at = match.end()
    rest = re.escape(layout[at:]) + r"[ \t\r]*"
    return _Lines(strict + rest, lazy + rest, names, "does not have the format that was given")
