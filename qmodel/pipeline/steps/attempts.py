"""Attempts that are made one after the other: how long they take, and what each meets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._xp import is_symbolic
from qmodel.distributions import Deterministic, Distribution, Sum, Uniform
from qmodel.distributions.algebra import measure
from qmodel.pipeline.steps.base import Outcome, Step, choice

if TYPE_CHECKING:
    from qmodel.pipeline.solved import Solved

__all__ = [
    "attempts_in_turn",
    "failed_before",
    "mean_pauses",
    "noticed",
    "pauses",
    "rejected_of",
    "served_in_turn",
    "served_of",
]

_NEVER = 1e-300

_RARE = 1e-17
"""Attempts that fewer requests make change no number."""


def attempts_in_turn(
    step: Step,
    at: Solved,
    rests: Sequence[float],
    wait: float,
    *,
    again: Callable[[Any], Any],
    before: Callable[[int, Any], Sequence[Distribution]],
) -> Outcome:
    """Return the outcome of attempts each of which meets what there is when it is made.

    Parameters
    ----------
    step : Step
        What is tried. [-]
    at : Solved
        What those meet who come now. [-]
    rests : sequence of float
        Mean pause after each attempt that fails. [s]
    wait : float
        How long a late attempt takes to fail; what is rejected fails at once. [s]
    again : callable
        From the probability that an attempt fails to that of another one after it. [-]
    before : callable
        From an attempt, and the probabilities of how many before it were late, to the times
        that have gone by. [s]
    """
    come: Any = 1.0
    after: Any = 0.0
    tried = []
    rejected = abandoned = 0.0
    for k, rest in enumerate([*rests, np.inf], 1):
        one = step.outcome(at.later(after))
        fails = np.maximum(one.rejected + one.abandoned, _NEVER)
        more = again(fails) if np.isfinite(rest) else 0.0
        at_once = rejected_of(one)
        time = Sum((*before(k, late_before(k, at_once)), one.time))
        tried.append((come * np.maximum(one.accepted, 0.0), Outcome(1, 0, 0, time)))
        given_up = come * (1 - more / fails)
        rejected = rejected + given_up * one.rejected
        abandoned = abandoned + given_up * one.abandoned
        come = come * more
        # Those who were rejected and those who were late are not told apart from here on.
        after = after + rest + (wait * (1 - at_once) if wait else 0.0)
    accepted = sum(weight for weight, _ in tried)
    shares = [weight / np.maximum(accepted, _NEVER) for weight, _ in tried]
    return Outcome(
        accepted, rejected, abandoned, choice(shares, [one for _, one in tried]).time
    )


def served_in_turn(
    one: Outcome,
    made: Sequence[Any],
    served: Sequence[Sequence[Any]],
    before: Callable[[int, Any], Sequence[Distribution]],
) -> Outcome:
    """Return the outcome of attempts of which each takes as long, and loses in proportion.

    Parameters
    ----------
    one : Outcome
        That of one attempt. [-]
    made : sequence of number or array
        Probabilities that a request makes each attempt. [-]
    served : sequence of sequence of number or array
        Probabilities that each is served, by how many before it were late. [-]
    before : callable
        From an attempt, and the probabilities of how many before it were late, to the times
        that have gone by. [s]
    """
    fails = one.rejected + one.abandoned
    each = [sum(lates) for lates in served]
    through = sum(each)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Of those that fail for good, as of all that fail.
        lost = np.where(np.asarray(fails) > 0, (1 - through) / fails, 0.0)[()]
        # Where nothing is served, as if it were.
        some = np.asarray(through) > 0
        weights = [
            np.where(some, x / through, y / sum(made))[()]
            for x, y in zip(each, made, strict=True)
        ]
        times = []
        for k, (lates, all_) in enumerate(zip(served, each, strict=True), 1):
            none = [0.0] * (k - 1) + [1.0]
            shares = [
                np.where(np.asarray(all_) > 0, x / all_, y)[()]
                for x, y in zip(lates, none, strict=True)
            ]
            times.append(Outcome(1, 0, 0, Sum((*before(k, shares), one.time))))
    time = choice(weights, times).time
    return Outcome(through, one.rejected * lost, one.abandoned * lost, time)


def served_of(made: Sequence[Any], one: Outcome) -> list[list[Any]]:
    """Return the probabilities that each attempt is served, where each is as the others."""
    at_once = rejected_of(one)
    return [
        [x * one.accepted * late for late in late_before(k, at_once)]
        for k, x in enumerate(made, 1)
    ]


def rejected_of(one: Outcome) -> Any:
    """Return the share that is rejected of what fails."""
    fails = np.asarray(one.rejected + one.abandoned)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(fails > 0, one.rejected / fails, 0.0)[()]


def late_before(attempt: int, at_once: Any) -> list[Any]:
    """Return the probabilities of how many attempts before one were late, and not rejected.

    What fails is rejected at once with a probability, each as the others.
    """
    before = attempt - 1
    return [
        math.comb(before, j) * (1 - at_once) ** j * at_once ** (before - j)
        for j in range(before + 1)
    ]


def failed_before(waits: Sequence[Any], shares: Sequence[Any]) -> list[Distribution]:
    """Return how long the attempts before one take, by how many of them were late.

    What is rejected fails at once; what is late takes the first of the timeouts, `waits`.
    """
    if not waits or len(shares) == 1:
        return []
    *others, _ = shares
    times = [Deterministic(waits[0] * j) for j in range(len(shares))]
    if not any(map(np.any, others)):
        return [times[-1]]
    return [measure(tuple(shares), tuple(times))]


def last_of(again: Any, attempts: int) -> list[Any]:
    """Return the probability that each attempt is the last."""
    return [again**k * (1 - again) for k in range(attempts - 1)] + [again ** (attempts - 1)]


def noticed(attempts: int, failure: Any) -> int:
    """Return how many attempts at most a request makes that anybody would notice."""
    if failure is None or is_symbolic(failure):
        return attempts
    worst = float(np.nanmax(np.append(failure, 0.0)))
    unknown = bool(np.isnan(failure).any())
    if worst in (0.0, 1.0):
        return attempts if worst or unknown else 1
    return min(attempts, 1 + math.ceil(math.log(_RARE) / math.log(worst)))


def mean_pauses(attempts: int, pause: Any, backoff: Any, jitter: Any) -> list[Any]:
    """Return the mean pauses between so many attempts."""
    return [pause * (1 - jitter / 2) * backoff**k for k in range(attempts - 1)]


def pauses(attempt: int, pause: Any, backoff: Any, jitter: Any) -> list[Distribution]:
    """Return the pauses before an attempt."""
    lengths = [pause * backoff**k for k in range(attempt - 1)]
    if not np.any(jitter):
        return [Deterministic(sum(lengths))] if lengths else []
    drawn = [x for x in lengths if np.all(np.asarray(x) > 0)]
    if np.all((1 - jitter) == 1):  # less than a rounding
        return [Deterministic(sum(drawn))] if drawn else []
    # Beside cells that jitter, one that does not has the least width that a float shows.
    least = 1 - np.maximum(jitter, 1e-12) if np.ndim(jitter) else 1 - jitter
    return [Uniform(least * x, x) for x in drawn]
