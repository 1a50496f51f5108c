r"""Distributions with a heavy tail: lognormal and Pareto, unbounded or with a largest value.

Tail, density, quantile and moments are closed forms. Their transforms have none; `laplace`
computes them by the trapezoidal rule on a path where the integrand neither oscillates nor
cancels, for Re s >= 0.

**Lognormal.** With :math:`z = s e^\mu` and the saddle point :math:`w = W(z \sigma^2)` of the
Lambert function [1]_,

.. math::

    E[e^{-sX}] = e^{-(w^2 + 2w) / 2\sigma^2} \int \frac{1}{\sqrt{2\pi}}
    \exp\Bigl(-\frac{y^2}{2} - \frac{w}{\sigma^2} (e^{\sigma y} - 1 - \sigma y)\Bigr) dy,

the path turning from the real line through the saddle towards positive
:math:`w e^{\sigma y}`. No factor exceeds 1. About 40 nodes for an SCV below 0.3, 100
for an SCV of 4, and in proportion to :math:`\sigma` beyond.

**Pareto.** With :math:`z = s x_m` and the exponential integral :math:`E_{\alpha+1}`,

.. math::

    E[e^{-s(X - x_m)}] = \alpha e^z E_{\alpha+1}(z)
    = \frac{\alpha}{z} \int_0^\infty \Bigl(1 + \frac{p}{z}\Bigr)^{-\alpha-1} e^{-p} dp
    = 1 - \int_0^\infty \Bigl(1 + \frac{p}{z}\Bigr)^{-\alpha} e^{-p} dp,

in :math:`\log p`, the path turning as :math:`p (1 + \alpha / z)` does until
:math:`e^{-p}` ends it. About 40 nodes, and 12 more for each factor of 10 of
:math:`\alpha / |z|` above 1. The distribution with a largest value is the difference of two,
or, where that would cancel, a Gauss-Legendre rule of 48 points over :math:`\log x`.

**Error.** Absolute, at most 2e-15 for the lognormal and the unbounded Pareto distribution and
2e-14 for the bounded one, for any argument of `s` up to 90 degrees, plus 1e-16 :math:`|z|` for
the last digit of `s` (measured against 25 to 60 digits). The 31 points of one inversion cost
about 0.1 ms for a Pareto distribution, 0.2 to 0.3 ms for a lognormal one.

References
----------
.. [1] S. Asmussen, J. L. Jensen, L. Rojas-Nandayapa, "On the Laplace transform of the
   lognormal distribution", Methodology and Computing in Applied Probability 18, 2016.
.. [2] NIST Digital Library of Mathematical Functions, sec. 8.19,
   https://dlmf.nist.gov/8.19.
.. [3] L. N. Trefethen, J. A. C. Weideman, "The exponentially convergent trapezoidal rule",
   SIAM Review 56, 2014.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.distributions import heavy_gaps
from qmodel.distributions import heavy_transforms as transforms
from qmodel.distributions.base import Distribution, Part
from qmodel.errors import DomainError, ModelError

__all__ = ["LogNormal", "Pareto"]


@dataclass(frozen=True, slots=True, eq=False)
class LogNormal(Distribution):
    """The lognormal distribution: the logarithm of the time is normal.

    Parameters
    ----------
    mean : number or array
        Mean of the time (not of its logarithm), > 0. [s]
    scv : number or array
        Squared coefficient of variation, > 0. [-]

    Raises
    ------
    DomainError
        If a parameter is not > 0.

    Examples
    --------
    >>> time = LogNormal(mean=0.02, scv=4.0)
    >>> float(time.quantile(0.5)), float(time.quantile(0.99)), float(time.variance)
    (0.00894, 0.1711, 0.0016)
    >>> float(time.laplace(50.0))
    0.5748
    """

    mean: Value = parameter("mean", unit="s", symbol="S", check=_check.positive)
    scv: Value = parameter("squared coefficient of variation", check=_check.positive_scv)
    closed = True

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self.scv * self.mean * self.mean

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        square = self.scv * self.mean * self.mean
        return square * self.scv * (self.scv + 3) * self.mean

    @property
    def analytic(self) -> bool:
        """The transform is computed in the right half-plane only."""
        return False

    def _normal(self) -> tuple[Any, Any]:
        # Mean and standard deviation of the logarithm.
        square = np.log1p(self.scv)
        return np.log(self.mean) - square / 2, np.sqrt(square)

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s], numerically; the module states the error."""
        _refuse_symbols(s, self.mean, self.scv)
        mu, sigma = self._normal()
        return _numerical(transforms.lognormal, s, np.exp(mu), sigma)

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], with all digits near zero."""
        _refuse_symbols(s, self.mean, self.scv)
        return _gap(heavy_gaps.lognormal_gap, self, s, self.mean, self._normal()[1])

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        from scipy.special import ndtr

        mu, sigma = self._normal()
        with np.errstate(divide="ignore"):
            return ndtr((mu - np.log(np.maximum(t, 0))) / sigma)

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        mu, sigma = self._normal()
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.log(np.maximum(t, 0))
            exponent = -(((log - mu) / sigma) ** 2) / 2 - log
            density = np.exp(exponent) / (sigma * math.sqrt(2 * math.pi))
        return np.where(np.asarray(t) <= 0, 0.0 * sigma, density)[()]

    def quantile(self, p: Value) -> Value:
        """Return the time not exceeded with probability `p` [-]."""
        from scipy.special import ndtri

        p = _check.probability("p", p)
        if is_symbolic(p, self.mean, self.scv):
            return self._quantile_on_symbols(p)
        mu, sigma = self._normal()
        return np.exp(mu + sigma * ndtri(p))

    def _quantile_on_symbols(self, p: Any) -> Any:
        import sympy as sp

        spread = sp.log(1 + self.scv)
        return self.mean * sp.exp(sp.sqrt(2 * spread) * sp.erfinv(2 * p - 1) - spread / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Pareto(Distribution):
    """The Pareto distribution: its tail is a power of time, up to a largest value if any.

    Parameters
    ----------
    minimum : number or array
        Least value, > 0. [s]
    shape : number or array
        Power of the tail, (minimum / t)^shape, > 0. [-]
    maximum : number or array, default inf
        Largest value: the distribution under the condition that it is not exceeded. [s]

    Raises
    ------
    DomainError
        If `minimum` or `shape` is not > 0, or `maximum` is not above `minimum`.
    ModelError
        If a SymPy parameter meets a finite `maximum`.

    Examples
    --------
    Without a largest value the mean is infinite for a shape of 1 or less, the variance for a
    shape of 2 or less:

    >>> time = Pareto(minimum=0.010, shape=1.5)
    >>> float(time.mean), float(time.variance), float(time.quantile(0.99))
    (0.03, inf, 0.2154)
    >>> time = Pareto(minimum=0.010, shape=1.5, maximum=1.0)
    >>> float(time.mean), float(time.scv), float(time.quantile(0.99))
    (0.0270, 2.700, 0.2023)
    """

    minimum: Value = parameter("least value", unit="s", check=_check.positive)
    shape: Value = parameter("exponent of the tail", check=_check.positive)
    maximum: Value = parameter(
        "greatest value", unit="s", check=_check.positive, default=math.inf
    )
    closed = True

    def __post_init__(self) -> None:
        low, shape, high = self.minimum, self.shape, self.maximum
        if is_symbolic(low, shape, high):
            if is_symbolic(high) or not np.all(np.isinf(high)):
                raise ModelError(
                    "a Pareto time with a finite maximum takes numbers, not SymPy expressions"
                )
        elif np.any(np.asarray(high) <= low):
            raise DomainError(
                f"maximum must be above minimum = {self.minimum}, got {self.maximum}"
            )

    def _moment(self, order: int) -> Value:
        # Mean, variance or third cumulant; inf where there is none.
        xp = namespace(self.minimum, self.shape)
        a = self.shape if xp.symbolic else np.asarray(self.shape)[()]
        with xp.errstate(all="ignore"):
            free = a / (a - 1)
            if order == 2:
                free = a / ((a - 1) ** 2 * (a - 2))
            elif order == 3:
                free = 2 * a * (a + 1) / ((a - 1) ** 3 * (a - 2) * (a - 3))
            free = xp.guard(free, a <= order, xp.inf)
            if not xp.symbolic and np.any(np.isfinite(self.maximum)):
                bounded = transforms.bounded_moment(order, a, self._span())
                free = np.where(np.isinf(self.maximum), free, bounded)[()]
            return free * math.prod([self.minimum] * order)

    def _span(self) -> Any:
        # Logarithm of maximum over minimum.
        return np.log1p((self.maximum - self.minimum) / self.minimum)

    @property
    def mean(self) -> Value:
        """Mean; inf for a shape of 1 or less without `maximum`. [s]."""
        return self._moment(1)

    @property
    def variance(self) -> Value:
        """Variance; inf for a shape of 2 or less without `maximum`. [s^2]."""
        return self._moment(2)

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant; inf for a shape of 3 or less without `maximum`. [s^3]."""
        return self._moment(3)

    @property
    def scv(self) -> Value:
        """Squared coefficient of variation; inf where the variance is. [-]."""
        xp = namespace(self.minimum, self.shape)
        mean, variance = self.mean, self.variance
        with xp.errstate(invalid="ignore"):
            return xp.guard(variance / mean**2, variance == xp.inf, xp.inf)

    @property
    def analytic(self) -> bool:
        """The transform is computed in the right half-plane only."""
        return False

    def parts(self) -> tuple[Part, ...]:
        """Return the excess over `minimum`, shifted: the density jumps there."""
        return (Part(1.0, self.minimum, _Excess(self)),)

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s], numerically; the module states the error."""
        _refuse_symbols(s, self.minimum, self.shape)
        return _Excess(self).laplace(s) * np.exp(-np.asarray(s) * self.minimum)

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], with all digits near zero."""
        _refuse_symbols(s, self.minimum, self.shape)
        mean, low = self.mean, self.minimum
        return _gap(_pareto_gap, self, s, mean, mean / low, self.shape, self.maximum / low)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        t, a, span = np.asarray(t, dtype=float), self.shape, self._span()
        x = np.log1p(np.maximum(t - self.minimum, 0.0) / self.minimum)
        with np.errstate(invalid="ignore"):
            tail = np.exp(-a * x) * np.expm1(a * (x - span)) / np.expm1(-a * span)
        return np.where(t >= self.maximum, 0.0 * a, tail)[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        a = self.shape
        t = np.asarray(t, dtype=float)
        inside = (t >= self.minimum) & (t < self.maximum)
        t = np.where(inside, t, np.where(np.isnan(t), t, self.minimum))
        x = np.log1p((t - self.minimum) / self.minimum)
        density = -a * np.exp(-a * x) / (t * np.expm1(-a * self._span()))
        return np.where(inside | np.isnan(density), density, 0.0)[()]

    def quantile(self, p: Value) -> Value:
        """Return the time not exceeded with probability `p` [-]."""
        p = _check.probability("p", p)
        if is_symbolic(p, self.minimum, self.shape):
            return self._quantile_on_symbols(p)
        inverse = np.exp(-self.shape * self._span())
        mass = -np.expm1(-self.shape * self._span()) * p
        with np.errstate(divide="ignore"):
            # Both are log(1 - mass): the one keeps the digits near p = 0, the other near 1.
            log = np.where(mass < 0.5, np.log1p(-mass), np.log((1 - p) + p * inverse))
            above = self.minimum * np.expm1(-log / self.shape)
        return np.where(p == 1, self.maximum, np.minimum(self.minimum + above, self.maximum))[
            ()
        ]

    def _quantile_on_symbols(self, p: Any) -> Any:
        if not np.all(np.isinf(self.maximum)):
            return Distribution._quantile_on_symbols(self, p)
        return self.minimum * (1 - p) ** (-1 / self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Excess(Distribution):
    """A Pareto time less its minimum."""

    distribution: Pareto
    closed = True

    @property
    def mean(self) -> Value:
        return self.distribution.mean - self.distribution.minimum

    @property
    def variance(self) -> Value:
        return self.distribution.variance

    @property
    def analytic(self) -> bool:
        return False

    def laplace(self, s: Value) -> Value:
        low, shape = self.distribution.minimum, self.distribution.shape
        return _numerical(transforms.pareto, s, low, shape, self.distribution.maximum / low)

    def tail(self, t: Value) -> Value:
        return np.where(
            np.asarray(t) < 0, 1.0, self.distribution.tail(self.distribution.minimum + t)
        )[()]

    def density(self, t: Value) -> Value:
        return self.distribution.density(self.distribution.minimum + t)


def _refuse_symbols(*args: Any) -> None:
    if is_symbolic(*args):
        raise ModelError(
            "the transform of a lognormal or Pareto distribution has no closed form: "
            "it takes numbers, not SymPy expressions"
        )


def _numerical(transform: Any, s: Any, unit: Any, *parameters: Any) -> Any:
    # One axis of cells for the kernels, where they pick the cells that need a method.
    s = np.asarray(s)
    with np.errstate(all="ignore"):
        z, *rest = np.broadcast_arrays(s * unit, *parameters)
        value = transform(z.ravel().astype(complex), *(x.ravel() for x in rest))
        value = np.where(z == 0, 1.0, value.reshape(z.shape))
    return (value if np.iscomplexobj(s) else value.real)[()]


def _gap(near: Any, distribution: Distribution, s: Any, mean: Any, *parameters: Any) -> Any:
    # One less the quotient, but near zero, where its digits are few.
    s = np.asarray(s)
    with np.errstate(all="ignore"):
        x, *rest = np.broadcast_arrays(s * mean, *parameters)
        gap = np.array(1 - (1 - distribution.laplace(s)) / x, dtype=complex).reshape(-1)
        cells = np.flatnonzero((np.abs(x) < heavy_gaps.NEAR).ravel() & (x != 0).ravel())
        if cells.size:
            found = near(x.ravel()[cells].astype(complex), *(v.ravel()[cells] for v in rest))
            gap[cells] = np.where(np.isnan(found), gap[cells], found)
        gap = np.where(x == 0, 0.0, gap.reshape(x.shape))
    return (gap if np.iscomplexobj(s) else gap.real)[()]


def _pareto_gap(
    x: np.ndarray, mean: np.ndarray, shape: np.ndarray, ratio: np.ndarray
) -> np.ndarray:
    # Of the unbounded distribution, and of the bounded one near enough to zero; else NaN.
    z = x / mean
    gap = np.full(z.shape, np.nan, dtype=complex)
    free = ratio == np.inf
    if free.any():
        integral = transforms.power_integral(
            z[free], shape[free] - 1, np.zeros(free.sum(), dtype=bool)
        )
        gap[free] = heavy_gaps.pareto_gap(z[free], shape[free], integral)
    near = np.flatnonzero(~free & (np.abs(z) * ratio <= heavy_gaps.MOST))
    if near.size:
        span = np.log(ratio[near])
        gap[near] = heavy_gaps.bounded_pareto_gap(z[near], shape[near], span, mean[near])
    return gap
