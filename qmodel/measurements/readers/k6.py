"""What k6 writes: the summary as JSON, and single points as CSV or as one JSON object a line.

Times are milliseconds. A run with an arrival-rate executor is an open loop: its summary has
``dropped_iterations`` if the generator fell behind, which is said, as the load was then less
than was meant. With a constant number of users the loop is closed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.measurements.measurements import Loop, Measurements, of_rows
from qmodel.measurements.readers import cells
from qmodel.measurements.readers.json_log import first_record
from qmodel.measurements.readers.requests import kind_numbers, numbers_of, route
from qmodel.measurements.readers.sources import Source
from qmodel.measurements.readers.tables import columns
from qmodel.measurements.readers.tally import Tally

__all__ = ["NAME", "read", "recognises"]

NAME = "k6"

_DURATION = "http_req_duration"
_MS = 1e-3
_WANTED = ("metric_name", "timestamp", "metric_value", "method", "name", "status")


def recognises(source: Source) -> bool:
    """Return whether the file is a summary, a CSV file or a file of points of k6."""
    first = source.first_lines[0]
    if first.startswith("metric_name,timestamp,metric_value"):
        return True
    if first_record(source).get("type") in ("Metric", "Point"):
        return "metric" in first_record(source)
    head = source.head.decode("utf-8", "replace")
    return head.lstrip().startswith("{") and '"metrics"' in head and (
        '"http_req' in head or '"iteration' in head
    )  # fmt: skip


def read(source: Source) -> Measurements:
    """Return a run of k6."""
    if source.first_lines[0].startswith("metric_name,"):
        return _csv(source)
    if "metric" in first_record(source):
        return _points(source)
    return _summary(source)


def _summary(source: Source) -> Measurements:
    document = source.document()
    metrics = document["metrics"]
    values = {n: m.get("values", m) for n, m in metrics.items() if isinstance(m, dict)}
    requests, latency = values.get("http_reqs"), values.get(_DURATION)
    if requests is None or latency is None:
        raise source.refusal("is a summary of k6 without http_reqs and http_req_duration")
    row: dict[str, Any] = {
        "component": "site",
        "arrival_rate": requests.get("rate"),
        "count": requests.get("count"),
        "mean": latency.get("avg", np.nan) * _MS,
    }
    for name, value in latency.items():
        if name == "med":
            row["p50"] = value * _MS
        elif name.startswith("p("):
            row[f"p{float(name[2:-1]):.12g}"] = value * _MS
    if requests.get("rate"):
        row["interval"] = requests["count"] / requests["rate"]
    failed = values.get("http_req_failed", {})
    share = failed.get("rate", failed.get("value"))
    if share is not None:
        row["errors"] = share * requests["count"]
    users = values.get("vus", {}).get("max", values.get("vus_max", {}).get("value"))
    if users:
        row["in_flight"] = users
    loop: Loop = "unknown"
    if "dropped_iterations" in values:
        loop = "open"
        dropped = values["dropped_iterations"].get("count", 0)
        source.note(f"{dropped:g} iterations were dropped: the load was less than was meant")
    else:
        source.note("the summary does not say whether the loop was open or closed")
    source.note("percentiles of a summary are exact; the mean includes failed requests")
    return of_rows([row], source, f"{NAME} summary", loop=loop)


def _csv(source: Source) -> Measurements:
    tally, users, loop = Tally(), [], "unknown"
    for part in columns(source, wanted=_WANTED):
        metric = np.array(part.cells["metric_name"])
        here = np.flatnonzero(metric == _DURATION)
        if (metric == "dropped_iterations").any():
            loop = "open"
        stamps, values = part.cells["timestamp"], part.cells["metric_value"]
        users += [(stamps[i], values[i]) for i in np.flatnonzero(metric == "vus")]
        if not here.size:
            continue
        cell = {
            n: [part.cells[n][i] for i in here]
            for n in ("timestamp", "metric_value", "method", "name", "status")
            if n in part.cells
        }
        times = cells.times(cell["timestamp"], source.note)
        taken = numbers_of(source, part.lines[here], cell["metric_value"], "metric_value", _MS)
        names = [
            f"{m} {route(n)}".strip()
            for m, n in zip(cell.get("method", cell["name"]), cell["name"], strict=True)
        ]
        _add(tally, times, taken, cell.get("status"), names)
    rows = list(tally.rows("site"))
    _with_users(source, rows, users)
    return of_rows(rows, source, f"{NAME} CSV", arrivals=tally.arrivals(), loop=loop)


def _points(source: Source) -> Measurements:
    tally, users, loop = Tally(), [], "unknown"
    for _, records in source.records():
        points = [r for r in records if r.get("type") == "Point"]
        if any(r.get("metric") == "dropped_iterations" for r in points):
            loop = "open"
        users += [
            (r["data"]["time"], r["data"]["value"]) for r in points if r["metric"] == "vus"
        ]
        found = [r["data"] for r in points if r.get("metric") == _DURATION]
        if not found:
            continue
        times = cells.times([str(d["time"]) for d in found], source.note)
        taken = np.array([d["value"] for d in found], dtype=float) * _MS
        tags = [d.get("tags") or {} for d in found]
        names = [f"{t.get('method', '')} {route(t.get('name', ''))}".strip() for t in tags]
        _add(tally, times, taken, [str(t.get("status", "200")) for t in tags], names)
    rows = list(tally.rows("site"))
    _with_users(source, rows, users)
    return of_rows(rows, source, f"{NAME} points", arrivals=tally.arrivals(), loop=loop)


def _add(
    tally: Tally, times: np.ndarray, taken: np.ndarray, status: Any, names: list[str]
) -> None:
    failed = None
    if status is not None:
        code = np.array(status, dtype=str)
        failed = (code == "0") | (code >= "400")
    known = np.isfinite(times)
    kinds = kind_numbers(tally, names)
    tally.add(
        times[known], taken[known], None if failed is None else failed[known], kinds[known]
    )


def _with_users(
    source: Source, rows: list[dict[str, Any]], users: list[tuple[Any, Any]]
) -> None:
    if not users or not rows:
        return
    at = cells.times([str(t) for t, _ in users], lambda _: None)
    number = np.array([float(n) for _, n in users])
    order = np.argsort(at)
    at, number = at[order], number[order]
    for row in rows:
        last = int(np.searchsorted(at, row["time"] + row["interval"])) - 1
        row["in_flight"] = float(number[max(last, 0)])
    if number.size > 2 and np.ptp(number) == 0:
        source.note(f"a constant number of {number[0]:g} users: probably a closed loop")
