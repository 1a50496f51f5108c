r"""How laws compose: in sequence, as alternatives, repeated, shifted and scaled.

=============  ============================  =========================
a pipeline's   is the law's                  with transform or tail
=============  ============================  =========================
series         `Sum`                         :math:`\prod_i F_i(s)`
branch         `Mixture`                     :math:`\sum_i p_i F_i(s)`
repetition     `Repeated`                    :math:`F(s)^n`
constant       `Shifted`                     :math:`e^{-s d} F(s)`
=============  ============================  =========================

What runs in parallel is in `qmodel.distributions.extremes`.

All take the times as independent: whoever composes dependent times says so in the basis
of the result. Constant times are kept apart exactly (`Distribution.parts`); a branch of
probability zero counts nothing, even where its time is infinite.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from operator import mul
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import check_fields, parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.distributions.base import Distribution, Part
from qmodel.distributions.families import ZERO
from qmodel.distributions.pieces import MOST, Piece, Pieces, product
from qmodel.errors import DomainError, ModelError

__all__ = ["Mixture", "Repeated", "Scaled", "Shifted", "Sum", "checked_laws", "measure"]


def merged(parts: list[Part]) -> tuple[Part, ...]:
    """Return `parts` with those of equal shift put together, and empty ones left out."""
    by_shift: list[list[Part]] = []
    for part in parts:
        if not np.any(part.mass):
            continue
        for group in by_shift:
            if group[0].shift is part.shift or np.array_equal(group[0].shift, part.shift):
                group.append(part)
                break
        else:
            by_shift.append([part])
    return tuple(
        group[0]
        if len(group) == 1
        else Part(
            sum(part.mass for part in group),
            group[0].shift,
            measure((1.0,) * len(group), tuple(part.law for part in group)),
        )
        for group in by_shift
    )


def measure(weights: tuple[Any, ...], laws: tuple[Distribution, ...]) -> Distribution:
    """Return a mixture whose weights need not sum to 1: the law of a `Part`."""
    mixture = object.__new__(Mixture)
    object.__setattr__(mixture, "probabilities", weights)
    object.__setattr__(mixture, "laws", laws)
    return mixture


def checked_laws(laws: Any) -> tuple[Distribution, ...]:
    """Return `laws` as a tuple, refusing what is not a distribution."""
    checked: tuple[Distribution, ...] = tuple(laws)
    for law in checked:
        if not isinstance(law, Distribution):
            raise ModelError(f"laws must be distributions, got {law!r}")
    return checked


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sum(Distribution):
    """The law of a sum of independent times, one after the other.

    Parameters
    ----------
    laws : sequence of Distribution
        The times; none gives zero. [-]

    Raises
    ------
    ModelError
        If a part is not a distribution.

    Examples
    --------
    >>> from qmodel.distributions import Deterministic, Exponential
    >>> law = Sum([Deterministic(0.05), Exponential(0.01), Exponential(0.02)])
    >>> float(law.mean), float(law.quantile(0.99)), float(law.tail(0.05))
    (0.08, 0.1559, 1.0)
    """

    laws: tuple[Distribution, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "laws", checked_laws(self.laws))

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return sum(law.mean for law in self.laws)

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return sum(law.variance for law in self.laws)

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return sum(law.third_cumulant for law in self.laws)

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return prod(law.atom for law in self.laws)

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return 1 - prod(1 - law.defect for law in self.laws)

    @property
    def analytic(self) -> bool:
        """Whether all transforms continue to the left half-plane."""
        return all(law.analytic for law in self.laws)

    @property
    def mass(self) -> Value:
        """Total probability. [-]."""
        return prod(law.mass for law in self.laws)

    def parts(self) -> tuple[Part, ...]:
        """Return every combination of the parts of the laws."""
        found: list[Part] = [Part(1.0, 0.0, ZERO)]
        for law in self.laws:
            steps = law.parts()
            found = list(
                merged([
                    Part(mul(a.mass, b.mass), a.shift + b.shift, _after(a.law, b.law))
                    for a in found
                    for b in steps
                ])
            )  # fmt: skip
        return tuple(found)

    def pieces(self) -> Pieces | None:
        """Return every combination of the pieces of the laws, what is smooth as one."""
        smooth = tuple(law for law in self.laws if law.analytic)
        found = [law.pieces() for law in self.laws if not law.analytic]
        known = [pieces for pieces in found if pieces is not None]
        if len(known) < len(found):
            return None
        return product([*known, Pieces((Piece(1.0, 0.0, 0, Sum(smooth) if smooth else None),))])

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], as good as those of the laws."""
        # 1 - F G = (1 - F) + F (1 - G): differences of nearby numbers never appear.
        mean: Any = 0
        transform: Any = 1
        scaled: Any = 0
        for law in self.laws:
            gap, own = law.remaining_gap(s), law.mean
            before = mean * s - s * scaled
            scaled = scaled + own * (before + transform * gap)
            transform, mean = transform * law.laplace(s), mean + own
        return scaled / mean

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return prod(law.laplace(s) for law in self.laws)


