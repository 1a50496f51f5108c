"""Departures of M/PH/c by its chain of states, cut off where hardly anything is left.

A state is how many requests are there, and how many of those in service are in which phase.
After a departure in the steady state, the mean number of departures within an exponential time
of the rate u is one linear system; the index of dispersion less 1 is twice what that is above
1 / u, with one request a second.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import spsolve

State = tuple[int, tuple[int, ...]]


class DeparturesChain:
    """M/PH/c with one request a second, up to so many requests.

    Parameters
    ----------
    initial : sequence of numbers
        Probability of each phase at the start of a service. [-]
    means : sequence of numbers
        Mean time in each phase, in any unit. [-]
    onward : array, optional
        Probability of each phase behind each; the rest end the service. [-]
    """

    def __init__(
        self,
        initial: list[float],
        means: list[float],
        load: float,
        servers: int,
        most: int,
        onward: np.ndarray | None = None,
    ) -> None:
        count = len(means)
        go = np.zeros((count, count)) if onward is None else onward
        mean = np.array(initial) @ np.linalg.solve(np.eye(count) - go, means)
        rates = mean / (servers * load) / np.array(means)
        places = {x: i for i, x in enumerate(_states(count, servers, most))}
        inside: dict[tuple[int, int], float] = {}
        leaving: dict[tuple[int, int], float] = {}

        def add(to: dict[tuple[int, int], float], i: int, state: State, rate: float) -> None:
            if rate > 0 and state in places:
                key = i, places[state]
                to[key] = to.get(key, 0.0) + rate

        for (number, busy), i in places.items():
            if number >= servers:
                add(inside, i, (number + 1, busy), 1.0)
            else:
                for k, share in enumerate(initial):
                    add(inside, i, (number + 1, _moved(busy, k, 1)), share)
            for k, many in enumerate(busy):
                if not many:
                    continue
                rate, rest = many * rates[k], _moved(busy, k, -1)
                for m, share in enumerate(go[k]):
                    add(inside, i, (number, _moved(rest, m, 1)), rate * share)
                ends = rate * (1 - go[k].sum())
                if number <= servers:
                    add(leaving, i, (number - 1, rest), ends)
                else:
                    for m, share in enumerate(initial):
                        add(leaving, i, (number - 1, _moved(rest, m, 1)), ends * share)
        size = len(places)
        self.leaving, moves = (_matrix(x, size) for x in (leaving, inside))
        whole = self.leaving + moves
        self.generator = (whole - sparse.diags(np.asarray(whole.sum(axis=1)).ravel())).tocsc()
        left = self.generator.T.tocsc()
        steady = np.ones(size)
        steady[1:] = spsolve(left[1:, 1:], -np.asarray(left[1:, [0]].todense()).ravel())
        self.steady = steady / steady.sum()
        self.number = np.array([number for number, _ in places])

    def index(self, rate: float) -> float:
        """Return the index of dispersion of departures less 1, over times of this rate."""
        out = np.asarray(self.leaving.sum(axis=1)).ravel()
        system = (rate * sparse.identity(out.size) - self.generator).tocsc()
        after = self.steady @ self.leaving
        return float(2 * (after @ spsolve(system, out) / after.sum() - after.sum() / rate))


def _states(phases: int, servers: int, most: int) -> Iterator[State]:
    for number in range(most + 1):
        for busy in _split(min(number, servers), phases):
            yield number, busy


def _split(number: int, phases: int) -> Iterator[tuple[int, ...]]:
    if phases == 1:
        yield (number,)
        return
    for first in range(number + 1):
        for rest in _split(number - first, phases - 1):
            yield first, *rest


def _moved(busy: tuple[int, ...], phase: int, by: int) -> tuple[int, ...]:
    return (*busy[:phase], busy[phase] + by, *busy[phase + 1 :])


def _matrix(entries: dict[tuple[int, int], float], size: int) -> sparse.csr_matrix:
    rows, columns = zip(*entries, strict=True)
    return sparse.csr_matrix((list(entries.values()), (rows, columns)), (size, size))
