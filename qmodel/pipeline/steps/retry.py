r"""A step again after a failure, up to a number of attempts.

With a share f of the attempts failing, n attempts at most, and retries held back to a budget
of :math:`\beta` a request, one request makes

.. math:: A = \min\Bigl(\sum_{k=0}^{n-1} f^k, \; 1 + \beta\Bigr)

attempts on average, and succeeds with probability :math:`A (1 - f)`, which is
:math:`1 - f^n` without a budget. Failures are independent of the load, or they are what the
step itself loses: timeouts, full stations, limits. Their share then depends on the load, and
the load on it.

References
----------
.. [1] N. Bronson, A. Aghayev, A. Charapko, T. Zhu, "Metastable failures in distributed
   systems", HotOS 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.distributions import Distribution, Sum
from qmodel.errors import DomainError, ModelError
from qmodel.pipeline.steps.attempts import (
    attempts_in_turn,
    failed_before,
    last_of,
    mean_pauses,
    noticed,
    pauses,
    served_in_turn,
    served_of,
)
from qmodel.pipeline.steps.base import Grounds, Outcome, Step, again, checked_step, choice
from qmodel.pipeline.steps.full_again import Room, in_turn, room_of
from qmodel.pipeline.steps.retried import RetryResult
from qmodel.pipeline.steps.retry_budget import (
    allowed,
    mean_attempts,
    most_attempts,
    throttled,
)
from qmodel.queues.approximations.dispersion import POISSON, mixed
from qmodel.queues.approximations.return_visits import SNAPSHOT

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.availability import Answering
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved
    from qmodel.queues.approximations.dispersion import Dispersion

__all__ = ["Retry", "retry"]

_MOST = 256
"""Attempts whose times are told apart."""

_ROUNDS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Retry(Step):
    """A step again after a failure."""

    step: Step
    attempts: int = parameter("attempts in all", symbol="n", check=_check.one_count)
    pause: Value = parameter("time before the second attempt", unit="s", check=_check.finite)
    failure: Value | None = parameter(
        "probability that an attempt fails", symbol="f", check=_check.probability, default=None
    )
    backoff: Value = parameter(
        "factor of each further pause", check=_check.at_least(1), default=1.0
    )
    jitter: Value = parameter(
        "share of a pause that is drawn at random", check=_check.probability, default=0.0
    )
    budget: Value | None = parameter(
        "retries a request that are allowed",
        symbol="beta",
        check=_check.probability,
        default=None,
    )
    active: Value | None = parameter(
        "share of the attempts under way that may be retries",
        symbol="b",
        check=_check.probability,
        default=None,
    )
    ratio: Value | None = parameter(
        "tokens that a success gives back, of which a failure takes one",
        symbol="rho",
        check=_check.finite,
        default=None,
    )
    reserve: Value = parameter(
        "retries that a budget always allows", unit="1/s", check=_check.finite, default=0.0
    )
    name: str = ""
    word = "retry"
    repeats = True

    def __post_init__(self) -> None:
        super(Retry, self).__post_init__()
        if self._terms() > _MOST:
            fail = "they may" if self.failure is None else f"{np.max(self.failure):g} of them"
            raise DomainError(
                f"attempts must be at most {_MOST} where {fail} fail, got {self.attempts}"
            )
        if np.any(self.reserve) and self.budget is None and self.active is None:
            raise ModelError("reserve is of a budget: give budget or active as well")

    @property
    def _fails(self) -> bool:
        """Whether an attempt may fail at all."""
        return self.failure is not None or any(step.loses for step in self.step.walk())

    @property
    def by_rate(self) -> bool:  # type: ignore[override]
        """Whether the attempts of a request depend on how many requests there are."""
        return bool(np.any(self.reserve))

    @property
    def settles_down(self) -> bool:
        """Whether more failures may bring less load."""
        return self.ratio is not None

    @property
    def holds_out(self) -> bool:
        """Whether something bounds the attempts."""
        return any(x is not None for x in (self.budget, self.active, self.ratio))

    def _terms(self) -> int:
        """Return how many attempts at most a request makes that anybody would notice."""
        return noticed(self.attempts, self.failure) if self._fails else 1

    def _again(self, fails: Any, fresh: Any, at: Any = None) -> Any:
        """Return the probability of another attempt after one, within the budgets.

        Where the load changes, of another one that is felt.
        """
        most = most_attempts(self.budget, self.active, self.reserve, fresh)
        if at and (room := self._room(at)):
            most = in_turn(self, fresh, fails, room, at).felt
        return allowed(throttled(fails, self.ratio), self._terms(), most)

    def _mean(self, again: Any) -> Any:
        return mean_attempts(again, self._terms())

    def flow(self, share: Any, at: Flows) -> Any:
        at.note(self, share)
        fresh = at.rate * share
        if self.failure is None:
            expected, through = self._tried(share, at)
            if through is None:
                self.step.flow(share, at)
                return share
            made = share * expected
            if at.in_time:
                again = allowed(self._again(1 - through, fresh), self._terms(), expected)
                made = self._made(share, again, at)
            self.step.flow(made, at)
            return made * through
        through = at.through(self.step, share)
        if through is None:
            self.step.flow(self._made(share, self._again(self.failure, fresh), at), at)
            return share
        # Who is lost on the way does not try again.
        more = self._again(self.failure * through, fresh)
        self.step.flow(self._made(share, more, at), at)
        weights = last_of(self._again(self.failure, fresh), self._terms())
        return share * sum(w * through**k for k, w in enumerate(weights, 1))

    def _made(self, share: Any, again: Any, at: Any) -> Any:
        """Return the attempts of a share, each followed by another with a probability."""
        if at.in_time:
            return at.in_turn(self.key, share, again, self.pauses, self.wait)
        return share * self._mean(again)

    def _room(self, at: Any) -> Room | None:
        """Return the room that may still be full when an attempt comes back."""
        alone = self.holds_out or self._terms() == 1 or is_symbolic(at.rate, self.pause)
        return None if alone else room_of(self.step, at.plan)

    def _tried(self, share: Any, at: Flows) -> tuple[Any, Any]:
        """Return the mean attempts that are felt, and the share of them that does not fail."""
        expected: Any = 1
        rated = any(step.by_rate for step in self.step.walk())
        for _ in range(_ROUNDS):
            through = at.through(self.step, share * expected)
            if through is None:
                break
            fresh = at.rate * share
            if room := self._room(at):
                turn = in_turn(self, fresh, 1 - through, room, at)
                return turn.felt, 1 - turn.fails
            before, expected = expected, self._mean(self._again(1 - through, fresh))
            # What a breaker lets through depends on the attempts that are made.
            if not rated or not np.any(np.abs(expected - before) > 1e-13 * expected):
                break
        return expected, through

    @property
    def _waits(self) -> list[Any]:
        """The timeouts within."""
        return [step.after for step in self.step.walk() if step.word == "timeout"]  # type: ignore[attr-defined]

    def _before(self, attempt: int, late: Any) -> list[Distribution]:
        """Return the times before an attempt: those of failures, and the pauses."""
        paused = pauses(attempt, self.pause, self.backoff, self.jitter)
        return [*failed_before(self._waits, late), *paused]

    @property
    def wait(self) -> float:
        """How long a late attempt takes to fail."""
        return 0.0 if self.failure is not None else float(np.asarray([*self._waits, 0.0][0]))

    @property
    def pauses(self) -> list[Any]:
        """Return the mean pauses."""
        return mean_pauses(self._terms(), self.pause, self.backoff, self.jitter)

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        if not self._fails:
            return self.step.outcome(at, times)
        if self.failure is None:
            return again(self._of_failing(at), times)
        outcomes = []
        for k in range(1, self._terms() + 1):
            tried = self.step.outcome(at, k)
            before = pauses(k, self.pause, self.backoff, self.jitter)
            time = Sum((tried.time, *before)) if before else tried.time
            outcomes.append(tried._replace(time=time))
        weights = last_of(self._again(self.failure, self._fresh(at)), self._terms())
        return again(choice(weights, outcomes), times)

    def _fresh(self, at: Solved) -> Any:
        """Return the requests a second that come to the step."""
        return at.flows.rate * at.flows.inflow[self.key]

    def _of_failing(self, at: Solved) -> Outcome:
        """Return the outcome where what the step loses is tried again."""
        if at.flows.in_time:
            fresh = self._fresh(at)
            return attempts_in_turn(
                self.step,
                at,
                self.pauses,
                self.wait,
                again=lambda fails: self._again(fails, fresh, at.flows),
                before=self._before,
            )
        one = self.step.outcome(at)
        fails = one.rejected + one.abandoned
        if room := self._room(at.flows):
            made, served = at.flows.tried[room.name][2:4]
        else:
            more = self._again(fails, self._fresh(at))
            made = [more**k for k in range(self._terms())]
            served = served_of(made, one)
        return served_in_turn(one, made, served, self._before)

    def result(self, at: Solved) -> RetryResult:
        """Return what the attempts are, and what becomes of them."""
        one, all_ = self.step.outcome(at), self.outcome(at)
        fresh = self._fresh(at)
        attempts = self._attempts(at.flows) if self._fails else 1.0
        return RetryResult(
            fresh_rate=fresh,
            attempt_rate=fresh * attempts,
            amplification=attempts,
            success=all_.accepted,
            goodput=fresh * all_.accepted,
            wasted=one.abandoned if self.failure is None else self.failure,
            latency=all_.time,
        )

    def answered(self, reading: Answering) -> Any:
        one = reading.of(self.step)
        return one if reading.fragile else 1 - (1 - one) ** self.attempts

    @property
    def reorders(self) -> bool:
        return self._fails and self.attempts > 1 and bool(np.any(self.failure != 0))

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        if not self.reorders:
            return self.step.departures(arriving, at)
        again = 1 - 1 / self._attempts(at.flows)
        if self.failure is not None:
            return at.coming_back(self.step, arriving, again)
        # What times out comes again as a Poisson stream.
        return self.step.departures(mixed([(1 - again, arriving), (again, POISSON)]), at)

    def _attempts(self, flows: Flows) -> Any:
        """Return the mean attempts of a request."""
        share = flows.inflow[self.key]
        if self.failure is None:
            room = self._room(flows)
            return flows.tried[room.name].tried if room else self._tried(share, flows)[0]
        through = flows.through(self.step, share)
        fails = self.failure if through is None else self.failure * through
        return self._mean(self._again(fails, flows.rate * share))

    def grounds(self, trace: Trace) -> Grounds:
        tries = self.reorders and trace.queues(self)
        return Grounds(percentiles=(SNAPSHOT,)) if tries else Grounds()

    @property
    def caption(self) -> str:
        return f"up to {self.attempts} attempts"


@checked
def retry(
    step: Step,
    *,
    failure: Value | None = None,
    attempts: int = 3,
    pause: Value = 0.0,
    backoff: Value = 1.0,
    jitter: Value = 0.0,
    budget: Value | None = None,
    active: Value | None = None,
    ratio: Value | None = None,
    reserve: Value = 0.0,
    name: str = "",
) -> Step:
    """Do a step again after each failure, up to a number of attempts.

    Parameters
    ----------
    step : Step
        The step; failed attempts take as long as others, or as their timeout. [-]
    failure : number or array, optional
        Probability that an attempt fails, whatever the load; by default what the step itself
        loses fails: in a timeout, at a full station, at a limit. [-]
    attempts : int, default 3
        Attempts in all, the first included, >= 1. [-]
    pause : number or array, default 0
        Time before the second attempt. [s]
    backoff : number or array, default 1
        Factor by which each further pause is longer, >= 1. [-]
    jitter : number or array, default 0
        Share of each pause that is drawn at random, from 0 to 1. [-]
    budget : number or array, optional
        Greatest number of retries a request, over all requests, from 0 to 1; by default
        there is no such limit. Finagle's is 0.2. [-]
    active : number or array, optional
        Greatest share that retries may be of all attempts under way, from 0 to 1. Envoy's is
        0.2. [-]
    ratio : number or array, optional
        Tokens that a success gives back, where a failure takes one, and there are retries
        only while more than half of them are left, >= 0. gRPC's is often 0.1. [-]
    reserve : number or array, default 0
        Retries a second that a budget allows whatever the load; of concurrent ones, their
        number over the time of an attempt. [1/s]
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
        cannot be told apart.
    ModelError
        If `step` is not a step; if there is a reserve without a budget.

    Examples
    --------
    >>> import qmodel as qm
    >>> path = qm.retry(qm.call("api", qm.Delay(0.05)), failure=0.1, attempts=3, pause=0.2)
    >>> r = qm.Pipeline(path).solve(100.0)
    >>> float(r.visits["api"]), float(r.latency.mean), float(r.latency.quantile(0.95))
    (1.11, 0.0775, 0.3)

    Clients that try again after a `timeout`, and a budget for that:

    >>> app = qm.timeout(0.5, qm.call("app", qm.MMc(0.1, servers=8)))
    >>> for budget in (None, 0.1):
    ...     p = qm.Pipeline(qm.retry(app, attempts=3, budget=budget))
    ...     print(f"healthy to {p.max_rate:.1f}/s, back below {p.hidden_capacity:.1f}/s")
    healthy to 68.6/s, back below 26.7/s
    healthy to 72.7/s, back below 67.3/s
    """
    return Retry(
        checked_step("step", step),
        attempts,
        pause,
        failure,
        backoff,
        jitter,
        budget,
        active,
        ratio,
        reserve,
        name,
    )
