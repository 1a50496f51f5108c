r"""Logs of the Poisson distribution of any real count: pmf and both tails, no underflow.

For real :math:`x \ge 0` and :math:`a \ge 0`, with the incomplete gamma functions P and Q,

.. math::

    f(x; a) = \frac{a^x e^{-a}}{\Gamma(x + 1)}, \qquad
    P(x, a) = f(x; a) \sum_{j \ge 0} \frac{a^j}{(x + 1) \cdots (x + j)}, \qquad
    Q(x, a) = f(x; a) \, R(x, a),

R being the odds of `qmodel.numerics.erlang`. The pmf is Loader's saddle point: at 1e7 the
difference of the usual three terms has lost eight digits. Where P or Q is below the
smallest float, its log is that of the pmf and of the ratio, which stays moderate.

References
----------
.. [1] C. Loader, "Fast and accurate computation of binomial probabilities", 2000.
.. [2] N. M. Temme, "The asymptotic expansion of the incomplete gamma functions", SIAM
   Journal on Mathematical Analysis 10, 1979, 757-766.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qmodel.numerics import erlang

__all__ = ["log_lower", "log_lower_ratio", "log_odds", "log_pmf", "log_upper", "lower_ratio"]

_TINY = 1e-290
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)


def log_pmf(x: Any, a: Any) -> Any:
    """Return log f(x; a); -inf for a = 0 < x."""
    x, a = (np.asarray(v, dtype=float) for v in np.broadcast_arrays(x, a))
    with np.errstate(all="ignore"):
        saddle = -0.5 * np.log(2 * np.pi * x) - _stirling_error(x) - x * erlang.deviance(a, x)
        few = x * np.log(np.where(x == 0, 1.0, a)) - a - erlang.special().gammaln(x + 1)
        return np.where(x < 1, few, saddle)[()]


def _stirling_error(x: Any) -> Any:
    # log Gamma(x + 1) less Stirling's formula.
    many = np.maximum(x, 16.0)
    series = np.zeros_like(many)
    for k in _STIRLING[::-1]:
        series = series / many**2 + k
    small = np.minimum(x, 16.0)
    exact = erlang.special().gammaln(small + 1) - (small + 0.5) * np.log(small) + small
    return np.where(x >= 16, series / many, exact - 0.5 * math.log(2 * math.pi))


def log_upper(x: Any, a: Any) -> Any:
    """Return log Q(x, a), of P(Poisson(a) < x) for a whole number x; -inf for x = 0."""
    x, a = (np.asarray(v, dtype=float) for v in np.broadcast_arrays(x, a))
    with np.errstate(all="ignore"):
        q = np.where(x > 0, erlang.special().gammaincc(np.maximum(x, 1e-300), a), 0.0)
        log = np.asarray(np.log(q))
        far = (q < _TINY) & (x > 0) & np.isfinite(a)
        if far.any():
            log[far] = log_pmf(x[far], a[far]) + np.log(erlang.odds(a[far], x[far]))
    return log[()]


def log_odds(x: Any, a: Any) -> Any:
    """Return log R(x, a), of P(Poisson(a) < x) / P(Poisson(a) = x); inf for a = 0."""
    x, a = (np.asarray(v, dtype=float) for v in np.broadcast_arrays(x, a))
    with np.errstate(all="ignore"):
        odds = np.asarray(erlang.odds(a, x))
        log = np.asarray(np.log(odds))
        far = np.isinf(odds) & (a > 0)
        if far.any():
            log[far] = log_upper(x[far], a[far]) - log_pmf(x[far], a[far])
    return log[()]


def log_lower(x: Any, a: Any) -> Any:
    """Return log P(x, a), of P(Poisson(a) >= x) for a whole number x; 0 for x = 0."""
    x, a = (np.asarray(v, dtype=float) for v in np.broadcast_arrays(x, a))
    with np.errstate(all="ignore"):
        p = np.where(x > 0, erlang.special().gammainc(np.maximum(x, 1e-300), a), 1.0)
        log = np.asarray(np.log(p))
        far = (p < _TINY) & (a > 0)
        if far.any():
            log[far] = log_pmf(x[far], a[far]) + np.log(lower_ratio(x[far], a[far]))
    return log[()]


def lower_ratio(x: Any, a: Any) -> Any:
    """Return P(x, a) / f(x; a), 1 + a/(x + 1) + ...; inf where that is beyond the floats."""
    x, a = (np.asarray(v, dtype=float) for v in np.broadcast_arrays(x, a))
    with np.errstate(all="ignore"):
        p = np.where(x > 0, erlang.special().gammainc(np.maximum(x, 1e-300), a), 1.0)
        ratio = np.asarray(p / np.exp(log_pmf(x, a)))
        # Up to half of x, its sum; from there, Temme's expansion, in which the pmf cancels.
        far = a <= 0.5 * (x + 1)
        if far.any():
            ratio[far] = _series(x[far], a[far])
        uniform = ~far & (x >= 64) & (a <= x)
        if uniform.any():
            c, b = x[uniform], a[uniform]
            y = -np.sqrt(c * erlang.deviance(b, c))
            series, gamma = erlang.temme(y * np.sqrt(2 / c), c)
            scale = gamma * np.sqrt(np.pi / 2 * c)
            ratio[uniform] = scale * erlang.special().erfcx(-y) - series
    return ratio[()]


def log_lower_ratio(x: Any, a: Any) -> Any:
    """Return log (P(x, a) / f(x; a))."""
    with np.errstate(all="ignore"):
        log = np.asarray(np.log(lower_ratio(x, a)))
        far = np.isinf(log)
        if far.any():
            log = np.where(far, log_lower(x, a) - log_pmf(x, a), log)
    return log[()]


def _series(x: Any, a: Any) -> Any:
    total = np.ones_like(x)
    for j in range(54, 0, -1):
        total = 1 + a / (x + j) * total
    return total
