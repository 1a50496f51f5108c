r"""The wait behind those that a request finds: one is under way, and others follow.

With c servers that are all busy until the request is served, and the probabilities
:math:`m_j` of finding j present, the wait has :math:`j - c + 1` stages,

.. math::

    E[e^{-s T_q}] = \sum_{j < c} m_j + \varphi_1(s) \sum_{j \ge c} m_j \, \varphi(s)^{j - c} .

With exponential service all are exponential, of the rate r at which the busy station finishes
requests, :math:`\varphi(s) = r / (r + s)`. Of other service stages are gamma distributed with
an SCV v, :math:`\varphi(s) = (1 + v s / r)^{-1 / v}`, and the first, which is what is left of a
service, with a mean and an SCV of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import Distribution
from qmodel.distributions.broadcasting import whole

__all__ = ["FoundWait"]

_REGULAR = 1e-6
"""An SCV below which a stage is constant."""
_ROOM = 12_288
"""Points at once, so that what is known of them fits in the cache."""
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
    scv : number or array, default 1
        SCV of a stage. [-]
    first, first_scv : number or array, default 1
        Mean of the first stage over that of others, and its SCV. [-]
    """

    cell: Value
    rate: Value
    weights: Any = whole()  # noqa: RUF009 (a field, as of dataclasses)
    scv: Value = 1.0
    first: Value = 1.0
    first_scv: Value = 1.0

    @staticmethod
    def of(
        met: Any, servers: Any, rate: Any, scv: Any = 1.0, first: Any = 1.0, left: Any = 1.0
    ) -> FoundWait:
        """Return the wait from the probabilities of finding 0, 1, ... present, in cells."""
        numbers = (rate, scv, first, left)
        shape = np.broadcast_shapes(*map(np.shape, (met[0], servers, *numbers)))
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
        rate, *shapes = (np.broadcast_to(x, shape)[()] for x in numbers)
        return FoundWait(cell, rate, kept, *shapes)

    def _moments(self) -> tuple[Any, Any, Any]:
        """Return the first three moments over those of 1 / rate."""
        after = np.arange(len(self.weights) - 1)[:, None]
        none, one, two, three = (
            (after**n * self.weights[1:]).sum(axis=0)[self.cell] for n in range(4)
        )
        v, r, q = self.scv, self.first, self.first_scv
        two, three = two + v * one, three + 3 * v * two + 2 * v**2 * one
        square, cube = r**2 * (1 + q), r**3 * (1 + q) * (1 + 2 * q)
        return (
            r * none + one,
            square * none + 2 * r * one + two,
            cube * none + 3 * square * one + 3 * r * two + three,
        )

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
        s = np.asarray(s) / self.rate
        weights, shapes = self.weights[:, self.cell], (self.scv, self.first, self.first_scv)
        cells = np.shape(self.cell)[-1:]
        if s.size <= _ROOM or s.shape[-1:] != cells:
            return _summed(s, weights, shapes)[()]
        # In parts that stay in the cache, which takes half the time.
        step = max(_ROOM * cells[0] // s.size, 1)
        parts = [slice(k, k + step) for k in range(0, cells[0], step)]
        return np.concatenate(
            [
                _summed(
                    s[..., here],
                    weights[..., here],
                    [x if np.ndim(x) == 0 else np.asarray(x)[..., here] for x in shapes],
                )
                for here in parts
            ],
            axis=-1,
        )


def _summed(s: Any, weights: Any, shapes: Sequence[Any]) -> Any:
    """Return the transform of as many stages as there are weights less one, by Horner."""
    scv, mean, first_scv = shapes
    step = first = _stage(s, scv)
    if np.any(np.not_equal(mean, 1)) or np.any(np.not_equal(first_scv, scv)):
        first = _stage(s * mean, first_scv)
    found = np.array((weights[-1] if len(weights) > 1 else 0) + 0 * step)
    real = found.real  # At complex points the weights are added to the real part alone.
    for w in weights[-2:0:-1]:
        found *= step
        real += w
    found *= first
    real += weights[0]
    return found


def _stage(s: Any, scv: Any) -> Any:
    """Return the transform of a stage of mean 1."""
    v = np.asarray(scv, dtype=float)
    if np.all(v == 1):
        return 1 / (1 + s)
    some = v > _REGULAR
    v = np.where(some, v, 1.0)
    return np.where(some, (1 + v * s) ** (-1 / v), np.exp(-s))


def _ones(met: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    ones: tuple[int, ...] = (1,) * (len(shape) - met.ndim + 1)
    return (*ones, *met.shape[1:])
