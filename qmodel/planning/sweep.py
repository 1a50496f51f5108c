"""Sweeps: a model over a grid of parameters, as one tidy frame.

A model whose parameters are arrays solves all scenarios at once, so a sweep lays out the
grid, solves it in parts of bounded memory (about 0.5 MB for each array of 65,536 cells),
and writes one row for each cell. What is larger than memory goes into a folder of Parquet
files (``into``), by processes or a cluster (``engine``); `sweep_chunks` yields the frames one
by one.

================  ===========================================================
model             axes
================  ===========================================================
a `Pipeline`      the load, and the names of `Pipeline.parameters`
a `Station`       the load, and its fields
a function        its keywords; it gets flat arrays and returns a solved model
                  or a mapping of columns
================  ===========================================================

**Designs.** A mapping is a grid; `Sobol` and `Random` of `qmodel.planning.designs` fill the
space between a least and a greatest value of each parameter.
**Loads.** "arrival_rate"; or "users" and "think_time", for users who wait for answers.
**Losses.** What is rejected and abandoned stands beside the latencies, which are those of
the requests that get through.
**Overload.** Its rows keep their ``inf``; they do not spoil their neighbours.
**Basis.** The column says what the percentiles rest on. It is the weakest over the grid,
whatever the parts: a sweep over one and two servers is approximate where two are.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, overload

from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.errors import ModelError
from qmodel.loads import columns_of
from qmodel.pipeline import Pipeline
from qmodel.planning.designs import Design, Grid
from qmodel.planning.engines import Engine, engine_of
from qmodel.planning.region import warn
from qmodel.planning.sweep_parts import SweepParts, folder_of
from qmodel.planning.sweep_rows import Rows
from qmodel.queues.base import Station

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["sweep", "sweep_chunks"]

Solve = Callable[..., Any]

_LOADS = ("arrival_rate", "goodput")
"""What is the load of a cell: the first that it has."""

_PATIENCE = 2.0  # Seconds before a bar is worth showing.


@overload
def sweep(
    model: Pipeline | Station | Solve,
    over: Mapping[str, Any] | Design,
    *,
    arrival_rate: Value = None,
    percentiles: Sequence[float] = (0.5, 0.95, 0.99),
    chunk: int = 65536,
    progress: bool | None = None,
    engine: Engine | str | None = None,
    into: None = None,
) -> pd.DataFrame: ...


@overload
def sweep(
    model: Pipeline | Station | Solve,
    over: Mapping[str, Any] | Design,
    *,
    arrival_rate: Value = None,
    percentiles: Sequence[float] = (0.5, 0.95, 0.99),
    chunk: int = 65536,
    progress: bool | None = None,
    engine: Engine | str | None = None,
    into: str | PathLike[str],
) -> SweepParts: ...


@checked
def sweep(
    model: Pipeline | Station | Solve,
    over: Mapping[str, Any] | Design,
    *,
    arrival_rate: Value = None,
    percentiles: Sequence[float] = (0.5, 0.95, 0.99),
    chunk: int = 65536,
    progress: bool | None = None,
    engine: Engine | str | None = None,
    into: str | PathLike[str] | None = None,
) -> pd.DataFrame | SweepParts:
    """Solve a model on a grid and return one row a cell.

    Parameters
    ----------
    model : Pipeline, Station or callable
        The model, without arrays of its own; or a function that takes the axes as keywords,
        flat arrays of one length, and returns a solved model or a mapping of columns. [-]
    over : mapping of str to sequence, or Design
        The axes of a grid and their values, numbers or texts with units ("5 ms"); the last
        axis varies fastest. Or `Sobol` or `Random` points. [-]
    arrival_rate : number, str or Closed, optional
        The load, where it is no axis: an axis of one value. [1/s]
    percentiles : sequence of float, default (0.5, 0.95, 0.99)
        The percentiles of the latency. [-]
    chunk : int, default 65536
        Most cells solved at once, >= 1. [-]
    progress : bool, optional
        Whether to show a bar on standard error; by default on a terminal, for what takes
        longer than two seconds. [-]
    engine : Engine or str, optional
        Where the parts are solved (`qmodel.planning.engines`): "local" for processes of this
        machine, "dask" for a Dask cluster started here, "tcp://..." for one that runs; by
        default this process. [-]
    into : path, optional
        Folder for the parts, as Parquet files; those that are there already, of a sweep that
        was stopped, are not solved again. [-]

    Returns
    -------
    pandas.DataFrame or SweepParts
        The axes, then `mean`, percentiles, `rejected`, `abandoned`, `goodput`, `max_rate`,
        `headroom`, `bottleneck`, ``utilization.<station>`` and `basis`; of a mapping, its
        columns. ``attrs["units"]`` has the units. With `into`, the parts on disk. [-]

    Raises
    ------
    DomainError
        If an axis is empty or is not of numbers, or a value is outside its domain.
    ModelError
        If an axis is unknown, the load is missing or given twice, the model has arrays, or
        `into` holds another sweep.

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
    design = _design(over, arrival_rate)
    rows, where = Rows.of(model, design, percentiles, chunk), engine_of(engine)
    if into is None:
        numbers = range(rows.parts)
        kept = dict(_watched(where.run(rows, numbers), rows, numbers, progress))
        found = _joined([kept[n] for n in sorted(kept)])
        _warn(model, found)
        return found
    writer = folder_of(rows, into)
    missing = writer.missing()
    for _ in _watched(where.run(writer, missing), rows, missing, progress):
        pass
    parts = writer.all()
    if getattr(model, "measured", None) is not None:
        _warn(model, _joined([_extremes(part) for part in parts]))
    return parts


