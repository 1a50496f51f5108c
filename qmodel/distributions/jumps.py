r"""What is smooth of times in parallel: without the time that is always taken, and its jumps.

Where one of the times may take just :math:`a`, such as a deadline, an extreme of them jumps:

.. math:: m_a = P(X > a^-) - P(X > a), \qquad
    \bar F(t) = \sum_{a > t} m_a + \bar F_{rest}(t) .

The jumps are kept apart exactly (`qmodel.distributions.base.Distribution.parts`), and the rest
has kinks at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel._typing import Value
from qmodel.distributions.algebra import measure
from qmodel.distributions.base import Distribution, Part
from qmodel.distributions.constants import ZERO
from qmodel.distributions.last_seen import Last, where

if TYPE_CHECKING:
    from qmodel.distributions.extremes import Extreme

__all__ = ["Jump", "Rest", "jump_part", "jumps", "known"]

_SEEN = Last(16)
"""The last transforms by quadrature: alternatives that share one all ask for it."""


def known(distribution: Distribution, later: Any, s: Any, make: Callable[[Any], Any]) -> Any:
    """Return what was found of a distribution at the points `s`, or find it."""
    of = later if isinstance(later, str) else np.asarray(later).tobytes()
    return _SEEN.of((id(distribution), of, where(s)), distribution, lambda: make(s))


class Jump(NamedTuple):
    """A time that is taken with a probability, its `mass`."""

    time: Any
    mass: Any


def jumps(begun: Sequence[Part], least: Any, tail: Callable[[Any], Any]) -> tuple[Jump, ...]:
    """Return the jumps of a tail after `least`: at the starts of parts that have an atom."""
    found: list[Jump] = []
    for part in begun:
        later = np.greater(part.shift, least)
        if not later.any() or not np.any(part.distribution.atom):
            continue
        # What stands at one time with another jump is in that one.
        later = later & np.isfinite(part.shift)
        for jump in found:
            later = later & np.not_equal(part.shift, jump.time)
        if later.any():
            fall = tail(np.nextafter(part.shift, 0.0)) - tail(part.shift)
            found.append(Jump(part.shift, np.where(later, fall, 0.0)[()]))
    return tuple(found)


def jump_part(jump: Jump) -> Part:
    """Return a jump as a part."""
    return Part(jump.mass, jump.time, measure((jump.mass,), (ZERO,)))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Rest(Distribution):
    """What is left of an extreme after a time that it always takes, and without its jumps."""

    distribution: Extreme
    taken: Value
    jumps: tuple[Jump, ...] = ()
    closed = True

    def far_faces(self, t: np.ndarray) -> Any:
        """Return tail, densities and error where the tail is small, or None."""
        found = self.distribution.far_faces(t + self.taken)
        if found is None:
            return None
        tail, density, error = found
        return self._without_jumps(t[1], tail), density, error

    def _left(self, value: Value, taken_off: Callable[[Jump], Any]) -> Any:
        return value - sum(map(taken_off, self.jumps)) if self.jumps else value

    @property
    def of_smooth(self) -> bool:  # type: ignore[override]
        """Whether it is smooth where the times are: no kink is left by a jump."""
        return not self.jumps

    @property
    def deep(self) -> bool:  # type: ignore[override]
        """As the extreme."""
        return self.distribution.deep

    @property
    def nested(self) -> bool:  # type: ignore[override]
        """As the extreme."""
        return self.distribution.nested

    @property
    def mass(self) -> Value:
        """Total probability, without the jumps. [-]."""
        return self._left(1.0, lambda jump: jump.mass)

    @property
    def mean(self) -> Value:
        """Mean, weighed by its mass. [s]."""
        whole = self.distribution.mean - self.taken
        return self._left(whole, lambda jump: jump.mass * (jump.time - self.taken))

    @property
    def variance(self) -> Value:
        """That of the extreme. [s^2]."""
        return self.distribution.variance + 0 * self.taken

    @property
    def third_cumulant(self) -> Value:
        """That of the extreme. [s^3]."""
        return self.distribution.third_cumulant + 0 * self.taken

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return 1 - self.distribution.tail(self.taken)

    @property
    def analytic(self) -> bool:
        """The transform is known to the right of zero only."""
        return False

    @property
    def finest(self) -> int:
        """As the extreme. [-]."""
        return self.distribution.finest

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s], by quadrature of the tail."""
        whole = known(self.distribution, self.taken, s, self._after)
        return self._left(whole, lambda jump: jump.mass * np.exp(-s * (jump.time - self.taken)))

    def _after(self, s: Value) -> Value:
        return self.distribution.transform_after(s, self.taken)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return self._without_jumps(t, self.distribution.tail(t + self.taken))

    def _without_jumps(self, t: Value, tail: Value) -> Value:
        if not self.jumps:
            return tail
        at = t + self.taken
        left = self._left(tail, lambda jump: np.where(at < jump.time, jump.mass, 0.0))
        return np.maximum(left, 0.0)[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        return self.distribution.density(t + self.taken)

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return tail and density at `t` [s]."""
        tail, density = self.distribution.tail_and_density(t + self.taken)
        return self._without_jumps(t, tail), density
