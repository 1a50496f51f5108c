"""Access logs of one JSON object a line: nginx, Envoy, Caddy, Traefik, application logs.

The names of the fields are those that these programs use. A duration without a unit in its name
is in the unit of the program that its other fields show; if none does, the unit must be given,
as 12 may be seconds or milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qmodel.measurements.measurements import Measurements, of_rows
from qmodel.measurements.readers import cells
from qmodel.measurements.readers.quoted_lines import requests_of
from qmodel.measurements.readers.requests import (
    checked_times,
    failures,
    kind_numbers,
    route,
    upstream_times,
)
from qmodel.measurements.readers.sources import Source
from qmodel.measurements.readers.tally import Tally

__all__ = ["NAME", "read", "recognises"]

NAME = "JSON log"

_TIMES = ("@timestamp", "timestamp", "time", "ts", "start_time", "StartUTC", "time_iso8601",
          "time_local", "msec", "date", "datetime")  # fmt: skip
_STATUS = ("status", "response_code", "statusCode", "status_code", "DownstreamStatus", "code",
           "responseStatus")  # fmt: skip
_PATHS = ("path", "uri", "url", "request_uri", "RequestPath", "route", "request", "handler")
_METHODS = ("method", "request_method", "RequestMethod", "verb")
_SECONDS = ("request_time", "duration_s", "duration_seconds", "latency_s", "elapsed_seconds")
_MILLI = ("duration_ms", "latency_ms", "elapsed_ms", "response_time_ms", "request_time_ms",
          "responseTime", "durationMs", "latencyMs", "elapsedMs")  # fmt: skip
_MICRO = ("duration_us", "latency_us", "request_time_us", "elapsed_us")
_NANO = ("duration_ns", "latency_ns", "elapsed_ns")
_NAMED = {n: u for names, u in ((_SECONDS, 1.0), (_MILLI, 1e-3), (_MICRO, 1e-6), (_NANO, 1e-9))
          for n in names}  # fmt: skip
_UNNAMED = ("duration", "latency", "elapsed", "took", "response_time", "Duration")
_UPSTREAM = ("upstream_response_time", "OriginDuration", "x_envoy_upstream_service_time")


def recognises(source: Source) -> bool:
    """Return whether the first line is a JSON object with a time and a status or duration."""
    record = first_record(source)
    fields = set(record) | _inner(record)
    timed = fields & {*_NAMED, *_UNNAMED}
    return bool(fields & set(_TIMES)) and bool(timed or fields & set(_STATUS))


def first_record(source: Source) -> dict[str, Any]:
    """Return the JSON object that the first line is, empty if it is none."""
    import json

    try:
        record = json.loads(source.first_lines[0])
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _inner(record: dict[str, Any]) -> set[str]:
    inner = record.get("request")
    return set(inner) if isinstance(inner, dict) else set()


def read(source: Source, unit: str | None = None) -> Measurements:
    """Return the requests of a JSON log, counted by kind and interval."""
    front, behind = Tally(), Tally()
    for line, records in source.records():
        if records:
            _add(source, line, records, front, behind, unit)
    if not front.timed:
        source.note("no times of service: rates and errors only")
    rows = [*front.rows("web"), *behind.rows("upstream")]
    return of_rows(rows, source, NAME, arrivals=front.arrivals())


def _add(
    source: Source,
    line: int,
    records: Sequence[dict[str, Any]],
    front: Tally,
    behind: Tally,
    unit: str | None,
) -> None:
    # A block that had bad lines knows only about where it is.
    lines = np.arange(line, line + len(records))
    stamps = [str(x) for x in _column(records, _TIMES, "")]
    times = cells.times(stamps, source.note, name="times")
    for i in np.flatnonzero(~np.isfinite(times)):
        source.bad(int(lines[i]), stamps[i], "is no time")
        source.good_lines -= 1
    known = np.isfinite(times)
    failed = failures([str(x) for x in _column(records, _STATUS, "200")])
    taken = _durations(source, records, unit)
    kinds = kind_numbers(front, _asked(records), _kind)
    if taken is not None:
        taken = checked_times(source, lines, taken)[known]
    front.add(times[known], taken, failed[known], kinds[known])
    upstream = next((n for n in _UPSTREAM if n in records[0]), None)
    if upstream is not None:
        factor = {"OriginDuration": 1e-9, "x_envoy_upstream_service_time": 1e-3}.get(
            upstream, 1.0
        )
        values = [r.get(upstream) for r in records]
        spent, tries = upstream_times(["-" if v is None else str(v) for v in values])
        some = known & (tries > 0)
        if some.any():
            behind.add(times[some], factor * spent[some], failed[some])


def _durations(
    source: Source, records: Sequence[dict[str, Any]], unit: str | None
) -> np.ndarray | None:
    first = records[0]
    name = next((n for n in (*_NAMED, *_UNNAMED) if n in first), None)
    if name is None:
        return None
    values = [r.get(name) for r in records]
    if isinstance(values[0], str) and np.isnan(_float(values[0])):
        return np.array([cells.seconds_of(str(v)) for v in values])
    factor = None if unit is None else cells.per_unit(unit)
    if factor is None:
        factor = _NAMED.get(name) or _of_program(source, first, name)
    return _floats(values) * factor


def _of_program(source: Source, first: dict[str, Any], name: str) -> float:
    if name == "Duration" and {"OriginStatus", "DownstreamStatus"} & set(first):
        source.note("durations in nanoseconds, as Traefik writes them")
        return 1e-9
    if "response_code" in first and {"upstream_host", "upstream_cluster", "protocol"} & set(
        first
    ):
        source.note("durations in milliseconds, as Envoy writes them")
        return 1e-3
    if "logger" in first and isinstance(first.get("request"), dict):
        source.note("durations in seconds, as Caddy writes them")
        return 1.0
    raise source.refusal(
        f"does not say the unit of {name!r}: give it, such as read(path, unit='ms') (--unit ms "
        "on the command line)",
        1,
    )


def _first(record: dict[str, Any], names: Sequence[str], default: Any) -> Any:
    return next((record[n] for n in names if n in record), default)


def _column(records: Sequence[dict[str, Any]], names: Sequence[str], default: Any) -> list[Any]:
    """Return the field of one of these names of each record, most often that of the first."""
    name = next((n for n in names if n in records[0]), names[0])
    return [r[name] if name in r else _first(r, names, default) for r in records]


def _asked(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return method and path of each record, as far as they tell the kind."""
    paths = _paths(records)
    if set(map(type, paths)) != {str}:
        # As Caddy writes it, within an object; or there is none.
        records = [
            r | inner if isinstance(inner := r.get("request"), dict) else r for r in records
        ]
        paths = [p if isinstance(p, str) else "" for p in _paths(records)]
    methods = _column(records, _METHODS, "")
    asked = [p if " " in p else f"{m} {p}" for m, p in zip(methods, paths, strict=True)]
    text = "\n".join(asked)
    return requests_of(text) if text.count("\n") == len(asked) - 1 else asked


def _paths(records: Sequence[dict[str, Any]]) -> list[Any]:
    names = sorted(_PATHS, key=lambda n: not isinstance(records[0].get(n), str))
    return _column(records, names, None)


def _kind(asked: str) -> str:
    method, path = asked.split(" ", 2)[:2]
    return f"{method} {route(path) if '/' in path else path}".strip()


def _floats(values: Sequence[Any]) -> np.ndarray:
    try:
        return np.array(values, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return np.array([_float(v) for v in values])


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")
