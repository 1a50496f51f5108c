"""The saddle of a closed network's contour: the open network that holds as many requests."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Loop", "SpeedTable", "saddle"]

_STEPS = 60
_NEAR = 0.1  # of a standard deviation, from the saddle


class SpeedTable(NamedTuple):
    """A station whose speed depends on the number present."""

    demand: Any
    """Mean work that one request brings in a round, in seconds at speed 1; (cells,)."""
    speeds: Any
    """Speed with 1, 2, ..., m present, of which the last goes on; (m, cells)."""


class Loop(NamedTuple):
    """A closed network in product form, in cells."""

    single: Any
    """Demands of the single servers, (stations, cells)."""
    delay: Any
    """All delays of a round together, (cells,)."""
    tables: tuple[SpeedTable, ...] = ()

    def chunk(self, cells: Any, population: Any) -> Loop:
        """Return the network in some of its cells, which hold `population` requests."""
        tables = []
        for table in self.tables:
            # What more requests would do never shows: there the station need not slow down.
            shown = table.speeds[: max(int(population.max()), 1), cells]
            never = np.arange(1, len(shown) + 1).reshape(-1, 1) > population
            fast = np.where(never, 0.0, shown).max(axis=0)
            tables.append(SpeedTable(table.demand[cells], np.where(never, fast, shown)))
        return Loop(self.single[:, cells], self.delay[cells], tuple(tables))

    @property
    def greatest(self) -> Any:
        """Greatest demand of a station, over its speed with many present."""
        last = [t.demand / t.speeds[-1] for t in self.tables]
        return np.max([np.zeros(self.delay.shape), *self.single, *last], axis=0)


class OpenNetwork(NamedTuple):
    """The open network at the saddle: what one Poisson stream of rate x would meet."""

    rate: Any
    single: Any  # mean numbers
    tables: tuple[OpenTable, ...]
    delayed: Any
    total: Any  # mean number
    second: Any  # its variance
    log_odds: Any  # of the fullest station, log of rho / (1 - rho)

    @property
    def third(self) -> Any:
        """Third cumulant of the number."""
        single = self.single * (1 + self.single) * (1 + 2 * self.single)
        return single.sum(axis=0) + self.delayed + sum(t.cumulants[1] for t in self.tables)

    @property
    def log_sum(self) -> Any:
        """Log of g(x)."""
        single = np.log1p(self.single).sum(axis=0)
        return single + self.delayed + sum(t.log_sum for t in self.tables)

    def of(self, cells: Any) -> OpenNetwork:
        """Return the network in some of its cells."""
        tables = tuple(t.of(cells) for t in self.tables)
        own = (self.delayed, self.total, self.second, self.log_odds)
        rest = (x[cells] for x in own)
        return OpenNetwork(self.rate[cells], self.single[:, cells], tables, *rest)

    def before(self, loop: Loop, way: Any) -> OpenNetwork:
        """Return the network at a rate that is exp(-way) of this one's."""
        less = np.log1p(-np.expm1(-way) * np.exp(self.log_odds))
        return _open(loop, self.log_odds - way - less)


class OpenTable(NamedTuple):
    log_distribution: Any  # of the states below the last speed, (m, cells)
    queue: Any  # rho / (1 - rho) of the geometric tail
    mean: Any
    cumulants: tuple[Any, Any]
    log_sum: Any
    bounded: Any  # E[min(N, m - 1)]

    def of(self, cells: Any) -> OpenTable:
        """Return the station in some of its cells."""
        return OpenTable(
            self.log_distribution[:, cells],
            self.queue[cells],
            self.mean[cells],
            (self.cumulants[0][cells], self.cumulants[1][cells]),
            self.log_sum[cells],
            self.bounded[cells],
        )


