r"""Closed networks of several classes, exactly: constants on the lattice of populations.

With :math:`y_k = \sum_c D_{ck} z_c`, a station with speeds :math:`\alpha_k(n)` that do not fall
and stay at :math:`\alpha_k` from m on has the generating function

.. math::

    g_k = \sum_j \frac{y_k^j}{\prod_{i \le j} \alpha_k(i)}
    = \frac{P_k(y_k)}{1 - y_k / \alpha_k}, \qquad
    P_k(y) = \sum_{j < m} f(j) \Big(1 - \frac{\alpha_k(j)}{\alpha_k}\Big) y^j ,

with :math:`f(j) = 1 / \prod_{i \le j} \alpha_k(i)` and :math:`\alpha_k(0) = 0`. To multiply by
:math:`y_k` is to shift the lattice of constants by one of each class; to divide by
:math:`1 - y_k / \alpha_k` is a recursion over populations, level by level of their sum. All
coefficients are positive: no digits are lost, whatever the number of servers. Then

.. math:: X_c = G(N - e_c) / G(N), \qquad L_{ck} = D_{ck} [\partial_{D_{ck}} \log G](N) .

References
----------
.. [1] M. Reiser, H. Kobayashi, "Queuing networks with multiple closed chains: theory and
   computational algorithms", IBM Journal of Research and Development 19, 1975.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["ClassStation", "Lattice", "solve"]


class ClassStation(NamedTuple):
    """A station with demands by class, (classes, cells), and its speeds."""

    demands: Any
    head: Any
    """Coefficients of P, those of powers 0, 1, ... on the first axis; (m, cells)."""
    speed: Any
    """The speed with many present, (cells,)."""


class Lattice(NamedTuple):
    """All populations up to the greatest, flat, with one place behind for none."""

    points: Any
    """Populations, (points, classes)."""
    before: Any
    """Where the population less one of each class is, (points, classes)."""
    levels: tuple[Any, ...]
    """Indices of the populations with 0, 1, 2, ... in all."""

    @staticmethod
    def of(population: Sequence[int]) -> Lattice:
        """Return the lattice of all populations up to this one."""
        shape = tuple(n + 1 for n in population)
        points = np.stack(np.unravel_index(np.arange(np.prod(shape)), shape), axis=-1)
        before = np.full(points.shape, len(points))
        for c in range(len(shape)):
            fewer = points.copy()
            fewer[:, c] -= 1
            some = fewer[:, c] >= 0
            before[some, c] = np.ravel_multi_index(tuple(fewer[some].T), shape)
        total = points.sum(axis=1)
        levels = tuple(np.flatnonzero(total == n) for n in range(sum(population) + 1))
        return Lattice(points, before, levels)

    def shifted(self, values: Any, demands: Any) -> Any:
        """Return y times `values`, whose last place is zero; demands (classes, ...)."""
        found = np.zeros_like(values)
        for c, demand in enumerate(demands):
            found[:-1] += demand * values[self.before[:, c]]
        return found

    def divided(self, values: Any, demands: Any) -> Any:
        """Return `values` over 1 - y."""
        found = values.copy()
        for level in self.levels[1:]:
            for c, demand in enumerate(demands):
                found[level] += demand * found[self.before[level, c]]
        return found


def _times_head(lattice: Lattice, values: Any, station: ClassStation) -> Any:
    """Return P(y) times `values`."""
    found = station.head[-1] * values
    for coefficient in station.head[-2::-1]:
        found = lattice.shifted(found, station.demands) + coefficient * values
    return found


def _times(lattice: Lattice, values: Any, station: ClassStation) -> Any:
    """Return the constants with one station more."""
    more = lattice.divided(values, station.demands / station.speed)
    return _times_head(lattice, more, station)


def solve(
    stations: Sequence[ClassStation], delays: Any, population: Sequence[Any], scale: Any
) -> tuple[Any, list[Any], list[Any]]:
    """Return throughputs, mean numbers by class and station, and what each station meets.

    Parameters
    ----------
    stations : sequence of ClassStation
        The stations. [-]
    delays : array of shape (classes, n)
        All delays of a round by class. [s]
    population : sequence of arrays of shape (n,)
        Whole numbers of users by class. [-]
    scale : array of shape (classes, n)
        Rates near the throughputs, so that numbers stay near one. [1/s]

    Returns
    -------
    tuple
        Throughputs (classes, n); for each station the numbers (classes, n); and the
        probabilities of 0, 1, ... present, as many as its head has. [-]
    """
    from scipy.special import gammaln

    users = np.array(population, dtype=int)
    lattice = Lattice.of([int(n) for n in users.max(axis=1)])
    cells = np.arange(users.shape[1])
    shape = tuple(int(n) + 1 for n in users.max(axis=1))
    at = np.ravel_multi_index(tuple(users), shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        load = (delays * scale)[None]
        n = lattice.points[:, :, None]
        logs = np.where(n == 0, 0.0, n * np.log(load)) - gammaln(n + 1.0) - load
        start = np.exp(logs.sum(axis=1))
    start = np.concatenate([start, np.zeros((1, start.shape[1]))])
    scaled = [s._replace(demands=s.demands * scale) for s in stations]
    heads = []
    for s in scaled:
        powers = s.demands.sum(axis=0) ** np.arange(len(s.head))[:, None]
        heads.append(s._replace(head=s.head / (s.head * powers).sum(axis=0)))
    whole = start
    for s in heads:
        whole = _times(lattice, whole, s)
    total = whole[at, cells]
    through = np.array([
        scale[c] * whole[lattice.before[at, c], cells] / total for c in range(len(users))
    ])  # fmt: skip
    numbers, distributions = [], []
    for k, s in enumerate(heads):
        queued = lattice.divided(whole, s.demands / s.speed)
        found = [
            s.demands[c] / s.speed * queued[lattice.before[at, c], cells] / total
            for c in range(len(users))
        ]
        distribution: Any = None
        if len(s.head) > 1:
            others = start
            for i, other in enumerate(heads):
                others = others if i == k else _times(lattice, others, other)
            many = lattice.divided(others, s.demands / s.speed)
            # d P(y) / d D_c is P'(y) times a shift by one of class c.
            slopes = _slope(lattice, many, s)
            for c in range(len(users)):
                busy = s.demands[c] * slopes[lattice.before[at, c], cells] / total
                found[c] = found[c] + busy
            distribution = _marginal(lattice, others, s, at, cells, total)
        numbers.append(np.array(found))
        distributions.append(distribution)
    return through, numbers, distributions


def _slope(lattice: Lattice, values: Any, station: ClassStation) -> Any:
    """Return P'(y) times `values`."""
    powers = np.arange(1, len(station.head))[:, None]
    return _times_head(lattice, values, station._replace(head=station.head[1:] * powers))


def _marginal(
    lattice: Lattice, others: Any, station: ClassStation, at: Any, cells: Any, total: Any
) -> Any:
    """Return the probabilities of 0, 1, ... present at a station."""
    rows, carried, before = [], others, np.zeros_like(station.head[0])
    for coefficient in station.head:
        # The power series of P(y) / (1 - y / speed), term by term.
        before = before / station.speed + coefficient
        rows.append(before * carried[at, cells] / total)
        carried = lattice.shifted(carried, station.demands)
    return np.array(rows)
