"""A step several times, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count
from qmodel._xp import is_symbolic
from qmodel.distributions import ZERO
from qmodel.pipeline.steps.base import Grounds, Outcome, Step, checked_step, choice
from qmodel.queues.approximations.return_visits import SNAPSHOT

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.availability import Answering
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved
    from qmodel.queues.approximations.dispersion import Dispersion

__all__ = ["Repeat", "repeat"]


@dataclass(frozen=True, slots=True, eq=False)
class Repeat(Step):
    """A step several times, one after the other."""

    step: Step
    times: Count = parameter(
        "how often", symbol="n", check=partial(_check.count, least=0, most=10**9)
    )
    name: str = ""
    word = "repeat"
    repeats = True

    def flow(self, share: Any, at: Flows) -> Any:
        through = at.through(self.step)
        if through is None:
            self.step.flow(share * self.times, at)
            return share
        # Who is lost does not come again: a geometric sum.
        lost = np.asarray(1 - through)
        with np.errstate(divide="ignore", invalid="ignore"):
            visits = np.where(lost > 0, (1 - through**self.times) / lost, self.times)[()]
        self.step.flow(share * visits, at)
        return share * through**self.times

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        times = self.times * times
        inner = self.step
        # A call comes back at once; what stands in a row with it takes its time.
        round_ = None if inner.meets else at.time_of(inner)
        at = at.again_after(0.0, round_)
        if is_symbolic(times) or np.all(np.asarray(times) >= 1):
            return self.step.outcome(at, times)
        # No visit takes no time, also where the time of one would be infinite.
        never = np.asarray(times) == 0
        some = np.where(never, 1, times)[()]
        outcomes = [Outcome(1, 0, 0, ZERO), self.step.outcome(at, some)]
        return choice(((never * 1.0)[()], (~never * 1.0)[()]), outcomes)

    def answered(self, reading: Answering) -> Any:
        return reading.of(self.step) ** self.times

    @property
    def reorders(self) -> bool:
        return is_symbolic(self.times) or bool(np.any(np.asarray(self.times) > 1))

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        before, at.times = at.times, at.times * self.times
        left = self.step.departures(arriving, at)
        left = self.step.departures(left, at) if self.reorders else left
        at.times = before
        return left

    def grounds(self, trace: Trace) -> Grounds:
        again = self.reorders and trace.queues(self)
        return Grounds(percentiles=(SNAPSHOT,)) if again else Grounds()

    @property
    def caption(self) -> str:
        return f"{self.times} times"


@checked
def repeat(times: Count, step: Step, *, name: str = "") -> Step:
    """Do a step several times, one after the other.

    Parameters
    ----------
    times : int or integer array
        How often, >= 0. [-]
    step : Step
        The step. [-]
    name : str, optional
        Name for `Pipeline.replace`, whose parameter is "<name>.times". [-]

    Returns
    -------
    Step
        The step. Repeated visits to one queue find waits that are like each other
        (`qmodel.queues.waits.repeated_visits`); the percentiles are approximate, and the mean
        is where service is not exponential: docs/reference/errors-of-visits.md.

    Raises
    ------
    DomainError
        If `times` is not a whole number >= 0.
    ModelError
        If `step` is not a step.

    Examples
    --------
    >>> import qmodel as qm
    >>> queries = qm.repeat(8, qm.call("db", qm.MMc(0.001, servers=4)), name="queries")
    >>> p = qm.Pipeline(queries)
    >>> float(p.max_rate), p.replace({"queries.times": [4, 8, 16]}).max_rate
    (500.0, array([1000.,  500.,  250.]))
    """
    return Repeat(checked_step("step", step), times, name)
