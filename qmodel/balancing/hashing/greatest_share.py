r"""The greatest of c shares that are Dirichlet(v, ..., v): its mean and its distribution.

The shares are gamma variables of shape v over their sum, and independent of it. Hence the
means of the ordered shares, exactly,

.. math::

    E[\max] = \frac{1}{c v} \int_0^\infty 1 - P(v, g)^c \, dg, \qquad
    E[\text{share}_{(i)}] = \frac{1}{c v} \int_0^\infty
        P(\text{Binomial}(c, Q(v, g)) \ge i) \, dg ,

P and Q = 1 - P being the incomplete gamma functions. For the distribution, the sum is given,
and all variables are truncated at :math:`w = z x`; with their mean m(w) and cumulants
:math:`\kappa_j(w)`, the second-order saddlepoint at :math:`x = w / (c \, m)` is [1]_

.. math:: P(\max \le x) \approx
          \left[ P(v, w) \, e^{m - v} (v / m)^v \right]^c \frac{m}{\sqrt{v \kappa_2}}
          \, \exp \frac{1}{c} \left( \frac{\kappa_4}{8 \kappa_2^2}
          - \frac{5 \kappa_3^2}{24 \kappa_2^3} + \frac{1}{12 v} \right) .

The hazard :math:`h = w P'(v, w) / P(v, w) = v / M(1, v + 1, w)`, with Kummer's function also
for the tilt upwards, w < 0, gives all: :math:`m = v - h`, and
:math:`\kappa_{j+1} = j \kappa_j - D \kappa_j` with :math:`D = w \, d/dw`, where
:math:`D h = h (v - w - h)`. One share is Beta(v, (c - 1) v), and with q its tail

.. math:: 1 - (1 - q)^c \le P(\max > x) \le c q :

the shares are negatively associated [3]_, and the right side adds them up. The saddlepoint
is kept between. Two shares above 1/2 exclude each other, so there c q is exact.

**Error.** Against Whitworth's exact distribution [2]_ of v = 1, the probability is within 0.005
for three shares, 0.0015 for more and 0.0002 from 30 on; percentiles from p1 to p99.9 are within
0.3 % of the share. Two shares are exact, and more points do no worse (simulation, v up to
10000). Percentiles that would need w < v - 30 sqrt(v), below p0.3, are too high, for three
shares by 0.4 %.
**Shapes.** All arguments broadcast.

References
----------
.. [1] R. W. Butler, R. K. Sutton, "Saddlepoint approximation for multivariate cumulative
   distribution functions and probability computations in sampling theory and outlier
   testing", Journal of the American Statistical Association 93, 1998, 596-604.
.. [2] W. A. Whitworth, "DCC Exercises in Choice and Probability", Deighton Bell, 1897, no. 667.
.. [3] K. Joag-Dev, F. Proschan, "Negative association of random variables with
   applications", Annals of Statistics 11, 1983, sec. 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.numerics.quadrature import on_unit_interval
from qmodel.numerics.roots import increasing_root

__all__ = ["mean", "ordered_means", "quantile", "tail"]

_NODES, _WEIGHTS = on_unit_interval(128)
_ROUNDING = 1e-17
_LEAST = 1e-3  # At w = 0 the cumulants are 0/0, and near it lose digits.


def mean(c: Any, v: Any) -> Any:
    """Return the mean of the greatest share.

    Parameters
    ----------
    c : int or integer array
        Number of shares, >= 1. [-]
    v : number or array
        Their parameter, >= 1. [-]

    Returns
    -------
    number or array
        The mean, of the broadcast shape. [-]

    Examples
    --------
    >>> float(mean(4, 1)), (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4
    (0.5208, 0.5208)
    """
    from scipy.special import gammaincc, gammainccinv, gammaincinv

    c, v = _floats(c, v)
    low, high = gammaincinv(v, _ROUNDING ** (1 / c)), gammainccinv(v, _ROUNDING / c)
    nodes, weights = _columns(c.ndim)
    with np.errstate(divide="ignore"):
        all_below = np.exp(c * np.log1p(-gammaincc(v, low + (high - low) * nodes)))
    return ((low + (high - low) * (weights * (1 - all_below)).sum(axis=0)) / (c * v))[()]


def ordered_means(c: int, v: Any) -> Any:
    """Return the means of the shares, the greatest first, along the first axis.

    Parameters
    ----------
    c : int
        Number of shares, >= 1. [-]
    v : number or array
        Their parameter, >= 1. [-]

    Returns
    -------
    array
        The means; they sum to 1. [-]

    Examples
    --------
    >>> ordered_means(3, 1) * 3 - [1 + 1 / 2 + 1 / 3, 1 / 2 + 1 / 3, 1 / 3]
    array([0., 0., 0.])
    """
    from scipy.special import bdtrc, gammaincc, gammainccinv, gammaincinv

    _, v = _floats(c, v)
    low, high = gammaincinv(v, _ROUNDING / c), gammainccinv(v, _ROUNDING / c)
    nodes, weights = _columns(v.ndim)
    above = gammaincc(v, low + (high - low) * nodes)
    found = np.empty((c, *v.shape))
    for i in range(c):
        found[i] = low + (high - low) * (weights * bdtrc(i, c, above)).sum(axis=0)
    return found / (c * v)


def tail(x: Any, *, c: Any, v: Any) -> Any:
    """Return the probability that the greatest share exceeds `x`.

    Parameters
    ----------
    x : number or array
        A share. [-]
    c : int or integer array
        Number of shares, >= 1. [-]
    v : number or array
        Their parameter, >= 1. [-]

    Returns
    -------
    number or array
        The probability, of the broadcast shape. [-]

    Examples
    --------
    >>> tail([0.25, 0.4, 0.7, 1.0], c=4, v=1).round(3)
    array([1.   , 0.816, 0.108, 0.   ])
    """
    x, c, v = _floats(x, c, v)
    inside = (x * c > 1) & (x < 0.5)
    at = np.where(inside, x, 1.5 / c)
    w = increasing_root(lambda w: _log_distribution(w, c, v)[0] / at - 1, *_bracket(c, v))
    alone = _one_above(np.clip(x, 0.0, 1.0), c, v)
    with np.errstate(divide="ignore"):
        least = -np.expm1(c * np.log1p(-alone))
    saddle = np.clip(
        -np.expm1(_log_distribution(w, c, v)[1]), least, np.minimum(c * alone, 1.0)
    )
    found = np.where(x * c <= 1, 1.0, np.where(inside, saddle, c * alone))
    found = np.where(c == 1, x < 1, found)
    return np.where(np.isnan(x + c + v), np.nan, found)[()]


def quantile(p: Any, *, c: Any, v: Any) -> Any:
    """Return the share that the greatest one exceeds with probability 1 - `p`.

    Parameters
    ----------
    p : number or array
        Probability from 0 to 1. [-]
    c : int or integer array
        Number of shares, >= 1. [-]
    v : number or array
        Their parameter, >= 1. [-]

    Returns
    -------
    number or array
        The share, of the broadcast shape. [-]

    Examples
    --------
    >>> quantile([0.5, 0.95, 0.99], c=4, v=1).round(3)
    array([0.5  , 0.768, 0.864])
    """
    from scipy.special import betainccinv

    p, c, v = _floats(p, c, v)
    others = np.maximum(c - 1, 1) * v
    with np.errstate(divide="ignore"):
        goal = np.log(p)
        least = betainccinv(v, others, -np.expm1(goal / c))
    most = betainccinv(v, others, (1 - p) / c)
    w = increasing_root(lambda w: _log_distribution(w, c, v)[1] - goal, *_bracket(c, v))
    saddle = np.clip(_log_distribution(w, c, v)[0], least, np.minimum(most, 0.5))
    found = np.maximum(np.where(most < 0.5, saddle, most), 1 / c)
    found = np.where(c == 1, 1.0, np.where(p == 0, 1 / c, found))
    return np.where(np.isnan(p + c + v), np.nan, found)[()]


def _floats(*values: Any) -> Any:
    return np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in values))


def _columns(axes: int) -> tuple[np.ndarray, np.ndarray]:
    column = (-1, *[1] * axes)
    return _NODES.reshape(column), _WEIGHTS.reshape(column)


def _one_above(x: Any, c: Any, v: Any) -> Any:
    from scipy.special import betaincc

    return betaincc(v, np.maximum(c - 1, 1) * v, x)


def _bracket(c: Any, v: Any) -> tuple[Any, Any]:
    from scipy.special import gammainccinv

    # Below, the fourth cumulant has lost its digits; the probability is under 1 %.
    return v - 30 * np.sqrt(v) + 0 * c, gammainccinv(v, _ROUNDING / c)


def _log_distribution(w: Any, c: Any, v: Any) -> tuple[Any, Any]:
    """Return x, and the log of P(max <= x), at the truncation point `w`."""
    from scipy.special import gammaincc, gammaln, hyp1f1

    w = np.where(np.abs(w) < _LEAST, _LEAST, w)
    beyond = w > v
    at, short = np.where(beyond, w, v), np.where(beyond, v, w)
    with np.errstate(all="ignore"):
        # P(v, w) by its complement, or by P = w^v exp(-w) M(1, v + 1, w) / Gamma(v + 1).
        complement = np.log1p(-gammaincc(v, at))
        kummer = hyp1f1(1.0, v + 1, short)
        power = v * np.log(np.abs(w)) - w - gammaln(v + 1)
        log_below = np.where(beyond, complement, power + np.log(kummer))
        h = np.where(beyond, np.exp(power - complement), 1 / kummer) * v
        m = v - h
        each = log_below + v * np.log(np.abs(v / m)) + m - v
        # D h, D^2 h, D^3 h, and the same of a = v - w - h.
        a = v - w - h
        dh = h * a
        da = -w - dh
        d2h = dh * a + h * da
        d3h = d2h * a + 2 * dh * da - h * (w + d2h)
        k2 = m + dh
        k3 = 2 * k2 + dh - d2h
        k4 = 3 * k3 - 2 * (d2h - dh) + d3h - d2h
        second = k4 / (8 * k2**2) - 5 * k3**2 / (24 * k2**3) + 1 / (12 * v)
        log_p = c * each + np.log(np.abs(m) / np.sqrt(v * k2)) + second / c
        return w / (c * m), log_p
