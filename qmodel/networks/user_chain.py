r"""Closed networks without a product form, exactly: their Markov chain, while it is small.

A state is what each station remembers (`qmodel.networks.disciplines`) and who is blocked. The
states that can be reached are found from one of them, and the stationary distribution solves

.. math:: \pi Q = 0, \qquad \sum_i \pi_i = 1 ,

of which throughputs and numbers are sums. Rates may be arrays of cells: what can happen is
found once, the distribution for each cell.

**Blocking.** Where a station has places, a request that finds them taken

- waits *after service* in the server that it has just left, which stays taken until the oldest
  of those who wait for the place can move; or
- is served again (*repeated* service) where it was, until it finds a place when it is through.

References
----------
.. [1] W. J. Stewart, "Introduction to the Numerical Solution of Markov Chains", Princeton
   University Press, 1994.
.. [2] S. Balsamo, V. de Nitto Persone, R. Onvural, "Analysis of Queueing Networks with
   Blocking", Kluwer, 2001.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel.errors import ModelError
from qmodel.networks.disciplines import Discipline

__all__ = ["MOST_STATES", "ChainFigures", "Stop", "UserChain"]

MOST_STATES = 5_000


class Stop(NamedTuple):
    """A station as one class, and where requests go from there."""

    station: int
    class_: int
    onward: tuple[tuple[Any, int, int], ...]
    """Probability, next stop, and whose round begins there (-1: nobody's)."""


class ChainFigures(NamedTuple):
    """Stationary figures in cells."""

    rounds: Any
    """Rounds a second by kind of user, (kinds, cells). [1/s]"""
    flows: Any
    """Arrivals a second at each stop, (stops, cells). [1/s]"""
    numbers: Any
    """Mean number by station and class, (stations, classes, cells). [-]"""
    busy: Any
    """Mean number of servers at work by station, (stations, cells). [-]"""
    states: int
    """Number of states. [-]"""


@dataclass(frozen=True, slots=True, eq=False)
class UserChain:
    """Stations, the ways between them, and the users who go round.

    Parameters
    ----------
    stations : sequence of Discipline
        The stations. [-]
    stops : sequence of Stop
        Pairs of station and class. [-]
    places : sequence of float
        The most that each station holds, inf for no limit. [-]
    repeats : bool, default False
        Whether a blocked request is served again; else it waits in its server. [-]
    """

    stations: Sequence[Discipline]
    stops: Sequence[Stop]
    places: Sequence[float]
    repeats: bool = False

    def solve(self, start: Sequence[tuple[int, int]], kinds: int) -> ChainFigures | None:
        """Return the figures for numbers of users who begin at stops; None if it is too large.

        Parameters
        ----------
        start : sequence of (int, int)
            Numbers of users, and the stop where each begins. [-]
        kinds : int
            Number of kinds of users. [-]

        Returns
        -------
        ChainFigures or None
            None if there are more than `MOST_STATES` states. [-]

        Raises
        ------
        ModelError
            If the users can block each other for good.
        """
        first = self._first(start)
        index, edges = {first: 0}, []
        order = [first]
        for at, state in enumerate(order):
            moved = False
            for rate, stop, kind, after in self._moves(state):
                moved = True
                if after not in index:
                    if len(order) >= MOST_STATES:
                        return None
                    index[after] = len(order)
                    order.append(after)
                edges.append((at, index[after], rate, stop, kind))
            if not moved and any(n for n, _ in start):
                raise ModelError(
                    "the users can block each other for good, each in front of a full "
                    "station: give the stations of each loop more places than there are users"
                )
        return self._figures(order, edges, kinds)

    def _first(self, start: Sequence[tuple[int, int]]) -> Any:
        """Return a state in which every user is somewhere, near where it begins."""
        states = [s.empty for s in self.stations]
        for users, stop in start:
            for _ in range(users):
                at, seen = stop, set()
                while sum(self.stations[self.stops[at].station].numbers(
                    states[self.stops[at].station]
                )) >= self.places[self.stops[at].station]:  # fmt: skip
                    seen.add(at)
                    onward = [to for _, to, _ in self.stops[at].onward if to not in seen]
                    if not onward:
                        raise ModelError("the stations must have places for all users")
                    at = onward[0]
                k = self.stops[at].station
                states[k] = self.stations[k].arrival(states[k], self.stops[at].class_)
        return tuple(states), ()

    def _present(self, state: Any, k: int) -> int:
        return sum(self.stations[k].numbers(state[0][k])) + self._held(state[1], k)

    def _held(self, blocked: Sequence[tuple[int, int]], k: int) -> int:
        return sum(self.stops[stop].station == k for stop, _ in blocked)

    def _moves(self, state: Any) -> Iterator[tuple[Any, int, int, Any]]:
        """Yield rate, stop that is gone to, whose round begins, and next state."""
        states, waiting = state
        by_class = {(s.station, s.class_): i for i, s in enumerate(self.stops)}
        for k, station in enumerate(self.stations):
            held = self._held(waiting, k)
            for rate, c, left in station.departures(states[k], held):
                here = by_class[k, c]
                for p, to, kind in self.stops[here].onward:
                    j = self.stops[to].station
                    full = j != k and self._present(state, j) >= self.places[j]
                    now = [*states[:k], left, *states[k + 1 :]]
                    if not full:
                        yield rate * p, to, kind, self._moved(now, waiting, k, to)
                    elif not self.repeats:
                        yield rate * p, to, kind, (tuple(now), (*waiting, (here, to)))

    def _moved(self, states: list[Any], waiting: Any, k: int, to: int) -> Any:
        """Return the state when a request goes from station k to a stop with a place."""
        blocked = list(waiting)
        while True:
            j = self.stops[to].station
            states[k] = self.stations[k].freed(states[k], self._held(blocked, k))
            taken = self._held(blocked, j)
            states[j] = self.stations[j].arrival(states[j], self.stops[to].class_, taken)
            # The place that is free now is taken by the oldest that waits for it.
            oldest = next(
                (i for i, (_, then) in enumerate(blocked) if self.stops[then].station == k),
                None,
            )
            if oldest is None or j == k:
                return tuple(states), tuple(blocked)
            stop, to = blocked.pop(oldest)
            k = self.stops[stop].station

    def _figures(self, order: list[Any], edges: list[Any], kinds: int) -> ChainFigures:
        source = np.array([e[0] for e in edges], dtype=int)
        target = np.array([e[1] for e in edges], dtype=int)
        to = np.array([e[3] for e in edges], dtype=int)
        kind = np.array([e[4] for e in edges], dtype=int)
        rates = np.array(np.broadcast_arrays(np.zeros(1), *(e[2] for e in edges))[1:])
        rates = rates.reshape(len(edges), -1) if edges else np.zeros((0, 1))
        distribution = np.array([_stationary(len(order), source, target, r) for r in rates.T])
        moves = distribution[:, source] * rates.T

        def summed(groups: Any, size: int) -> Any:
            there = groups >= 0
            return np.array([
                np.bincount(groups[there], row[there], minlength=size) for row in moves
            ]).T  # fmt: skip

        present = np.array([
            [station.numbers(s) for station, s in zip(self.stations, states, strict=True)]
            for states, _ in order
        ])  # fmt: skip
        busy = np.zeros((len(order), len(self.stations), len(distribution)))
        for i, (states, waiting) in enumerate(order):
            for stop, _ in waiting:
                present[i, self.stops[stop].station, self.stops[stop].class_] += 1
            for k, (station, s) in enumerate(zip(self.stations, states, strict=True)):
                busy[i, k] = station.busy(s, self._held(waiting, k))
        return ChainFigures(
            rounds=summed(kind, kinds),
            flows=summed(to, len(self.stops)),
            numbers=np.einsum("ni,ikc->kcn", distribution, present),
            busy=np.einsum("ni,ikn->kn", distribution, busy),
            states=len(order),
        )


def _stationary(size: int, source: Any, target: Any, rates: Any) -> Any:
    """Return the stationary distribution of a chain with these transitions."""
    from scipy.sparse import coo_array, csc_array
    from scipy.sparse.csgraph import connected_components
    from scipy.sparse.linalg import splu

    distribution = np.zeros(size)
    if np.any(np.isnan(rates)):
        return distribution + np.nan
    apart = source != target
    source, target, rates = source[apart], target[apart], rates[apart]
    there = coo_array((np.ones(len(source)), (source, target)), shape=(size, size))
    _, part = connected_components(there, connection="strong")
    lost = np.unique(part[source][part[source] != part[target]])
    last = np.flatnonzero(~np.isin(part, lost))
    if len(np.unique(part[last])) > 1:
        raise ModelError("the users can get stuck in more than one way: no single steady state")
    # States that the chain never leaves again; all but the first balance.
    place = np.full(size, -1)
    place[last] = np.arange(len(last))
    kept = place[source] >= 0
    source, target, rates = place[source[kept]], place[target[kept]], rates[kept]
    out = np.bincount(source, rates, minlength=len(last))
    inside = (source > 0) & (target > 0)
    diagonal = np.arange(1, len(last))
    found = np.ones(len(last))
    if len(last) > 1:
        rows = np.concatenate([target[inside], diagonal]) - 1
        columns = np.concatenate([source[inside], diagonal]) - 1
        values = np.concatenate([-rates[inside], out[1:]])
        balance = csc_array(coo_array((values, (rows, columns))))
        begun = source == 0
        entered = np.bincount(target[begun], rates[begun], minlength=len(last))[1:]
        # A diagonally dominant matrix needs no pivots, and keeps its sparsity.
        factors = splu(
            balance, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )  # fmt: skip
        found[1:] = np.maximum(factors.solve(entered), 0.0)
    distribution[last] = found / found.sum()
    return distribution
