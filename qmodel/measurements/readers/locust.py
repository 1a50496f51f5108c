"""What Locust writes: `_stats.csv` (one row a request) and `_stats_history.csv` (over time).

Times are milliseconds. Locust's users wait for their answers: a closed loop. The rates of the
history are means of the last ten seconds, and so are its percentiles. The rows "Aggregated" are
all requests together, here of kind "".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.measurements.measurements import Measurements, of_rows
from qmodel.measurements.readers import cells
from qmodel.measurements.readers.requests import numbers_of
from qmodel.measurements.readers.sources import Source
from qmodel.measurements.readers.tables import Columns, columns, header_of

__all__ = ["NAME", "read", "recognises"]

NAME = "Locust"

_MS = 1e-3


def recognises(source: Source) -> bool:
    """Return whether the header is that of a file of Locust."""
    found = set(header_of(source))
    return {"Type", "Name", "Requests/s"} <= found


def read(source: Source) -> Measurements:
    """Return a run of Locust."""
    rows: list[dict[str, Any]] = []
    history = "Timestamp" in header_of(source)
    for part in columns(source):
        rows += _rows(source, part)
    named = [r for r in rows if r["kind"]]
    if history:
        source.note("rates and percentiles of the history are those of the last 10 s")
    if not history and named and len(named) < len(rows):
        source.note("the rows 'Aggregated' are all requests together, here of kind ''")
    form = f"{NAME} history" if history else f"{NAME} stats"
    return of_rows(rows, source, form, loop="closed")


def _rows(source: Source, part: Columns) -> list[dict[str, Any]]:
    def column(name: str, factor: float = 1.0) -> np.ndarray:
        if name not in part.cells:
            return np.full(len(part.lines), np.nan)
        return numbers_of(source, part.lines, part.cells[name], name, factor)

    found: dict[str, Any] = {"arrival_rate": column("Requests/s")}
    total = "Total Request Count" in part.cells
    found["count"] = column("Request Count")
    found["errors"] = column("Failure Count")
    found["mean"] = column("Average Response Time", _MS)
    if total:
        found["mean"] = np.full(len(part.lines), np.nan)  # of the whole run so far
        found["in_flight"] = column("User Count")
    if "Timestamp" in part.cells:
        found["time"] = cells.times(part.cells["Timestamp"], source.note)
    for name in part.cells:
        if name.endswith("%"):
            found[f"p{float(name[:-1]):.12g}"] = column(name, _MS)
    found.pop("p100", None)
    rows = []
    for i in range(len(part.lines)):
        kind = f"{part.cells['Type'][i]} {part.cells['Name'][i]}".strip()
        row = {name: float(values[i]) for name, values in found.items()}
        rows.append(row | {"component": "site", "kind": "" if kind == "Aggregated" else kind})
    return rows
