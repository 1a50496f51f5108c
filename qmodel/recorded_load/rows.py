"""A recorded load on a model: one row of results for each row of load.

Each row is taken as a steady state of its own. That is right while the load changes little
in the time that queues need to settle (seconds, at a utilization below 95 %). What a row in
overload leaves undone is carried into the next where that is asked for: then those rows that
are no steady states are solved over time (`qmodel.recorded_load.carried`). Each distinct rate
is solved once, in chunks, so memory grows with the rows of the frame only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import DomainError, ModelError
from qmodel.glossary import units_of
from qmodel.planning.engines import Engine, engine_of
from qmodel.planning.slo import Objective, Objectives, objectives_of
from qmodel.recorded_load.carried import carry_on
from qmodel.transients.profiles import seconds_of

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.pipeline import Pipeline

__all__ = ["replay"]

_CHUNK = 2048


@checked
def replay(
    model: Pipeline,
    load: pd.DataFrame,
    *,
    objectives: Objectives = (),
    scale_to: float | None = None,
    percentiles: Sequence[float] = (0.5, 0.95, 0.99),
    dynamic: bool = False,
    progress: Callable[[int, int], None] | None = None,
    engine: Engine | str | None = None,
) -> pd.DataFrame:
    """Return what a model does under a recorded load, row by row.

    Parameters
    ----------
    model : Pipeline
        The model; one scenario, so none of its parameters is an array. [-]
    load : pandas.DataFrame
        As from `read_load`: columns ``time`` and ``arrival_rate`` [1/s], the latter >= 0 or
        NaN. [-]
    objectives : str, Objective or sequence of them, optional
        What each row is held against, such as "p99 < 300 ms". [-]
    scale_to : float, optional
        Scale the load so that its busiest row is at this share of the rate at which the
        model saturates. [-]
    percentiles : sequence of float, default (0.5, 0.95, 0.99)
        Percentiles of the latency, as shares. [-]
    dynamic : bool, default False
        Whether what a row leaves undone is carried into the next: the load goes in straight
        lines from row to row, and each row is what a request meets that comes at its time.
        Overload is finite then, as far as the record goes. [-]
    progress : callable, optional
        Called with the number of rates and rows solved, and of all. [-]
    engine : Engine or str, optional
        Where the rates are solved, as for `qmodel.sweep`: "local", "dask", or the address of
        a Dask cluster; by default this process. [-]

    Returns
    -------
    pandas.DataFrame
        One row for each row of `load`, in its order: time, arrival rate, mean and
        percentiles of the latency, headroom, bottleneck, the shares of requests that are
        rejected and that abandon, goodput, the backlog of requests that wait, the utilization
        of each station with servers, and whether the objectives are met. Overload is inf; a
        missing rate gives NaN, and NA for met. ``attrs["units"]`` has the units,
        ``attrs["scale"]`` the factor of `scale_to`. [-]

    Raises
    ------
    DomainError
        If a rate is negative, `scale_to` or a percentile is out of range, or a time comes
        twice in a dynamic replay.
    ModelError
        If the model has arrays, never saturates and should be scaled to, or lacks what an
        objective names; if in a dynamic replay a station has no solution over time.

    Examples
    --------
    >>> import pandas as pd, qmodel as qm
    >>> shop = qm.Pipeline(qm.call("web", qm.MMc(0.01, servers=4)))
    >>> load = pd.DataFrame({"time": [0, 60, 120], "arrival_rate": [100.0, 300.0, 500.0]})
    >>> frame = replay(shop, load)
    >>> frame["p99"].round(3).tolist(), frame["headroom"].round(2).tolist()
    ([0.046, 0.06, inf], [3.0, 0.33, -0.2])

    After half a minute above 400/s nearly 1,600 wait:

    >>> frame = replay(shop, load, dynamic=True)
    >>> frame["p99"].round(2).tolist(), frame["backlog"].round(-2).tolist()
    ([0.05, 0.06, 4.87], [0.0, 0.0, 1600.0])
    """
    import pandas as pd

    if np.ndim(model.max_rate):
        raise ModelError("a replay needs one scenario, but parameters of the model are arrays")
    shares = np.array([float(_check.probability("percentiles", p)) for p in percentiles])
    goals = objectives_of([objectives])
    rates = _check.nonnegative("arrival_rate", load["arrival_rate"].to_numpy(dtype=float))
    factor = 1.0 if scale_to is None else _factor(model, rates, scale_to)
    distinct, where = np.unique(rates * factor, return_inverse=True)
    parts = []
    if not distinct.size:  # The columns of a row that there is not.
        names = _solved(model, np.zeros(1), shares, goals)
        parts = [{name: cells[:0] for name, cells in names.items()}]
    chunks = range(-(-distinct.size // _CHUNK))
    found: dict[int, dict[str, Any]] = {}
    total = distinct.size + (len(rates) if dynamic else 0)

    def tell(done: int) -> None:
        if progress is not None:
            progress(min(done, total), total)

    for number, part in engine_of(engine).run(_Part(model, distinct, shares, goals), chunks):
        found[number] = part
        tell(min(len(found) * _CHUNK, distinct.size))
    parts += [found[number] for number in chunks]
    columns = {name: np.concatenate([p[name] for p in parts])[where] for name in parts[0]}
    if dynamic:
        seconds = seconds_of(load["time"])
        columns = carry_on(
            model, columns, seconds, shares, goals, lambda row: tell(distinct.size + row)
        )
        tell(total)
    columns["bottleneck"] = pd.Categorical(columns["bottleneck"])
    if goals:
        columns["met"] = pd.arrays.BooleanArray(columns["met"], np.isnan(rates))
    frame = pd.DataFrame({"time": load["time"].array} | columns)
    frame.attrs = {**load.attrs, "units": _units(frame), "scale": factor}
    return frame


@dataclass(frozen=True, slots=True)
class _Part:
    """What solves some of the rates, by their number."""

    model: Pipeline
    rates: np.ndarray
    shares: np.ndarray
    goals: Sequence[Objective]

    def __call__(self, number: int) -> dict[str, Any]:
        here = self.rates[number * _CHUNK : (number + 1) * _CHUNK]
        return _solved(self.model, here, self.shares, self.goals)


def _solved(
    model: Pipeline, rates: np.ndarray, shares: np.ndarray, goals: Sequence[Objective]
) -> dict[str, Any]:
    result = model.solve(rates)
    found: dict[str, Any] = {"arrival_rate": rates, "mean": result.latency.mean}
    if shares.size:
        times = result.latency.quantile(shares[:, None])
        found |= {f"p{100 * p:.12g}": t for p, t in zip(shares, times, strict=True)}
    found |= {"headroom": result.headroom, "bottleneck": result.bottleneck}
    found |= {name: getattr(result, name) for name in ("rejected", "abandoned", "goodput")}
    # What waits inside a pool counts as what the pool does.
    within = {name for names in result.solved.flows.inside.values() for name in names}
    outside = [n for n in result.stations if n not in within]
    found["backlog"] = sum(result.stations[n].queue_length for n in outside)
    for name, station in result.stations.items():
        if np.isfinite(station.station.servers):
            found[f"utilization.{name}"] = station.utilization
    if goals:
        met = np.broadcast_arrays(*(goal.met(result) for goal in goals))
        found["met"] = np.logical_and.reduce(met)
    return {name: np.broadcast_to(cells, rates.shape) for name, cells in found.items()}


def _units(frame: pd.DataFrame) -> dict[str, str]:
    names = list(frame.columns)
    return units_of(names) | {n: "-" for n in names if n.startswith("utilization.")}


def _factor(model: Pipeline, rates: np.ndarray, scale_to: float) -> float:
    share = _check.one("scale_to", scale_to, _check.positive)
    most = float(np.max(rates, initial=0.0, where=~np.isnan(rates)))
    limit = float(model.max_rate)
    if not most > 0:
        raise DomainError("scale_to needs a load above zero, but all rates are zero or missing")
    if not np.isfinite(limit * share):
        raise ModelError("scale_to needs a capacity, but nothing in the model ever saturates")
    return share * limit / most
