"""Popularity: which share of the requests asks for each object of a catalogue.

Under the *independent reference model* each request asks for object i with probability
p_i, whatever came before. All that a cache does then is a sum over the catalogue, so a
popularity shows itself as a `Grid`: some hundred nodes with weights that give every such
sum, for a thousand objects or 1e9.

References
----------
.. [1] E. G. Coffman, P. J. Denning, "Operating Systems Theory", Prentice-Hall, 1973,
   sec. 6.6 (the independent reference model).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model
from qmodel._typing import Value
from qmodel.basis import Assumption, Basis, union

__all__ = ["Grid", "Head", "Popularity", "size_of"]

_HALVINGS = 1100
"""Enough to part any two floats above zero in the logarithm of the share."""


_CHUNK = 1 << 17
"""Nodes of all scenarios at a time: what fits into a cache of the processor."""


class Grid(NamedTuple):
    """Nodes along the last axis that stand for all objects of a catalogue.

    ``sum(count * g(share))`` is the sum of g over all objects, and ``sum(volume *
    g(share))`` that over all objects by their sizes.
    """

    share: Any
    """Share of the requests that asks for one object of the node. [-]."""

    count: Any
    """Number of objects of the node. [-]."""

    volume: Any
    """Size of all objects of the node together, in the unit of the sizes. [-]."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the scenarios that differ in popularity."""
        return np.broadcast_shapes(*(np.shape(x)[:-1] for x in self))

    def chunks(self, shape: tuple[int, ...]) -> Iterator[tuple[slice, Grid]]:
        """Yield the scenarios of a shape a few at a time: where they are, and their grid."""
        cells, nodes = int(np.prod(shape)), self.share.shape[-1]
        step = max(1, _CHUNK // nodes)
        for start in range(0, cells, step):
            here = slice(start, min(start + step, cells))
            if not self.shape:
                yield here, self
                continue
            index = np.unravel_index(np.arange(cells)[here], shape)
            yield here, Grid(*(np.broadcast_to(x, (*shape, nodes))[index] for x in self))

    @checked
    def over_requests(self, values: Any) -> Any:
        """Return the mean of `values` over the requests."""
        return _dot(self.count * self.share, values)

    @checked
    def over_bytes(self, values: Any) -> Any:
        """Return the mean of `values` over the bytes (or other units of size) asked for."""
        asked = self.volume * self.share
        return _dot(asked, values) / asked.sum(axis=-1)

    @checked
    def over_objects(self, values: Any) -> Any:
        """Return the sum of `values` over the objects."""
        return _dot(self.count, values)

    @checked
    def over_sizes(self, values: Any) -> Any:
        """Return the sum of `values` over the objects by their sizes."""
        return _dot(self.volume, values)


@checked
def size_of(grid: Grid) -> Any:
    """Return the size of each object, NaN where sizes differ.

    Parameters
    ----------
    grid : Grid
        The objects. [-]

    Returns
    -------
    number or array
        The size, one a catalogue. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> float(size_of(qm.caches.Zipf(1000, 0.8, size=4096.0).grid))
    4096.0
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        size = grid.volume.sum(axis=-1) / grid.count.sum(axis=-1)
    off = np.abs(grid.volume - size[..., None] * grid.count) > 1e-9 * grid.volume
    return np.where(off.any(axis=-1), np.nan, size)


def _dot(weights: Any, values: Any) -> Any:
    return np.einsum("...k,...k->...", weights, values)


class Head(NamedTuple):
    """The objects that are asked for most, taken together."""

    requests: Any
    """Their share of the requests. [-]."""

    bytes_asked: Any
    """Their share of the bytes asked for. [-]."""

    objects: Any
    """Their number. [-]."""

    volume: Any
    """Their size, in the unit of the sizes. [-]."""


class Popularity(Model, ABC):
    """Shares of the requests over the objects of a catalogue."""

    __slots__ = ()

    @property
    @abstractmethod
    def grid(self) -> Grid:
        """The nodes that stand for all objects."""

    @property
    def grounds(self) -> tuple[Assumption, ...]:
        """What the shares rest on where they were not given. [-]."""
        return ()

    @checked
    def known_in(self, basis: Basis) -> Basis:
        """Return what numbers rest on that are computed from these shares."""
        if not self.grounds:
            return basis
        return Basis({n: union(reasons, self.grounds) for n, reasons in basis.grounds.items()})

    @abstractmethod
    def share_of(self, rank: Value) -> Value:
        """Return the share of the requests for the object of a rank, 1 the most popular."""

    @abstractmethod
    def above(self, share: Value) -> Head:
        """Return the objects that are asked for by at least a share of the requests."""

    if TYPE_CHECKING:
        # A property would become the default value of a field of this name.
        @property
        def objects(self) -> Value:
            """Number of objects of the catalogue. [-]."""

    def shares(self) -> Any:
        """Return the share of each object, the most popular first, along the last axis.

        Returns
        -------
        array
            The shares; catalogues of several sizes are filled up with zeros. [-]

        Examples
        --------
        >>> import qmodel as qm
        >>> qm.caches.Zipf(3, 1.0).shares().round(3)
        array([0.545, 0.273, 0.182])
        """
        objects = np.asarray(self.objects, dtype=float)
        ranks = np.arange(1.0, objects.max() + 1).reshape(-1, *(1,) * len(self.grid.shape))
        found = np.where(ranks <= objects, self.share_of(np.minimum(ranks, objects)), 0.0)
        return np.moveaxis(found, 0, -1)

    @property
    def volume(self) -> Value:
        """Size of all objects together, in the unit of the sizes. [-]."""
        return self.grid.volume.sum(axis=-1)[()]

    @checked
    def most_popular(self, volume: Value) -> Head:
        """Return the most popular objects that fill a volume.

        Parameters
        ----------
        volume : number or array
            Their size together, >= 0; objects that are asked for equally often, and the
            last object, fit in part. [-]

        Returns
        -------
        Head
            What they have together. [-]

        Raises
        ------
        DomainError
            If `volume` is negative.

        Examples
        --------
        >>> import qmodel as qm
        >>> float(qm.caches.Zipf(1000, 0.8).most_popular(100.0).requests)
        0.5258
        """
        volume = np.asarray(_check.nonnegative("volume", volume))
        share = self.grid.share
        shape = np.broadcast_shapes(volume.shape, share.shape[:-1])
        with np.errstate(divide="ignore"):
            low = np.log(np.maximum(share.min(axis=-1), 1e-300)) - 1.0
            high = np.log(share.max(axis=-1)) + 1.0
        low, high = (np.broadcast_to(x, shape).copy() for x in (low, high))
        # Low takes in more than fits, or everything; high takes in what fits.
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if not ((low < middle) & (middle < high)).any():
                break
            fits = self.above(np.exp(middle)).volume <= volume
            low, high = np.where(fits, low, middle), np.where(fits, middle, high)
        inside, outside = self.above(np.exp(high)), self.above(np.exp(low))
        with np.errstate(invalid="ignore", divide="ignore"):
            room = (volume - inside.volume) / (outside.volume - inside.volume)
        part = np.where(outside.volume > inside.volume, np.clip(room, 0.0, 1.0), 0.0)
        part = np.where(np.isnan(volume), np.nan, part)
        return Head(*((a + part * (b - a))[()] for a, b in zip(inside, outside, strict=True)))
