"""A pipeline with another hit ratio in one of its caches, be it given or modelled."""

from __future__ import annotations

from qmodel import _check
from qmodel._nearest import did_you_mean
from qmodel._typing import Value
from qmodel.errors import ModelError
from qmodel.pipeline import Pipeline, PipelineResult
from qmodel.pipeline.steps.cached import Cached

__all__ = ["cache_steps", "hit_ratio_in", "with_hit_ratio"]


def cache_steps(model: Pipeline, name: str) -> list[Cached]:
    """Return the steps that look up in a cache, by its name."""
    _check.instance("model", model, Pipeline)
    steps = [step for _, root in model.kinds.values() for step in root.walk()]
    caches = [step for step in steps if isinstance(step, Cached)]
    found = [step for step in caches if step.name == name]
    if not found:
        known = sorted({step.name for step in caches})
        hint = did_you_mean(name, known) if known else "; there is none"
        raise ModelError(f"no cache {name!r} in the pipeline{hint}")
    return found


def hit_ratio_in(model: Pipeline, name: str, result: PipelineResult) -> Value:
    """Return the hit ratio of a cache in the solution of a pipeline."""
    given = cache_steps(model, name)[0].hit_ratio
    return result.caches[name].hit_ratio if given is None else given


def with_hit_ratio(model: Pipeline, name: str, hit_ratio: Value) -> Pipeline:
    """Return a pipeline in which a cache has a given hit ratio."""
    steps = cache_steps(model, name)
    return model.swap({id(s): Cached(s.name, s.lookup, s.miss, hit_ratio) for s in steps})
