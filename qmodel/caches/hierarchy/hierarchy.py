r"""Caches behind caches: browser, edge, origin, application.

Each level sees only what the level before it missed. That is not the popularity of the
clients, and no Poisson stream either: an object that was just missed is in the cache, and
is not missed again for the characteristic time at least. To take the misses as Poisson
gives the second level up to 49 % more hits than it has. So the times between the misses of
each object go up with their distribution G (`qmodel.caches.hierarchy.inter_miss`). With n
children, each a cache with timer T_1 and misses at the rates r_i, a parent with timer T_2 has

.. math::

    P(\text{miss at the parent} \mid \text{miss at a child}) =
        G_i(T_2)\, G_i(T_2 + T_1)^{n-1}, \qquad
    \sum_i s_i \bigl(1 - G_i(T_2 + T_1)^n\bigr) = C_2 ,

as the children are independent and G one timer later is the distribution of the time to the
next miss of another child. A miss is kept on its way back at every level ("leave a copy
everywhere").

**Error.** Up to the second level nothing is assumed but constant characteristic times, so
the result is asymptotic: the hits of the parent, as a share of all requests, are within
0.0003 of simulation in five trees of 1 to 16 children, and within 0.0006 where the children
have only 100 places. The misses of the second level are then taken as those of a timer with
the same rate and the same shortest distance, to serve a third: `filtered-misses` states the
error of that. Lifetimes that hits renew have no error at the first two levels.

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

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, parameter
from qmodel._typing import Count, Value
from qmodel.basis import APPROXIMATE, POISSON_ARRIVALS, Assumption, Basis, union
from qmodel.caches.base import INDEPENDENT_REFERENCE
from qmodel.caches.hierarchy.inter_miss import InterMiss
from qmodel.caches.hierarchy.result import HierarchyResult, LevelResult
from qmodel.caches.policies.filling import filling_time
from qmodel.caches.policies.lru import LRU
from qmodel.caches.policies.replacement import CHARACTERISTIC_TIME
from qmodel.caches.policies.ttl import TTL
from qmodel.caches.popularity.base import Grid, Popularity
from qmodel.distributions import Distribution
from qmodel.errors import ModelError

__all__ = ["Hierarchy", "Level"]

FILTERED_MISSES = Assumption(
    "filtered-misses",
    "the misses of a second level are taken as those of one cache with a timer: their rate "
    "and their shortest distance are kept, the rest of them is not; the share of all "
    "requests that a third or fourth level answers is within 0.001 of simulation where its "
    "nodes are at least three times as large as those before, and within 0.005 where twice",
    "Garetto, Leonardi and Martina 2016, sec. 6, for the idea",
    APPROXIMATE,
)

_SHORTEST, _LONGEST = 1e-12, 1e250
"""Timers, counted in requests, that stand for none and for one without end."""


def renewed_life(cache: Any) -> Value:
    """Return the constant lifetime of a cache where hits renew it; refuse any other."""
    if not isinstance(cache, TTL) or not cache.renewing or isinstance(cache.ttl, Distribution):
        raise ModelError(
            f"cache must be LRU, or TTL with a constant lifetime that hits renew, got {cache!r}"
        )
    return cache.ttl


@dataclass(frozen=True, slots=True, eq=False)
class Level(Model):
    """The caches of one level of a hierarchy, all built alike.

    Parameters
    ----------
    cache : LRU or TTL
        One of them; objects of a TTL live for a constant time, renewed by hits. [-]
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
        If `cache` is of another kind, or `shares` are not as many as `nodes`.

    Examples
    --------
    >>> Level(LRU(1000), nodes=16).nodes
    16
    """

    cache: Any
    nodes: Count = parameter("number of nodes", check=_check.count, default=1)
    shares: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.cache, LRU):
            renewed_life(self.cache)
        if self.shares is not None:
            shares = _check.weights("shares", self.shares)
            if np.ndim(self.nodes) or self.nodes not in (1, len(shares)):
                raise ModelError(f"there are {self.nodes} nodes and {len(shares)} shares")
            object.__setattr__(self, "shares", shares)
            object.__setattr__(self, "nodes", len(shares))


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
    levels : sequence of LRU, TTL or Level
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

    def __init__(self, levels: Sequence[LRU | TTL | Level]) -> None:
        levels = _check.several("levels", levels)
        if not levels:
            raise ModelError("a hierarchy needs a level")
        for x in levels:
            if not isinstance(x, (LRU, TTL, Level)):
                raise ModelError(f"levels must be LRU, TTL or Level, got {_check.short(x)}")
        made = tuple(x if isinstance(x, Level) else Level(x) for x in levels)
        for k, (child, parent) in enumerate(itertools.pairwise(made), start=1):
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

    @checked
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
            If `popularity` is not one.
        """
        _check.instance("popularity", popularity, Popularity)
        rate = _check.positive("request_rate", request_rate)
        grid = popularity.grid
        nodes = [np.asarray(x.nodes, dtype=float) for x in self.levels]
        # What an LRU has is a capacity; a TTL has its time, counted in all requests.
        limits = [
            np.asarray(x.cache.capacity if isinstance(x.cache, LRU) else x.cache.ttl * rate)
            for x in self.levels
        ]
        shape = np.broadcast_shapes(grid.shape, *(x.shape for x in (*limits, *nodes)))
        cells = int(np.prod(shape))
        limits, nodes = (
            [np.broadcast_to(x, shape).reshape(cells).astype(float) for x in group]
            for group in (limits, nodes)
        )
        cache = self.levels[0].cache
        first = limits[0] / nodes[0]
        if isinstance(cache, LRU):
            # From the curve that the plain LRU has, counted in requests of one node.
            first = np.asarray(cache.solve(popularity).characteristic_time)
            first = np.broadcast_to(first, shape).reshape(cells)
        passed, timers, held = np.empty((3, len(self.levels), cells))
        for here, part in grid.chunks(shape):
            timer = first[here] * nodes[0][here]
            stream, there = _leaves(self.levels[0], part, first[here], nodes[0][here])
            for k, level in enumerate(self.levels):
                if k:
                    case = (level, limits[k][here], nodes[k][here])
                    stream, timer, there = _parents(stream, part, *case)
                total = (stream.many[..., None] * stream.rate).sum(axis=-2)
                passed[k, here] = part.over_objects(total)
                timers[k, here], held[k, here] = timer, part.over_objects(there)
        result = self._result(rate, shape, passed, timers, held)
        return replace(result, basis=popularity.known_in(result.basis))

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
        grounds: dict[str, tuple[Assumption, ...]] = {}
        known: tuple[Assumption, ...] = (POISSON_ARRIVALS, INDEPENDENT_REFERENCE)
        for k, level in enumerate(self.levels, start=1):
            more = (CHARACTERISTIC_TIME,) if isinstance(level.cache, LRU) else ()
            known = union(known, more, (FILTERED_MISSES,) if k > 2 else ())
            grounds[f"level {k}"] = known
        return HierarchyResult(
            request_rate=rate,
            hit_ratio=cell(1 - passed[-1]),
            miss_ratio=cell(passed[-1]),
            levels=levels,
            basis=Basis(
                dict.fromkeys(("hit_ratio", "miss_ratio", "miss_rate"), known) | grounds
            ),
        )


