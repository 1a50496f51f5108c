"""A step again after a failure, up to a number of attempts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.distributions import Deterministic, Sum
from qmodel.errors import DomainError
from qmodel.pipeline.steps.base import Grounds, Outcome, Step, again, checked_step, choice
from qmodel.pipeline.steps.repeat import SNAPSHOT

if TYPE_CHECKING:
    from qmodel.pipeline.answering import Answering
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved

__all__ = ["Retry", "retry"]

_MOST = 256
"""Attempts whose times are told apart; each is a term of the distribution."""

_RARE = 1e-17
"""Attempts that fewer requests make change no number."""


@dataclass(frozen=True, slots=True, eq=False)
class Retry(Step):
    """A step again after a failure, up to a number of attempts."""

    step: Step
    failure: Value = parameter(
        "probability that an attempt fails", symbol="f", check=_check.probability
    )
    attempts: int = parameter("attempts in all", symbol="n", check=_check.one_count)
    pause: Value = parameter("time between attempts", unit="s", check=_check.finite)
    name: str = ""
    word = "retry"
    repeats = True

    def __post_init__(self) -> None:
        super(Retry, self).__post_init__()
        if self._terms() > _MOST:
            raise DomainError(
                f"attempts must be at most {_MOST} where {np.max(self.failure):g} of them "
                f"fail, got {self.attempts}"
            )

    def _terms(self) -> int:
        """Return how many attempts at most a request makes that anybody would notice."""
        if is_symbolic(self.failure):
            return self.attempts
        worst = float(np.nanmax(np.append(self.failure, 0.0)))
        if worst in (0.0, 1.0):
            return 1 if worst == 0 else self.attempts
        return min(self.attempts, 1 + math.ceil(math.log(_RARE) / math.log(worst)))

    def _expected(self, again: Any) -> Any:
        """Return the mean number of attempts, each followed by another with a probability."""
        terms = self._terms()
        return sum(again**k for k in range(terms)) if terms > 1 else 1

    def flow(self, share: Any, at: Flows) -> Any:
        through = at.through(self.step)
        if through is None:
            self.step.flow(share * self._expected(self.failure), at)
            return share
        # Who is lost on the way does not try again.
        self.step.flow(share * self._expected(self.failure * through), at)
        return share * self._through(through)

    def _through(self, through: Any) -> Any:
        terms = self._terms()
        weights = self._weights()
        return sum(w * through**k for w, k in zip(weights, range(1, terms + 1), strict=True))

    def _weights(self) -> list[Any]:
        terms = self._terms()
        return [
            self.failure ** (k - 1) * (1 if k == terms else 1 - self.failure)
            for k in range(1, terms + 1)
        ]

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        outcomes = []
        for k in range(1, self._terms() + 1):
            tried = self.step.outcome(at, k)
            pauses = Deterministic(self.pause * (k - 1))
            outcomes.append(tried if k == 1 else tried._replace(time=Sum((tried.time, pauses))))
        return again(choice(self._weights(), outcomes), times)

    def answered(self, reading: Answering) -> Any:
        one = reading.of(self.step)
        return one if reading.fragile else 1 - (1 - one) ** self.attempts

    @property
    def reorders(self) -> bool:
        return self.attempts > 1 and bool(np.any(self.failure != 0))

    def departures(self, disturbed: bool, trace: Trace) -> bool:
        out = self.step.departures(disturbed, trace)
        return out or (self.reorders and self.step.departures(out, trace))

    def grounds(self, trace: Trace) -> Grounds:
        tries = self.reorders and trace.queues(self)
        return Grounds(percentiles=(SNAPSHOT,)) if tries else Grounds()


def retry(
    step: Step, *, failure: Value, attempts: int = 3, pause: Value = 0.0, name: str = ""
) -> Step:
    """Do a step again after each failure, up to a number of attempts.

    Parameters
    ----------
    step : Step
        The step; failed attempts take as long as others. [-]
    failure : number or array
        Probability that an attempt fails, independently. [-]
    attempts : int, default 3
        Attempts in all, the first included, >= 1. [-]
    pause : number or array, default 0
        Constant time between attempts. [s]
    name : str, optional
        Name for `Pipeline.replace`: "<name>.failure", "<name>.attempts", "<name>.pause". [-]

    Returns
    -------
    Step
        The step. Its load is the amplified one, (1 - failure^attempts) / (1 - failure).

    Raises
    ------
    DomainError
        If a parameter is outside its domain, or so many attempts are made that their times
        cannot be told apart one by one.
    ModelError
        If `step` is not a step.

    Examples
    --------
    >>> import qmodel as qm
    >>> path = qm.retry(qm.call("api", qm.Delay(0.05)), failure=0.1, attempts=3, pause=0.2)
    >>> r = qm.Pipeline(path).solve(100.0)
    >>> float(r.visits["api"]), float(r.latency.mean), float(r.latency.quantile(0.95))
    (1.11, 0.0775, 0.3)
    """
    return Retry(checked_step("step", step), failure, attempts, pause, name)
