"""What was measured: a tidy frame, how it was read, and what was wrong with the file.

One row for each interval of time, component and kind of request. The columns are always the
same, NaN where the file does not say; percentiles are there where the file has them or the
times themselves, and `histogram` has the counts they come from. A kind of "" is all kinds
together. Times are UTC; NaT where a file has none, as the summary of a load test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qmodel._checked import checked
from qmodel.errors import ModelError
from qmodel.glossary import units_of
from qmodel.measurements.histogram import Histogram
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "Loop", "Measurements", "of_rows"]

Loop = Literal["open", "closed", "unknown"]

COLUMNS = {
    "time": "-",
    "interval": "s",
    "component": "-",
    "kind": "-",
    "arrival_rate": "1/s",
    "count": "-",
    "errors": "-",
    "mean": "s",
    "scv": "-",
    "utilization": "-",
    "in_flight": "-",
    "hit_ratio": "-",
    "histogram": "-",
}
"""The columns that every frame has, with their units."""

QUANTILES = (0.5, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Measurements:
    r"""What a file of measurements holds.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row for each interval, component and kind: time, interval, component, kind,
        arrival_rate, count, errors, mean, scv, utilization, in_flight, hit_ratio, histogram,
        and percentiles such as p99 where they are known; ``attrs["units"]`` has the units. [-]
    source : str
        Name of the file. [-]
    format : str
        What kind of file it is. [-]
    notes : sequence of str, default ()
        What was assumed or left out. [-]
    bad_lines : int, default 0
        Number of lines that could not be read. [-]
    first_bad : str, default ""
        The first of them, with its number and the reason. [-]
    loop : {"open", "closed", "unknown"}, default "unknown"
        Whether requests came whatever the answers (open), or users waited for them. [-]
    calls : pandas.DataFrame, optional
        Which component calls which: caller, callee, visits a request of the caller, attempts,
        and the share of them that runs beside others; of spans only. [-]
    arrivals : tuple, optional
        Start [s], interval [s] and counts of the arrivals of all kinds on a fine grid. [-]
    self_times : mapping of str to Histogram, default {}
        The times in which each component itself worked, without what it calls; of spans
        only. [-]
    facts : mapping of str to float, default {}
        Further numbers that the file has, such as the share of resumed TLS sessions. [-]

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import qmodel as qm
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "load.csv"
    >>> _ = path.write_text("time,rps,p99 (ms)\n1782550573,100,20\n1782550574,300,35\n")
    >>> measured = qm.measurements.read(path)
    >>> measured
    <Measurements of load.csv, CSV: 2 rows, 100/s to 300/s>
    >>> measured.frame[["arrival_rate", "p99"]].to_numpy().tolist()
    [[100.0, 0.02], [300.0, 0.035]]
    """

    frame: pd.DataFrame
    source: str
    format: str
    notes: tuple[str, ...] = ()
    bad_lines: int = 0
    first_bad: str = ""
    loop: Loop = "unknown"
    calls: pd.DataFrame | None = None
    arrivals: tuple[float, float, np.ndarray] | None = None
    self_times: Mapping[str, Histogram] = field(default_factory=dict)
    facts: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return source, format, size and range of load in one line."""
        rates = self.frame["arrival_rate"].dropna()
        span = ""
        if len(rates):
            low, high = (text(float(x), "1/s") for x in (rates.min(), rates.max()))
            span = f", {low}" if low == high else f", {low} to {high}"
        bad = f", {self.bad_lines:,} bad lines" if self.bad_lines else ""
        n = len(self.frame)
        rows = f"{n:,} row{'' if n == 1 else 's'}"
        return f"<Measurements of {self.source}, {self.format}: {rows}{span}{bad}>"

    @checked
    def of(self, component: str) -> Measurements:
        """Return the measurements of one component.

        Parameters
        ----------
        component : str
            Its name, as in the frame. [-]

        Returns
        -------
        Measurements
            The same file, with the rows of this component. [-]

        Raises
        ------
        ModelError
            If no row has this component.
        """
        known = self.frame["component"].unique().tolist()
        if component not in known:
            raise ModelError(f"{self.source} has no component {component!r}; it has {known}")
        return self._with(self.frame[self.frame["component"] == component])

    def whole(self) -> pd.DataFrame:
        """Return one row for each component and kind, over the whole time.

        Returns
        -------
        pandas.DataFrame
            Counts and errors added up, means weighted by counts, histograms merged; percentiles
            only from histograms, as percentiles of parts do not give one of the whole. [-]
        """
        groups = self.frame.groupby(["component", "kind"], sort=False)
        return framed([merged(rows) for _, rows in groups])

    def together(self) -> pd.DataFrame:
        """Return one row for each interval and component: all kinds of request together.

        Returns
        -------
        pandas.DataFrame
            The rows of kind "" where the file has them, else the kinds added up. [-]
        """
        frame, kinds = self.frame, self.frame["kind"]
        whole = frame["component"].isin(frame.loc[kinds == "", "component"])
        left = frame[(kinds == "") | ~whole]
        if (left["kind"] == "").all():
            return left.reset_index(drop=True)
        groups = left.groupby(["time", "component"], sort=False, dropna=False)
        return framed([merged(rows, at_once=True) for _, rows in groups])

    @checked
    def since(self, earlier: Measurements, interval: float | None = None) -> Measurements:
        """Return what happened between two files of counters, by their difference.

        For scrapes of Prometheus, ``pg_stat_statements`` and ``INFO`` of Redis, which count
        from the start of a process. A count that fell was reset: it is taken as it stands.

        Parameters
        ----------
        earlier : Measurements
            The same counters before. [-]
        interval : float, optional
            Time between the files; by default that by which the uptime grew, if it is there.
            [s]

        Returns
        -------
        Measurements
            Counts, errors, means, hit ratios and histograms of the time between; rates where
            its length is known. [-]

        Raises
        ------
        ModelError
            If the two have no row in common.
        """
        keys = ["component", "kind"]
        before = {tuple(row[keys]): row for _, row in earlier.frame.iterrows()}
        pairs = [
            (row, before[key])
            for _, row in self.frame.iterrows()
            if (key := tuple(row[keys])) in before
        ]
        if not pairs:
            raise ModelError(f"{self.source} and {earlier.source} have no counter in common")
        rows = [difference(now, then, interval) for now, then in pairs]
        resets = sum(now["count"] < then["count"] for now, then in pairs)
        lost = len(self.frame) - len(pairs)
        notes = [f"{resets} counters fell: a restart, counted from zero"] * bool(resets)
        notes += [f"{lost} rows are not in {earlier.source}: left out"] * bool(lost)
        return replace(self, frame=framed(rows), notes=(*self.notes, *notes))

    def load(self) -> pd.DataFrame:
        """Return the load over time, as `qmodel.replay` takes it.

        Returns
        -------
        pandas.DataFrame
            Columns time and arrival_rate [1/s] of the first component, in order of the file;
            ``attrs["interval"]`` is the time between rows [s], NaN where it is not one. [-]
        """
        frame = self.together()
        frame = frame[frame["component"] == frame["component"].iloc[0]]
        found = frame[["time", "arrival_rate"]].reset_index(drop=True)
        intervals = frame["interval"].dropna().unique()
        interval = float(intervals[0]) if len(intervals) == 1 else float("nan")
        found.attrs = {"units": {"arrival_rate": "1/s"}, "interval": interval}
        return found

    def _with(self, frame: pd.DataFrame) -> Measurements:
        kept = frame.reset_index(drop=True)
        kept.attrs = dict(self.frame.attrs)
        return replace(self, frame=kept)