def _timer(time: Any) -> Any:
    """Return a time that can be computed with, nodes along the last axis."""
    return np.clip(time, _SHORTEST, _LONGEST)[..., None]


def _leaves(level: Level, grid: Grid, time: Any, many: Any) -> tuple[_Stream, Any]:
    """Return what the first level passes on, and who is present at one node.

    The time counts requests of a node: of each alike for LRU, of an average one for TTL.
    """
    if level.shares is None:
        share, count = 1 / many[:, None], many[:, None]
    else:
        share = np.broadcast_to(level.shares, (many.size, len(level.shares)))
        count = np.ones(share.shape)
    own = _timer(time) / share
    timer = own if isinstance(level.cache, LRU) else _timer(time * many) + 0 * share
    x = grid.share[..., None, :] * (share * timer)[..., None]
    missed = grid.share[..., None, :] * share[..., None] * np.exp(-x)
    there = (count[..., None] * -np.expm1(-x)).sum(axis=-2) / many[:, None]
    return _Stream(missed, timer, count), there


def _parents(
    below: _Stream, grid: Grid, level: Level, limit: Any, many: Any
) -> tuple[_Stream, Any, Any]:
    """Return what a level passes on, its timer, and who is present at one node."""
    distribution = InterMiss(below.rate * below.timer[..., None])
    # Children of each kind at one node of this level.
    children = below.many / many[:, None]

    def absent(time: Any, here: slice = slice(None)) -> tuple[Any, Any]:
        """Return the logarithm of P(no child missed), and that of each alone."""
        u = time[..., None] / below.timer[here][..., None]
        whole = u.shape[0] == distribution.rate_times_timer.shape[0]
        some = distribution if whole else InterMiss(distribution.rate_times_timer[here])
        alone = _log_of_rest(some.until_next(u))
        return (children[here][..., None] * alone).sum(axis=-2), alone

    def presence(here: slice, _: Grid, time: Any) -> Any:
        return -np.expm1(absent(time, here)[0])

    time = limit
    if isinstance(level.cache, LRU):
        time = filling_time(grid, limit, limit.shape, presence)
    finite = np.minimum(time, _LONGEST)[..., None]
    together, alone = absent(finite)
    own = _log_of_rest(distribution.within(finite[..., None] / below.timer[..., None]))
    # A child that missed knows when it missed before; its siblings do not.
    missed = np.exp(together[..., None, :] - alone + own)
    rate = (children[..., None] * below.rate * missed).sum(axis=-2, keepdims=True)
    single = (children.sum(axis=-1) == 1)[:, None]
    # Behind a single child no miss follows sooner than at the child.
    shortest = np.where(single, np.maximum(finite, below.timer[:, :1]), _timer(time))
    return _Stream(rate, shortest, many[:, None]), time, -np.expm1(together)


def _log_of_rest(probability: Any) -> Any:
    """Return log(1 - probability), finite so that differences of it are numbers."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log1p(-np.minimum(probability, 1.0)), -700.0)
