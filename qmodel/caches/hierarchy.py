r"""Caches behind caches: browser, edge, origin, application.

Each level sees only what the level before it missed. That is not the popularity of the
clients, and no Poisson stream either: an object that was just missed is in the cache, and
is not missed again for the characteristic time at least. To take the misses as Poisson
gives the second level up to 49 % more hits than it has. So the times between the misses of
each object go up with their law G (`qmodel.caches.inter_miss`). With n children, each a
cache with timer T_1 and misses at the rates r_i, a parent with timer T_2 has

.. math::

    P(\text{miss at the parent} \mid \text{miss at a child}) =
        G_i(T_2)\, G_i(T_2 + T_1)^{n-1}, \qquad
    \sum_i s_i \bigl(1 - G_i(T_2 + T_1)^n\bigr) = C_2 ,

as the children are independent and G one timer later is the law of the time to the next
miss of another child. A miss is kept on its way back at every level ("leave a copy
everywhere").

**Error.** Up to the second level nothing is assumed but constant characteristic times: the
hits of the parent, as a share of all requests, agree with simulation to 0.0003 in four
trees of 1 to 16 children, as far as the simulation resolves them. The misses of the second
level are then taken as those of a timer with the same rate and the same shortest distance,
to serve a third level: see the statement of `filtered-misses`.

References
----------
.. [1] H. Che, Y. Tung, Z. Wang, "Hierarchical web caching systems: modeling, design and
   experimental results", IEEE Journal on Selected Areas in Communications 20, 2002.
.. [2] N. Choungmo Fofack, P. Nain, G. Neglia, D. Towsley, "Performance evaluation of
   hierarchical TTL-based cache networks", Computer Networks 65, 2014, sec. 4 and 5.
.. [3] M. Garetto, E. Leonardi, V. Martina, "A unified approach to the performance analysis
   of caching systems", ACM TOMPECS 1, 2016, sec. 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._typing import Count, Value
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis, union
from qmodel.caches.base import INDEPENDENT_REFERENCE
from qmodel.caches.filling import filling_time
from qmodel.caches.inter_miss import InterMiss
from qmodel.caches.lru import LRU
from qmodel.caches.popularity import Grid, Popularity
from qmodel.caches.replacement import CHARACTERISTIC_TIME
from qmodel.errors import ModelError

__all__ = ["Hierarchy", "HierarchyResult", "Level", "LevelResult"]

FILTERED_MISSES = Assumption(
    "filtered-misses",
    "the misses of a second level are taken as those of one cache with a timer: their rate "
    "and their shortest distance are kept, the rest of their law is not; the share of all "
    "requests that a third level answers is within 0.001 where it is several times as large "
    "as the second, and 0.005 too low where it is twice as large",
    "Garetto, Leonardi and Martina 2016, sec. 6, for the idea",
    APPROXIMATE,
)

_SHORTEST, _LONGEST = 1e-12, 1e250
"""Timers, counted in requests, that stand for none and for one without end."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The caches of one level of a hierarchy, all built alike.

    Parameters
    ----------
    cache : LRU
        One of them. [-]
    nodes : int or integer array, default 1
        How many there are; each serves an equal part of the caches before it. [-]
    shares : sequence of number, optional
        Share of the clients of each node, at the first level only, and the next has one
        node; by default all are equal. [-]

    Raises
    ------
    DomainError
        If `nodes` is no number of nodes, or `shares` do not sum to 1.
    ModelError
        If `cache` is not LRU, or `shares` are not as many as `nodes`.

    Examples
    --------
    >>> Level(LRU(1000), nodes=16).nodes
    16
    """

    cache: LRU
    nodes: Count = 1
    shares: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _check.instance("cache", self.cache, LRU)
        object.__setattr__(self, "nodes", _check.count("nodes", self.nodes))
        if self.shares is not None:
            shares = _check.weights("shares", self.shares)
            if np.ndim(self.nodes) or self.nodes not in (1, len(shares)):
                raise ModelError(f"there are {self.nodes} nodes and {len(shares)} shares")
            object.__setattr__(self, "shares", shares)
            object.__setattr__(self, "nodes", len(shares))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LevelResult:
    """The steady state of one level.

    Parameters
    ----------
    request_rate : number or array
        Requests that reach the level, all its nodes together. [1/s]
    hit_ratio : number or array
        Share of them that it answers; 0 where none come. [-]
    answered : number or array
        Share of all requests of the clients that it answers. [-]
    miss_rate : number or array
        Requests that it passes on, all its nodes together. [1/s]
    characteristic_time : number or array
        How long an object stays in a node that is not asked for; where the clients are
        shared unequally, in a node with an average share. [s]
    occupancy : number or array
        Mean number of objects in one node. [-]
    """

    request_rate: Value
    hit_ratio: Value
    answered: Value
    miss_rate: Value
    characteristic_time: Value
    occupancy: Value


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HierarchyResult:
    """The steady state of a hierarchy of caches.

    Parameters
    ----------
    request_rate : number or array
        Requests of all clients. [1/s]
    hit_ratio : number or array
        Share of them that some level answers. [-]
    miss_ratio : number or array
        Share of them that reaches the origin. [-]
    levels : tuple of LevelResult
        Each level, that of the clients first. [-]
    basis : Basis
        How much each quantity can be trusted; "level 1" and so on stand for all
        quantities of a level. [-]
    """

    request_rate: Value
    hit_ratio: Value
    miss_ratio: Value
    levels: tuple[LevelResult, ...]
    basis: Basis

    @property
    def miss_rate(self) -> Value:
        """Requests that reach the origin. [1/s]."""
        return self.request_rate * self.miss_ratio

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())


class _Stream(NamedTuple):
    """What the nodes of a level pass on; kinds of nodes, then objects on the last axes."""

    rate: Any
    """Misses of an object at one node, a request of all clients."""

    timer: Any
    """Shortest distance between them, in requests of all clients."""

    many: Any
    """How many nodes of the kind there are."""


@dataclass(frozen=True, slots=True, eq=False)
class Hierarchy:
    """Levels of caches, of which each serves the misses of the one before.

    Parameters
    ----------
    levels : sequence of LRU or Level
        The levels, that of the clients first. [-]

    Raises
    ------
    ModelError
        If there is no level, a level has more nodes than the one before it, or unequal
        shares stand where they cannot.

    Examples
    --------
    Sixteen edge caches in front of one origin cache:

    >>> import qmodel as qm
    >>> cdn = Hierarchy([Level(LRU(200), nodes=16), LRU(2000)])
    >>> load = cdn.solve(qm.caches.Zipf(10**4, 0.8), request_rate=1000.0)
    >>> [round(float(level.answered), 3) for level in load.levels], float(load.miss_rate)
    ([0.222, 0.343], 435.0)

    A second cache as large as the first finds little that the first has not:

    >>> two = Hierarchy([LRU(1000), LRU([1000, 2000, 4000])])
    >>> two.solve(qm.caches.Zipf(10**4, 0.8), 1000.0).levels[1].hit_ratio.round(3)
    array([0.029, 0.215, 0.52 ])
    """

    levels: tuple[Any, ...]

    def __init__(self, levels: Sequence[LRU | Level]) -> None:
        if not levels:
            raise ModelError("a hierarchy needs a level")
        made = tuple(x if isinstance(x, Level) else Level(x) for x in levels)
        for k, (child, parent) in enumerate(zip(made[:-1], made[1:], strict=True), start=1):
            if np.any(np.asarray(parent.nodes) > np.asarray(child.nodes)):
                raise ModelError(
                    f"level {k + 1} has {parent.nodes} nodes, more than the {child.nodes} "
                    "before it"
                )
            if parent.shares is not None:
                raise ModelError(f"only the first level can have shares, got level {k + 1}")
            if child.shares is not None and np.any(np.asarray(parent.nodes) != 1):
                raise ModelError("behind nodes with shares there must be one node")
        object.__setattr__(self, "levels", made)

    def solve(self, popularity: Popularity, request_rate: Value = 1.0) -> HierarchyResult:
        """Return the steady state under a demand.

        Parameters
        ----------
        popularity : Popularity
            Which share of the requests asks for each object, at every client. [-]
        request_rate : number or array, default 1
            Requests of all clients together, Poisson, > 0. [1/s]

        Returns
        -------
        HierarchyResult
            Hit ratios and loads level by level, with their basis. [-]

        Raises
        ------
        DomainError
            If `request_rate` is not > 0.
        ModelError
            If `popularity` is none.
        """
        _check.instance("popularity", popularity, Popularity)
        rate = _check.positive("request_rate", request_rate)
        grid = popularity.grid
        sizes = [np.asarray(x.cache.capacity, dtype=float) for x in self.levels]
        nodes = [np.asarray(x.nodes, dtype=float) for x in self.levels]
        shape = np.broadcast_shapes(grid.shape, *(x.shape for x in (*sizes, *nodes)))
        cells = int(np.prod(shape))
        size, many = (
            [np.broadcast_to(x, shape).reshape(cells) for x in group]
            for group in (sizes, nodes)
        )
        # The first level in one go, from the curve that the plain LRU has.
        first = self.levels[0].cache.solve(popularity).characteristic_time
        first = np.broadcast_to(first, shape).reshape(cells)
        passed, timers, held = np.empty((3, len(self.levels), cells))
        for here, part in grid.chunks(shape):
            stream = None
            for k, level in enumerate(self.levels):
                n = many[k][here]
                if stream is None:
                    stream, timer = _leaves(level, part, first[here], n)
                    there = -np.expm1(-part.share * _timer(first[here]))
                else:
                    # Behind the first, each level is solved for itself.
                    stream, timer, there = _parents(stream, part, size[k][here], n)
                total = (stream.many[..., None] * stream.rate).sum(axis=-2)
                passed[k, here] = part.over_objects(total)
                timers[k, here], held[k, here] = timer, part.over_objects(there)
        return self._result(rate, shape, passed, timers, held)

    def _result(
        self, rate: Value, shape: tuple[int, ...], passed: Any, timers: Any, held: Any
    ) -> HierarchyResult:
        came = np.concatenate([np.ones((1, passed.shape[1])), passed[:-1]])
        with np.errstate(divide="ignore", invalid="ignore"):
            hits = np.where(came > 0, 1 - passed / came, 0.0)

        def cell(values: Any) -> Any:
            return values.reshape(shape)[()]

        levels = tuple(
            LevelResult(
                request_rate=rate * cell(came[k]),
                hit_ratio=cell(hits[k] + 0 * came[k]),
                answered=cell(came[k] - passed[k]),
                miss_rate=rate * cell(passed[k]),
                characteristic_time=cell(timers[k]) / rate,
                occupancy=cell(held[k]),
            )
            for k in range(len(self.levels))
        )
        known = (POISSON_ARRIVALS, INDEPENDENT_REFERENCE, CHARACTERISTIC_TIME)
        third = len(levels) > 2
        grounds = {
            f"level {k}": (*known, FILTERED_MISSES) if k > 2 else known
            for k in range(1, len(levels) + 1)
        }
        whole = (*known, FILTERED_MISSES) if third else known
        return HierarchyResult(
            request_rate=rate,
            hit_ratio=cell(1 - passed[-1]),
            miss_ratio=cell(passed[-1]),
            levels=levels,
            basis=Basis(
                dict.fromkeys(("hit_ratio", "miss_ratio", "miss_rate"), whole) | grounds
            ),
        )


def _timer(time: Any) -> Any:
    """Return a time that can be computed with, nodes along the last axis."""
    return np.clip(time, _SHORTEST, _LONGEST)[..., None]


def _leaves(level: Level, grid: Grid, time: Any, many: Any) -> tuple[_Stream, Any]:
    """Return what the first level passes on, and its timer."""
    if level.shares is None:
        share, count = 1 / many[:, None], many[:, None]
    else:
        share = np.broadcast_to(level.shares, (many.size, len(level.shares)))
        count = np.ones(share.shape)
    x = grid.share * _timer(time)
    missed = (grid.share * np.exp(-x))[..., None, :] * share[..., None]
    return _Stream(missed, _timer(time) / share, count), time * many


def _parents(below: _Stream, grid: Grid, size: Any, many: Any) -> tuple[_Stream, Any, Any]:
    """Return what a level passes on, its timer, and who is present."""
    law = InterMiss(below.rate * below.timer[..., None])
    # Children of each kind at one node of this level.
    children = below.many / many[:, None]

    def absent(time: Any, here: slice = slice(None)) -> Any:
        """Return the logarithm of P(no child missed), and that of each alone."""
        u = time[..., None] / below.timer[here][..., None]
        whole = u.shape[0] == law.rate_times_timer.shape[0]
        some = law if whole else InterMiss(law.rate_times_timer[here])
        chance = some.until_next(u)
        with np.errstate(divide="ignore"):
            alone = np.maximum(np.log1p(-np.minimum(chance, 1.0)), -700.0)
        return (children[here][..., None] * alone).sum(axis=-2), alone

    def presence(here: slice, _: Grid, time: Any) -> Any:
        return -np.expm1(absent(time, here)[0])

    time = filling_time(grid, size, size.shape, presence)
    finite = np.minimum(time, _LONGEST)[..., None]
    together, alone = absent(finite)
    u = finite[..., None] / below.timer[..., None]
    with np.errstate(divide="ignore"):
        own = np.maximum(np.log1p(-np.minimum(law.within(u), 1.0)), -700.0)
    # A child that missed knows when it missed before; its siblings do not.
    missed = np.exp(together[..., None, :] - alone + own)
    rate = (children[..., None] * below.rate * missed).sum(axis=-2, keepdims=True)
    single = (children.sum(axis=-1) == 1)[:, None]
    # Behind a single child no miss follows sooner than at the child.
    shortest = np.where(single, np.maximum(finite, below.timer[:, :1]), _timer(time))
    return (
        _Stream(rate, shortest, many[:, None]),
        time,
        -np.expm1(together),
    )
