r"""A full pool by phases: its throughput, and how unevenly it completes, from a closed chain.

While all P permits are taken and requests wait, the chain inside is closed. With Q its rates,
:math:`D_1` those of completions, p its steady state and h a solution of
:math:`Q h = X - D_1 1`, the throughput and the asymptotic index of dispersion of the
completions are [1]_

.. math::

    X = p D_1 1, \qquad I = 1 + \frac2X \bigl(p D_1 h - X \, p h \bigr) .

In heavy traffic the wait for a permit is :math:`(1 + I) / 2` times that of an exponential drain
of rate :math:`X - \lambda` [2]_. Both are solved by the factors of one sparse matrix, Q with
ones in one of its columns, and so with more phases than the chain of all levels has room for.
Where a station's phases do not fit beside those of all others, they are put in with these as
one flow-equivalent server; its effect multiplies X and 1 + I. Where service is more regular
than its phases, the last three steps of its ladder are extrapolated by a parabola in the SCV.

References
----------
.. [1] M. F. Neuts, "Structured Stochastic Matrices of M/G/1 Type and Their Applications",
   Dekker, 1989, ch. 5.
.. [2] D. L. Iglehart, W. Whitt, "Multiple channel queues in heavy traffic", Advances in Applied
   Probability 2, 1970.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions.phase_type import PhaseType
from qmodel.networks.held.counts import Place, curve
from qmodel.networks.held.ladders import Ladder
from qmodel.networks.held.moves import Chain, closed_rates, moves_of, size_of
from qmodel.networks.held.phases import EXPONENTIAL, Shape

__all__ = ["MOST_OPEN", "Full", "Part", "chain_of", "chosen", "full_pool", "matched"]

MOST_OPEN = 180
"""States with all permits taken up to which the chain of all levels is solved."""
_MOST = 2000
"""And those of a closed chain."""
_OF_SHAPE = 0.1
"""What phases count for that leave the SCV as it is."""


class Part(NamedTuple):
    """A station of one pool."""

    visits: float
    work: float
    servers: float
    speeds: tuple[float, ...] | None
    ladder: Ladder

    def rates(self, permits: int, phases: int) -> Any:
        """Return the speed of a service with 0 to P there, or of all where it has one phase."""
        n = np.arange(permits + 1)
        if phases > 1:
            return np.full(permits + 1, 1 / self.work)
        if self.speeds is None:
            return np.minimum(n, self.servers) / self.work
        last = len(self.speeds) - 1
        return np.array([0.0, *(self.speeds[min(j, last)] for j in range(permits))]) / self.work


class Full(NamedTuple):
    """Logarithms of what a full pool does."""

    throughput: float
    uneven: float
    """Of 1 + I."""


Orders = tuple[int, ...]
"""Which step of its ladder each station has."""


def _services(
    parts: Sequence[Part], orders: Sequence[int]
) -> tuple[tuple[PhaseType, float], ...]:
    return tuple((p.ladder.steps[k], p.servers) for p, k in zip(parts, orders, strict=True))


def chain_of(permits: int, parts: Sequence[Part], orders: Orders) -> Chain:
    """Return the chain of one pool, in one cell."""
    services = _services(parts, orders)
    pairs = zip(parts, services, strict=True)
    rates = [part.rates(permits, service.initial.size) for part, (service, _) in pairs]
    visits = np.array([[p.visits] for p in parts])
    return Chain.of(permits, np.array(rates)[..., None], visits, services)


@lru_cache(maxsize=1024)
def chosen(permits: int, parts: tuple[Part, ...], most: int) -> Orders | None:
    """Return the steps with which a chain has at most so many states; None without any.

    The first to be raised is where most is gained: at a busy station far from its own SCV.
    """
    orders = [0] * len(parts)
    if size_of(permits, _services(parts, orders)) > most:
        return None
    stuck: set[int] = set()
    while True:
        free = [
            (_gain(part, orders[k], permits), -k)
            for k, part in enumerate(parts)
            if k not in stuck and orders[k] + 1 < len(part.ladder.steps)
        ]
        if not free:
            return tuple(orders)
        k = -max(free)[1]
        orders[k] += 1
        if size_of(permits, _services(parts, orders)) > most:
            orders[k] -= 1
            stuck.add(k)


def _gain(part: Part, order: int, permits: int) -> float:
    """Return how much another step of a ladder counts for."""
    apart = abs(part.ladder.scv - float(part.ladder.steps[order].scv))
    load = part.visits * part.work / min(part.servers, permits)
    return (apart + _OF_SHAPE) * load


class _Pattern(NamedTuple):
    """The moves of a full pool, and where their rates stand in the matrix of its states.

    The rates are those inside, of completions, and of what leaves each state. The last column
    is of ones: the states have a probability of one in all, where each alone may have next to
    none.
    """

    from_: Any
    to: Any
    completions: Any
    """Which of the moves are completions."""
    kept: Any
    """The rates that stand in the matrix, and which of its entries they add to."""
    entry: Any
    rows: Any
    """Of the entries, by columns, and where these begin."""
    columns: Any


@lru_cache(maxsize=256)
def _pattern(shapes: tuple[Shape, ...], permits: int) -> _Pattern:
    moves = moves_of(shapes, permits, permits)
    parts = (moves.onward, moves.changed, moves.refilled)
    from_, to = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    size = len(moves.there)
    rows, columns = (np.append(x, np.arange(size)) for x in (from_, to))
    kept = np.flatnonzero(columns < size - 1)
    places, entry = np.unique(columns[kept] * size + rows[kept], return_inverse=True)
    places = np.append(places, (size - 1) * size + np.arange(size))
    begin = np.searchsorted(places, np.arange(size + 1) * size)
    completions = slice(len(from_) - len(moves.refilled[0]), None)
    return _Pattern(from_, to, completions, kept, entry, places % size, begin)


@lru_cache(maxsize=4096)
def full_pool(permits: int, parts: tuple[Part, ...], orders: Orders) -> Full:
    """Return what a full pool does with these steps."""
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import splu

    chain = chain_of(permits, parts, orders)
    own, (inside, done) = _pattern(chain.shapes, permits), closed_rates(chain)
    rates, size = np.concatenate([inside, done]), len(own.columns) - 1
    values = np.append(rates, -np.bincount(own.from_, rates, size))[own.kept]
    entries = np.append(np.bincount(own.entry, values), np.ones(size))
    factors = splu(csc_array((entries, own.rows, own.columns), (size, size)))
    state = factors.solve(np.eye(1, size, size - 1)[0], trans="T")
    ends, next_ = own.from_[own.completions], own.to[own.completions]
    completed = np.bincount(ends, done, size)
    throughput = float(state @ completed)
    ahead = factors.solve(throughput - completed)
    ahead[-1] = 0.0
    met = float((state[ends] * done) @ ahead[next_])
    index = 1 + 2 / throughput * (met - throughput * float(state @ ahead))
    return Full(np.log(throughput), np.log1p(max(index, 0.0)))


@lru_cache(maxsize=32768)
def matched(permits: int, parts: tuple[Part, ...]) -> Full | None:
    """Return what a full pool does with all phases of all stations; None if nothing fits."""
    orders = chosen(permits, parts, _MOST)
    if orders is None:
        return None
    found = full_pool(permits, parts, orders)
    for k, (part, own) in enumerate(zip(parts, orders, strict=True)):
        if _reached(part.ladder, own):
            continue
        last, pool, steps = own, parts, [(*orders[:k], n, *orders[k + 1 :]) for n in range(own)]
        steps.append(orders)
        if own == 0 or part.ladder.scv > 1:
            pool = _beside(permits, parts, k)
            top = chosen(permits, pool, _MOST)
            if top is None:
                return None
            last, steps = top[0], [(n, 0) for n in range(top[0] + 1)]
        at = [full_pool(permits, pool, each) for each in steps]
        more = _at_scv(part.ladder, at, last)
        found = Full(*(x + y - z for x, y, z in zip(found, more, at[own], strict=True)))
    first = permits / sum(p.visits * p.work / _first(p) for p in parts)
    cap = min(_fastest(p) / max(p.visits * p.work, 1e-300) for p in parts)
    return found._replace(throughput=min(found.throughput, np.log(first), np.log(cap)))


def _first(part: Part) -> float:
    return 1.0 if part.speeds is None else part.speeds[0]


def _fastest(part: Part) -> float:
    return part.servers if part.speeds is None else part.speeds[-1]


def _reached(ladder: Ladder, order: int) -> bool:
    """Return whether a step is all that a ladder leads to."""
    last = order == len(ladder.steps) - 1
    return last and (ladder.scv >= 1 or abs(ladder.steps[-1].scv - ladder.scv) < 1e-9)


def _beside(permits: int, parts: Sequence[Part], k: int) -> tuple[Part, Part]:
    """Return a station and one that stands for all others, by their flow with 1 to P there."""
    others = {
        str(i): Place(p.visits, p.work, p.servers, p.speeds)
        for i, p in enumerate(parts)
        if i != k
    }
    flow = curve(permits, others)
    rest = Part(1.0, 1.0, 1.0, tuple(float(x) for x in flow), Ladder((EXPONENTIAL,), 1.0, True))
    return parts[k], rest


def _at_scv(ladder: Ladder, at: Sequence[Full], last: int) -> Full:
    """Return what the last step says, or the last three at the SCV of the service."""
    if ladder.scv >= 1 or _reached(ladder, last):
        return at[last]
    used = range(max(last - 2, 0), last + 1)
    scvs = [float(ladder.steps[n].scv) for n in used]
    found = np.zeros(2)
    for n, scv in zip(used, scvs, strict=True):
        others = np.array([x for x in scvs if x != scv])
        found += np.prod((ladder.scv - others) / (scv - others)) * np.array(at[n])
    return Full(float(found[0]), float(found[1]))
