"""Models side by side: what one buys and what it costs, in percent of the first.

The frame has one row for each model and load. What describes the model comes first
(`servers`, `max_rate`, `bottleneck`), then its state at the load (`utilization` of the
bottleneck, `headroom`, latencies, what is `rejected` and `abandoned`, `goodput`), then the
changes against the first model at the same load, in percent: ``p99.change`` of -20 is a p99
a fifth lower. Latencies are those of the requests that get through.

**Overload.** Latencies of an overloaded model are ``inf``, and so is their change; against
an overloaded first model the change is -100, and NaN where both are overloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel.errors import ModelError
from qmodel.glossary import units_of
from qmodel.planning._models import as_pipeline, asked, has_arrays
from qmodel.planning._results import Model
from qmodel.queues.base import Station

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare"]

_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
_LOSSES = ("rejected", "abandoned", "goodput")
_CHANGES = ("servers", "max_rate", "mean", *_PERCENTILES, "goodput")


def compare(models: Mapping[str, Model], arrival_rate: Value) -> pd.DataFrame:
    """Return models side by side at the same load, with their changes against the first.

    Parameters
    ----------
    models : mapping of str to Pipeline or Station
        The models by name, without arrays of their own; the first is the reference. [-]
    arrival_rate : number or array
        The load, the same for all; an array gives a row for each model and load. [1/s]

    Returns
    -------
    pandas.DataFrame
        `model`, `arrival_rate`, `servers` of all stations without delays, `max_rate`,
        `headroom`, `bottleneck` and its `utilization`, `mean`, `p50` to `p99.9`, `rejected`,
        `abandoned`, `goodput`, and ``<column>.change`` in percent. ``attrs["units"]`` has
        the units, ``attrs["basis"]`` for each model what its max_rate, mean and percentiles
        rest on. [-]

    Raises
    ------
    DomainError
        If `arrival_rate` is negative.
    ModelError
        If there is no model, or one is something else or has arrays of its own.

    Examples
    --------
    >>> import qmodel as qm
    >>> one, pool = qm.MMc(0.01, servers=1), qm.MMc(0.04, servers=4)
    >>> frame = compare({"one fast": one, "four slow": pool}, arrival_rate=60.0)
    >>> frame[["model", "mean", "mean.change", "p99.change"]].round(3)
           model   mean  mean.change  p99.change
    0   one fast  0.025        0.000       0.000
    1  four slow  0.047       88.704      73.012
    """
    import pandas as pd

    if not models:
        raise ModelError("models must have at least one model")
    rates = np.asarray(_check.nonnegative("arrival_rate", arrival_rate), dtype=float).ravel()
    frames, basis = [], {}
    for name, model in models.items():
        columns, basis[name] = _state(name, model, rates)
        frames.append(pd.DataFrame({"model": name} | columns))
    for name in _CHANGES:
        first = frames[0][name].to_numpy()
        for frame in frames:
            frame[f"{name}.change"] = _change(frame[name].to_numpy(), first)
    table = pd.concat(frames, ignore_index=True)
    table.attrs["units"] = units_of(list(table.columns)) | {
        f"{n}.change": "%" for n in _CHANGES
    }
    table.attrs["basis"] = basis
    return table


def _state(name: str, model: Model, rates: np.ndarray) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns of one model, and what they rest on."""
    if isinstance(model, Station):
        model = as_pipeline(model, name)
    if has_arrays(asked(model, f"model {name!r}")):
        raise ModelError(
            f"model {name!r} has arrays of its own: compare one scenario, or sweep"
        )
    result = model.solve(rates)
    servers = [float(station.servers) for station in model.stations.values()]
    first = result.stations.get(result.bottleneck)
    shares = np.array(list(_PERCENTILES.values()))[:, None]
    columns = {
        "arrival_rate": rates,
        "servers": sum(count for count in servers if np.isfinite(count)),
        "max_rate": float(result.max_rate),
        "headroom": result.headroom,
        "bottleneck": result.bottleneck,
        "utilization": 0.0 if first is None else first.utilization,
        "mean": result.latency.mean,
    }
    times = np.broadcast_to(result.latency.quantile(shares), (shares.size, rates.size))
    columns |= dict(zip(_PERCENTILES, times, strict=True))
    columns |= {
        name: 1.0 * np.broadcast_to(getattr(result, name), rates.shape) for name in _LOSSES
    }
    return columns, {key: result.basis[key] for key in ("max_rate", "mean", "percentiles")}


def _change(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return 100 * np.where(
            values == first, np.where(np.isinf(first), np.nan, 0.0), values / first - 1
        )
