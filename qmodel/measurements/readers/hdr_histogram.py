"""wrk, wrk2 and any percentile table of HdrHistogram (`.hgrm`).

wrk2 keeps a constant rate and measures from the intended start: an open loop. wrk waits for its
answers: a closed loop, in which a slow answer hides those that would have come meanwhile
(coordinated omission). wrk2's table is in milliseconds; a table that does not say its unit
needs one, as HdrHistogram writes whatever it was given.
"""

from __future__ import annotations

import re
from typing import Any

from qmodel.measurements.histogram import Histogram
from qmodel.measurements.measurements import Loop, Measurements, of_rows
from qmodel.measurements.readers import cells
from qmodel.measurements.readers.sources import Source

__all__ = ["NAME", "read", "recognises"]

NAME = "HdrHistogram"

_TABLE = re.compile(r"Value(?:\((\w+)\))?\s+Percentile\s+TotalCount", re.I)
_ROW = re.compile(r"^\s*([\d.]+)\s+(\d\.\d+)\s+(\d+)(?:\s+(?:[\d.]+|inf))?\s*$", re.M)
_SUMMARY = re.compile(r"#\[(Mean|Max)\s*=\s*([\d.]+),\s*([\w ]+?)\s*=\s*([\d.]+)\]")
_WRK = re.compile(r"^Running .* test @ ", re.M)


def recognises(source: Source) -> bool:
    """Return whether the file has such a table, or is the output of wrk."""
    head = source.head.decode("utf-8", "replace")
    return bool(_TABLE.search(head) or _WRK.search(head))


def read(source: Source, unit: str | None = None) -> Measurements:
    """Return the output of wrk or wrk2, or a table of percentiles."""
    text = source.text()
    row: dict[str, Any] = {"component": "site"}
    loop: Loop = "unknown"
    of_wrk = bool(_WRK.search(text))
    if of_wrk:
        loop = "open" if "Thread calibration" in text or "HdrHistogram" in text else "closed"
        row |= _of_wrk(source, text)
    table = _TABLE.search(text)
    if table:
        factor = _factor(source, table[1], unit, of_wrk)
        row |= _of_table(source, text[table.end() :], factor)
    return of_rows([row], source, "wrk" if of_wrk else NAME, loop=loop)


def _factor(source: Source, written: str | None, unit: str | None, of_wrk: bool) -> float:
    named = unit or written or ("ms" if of_wrk else None)
    factor = None if named is None else cells.per_unit(named)
    if factor is None:
        raise source.refusal(
            "is a table of percentiles that does not say its unit of time: give it, such as "
            "read(path, unit='ms') (--unit ms on the command line)"
        )
    return factor


def _of_wrk(source: Source, text: str) -> dict[str, Any]:
    rate = re.search(r"^Requests/sec:\s+([\d.]+)", text, re.M)
    if not rate:
        raise source.refusal("is an output of wrk without 'Requests/sec': it was cut off")
    row: dict[str, Any] = {"arrival_rate": float(rate[1])}
    mean = re.search(r"^\s+Latency\s+([\d.]+\w+)", text, re.M)
    if mean:
        row["mean"] = cells.seconds_of(mean[1])
    for percent, value in re.findall(r"^\s+([\d.]+)%\s+([\d.]+\w+)\s*$", text, re.M):
        if float(percent) < 100:
            row[f"p{float(percent):.12g}"] = cells.seconds_of(value)
    done = re.search(r"^\s+(\d+) requests in ([\d.]+\w+),", text, re.M)
    if done:
        row |= {"count": float(done[1]), "interval": cells.seconds_of(done[2])}
    users = re.search(r"(\d+) threads and (\d+) connections", text)
    if users:
        row["in_flight"] = float(users[2])
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    lost = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text
    )
    row["errors"] = float(failed[1] if failed else 0) + sum(
        map(int, lost.groups() if lost else ())
    )
    return row


def _of_table(source: Source, text: str, factor: float) -> dict[str, Any]:
    found = [(float(v), float(p), int(n)) for v, p, n in _ROW.findall(text)]
    if not found:
        raise source.refusal("has a table of percentiles without rows")
    summary = {name: float(v) for m in _SUMMARY.findall(text) for name, v in (m[:2], m[2:])}
    bounds: list[float] = []
    counts: list[float] = []
    below = 0
    for value, _, total in found:
        if total < below:
            raise source.refusal("has a table of percentiles whose counts fall")
        if bounds and value * factor <= bounds[-1]:
            counts[-1] += total - below
        else:
            bounds.append(value * factor)
            counts.append(float(total - below))
        below = total
    mean = summary.get("Mean", float("nan")) * factor
    row: dict[str, Any] = {
        "count": float(below),
        "histogram": Histogram(bounds, counts, mean * below),
    }
    if mean == mean:
        row["mean"] = mean
        spread = summary.get("StdDeviation")
        if spread is not None and mean:
            row["scv"] = (spread * factor / mean) ** 2
    for p in (0.5, 0.9, 0.95, 0.99, 0.999):
        # The least value of the table that covers the share.
        row[f"p{100 * p:.12g}"] = next(
            (v * factor for v, share, _ in found if share >= p), found[-1][0] * factor
        )
    return row
