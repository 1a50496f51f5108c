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

from qmodel.networks.saddle import Loop, OpenNetwork, OpenTable, saddle

__all__ = ["Steady", "log_constant", "steady_state"]

_NODES = 48
_WIDTH = 3.5  # of the dense part, in standard deviations of the number
_CELLS = 256  # a chunk of cells, whose complex nodes fit in the second-level cache


class Steady(NamedTuple):
    """What the contour sum gives for a population."""

    throughput: Any
    """Rounds a second, (cells,)."""
    single: Any
    """Mean numbers at the single servers, (stations, cells)."""
    tables: tuple[Any, ...]
    """Mean numbers at the other stations, each (cells,)."""


class _Nodes(NamedTuple):
    """The contour, each (nodes, cells), in real and imaginary parts."""

    weight: tuple[Any, Any]
    step: tuple[Any, Any]  # exp(v) - 1
    v: tuple[Any, Any]
    limit: Any

    @property
    def turn(self) -> Any:
        """Return exp(v)."""
        return (1 + self.step[0]) + 1j * self.step[1]


def _limit(found: OpenNetwork) -> Any:
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


def _contour(found: OpenNetwork) -> _Nodes:
    second, third = found.cumulants
    bend = third / (6 * second)
    limit = _limit(found)
    width = np.minimum(1.0, _WIDTH / np.sqrt(second))
    # Where A is small, the bend has poles beside the saddle: ten nodes away is far enough.
    bend = np.minimum(bend, limit / (10 * np.pi / _NODES * width) ** 2)
    t = (np.pi / _NODES * np.arange(_NODES + 1)).reshape(-1, 1)
    cos, sin = np.cos(t / 2), np.sin(t / 2)
    norm = cos**2 + width**2 * sin**2
    s = 2 * np.arctan(width * np.tan(t / 2))
    turned, p = 2 * width * sin * cos / norm, 4 * width**2 * sin**2 / norm
    room = limit + bend * p
    room = np.where(room > 0, room, 1.0)
    shift = limit * bend * p / room
    slope = 2 * bend * turned * (limit / room) ** 2
    weight = width / norm
    weight[0] /= 2
    weight[-1] /= 2
    grown = np.exp(shift)
    # cos(s) - 1 is -p / 2, whose digits are those of the step where the contour is short.
    step = (np.expm1(shift) - grown * p / 2, grown * turned)
    return _Nodes((weight, -weight * slope), step, (shift, s), limit)


def _values(table: OpenTable, nodes: _Nodes, at: int) -> tuple[Any, Any]:
    """Return E[exp(v (N - at))] and E[N exp(v (N - at))]."""
    law, turn = np.exp(table.log_law), nodes.turn
    back = 1 / turn
    first = _first(table)
    value: Any = 0.0
    slope: Any = 0.0
    for n in range(first, at + 1):
        value = value * back + law[n]
        slope = slope * back + n * law[n]
    m = len(law)
    if at == m - 1:
        passed = 1 / (1 - table.queue * (turn - 1))
        beyond = law[-1] * table.queue * turn * passed
        value = value + beyond
        slope = slope + beyond * ((m - 1) + (1 + table.queue) * passed)
    return value, slope


def _first(table: OpenTable) -> int:
    likely = (table.log_law > table.log_law.max(axis=0) - 46.0).any(axis=-1)
    return int(np.argmax(likely))


def _last(table: OpenTable, limit: Any) -> int:
    """Return the last state that counts on the contour."""
    n = np.arange(len(table.log_law)).reshape(-1, 1)
    grown = table.log_law + n * limit
    likely = (grown > grown.max(axis=0) - 46.0).any(axis=-1)
    return len(likely) - 1 - int(np.argmax(likely[::-1]))


class _Integrand(NamedTuple):
    """The integrand, and by station what z g'/g is made of."""

    real: Any
    imag: Any
    singles: list[tuple[Any, Any]]  # 1 / (1 - mean (exp(v) - 1))
    tables: list[Any]  # z g'/g
    total: Any


def _integrand(found: OpenNetwork, population: Any, nodes: _Nodes) -> _Integrand:
    """Return the integrand on the contour, in real numbers, which are several times faster."""
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
    real = across * nodes.weight[0] - along * nodes.weight[1]
    imag = across * nodes.weight[1] + along * nodes.weight[0]
    singles, others = [], []
    norm, other, third = np.empty_like(real), np.empty_like(real), np.empty_like(real)
    for mean in found.single:
        across, along = mean * step, mean * turned
        np.subtract(1.0, across, out=across)
        np.multiply(across, across, out=norm)
        norm += np.multiply(along, along, out=other)
        np.divide(1.0, norm, out=norm)
        across *= norm
        along *= norm
        np.multiply(real, along, out=other)
        np.multiply(imag, along, out=third)
        real *= across
        real -= third
        imag *= across
        imag += other
        singles.append((across, along))
    for table, at in zip(found.tables, last, strict=True):
        value, slope = _values(table, nodes, at)
        whole = (real + 1j * imag) * value
        real, imag = whole.real, whole.imag
        others.append(np.where(value == 0, 0.0, slope / value))
    return _Integrand(real, imag, singles, others, real.sum(axis=0))


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
            found = saddle(here, n)
            nodes = _contour(found)
            part = _integrand(found, n, nodes)
            turn, side = 1 + nodes.step[0], nodes.step[1]
            real, imag = part.real * turn - part.imag * side, part.real * side
            imag += part.imag * turn
            through[cells] = found.rate * real.sum(axis=0) / part.total
            for k, (across, along) in enumerate(part.singles):
                sum_ = (real * across - imag * along).sum(axis=0)
                single[k, cells] = found.single[k] * sum_ / part.total
            for k, number in enumerate(part.tables):
                sum_ = (part.real * number.real - part.imag * number.imag).sum(axis=0)
                tables[k][cells] = sum_ / part.total
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
            found = saddle(here, n)
            total = _integrand(found, n, _contour(found)).total
            log = found.log_sum - n * np.log(found.rate) + np.log(total / _NODES)
            found_logs[cells] = log
    return np.where(population == 0, 0.0, np.where(population < 0, -np.inf, found_logs))
