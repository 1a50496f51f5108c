r"""The time between two misses of one object at a cache: what the next level sees.

An object that is asked for at rate :math:`\lambda` and leaves after a time T without a
request is missed at the rate :math:`r = \lambda e^{-\lambda T}`. The times X between its
misses are independent and never shorter than T. Their transform [1]_, [2]_ is

.. math:: E[e^{-sX}] = \frac{r e^{-sT}}{s + r e^{-sT}} ,

so the tail G(u) = P(X > uT) solves :math:`G'(u) = -b\, G(u - 1)` with b = rT and G = 1 on
[0, 1]. Hence two things that need no inversion:

.. math::

    G(u) = \sum_{k=0}^{\lfloor u \rfloor} \frac{(-b)^k (u - k)^k}{k!}, \qquad
    \frac{1}{E[X]} \int_u^\infty G(v)\,T\,dv = G(u + 1) :

the time from any moment to the next miss has the tail of X one timer later. Beyond u = 20
two terms :math:`e^{-mu} / (1 - m)` are left, with m the two solutions of
:math:`m e^{-m} = b`: the absolute error is below 1e-13 throughout.
A timer and Poisson requests give b <= 1/e.

References
----------
.. [1] N. Choungmo Fofack, P. Nain, G. Neglia, D. Towsley, "Performance evaluation of
   hierarchical TTL-based cache networks", Computer Networks 65, 2014, sec. 4.
.. [2] M. Garetto, E. Leonardi, V. Martina, "A unified approach to the performance analysis
   of caching systems", ACM TOMPECS 1, 2016, sec. 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["InterMiss"]

_SERIES = 20
"""Up to here the series keeps its digits: its terms stay below e^(0.28 u)."""

_MOST = float(np.exp(-1.0)) * (1 - 1e-15)
"""1/e, on the side where the two roots are real."""

_APART = 1e-4
"""Nearer to one another the two roots are parted to this distance."""


@dataclass(frozen=True, slots=True, eq=False)
class InterMiss:
    """The distribution of the times between the misses of objects at one cache.

    Parameters
    ----------
    rate_times_timer : number or array
        Misses of an object in the time T, b, from 0 to 1/e; larger ones count as 1/e. [-]

    Examples
    --------
    >>> InterMiss(0.3).within([1.0, 1.5, 3.0])
    array([0.   , 0.15 , 0.555])
    """

    rate_times_timer: Any
    _found: list[Any] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        least = np.minimum(np.asarray(self.rate_times_timer, dtype=float), _MOST)
        object.__setattr__(self, "rate_times_timer", least)

    @property
    def _decay(self) -> tuple[Any, Any]:
        if not self._found:
            self._found.extend(_roots(self.rate_times_timer))
        return self._found[0], self._found[1]

    def within(self, u: Any) -> Any:
        """Return P(X <= u T), the probability of a miss so soon after one.

        Parameters
        ----------
        u : number or array
            The time, counted in timers. [-]

        Returns
        -------
        number or array
            The probability, with the digits it has near 0; of the broadcast shape. [-]
        """
        b, u = self.rate_times_timer, np.asarray(u, dtype=float)
        found = _series(b, np.minimum(u, _SERIES))
        if (u > _SERIES).any():
            found = np.where(u > _SERIES, _slowest(*self._decay, np.maximum(u, _SERIES)), found)
        return found

    def until_next(self, u: Any) -> Any:
        """Return the probability of a miss within u T of a moment that knows nothing of misses.

        Parameters
        ----------
        u : number or array
            The time, counted in timers. [-]

        Returns
        -------
        number or array
            The probability, of the broadcast shape. [-]
        """
        return self.within(np.asarray(u) + 1.0)


def _series(b: Any, u: Any) -> Any:
    """Return 1 - G by its series, in Horner's scheme."""
    terms = int(np.nanmax(np.append(np.floor(u), 0.0)))
    total = np.zeros(np.broadcast_shapes(np.shape(b), np.shape(u)))
    for k in range(terms, 0, -1):
        # Where u < k the series has ended.
        last = np.maximum(u - k, 0.0) ** k / _FACTORIALS[k]
        total = b * (last - total)
    return total + 0.0 * u


_FACTORIALS = np.cumprod(np.append(1.0, np.arange(1.0, _SERIES + 1)))


def _roots(b: Any) -> tuple[Any, Any]:
    """Return the two solutions of m exp(-m) = b, parted."""
    from scipy.special import lambertw

    small = np.minimum(-lambertw(-b, 0).real, 1 - _APART)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Below the normal numbers there is none to be had, and at none it is endless.
        large = np.where(b < 1e-300, np.inf, -lambertw(-b, -1).real)
    # Two roots near 1 lie at 1 - d and 1 + d + 2 d^2 / 3.
    return small, np.maximum(large, 1 + _APART + 2 / 3 * _APART**2)


def _slowest(small: Any, large: Any, u: Any) -> Any:
    """Return 1 - G by its two slowest terms."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        second = np.where(np.isinf(large), 0.0, np.exp(-large * u) / (1 - large))
        return -np.expm1(-small * u - np.log1p(-small)) - second