def framed(rows: Sequence[Mapping[str, Any]], *, seconds: bool = False) -> pd.DataFrame:
    """Return rows as a tidy frame; times are datetimes or, if not since 1970, seconds."""
    import pandas as pd

    names = [*COLUMNS, *_percentiles({n for row in rows for n in row})]
    frame = pd.DataFrame(
        {name: pd.Series([row.get(name, np.nan) for row in rows]) for name in names}
    )
    for name in ("component", "kind"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), "")
    frame["histogram"] = frame["histogram"].astype(object)
    if seconds:
        frame["time"] = _as_times(frame["time"].to_numpy(dtype=float))
    for name in frame.columns:
        if name not in ("time", "component", "kind", "histogram"):
            frame[name] = frame[name].astype(float)
    frame.attrs["units"] = COLUMNS | units_of(_percentiles(names))
    return frame


def _as_times(values: np.ndarray) -> Any:
    import pandas as pd

    some = values[np.isfinite(values)]
    if some.size and np.median(some) < 1e8:
        return values
    known = np.abs(values) < 1e11
    whole = np.where(known, np.round(np.where(known, values, 0.0) * 1e6), 0).astype(np.int64)
    times = pd.Series(whole.astype("datetime64[us]")).dt.tz_localize("UTC")
    return times.where(known)


def _percentiles(names: Iterable[str]) -> list[str]:
    found = [n for n in names if n not in COLUMNS and n[0] == "p" and n[1:2].isdigit()]
    return sorted(found, key=lambda n: float(n[1:]))


