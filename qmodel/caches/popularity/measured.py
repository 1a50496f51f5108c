"""Popularity as it was measured: how often each object was asked for.

A log is a sample, and does not see all of a large catalogue. Objects that were counted rarely
are exchanged for what they may be, and unseen ones are added
(`qmodel.caches.popularity.unseen`), unless nothing was counted once.

A million counts are reduced once to some hundred nodes that give the sums over all of them
to 1e-11. The first bits of a share say to which of 512 bins an octave it belongs; number,
sum and sum of squares in each bin make two nodes; and all those of a sixteenth of an octave
make the three nodes of a Gauss rule by their moments. The 192 objects that are asked for
most stay nodes of their own: caches of few places need them one by one
(`qmodel.caches.policies.small_capacity`). That costs about four passes of ``exp`` over the
counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.basis import Assumption
from qmodel.caches.popularity.base import Grid, Head, Popularity
from qmodel.caches.popularity.unseen import OFTEN, UNSEEN_OBJECTS, Tail, tail_of
from qmodel.distributions.broadcasting import whole
from qmodel.errors import DomainError

__all__ = ["Measured"]

_FINE = 9
_COARSE = 4
"""Bits of the mantissa that part an octave: 512 fine bins, 16 coarse ones."""

_SHIFT = 52 - _FINE

_CHUNK = 1 << 17
"""Counts at a time: what stays in the second cache of a processor."""

_FEW = 1000
"""As many objects are their own nodes."""

_SINGLES = 192
"""As many of a larger catalogue are."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Measured(Popularity):
    """Popularity by counted requests.

    Parameters
    ----------
    counts : sequence of number
        Requests for each object as they were counted, in any order, whole numbers >= 0;
        objects with none are known to exist, and without any the unseen are estimated. [-]
    sizes : number or sequence of number, default 1
        Size of each object, or of all, > 0. [-]
    complete : bool, default False
        Whether the counts are the popularity itself and no sample of it; they may then be
        any numbers, and only their ratios matter. [-]

    Raises
    ------
    DomainError
        If a count or size is negative or infinite, or all are zero, or sizes and counts
        differ in number, or a count is not whole.

    Examples
    --------
    >>> import qmodel as qm
    >>> log = Measured([500, 300, 100, 60, 40])
    >>> log.share_of([1, 5]), float(log.most_popular(2).requests)
    (array([0.5 , 0.04]), 0.8)

    A log of 100,000 requests to a million objects saw 67,000 of them:

    >>> pages = qm.caches.Zipf(10**6, exponent=0.8)
    >>> counts = np.random.default_rng(1).poisson(10**5 * pages.shares())
    >>> log, cache = Measured(counts[counts > 0]), qm.caches.LRU(10**4)
    >>> log
    <Measured: 66,722 objects in 99,877 requests, some 840,000 in all>
    >>> [float(cache.solve(p).hit_ratio.round(3)) for p in (pages, log)]
    [0.232, 0.232]

    >>> Measured.of_shares([0.5, 0.3, 0.1])
    Traceback (most recent call last):
    qmodel.errors.DomainError: the sum of shares must be 1, got 0.9
    """

    counts: Any = whole()  # noqa: RUF009
    sizes: Any = whole(default=1.0)  # noqa: RUF009
    complete: bool = False
    grid: Grid = field(init=False)
    _tail: Tail | None = field(init=False, default=None)
    _ranked: list[Any] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        counts = np.asarray(_check.nonnegative("counts", self.counts))
        sizes = np.asarray(_check.positive("sizes", self.sizes))
        most = counts.max(initial=0.0)  # One pass; NaN if one is.
        if counts.ndim != 1 or most == 0:
            raise DomainError(
                "counts must be a list of numbers with one above zero, "
                f"got shape {counts.shape}" + (" of zeros" if counts.size else "")
            )
        if most == np.inf:
            raise DomainError("counts must be finite, got inf")
        if np.isinf(sizes).any():
            raise DomainError("sizes must be finite, got inf")
        if sizes.ndim and sizes.shape != counts.shape:
            raise DomainError(f"sizes must be {counts.size} or one, got shape {sizes.shape}")
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "sizes", sizes[()])
        object.__setattr__(self, "complete", bool(self.complete))
        tail = None if self.complete else _estimated(counts, sizes)
        object.__setattr__(self, "_tail", tail)
        object.__setattr__(self, "grid", _grid(counts, sizes, tail))

    def __repr__(self) -> str:
        """Return what was counted in one line."""
        known = int((self.counts > 0).sum())
        if self.complete:
            return f"<Measured: {known:,} objects>"
        unseen = f", some {_rounded(self.objects):,} in all" if self._tail else ""
        return f"<Measured: {known:,} objects in {self.counts.sum():,.0f} requests{unseen}>"

    @property
    def grounds(self) -> tuple[Assumption, ...]:
        """What the popularity rests on. [-]."""
        return () if self._tail is None else (UNSEEN_OBJECTS,)

    @classmethod
    def of_shares(cls, shares: Any, sizes: Any = 1.0) -> Self:
        """Return the popularity with these shares of the requests, which must sum to 1.

        Parameters
        ----------
        shares : sequence of number
            Share of the requests for each object. [-]
        sizes : number or sequence of number, default 1
            Size of each object, or of all, > 0. [-]

        Returns
        -------
        Measured
            The popularity.

        Raises
        ------
        DomainError
            If the shares do not sum to 1 (to 1e-9), or one is no probability.

        Examples
        --------
        >>> float(Measured.of_shares([0.5, 0.3, 0.2]).share_of(1))
        0.5
        """
        total = float(np.sum(_check.probability("shares", shares)))
        if abs(total - 1) > 1e-9:
            raise DomainError(f"the sum of shares must be 1, got {total:.12g}")
        return cls(shares, sizes, complete=True)

    @property
    def objects(self) -> Value:
        """Number of objects of the catalogue, with those that nobody asked for. [-]."""
        if self._tail is None:
            return float(self.counts.size)
        return float(np.floor((self.counts > OFTEN).sum() + self._tail.objects.sum() + 1e-6))

    def _order(self) -> tuple[Any, ...]:
        """Return the shares in falling order, and the sums from the first on."""
        if not self._ranked:
            asked, objects = self.counts, np.ones(self.counts.size)
            volume = np.broadcast_to(self.sizes, asked.shape)
            if self._tail is not None:
                often = asked > OFTEN
                asked, objects, volume = (
                    np.concatenate([x[often], y])
                    for x, y in zip((asked, objects, volume), self._tail, strict=True)
                )
            order = np.argsort(asked)[::-1]
            asked, objects, volume = asked[order], objects[order], volume[order]
            sums = [np.cumsum(np.concatenate([[0.0], x])) for x in
                    (asked * objects, asked * volume, objects, volume)]  # fmt: skip
            self._ranked.extend([asked / sums[0][-1], *sums])
        return tuple(self._ranked)

    @checked
    def share_of(self, rank: Value) -> Value:
        """Return the share of the requests that asks for the object of a rank.

        Parameters
        ----------
        rank : int or integer array
            The rank, from 1 for the most popular to the number of objects. [-]

        Returns
        -------
        number or array
            The share. [-]

        Raises
        ------
        DomainError
            If there is no such rank.

        Examples
        --------
        >>> float(Measured([100, 300]).share_of(1))
        0.75
        """
        ranks = np.asarray(_check.count("rank", rank), dtype=int)
        if (ranks > self.objects).any():
            raise DomainError(f"rank must be at most {self.objects:.0f}, got {ranks.max()}")
        shares, _, _, objects, _ = self._order()
        # A rank that is one of several like it, or a part of one, is of the node it falls in.
        node = np.searchsorted(objects[1:], ranks - 1e-6)
        return shares[np.minimum(node, shares.size - 1)]

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
        >>> head = Measured([50, 30, 20]).above(0.3)
        >>> float(head.objects), float(head.requests)
        (2.0, 0.8)
        """
        shares, asked, volume_asked, objects, volume = self._order()
        least = np.asarray(_check.positive("share", share))
        rank = np.searchsorted(-shares, -least, "right")
        unknown = np.where(np.isnan(least), np.nan, 0.0)
        return Head(
            asked[rank] / asked[-1] + unknown,
            volume_asked[rank] / volume_asked[-1] + unknown,
            objects[rank] + unknown,
            volume[rank] + unknown,
        )


def _estimated(counts: np.ndarray, sizes: np.ndarray) -> Tail | None:
    """Return what was seen rarely or never; None where nothing was seen only once."""
    known = counts if not np.isnan(counts).any() else counts[~np.isnan(counts)]
    broken = known[known != np.floor(known)]
    if broken.size:
        raise DomainError(
            f"counts must be whole numbers, got {broken[0]:g}; shares and weights that are no "
            "sample go with complete=True"
        )
    if known.size < counts.size or not (counts == 1).any():
        return None
    return tail_of(counts, sizes)


def _rounded(number: float) -> int:
    """Return a number with two digits."""
    return int(float(f"{number:.1e}"))


def _grid(counts: np.ndarray, sizes: np.ndarray, tail: Tail | None) -> Grid:
    if tail is not None:
        often, total = counts > OFTEN, counts.sum()
        share, number, volume = tail
        rest = Grid(share / total, number, volume)
        if not often.any():
            return rest
        part = counts[often].sum() / total
        head = _grid(counts[often], sizes[often] if sizes.ndim else sizes, None)
        head = head._replace(share=head.share * part)
        return Grid(*(np.concatenate(pair) for pair in zip(head, rest, strict=True)))
    every = not counts.min() <= 0  # So that NaN stays.
    asked = counts if every else counts[counts > 0]
    total = asked.sum()
    if np.isnan(total) or np.isnan(sizes).any():
        unknown = np.full(1, np.nan)
        return Grid(unknown, unknown, unknown)
    nodes, weights = _nodes(asked, None)
    nodes = nodes / total
    if sizes.ndim == 0:
        return Grid(nodes, weights, weights * sizes)
    # One rule for sums over objects and one for sums over sizes: each is exact for its own.
    sized, volumes = _nodes(asked, sizes if every else sizes[counts > 0])
    return Grid(
        np.concatenate([nodes, sized / total]),
        np.concatenate([weights, np.zeros(sized.size)]),
        np.concatenate([np.zeros(nodes.size), volumes]),
    )


def _nodes(counts: np.ndarray, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights that give sums over `counts`, weighted."""
    if counts.size <= _FEW:
        return counts, np.ones(counts.size) if weights is None else weights
    # The bits of a positive float, less the last of its mantissa, count up the bins.
    first, last = (int(x.view(np.int64)) >> _SHIFT for x in (counts.min(), counts.max()))
    sums = np.zeros((3, last - first + 1))
    for start in range(0, counts.size, _CHUNK):
        part = counts[start : start + _CHUNK]
        weight = None if weights is None else weights[start : start + _CHUNK]
        bins = part.view(np.int64) >> _SHIFT
        bins -= first
        moment = weight
        for row in sums:
            row += np.bincount(bins, moment, minlength=row.size)
            moment = part if moment is None else moment * part
    singles = counts[:0] if weights is not None else _hottest(counts, sums, first)
    there = np.flatnonzero(sums[0])
    count, mean, square = sums[:, there]
    mean = mean / count
    spread = np.sqrt(np.maximum(square / count - mean**2, 0.0))
    pair = np.stack([mean - spread, mean + spread])
    nodes, count = _gauss(pair, count / 2, there >> (_FINE - _COARSE))
    return np.concatenate([singles, nodes]), np.concatenate([np.ones(singles.size), count])


