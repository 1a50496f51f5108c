r"""Triggers: how long an outage or a spike clients who try again let a site survive.

A trigger leaves a backlog B behind. Attempts that find it fail where it and the rest of their
way take longer than the timeout :math:`\tau`, and come again after the pause b: a fluid with
delays,

.. math::

    B' = \sum_{k=1}^{n} x_k(t) - C(t), \qquad
    x_{k+1}(t) = x_k(t - \tau - b_k) \, f(t - \tau - b_k), \qquad
    f(t) = P\Bigl(T_0 > \tau - \frac{B(t)}{C}\Bigr),

with :math:`x_1` the fresh requests, :math:`C` the attempts a second that the stations can do
(a share of it during an outage), and :math:`T_0` the time of an attempt where nobody waits.
The site tips where the backlog does not go away again, about when it reaches :math:`C \tau`.
Then it comes back only at a load below C over the attempts of a request, in a time :math:`B /
(C - n \lambda_0)`, or below C without retries, in :math:`B / (C - \lambda_0)`.

**Error.** In simulations of 50 servers whose clients wait four service times, half of the runs
tipped at a length within 10 to 15 % of this; those between 0.75 and 1.25 of it went either way.

References
----------
.. [1] N. Bronson, A. Aghayev, A. Charapko, T. Zhu, "Metastable failures in distributed
   systems", HotOS 2021.
.. [2] G. F. Newell, "Applications of Queueing Theory", 2nd ed., Chapman and Hall, 1982, ch. 2
   (fluid approximations).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import DomainError, ModelError
from qmodel.pipeline import Pipeline
from qmodel.pipeline.plan import Plan
from qmodel.pipeline.steps.retry import Retry
from qmodel.pipeline.steps.timeout import Timeout
from qmodel.units import text

__all__ = ["Trigger", "trigger"]

_STEPS = 200
"""Steps of a timeout."""
_LENGTHS = 33
_ZOOMS = 3
_KEPT = 10.0
"""How long a budget keeps what it has not spent, as in Finagle. [s]"""
_ROUNDS = 20
"""Rounds of all attempts after which a backlog that is still there stays."""
_LOST = 6.0
"""A backlog of so many timeouts does not go away any more."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Trigger:
    """How long a trigger is survived, and what brings the site back after a longer one.

    Parameters
    ----------
    arrival_rate : float
        Fresh requests a second, before and after. [1/s]
    spike : float
        Fresh requests a second during the trigger. [1/s]
    speed : float
        Share of their speed that the stations have during the trigger. [-]
    longest : float
        Length from which on it tips: 0 where there is no healthy state, inf where it comes
        back from any. [s]
    backlog : float
        Attempts that wait when the longest one is over. [-]
    capacity : float
        Attempts a second that the stations can do. [1/s]
    attempts : float
        Attempts of a request where all fail. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> app = qm.timeout(4.0, qm.call("app", qm.MMc(1.0, servers=50)))
    >>> site = qm.Pipeline(qm.retry(app, attempts=3, pause=0.5))
    >>> print(trigger(site, 20.0, spike=100.0))
    at 20/s a spike to 100/s of up to 4.26 s is survived; after a longer one it comes back below
    16.7/s
    """

    arrival_rate: float
    spike: float
    speed: float
    longest: float
    backlog: float
    capacity: float
    attempts: float

    @property
    def comes_back_below(self) -> float:
        """Load below which a backlog goes away though clients try again. [1/s]."""
        return self.capacity / self.attempts

    @checked
    def time_to_recover(
        self, backlog: float, arrival_rate: float, *, retries: bool = True
    ) -> float:
        """Return how long a backlog takes to go away [s].

        Parameters
        ----------
        backlog : float
            Attempts that wait, >= 0. [-]
        arrival_rate : float
            Fresh requests a second meanwhile, >= 0. [1/s]
        retries : bool, default True
            Whether clients go on to try again; stopping them is the faster way back. [-]

        Returns
        -------
        float
            The time, inf where the backlog does not go away. [s]

        Raises
        ------
        DomainError
            If a number is negative.

        Examples
        --------
        >>> import qmodel as qm
        >>> app = qm.timeout(4.0, qm.call("app", qm.MMc(1.0, servers=50)))
        >>> found = trigger(qm.Pipeline(qm.retry(app, attempts=3)), 20.0, speed=0.0)
        >>> [found.time_to_recover(1000.0, 10.0, retries=r) for r in (True, False)]
        [50.0, 25.0]
        """
        waiting = _check.one("backlog", backlog, _check.nonnegative)
        rate = _check.one("arrival_rate", arrival_rate, _check.nonnegative)
        spare = self.capacity - rate * (self.attempts if retries else 1.0)
        if np.isnan(waiting + rate):
            return np.nan
        if waiting == 0:
            return 0.0
        return waiting / spare if spare > 0 else np.inf

    def __str__(self) -> str:
        """Return the answer in one line."""
        at = f"at {text(self.arrival_rate, '1/s')}"
        parts = []
        if self.spike != self.arrival_rate:
            parts.append(f"a spike to {text(self.spike, '1/s')}")
        if self.speed != 1:
            parts.append(
                "an outage" if self.speed == 0 else f"{text(self.speed, '%')} of the speed"
            )
        what = " with ".join(parts) or "a trigger"
        if self.longest == np.inf:
            return f"{at} {what} of any length is survived"
        back = f"it comes back below {text(self.comes_back_below, '1/s')}"
        if self.longest == 0:
            return f"{at} there is no healthy state; {back}"
        length = text(self.longest, "s")
        return f"{at} {what} of up to {length} is survived; after a longer one {back}"

    def __repr__(self) -> str:
        """Return the answer in one line."""
        return f"<{self}>"


