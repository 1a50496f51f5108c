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
them, along which the integrand falls like a Gaussian even where a station is saturated
(`qmodel.networks.contour_nodes`). Nearly always 24 nodes give 1e-13, at populations of 100 and
of 1e6 alike. A station that slows down where many are present has a pole of tiny weight that
the bend cannot serve; such networks go to `qmodel.networks.convolution`.

All stations then follow from the same nodes, with no difference of nearby numbers:

    X(N) = G(N - 1) / G(N), \qquad L_k(N) = \langle z g_k'(z) / g_k(z) \rangle .

**Check.** Nobody gets lost, :math:`\sum_k L_k + X Z = N`: the sum over the nodes keeps it to
the digits that it has itself, because the difference is the integral of a derivative. Networks
that miss it, or that every second node already sees otherwise, get 48 nodes all around, and
then 96. Where one or two stations are all that counts no contour is needed
(`qmodel.networks.dominant`).

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

from qmodel.networks.contour_nodes import Nodes, all_around, as_far_as_it_counts
from qmodel.networks.dominant import by_one, by_two
from qmodel.networks.saddle import Loop, OpenNetwork, OpenTable, saddle

__all__ = ["Steady", "log_constant", "steady_state"]

_NODES = 48
_CELLS = 512  # a chunk of cells, whose complex nodes fit in the second-level cache
_SAFE = 16  # factors at once, which do not overflow
_MANY = 100
"""A population from which on few nodes mostly suffice."""
_LOST, _ROUNDED, _SAME = 1e-13, 4e-15, 1e-7
"""What may be lost, in standard deviations of the number and of the number; and how much every
second node may see otherwise, whose square is what all of them miss."""


class Steady(NamedTuple):
    """What the contour sum gives for a population."""

    throughput: Any
    """Rounds a second, (cells,)."""
    single: Any
    """Mean numbers at the single servers, (stations, cells)."""
    tables: tuple[Any, ...]
    """Mean numbers at the other stations, each (cells,)."""


def _values(table: OpenTable, nodes: Nodes, at: int) -> tuple[Any, Any]:
    """Return E[exp(v (N - at))] and E[N exp(v (N - at))]."""
    distribution, turn = np.exp(table.log_distribution), nodes.turn
    back = 1 / turn
    first = _first(table)
    value: Any = 0.0
    slope: Any = 0.0
    for n in range(first, at + 1):
        value = value * back + distribution[n]
        slope = slope * back + n * distribution[n]
    m = len(distribution)
    if at == m - 1:
        passed = 1 / (1 - table.queue * (turn - 1))
        beyond = distribution[-1] * table.queue * turn * passed
        value = value + beyond
        slope = slope + beyond * ((m - 1) + (1 + table.queue) * passed)
    return value, slope


def _first(table: OpenTable) -> int:
    likely = (table.log_distribution > table.log_distribution.max(axis=0) - 46.0).any(axis=-1)
    return int(np.argmax(likely))


def _last(table: OpenTable, limit: Any) -> int:
    """Return the last state that counts on the contour."""
    n = np.arange(len(table.log_distribution)).reshape(-1, 1)
    grown = table.log_distribution + n * limit
    likely = (grown > grown.max(axis=0) - 46.0).any(axis=-1)
    return len(likely) - 1 - int(np.argmax(likely[::-1]))


class _Integrand(NamedTuple):
    """The integrand at the nodes, with their weights."""

    values: Any  # complex, (nodes, cells)
    tables: list[Any]  # z g'/g of each
    total: Any


def _integrand(found: OpenNetwork, population: Any, nodes: Nodes) -> _Integrand:
    """Return the integrand on the contour."""
    last = [_last(t, nodes.limit) for t in found.tables]
    # The delays' phase cancels the population's; what is left is small.
    rest = found.delayed - population + sum(last)
    (step, turned), (shift, s) = nodes.step, nodes.v
    size = found.delayed * (step - shift) + rest * shift
    # By the half angle: the tangent is several times faster than sine and cosine.
    half = np.tan((found.delayed * (turned - s) + rest * s) / 2)
    square = half * half
    size = np.exp(np.minimum(size, 600.0)) / (1 + square)
    across, along = size * (1 - square), 2 * size * half
    values = np.empty(size.shape, dtype=complex)
    values.real = across * nodes.weight[0] - along * nodes.weight[1]
    values.imag = across * nodes.weight[1] + along * nodes.weight[0]
    _divide(values, found.single, step, turned)
    numbers = []
    for table, at in zip(found.tables, last, strict=True):
        value, slope = _values(table, nodes, at)
        values *= value
        numbers.append(np.where(value == 0, 0.0, slope / value))
    return _Integrand(values, numbers, values.real.sum(axis=0))


def _divide(values: Any, single: Any, step: Any, turned: Any) -> None:
    """Divide by 1 - mean (exp(v) - 1) of each single server, in place."""
    w = step + 1j * turned
    product, part = np.ones_like(w), np.empty_like(w)
    # Means twice, for the real and the imaginary part, which lie side by side.
    for k, mean in enumerate(np.repeat(single, 2, axis=1)):
        np.multiply(product, w, out=part)
        part.view(float)[...] *= mean
        product -= part
        if k % _SAFE == _SAFE - 1:
            values /= product
            product[...] = 1
    values /= product


