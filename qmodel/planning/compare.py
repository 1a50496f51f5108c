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
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.errors import ModelError
from qmodel.glossary import units_of
from qmodel.loads import Closed, Load, columns_of
from qmodel.planning._models import as_pipeline, asked, has_arrays
from qmodel.planning._results import Model
from qmodel.queues.base import Station

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare"]

_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
_LOSSES = ("rejected", "abandoned", "goodput")
_CHANGES = ("servers", "max_rate", "mean", *_PERCENTILES, "goodput")


@checked
def compare(models: Mapping[str, Model], arrival_rate: Value | Load) -> pd.DataFrame:
    """Return models side by side at the same load, with their changes against the first.

    Parameters
    ----------
    models : mapping of str to Pipeline or Station
        The models by name, without arrays of their own; the first is the reference. [-]
    arrival_rate : number, array or Load
        The load, the same for all, a rate or `qmodel.Closed`; an array gives a row for each
        model and load. [1/s]

    Returns
    -------
    pandas.DataFrame
        `model`, the load, `servers` of all stations without delays, `max_rate`,
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

    The same for users who wait for their answers:

    >>> frame = compare({"one fast": one, "four slow": pool}, qm.Closed(100, think_time=1.0))
    >>> frame[["model", "users", "goodput", "mean", "p99"]].round(3)
           model  users  goodput   mean    p99
    0   one fast  100.0    92.43  0.082  0.277
    1  four slow  100.0    91.35  0.095  0.310
    """
    import pandas as pd

    if not models:
        raise ModelError("models must have at least one model")
    load = _flat(arrival_rate)
    frames, basis = [], {}
    for name, model in models.items():
        columns, basis[name] = _state(name, model, load)
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


def _flat(load: Any) -> Any:
    """Return a load with one axis of cells."""
    if not isinstance(load, Load):
        return np.asarray(_check.nonnegative("arrival_rate", load), dtype=float).ravel()
    cells = np.broadcast_arrays(*columns_of(load).values())
    flat = [cell.ravel() for cell in cells]
    return Closed(*flat) if isinstance(load, Closed) else flat[0]


def _state(name: str, model: Model, load: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns of one model, and what they rest on."""
    if isinstance(model, Station):
        model = as_pipeline(model, name)
    if has_arrays(asked(model, f"model {name!r}")):
        raise ModelError(
            f"model {name!r} has arrays of its own: compare one scenario, or sweep"
        )
    result: Any = model.solve(load)
    given = columns_of(load)
    cells = np.shape(next(iter(given.values())))
    servers = [float(np.max(r.working_servers)) for r in result.stations.values()]
    saturating = np.unique(result.bottleneck)[0]  # the same in all cells: one scenario
    first = result.stations.get(saturating)
    shares = np.array(list(_PERCENTILES.values()))[:, None]
    columns = given | {
        "servers": sum(count for count in servers if np.isfinite(count)),
        "max_rate": float(np.ravel(result.max_rate)[0]),
        "headroom": result.headroom,
        "bottleneck": str(saturating),
        "utilization": 0.0 if first is None else first.utilization,
        "mean": result.latency.mean,
    }
    times = np.broadcast_to(result.latency.quantile(shares), (shares.size, *cells))
    columns |= dict(zip(_PERCENTILES, times, strict=True))
    columns |= {name: 1.0 * np.broadcast_to(getattr(result, name), cells) for name in _LOSSES}
    return columns, {key: result.basis[key] for key in ("max_rate", "mean", "percentiles")}


def _change(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return 100 * np.where(
            values == first, np.where(np.isinf(first), np.nan, 0.0), values / first - 1
        )
