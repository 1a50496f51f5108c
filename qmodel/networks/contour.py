r"""Normalising constants of closed networks at any population, by one short contour sum.

A closed network in product form has the generating function

.. math::

    g(z) = \sum_N G(N) z^N = e^{Z z} \prod_k g_k(z), \qquad
    G(N) = \frac{1}{2 \pi i} \oint g(z) \, z^{-N-1} \, dz ,

with Z the delays of a round (think time included) and :math:`g_k(z) = 1 / (1 - D_k z)` for a
single server of demand :math:`D_k`; in general :math:`g_k(z) = \sum_n (D_k z)^n / \prod_{i \le
n} \alpha_k(i)` with :math:`\alpha_k(i)` the speed of the station with i requests present, c
servers having :math:`\min(i, c)`.

**Saddle.** On the positive axis the integrand is least where the *open* network with Poisson
arrivals of rate x holds N requests on average, :math:`x Z + \sum_k L_k(x) = N`. With
:math:`z = x e^v`, each :math:`g_k(z) / g_k(x)` is the generating function of the number at
that open station, :math:`E[e^{v N_k}]`, and all terms are of size one: nothing overflows at
any population.

**Contour.** All poles are on the positive axis beyond x, so the circle may be bent around
them, along which the integrand falls like a Gaussian even where a station is saturated,

.. math::

    v = \alpha(s) + i s, \qquad \alpha = \frac{A \, a p}{A + a p}, \quad p = 2 (1 - \cos s),
    \quad a = \frac{\kappa_3}{6 \kappa_2},

with :math:`\kappa_2, \kappa_3` cumulants of the number in the open network (a is the curvature
of steepest descent) and A a limit past which the delays would grow again. The nodes are even
in t, with :math:`\tan(s / 2) = w \tan(t / 2)`, which is dense within a standard deviation of
the saddle: 48 nodes give 1e-14 at populations of 1 and of 1e6 alike. A station that slows
down where many are present has a pole of tiny weight that the bend cannot serve; such networks
go to `qmodel.networks.convolution`.

All stations then follow from the same nodes, with no difference of nearby numbers:

.. math:: X(N) = G(N - 1) / G(N), \qquad L_k(N) = \langle z g_k'(z) / g_k(z) \rangle .

References
----------
.. [1] W. J. Gordon, G. F. Newell, "Closed queuing systems with exponential servers",
   Operations Research 15, 1967.
.. [2] J. P. Buzen, "Computational algorithms for closed queueing networks with exponential
   servers", Communications of the ACM 16, 1973.
.. [3] G. L. Choudhury, K. K. Leung, W. Whitt, "Calculating normalization constants of closed
   queueing networks by numerically inverting their generating functions", Journal of the ACM
   42, 1995.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Loop", "SpeedTable", "Steady", "log_constant", "steady_state"]

_NODES = 48
_WIDTH = 3.5  # of the dense part, in standard deviations of the number
_CELLS = 128  # a chunk of cells, whose complex nodes fit in the second-level cache
_STEPS = 60


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

    def chunk(self, cells: slice, population: Any) -> Loop:
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


class Steady(NamedTuple):
    """What the contour sum gives for a population."""

    throughput: Any
    """Rounds a second, (cells,)."""
    single: Any
    """Mean numbers at the single servers, (stations, cells)."""
    tables: tuple[Any, ...]
    """Mean numbers at the other stations, each (cells,)."""


class _Open(NamedTuple):
    """The open network at the saddle: what one Poisson stream of rate x would meet."""

    rate: Any
    single: Any  # mean numbers
    tables: tuple[_OpenTable, ...]
    delayed: Any
    total: Any  # mean number
    cumulants: tuple[Any, Any]
    log_sum: Any  # log g(x)


class _OpenTable(NamedTuple):
    log_law: Any  # of the states below the last speed, (m, cells)
    queue: Any  # rho / (1 - rho) of the geometric tail
    mean: Any
    cumulants: tuple[Any, Any]
    log_sum: Any
    bounded: Any  # E[min(N, m - 1)]


def _table(table: SpeedTable, rate: Any, queue: Any) -> _OpenTable:
    """Return the law of the number at one station; `queue` is rho / (1 - rho)."""
    m = len(table.speeds)
    n = np.arange(m).reshape(-1, 1)
    steps = np.log(rate * table.demand) - np.log(table.speeds[:-1])
    logs = np.concatenate([np.zeros((1, *steps.shape[1:])), np.cumsum(steps, axis=0)])
    top = logs.max(axis=0)
    weights = np.exp(logs - top)
    total = weights.sum(axis=0) + weights[-1] * queue
    law, beyond = weights / total, weights[-1] / total * queue
    # In the geometric tail: m - 1 and a geometric number from one on.
    spread = queue * (1 + queue)
    mean = (n * law).sum(axis=0) + beyond * (m + queue)
    far = m + queue - mean
    second = ((n - mean) ** 2 * law).sum(axis=0) + beyond * (spread + far**2)
    third = ((n - mean) ** 3 * law).sum(axis=0) + beyond * (
        spread * (1 + 2 * queue) + 3 * far * spread + far**3
    )
    bounded = (n * law).sum(axis=0) + beyond * (m - 1)
    log_law = logs - top - np.log(total)
    return _OpenTable(log_law, queue, mean, (second, third), top + np.log(total), bounded)


def _open(loop: Loop, log_odds: Any) -> _Open:
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
    spread = single * (1 + single)
    total = single.sum(axis=0) + delayed + sum(t.mean for t in tables)
    second = spread.sum(axis=0) + delayed + sum(t.cumulants[0] for t in tables)
    third = (spread * (1 + 2 * single)).sum(axis=0) + delayed
    third = third + sum(t.cumulants[1] for t in tables)
    log_sum = np.log1p(single).sum(axis=0) + delayed + sum(t.log_sum for t in tables)
    return _Open(rate, single, tables, delayed, total, (second, third), log_sum)


def _scale(loop: Loop) -> Any:
    # Without any queue a pole far beyond the saddle stands for the one that is not there.
    return np.maximum(loop.greatest, 1e-9 * loop.delay)


def _saddle(loop: Loop, population: Any) -> _Open:
    """Return the open network that holds as many requests on average."""
    whole = loop.delay + loop.single.sum(axis=0) + sum(t.demand for t in loop.tables)
    size = sum(np.max(t.speeds, initial=1.0) for t in loop.tables) + 1.0
    odds = np.log(population * _scale(loop) / whole)
    low = np.minimum(odds, np.log(population)) - 40.0
    high = np.log(4 * size * (population + 1)) + 0.0 * odds
    for step in range(_STEPS):
        found = _open(loop, odds)
        off = np.log(found.total / population)
        # The contour is exact wherever it starts; near the saddle it is short.
        if not np.any(abs(off) > 1e-3):
            break
        low, high = np.where(off < 0, odds, low), np.where(off > 0, odds, high)
        slope = found.cumulants[0] / found.total / (1 + np.exp(odds))
        stepped = odds - off / slope
        # A station that has just filled makes Newton's step too long again and again.
        safe = (stepped > low) & (stepped < high) & (step % 4 != 3)
        odds = np.where(abs(off) > 1e-3, np.where(safe, stepped, (low + high) / 2), odds)
    return found


class _Nodes(NamedTuple):
    """The contour: weights of the integrand, exp(v), exp(v) - 1 and v, each (nodes, cells)."""

    weight: Any
    turn: Any
    step: Any
    v: Any
    limit: Any


def _limit(found: _Open) -> Any:
    """Return how far to the right the delays and busy servers grow less than queues fall."""
    if not found.tables:
        with_delay = np.maximum(found.delayed, 1e-300)
        return np.minimum(np.log(np.maximum(found.total, with_delay) / with_delay), 100.0)
    low, high = np.zeros(found.total.shape), np.full(found.total.shape, 100.0)
    for _ in range(20):
        middle = (low + high) / 2
        grown = np.exp(middle)
        held = grown * found.delayed
        for table in found.tables:
            held = held + np.minimum(grown * table.bounded, len(table.log_law) - 1)
        enough = held < found.total
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return low


def _contour(found: _Open) -> _Nodes:
    second, third = found.cumulants
    bend = third / (6 * second)
    limit = _limit(found)
    width = np.minimum(1.0, _WIDTH / np.sqrt(second))
    # Where A is small, the bend has poles beside the saddle: ten nodes away is far enough.
    bend = np.minimum(bend, limit / (10 * np.pi / _NODES * width) ** 2)
    t = (np.pi / _NODES * np.arange(_NODES + 1)).reshape(-1, 1)
    cos, sin = np.cos(t / 2), np.sin(t / 2)
    cos[-1] = 0.0
    norm = cos**2 + width**2 * sin**2
    s = 2 * np.arctan2(width * sin, cos)
    turned, p = 2 * width * sin * cos / norm, 4 * width**2 * sin**2 / norm
    room = limit + bend * p
    room = np.where(room > 0, room, 1.0)
    shift = limit * bend * p / room
    slope = 2 * bend * turned * (limit / room) ** 2
    weight = width / norm * (1 - 1j * slope)
    weight[0] /= 2
    weight[-1] /= 2
    grown = np.exp(shift)
    # cos(s) - 1 is -p / 2, whose digits are those of the step where the contour is short.
    step = np.expm1(shift) - grown * p / 2 + 1j * grown * turned
    return _Nodes(weight, 1 + step, step, shift + 1j * s, limit)


def _values(table: _OpenTable, nodes: _Nodes, at: int) -> tuple[Any, Any]:
    """Return E[exp(v (N - at))] and E[N exp(v (N - at))]."""
    law, back = np.exp(table.log_law), 1 / nodes.turn
    first = _first(table)
    value: Any = 0.0
    slope: Any = 0.0
    for n in range(first, at + 1):
        value = value * back + law[n]
        slope = slope * back + n * law[n]
    m = len(law)
    if at == m - 1:
        passed = 1 / (1 - table.queue * nodes.step)
        beyond = law[-1] * table.queue * nodes.turn * passed
        value = value + beyond
        slope = slope + beyond * ((m - 1) + (1 + table.queue) * passed)
    return value, slope


def _first(table: _OpenTable) -> int:
    likely = (table.log_law > table.log_law.max(axis=0) - 46.0).any(axis=-1)
    return int(np.argmax(likely))


def _last(table: _OpenTable, limit: Any) -> int:
    """Return the last state that counts on the contour."""
    n = np.arange(len(table.log_law)).reshape(-1, 1)
    grown = table.log_law + n * limit
    likely = (grown > grown.max(axis=0) - 46.0).any(axis=-1)
    return len(likely) - 1 - int(np.argmax(likely[::-1]))


def _integrand(found: _Open, population: Any, nodes: _Nodes) -> tuple[Any, Any, Any, Any]:
    """Return the integrand, and z g'/g of each station over its mean or by itself."""
    last = [_last(t, nodes.limit) for t in found.tables]
    # The delays' phase cancels the population's; what is left is small.
    rest = found.delayed - population + sum(last)
    log = found.delayed * (nodes.step - nodes.v) + rest * nodes.v
    weight = np.exp(np.minimum(log.real, 600.0) + 1j * log.imag) * nodes.weight
    singles, others = [], []
    for mean in found.single:
        passed = 1 / (1 - mean * nodes.step)
        weight *= passed
        singles.append(passed)
    for table, at in zip(found.tables, last, strict=True):
        value, slope = _values(table, nodes, at)
        weight *= value
        others.append(np.where(value == 0, 0.0, slope / value))
    return weight, singles, others, weight.real.sum(axis=0)


