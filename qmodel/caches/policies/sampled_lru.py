r"""Sampled LRU: some objects are drawn, and the one not asked for the longest is evicted.

So Redis and others approximate LRU: to keep no list, an eviction draws k entries (five by
default in Redis [1]_). Ages are times since the last request, counted in requests. If the
entry of rank u (by age, 0 the youngest) is the one evicted with density g(u), then an entry
of age a is evicted at the rate :math:`\theta\, g(F(a))`, with F the distribution of the ages of
the M entries and :math:`\theta M` evictions a request. So in the limit of many entries [2]_

.. math::

    S(a) = \exp\Bigl(-\theta \int_0^a g(F(u))\,du\Bigr), \qquad
    F'(a) = \frac{S(a)}{M} \sum_i p_i e^{-p_i a}, \qquad
    h_i = \int_0^\infty p_i e^{-p_i a} S(a)\, da ,

and :math:`\theta` is what makes :math:`F(\infty) = 1`; the miss ratio is :math:`\theta M`.

**Which rank.** The oldest of k is :math:`g(u) = k u^{k-1}`: RANDOM for k = 1, towards LRU with
k. Redis also keeps the best m = 16 candidates from one eviction to the next. The number of
candidates above a rank u is then a Markov chain, X to max(min(X + B, m) - 1, 0) with B
binomial of k and 1 - u, and the evicted one is below u if X + B = 0:

.. math:: G(u) = P(X = 0)\, u^k , \qquad g = G' .

**Numerics.** Runge and Kutta's rule in the logarithm of the age, with short steps where the
hazard turns, and the secant method for :math:`\theta`; hit ratios to 1e-5.

References
----------
.. [1] Redis, "Key eviction", documentation: approximated LRU algorithm, maxmemory-samples.
.. [2] N. Gast, B. Van Houdt, "Transient and steady-state regime of a family of list-based
   cache replacement algorithms", ACM SIGMETRICS 2015 (the mean field of such caches).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel.basis import ASYMPTOTIC, POISSON_ARRIVALS, Assumption, Basis
from qmodel.caches.base import INDEPENDENT_REFERENCE, QUANTITIES, Cache, CacheResult
from qmodel.caches.policies.characteristic_time import characteristic_time, in_cells
from qmodel.caches.policies.fifo import presence
from qmodel.caches.popularity.base import Grid, Popularity, size_of

__all__ = ["SAMPLED_AGES", "SampledLRU"]

SAMPLED_AGES = Assumption(
    "sampled-ages",
    "the ages of entries are distributed as among many; hit ratios of sampled LRU "
    "within 0.001 from 100 places on, and within 0.007 for ten; where 16 candidates are kept "
    "(they are old news when their turn comes), within 0.001 from 1,000 places on, 0.008 for "
    "a hundred, and 0.06 for ten",
    "Gast and Van Houdt 2015; measured here",
    ASYMPTOTIC,
)

_MOST = 16
"""As many samples or candidates at most: what differs from LRU by more than 0.001."""

_FIRST = 1e-4
"""The first age, at which hardly anything was asked for again. [requests]."""

_STEP = 0.1
"""Step in the logarithm of the age, where the rank is below that of the evicted."""

_TABLE = 4096
"""Ranks at which the density of the evicted rank is known where candidates are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class SampledLRU(Cache):
    """Cache that draws some of its objects and evicts the least recently used of them.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0. [-]
    samples : int or integer array, default 5
        How many objects an eviction draws, from 1 to 16. [-]
    candidates : int, default 1
        How many of the oldest drawn are kept from one eviction to the next, from 1 (only
        for this one) to 16, which Redis keeps; few against the entries. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Examples
    --------
    One sample is random eviction; Redis with its candidates is nearly LRU:

    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(10**4, exponent=0.8)
    >>> SampledLRU(1000, samples=[1, 2, 5, 10]).solve(pages).hit_ratio
    array([0.3942, 0.4185, 0.4320, 0.4352])
    >>> redis = SampledLRU(1000, samples=5, candidates=16).solve(pages)
    >>> lru = qm.caches.LRU(1000).solve(pages)
    >>> float(redis.hit_ratio), float(lru.hit_ratio)
    (0.4348, 0.4367)
    """

    capacity: Value = parameter("what fits, in the unit of the sizes", symbol="C")
    samples: Count = parameter(
        "objects looked at", symbol="k", check=partial(_check.count, most=_MOST), default=5
    )
    candidates: int = parameter(
        "objects kept from before", check=partial(_check.one_count, most=_MOST), default=1
    )

    def _solve(self, popularity: Popularity, request_rate: Value) -> CacheResult:
        grid = popularity.grid
        samples = np.asarray(self.samples, dtype=float)
        time = np.asarray(characteristic_time(popularity, self.capacity, _random))
        shape = np.broadcast_shapes(time.shape, samples.shape)
        capacity, k, start = in_cells([self.capacity, samples, time], shape)
        inner = (start > 0) & np.isfinite(start)
        ages = _ages(
            _of_cells(grid, shape, inner), capacity[inner], k[inner], self.candidates,
            start[inner],
        )  # fmt: skip
        whole = np.isinf(start)
        asked = grid._replace(count=grid.count * (grid.share > 0))
        held, hit, miss = np.where(np.isnan(start), np.nan, [[0.0], [0.0], [1.0]])
        everything = np.broadcast_to(asked.count.sum(axis=-1), shape).ravel()
        held[whole], hit[whole], miss[whole] = everything[whole], 1.0, 0.0
        held[inner], miss[inner] = ages.entries, ages.miss_ratio
        hit[inner] = 1 - ages.miss_ratio
        hits = partial(_hits, shape, inner, np.where(np.isnan(start), np.nan, whole), ages)
        held, hit, miss = (x.reshape(shape)[()] for x in (held, hit, miss))
        with np.errstate(divide="ignore", invalid="ignore"):
            # Little's law: each miss brings an object in. Where nothing fits, nothing stays.
            age = np.where(held == 0, 0.0, held / (request_rate * miss))[()]
        grounds = (POISSON_ARRIVALS, INDEPENDENT_REFERENCE, SAMPLED_AGES)
        bytes_hit = (
            hit
            if not np.isnan(size_of(grid)).any()
            else np.minimum(grid.over_bytes(hits(grid.share)), 1.0)
        )
        return CacheResult(
            request_rate=request_rate,
            hit_ratio=hit,
            byte_hit_ratio=bytes_hit,
            miss_ratio=miss,
            characteristic_time=np.where(np.isinf(time), np.inf, np.nan + 0.0 * hit)[()],
            occupancy=held,
            eviction_age=age,
            hits=hits,
            cache=self,
            popularity=popularity,
            basis=Basis(dict.fromkeys(QUANTITIES, grounds)),
        )

    def _slope(self, result: CacheResult) -> Value:
        # By differences: the solution is smooth, and right to some 1e-9 of itself.
        volume = np.asarray(result.popularity.volume)
        step = 1e-3 * np.minimum(np.maximum(self.capacity, 1e-6 * volume), volume)
        low = np.maximum(np.asarray(self.capacity) - step, 0.0)
        ends = [
            replace(self, capacity=x).solve(result.popularity).hit_ratio
            for x in (low, low + 2 * step)
        ]
        return ((ends[1] - ends[0]) / (2 * step))[()]


