"""What every cache has in common: it holds what it is, and the demand is an argument.

``cache.solve(popularity, request_rate)`` returns its steady state as a frozen
`CacheResult`: hit ratio, misses, occupancy, and how long objects stay. Parameters of cache
and popularity may be arrays: they broadcast, and every scenario is solved at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model
from qmodel._frames import frame_of
from qmodel._typing import Value
from qmodel.basis import Assumption, Basis, union
from qmodel.caches.popularity.base import Popularity
from qmodel.errors import ModelError
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["INDEPENDENT_REFERENCE", "Cache", "CacheResult"]

INDEPENDENT_REFERENCE = Assumption(
    "independent-reference",
    "each request asks for an object with its probability, whatever came before; requests "
    "that come in bursts for one object hit more often than this says",
    "Coffman and Denning 1973, sec. 6.6",
)

QUANTITIES = (
    "hit_ratio", "byte_hit_ratio", "miss_ratio", "miss_rate", "occupancy", "eviction_age",
    "characteristic_time",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class CacheResult:
    """The steady state of a cache.

    Parameters
    ----------
    request_rate : number or array
        Requests for objects of the catalogue. [1/s]
    hit_ratio : number or array
        Share of the requests that find their object. [-]
    byte_hit_ratio : number or array
        Share of the bytes asked for that are found. [-]
    miss_ratio : number or array
        Share of the requests that do not find their object; it keeps its digits where
        nearly all do. [-]
    characteristic_time : number or array
        How long an object stays that is not asked for; for first in, first out, how long
        it stays. NaN where a policy has none, ``inf`` where nothing is ever evicted. [s]
    occupancy : number or array
        Mean number of objects in the cache. [-]
    eviction_age : number or array
        Mean time that an object stays, from its fetch to its eviction or expiry. [s]
    hits : callable
        From the share of the requests that asks for an object (nodes along the last axis)
        to the share of hits among them. [-]
    cache : Cache
        The cache. [-]
    popularity : Popularity
        What is asked of it. [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    """

    request_rate: Value
    hit_ratio: Value
    byte_hit_ratio: Value
    miss_ratio: Value
    characteristic_time: Value
    occupancy: Value
    eviction_age: Value
    hits: Callable[[Any], Any]
    cache: Cache
    popularity: Popularity
    basis: Basis

    def __repr__(self) -> str:
        """Return the hit ratio in one line."""
        kind = type(self.cache).__name__
        if np.ndim(self.hit_ratio):
            return f"<CacheResult of {kind}, shape {np.shape(self.hit_ratio)}>"
        fits = "everything fits, " if np.all(np.isinf(self.characteristic_time)) else ""
        return (
            f"<{kind} of {self.popularity.objects:g} objects: {fits}"
            f"hit ratio {text(float(self.hit_ratio), '%')} ({self.basis['hit_ratio']})>"
        )

    @property
    def miss_rate(self) -> Value:
        """Requests that do not find their object. [1/s]."""
        return self.request_rate * self.miss_ratio

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())

    @checked
    def hit_ratio_of(self, rank: Value) -> Value:
        """Return the share of hits among the requests for the object of a rank.

        Parameters
        ----------
        rank : number or array
            The rank, 1 for the most popular. [-]

        Returns
        -------
        number or array
            The share, of the broadcast shape. [-]
        """
        return self.hits(np.asarray(self.popularity.share_of(rank))[..., None])[..., 0]

    def hit_ratio_slope(self) -> Value:
        """Return what one more unit of capacity adds to the hit ratio.

        It is the derivative of the solution, and rests on the same assumptions.

        Returns
        -------
        number or array
            The derivative of the hit ratio in the capacity; times the request rate, the
            misses a second that one more unit saves. [-]

        Raises
        ------
        ModelError
            If the cache has no capacity that may vary.

        Examples
        --------
        >>> import qmodel as qm
        >>> pages = qm.caches.Zipf(1000, 0.8)
        >>> qm.caches.LRU([10, 100]).solve(pages).hit_ratio_slope()
        array([0.0070, 0.0019])
        """
        return self.cache._slope(self)

    def to_frame(self) -> pd.DataFrame:
        """Return the quantities, one row a scenario.

        Returns
        -------
        pandas.DataFrame
            One row for each cell; ``attrs["units"]`` has the units. [-]
        """
        frame = frame_of({name: getattr(self, name) for name in ("request_rate", *QUANTITIES)})
        frame["basis"] = str(self.basis)
        return frame


class Cache(Model, ABC):
    """A place that keeps some objects of a catalogue: intrinsic data only."""

    __slots__ = ()

    needs_rate = False
    """Whether the hit ratio depends on the request rate, as where objects expire."""

    @abstractmethod
    def _solve(self, popularity: Popularity, request_rate: Value) -> CacheResult:
        """Return the steady state, of checked arguments."""

    def _slope(self, result: CacheResult) -> Value:
        """Return the derivative of the hit ratio in the capacity."""
        raise ModelError(f"{type(self).__name__} has no derivative in the capacity")

    @checked
    def solve(self, popularity: Popularity, request_rate: Value = 1.0) -> CacheResult:
        """Return the steady state under a demand.

        Parameters
        ----------
        popularity : Popularity
            Which share of the requests asks for each object. [-]
        request_rate : number or array, default 1
            Requests for objects of the catalogue, Poisson, > 0. [1/s]

        Returns
        -------
        CacheResult
            Hit ratio, occupancy and times, with their basis. [-]

        Raises
        ------
        DomainError
            If `request_rate` is not > 0.
        ModelError
            If `popularity` is not one.
        """
        _check.instance("popularity", popularity, Popularity)
        found = self._solve(popularity, _check.positive("request_rate", request_rate))
        return replace(found, basis=popularity.known_in(found.basis))
