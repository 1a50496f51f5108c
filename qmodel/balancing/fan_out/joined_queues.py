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
the same r = 1. The correlation may depend on how late they are
(`qmodel.balancing.fan_out.likeness`): at t it is then r(t).

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
from qmodel.balancing.fan_out.likeness import Likeness
from qmodel.distributions import OrderStatistic, Quorum
from qmodel.distributions.extremes import others
from qmodel.distributions.order_statistics import one_missing, too_few
from qmodel.errors import ModelError
from qmodel.numerics.quadrature import on_unit_interval

__all__ = ["JoinedQueues", "UnequalQueues"]

_WIDEST = 8.0
_STEPS = (0.5, 0.25, 0.125, 0.0625, 0.03125)
_OF_TWO = ((0.3, 6), (0.75, 12), (0.925, 20))
"""Nodes of the rule of Gauss and Legendre for two times, up to some correlations."""
_FARTHEST = 38.0
_CLOSEST = 1 - 1e-6
_CLOSEST_UNEQUAL = 0.998


def _factor(correlation: Any) -> tuple[Any, Any]:
    """Return values of the common factor and their weights, close enough for a correlation."""
    largest = np.nanmax(correlation, initial=0.0)
    tight = np.sqrt((1 - largest) / max(largest, 1e-300))
    step = next((h for h in _STEPS if h <= 0.7 * tight), _STEPS[-1])
    z = np.arange(-_WIDEST, _WIDEST + step / 2, step)
    weights = np.exp(-z * z / 2)
    return z, weights / weights.sum()


def _more(first: Any, second: Any, r: Any, nodes: int) -> Any:
    """Return by how much more often two correlated scores are both below these."""
    share, weights = on_unit_interval(nodes)
    angle = np.arcsin(r)
    sine = np.sin(angle[..., None] * share)
    half, product = (first**2 + second**2) / 2, first * second
    more = np.exp((product[..., None] * sine - half[..., None]) / (1 - sine**2)) @ weights
    return angle / (2 * np.pi) * more


def _given(score: Any, root: Any, z: Any) -> Any:
    """Return scores given the factor, along a new last axis."""
    own = np.sqrt(1 - root * root)
    return (score / own)[..., None] + (root / own)[..., None] * z


def _turned(score: Any, root: Any, slope: Any, z: Any) -> Any:
    """Return by how much more a score given the factor falls, as its root falls as well."""
    more = z + (root * score)[..., None]
    return 1 + (slope / (1 - root * root))[..., None] * more


def _correlation(name: str, value: Any) -> Any:
    return value if isinstance(value, Likeness) else _check.probability(name, value)


