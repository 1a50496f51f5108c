r"""Open and closed loops told apart, and the requests that a load test did not send.

In a **closed loop** N users wait for their answers and think for Z: by the interactive response
time distribution :math:`N = X (R + Z)` the rate falls when the latency rises. In an **open
loop** it does not [1]_. The same shows in a series of rates and latencies as their correlation.

A tester that waits for an answer before it sends the next request misses those that would have
come meanwhile: **coordinated omission** [2]_. The gaps in its starts show it, each beside a
slow answer; every interval of a gap stands for one request that would have waited for the rest
of it.

References
----------
.. [1] B. Schroeder, A. Wierman, M. Harchol-Balter, "Open versus closed: a cautionary tale",
NSDI,
   2006.
.. [2] G. Tene, "How not to measure latency", 2013; corrected as in HdrHistogram.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import DomainError
from qmodel.measurements.measurements import Loop

__all__ = ["LoopVerdict", "Omission", "coordinated_omission", "loop_of"]

_ENOUGH = 6
_CORRELATED = -0.7
_STEADY = 0.1
_GAP = 3.0
_MISSED = 10**7
"""Most requests that were not sent whose times are made up."""


class LoopVerdict(NamedTuple):
    """Whether a load is open or closed, the think time if closed, and why."""

    loop: Loop
    think_time: float
    reason: str


class Omission(NamedTuple):
    """Share of the requests that were not sent, and the latencies with them."""

    share: float
    latencies: np.ndarray
    reason: str


@checked
def loop_of(arrival_rate: Any, response_time: Any, users: Any = None) -> LoopVerdict:
    """Return whether requests came whatever the answers, or users waited for them.

    Parameters
    ----------
    arrival_rate : sequence of numbers
        Requests a second in intervals or at loads, >= 0. [1/s]
    response_time : sequence of numbers
        Mean response time in each, > 0. [s]
    users : sequence of numbers, optional
        Users or connections in each, where they are known. [-]

    Returns
    -------
    LoopVerdict
        "open", "closed" or "unknown", the think time, and the reason in words. [-]

    Raises
    ------
    DomainError
        If the numbers are not as many, or outside their domain.

    Examples
    --------
    >>> users = [10, 20, 40, 80]
    >>> loop_of([9.5, 18.9, 37.0, 55.0], [0.05, 0.06, 0.08, 0.45], users)
    LoopVerdict(loop='closed', think_time=1.0, reason='users = rate x (response + 1 s) at all
    loads')
    """
    rates = np.ravel(_check.nonnegative("arrival_rate", arrival_rate)).astype(float)
    times = np.ravel(_check.positive("response_time", response_time)).astype(float)
    if rates.size != times.size:
        raise DomainError(f"response_time must be as many as {rates.size}, got {times.size}")
    known = np.isfinite(rates) & np.isfinite(times) & (rates > 0)
    if users is not None:
        number = np.ravel(_check.nonnegative("users", users)).astype(float)
        if number.size != rates.size:
            raise DomainError(f"users must be as many as {rates.size}, got {number.size}")
        known &= np.isfinite(number)
        rates, times, number = rates[known], times[known], number[known]
        think = number / rates - times
        near = np.abs(think - np.median(think)) < _STEADY * number / rates
        if rates.size > 1 and np.median(think) > -_STEADY * np.median(times) and near.all():
            z = max(float(np.median(think)), 0.0)
            return LoopVerdict(
                "closed", z, f"users = rate x (response + {z:.3g} s) at all loads"
            )
        held = rates * times
        if rates.size > 1 and (np.abs(held / number - 1) < _STEADY).all():
            return LoopVerdict("closed", 0.0, "users = rate x response at all loads")
    else:
        rates, times = rates[known], times[known]
    if rates.size < _ENOUGH or np.ptp(np.log(times)) < _STEADY:
        return LoopVerdict(
            "unknown", float("nan"), "the latency hardly changes, or too few rows"
        )
    with np.errstate(invalid="ignore"):
        together = float(np.corrcoef(np.log(rates), np.log(times))[0, 1])
    if together < _CORRELATED:
        reason = f"the rate falls when the latency rises (correlation {together:.2f})"
        return LoopVerdict("closed", float("nan"), reason)
    if np.isnan(together) or together > -0.3:
        return LoopVerdict(
            "open", float("nan"), "the rate does not fall when the latency rises"
        )
    return LoopVerdict("unknown", float("nan"), f"a weak correlation, {together:.2f}")


@checked
def coordinated_omission(
    starts: Any, latencies: Any, *, interval: float | None = None
) -> Omission:
    """Return how many requests a tester of constant rate did not send, and the true latencies.

    Parameters
    ----------
    starts : sequence of numbers
        When each request of one worker was sent. [s]
    latencies : sequence of numbers
        How long it took, >= 0. [s]
    interval : float, optional
        Intended time between requests; by default the median that was seen. [s]

    Returns
    -------
    Omission
        Share of the intended requests that were not sent; the latencies with those that they
        would have had, in no order. [-]

    Raises
    ------
    DomainError
        If there are fewer than three requests, or the numbers do not fit.

    Examples
    --------
    Every 10 ms, but one answer took a second and 99 requests were not sent:

    >>> import numpy as np
    >>> starts = np.concatenate([np.arange(100), 200 + np.arange(100)]) * 0.01
    >>> latencies = np.full(200, 0.001)
    >>> latencies[99] = 1.0
    >>> found = coordinated_omission(starts, latencies)
    >>> round(found.share, 2), float(np.quantile(found.latencies, 0.95)).__round__(2)
    (0.33, 0.85)
    """
    at = np.ravel(_check.real("starts", starts))
    times = np.ravel(_check.nonnegative("latencies", latencies)).astype(float)
    if at.size != times.size or at.size < 3:
        raise DomainError(
            f"starts and latencies must be as many, at least 3, got {at.size} and {times.size}"
        )
    order = np.argsort(at, kind="stable")
    at, times = at[order], times[order]
    gaps = np.diff(at)
    between = (
        float(np.median(gaps))
        if interval is None
        else float(_check.positive("interval", interval))
    )
    if not between > 0:
        raise DomainError("interval must be > 0: more than half of the starts are the same")
    # A gap belongs to an answer that was still awaited for most of it.
    held = (gaps > _GAP * between) & (times[:-1] > 0.5 * gaps)
    if not (gaps[held] / between).sum() < _MISSED:
        raise DomainError(
            f"interval must be so long that at most {_MISSED:,} requests were not sent, "
            f"got {between}"
        )
    added = []
    for gap, time in zip(gaps[held], times[:-1][held], strict=True):
        # Those sent later would have waited for the rest of the slow answer.
        missed = np.arange(1, round(gap / between)) * between
        added.append(np.maximum(time - missed, 0.0))
    extra = np.concatenate(added) if added else np.zeros(0)
    share = extra.size / (extra.size + times.size)
    if not extra.size:
        return Omission(0.0, times, "no gap in the starts beside a slow answer")
    return Omission(
        share,
        np.concatenate([times, extra]),
        f"{held.sum()} gaps beside slow answers, in which {extra.size} requests were not sent",
    )
