r"""Times in parallel that depend on one another by one normal factor: the k-th shortest of n.

The normal score of each time, :math:`\Phi^{-1}(F_i(X_i))`, has the correlation
:math:`\sqrt{r_i r_j}` with that of every other [1]_. Given the factor z that all have in
common, the times are independent, so that for equal distributions F

.. math::

    P(X_{(k)} > t) = \int \varphi(z)\, I_{q(t, z)}(n - k + 1, k)\, dz, \qquad
    q(t, z) = \Phi\Big( \frac{\Phi^{-1}(\bar F(t)) + \sqrt r z}{\sqrt{1 - r}} \Big) ,

with the regularised incomplete beta function I; for others the number done is built up one
time after the other, each late with its own :math:`q_i(t, z)`. All order statistics come from
one joint distribution, so that they keep every identity among them, such as
:math:`T_{1:2} = 2 T_1 - T_{2:2}` of the means. Independent times are r = 0, times that are all
the same r = 1. Times of which only a part depends have scores of their own given the factor
(`qmodel.balancing.fan_out.likeness`).

**Numerics.** The trapezoidal rule in z on -8 to 8, to 1e-9 up to a correlation of 0.998. Of two
times, whose scores have the correlation r, both are late with

.. math::

    P(X_1, X_2 > t) = \bar F_1 \bar F_2 + \frac{1}{2 \pi} \int_0^{\arcsin r}
        \exp\Big( - \frac{x^2 + y^2 - 2 x y \sin\theta}{2 \cos^2\theta} \Big)\, d\theta

at the scores x and y [2]_, by Gauss's rule up to a correlation of 0.925.

References
----------
.. [1] M. B. Wilk, R. Gnanadesikan, "Probability plotting methods for the analysis of data",
   Biometrika 55, 1968; O. A. Vasicek, "The distribution of loan portfolio value", Risk 15,
   2002 (the one-factor distribution of n dependent events).
.. [2] Z. Drezner, G. O. Wesolowsky, "On the computation of the bivariate normal integral",
   Journal of Statistical Computation and Simulation 35, 1990; A. Genz, "Numerical computation
   of rectangular bivariate and trivariate normal and t probabilities", Statistics and
   Computing 14, 2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.balancing.fan_out.likeness import Likeness, common_factor, over
from qmodel.distributions import OrderStatistic, Quorum
from qmodel.distributions.extremes import others
from qmodel.distributions.order_statistics import one_missing, too_few
from qmodel.errors import ModelError
from qmodel.numerics.quadrature import on_unit_interval

__all__ = ["JoinedQueues", "UnequalQueues"]

_OF_TWO = ((0.3, 6), (0.75, 12), (0.925, 20))
"""Nodes of the rule of Gauss and Legendre for two times, up to some correlations."""
_FARTHEST = 38.0
_CLOSEST = 1 - 1e-6
_CLOSEST_UNEQUAL = 0.998


def _more(first: Any, second: Any, r: Any, nodes: int) -> Any:
    """Return by how much more often two correlated scores are both below these."""
    share, weights = on_unit_interval(nodes)
    angle = np.arcsin(r)
    sine = np.sin(angle[..., None] * share)
    half, product = (first**2 + second**2) / 2, first * second
    more = np.exp((product[..., None] * sine - half[..., None]) / (1 - sine**2)) @ weights
    return angle / (2 * np.pi) * more


def _given(correlation: Any, score: Any, most: float, factor: Any) -> tuple[Any, Any]:
    """Return scores given the factor, along a new last axis, and how fast they grow."""
    z, weights = factor
    if isinstance(correlation, Likeness):
        return correlation.given(score, weights)
    root = _root(correlation, most)
    own = np.sqrt(1 - root * root)
    given = (score / own)[..., None] + (root / own)[..., None] * z
    return given, (1 / own)[..., None] + 0.0 * given


def _correlation(name: str, value: Any) -> Any:
    return value if isinstance(value, Likeness) else _check.probability(name, value)


def _root(correlation: Any, most: float) -> Any:
    """Return the root of a correlation, up to a greatest one."""
    return np.sqrt(np.minimum(np.asarray(correlation, dtype=float), most))


def _largest(correlation: Any) -> Any:
    if isinstance(correlation, Likeness):
        return correlation.largest
    return np.asarray(correlation, dtype=float)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JoinedQueues(OrderStatistic):
    """The distribution of the k-th shortest of n times with correlated normal scores.

    Parameters
    ----------
    distribution : Distribution
        Distribution of each time. [-]
    need : int or integer array
        How many must be done, k, from 1 to n. [-]
    of : int or integer array
        How many there are, n. [-]
    correlation : number, array or Likeness
        Correlation r of the scores, a probability. [-]

    Raises
    ------
    DomainError
        If a number is not whole, `need` is more than `of`, or `correlation` no probability.

    Examples
    --------
    >>> from qmodel.distributions import Exponential
    >>> last = JoinedQueues(Exponential(1.0), 2, 2, correlation=[0.0, 0.4, 1.0])
    >>> last.mean.round(3), last.quantile(0.99).round(2)
    (array([1.5 , 1.39, 1.  ]), array([5.3 , 5.27, 4.61]))
    """

    costly = True
    correlation: Value | Likeness = parameter(
        "correlation of the scores", symbol="r", check=_correlation
    )

    def _scale(self, means: list[Any]) -> Any:
        return OrderStatistic._scale(self, means) + 0.0 * _largest(self.correlation)

    def _least(self) -> Any:
        return OrderStatistic._least(self) + 0.0 * _largest(self.correlation)

    def _factor(self) -> tuple[Any, Any]:
        if isinstance(self.correlation, Likeness):
            return self.correlation.factor()
        return common_factor(np.minimum(_largest(self.correlation), _CLOSEST))

    def _not_done(self, late: Any) -> Any:
        from scipy.special import ndtri

        late = np.clip(late, 0.0, 1.0)
        score, factor = np.asarray(ndtri(late)), self._factor()
        ends = np.isinf(score)
        given, _ = _given(self.correlation, np.where(ends, 0.0, score), _CLOSEST, factor)
        # Weights add up to a rounding less, which is no share that takes no time.
        return np.where(ends, late, self._of_given(late, given))

    def _of_given(self, late: Any, given: Any) -> Any:
        from scipy.special import betainc, ndtr

        few, need = np.asarray(self.of) - np.asarray(self.need), np.asarray(self.need)
        found = betainc(few[..., None] + 1.0, need[..., None] + 0.0, ndtr(given))
        return np.where(self._all_alike, late, over(found, self._factor()[1]))

    @property
    def _all_alike(self) -> Any:
        """Whether all times are the same, or there is but one."""
        return (_largest(self.correlation) > _CLOSEST) | (np.asarray(self.of) == 1)

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return tail and density at `t` [s], from one look at the time."""
        from scipy.special import betaln, ndtr, ndtri, xlog1py, xlogy

        late, slope = self.distribution.tail_and_density(t)
        late = np.clip(late, 0.0, 1.0)
        score = np.asarray(ndtri(late))
        inner = np.isfinite(score)
        score = np.where(inner, score, 0.0)
        factor = self._factor()
        given, steep = _given(self.correlation, score, _CLOSEST, factor)
        k, n = (np.asarray(x, dtype=float)[..., None] for x in (self.need, self.of))
        q = ndtr(given)
        # Of the beta distribution at q, times the derivative of q by the probability to be
        # late.
        weight = xlog1py(k - 1, -q) + xlogy(n - k, q) - betaln(k, n - k + 1)
        weight = weight + (score[..., None] ** 2 - given**2) / 2
        found = np.where(inner, over(np.exp(weight) * steep, factor[1]), 0.0)
        tail = np.where(inner, self._of_given(late, given), late)
        return tail, np.where(self._all_alike, 1.0, found) * slope


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UnequalQueues(Quorum):
    r"""The distribution of the k-th shortest of several times with correlated normal scores.

    Parameters
    ----------
    distributions : sequence of Distribution
        The times. [-]
    need : int
        How many must be done, from 1 to their number. [-]
    correlations : sequence of numbers, arrays or Likeness
        For each time the r of its score, a probability: two scores have the correlation
        :math:`\sqrt{r_i r_j}`. Above 0.998 it is taken as that. [-]

    Raises
    ------
    DomainError
        If `need` is more than there are times, or a correlation is no probability.
    ModelError
        If there are not as many correlations as times.

    Examples
    --------
    The later of two, independent, and with a correlation of 0.5:

    >>> from qmodel.distributions import Exponential
    >>> fast, slow = Exponential(0.5), Exponential(1.0)
    >>> [float(UnequalQueues([fast, slow], 2, [r, r]).mean.round(3)) for r in (0.0, 0.5)]
    [1.167, 1.084]
    """

    costly = True
    correlations: Sequence[Value | Likeness] = ()

    def __post_init__(self) -> None:
        Quorum.__post_init__(self)
        if len(self.correlations) != len(self.distributions):
            raise ModelError(
                f"correlations must be as many as distributions, {len(self.distributions)}, "
                f"got {len(self.correlations)}"
            )
        known = tuple(_correlation("correlations", r) for r in self.correlations)
        object.__setattr__(self, "correlations", known)

    def _scale(self, means: list[Any]) -> Any:
        return Quorum._scale(self, means) + sum(0.0 * _largest(r) for r in self.correlations)

    def _least(self) -> Any:
        return Quorum._least(self) + sum(0.0 * _largest(r) for r in self.correlations)

    def _scores(self, late: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Return the scores of the times; of two also their correlation, and nodes of the rule.

        There are none where the rule for two will not do.
        """
        from scipy.special import ndtri

        most = [_largest(r) for r in self.correlations]
        shape = np.broadcast_shapes(*map(np.shape, (*late, *most)))
        scores = np.empty((len(most), *shape))
        for i, still in enumerate(late):
            scores[i] = still
        scores = np.clip(ndtri(np.minimum(scores, 1.0)), -_FARTHEST, _FARTHEST)
        if len(most) > 2 or any(isinstance(r, Likeness) for r in self.correlations):
            return scores, None, None
        largest = max(float(np.nanmax(r, initial=0.0)) for r in most)
        rule = next((n for most, n in _OF_TWO if largest <= most), None)
        roots = (_root(r, _CLOSEST_UNEQUAL) for r in most)
        return scores, np.broadcast_to(reduce(mul, roots), shape), rule

    def _given(self, scores: Any, factor: Any) -> tuple[Any, Any]:
        each = zip(self.correlations, scores, strict=True)
        found = [_given(r, score, _CLOSEST_UNEQUAL, factor) for r, score in each]
        return np.stack([given for given, _ in found]), np.stack([steep for _, steep in found])

    def _factor(self) -> tuple[Any, Any]:
        largest = max(float(np.nanmax(_largest(r), initial=0.0)) for r in self.correlations)
        return common_factor(min(largest, _CLOSEST_UNEQUAL))

    def _too_few(self, late: list[Any]) -> Any:
        if self.need < len(self.distributions):
            return too_few(late, self.need)
        # One of them is late, or else the next.
        return reduce(lambda some, q: some + (1 - some) * q, late)

    def _not_done(self, late: Sequence[Any]) -> Any:
        from scipy.special import ndtr

        scores, r, rule = self._scores(late)
        if rule:
            first, second = (np.minimum(still, 1.0) for still in late)
            more = _more(scores[0], scores[1], r, rule)
            if self.need == 1:
                return first * second + more
            return first + second * (1 - first) - more
        factor = self._factor()
        found = self._too_few(list(ndtr(self._given(scores, factor)[0]))) @ factor[1]
        return np.minimum(found, 1.0)  # weights add up to a rounding more

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return tail and density at `t` [s], from one look at each time."""
        from scipy.special import ndtr

        tails, densities = zip(*self._each(lambda time: time.tail_and_density(t)), strict=True)
        scores, r, rule = self._scores(tails)
        if rule:
            # How late the other is, given the score of one.
            late = ndtr((scores[::-1] - r * scores) / np.sqrt(1 - r * r))
            turns = late if self.need == 1 else 1 - late
            return self._not_done(tails), sum(map(mul, densities, turns))
        factor = self._factor()
        given, steep = self._given(scores, factor)
        late = list(ndtr(given))
        if self.need == len(self.distributions):
            rest = others([1 - q for q in late])
        else:
            rest = [one_missing(late[:i] + late[i + 1 :], self.need) for i in range(len(late))]
        # How fast one that is late given the factor ceases to be.
        steep = steep * np.exp((scores[..., None] ** 2 - given**2) / 2)
        turns = (steep * np.stack(rest)) @ factor[1]
        return np.minimum(self._too_few(late) @ factor[1], 1.0), sum(map(mul, densities, turns))