def _after(first: Distribution, second: Distribution) -> Distribution:
    for one, other in ((first, second), (second, first)):
        if one is ZERO:
            return other
        nothing = [p for p, term in one.terms() if term is ZERO]
        if not nothing:
            continue
        rest = [(p, term) for p, term in one.terms() if term is not ZERO]
        if not rest:
            return measure((sum(nothing),), (other,))
        if other.closed and not other.analytic:
            # What follows nothing keeps its kinks.
            some = measure(*zip(*rest, strict=True))
            return measure((sum(nothing), 1.0), (other, Sum((some, other))))
    laws = (first.laws if isinstance(first, Sum) else (first,), (second,))
    return Sum(laws[0] + laws[1])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Mixture(Distribution):
    """The law of one of several times, chosen at random.

    Parameters
    ----------
    probabilities : sequence of numbers or arrays
        Probability of each; they sum to 1. [-]
    laws : sequence of Distribution
        The law of each. [-]

    Raises
    ------
    DomainError
        If the lengths differ, or the probabilities are outside 0 to 1 or do not sum to 1.
    ModelError
        If a part is not a distribution.

    Examples
    --------
    >>> from qmodel.distributions import Deterministic, Exponential
    >>> law = Mixture([0.9, 0.1], [Deterministic(0.001), Exponential(0.020)])
    >>> float(law.mean), float(law.quantile(0.5)), float(law.quantile(0.99))
    (0.0029, 0.001, 0.0461)
    """

    probabilities: tuple[Value, ...] = parameter("share of each", check=_check.weights)
    laws: tuple[Distribution, ...]  # type: ignore[misc]  # `parameter` is no default

    def __post_init__(self) -> None:
        check_fields(self)
        laws, parts = checked_laws(self.laws), len(self.probabilities)
        if len(laws) != parts:
            raise DomainError(
                f"laws must be as many as probabilities, {parts}, got {len(laws)}"
            )
        object.__setattr__(self, "laws", laws)

    def _mix(self, values: Any) -> Any:
        values = tuple(values)
        xp = namespace(*self.probabilities, *values)
        return sum(xp.weigh(p, v) for p, v in zip(self.probabilities, values, strict=True))

    @property
    def closed(self) -> bool:  # type: ignore[override]
        """Whether all tails are closed forms."""
        return all(law.closed for law in self.laws)

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._mix(law.mean for law in self.laws)

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        mean = self.mean
        with np.errstate(invalid="ignore"):
            variance = self._mix(law.variance + (law.mean - mean) ** 2 for law in self.laws)
        if is_symbolic(variance):
            return variance
        return np.where(np.isinf(mean), np.inf, variance)[()]

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        mean = self.mean
        return self._mix(
            law.third_cumulant + (law.mean - mean) * (3 * law.variance + (law.mean - mean) ** 2)
            for law in self.laws
        )

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return self._mix(law.atom for law in self.laws)

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return self._mix(law.defect for law in self.laws)

    @property
    def analytic(self) -> bool:
        """Whether all transforms continue to the left half-plane."""
        return all(law.analytic for law in self.laws)

    @property
    def mass(self) -> Value:
        """Total probability. [-]."""
        return self._mix(law.mass for law in self.laws)

    def terms(self) -> tuple[tuple[Value, Distribution], ...]:
        """Return the probabilities and laws, those of mixtures among them written out."""
        return tuple(
            (p * q, term)
            for p, law in zip(self.probabilities, self.laws, strict=True)
            for q, term in law.terms()
        )

    def parts(self) -> tuple[Part, ...]:
        """Return the parts of all laws, by probability."""
        return merged([
            Part(p * part.mass, part.shift, part.law if _one(p) else measure((p,), (part.law,)))
            for p, law in zip(self.probabilities, self.laws, strict=True)
            for part in law.parts()
        ])  # fmt: skip

    def pieces(self) -> Pieces | None:
        """Return the pieces of all laws, by probability."""
        found = [law.pieces() for law in self.laws]
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

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], as good as those of the laws."""
        return self._mix(law.mean * law.remaining_gap(s) for law in self.laws) / self.mean

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        terms = zip(self.probabilities, self.laws, strict=True)
        return sum(law.laplace(s) if _one(p) else p * law.laplace(s) for p, law in terms)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        if not self.closed:
            return super(Mixture, self).tail(t)
        return self._mix(law.tail(t) for law in self.laws)

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s], without the atoms."""
        if not self.closed:
            return super(Mixture, self).density(t)
        return self._mix(law.density(t) for law in self.laws)


def _one(p: Any) -> bool:
    return isinstance(p, (int, float)) and p == 1


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

    def __post_init__(self) -> None:
        check_fields(self)

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

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return namespace(s, self.by).exp(-self.by * s) * self.law.laplace(s)


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

    def __post_init__(self) -> None:
        check_fields(self)

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
        return self.law.variance * self.factor**2

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

    def __post_init__(self) -> None:
        check_fields(self)

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
