r"""Numerical inversion of Laplace transforms, on whole arrays, each with a sign of its error.

The distribution of a time :math:`X \ge 0` of total mass :math:`m` (1 but for parts of one)
has the transform :math:`F(s) = E[e^{-sX}]`. Both of its faces come from the same values of it,

.. math::

    P(X > t) \approx \mathrm{Re} \sum_k \frac{c_k}{z_k} (m - F(z_k / t)), \qquad
    f(t) \approx \frac{1}{t} \mathrm{Re} \sum_k c_k F(z_k / t),

so a Newton step on the tail costs one pass. The tail is inverted, not the distribution
function: an atom at zero is then harmless, and small tails keep their digits.

Three kinds of rules give the points :math:`z_k` and weights :math:`c_k`. None is trusted:
each has *null weights*, which give 0 where the rule is right, from the same values.

* `TALBOT`, 12 points on the cotangent contour of Trefethen, Weideman and Schmelzer
  (twice as fast in points as the fixed Talbot contour). It walks into the left half-plane,
  so the transform must continue there with its singularities on or near the negative real
  axis. Absolute error of a tail about 1e-13 for a sum of few exponential times. A pole of
  high order is another matter: 1e-10 for 6 equal times, 7e-6 for 20, and no digit for 60.
  Its null weights vanish on every sum of up to three exponential times, of any means, to
  1e-9, and are largest on sums of a dozen.
* `line(n)`, n + 1 points on a vertical line with Euler's averages (Abate and Whitt).
  Absolute error of a smooth tail about 1e-10 at n = 30 (`EULER`) and 1e-12 beyond, of the
  sum of N equal exponential times from :math:`n \approx 8 \sqrt N` on; a kink of the tail
  (a jump of the density) costs its nearest points up to 3e-3 at n = 30, and 1/n of
  that with more. Its null weights are the difference from a shorter rule.
* `smoothed(n)`, that line with Gaussian weights instead: the tail of :math:`X + \delta Z`
  with a normal :math:`Z`, :math:`\delta = 1.91 t / n`, to 1e-11. It falls and stays in 0 to
  1 whatever the transform, as the averages over concentrated matrix-exponential densities
  do [3]_, and it rings at no kink: a jump of the density by d costs at most
  :math:`0.4 d \delta` at the kink, and the curvature of a smooth tail
  :math:`\delta^2 |f'| / 2`.

References
----------
.. [1] L. N. Trefethen, J. A. C. Weideman, T. Schmelzer, "Talbot quadratures and rational
   approximations", BIT Numerical Mathematics 46, 2006, sec. 3.
.. [2] J. Abate, W. Whitt, "A unified framework for numerically inverting Laplace
   transforms", INFORMS Journal on Computing 18, 2006, sec. 5.
.. [3] G. Horvath, I. Horvath, S. A.-D. Almousa, M. Telek, "Numerical inverse Laplace
   transformation using concentrated matrix exponential distributions", Performance
   Evaluation 137, 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from math import comb
from typing import Any, NamedTuple

import numpy as np

__all__ = ["EULER", "TALBOT", "Rule", "line", "smoothed", "tail_and_density", "with_doubt"]

_FEW = 60
"""Points below which a line is a first look."""

_TOGETHER = 1 << 15
"""Values that are summed in one product."""


class Rule(NamedTuple):
    """Points and weights of an inversion formula."""

    points: np.ndarray
    weights: np.ndarray
    tail_weights: np.ndarray
    """Weights of the tail, those of the density over the points."""
    null: np.ndarray
    """Rows of weights that give 0 where the tail is right."""
    limit: float
    """The most that they may give."""
    rows: np.ndarray
    """Tail weights and null weights, one below the other."""


def _rule(points: np.ndarray, weights: np.ndarray, null: Any, limit: float) -> Rule:
    tail, null = weights / points, np.asarray(null) / points
    return Rule(points, weights, tail, null, limit, np.vstack([tail, null]))


def _talbot(total: int) -> Rule:
    # Midpoints in the upper half of the contour; the lower half is their conjugate.
    theta = np.pi * (2 * np.arange(total // 2) + 1) / total
    cot, csc2 = 1 / np.tan(0.6407 * theta), 1 / np.sin(0.6407 * theta) ** 2
    points = total * (0.5017 * theta * cot - 0.6122 + 0.2645j * theta)
    slopes = total * (0.5017 * cot - 0.5017 * 0.6407 * theta * csc2 + 0.2645j)
    weights = -2j / total * np.exp(points) * slopes
    return _rule(points, weights, _null(points, weights), 1e-7)


def _null(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weights that see sums of twelve exponential times, and none of up to three."""

    def summed(times: np.ndarray) -> np.ndarray:
        # What the rule sums for the tail, the times in units of that which is asked for.
        transforms = np.prod(1 / (1 + np.multiply.outer(times, points)), axis=1)
        values = weights / points * (1 - transforms)
        return np.concatenate([values.real, values.imag], axis=1)

    means = np.geomspace(0.02, 10.0, 18)
    first, second, third = np.meshgrid(means, means, means)
    seen = summed(np.stack([first, second, third], axis=-1)[first > second])
    # Those that the rule sums are made round and of unit size, down to their rounding.
    _, size, axes = np.linalg.svd(seen / np.sqrt(len(seen)), full_matrices=False)
    white = axes.T / np.hypot(size, 1e-11)
    dozens = summed(np.repeat(np.geomspace(0.2, 3.0, 40)[:, None] / 12, 12, axis=1))
    rows = np.linalg.svd(dozens @ white, full_matrices=False)[2][:2] @ white.T
    rows /= np.abs(rows).max(axis=1, keepdims=True)
    half = len(points)
    found: np.ndarray = (rows[:, :half] - 1j * rows[:, half:]) * weights
    return found


