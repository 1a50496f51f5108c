"""The kernels of heavy transforms and moments; `qmodel.distributions.heavy` has the formulas.

They take flat arrays of cells and complex points with Re z >= 0, in the unit of the
distribution.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = [
    "bounded_moment",
    "columns",
    "lognormal",
    "pareto",
    "power_integral",
    "relative_expm1",
]

_ROOM = 2048
"""Points at once, so that what is known of them fits in the cache."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


def lognormal(z: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return the transform at `z`, in units of one over the median."""
    from scipy.special import lambertw

    w = lambertw(z * sigma**2)
    turn, slope = np.angle(w), w / sigma**2
    widest = sigma.max(initial=0.0, where=np.isfinite(sigma))
    half = math.ceil(8.4 / min(0.42, 0.22 / max(widest, 0.1)))
    total = np.empty(z.shape, dtype=complex)
    # One number where all cells have it.
    alike = sigma[:1] if (sigma == sigma[:1]).all() else None
    for first in range(0, z.size, _ROOM):
        here = slice(first, first + _ROOM)
        own = sigma[here] if alike is None else alike
        total[here] = _around_the_saddle(own, turn[here], slope[here], half)
    total *= 8.4 / half / math.sqrt(2 * math.pi) * np.exp(-slope * (1 + w / 2))
    return np.where(np.abs(z) > 1e280, 0.0, total)


def columns(first: int, last: int, points: int) -> list[np.ndarray]:
    """Return the numbers from first to last, as columns: many at once for few points."""
    rows = max(_ROOM // max(points, 1), 1)
    return [
        np.arange(k, min(k + rows, last + 1))[:, None] for k in range(first, last + 1, rows)
    ]


def _around_the_saddle(sigma: Any, turn: Any, slope: Any, half: int) -> np.ndarray:
    """Return the sum of exp(-(y / sigma)^2 / 2 - slope (e^y - 1 - y)) dy / dx over nodes x.

    With y = x - i turn tanh(x / 5); in real numbers, which are several times as quick, with
    sine and cosine by the tangent of the half angle.
    """
    steep, aside = slope.real.copy(), slope.imag.copy()
    numbers = columns(-half, half, slope.size)
    real, imaginary = np.zeros((2, len(numbers[0]), slope.size))
    for k in numbers:
        x = sigma * (8.4 * k / half)
        tilt, grown = np.tanh(0.2 * x), np.exp(x)
        angle = turn * tilt
        t = np.tan(angle / 2)
        part = 2 * grown / (1 + t * t)
        # e^y - 1 - y, without the difference of near numbers.
        rise, across = (np.expm1(x) - x) - part * (t * t), angle - part * t
        size = (angle * angle - x * x) / (2 * sigma**2) - steep * rise + aside * across
        t = np.tan(x / (2 * sigma**2) * angle - (steep * across + aside * rise) / 2)
        square = t * t
        size = np.exp(size) / (1 + square)
        along, up = 1 - square, 2 * t
        lean = (-0.2 * (1 - tilt**2)) * turn
        real[: len(k)] += size * (along - lean * up)
        imaginary[: len(k)] += size * (up + lean * along)
    found: np.ndarray = real.sum(axis=0) + 1j * imaginary.sum(axis=0)
    return found


def pareto(z: np.ndarray, shape: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Return the transform of the excess at `z`, in units of one over the minimum."""
    value = np.full(z.shape, np.nan, dtype=complex)
    span = np.log(ratio)
    known = ~np.isnan(z + shape + ratio)
    free = known & (ratio == np.inf)
    if free.any():
        value[free] = _power(z[free], shape[free], np.abs(z[free]) > 1 + shape[free])
    bounded = known & ~free
    flat = bounded & (shape * span < 1)
    near = flat & (span <= 2) & (np.abs(z) * (ratio - 1) <= 30)
    if near.any():
        value[near] = _panel(z[near], shape[near], span[near])
    far = np.flatnonzero(bounded & ~near)
    if far.size:
        value[far] = _difference(z[far], shape[far], ratio[far], span[far])
    return value


def _power(z: np.ndarray, shape: np.ndarray, direct: np.ndarray) -> np.ndarray:
    # shape e^z E_{shape + 1}(z): directly, with all its digits, or as 1 less an integral,
    # which needs no digits of p below 1e-17 and so less nodes for the smallest z.
    integral = power_integral(z, np.where(direct, shape + 1, shape), direct)
    return np.where(direct, shape / z * integral, 1 - integral)


def power_integral(z: np.ndarray, power: np.ndarray, direct: np.ndarray) -> np.ndarray:
    """Return the integral of (1 + p / z)^-power e^-p over p > 0."""
    start = np.maximum(np.minimum(1.0, np.abs(z) / np.maximum(power, 1.0)), 1e-300)
    start = np.log(np.where(direct, start, np.maximum(start, 1e-16)))
    # The smaller z, the more nodes: those of one size together.
    order = np.argsort(start)
    total = np.empty(z.shape, dtype=complex)
    for first in range(0, z.size, _ROOM):
        here = order[first : first + _ROOM]
        total[here] = _on_the_path(z[here], power[here], start[here])
    return total


def _on_the_path(z: np.ndarray, power: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the sum over nodes from `start`, the logarithm of where the integrand changes."""
    turn = np.angle(z) - np.angle(z + power)
    low = start - 3.5
    high = math.log(38.0)
    count = math.ceil((high - low.min()) / 0.2)
    step = (high - low) / count
    bend, inverse = 1 / (1 + power), 1 / z
    inner, outer = inverse.real.copy(), inverse.imag.copy()
    numbers = columns(0, count, z.size)
    real, imaginary = np.zeros((2, len(numbers[0]), z.size))
    # In real numbers, with sine and cosine by the tangent of the half angle: twice as quick.
    for k in numbers:
        tau = low + k * step
        edge = np.exp(start - tau)
        r = np.exp(tau - edge)
        fade = 1 / (1 + bend * r)
        angle = turn * fade
        t = np.tan(angle / 2)
        part = r / (1 + t * t)
        along, up = part * (1 - t * t), 2 * part * t
        # p / z; log1p of NumPy loses digits next to 0 for complex arguments.
        x, y = along * inner - up * outer, along * outer + up * inner
        log = np.log1p(x * (2 + x) + y * y)
        t = np.tan((angle - up - power * np.arctan2(y, 1 + x)) / 2)
        square = t * t
        size = np.exp(-along - power / 2 * log) * (r * (1 + edge) / (1 + square))
        lean = angle * (fade - 1)
        real[: len(k)] += size * ((1 - square) - lean * (2 * t))
        imaginary[: len(k)] += size * (2 * t + lean * (1 - square))
    total: np.ndarray = step * (real.sum(axis=0) + 1j * imaginary.sum(axis=0))
    return total


def _difference(
    z: np.ndarray, shape: np.ndarray, ratio: np.ndarray, span: np.ndarray
) -> np.ndarray:
    # The unbounded distribution less its part above the maximum, where there is no
    # cancellation.
    direct = (np.abs(z) > 1 + shape) | (shape * span < 1)
    value = _power(z, shape, direct)
    past = z * (ratio - 1)
    seen = np.flatnonzero((past.real < 60) & np.isfinite(z * ratio))
    if seen.size:
        over = z[seen] * ratio[seen]
        rest = _power(over, shape[seen], direct[seen] | (np.abs(over) > 1 + shape[seen]))
        value[seen] -= np.exp(-past[seen] - shape[seen] * span[seen]) * rest
    value /= -np.expm1(-shape * span)
    return value


def _panel(z: np.ndarray, shape: np.ndarray, span: np.ndarray) -> np.ndarray:
    total = np.zeros(z.shape, dtype=complex)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        x = span * (1 + node) / 2
        total += weight / 2 * np.exp(-shape * x - z * np.expm1(x))
    total /= relative_expm1(-shape * span)
    return total


def relative_expm1(x: Any) -> Any:
    """Return (exp(x) - 1) / x, 1 at zero."""
    return np.where(x == 0, 1.0, np.expm1(x) / np.where(x == 0, 1.0, x))


def bounded_moment(order: int, shape: Any, span: Any) -> Any:
    """Return a cumulant of the bounded Pareto distribution, in units of its minimum."""
    # Raw moments, no singular case at an integer shape:
    # E[X^k] = f((k - shape) span) / f(-shape span), f(x) = (e^x - 1) / x.
    below = relative_expm1(-shape * span)
    first, second, third = (relative_expm1((k - shape) * span) / below for k in (1, 2, 3))
    raw = (first, second - first**2, third - 3 * first * second + 2 * first**3)[order - 1]
    # Their differences cancel in a narrow distribution: there, central moments by
    # Gauss-Legendre.
    end = np.minimum(shape * span, 60.0)
    nodes, weights = (x.reshape(-1, *[1] * np.ndim(end)) for x in (_NODES, _WEIGHTS))
    y = end * (1 + nodes) / 2
    weights = weights / 2 * np.exp(-y) / relative_expm1(-end)
    excess = np.expm1(y / shape)
    mean = (weights * excess).sum(axis=0)
    about = excess - mean
    central = 1 + mean if order == 1 else (weights * about**order).sum(axis=0)
    return np.where((shape >= 12) | (span <= 2), central, raw)
