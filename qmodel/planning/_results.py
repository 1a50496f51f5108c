"""What questions read off a solved model, be it a pipeline or a single station."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from qmodel._lazy import once_loaded
from qmodel._nearest import did_you_mean
from qmodel._typing import Value
from qmodel._xp import namespace
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.pipeline import Pipeline, PipelineResult
from qmodel.queues.base import Station, StationResult

if TYPE_CHECKING:
    from qmodel.networks.closed_result import ClosedResult
    from qmodel.pipeline import PipelineOverTime
    from qmodel.transients.over_time import StationOverTime
else:  # Asked for in every question, and rarely there.
    ClosedResult = once_loaded("qmodel.networks.closed_result", "ClosedResult")
    PipelineOverTime = once_loaded("qmodel.pipeline.over_time", "PipelineOverTime")
    StationOverTime = once_loaded("qmodel.transients.over_time", "StationOverTime")

__all__ = [
    "Model",
    "Result",
    "footprint",
    "goodput_of",
    "latency_of",
    "load_share_of",
    "lost_of",
    "max_rate_of",
    "mean_of",
    "mean_wait_of",
    "share_of",
    "unchanged",
    "utilization_of",
    "wait_of",
]

Model: TypeAlias = Pipeline | Station
"""What can be asked."""

Result: TypeAlias = PipelineResult | StationResult | ClosedResult
"""What a solved model is; under a load that changes it is a `PipelineOverTime`."""


@dataclass(frozen=True, slots=True)
class _Limited:
    """What a limit lets through."""

    rejected: Value
    abandoned: Value
    goodput: Value


@dataclass(frozen=True, slots=True)
class _OverTime:
    """The latency of those who enter at each time, as a distribution."""

    of: PipelineOverTime

    @property
    def mean(self) -> Value:
        return self.of.mean

    def quantile(self, p: float) -> Value:
        return self.of.percentile(p)

    def tail(self, time: float) -> Value:
        return self.of.tail(time)


def latency_of(result: Result, subject: str | None = None) -> Distribution:
    """Return the distribution of the time of a request: of all, of a kind, at a station."""
    part = _part(result, subject)
    if isinstance(part, _Limited):
        raise ModelError(f"the limit {subject!r} takes no time")
    if isinstance(part, PipelineOverTime):
        of_each: Any = _OverTime(part)
        return cast(Distribution, of_each)
    if isinstance(part, StationOverTime):
        response: Distribution = part.response
        return response
    found: Distribution = (
        part.served_response if isinstance(part, StationResult) else part.latency
    )
    return found


def mean_of(result: Result, subject: str | None = None) -> Value:
    """Return the mean time of a request: of all, of a kind, at a station [s]."""
    if isinstance(result, ClosedResult) and subject is None:
        return result.response_time
    return latency_of(result, subject).mean


def wait_of(result: Result, subject: str | None = None) -> Distribution:
    """Return the distribution of the time in queue, at the only queue or at a station."""
    name, part = _queue(result, subject)
    if part.wait is None:
        at = f" at {name}" if name else ""
        raise ModelError(f"nobody queues{at}, as its servers are shared: ask for its response")
    wait: Distribution = part.wait
    return wait


def mean_wait_of(result: Result, subject: str | None = None) -> Value:
    """Return the mean time in queue: of a station, or in all queues that a request sees."""
    over_time = isinstance(result, PipelineOverTime)
    if not isinstance(result, StationResult) and subject is None and not over_time:
        # What nobody visits adds nothing, also where its queue would be endless.
        weigh = namespace(*result.visits.values()).weigh
        return sum(weigh(result.visits[n], r.waiting_time) for n, r in result.stations.items())
    return _queue(result, subject)[1].waiting_time


def share_of(result: Result, name: str, subject: str | None = None) -> Value:
    """Return the share of the requests that is rejected, abandons, or both ("loss")."""
    part = _part(result, subject)
    if isinstance(part, StationResult):
        rejected, abandoned = part.loss, part.abandonment
    else:  # of a whole, a kind, or a station over time
        rejected, abandoned = part.rejected, part.abandoned
    return {"rejected": rejected, "abandoned": abandoned, "loss": rejected + abandoned}[name]


def lost_of(result: Result, name: str) -> Value:
    """Return the share that is lost, over time of all who come."""
    share = share_of(result, name)
    if not isinstance(result, PipelineOverTime):
        return share
    come = np.trapezoid(result.arrival_rate, result.times)
    gone = np.trapezoid(result.arrival_rate * share, result.times)
    return float(gone / come) if come > 0 else 0.0


def goodput_of(result: Result, subject: str | None = None) -> Value:
    """Return the requests that are served in a second: of all, of a kind, by a station."""
    part = _part(result, subject)
    stations = StationResult, StationOverTime
    return part.throughput if isinstance(part, stations) else part.goodput


def max_rate_of(result: Result) -> Value:
    """Return the arrival rate at which a solved model saturates [1/s]."""
    return (result.station if isinstance(result, StationResult) else result).max_rate


def load_share_of(result: Result) -> Value:
    """Return the load over the greatest with a steady state: 0 of users, who wait. [-]."""
    if isinstance(result, ClosedResult):
        return 0 * result.throughput
    if isinstance(result, PipelineOverTime):
        return result.load_at_the_end
    if isinstance(result, PipelineResult) and result.shares:
        # Of what is late, and comes again, in this state: the fold need not be known.
        most = result.pipeline.plan.saturation(result.shares)[0]
        return np.divide(result.arrival_rate, most)
    return np.divide(result.arrival_rate, max_rate_of(result))


def utilization_of(result: Result, station: str | None = None) -> Value:
    """Return the utilization of the busiest station, or of one."""
    if not isinstance(result, StationResult) and station is None:
        busy = (r.utilization for r in result.stations.values())
        return reduce(lambda one, other: np.fmax(one, other), busy, np.float64(0.0))
    return _station(result, station).utilization


def _station(result: Result, name: str | None) -> Any:
    if isinstance(result, StationResult):
        if name is not None:
            raise ModelError(f"a station has no parts, so there is no {name!r}")
        return result
    if name is None or name not in result.stations:
        raise ModelError(
            f"no station {name!r} in the pipeline{did_you_mean(name, result.stations)}"
        )
    return result.stations[name]


def _part(result: Result, subject: str | None) -> Any:
    """Return what has the name: the whole, a kind of request, or a station."""
    if subject is None or isinstance(result, StationResult):
        return result if subject is None else _station(result, subject)
    if isinstance(result, PipelineResult) and subject in result.kinds:
        return result.kinds[subject]
    if subject in result.stations or isinstance(result, ClosedResult):
        return _station(result, subject)
    if isinstance(result, PipelineOverTime):
        there = ", ".join(result.stations)
        raise ModelError(f"over time objectives are of all or of a station: {there}")
    settled = result.solved.settled
    limits = {name: (word, name) for word, name in settled if word == "limit"}
    if subject not in limits:
        known = [*result.kinds, *result.stations, *limits]
        raise ModelError(
            f"no kind of request and no station {subject!r} in the pipeline"
            f"{did_you_mean(subject, known)}"
        )
    through = settled[limits[subject]]
    come = result.arrival_rate * result.solved.flows.inflow[limits[subject]]
    return _Limited(1 - through, 0 * through, come * through)


def _queue(result: Result, subject: str | None) -> tuple[str, Any]:
    """Return the station whose queue is meant, by name, or the only one on the way."""
    if isinstance(result, StationResult) or subject is not None:
        return subject or "", _station(result, subject)
    queues = [n for n, r in result.stations.items() if np.any(np.isfinite(r.station.servers))]
    once = isinstance(result, PipelineOverTime) or all(
        np.all(np.equal(result.visits[name], 1)) for name in queues
    )
    if len(queues) == 1 and once:
        return queues[0], result.stations[queues[0]]
    names = ", ".join(queues) or "none"
    raise ModelError(f"the wait of which station? Say 'p95 wait of ...'; queues are at {names}")


def unchanged(one: Sequence[Value], other: Sequence[Value]) -> bool:
    """Return whether two solutions, as `footprint` has them, are the same."""
    pairs = zip(one, other, strict=True)
    return all(np.allclose(a, b, rtol=1e-9, atol=0, equal_nan=True) for a, b in pairs)


def footprint(result: Result, missed: Value) -> tuple[Value, ...]:
    """Return what changes of a solution as long as a parameter matters.

    The margin alone may rest: far beyond what a full station can do, nearly all is refused,
    and nearly all that is not has to wait.
    """
    # Beyond this, tails are noise.
    return np.maximum(missed, -20.0), goodput_of(result), mean_of(result)
