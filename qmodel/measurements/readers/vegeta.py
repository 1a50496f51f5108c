"""What vegeta writes: the report as JSON or text, and results as CSV or one JSON object a line.

Times are nanoseconds. Vegeta attacks at a constant rate whatever the answers: an open loop, and
its arrivals are regular, not random, unless its pacer says otherwise.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from qmodel.measurements.measurements import Measurements, of_rows
from qmodel.measurements.readers import cells
from qmodel.measurements.readers.json_log import first_record
from qmodel.measurements.readers.requests import kind_numbers, numbers_of, route
from qmodel.measurements.readers.sources import Source
from qmodel.measurements.readers.tables import columns
from qmodel.measurements.readers.tally import Tally

__all__ = ["NAME", "read", "recognises"]

NAME = "vegeta"

_NS = 1e-9
_CSV = ("timestamp", "code", "latency", "out", "in", "error", "body", "attack", "seq", "method",
        "url", "headers")  # fmt: skip
_ROW = re.compile(r"\d{19},\d{1,3},\d+,\d+,\d+,")
_LINE = re.compile(r"^(\w[\w ]*?)\s+\[([^\]]+)\]\s+(.*)$", re.M)


def recognises(source: Source) -> bool:
    """Return whether the file is a report or results of vegeta."""
    head, first = source.head.decode("utf-8", "replace"), source.first_lines[0]
    report = '"latencies"' in head and '"throughput"' in head
    record = first_record(source)
    results = {"latency", "code", "timestamp", "attack"} <= set(record)
    return bool(
        report
        or results
        or _ROW.match(first)
        or (first.startswith("Requests  ") and "[" in first)
    )


def read(source: Source) -> Measurements:
    """Return an attack of vegeta."""
    if _ROW.match(source.first_lines[0]):
        return _csv(source)
    if "latency" in first_record(source):
        return _results(source)
    row = _text(source) if source.first_lines[0].startswith("Requests") else _report(source)
    source.note("vegeta's arrivals are regular, not Poisson")
    return of_rows([row], source, f"{NAME} report", loop="open")


def _report(source: Source) -> dict[str, Any]:
    document = source.document()
    times = document["latencies"]
    row = {
        "component": "site",
        "arrival_rate": document["rate"],
        "count": document["requests"],
        "interval": document.get("duration", np.nan) * _NS,
        "errors": (1 - document.get("success", 1.0)) * document["requests"],
        "mean": times["mean"] * _NS,
    }
    return row | {
        f"p{name[:-2]}": value * _NS for name, value in times.items() if name.endswith("th")
    }


def _text(source: Source) -> dict[str, Any]:
    found: dict[str, dict[str, str]] = {}
    for name, heads, values in _LINE.findall(source.text()):
        named = zip(heads.split(", "), values.split(", "), strict=False)
        found[name] = {k.strip(): v.strip() for k, v in named}
    requests, times = found.get("Requests", {}), found.get("Latencies", {})
    if "rate" not in requests or "mean" not in times:
        raise source.refusal("is a report of vegeta without its rate or its mean latency")
    row: dict[str, Any] = {
        "component": "site",
        "arrival_rate": float(requests["rate"]),
        "count": float(requests["total"]),
        "mean": cells.seconds_of(times["mean"]),
    }
    success = found.get("Success", {}).get("ratio", "100%").removesuffix("%")
    row["errors"] = (1 - float(success) / 100) * row["count"]
    return row | {
        f"p{name}": cells.seconds_of(value) for name, value in times.items() if name.isdigit()
    }


def _csv(source: Source) -> Measurements:
    tally = Tally()
    for part in columns(source, _CSV, delimiter=","):
        times = numbers_of(source, part.lines, part.cells["timestamp"], "timestamp", _NS)
        taken = numbers_of(source, part.lines, part.cells["latency"], "latency", _NS)
        names = [
            f"{m} {route(u)}"
            for m, u in zip(part.cells["method"], part.cells["url"], strict=True)
        ]
        failed = np.array([not "200" <= c < "400" for c in part.cells["code"]])
        known = np.isfinite(times) & np.isfinite(taken)
        kinds = kind_numbers(tally, names)
        tally.add(times[known], taken[known], failed[known], kinds[known])
    return of_rows(
        list(tally.rows("site")), source, f"{NAME} CSV", arrivals=tally.arrivals(), loop="open"
    )


def _results(source: Source) -> Measurements:
    tally = Tally()
    for _, found in source.records():
        if not found:
            continue
        times = cells.times([str(r["timestamp"]) for r in found], source.note)
        taken = np.array([r["latency"] for r in found], dtype=float) * _NS
        failed = np.array([not 200 <= int(r["code"]) < 400 for r in found])
        names = [f"{r.get('method', '')} {route(r.get('url', ''))}".strip() for r in found]
        tally.add(times, taken, failed, kind_numbers(tally, names))
    return of_rows(
        list(tally.rows("site")),
        source,
        f"{NAME} results",
        arrivals=tally.arrivals(),
        loop="open",
    )
