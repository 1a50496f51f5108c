r"""The states and moves of a pool: its stations' side by side, with so many holders in all.

A holder passes the stations in one order, some of them perhaps left out. A service that ends
moves it on to the next station, or out: down a level, or to let the next in line enter. Which
states there are, and which moves between them, depends on the number of permits and the shapes
of the stations only (`qmodel.networks.held.phases`), and is listed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions.phase_type import PhaseType
from qmodel.networks.held.phases import (
    EXPONENTIAL,
    Moves,
    Shape,
    expanded,
    site,
    states,
    unit_rates,
)

__all__ = [
    "Chain",
    "Rates",
    "closed_rates",
    "entered",
    "matrices",
    "moves_of",
    "refilling",
    "size_of",
]


class Chain(NamedTuple):
    """The pool in cells, made by `of`."""

    permits: int
    shapes: tuple[Shape, ...]
    rates: Any
    """Speed of a service at each station with 0 to P there, (stations, P + 1, cells)."""
    unit_rates: tuple[Any, ...]
    """The rates of each station's service of mean 1, (rates, cells) each."""
    visits: Any
    """Probability that a holder visits each station, (stations, cells)."""

    @staticmethod
    def of(
        permits: int,
        rates: Any,
        visits: Any,
        services: Sequence[tuple[PhaseType, float]] | None = None,
    ) -> Chain:
        """Return the chain of holders who visit each station with a probability, one surely.

        Parameters
        ----------
        permits : int
            Number of permits. [-]
        rates : array of shape (stations, permits + 1, n)
            By the number at each station, completions a second with exponential service, and
            with another one what one service completes a second. [1/s]
        visits : array of shape (stations, n)
            Probability that a holder visits each station. [-]
        services : sequence of (PhaseType, number), optional
            The shape of each station's service, and its servers; by default exponential. [-]

        Returns
        -------
        Chain
            The pool. [-]
        """
        known = services or [(EXPONENTIAL, 1)] * len(rates)
        shapes = tuple(Shape.of(service, c, permits) for service, c in known)
        cells = np.ones(np.shape(visits)[1])
        own = tuple(unit_rates(service)[:, None] * cells for service, _ in known)
        return Chain(permits, shapes, rates, own, visits)

    def at(self, cells: Any) -> Chain:
        """Return some of the cells."""
        unit_rates = tuple(x[:, cells] for x in self.unit_rates)
        return self._replace(
            rates=self.rates[..., cells], unit_rates=unit_rates, visits=self.visits[:, cells]
        )

    @staticmethod
    def beside(chains: Sequence[Chain]) -> Chain:
        """Return chains of one shape as one with the cells of all."""
        rates, visits = (
            np.concatenate([getattr(chain, name) for chain in chains], axis=-1)
            for name in ("rates", "visits")
        )
        all_ = zip(*(chain.unit_rates for chain in chains), strict=True)
        unit_rates = tuple(np.concatenate(x, axis=-1) for x in all_)
        return chains[0]._replace(rates=rates, unit_rates=unit_rates, visits=visits)

    @property
    def described(self) -> Any:
        """Return all numbers of each cell, (numbers, cells)."""
        rates = self.rates.reshape(-1, self.rates.shape[-1])
        return np.vstack([rates, *self.unit_rates, self.visits])

    @property
    def entry(self) -> Any:
        """Probability of each station to be the first, (stations, cells)."""
        return self.visits * _none_before(self.visits)

    @property
    def leave(self) -> Any:
        """Probability of each station to be the last, (stations, cells)."""
        return _none_before(self.visits[::-1])[::-1]

    @property
    def onward(self) -> Any:
        """Probabilities of each station to be next, (stations, stations, cells)."""
        visits = self.visits
        found = np.zeros((len(visits), *visits.shape))
        for k in range(len(visits) - 1):
            found[k, k + 1 :] = visits[k + 1 :] * _none_before(visits[k + 1 :])
        return found


def _none_before(visits: Any) -> Any:
    """Return the probabilities that no station before each one is visited."""
    return np.cumprod(np.concatenate([np.ones_like(visits[:1]), 1 - visits[:-1]]), axis=0)


