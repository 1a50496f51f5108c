r"""Times in parallel: wait for all, or for the first.

.. math::

    P(\max_i X_i > t) = 1 - \prod_i (1 - \bar F_i(t)), \qquad
    P(\min_i X_i > t) = \prod_i \bar F_i(t)

for independent times. The tails are closed where the times' own are; moments and
transforms are integrals of them (`qmodel.numerics.quadrature`). The time that an extreme
always takes, such as a network round trip in every branch, is kept apart exactly.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate
from math import prod
from operator import mul
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.distributions.algebra import checked_distributions
from qmodel.distributions.at_nodes import Known, inside
from qmodel.distributions.base import Distribution, Part
from qmodel.distributions.broadcasting import select, shape_of
from qmodel.distributions.in_panels import InPanels, in_panels, to_its_end
from qmodel.distributions.jumps import Rest, jump_part, jumps, known
from qmodel.distributions.last_seen import Last
from qmodel.errors import ModelError
from qmodel.numerics import quadrature

__all__ = ["Extreme", "Maximum", "Minimum", "OfSeveral", "least_of"]


_AT_NODES = Last(256)
"""The last of them, of times in panels."""
_OFTEN, _PARTS, _MOMENTS = Last(256), Last(256), Last(256)
"""Of the last extremes: asked for at each level."""


class Extreme(Distribution):
    """What times in parallel share: a tail in closed form, the rest by quadrature of it."""

    __slots__ = ()

    if TYPE_CHECKING:
        # A property would become the default value of a field of this name.
        @property
        def distributions(self) -> tuple[Distribution, ...]:
            """The times."""

    closed = True

    costly = False
    """Whether its tail costs far more than those of its times."""

    def _moments(self) -> tuple[Any, Any, Any]:
        found: tuple[Any, Any, Any] = _MOMENTS.of(id(self), self, self._by_quadrature)
        return found

    def _by_quadrature(self) -> tuple[Any, Any, Any]:
        means = [distribution.mean for distribution in self.distributions]
        if is_symbolic(*means):
            raise ModelError("the moments of a maximum or minimum have no symbolic form here")
        shape = shape_of(self)
        if self.deep and shape:
            cells = [select(self, shape, k)._moments() for k in range(math.prod(shape))]
            return tuple(np.reshape(x, shape) for x in zip(*cells, strict=True))  # type: ignore[return-value]
        scale = np.asarray(self._scale(means))
        endless = np.isinf(scale)
        at_nodes = self._by_nodes()
        summed = () if all(map(_settled_near, self.distributions)) else self._summed()

        def tail(t: Any) -> Any:
            if not summed:
                return at_nodes.tail(t)
            return sum(n * d.tail(t) for n, d in at_nodes._summed()) - at_nodes.tail(t)

        found = quadrature.moments(tail, np.where(endless, 1.0, scale), self._breaks())
        if summed:
            # Far out nearly all of the tail is that of the times, which know their moments:
            # what an inversion leaves there is weighed by the cube of the time, and a heavy
            # tail goes on beyond the last panel.
            of_all = [[n * m for m in _raw(d)] for n, d in summed]
            found = tuple(sum(ms) - m for *ms, m in zip(*of_all, found, strict=True))
        return tuple(np.where(endless, np.inf, m)[()] for m in found)  # type: ignore[return-value]

    def _summed(self) -> Sequence[tuple[Any, Distribution]]:
        """Return times, and how many of each, whose tails sum to its own far out; or none."""
        return ()

    @abstractmethod
    def _scale(self, means: list[Any]) -> Any:
        """Return a time of the size of the extreme: infinite where it is."""

    def _breaks(self) -> tuple[Any, ...]:
        return tuple(part.shift for part in self._begun() if np.any(part.shift))

    def _begun(self) -> list[Part]:
        """Return the parts of all times."""
        return [part for distribution in self.distributions for part in distribution.parts()]

    def parts(self) -> tuple[Part, ...]:
        """Return what is smooth, later by the time that is always taken, and later jumps."""
        found: tuple[Part, ...] = _PARTS.of(id(self), self, self._parts)
        return found

    def _parts(self) -> tuple[Part, ...]:
        least = self._least()
        found = jumps(self._begun(), least, self._by_nodes().tail)
        if not found:
            return (Part(1.0, least, Rest(self, least) if np.any(least) else self),)
        rest = Rest(self, least, found)
        return (Part(rest.mass, least, rest), *map(jump_part, found))

    @abstractmethod
    def _least(self) -> Any: ...

    @property
    def mean(self) -> Value:
        """Mean, by quadrature of the tail. [s]."""
        return self._moments()[0]

    @property
    def variance(self) -> Value:
        """Variance, by quadrature of the tail. [s^2]."""
        first, second, _ = self._moments()
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(first), np.inf, second - first**2)[()]

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant, by quadrature of the tail. [s^3]."""
        first, second, third = self._moments()
        with np.errstate(invalid="ignore"):
            central = third - 3 * first * second + 2 * first**3
        return np.where(np.isinf(first), np.inf, central)[()]

    @property
    def analytic(self) -> bool:
        """The transform is known to the right of zero only."""
        return False

    @property
    def finest(self) -> int:
        """Number of points on a line that a quadrature resolves at a bearable cost. [-]."""
        return 254

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s], Re s > 0, by quadrature of the tail."""
        if is_symbolic(s):
            raise ModelError("the transform of a maximum or minimum has no symbolic form here")
        return known(self, 0.0, s, self.transform_after)

    def transform_after(self, s: Value, taken: Any = 0.0) -> Value:
        """Return the transform at `s` [1/s] of what is left after a time [s]."""
        ready = self._for_transforms()
        if isinstance(ready, InPanels):
            return ready.transform_after(s, taken)
        later = (b - taken for b in self._breaks())
        breaks = [b for b in later if np.any(b > 0)]
        return quadrature.transform(lambda t: ready.tail(t + taken), s, breaks)

    @property
    def deep(self) -> bool:  # type: ignore[override]
        """Whether one of the times has an extreme in a row with others."""
        return any(map(_deep, self.distributions))

    @property
    def nested(self) -> bool:  # type: ignore[override]
        """Whether one of the times is."""
        return any(d.nested for d in self.distributions)

    def _by_nodes(self) -> Extreme:
        """Return the same of times in panels, where deep."""
        if not self.deep:
            return self
        found: Extreme = _AT_NODES.of(id(self), self, self._found_at_nodes)
        return found

    def _for_transforms(self) -> Distribution:
        """Return it, ready for many tails."""
        if all(d.closed for d in self.distributions) and not self.costly:
            return self
        found: Distribution = _OFTEN.of(id(self), self, self._ready_for_many)
        return found

    def _ready_for_many(self) -> Distribution:
        scale = self._scale([distribution.mean for distribution in self.distributions])
        if shape_of(self) or not np.isfinite(scale):
            return self._by_nodes() if self.deep else self._of(self._each(to_its_end))
        kinks = [part.shift for part in self._begun()]
        near = self._by_nodes()
        return in_panels(self, lambda t: (*near.tail_and_density(t), 0.0 * t), scale, kinks)

    def _found_at_nodes(self) -> Extreme:
        return self._of(self._each(lambda time: to_its_end(time) if _deep(time) else time))

    def _each(self, reading: Callable[[Distribution], Any]) -> list[Any]:
        """Return what is read of each time: of equal ones once."""
        times = {id(d): d for d in self.distributions}
        found = {key: reading(d) for key, d in times.items()}
        return [found[id(d)] for d in self.distributions]

    def far_faces(self, t: np.ndarray) -> Any:
        """Return tail, densities and error where the tail is small, or None."""
        if not self.deep:
            return super().far_faces(t)
        found = self._by_nodes()._each(lambda time: time.far_faces(t))
        if any(each is None for each in found):
            return None
        known = [Known(tail, density) for tail, density, _ in found]
        tail, density = self._of(known).tail_and_density(t)
        return tail[1], density, sum(error for _, _, error in found)

    @abstractmethod
    def _of(self, times: Sequence[Distribution]) -> Extreme:
        """Return the same of other times."""

    @property
    def of_smooth(self) -> bool:  # type: ignore[override]
        """Whether the tail is smooth where those of the times are: all begin at once."""
        least = self._least()
        shifts = (part.shift for one in self.distributions for part in one.parts())
        return all(np.all(shift == least) for shift in shifts)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OfSeveral(Extreme):
    """What extremes of several distributions share."""

    distributions: tuple[Distribution, ...]

    def __post_init__(self) -> None:
        distributions = checked_distributions(self.distributions)
        if not distributions:
            raise ModelError("distributions must hold at least one distribution")
        object.__setattr__(self, "distributions", _once(distributions))

    def _of(self, times: Sequence[Distribution]) -> Extreme:
        return replace(self, distributions=tuple(times))

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        return self.tail_and_density(t)[1]

    def guess(self, p: Any, least: Any) -> tuple[Any, Any]:
        """Return the extreme of the first guesses of the times, and no bound."""
        # A moment is an integral of the tail, and costs more than all steps from here.
        guesses = [
            distribution.guess(p, least_of(distribution) + 0 * p)[0]
            for distribution in self.distributions
        ]
        start = np.maximum(self._scale(guesses), least)
        return start, np.inf


def _once(times: Sequence[Distribution]) -> tuple[Distribution, ...]:
    """Return the times, with equal ones as one object."""
    known: dict[Distribution, Distribution] = {}
    try:
        return tuple(known.setdefault(time, time) for time in times)
    except TypeError:  # One of somebody's own need not have a hash.
        return tuple(times)


def _settled_near(distribution: Distribution) -> bool:
    """Return whether a tail is exact, and comes down to nothing."""
    return distribution.closed and not np.any(np.isinf(distribution.third_cumulant))


def _raw(distribution: Distribution) -> tuple[Any, Any, Any]:
    """Return the first three raw moments."""
    mean, variance = distribution.mean, distribution.variance
    third = distribution.third_cumulant + 3 * mean * variance + mean**3
    return mean, variance + mean**2, third


def _deep(distribution: Distribution) -> bool:
    """Return whether there is an extreme in a row with other times."""
    return not distribution.closed and any(map(_holds, inside(distribution)))


def _holds(distribution: Distribution) -> bool:
    return isinstance(distribution, Extreme | Rest) or any(map(_holds, inside(distribution)))


def others(shares: Sequence[Any]) -> list[Any]:
    """Return the product of all but one of `shares`, for each: a product from either end."""
    before = accumulate(shares[:-1], mul, initial=1.0)
    behind = reversed(list(accumulate(shares[:0:-1], mul, initial=1.0)))
    return [a * b for a, b in zip(before, behind, strict=True)]


def least_of(distribution: Distribution) -> Any:
    """Return the time that a distribution never falls below."""
    return reduce(np.minimum, (part.shift for part in distribution.parts()))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Maximum(OfSeveral):
    """The distribution of the longest of independent times: wait for all.

    Parameters
    ----------
    distributions : sequence of Distribution
        The times, at least one. [-]

    Raises
    ------
    ModelError
        If there is none, or one is not a distribution.

    Examples
    --------
    >>> from qmodel.distributions import Exponential
    >>> distribution = Maximum([Exponential(0.02)] * 3)
    >>> float(distribution.mean), float(distribution.quantile(0.99))
    (0.0367, 0.1140)
    """

    def _scale(self, means: list[Any]) -> Any:
        return reduce(np.maximum, means)

    def _summed(self) -> Sequence[tuple[Any, Distribution]]:
        return [(1, distribution) for distribution in self.distributions]

    def _least(self) -> Any:
        return reduce(
            np.maximum, (least_of(distribution) for distribution in self.distributions)
        )

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return prod(distribution.atom for distribution in self.distributions)

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return 1 - prod(1 - distribution.defect for distribution in self.distributions)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s], without loss of small tails."""
        with np.errstate(divide="ignore"):
            # A tail that is a sum may exceed 1 by its rounding.
            return -np.expm1(
                sum(self._each(lambda time: np.log1p(-np.minimum(time.tail(t), 1.0))))
            )

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return tail and density at `t` [s], from one look at each time."""
        tails, densities = zip(*self._each(lambda time: time.tail_and_density(t)), strict=True)
        with np.errstate(divide="ignore"):
            # A tail that is a sum may exceed 1 by its rounding.
            done = [np.log1p(-np.minimum(tail, 1.0)) for tail in tails]
        rest = others([1 - tail for tail in tails])
        return -np.expm1(sum(done)), sum(map(mul, densities, rest))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Minimum(OfSeveral):
    """The distribution of the shortest of independent times: wait for the first.

    Parameters
    ----------
    distributions : sequence of Distribution
        The times, at least one. [-]

    Raises
    ------
    ModelError
        If there is none, or one is not a distribution.

    Examples
    --------
    >>> from qmodel.distributions import Exponential
    >>> distribution = Minimum([Exponential(0.02), Exponential(0.02)])
    >>> float(distribution.mean), float(distribution.quantile(0.99))
    (0.01, 0.0461)
    """

    def _scale(self, means: list[Any]) -> Any:
        return reduce(np.minimum, means)

    def _least(self) -> Any:
        return reduce(
            np.minimum, (least_of(distribution) for distribution in self.distributions)
        )

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return 1 - prod(1 - distribution.atom for distribution in self.distributions)

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return prod(distribution.defect for distribution in self.distributions)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return prod(self._each(lambda time: time.tail(t)))

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return tail and density at `t` [s], from one look at each time."""
        tails, densities = zip(*self._each(lambda time: time.tail_and_density(t)), strict=True)
        return prod(tails), sum(map(mul, densities, others(tails)))
