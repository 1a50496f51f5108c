"""Objectives over time: in how much of it they must hold, and by how much they are missed.

An objective holds at a moment if its quantity, of the requests that enter then, is within the
limit. "p99 < 1 s in 99.9 % of the minutes" asks for that in all but a thousandth of the time,
whatever the unit in which it is counted. The margin of a whole load is the quantile of the
margins of its moments at that share, so that it passes through zero where the objective is
just met. Moments at which nobody gets through are missed.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

__all__ = ["IN_TIME", "share_of_time", "span_of", "worst_of"]

IN_TIME = re.compile(
    r"(?P<goal>.+?)\s+(?:in|for|during)\s+(?P<percent>\d+(?:\.\d+)?)\s*%\s+of\s+(?:the\s+)?"
    r"(?:time|seconds|minutes|hours|days?)\s*"
)
"""How the fraction of time is said behind an objective."""


def span_of(times: np.ndarray) -> np.ndarray:
    """Return the fraction of time that each moment stands for [-]."""
    steps = np.diff(times)
    if not steps.size:
        return np.ones(1)
    spans = np.concatenate([steps, [0.0]]) + np.concatenate([[0.0], steps])
    return np.asarray(spans / spans.sum())


def share_of_time(times: np.ndarray, good: np.ndarray) -> float:
    """Return the fraction of time at which something is so [-]."""
    return float(span_of(times) @ np.asarray(good, dtype=float))


def worst_of(times: np.ndarray, values: Any, share: float, *, least: bool = False) -> float:
    """Return what a fraction of time does not exceed, or does not fall below.

    Parameters
    ----------
    times : array of shape (n,)
        The times, increasing. [s]
    values : array of shape (n,)
        A value at each; NaN where there is none, which is worst. [-]
    share : float
        The share; 1 for the worst of all. [-]
    least : bool, default False
        Whether small values are bad. [-]

    Returns
    -------
    float
        The value.

    Examples
    --------
    >>> import numpy as np
    >>> times, values = np.arange(5.0), np.array([1.0, 2.0, 9.0, 2.0, 1.0])
    >>> worst_of(times, values, 1.0), worst_of(times, values, 0.7)
    (9.0, 2.0)
    """
    signed = np.broadcast_to(np.asarray(values, dtype=float), times.shape) * (
        -1 if least else 1
    )
    signed = np.where(np.isnan(signed), np.inf, signed)
    order = np.argsort(signed, kind="stable")
    upto = np.cumsum(span_of(times)[order])
    place = int(np.searchsorted(upto, share - 1e-12)) if share < 1 else len(order) - 1
    found = float(signed[order[min(place, len(order) - 1)]])
    return -found if least and not math.isnan(found) else found
