r"""Waits of one request at several stations that depend on one another.

Each wait W is long or short against a clock E that rings after an exponential time of the rate
:math:`\theta`: long where W > E. With the transform :math:`\varphi` of the wait, the short ones
have the share :math:`\varphi(\theta)` and the transform
:math:`\varphi(s + \theta) / \varphi(\theta)` [1]_, and the long ones what is left; so both are
known wherever the wait is. Within its class a wait is independent of all others. That i and j
are both long is likelier by :math:`\delta_{ij}` than if they were independent, or less likely
where that is negative, and the transform of the sum is

.. math::

    E[e^{-s \sum W_i}] = \prod_i \varphi_i(s) \,
    \Big(1 + \sum_{i < j} \delta_{ij} \frac{\Delta_i(s) \Delta_j(s)}
    {\varphi_i(s) \varphi_j(s)}\Big), \qquad
    \operatorname{cov}(W_i, W_j) = \delta_{ij} \, d_i d_j ,

with the difference :math:`\Delta` of the transforms of the long and of the short ones, and d
that of their means. No way in which the waits may be long or short has a probability below 0
as long as

.. math:: 1 + \sum_{i < j} \delta_{ij} a_i a_j \ge 0

for all :math:`a_i`, 1 over the share of the long ones, or -1 over that of the short ones.
Covariances beyond are taken smaller, all in proportion.

The covariance alone does not say how likely short waits come together, which decides on the
median; of waits that are long for few requests a small one does much. The clock rings after
twice the mean wait on the mean (ours, from simulations).

References
----------
.. [1] D. van Dantzig, "Sur la méthode des fonctions génératrices", Colloques internationaux du
   CNRS 13, 1949 (marks and catastrophes: transforms as probabilities).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import Distribution
from qmodel.distributions.shared import read, transform

__all__ = ["DependentWaits", "dependent"]

_CLOCK = 2.0
"""Mean waits after which the clock rings, on the mean."""
_STEP = 1e-3
"""Step of derivatives, over the rate of the clock."""
_LEAST = 1e-3
"""Probability, over that of independent waits, which all ways to be long or short keep."""


class Split(NamedTuple):
    """The long waits and the short ones: rate of the clock, share, differences of moments."""

    rate: Any
    share: Any
    mean: Any
    square: Any


def dependent(waits: Sequence[Distribution], covariances: Mapping[Any, Any]) -> DependentWaits:
    """Return the sum of waits with these covariances, or as much of them as can be.

    Parameters
    ----------
    waits : sequence of Distribution
        The waits. [-]
    covariances : mapping of (int, int) to number or array
        Covariances of pairs of them, by their places, the first first; others have none. [s^2]

    Returns
    -------
    Distribution
        The sum. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> wait = qm.MMc(1.0).solve(0.5).wait
    >>> found = dependent((wait, wait), {(0, 1): 0.5})
    >>> float(found.mean), float(found.variance)
    (2.0, 7.0)
    >>> [float(found.quantile(p) / qm.Sum((wait, wait)).quantile(p)) for p in (0.5, 0.99)]
    [0.8282, 1.0777]
    """
    splits = tuple(_split(wait) for wait in waits)
    more = []
    for i, j in combinations(range(len(waits)), 2):
        both = splits[i].mean * splits[j].mean
        with np.errstate(all="ignore"):
            found = np.divide(covariances.get((i, j), 0.0), both)
        more.append(np.where(np.isfinite(found), found, 0.0)[()])
    least: Any = 0.0
    for long in product((False, True), repeat=len(waits)):
        weights = [
            1 / split.share if is_long else -1 / (1 - split.share)
            for split, is_long in zip(splits, long, strict=True)
        ]
        pairs = combinations(weights, 2)
        least = np.minimum(least, sum(m * a * b for m, (a, b) in zip(more, pairs, strict=True)))
    held = np.minimum((1 - _LEAST) / np.maximum(-least, 1e-300), 1.0)
    return DependentWaits(tuple(waits), splits, tuple((m * held)[()] for m in more), held[()])


def _split(wait: Distribution) -> Split:
    """Return the long and the short waits."""
    mean = np.asarray(wait.mean, dtype=float)
    some = (mean > 0) & np.isfinite(mean)
    rate = 1 / (_CLOCK * np.where(some, mean, 1.0))
    with np.errstate(all="ignore"):
        short, beside = (
            np.asarray(wait.laplace(rate * (1 + step))) for step in (0j, 1j * _STEP)
        )
        step = _STEP * rate
        first, second = -beside.imag / step, 2 * (short - beside).real / step**2
        short = short.real
        means = (mean - first) / (1 - short), first / short
        square = wait.variance + mean**2
        squares = (square - second) / (1 - short), second / short
        # Around the mean.
        apart = means[0] - means[1]
        spread = squares[0] - squares[1] - 2 * mean * apart
    known = some & (short > 0) & (short < 1) & (apart > 0)
    cells = (rate, 0.0), (1 - short, 0.5), (apart, np.inf), (spread, 0.0)
    return Split(*(np.where(known, x, other)[()] for x, other in cells))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DependentWaits(Distribution):
    """The sum of waits that are long together, or one where the other is not.

    Parameters
    ----------
    waits : tuple of Distribution
        The waits. [-]
    splits : tuple of Split
        The long and the short of each. [-]
    more : tuple of numbers or arrays
        How much likelier both of a pair are long than if they were independent, pair by pair.
        [-]
    held : number or array, default 1
        Share that this is of what was asked for. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> wait = qm.MMc(1.0).solve(0.5).wait
    >>> found = dependent((wait, wait), {(0, 1): -0.5})
    >>> float(found.mean), float(found.variance), float(found.atom)
    (2.0, 5.112, 0.2223)
    """

    waits: tuple[Distribution, ...]
    splits: tuple[Split, ...]
    more: tuple[Value, ...]
    held: Value = 1.0

    def _pairs(self, values: Sequence[Any]) -> Any:
        """Return the sum over the pairs of their products, each times what is likelier."""
        pairs = combinations(values, 2)
        return sum(m * a * b for m, (a, b) in zip(self.more, pairs, strict=True))

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return sum(wait.mean for wait in self.waits)

    @property
    def unknown(self) -> Any:
        """Where a parameter is NaN, and everything with it."""
        return reduce(np.logical_or, (read(wait, "unknown") for wait in self.waits))

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        return sum(wait.variance for wait in self.waits) + 2 * self._covariances()

    def _covariances(self) -> Any:
        apart = [np.where(np.isfinite(s.mean), s.mean, 0.0) for s in self.splits]
        return self._pairs(apart)[()]

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        both: Any = 0.0
        for m, (a, b) in zip(self.more, combinations(self.splits, 2), strict=True):
            with np.errstate(invalid="ignore"):
                found = m * (a.square * b.mean + a.mean * b.square)
            both = both + np.where(np.equal(m, 0), 0.0, found)
        return (sum(wait.third_cumulant for wait in self.waits) + 3 * both)[()]

    @property
    def atom(self) -> Value:
        """Probability of no wait at all. [-]."""
        atoms = [read(wait, "atom") for wait in self.waits]
        shorter = [1 / (1 - split.share) for split in self.splits]
        return math.prod(atoms) * (1 + self._pairs(shorter))

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return 1 - math.prod(1 - read(wait, "defect") for wait in self.waits)

    @property
    def exponential_limit(self) -> Value:
        """That of the slowest tail. [1/s]."""
        limits = (read(wait, "exponential_limit") for wait in self.waits)
        return reduce(np.minimum, limits)

    @property
    def analytic(self) -> bool:
        """Whether all transforms continue to the left half-plane."""
        return all(read(wait, "analytic") for wait in self.waits)

    @property
    def finest(self) -> int:
        """As the worst of the waits. [-]."""
        return min(int(read(wait, "finest")) for wait in self.waits)

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        found = [transform(wait, s) for wait in self.waits]
        apart = []
        for wait, split, own in zip(self.waits, self.splits, found, strict=True):
            short = wait.laplace(s + split.rate) / (1 - split.share)
            # Of a wait without end it is 0, and so is that of the sum.
            apart.append((1 - short / np.where(own == 0, 1.0, own)) / split.share)
        return math.prod(found) * (1 + self._pairs(apart))