def _table(table: SpeedTable, rate: Any, queue: Any) -> OpenTable:
    """Return the distribution of the number at one station; `queue` is rho / (1 - rho)."""
    m = len(table.speeds)
    n = np.arange(m).reshape(-1, 1)
    steps = np.log(rate * table.demand) - np.log(table.speeds[:-1])
    logs = np.concatenate([np.zeros((1, *steps.shape[1:])), np.cumsum(steps, axis=0)])
    top = logs.max(axis=0)
    weights = np.exp(logs - top)
    total = weights.sum(axis=0) + weights[-1] * queue
    distribution, beyond = weights / total, weights[-1] / total * queue
    # In the geometric tail: m - 1 and a geometric number from one on.
    spread = queue * (1 + queue)
    mean = (n * distribution).sum(axis=0) + beyond * (m + queue)
    far = m + queue - mean
    second = ((n - mean) ** 2 * distribution).sum(axis=0) + beyond * (spread + far**2)
    third = ((n - mean) ** 3 * distribution).sum(axis=0) + beyond * (
        spread * (1 + 2 * queue) + 3 * far * spread + far**3
    )
    bounded = (n * distribution).sum(axis=0) + beyond * (m - 1)
    log_distribution = logs - top - np.log(total)
    return OpenTable(
        log_distribution, queue, mean, (second, third), top + np.log(total), bounded
    )


def _open(loop: Loop, log_odds: Any) -> OpenNetwork:
    """Return the open network whose fullest station has this log of rho / (1 - rho)."""
    greatest = _scale(loop)
    busy, idle = 1 / (1 + np.exp(-log_odds)), 1 / (1 + np.exp(log_odds))
    rate = busy / greatest

    def queue(demand: Any) -> Any:
        part = demand / greatest
        return part * busy / ((1 - part) + part * idle)

    single = queue(loop.single)
    tables = tuple(_table(t, rate, queue(t.demand / t.speeds[-1])) for t in loop.tables)
    delayed = rate * loop.delay
    total = single.sum(axis=0) + delayed + sum(t.mean for t in tables)
    spread = (single * (1 + single)).sum(axis=0) + delayed
    second = spread + sum(t.cumulants[0] for t in tables)
    return OpenNetwork(rate, single, tables, delayed, total, second, log_odds)


def _scale(loop: Loop) -> Any:
    # Without any queue a pole far beyond the saddle stands for the one that is not there.
    return np.maximum(loop.greatest, 1e-9 * loop.delay)


def saddle(loop: Loop, population: Any) -> OpenNetwork:
    """Return the open network that holds about as many requests on average.

    Parameters
    ----------
    loop : Loop
        The closed network, with n cells. [-]
    population : array of shape (n,)
        Requests in it, >= 1. [-]

    Returns
    -------
    OpenNetwork
        The network, within a tenth of a standard deviation of the saddle. [-]
    """
    greatest = _scale(loop)
    # As if the fullest station were a single server, and all others delays.
    whole = loop.delay + loop.single.sum(axis=0) + sum(t.demand for t in loop.tables)
    rest = np.maximum(whole / greatest - 1, 0.0)
    room = population + 1 - rest
    root = np.sqrt(room**2 + 4 * rest)
    # Its idle share, without the difference of two nearby numbers.
    idle = np.where(room > 0, 2 / (room + root), (root - room) / (2 * rest))
    odds = np.log((1 - idle) / idle)
    size = sum(np.max(t.speeds, initial=1.0) for t in loop.tables) + 1.0
    low, high = odds - 80.0, np.log(4 * size * (population + 1)) + 0.0 * odds
    odds = np.minimum(odds, high)
    for step in range(_STEPS):
        found = _open(loop, odds)
        # The contour is exact wherever it starts; near the saddle it is short.
        far = abs(found.total - population) > _NEAR * np.sqrt(found.second)
        if not far.any():
            break
        off = np.log(found.total / population)
        low, high = np.where(off < 0, odds, low), np.where(off > 0, odds, high)
        slope = found.second / found.total / (1 + np.exp(odds))
        stepped = odds - off / slope
        # A station that has just filled makes Newton's step too long again and again.
        safe = (stepped > low) & (stepped < high) & (step % 4 != 3)
        odds = np.where(far, np.where(safe, stepped, (low + high) / 2), odds)
    return found
