"""Paths through stations, and the pipelines that they make."""

from qmodel.pipeline.model import Pipeline
from qmodel.pipeline.over_time import PipelineOverTime
from qmodel.pipeline.result import KindResult, PipelineResult
from qmodel.pipeline.steps import (
    Grounds,
    Outcome,
    Step,
    branch,
    cached,
    call,
    circuit_breaker,
    fan_out,
    hedge,
    hold,
    limit,
    nothing,
    parallel,
    repeat,
    retry,
    series,
    timeout,
)
from qmodel.pipeline.steps.retried import RetryResult

__all__ = [
    "Grounds",
    "KindResult",
    "Outcome",
    "Pipeline",
    "PipelineOverTime",
    "PipelineResult",
    "RetryResult",
    "Step",
    "branch",
    "cached",
    "call",
    "circuit_breaker",
    "fan_out",
    "hedge",
    "hold",
    "limit",
    "nothing",
    "parallel",
    "repeat",
    "retry",
    "series",
    "timeout",
]
