"""Sweeps: a model over a grid of parameters, as one tidy frame.

A model whose parameters are arrays solves all scenarios at once, so a sweep lays out the
grid, solves it in chunks of bounded memory (about 0.5 MB for each array of 65,536 cells),
and writes one row for each cell. `sweep_chunks` yields the frames one by one, for grids
larger than memory.

================  ===========================================================
model             axes
================  ===========================================================
a `Pipeline`      the load, and the names of `Pipeline.parameters`
a `Station`       the load, and its fields
a function        its keywords; it gets flat arrays and returns a solved model
                  or a mapping of columns
================  ===========================================================

**Loads.** "arrival_rate"; or "users" and "think_time", for users who wait for answers.
**Losses.** What is rejected and abandoned stands beside the latencies, which are those of
the requests that get through.
**Overload.** Its rows keep their ``inf``; they do not spoil their neighbours.
**Basis.** The column says what the percentiles rest on. It is the weakest over the grid,
whatever the chunks: a sweep over one and two servers is approximate where two are.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check, units
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.distributions.cells import shape_of
from qmodel.errors import DomainError, ModelError
from qmodel.glossary import units_of
from qmodel.loads import Closed, columns_of
from qmodel.networks.closed_result import ClosedResult
from qmodel.pipeline import Pipeline, PipelineResult
from qmodel.planning._models import asked, has_arrays
from qmodel.planning._results import (
    Result,
    goodput_of,
    latency_of,
    max_rate_of,
    near,
    share_of,
)
from qmodel.queues.base import Station, StationResult

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["sweep", "sweep_chunks"]

Axes = Mapping[str, Any]
Solve = Callable[..., Any]

_PATIENCE = 2.0  # Seconds before a bar is worth showing.


@checked
def sweep(
    model: Pipeline | Station | Solve,
    over: Axes,
    *,
    arrival_rate: Value = None,
    percentiles: Sequence[float] = (0.5, 0.95, 0.99),
    chunk: int = 65536,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Solve a model on a grid and return one row a cell.

    Parameters
    ----------
    model : Pipeline, Station or callable
        The model, without arrays of its own; or a function that takes the axes as keywords,
        flat arrays of one length, and returns a solved model or a mapping of columns. [-]
    over : mapping of str to sequence
        The axes and their values, numbers or texts with units ("5 ms"); the last axis
        varies fastest. [-]
    arrival_rate : number, str or Closed, optional
        The load, where it is no axis: an axis of one value. [1/s]
    percentiles : sequence of float, default (0.5, 0.95, 0.99)
        The percentiles of the latency. [-]
    chunk : int, default 65536
        Most cells solved at once, >= 1. [-]
    progress : bool, optional
        Whether to show a bar on standard error; by default on a terminal, for what takes
        longer than two seconds. [-]

    Returns
    -------
    pandas.DataFrame
        The axes, then `mean`, percentiles, `rejected`, `abandoned`, `goodput`, `max_rate`,
        `headroom`, `bottleneck`, ``utilization.<station>`` and `basis`; of a mapping, its
        columns. ``attrs["units"]`` has the units. [-]

    Raises
    ------
    DomainError
        If an axis is empty or is not of numbers, or a value is outside its domain.
    ModelError
        If an axis is unknown, the load is missing or given twice, or the model has arrays.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.call("web", qm.MMc(0.01, servers=4)), qm.call("db", qm.MMc(0.02))
    >>> shop = qm.Pipeline(qm.series(web, db))
    >>> frame = sweep(shop, {"arrival_rate": [20.0, 60.0], "db.servers": [1, 2]})
    >>> frame[["arrival_rate", "db.servers", "p99", "bottleneck"]].round(4)
       arrival_rate  db.servers     p99 bottleneck
    0          20.0           1  0.1654         db
    1          20.0           2  0.1078         db
    2          60.0           1     inf         db
    3          60.0           2  0.1439         db

    Users who wait for their answers, instead of a rate:

    >>> frame = sweep(shop, {"users": [50, 500], "think_time": [4.0, 8.0]})
    >>> frame[["users", "think_time", "goodput", "p99", "bottleneck"]].round(3)
       users  think_time  goodput    p99 bottleneck
    0     50         4.0   12.387  0.134         db
    1     50         8.0    6.225  0.118         db
    2    500         4.0   50.000  7.070         db
    3    500         8.0   50.000  3.070         db
    """
    import pandas as pd

    axes = _axes(over, arrival_rate)
    frames = sweep_chunks(model, axes, percentiles=percentiles, chunk=chunk)
    kept = list(_watched(frames, math.prod(map(len, axes.values())), progress))
    table = kept[0] if len(kept) == 1 else pd.concat(kept, ignore_index=True)
    table.attrs = kept[0].attrs
    return table