def _known(name: str, x: Any, check: Callable[[str, Any], Any]) -> float:
    """Return `x` as one number that passes a check and is known."""
    value = _check.one(name, x, check)
    if np.isnan(value):
        raise DomainError(f"{name} must be known, got {value}")
    return value


@checked
def trigger(
    model: Pipeline,
    arrival_rate: float,
    *,
    spike: float | None = None,
    speed: float | None = None,
) -> Trigger:
    """Say how long a spike or an outage clients who try again let a pipeline survive.

    Parameters
    ----------
    model : Pipeline
        A pipeline with one timeout in one retry; one scenario. [-]
    arrival_rate : float
        Fresh requests a second, before and after, >= 0. [1/s]
    spike : float, optional
        Fresh requests a second during the trigger; by default as before. [1/s]
    speed : float, optional
        Share of their speed that the stations have during the trigger, from 0 to 1; by default
        0, an outage, or 1 with a spike. [-]

    Returns
    -------
    Trigger
        The longest that is survived, and what brings the pipeline back after a longer one.

    Raises
    ------
    DomainError
        If a number is outside its domain.
    ModelError
        If there is not one timeout in one retry, or something else bounds the attempts.

    Examples
    --------
    >>> import qmodel as qm
    >>> app = qm.timeout(0.5, qm.call("app", qm.MMc(0.1, servers=8)))
    >>> site = qm.Pipeline(qm.retry(app, attempts=3, pause=0.1))
    >>> for rate in (25.0, 40.0, 60.0):
    ...     print(trigger(site, rate))
    at 25/s an outage of any length is survived
    at 40/s an outage of up to 1.12 s is survived; after a longer one it comes back below 26.7/s
    at 60/s an outage of up to 589 ms is survived; after a longer one it comes back below 26.7/s
    """
    _check.instance("model", model, Pipeline)
    fresh = _known("arrival_rate", arrival_rate, _check.finite)
    more = fresh if spike is None else _known("spike", spike, _check.finite)
    slow = speed if speed is not None else (0.0 if spike is None else 1.0)
    slow = _known("speed", slow, _check.probability)
    retry, late, share = _loop(model.plan)
    inner = Plan({"": (1, late.step)}, ("",))
    capacity = float(inner.hidden[0])
    tau, idle = float(late.after), late.step.outcome(inner.solved(0.0, {})).time
    attempts = retry.attempts if retry.budget is None else 1.0 + float(retry.budget)
    attempts = min(float(retry.attempts), attempts)
    if fresh >= float(model.fold):
        longest, backlog = 0.0, 0.0
    elif fresh * share * attempts <= capacity or more * share <= slow * capacity:
        longest, backlog = np.inf, np.inf
    else:
        pauses = [
            float(retry.pause * retry.backoff**k * (1 - retry.jitter / 2))
            for k in range(retry.attempts - 1)
        ]
        fluid = _Fluid(capacity, tau, idle, pauses, fresh * share, retry.budget)
        longest, backlog = fluid.longest(more * share, slow)
    return Trigger(fresh, more, slow, longest, backlog, capacity / share, attempts)


def _loop(plan: Plan) -> tuple[Retry, Timeout, float]:
    """Return the retry, its timeout, and the share of the requests that come there."""
    retries = [step for step in plan.steps() if isinstance(step, Retry) and step.attempts > 1]
    late = [step for step in plan.steps() if isinstance(step, Timeout)]
    if len(retries) != 1 or len(late) != 1 or retries[0].step is not late[0]:
        raise ModelError(
            "a trigger is for one timeout that is tried again: retry(timeout(...))"
        )
    retry = retries[0]
    if retry.active is not None or retry.ratio is not None or np.any(retry.reserve):
        raise ModelError("a trigger knows a budget of retries a request, and no other")
    if any(s.loses or s.last_come_first_served for s in plan.stations.values()):
        raise ModelError("a trigger is for stations that take the oldest first, and all")
    flows = plan.flows(1.0, {late[0].key: 0.0})
    return retry, late[0], float(flows.inflow[late[0].key])