def _warn(model: Any, frame: pd.DataFrame) -> None:
    """Warn where cells go beyond what was measured of the model."""
    region = getattr(model, "measured", None)
    if region is None:
        return
    load = frame[next(name for name in _LOADS if name in frame)]
    warn(region.of_load(load.to_numpy()))
    busy = {n: frame[n].max() for n in frame if n.startswith("utilization.")}
    if busy:
        most = max(busy, key=busy.__getitem__)
        warn(region.of_utilization(most.removeprefix("utilization."), float(busy[most])))


def _extremes(part: pd.DataFrame) -> pd.DataFrame:
    """Return the least and the greatest of what a model is held against."""
    held = part.loc[:, [n for n in part if n in _LOADS or n.startswith("utilization.")]]
    return held.agg(["min", "max"])


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    table = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    table.attrs = frames[0].attrs
    return table


@checked
def sweep_chunks(
    model: Pipeline | Station | Solve,
    over: Mapping[str, Any] | Design,
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
    over : mapping of str to sequence, or Design
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
    rows = Rows.of(model, _design(over, arrival_rate), percentiles, chunk)
    return _measured(model, (rows(number) for number in range(rows.parts)))


def _measured(model: Any, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Yield frames, with a warning where their cells go beyond what was measured."""
    for frame in frames:
        _warn(model, frame)
        yield frame


def _design(over: Mapping[str, Any] | Design, arrival_rate: Value) -> Design:
    if isinstance(over, Design):
        if arrival_rate is not None:
            raise ModelError("arrival_rate is part of the design: leave the keyword out")
        return over
    if arrival_rate is not None:
        given = columns_of(arrival_rate)
        for name in given:
            if name in over:
                raise ModelError(f"{name} is given twice, as an axis and as a keyword")
        over = given | dict(over)
    return Grid(over)


def _watched(
    found: Iterator[tuple[int, Any]],
    rows: Rows,
    numbers: Sequence[int],
    progress: bool | None,
) -> Iterator[tuple[int, Any]]:
    """Yield what was found, with a bar on standard error when it is wanted."""
    started, done, bar, task = time.monotonic(), 0, None, None
    cells = len(rows.design)
    before = cells - sum(min(rows.chunk, cells - n * rows.chunk) for n in numbers)
    try:
        for number, one in found:
            yield number, one
            done += min(rows.chunk, cells - number * rows.chunk)
            slow = time.monotonic() - started > _PATIENCE and sys.stderr.isatty()
            wanted = slow if progress is None else progress
            if bar is None and before + done < cells and wanted:
                from rich.console import Console
                from rich.progress import Progress

                bar = Progress(console=Console(stderr=True))
                task = bar.add_task("sweep", total=cells)
                bar.start()
            if bar is not None and task is not None:
                bar.update(task, completed=before + done)
    finally:
        if bar is not None:
            bar.stop()
