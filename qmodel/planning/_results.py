"""What questions read off a solved model, be it a pipeline or a single station."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import reduce

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.pipeline import Pipeline, PipelineResult
from qmodel.queues.base import Station, StationResult

__all__ = ["Model", "Result", "latency_of", "max_rate_of", "near", "utilization_of"]

Model = Pipeline | Station
"""What can be asked."""

Result = PipelineResult | StationResult
"""What a solved model is."""


def latency_of(result: Result, kind: str | None = None) -> Distribution:
    """Return the law of the time of a request, of all kinds or of one."""
    if isinstance(result, StationResult):
        if kind is not None:
            raise ModelError(f"a station has no kinds of request, so there is no {kind!r}")
        return result.response
    if kind is None:
        return result.latency
    if kind not in result.kinds:
        hint = near(kind, result.kinds)
        raise ModelError(f"no kind of request {kind!r} in the pipeline{hint}")
    return result.kinds[kind].latency


def max_rate_of(result: Result) -> Value:
    """Return the arrival rate at which a solved model saturates [1/s]."""
    return (result.station if isinstance(result, StationResult) else result).max_rate


def utilization_of(result: Result, station: str | None = None) -> Value:
    """Return the utilization of the busiest station, or of one."""
    if isinstance(result, StationResult):
        if station is not None:
            raise ModelError(f"a station has no parts, so there is no {station!r}")
        return result.utilization
    if station is None:
        return reduce(np.maximum, (r.utilization for r in result.stations.values()), 0.0)
    if station not in result.stations:
        hint = near(station, result.stations)
        raise ModelError(f"no station {station!r} in the pipeline{hint}")
    return result.stations[station].utilization


def near(name: str, known: Iterable[str]) -> str:
    """Return a hint for who wrote a name that is not known."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
