"""Paths through stations, and the pipelines that they make."""

from qmodel.pipeline.model import Pipeline
from qmodel.pipeline.nodes import Step
from qmodel.pipeline.result import PipelineResult
from qmodel.pipeline.steps import (
    branch,
    cached,
    call,
    fan_out,
    hedge,
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
    "fan_out",
    "hedge",
    "limit",
    "nothing",
    "parallel",
    "repeat",
    "retry",
    "series",
]