def of_rows(
    rows: Sequence[Mapping[str, Any]], source: Any, format: str, **more: Any
) -> Measurements:
    """Return what a reader found in a `Source`, with percentiles from its histograms."""
    source.checked()
    if not rows:
        raise source.refusal(f"is a file of {format} without any measurement in it")
    complete = []
    for row in rows:
        full = dict(row)
        counted = full.get("histogram")
        if isinstance(counted, Histogram):
            full = _of_histogram(counted, row) | full
        complete.append(full)
    return Measurements(
        framed(complete, seconds=True),
        source.name,
        format,
        tuple(source.notes),
        source.bad_lines,
        source.first_bad,
        **more,
    )


def _of_histogram(counted: Histogram, known: Mapping[str, Any]) -> dict[str, float]:
    """Return what a histogram tells and is not known already."""
    found = {
        name: getattr(counted, name)
        for name in ("count", "mean", "scv")
        if not known.get(name, np.nan) == known.get(name, np.nan)  # noqa: SIM201
    }
    for p, value in zip(QUANTILES, counted.quantile(QUANTILES).tolist(), strict=True):
        if value == value:
            found[f"p{100 * p:.12g}"] = value
    return found


def difference(
    now: Mapping[str, Any], then: Mapping[str, Any], interval: float | None
) -> dict[str, Any]:
    """Return the row between two rows of the same counters."""
    if now["count"] < then["count"]:
        then = dict.fromkeys(now.keys(), 0.0) | {"histogram": None}
    count = now["count"] - then["count"]
    grown = now["interval"] - then["interval"]
    length = interval if interval is not None else grown if grown > 0 else np.nan
    row: dict[str, Any] = {
        "component": now["component"],
        "kind": now["kind"],
        "interval": length,
        "count": count,
        "errors": now["errors"] - then["errors"],
        "arrival_rate": count / length,
    }
    if count > 0:
        # Sums of counters: n mean, n mean^2 (1 + scv), hits, busy time.
        def between(total: Any) -> float:
            return float((total(now) - total(then)) / count)

        row["mean"] = mean = between(lambda r: r["count"] * r["mean"])
        second = between(lambda r: r["count"] * r["mean"] ** 2 * (1 + r["scv"]))
        row["scv"] = max(second / mean**2 - 1, 0.0) if mean else np.nan
        row["hit_ratio"] = between(lambda r: r["count"] * r["hit_ratio"])
    busy = now["utilization"] * now["interval"] - then["utilization"] * then["interval"]
    row["utilization"] = busy / length
    if isinstance(now["histogram"], Histogram):
        added = now["histogram"].since(then["histogram"])
        row |= {"histogram": added} | _of_histogram(added, row)
    return row


def merged(rows: pd.DataFrame, *, at_once: bool = False) -> dict[str, Any]:
    """Return several rows as one: added up over time, or, `at_once`, over kinds."""
    first = rows.iloc[0]
    if len(rows) == 1:
        return dict(first) | ({"kind": ""} if at_once else {})
    count, interval = _sum(rows["count"]), _sum(rows["interval"])
    weights = rows["count"].fillna(0.0).to_numpy()
    if not weights.any():
        weights = rows["arrival_rate"].fillna(1.0).to_numpy()
    row: dict[str, Any] = {
        "time": first["time"],
        "interval": float(first["interval"]) if at_once else interval,
        "component": first["component"],
        "kind": "" if at_once else first["kind"],
        "count": count,
        "errors": _sum(rows["errors"]),
    }
    means, scvs = rows["mean"].to_numpy(dtype=float), rows["scv"].to_numpy(dtype=float)
    row["mean"] = mean = _weighted(means, weights)
    row["scv"] = _weighted(means**2 * (1 + scvs), weights) / mean**2 - 1 if mean else np.nan
    if at_once:
        row["arrival_rate"] = _sum(rows["arrival_rate"])
        for name in ("utilization", "in_flight"):
            row[name] = rows[name].max()
    else:
        spans = rows["interval"].to_numpy(dtype=float)
        spans = spans if np.isfinite(spans).all() else np.ones(len(rows))
        row["arrival_rate"] = _weighted(rows["arrival_rate"].to_numpy(dtype=float), spans)
        for name in ("utilization", "in_flight"):
            row[name] = _weighted(rows[name].to_numpy(dtype=float), spans)
    row["hit_ratio"] = _weighted(rows["hit_ratio"].to_numpy(dtype=float), weights)
    histograms = [h for h in rows["histogram"] if isinstance(h, Histogram)]
    if histograms:
        try:
            row["histogram"] = whole = Histogram.merged(histograms)
            row |= _of_histogram(whole, row)
        except ModelError:
            # Of different bounds, as after a change of the configuration: no common counts.
            pass
    return row


def _sum(values: pd.Series) -> float:
    return float(values.sum(min_count=1))


def _weighted(values: np.ndarray, weights: np.ndarray) -> float:
    known = np.isfinite(values)
    total = weights[known].sum()
    return float(values[known] @ weights[known] / total) if total else float("nan")
