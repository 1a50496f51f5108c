r"""What a row of a recorded load leaves undone is there in the next: rows over time.

The load goes in straight lines from row to row, also over rows that are missing. Most rows are
steady states all the same: queues settle in seconds. To follow a load :math:`\lambda(t)` a
system must take in :math:`dN/dt` requests a second, of those that it would have inside, N, in
each steady state; so it is in the state of another load,

.. math:: \lambda(t) - k \, \frac{dN}{dt} ,

to first order. For a station that is nowhere near full k is 1 (exact for M/G/inf), for the
mean of one near its capacity 2, and for the quantile at x times the mean :math:`1 + x` (a
reflected Brownian motion; at p99 5.6, at p99.9 7.9). Rows in which 8 times dN/dt would change
the mean or a percentile by more than a thousandth are solved over time (`Pipeline.over_time`):
from the steady state of the row before, until the system is in a steady state again.

References
----------
.. [1] W. A. Massey, W. Whitt, "Uniform acceleration expansions for Markov chains with
   time-varying rates", Annals of Applied Probability 8, 1998.
.. [2] L. V. Green, P. J. Kolesar, "The pointwise stationary approximation for queues with
   nonstationary arrivals", Management Science 37, 1991.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.errors import DomainError
from qmodel.loads import Profile
from qmodel.pipeline.over_time import find_percentile
from qmodel.planning.slo import Objective

if TYPE_CHECKING:
    from qmodel.pipeline import Pipeline, PipelineOverTime

__all__ = ["carry_on"]

_LAG, _SAME = 8.0, 1e-3
"""How far a tail lags at most, and the change that is none."""

_ROWS, _AFTER = 32, 3
"""Rows that are solved at once, so that memory does not grow with the record, and those that
are given to a short rush to settle."""

_TOGETHER = 500
"""Rows whose percentiles are found at once."""

_SETTLED = 3e-4
"""Probability by which a system may be off its steady state and still be called in it."""


def carry_on(
    model: Pipeline,
    columns: dict[str, Any],
    seconds: np.ndarray,
    shares: np.ndarray,
    goals: Sequence[Objective],
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """Return the columns of a replay, of rows in steady states, as they are over time.

    Parameters
    ----------
    model : Pipeline
        The model. [-]
    columns : dict of str to array
        Each row as a steady state. [-]
    seconds : array
        When each row is. [s]
    shares : array
        Percentiles among the columns. [-]
    goals : sequence of Objective
        What "met" is about. [-]
    progress : callable
        Called with the rows that are done. [-]

    Returns
    -------
    dict of str to array
        The same columns. [-]

    Raises
    ------
    DomainError
        If a time comes twice.
    """
    known = np.flatnonzero(~np.isnan(columns["arrival_rate"] + seconds))
    known = known[np.argsort(seconds[known], kind="stable")]
    times = seconds[known]
    if (np.diff(times) <= 0).any():
        twice = times[1:][np.diff(times) <= 0][0]
        raise DomainError(f"over time no time may come twice, but {twice:g} s does")
    found = {name: np.array(cells) for name, cells in columns.items()}
    rates, busy = columns["arrival_rate"][known], _lagging(columns, known, times)
    low = earlier = None
    solved: list[tuple[np.ndarray, PipelineOverTime]] = []
    while (first := _next(busy, low)) is not None:
        if low is None or earlier is None:
            low = max(first - 1, 0)
        last = low + _ROWS
        if earlier is None:
            last = min(last, low + 1 + int(np.flatnonzero(busy[low : last + 1])[-1]) + _AFTER)
        high = min(last, len(times) - 1)
        if high == low:
            break
        here = slice(low, high + 1)
        part = model.over_time(
            Profile(times[here], rates[here]), times=times[here], start=earlier
        )
        # The first is that of the row before: steady, or known already.
        over = part.unsettled <= _SETTLED and not busy[high]
        end = _behind(part, columns, known[here], busy[here]) if over else high - low + 1
        new = np.arange(0 if busy[low] and earlier is None else 1, end)
        solved.append((known[here][new], part.at(new)))
        if sum(rows.size for rows, _ in solved) > _TOGETHER:
            _note(found, solved, columns, shares, goals)
            solved = []
        progress(high)
        low, earlier = high, None if over else part
        if not over:
            busy[high] = True  # It goes on from here, be what comes as it may.
    _note(found, solved, columns, shares, goals)
    return found


def _note(
    found: dict[str, np.ndarray],
    solved: Sequence[tuple[np.ndarray, PipelineOverTime]],
    columns: Mapping[str, Any],
    shares: np.ndarray,
    goals: Sequence[Objective],
) -> None:
    """Note the columns of rows that are solved over time, their percentiles all at once."""
    for p in shares:
        find_percentile([part for _, part in solved], float(p))
    for rows, part in solved:
        for name, cells in _columns(part, columns, shares, goals).items():
            found[name][rows] = cells


def _next(busy: np.ndarray, low: int | None) -> int | None:
    """Return the next row that is no steady state."""
    later = np.flatnonzero(busy[low or 0 :])
    return int(later[0]) + (low or 0) if later.size else None


def _lagging(columns: Mapping[str, Any], rows: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return which rows are no steady states, by what would have to be taken in."""
    if len(rows) < 2:
        return np.zeros(len(rows), dtype=bool)
    rates = columns["arrival_rate"][rows]
    present = columns["goodput"][rows] * columns["mean"][rows]
    lines, first = np.unique(rates, return_index=True)
    busy = np.zeros(len(rows), dtype=bool)
    with np.errstate(invalid="ignore"):
        grows = np.abs(np.diff(present)) / np.diff(times)
        # Of the way to a row and the way from it the steeper one.
        behind = _LAG * np.maximum(np.append(grows, 0.0), np.append(0.0, grows))
        for name in ("mean", *(n for n in columns if n[0] == "p" and n[1:2].isdigit())):
            values = columns[name][rows]
            for other in (rates - behind, rates + behind):
                change = np.interp(other, lines, values[first]) - values
                busy |= ~(np.abs(change) <= _SAME * values)
    return busy


