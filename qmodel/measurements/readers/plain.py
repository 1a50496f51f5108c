"""Plain CSV: one row a time, or a load, with columns named as people name them.

A column's name says what it is and its unit: ``rps``, ``requests/min``, ``p99 (ms)``,
``latency_us``, ``cpu %``. Counts become rates by the interval between times. A column that only
ever grows may be a counter: one with "total" or "cumulative" in its name is, and one whose
increments are too even for random arrivals; where both readings make sense it is refused, with
what to write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from qmodel.measurements.measurements import Measurements, of_rows
from qmodel.measurements.readers import cells
from qmodel.measurements.readers.requests import numbers_of
from qmodel.measurements.readers.sources import Source
from qmodel.measurements.readers.tables import columns, delimiter_of, header_of
from qmodel.units import parse

__all__ = ["NAME", "is_counter", "per_second", "read", "recognises", "role_of"]

NAME = "CSV"

ROLES = {
    "time": r"(@?time|@?timestamp|ts|date|datetime|minute( utc)?|hour|second|day|period)",
    "arrival_rate": r"(rps|qps|tps|rpm|rate|arrival rate|load|throughput|offered( rate| load)?"
    r"|requests? ?/ ?\w+|requests? per \w+|req/s|hits/s|lambda)",
    "count": r"(requests?|counts?|hits|calls|n|samples|total requests?|requests? total"
    r"|req count|http requests total|request count|requests? counter|cumulative requests?)",
    "errors": r"(errors?|failures?|failed|error count|failure count)",
    "mean": r"(mean|avg|average|latency|response time|mean latency|avg latency|latency mean"
    r"|latency avg|mean response time|average response time|duration)",
    "scv": r"(scv|squared coefficient of variation)",
    "utilization": r"(utili[sz]ation|util|cpu|cpu utili[sz]ation|busy|cpu usage)",
    "in_flight": r"(in flight|users|concurrency|vus|threads|clients|connections|n users)",
    "component": r"(component|service|station|instance|host|server)",
    "kind": r"(kind|route|endpoint|name|type|operation|path|label)",
    "hit_ratio": r"(hit ratio|hit rate|cache hit ratio)",
}
"""What a column may be called, in small letters with spaces, without its unit."""

_QUANTILE = re.compile(r"(?:latency |response time )?(?:p|q|percentile |)(\d{1,2}(?:\.\d+)?)"
                       r"(?:th|%|st|nd|rd)?(?: percentile| latency)?")  # fmt: skip
_UNIT = re.compile(
    r"[ _]*[\[(]([^\])]+)[\])]\s*$|[ _](ms|us|µs|ns|sec|secs|seconds|s|pct|percent)$"
)
_CUMULATIVE = re.compile(r"(total|cumul|counter)", re.I)
_RATE_UNIT = re.compile(r"(?:requests?|req|hits|calls|)\s*(?:/|per)\s*(\w+)")
_PER = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0,
}  # fmt: skip
_EVEN = 0.5  # Of the spread that random counts have: below, a counter's increments.
_ROWS = 4
_LONGEST_NAME = 100


def recognises(source: Source) -> bool:
    """Return whether the first line names columns of which one is a load, count or latency."""
    line = source.first_lines[0]
    if line.lstrip().startswith(("{", "[", "<")) or not line.count(delimiter_of(line)):
        return False
    roles = {role for role, _ in map(role_of, header_of(source))}
    return bool(roles & {"arrival_rate", "count", "mean"} or any(r[:1] == "p" for r in roles))


def role_of(name: str) -> tuple[str, str]:
    """Return what a column is, and the unit that its name has; "" for what is not known."""
    unit = ""
    bare = name.strip()
    if len(bare) > _LONGEST_NAME:
        return "", ""
    if match := _UNIT.search(bare):
        unit = match[1] or match[2]
        bare = bare[: match.start()]
    bare = re.sub(r"[_\-\s]+", " ", bare).strip().lower()
    if bare.endswith("%") and not _QUANTILE.fullmatch(bare):
        bare, unit = bare.removesuffix("%").strip(), "%"
    if (match := _QUANTILE.fullmatch(bare)) and float(match[1]) > 0:
        return f"p{float(match[1]):.12g}", unit
    if bare == "median":
        return "p50", unit
    for role, pattern in ROLES.items():
        if re.fullmatch(pattern, bare):
            return role, unit or (bare if role == "arrival_rate" else "")
    return "", unit


def read(
    source: Source,
    named: Mapping[str, str],
    unit: str | None = None,
    day_first: bool | None = None,
) -> Measurements:
    """Return the rows of a table; `named` has columns by what they are."""
    header = header_of(source)
    roles = _roles(source, header, named)
    parts: dict[str, list[Any]] = {name: [] for name in header}
    lines: list[np.ndarray] = []
    for part in columns(source):
        lines.append(part.lines)
        for name in header:
            parts[name] += part.cells[name]
    if not lines:
        raise source.refusal("has no rows below its header")
    at = np.concatenate(lines)
    found: dict[str, Any] = {}
    for role, (name, written) in roles.items():
        column = parts[name]
        if role in ("component", "kind"):
            found[role] = column
        elif role == "time":
            try:
                found[role] = cells.times(column, source.note, name=name, day_first=day_first)
            except ValueError as e:
                raise source.refusal(str(e)) from None
        else:
            values = numbers_of(source, at, column, name)
            found[role] = values * _factor(source, role, name, written, unit, values)
    kept = _kept(source, found, at, roles)
    found = {role: np.asarray(values)[kept] for role, values in found.items()}
    _with_rates(source, found, roles, named)
    size = len(next(iter(found.values())))
    rows = [{role: values[i] for role, values in found.items()} for i in range(size)]
    return of_rows(rows, source, NAME)


def _roles(
    source: Source, header: list[str], named: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    roles: dict[str, tuple[str, str]] = {}
    for role, name in named.items():
        if name not in header:
            raise source.refusal(f"has no column {name!r} (it has {', '.join(header)})", 1)
        if role not in ROLES and role != "counter" and not re.fullmatch(r"p[\d.]+", role):
            known = ", ".join([*ROLES, "counter", "p99"])
            raise source.refusal(f"cannot take a column as {role!r}: columns= takes {known}")
        roles[role] = (name, role_of(name)[1])
    taken = set(named.values())
    left = []
    for name in header:
        if name in taken:
            continue
        role, written = role_of(name)
        if role == "count" and "counter" in roles:
            role = ""
        if not role or role in roles:
            left.append(name)
        else:
            roles[role] = (name, written)
    if left:
        source.note(f"columns left out: {', '.join(left)}")
    if "counter" in roles and "count" in roles:
        del roles["count"]
    if not set(roles) & {"arrival_rate", "count", "counter", "mean", "utilization"} and not any(
        r[:1] == "p" for r in roles
    ):
        raise source.refusal(
            "has no column of loads or latencies that is known by its name "
            f"({', '.join(header)}): say which is which, such as "
            "columns={'time': ..., 'count': ...}",
            1,
        )
    return roles


def _factor(
    source: Source, role: str, name: str, written: str, unit: str | None, values: np.ndarray
) -> float:
    """Return what turns a column into seconds, rates a second, or shares."""
    if role in ("mean",) or role[:1] == "p":
        factor = cells.per_unit(unit or written or "")
        if factor is not None:
            return factor
        some = values[np.isfinite(values)]
        if some.size and np.median(some) > 10:
            raise source.refusal(
                f"does not say the unit of {name!r}, whose values are about "
                f"{np.median(some):g}: give it, such as read(path, unit='ms') "
                "(--unit ms on the command line)"
            )
        source.note(f"{name}: taken as seconds, as its name has no unit")
        return 1.0
    if role == "arrival_rate":
        if unit and "/" in unit:
            return parse(f"1 {unit.strip()}")
        return per_second(written)
    if role in ("utilization", "hit_ratio"):
        some = values[np.isfinite(values)]
        if written in ("%", "pct", "percent") or (some.size and some.max() > 1.5):
            source.note(f"{name}: in percent")
            return 0.01
    return 1.0


def per_second(written: str) -> float:
    """Return the rate [1/s] that one of a column is, by its unit or name, such as "rpm"."""
    match = _RATE_UNIT.search(written.lower())
    if match and match[1] in _PER:
        return 1 / _PER[match[1]]
    return 1 / 60 if written.lower() == "rpm" else 1.0


def _kept(
    source: Source, found: dict[str, Any], at: np.ndarray, roles: Mapping[str, Any]
) -> np.ndarray:
    """Return which rows can be used: a row with a time that is none is a bad line."""
    kept = np.ones(at.size, dtype=bool)
    for role in ("arrival_rate", "count", "counter", "mean"):
        if role in found:
            for i in np.flatnonzero((found[role] < 0) | np.isinf(found[role])):
                source.bad(
                    int(at[i]), f"{found[role][i]:g}", f"is impossible in {roles[role][0]}"
                )
                source.good_lines -= 1
                kept[i] = False
    if "time" in found:
        for i in np.flatnonzero(np.isnan(found["time"])):
            source.bad(int(at[i]), "", f"has no time in {roles['time'][0]}")
            source.good_lines -= 1
            kept[i] = False
    return kept


def _with_rates(
    source: Source,
    found: dict[str, Any],
    roles: Mapping[str, Any],
    named: Mapping[str, str],
) -> None:
    """Turn counts and counters into rates by the times between rows, for each group of rows."""
    role = "counter" if "counter" in found else "count"
    if role not in found or "time" not in found:
        return
    counts, times = found.pop(role), found["time"]
    name = roles[role][0]
    keys = list(
        zip(*(found.get(r, [""] * counts.size) for r in ("component", "kind")), strict=True)
    )
    groups = [np.array([k == key for k in keys]) for key in dict.fromkeys(keys)]
    interval = _interval(source, times, groups)
    rates, new = np.full(counts.size, np.nan), counts.copy()
    lengths = np.full(counts.size, interval)
    told = name in named.values()
    counter = role == "counter" or any(
        is_counter(source, name, counts[g][np.argsort(times[g], kind="stable")])
        for g in groups
        if not told
    )
    for group in groups:
        order = np.flatnonzero(group)[np.argsort(times[group], kind="stable")]
        if counter:
            grown = np.diff(counts[order], prepend=np.nan)
            resets = int((grown < 0).sum())
            if resets:
                source.note(f"{name}: {resets} resets of the counter, counted from zero")
            grown = np.where(grown < 0, counts[order], grown)
            spans = np.diff(times[order], prepend=np.nan)
            new[order], lengths[order], rates[order] = grown, spans, grown / spans
        else:
            rates[order] = counts[order] / interval
    if counter:
        source.note(f"{name}: a counter that only grows, differenced")
    elif np.isnan(interval) and "arrival_rate" not in found:
        raise source.refusal(
            "has no regular interval between its times, so counts do not tell rates: if the "
            "column holds rates, say columns={'arrival_rate': " + repr(name) + "}"
        )
    found |= {"count": new, "interval": lengths}
    found.setdefault("arrival_rate", rates)


def is_counter(source: Source, name: str, counts: np.ndarray) -> bool:
    """Return whether counts only ever grow, but for restarts; refuse what may be a ramp."""
    steps = np.diff(counts)
    if counts.size < 2 or not np.isfinite(steps).all():
        return False
    # A restart leaves little; a count of its own interval falls by a little.
    falls = np.flatnonzero(steps < 0)
    if (counts[falls + 1] > counts[falls] / 2).any():
        return False
    if _CUMULATIVE.search(name):
        return falls.size < steps.size / 2
    if counts.size < _ROWS or falls.size or not (steps > 0).any():
        return False
    # Counts of random arrivals scatter by the root of their size; a counter's steps do not.
    even = float(np.std(steps)) < _EVEN * np.sqrt(2 * float(np.mean(counts)))
    if even and counts[0] > 2 * float(np.max(steps)):
        return True
    if even:
        raise source.refusal(
            f"has a column {name!r} that only ever grows: say whether it is a counter "
            f"(columns={{'counter': {name!r}}}) or counts each interval "
            f"(columns={{'count': {name!r}}})"
        )
    return False


def _interval(source: Source, times: np.ndarray, groups: list[np.ndarray]) -> float:
    """Return the time between rows [s]: the most common one, if others are multiples of it."""
    steps = np.concatenate([np.diff(np.sort(times[g])) for g in groups])
    if not steps.size:
        return float("nan")
    if (steps == 0).any():
        raise source.refusal(
            "has a time that an earlier row has; add up the counts of one time first"
        )
    values, often = np.unique(steps.round(6), return_counts=True)
    interval = float(values[often.argmax()])
    off = abs(steps / interval - np.round(steps / interval))
    regular = (steps > interval / 2).all() and (off < 0.01).all()
    return interval if regular else float("nan")
