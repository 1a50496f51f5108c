r"""M/D/c by Spitzer's identity: probability, mean and variance of the wait at a fixed cost.

With constant service D, server j takes every c-th arrival, so the wait is that of a single
server with Erlang-c interarrival times: the maximum of the random walk
:math:`S_m = mD - \text{Erlang}(mc, \lambda)`. By Spitzer's identity [1]_, with
:math:`X^+ = \max(X, 0)`,

.. math::

    P(W = 0) = \exp\Big(-\sum_{m \ge 1} \frac{P(S_m > 0)}{m}\Big), \quad
    E[W] = \sum_{m \ge 1} \frac{E[S_m^+]}{m}, \quad
    \text{Var}[W] = \sum_{m \ge 1} \frac{E[(S_m^+)^2]}{m} .

With n = mc, x = ma and p the Poisson probability of n at mean x, the three expectations are
:math:`p J_0`, :math:`p m D J_1` and :math:`p m^2 D^2 J_2`, where

.. math::

    J_i = n \int_0^1 s^i (1 - s)^{n-1} e^{xs} \, ds, \qquad
    \frac{J_i}{J_{i-1}} = \frac{i}{n - x + i + x J_{i+1} / J_i} :

positive quantities and a continued fraction without a subtraction.

Near saturation the sums have about ``1 / (1 - rho)^2`` terms, smooth in m. All from the 20th
on are one integral, over log m by Gauss-Legendre panels, with central differences at its
start (Gauss-Encke, the Euler-Maclaurin formula without derivatives).

Arguments are floats or float arrays that the caller has checked; ``servers`` may be real.
NaN in, NaN out; at a load of `servers` or more the wait is infinite.

References
----------
.. [1] F. Spitzer, "A combinatorial lemma and its application to probability theory",
   Transactions of the American Mathematical Society 82, 1956, 323-339.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from qmodel._typing import Value
from qmodel.numerics.erlang import deviance, special, temme

__all__ = ["Waiting", "waiting"]

CHUNK = 64  # cells at a time: with 216 nodes each, the temporaries stay in cache

# Sums of f(1) to f(19), and what central differences of f around 19.5 add to the integral
# from there: 1/D - 1/(2 sinh(D/2)) in odd powers of the central difference 2 sinh(D/2).
START = 19.5
NEAR = np.arange(1.0, 25.0)
NEAR_WEIGHTS = np.where(NEAR < START, 1.0, 0.0)
for i, k in enumerate(
    (1 / 24, -17 / 5760, 367 / 967680, -27859 / 464486400, 1295803 / 122624409600)
):
    NEAR_WEIGHTS[18 - i : 20 + i] += k * np.diff(np.eye(2 * i + 2), n=2 * i + 1, axis=0)[0]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


class Waiting(NamedTuple):
    """Probability of a wait, its mean and its variance, in units of the service time."""

    probability: Value
    mean: Value
    variance: Value


def waiting(offered_load: Value, servers: Value) -> Waiting:
    """Return the waiting time of M/D/c in units of its service time.

    Relative error of all three at most 1e-12, up to a utilization of 1 - 1e-12 and down to a
    probability of waiting of 1e-250; smaller ones fade to 0.

    Examples
    --------
    >>> wait = waiting(4.0, 5)
    >>> float(wait.probability), float(wait.mean), float(wait.variance)
    (0.533615, 0.289060, 0.194625)
    """
    a, c = np.broadcast_arrays(np.asarray(offered_load, float), np.asarray(servers, float))
    out = np.empty((3, *a.shape))
    flat_a, flat_c, flat = a.reshape(-1), c.reshape(-1), out.reshape(3, -1)
    with np.errstate(all="ignore"):
        for i in range(0, flat_a.size, CHUNK):
            part = slice(i, i + CHUNK)
            flat[:, part] = _sums(flat_a[part, None], flat_c[part, None])
        flat[0] = -np.expm1(-flat[0])
    # Overload is masked, not stability: NaN stays NaN.
    out[0] = np.where(a >= c, 1.0, out[0])
    out[1:] = np.where(a >= c, np.inf, out[1:])
    return Waiting(*(x[()] for x in out))


def _sums(a: Any, c: Any) -> Any:
    """Spitzer's three sums, for columns of cells."""
    phi = deviance(a, c)
    m, weights = _nodes(c * phi)
    n = c * m
    p = weights * np.exp(-n * phi - _stirling(n)) / np.sqrt(2.0 * math.pi * n)
    j0, j1, j2 = _integrals(n, a / c * n, (c - a) * m, -np.sqrt(2.0 * phi) + 0.0 * n)
    return [(p / m * j0).sum(axis=1), (p * j1).sum(axis=1), (p * m * j2).sum(axis=1)]


def _nodes(decay: Any) -> tuple[Any, Any]:
    """Values of m and their weights for terms that fall like exp(-m `decay`)."""
    # Eight panels of log m where the exponential bends, to e^-45 of the first term; four
    # for the powers of m before.
    start = np.full_like(decay, math.log(START))
    end = np.fmax(np.log(1.0 + 45.0 / decay), start)
    bend = np.fmax(end - 8.4, start)
    edges = np.concatenate([np.linspace(start, bend, 5), np.linspace(bend, end, 9)[1:]])[
        ..., 0
    ].T
    half = np.diff(edges)[..., None] / 2.0
    far = np.exp(edges[:, :-1, None] + half * (1.0 + NODES))
    near = np.zeros_like(decay) + NEAR, np.zeros_like(decay) + NEAR_WEIGHTS
    flat = (decay.size, -1)
    return (
        np.concatenate([near[0], far.reshape(flat)], axis=1),
        np.concatenate([near[1], (half * WEIGHTS * far).reshape(flat)], axis=1),
    )


def _stirling(n: Any) -> Any:
    """Stirling's error log Gamma*(n), by its series where that has converged."""
    w = 1.0 / (n * n)
    s = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w / 1188)))) / n
    few = n < 16.0
    n = n[few]
    s[few] = special().gammaln(n + 1.0) - (n + 0.5) * np.log(n) + n - math.log(2 * math.pi) / 2
    return s


def _integrals(n: Any, x: Any, d: Any, eta: Any) -> Any:
    """J_0, J_1 and J_2; `d` is n - x and `eta` Temme's variable, both without rounding."""
    out = np.empty((3, *n.shape))
    flat = (n >= 64.0) & (n * eta * eta < 12.0)  # the fraction converges slowly
    for mask, f in ((flat, _by_temme), (~flat, _by_fraction)):
        if mask.any():
            out[:, mask] = f(n[mask], x[mask], d[mask], eta[mask])
    return out


def _by_fraction(n: Any, x: Any, d: Any, eta: Any) -> Any:
    # Begun with its own limit 49 / (d + 49 + x r) = r, 48 steps reach rounding level for
    # n <= 64 at any load, and at any n from n eta^2 = 12.
    r = 98.0 / (d + 49.0 + np.sqrt((d + 49.0) ** 2 + 196.0 * x))
    for i in range(48, 0, -1):
        before, r = r, i / (d + i + x * r)
    j0 = n / (d + x * r)
    return j0, j0 * r, j0 * r * before


def _by_temme(n: Any, x: Any, d: Any, eta: Any) -> Any:
    series, gamma = temme(eta, n)
    j0 = gamma * np.sqrt(math.pi / 2.0 * n) * special().erfcx(-eta * np.sqrt(n / 2.0)) - series
    j1 = (n - d * j0) / x
    return j0, j1, (j0 - (d + 1.0) * j1) / x
