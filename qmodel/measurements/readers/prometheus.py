"""Prometheus: the text that a process exposes, and the JSON of the HTTP API.

Counters only grow, but for a restart: what came in an interval is their difference, or, after a
fall, the new value. One scrape alone has counts since the start of the process and no rate. A
classic histogram gives counts between bounds, the exact mean, and the rate; a native one the
same in fine buckets; a summary its percentiles. Values of series without a name are those of an
expression such as ``rate(...)``: rates a second.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from qmodel.measurements.histogram import Histogram
from qmodel.measurements.measurements import Measurements, of_rows
from qmodel.measurements.readers.sources import Source

__all__ = ["NAME", "read", "recognises"]

NAME = "Prometheus"

_SAMPLE = re.compile(
    r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+(-?[\d.]+))?(?:\s+#\s.*)?$"
)
_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_COMPONENT = ("job", "service", "app", "container", "pod", "component", "cluster")
_KIND = ("handler", "route", "path", "uri", "endpoint", "url", "operation", "le_none")
_METHOD = ("method", "verb", "http_method")
_CODE = ("code", "status", "status_code", "http_status_code", "response_code")
_SUFFIXES = (("_milliseconds", 1e-3), ("_ms", 1e-3), ("_microseconds", 1e-6), ("_us", 1e-6),
             ("_nanoseconds", 1e-9), ("_ns", 1e-9), ("_seconds", 1.0))  # fmt: skip
_CPU = re.compile(r"cpu(_usage)?_seconds(_total)?$")
_OTHER_UNITS = ("_bytes", "_ratio", "_celsius", "_info", "_percent")
_REQUESTS = re.compile(r"(request|call|rpc|quer|operation|command|hit)")


class Sample(NamedTuple):
    """One value of one series at one time."""

    name: str
    labels: dict[str, str]
    time: float
    value: Any


def recognises(source: Source) -> bool:
    """Return whether the file is a text exposition or an answer of the HTTP API."""
    head = source.head.decode("utf-8", "replace")
    if '"resultType"' in head and head.lstrip().startswith("{"):
        return True
    some = [x for x in source.first_lines[:30] if not x.startswith("#")]
    typed = any(x.startswith(("# TYPE ", "# HELP ")) for x in source.first_lines[:30])
    return (
        bool((some and typed) or len(some) > 1)
        and all(map(_SAMPLE.match, some[:10]))
        and (typed or all("{" in x for x in some[:10]))
    )


def read(source: Source) -> Measurements:
    """Return the counts, rates and times that Prometheus has."""
    api = source.head.lstrip().startswith(b"{")
    samples = _of_api(source) if api else _of_text(source)
    series = _Series(source)
    for sample in samples:
        series.add(sample)
    return of_rows(list(series.rows()), source, f"{NAME} API" if api else f"{NAME} text")


def _of_text(source: Source) -> Iterator[Sample]:
    for number, line in source.lines():
        if line.startswith("#"):
            continue
        match = _SAMPLE.match(line)
        value = float("nan")
        try:
            assert match is not None
            value = float(match[3])
        except (AssertionError, ValueError):
            source.bad(number, line, "is no sample of a metric")
            continue
        source.good_lines += 1
        labels = {k: re.sub(r"\\(.)", r"\1", v) for k, v in _LABEL.findall(match[2] or "")}
        stamp = float(match[4]) if match[4] else float("nan")
        # Prometheus writes milliseconds, OpenMetrics seconds.
        yield Sample(match[1], labels, stamp * 1e-3 if stamp > 1e11 else stamp, value)


def _of_api(source: Source) -> Iterator[Sample]:
    document = source.document()
    data = document.get("data")
    if document.get("status") != "success" or not isinstance(data, dict):
        raise source.refusal(f"is no answer of the API: {document.get('error', 'no data')}")
    for one in data.get("result", []):
        labels = dict(one.get("metric", {}))
        name = labels.pop("__name__", "")
        for stamp, value in one.get("values", [one["value"]] if "value" in one else []):
            source.good_lines += 1
            yield Sample(name, labels, float(stamp), float(value))
        for stamp, value in one.get(
            "histograms", [one["histogram"]] if "histogram" in one else []
        ):
            source.good_lines += 1
            yield Sample(name, labels, float(stamp), value)


def _first(labels: dict[str, str], names: Iterable[str]) -> str:
    return next((labels[n] for n in names if labels.get(n)), "")


class _Series:
    """Samples grouped to metrics of a component and kind, then differenced."""

    def __init__(self, source: Source) -> None:
        self.source = source
        # metric, component, kind -> part (bound, "sum", "count", "errors") -> series -> time ->
        # value
        self.found: dict[tuple[str, str, str], dict[Any, dict[str, dict[float, Any]]]] = (
            defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
        )
        self.left: dict[str, None] = {}
        self.scrape: dict[tuple[str, str], int] = defaultdict(int)
        self.resets = 0

    def add(self, sample: Sample) -> None:
        name, labels = sample.name, sample.labels
        component = _first(labels, _COMPONENT)
        method, kind = _first(labels, _METHOD), _first(labels, _KIND)
        kind = f"{method} {kind}".strip()
        base, part = _parted(name, labels)
        which = ",".join(f"{k}={v}" for k, v in sorted(labels.items()) if k not in ("le",))
        if not base and part is None:
            base, part = "", "rate"
        if part is None or not self._is_wanted(base, part):
            self.left.setdefault(name)
            return
        time = sample.time
        if time != time:
            # Scrapes without times, one after the other: number them.
            key = (name, repr(sorted(labels.items())))
            time = float(self.scrape[key])
            self.scrape[key] += 1
        code = _first(labels, _CODE)
        self.found[base, component, kind][part][which][time] = sample.value
        if part in ("count", "total") and code[:1] == "5":
            self.found[base, component, kind]["errors"][which][time] = sample.value

    def _is_wanted(self, base: str, part: Any) -> bool:
        if part == "rate" and not base:
            return True
        if base.endswith(_OTHER_UNITS):
            return False
        if part == "total":
            return bool(_CPU.search(base) or _REQUESTS.search(base))
        return True

    def rows(self) -> Iterator[dict[str, Any]]:
        if self.left:
            names = ", ".join(list(self.left)[:3])
            more = "" if len(self.left) <= 3 else ", ..."
            self.source.note(
                f"{len(self.left)} metrics left out, neither times nor counts of requests: "
                f"{names}{more}"
            )
        for (base, component, kind), parts in self.found.items():
            yield from self._of_metric(base, component or base, kind, parts)
        if self.resets:
            self.source.note(f"{self.resets} resets of counters: restarts, counted from zero")

    def _of_metric(
        self, base: str, component: str, kind: str, parts: dict[Any, Any]
    ) -> Iterator[dict[str, Any]]:
        times = np.array(sorted({t for p in parts.values() for s in p.values() for t in s}))
        scraped = bool(times.size) and times[-1] < 1e6  # numbers of scrapes, not times
        factor = next((f for s, f in _SUFFIXES if base.endswith(s)), None)
        rates = not base
        if factor is None:
            factor = 1.0
            if not rates and ("sum" in parts or any(isinstance(p, float) for p in parts)):
                self.source.note(f"{base} does not say its unit: taken as seconds")
        if "native" in parts:
            yield from self._native(component, kind, parts["native"], factor)
            return
        grown = {
            part: np.sum(
                [self._increase(s, times, rates, part != "errors") for s in found.values()],
                axis=0,
            )
            for part, found in parts.items()
            if not isinstance(part, str) or part in ("sum", "count", "total", "errors", "rate")
        }
        quantiles = {
            part: np.mean([[s.get(t, np.nan) for t in times] for s in found.values()], axis=0)
            for part, found in parts.items()
            if isinstance(part, str) and part.startswith("p")
        }
        single = times.size == 1 and not rates
        first = 0 if single or rates else 1
        if single:
            self.source.note("one scrape: counts since the start of the process, and no rate")
        for i in range(first, times.size):
            interval = float("nan") if single or scraped or i == 0 else times[i] - times[i - 1]
            row: dict[str, Any] = {"component": component, "kind": kind, "interval": interval}
            if not scraped:
                row["time"] = float(times[i] if first == 0 else times[i - 1])
            if _CPU.search(base):
                if not single and interval == interval:
                    yield row | {"utilization": float(grown["total"][i]) / interval}
                continue
            row |= _counted(grown, i, factor, rates, interval)
            for part, values in quantiles.items():
                row[part] = float(values[i]) * factor
            if len(row) > 3:
                yield row

    def _increase(
        self, series: dict[float, float], times: np.ndarray, rates: bool, counted: bool
    ) -> np.ndarray:
        """Return what a counter grew by until each time; after a reset, its new value."""
        values = np.array([series.get(t, np.nan) for t in times], dtype=float)
        if rates or times.size == 1:
            return np.where(np.isfinite(values), values, 0.0)
        held = values.copy()
        at = np.where(np.isfinite(held), np.arange(held.size), -1)
        last = np.maximum.accumulate(at)
        held = np.where(last >= 0, held[last], np.nan)
        step = np.diff(held, prepend=np.nan)
        # A series that begins later began at zero.
        step = np.where(np.isnan(step) & np.isfinite(held), held, step)
        self.resets += int((step < 0).sum()) if counted else 0
        grown: np.ndarray = np.nan_to_num(np.where(step < 0, held, step))
        return grown

    def _native(
        self, component: str, kind: str, found: dict[str, dict[float, Any]], factor: float
    ) -> Iterator[dict[str, Any]]:
        for series in found.values():
            before: Histogram | None = None
            last = float("nan")
            for time in sorted(series):
                now = _native_histogram(series[time], factor)
                if before is not None or len(series) == 1:
                    interval = time - last
                    grown = now if before is None else now.since(before)
                    if before is not None and grown is now:
                        self.resets += 1
                    yield {
                        "time": last if before is not None else time,
                        "interval": interval,
                        "component": component,
                        "kind": kind,
                        "histogram": grown,
                        "arrival_rate": grown.count / interval,
                    }
                before, last = now, time


def _parted(name: str, labels: dict[str, str]) -> tuple[str, Any]:
    """Return the metric that a sample belongs to and which part of it it is."""
    if "le" in labels:
        return name.removesuffix("_bucket"), float(labels["le"])
    if "quantile" in labels:
        return name, f"p{100 * float(labels['quantile']):.12g}"
    for suffix in ("_sum", "_count"):
        if name.endswith(suffix):
            return name.removesuffix(suffix), suffix[1:]
    if name.endswith("_total"):
        return name.removesuffix("_total"), "total"
    return (name, "native") if name.endswith(("_seconds", "_milliseconds")) else (name, None)


def _counted(
    grown: dict[Any, Any], i: int, factor: float, rates: bool, interval: float
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    count = next((float(grown[n][i]) for n in ("count", "total", "rate") if n in grown), None)
    bounds = sorted(b for b in grown if isinstance(b, float))
    if bounds:
        below = np.maximum.accumulate([float(grown[b][i]) for b in bounds])
        if count is None:
            count = float(below[-1])
        counts = np.diff(below, prepend=0.0)
        total = float(grown["sum"][i]) * factor if "sum" in grown else float("nan")
        finite = [b * factor for b in bounds if np.isfinite(b)]
        if below[-1] > 0:
            row["histogram"] = Histogram(finite, counts, total)
    if count is None:
        return row
    if "sum" in grown and count > 0:
        row["mean"] = float(grown["sum"][i]) * factor / count
    if rates:
        return row | {"arrival_rate": count}
    row |= {"count": count, "arrival_rate": count / interval}
    if "errors" in grown:
        row["errors"] = float(grown["errors"][i])
    return row


def _native_histogram(value: Any, factor: float) -> Histogram:
    bounds: list[float] = []
    counts: list[float] = []
    for _, low, high, count in value["buckets"]:
        least, most = (max(float(x), 0.0) * factor for x in (low, high))
        if least > (bounds[-1] if bounds else 0.0):
            bounds.append(least)
            counts.append(0.0)
        if bounds and most <= bounds[-1]:
            counts[-1] += float(count)
        else:
            bounds.append(most)
            counts.append(float(count))
    return Histogram(bounds, counts, float(value["sum"]) * factor)
