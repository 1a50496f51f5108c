"""Sums of independent times: one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import prod
from operator import mul
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.distributions.algebra import checked_distributions, measure, merged, weighed
from qmodel.distributions.base import Distribution, Part
from qmodel.distributions.constants import ZERO, Deterministic
from qmodel.distributions.empirical import summed_up
from qmodel.distributions.one_big_jump import far_faces
from qmodel.distributions.pieces import Piece, Pieces, product
from qmodel.distributions.shared import read, transform

__all__ = ["Sum"]

_MOST_PARTS = 128
_MOST_COSTLY, _CHEAP = 32, 1022
"""Parts where a transform by quadrature bears fewer points than these."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sum(Distribution):
    """The distribution of a sum of independent times, one after the other.

    Parameters
    ----------
    distributions : sequence of Distribution
        The times; none gives zero. [-]

    Raises
    ------
    ModelError
        If a part is not a distribution.

    Examples
    --------
    >>> from qmodel.distributions import Deterministic, Exponential
    >>> time = Sum([Deterministic(0.05), Exponential(0.01), Exponential(0.02)])
    >>> float(time.mean), float(time.quantile(0.99)), float(time.tail(0.05))
    (0.08, 0.1559, 1.0)
    """

    distributions: tuple[Distribution, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "distributions", checked_distributions(self.distributions))

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return sum(d.mean for d in self.distributions)

    @property
    def unknown(self) -> Any:
        """Where a parameter is NaN, and everything with it."""
        return reduce(
            np.logical_or,
            (read(d, "unknown") for d in self.distributions),
            np.False_,
        )

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return sum(d.variance for d in self.distributions)

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        return sum(d.third_cumulant for d in self.distributions)

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return prod(read(d, "atom") for d in self.distributions)

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return 1 - prod(1 - read(d, "defect") for d in self.distributions)

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
        """That of the slowest tail. [1/s]."""
        limits = (read(d, "exponential_limit") for d in self.distributions)
        return reduce(np.minimum, limits, np.inf)

    @property
    def finest(self) -> int:
        """Number of points on a line that the worst of the distributions bears. [-]."""
        return min((read(d, "finest") for d in self.distributions), default=4094)

    @property
    def mass(self) -> Value:
        """Total probability. [-]."""
        return prod(d.mass for d in self.distributions)

    def parts(self) -> tuple[Part, ...]:
        """Return every combination of the parts, those of equal shifts as one."""
        measured = [d for d in self.distributions if not isinstance(d, Deterministic)]
        if len(measured) > 1 and (whole := summed_up(measured)):
            constant = [d for d in self.distributions if isinstance(d, Deterministic)]
            return Sum((whole, *constant)).parts()
        found: tuple[Part, ...] = (Part(1.0, 0.0, ZERO),)
        # What has one part follows all others alike, whatever its place in the row.
        common, rest = found, list[Distribution]()
        for distribution in self.distributions:
            steps = distribution.parts()
            if len(steps) == 1:
                common = _combined(common, steps)
            elif rest or len(found) * len(steps) > _most_parts(distribution):
                # More jumps than these are not told apart: what follows is inverted whole.
                rest.append(distribution)
            else:
                found = _combined(found, steps)
        if rest:
            found = _combined(found, (Part(1.0, 0.0, Sum(tuple(rest))),))
        return _combined(found, common)

    def pieces(self) -> Pieces | None:
        """Return every combination of the pieces, what is smooth as one."""
        smooth = tuple(
            distribution for distribution in self.distributions if distribution.analytic
        )
        found = [
            distribution.pieces()
            for distribution in self.distributions
            if not distribution.analytic
        ]
        known = [pieces for pieces in found if pieces is not None]
        if len(known) < len(found):
            return None
        rest = Piece(1.0, 0.0, 0, Sum(smooth) if smooth else None)
        return product([*known, Pieces((rest,))], Sum)

    def far_faces(self, t: np.ndarray) -> Any:
        """Return tail, densities and error where a heavy tail is small, or None."""
        return far_faces([(1, d) for d in self.distributions], t)

    def remaining_gap(self, s: Value) -> Value:
        """Return the gap of the remaining time at `s` [1/s], as good as those of its parts."""
        # 1 - F G = (1 - F) + F (1 - G): differences of nearby numbers never appear.
        mean: Any = 0
        transform: Any = 1
        scaled: Any = 0
        for distribution in self.distributions:
            gap, own = distribution.remaining_gap(s), distribution.mean
            before = mean * s - s * scaled
            if not is_symbolic(before):
                # Far out the rounding of each step would grow by s times the next mean.
                before = np.where(abs(mean * s) < 1, before, 1 - transform)
            scaled = scaled + own * (before + transform * gap)
            transform, mean = transform * distribution.laplace(s), mean + own
        return scaled / mean

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        return prod(transform(distribution, s) for distribution in self.distributions)


def _most_parts(distribution: Distribution) -> int:
    return _MOST_PARTS if read(distribution, "finest") > _CHEAP else _MOST_COSTLY


def _combined(first: tuple[Part, ...], second: tuple[Part, ...]) -> tuple[Part, ...]:
    found = [
        Part(mul(a.mass, b.mass), a.shift + b.shift, _after(a.distribution, b.distribution))
        for a in first
        for b in second
    ]
    return merged(found) if len(found) > 1 else tuple(found)


def _after(first: Distribution, second: Distribution) -> Distribution:
    for one, other in ((first, second), (second, first)):
        if one is ZERO:
            return other
        nothing = [p for p, term in one.terms() if term is ZERO]
        if not nothing:
            continue
        rest = [(p, term) for p, term in one.terms() if term is not ZERO]
        if not rest:
            return weighed(sum(nothing), other)
        if other.closed and not other.analytic:
            # What follows nothing keeps its kinks.
            some = measure(*zip(*rest, strict=True))
            return measure((sum(nothing), 1.0), (other, Sum((some, other))))
    # What is a distribution already need not be looked at again, at each step of a long row.
    row = object.__new__(Sum)
    before = first.distributions if isinstance(first, Sum) else (first,)
    object.__setattr__(row, "distributions", (*before, second))
    return row
