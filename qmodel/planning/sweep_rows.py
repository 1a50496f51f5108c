"""The rows of a sweep: the cells of a design, solved, as a frame.

`Rows` is a function of the number of a part, and pickles where its model does: any process
solves any part, and the numbers are the same to the last bit.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._nearest import did_you_mean
from qmodel.distributions.broadcasting import shape_of
from qmodel.errors import DomainError, ModelError
from qmodel.glossary import units_of
from qmodel.loads import Closed
from qmodel.networks.closed_result import ClosedResult
from qmodel.pipeline import Pipeline, PipelineResult
from qmodel.planning._models import asked, has_arrays
from qmodel.planning._results import (
    Result,
    goodput_of,
    latency_of,
    max_rate_of,
    share_of,
)
from qmodel.planning.designs import Design
from qmodel.queues.base import Station, StationResult

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Rows"]

Solve = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """What solves the parts of a sweep, each by its number."""

    model: Any
    design: Design
    percentiles: tuple[float, ...]
    chunk: int
    basis: str = ""

    @classmethod
    def of(cls, model: Any, design: Design, percentiles: Any, chunk: Any) -> Rows:
        """Return the rows of checked arguments, with the weakest basis of the design."""
        step = _check.one_count("chunk", chunk)
        shares = np.atleast_1d(_check.probability("percentiles", percentiles))
        if shares.ndim != 1 or np.isnan(shares).any():
            raise DomainError(f"percentiles must be shares such as 0.99, got {percentiles}")
        # The grounds of a whole are those of its corners together.
        weakest = getattr(_solver(model, design.names)(**design.corners()), "basis", None)
        basis = "" if weakest is None else str(weakest["percentiles"])
        return cls(model, design, tuple(map(float, shares)), step, basis)

    @property
    def parts(self) -> int:
        """Number of parts."""
        return -(-len(self.design) // self.chunk)

    def __call__(self, number: int) -> pd.DataFrame:
        """Return the rows of a part, numbered from 0."""
        import pandas as pd

        start = number * self.chunk
        here = self.design.cells(start, start + self.chunk)
        cells = min(self.chunk, len(self.design) - start)
        with np.errstate(all="ignore"):
            result = _solver(self.model, self.design.names)(**here)
            found = _columns(result, here, np.array(self.percentiles))
        columns = here | {name: _column(name, x, cells) for name, x in found.items()}
        frame = pd.DataFrame(columns, index=pd.RangeIndex(start, start + cells))
        if self.basis:
            frame["basis"] = self.basis
        utilizations = {n: "-" for n in columns if n.startswith("utilization.")}
        frame.attrs["units"] = units_of(list(columns)) | utilizations
        return frame


def _solver(model: Any, axes: tuple[str, ...]) -> Solve:
    """Return the function from arrays of the axes to a solved model."""
    if not isinstance(model, (Pipeline, Station)):
        if not callable(model):
            raise ModelError(f"model must be a Pipeline, Station or callable, got {model!r}")
        try:
            signature = inspect.signature(model)
        except ValueError:  # Of functions in C nothing can be told.
            return model  # type: ignore[no-any-return]
        try:
            signature.bind(**dict.fromkeys(axes))
        except TypeError as error:
            raise ModelError(
                f"model must take the axes as keywords, {', '.join(axes)}: {error}"
            ) from None
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
            raise ModelError(f"no parameter {name!r} in the model{did_you_mean(name, known)}")

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
