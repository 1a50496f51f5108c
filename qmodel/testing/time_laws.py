"""The laws of a distribution: tail, quantile, mean and transform belong together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from qmodel.distributions import Distribution
from qmodel.distributions.broadcasting import shape_of
from qmodel.testing.compare import (
    TINY,
    equal,
    several,
)

__all__ = [
    "mean_is_integral_of_tail",
    "mean_is_slope_of_transform",
    "quantile_inverts_tail",
]


def quantile_inverts_tail(
    distribution: Distribution,
    p: Iterable[float] = (0.01, 0.5, 0.9, 0.99, 0.999),
    *,
    rel: float = 1e-6,
) -> None:
    """Assert that quantile and tail are inverse, also where the distribution jumps.

    Parameters
    ----------
    distribution : Distribution
        The distribution. [-]
    p : iterable of float, default 0.01 to 0.999
        Probabilities. [-]
    rel : float, default 1e-6
        Relative tolerance of the time and of the tail. [-]

    Raises
    ------
    AssertionError
        If the tail a hair before a quantile is below 1 - p, or a hair after above.

    Examples
    --------
    >>> import qmodel as qm
    >>> quantile_inverts_tail(qm.MMc(0.2, servers=4).solve(9.0).response)
    """
    shares = np.array(several("p", p)).reshape(-1, *[1] * len(shape_of(distribution)))
    t = np.asarray(distribution.quantile(shares))
    finite, slack = np.isfinite(t), rel * (1 - shares) + 1e-9
    here = np.where(finite, t, 0.0)
    after = np.where(finite, distribution.tail(here * (1 + rel)), 0.0)
    before = np.where(finite & (t > 0), distribution.tail(here * (1 - rel)), 1.0)
    within = (after <= 1 - shares + slack) & (before >= 1 - shares - slack)
    wrong = ~within | np.isnan(t)
    if wrong.any():
        share, at, low, high = (
            np.broadcast_to(x, wrong.shape)[wrong][0] for x in (shares, t, before, after)
        )
        raise AssertionError(
            f"quantile inverts tail: at p = {share:g} the quantile is {at:.6g}, where the tail "
            f"goes from {low:.12g} to {high:.12g}, which should enclose {1 - share:.12g}"
        )


def mean_is_integral_of_tail(
    distribution: Distribution, *, rel: float = 1e-5, floor: float = TINY
) -> None:
    """Assert that the mean is the integral of the tail.

    Parameters
    ----------
    distribution : Distribution
        The distribution, of one cell, with a finite mean. [-]
    rel : float, default 1e-5
        Relative tolerance. [-]
    floor : float, default 1e-290
        Absolute tolerance: of a wait, what rounding leaves of the service beside it. [s]

    Raises
    ------
    AssertionError
        If they differ.

    Examples
    --------
    >>> import qmodel as qm
    >>> mean_is_integral_of_tail(qm.MMc(0.2, servers=4).solve(9.0).response)
    """
    mean = float(distribution.mean)
    jumps = [float(part.shift) for part in distribution.parts() if float(part.shift) > 0]
    # A wait that is rare has a mean far below the times of those that wait.
    scale = mean + float(distribution.variance) / mean if mean > 0 else 1.0
    far, noise = max([scale, *jumps]), 1e-10 * float(distribution.tail(0.0))
    # Ten digits down the tail may be the noise of an inversion, which no mean has in it.
    while (tail := float(distribution.tail(far))) * far > 1e-9 * mean and tail > noise:
        far *= 2
    ends = [float(distribution.quantile(p)) for p in (0.0, 1.0)]
    kinks = [x for x in (*jumps, *ends) if np.isfinite(x)]
    nodes, weights = np.polynomial.legendre.leggauss(8)
    # A quarter of the panels settles it where the tail is smooth.
    for panels, near in ((90, rel / 10), (360, rel)):
        body = np.linspace(0.0, 4 * scale, 5 * panels // 9)
        tails = np.geomspace(1e-12 * far, far, 4 * panels // 9)
        grid = np.unique(np.concatenate([body, tails, kinks]))
        half, middle = np.diff(grid)[:, None] / 2, (grid[1:] + grid[:-1])[:, None] / 2
        area = float((distribution.tail(middle + half * nodes) * weights * half).sum())
        if abs(area - mean) <= near * mean + floor:
            return
    equal("the mean is the integral of the tail", "mean", mean, area, rel, floor=floor)


def mean_is_slope_of_transform(distribution: Distribution, *, rel: float = 1e-6) -> None:
    """Assert that the mean is minus the derivative of the transform at zero.

    Parameters
    ----------
    distribution : Distribution
        The distribution, with finite mean and variance. [-]
    rel : float, default 1e-6
        Relative tolerance. [-]

    Raises
    ------
    AssertionError
        If they differ.

    Examples
    --------
    >>> import qmodel as qm
    >>> mean_is_slope_of_transform(qm.MMc(0.2, servers=4).solve(9.0).response)
    """
    mean = np.asarray(distribution.mean)
    moving = np.where(mean > 0, mean, 1.0)
    second = distribution.variance + mean**2
    # Off the real axis the imaginary part is the slope without a difference, less a term in
    # the second moment; the third moment's is of the square of the step.
    step = 1e-4 / np.where(mean > 0, second / moving, 1.0)
    slope = step * second - np.imag(distribution.laplace((1 + 1j) * step)) / step
    # The transform is near 1, and known to its last bits, or to those of a quadrature.
    floor = float(np.max((1e-15 if distribution.analytic else 1e-13) / step))
    what = "the mean is minus the slope of the transform"
    equal(what, "mean", mean, slope, rel, floor=floor)
