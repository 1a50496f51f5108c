"""Paths through stations, and the pipelines that they make."""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
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

lazily(
    __name__,
    {
        "model": "Pipeline",
        "over_time": "PipelineOverTime",
        "result": "KindResult PipelineResult",
        "steps": """
            Grounds Outcome Step branch cached call circuit_breaker fan_out hedge hold limit
            nothing parallel repeat retry series timeout
        """,
        "steps.retried": "RetryResult",
    },
)
