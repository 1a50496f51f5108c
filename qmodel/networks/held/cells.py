r"""The pools of many cells: which there are, what full ones do, and their steady states.

Cells that differ in their load only are one pool. All places where nobody waits are one delay,
first in line, with the distribution of their sum or phases of its mean and SCV. A pool's chain
of all levels has the phases that it has room for. Where those are not all, it saturates at X'
in place of X, and is solved for arrivals of rate :math:`\lambda'`, with

.. math::

    \lambda' = \lambda \, (X' / X)^{\rho^2}, \quad \rho = \frac{\lambda}{X}, \qquad
    E[T_q] = \frac{1 + I}{1 + I'} \, \frac{X' - \lambda'}{X - \lambda} \, E[T_q'] ,

I being how unevenly a full pool completes (`qmodel.networks.held.closed`): that is what the two
differ by in heavy traffic, while with little load the rate itself counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions import Distribution, Exponential, Scaled, Sum
from qmodel.distributions.broadcasting import shape_of
from qmodel.distributions.shapes import shapes
from qmodel.networks.held.chain import solve_all
from qmodel.networks.held.closed import MOST_OPEN, Part, chain_of, chosen, full_pool, matched
from qmodel.networks.held.counts import Place
from qmodel.networks.held.ladders import Ladder, ladder, of_delay, of_moments
from qmodel.networks.held.moves import Chain

__all__ = ["Pools", "Solved", "solved"]

_LEAST = 1e-9
"""A load, or a part of the work, that counts as none."""
_EXPONENTIAL = of_moments(1.0)._replace(exact=True)


class Pool(NamedTuple):
    """One pool."""

    permits: int
    parts: tuple[Part, ...]
    phases: bool
    """Whether there are phases for all service."""

    @property
    def plain(self) -> bool:
        """Whether all service is exponential."""
        return all(len(part.ladder.steps) == 1 for part in self.parts)


@dataclass(frozen=True, slots=True)
class Pools:
    """The pools of flat cells.

    Parameters
    ----------
    which : integer array of shape (cells,)
        The pool of each cell. [-]
    each : list of Pool
        The pools; None where a number is unknown. [-]
    """

    which: Any
    each: list[Pool | None]

    @staticmethod
    def of(permits: Any, places: Mapping[str, Place], shape: tuple[int, ...]) -> Pools:
        """Return the pools of cells of this shape."""
        queues = [place for place in places.values() if not place.endless]
        still = [place for place in places.values() if place.endless]
        columns: list[Any] = [permits]
        ladders = []
        if still:
            work, kind, known = _delay(still, shape)
            ladders.append((known, 0))
            columns += [1.0, work, np.inf, kind]
        for place in queues:
            kind, known = _kinds(place.service, shape, ladder)
            speeds = place.speeds or ()
            ladders.append((known, len(speeds)))
            columns += [place.visits, place.work, place.servers, kind, *speeds]
        numbers = [np.broadcast_to(x, shape).ravel().astype(float) for x in columns]
        rows, which = np.unique(np.array(numbers), axis=1, return_inverse=True)
        return Pools(which.ravel(), [_pool(row, ladders) for row in rows.T])

    def full(self) -> tuple[Any, Any]:
        """Return throughput and 1 + I of full pools, by cell.

        NaN where all service is exponential, or where no chain has room.
        """
        found = np.full((2, len(self.each)), np.nan)
        for i, pool in enumerate(self.each):
            if pool is not None and pool.phases and not pool.plain:
                figures = matched(pool.permits, pool.parts)
                if figures is not None:
                    found[:, i] = np.exp(figures)
        return (found[0, self.which], found[1, self.which])


def _pool(row: Any, ladders: list[tuple[list[Ladder | None], int]]) -> Pool | None:
    """Return a pool from the numbers of a cell."""
    if np.isnan(row).any():
        return None
    parts, at, phases = [], 1, True
    for known, length in ladders:
        visits, work, servers, kind = (float(x) for x in row[at : at + 4])
        speeds = tuple(float(x) for x in row[at + 4 : at + 4 + length])
        steps, at = known[int(kind)], at + 4 + length
        parts.append(Part(visits, work, servers, speeds or None, steps or _EXPONENTIAL))
        phases &= steps is not None
    whole = sum(part.visits * part.work for part in parts)
    if not 0 < whole < np.inf:
        return None
    # What takes no time takes next to none, as rates have to be finite.
    some = (part._replace(work=max(part.work, _LEAST * whole)) for part in parts)
    return Pool(int(row[0]), tuple(some), phases)


def _kinds(
    service: Distribution | None,
    shape: tuple[int, ...],
    make: Callable[[Distribution], Ladder | None],
) -> tuple[Any, list[Ladder | None]]:
    """Return which ladder is that of each cell, and the ladders."""
    size = int(np.prod(shape))
    kind, found = np.zeros(size), []
    if service is None or isinstance(service, Exponential):
        return kind.reshape(shape), [_EXPONENTIAL]
    for i, (distribution, cells) in enumerate(shapes(service, shape, size)):
        kind[cells] = i
        found.append(make(distribution))
    return kind.reshape(shape), found


def _delay(still: list[Place], shape: tuple[int, ...]) -> tuple[Any, Any, list[Ladder | None]]:
    """Return the mean of all delays, which ladder is that of each cell, and the ladders."""
    mean: Any = sum(place.visits * place.work for place in still)
    services = [Exponential(1.0) if p.service is None else p.service for p in still]
    if all(np.all(np.asarray(place.visits) == 1) for place in still):
        if len(still) == 1:
            return mean, *_kinds(services[0], shape, of_delay)
        pairs = list(zip(services, still, strict=True))
        if all(shape_of(s) == () and np.ndim(p.work) == 0 and p.work > 0 for s, p in pairs):
            parts = tuple(Scaled(s, p.work / float(s.mean)) for s, p in pairs)
            return mean, *_kinds(Sum(parts), shape, of_delay)
    with np.errstate(divide="ignore", invalid="ignore"):
        more: Any = sum(p.visits * (1 + p.scv - p.visits) * p.work**2 for p in still)
        scv = np.round(np.broadcast_to(more / np.square(mean), shape), 9)
    values, kind = np.unique(scv, return_inverse=True)
    ladders = [of_moments(float(s), 3) if np.isfinite(s) else None for s in values]
    return mean, kind.reshape(shape), ladders


class Solved(NamedTuple):
    """The steady states of pools of few permits at their loads."""

    full: Any
    """Probability that all permits are taken. [-]"""
    present: Any
    """Mean number at each station over the arrival rate, (stations, cells). [s]"""
    waits: Any
    """E[T_q^k] / k! of those who wait, for k = 1, 2, 3; (3, cells). [s^k]"""
    limit: Any
    """Throughput of the chain itself with all permits taken. [1/s]"""
    scvs: Any
    """SCV of the service of each station in the chain, (stations, cells). [-]"""
    exact: Any
    """Whether the chain has all service as it is."""
    met: Any
    """Probabilities of 0, 1, ... others at each station, (2, stations, most + 1, cells).

    As those find them that found a permit, and that waited for one."""


def solved(pools: Pools, load: Any, limit: Any, uneven: Any) -> Solved:
    """Return the steady states of pools at a part of their limit.

    Parameters
    ----------
    pools : Pools
        The pools of flat cells. [-]
    load : array of shape (cells,)
        Arrival rate over `limit`, below 1. [-]
    limit, uneven : array of shape (cells,)
        Throughput [1/s] of full pools, and 1 + I of those that are matched. [-]

    Returns
    -------
    Solved
        Who waits, for how long, and how many are at the stations; ones where all is unknown.
        [-]
    """
    stations = max((len(pool.parts) for pool in pools.each if pool is not None), default=1)
    ones, cells = np.ones(load.size), np.ones((stations, load.size))
    most = max((pool.permits for pool in pools.each if pool is not None), default=0)
    met = np.zeros((2, stations, most + 1, load.size))
    met[..., 0, :] = 1.0
    waits = np.ones((3, load.size))
    found = Solved(ones, cells, waits, ones.copy(), cells.copy(), ones > 0, met)
    alike: dict[Any, list[int]] = {}
    chains: list[Chain | None] = []
    for i, pool in enumerate(pools.each):
        chain = None
        if pool is not None:
            orders = chosen(pool.permits, pool.parts, MOST_OPEN) or (0,) * stations
            chain = chain_of(pool.permits, pool.parts, orders)
            alike.setdefault((chain.permits, chain.shapes), []).append(i)
            mine = pools.which == i
            steps = [(part.ladder, n) for part, n in zip(pool.parts, orders, strict=True)]
            found.scvs[:, mine] = [[float(known.steps[n].scv)] for known, n in steps]
            whole = all(known.exact and n == len(known.steps) - 1 for known, n in steps)
            found.exact[mine] = whole
            found.limit[mine] = limit[mine]
            if not whole:
                figures = full_pool(pool.permits, pool.parts, orders)
                found.limit[mine] = np.exp(figures.throughput)
                with np.errstate(invalid="ignore"):
                    factor = uneven[mine] / np.exp(figures.uneven)
                found.waits[:, mine] = np.where(np.isnan(factor), 1.0, factor)
        chains.append(chain)
    for numbers in alike.values():
        chain = Chain.beside([c for i in numbers if (c := chains[i]) is not None])
        place = np.full(len(chains), -1)
        place[numbers] = np.arange(len(numbers))
        here = np.flatnonzero(place[pools.which] >= 0)
        own, at = found.limit[here], np.maximum(load[here], _LEAST)
        part = at * (limit[here] / own) ** (1 - at**2)
        state = solve_all(chain.at(place[pools.which[here]]), part * own, own)
        found.full[here], found.present[:, here] = state.full, state.present
        found.met[:, :, : chain.permits + 1, here] = state.met
        factor = found.waits[0, here] * own * (1 - part) / (limit[here] * (1 - at))
        found.waits[:, here] = state.waits * factor ** np.arange(1, 4)[:, None]
    return found
