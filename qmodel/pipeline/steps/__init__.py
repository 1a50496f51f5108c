"""The steps of a path, one file each: its builder, and the class with its readings."""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
    from qmodel.pipeline.steps.base import Grounds, Outcome, Step
    from qmodel.pipeline.steps.branch import branch
    from qmodel.pipeline.steps.breaker import circuit_breaker
    from qmodel.pipeline.steps.cached import cached
    from qmodel.pipeline.steps.call import call
    from qmodel.pipeline.steps.fan_out import fan_out
    from qmodel.pipeline.steps.hedge import hedge
    from qmodel.pipeline.steps.hold import hold
    from qmodel.pipeline.steps.limit import limit
    from qmodel.pipeline.steps.nothing import nothing
    from qmodel.pipeline.steps.parallel import parallel
    from qmodel.pipeline.steps.repeat import repeat
    from qmodel.pipeline.steps.retry import retry
    from qmodel.pipeline.steps.series import series
    from qmodel.pipeline.steps.timeout import timeout

__all__ = [
    "Grounds",
    "Outcome",
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
        "base": "Grounds Outcome Step",
        "branch": "branch",
        "breaker": "circuit_breaker",
        "cached": "cached",
        "call": "call",
        "fan_out": "fan_out",
        "hedge": "hedge",
        "hold": "hold",
        "limit": "limit",
        "nothing": "nothing",
        "parallel": "parallel",
        "repeat": "repeat",
        "retry": "retry",
        "series": "series",
        "timeout": "timeout",
    },
)
