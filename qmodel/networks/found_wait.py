r"""The wait behind those that a request finds: each finishes at an exponential rate.

With c servers that are all busy until the request is served, and the probabilities
:math:`m_j` of finding j present, the wait is Erlang with :math:`j - c + 1` stages,

.. math::

    E[e^{-s T_q}] = \sum_{j < c} m_j + \sum_{j \ge c} m_j
    \left( \frac{r}{r + s} \right)^{j - c + 1} ,

r being the rate at which the busy station finishes requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import Distribution
from qmodel.distributions.broadcasting import whole

__all__ = ["FoundWait"]

_LEAST = 1e-15
"""A probability whose stages are not worth their time."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FoundWait(Distribution):
    """A wait of so many exponential stages, in cells.

    Parameters
    ----------
    cell : int or integer array
        Which column of the weights each cell has. [-]
    rate : number or array
        Rate of a stage; NaN where the load is unknown. [1/s]
    weights : array of shape (stages + 1, cells)
        Probability of each number of stages. [-]
    """

    cell: Value
    rate: Value
    weights: Any = whole()  # noqa: RUF009 (a field, as of dataclasses)

    @staticmethod
    def of(met: Any, servers: Any, rate: Any) -> FoundWait:
        """Return the wait from the probabilities of finding 0, 1, ... present, in cells."""
        shape = np.broadcast_shapes(met.shape[1:], np.shape(servers), np.shape(rate))
        met = np.broadcast_to(met.reshape(len(met), *_ones(met, shape)), (len(met), *shape))
        servers = np.broadcast_to(np.asarray(servers, dtype=float), shape)
        n = np.arange(len(met)).reshape(-1, *[1] * len(shape))
        stages = np.maximum(n - servers + 1, 0).astype(int)
        weights = np.zeros((len(met) + 1, met[0].size))
        cells = np.broadcast_to(np.arange(met[0].size).reshape(shape), met.shape)
        np.add.at(weights, (stages.ravel(), cells.ravel()), met.ravel())
        known = np.nonzero(weights.max(axis=1) > _LEAST)[0]
        kept = weights[: 1 + (known[-1] if len(known) else 0)]
        cell = np.arange(met[0].size).reshape(shape)[()]
        return FoundWait(cell, np.broadcast_to(rate, shape)[()], kept)

    def _moments(self) -> tuple[Any, Any, Any]:
        k = np.arange(len(self.weights))[:, None]
        first = (k * self.weights).sum(axis=0)
        second = (k * (k + 1) * self.weights).sum(axis=0)
        third = (k * (k + 1) * (k + 2) * self.weights).sum(axis=0)
        return tuple(m[self.cell] for m in (first, second, third))

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._moments()[0] / self.rate

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        first, second, _ = self._moments()
        return (second - first**2) / self.rate**2

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        first, second, third = self._moments()
        return (third - 3 * first * second + 2 * first**3) / self.rate**3

    @property
    def atom(self) -> Value:
        """Probability of no wait. [-]."""
        return self.weights[0][self.cell] + 0 * self.rate

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        step = self.rate / (self.rate + s)
        weights = self.weights[:, self.cell]
        found = np.array(weights[-1] + 0 * step)
        real = found.real  # At complex points the weights are added to the real part alone.
        for w in weights[-2::-1]:
            found *= step
            real += w
        return found[()]


def _ones(met: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    ones: tuple[int, ...] = (1,) * (len(shape) - met.ndim + 1)
    return (*ones, *met.shape[1:])
