r"""Hashing of keys to servers: the fullest of c bins with m balls.

Each of m keys, asked for equally often, falls on one of c servers at random, so the numbers
of keys are multinomial, and those of one server binomial(m, 1 / c). The fullest server
decides what the pool does: c over its *imbalance*, its keys over the average m / c.

The distribution of the greatest number is that of c Poisson variables of which the sum is given
[1]_. With all of them truncated at k, of mean m / c by the choice of :math:`\lambda`, and
with their cumulants :math:`\kappa_j`, the second-order saddlepoint of the sum gives [2]_

.. math:: P(\max \le k) \approx
          \frac{m! \, e^{c \lambda}}{(c \lambda)^m} \, P(N_\lambda \le k)^c
          \, \frac{1}{\sqrt{2 \pi c \kappa_2}} \exp \frac{1}{c} \left(
          \frac{\kappa_4}{8 \kappa_2^2} - \frac{5 \kappa_3^2}{24 \kappa_2^3} \right) .

With :math:`h = \lambda f(k) / P(N_\lambda \le k)`, f the Poisson probability, the cumulants
are :math:`\kappa_1 = \lambda - h` and :math:`\kappa_{j+1} = D \kappa_j` where
:math:`D = \lambda \, d/d\lambda` and :math:`D h = h (1 + k - \lambda + h)`. With q the tail
of one server, :math:`1 - (1 - q)^c \le P(\max > k) \le c q`, since the numbers are negatively
associated [3]_; the saddlepoint is kept between. Two servers with more than half of the keys
exclude each other, so there c q is exact.

**Error.** Against the exact distribution by convolution, from 2 to 1000 keys on 2 to 100
servers, the probability is within 0.0022 for three servers and 0.0005 for more, the mean within
0.05 %, and percentiles from p1 to p99.9 are the very number of keys, but for one in 160 that is
off by one. Two servers are exact.
**Assumptions.** Keys are equally hot; see `qmodel.balancing.hashing.hot_keys` where they are
not.
**Shapes.** All arguments broadcast. **Domain.** Servers and keys >= 1.

References
----------
.. [1] B. Levin, "A representation for multinomial cumulative distribution functions",
   Annals of Statistics 9, 1981, 1123-1126.
.. [2] R. W. Butler, R. K. Sutton, "Saddlepoint approximation for multivariate cumulative
   distribution functions and probability computations in sampling theory and outlier
   testing", Journal of the American Statistical Association 93, 1998, 596-604.
.. [3] K. Joag-Dev, F. Proschan, "Negative association of random variables with
   applications", Annals of Statistics 11, 1983, sec. 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel.numerics import poisson
from qmodel.numerics.roots import increasing_root

__all__ = ["keys_imbalance", "keys_imbalance_quantile", "keys_imbalance_tail"]

_STEPS = 128
_ROUNDING = 1e-15


@checked
def keys_imbalance(keys: Count, servers: Count) -> Value:
    """Mean number of keys of the fullest server over the average.

    Parameters
    ----------
    keys : int or integer array
        Number of keys, >= 1. [-]
    servers : int or integer array
        Number of servers, >= 1. [-]

    Returns
    -------
    number or array
        The imbalance, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> keys_imbalance([100, 1000, 10_000, 1_000_000], servers=10).round(3)
    array([1.512, 1.157, 1.049, 1.005])
    """
    m, c = _keys(keys, servers)
    low, high = _range(m, c)
    # Every number of keys where there are few, else the midpoints of as many equal steps.
    step = np.maximum((high - low) / _STEPS, 1.0)
    k = low + step * (np.arange(_STEPS).reshape(-1, *[1] * m.ndim) + 0.5) - 0.5
    above = np.where(k < high, _tail(k, m, c), 0.0)
    return ((low + step * above.sum(axis=0)) * c / m)[()]


@checked
def keys_imbalance_quantile(p: Value, *, keys: Count, servers: Count) -> Value:
    """Keys of the fullest server over the average that a share `p` of hashes keeps to.

    Parameters
    ----------
    p : number or array
        Probability over the hash functions, from 0 to 1. [-]
    keys : int or integer array
        Number of keys, >= 1. [-]
    servers : int or integer array
        Number of servers, >= 1. [-]

    Returns
    -------
    number or array
        The imbalance, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> keys_imbalance_quantile([0.5, 0.95, 0.99], keys=1000, servers=10)
    array([1.15, 1.25, 1.3 ])
    """
    p = _check.probability("p", p)
    m, c = _keys(keys, servers)
    p, m, c = np.broadcast_arrays(p, m, c)
    low, high = _range(m, c)
    low = low - 1
    while (high - low > 1).any():
        k = np.floor((low + high) / 2)
        enough = 1 - _tail(k, m, c) >= p
        high, low = np.where(enough, k, high), np.where(enough, low, k)
    found = np.where(p == 0, np.ceil(m / c), np.where(p == 1, m, high))
    return np.where(np.isnan(p), np.nan, found * c / m)[()]


@checked
def keys_imbalance_tail(imbalance: Value, *, keys: Count, servers: Count) -> Value:
    """Probability that the fullest server has more than so many times the average.

    Parameters
    ----------
    imbalance : number or array
        Keys of the fullest server over the average, >= 0. [-]
    keys : int or integer array
        Number of keys, >= 1. [-]
    servers : int or integer array
        Number of servers, >= 1. [-]

    Returns
    -------
    number or array
        Probability over the hash functions, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> keys_imbalance_tail([1.1, 1.2, 1.3], keys=1000, servers=10).round(4)
    array([0.8503, 0.1666, 0.0097])
    """
    x = _check.nonnegative("imbalance", imbalance)
    m, c = _keys(keys, servers)
    # A number of keys written as a multiple of the average is rounded.
    return _tail(np.floor(x * m / c * (1 + 4e-16)), m, c)


def _keys(keys: Count, servers: Count) -> Any:
    found = (_check.count("keys", keys, most=10**15), _check.count("servers", servers))
    _check.numbers("the imbalance of hashed keys", *found)
    return np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in found))


def _range(m: Any, c: Any) -> tuple[Any, Any]:
    """Return numbers of keys that the fullest server has at least, and at most."""
    from scipy.special import bdtrik

    with np.errstate(all="ignore"):
        low = np.nan_to_num(bdtrik(_ROUNDING ** (1 / c), m, 1 / np.maximum(c, 1.5)))
    low = np.where(c == 1, m, np.maximum(np.floor(low), np.ceil(m / c)))
    # Bernstein's inequality.
    rare = np.log(c / _ROUNDING)
    high = m / c + rare / 3 + np.sqrt(rare**2 / 9 + 2 * rare * m / c)
    return low, np.maximum(np.minimum(np.ceil(high), m), low)


def _tail(k: Any, m: Any, c: Any) -> Any:
    """Return P(max > k)."""
    from scipy.special import betainc, gammaln

    k, m, c = np.broadcast_arrays(k, m, c)
    inside = (k * c >= m) & (2 * (k + 1) <= m)
    at = np.where(inside, k, m / c + 1)
    # P(Binomial(m, 1 / c) > k) by the incomplete beta function, for real k too.
    alone = np.where(k < m, betainc(np.maximum(k, 0) + 1, np.maximum(m - k, 1e-9), 1 / c), 0.0)
    with np.errstate(divide="ignore"):
        least = -np.expm1(c * np.log1p(-alone))
    most = np.minimum(c * alone, 1.0)
    # As full as can be: every server has k, and the saddlepoint is at infinity.
    level = gammaln(m + 1) - m * np.log(c) - c * gammaln(at + 1)
    log_distribution = np.where(
        at * c == m, level, _log_distribution(np.maximum(at, m / c + 0.1 / c), m, c)
    )
    saddle = np.clip(-np.expm1(np.minimum(log_distribution, 0.0)), least, most)
    found = np.where(inside, saddle, np.where(2 * (k + 1) > m, most, 1.0))
    return np.where(k * c < m, 1.0, np.where(np.isnan(k + m + c), np.nan, found))[()]


def _log_distribution(k: Any, m: Any, c: Any) -> Any:
    """Return the log of P(max <= k), for k above the average."""
    even = m / c

    def hazard(rate: Any) -> Any:
        return rate * np.exp(poisson.log_pmf(k, rate) - poisson.log_upper(k + 1, rate))

    # k - N is less than a geometric number of ratio k / rate, hence the upper end.
    most = k + 2 * k / (k - even)
    rate = increasing_root(lambda r: (r - hazard(r)) / even - 1, even, most)
    with np.errstate(all="ignore"):
        h = hazard(rate)
        a = 1 + k - rate + h
        dh = h * a
        da = dh - rate
        d2h = dh * a + h * da
        d3h = d2h * a + 2 * dh * da + h * (d2h - rate)
        k2, k3, k4 = rate - dh, rate - d2h, rate - d3h
        second = k4 / (8 * k2**2) - 5 * k3**2 / (24 * k2**3)
        whole = poisson.log_upper(k + 1, rate) * c - poisson.log_pmf(m, c * rate)
        return whole - np.log(2 * np.pi * c * k2) / 2 + second / c
