r"""The wait of a request by how many it finds at its replica, where service is exponential.

With :math:`u_j` the probability to find c + j requests or more at the replica of c workers that
a request joins, and :math:`\delta = c / S` the rate at which the full replica drains,

.. math::

    P(T_q > t) = \sum_j u_j e^{-\delta t} \frac{(\delta t)^j}{j!}, \qquad
    W_q = \frac{1}{\delta} \sum_j u_j ,

as it waits for j + 1 departures where it finds c + j. From the last stored level on the
probabilities fall by a constant ratio q each, so that the sum is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import Distribution

__all__ = ["LevelWait"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LevelWait(Distribution):
    """The wait for as many departures as there are requests in front, plus one.

    Parameters
    ----------
    levels : tuple of numbers or arrays
        Probability to wait for more than 0, 1, 2, ... departures. [-]
    ratio : number or array
        What each probability after the last is of the one before; 1 in overload. [-]
    drain : number or array
        Departures a second while a request waits. [1/s]

    Examples
    --------
    M/M/1 at 80 % load:

    >>> time = LevelWait((0.8,), 0.8, 10.0)
    >>> float(time.mean), float(time.tail(0.2)), float(time.quantile(0.99))
    (0.4, 0.5363, 2.191)
    """

    levels: tuple[Value, ...]
    ratio: Value
    drain: Value
    closed = True

    @property
    def geometric(self) -> Any:
        """Whether all levels fall by the one ratio."""
        # Each of them: of many replicas the last may be too small to tell.
        first: Any = np.asarray(self.levels[0])
        even: Any = np.isfinite(first)
        for j, u in enumerate(self.levels[1:], 1):
            with np.errstate(under="ignore"):
                even = even & (np.abs(first * self.ratio**j - u) <= 1e-12 * np.asarray(u))
        return np.asarray(even)

    def _moments(self) -> tuple[Any, Any, Any]:
        """Return the first three moments: that of j + 1 departures, summed by parts."""
        first = second = third = 0.0 * self.drain
        *before, last = self.levels
        for j, u in enumerate(before):
            first = first + u
            second = second + 2 * (j + 1) * u
            third = third + 3 * (j + 1) * (j + 2) * u
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            n, x = len(before), 1 / (1 - self.ratio)
            # Sums of 1, j and j^2 over the geometric rest.
            rest, slope, square = x, self.ratio * x**2, self.ratio * (1 + self.ratio) * x**3
            nothing = np.asarray(last) == 0
            m1, m2, m3 = (
                np.where(nothing, 0.0 * last, last * m)
                for m in (
                    rest,
                    2 * ((n + 1) * rest + slope),
                    3 * ((n + 1) * (n + 2) * rest + (2 * n + 3) * slope + square),
                )
            )
            d = self.drain
            return (first + m1) / d, (second + m2) / d**2, (third + m3) / d**3

    @property
    def mean(self) -> Value:
        """Mean. [s]."""
        return self._moments()[0][()]

    @property
    def variance(self) -> Value:
        """Variance. [s^2]."""
        first, second, _ = self._moments()
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(first), np.inf, second - first**2)[()]

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant. [s^3]."""
        first, second, third = self._moments()
        with np.errstate(invalid="ignore"):
            cumulant = third - 3 * first * second + 2 * first**3
            return np.where(np.isinf(first), np.inf, cumulant)[()]

    @property
    def atom(self) -> Value:
        """Probability of no wait. [-]."""
        return 1 - self.levels[0]

    @property
    def defect(self) -> Value:
        """Probability of no end, 1 in overload. [-]."""
        return np.where(np.asarray(self.ratio) >= 1, 1.0, 0.0)[()]

    def laplace(self, s: Value) -> Value:
        """Return the transform at `s` [1/s]."""
        z = self.drain / (self.drain + s)
        *before, last = self.levels
        with np.errstate(divide="ignore", invalid="ignore"):
            total = last * (1 - z) / (1 - self.ratio * z)
            for u in reversed(before):
                total = u * (1 - z) + z * total
            return 1 - total

    def _sums(self, t: Value) -> tuple[Any, Any]:
        """Return the tail, and the density over the rate of departures."""
        from scipy.special import gammainc

        x = np.maximum(self.drain * np.asarray(t, dtype=float), 0.0)
        *before, last = self.levels
        n = len(before)
        # A rest that falls at once is but its first, with a ratio that can be divided by.
        q = np.maximum(self.ratio, 1e-8)
        term, tail, slope = np.exp(-x), 0.0 * x, 0.0 * x
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for j, (u, after) in enumerate(zip(before, self.levels[1:], strict=True)):
                tail, slope = tail + u * term, slope + (u - after) * term
                term = term * x / (j + 1)
            rest = np.exp(-(1 - self.ratio) * x)
            if n:
                rest = rest * gammainc(n, q * x) / q**n
        return tail + last * rest, slope + last * (1 - self.ratio) * rest

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s]."""
        return np.where(np.asarray(t) < 0, 1.0, self._sums(t)[0])[()]

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s], without the atom."""
        return np.where(np.asarray(t) < 0, 0.0, self.drain * self._sums(t)[1])[()]
