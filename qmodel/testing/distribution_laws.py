"""What every distribution of a time is, however its tail is computed.

For distributions of one's own, and for compositions: a tail that comes from an inversion may
ring at a kink, or lose its digits in a sum of many, and none of that shows in its mean.
"""

from __future__ import annotations

import numpy as np

from qmodel.distributions import Distribution
from qmodel.distributions.broadcasting import select, shape_of
from qmodel.testing.time_laws import mean_is_integral_of_tail, quantile_inverts_tail

__all__ = ["is_a_distribution", "quantiles_rise", "tail_falls"]

_SHARES = (1e-6, 1e-3, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999)


def tail_falls(distribution: Distribution, *, slack: float = 1e-8, points: int = 150) -> None:
    """Assert that the tail falls from at most 1 to at least 0, over times of every size.

    Parameters
    ----------
    distribution : Distribution
        The distribution; all cells of arrays are checked. [-]
    slack : float, default 1e-8
        Rise that passes as rounding; the distribution's own `tail_error` is added. [-]
    points : int, default 150
        Number of times, half of them around the median and half in the tail. [-]

    Raises
    ------
    AssertionError
        If the tail rises, or leaves 0 to 1.

    Examples
    --------
    >>> import qmodel as qm
    >>> tail_falls(qm.MG1(qm.Uniform(0.05, 0.15)).solve(0.1).response)
    """
    middle, far = (np.asarray(distribution.quantile(p)) for p in (0.5, 0.999))
    finite = np.isfinite(far)
    middle, far = np.where(finite, middle, 0.0), np.where(finite & (far > 0), far, 1.0)
    steps = np.linspace(0.0, 1.0, points // 2).reshape(-1, *[1] * middle.ndim)
    times = np.sort(np.concatenate([2 * middle * steps, 3 * far * steps]), axis=0)
    tail, room = (
        np.asarray(distribution.tail(times)),
        slack + np.asarray(distribution.tail_error(times)),
    )
    outside = ~((tail >= -slack) & (tail <= 1 + slack))
    if outside.any():
        raise AssertionError(
            f"the tail falls: it is {tail[outside][0]:.6g} at {times[outside][0]:.6g} s, "
            "not from 0 to 1"
        )
    rise = np.diff(tail, axis=0) - (room[1:] + room[:-1])
    wrong = rise > 0
    if wrong.any():
        raise AssertionError(
            f"the tail falls: from {tail[:-1][wrong][0]:.9g} at {times[:-1][wrong][0]:.6g} s "
            f"it rises to {tail[1:][wrong][0]:.9g} at {times[1:][wrong][0]:.6g} s"
        )


def quantiles_rise(distribution: Distribution, *, rel: float = 1e-9) -> None:
    """Assert that a higher percentile is no shorter time, and none is below zero.

    Parameters
    ----------
    distribution : Distribution
        The distribution; all cells of arrays are checked. [-]
    rel : float, default 1e-9
        Relative fall that passes as rounding. [-]

    Raises
    ------
    AssertionError
        If one is shorter, or negative.

    Examples
    --------
    >>> import qmodel as qm
    >>> quantiles_rise(qm.MG1(qm.Uniform(0.05, 0.15)).solve(0.1).response)
    """
    shares = np.array(_SHARES).reshape(-1, *[1] * len(shape_of(distribution)))
    found = np.asarray(distribution.quantile(shares))
    least = np.concatenate([np.zeros_like(found[:1]), found[:-1] * (1 - rel)])
    wrong = ~(found >= least)
    if wrong.any():
        raise AssertionError(
            f"quantiles rise: at p = {_SHARES[np.nonzero(wrong)[0][0]]:g} the quantile is "
            f"{found[wrong][0]:.9g} s, after {least[wrong][0]:.9g} s"
        )


def is_a_distribution(distribution: Distribution, *, rel: float = 1e-5) -> None:
    """Assert all that holds of every distribution with a finite mean.

    The tail falls, quantiles rise and invert the tail, and the area under the tail is the
    mean.

    Parameters
    ----------
    distribution : Distribution
        The distribution; each cell of arrays is checked. [-]
    rel : float, default 1e-5
        Relative tolerance of the mean. [-]

    Raises
    ------
    AssertionError
        If one of these does not hold.

    Examples
    --------
    >>> import qmodel as qm
    >>> is_a_distribution(qm.Sum([qm.Uniform(0.05, 0.15)] * 2))
    """
    tail_falls(distribution)
    quantiles_rise(distribution)
    quantile_inverts_tail(distribution)
    shape = shape_of(distribution)
    for cell in range(int(np.prod(shape))):
        one = select(distribution, shape, np.array(cell)) if shape else distribution
        mean_is_integral_of_tail(one, rel=rel)
