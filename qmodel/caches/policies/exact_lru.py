r"""LRU exactly, for small catalogues.

An object is present at a time t after its last request if fewer than C others were asked
for since. With Poisson requests these others are independent events [1]_, [2]_:

.. math:: h_i = \int_0^\infty p_i e^{-p_i t}\,
          P\Big( \sum_{j \ne i} B_j(t) \le C - 1 \Big) dt , \qquad
          P(B_j(t) = 1) = 1 - e^{-p_j t} .

The distribution of the sum is that of `qmodel.numerics.poisson_binomial`. Where its probability
is 1 to rounding, by Bernstein's inequality, the integral is known; from there on it is taken by
Gauss's rule on panels that are as wide as the number asked for lets them. The hit ratio is
right to 1e-12. It costs the square of the catalogue at some hundred points, so more than 1,000
objects are refused: there `qmodel.caches.LRU` is exact up to 16 places and right to 0.0006 for
more.

References
----------
.. [1] W. F. King, "Analysis of demand paging algorithms", IFIP Congress, 1971.
.. [2] P. Flajolet, D. Gardy, L. Thimonier, "Birthday paradox, coupon collectors, caching
   algorithms and self-organizing search", Discrete Applied Mathematics 39, 1992, th. 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel.basis import POISSON_ARRIVALS, Assumption
from qmodel.caches.policies.exact import Exact
from qmodel.numerics.poisson_binomial import without_each

__all__ = ["ExactLRU"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_SURE = 38.0
"""Minus the logarithm of what is below rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class ExactLRU(Exact):
    """Cache that evicts the least recently used of at most 1,000 objects, solved exactly.

    Parameters
    ----------
    capacity : int or integer array
        Number of objects that fit, >= 0. [-]

    Raises
    ------
    DomainError
        If `capacity` is no whole number.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(100, exponent=0.8)
    >>> exact, usual = ExactLRU(40).solve(pages), qm.caches.LRU(40).solve(pages)
    >>> float(exact.hit_ratio), float(usual.hit_ratio)
    (0.6452, 0.6454)
    """

    most_objects = 1000

    @property
    def _grounds(self) -> tuple[Assumption, ...]:
        return (*super(ExactLRU, self)._grounds, POISSON_ARRIVALS)

    def _hits_of(self, shares: Any, capacity: Any, *_: Any) -> Any:
        start, end, width = _range(shares, capacity)
        panels = int(np.ceil(np.max(np.log(end / start) / width)))
        edges = start * (end / start) ** (np.arange(panels + 1) / panels)[:, None]
        edges = np.concatenate([np.where(_early(shares, capacity), 0.0, start)[None], edges])
        middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges, axis=0) / 2
        # Nodes first, then scenarios, then objects.
        t = (middle[:, None] + half[:, None] * _NODES[:, None])[..., None]
        weight = (half[:, None] * _WEIGHTS[:, None])[..., None]
        first = edges[0][:, None]
        found = -np.expm1(-shares * first)
        for times, weights in zip(t, weight, strict=True):
            few, _ = without_each(-np.expm1(-shares * times), capacity - 1)
            found = found + (weights * shares * np.exp(-shares * times) * few).sum(axis=0)
        return found


def _number(shares: Any, t: Any) -> tuple[Any, Any]:
    """Return mean and variance of the number of objects asked for in a time."""
    unasked = np.exp(-shares * t[..., None])
    return (1 - unasked).sum(axis=-1), (unasked * (1 - unasked)).sum(axis=-1)


def _surely(shares: Any, capacity: Any, t: Any, sign: float) -> Any:
    """Return whether the number is below (sign 1) or above (-1) the places, to rounding."""
    mean, variance = _number(shares, t)
    # An event more or less is that of the object itself.
    gap = np.maximum(sign * (capacity - mean) - 1.0, 0.0)
    return gap**2 > 2 * _SURE * (variance + gap / 3)


def _early(shares: Any, capacity: Any) -> Any:
    """Return whether no time is so short that the object is surely present."""
    return ~_surely(shares, capacity, np.full(capacity.shape, 1e-9), 1.0)


def _range(shares: Any, capacity: Any) -> tuple[Any, Any, Any]:
    """Return from when to when the number matters, and how wide panels may be."""
    least = np.where(shares > 0, shares, np.inf).min(axis=-1)
    most = 42.0 / least

    def edge(holds: Any, low: Any, high: Any) -> Any:
        low, high = np.log(low), np.log(high)
        for _ in range(50):
            middle = (low + high) / 2
            here = holds(np.exp(middle))
            low, high = np.where(here, middle, low), np.where(here, high, middle)
        return np.exp(low), np.exp(high)

    # Both p_i t and the number asked for change little until then.
    small = np.minimum(0.25 / shares.max(axis=-1), 1.0)
    start, _ = edge(lambda t: _surely(shares, capacity, t, 1.0), small * 1e-9, most)
    start = np.where(_early(shares, capacity), small, np.maximum(start, small * 1e-9))
    _, end = edge(lambda t: ~_surely(shares, capacity, t, -1.0), small * 1e-9, most)
    end = np.maximum(np.minimum(end, most), 2 * start)
    at, _ = edge(lambda t: _number(shares, t)[0] < capacity, small * 1e-9, most)
    unasked = np.exp(-shares * at[:, None])
    steep = (shares * at[:, None] * unasked).sum(axis=-1)
    width = np.sqrt(_number(shares, at)[1]) / np.maximum(steep, 1e-300)
    return start, end, np.clip(3.0 * width, 0.05, 0.7)
