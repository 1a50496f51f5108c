"""Times that do not vary: a constant, none at all, and one that never ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.distributions.base import Distribution, Part
from qmodel.distributions.pieces import Piece, Pieces
from qmodel.numerics.exponential import exp_rest

__all__ = ["NEVER", "ZERO", "Deterministic", "Never"]


@dataclass(frozen=True, slots=True, eq=False)
class Deterministic(Distribution):
    """A constant time.

    Parameters
    ----------
    mean : number or array
        The constant, >= 0. [s]

    Raises
    ------
    DomainError
        If `mean` is negative.

    Examples
    --------
    >>> Deterministic(0.03).tail([0.0, 0.029, 0.03])
    array([1., 1., 0.])
    >>> float(Deterministic(0.03).quantile(0.5))
    0.03
    """

    mean: Value = parameter("mean", unit="s", symbol="S", check=_check.nonnegative)
    closed = True

    def __reduce_ex__(self, protocol: Any) -> Any:
        # One object wherever it goes: compositions know it by its identity.
        return "ZERO" if self is ZERO else object.__reduce_ex__(self, protocol)

    @property
    def variance(self) -> Value:
        """Variance, zero. [s^2]."""
        return 0 * self.mean

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant, zero. [s^3]."""
        return 0 * self.mean

    @property
    def scv(self) -> Value:
        """Squared coefficient of variation, zero. [-]."""
        return 0 * self.mean

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return np.where(np.asarray(self.mean) == 0, 1.0, 0.0)[()]

    @property
    def defect(self) -> Value:
        """Probability of no end: 1 where it is infinite. [-]."""
        return 0.0 if is_symbolic(self.mean) else np.where(np.isinf(self.mean), 1.0, 0.0)[()]

    @property
    def analytic(self) -> bool:
        """Only at zero: a shift explodes in the left half-plane."""
        return not np.any(self.mean)

    @property
    def exponential_limit(self) -> Value:
        """Infinite: it is bounded. [1/s]."""
        return np.inf

    def parts(self) -> tuple[Part, ...]:
        """Return an atom at zero, shifted."""
        return (Part(1.0, self.mean, ZERO),)

    def pieces(self) -> Pieces:
        """Return the one jump."""
        return Pieces((Piece(1.0, self.mean),))

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        if self is ZERO:
            return 1
        return namespace(s, self.mean).exp(-self.mean * s)

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], to rounding."""
        x = self.mean * s
        if is_symbolic(x):
            return 1 - (1 - self.laplace(s)) / x
        with np.errstate(all="ignore"):
            return exp_rest(-x) / x

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        t = np.asarray(t)
        unknown = np.where(np.isnan(t + self.mean), np.nan, 0.0)
        return np.where(t < self.mean, 1.0, unknown)[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s], zero: all mass is in the atom."""
        return 0.0 * np.asarray(t) * self.mean

    def quantile(self, p: Value) -> Value:
        """Return the constant, for any `p` [-]."""
        return self.mean + 0 * _check.probability("p", p)


ZERO = Deterministic(0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Never(Distribution):
    """A time without end: the distribution of a wait in overload.

    Examples
    --------
    >>> float(Never().tail(1e9)), float(Never().quantile(0.5))
    (1.0, inf)
    """

    closed = True

    def __reduce_ex__(self, protocol: Any) -> Any:
        return "NEVER" if self is NEVER else object.__reduce_ex__(self, protocol)

    @property
    def mean(self) -> Value:
        """Mean, infinite. [s]."""
        return np.inf

    @property
    def variance(self) -> Value:
        """Variance, infinite. [s^2]."""
        return np.inf

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant, infinite. [s^3]."""
        return np.inf

    @property
    def defect(self) -> Value:
        """Probability of no end, one. [-]."""
        return 1.0

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s], zero."""
        return 0 * s

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s], one."""
        return 1.0 + 0.0 * np.asarray(t)[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s], zero."""
        return 0.0 * np.asarray(t)[()]


NEVER = Never()
