r"""Caches that are always full, and evict an object where a new one comes in.

All of them are one sum over the catalogue with another function in it
(`qmodel.caches.policies.characteristic_time`): a policy says with which probability an object
is present after a characteristic time. By

.. math:: \frac{dH}{dC} = \frac{\sum_i p_i\, \partial h_i / \partial \ln T}
          {\sum_i s_i\, \partial g_i / \partial \ln T}

the same function tells what one more place is worth, exactly.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.basis import ASYMPTOTIC, POISSON_ARRIVALS, Assumption, Basis
from qmodel.caches.base import INDEPENDENT_REFERENCE, QUANTITIES, Cache, CacheResult
from qmodel.caches.policies.characteristic_time import characteristic_time, in_cells
from qmodel.caches.popularity.base import Popularity

__all__ = ["CHARACTERISTIC_TIME", "Replacement"]

CHARACTERISTIC_TIME = Assumption(
    "characteristic-time",
    "all objects stay equally long unless asked for, which is exact for many objects; hit "
    "ratios of LRU and FIFO within 0.0006 and 0.001, as up to 16 and 32 places of one size are "
    "solved without it; where they are not, as for sizes that differ and for levels of "
    "caches, within 0.001 from 100 places on, but 0.01 for ten and 0.14 for one",
    "Che, Tung and Wang 2002; Fricker, Robert and Roberts 2012",
    ASYMPTOTIC,
)


@dataclass(frozen=True, slots=True, eq=False)
class Replacement(Cache):
    """A cache of limited capacity that evicts an object for each new one.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0. [-]

    Raises
    ------
    DomainError
        If `capacity` is negative.
    """

    capacity: Value = parameter("what fits, in the unit of the sizes", symbol="C")

    @abstractmethod
    def _presence(self, share: Any, time: Any, *parameters: Any) -> tuple[Any, Any]:
        """Return the probability to be present after a time, and its slope in the log of it.

        Shares of the requests are along the last axis, the time counts requests.
        """

    def _hits(self, share: Any, time: Any, *parameters: Any) -> tuple[Any, Any]:
        """Return the share of hits and its slope: who is present is found."""
        return self._presence(share, time, *parameters)

    def _admission(self, share: Any, time: Any, *parameters: Any) -> Any:
        """Return the share of the misses for an object that are taken into the cache."""
        return 1.0

    def _parameters(self, popularity: Popularity, request_rate: Value) -> Sequence[Any]:
        """Return what else the presence depends on, one value a scenario."""
        return ()

    @property
    def _grounds(self) -> tuple[Assumption, ...]:
        return (POISSON_ARRIVALS, INDEPENDENT_REFERENCE, CHARACTERISTIC_TIME)

    def _solve(self, popularity: Popularity, request_rate: Value) -> CacheResult:
        more = self._parameters(popularity, request_rate)
        time = characteristic_time(popularity, self.capacity, self._presence, more)
        grid, shape = popularity.grid, np.shape(time)
        flat, *cells = in_cells([time, *more], shape)
        sums = np.empty((5, flat.size))
        for here, part in grid.chunks(shape):
            case = [x[here][:, None] for x in (flat, *cells)]
            hits, _ = self._found(part.share, *case)
            missed = 1 - hits
            taken = self._admission(part.share, *case)
            sums[:, here] = (
                part.over_requests(hits), part.over_bytes(hits), part.over_requests(missed),
                part.over_objects(hits), part.over_requests(missed * taken),
            )  # fmt: skip
        # A mean of ones may round to a little more.
        sums[:2] = np.minimum(sums[:2], 1.0)
        hit, byte_hit, miss, occupancy, taken = (x.reshape(shape)[()] for x in sums)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # Where nothing fits, nothing stays.
            age = np.where(occupancy == 0, 0.0, occupancy / (request_rate * taken))[()]
        return CacheResult(
            request_rate=request_rate,
            hit_ratio=hit,
            byte_hit_ratio=byte_hit,
            miss_ratio=miss,
            characteristic_time=time / request_rate,
            occupancy=occupancy,
            eviction_age=age,
            hits=partial(self._hits_at, case=[np.asarray(x)[..., None] for x in (time, *more)]),
            cache=self,
            popularity=popularity,
            basis=Basis(dict.fromkeys(QUANTITIES, self._grounds)),
        )

    def _hits_at(self, share: Any, case: Sequence[Any]) -> Any:
        return self._found(share, *case)[0]

    def _found(self, share: Any, time: Any, *parameters: Any) -> tuple[Any, Any]:
        """Return the share of hits and its slope, also where everything fits."""
        endless = np.isinf(time)
        if not endless.any():
            return self._hits(share, time, *parameters)
        hits, slope = self._hits(share, np.where(endless, 1.0, time), *parameters)
        kept = self._kept(share, *parameters)
        return np.where(endless, kept, hits), np.where(endless, 0.0, slope)

    def _kept(self, share: Any, *parameters: Any) -> Any:
        """Return the share of hits where nothing is ever evicted."""
        return np.where(np.asarray(share) > 0, 1.0, 0.0)

    def _slope(self, result: CacheResult) -> Value:
        counted = result.characteristic_time * np.asarray(result.request_rate)
        return self.at_time(result.popularity, result.request_rate, counted)[1]

    def at_time(
        self, popularity: Popularity, request_rate: Value, time: Value
    ) -> tuple[Value, Value]:
        """Return the capacity of a characteristic time, and the slope of the hit ratio there.

        Parameters
        ----------
        popularity : Popularity
            Which share of the requests asks for each object. [-]
        request_rate : number or array
            Requests for objects of the catalogue, > 0. [1/s]
        time : number or array
            The time, counted in requests, >= 0; inf where everything fits. [-]

        Returns
        -------
        tuple of number or array
            The capacity, and the derivative of the hit ratio in it. [-]
        """
        more = self._parameters(popularity, request_rate)
        grid = popularity.grid
        shape = np.broadcast_shapes(np.shape(time), grid.shape, *(np.shape(x) for x in more))
        counted, *cells = in_cells([time, *more], shape)
        filled, found = np.empty((2, counted.size))
        for here, part in grid.chunks(shape):
            # The limit at zero is that of a small time.
            small = np.maximum(np.where(np.isinf(counted[here]), 1.0, counted[here]), 1e-30)
            case = [x[here][:, None] for x in (small, *cells)]
            _, hits = self._hits(part.share, *case)
            there, slope = self._presence(part.share, *case)
            with np.errstate(divide="ignore", invalid="ignore"):
                found[here] = part.over_requests(hits) / part.over_sizes(slope)
            endless = np.isinf(counted[here])
            filled[here] = np.where(endless, part.volume.sum(axis=-1), part.over_sizes(there))
        found[np.isinf(counted)] = 0.0
        return filled.reshape(shape)[()], found.reshape(shape)[()]
