r"""How distributions compose; and one of several times, chosen at random.

=============  ============================  =========================
a pipeline's   is the distribution's                  with transform or tail
=============  ============================  =========================
series         `Sum`                         :math:`\prod_i F_i(s)`
branch         `Mixture`                     :math:`\sum_i p_i F_i(s)`
repetition     `Repeated`                    :math:`F(s)^n`
constant       `Shifted`                     :math:`e^{-s d} F(s)`
=============  ============================  =========================

Here are the alternatives; what comes one after the other is in `qmodel.distributions.sums`,
one time changed in `qmodel.distributions.repeated`, what runs in parallel in
`qmodel.distributions.extremes`.

All take the times as independent: whoever composes dependent times says so in the basis
of the result. Constant times are kept apart exactly (`Distribution.parts`); a branch of
probability zero counts nothing, even where its time is infinite.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.distributions.base import Distribution, Part
from qmodel.distributions.pieces import Pieces
from qmodel.distributions.shared import read, transform
from qmodel.errors import DomainError, ModelError

__all__ = ["Mixture", "checked_distributions", "measure", "merged", "weighed"]


def merged(parts: list[Part]) -> tuple[Part, ...]:
    """Return `parts`, those of equal shift put together, without empty ones."""
    by_shift: dict[Any, list[Part]] = {}
    for part in parts:
        if np.any(part.mass):
            by_shift.setdefault(_key(part.shift), []).append(part)
    return tuple(
        group[0]
        if len(group) == 1
        else Part(sum(part.mass for part in group), group[0].shift, _together(group))
        for group in by_shift.values()
    )


def _key(shift: Any) -> Any:
    """Return what equal shifts share."""
    if isinstance(shift, float):
        return float(shift)
    values = np.asarray(shift, dtype=float) + 0.0
    return values.shape, values.tobytes()


def _together(parts: list[Part]) -> Distribution:
    """Return the parts of one shift as one; what they share is in it once."""
    weights: dict[int, Any] = {}
    distributions: dict[int, Distribution] = {}
    for part in parts:
        for p, distribution in part.distribution.terms():
            known = id(distribution) in distributions
            weights[id(distribution)] = weights[id(distribution)] + p if known else p
            distributions[id(distribution)] = distribution
    return measure(tuple(weights.values()), tuple(distributions.values()))


def weighed(p: Any, distribution: Distribution) -> Distribution:
    """Return a distribution with its mass multiplied by `p`."""
    terms = distribution.terms()
    return measure(tuple(p * q for q, _ in terms), tuple(term for _, term in terms))


def measure(weights: tuple[Any, ...], distributions: tuple[Distribution, ...]) -> Distribution:
    """Return a mixture whose weights need not sum to 1."""
    mixture = object.__new__(Mixture)
    object.__setattr__(mixture, "probabilities", weights)
    object.__setattr__(mixture, "distributions", distributions)
    return mixture


def checked_distributions(distributions: Any) -> tuple[Distribution, ...]:
    """Return them as a tuple, refusing what is not a distribution."""
    checked: tuple[Distribution, ...] = tuple(distributions)
    for distribution in checked:
        if not isinstance(distribution, Distribution):
            raise ModelError(f"distributions must be distributions, got {distribution!r}")
    return checked


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Mixture(Distribution):
    """The distribution of one of several times, chosen at random.

    Parameters
    ----------
    probabilities : sequence of numbers or arrays
        Probability of each; they sum to 1. [-]
    distributions : sequence of Distribution
        The distribution of each. [-]

    Raises
    ------
    DomainError
        If the lengths differ, or the probabilities are outside 0 to 1 or do not sum to 1.
    ModelError
        If a part is not a distribution.

    Examples
    --------
    >>> from qmodel.distributions import Deterministic, Exponential
    >>> time = Mixture([0.9, 0.1], [Deterministic(0.001), Exponential(0.020)])
    >>> float(time.mean), float(time.quantile(0.5)), float(time.quantile(0.99))
    (0.0029, 0.001, 0.0461)
    """

    probabilities: tuple[Value, ...] = parameter("share of each", check=_check.weights)
    distributions: tuple[Distribution, ...]  # type: ignore[misc]  # `parameter` is no default

    def __post_init__(self) -> None:
        distributions, parts = (
            checked_distributions(self.distributions),
            len(self.probabilities),
        )
        if len(distributions) != parts:
            raise DomainError(
                f"distributions must be {parts}, one a probability, got {len(distributions)}"
            )
        object.__setattr__(self, "distributions", distributions)

    def _mix(self, values: Any) -> Any:
        values = tuple(values)
        xp = namespace(*self.probabilities, *values)
        return sum(xp.weigh(p, v) for p, v in zip(self.probabilities, values, strict=True))

    @property
    def closed(self) -> bool:  # type: ignore[override]
        """Whether all tails are closed forms."""
        return all(d.closed for d in self.distributions)

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._mix(d.mean for d in self.distributions)

    @property
    def unknown(self) -> Any:
        """Where a parameter is NaN, and everything with it."""
        parts = zip(self.probabilities, self.distributions, strict=True)
        # What is never chosen is not looked at.
        return reduce(
            np.logical_or,
            (np.isnan(p) | ((p > 0) & read(d, "unknown")) for p, d in parts),
        )

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        means = [d.mean for d in self.distributions]
        mean = self._mix(means)
        with np.errstate(invalid="ignore"):
            variance = self._mix(
                distribution.variance + (own - mean) ** 2
                for distribution, own in zip(self.distributions, means, strict=True)
            )
        if is_symbolic(variance):
            return variance
        return np.where(np.isinf(mean), np.inf, variance)[()]

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        means = [d.mean for d in self.distributions]
        mean = self._mix(means)
        return self._mix(
            distribution.third_cumulant
            + (own - mean) * (3 * distribution.variance + (own - mean) ** 2)
            for distribution, own in zip(self.distributions, means, strict=True)
        )

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return self._mix(read(d, "atom") for d in self.distributions)

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return self._mix(read(d, "defect") for d in self.distributions)

    @property
    def analytic(self) -> bool:
        """Whether all transforms continue to the left half-plane."""
        return all(read(d, "analytic") for d in self.distributions)

    @property
    def nested(self) -> bool:  # type: ignore[override]
        """Whether one of them is, or is an extreme that is deep."""
        return any(d.nested or d.deep for d in self.distributions)

    @property
    def exponential_limit(self) -> Value:
        """That of the slowest tail that is ever chosen. [1/s]."""
        used = zip(self.probabilities, self.distributions, strict=True)
        limits = (
            np.where(np.asarray(p) > 0, read(d, "exponential_limit"), np.inf) for p, d in used
        )
        return reduce(np.minimum, limits)[()]

    @property
    def finest(self) -> int:
        """Number of points on a line that the worst of the distributions bears. [-]."""
        return min((read(d, "finest") for d in self.distributions), default=4094)

    @property
    def mass(self) -> Value:
        """Total probability. [-]."""
        return self._mix(d.mass for d in self.distributions)

    def terms(self) -> tuple[tuple[Value, Distribution], ...]:
        """Return probabilities and distributions, with mixtures among them written out."""
        return tuple(
            (p * q, term)
            for p, distribution in zip(self.probabilities, self.distributions, strict=True)
            for q, term in distribution.terms()
        )

    def parts(self) -> tuple[Part, ...]:
        """Return the parts of all distributions, by probability."""
        return merged([
            Part(
                p * part.mass,
                part.shift,
                part.distribution if _one(p) else weighed(p, part.distribution),
            )
            for p, distribution in zip(self.probabilities, self.distributions, strict=True)
            for part in distribution.parts()
        ])  # fmt: skip

    def pieces(self) -> Pieces | None:
        """Return the pieces of all distributions, by probability."""
        found = [d.pieces() for d in self.distributions]
        known = [pieces for pieces in found if pieces is not None]
        if len(known) < len(found):
            return None
        return Pieces(
            tuple(
                term._replace(weight=p * term.weight)
                for p, pieces in zip(self.probabilities, known, strict=True)
                for term in pieces.terms
            ),
            all(pieces.whole for pieces in known),
        )

    def far_faces(self, t: np.ndarray) -> Any:
        """Return tail, densities and error where the tail is small, or None."""
        found = [d.far_faces(t) for d in self.distributions]
        if any(each is None for each in found):
            return None
        return tuple(self._mix(values) for values in zip(*found, strict=True))

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], as good as those of its parts."""
        return (
            self._mix(
                distribution.mean * distribution.remaining_gap(s)
                for distribution in self.distributions
            )
            / self.mean
        )

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        terms = zip(self.probabilities, self.distributions, strict=True)
        return sum(
            transform(distribution, s) if _one(p) else p * transform(distribution, s)
            for p, distribution in terms
        )

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        if not self.closed:
            return super(Mixture, self).tail(t)
        return self._mix(distribution.tail(t) for distribution in self.distributions)

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s], without the atoms."""
        if not self.closed:
            return super(Mixture, self).density(t)
        return self._mix(distribution.density(t) for distribution in self.distributions)


def _one(p: Any) -> bool:
    return isinstance(p, (int, float)) and p == 1