def _behind(
    part: PipelineOverTime, columns: Mapping[str, Any], rows: np.ndarray, busy: np.ndarray
) -> int:
    """Return after how many rows all are steady states, by those who wait: Little's law."""
    present = columns["goodput"][rows] * columns["mean"][rows]
    with np.errstate(invalid="ignore"):
        steady = np.abs(part.backlog - columns["backlog"][rows]) <= _SAME * present
    return int(np.flatnonzero(busy | ~steady).max(initial=1)) + 1


def _columns(
    part: PipelineOverTime,
    steady: Mapping[str, Any],
    shares: np.ndarray,
    goals: Sequence[Objective],
) -> dict[str, np.ndarray]:
    """Return the columns of some rows that are solved over time."""
    found = {name: getattr(part, name) for name in ("mean", "backlog", "goodput")}
    found |= {name: getattr(part, name) for name in ("rejected", "abandoned")}
    found |= {f"p{100 * p:.12g}": part.percentile(float(p)) for p in shares}
    lines, first = np.unique(steady["arrival_rate"], return_index=True)  # NaN is last.
    for name in steady:
        station = name.removeprefix("utilization.")
        if station in part.stations and station != name:
            found[name] = part.stations[station].utilization
        elif station != name:
            # Inside a pool, or behind a queue: what gets through keeps it busy.
            busy = np.concatenate([[0.0], np.asarray(steady[name])[first]])
            served = np.minimum(part.goodput, part.arrival_rate.max())
            found[name] = np.interp(served, np.concatenate([[-1e-9], lines]), busy)
    if goals:
        found["met"] = np.logical_and.reduce([goal.met_at(part) for goal in goals])
    return found
