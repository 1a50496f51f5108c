r"""Families with a closed transform: exponential, Erlang, gamma, hyperexponential, ...

Each is parameterised by its mean (engineers measure times, not rates) and by its shape:
the squared coefficient of variation (SCV), a number of phases, or limits.

References
----------
.. [1] A. M. Law, "Simulation Modeling and Analysis", 5th ed., McGraw-Hill, 2015, ch. 6.
.. [2] M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions", 1964, ch. 26 and 29.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.distributions.base import Distribution
from qmodel.distributions.pieces import Piece, Pieces
from qmodel.errors import DomainError
from qmodel.numerics.exponential import exp_rest
from qmodel.numerics.logarithms import power1p

__all__ = [
    "Erlang",
    "Exponential",
    "Gamma",
    "HyperExponential",
    "Uniform",
]


@dataclass(frozen=True, slots=True, eq=False)
class Exponential(Distribution):
    """The exponential distribution: memoryless, SCV 1.

    Parameters
    ----------
    mean : number or array
        Mean, > 0. [s]

    Raises
    ------
    DomainError
        If `mean` is not > 0.

    Examples
    --------
    >>> time = Exponential(mean=0.02)
    >>> float(time.quantile(0.99)), float(time.tail(0.02)), float(time.scv)
    (0.0921, 0.3679, 1.0)
    """

    mean: Value = parameter("mean", unit="s", symbol="S", check=_check.positive)
    closed = True

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self.mean * self.mean

    @property
    def scv(self) -> Value:
        """Squared coefficient of variation, 1. [-]."""
        return self.mean / self.mean

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return 2 * self.mean**3

    @property
    def defect(self) -> Value:
        """Probability of no end: 1 where the mean is infinite. [-]."""
        if is_symbolic(self.mean):
            return 0.0
        return np.where(np.isinf(self.mean), 1.0, 0.0)[()]

    @property
    def exponential_limit(self) -> Value:
        """Its rate. [1/s]."""
        return 1 / np.asarray(self.mean)[()]

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return 1 / (1 + self.mean * s)

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s]: its own."""
        return self.mean * s / (1 + self.mean * s)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        xp = namespace(t, self.mean)
        return xp.exp(-xp.maximum(xp.asarray(t), 0) / self.mean)

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        return np.where(np.asarray(t) < 0, 0.0, self.tail(t) / self.mean)[()]

    def quantile(self, p: Value) -> Value:
        """Return the time not exceeded with probability `p` [-]."""
        xp = namespace(p, self.mean)
        with xp.errstate(divide="ignore"):
            return -self.mean * xp.log1p(-xp.asarray(_check.probability("p", p)))


_ROUNDING = 1e-17
_LEAST_SCV = 1e-32
_MANY = 1000.0
"""Shape of a gamma distribution from which on its logarithms are large beside their sum."""


def _gap_of_gamma(x: Any, z: Any, direct: Any) -> Any:
    """Return the remaining gap of a gamma distribution of SCV z / x: near zero by its series.

    The terms are prod_j (x + j z) / (n + 1)! with alternating sign.
    """
    near = (abs(x) < 0.5) & (abs(z) < 0.1)
    if not np.any(near):
        return direct
    x, z = np.where(near, x, 0.0), np.where(near, z, 0.0)
    term = total = (x + z) / 2
    for n in range(1, 18):
        term = -term * (x + (n + 1) * z) / (n + 2)
        total = total + term
    return np.where(near, total, direct)[()]