class AllMoves(NamedTuple):
    """The moves of all holders: from state, to state, and the numbers of what makes them.

    Of an end of service, of one that comes, of a change of phase, or of a station.
    """

    there: Any  # number at each station, (states, stations)
    changed: Any
    onward: Any
    down: Any
    refilled: Any
    entered: Any  # to the states of one holder more


@lru_cache(maxsize=1024)
def _network(shapes: tuple[Shape, ...], most: int, holders: int) -> Any:
    """Return where so many holders can be: the states of each station, a row each."""
    first = site(shapes[0], most).first
    if len(shapes) == 1:
        return np.arange(first[holders], first[holders + 1])[:, None]
    parts = []
    for n in range(holders, -1, -1):
        rest = _network(shapes[1:], most, holders - n)
        own = np.arange(first[n], first[n + 1])
        parts.append(np.column_stack([np.repeat(own, len(rest)), np.tile(rest.T, len(own)).T]))
    return np.concatenate(parts)


def _numbers(rows: Any, shapes: tuple[Shape, ...], most: int, holders: int) -> Any:
    """Return which states of so many holders these are."""
    base = np.cumprod([1, *(len(site(shape, most).present) for shape in shapes[:0:-1])])[::-1]
    keys = _network(shapes, most, holders) @ base
    order = np.argsort(keys)
    return order[np.searchsorted(keys, rows @ base, sorter=order)]


@lru_cache(maxsize=1024)
def moves_of(shapes: tuple[Shape, ...], most: int, holders: int) -> AllMoves:
    """Return the moves of so many holders, of `most` permits."""
    rows, sites = _network(shapes, most, holders), [site(shape, most) for shape in shapes]
    there = np.column_stack([s.present[rows[:, k]] for k, s in enumerate(sites)])
    kinds: dict[str, tuple[int, list[Any]]] = {
        "changed": (3, []), "onward": (5, []), "down": (4, []), "refilled": (5, []),
        "entered": (4, []),
    }  # fmt: skip
    # In lists of the moves of all stations, where those of each begin.
    begin = {
        kind: np.cumsum([0, *(len(getattr(s, kind).to) for s in sites)])
        for kind in ("changed", "ended", "came")
    }

    def came(at: Any, m: int) -> tuple[Any, Any, Any]:
        row, move = expanded(at[:, m], sites[m].came)
        after = at[row].copy()
        after[:, m] = sites[m].came.to[move]
        return row, after, move + begin["came"][m]

    for k, own in enumerate(sites):
        row, move = expanded(rows[:, k], own.changed)
        after = rows[row].copy()
        after[:, k] = own.changed.to[move]
        found = _numbers(after, shapes, most, holders)
        kinds["changed"][1].append((row, found, move + begin["changed"][k]))
        row, move = expanded(rows[:, k], own.ended)
        after, ended = rows[row].copy(), move + begin["ended"][k]
        after[:, k] = own.ended.to[move]
        if holders:
            found = _numbers(after, shapes, most, holders - 1)
            kinds["down"][1].append((row, found, ended, np.full(len(row), k)))
        for m in range(len(sites)) if holders else ():
            part, to, comes = came(after, m)
            found = _numbers(to, shapes, most, holders)
            way = np.full(len(part), k * len(sites) + m)
            one = row[part], found, ended[part], comes, way
            kinds["refilled"][1].append(one)
            if m > k:
                kinds["onward"][1].append(one)
        if holders < most:
            row, to, comes = came(rows, k)
            found = _numbers(to, shapes, most, holders + 1)
            kinds["entered"][1].append((row, found, comes, np.full(len(row), k)))
    return AllMoves(there, **{x: _columns(found, width) for x, (width, found) in kinds.items()})


@lru_cache(maxsize=256)
def levels_of(shapes: tuple[Shape, ...], most: int) -> Any:
    """Return the number at each station by state, with `most` holders and ever fewer."""
    return np.concatenate([moves_of(shapes, most, n).there for n in range(most, -1, -1)])


def _columns(found: list[Any], width: int) -> Any:
    """Return rows that stand in several lists as columns."""
    none = np.zeros((width, 0), dtype=int)
    return np.concatenate([none, *(np.array(x, dtype=int) for x in found)], axis=1)