class _Fluid:
    """The backlog of attempts in time, for many lengths of a trigger at once."""

    def __init__(
        self,
        capacity: float,
        tau: float,
        idle: Any,
        pauses: list[float],
        fresh: float,
        budget: Any,
    ) -> None:
        self._capacity, self._tau, self._fresh, self._budget = capacity, tau, fresh, budget
        self._step = tau / _STEPS
        self._delays = [round((tau + pause) / self._step) for pause in pauses]
        # What fails by the backlog that it meets, up to one that makes all fail.
        self._grid = np.linspace(0.0, tau, 2001)
        self._fails = np.asarray(idle.tail(tau - self._grid))

    def _failing(self, backlog: Any) -> Any:
        return np.interp(backlog / self._capacity, self._grid, self._fails)

    def longest(self, spike: float, speed: float) -> tuple[float, float]:
        """Return the length from which on the backlog stays, and the backlog then."""
        guess = self._capacity * self._tau / (spike - speed * self._capacity)
        low, high = 0.0, 4 * guess
        while not self._run(np.array([high]), spike, speed)[0][0]:
            low, high = high, 4 * high
            if high > 1e6 * guess:
                return np.inf, np.inf
        for _ in range(_ZOOMS):
            lengths = np.linspace(low, high, _LENGTHS)
            tips, left = self._run(lengths, spike, speed)
            first = int(np.argmax(tips))
            low, high = lengths[max(first - 1, 0)], lengths[first]
        return float((low + high) / 2), float(left[first])

    def _run(self, lengths: Any, spike: float, speed: float) -> tuple[Any, Any]:
        """Return which lengths tip, and the backlogs when the trigger is over."""
        step, n = self._step, len(self._delays) + 1
        # What comes back within the shortest delay has failed already: that long at a time.
        back, block = max(self._delays), min(self._delays)
        begun, more = self._failing(np.zeros(1))[0], len(lengths)
        # What has failed of each stream, by the time when it came; before, the healthy state.
        failed = [np.full((back, more), self._fresh * begun ** (k + 1)) for k in range(n)]
        backlog, left, quiet = np.zeros(more), np.zeros(more), np.zeros(more, dtype=int)
        balance = np.full(more, _KEPT * (self._budget or 0.0) * self._fresh)
        gone = np.zeros(more, dtype=bool)
        settle = _ROUNDS * n * (back * step)
        end = int((lengths.max() + settle) / step) + 1
        for first in range(0, end, block):
            now = step * np.arange(first, min(first + block, end))[:, None]
            on, part = now < lengths, np.clip((lengths - now) / step, 0.0, 1.0)
            streams = [part * spike + (1 - part) * self._fresh]
            streams += [failed[k][back - d :][: len(now)] for k, d in enumerate(self._delays)]
            total = sum(streams[1:])
            scale: Any = 1.0
            if self._budget is not None:
                scale, balance = self._allowed(balance, streams[0], total)
            served = (part * speed + 1 - part) * self._capacity
            added = np.cumsum((streams[0] + total * scale - served) * step, axis=0)
            # Never below zero: as much is left as was added since it was empty (Lindley).
            after = added + np.maximum(backlog, np.maximum.accumulate(-added, axis=0))
            fails = self._failing(np.vstack([backlog, after[:-1]]))
            for k, stream in enumerate(streams):
                lost = (stream if k == 0 else stream * scale) * fails
                failed[k] = np.concatenate([failed[k], lost])[-back:]
            # Attempts that failed come back in waves: one must find the queue still empty.
            steps = np.arange(1, len(now) + 1)[:, None]
            busy = np.where(on | (after > 0), steps, -quiet)
            idle = steps - np.maximum.accumulate(busy, axis=0)
            over = gone | np.logical_or.accumulate(idle > n * back, axis=0)
            decided = np.all(over | (after > _LOST * self._capacity * self._tau), axis=1)
            last = int(np.argmax(decided)) if decided.any() else len(now) - 1
            gone, backlog, quiet = over[last], after[last], idle[last]
            lasting = on[: last + 1].sum(axis=0)
            at_end = np.take_along_axis(after, np.maximum(lasting - 1, 0)[None], axis=0)[0]
            left = np.where(lasting > 0, at_end, left)
            if decided.any():
                break
        return ~gone, left

    def _allowed(self, balance: Any, fresh: Any, again: Any) -> tuple[Any, Any]:
        """Return the share of the retries that a budget lets through, and what is left."""
        step, most = self._step, _KEPT * self._budget * self._fresh
        scale = np.ones(again.shape)
        for i, (comes, wanted) in enumerate(zip(fresh, again, strict=True)):
            balance = np.minimum(balance + self._budget * comes * step, most)
            scale[i] = np.minimum(1.0, balance / np.maximum(wanted * step, 1e-300))
            balance = balance - wanted * scale[i] * step
        return scale, balance
