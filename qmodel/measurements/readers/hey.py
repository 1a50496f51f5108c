"""What hey writes: its summary as text, or CSV with one row a request. The loop is closed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from qmodel.measurements.histogram import Histogram
from qmodel.measurements.measurements import Measurements, of_rows
from qmodel.measurements.readers.requests import numbers_of
from qmodel.measurements.readers.sources import Source
from qmodel.measurements.readers.tables import columns
from qmodel.measurements.readers.tally import Tally

__all__ = ["NAME", "read", "recognises"]

NAME = "hey"

_NUMBER = r"([\d.]+)"


def recognises(source: Source) -> bool:
    """Return whether the file is the summary or the CSV of hey."""
    head = source.head.decode("utf-8", "replace")
    return head.startswith("response-time,DNS+dialup") or (
        "Summary:" in head and "Requests/sec:" in head and "Slowest:" in head
    )


def read(source: Source) -> Measurements:
    """Return a run of hey."""
    if source.first_lines[0].startswith("response-time"):
        return _csv(source)
    text = source.text()

    def value(name: str) -> float:
        found = re.search(rf"^\s*{name}:?\s+{_NUMBER}", text, re.M)
        if not found:
            raise source.refusal(f"is a summary of hey without {name!r}")
        return float(found[1])

    row: dict[str, Any] = {
        "component": "site",
        "arrival_rate": value("Requests/sec"),
        "mean": value("Average"),
        "interval": value("Total"),
    }
    for percent, seconds in re.findall(rf"^\s*{_NUMBER}%+ in {_NUMBER} secs", text, re.M):
        row[f"p{float(percent):.12g}"] = float(seconds)
    codes = re.findall(r"^\s*\[(\d{3})\]\s+(\d+) responses", text, re.M)
    row["count"] = float(sum(int(n) for _, n in codes))
    row["errors"] = float(sum(int(n) for code, n in codes if code >= "400"))
    buckets = re.findall(rf"^\s*{_NUMBER} \[(\d+)\]", text, re.M)
    if len(buckets) > 1:
        # The first bar is the fastest request alone, at its own time.
        bounds = [float(b) for b, _ in buckets]
        if bounds == sorted(set(bounds)):
            counts = [float(n) for _, n in buckets]
            row["histogram"] = Histogram(bounds, counts, row["mean"] * sum(counts))
    return of_rows([row], source, NAME, loop="closed")


def _csv(source: Source) -> Measurements:
    tally = Tally()
    for part in columns(source):
        taken = numbers_of(source, part.lines, part.cells["response-time"], "response-time")
        at = numbers_of(source, part.lines, part.cells["offset"], "offset")
        status = part.cells.get("status-code", ["200"] * len(part.lines))
        known = np.isfinite(at) & np.isfinite(taken)
        failed = np.array([s >= "400" for s in status])
        tally.add(at[known], taken[known], failed[known])
    source.note("times are seconds since the start of the run")
    return of_rows(
        list(tally.rows("site")),
        source,
        f"{NAME} CSV",
        arrivals=tally.arrivals(),
        loop="closed",
    )
