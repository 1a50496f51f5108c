r"""A time that is known to have ended by a deadline: what a client with a timeout sees.

.. math:: P(X > t \mid X \le d) = \frac{\bar F(t) - \bar F(d)}{1 - \bar F(d)}, \qquad t < d .
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.distributions.base import Distribution
from qmodel.errors import ModelError
from qmodel.numerics import quadrature

__all__ = ["Truncated"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Truncated(Distribution):
    """The distribution of a time, given that it is not longer than a deadline.

    Parameters
    ----------
    law : Distribution
        The time. [-]
    deadline : number or array
        What it does not exceed, > 0; where it always does, the time is the deadline. [s]

    Raises
    ------
    DomainError
        If `deadline` is not > 0.
    ModelError
        If `law` is not a distribution, or is asked for on symbols.

    Examples
    --------
    >>> from qmodel.distributions import Exponential
    >>> in_time = Truncated(Exponential(0.2), deadline=0.5)
    >>> float(in_time.mean), float(in_time.quantile(0.99)), float(in_time.tail(0.5))
    (0.1553, 0.4787, 0.0)
    """

    law: Distribution
    deadline: Value
    closed = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "deadline", _check.positive("deadline", self.deadline))

    def _late(self) -> Any:
        late = self.law.tail(self.deadline)
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
            within = (np.asarray(self.law.tail(below)) - late) / (1 - late)
        # Where all are late, the few in time are so just in time.
        within = np.where(late >= 1, 1.0, np.clip(within, 0.0, 1.0))
        return np.where(t >= self.deadline, 0.0 * within, within)[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        late, t = self._late(), np.asarray(t, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = np.asarray(self.law.density(np.minimum(t, self.deadline))) / (1 - late)
        return np.where((t >= self.deadline) | (late >= 1), 0.0, inside)[()]

    def _moments(self) -> tuple[Any, Any, Any]:
        late = self._late()
        scale = np.minimum(np.asarray(self.law.mean), self.deadline) + 0.0 * late
        tail = partial(self._within, late)
        return quadrature.moments(tail, np.where(scale > 0, scale, 1.0), (self.deadline,))

    @property
    def mean(self) -> Value:
        """Mean, by quadrature of the tail. [s]."""
        return self._moments()[0]

    @property
    def unknown(self) -> Any:
        """Where a parameter is NaN, and everything with it."""
        return self.law.unknown | np.isnan(self.deadline)

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
        return quadrature.transform(partial(self._within, self._late()), s, (self.deadline,))
