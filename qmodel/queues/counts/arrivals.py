r"""How many requests of a Poisson stream arrive during a random time.

The number is Poisson during a constant time, geometric during an exponential one, negative
binomial during a gamma one, and a mixture of these during a mixture: tails from incomplete
gamma and beta functions, to full relative accuracy. The mean excess over m is

.. math::

    E[(N - m)^+] = E[N]\, P(N' \ge m) - m P(N > m) = \sum_{j \ge m} P(N > j),

with :math:`N' + 1` the size-biased number; the sum where the difference would cancel. For any
other distribution with the transform :math:`B_e` of what remains of it, and the number R that
arrive in that remainder,

.. math::

    \sum_m P(R > m) z^m = \frac{1 - B_e(\lambda (1 - z))}{1 - z}, \qquad
    E[(N - m)^+] = E[N] P(R \ge m), \qquad P(N > m) = E[N] P(R = m),

by the fast Fourier transform on a circle of radius below 1: absolute error about 1e-13, and of
P(N > 1) and E[(N - 1)^+] relative to them at any load. Where E[N] > 1, P(N > m) is that of the
time itself in the same way.

References
----------
.. [1] J. Abate, W. Whitt, "Numerical inversion of probability generating functions",
   Operations Research Letters 12, 1992.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.distributions import (
    Deterministic,
    Distribution,
    Exponential,
    Gamma,
    HyperExponential,
    Mixture,
)

__all__ = ["arrivals_in"]

_ALIAS = 1e-13  # Power of the radius that damps what the circle folds back.


def arrivals_in(distribution: Distribution, rate: Any, count: int) -> tuple[Any, Any, Any]:
    """Return P(N = 0), and P(N > m) and E[(N - m)^+] for m = 0 to `count` - 1.

    Parameters
    ----------
    distribution : Distribution
        The distribution of the time. [-]
    rate : number or array
        Arrival rate, >= 0, of the shape that it and the distribution broadcast to. [1/s]
    count : int
        How many terms. [-]

    Returns
    -------
    tuple of three arrays
        The first of the shape of `rate`, the others with an axis of `count` before. [-]

    Examples
    --------
    >>> none, more, excess = arrivals_in(Exponential(1.0), 0.5, 3)
    >>> float(none), more, excess
    (0.6667, array([0.3333, 0.1111, 0.0370]), array([0.5   , 0.1667, 0.0556]))
    """
    rate = np.asarray(rate, dtype=float)
    m = np.arange(count, dtype=float).reshape(-1, *[1] * rate.ndim)
    if isinstance(distribution, Exponential):
        load = rate * distribution.mean
        more = (load / (1 + load)) ** (m + 1)
        return 1 / (1 + load), more, more * (1 + load)
    if isinstance(distribution, (HyperExponential, Mixture)):
        if isinstance(distribution, HyperExponential):
            distributions: tuple[Distribution, ...] = tuple(
                Exponential(x) for x in distribution.means
            )
        else:
            distributions = distribution.distributions
        terms = [arrivals_in(x, rate, count) for x in distributions]
        none, more, excess = (
            sum(p * term[i] for p, term in zip(distribution.probabilities, terms, strict=True))
            for i in range(3)
        )
        return none, more, excess
    if isinstance(distribution, (Deterministic, Gamma)):
        return _in_gamma(distribution, rate, m)
    return _in_any(distribution, rate, count)


def _in_gamma(distribution: Distribution, rate: Any, m: Any) -> tuple[Any, Any, Any]:
    from scipy.special import betainc, gammainc

    load, scv = rate * distribution.mean, distribution.scv
    more_terms = np.arange(len(m) + 64 + len(m) // 2, dtype=float).reshape(-1, *[1] * rate.ndim)
    if isinstance(distribution, Deterministic):
        tail = gammainc(more_terms + 1, load)
        biased = np.concatenate([np.ones((1, *load.shape)), tail[: len(m) - 1]])
        none = np.exp(-load)
    else:
        shape, odds = 1 / scv, load * scv
        tail = betainc(more_terms + 1, shape, odds / (1 + odds))
        biased = betainc(np.maximum(m, 1e-300), shape + 1, odds / (1 + odds))
        biased = np.where(m == 0, 1.0 + 0.0 * odds, biased)
        none = np.exp(-shape * np.log1p(odds))
    more = tail[: len(m)]
    difference = load * biased - m * more
    with np.errstate(invalid="ignore"):
        total = np.cumsum(tail[::-1], axis=0)[::-1][: len(m)]
    return none, more, np.where(difference > 0.01 * m * more, difference, total)


def _in_any(distribution: Distribution, rate: Any, count: int) -> tuple[Any, Any, Any]:
    points = max(256, 1 << (8 * count - 1).bit_length())
    radius = _ALIAS ** (1 / points)
    # Real coefficients: the upper half of the circle is enough.
    z = radius * np.exp(-2j * np.pi * np.arange(points // 2 + 1) / points)
    z = z.reshape(-1, *[1] * rate.ndim)
    powers = radius ** np.arange(count).reshape(-1, *[1] * rate.ndim)
    s, load = rate * (1 - z), np.asarray(rate * distribution.mean)
    with np.errstate(invalid="ignore"):  # an endless mean leaves no such remainder
        values = np.broadcast_to(distribution.remaining_gap(s) / (1 - z), (len(z), *rate.shape))
        left = np.clip(np.fft.irfft(values, n=points, axis=0)[:count] / powers, 0.0, 1.0)
        before = np.concatenate([np.ones((1, *rate.shape)), left[:-1]])
        more, excess = load * np.maximum(before - left, 0.0), load * before
    if np.any(heavy := load > 1):
        # Times the load the difference loses digits; P(N > m) is no longer small.
        values = np.broadcast_to((1 - distribution.laplace(s)) / (1 - z), (len(z), *rate.shape))
        direct = np.clip(np.fft.irfft(values, n=points, axis=0)[:count] / powers, 0.0, 1.0)
        more = np.where(heavy, direct, more)
        excess = np.where(np.isinf(load), np.inf, excess)
    return np.real(distribution.laplace(rate)), np.minimum(more, 1.0), excess
