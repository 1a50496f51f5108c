"""Cells whose distributions have one shape: they differ in their means only."""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.distributions.base import Distribution
from qmodel.distributions.broadcasting import select, shape_of

__all__ = ["shapes"]


def shapes(
    distribution: Distribution, shape: tuple[int, ...], cells: int
) -> list[tuple[Distribution, np.ndarray]]:
    """Return each distribution but for its mean, and the flat cells that have it.

    Parameters
    ----------
    distribution : Distribution
        Any distribution. [-]
    shape : tuple of int
        The shape of the cells. [-]
    cells : int
        Their number. [-]

    Returns
    -------
    list of (Distribution, int array)
        A distribution with numbers for its parameters, and the cells that it has the shape of.
        [-]

    Examples
    --------
    >>> from qmodel.distributions import Gamma
    >>> distribution = Gamma(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 4.0]))
    >>> [cells.tolist() for _, cells in shapes(distribution, (3,), 3)]
    [[0, 1], [2]]
    """
    own = shape_of(distribution)
    if own == () or np.prod(own) == 1:
        one = distribution if own == () else select(distribution, own, np.array([0]))
        return [(_scalar(one), np.arange(cells))]
    # Of one shape are distributions with equal tails, at multiples of the mean, and equal SCV.
    mean = np.broadcast_to(distribution.mean, own)
    at = np.array([0.1, 0.5, 1.0, 2.0, 5.0]).reshape(-1, *[1] * len(own)) * mean
    seen = np.array(
        [np.broadcast_to(distribution.scv, own), *np.asarray(distribution.tail(at))]
    )
    rows = np.round(seen.reshape(len(seen), -1).T, 10)
    _, first, kind = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    kind = np.broadcast_to(kind.reshape(own), shape).ravel()
    return [
        (_scalar(select(distribution, own, np.array([i]))), np.flatnonzero(kind == k))
        for k, i in enumerate(first)
    ]


def _scalar(distribution: Any) -> Any:
    """Return a distribution of one cell with numbers for its parameters."""
    return select(distribution, (1,), 0) if shape_of(distribution) == (1,) else distribution
