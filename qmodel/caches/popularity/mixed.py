"""Several catalogues in one cache: pages and pictures, tenants, kinds of keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.basis import Assumption, union
from qmodel.caches.popularity.base import Grid, Head, Popularity
from qmodel.errors import DomainError

__all__ = ["Mixed"]

_HALVINGS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Mixed(Popularity):
    """Popularity of several catalogues that have no object in common.

    Parameters
    ----------
    weights : sequence of number or array
        Share of the requests that goes to each catalogue, with sum 1. [-]
    parts : sequence of Popularity
        The popularity within each catalogue. [-]

    Raises
    ------
    DomainError
        If the weights do not sum to 1, or weights and parts differ in number.
    ModelError
        If a part is no popularity.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(10**4, 1.0, size=2e4)
    >>> pictures = qm.caches.Zipf(10**6, 0.7, size=1e5)
    >>> both = Mixed([0.3, 0.7], [pages, pictures])
    >>> load = qm.caches.LRU(1e9).solve(both)
    >>> float(load.hit_ratio), float(load.byte_hit_ratio)
    (0.3051, 0.1678)
    """

    weights: Sequence[Value]
    parts: Sequence[Popularity]

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", _check.weights("weights", self.weights))
        parts = tuple(_check.instance("parts", part, Popularity) for part in self.parts)
        object.__setattr__(self, "parts", parts)
        if len(self.weights) != len(parts):
            raise DomainError(
                f"weights must be as many as parts, got {len(self.weights)} and {len(parts)}"
            )

    @property
    def objects(self) -> Value:
        """Number of objects of all catalogues. [-]."""
        return sum((np.asarray(part.objects) for part in self.parts), np.zeros(()))[()]

    @property
    def grid(self) -> Grid:
        """The nodes of all catalogues."""
        grids = [
            Grid(g.share * np.asarray(w)[..., None], g.count, g.volume)
            for w, g in zip(self.weights, (part.grid for part in self.parts), strict=True)
        ]
        shape = np.broadcast_shapes(*(g.shape for g in grids))
        return Grid(
            *(
                np.concatenate(
                    [np.broadcast_to(x, (*shape, np.shape(x)[-1])) for x in same], axis=-1
                )
                for same in zip(*grids, strict=True)
            )
        )

    @property
    def grounds(self) -> tuple[Assumption, ...]:
        """What the shares of the catalogues rest on. [-]."""
        return union(*(part.grounds for part in self.parts))

    @checked
    def share_of(self, rank: Value) -> Value:
        """Return the share of the requests that asks for the object of a rank.

        Parameters
        ----------
        rank : number or array
            The rank in all catalogues together, 1 for the most popular. [-]

        Returns
        -------
        number or array
            The share, of the broadcast shape, to rounding. [-]

        Raises
        ------
        DomainError
            If `rank` is below 1 or above the number of objects.

        Examples
        --------
        >>> import qmodel as qm
        >>> both = Mixed([0.5, 0.5], [qm.caches.Zipf(2, 1.0), qm.caches.Zipf(3, 0.0)])
        >>> both.share_of([1, 2, 3, 4, 5]).round(3)
        array([0.333, 0.167, 0.167, 0.167, 0.167])
        """
        rank = np.asarray(_check.count("rank", rank), dtype=float)
        if (rank > self.objects).any():
            most = np.min(self.objects)
            raise DomainError(f"rank must be at most {most:g}, got {rank.max():g}")
        share = self.grid.share
        shape = np.broadcast_shapes(rank.shape, share.shape[:-1])
        # Nodes stand for neighbours, whose shares differ a little.
        asked = np.where(share > 0, share, np.nan)
        low = np.broadcast_to(np.log(np.nanmin(asked, axis=-1)) - 1.0, shape)
        high = np.broadcast_to(np.log(np.nanmax(asked, axis=-1)) + 1.0, shape)
        none = self.above(np.exp(low)).objects < rank
        # As many as the rank are above low, fewer are above high.
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if not ((low < middle) & (middle < high)).any():
                break
            enough = self.above(np.exp(middle)).objects >= rank
            low, high = np.where(enough, middle, low), np.where(enough, high, middle)
        return np.where(none, 0.0, np.exp(low))[()]

    @checked
    def above(self, share: Value) -> Head:
        """Return the objects that are asked for by at least a share of the requests.

        Parameters
        ----------
        share : number or array
            The share, > 0. [-]

        Returns
        -------
        Head
            What they have together. [-]

        Examples
        --------
        >>> import qmodel as qm
        >>> both = Mixed([0.5, 0.5], [qm.caches.Zipf(2, 1.0), qm.caches.Zipf(3, 0.0)])
        >>> head = both.above(0.2)
        >>> float(head.objects), float(head.requests)
        (1.0, 0.3333)
        """
        share = np.asarray(_check.positive("share", share))
        requests, asked, total, objects, volume = (np.zeros(()) for _ in range(5))
        for weight, part in zip(self.weights, self.parts, strict=True):
            w = np.asarray(weight)
            with np.errstate(divide="ignore"):
                head = part.above(np.where(w > 0, share / np.where(w > 0, w, 1.0), np.inf))
            grid = part.grid
            mass = w * (grid.volume * grid.share).sum(axis=-1)
            requests, asked = requests + w * head.requests, asked + mass * head.bytes_asked
            total, objects = total + mass, objects + head.objects
            volume = volume + head.volume
        return Head(requests[()], (asked / total)[()], objects[()], volume[()])