def _root(correlation: Any, score: Any, most: float) -> tuple[Any, Any]:
    """Return the root of the correlation at a score, up to a greatest one, and its slope."""
    if isinstance(correlation, Likeness):
        root, slope = correlation.at(score)
        return np.minimum(root, np.sqrt(most)), slope
    root = np.sqrt(np.minimum(np.asarray(correlation, dtype=float), most))
    return root, np.zeros(np.shape(root))


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

    correlation: Value | Likeness = parameter(
        "correlation of the scores", symbol="r", check=_correlation
    )

    def _scale(self, means: list[Any]) -> Any:
        return OrderStatistic._scale(self, means) + 0.0 * _largest(self.correlation)

    def _least(self) -> Any:
        return OrderStatistic._least(self) + 0.0 * _largest(self.correlation)

    def _factor(self) -> tuple[Any, Any]:
        return _factor(np.minimum(_largest(self.correlation), _CLOSEST))

    def _not_done(self, late: Any) -> Any:
        from scipy.special import betainc, ndtr, ndtri

        late = np.clip(late, 0.0, 1.0)
        z, weights = self._factor()
        score = np.asarray(ndtri(late))
        given = _given(score, _root(self.correlation, score, _CLOSEST)[0], z)
        few, need = np.asarray(self.of) - np.asarray(self.need), np.asarray(self.need)
        found = betainc(few[..., None] + 1.0, need[..., None] + 0.0, ndtr(given)) @ weights
        return np.where(self._all_alike, late, found)

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
        z, weights = self._factor()
        root, slope_of_root = _root(self.correlation, score, _CLOSEST)
        given = _given(score, root, z)
        k, n = (np.asarray(x, dtype=float)[..., None] for x in (self.need, self.of))
        q = ndtr(given)
        # Of the beta distribution at q, times the derivative of q by the probability to be
        # late.
        weight = xlog1py(k - 1, -q) + xlogy(n - k, q) - betaln(k, n - k + 1)
        weight = weight + (score[..., None] ** 2 - given**2) / 2
        weight = weight - np.log(1 - root * root)[..., None] / 2
        weight = np.exp(weight) * _turned(score, root, slope_of_root, z)
        found = np.where(inner, weight @ weights, 0.0)
        return self._not_done(late), np.where(self._all_alike, 1.0, found) * slope


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

    def _scores(self, late: Sequence[Any]) -> tuple[Any, Any, Any, Any]:
        """Return the scores of the times, their roots with slopes, and nodes of the rule.

        There are none where the rule for two will not do.
        """
        from scipy.special import ndtri

        most = [_largest(r) for r in self.correlations]
        shape = np.broadcast_shapes(*map(np.shape, (*late, *most)))
        scores, roots, slopes = (np.empty((len(most), *shape)) for _ in range(3))
        for i, still in enumerate(late):
            scores[i] = still
        scores = np.clip(ndtri(np.minimum(scores, 1.0)), -_FARTHEST, _FARTHEST)
        for i, r in enumerate(self.correlations):
            roots[i], slopes[i] = _root(r, scores[i], _CLOSEST_UNEQUAL)
        largest = max(float(np.nanmax(r, initial=0.0)) for r in most)
        rule = next((n for most, n in _OF_TWO if largest <= most), None)
        return scores, roots, slopes, rule if len(self.correlations) == 2 else None

    def _factor(self) -> tuple[Any, Any]:
        largest = max(float(np.nanmax(_largest(r), initial=0.0)) for r in self.correlations)
        return _factor(min(largest, _CLOSEST_UNEQUAL))

    def _too_few(self, late: list[Any]) -> Any:
        if self.need < len(self.distributions):
            return too_few(late, self.need)
        # One of them is late, or else the next.
        return reduce(lambda some, q: some + (1 - some) * q, late)

    def _not_done(self, late: Sequence[Any]) -> Any:
        from scipy.special import ndtr

        scores, roots, _, rule = self._scores(late)
        if rule:
            first, second = (np.minimum(still, 1.0) for still in late)
            more = _more(scores[0], scores[1], roots[0] * roots[1], rule)
            if self.need == 1:
                return first * second + more
            return first + second * (1 - first) - more
        z, weights = self._factor()
        found = self._too_few(list(ndtr(_given(scores, roots, z)))) @ weights
        return np.minimum(found, 1.0)  # weights add up to a rounding more

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return tail and density at `t` [s], from one look at each time."""
        from scipy.special import ndtr

        tails, densities = zip(
            *(distribution.tail_and_density(t) for distribution in self.distributions),
            strict=True,
        )
        scores, roots, slopes, rule = self._scores(tails)
        if rule:
            r = roots[0] * roots[1]
            # How late the other is, given the score of one.
            late = ndtr((scores[::-1] - r * scores) / np.sqrt(1 - r * r))
            turns = late if self.need == 1 else 1 - late
            if np.any(slopes):
                # The more alike they are, the more often both are late.
                x, own = (scores[::-1] - r * scores) ** 2 / (1 - r * r), np.sqrt(1 - r * r)
                both = np.exp(-x / 2) / np.sqrt(2 * np.pi) / own
                more = both * slopes * roots[::-1]
                turns = turns + (more if self.need == 1 else -more)
            return self._not_done(tails), sum(map(mul, densities, turns))
        z, weights = self._factor()
        given = _given(scores, roots, z)
        late = list(ndtr(given))
        if self.need == len(self.distributions):
            rest = others([1 - q for q in late])
        else:
            rest = [one_missing(late[:i] + late[i + 1 :], self.need) for i in range(len(late))]
        # How fast one that is late given the factor ceases to be.
        steep = np.exp((scores[..., None] ** 2 - given**2) / 2)
        steep = steep * _turned(scores, roots, slopes, z)
        turns = (steep * np.stack(rest)) @ weights / np.sqrt(1 - roots**2)
        return np.minimum(self._too_few(late) @ weights, 1.0), sum(map(mul, densities, turns))