def _each_chunk(cells: int) -> list[slice]:
    return [slice(i, min(i + _CELLS, cells)) for i in range(0, cells, _CELLS)]


def steady_state(loop: Loop, population: Any) -> Steady:
    """Return throughput and mean numbers of a closed network.

    Parameters
    ----------
    loop : Loop
        The network, with n cells on its last axis. [-]
    population : array of shape (n,)
        Requests in the network, whole and >= 0. [-]

    Returns
    -------
    Steady
        Throughput [1/s] and mean numbers, in each cell. [-]
    """
    size = population.size
    through, single = np.zeros(size), np.zeros((len(loop.single), size))
    tables = tuple(np.zeros(size) for _ in loop.tables)
    for cells in _each_chunk(size):
        n = np.maximum(population[cells], 1.0)
        here = loop.chunk(cells, n)
        with np.errstate(all="ignore"):
            found = _saddle(here, n)
            nodes = _contour(found)
            weight, singles, others, total = _integrand(found, n, nodes)
            turned = weight * nodes.turn
            through[cells] = found.rate * turned.real.sum(axis=0) / total
            for k, passed in enumerate(singles):
                sum_ = np.einsum("jc,jc->c", turned, passed).real
                single[k, cells] = found.single[k] * sum_ / total
            for k, number in enumerate(others):
                tables[k][cells] = (weight * number).real.sum(axis=0) / total
    nobody = population == 0
    for array in (through, single, *tables):
        array[..., nobody] = 0.0
    return Steady(through, single, tables)


def log_constant(loop: Loop, population: Any) -> Any:
    """Return log G(N), the normalising constant, in each cell; -inf below a population of 0."""
    found_logs = np.empty(population.size)
    for cells in _each_chunk(population.size):
        n = np.maximum(population[cells], 1.0)
        here = loop.chunk(cells, n)
        with np.errstate(all="ignore"):
            found = _saddle(here, n)
            total = _integrand(found, n, _contour(found))[-1]
            log = found.log_sum - n * np.log(found.rate) + np.log(total / _NODES)
            found_logs[cells] = log
    return np.where(population == 0, 0.0, np.where(population < 0, -np.inf, found_logs))
