r"""The queue of M/D/c: its exact distribution by one Wiener-Hopf factorisation with the FFT.

Seen at times one service time D apart, the number that wait is a random walk that cannot
fall below zero: Poisson arrivals of mean :math:`a = \lambda D` less :math:`c` [1]_. Its
stationary distribution has the generating function

.. math::

    R(z) = E[z^Q] = \exp \sum_{j \ge 1} l_j (z^j - 1), \qquad
    \sum_{j=-\infty}^{\infty} l_j z^j = -\log(1 - \varphi(z)), \quad
    \varphi(z) = z^{-c} e^{a(z - 1)},

in the ring :math:`1 < |z| < \tau` between the two positive roots of :math:`\varphi = 1`: one
FFT over a circle in the ring yields all :math:`l_j`, no root is sought but :math:`\tau`.
Near saturation the ring closes. There the two zeros are divided out first, so that the
remaining series converges at a rate of :math:`1 / \sqrt{c}` at any load, and Q is a geometric
number of ratio :math:`1 / \tau` plus a correction. Where the table of the tail ends, after
some :math:`16 \sqrt{c}` states, the tail is geometric.

The number in the system is Q and an independent Poisson number; so is, by Franx' formula
[2]_, the event that a wait exceeds a time. `tail` therefore is the only sum needed, and all
its terms are positive. ``E[exp(-s W)] = R(1 - s / arrival_rate)`` is the transform of the wait.

Arguments are flat float arrays that the caller has checked, all loads below saturation;
`spare` is c - a without rounding.

References
----------
.. [1] C. D. Crommelin, "Delay probability formulae when the holding times are constant",
   Post Office Electrical Engineers Journal 25, 1932, 41-50.
.. [2] G. J. Franx, "A simple solution for the M/D/c waiting time distribution", Operations
   Research Letters 29, 2001, 221-229.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from qmodel.numerics import poisson
from qmodel.numerics.erlang import special
from qmodel.numerics.exponential import exp_rest

__all__ = ["decay", "tail", "third_cumulant", "transform"]

ENTRIES = 1 << 18  # complex numbers of a table at a time


class Queue(NamedTuple):
    """The distribution of Q in some cells: what `tail` and `transform` read."""

    tau: Any  # log of the root above 1
    radius: Any  # log of the radius of the circle
    divided: Any  # whether the two zeros are divided out
    series: Any  # Laurent coefficients, scaled by the radius, in the order of the FFT
    tails: Any  # P(Q > j)
    end: Any  # j from which the tail is geometric


def tail(a: Any, spare: Any, c: Any, n: Any, u: Any) -> tuple[Any, Any]:
    """Return P(Q + U > n) and P(Q + U = n) for a Poisson number U of mean `u` <= `a`.

    Examples
    --------
    At t = 0 the wait is U = a arrivals that find c - 1 in front of them: P(wait) of M/D/5.

    >>> one = np.ones(1)
    >>> tail(4 * one, one, 5 * one, 4 * one, 4 * one)[0].round(6)
    array([0.533615])
    """
    above, at = np.empty(a.shape), np.empty(a.shape)
    for index, cell, queue in _queues(a, spare, c):
        above[index], at[index] = _tail(queue, cell, n[index], u[index])
    return above, at


def decay(a: Any, spare: Any) -> Any:
    """Return log(tau), positive, the root of a (exp(x) - 1) = c x."""
    q = spare / a
    x = np.log1p(q)
    # Newton on the log of a concave increasing function, from the left.
    for _ in range(9):
        rest = exp_rest(x)
        x = x + (np.log(q) - np.log(rest / x)) / (np.expm1(x) / rest - 1 / x)
    return x


def transform(a: Any, spare: Any, c: Any, z: Any) -> Any:
    """Return R(z) = E[z^Q], continued over the plane; `z` has a first axis of points."""
    out = np.empty(z.shape, dtype=complex)
    for index, cell, q in _queues(a, spare, c):
        out[:, index] = _transform(q, a[index], c[index], cell, z[:, index])
    return out


def third_cumulant(a: Any, spare: Any, c: Any) -> Any:
    """Return the third factorial cumulant of Q: that of `arrival_rate` times the wait."""
    out = np.empty(a.shape)
    for index, cell, q in _queues(a, spare, c):
        half = q.series.shape[1] // 2
        j = np.arange(half)
        terms = q.series[:, :half] * np.exp(-q.radius[:, None] * j)
        whole = (terms * (j * (j - 1.0) * (j - 2.0))).sum(axis=1)
        whole += np.where(q.divided, 2.0 / np.expm1(q.tau) ** 3, 0.0)
        out[index] = np.maximum(whole, 0.0)[cell]
    return out


def _queues(a: Any, spare: Any, c: Any) -> Iterator[tuple[Any, Any, Queue]]:
    """Yield the cells of a chunk, the row of each in the chunk's tables, and the tables."""
    # Percentiles ask for the same cell many times.
    rows, back = np.unique(np.stack([a, spare, c]), axis=1, return_inverse=True)
    back = back.reshape(-1)
    points = 2 ** np.ceil(np.log2(32.0 * np.sqrt(rows[2]) + 32.0)).astype(int)
    for size in np.unique(points):
        same = np.flatnonzero(points == size)
        for start in range(0, same.size, max(1, ENTRIES // size)):
            part = same[start : start + max(1, ENTRIES // size)]
            place = np.full(points.size, -1)
            place[part] = np.arange(part.size)
            index = np.flatnonzero(place[back] >= 0)
            yield index, place[back[index]], _queue(rows[:, part], int(size))


def _queue(rows: Any, size: int) -> Queue:
    a, spare = rows[:2]
    tau, radius = decay(a, spare), np.log1p(spare / a)
    divided = size * np.minimum(radius, tau - radius) < 40.0
    a, spare, t, r = (x[:, None] for x in (a, spare, tau, radius))
    half = size // 2
    # The upper half of the circle; the values below are conjugate, the coefficients real.
    s = r + 2j * np.pi / size * np.arange(half + 1)
    values = -_log1m(-spare * s + a * exp_rest(s))
    values[divided] += _log1m(-s[divided]) + _log1m((s - t)[divided])
    series = np.fft.irfft(values.conj(), size, axis=1)
    j = np.arange(half)
    # The positive powers, and their sum at z = 1.
    positive = series.copy()
    positive[:, 0] = positive[:, half:] = 0.0
    at_one = (positive[:, :half] * np.exp(-r * j)).sum(axis=1, keepdims=True)
    ratio = np.expm1(np.fft.rfft(positive, axis=1).conj() - at_one)
    states = np.fft.irfft(ratio.conj(), size, axis=1)[:, :half] * np.exp(-r * j)
    beyond = states[:, ::-1].cumsum(axis=1)[:, ::-1] - states
    states[:, 0] += 1.0
    lifted = np.where(divided[:, None], t * j, 0.0)
    geometric = np.exp(-t * (j + 1)) * (states * np.exp(lifted)).cumsum(axis=1)
    tails = beyond + np.where(divided[:, None], geometric, 0.0)
    # Relative to the tail, rounding grows as (tau / radius)^j; it has room for e^20.
    end = np.minimum(half - 2, np.floor(20.0 / (tau - radius))).astype(int)
    return Queue(tau, radius, divided, series, np.clip(tails, 0.0, 1.0), np.maximum(end, 1))


def _log1m(w: Any) -> Any:
    """Return log(1 - exp(w)) for Re w < 0."""
    return np.log(-np.expm1(w))


def _tail(queue: Queue, cell: Any, n: Any, u: Any) -> tuple[Any, Any]:
    tau, end = queue.tau[cell], queue.end[cell]
    top = u * np.exp(np.minimum(tau, 600.0))
    last = np.minimum(n, np.ceil(top + 9.0 * np.sqrt(top) + 25.0))
    first = np.minimum(np.maximum(np.floor(u - 9.0 * np.sqrt(u) - 25.0), 0.0), last)
    above, at = np.empty(n.shape), np.empty(n.shape)
    far = n - last > end
    # A sum over a geometric tail is a transform of the Poisson distribution.
    base = queue.tails[cell, end]
    above[far] = (base * np.exp(np.minimum(tau * (end - n) + u * np.expm1(tau), 0.0)))[far]
    at[far] = (above * np.expm1(tau))[far]
    near = np.flatnonzero(~far)
    near = near[np.argsort(last[near] - first[near])]
    while near.size:
        # The widest first, as many together as the memory allows.
        width = int(last[near[-1]] - first[near[-1]]) + 1
        part, near = near[-max(1, ENTRIES // width) :], near[: -max(1, ENTRIES // width)]
        k = part[:, None]
        m = first[k] + np.arange(width)
        weight = np.where(m <= last[k], np.exp(poisson.log_pmf(m, u[k])), 0.0)
        j = np.maximum(n[k] - m, 0.0)
        beyond = _look_up(queue, cell[k], j)
        before = np.where(j > 0, _look_up(queue, cell[k], np.maximum(j - 1, 0.0)), 1.0)
        above[part] = (weight * beyond).sum(axis=1) + special().gammainc(n[part] + 1, u[part])
        at[part] = (weight * (before - beyond)).sum(axis=1)
    return np.minimum(above, 1.0), at


def _look_up(queue: Queue, cell: Any, j: Any) -> Any:
    end = queue.end[cell]
    known = queue.tails[cell, np.minimum(j, end).astype(int)]
    return known * np.exp(-queue.tau[cell] * np.maximum(j - end, 0.0))


def _transform(q: Queue, a: Any, c: Any, cell: Any, z: Any) -> Any:
    radius, tau, divided = q.radius[cell], q.tau[cell], q.divided[cell]
    half = q.series.shape[1] // 2
    inside = np.abs(z) <= np.exp(radius)
    # Powers of the scaled variable: positive ones inside the circle, negative ones outside.
    x = z * np.exp(-radius)
    x = np.where(inside, x, 1.0 / np.where(inside, 1.0, x))
    y, one = np.zeros_like(x), np.zeros(cell.shape)
    for j in range(half - 1, 0, -1):
        rise, fall = q.series[cell, j], q.series[cell, -j]
        y = (y + np.where(inside, rise, fall)) * x
        one = (one + rise) * np.exp(-radius)
    with np.errstate(all="ignore"):
        pole = np.where(divided, np.expm1(tau) / (np.exp(tau) - z), 1.0)
        outside = np.exp(-q.series[cell, 0] - y - one)
        phi = np.exp(a * (z - 1) - c * np.log(np.where(inside, 2.0, z)))
        zeros = np.where(divided, (1 - 1 / z) * (1 - z * np.exp(-tau)), 1.0)
        return np.where(inside, pole * np.exp(y - one), pole * outside * zeros / (1 - phi))