def _hottest(counts: np.ndarray, sums: np.ndarray, first: int) -> np.ndarray:
    """Return the largest counts, and take them out of the sums of their bins."""
    last = np.flatnonzero(np.cumsum(sums[0, ::-1]) >= _SINGLES)[0]
    lowest = sums.shape[1] - 1 - last
    edge = np.int64((first + lowest) << _SHIFT).view(np.float64)
    parted = np.partition(counts[counts >= edge], -_SINGLES)
    left = parted[:-_SINGLES]
    bins = (left.view(np.int64) >> _SHIFT) - first - lowest
    for row, moment in zip(sums, (None, left, left**2), strict=True):
        row[lowest:] = np.bincount(bins, moment, minlength=last + 1)
    return parted[-_SINGLES:][::-1]


def _gauss(
    x: np.ndarray, weights: np.ndarray, group: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return at most three nodes a group of pairs of nodes, by the procedure of Stieltjes."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    lengths = np.diff(starts, append=group.size)

    def total(values: Any) -> Any:
        return np.add.reduceat(weights * values.sum(axis=0), starts)

    def of_group(values: Any) -> Any:
        return np.repeat(values, lengths)

    mass = total(np.ones(x.shape))
    middle = total(x) / mass
    x = x - of_group(middle)
    square = x * x
    second = total(square)
    # Where all are one, or two, the rule has as many nodes and the others no weight.
    with np.errstate(divide="ignore", invalid="ignore"):
        a1 = np.nan_to_num(total(square * x) / second)
        b1 = second / mass
        square = (square - of_group(a1) * x - of_group(b1)) ** 2
        b2 = np.nan_to_num(total(square) / second)
        a2 = np.nan_to_num(total(square * x) / total(square))
    groups = starts.size
    matrix = np.zeros((groups, 3, 3))
    matrix[:, 1, 1], matrix[:, 2, 2] = a1, a2
    matrix[:, 0, 1] = matrix[:, 1, 0] = np.sqrt(b1)
    matrix[:, 1, 2] = matrix[:, 2, 1] = np.sqrt(b2)
    nodes, vectors = np.linalg.eigh(matrix)
    found = (middle[:, None] + nodes).ravel(), (mass[:, None] * vectors[:, 0, :] ** 2).ravel()
    return found[0][found[1] > 0], found[1][found[1] > 0]
