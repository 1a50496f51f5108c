r"""The numeric Erlang kernel: B and C at a fixed cost a point, whatever the number of servers.

Everything follows from the odds against blocking,

.. math::

    R(c, a) = \frac{1 - B}{B} = \frac{P(N < c)}{P(N = c)}
            = \frac{Q(c, a)\,\Gamma(c + 1)}{a^c e^{-a}}, \qquad N \sim \text{Poisson}(a),

because :math:`B = 1 / (1 + R)` and :math:`C = 1 / (1 + (1 - a/c) R)` add positive terms
only: neither loses digits at any load. The second form of R holds for real c.

===================  ============================================================
where                R from
===================  ============================================================
a >= 1.5 c, 96       Legendre's continued fraction for 1/B [1]_
c = 1, 2, ..., 32    the recursion :math:`R(c, a) = (1 + R(c - 1, a)) \, c / a`
other c < 64         its definition, with one incomplete gamma function; of a single
                     float up to 128
c >= 64              Temme's uniform expansion of Q [2]_ [3]_: the Poisson
                     probability cancels, so that nothing is left to underflow
===================  ============================================================

Arguments are floats or float arrays that the caller has checked (a >= 0, c >= 0); NaN in,
NaN out. Measured against 50 digits: relative error at most 5e-13 where B >= 1e-300.

References
----------
.. [1] D. L. Jagerman, "Some properties of the Erlang loss function", Bell System
   Technical Journal 53, 1974, 525-551.
.. [2] N. M. Temme, "The asymptotic expansion of the incomplete gamma functions", SIAM
   Journal on Mathematical Analysis 10, 1979, 757-766; NIST DLMF sec. 8.12.
.. [3] A. Gil, J. Segura, N. M. Temme, "Efficient and accurate algorithms for the
   computation and inversion of the incomplete gamma function ratios", SIAM Journal on
   Scientific Computing 34, 2012, A2965-A2981.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from qmodel._typing import Value

__all__ = ["deviance", "erlang_b", "erlang_c", "inverse_erlang_b", "odds", "special", "temme"]

# A dozen temporaries of this many doubles stay in the second-level cache.
CHUNK = 4096
_SINGLE = (float, int)
_FEW = frozenset(range(1, 33))

# Taylor coefficients of eta / mu in eta, where eta^2 / 2 = mu - log(1 + mu) (DLMF 8.12.11).
# The next one adds less than 1e-16 of R over the whole range of use, a/c <= 1.5.
ETA_OVER_MU = (
    1.0,
    -1 / 3,
    1 / 12,
    -2 / 135,
    1 / 864,
    1 / 2835,
    -139 / 777600,
    1 / 25515,
    -571 / 261273600,
    -1.85406221071516e-06,
    8.296711340953087e-07,
    -1.7665952736826078e-07,
    6.707853543401498e-09,
    1.0261809784240309e-08,
    -4.382036018453353e-09,
    9.14769958223679e-10,
    -2.5514193994946248e-11,
)

# atanh(v) = v + v^3 (1/3 + v^2/5 + ...): rounding level for |v| <= 1/3.
ATANH = tuple(1 / (2 * k + 3) for k in range(15))

# As the recurrences take them, from the last to the first.
_ATANH_DOWN = ATANH[-2::-1]
_TEMME_DOWN = tuple((ETA_OVER_MU[n], n + 1.0) for n in range(len(ETA_OVER_MU) - 2, 0, -1))


def erlang_b(a: Value, c: Value) -> Value:
    """Erlang B, the share of arrivals lost at offered load `a` to `c` servers."""
    return 1.0 / (1.0 + odds(a, c))


def erlang_c(a: Value, c: Value) -> Value:
    """Erlang C, the share of arrivals that wait; 1 in overload. Needs ``c > 0``."""
    # (c - a) / c has a relative error; the absolute one of 1 - a/c would meet R in thousands.
    if isinstance(a, _SINGLE) and isinstance(c, _SINGLE):
        return 1.0 if a >= c else 1.0 / (1.0 + (c - a) / c * odds(a, c))
    return 1.0 / (1.0 + np.maximum(np.subtract(c, a), 0.0) / c * odds(a, c))


def inverse_erlang_b(a: Value, c: Value) -> Value:
    """1 / B; ``inf`` where B is below the smallest float."""
    return 1.0 + odds(a, c)


def odds(a: Value, c: Value) -> Value:
    """Odds against blocking, (1 - B) / B."""
    if isinstance(a, _SINGLE) and isinstance(c, _SINGLE):
        return _scalar(float(a), float(c))
    a, c = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(c, dtype=float))
    out = np.empty(a.shape)
    flat_a, flat_c, flat = a.reshape(-1), c.reshape(-1), out.reshape(-1)
    with np.errstate(all="ignore"):
        for i in range(0, flat.size, CHUNK):
            part = slice(i, i + CHUNK)
            flat[part] = _chunk(flat_a[part], flat_c[part])
    return out[()]


def _scalar(a: float, c: float) -> float:
    if a >= max(1.5 * c, 96.0):
        return float(_overload(a, c))
    if c in _FEW:
        found, a = 0.0, a or 5e-324
        for k in range(1, int(c) + 1):
            found = (1.0 + found) * k / a
        return found
    if c < 128.0:
        pmf = a**c * math.exp(-a) / math.gamma(c + 1.0)
        return float(special().gammaincc(c, a or 5e-324)) / pmf if pmf else math.inf
    load = a / c
    if not load > 0.0:
        return math.inf if load == 0.0 else math.nan
    near = abs(a - c) <= (a + c) / 3.0
    phi = _deviance_near(a, c) if near else (a - c) / c - math.log(load)
    y = math.copysign(math.sqrt(c * phi), a - c)
    series, gamma = temme(max(y * math.sqrt(2.0 / c), -2.0), c)
    # Below 4 the two factors have no digits to lose.
    scaled = math.exp(y * y) * math.erfc(y) if abs(y) < 4.0 else float(special().erfcx(y))
    return float(gamma * math.sqrt(math.pi / 2.0 * c) * scaled + series)


def _chunk(a: Any, c: Any) -> Any:
    overload = a >= np.maximum(1.5 * c, 96.0)
    few = (c <= max(_FEW)) & (c == np.floor(c)) & (c > 0) & ~overload
    some = (c < 64.0) & ~(overload | few)
    regimes: list[tuple[Any, Callable[[Any, Any], Any]]] = [
        (overload, _overload),
        (few, _few),
        (some, _some),
        (~(overload | few | some), _many),
    ]
    out = np.empty(a.shape)
    for mask, f in regimes:
        n = np.count_nonzero(mask)
        if n == a.size:
            return f(a, c)
        if n:
            out[mask] = f(a[mask], c[mask])
    return out


def _few(a: Any, c: Any) -> Any:
    a, found = np.maximum(a, 5e-324), np.zeros(a.shape)
    for k in range(1, int(np.max(c)) + 1):
        found = np.where(k <= c, (1.0 + found) * k / a, found)
    return found


def _some(a: Any, c: Any) -> Any:
    # Powers and factorials of at most 96^64 do not overflow, so no saddle point is needed.
    sp = special()
    pmf = np.power(a, c) * np.exp(-a - sp.gammaln(c + 1.0))
    return sp.gammaincc(c, np.maximum(a, 5e-324)) / pmf  # Q(0, 0) is nan, Q(0, tiny) 0


def _many(a: Any, c: Any) -> Any:
    y = np.copysign(np.sqrt(c * deviance(a, c)), a - c)
    series, gamma = temme(np.maximum(y * np.sqrt(2.0 / c), -2.0), c)
    return gamma * np.sqrt(math.pi / 2.0 * c) * special().erfcx(y) + series


def _overload(a: Any, c: Any) -> Any:
    # a B = a - c + 1 c / (a - c + 2 + 2 (c - 1) / (a - c + 4 + ...)), from the far end: at
    # a = 1.5 c, c = 64, the slowest corner, 24 steps reach rounding level.
    d = a - c
    tail = 0.0
    for k in range(24, 1, -1):
        tail = k * (c + 1 - k) / (d + 2 * k + tail)
    g = 1.0 / (d + 2.0 + tail)
    return c * (1.0 - g) / (d + c * g)


def deviance(a: Any, c: Any) -> Any:
    """Return a/c - 1 - log(a/c), the exponent of the Poisson saddle point (Loader 2000)."""
    far = (a - c) / c - np.log(a / c)
    return np.where(np.abs(a - c) <= (a + c) / 3.0, _deviance_near(a, c), far)


def _deviance_near(a: Any, c: Any) -> Any:
    # Near a = c the difference of mu and log(1 + mu) cancels; the atanh series does not.
    v = (a - c) / (a + c)
    w = v * v
    s = ATANH[-1]
    for k in _ATANH_DOWN:
        s = s * w + k
    return (a - c) / c * v - 2.0 * v * w * s


def temme(eta: Any, c: Any) -> Any:
    """Return (S, G), Temme's series times Gamma* and Gamma*(c) itself, for c >= 64.

    With y = eta sqrt(c/2), ``Q(c, a) / pmf = G sqrt(pi c / 2) erfcx(y) + S`` and
    ``P(c, a) / pmf = G sqrt(pi c / 2) erfcx(-y) - S``. S solves
    S'/c - eta S = G - eta/mu; hence the recursion for its Taylor coefficients t_n,
    and G = 1 + t_1 / c.
    """
    inv = 1.0 / c
    above, t = 0.0, ETA_OVER_MU[-1]
    s = t
    for coefficient, n in _TEMME_DOWN:
        above, t = t, coefficient + n * inv * above
        s = s * eta + t
    return s, 1.0 + above * inv


@cache
def special() -> Any:
    """Return scipy.special, imported on first use."""
    # It costs three times as much as numpy to load.
    import scipy.special

    return scipy.special