@lru_cache(maxsize=16)
def line(last: int) -> Rule:
    """Return the rule on a vertical line with points 0 to `last`.

    Parameters
    ----------
    last : int
        Number of the last point, from 30. [-]

    Returns
    -------
    Rule
        With the differences from two shorter rules as null weights.
    """
    points, plain = _line(last)
    # At 30 points a rule much shorter knows nothing; with more it must.
    shorter = (26, 24) if last < _FEW else (3 * last // 4, 2 * last // 3)
    weights = plain * _averages(last, last)
    null = [weights - plain * _averages(n, last) for n in shorter]
    return _rule(points, weights, null, 1e-7 if last < _FEW else 1e-8)


@lru_cache(maxsize=4)
def smoothed(last: int) -> Rule:
    """Return the rule on a vertical line with points 0 to `last` that averages over times.

    Parameters
    ----------
    last : int
        Number of the last point. [-]

    Returns
    -------
    Rule
        With no null weights: it is what it is of any transform.
    """
    points, plain = _line(last)
    # The transform of a normal time of standard deviation 6 / (pi last), which has died away
    # to 2e-8 at the last point.
    weights = plain * np.exp((6 / (np.pi * last) * points) ** 2 / 2)
    return _rule(points, weights, np.zeros((1, last + 1)), np.inf)


def _line(last: int) -> tuple[np.ndarray, np.ndarray]:
    # What comes three times later adds exp(-damping) of itself, and rounding its square root
    # as a factor: what few points leave is more.
    damping = 23.0 if last < _FEW else 25.0
    k = np.arange(last + 1)
    weights = np.exp(damping / 2) * (-1.0) ** k
    weights[0] /= 2
    return damping / 2 + 1j * np.pi * k, weights


def _averages(last: int, size: int) -> np.ndarray:
    """Return the weights of Euler's binomial average of the partial sums up to `last`."""
    # The share of the partial sums that hold a term: of half as many tosses, those with as
    # many heads or more.
    tosses = last // 2
    ways = list(accumulate(comb(tosses, heads) for heads in range(tosses, 0, -1)))[::-1]
    shares = [1.0] * (last - tosses + 1) + [n / 2**tosses for n in ways]
    return np.array(shares + [0.0] * (size - last))


def tail_and_density(
    transform: Callable[[Any], Any], mass: Any, t: np.ndarray, rule: Rule
) -> tuple[np.ndarray, np.ndarray]:
    """Return tail and density at the times `t` from one set of transform values.

    Parameters
    ----------
    transform : callable
        Takes complex points of shape (points, n) and returns values of that shape. [-]
    mass : number or array of shape (n,)
        Total mass of the distribution, infinity included. [-]
    t : array of shape (n,)
        Times, > 0. [s]
    rule : Rule
        `TALBOT` or another. [-]

    Returns
    -------
    tuple of two arrays of shape (n,)
        Tail [-] and density [1/s].
    """
    return with_doubt(transform, mass, t, rule)[:2]


def with_doubt(
    transform: Callable[[Any], Any], mass: Any, t: np.ndarray, rule: Rule
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return tail, density, and how far the null weights are from 0, over their limit.

    Where the doubt is at most 1 the rule is right to its stated error: 1e-9 for `TALBOT` and
    `EULER` at that limit, and less the smaller the doubt.

    Parameters
    ----------
    transform : callable
        Takes complex points of shape (points, ...) and returns values of that shape. [-]
    mass : number or array of the shape of `t`
        Total mass of the distribution, infinity included. [-]
    t : array
        Times, > 0. [s]
    rule : Rule
        `TALBOT` or another. [-]

    Returns
    -------
    tuple of three arrays of the shape of `t`
        Tail [-], density [1/s] and doubt [-].
    """
    s = np.divide.outer(rule.points, t)
    values = np.broadcast_to(transform(s), s.shape)
    found = _summed(rule.rows, mass - values)
    tail, density = found[0], _summed(rule.weights[None], values)[0] / t
    doubt = np.abs(found[1:]).max(axis=0) / rule.limit
    if rule is TALBOT:
        # Far below the mean of many times the null weights see too little.
        below = np.abs(1 - tail / mass)
        doubt = np.where((below < 1e-4) & (below > 1e-12), np.inf, doubt)
    return tail, density, doubt


def _summed(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the real part of sums over the first axis, a row for each row of weights.

    In products so small that BLAS does each in one thread: several stall beside a busy
    neighbour.
    """
    shape, flat = values.shape[1:], values.reshape(len(values), -1)
    step = _TOGETHER // len(flat) + 1
    starts = range(0, max(flat.shape[1], 1), step)
    found = [(rows @ flat[:, i : i + step]).real for i in starts]
    return np.concatenate(found, axis=1).reshape(-1, *shape)


TALBOT = _talbot(24)
EULER = line(30)