@checked
def sweep_chunks(
    model: Pipeline | Station | Solve,
    over: Axes,
    *,
    arrival_rate: Value = None,
    percentiles: Sequence[float] = (0.5, 0.95, 0.99),
    chunk: int = 65536,
) -> Iterator[pd.DataFrame]:
    """Solve a model on a grid and yield its rows in frames of bounded size.

    Parameters
    ----------
    model : Pipeline, Station or callable
        As for `sweep`. [-]
    over : mapping of str to sequence
        As for `sweep`. [-]
    arrival_rate : number, str or Closed, optional
        The load, where it is no axis: an axis of one value. [1/s]
    percentiles : sequence of float, default (0.5, 0.95, 0.99)
        The percentiles of the latency. [-]
    chunk : int, default 65536
        Most rows in a frame, >= 1. [-]

    Returns
    -------
    iterator of pandas.DataFrame
        Frames as of `sweep`, in its order; the index goes on from frame to frame. [-]

    Raises
    ------
    DomainError
        If an axis is empty or is not of numbers, or a value is outside its domain.
    ModelError
        If an axis is unknown, the load is missing or given twice, or the model has arrays.

    Examples
    --------
    >>> import qmodel as qm
    >>> frames = sweep_chunks(qm.MMc(0.01), {"arrival_rate": range(10, 100)}, chunk=40)
    >>> [len(frame) for frame in frames]
    [40, 40, 10]
    """
    axes = _axes(over, arrival_rate)
    step = int(_check.count("chunk", chunk))
    shares = np.atleast_1d(_check.probability("percentiles", percentiles))
    return _frames(_solver(model, axes), axes, shares, step)


def _frames(
    solve: Solve, axes: Mapping[str, np.ndarray], percentiles: np.ndarray, chunk: int
) -> Iterator[pd.DataFrame]:
    import pandas as pd

    ends = [np.unique([np.fmin.reduce(a), np.fmax.reduce(a)]) for a in axes.values()]
    corners = dict(zip(axes, (x.ravel() for x in np.meshgrid(*ends)), strict=True))
    weakest = getattr(solve(**corners), "basis", None)
    shape = tuple(map(len, axes.values()))
    for start in range(0, math.prod(shape), chunk):
        rows = np.arange(start, min(start + chunk, math.prod(shape)))
        where = np.unravel_index(rows, shape)
        here = {name: a[i] for (name, a), i in zip(axes.items(), where, strict=True)}
        result = solve(**here)
        columns = here | {
            name: _column(name, value, rows.size)
            for name, value in _columns(result, here, percentiles).items()
        }
        frame = pd.DataFrame(columns, index=pd.RangeIndex(start, start + rows.size))
        if weakest is not None:
            frame["basis"] = str(weakest["percentiles"])
        utilizations = {n: "-" for n in columns if n.startswith("utilization.")}
        frame.attrs["units"] = units_of(list(columns)) | utilizations
        yield frame


def _axes(over: Axes, arrival_rate: Value) -> dict[str, np.ndarray]:
    axes = {name: _axis(name, values) for name, values in over.items()}
    if arrival_rate is not None:
        given = columns_of(arrival_rate)
        for name in given:
            if name in axes:
                raise ModelError(f"{name} is given twice, as an axis and as a keyword")
        axes = {name: _axis(name, value) for name, value in given.items()} | axes
    if not axes:
        raise ModelError("a sweep needs at least one axis")
    return axes


