r"""q-LRU: LRU that takes in a missed object with probability q only.

What is asked for once is mostly not taken in, so the cache is not filled with it; hits
move an object to the front as in LRU. An object stays until a gap between its requests
exceeds T, and then waits for an admission [1]_:

.. math:: h_i = \frac{q (1 - e^{-p_i T})}{e^{-p_i T} + q (1 - e^{-p_i T})} .

LRU is q = 1. The rarer the admissions, the longer T, and the closer the cache comes to LFU, but
also the longer it takes to get there.

**Few objects.** What the cache has in which order is a Markov chain without a product form.
Where it has few states it is solved (`qmodel.caches.policies.exact_q_lru`), linearly between
whole places; so is every cache of up to one place for up to 1,000 objects.

References
----------
.. [1] V. Martina, M. Garetto, E. Leonardi, "A unified approach to the performance analysis
   of caching systems", IEEE INFOCOM, 2014, sec. III.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.basis import ASYMPTOTIC, EXACT, Assumption, Basis
from qmodel.caches.base import QUANTITIES, CacheResult
from qmodel.caches.policies.characteristic_time import in_cells
from qmodel.caches.policies.exact import of_nearest
from qmodel.caches.policies.exact_q_lru import ExactQLRU, present, solvable
from qmodel.caches.policies.replacement import Replacement
from qmodel.caches.popularity.base import Popularity, size_of

__all__ = ["QLRU", "RARE_ADMISSION", "presence"]

RARE_ADMISSION = Assumption(
    "rare-admission",
    "objects stay equally long also where few are admitted; hit ratios of q-LRU within 0.001, "
    "0.003 and 0.007 for q of 0.1, 0.01 and 0.001 from 100 places on, within 0.011, 0.027 and "
    "0.044 for ten and 0.055, 0.1 and 0.12 for two; few objects are solved without it",
    "Martina, Garetto and Leonardi 2014",
    ASYMPTOTIC,
)


@checked
def presence(x: Value, admitted: Value) -> tuple[Any, Any]:
    """Probability that an object is present that is taken in with a probability.

    Parameters
    ----------
    x : number or array
        Mean number of requests for the object in a characteristic time, >= 0. [-]
    admitted : number or array
        Probability that a missed object is taken in. [-]

    Returns
    -------
    tuple of number or array
        The probability, and its derivative in the logarithm of x. [-]

    Examples
    --------
    >>> [float(part) for part in presence(1.0, 0.1)]
    [0.1466, 0.1980]
    """
    absent = np.exp(-x)
    coming = -np.expm1(-x) * admitted
    # The exponential underflows long after the probability is 1.
    total = np.maximum(absent + coming, 1e-300)
    return coming / total, admitted * x * absent / total**2


@dataclass(frozen=True, slots=True, eq=False)
class QLRU(Replacement):
    """Cache that evicts the least recently used object, and admits only some.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0. [-]
    admitted : number or array, default 0.1
        Probability q that a missed object is taken in, > 0. [-]

    Raises
    ------
    DomainError
        If `capacity` is negative or `admitted` is no probability above zero.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(10**6, exponent=0.8)
    >>> QLRU(10**4, admitted=[1.0, 0.1, 0.01]).solve(pages).hit_ratio
    array([0.2319, 0.2821, 0.3326])
    """

    admitted: Value = parameter(
        "probability to be taken in", symbol="q", check=_check.positive_probability, default=0.1
    )

    @property
    def _grounds(self) -> tuple[Assumption, ...]:
        return (*super(QLRU, self)._grounds, RARE_ADMISSION)

    def _parameters(self, popularity: Popularity, request_rate: Value) -> Sequence[Any]:
        return (self.admitted,)

    def _solve(self, popularity: Popularity, request_rate: Value) -> CacheResult:
        found = Replacement._solve(self, popularity, request_rate)
        shape = np.broadcast_shapes(np.shape(found.hit_ratio), np.shape(found.eviction_age))
        few = self._few(popularity, shape)
        if few is None:
            return found
        there, shares, hits, places = few
        missed = (shares * (1 - hits)).sum(axis=-1)
        rate, admitted = in_cells([request_rate, self.admitted], there.shape)
        inner = there.ravel()
        with np.errstate(divide="ignore", invalid="ignore"):
            age = places / (rate[inner] * admitted[inner] * missed)

        def with_few(usual: Value, exact: Any) -> Any:
            cells = np.array(np.broadcast_to(usual, there.shape), dtype=float)
            cells[there] = exact
            return cells[()]

        known = there | np.isinf(found.characteristic_time) | np.isnan(found.hit_ratio)
        model = tuple(x for x in self._grounds if x.label == EXACT)
        grounds = dict.fromkeys(QUANTITIES, model if known.all() else self._grounds)
        return replace(
            found,
            hit_ratio=with_few(found.hit_ratio, 1 - missed),
            byte_hit_ratio=with_few(found.byte_hit_ratio, 1 - missed),
            miss_ratio=with_few(found.miss_ratio, missed),
            occupancy=with_few(found.occupancy, places),
            eviction_age=with_few(found.eviction_age, np.where(places > 0, age, 0.0)),
            hits=partial(_hits_of_few, usual=found.hits, there=there, shares=shares, hits=hits),
            basis=Basis(grounds | {"characteristic_time": self._grounds}),
        )

    def _few(
        self, popularity: Popularity, shape: tuple[int, ...]
    ) -> tuple[Any, Any, Any, Any] | None:
        """Return which caches are solved exactly: where, their shares, hits and places."""
        if np.max(popularity.objects) > ExactQLRU.most_objects:
            return None
        size = size_of(popularity.grid)
        laid_out = popularity.shares()
        places, admitted, objects = in_cells(
            [self.capacity / size, self.admitted, (laid_out > 0).sum(axis=-1)], shape
        )
        there = np.array(
            [
                c < n and solvable(int(n), int(c)) and solvable(int(n), int(np.ceil(c)))
                for c, n in zip(places, objects, strict=True)
            ]
        )
        if not there.any():
            return None
        shares = np.broadcast_to(laid_out, (*shape, laid_out.shape[-1]))
        shares = shares.reshape(-1, laid_out.shape[-1])[there]
        places, admitted = places[there], admitted[there]
        below = np.floor(places)
        low, high = (
            present(shares, whole, admitted)
            for whole in (below, np.minimum(below + 1, np.ceil(places)))
        )
        hits = low + (places - below)[:, None] * (high - low)
        return there.reshape(shape), shares, hits, places

    def _slope(self, result: CacheResult) -> Value:
        usual = Replacement._slope(self, result)
        few = self._few(result.popularity, np.shape(usual))
        if few is None:
            return usual
        size = size_of(result.popularity.grid)
        below = np.floor(self.capacity / size)
        low, high = (
            replace(self, capacity=whole * size).solve(result.popularity).hit_ratio
            for whole in (below, below + 1)
        )
        return np.where(few[0], (high - low) / size, usual)[()]

    def _presence(self, share: Any, time: Any, *parameters: Any) -> tuple[Any, Any]:
        return presence(share * time, *parameters)

    def _admission(self, share: Any, time: Any, *parameters: Any) -> Any:
        return parameters[0]


def _hits_of_few(share: Any, usual: Any, there: Any, shares: Any, hits: Any) -> Any:
    """Return the share of hits by the share of the requests, nodes along the last axis."""
    found = np.array(usual(share), dtype=float)
    asked = np.broadcast_to(share, found.shape)
    inner = np.broadcast_to(there, found.shape[:-1])
    cell = np.broadcast_to(np.cumsum(there).reshape(there.shape) - 1, inner.shape)[inner]
    found[inner] = of_nearest(asked[inner], shares[cell], hits[cell])
    return found
