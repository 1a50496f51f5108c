r"""LRU: the object that was not asked for the longest is evicted.

An object is present if it was asked for in the last characteristic time T [1]_:

.. math:: h_i = 1 - e^{-p_i T}, \qquad \sum_i s_i (1 - e^{-p_i T}) = C ,

T counted in requests. The hit ratio does not depend on the request rate.

**Few places.** Exactly, the object is present at a time t after its last request if fewer
than C others were asked for since [2]_, and the place number C adds

.. math:: \Delta H_C = \int_0^\infty \sum_i p_i^2 e^{-p_i t}\, P(S_{-i}(t) = C - 1)\, dt

with the number S_{-i}(t) of other objects asked for in a time t, each with probability
:math:`1 - e^{-p_j t}`. The integral is taken by Gauss's rule on panels even in the logarithm
of t. Solved so are up to 32 places; from 16 on the characteristic time has a part in the
result (`qmodel.caches.policies.small_capacity`).

References
----------
.. [1] H. Che, Y. Tung, Z. Wang, "Hierarchical web caching systems: modeling, design and
   experimental results", IEEE Journal on Selected Areas in Communications 20, 2002, sec. III.
.. [2] P. Flajolet, D. Gardy, L. Thimonier, "Birthday paradox, coupon collectors, caching
   algorithms and self-organizing search", Discrete Applied Mathematics 39, 1992, th. 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.caches.policies.small_capacity import Catalogue, FewPlaces
from qmodel.numerics.poisson_binomial import Groups, marked_distribution

__all__ = ["LRU", "presence"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_PANEL = 1.2
"""Width of a panel in the logarithm of the time."""

_SURE = 33.0
"""Minus the logarithm of a probability that does not count."""

_FORWARD = 1.6
"""Odds up to which what is without an object comes from small numbers, not large ones."""

_BEYOND = 80
"""Number of objects from which on the large numbers are not known."""


@checked
def presence(x: Value) -> tuple[Any, Any]:
    """Probability that an object was asked for in a characteristic time.

    Parameters
    ----------
    x : number or array
        Mean number of requests for the object in that time, >= 0. [-]

    Returns
    -------
    tuple of number or array
        The probability, and its derivative in the logarithm of x. [-]

    Examples
    --------
    >>> [float(part) for part in presence(1.0)]
    [0.6321, 0.3679]
    """
    there = -np.expm1(-x)
    return there, x * (1 - there)


@dataclass(frozen=True, slots=True, eq=False)
class LRU(FewPlaces):
    """Cache that evicts the least recently used object.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0. [-]

    Raises
    ------
    DomainError
        If `capacity` is negative.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(10**6, exponent=0.8)
    >>> load = LRU([10**3, 10**4, 10**5]).solve(pages, request_rate=2000.0)
    >>> load.hit_ratio, load.miss_rate.round(1)
    (array([0.1000, 0.2319, 0.4871]), array([1800. , 1536.2, 1025.8]))
    >>> load.characteristic_time.round(1)
    array([ 0.5,  6.1, 80.8])
    """

    most_places = 32

    def _presence(self, share: Any, time: Any, *_: Any) -> tuple[Any, Any]:
        return presence(share * time)

    def _width(self, catalogue: Catalogue) -> int:
        return 100 * (self.most_places + int(catalogue.share.shape[-1]))

    def _gains(self, catalogue: Catalogue) -> Any:
        times, weights = self._times(catalogue)
        _, marked = _distribution(catalogue, times, self.most_places)
        return np.einsum("kct,ct->ck", marked[:-1], weights)

    def _gains_of(self, share: Any, catalogue: Catalogue) -> Any:
        times, weights = self._times(catalogue)
        distribution, _ = _distribution(catalogue, times, _BEYOND)
        x = share[..., None] * times[:, None]
        asked, unasked = -np.expm1(-x), np.exp(-x)
        forward = asked <= _FORWARD * unasked
        asked_for = weights[:, None] * share[..., None]
        gains = np.zeros((self.most_places, *share.shape))
        # The distribution of all is that of the others, with the object asked for or not.
        others: Any = 0.0
        divisor = np.where(forward, unasked, 1.0)
        for k in range(self.most_places):
            others = np.where(
                forward, (distribution[k][:, None] - asked * others) / divisor, 0.0
            )
            gains[k] = (asked_for * unasked * others).sum(axis=-1)
        others, divisor = 0.0, np.where(forward, 1.0, asked)
        for k in range(_BEYOND - 1, -1, -1):
            others = (distribution[k + 1][:, None] - unasked * others) / divisor
            others = np.where(forward, 0.0, np.clip(others, 0.0, 1.0))
            if k < self.most_places:
                gains[k] += (asked_for * unasked * others).sum(axis=-1)
        return np.moveaxis(gains, 0, -1)

    def _times(self, catalogue: Catalogue) -> tuple[Any, Any]:
        """Return nodes and weights of the integral, one row a catalogue."""
        few = self.most_places - 1
        # By Bernstein's inequality so many are asked for on average where few hardly ever are.
        mean = few + _SURE + np.sqrt(_SURE**2 + 2 * _SURE * few)
        low, high = np.zeros((2, len(catalogue.singles)))
        # One of the most popular is not asked for, or few are.
        last = min(few, catalogue.singles.shape[-1] - 1)
        shares = catalogue.singles[:, : last + 1]
        least = np.where(shares > 0, shares, np.inf).min(axis=-1)
        high = np.log(np.maximum((_SURE + np.log(last + 1)) / least, 2.0))
        end = high
        for _ in range(30):
            middle = (low + high) / 2
            t = np.exp(middle)[:, None]
            number = -np.expm1(-catalogue.singles * t).sum(axis=-1)
            number -= (catalogue.count * np.expm1(-catalogue.share * t)).sum(axis=-1)
            enough = number >= mean
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        end = np.minimum(end, high)
        panels = int(np.ceil(end.max() / _PANEL))
        edges = np.exp(end[:, None] * np.linspace(0.0, 1.0, panels + 1))
        edges = np.concatenate([np.zeros((len(end), 1)), edges], axis=-1)
        middle, half = (edges[:, 1:] + edges[:, :-1]) / 2, np.diff(edges) / 2
        nodes = middle[..., None] + half[..., None] * _NODES
        weights = half[..., None] * _WEIGHTS
        return nodes.reshape(len(end), -1), weights.reshape(len(end), -1)


def _distribution(catalogue: Catalogue, times: Any, most: int) -> tuple[Any, Any]:
    """Return how many are asked for in a time, and where one is asked for next."""
    shares = catalogue.singles.T[..., None]
    x = shares * times
    unasked = np.exp(-x)
    # Where odds are large, few objects are hardly ever asked for.
    y = np.minimum(catalogue.share[:, None] * times[..., None], 7.0)
    none = -times * (catalogue.count * catalogue.share).sum(axis=-1)[:, None]
    groups = Groups(np.expm1(y), catalogue.count, none, catalogue.share**2)
    return marked_distribution((-np.expm1(-x), unasked, shares**2 * unasked), groups, most)