def _numbers(single: Any, values: Any, step: Any, turned: Any) -> Any:
    """Return the sums over the nodes of Re[values / (1 - mean (exp(v) - 1))] by station."""
    # With w = exp(v) - 1: (Re F - mean Re F w*) over 1 - 2 mean Re w + mean^2 |w|^2.
    square, twice = step * step + turned * turned, 2 * step
    plain = np.ascontiguousarray(values.real)
    turn = plain * step + values.imag * turned
    below, above = np.empty_like(square), np.empty_like(square)
    found = np.empty(single.shape)
    for k, mean in enumerate(single):
        np.multiply(square, mean, out=below)
        below -= twice
        below *= mean
        below += 1
        np.multiply(turn, mean, out=above)
        np.subtract(plain, above, out=above)
        above /= below
        np.add.reduce(above, axis=0, out=found[k])
    return found


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
    through, single = np.zeros(population.size), np.zeros((len(loop.single), population.size))
    tables = tuple(np.zeros(population.size) for _ in loop.tables)
    some = np.flatnonzero(population != 0)
    if not loop.tables:
        some = _by_poles(loop, population, through, single)
    for at in range(0, some.size, _CELLS):
        cells = some[at : at + _CELLS]
        through[cells], single[:, cells], found = _summed(loop, cells, population[cells])
        for table, number in zip(tables, found, strict=True):
            table[cells] = number
    return Steady(through, single, tables)


def _by_poles(loop: Loop, population: Any, through: Any, single: Any) -> Any:
    """Fill in the cells that one or two poles decide, and return the others."""
    left = []
    for at in range(0, population.size, 4 * _CELLS):
        cells = slice(at, at + 4 * _CELLS)
        sure, rate, numbers = by_one(
            loop.single[:, cells], loop.delay[cells], population[cells]
        )
        np.copyto(through[cells], rate, where=sure)
        np.copyto(single[:, cells], numbers, where=sure)
        some = at + np.flatnonzero(~sure & (population[cells] != 0))
        sure, rate, numbers = by_two(loop.single[:, some], loop.delay[some], population[some])
        through[some], single[:, some] = rate, numbers
        left.append(some[~sure])
    return np.concatenate(left) if left else np.zeros(0, dtype=int)


def _summed(loop: Loop, cells: Any, n: Any) -> Steady:
    """Return the steady state in a chunk of cells."""
    with np.errstate(all="ignore"):
        here = loop.chunk(cells, n)
        middle = saddle(here, n)
        steady, lost = _of_few(here, middle, n)
        for count in (_NODES, 2 * _NODES):
            some = np.flatnonzero(lost)
            if not some.size:
                break
            found, delay, present = middle.of(some), here.delay[some], n[some]
            nodes = all_around(found, count)
            finer = _read(found, nodes, _integrand(found, present, nodes))
            for array, better in zip(_arrays(steady), _arrays(finer), strict=True):
                array[..., some] = better
            lost[some] = _loses(finer, delay, found.second, present)
    return steady


def _of_few(loop: Loop, middle: OpenNetwork, n: Any) -> tuple[Steady, Any]:
    """Return what few nodes say, and where that is not enough."""
    many = n >= _MANY
    if not many.any():
        tables = tuple(np.empty(n.size) for _ in loop.tables)
        nothing = Steady(np.empty(n.size), np.empty(loop.single.shape), tables)
        return nothing, np.ones(n.size, dtype=bool)
    found, nodes = as_far_as_it_counts(
        loop, middle, lambda there, at: _integrand(there, n, at).values
    )
    part = _integrand(found, n, nodes)
    steady = _read(found, nodes, part)
    half = part.values[::2]
    rate = found.rate * (half * nodes.turn[::2]).real.sum(axis=0) / half.real.sum(axis=0)
    same = np.abs(rate - steady.throughput) <= _SAME * steady.throughput
    return steady, ~(many & same) | _loses(steady, loop.delay, middle.second, n)


def _loses(steady: Steady, delay: Any, second: Any, n: Any) -> Any:
    """Return where requests get lost among the stations."""
    present = steady.single.sum(axis=0) + sum(steady.tables) + steady.throughput * delay
    return ~(np.abs(present - n) <= _LOST * np.sqrt(second) + _ROUNDED * n)


def _arrays(steady: Steady) -> list[Any]:
    return [steady.throughput, steady.single, *steady.tables]


def _read(found: OpenNetwork, nodes: Nodes, part: _Integrand) -> Steady:
    """Return what the sums over the nodes say."""
    values = part.values * nodes.turn
    through = found.rate * values.real.sum(axis=0) / part.total
    single = found.single * _numbers(found.single, values, *nodes.step) / part.total
    tables = [(part.values * number).real.sum(axis=0) / part.total for number in part.tables]
    return Steady(through, single, tuple(tables))


def log_constant(loop: Loop, population: Any) -> Any:
    """Return log G(N), the normalising constant, in each cell; -inf below a population of 0."""
    found_logs = np.empty(population.size)
    for at in range(0, population.size, _CELLS):
        cells = slice(at, at + _CELLS)
        n = np.maximum(population[cells], 1.0)
        here = loop.chunk(cells, n)
        with np.errstate(all="ignore"):
            found = saddle(here, n)
            values = _integrand(found, n, all_around(found, _NODES)).values.real
            total = values.sum(axis=0) / _NODES
            some = ~(np.abs(2 * values[::2].sum(axis=0) / _NODES / total - 1) < _SAME)
            if some.any():
                few, count = found.of(some), 2 * _NODES
                total[some] = _integrand(few, n[some], all_around(few, count)).total / count
            found_logs[cells] = found.log_sum - n * np.log(found.rate) + np.log(total)
    return np.where(population == 0, 0.0, np.where(population < 0, -np.inf, found_logs))
