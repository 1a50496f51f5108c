"""Paths through stations, and the pipelines that they make."""

from qmodel.pipeline.model import Pipeline, PipelineResult
from qmodel.pipeline.steps import (
    Step,
    branch,
    cached,
    call,
    limit,
    nothing,
    parallel,
    repeat,
    retry,
    series,
)

__all__ = [
    "Pipeline",
    "PipelineResult",
    "Step",
    "branch",
    "cached",
    "call",
    "limit",
    "nothing",
    "parallel",
    "repeat",
    "retry",
    "series",
]
