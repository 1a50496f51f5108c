"""Quantiles of any distribution: safeguarded Newton steps on the log of the tail.

The log of a tail is close to a straight line where percentiles are asked for, so a Newton
step from the quantile of a gamma distribution with the same mean and variance is usually good
to four digits. The time as a cubic of the log of the tail, through two steps and their slopes
(inverse Hermite interpolation [1]_), is then good to ten, and most cells are done. A step that
leaves the bracket is replaced by a bisection.
Of many cells one in eight is solved first: those of a sweep are near their neighbours', and the
others begin there.
Jumps of the tail (atoms, shifted) are looked at first, so that a percentile that falls into one
is that very time. One percentile of one closed distribution is tried in plain floats before, as
masks and arrays cost ten times its formula.

References
----------
.. [1] J. F. Traub, "Iterative Methods for the Solution of Equations", Prentice-Hall, 1964.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.distributions.broadcasting import one_by_one, select, shape_of
from qmodel.distributions.pieces import greatest
from qmodel.distributions.tails import CELLS, Ready, chunk, few_of, ready
from qmodel.numerics.cubics import cubic

if TYPE_CHECKING:
    from qmodel.distributions.base import Distribution

__all__ = ["quantile", "quantile_of_moments"]

_STEP = 1e-7  # A Newton step this small, relative, leaves an error of its square.
_CUBIC = 1e-10  # The error that a cubic may be thought to leave, relative.
_ROUNDING = 1e-15  # A step this small is all rounding, wherever it leads.
_NOISE = 1e-13, 1e-10  # The absolute error of a tail by Talbot's rule, and by Euler's.
_FIRST, _MOST = 5, 200
_MANY, _APART = 256, 8  # cells of which one in so many is solved before the others,
_IN_ORDER = 0.02  # and how far it may be from its neighbours, in the logarithm, to tell theirs


def quantile(distribution: Distribution, p: Any, near: Any = None) -> Any:
    """Return the least t with P(X <= t) >= p, of the broadcast shape.

    `near` is where to begin, of that shape; by default it is guessed.
    """
    if distribution.closed and isinstance(p, float) and shape_of(distribution) == ():
        alone = _alone(distribution, 1 - float(p))
        if alone is not None:
            return alone
    shape = np.broadcast_shapes(np.shape(p), shape_of(distribution))
    flat = np.broadcast_to(np.asarray(p, dtype=float), shape).ravel()
    found = np.empty(flat.size)
    if distribution.nested and shape_of(distribution):
        for here, one in one_by_one(distribution, shape):
            known = None if near is None else np.ravel(near)[here]
            found[here] = quantile(one, flat[here], known)
        return found.reshape(shape)[()]
    either = _either(distribution, shape)
    if either:
        for here, one in either:
            known = None if near is None else np.ravel(near)[here]
            found[here] = quantile(select(one, shape, here), flat[here], known)
        return found.reshape(shape)[()]
    apart = ready(distribution)

    def solve(cells: np.ndarray, near: np.ndarray | None) -> None:
        # A few cells of many need more steps than the rest: they are finished together.
        for most in (_FIRST, _MOST):
            late = []
            for start in range(0, cells.size, CELLS):
                here = cells[start : start + CELLS]
                part = few_of(apart, shape, here)
                known = None if near is None or most > _FIRST else near[here]
                with np.errstate(all="ignore"):
                    found[here], unfinished = _chunk(part, flat[here], most, known)
                late.append(here[unfinished])
            cells = np.concatenate(late) if late else cells

    cells, begin = np.arange(flat.size), None if near is None else np.ravel(near)
    if begin is None and cells.size >= _MANY:
        some = cells[::_APART]
        solve(some, None)
        begin, cells = _beside(found[some], cells.size), np.delete(cells, np.s_[::_APART])
    solve(cells, begin)
    return found.reshape(shape)[()]


def _beside(found: np.ndarray, cells: int) -> np.ndarray | None:
    """Return about what cells are of which one in so many is known; None without an order."""
    with np.errstate(all="ignore"):
        logs = np.log(found)
        logs[~np.isfinite(logs)] = np.nan
        missed = np.abs(logs[1:-1] - (logs[:-2] + logs[2:]) / 2)
    if not np.nanmedian(np.append(missed, np.inf)) < _IN_ORDER:
        return None
    place = np.arange(cells) / _APART
    first = np.clip(place.astype(int), 1, logs.size - 3)
    begin: np.ndarray = np.exp(cubic(lambda k: logs[first + k], place - first))
    return begin


def _either(
    distribution: Distribution, shape: tuple[int, ...]
) -> list[tuple[np.ndarray, Distribution]]:
    """Return cells and distribution of each branch of a mixture that is one of them in each."""
    terms = distribution.terms()
    if len(terms) < 2 or not all(np.ndim(p) for p, _ in terms):
        return []
    weights = [np.asarray(p) for p, _ in terms]
    if not all(((p == 0) | (p == 1)).all() for p in weights) or np.any(sum(weights) != 1):
        return []
    cells = (np.flatnonzero(np.broadcast_to(p == 1, shape)) for p in weights)
    return [(here, one) for here, (_, one) in zip(cells, terms, strict=True) if here.size]


def _alone(distribution: Distribution, q: float) -> np.float64 | None:
    """Return one quantile by Newton steps alone; None where it takes more care."""
    ((mass, shift, smooth), *others) = distribution.parts()
    plain = not others and (mass, shift, smooth.atom) == (1, 0, 0)
    if not plain or not 0 < q < 1 or distribution.defect != 0:
        return None
    # Of an exponential distribution this is its quantile.
    t = float(distribution.mean - math.sqrt(distribution.variance) * (1 + math.log(q)))
    for _ in range(_FIRST + 3):
        if not 0 < t < math.inf:
            return None
        tail, density = smooth.tail_and_density(t)
        if not (0 < tail < 1 and 0 < density < math.inf):
            return None
        scale = tail / density
        step = scale * math.log(tail / q)
        t = float(t + step)
        if abs(step) <= _STEP * min(t, scale):
            return np.float64(t)
    return None


def _chunk(
    of: Ready, p: np.ndarray, most: int, known: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    distribution, defect = of.distribution, of.defect
    q = 1 - p
    one = np.ones(p.shape)
    least = one * np.inf
    for mass, shift, _, _ in of.parts:
        least = np.where(mass * one > 0, np.minimum(least, shift), least)
    low, high = least, one * np.inf
    found = np.where(p == 0, least, np.nan)
    if (p == 1).any():
        found = np.where((p == 1) & (defect == 0), greatest(distribution), found)
    for _, shift, _, atom in of.parts:
        jump = atom * one
        if not (jump > 0).any():
            continue
        after = chunk(of, one * shift)[0]
        found = np.where((after <= q) & (q < after + jump), shift, found)
        low = np.where(after > q, np.maximum(low, shift), low)
        high = np.where(after <= q, np.minimum(high, shift), high)
    if len(of.parts) == 1 and (jumps := distribution.between_jumps(q)):
        found = np.where(np.isnan(found), jumps[0], found)
        low, high = np.maximum(low, jumps[1]), np.minimum(high, jumps[2])
    start, bound = distribution.guess(p, least)
    if known is not None:
        start = np.where(np.isnan(start) | ~(known > least), start, known)
    beyond = (q <= defect) & ~(found < np.inf)
    found = np.where(beyond & ~np.isnan(start), np.inf, found)
    wanted = np.flatnonzero(np.isnan(found) & ~np.isnan(start))
    if wanted.size:
        start, high = start * one, np.fmin(high, bound)
        some = wanted.size < p.size
        found[wanted], late = _newton(
            select(of, p.shape, wanted) if some else of,
            most,
            *(x[wanted] for x in (q, start, low, high * (1 + 1e-9))),
        )
        wanted = wanted[late]
    return found, wanted


def quantile_of_moments(mean: Any, variance: Any, p: Any) -> Any:
    """Return the quantile of a distribution with these moments, about.

    Of a gamma distribution, whose cube root is nearly normal (Wilson and Hilferty), to a
    percent; where that is too skew, of an exponential time that only some have.
    """
    shape = mean**2 / variance
    kept = np.clip(shape, 0.05, 1e6)
    root = 1 - 1 / (9 * kept) + _normal_quantile(p) / (3 * np.sqrt(kept))
    some = 2 / (1 / kept + 1)
    skew = mean / some * np.log(some / (1 - p))
    early = mean * p  # None of those who have it, or one of the first.
    skew = np.where(skew > early, skew, early)
    start = np.where((kept > 0.7) & (root > 0.4), mean * root**3, skew)
    start = np.where(np.isfinite(start) & (start > 0), start, mean)
    return np.where(np.isfinite(start), start, 1.0)


def _normal_quantile(p: Any) -> Any:
    """Return that of the normal distribution, to 5e-4 (Hastings 1955, sheet 68)."""
    t = np.sqrt(-2 * np.log(np.minimum(p, 1 - p)))
    above = 2.515517 + t * (0.802853 + t * 0.010328)
    below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    return np.where(np.less(p, 0.5), -1.0, 1.0) * (t - above / below)


def _newton(
    of: Ready,
    most: int,
    q: np.ndarray,
    t: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the quantiles, and the indices of those that `most` steps do not reach."""
    terms = [term for part in of.parts for term in part.terms]
    noise = _NOISE[not all(term.analytic for term in terms)]
    # Of two scales, or kinks, a cubic knows little, and at a closed form another look costs
    # little: it must be confirmed there.
    closed = all(term.closed for term in terms)
    found = t.copy()
    active = np.arange(t.size)
    t = np.where((t > low) & (t < high), t, _between(low, high))
    before: tuple[Any, ...] | None = None
    for _ in range(most):
        tail, density, _ = chunk(of, t)
        low, high = np.where(tail > q, t, low), np.where(tail > q, high, t)
        scale, log = tail / density, np.log(tail / q)
        stepped = t + scale * log
        newton = (stepped > low) & (stepped < high)
        # At the root itself the step does not leave the end of the bracket that it has become.
        # Where the tail is far from `q` a step of nothing is noise of an inversion: go on.
        there = np.isfinite(stepped) & (
            ((np.abs(stepped - t) <= _ROUNDING * t) & (np.abs(log) <= 1))
            | (np.abs(log) <= _ROUNDING)
        )
        if not newton.all():
            within = np.where(there, np.clip(stepped, low, high), _between(low, high))
            stepped = np.where(newton, stepped, within)
            stepped = np.where(np.isnan(tail), np.nan, stepped)
        # Of the scale of the distribution there: it is short where the support ends.
        least = np.minimum(stepped, scale)
        close = np.abs(stepped - t) <= np.maximum(_STEP * least, noise / q * scale)
        if before is not None:
            cubic, error = _cubic(before, (t, scale, log))
            better = newton & (error <= _CUBIC * least) & (cubic > low) & (cubic < high)
            stepped = np.where(better, cubic, stepped)
            close |= better & (not closed)
        narrow = np.isfinite(high) & (high - low <= 4e-16 * high)
        done = (newton & close) | there | narrow | np.isnan(tail)
        found[active] = stepped
        if done.all():
            return found, active[:0]
        before = t, scale, log
        t = stepped
        kept = np.flatnonzero(~done)
        if 2 * kept.size <= done.size:
            of = select(of, t.shape, kept)
            active, q, t, low, high = (x[kept] for x in (active, q, t, low, high))
            before = tuple(x[kept] for x in before)
    return found, active


def _cubic(before: tuple[Any, ...], now: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return where the cubic through two steps and their slopes has y = 0, and its error.

    A step is a time, the scale there, and y: the log of the tail over that which is sought,
    with slope -1 / scale. What is left is the fourth derivative over 24, times the squares of
    y at both: it is taken for as large as the terms before it, where the second step is as
    near as a Newton step of a smooth tail.
    """
    (t0, scale0, y0), (t, scale, y) = before, now
    over = y - y0
    secant = (t - t0) / over
    second = (-scale - secant) / over
    third = -(scale0 + scale + 2 * secant) / over**2
    found = t + scale * y + y**2 * (second - y0 * third)
    error = (y0 * y) ** 2 * (np.abs(second) + np.abs(third))
    smooth = (np.abs(y) <= 4 * y0**2) & (np.abs(y0) <= 1)
    return found, np.where(smooth, error, np.inf)


def _between(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    # Doubling while there is no upper end, else halving, by ratio once both ends are known.
    far = (high > 4 * low) & (low > 0)
    middle = np.where(far, np.sqrt(low) * np.sqrt(high), low + (high - low) / 2)
    return np.where(np.isinf(high), 2 * low, middle)
