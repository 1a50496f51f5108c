r"""A time that is known to have ended by a deadline: what a client with a timeout sees.

.. math:: P(X > t \mid X \le d) = \frac{\bar F(t) - \bar F(d)}{1 - \bar F(d)}, \qquad t < d .
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np

from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.distributions.algebra import Mixture, measure, merged
from qmodel.distributions.at_nodes import AtNodes, at_nodes
from qmodel.distributions.base import Distribution, Part
from qmodel.distributions.constants import ZERO
from qmodel.distributions.families import Exponential, Gamma
from qmodel.errors import ModelError
from qmodel.numerics import quadrature

__all__ = ["Truncated", "within"]


_MOST_LATE = 0.9
"""The share of what is late up to which no digits are lost where it is taken off."""


class _Known(NamedTuple):
    """What is asked for again and again: where it jumps, the share that is late, moments."""

    jumps: tuple[Value, ...]
    late: Value
    first: Value
    second: Value
    third: Value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Truncated(Distribution):
    """The distribution of a time, given that it is not longer than a deadline.

    Parameters
    ----------
    distribution : Distribution
        The time. [-]
    deadline : number or array
        What it does not exceed, > 0; where it always does, the time is the deadline. [s]
    known : tuple, optional
        The share that is late, and three moments, where they are known: `within`. [-]

    Raises
    ------
    DomainError
        If `deadline` is not > 0.
    ModelError
        If `distribution` is not a distribution, or is asked for on symbols.

    Examples
    --------
    >>> from qmodel.distributions import Exponential
    >>> in_time = Truncated(Exponential(0.2), deadline=0.5)
    >>> float(in_time.mean), float(in_time.quantile(0.99)), float(in_time.tail(0.5))
    (0.1553, 0.4787, 0.0)
    """

    distribution: Distribution
    deadline: Value = parameter("the time at which it ends", unit="s", check="positive")
    known: _Known | None = None
    closed = True

    def _late(self) -> Any:
        if self.known is not None:
            return np.asarray(self.known.late)
        late = self.distribution.tail(self.deadline)
        if is_symbolic(late):
            raise ModelError("a time within a deadline has no symbolic form: put numbers in")
        return np.asarray(late)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return self._within(self._late(), t)

    def _within(self, late: Any, t: Value) -> Value:
        """Return P(X > t), where the share that is late is known."""
        t = np.asarray(t, dtype=float)
        if np.all(t >= self.deadline) and not np.any(np.isnan(late)):
            return np.zeros(np.broadcast_shapes(t.shape, late.shape))[()]
        below = np.minimum(t, self.deadline)
        with np.errstate(divide="ignore", invalid="ignore"):
            within = (np.asarray(self.distribution.tail(below)) - late) / (1 - late)
        # Where all are late, the few in time are so just in time.
        within = np.where(late >= 1, 1.0, np.clip(within, 0.0, 1.0))
        return np.where(t >= self.deadline, 0.0 * within, within)[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        late, t = self._late(), np.asarray(t, dtype=float)
        return self._dense(late, t, self.distribution.density(np.minimum(t, self.deadline)))

    def _dense(self, late: Any, t: Any, density: Value) -> Value:
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = np.asarray(density) / (1 - late)
        return np.where((t >= self.deadline) | (late >= 1), 0.0, inside)[()]

    def parts(self) -> tuple[Part, ...]:
        """Return the time in time, and where all are late the deadline."""
        late = self._late()
        if not np.any(late >= 1):
            return (Part(1.0, 0.0, self),)
        at_once = np.where(late >= 1, 1.0, 0.0)[()]
        below = Part(1 - at_once, 0.0, measure((1 - at_once,), (self,)))
        return merged([below, Part(at_once, self.deadline, measure((at_once,), (ZERO,)))])

    def _breaks(self) -> tuple[Any, ...]:
        """Return the times at which the tail may jump, which no panel may bridge."""
        found = _jumps(self.distribution) if self.known is None else self.known.jumps
        return (*found, self.deadline)

    def _moments(self) -> tuple[Any, Any, Any]:
        if self.known is not None:
            return self.known[2:]
        late = self._late()
        scale = np.minimum(np.asarray(self.distribution.mean), self.deadline) + 0.0 * late
        tail = partial(self._within, late)
        return quadrature.moments(tail, np.where(scale > 0, scale, 1.0), self._breaks())

    @property
    def mean(self) -> Value:
        """Mean, by quadrature of the tail. [s]."""
        return self._moments()[0]

    @property
    def unknown(self) -> Any:
        """Where a parameter is NaN, and everything with it."""
        return self.distribution.unknown | np.isnan(self.deadline)

    @property
    def variance(self) -> Value:
        """Variance, by quadrature of the tail. [s^2]."""
        first, second, _ = self._moments()
        return second - first**2

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant, by quadrature of the tail. [s^3]."""
        first, second, third = self._moments()
        return third - 3 * first * second + 2 * first**3

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return 1 - self.tail(0.0)

    @property
    def analytic(self) -> bool:
        """The transform is known to the right of zero only."""
        return False

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s], Re s >= 0, by quadrature of the tail."""
        late = self._late()
        smooth = self.distribution.closed and self.distribution.analytic
        if not smooth or not np.all((late > 0) & (late < _MOST_LATE)):
            return quadrature.transform(partial(self._within, late), s, self._breaks())
        # All of it less what is late, which is smooth from the deadline on.
        left = quadrature.transform(
            lambda t: self.distribution.tail(self.deadline + t) / late, s
        )
        return (self.distribution.laplace(s) - late * np.exp(-s * self.deadline) * left) / (
            1 - late
        )


def _jumps(distribution: Distribution) -> tuple[Any, ...]:
    """Return the constant that each time takes at least, where there is one."""
    shifts = [part.shift for part in distribution.parts()]
    if not all(np.any(shift) for shift in shifts):
        return ()  # Panels between all jumps would ask slow tails too often.
    return tuple(shifts) if len(shifts) == 1 else (reduce(np.minimum, shifts),)


def within(distribution: Distribution, deadline: Value) -> Truncated:
    """Return a time that has ended by a deadline, its tail at nodes, and its moments known.

    Parameters
    ----------
    distribution : Distribution
        The time. [-]
    deadline : number or array
        What it does not exceed, > 0. [s]

    Returns
    -------
    Truncated
        The time in time, for which much can be asked at little cost. [-]

    Examples
    --------
    >>> from qmodel.distributions import Erlang, Gamma, Sum
    >>> in_time = within(Sum([Gamma(0.1, 0.3), Erlang(0.2, 3)]), 0.5)
    >>> float(in_time.mean), float(in_time.quantile(0.99))
    (0.2767, 0.4885)
    """
    nodes = at_nodes(distribution, deadline)
    plain = Truncated(nodes, deadline)
    late, jumps = plain._late(), _jumps(distribution)
    if (below := _below(distribution, deadline)) is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            moments = [
                np.where(late < 1, part / below[0], deadline**n)[()]
                for n, part in enumerate(below[1:], 1)
            ]
        return replace(plain, known=_Known(jumps, late[()], *moments))
    if not isinstance(nodes, AtNodes):
        return replace(plain, known=_Known(jumps, late[()], *plain._moments()))
    with np.errstate(divide="ignore", invalid="ignore"):
        moments = [
            np.where(late >= 1, deadline**n, integral / (1 - late))[()]
            for n, integral in enumerate(nodes.integrals(), 1)
        ]
    return replace(plain, known=_Known(jumps, late[()], *moments))


def _below(distribution: Distribution, deadline: Value) -> list[Any] | None:
    r"""Return P(X <= d) and E[X^n; X <= d] for n = 1, 2, 3, where they have a closed form.

    Of a gamma distribution of shape k they are E[X^n] P(Y <= d), Y of shape k + n.
    """
    from scipy.special import gammainc

    if isinstance(distribution, Mixture):
        parts = [_below(part, deadline) for part in distribution.distributions]
        if any(part is None for part in parts):
            return None
        shares = distribution.probabilities
        weigh = namespace(*shares).weigh
        return [sum(map(weigh, shares, some)) for some in zip(*parts, strict=True)]
    if not isinstance(distribution, (Exponential, Gamma)):
        return None
    shape = 1 / np.asarray(distribution.scv)
    scale = distribution.mean / shape
    moments = np.cumprod(
        [scale**0 + 0 * shape, *(scale * (shape + n) for n in range(3))], axis=0
    )
    return [m * gammainc(shape + n, deadline / scale) for n, m in enumerate(moments)]
