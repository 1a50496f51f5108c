"""How like branches are to one another, as their requests queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._typing import Value
from qmodel._values import same, same_fields
from qmodel._xp import is_symbolic
from qmodel.balancing.fan_out import fork_join
from qmodel.balancing.fan_out.alike import is_exponential
from qmodel.balancing.fan_out.exponential_queues import LikenessByLoad, likeness_by_load
from qmodel.balancing.fan_out.likeness import Likeness
from qmodel.distributions import Distribution
from qmodel.pipeline.steps.base import (
    Step,
)
from qmodel.pipeline.steps.call import Call
from qmodel.pipeline.steps.series import Series
from qmodel.queues.base import StationResult
from qmodel.queues.delay import Delay

if TYPE_CHECKING:
    pass


__all__ = ["correlation_of", "correlations", "queues_of", "wait_in"]


def queues_of(step: Step, results: Mapping[str, StationResult]) -> Mapping[str, StationResult]:
    """Return the queues, by name, that every request of a step goes to one after the other."""
    if isinstance(step, Series):
        each = (queues_of(child, results) for child in step.steps)
        return {name: result for queues in each for name, result in queues.items()}
    if not isinstance(step, Call):
        return {}
    result = results[step.name]
    queues = result.wait is not None and not isinstance(result.station, Delay)
    numbers = not is_symbolic(result.arrival_rate, result.response_time)
    return {step.name: result} if queues and numbers and not result.station.loses else {}


def correlation_of(
    step: Step,
    time: Distribution,
    queues: Mapping[str, StationResult],
    results: Mapping[str, StationResult],
    shared: frozenset[str] = frozenset(),
    few: bool = False,
) -> Value | Likeness:
    """Return how like a branch is to another one like it, as its requests queue.

    Those at a `shared` station wait in one queue. Of branches of which a `few` are enough one
    number says too little.
    """
    own = isinstance(step, Call) and step.service is None and step.name not in shared
    if own and queues:
        leaf = queues[step.name]
        like = likeness_by_load(leaf) if few and is_exponential(leaf.station) else None
        if isinstance(like, LikenessByLoad):
            return like.by_normal_factor()
        return fork_join.alike(leaf)
    row = step.steps if isinstance(step, Series) else (step,)
    calls = [s for s in row if isinstance(s, Call) and s.service is None]
    names = dict.fromkeys(call.name for call in calls)
    if len(row) == len(names) and shared.isdisjoint(names) and queues:
        elsewhere = [results[name].response for name in names if name not in queues]
        like = fork_join.alike_in_a_row(list(queues.values()), elsewhere, time)
        if like is not None:
            return like
    alike = [
        wait_in(r, r.response) if name in shared else fork_join.correlation(r)
        for name, r in queues.items()
    ]
    # In overload nobody is done, whoever is long together.
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = zip(alike, queues.values(), strict=True)
        common = sum(r * leaf.response.variance for r, leaf in parts)
        share = np.divide(common, time.variance)
    return np.where(np.isfinite(share), np.clip(share, 0.0, 1.0), 0.0)[()]


def wait_in(result: StationResult, time: Distribution) -> Any:
    """Return the share of the wait at a station in how times vary that have it."""
    assert result.wait is not None
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.asarray(result.wait.variance) / time.variance
    return np.where(np.isfinite(share), np.minimum(share, 1.0), 1.0)[()]


def correlations(
    steps: Sequence[Step],
    times: Sequence[Distribution],
    queues: Sequence[Mapping[str, StationResult]],
    results: Mapping[str, StationResult],
    shared: frozenset[str],
    few: bool = False,
) -> tuple[Value | Likeness, ...]:
    """Return how like each of some branches is to another one like it."""
    found: list[Value | Likeness] = []
    for i, (step, time, mine) in enumerate(zip(steps, times, queues, strict=True)):
        k = next((k for k in range(i) if _same(step, mine, steps[k], queues[k])), None)
        found.append(
            correlation_of(step, time, mine, results, shared, few) if k is None else found[k]
        )
    return tuple(found)


def _same(
    step: Step,
    queues: Mapping[str, StationResult],
    other: Step,
    theirs: Mapping[str, StationResult],
) -> bool:
    """Return whether two branches of queues alone are alike, but not in one place."""
    rows = [s.steps if isinstance(s, Series) else (s,) for s in (step, other)]
    if len(queues) != len(theirs) or {*queues} & {*theirs}:
        return False
    if any(len(row) != len(queues) for row in rows):
        return False
    if any(isinstance(s, Call) and s.service is not None for row in rows for s in row):
        return False
    return all(
        same_fields(x.station, y.station) and same(x.arrival_rate, y.arrival_rate)
        for x, y in zip(queues.values(), theirs.values(), strict=True)
    )