def _random(share: Any, time: Any) -> tuple[Any, Any]:
    return presence(share * time)


def _of_cells(grid: Grid, shape: tuple[int, ...], inner: Any) -> Grid:
    """Return the grids of some cells, one a row; one row where all are the same."""
    if not grid.shape:
        return Grid(*(x[None] for x in grid))
    nodes = grid.share.shape[-1]
    return Grid(*(np.broadcast_to(x, (*shape, nodes)).reshape(-1, nodes)[inner] for x in grid))


@dataclass(frozen=True, slots=True, eq=False)
class _Ages:
    """The ages in some caches: nodes in the logarithm of the age, and who survives to them."""

    age: Any
    """Ages, one a node. [-]."""

    steps: Any
    """Distances of the nodes in the logarithm. [-]."""

    survival: Any
    """Probability not to be evicted until then; nodes, then cells. [-]."""

    fall: Any
    """Its logarithmic derivative in the logarithm of the age, less its sign. [-]."""

    entries: Any
    """Number of entries M. [-]."""

    theta: Any
    """Rate of evictions over the number of entries. [-]."""

    @property
    def miss_ratio(self) -> Any:
        """Share of the requests that evict."""
        return np.minimum(self.theta * self.entries, 1.0)

    def asked_within(self, share: Any) -> Any:
        """Return the probability to be asked for before eviction; cells, then shares."""
        found = -np.expm1(-share * self.age[0])
        for age, (weight, turn), left, fall in zip(
            self.age, self.weights, self.survival, self.fall, strict=True
        ):
            x = share * age
            slope = 1 - x - fall[:, None] if turn else 0.0
            found = found + x * np.exp(-x) * left[:, None] * (weight + turn * slope)
        return np.clip(found, 0.0, 1.0)

    @property
    def weights(self) -> Any:
        """Weights of values and of slopes in an integral over the logarithm of the age."""
        before, after = np.append(0.0, self.steps), np.append(self.steps, 0.0)
        return np.stack([(before + after) / 2, (after**2 - before**2) / 12], axis=-1)

    def over(self, values: Any, slopes: Any) -> Any:
        """Return the integral of a function that survives, with its logarithmic slope."""
        weight, turn = self.weights.T[..., None]
        return (values * self.survival * (weight + turn * (slopes - self.fall))).sum(axis=0)


