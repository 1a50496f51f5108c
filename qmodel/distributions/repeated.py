"""One law changed: shifted by a constant, scaled to another unit, or several times over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.distributions.algebra import Sum, measure
from qmodel.distributions.base import Distribution, Part
from qmodel.distributions.constants import ZERO
from qmodel.distributions.pieces import MOST, Piece, Pieces

__all__ = ["Repeated", "Scaled", "Shifted"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Shifted(Distribution):
    """A law after a constant time.

    Parameters
    ----------
    law : Distribution
        What follows. [-]
    by : number or array
        The constant, >= 0. [s]

    Raises
    ------
    DomainError
        If `by` is negative.

    Examples
    --------
    >>> from qmodel.distributions import Exponential
    >>> float(Shifted(Exponential(0.02), by=0.05).quantile(0.5))
    0.0639
    """

    law: Distribution
    by: Value = parameter("constant time", unit="s", check=_check.nonnegative)

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self.law.mean + self.by

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self.law.variance + 0 * self.by

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self.law.third_cumulant + 0 * self.by

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return np.where(np.asarray(self.by) == 0, self.law.atom, 0.0)[()]

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return self.law.defect

    @property
    def finest(self) -> int:
        """As the law. [-]."""
        return self.law.finest

    @property
    def analytic(self) -> bool:
        """Only without a shift."""
        return self.law.analytic and not np.any(self.by)

    def parts(self) -> tuple[Part, ...]:
        """Return the parts of the law, all later."""
        return tuple(Part(m, shift + self.by, law) for m, shift, law in self.law.parts())

    def pieces(self) -> Pieces | None:
        """Return the pieces of the law, all later."""
        found = self.law.pieces()
        return found and found._replace(
            terms=tuple(term._replace(shift=term.shift + self.by) for term in found.terms)
        )

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return self.law.tail(t - self.by) if self.law.closed else Distribution.tail(self, t)

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return namespace(s, self.by).exp(-self.by * s) * self.law.laplace(s)

    def _quantile_on_symbols(self, p: Any) -> Any:
        return self.law.quantile(p) + self.by


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scaled(Distribution):
    """A law with all times multiplied: another unit, or a slower server.

    Parameters
    ----------
    law : Distribution
        The law. [-]
    factor : number or array
        What its times are multiplied with, > 0. [-]

    Raises
    ------
    DomainError
        If `factor` is not > 0.

    Examples
    --------
    >>> from qmodel.distributions import Exponential
    >>> float(Scaled(Exponential(0.02), 1000.0).quantile(0.5))
    13.8629
    """

    law: Distribution
    factor: Value = parameter("factor", check=_check.positive)

    @property
    def closed(self) -> bool:  # type: ignore[override]
        """Whether the tail is a closed form."""
        return self.law.closed

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self.law.mean * self.factor

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self.law.variance * self.factor * self.factor

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self.law.third_cumulant * self.factor**3

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return self.law.atom

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return self.law.defect

    @property
    def finest(self) -> int:
        """As the law. [-]."""
        return self.law.finest

    @property
    def analytic(self) -> bool:
        """As the law."""
        return self.law.analytic

    def parts(self) -> tuple[Part, ...]:
        """Return the parts of the law, each scaled."""
        return tuple(
            Part(m, shift * self.factor, law if law is ZERO else Scaled(law, self.factor))
            for m, shift, law in self.law.parts()
        )

    def pieces(self) -> Pieces | None:
        """Return the pieces of the law, each scaled."""
        found, factor = self.law.pieces(), self.factor
        return found and found._replace(
            terms=tuple(
                Piece(w / factor**n, shift * factor, n, law and Scaled(law, factor))
                for w, shift, n, law in found.terms
            )
        )

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s]."""
        return self.law.remaining_gap(self.factor * s)

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return self.law.laplace(self.factor * s)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return self.law.tail(t / self.factor)

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        return self.law.density(t / self.factor) / self.factor

    def _quantile_on_symbols(self, p: Any) -> Any:
        return self.law.quantile(p) * self.factor


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Repeated(Distribution):
    """The sum of `times` independent times of one law.

    Parameters
    ----------
    law : Distribution
        The law of each. [-]
    times : int or integer array
        How many, >= 0. [-]

    Raises
    ------
    DomainError
        If `times` is not a whole number >= 0.

    Examples
    --------
    >>> from qmodel.distributions import Exponential
    >>> float(Repeated(Exponential(0.02), 5).quantile(0.99))
    0.2321
    """

    law: Distribution
    times: Count = parameter("how often", symbol="n", check=partial(_check.count, least=0))

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self.times * self.law.mean

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self.times * self.law.variance

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self.times * self.law.third_cumulant

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return self.law.atom**self.times

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return 1 - (1 - self.law.defect) ** self.times

    @property
    def finest(self) -> int:
        """As the law. [-]."""
        return self.law.finest

    @property
    def analytic(self) -> bool:
        """As the law."""
        return self.law.analytic

    def parts(self) -> tuple[Part, ...]:
        """Return one part where the law has one; otherwise those of the written-out sum."""
        parts = self.law.parts()
        if len(parts) == 1:
            mass, shift, law = parts[0]
            rest = law if law is ZERO else Repeated(law, self.times)
            return (Part(mass**self.times, shift * self.times, rest),)
        if np.ndim(self.times):
            whole = [n for n in np.unique(self.times) if not np.isnan(n)]
            chosen = tuple((self.times == n) * 1.0 for n in whole)
            return measure(chosen, tuple(Repeated(self.law, int(n)) for n in whole)).parts()
        return Sum((self.law,) * int(self.times)).parts()

    def pieces(self) -> Pieces | None:
        """Return the pieces of the written-out sum, if it is short."""
        if np.ndim(self.times) or self.times > MOST:
            return None
        return Sum((self.law,) * int(self.times)).pieces()

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return self.law.laplace(s) ** self.times
