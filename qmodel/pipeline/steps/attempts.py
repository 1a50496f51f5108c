"""Attempts that are made one after the other: how long they take, and what each meets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.distributions import Deterministic, Distribution, Sum, Uniform
from qmodel.distributions.algebra import measure
from qmodel.pipeline.steps.base import Outcome, Step, choice

if TYPE_CHECKING:
    from qmodel.pipeline.solved import Solved

__all__ = ["attempts_in_turn", "failed_before", "pauses", "rejected_of"]

_NEVER = 1e-300


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
        From an attempt, and the share of what fails that fails at once, to the times that have
        gone by. [s]
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
        time = Sum((*before(k, at_once), one.time))
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


def rejected_of(one: Outcome) -> Any:
    """Return the share that is rejected of what fails."""
    fails = np.asarray(one.rejected + one.abandoned)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(fails > 0, one.rejected / fails, 0.0)[()]


def failed_before(waits: Sequence[Any], attempt: int, at_once: Any) -> list[Distribution]:
    """Return how long the attempts take that failed before one.

    What is rejected fails at once, which is a share `at_once` of what fails; what is late
    takes the first of the timeouts that there are, `waits`.
    """
    before = attempt - 1
    if not waits or not before:
        return []
    if not np.any(at_once):
        return [Deterministic(waits[0] * before)]
    late = range(before + 1)
    shares = tuple(
        math.comb(before, j) * (1 - at_once) ** j * at_once ** (before - j) for j in late
    )
    return [measure(shares, tuple(Deterministic(waits[0] * j) for j in late))]


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
