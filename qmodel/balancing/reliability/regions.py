r"""Regions: where the load of a lost region goes, and whether the others sustain it.

Region i has the share :math:`w_i` of the users. When region l is lost, its users go to the
others, either in proportion to their weights (what a weighted name service does), or each
to the nearest one that is left (what a latency-based one does):

.. math::

    w_j^{(l)} = \frac{w_j}{1 - w_l} \qquad \text{or} \qquad
    w_j^{(l)} = w_j + w_l \, [j = \arg\min_{k \ne l} d_{lk}] .

The total rate that survives the loss of any one region is the least of
:math:`\lambda_j^* / w_j^{(l)}` over the lost l and the others j. With n equal regions and even
weights that is (n - 1) / n of what they sustain together; sent to the nearest, one region gets
twice its load, and it is one half, however many they are.

Exact arithmetic: capacities are those of the stations in the regions. The distribution of the
latency after a loss is that of `WeightedSplit` with a row of `shares_after_loss` as weights and
the round trips as delays.
**Shapes.** Weights may be arrays: results have the lost region along the first axis, the
region that takes over along the second, then the cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.errors import DomainError

__all__ = ["detour_after_loss", "shares_after_loss", "surviving_rate"]


@checked
def shares_after_loss(
    weights: Sequence[Value], *, round_trips: Sequence[Sequence[float]] | None = None
) -> Value:
    """Shares of the requests of all regions after the loss of each one.

    Parameters
    ----------
    weights : sequence of numbers or arrays
        Share of the users of each region; they sum to 1, and none is 1. [-]
    round_trips : sequence of sequences, optional
        From the users of one region (row) to the servers of another (column): users of the
        lost region go to the nearest one left. By default they go to all, by weight. [s]

    Returns
    -------
    array
        The shares: row l has those after the loss of region l, which has 0. [-]

    Raises
    ------
    DomainError
        If there are fewer than two regions, the weights do not sum to 1 or one is 1, or
        the round trips are no square table of numbers >= 0.

    Examples
    --------
    >>> weights = [0.5, 0.3, 0.2]
    >>> shares_after_loss(weights).round(3)
    array([[0.   , 0.6  , 0.4  ], [0.714, 0.   , 0.286], [0.625, 0.375, 0.   ]])
    >>> near = [[0.005, 0.08, 0.15], [0.08, 0.005, 0.09], [0.15, 0.09, 0.005]]
    >>> shares_after_loss(weights, round_trips=near)
    array([[0. , 0.8, 0.2], [0.8, 0. , 0.2], [0.5, 0.5, 0. ]])
    """
    w = _checked(weights)
    moved = _moves(w, round_trips)
    count = len(w)
    stays = 1 - np.eye(count).reshape(count, count, *[1] * (w.ndim - 1))
    return stays * w + w[:, None] * moved


@checked
def detour_after_loss(
    weights: Sequence[Value],
    round_trips: Sequence[Sequence[float]],
    *,
    nearest: bool = True,
) -> Value:
    """Mean round trip that the users of a lost region have more than before.

    Parameters
    ----------
    weights : sequence of numbers or arrays
        Share of the users of each region; they sum to 1, and none is 1. [-]
    round_trips : sequence of sequences
        From the users of one region (row) to the servers of another (column). [s]
    nearest : bool, default True
        Whether they go to the nearest region left, or to all by weight. [-]

    Returns
    -------
    array
        The detour, along the first axis for each region that may be lost. [s]

    Raises
    ------
    DomainError
        If there are fewer than two regions, the weights do not sum to 1 or one is 1, or
        the round trips are no square table of numbers >= 0.

    Examples
    --------
    >>> near = [[0.005, 0.08, 0.15], [0.08, 0.005, 0.09], [0.15, 0.09, 0.005]]
    >>> detour_after_loss([0.5, 0.3, 0.2], near)
    array([0.075, 0.075, 0.085])
    >>> detour_after_loss([0.5, 0.3, 0.2], near, nearest=False).round(3)
    array([0.103, 0.078, 0.122])
    """
    w = _checked(weights)
    trips = _trips(round_trips, len(w))
    moved = _moves(w, round_trips if nearest else None)
    there = trips.reshape(*trips.shape, *[1] * (w.ndim - 1))
    home = np.diag(trips).reshape(-1, *[1] * (w.ndim - 1))
    return (moved * there).sum(axis=1) - home


@checked
def surviving_rate(
    max_rates: Sequence[Value],
    *,
    weights: Sequence[Value],
    round_trips: Sequence[Sequence[float]] | None = None,
) -> Value:
    """Total arrival rate up to which the loss of any one region overloads no other.

    Parameters
    ----------
    max_rates : sequence of numbers or arrays
        Rate at which each region saturates, >= 0. [1/s]
    weights : sequence of numbers or arrays
        Share of the users of each region; they sum to 1, and none is 1. [-]
    round_trips : sequence of sequences, optional
        From the users of one region (row) to the servers of another (column): users of the
        lost region go to the nearest one left. By default they go to all, by weight. [s]

    Returns
    -------
    number or array
        The rate, of the broadcast shape. [1/s]

    Raises
    ------
    DomainError
        If the lengths differ, a rate is negative, there are fewer than two regions, the
        weights do not sum to 1 or one is 1, or the round trips are no square table.

    Examples
    --------
    Three regions that sustain 1000/s each, evenly loaded, survive a loss at 2000/s, and at
    1500/s where all users of the lost one go to the same region:

    >>> even, near = [1 / 3] * 3, [[0, 1, 2], [1, 0, 2], [2, 1, 0]]
    >>> float(surviving_rate([1000.0] * 3, weights=even))
    2000.0
    >>> float(surviving_rate([1000.0] * 3, weights=even, round_trips=near))
    1500.0
    """
    shares = shares_after_loss(weights, round_trips=round_trips)
    several = _check.several("max_rates", max_rates)
    _check.numbers("the loss of a region", *several)
    rates = [np.asarray(_check.nonnegative("max_rates", rate)) for rate in several]
    if len(rates) != shares.shape[1]:
        raise DomainError(
            f"max_rates must be as many as weights, {shares.shape[1]}, got {len(rates)}"
        )
    found = []
    for j, rate in enumerate(rates):
        with np.errstate(divide="ignore", invalid="ignore"):
            # A region that gets nothing cannot be overloaded.
            held = np.where(shares[:, j] == 0, np.inf, rate / shares[:, j])
        found.append(held.min(axis=0))
    return np.minimum.reduce(np.broadcast_arrays(*found))[()]


def _checked(weights: Sequence[Value]) -> np.ndarray:
    """Return the weights as one array, regions first."""
    checked = _check.weights("weights", weights)
    _check.numbers("the loss of a region", *checked)
    found = np.array(np.broadcast_arrays(*checked), dtype=float)
    if len(found) < 2:
        raise DomainError(f"weights must be at least two, got {len(found)}")
    if (found == 1).any():
        raise DomainError("weights must be below 1, or nobody is left to take over, got 1.0")
    return found


def _trips(round_trips: Any, count: int) -> np.ndarray:
    several = _check.several("round_trips", round_trips)
    rows = [_check.nonnegative("round_trips", row) for row in several]
    if len(rows) != count or any(np.shape(row) != (count,) for row in rows):
        raise DomainError(f"round_trips must be {count} rows of {count}, got {round_trips!r}")
    return np.array(rows)


def _moves(w: np.ndarray, round_trips: Any) -> Any:
    """Return which part of the users of the lost region (row) goes to another (column)."""
    count, cells = len(w), [1] * (w.ndim - 1)
    other = 1 - np.eye(count)
    if round_trips is None:
        return other.reshape(count, count, *cells) * (w / (1 - w)[:, None])
    trips = np.where(other == 0, np.inf, _trips(round_trips, count))
    # Which region is nearest is unknown where a round trip is.
    unknown = np.where(np.isnan(trips).any(axis=1), np.nan, 0.0)[:, None]
    return (np.eye(count)[trips.argmin(axis=1)] + unknown).reshape(count, count, *cells)