@dataclass(frozen=True, slots=True, eq=False)
class Gamma(Distribution):
    """The gamma distribution: any SCV > 0; exponential at 1, Erlang with k phases at 1/k.

    Parameters
    ----------
    mean : number or array
        Mean, > 0. [s]
    scv : number or array
        Squared coefficient of variation, > 0. [-]

    Raises
    ------
    DomainError
        If a parameter is not > 0.

    Examples
    --------
    >>> distribution = Gamma(mean=0.02, scv=0.5)
    >>> float(distribution.quantile(0.99)), float(distribution.variance)
    (0.0664, 0.0002)
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
        return 2 * square * self.scv * self.mean

    @property
    def analytic(self) -> bool:
        """Whether the singularities of a queue that it feeds stay near the real axis."""
        return bool(np.all(np.asarray(self.scv) >= 0.25))

    @property
    def exponential_limit(self) -> Value:
        """One over SCV times mean. [1/s]."""
        with np.errstate(divide="ignore"):
            return 1 / np.asarray(self.mean * self.scv)[()]

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s], as good at an SCV near 0."""
        x = self.mean * s
        if is_symbolic(x, self.scv):
            return (1 + x * self.scv) ** (-1 / self.scv)
        with np.errstate(all="ignore"):
            z = x * self.scv
            found = power1p(z, -1 / self.scv)
            if (tiny := (abs(z.real) < _ROUNDING) & (abs(z.imag) < _ROUNDING)).any():
                found = np.where(tiny, np.exp(-x), found)
            return found[()]

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], to rounding."""
        x = self.mean * s
        if is_symbolic(x, self.scv):
            return 1 - (1 - self.laplace(s)) / x
        with np.errstate(all="ignore"):
            return _gap_of_gamma(x, x * self.scv, 1 - (1 - self.laplace(s)) / x)

    @property
    def _shape(self) -> Value:
        # A deviation of a rounding is none.
        return 1 / np.maximum(self.scv, _LEAST_SCV)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        from scipy.special import gammaincc

        shape = self._shape
        return gammaincc(shape, shape * (np.maximum(t, 0) / self.mean))

    def cdf(self, t: Value) -> Value:
        """Return P(X <= t) at `t` [s], without loss of digits where it is small."""
        from scipy.special import gammainc

        shape = self._shape
        return gammainc(shape, shape * (np.maximum(t, 0) / self.mean))

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        from scipy.special import gammaln, xlogy

        shape, u = self._shape, np.maximum(t, 0) / self.mean
        with np.errstate(all="ignore"):
            x = shape * u
            log = xlogy(shape - 1, x) - x - gammaln(shape)
            found = np.exp(log) * shape
            if np.any(shape > _MANY):
                found = np.where(shape > _MANY, _density_of_many(shape, u), found)
        return np.where(np.asarray(t) < 0, 0.0, found / self.mean)[()]

    def quantile(self, p: Value) -> Value:
        """Return the time not exceeded with probability `p` [-]."""
        from scipy.special import gammainccinv, gammaincinv

        p = _check.probability("p", p)
        if is_symbolic(p, self.mean, self.scv):
            return self._quantile_on_symbols(p)
        shape = self._shape
        # The one keeps the digits near p = 0, the other near 1.
        quantile = np.where(p < 0.5, gammaincinv(shape, p), gammainccinv(shape, 1 - p))[()]
        return self.mean * (quantile / shape)


def _density_of_many(k: Any, u: Any) -> Any:
    """Return the density of a gamma distribution of mean 1 and a large shape k at `u`.

    By Stirling's series; its exponent k (u - 1 - ln u) is of nearby numbers around the mean.
    """
    d = u - 1
    series = d * d * sum((-d) ** n / (n + 2) for n in range(8))
    exponent = k * np.where(abs(d) < 0.01, series, d - np.log(u))
    rest = (1 / 12 - 1 / (360 * k * k)) / k
    found = np.sqrt(k / (2 * np.pi)) * np.exp(-exponent - rest) / u
    return np.where(u > 0, found, 0 * u)


@checked
def Erlang(mean: Value, phases: Count) -> Gamma:
    """Return the Erlang distribution, the sum of `phases` equal exponential times.

    Parameters
    ----------
    mean : number or array
        Mean of the whole, > 0. [s]
    phases : int or integer array
        Number of phases, >= 1. [-]

    Returns
    -------
    Gamma
        The gamma distribution with SCV 1 / `phases`.

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Examples
    --------
    >>> float(Erlang(0.02, phases=4).scv)
    0.25
    """
    return Gamma(mean, 1 / _check.count("phases", phases))


@dataclass(frozen=True, slots=True, eq=False)
class HyperExponential(Distribution):
    """A mixture of exponential distributions: SCV 1 and above.

    Parameters
    ----------
    probabilities : sequence of numbers or arrays
        Probability of each branch; they sum to 1. [-]
    means : sequence of numbers or arrays
        Mean of each branch, > 0. [s]

    Raises
    ------
    DomainError
        If the lengths differ, a probability is outside 0 to 1, they do not sum to 1, or a
        mean is not > 0.

    Examples
    --------
    >>> distribution = HyperExponential([0.9, 0.1], [0.010, 0.110])
    >>> float(distribution.mean), float(distribution.scv), float(distribution.quantile(0.99))
    (0.02, 5.5, 0.2533)
    """

    probabilities: tuple[Value, ...] = parameter("share of each part", check=_check.weights)
    means: tuple[Value, ...] = parameter(
        "mean of each part", unit="s", check=_check.each(_check.positive)
    )
    closed = True

    def __post_init__(self) -> None:
        parts, means = len(self.probabilities), len(self.means)
        if parts != means:
            raise DomainError(f"means must be as many as probabilities, {parts}, got {means}")

    def _mix(self, f: Any) -> Any:
        xp = namespace(*self.probabilities, *self.means)
        branches = zip(self.probabilities, self.means, strict=True)
        return sum(xp.weigh(p, f(m)) for p, m in branches)

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._mix(lambda m: m)

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self._mix(lambda m: m**2 + (m - self.mean) ** 2)

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        mean = self.mean
        return self._mix(lambda m: 2 * m**3 + 3 * m**2 * (m - mean) + (m - mean) ** 3)

    @property
    def exponential_limit(self) -> Value:
        """The rate of the slowest branch that is ever taken. [1/s]."""
        branches = zip(self.probabilities, self.means, strict=True)
        slowest: Any = 0.0
        for p, mean in branches:
            slowest = np.maximum(slowest, np.where(np.asarray(p) > 0, mean, 0.0))
        return 1 / slowest[()]

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return self._mix(lambda m: 1 / (1 + m * s))

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], to rounding."""
        return self._mix(lambda m: m * (m * s / (1 + m * s))) / self.mean

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return self._mix(lambda m: np.exp(-np.maximum(t, 0) / m))

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        past = np.asarray(t) < 0
        return np.where(past, 0.0, self._mix(lambda m: np.exp(-np.maximum(t, 0) / m) / m))[()]


