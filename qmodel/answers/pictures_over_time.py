"""The pictures of a load that changes in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from qmodel.answers.answer import Picture
    from qmodel.pipeline import PipelineOverTime
    from qmodel.planning.slo import Objective

__all__ = ["pictures"]

_LOW = 0.03
"""A share of the most, below which nothing happens."""


def _eventful(result: PipelineOverTime) -> np.ndarray:
    """Return the places of the times that are drawn: what happens, and a little beside it."""
    p99 = np.nan_to_num(result.p99, nan=np.inf)
    above = result.arrival_rate - result.arrival_rate.min()
    happens = above > _LOW * above.max()
    happens |= result.backlog > _LOW * max(float(result.backlog.max()), 1.0)
    happens |= p99 > (1 + _LOW) * p99.min()
    span = result.times[happens] if happens.any() else result.times
    beside = 0.1 * float(np.ptp(span))
    inside = (result.times >= span[0] - beside) & (result.times <= span[-1] + beside)
    return np.flatnonzero(inside) if inside.sum() > 1 else np.arange(len(result.times))


def pictures(
    result: PipelineOverTime, goals: Sequence[Objective], capacity: np.ndarray
) -> Sequence[Picture]:
    """Draw load, latency and backlog of a crowd, while something happens."""
    from qmodel.answers.pictures import lines, marks, rows_of

    seen = _eventful(result)
    result, capacity = result.at(seen), capacity[seen]
    scale, unit = (60.0, "minutes") if np.ptp(result.times) > 300 else (1.0, "seconds")
    times = (result.times / scale).tolist()

    def curves(named: Mapping[str, Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for name, values in named.items():
            known = np.isfinite(values)
            # Of a level stretch its ends are drawn.
            level = np.isclose(np.diff(values), 0, atol=1e-9 * np.nanmax(values, initial=0.0))
            known[1:-1] &= ~(level[1:] & level[:-1])
            rows += rows_of(
                {
                    "time": np.asarray(times)[known].tolist(),
                    "value": np.asarray(values)[known].tolist(),
                    "of": [name] * int(known.sum()),
                }
            )
        return rows

    x = ("time", unit)
    served = np.maximum(result.goodput, 0.0)
    flow = curves({"comes": result.arrival_rate, "is served": served, "capacity": capacity})
    late = curves({"p50": result.p50, "p99": result.p99})
    waiting = curves(
        {
            name: station.queue_length
            for name, station in result.stations.items()
            if station.queue_length.max() > 0.01 * max(result.backlog.max(), 1e-9)
        }
    )
    limits = {str(g): g.limit for g in goals if str(g.quantity).startswith("p")}
    latency = lines(
        "Latency of those who come then", late, x, ("value", "latency [s]"), by="of"
    )
    found = [
        lines("Load", flow, x, ("value", "requests/s"), by="of"),
        marks(latency, limits, "y") if limits else latency,
    ]
    if waiting:
        found.append(lines("Backlog", waiting, x, ("value", "requests that wait"), by="of"))
    return found
