r"""A catalogue over several cache nodes: shards, and copies of the hottest objects.

With consistent hashing each object belongs to one of n nodes, drawn at random. A node with
the n-th part of the capacity then holds the n-th part of the objects, and has the
characteristic time of one large cache. So shards cost no hits. They cost balance: the
requests of a node are a share with mean 1 / n and squared coefficient of variation

.. math:: c^2 = (n - 1) \sum_i p_i^2 ,

and none has less than its hottest object brings (`qmodel.balancing.hashing.hot_keys` has the
distribution of the fullest shard).

**Replicas.** The k hottest objects may be on every node, and a request for one goes to any.
Then n copies of it, each asked for with :math:`p_i / n`, compete with the other objects
for the same places, which costs hits. It takes the hottest objects out of the sum above:

.. math:: c^2 = (n - 1) \sum_{i > k} p_i^2 ,

as the requests for replicas are spread evenly. The replicas are objects of a popularity of
their own, `Replicated`, that any cache can be solved with.

**Error.** Where k falls between the nodes of a grid (beyond rank 64 of Zipf's law), the hit
ratio is off by less than 5e-5 and c^2 by less than 0.1 %.
**Shapes.** Nodes, replicas and the parameters of the popularity broadcast.

References
----------
.. [1] D. Karger, E. Lehman, T. Leighton, R. Panigrahy, M. Levine, D. Lewin, "Consistent
   hashing and random trees", STOC, 1997.
.. [2] B. Fan, H. Lim, D. G. Andersen, M. Kaminsky, "Small cache, big effect: provable load
   balancing for randomly partitioned cluster services", SoCC, 2011.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel.basis import Assumption
from qmodel.caches.popularity.base import Grid, Head, Popularity

__all__ = ["Replicated", "load_scv"]


@checked
def load_scv(popularity: Popularity, nodes: Count, *, replicated: Value = 0) -> Value:
    """Squared coefficient of variation of the load of a node, over random placements.

    Parameters
    ----------
    popularity : Popularity
        Which share of the requests asks for each object. [-]
    nodes : int or integer array
        Number of nodes, >= 1. [-]
    replicated : number or array, default 0
        How many of the hottest objects are on every node, >= 0. [-]

    Returns
    -------
    number or array
        Variance of the share of a node over its mean squared, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If `nodes` is no number of nodes, or `replicated` is negative.
    ModelError
        If `popularity` is not one.

    Examples
    --------
    Ten nodes, of which one has the hottest key, and the load if that is on all of them:

    >>> from qmodel.caches.popularity.zipf import Zipf
    >>> load_scv(Zipf(10**5, 1.0), 10, replicated=[0, 1, 10, 100]).round(4)
    array([0.1013, 0.0397, 0.0059, 0.0006])
    """
    _check.instance("popularity", popularity, Popularity)
    n = np.asarray(_check.count("nodes", nodes, most=10**9), dtype=float)
    k = np.asarray(_check.nonnegative("replicated", replicated))
    grid = popularity.grid
    hot = _hottest(grid, k)
    return ((n - 1) * ((grid.count - hot) * grid.share**2).sum(axis=-1))[()]


def _hottest(grid: Grid, k: Any) -> Any:
    """Return how many of the k hottest objects each node of the grid stands for."""
    order = np.argsort(-grid.share, axis=-1, kind="stable")
    count = np.broadcast_to(grid.count, grid.share.shape)
    ranked = np.take_along_axis(count, order, -1)
    before = np.cumsum(ranked, axis=-1) - ranked
    taken = np.clip(np.asarray(k)[..., None] - before, 0.0, ranked)
    back = np.argsort(order, axis=-1, kind="stable")
    back = np.broadcast_to(back, taken.shape)
    return np.take_along_axis(taken, back, -1)


def _part(grid: Grid, hot: Any) -> Any:
    """Return the part of each node that is hot, also of those that stand for sizes only."""
    share, count = (np.broadcast_to(x, hot.shape) for x in (grid.share, grid.count))
    least = np.where(hot > 0, share, np.inf).min(axis=-1, keepdims=True)
    edge = share == least
    with np.errstate(divide="ignore", invalid="ignore"):
        at_edge = (hot * edge).sum(axis=-1, keepdims=True) / (count * edge).sum(
            axis=-1, keepdims=True
        )
        sized = np.where(share > least, 1.0, np.where(edge, at_edge, 0.0))
        return np.where(np.isnan(hot), np.nan, np.where(count > 0, hot / count, sized))


@dataclass(frozen=True, slots=True, eq=False)
class Replicated(Popularity):
    """The objects of a sharded cache of which the hottest are on every node.

    Solved with a cache of the capacity of all nodes together, it gives the hit ratio of
    the shards.

    Parameters
    ----------
    popularity : Popularity
        Which share of the requests asks for each object. [-]
    nodes : int or integer array
        Number of nodes, >= 1. [-]
    replicated : number or array
        How many of the hottest objects are on every node, >= 0; all, if it is more than
        there are. [-]

    Raises
    ------
    DomainError
        If `nodes` is no number of nodes, or `replicated` is negative.
    ModelError
        If `popularity` is not one.

    Examples
    --------
    What copies of hot objects cost in hits, on 20 nodes with 500 places each:

    >>> import qmodel as qm
    >>> keys = qm.caches.Zipf(10**6, 0.9)
    >>> on_all = Replicated(keys, nodes=20, replicated=[0, 10, 100, 400])
    >>> qm.caches.LRU(20 * 500).solve(on_all).hit_ratio.round(4)
    array([0.3949, 0.3926, 0.3427, 0.2739])
    """

    popularity: Popularity
    nodes: Count = parameter("nodes", symbol="N", check=partial(_check.count, most=10**9))
    replicated: Value = parameter("hottest objects that are on every node", symbol="k")
    grid: Grid = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = np.asarray(self.nodes, dtype=float)[..., None]
        k = np.asarray(self.replicated)
        grid = self.popularity.grid
        part = _part(grid, _hottest(grid, k))
        several = (n, part, grid.share, grid.count, grid.volume)
        n, part, share, count, volume = np.broadcast_arrays(*several)
        made = (
            (share, share / n),
            (count * (1 - part), count * part * n),
            (volume * (1 - part), volume * part * n),
        )
        object.__setattr__(self, "grid", Grid(*(np.concatenate(x, axis=-1) for x in made)))

    @property
    def grounds(self) -> tuple[Assumption, ...]:
        """What the shares rest on. [-]."""
        return self.popularity.grounds

    @property
    def objects(self) -> Value:
        """Number of objects and copies. [-]."""
        return self.grid.count.sum(axis=-1)[()]

    @checked
    def share_of(self, rank: Value) -> Value:
        """Return the share of the requests for the object of a rank, by all its copies.

        Parameters
        ----------
        rank : number or array
            The rank, 1 for the most popular. [-]

        Returns
        -------
        number or array
            The share, of the broadcast shape. [-]
        """
        return self.popularity.share_of(rank)

    @checked
    def above(self, share: Value) -> Head:
        """Return the objects and copies that are asked for by at least a share.

        Parameters
        ----------
        share : number or array
            The share, > 0. [-]

        Returns
        -------
        Head
            What they have together. [-]

        Raises
        ------
        DomainError
            If `share` is not > 0.
        """
        least = np.asarray(_check.positive("share", share))[..., None]
        grid = self.grid
        there = np.where(np.isnan(least), np.nan, grid.share >= least)
        asked = grid.share * grid.volume
        return Head(
            grid.over_requests(there),
            (there * asked).sum(axis=-1) / asked.sum(axis=-1),
            grid.over_objects(there),
            grid.over_sizes(there),
        )