@dataclass(frozen=True, slots=True, eq=False)
class Uniform(Distribution):
    """The uniform distribution between two limits.

    Parameters
    ----------
    low : number or array
        Lower limit, >= 0. [s]
    high : number or array
        Upper limit, > `low`. [s]

    Raises
    ------
    DomainError
        If `low` is negative or `high` is not above it.

    Examples
    --------
    >>> distribution = Uniform(0.010, 0.030)
    >>> float(distribution.mean), float(distribution.scv), float(distribution.quantile(0.95))
    (0.02, 0.0833, 0.029)
    """

    low: Value = parameter("least value", unit="s", check=_check.nonnegative)
    high: Value = parameter("greatest value", unit="s", check=_check.positive)
    closed = True

    def __post_init__(self) -> None:
        low, high = self.low, self.high
        if not is_symbolic(low, high) and np.any(np.asarray(high) <= low):
            raise DomainError(f"high must be above low = {low}, got {high}")

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return (self.low + self.high) / 2

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        width = self.high - self.low
        return width * width / 12

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant, zero. [s^3]."""
        return 0 * self.mean

    @property
    def analytic(self) -> bool:
        """The two ends are kinks of the tail."""
        return False

    def pieces(self) -> Pieces:
        """Return the ramps of the two ends."""
        height = 1 / (self.high - self.low)
        return Pieces((Piece(height, self.low, 1), Piece(-height, self.high, 1)))

    @property
    def exponential_limit(self) -> Value:
        """Infinite: it is bounded. [1/s]."""
        return np.inf

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        xp = namespace(s, self.low, self.high)
        width = self.high - self.low
        if xp.symbolic:
            return (xp.exp(-self.low * s) - xp.exp(-self.high * s)) / (width * s)
        x = width * np.asarray(s)
        with np.errstate(all="ignore"):
            series = 1 - x / 2 + x**2 / 6 - x**3 / 24
            middle = np.where(np.abs(x) < 1e-4, series, -np.expm1(-x) / x)
        return (np.exp(-self.low * np.asarray(s)) * middle)[()]

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], to rounding."""
        if is_symbolic(s, self.low, self.high):
            return super(Uniform, self).remaining_gap(s)
        width = self.high - self.low
        with np.errstate(all="ignore"):
            x, y = width * np.asarray(s), self.low * np.asarray(s)
            near = np.abs(x) < 1
            small = np.where(near, x, 0.0)
            term = rest = small / 3
            for n in range(4, 22):
                term = -term * small / n
                rest = rest + term
            # Of the part above the lower limit, 1 less its gap being the mean rise.
            gap = np.where(near, rest, 1 - 2 * exp_rest(-x) / x / x)
            above = np.exp(-y) * width / 2 * gap - np.expm1(-y) * width / 2
            below = np.where(y == 0, 0.0, exp_rest(-y) / np.asarray(s))
            return ((above + below) / self.mean)[()]

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return np.clip((self.high - np.asarray(t)) / (self.high - self.low), 0.0, 1.0)

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        width = self.high - self.low
        inside = (np.asarray(t) >= self.low) & (np.asarray(t) < self.high)
        unknown = np.where(np.isnan(t * width), np.nan, 0.0)
        return np.where(inside, 1 / width, unknown)[()]

    def quantile(self, p: Value) -> Value:
        """Return the time not exceeded with probability `p` [-]."""
        return self.low + (self.high - self.low) * _check.probability("p", p)
