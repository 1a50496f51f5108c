"""`calibrate`: all that a file of measurements tells, each number with its interval."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qmodel._checked import checked
from qmodel.errors import DomainError, InfeasibleError, ModelError
from qmodel.measurements.arrivals import arrival_variability
from qmodel.measurements.demands import hit_ratio, service_demands
from qmodel.measurements.estimates import Calibration, Estimate
from qmodel.measurements.loops import loop_of
from qmodel.measurements.measurements import Measurements, merged
from qmodel.measurements.service_times import number_of_servers, service_time

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["at_loads", "calibrate"]

LEVELS = 8
"""Most levels of load that the rows of a time series are put together to."""

_FEWEST = 2
_SPREAD = 1.2  # Ratio of two loads from which on they are different.


@checked
def calibrate(
    measured: Measurements, *, servers: int | None = None, component: str | None = None
) -> Calibration:
    r"""Return what measurements tell of one component, as a calibrated station.

    From latencies at two loads or more come the service time, and the number of servers where
    the loads tell it; from utilisations the demands of the kinds of request; from look-ups the
    hit ratio; from the arrivals their variability. What cannot be told is said in the notes.

    Parameters
    ----------
    measured : Measurements
        As from `qmodel.measurements.read`. [-]
    servers : int, optional
        Number of servers of the component, where it is known: threads, connections, cores. [-]
    component : str, optional
        Which component; by default the first of the file. [-]

    Returns
    -------
    Calibration
        The estimates; ``station`` is ready for `solve` or a path, where it could be told. [-]

    Raises
    ------
    ModelError
        If the measurements tell nothing of a station, or have no such component.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import qmodel as qm
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "steps.csv"
    >>> rows = "237,62.7 397,62.2 556,62.6 634,63.4 754,73.9".replace(" ", "\n")
    >>> _ = path.write_text(f"rps,mean (ms)\n{rows}\n")
    >>> found = calibrate(qm.measurements.read(path), servers=50)
    >>> found.station
    MMc(service_time=0.0623, servers=50)
    >>> bool(found.station.max_rate > 754)
    True
    """
    frame = measured.frame
    name = frame["component"].iloc[0] if component is None else component
    measured = measured.of(name)
    estimates: dict[str, Estimate] = {}
    notes: list[str] = []
    levels = at_loads(measured)
    best = _of_latencies(levels, servers, notes)
    _of_utilizations(measured, servers or 1, estimates, notes)
    _of_lookups(measured.frame, estimates)
    _of_arrivals(measured, notes)
    _of_loop(measured, notes)
    if best is None and not estimates:
        raise ModelError(
            f"{f'{name} of ' if name else ''}{measured.source} tells nothing of a station: "
            "needed are latencies at two loads "
            f"or more, utilisations, or look-ups ({'; '.join(notes) or 'it has rates only'})"
        )
    found = best or Calibration("what the file tells", {})
    return replace(
        found, estimates=dict(found.estimates) | estimates, notes=(*found.notes, *notes)
    )


def at_loads(measured: Measurements, levels: int = LEVELS) -> pd.DataFrame:
    """Return measurements by load: rows of a time series put together to levels of load."""
    from qmodel.measurements.measurements import framed

    frame = measured.together()
    frame = frame[frame["arrival_rate"] > 0].sort_values("arrival_rate", kind="stable")
    if len(frame) <= levels:
        return frame.reset_index(drop=True)
    rates = frame["arrival_rate"].to_numpy()
    # Levels of equal ratio: a test in steps has its rows close together at each step.
    edges = np.geomspace(rates[0], rates[-1] * (1 + 1e-9), levels + 1)
    at = np.clip(np.searchsorted(edges, rates, side="right") - 1, 0, levels - 1)
    return framed([merged(frame[at == i]) for i in np.unique(at)])


def _of_latencies(
    levels: pd.DataFrame, servers: int | None, notes: list[str]
) -> Calibration | None:
    known = levels.dropna(subset=["arrival_rate", "mean"])
    rates, means = (known[n].to_numpy(dtype=float) for n in ("arrival_rate", "mean"))
    if np.unique(rates).size < _FEWEST or rates.max() < _SPREAD * rates.min():
        notes.append("no mean latencies at two different loads: no service time")
        return None
    try:
        if servers is None:
            counted = number_of_servers(rates, means)
            servers = round(counted.estimates["servers"].value)
            found = service_time(rates, means, servers=servers)
            return replace(
                found,
                estimates={"servers": counted.estimates["servers"]} | dict(found.estimates),
                notes=(*counted.notes, *found.notes),
            )
        return service_time(rates, means, servers=servers)
    except (InfeasibleError, DomainError) as e:
        notes.append(str(e))
        return None


def _of_utilizations(
    measured: Measurements, servers: int, estimates: dict[str, Estimate], notes: list[str]
) -> None:
    frame = measured.together().dropna(subset=["utilization", "arrival_rate"])
    frame = frame[frame["utilization"].between(0, 1)]
    if len(frame) < _FEWEST or frame["arrival_rate"].nunique() < _FEWEST:
        return
    kinds = measured.frame[measured.frame["kind"] != ""]
    rates = {"service_demand": frame["arrival_rate"].to_numpy(dtype=float)}
    table = kinds.pivot_table(
        index="time", columns="kind", values="arrival_rate", aggfunc="sum"
    )
    if 1 < table.shape[1] < len(frame) and len(table) == len(frame):
        rates = {f"demand of {k}": table[k].fillna(0.0).to_numpy() for k in table}
    found = service_demands(rates, frame["utilization"].to_numpy(), servers=servers)
    estimates |= found.estimates
    notes += found.notes


def _of_lookups(frame: pd.DataFrame, estimates: dict[str, Estimate]) -> None:
    known = frame.dropna(subset=["hit_ratio", "count"])
    known = known[known["count"] > 0]
    if len(known):
        count = float(known["count"].sum())
        hits = float((known["hit_ratio"] * known["count"]).sum())
        estimates["hit_ratio"] = hit_ratio(min(hits, count), count)


def _of_arrivals(measured: Measurements, notes: list[str]) -> None:
    if measured.arrivals is None:
        return
    _, step, counts = measured.arrivals
    try:
        frame = arrival_variability(counts, step)
    except DomainError:
        return
    notes.append(f"arrivals: {frame.attrs['verdict']}")


def _of_loop(measured: Measurements, notes: list[str]) -> None:
    frame = measured.together().dropna(subset=["arrival_rate", "mean"])
    frame = frame[frame["mean"] > 0]
    users = frame["in_flight"].to_numpy() if frame["in_flight"].notna().all() else None
    if len(frame) < _FEWEST:
        return
    found = loop_of(frame["arrival_rate"].to_numpy(), frame["mean"].to_numpy(), users)
    loop = measured.loop if found.loop == "unknown" else found.loop
    if loop == "closed":
        reason = found.reason if found.loop == "closed" else f"as {measured.format} works"
        notes.append(
            f"a closed loop ({reason}): the users wait for their answers, so the latency at a "
            "rate is lower than under an open load of the same rate"
        )
