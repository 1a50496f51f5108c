r"""A wait of phase type: an atom at zero, and a time until a chain of phases ends.

With the probabilities y of the phases of those who wait, and the rates W between phases,

.. math::

    P(T_q > t) = y e^{W t} 1, \qquad
    E[e^{-s T_q}] = 1 - y 1 + y (s I - W)^{-1} (-W 1) .

The transform is solved for, not diagonalised: eigenvectors of W lose their digits from some
fifty phases on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import Distribution
from qmodel.distributions.broadcasting import whole

__all__ = ["PhaseWait"]


class _Book(NamedTuple):
    """What the cells look up: rates (cells, n, n), start (cells, n) and three moments."""

    rates: Any
    start: Any
    moments: tuple[Any, Any, Any]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PhaseWait(Distribution):
    """A wait of phase type in cells.

    Parameters
    ----------
    cell : int or integer array
        Which of the chains each cell has. [-]
    scale : number or array
        1, inf in overload, NaN where the load is unknown. [-]
    book : object
        The chains. [-]
    """

    cell: Value
    scale: Value
    book: Any = whole()  # noqa: RUF009 (a field, as of dataclasses)

    @staticmethod
    def of(rates: Any, start: Any, cell: Any, scale: Any) -> PhaseWait:
        """Return the distribution from rates, starts, and the chain of each cell."""
        moments = []
        power = np.ones((*start.shape, 1))
        for k in (1, 2, 3):
            power = k * np.linalg.solve(-rates, power)
            moments.append(np.einsum("ci,cij->c", start, power))
        book = _Book(rates, start, (moments[0], moments[1], moments[2]))
        return PhaseWait(cell[()], np.asarray(scale)[()], book)

    @property
    def _overload(self) -> Any:
        return np.isinf(self.scale)

    @property
    def mean(self) -> Value:
        """Mean; inf in overload. [s]."""
        return (self.book.moments[0][self.cell] + 1e-300) * self.scale

    @property
    def variance(self) -> Value:
        """Variance; inf in overload. [s^2]."""
        first, second, _ = (m[self.cell] for m in self.book.moments)
        return (second - first**2 + 1e-300) * self.scale

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant; inf in overload. [s^3]."""
        first, second, third = (m[self.cell] for m in self.book.moments)
        return (third - 3 * first * second + 2 * first**3 + 1e-300) * self.scale

    @property
    def atom(self) -> Value:
        """Probability of no wait. [-]."""
        none = 1 - self.book.start.sum(axis=-1)[self.cell]
        return np.where(self._overload, 0.0, none + 0 / np.asarray(self.scale))[()]

    @property
    def defect(self) -> Value:
        """Probability of no end: 1 in overload. [-]."""
        return np.where(self._overload, 1.0, 0.0)[()]

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        rates, start = self.book.rates[self.cell], self.book.start[self.cell]
        s = np.asarray(s)
        matrix = s[..., None, None] * np.eye(start.shape[-1]) - rates
        ends = -rates.sum(axis=-1)
        ends = np.broadcast_to(ends, (*matrix.shape[:-2], start.shape[-1]))[..., None]
        waited = (start * np.linalg.solve(matrix, ends)[..., 0]).sum(axis=-1)
        found = 1 - start.sum(axis=-1) + waited + 0 / np.asarray(self.scale)
        return np.where(self._overload, 0.0, found)[()]
