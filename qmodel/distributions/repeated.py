"""One distribution changed: shifted by a constant, scaled, or several times over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.distributions.algebra import measure
from qmodel.distributions.base import Distribution, Part
from qmodel.distributions.constants import ZERO, Deterministic
from qmodel.distributions.empirical import Empirical, summed_up
from qmodel.distributions.one_big_jump import far_faces
from qmodel.distributions.pieces import MOST, Piece, Pieces
from qmodel.distributions.sums import Sum

__all__ = ["Repeated", "Scaled", "Shifted"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Shifted(Distribution):
    """A distribution after a constant time.

    Parameters
    ----------
    distribution : Distribution
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

    distribution: Distribution
    by: Value = parameter("constant time", unit="s", check=_check.nonnegative)

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self.distribution.mean + self.by

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self.distribution.variance + 0 * self.by

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self.distribution.third_cumulant + 0 * self.by

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return np.where(np.asarray(self.by) == 0, self.distribution.atom, 0.0)[()]

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return self.distribution.defect

    @property
    def exponential_limit(self) -> Value:
        """As the distribution. [1/s]."""
        return self.distribution.exponential_limit

    @property
    def finest(self) -> int:
        """As the distribution. [-]."""
        return self.distribution.finest

    @property
    def analytic(self) -> bool:
        """Only without a shift."""
        return self.distribution.analytic and not np.any(self.by)

    def parts(self) -> tuple[Part, ...]:
        """Return the parts of the distribution, all later."""
        return tuple(
            Part(m, shift + self.by, distribution)
            for m, shift, distribution in self.distribution.parts()
        )

    def pieces(self) -> Pieces | None:
        """Return the pieces of the distribution, all later."""
        found = self.distribution.pieces()
        return found and found._replace(
            terms=tuple(term._replace(shift=term.shift + self.by) for term in found.terms)
        )

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return (
            self.distribution.tail(t - self.by)
            if self.distribution.closed
            else Distribution.tail(self, t)
        )

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], as good as of what follows."""
        return Sum((Deterministic(self.by), self.distribution)).remaining_gap(s)

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return namespace(s, self.by).exp(-self.by * s) * self.distribution.laplace(s)

    def _quantile_on_symbols(self, p: Any) -> Any:
        return self.distribution.quantile(p) + self.by


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scaled(Distribution):
    """A distribution with all times multiplied: another unit, or a slower server.

    Parameters
    ----------
    distribution : Distribution
        The distribution. [-]
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

    distribution: Distribution
    factor: Value = parameter("factor", check=_check.positive)

    @property
    def closed(self) -> bool:  # type: ignore[override]
        """Whether the tail is a closed form."""
        return self.distribution.closed

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self.distribution.mean * self.factor

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self.distribution.variance * self.factor * self.factor

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self.distribution.third_cumulant * self.factor**3

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return self.distribution.atom

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return self.distribution.defect

    @property
    def mass(self) -> Value:
        """Total probability, as the distribution. [-]."""
        return self.distribution.mass

    @property
    def exponential_limit(self) -> Value:
        """That of the distribution, scaled. [1/s]."""
        return self.distribution.exponential_limit / self.factor

    @property
    def finest(self) -> int:
        """As the distribution. [-]."""
        return self.distribution.finest

    @property
    def analytic(self) -> bool:
        """As the distribution."""
        return self.distribution.analytic

    def parts(self) -> tuple[Part, ...]:
        """Return the parts of the distribution, each scaled."""
        return tuple(
            Part(
                m,
                shift * self.factor,
                distribution if distribution is ZERO else Scaled(distribution, self.factor),
            )
            for m, shift, distribution in self.distribution.parts()
        )

    def pieces(self) -> Pieces | None:
        """Return the pieces of the distribution, each scaled."""
        found, factor = self.distribution.pieces(), self.factor
        return found and found._replace(
            terms=tuple(
                Piece(
                    w / factor**n,
                    shift * factor,
                    n,
                    distribution and Scaled(distribution, factor),
                )
                for w, shift, n, distribution in found.terms
            )
        )

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s]."""
        return self.distribution.remaining_gap(self.factor * s)

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return self.distribution.laplace(self.factor * s)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return self.distribution.tail(t / self.factor)

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        return self.distribution.density(t / self.factor) / self.factor

    def _quantile_on_symbols(self, p: Any) -> Any:
        return self.distribution.quantile(p) * self.factor


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Repeated(Distribution):
    """The sum of `times` independent times of one distribution.

    Parameters
    ----------
    distribution : Distribution
        The distribution of each. [-]
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

    distribution: Distribution
    times: Count = parameter("how often", symbol="n", check=partial(_check.count, least=0))

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self.times * self.distribution.mean

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return self.times * self.distribution.variance

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return self.times * self.distribution.third_cumulant

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return self.distribution.atom**self.times

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return 1 - (1 - self.distribution.defect) ** self.times

    @property
    def exponential_limit(self) -> Value:
        """As the distribution. [1/s]."""
        return self.distribution.exponential_limit

    @property
    def finest(self) -> int:
        """As the distribution. [-]."""
        return self.distribution.finest

    @property
    def analytic(self) -> bool:
        """As the distribution."""
        return self.distribution.analytic

    def parts(self) -> tuple[Part, ...]:
        """Return one part where there is one; otherwise those of the written-out sum."""
        parts = self.distribution.parts()
        if isinstance(self.distribution, Empirical) and not np.ndim(self.times):
            many = not self.times <= MOST
            measured = None if many else summed_up([self.distribution] * int(self.times))
            if measured:
                return measured.parts()
        if len(parts) == 1:
            mass, shift, distribution = parts[0]
            rest = distribution if distribution is ZERO else Repeated(distribution, self.times)
            return (Part(mass**self.times, shift * self.times, rest),)
        if np.ndim(self.times):
            whole = [n for n in np.unique(self.times) if not np.isnan(n)]
            chosen = tuple((self.times == n) * 1.0 for n in whole)
            return measure(
                chosen, tuple(Repeated(self.distribution, int(n)) for n in whole)
            ).parts()
        return Sum((self.distribution,) * int(self.times)).parts()

    def pieces(self) -> Pieces | None:
        """Return the pieces of the written-out sum, if it is short."""
        if np.ndim(self.times) or self.times > MOST:
            return None
        return Sum((self.distribution,) * int(self.times)).pieces()

    def far_faces(self, t: np.ndarray) -> Any:
        """Return tail, densities and error where a heavy tail is small, or None."""
        return far_faces([(self.times, self.distribution)], t)

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], of a short sum to rounding."""
        if np.ndim(self.times) or not 0 < self.times <= MOST:
            return super(Repeated, self).remaining_gap(s)
        return Sum((self.distribution,) * int(self.times)).remaining_gap(s)

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return self.distribution.laplace(s) ** self.times