class Rates(NamedTuple):
    """What the moves of the stations happen at, those of one after those of another."""

    changed: Any
    ended: Any
    came: Any
    between: Any
    """Probabilities of each station to follow each, in a row; of one holder."""
    around: Any
    """And of the next holder."""
    leave: Any
    entry: Any

    @staticmethod
    def of(chain: Chain) -> Rates:
        """Return those of a chain, (moves, cells)."""
        changed: list[Any] = []
        ended: list[Any] = []
        came: list[Any] = []
        for shape, speed, rates in zip(
            chain.shapes, chain.rates, chain.unit_rates, strict=True
        ):
            own = site(shape, chain.permits)
            pairs: list[tuple[Moves, list[Any]]] = [(own.changed, changed), (own.ended, ended)]
            for moves, found in pairs:
                here = speed[own.present[moves.from_]]
                found.append(moves.count[:, None] * rates[moves.rate] * here)
            came.append(rates[own.came.rate])
        leave, entry, flat = chain.leave, chain.entry, (len(chain.visits) ** 2, -1)
        return Rates(
            changed=np.concatenate(changed),
            ended=np.concatenate(ended),
            came=np.concatenate(came),
            between=chain.onward.reshape(flat),
            around=(leave[:, None] * entry).reshape(flat),
            leave=leave,
            entry=entry,
        )


def refilling(chain: Chain, rates: Rates) -> Any:
    """Return the completions of a full pool that let the next one in."""
    moves = moves_of(chain.shapes, chain.permits, chain.permits)
    i, j, x, y, way = moves.refilled
    size = (len(moves.there),) * 2
    return _filled(size, i, j, rates.ended[x] * rates.came[y] * rates.around[way])


def matrices(chain: Chain, rates: Rates, holders: int) -> tuple[Any, Any]:
    """Return D0 without arrivals, and the completions down a level."""
    moves = moves_of(chain.shapes, chain.permits, holders)
    size = len(moves.there)
    fewer = len(_network(chain.shapes, chain.permits, holders - 1)) if holders else 1
    every = np.arange(size)
    i, j, x, k = moves.down
    down = _filled((size, fewer), i, j, rates.ended[x] * rates.leave[k])
    i, j, x, y, way = moves.onward
    inside = _filled((size, size), i, j, rates.ended[x] * rates.came[y] * rates.between[way])
    i, j, x = moves.changed
    if len(i):
        inside += _filled((size, size), i, j, rates.changed[x])
    inside[:, every, every] -= inside.sum(axis=-1) + down.sum(axis=-1)
    return inside, down


@lru_cache(maxsize=1024)
def size_of(permits: int, services: tuple[tuple[PhaseType, float], ...]) -> int:
    """Return the number of states with all permits taken, which are not listed."""
    ways = np.eye(1, permits + 1)[0]
    for service, servers in services:
        own = states(Shape.of(service, servers, permits), permits)
        ways = np.convolve(ways, own)[: permits + 1]
    return int(ways[-1])


def closed_rates(chain: Chain) -> tuple[Any, Any]:
    """Return the rates of the moves of a full pool in one cell: inside it, and completions.

    Inside are the moves onward, then the changes of phase.
    """
    moves, rates = moves_of(chain.shapes, chain.permits, chain.permits), Rates.of(chain)
    _, _, x, y, way = moves.onward
    onward = rates.ended[x] * rates.came[y] * rates.between[way]
    inside = np.concatenate([onward, rates.changed[moves.changed[2]]])
    _, _, x, y, way = moves.refilled
    return inside[:, 0], (rates.ended[x] * rates.came[y] * rates.around[way])[:, 0]


def _filled(shape: tuple[int, int], i: Any, j: Any, values: Any) -> Any:
    """Return matrices in cells, with values (entries, cells) added at their places."""
    found = np.zeros((values.shape[-1], *shape))
    np.add.at(np.moveaxis(found, 0, -1), (i, j), values)
    return found


def entered(chain: Chain, rates: Rates, holders: int, from_: Any) -> Any:
    """Return vectors of states, in cells, after an arrival that takes a permit."""
    i, j, y, m = moves_of(chain.shapes, chain.permits, holders).entered
    size = from_.shape[-1], len(_network(chain.shapes, chain.permits, holders + 1))
    return from_ @ _filled(size, i, j, rates.came[y] * rates.entry[m])
