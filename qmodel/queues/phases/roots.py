r"""The M/PH/c queue by the roots of scalar equations, one for each state of the busy servers.

While all servers are busy they do not see each other: with x for a departure, the matrix of
`qmodel.queues.phases.queue` is a sum over servers of the one of a single service,

.. math:: D_0 + x D_1 = \bigoplus (T + x \, t \alpha) .

Its left eigenvectors are symmetric products of those of :math:`T + x \, t \alpha`, and its
eigenvalues sums :math:`\sum_i n_i \varphi_i(x)` with :math:`\sum_i n_i = c`, one for each state
of the busy servers. The eigenvalues of one server are the solutions of
:math:`S^*(\varphi) = 1 / x`, with the transform of service, and the probabilities with all
servers busy are :math:`\pi_{c+m} = \sum_j a_j v_j x_j^m` with the roots of [1]_ [2]_

.. math:: \lambda (1 - 1 / x) = \sum_i n_i \varphi_i(x)

in the unit circle. So the wait is a sum of exponentials of the rates :math:`\lambda (1 / x_j -
1)`, and a is found from the levels below c, which are eliminated from the empty one on. No
matrix equation is iterated, and no eigenvalues are sought of matrices of all states: with 165
states a load takes a fifteenth of the time.

Each root is looked for by Newton's method in x and all :math:`\varphi_i` at once, from the real
x between two points of a grid between which it is; roots that are found twice, or not, show in
the mean number of busy servers, which is :math:`\lambda`.

References
----------
.. [1] J. H. A. de Smit, "A numerical solution for the multi-server queue with hyper-exponential
   service times", Operations Research Letters 2, 1983.
.. [2] D. Bertsimas, "An analytic approach to a general class of G/G/s queueing systems",
   Operations Research 38, 1990.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions.phase_type import PhaseType
from qmodel.queues.phases import busy_servers
from qmodel.queues.phases.busy_servers import Moves, configurations, find, moved, states
from qmodel.queues.phases.exponentials import in_order
from qmodel.queues.phases.queue import PhaseSolution, solve, stacked

__all__ = ["solve_by_roots"]

_ERROR = 1e-10
"""Relative error of a wait that rounding may leave."""

_CHUNK = 1 << 17  # numbers in one stack of eigenvectors
_HELD, _STEPS = 5, 30  # steps that keep to the grid, and in all
_CONVERGED, _SPARE = 1e-15, 1e-5  # relative step, times the spare capacity; and the least
_RIGHT = 1e-9  # relative error of the mean number of busy servers
_EPSILON, _OF_RARE = 2e-16, 0.05  # rounding, of shares and over a probability of waiting
_LOW, _HIGH = np.geomspace(1e-9, 0.5, 50)[:-1], np.geomspace(0.5, 1e-10, 40)
_GRID, _REST = np.append(_LOW, 1 - _HIGH), np.append(1 - _LOW, _HIGH)
"""The grid of x, in its logarithm and then in that of 1 - x; and 1 - x."""


class _Server(NamedTuple):
    """One service: initial probabilities, rates of phases, to the next one, and of ends.

    At the points of the grid the eigenvalues, of which the first are real, and which of them
    are conjugate.
    """

    initial: np.ndarray
    rates: np.ndarray
    onward: np.ndarray
    ends: np.ndarray
    eigenvalues: np.ndarray
    real: int
    mirror: np.ndarray

    def seen(self, at: Any) -> tuple[Any, Any, Any]:
        """Return the resolvent on the initial probabilities, the transform and its slope."""
        rows, row, slope = [], 0.0 * at, 0.0 * at
        transform, by = row, row
        before = np.append(0.0, self.onward)
        for p, rate, into, end in zip(self.initial, self.rates, before, self.ends, strict=True):
            of = 1 / (at + rate)
            row, slope = ((p + into * row) * of, into * slope) if into else (p * of, 0.0)
            slope = (slope - row) * of
            rows.append(row)
            if end:
                transform, by = transform + end * row, by + end * slope
        return rows, transform, by

    def off(self, at: Any, x: Any, z: Any) -> tuple[Any, Any]:
        """Return ``1 / S*(at) - x``, over its slope, and one over that; z is 1 - x."""
        rows, transform, slope = self.seen(at)
        by = -(transform**2) / slope
        # Where x is nearly 1, by the distances from that: 1 - S* is the sum of the resolvent.
        near = at * sum(rows) / transform + z
        return np.where(abs(z) < 0.5, near, 1 / transform - x) * by, by


class _Servers(NamedTuple):
    """Rates between the states of busy servers, in their multinomial weights."""

    roots: list[np.ndarray]
    changes: list[np.ndarray]
    ends: list[Moves]
    starts: list[Moves]


@lru_cache(maxsize=64)
def _server(service: PhaseType) -> _Server | None:
    """Return one server, None where phases do not follow one another or are alike."""
    initial, generator = service.initial, service.generator
    rates, onward = -generator.diagonal(), generator.diagonal(1)
    if (generator != np.diag(-rates) + np.diag(onward, 1)).any():
        return None
    ends = service.ends
    found = np.linalg.eigvals(generator + _GRID[:, None, None] * np.outer(ends, initial))
    real = abs(found.imag) <= 1e-9 * abs(found)
    if (real.sum(axis=1) != real[0].sum()).any():
        return None
    kind = np.where(real, 0, np.where(found.imag > 0, 1, 2))
    order = np.lexsort((-found.real, kind), axis=1)
    found = np.take_along_axis(found, order, axis=1).T
    number, size = int(real[0].sum()), rates.size
    pairs = np.arange(number, size).reshape(2, -1)
    mirror = np.concatenate([np.arange(number), *pairs[::-1]])
    one = _Server(initial, rates, onward, ends, found, number, mirror)
    with np.errstate(all="ignore"):
        return one._replace(eigenvalues=found - one.off(found, _GRID, _REST)[0])


@lru_cache(maxsize=64)
def _servers(service: PhaseType, servers: int) -> _Servers:
    initial, generator = service.initial[None], service.generator[None]
    logs = [busy_servers.log_weights(n, initial, generator)[0] for n in range(servers + 1)]
    roots = [np.exp(x / 2) for x in logs]

    def weighted(rates: np.ndarray, m: int, n: int) -> np.ndarray:
        return np.asarray(rates[0] * (roots[m][:, None] / roots[n]))

    def moves(m: int, n: int, by: np.ndarray) -> Moves:
        found = []
        for phase in np.flatnonzero(by).tolist():
            of = (phase, -1) if m > n else (-1, phase)
            here, count, there = moved(m, by.size, *of)
            found.append((here, there, count * by[phase] * roots[m][here] / roots[n][there]))
        return Moves((roots[m].size, roots[n].size), found)

    changes = [np.zeros((1, 1))] + [
        weighted(busy_servers.changes(n, generator), n, n) for n in range(1, servers)
    ]
    ends = [moves(n, n - 1, service.ends) for n in range(1, servers + 1)]
    starts = [moves(n, n + 1, service.initial) for n in range(servers)]
    return _Servers(roots, changes, ends, starts)


def solve_by_roots(service: PhaseType, servers: int, arrival_rate: np.ndarray) -> PhaseSolution:
    """Return the steady state of M/PH/c.

    Where the roots are not all found, where the shares of their exponentials are so large that
    digits are lost, as at low loads, and where saturation is near, it is that by matrices.

    Parameters
    ----------
    service : PhaseType
        Distribution of the service time. [-]
    servers : int
        Number of servers, >= 1. [-]
    arrival_rate : array of shape (cells,)
        Arrival rate, > 0 and below saturation. [1/s]

    Returns
    -------
    PhaseSolution
        Probability of waiting, tail of the wait, and levels. [-]

    Examples
    --------
    >>> h2 = PhaseType([0.05, 0.95], np.diag([-1 / 6.4, -0.95 / 0.68]))
    >>> found = solve_by_roots(h2, 4, np.array([3.2]))
    >>> found.probability.round(6), (found.probability * found.mean).round(6)
    (array([0.609122]), array([1.677]))
    """
    found, right = _by_roots(service, servers, arrival_rate)
    if right.all() and found:
        return found
    left = arrival_rate[~right]
    initial, generator = (
        np.broadcast_to(x, (left.size, *x.shape)) for x in (service.initial, service.generator)
    )
    others = solve(initial, generator, servers, left)
    if found is None:
        return others
    cells = np.argsort(np.concatenate([np.flatnonzero(x) for x in (right, ~right)]))
    both = stacked([found, others])
    return PhaseSolution(*(x[cells] for x in both))


def _by_roots(
    service: PhaseType, servers: int, arrival_rate: np.ndarray
) -> tuple[PhaseSolution | None, np.ndarray]:
    """Return the cells in which all roots are found, and which they are."""
    nowhere, one = np.zeros(arrival_rate.size, dtype=bool), _server(service)
    if one is None:
        return None, nowhere
    step = max(1, _CHUNK // states(servers, one.initial.size) ** 2)
    try:
        with np.errstate(all="ignore"):
            every = _servers(service, servers)
            parts = [
                _solve(one, every, arrival_rate[i : i + step])
                for i in range(0, arrival_rate.size, step)
            ]
    except np.linalg.LinAlgError:  # a root that is found twice
        return None, nowhere
    *whole, rounding, right = (np.concatenate(x) for x in zip(*parts, strict=True))
    right &= rounding < _ERROR
    if not right.any():
        return None, nowhere
    probability, mean, levels, weights, rates = (x[right] for x in whole)
    return PhaseSolution(probability, mean, *in_order(weights, rates), levels), right


def _solve(one: _Server, every: _Servers, arrival_rate: np.ndarray) -> tuple[Any, ...]:
    servers, phases = len(every.ends), one.initial.size
    counts = configurations(servers, phases)
    # Of two states whose roots are conjugate, the first.
    other = find(counts[:, one.mirror], servers)
    kept = other >= np.arange(other.size)
    twice, counts = (other > np.arange(other.size))[kept], counts[kept]
    # Of many phases, those that some server of a state is in.
    which = np.argsort(-counts, axis=1, kind="stable")[:, :servers].T
    n = np.take_along_axis(counts.T, which, axis=0)
    x, z, at, converged = _roots(one, counts, which, n[:, None, :], arrival_rate)
    vectors = _eigenvectors(one, n, at)

    def parts(columns: np.ndarray) -> np.ndarray:
        return np.concatenate([columns.real, columns.imag[..., twice]], axis=-1)

    # From the empty station on: a level is the one above it times a factor.
    rate = arrival_rate[:, None, None]
    below = [1 / rate]
    for m in range(1, servers):
        onward = np.swapaxes(every.starts[m - 1].after(np.swapaxes(below[-1], 1, 2)), 1, 2)
        into = rate * every.ends[m - 1].before(onward)
        below.append(np.linalg.inv(rate * np.eye(len(into[0])) - every.changes[m] - into))
    columns = parts(vectors)
    fallen = np.swapaxes(below[-1], 1, 2) @ every.ends[-1].after(columns)
    balance = every.starts[-1].after(fallen) - parts(vectors / x[:, None])
    # Of the equations one follows from the others, and gives way to P(T_q > 0) = 1.
    waits = (every.roots[-1] @ vectors) / z
    balance[:, 0] = parts(waits)
    start = np.zeros((*balance.shape[:2], 1))
    start[:, 0] = 1
    found = np.linalg.solve(balance, start)[..., 0]
    level = columns @ found[..., None]
    sums = []
    for m in range(servers - 1, -1, -1):
        level = np.swapaxes(below[m], 1, 2) @ every.ends[m].after(level)
        sums.append((every.roots[m] @ level)[:, 0])
    levels = np.stack(sums[::-1], axis=1)
    probability = 1 / (1 + levels.sum(axis=1))
    levels = levels * probability[:, None]
    shares = found[:, : kept.sum()] + 0j
    shares[:, twice] = (shares[:, twice] - 1j * found[:, kept.sum() :]) / 2
    weights, rates = (
        np.concatenate([value, value[:, twice].conj()], axis=1)
        for value in (shares * waits, arrival_rate[:, None] * z / x)
    )
    mean = (weights / rates).sum(axis=1).real
    busy = levels @ np.arange(servers) + servers * probability
    right = converged & (abs(busy / arrival_rate - 1) < _RIGHT)
    rounding = _EPSILON * (abs(found).sum(axis=1) + _OF_RARE / probability)
    return probability, mean, levels, weights, rates, rounding, right


def _roots(
    one: _Server, counts: np.ndarray, which: np.ndarray, n: np.ndarray, arrival_rate: np.ndarray
) -> tuple[Any, ...]:
    """Return x and 1 - x of each state, the eigenvalues there, and whether all are found."""
    rate, which = arrival_rate[:, None], which[:, None, :]
    # The first points at which departures are more than arrivals. All servers in the slowest
    # eigenvalue have a root of 1, too.
    drift = (counts @ one.eigenvalues.real)[None] + rate[..., None] * (_REST / _GRID)
    drift[:, 0] /= _REST
    after = np.where((drift > 0).all(axis=2), _GRID.size - 1, (drift <= 0).argmax(axis=2))
    after = np.maximum(after, 1)
    ends = [np.take_along_axis(drift, i[..., None], 2)[..., 0] for i in (after - 1, after)]
    part = np.clip(ends[0] / (ends[0] - ends[1]), 0, 1)
    (low, high), (most, least) = ((g[after - 1], g[after]) for g in (_GRID, _REST))
    x, z = (1 - part) * low + part * high, (1 - part) * most + part * least
    first, last = one.eigenvalues[which, after - 1], one.eigenvalues[which, after]
    at, used = (1 - part) * first + part * last, n > 0
    simple = which < one.real
    if simple.all():
        at = at.real
    spare = np.clip(1 - arrival_rate / counts[0].sum(), _SPARE, 1e-3)
    converged = np.zeros(arrival_rate.size, dtype=bool)
    for step in range(_STEPS):
        away, by = (np.where(used, value, 0.0) for value in one.off(at, x, z))
        total = (n * at).sum(axis=0)
        moved_by = x * (n * away).sum(axis=0) - x * total - rate * z
        moved_by = moved_by / (total - rate + x * (n * by).sum(axis=0))
        change = moved_by * by - away
        # A cell stays as it is once it has converged, whatever stands beside it.
        moved_by = np.where(converged[:, None], 0.0, moved_by)
        change = np.where(converged[:, None], 0.0, change)
        x, z, at = x + moved_by, z - moved_by, at + change
        if step < _HELD:
            x, z = np.clip(x.real, low, high), np.clip(z.real, least, most)
            at = np.where(simple, np.clip(at.real, first.real, last.real), at)
            continue
        left = np.where(used, abs(change) / abs(at), 0.0).max(axis=(0, 2))
        # What the dominant root rests on is the difference of arrivals and departures.
        converged |= left * spare < _CONVERGED
        if converged.all():
            break
    return x, z, at, converged & (spare > _SPARE)


def _eigenvectors(one: _Server, n: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the eigenvectors of each state of busy servers, by cells, in multinomial weights.

    They are polynomials, products of a linear form for each server: the coefficient of a
    product of powers of its variables is the probability of so many servers in each phase.
    """
    from scipy.special import gammaln

    phases, (_, cells, size) = one.initial.size, at.shape
    generator = np.diag(-one.rates) + np.diag(one.onward, 1)
    spent = np.linalg.solve(-generator.T, one.initial)
    forms = np.array(one.seen(at)[0]) / np.sqrt(spent)[:, None, None, None]
    forms = forms / np.sqrt((abs(forms) ** 2).sum(axis=0))
    servers, every = int(n[:, 0].sum()), np.arange(size)
    counts = configurations(servers, phases)
    of = np.array([np.repeat(np.arange(len(row)), row) for row in n.T])
    product = np.ones((1, cells, size))
    for m in range(servers):
        form = forms[:, of[:, m], :, every].transpose(1, 2, 0)
        longer = np.zeros((states(m + 1, phases), cells, size), dtype=forms.dtype)
        for b in range(phases):
            longer[moved(m, phases, -1, b)[2]] += form[b] * product
        product = longer
    weights = np.exp(gammaln(counts + 1.0).sum(axis=1) / 2 - gammaln(servers + 1.0) / 2)
    vectors = product * weights[:, None, None]
    vectors = vectors / np.sqrt((abs(vectors) ** 2).sum(axis=0))
    return np.ascontiguousarray(np.moveaxis(vectors, 0, 1))
