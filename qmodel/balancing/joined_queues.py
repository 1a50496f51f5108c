r"""Times in parallel that depend on one another by one normal factor: the k-th shortest of n.

Each of n times has the law F of one alone, and its normal score :math:`\Phi^{-1}(F(X_i))` has
the correlation r with that of every other [1]_. Given the factor z that all have in common,
the times are independent, so that

.. math::

    P(X_{(k)} > t) = \int \varphi(z)\, I_{q(t, z)}(n - k + 1, k)\, dz, \qquad
    q(t, z) = \Phi\Big( \frac{\Phi^{-1}(\bar F(t)) + \sqrt r z}{\sqrt{1 - r}} \Big) ,

with the regularised incomplete beta function I. All order statistics come from one law, so
that they keep every identity among them, such as :math:`T_{1:2} = 2 T_1 - T_{2:2}` of the
means. Independent times are r = 0, times that are all the same r = 1.

**Numerics.** The trapezoidal rule in z on -8 to 8, to 1e-9 up to a correlation of 0.97.

References
----------
.. [1] M. B. Wilk, R. Gnanadesikan, "Probability plotting methods for the analysis of data",
   Biometrika 55, 1968; O. A. Vasicek, "The distribution of loan portfolio value", Risk 15,
   2002 (the one-factor law of n dependent events).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.distributions import OrderStatistic

__all__ = ["JoinedQueues"]

_WIDEST = 8.0
_STEPS = (0.5, 0.25, 0.125)
_CLOSEST = 1 - 1e-6


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JoinedQueues(OrderStatistic):
    """The law of the k-th shortest of n times with correlated normal scores.

    Parameters
    ----------
    law : Distribution
        Law of each time. [-]
    need : int or integer array
        How many must be done, k, from 1 to n. [-]
    of : int or integer array
        How many there are, n. [-]
    correlation : number or array
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

    correlation: Value = parameter("correlation of the scores", symbol="r", check="probability")

    def _scale(self, means: list[Any]) -> Any:
        return OrderStatistic._scale(self, means) + 0.0 * np.asarray(self.correlation)

    def _least(self) -> Any:
        return OrderStatistic._least(self) + 0.0 * np.asarray(self.correlation)

    def _given(self, score: Any) -> tuple[Any, Any, Any]:
        """Return scores given the factor, along a new last axis, their spread and weights."""
        r = np.minimum(np.asarray(self.correlation, dtype=float), _CLOSEST)
        spread = np.sqrt(1 - r)
        tight = np.nanmin(spread / np.sqrt(np.maximum(r, 1e-300)), initial=np.inf)
        step = next((h for h in _STEPS if h <= 0.7 * tight), _STEPS[-1])
        z = np.arange(-_WIDEST, _WIDEST + step / 2, step)
        weights = np.exp(-z * z / 2)
        given = (score[..., None] + np.sqrt(r)[..., None] * z) / spread[..., None]
        return given, spread, weights / weights.sum()

    def _not_done(self, late: Any) -> Any:
        from scipy.special import betainc, ndtr, ndtri

        late = np.clip(late, 0.0, 1.0)
        given, _, weights = self._given(np.asarray(ndtri(late)))
        few, need = np.asarray(self.of) - np.asarray(self.need), np.asarray(self.need)
        found = betainc(few[..., None] + 1.0, need[..., None] + 0.0, ndtr(given)) @ weights
        return np.where(self._all_alike, late, found)

    @property
    def _all_alike(self) -> Any:
        """Whether all times are the same, or there is but one."""
        return (np.asarray(self.correlation) > _CLOSEST) | (np.asarray(self.of) == 1)

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        from scipy.special import betaln, ndtr, ndtri, xlog1py, xlogy

        late = np.clip(self.law.tail(t), 0.0, 1.0)
        score = np.asarray(ndtri(late))
        inner = np.isfinite(score)
        score = np.where(inner, score, 0.0)
        given, spread, weights = self._given(score)
        k, n = (np.asarray(x, dtype=float)[..., None] for x in (self.need, self.of))
        q = ndtr(given)
        # Of the beta law at q, times the derivative of q by the chance to be late.
        weight = xlog1py(k - 1, -q) + xlogy(n - k, q) - betaln(k, n - k + 1)
        weight = weight + (score[..., None] ** 2 - given**2) / 2 - np.log(spread)[..., None]
        found = np.where(inner, np.exp(weight) @ weights, 0.0)
        return np.where(self._all_alike, 1.0, found) * self.law.density(t)
