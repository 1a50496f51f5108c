"""What questions about outages share: the stations that are named, and hit ratios of caches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._nearest import did_you_mean
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.errors import ModelError
from qmodel.pipeline import Pipeline
from qmodel.pipeline.steps.cached import Cached

__all__ = ["hit_ratios", "over_kinds", "stations_among", "whole"]


def stations_among(pipeline: Pipeline, names: Iterable[str]) -> frozenset[str]:
    """Return the names, refusing what is no station of the pipeline."""
    found = frozenset((names,) if isinstance(names, str) else names)
    for name in sorted(found.difference(pipeline.stations)):
        raise ModelError(
            f"no station {name!r} in the pipeline{did_you_mean(name, pipeline.stations)}"
        )
    return found


def hit_ratios(pipeline: Pipeline, arrival_rate: Value | None) -> dict[str, Any]:
    """Return the hit ratio of each cache that is modelled, at a load."""
    caches = {
        step.name: step
        for _, root in pipeline.kinds.values()
        for step in root.walk()
        if isinstance(step, Cached) and step.hit_ratio is None
    }
    if arrival_rate is not None:
        rate = _check.nonnegative("arrival_rate", arrival_rate)
        if not caches:
            return {}
        return {name: cache.hit_ratio for name, cache in pipeline.solve(rate).caches.items()}
    for name, step in caches.items():
        if step.rising:
            raise ModelError(f"what cache {name!r} answers depends on the load: arrival_rate?")
    return {name: step.settled(1.0) for name, step in caches.items()}


def over_kinds(pipeline: Pipeline, answered: dict[str, Any]) -> Any:
    """Return the share of all requests, from that of each kind."""
    return sum(share * answered[kind] for kind, (share, _) in pipeline.kinds.items())


def whole(share: Any) -> bool:
    """Return whether a share is 1 in every cell, but for the rounding of sums of shares."""
    return bool(share == 1 if is_symbolic(share) else np.all(np.asarray(share) >= 1 - 1e-12))
