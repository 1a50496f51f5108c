r"""`calibrate_site`: a whole model from the files that one run of a site leaves.

**Spans** say who calls whom, how often, and how long each component works by itself
(`qmodel.measurements.span_path`). **Latencies** of clients that are longer than the spans of
the same load show a hidden time that holds nothing: a network. Without spans each component is
calibrated from its latencies at several loads (`qmodel.calibrate`), one after the other.

The spreads are the standard errors over the values, so that `qmodel.planning.uncertainty` gives
intervals of the predictions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import ModelError
from qmodel.measurements.calibration import calibrate
from qmodel.measurements.estimates import Calibration, Estimate
from qmodel.measurements.histogram import Histogram
from qmodel.measurements.joined import joined
from qmodel.measurements.measurements import Measurements
from qmodel.measurements.span_path import NORMAL, SpanPath, digits
from qmodel.pipeline import Pipeline, Step, call, series
from qmodel.planning.region import Region, busiest, held_against
from qmodel.queues import Delay
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SiteCalibration", "calibrate_site"]

_CERTAIN = 1e-4  # Least relative standard deviation that is said.
_LOADED = 0.3  # Utilization from which on own times have waits in them.
_WHOLE = "site"  # What has no name in its file.
_HIDDEN = 0.02  # Of the latency: less hidden time is none.


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SiteCalibration:
    r"""A model that was made from measurements, and how far it may be believed.

    Parameters
    ----------
    model : Pipeline
        The model. [-]
    estimates : mapping of str to Estimate
        Each measured parameter of the model with its 95 % interval. [-]
    region : Region or None
        Loads, utilization and kinds that were measured; None without a rate. [-]
    load : float
        The highest load that was measured, NaN without a rate. [1/s]
    notes : tuple of str
        What was assumed, what cannot be told. [-]
    alternatives : mapping of str to tuple
        Other distributions of each component, or other models, the best first. [-]

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import qmodel as qm
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "steps.csv"
    >>> rows = "237,62.7 397,62.2 556,62.6 634,63.4 754,73.9".replace(" ", "\n")
    >>> _ = path.write_text(f"rps,mean (ms)\n{rows}\n")
    >>> found = calibrate_site([qm.measurements.read(path)], servers={"site": 50})
    >>> found
    <SiteCalibration: site; saturates at 802/s, measured up to 754/s>
    >>> found.spreads
    {'site.service_time': 0.0016}
    """

    model: Pipeline
    estimates: Mapping[str, Estimate]
    region: Region | None
    load: float
    notes: tuple[str, ...] = ()
    alternatives: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def spreads(self) -> dict[str, float]:
        """Relative standard deviation of each parameter, as `uncertainty` takes them. [-]."""
        found = {}
        for name, e in self.estimates.items():
            share = (e.high - e.low) / (2 * NORMAL * e.value) if e.value > 0 else np.inf
            if np.isfinite(share) and name in self.model.parameters():
                found[name] = max(float(f"{share:.2g}"), _CERTAIN)
        return found

    def __repr__(self) -> str:
        """Return the stations, the capacity, and the loads that were measured."""
        limit = float(self.model.max_rate)
        ends = "never saturates" if np.isinf(limit) else f"saturates at {text(limit, '1/s')}"
        seen = f", measured up to {text(self.load, '1/s')}" if self.load == self.load else ""
        return f"<SiteCalibration: {', '.join(self.model.stations)}; {ends}{seen}>"

    def to_frame(self) -> pd.DataFrame:
        """Return the estimates.

        Returns
        -------
        pandas.DataFrame
            Parameter, value, low and high of its 95 % interval, and unit. [-]
        """
        import pandas as pd

        rows = [{"parameter": name, **e._asdict()} for name, e in self.estimates.items()]
        return pd.DataFrame(rows, columns=["parameter", "value", "low", "high", "unit"])


@checked
def calibrate_site(
    measured: Sequence[Measurements], *, servers: Mapping[str, int] | None = None
) -> SiteCalibration:
    r"""Return the model that files of measurements of one site tell together.

    Parameters
    ----------
    measured : sequence of Measurements
        As from `qmodel.measurements.read`: spans, counters of caches, latencies of clients; or
        latencies at several loads. [-]
    servers : mapping of str to int, optional
        Number of servers of each component, where it is known: threads, connections, cores. [-]

    Returns
    -------
    SiteCalibration
        The model, its estimates with intervals, and the region that was measured. [-]

    Raises
    ------
    DomainError
        If a number of servers is not whole and >= 1.
    ModelError
        If there is no file, the files tell nothing of a station, or `servers` names a component
        that they do not have.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import qmodel as qm
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "steps.csv"
    >>> _ = path.write_text("rps,mean (ms)\n10,101\n30,101\n50,114\n60,133\n70,199\n")
    >>> found = calibrate_site([qm.measurements.read(path)])
    >>> found.model.parameters()["site.servers"], found.region.highest
    (8, 70.0)
    """
    if not measured:
        raise ModelError("measured must have one file at least, got none")
    known = {n: int(_check.count(f"servers of {n}", c)) for n, c in (servers or {}).items()}
    traces = [m for m in measured if m.calls is not None]
    names = {c or _WHOLE for m in measured for c in m.frame["component"]}
    names |= {c for m in traces for c in m.self_times}
    if lost := sorted(set(known) - names):
        raise ModelError(
            f"servers: no component {lost[0]!r} was measured; there are "
            f"{', '.join(sorted(names))}"
        )
    rest = [m for m in measured if m.calls is None]
    return _of_spans(traces, rest, known) if traces else _of_steps(rest, known)


def _of_spans(
    traces: Sequence[Measurements], rest: Sequence[Measurements], known: dict[str, int]
) -> SiteCalibration:
    ratios, hits = {}, {}
    for one in rest:
        for _, row in one.frame.dropna(subset=["hit_ratio"]).iterrows():
            ratios[row["component"]] = float(row["hit_ratio"])
            hits[row["component"]] = float(row["count"])
    path = SpanPath(traces, ratios, known)
    step = path.step(path.entry)
    for name, ratio in ratios.items():
        parameter = f"{name} cache.hit_ratio"
        if any(parameter == p for p in Pipeline(step).parameters()):
            half = NORMAL * float(np.sqrt(ratio * (1 - ratio) / max(hits[name], 1.0)))
            path.estimates[parameter] = Estimate(ratio, ratio - half, ratio + half)
    rates, kinds = _rates(joined(traces).of(path.entry))
    model = Pipeline(step)
    clients = [m for m in rest if m.frame["mean"].notna().any() and m.frame["count"].any()]
    clients = [m for m in clients if m.frame["component"].iloc[0] not in ratios]
    if clients and rates.size:
        model = _with_hidden(model, step, joined(traces), clients, path)
    region = None
    load = float("nan")
    if rates.size:
        load = float(rates.max())
        name, share = busiest(model, load)
        region = Region(
            lowest=float(rates.min()),
            highest=load,
            utilization=min(float(f"{share:.2g}"), 1.0),
            kinds=tuple(kinds),
        )
        if share > _LOADED:
            path.notes.append(
                f"{name} was {text(share, '%')} busy: waits for what has no spans, as a "
                "pool, are in the own times; measure with less load"
            )
    else:
        path.notes.append("the spans have no rate: no region of belief")
    unlimited = [n for n in path.times if n not in known]
    if unlimited:
        path.notes.append(
            f"{', '.join(unlimited)}: no number of servers given, so without a limit; say "
            "servers= (--servers NAME=NUMBER)"
        )
    return SiteCalibration(
        held_against(model, region),
        path.estimates,
        region,
        load,
        tuple(path.notes),
        path.alternatives,
    )


def _rates(traces: Measurements) -> tuple[np.ndarray, list[str]]:
    """Return the mean rate over the time of the spans, and the kinds of request."""
    whole = traces.whole()
    rates = whole["arrival_rate"].dropna()
    kinds = [k for k in whole["kind"] if k]
    return np.array([rates.sum()]) if rates.sum() > 0 else np.zeros(0), kinds


def _latency(measured: Measurements) -> tuple[float, float | None]:
    """Return the mean latency, and the mean of its quartiles where they are known."""
    frame = measured.whole().dropna(subset=["mean"])
    weights = frame["count"].fillna(1.0).to_numpy()
    mean = float(frame["mean"].to_numpy() @ weights / weights.sum())
    found = [h for h in frame["histogram"] if isinstance(h, Histogram)]
    if len(found) < len(frame):
        return mean, None
    quartiles = np.asarray(Histogram.merged(found).quantile([0.25, 0.5, 0.75]))
    return mean, float(quartiles.mean()) if np.isfinite(quartiles).all() else None


def _with_hidden(
    model: Pipeline,
    step: Step,
    traces: Measurements,
    clients: Sequence[Measurements],
    path: SpanPath,
) -> Pipeline:
    """Return the model with the time that clients see and no span has."""
    seen, times = _latency(joined(clients))
    said, own = _latency(traces.of(path.entry))
    # Quartiles are moved by a constant time as the mean is, and not by a request that was lost.
    hidden = digits(seen - said if times is None or own is None else float(times - own))
    if hidden < _HIDDEN * seen:
        if hidden < -0.1 * seen:
            path.notes.append(
                f"clients saw {text(seen, 's')} where the spans have {text(said, 's')}: they "
                "are not of the same requests"
            )
        return model
    # Both are of the same requests, so what remains is known better than each of them.
    half = 0.2 * hidden
    path.estimates["network.service.mean"] = Estimate(hidden, hidden - half, hidden + half, "s")
    path.notes.append(
        f"clients saw {text(hidden, 's')} more than the spans: a constant time, the network"
    )
    return Pipeline(series(call("network", Delay(hidden)), step))


def _of_steps(measured: Sequence[Measurements], known: dict[str, int]) -> SiteCalibration:
    """Return components calibrated from their latencies at several loads, in series."""
    whole = joined(measured)
    steps: list[Step] = []
    estimates: dict[str, Estimate] = {}
    notes: list[str] = []
    alternatives: dict[str, tuple[Calibration, ...]] = {}
    rates: list[float] = []
    components = list(dict.fromkeys(whole.frame["component"]))
    for name in components:
        label = name or _WHOLE
        try:
            found = calibrate(whole, servers=known.get(label), component=name)
        except ModelError as e:
            notes.append(str(e))
            continue
        notes += [f"{label}: {note}" if len(components) > 1 else note for note in found.notes]
        if found.station is None:
            continue
        steps.append(call(label, found.station))
        rates += found.loads.tolist()
        alternatives[label] = found.alternatives
        own = found.estimates["service_time"]
        key = "service_time" if found.model == "M/M/c" else "service.mean"
        estimates[f"{label}.{key}"] = own
        if "hidden_latency" in found.estimates:
            hidden = found.estimates["hidden_latency"]
            steps.append(call(f"{label} network", Delay(hidden.value)))
            estimates[f"{label} network.service.mean"] = hidden
        if "wait_factor" in found.estimates:
            factor = found.estimates["wait_factor"]
            value, low, high = (max(2 * x - 1, 0.0) for x in factor[:3])
            if value > 0:
                estimates[f"{label}.service.scv"] = Estimate(value, low, high)
    if not steps:
        raise ModelError(
            f"no station can be told: {'; '.join(notes)}. Give spans (OpenTelemetry) of a "
            "light run, or mean latencies at two loads or more"
        )
    if len(steps) > 1 and len(components) > 1:
        notes.append("the components are taken one after the other: edit path, if they are not")
    model = Pipeline(series(*steps))
    model = model.replace({name: float(f"{one.value:.5g}") for name, one in estimates.items()})
    top = max(rates)
    region = Region(
        lowest=min(rates),
        highest=top,
        utilization=min(float(f"{busiest(model, top)[1]:.2g}"), 1.0),
        kinds=tuple(k for k in dict.fromkeys(whole.frame["kind"]) if k),
    )
    model = held_against(model, region)
    return SiteCalibration(model, estimates, region, top, tuple(notes), alternatives)
