r"""Caches of few places, where the characteristic time is not good enough.

With few places the time that objects stay varies much, and the characteristic time is up to
0.13 off. But few places can be solved: what is asked for of a catalogue of any size is then the
distribution of a small number (`qmodel.numerics.poisson_binomial.marked_distribution`), with
the objects that are asked for most one by one and all others in groups, by their sums of
powers. A policy gives the *gains*, the share of hits that each further place adds; everything
else is here.

**Between whole places** the hit ratio is taken as linear: a cache that has now one, now the
other number of them. **Behind the few** the characteristic time takes over gradually: its
part grows evenly from nothing at half of the largest capacity solved, to all.

**Domain.** Objects of one size. The result is right to 1e-9. A catalogue whose most popular
objects do not stand one by one in its grid (`qmodel.caches.sharding.Replicated`) keeps the
characteristic time.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np

from qmodel._typing import Value
from qmodel.basis import Assumption, Basis
from qmodel.caches.base import QUANTITIES, CacheResult
from qmodel.caches.policies.replacement import CHARACTERISTIC_TIME, Replacement
from qmodel.caches.popularity.base import Grid, Popularity, size_of

__all__ = ["Catalogue", "FewPlaces"]

_SINGLES = 192
"""At most as many objects stand one by one."""

_ENOUGH = 64
"""As many must, that are asked for more than any group."""

_CHUNK = 1 << 20
"""Numbers at a time."""


class Catalogue(NamedTuple):
    """Catalogues, one a row: who is asked for most one by one, all others in groups."""

    singles: Any
    """Shares of single objects, filled up with zeros. [-]."""

    share: Any
    """Share of an object of each group. [-]."""

    count: Any
    """Number of objects of each group. [-]."""

    objects: Any
    """Number of all objects, one a row. [-]."""

    clear: Any
    """Whether enough objects stand one by one. [-]."""

    def part(self, rows: Any) -> Catalogue:
        """Return some of the rows."""
        return Catalogue(*(x[rows] for x in self))


def _catalogue(share: Any, count: Any) -> Catalogue:
    """Return the catalogues of grids, one a row."""
    alone = np.where((np.abs(count - 1) < 1e-9) & (share > 0), share, 0.0)
    order = np.argsort(-alone, axis=-1)[:, :_SINGLES]
    singles = np.take_along_axis(alone, order, axis=-1)
    rest = np.where(share > 0, count, 0.0)
    left = np.where(singles > 0, 0.0, np.take_along_axis(rest, order, axis=-1))
    np.put_along_axis(rest, order, left, axis=-1)
    groups = (rest > 0).any(axis=0)
    shares = np.where(rest > 0, share, 0.0)[:, groups]
    most = shares.max(axis=-1, initial=0.0)
    above = (singles >= most[:, None]).sum(axis=-1)
    return Catalogue(
        singles[:, (singles > 0).any(axis=0)],
        shares,
        rest[:, groups],
        np.round(np.where(share > 0, count, 0.0).sum(axis=-1)),
        (above >= _ENOUGH) | (most == 0),
    )


class _Few(NamedTuple):
    """Which scenarios have few places."""

    there: Any
    """Whether a scenario has. [-]."""

    places: Any
    """How many, NaN where there are many. [-]."""

    usual: Any
    """The part that the characteristic time has. [-]."""

    steady: Any
    """Its derivative in the places. [-]."""

    size: Any
    """Size of an object. [-]."""

    row: Any
    """The row of the catalogue, of each scenario. [-]."""

    catalogue: Catalogue
    """The catalogues, one a row. [-]."""


@dataclass(frozen=True, slots=True, eq=False)
class FewPlaces(Replacement):
    """A cache that evicts objects, solved exactly where it has few places.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0. [-]

    Raises
    ------
    DomainError
        If `capacity` is negative.
    """

    most_places: ClassVar[int]
    """Up to half as many places the solution is exact, from there on it has a part."""

    @abstractmethod
    def _gains(self, catalogue: Catalogue) -> Any:
        """Return what each further place adds to the hit ratio, catalogues first."""

    @abstractmethod
    def _gains_of(self, share: Any, catalogue: Catalogue) -> Any:
        """Return the same for single objects: catalogues, shares, places."""

    def _width(self, catalogue: Catalogue) -> int:
        """Return how many numbers one row needs."""
        return int(1 + catalogue.share.shape[-1] + catalogue.singles.shape[-1])

    def _few(self, grid: Grid) -> _Few | None:
        """Return which scenarios have few places, None if none has."""
        size = size_of(grid)
        places = np.asarray(self.capacity) / size
        if not (places < self.most_places).any():
            return None
        nodes = grid.share.shape[-1]
        rows = [np.broadcast_to(x, (*grid.shape, nodes)).reshape(-1, nodes) for x in grid[:2]]
        catalogue = _catalogue(*rows)
        row = np.arange(len(rows[0])).reshape(grid.shape)
        shape = np.broadcast_shapes(places.shape, grid.shape)
        row, size = np.broadcast_to(row, shape), np.broadcast_to(size, shape)
        there = places < np.minimum(self.most_places, catalogue.objects[row])
        there &= catalogue.clear[row]
        places = np.where(there, places, np.nan)
        half = self.most_places / 2
        part = np.clip(places / half - 1, 0.0, 1.0)
        return _Few(there, places, part, (places > half) / half, size, row, catalogue)

    def _solve(self, popularity: Popularity, request_rate: Value) -> CacheResult:
        found = Replacement._solve(self, popularity, request_rate)
        few = self._few(popularity.grid)
        if few is None or not few.there.any():
            return found
        exact, _ = self._exact(few)
        hit = np.where(
            few.there, exact + few.usual * (found.hit_ratio - exact), found.hit_ratio
        )
        miss = np.where(few.there, 1 - hit, found.miss_ratio)
        byte = np.where(few.there, hit, found.byte_hit_ratio)
        held = np.where(few.there, few.places, found.occupancy)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Little's law: each miss brings an object in. Where nothing fits, nothing stays.
            age = np.where(held == 0, 0.0, held / (request_rate * miss))
        age = np.where(few.there, age, found.eviction_age)
        grounds = dict.fromkeys(QUANTITIES, self._grounds)
        known = np.isinf(found.characteristic_time) | np.isnan(found.hit_ratio)
        if (known | (few.there & (few.usual == 0))).all():
            grounds = dict.fromkeys(QUANTITIES, self._model)
            grounds["characteristic_time"] = self._grounds
        return replace(
            found,
            hit_ratio=hit[()],
            byte_hit_ratio=byte[()],
            miss_ratio=miss[()],
            occupancy=held[()],
            eviction_age=age[()],
            hits=partial(self._hits_of, few=few, found=found),
            basis=Basis(grounds),
        )

    @property
    def _model(self) -> tuple[Assumption, ...]:
        return tuple(x for x in self._grounds if x != CHARACTERISTIC_TIME)

    def _exact(self, few: _Few) -> tuple[Any, Any]:
        """Return the hit ratio and its slope in the places."""
        needed, row = np.unique(few.row[few.there], return_inverse=True)
        gains = np.empty((needed.size, self.most_places))
        step = max(1, _CHUNK // self._width(few.catalogue))
        for start in range(0, needed.size, step):
            here = needed[start : start + step]
            gains[start : start + step] = self._gains(few.catalogue.part(here))
        places = few.places[few.there][:, None]
        begun = np.clip(places - np.arange(self.most_places), 0.0, 1.0)
        next_one = np.floor(places) == np.arange(self.most_places)
        found = np.full((2, *few.there.shape), np.nan)
        found[:, few.there] = [
            np.einsum("ck,ck->c", gains[row.ravel()], part) for part in (begun, next_one)
        ]
        return found[0], found[1]

    def _hits_of(self, share: Any, few: _Few, found: CacheResult) -> Any:
        """Return the share of hits by the share of the requests, nodes along the last axis."""
        usual = np.asarray(found.hits(share))
        nodes = usual.shape[-1]
        there = np.broadcast_to(few.there, usual.shape[:-1])
        cells = [np.broadcast_to(x, there.shape)[there] for x in few[1:6]]
        shares = np.broadcast_to(share, usual.shape)[there]
        places, part, row = cells[0][:, None], cells[1][:, None], cells[4]
        begun = np.clip(places - np.arange(self.most_places), 0.0, 1.0)
        hits = np.empty(shares.shape)
        step = max(1, _CHUNK // (nodes * self._width(few.catalogue)))
        for start in range(0, len(shares), step):
            here = slice(start, start + step)
            gains = self._gains_of(shares[here], few.catalogue.part(row[here]))
            hits[here] = np.einsum("cnk,ck->cn", gains, begun[here])
        full = usual.copy()
        full[there] = hits + part * (usual[there] - hits)
        return full

    def _slope(self, result: CacheResult) -> Value:
        usual = Replacement._slope(self, result)
        few = self._few(result.popularity.grid)
        if few is None or not few.there.any():
            return usual
        plain = Replacement._solve(self, result.popularity, result.request_rate)
        exact, slope = self._exact(few)
        slope = slope / few.size
        turn = few.steady / few.size * (plain.hit_ratio - exact)
        return np.where(few.there, slope + few.usual * (usual - slope) + turn, usual)[()]
