"""A pass over the paths that takes note of nothing: what is lost where the load changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qmodel.pipeline.in_time import InTime
    from qmodel.pipeline.steps.base import Step
    from qmodel.pipeline.steps.call import Call

__all__ = ["DryInTime"]


class DryInTime:
    """A pass that takes note of nothing, with the losses of another."""

    in_time = False

    def __init__(self, of: InTime, rate: Any) -> None:
        self._of, self.rate = of, rate

    def through(self, step: Step, share: Any = 1.0) -> Any:
        """Return the share that a step does not lose, as `InTime` does."""
        inner: Any = DryInTime(self._of, self.rate * share)
        return step.flow(1.0, inner) if self._of.plan.loses(step) else None

    def note(self, step: Step, share: Any) -> None:
        """Note nothing."""

    def call(self, step: Call, share: Any) -> Any:
        """Return the share that a station does not lose."""
        over = self._of.over.get(step.name)
        return share if over is None else share * over.accepted

    def hold(self, entry: Call, step: Step, share: Any) -> Any:
        """Return what goes on after a step during which a station is held."""
        dry: Any = self
        return step.flow(share, dry)

    def settled(self, step: Step, share: Any) -> Any:
        """Return the share that a step makes of what comes to it."""
        of = self._of
        for known in (of._settled, of._known, of.shares):
            if step.key in known:
                return known[step.key]
        return step.worst
