"""A pass over the paths that takes note of nothing: what is lost where the load changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.pipeline.fixed_points import Guess

if TYPE_CHECKING:
    from qmodel.pipeline.in_time import InTime
    from qmodel.pipeline.plan import Plan
    from qmodel.pipeline.steps.base import Step
    from qmodel.pipeline.steps.call import Call
    from qmodel.transients.over_time import StationOverTime

__all__ = ["Ahead", "DryInTime"]


class Ahead:
    """What stations accept, as a pass sees it that decides by it how much comes to them.

    Where more failures bring less load it is guessed, as passes oscillate.
    """

    def __init__(self, plan: Plan) -> None:
        self._names = plan.met_twice if plan.settles_down else ()
        self._guessed: dict[str, tuple[Guess, Any]] = {}

    def begin(self) -> None:
        """Forget all guesses."""
        self._guessed = {}

    def accepted(self, name: str, over: Mapping[str, StationOverTime]) -> Any:
        """Return the share that a station accepts, as far as it is known."""
        if name in self._guessed:
            return self._guessed[name][1]
        return over[name].accepted if name in over else 1.0

    def moved(self, over: Mapping[str, StationOverTime]) -> float:
        """Guess anew, and return how far off the guesses were."""
        off = 0.0
        for name in self._names:
            if name in over:
                guess, old = self._guessed.get(name, (Guess(), 1.0))
                new = over[name].accepted
                off = max(off, float(np.abs(new - old).max()))
                self._guessed[name] = guess, guess.towards(new, old)
        return off


class DryInTime:
    """A pass that takes note of nothing, with the losses of another."""

    in_time, varies = False, True

    def __init__(self, of: InTime, rate: Any) -> None:
        self._of, self.rate, self.plan = of, rate, of.plan

    def through(self, step: Step, share: Any = 1.0) -> Any:
        """Return the share that a step does not lose, as `InTime` does."""
        inner: Any = DryInTime(self._of, self.rate * share)
        return step.flow(1.0, inner) if self._of.plan.loses(step) else None

    def note(self, step: Step, share: Any) -> None:
        """Note nothing."""

    def felt(self, name: str, fresh: Any) -> Any:
        """Return the attempts that others feel, as `InTime` does."""
        return self._of.felt(name, fresh)

    def note_tried(self, turn: Any) -> None:
        """Note nothing."""

    def call(self, step: Call, share: Any) -> Any:
        """Return the share that a station does not lose."""
        return share * self._of.ahead.accepted(step.name, self._of.over)

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
