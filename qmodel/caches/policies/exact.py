"""Caches of few objects, solved without the characteristic time.

Each object is present with a probability that is a function of all shares; these are laid
out one by one here, so the catalogue must be small.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel.basis import Assumption, Basis
from qmodel.caches.base import INDEPENDENT_REFERENCE, QUANTITIES, Cache, CacheResult
from qmodel.caches.policies.characteristic_time import in_cells
from qmodel.caches.popularity.base import Popularity
from qmodel.errors import DomainError, ModelError

__all__ = ["Exact", "of_nearest"]

_CHUNK = 1 << 20
"""Shares of all scenarios at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Exact(Cache):
    """A cache of a whole number of objects, solved exactly.

    Parameters
    ----------
    capacity : int or integer array
        Number of objects that fit, >= 0. [-]

    Raises
    ------
    DomainError
        If `capacity` is no whole number.
    """

    capacity: Count = parameter(
        "number of objects that fit", symbol="C", check=partial(_check.count, least=0)
    )

    most_objects: ClassVar[int]
    """The largest catalogue that is solved."""

    @abstractmethod
    def _hits_of(self, shares: Any, capacity: Any, *parameters: Any) -> Any:
        """Return the share of hits of each object, for places from 1 to objects - 1."""

    @property
    def _parameters(self) -> tuple[Any, ...]:
        """Return what else the policy has, one value a scenario."""
        return ()

    @property
    def _grounds(self) -> tuple[Assumption, ...]:
        return (INDEPENDENT_REFERENCE,)

    def _solve(self, popularity: Popularity, request_rate: Value) -> CacheResult:
        objects = np.max(popularity.objects)
        if objects > self.most_objects:
            raise DomainError(
                f"objects must be at most {self.most_objects} for {type(self).__name__}, whose "
                f"cost grows with their square, got {objects:.0f}; the characteristic time is "
                "accurate there"
            )
        grid = popularity.grid
        if (grid.volume != grid.count).any():
            raise ModelError(f"{type(self).__name__} counts objects: their sizes must be 1")
        shares = popularity.shares()
        more: Sequence[Any] = self._parameters
        shape = np.broadcast_shapes(
            np.shape(self.capacity), shares.shape[:-1], *(np.shape(x) for x in more)
        )
        all_shares = np.broadcast_to(shares, (*shape, shares.shape[-1]))
        flat = all_shares.reshape(-1, shares.shape[-1])
        places, *more = in_cells([self.capacity, *more], shape)
        asked = (flat > 0).sum(axis=-1)
        hits = np.where(flat > 0, 1.0, 0.0)
        hits[places == 0] = 0.0
        hits[np.isnan(flat).any(axis=-1)] = np.nan
        inner = np.flatnonzero((places > 0) & (places < asked))
        step = max(1, _CHUNK // flat.shape[-1] ** 2)
        for start in range(0, inner.size, step):
            here = inner[start : start + step]
            hits[here] = self._hits_of(flat[here], places[here], *(x[here] for x in more))
        hits = hits.reshape(*shape, -1)
        hit, miss = (shares * hits).sum(axis=-1)[()], (shares * (1 - hits)).sum(axis=-1)[()]
        occupancy = hits.sum(axis=-1)[()]
        with np.errstate(divide="ignore", invalid="ignore"):
            age = np.where(occupancy == 0, 0.0, occupancy / (request_rate * miss))[()]
            age = np.where(places.reshape(shape) >= asked.reshape(shape), np.inf, age)[()]
        return CacheResult(
            request_rate=request_rate,
            hit_ratio=hit,
            byte_hit_ratio=hit,
            miss_ratio=miss,
            characteristic_time=np.nan * hit,
            occupancy=occupancy,
            eviction_age=age,
            hits=partial(of_nearest, shares=shares, hits=hits),
            cache=self,
            popularity=popularity,
            basis=Basis(dict.fromkeys(QUANTITIES, self._grounds)),
        )


def of_nearest(share: Any, shares: Any, hits: Any) -> Any:
    """Return the hits of the objects with the nearest shares."""
    nearest = np.abs(shares[..., None] - np.asarray(share)[..., None, :]).argmin(axis=-2)
    shape = np.broadcast_shapes(hits.shape[:-1], nearest.shape[:-1])
    hits, nearest = (np.broadcast_to(x, (*shape, x.shape[-1])) for x in (hits, nearest))
    return np.take_along_axis(hits, nearest, axis=-1)