def _axis(name: str, values: Any) -> np.ndarray:
    if isinstance(values, str) or not np.iterable(values):
        values = [values]
    if not isinstance(values, np.ndarray):
        values = [units.parse(v) if isinstance(v, str) else v for v in values]
    axis = np.asarray(values)
    if axis.ndim != 1 or axis.dtype.kind not in "iuf":
        raise DomainError(f"axis {name!r} must be a sequence of numbers, got {values!r}")
    if axis.size == 0:
        raise DomainError(f"axis {name!r} must have at least one value")
    return axis


def _solver(model: Any, axes: Mapping[str, Any]) -> Solve:
    """Return the function from arrays of the axes to a solved model."""
    if not isinstance(model, (Pipeline, Station)):
        if not callable(model):
            raise ModelError(f"model must be a Pipeline, Station or callable, got {model!r}")
        return model  # type: ignore[no-any-return]
    loads = [name for name in ("arrival_rate", "users") if name in axes]
    if not loads:
        raise ModelError(
            "a sweep needs a load: an axis 'arrival_rate' or 'users', or a keyword"
        )
    if len(loads) > 1:
        raise ModelError("a sweep has one kind of load: arrival_rate, or users")
    whole = asked(model)
    if has_arrays(whole):
        raise ModelError("the model has arrays of its own: put them into the axes of the sweep")
    known = [*whole.parameters(), *loads]
    if loads == ["users"]:
        known.append("think_time")
    for name in axes:
        if name not in known:
            raise ModelError(f"no parameter {name!r} in the model{near(name, known)}")

    def solve(**here: Any) -> Result:
        load = here.pop(loads[0])
        if loads == ["users"]:
            load = Closed(load, here.pop("think_time", 0.0))
        return whole.replace(here).solve(load)

    return solve


def _columns(
    result: Any, axes: Mapping[str, np.ndarray], percentiles: np.ndarray
) -> dict[str, Any]:
    if isinstance(result, Mapping):
        both = [name for name in result if name in axes]
        if both:
            raise ModelError(f"the function returns {both[0]!r}, which is an axis")
        return dict(result)
    if not isinstance(result, (PipelineResult, StationResult, ClosedResult)):
        raise ModelError(
            f"a swept function must return a solved model or a mapping, got {result!r}"
        )
    latency, most = latency_of(result), max_rate_of(result)
    columns: dict[str, Any] = {"mean": latency.mean}
    p = percentiles.reshape(-1, *[1] * max(len(shape_of(latency)), 1))
    times = zip(percentiles, latency.quantile(p), strict=True)
    columns |= {f"p{100 * p:.12g}": t for p, t in times}
    columns |= {name: share_of(result, name) for name in ("rejected", "abandoned")}
    columns["goodput"] = goodput_of(result)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        headroom = most / np.asarray(result.arrival_rate) - 1
    if isinstance(result, ClosedResult):
        headroom = result.headroom
    columns |= {"max_rate": most, "headroom": headroom}
    if isinstance(result, StationResult):
        return columns | {"utilization": result.utilization}
    columns["bottleneck"] = result.bottleneck
    stations = result.stations.items()
    return columns | {f"utilization.{name}": r.utilization for name, r in stations}


def _column(name: str, value: Any, cells: int) -> np.ndarray:
    column = np.asarray(value)
    if column.shape not in ((), (1,), (cells,)):
        raise ModelError(f"column {name!r} must have {cells} cells, got shape {column.shape}")
    return np.broadcast_to(column, (cells,))


def _watched(
    frames: Iterator[pd.DataFrame], cells: int, progress: bool | None
) -> Iterator[pd.DataFrame]:
    """Yield the frames, with a bar on standard error when it is wanted."""
    started, done, bar, task = time.monotonic(), 0, None, None
    try:
        for frame in frames:
            yield frame
            done += len(frame)
            slow = time.monotonic() - started > _PATIENCE and sys.stderr.isatty()
            if bar is None and done < cells and (slow if progress is None else progress):
                from rich.console import Console
                from rich.progress import Progress

                bar = Progress(console=Console(stderr=True))
                task = bar.add_task("sweep", total=cells)
                bar.start()
            if bar is not None and task is not None:
                bar.update(task, completed=done)
    finally:
        if bar is not None:
            bar.stop()