def _hits(shape: tuple[int, ...], inner: Any, whole: Any, ages: _Ages, share: Any) -> Any:
    """Return the share of hits by the share of the requests, nodes along the last axis."""
    share = np.asarray(share, dtype=float)
    nodes = share.shape[-1]
    wide = np.broadcast_shapes((*shape, nodes), share.shape)
    share = np.broadcast_to(share, wide).reshape(-1, int(np.prod(shape)), nodes)
    found = np.where(share > 0, whole[:, None], 0.0 * whole[:, None])
    for row, asked in zip(found, share, strict=True):
        row[inner] = ages.asked_within(asked[inner])
    return found.reshape(wide)


def _ages(grid: Grid, capacity: Any, samples: Any, candidates: int, start: Any) -> _Ages:
    """Return the ages in caches; `start` is the mean stay under random eviction."""
    if not start.size:
        return _Ages(np.ones(2), np.ones(1), np.ones((2, 0)), np.ones((2, 0)), start, start)
    size = grid.volume.sum(axis=-1) / grid.count.sum(axis=-1)
    alike = not np.isnan(size_of(grid)).any()
    entries, theta = capacity / size, 1 / start
    sharp = 0.1 / samples.max() if candidates > 1 else 0.6 / samples.max()
    # No entry is of a higher rank than the number of requests since then allows.
    turns = np.log(0.3 * entries.min()), np.log(8 * start.max())
    log_age = _nodes(turns, np.log(40 * start.max()), min(sharp, _STEP))
    every = np.exp(np.sort(np.append(log_age, (log_age[1:] + log_age[:-1]) / 2)))
    sums = np.empty((4, every.size, len(grid.share)))
    for i, age in enumerate(every):
        asked = grid.share * np.exp(-grid.share * age)
        sums[:, i] = [
            (x * y).sum(axis=-1)
            for x in (grid.count, grid.volume) for y in (asked, grid.share * asked)
        ]  # fmt: skip
    hazard = _density(samples, candidates)
    for _ in range(60):
        theta, survival, fall = _theta(every, sums[0], entries, hazard, theta)
        ages = _Ages(every[::2], np.diff(log_age), survival, fall, entries, theta)
        if alike:
            break
        # As many entries as make the bytes that fit.
        age = every[::2, None]
        counted, filled = (
            ages.over(age * x[::2], 1 - age * y[::2] / x[::2]) + x[0] * every[0]
            for x, y in (sums[:2], sums[2:])
        )
        after = capacity * counted / filled
        moved, entries = np.abs(after / entries - 1).max(), after
        if moved < 1e-10:
            break
    return ages


