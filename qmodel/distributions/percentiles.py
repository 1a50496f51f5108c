"""Quantiles of any law: safeguarded Newton steps on the log of the tail, on whole arrays.

The log of a tail is close to a straight line where percentiles are asked for, so a Newton
step from the quantile of the gamma law with the same mean and variance is usually good to
four digits, and two more finish. A step that leaves the bracket is replaced by a
bisection. Jumps of the tail (atoms, shifted) are looked at first, so that a percentile
that falls into one is that very time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.distributions.cells import select, shape_of
from qmodel.distributions.tails import CELLS, chunk

if TYPE_CHECKING:
    from qmodel.distributions.base import Distribution

__all__ = ["quantile"]

_STEP = 1e-7  # A Newton step this small, relative, leaves an error of its square.
_NOISE = 1e-13  # The absolute error of an inverted tail.
_MOST = 100


def quantile(law: Distribution, p: Any) -> Any:
    """Return the least t with P(X <= t) >= p, of the broadcast shape."""
    shape = np.broadcast_shapes(np.shape(p), shape_of(law))
    flat = np.broadcast_to(np.asarray(p, dtype=float), shape).ravel()
    found = np.empty(flat.size)
    for start in range(0, flat.size, CELLS):
        cells = slice(start, min(start + CELLS, flat.size))
        here = select(law, shape, np.arange(cells.start, cells.stop)) if shape else law
        with np.errstate(all="ignore"):
            found[cells] = _chunk(here, flat[cells])
    return found.reshape(shape)[()]


def _chunk(law: Distribution, p: np.ndarray) -> np.ndarray:
    q = 1 - p
    one = np.ones(p.shape)
    parts = law.parts()
    least = one * np.inf
    for mass, shift, _ in parts:
        least = np.where(mass * one > 0, np.minimum(least, shift), least)
    low, high = least, one * np.inf
    found = np.where(p == 0, least, np.nan)
    for _, shift, smooth in parts:
        jump = smooth.atom * one
        if not (jump > 0).any():
            continue
        after = chunk(law, one * shift)[0]
        found = np.where((after <= q) & (q < after + jump), shift, found)
        low = np.where(after > q, np.maximum(low, shift), low)
        high = np.where(after <= q, np.minimum(high, shift), high)
    mean, variance = law.mean * one, law.variance * one
    beyond = (q <= law.defect) & ~(found < np.inf)
    found = np.where(beyond & ~np.isnan(mean), np.inf, found)
    wanted = np.flatnonzero(np.isnan(found) & ~np.isnan(mean + p))
    if wanted.size:
        start = _gamma_quantile(mean - least, variance, p) + least
        cantelli = mean + np.sqrt(variance * p / q)
        high = np.fmin(high, np.where(np.isfinite(cantelli), cantelli, np.inf))
        some = wanted.size < p.size
        found[wanted] = _newton(
            select(law, p.shape, wanted) if some else law,
            *(x[wanted] for x in (q, start, low, high * (1 + 1e-9))),
        )
    return found


def _gamma_quantile(mean: np.ndarray, variance: np.ndarray, p: np.ndarray) -> np.ndarray:
    from scipy.special import gammaincinv

    shape = mean**2 / variance
    start = gammaincinv(np.clip(shape, 0.05, 1e6), p) * mean / np.clip(shape, 0.05, 1e6)
    start = np.where(np.isfinite(start) & (start > 0), start, mean)
    return np.where(np.isfinite(start), start, 1.0)


def _newton(
    law: Distribution, q: np.ndarray, t: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    found = t.copy()
    active = np.arange(t.size)
    t = np.where((t > low) & (t < high), t, _between(low, high))
    for _ in range(_MOST):
        tail, density = chunk(law, t)
        low, high = np.where(tail > q, t, low), np.where(tail > q, high, t)
        scale = tail / density
        stepped = t + scale * np.log(tail / q)
        newton = (stepped > low) & (stepped < high)
        stepped = np.where(newton, stepped, _between(low, high))
        stepped = np.where(np.isnan(tail), np.nan, stepped)
        close = _STEP * np.minimum(stepped, scale)
        close = np.abs(stepped - t) <= np.maximum(close, _NOISE / q * scale)
        narrow = np.isfinite(high) & (high - low <= 4e-16 * high)
        done = (newton & close) | narrow | np.isnan(tail)
        found[active] = t = stepped
        if done.all():
            break
        if 2 * done.sum() >= done.size or done.size - done.sum() < 16:
            kept = np.flatnonzero(~done)
            law = select(law, t.shape, kept)
            active, q, t, low, high = (x[kept] for x in (active, q, t, low, high))
    return found


def _between(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    # Doubling while there is no upper end, then halving, by ratio while the ends are far.
    far = high > 4 * low
    middle = np.where(far, np.sqrt(np.maximum(low, 1e-9 * high) * high), (low + high) / 2)
    return np.where(np.isinf(high), 2 * low, middle)