def _nodes(turns: tuple[float, float], end: float, sharp: float) -> Any:
    """Return the logarithms of ages: from the first on, close to another in between."""
    first = np.log(_FIRST)
    edges = np.clip([first, *turns, end], first, end)
    parts = [
        np.linspace(low, high, int(np.ceil((high - low) / step)), endpoint=False)
        for low, high, step in zip(edges, edges[1:], (_STEP, sharp, _STEP), strict=False)
    ]
    return np.append(np.concatenate(parts), end)


def _theta(every: Any, new: Any, entries: Any, hazard: Any, start: Any) -> tuple[Any, Any, Any]:
    """Return the rate that makes F end at 1, with the survival at the nodes and its fall."""
    x, last = np.log(start), np.log(start) + 0.02
    off = _end(every, new, entries, hazard, np.exp(last))[0]
    for _ in range(25):
        now, survival, fall = _end(every, new, entries, hazard, np.exp(x))
        with np.errstate(divide="ignore", invalid="ignore"):
            move = -now * (x - last) / (now - off)
        move = np.clip(np.where(np.isfinite(move), move, 0.0), -1.0, 1.0)
        last, off, x = x, now, x + move
        if np.abs(move).max() < 1e-10:
            break
    return np.exp(x), survival, fall


def _end(every: Any, new: Any, entries: Any, hazard: Any, theta: Any) -> tuple[Any, Any, Any]:
    """Return the logarithm of where F ends, with the survival at the nodes and its fall."""
    young = every[0] / entries
    lost = theta * every[0] * hazard(young)
    survival, fall = np.empty((2, every.size // 2 + 1, *theta.shape))
    arrive, scale = every[:, None] * new / entries, every[:, None] * theta

    def rate(i: int, f: Any, gone: Any) -> tuple[Any, Any]:
        return arrive[i] * np.exp(-gone), scale[i] * hazard(f)

    for n, i in enumerate(range(0, every.size, 2)):
        f1, g1 = rate(i, young, lost)
        survival[n], fall[n] = np.exp(-lost), g1
        if i + 2 >= every.size:
            break
        h = np.log(every[i + 2] / every[i])
        f2, g2 = rate(i + 1, young + h / 2 * f1, lost + h / 2 * g1)
        f3, g3 = rate(i + 1, young + h / 2 * f2, lost + h / 2 * g2)
        f4, g4 = rate(i + 2, young + h * f3, lost + h * g3)
        young = young + h / 6 * (f1 + 2 * (f2 + f3) + f4)
        lost = lost + h / 6 * (g1 + 2 * (g2 + g3) + g4)
    return np.log(young), survival, fall


def _density(samples: Any, candidates: int) -> Any:
    """Return the density of the evicted rank, a function of the rank in each cell."""
    if candidates == 1:
        return lambda rank: samples * np.clip(rank, 0.0, 1.0) ** (samples - 1)
    kinds, row = np.unique(samples, return_inverse=True)
    tables = np.stack([_table(int(k), candidates) for k in kinds])

    def looked_up(rank: Any) -> Any:
        place = np.clip(rank, 0.0, 1.0) * _TABLE
        left = np.minimum(place.astype(int), _TABLE - 1)
        low, high = tables[row, left], tables[row, left + 1]
        return low + (place - left) * (high - low)

    return looked_up


@lru_cache(maxsize=16)
def _table(samples: int, candidates: int) -> Any:
    """Return the density of the evicted rank where candidates are kept, at even ranks."""
    from scipy.special import binom

    rank = np.linspace(0.0, 1.0, _TABLE + 1)[1:-1, None]
    drawn = range(samples + 1)
    number = np.arange(samples + 1)
    above = binom(samples, number) * (1 - rank) ** number * rank ** (samples - number)
    chain = np.zeros((rank.size, candidates, candidates))
    for x in range(candidates):
        for b in drawn:
            chain[:, max(min(x + b, candidates) - 1, 0), x] += above[:, b]
    chain -= np.eye(candidates)
    chain[:, -1] = 1.0
    right = np.zeros((rank.size, candidates, 1))
    right[:, -1] = 1.0
    none = np.linalg.solve(chain, right)[:, 0, 0]
    distribution = np.concatenate([[0.0], none * rank[:, 0] ** samples, [1.0]])
    table = np.maximum(np.gradient(distribution, 1 / _TABLE, edge_order=2), 0.0)
    table.setflags(write=False)
    return table
