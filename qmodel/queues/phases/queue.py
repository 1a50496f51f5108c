r"""The M/PH/c and PH/PH/c queues, exactly: c servers, service of phase type, FCFS.

While all servers are busy, departures come from a Markov chain on the states of
`qmodel.queues.phases.busy_servers`, with the rates D0 without and D1 with a departure. With the
matrix G of first passages to one request fewer [1]_,

.. math::

    T = D_0 + \lambda G, \qquad R = \lambda (\lambda I - T)^{-1}, \qquad
    y = \pi_c (I - R)^{-1}, \qquad P(T_q > t) = y \, e^{T t} \, \mathbf 1 ,

the wait has a matrix-exponential tail of as many phases as there are states [2]_. Where the
interarrival times are of phase type too, with the probabilities :math:`\beta` and the
generator B, the same holds for what the arrivals find: with the busy servers' part of the ratio
matrix,

.. math::

    S = (\beta \otimes I) \, (-A_1 - A_0 G)^{-1} (-B \mathbf 1 \otimes I), \qquad
    T = D_0 + S D_1, \qquad y = \pi^*_c (I - S)^{-1} ,

:math:`\pi^*_c` being the states that an arrival finds with no one waiting, and the matrices A
those of arrivals and servers together.

In the
multinomial weights of `busy_servers.log_weights` the matrix T is nearly symmetric for
hyperexponential service, and its eigenvectors nearly orthogonal, also for 64 servers; so the
tail is written as a sum of exponentials, complex where service has Erlang phases. Sums of more
than `TERMS` real positive terms are replaced by the Gauss quadrature of as many nodes of their
measure, which is right to 1e-9 (Lanczos; [3]_).

G comes from logarithmic reduction of the equation whose eigenvalue 1 is shifted to 0 [4]_: the
error stays 1e-12 up to a load of 1 - 1e-6, where without the shift half of the digits are lost.
Levels below c follow by block elimination, with positive terms only.

References
----------
.. [1] V. Ramaswami, D. M. Lucantoni, "Algorithms for the multi-server queue with phase type
   service", Stochastic Models 1, 1985.
.. [2] S. Asmussen, J. R. Møller, "Calculation of the steady state waiting time distribution in
   GI/PH/c and MAP/PH/c queues", Queueing Systems 37, 2001.
.. [3] G. H. Golub, G. Meurant, "Matrices, Moments and Quadrature with Applications", Princeton
   University Press, 2010.
.. [4] C. He, B. Meini, N. H. Rhee, "A shifted cyclic reduction algorithm for quasi-birth-death
   problems", SIAM Journal on Matrix Analysis and Applications 23, 2001.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qmodel.distributions import Distribution
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.numerics.stationary import stationary
from qmodel.queues.phases import busy_servers
from qmodel.queues.phases.wait import POISSON

__all__ = [
    "TERMS",
    "PhaseSolution",
    "exponentials",
    "first_passage",
    "solve",
    "stacked",
    "tidied",
]

TERMS = 16
"""Exponentials that a tail keeps where they are real and positive."""

_CHUNK = 1 << 20  # numbers in one stack of matrices
_STEPS = 64


class PhaseSolution(NamedTuple):
    """M/PH/c or PH/PH/c in each cell.

    Parameters
    ----------
    probability : array of shape (cells,)
        Probability of waiting. [-]
    mean : array of shape (cells,)
        Mean wait, given a wait. [s]
    weights : array of shape (cells, terms)
        Weights of the exponentials of the tail, given a wait; they sum to 1. [-]
    rates : array of shape (cells, terms)
        Their rates. [1/s]
    levels : array of shape (cells, servers)
        Probability of 0, 1, ... requests, fewer than servers. [-]
    """

    probability: np.ndarray
    mean: np.ndarray
    weights: np.ndarray
    rates: np.ndarray
    levels: np.ndarray


def solve(
    initial: np.ndarray,
    generator: np.ndarray,
    servers: int,
    arrival_rate: np.ndarray,
    interarrival: Distribution = POISSON,
) -> PhaseSolution:
    """Return the steady state of M/PH/c, or of PH/PH/c.

    Parameters
    ----------
    initial : array of shape (cells, phases)
        Probability that a service begins in each phase. [-]
    generator : array of shape (cells, phases, phases)
        Rates of one service. [1/s]
    servers : int
        Number of servers, >= 1. [-]
    arrival_rate : array of shape (cells,)
        Arrival rate, > 0 and below saturation. [1/s]
    interarrival : Distribution, default Exponential(1.0)
        Shape of the distribution of the interarrival times, of phase type. [-]

    Returns
    -------
    PhaseSolution
        Probability of waiting, tail of the wait, and levels. [-]

    Examples
    --------
    >>> h2 = np.array([[0.05, 0.95]]), np.array([np.diag([-1 / 6.4, -0.95 / 0.68])])
    >>> found = solve(*h2, servers=4, arrival_rate=np.array([3.2]))
    >>> found.probability.round(6), (found.probability * found.mean).round(6)
    (array([0.609122]), array([1.677]))
    """
    shape = phases_of(interarrival)
    assert shape is not None
    between = PhaseType(shape.initial, shape.generator * float(shape.mean))
    size = busy_servers.states(servers, initial.shape[-1]) * shape.initial.size
    step = max(1, _CHUNK // size**2)
    with np.errstate(under="ignore"):  # of probabilities too rare for a float
        parts = [
            _solve(initial[here], generator[here], servers, arrival_rate[here], between)
            for here in (slice(i, i + step) for i in range(0, len(arrival_rate), step))
        ]
    return parts[0] if len(parts) == 1 else stacked(parts)


def stacked(parts: list[PhaseSolution]) -> PhaseSolution:
    """Return the cells of all parts, one below the other."""
    # Cells whose exponentials were compressed have fewer than others.
    terms = max(part.weights.shape[1] for part in parts)
    weights = [_padded(part.weights, terms, 0.0) for part in parts]
    rates = [_padded(part.rates, terms, 1.0) for part in parts]
    return PhaseSolution(
        np.concatenate([part.probability for part in parts]),
        np.concatenate([part.mean for part in parts]),
        np.concatenate(weights),
        np.concatenate(rates),
        np.concatenate([part.levels for part in parts]),
    )


def _padded(x: np.ndarray, terms: int, fill: float) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, terms - x.shape[1])), constant_values=fill)


def _solve(
    initial: np.ndarray,
    generator: np.ndarray,
    servers: int,
    arrival_rate: np.ndarray,
    between: PhaseType,
) -> PhaseSolution:
    rate = arrival_rate[:, None, None]
    # The next arrival: phases, arrivals with the next time started, and the same arrivals seen.
    phases = between.initial.size
    pause, again = rate * between.generator, np.eye(phases)
    arrive = rate * np.outer(between.ends, between.initial)
    ends, begins = rate * between.ends[:, None], between.initial[None, :]
    # Everything is in the multinomial weights: rows times their roots, columns over them.
    log = [busy_servers.log_weights(n, initial, generator) for n in range(servers + 1)]
    root = [np.exp(x / 2) for x in log]

    def weighted(x: np.ndarray, m: int, n: int) -> np.ndarray:
        return np.asarray(x * (root[m][:, :, None] / root[n][:, None, :]))

    def change(n: int) -> np.ndarray:
        if not n:
            return np.zeros((len(rate), 1, 1))
        return weighted(busy_servers.changes(n, generator), n, n)

    def end(n: int) -> np.ndarray:
        return weighted(busy_servers.ends(n, generator), n, n - 1)

    def start(n: int) -> np.ndarray:
        return weighted(busy_servers.starts(n, initial), n, n + 1)

    def local(x: np.ndarray) -> np.ndarray:
        return np.asarray(_kron(pause, np.eye(x.shape[-1])[None]) + _kron(again[None], x))

    stay, fall = change(servers), end(servers)
    leave = fall @ start(servers - 1)
    one = np.eye(stay.shape[-1])
    up, here, down = _kron(arrive, one[None]), local(stay), _kron(again[None], leave)
    passage = first_passage(up, here, down, np.tile(root[-1], (1, phases)))
    # From c downwards: a level is the one below it times a factor.
    inverse = np.linalg.inv(-here - up @ passage)
    ratio = up @ inverse
    seen = _kron(ends, one[None])
    found = _kron(begins[None], one[None]) @ inverse @ seen
    here = here + ratio @ down
    factors = []
    for n in range(servers - 1, -1, -1):
        factors.append(_kron(arrive, start(n)) @ np.linalg.inv(-here))
        here = local(change(n)) + factors[-1] @ _kron(again[None], fall)
        if n:
            fall = end(n)
    level = stationary(here)[:, None]
    sums = [level.sum(axis=(1, 2))]
    for n, factor in enumerate(reversed(factors)):
        level = level @ factor
        sums.append(np.einsum("nij,nj->n", level, np.tile(root[n + 1], (1, phases))))
    levels = np.stack(sums[:-1], axis=1)
    above = np.linalg.solve(
        np.swapaxes(np.eye(len(ratio[0])) - ratio, 1, 2), np.swapaxes(level, 1, 2)
    )[..., 0]
    total = levels.sum(axis=1) + np.einsum("nj,nj->n", above, np.tile(root[-1], (1, phases)))
    at_arrival = np.swapaxes(level @ seen / rate, 1, 2)
    waiting = np.linalg.solve(np.swapaxes(one - found, 1, 2), at_arrival)[..., 0]
    # Of many servers the empty station has so few digits that not even its sign is known.
    waiting = waiting / total[:, None]
    tail = stay + found @ leave
    probability = np.einsum("nj,nj->n", waiting, root[-1])
    weights, rates = exponentials(waiting, tail, root[-1])
    # Not from the exponentials, which have fewer digits where service has Erlang phases.
    left = np.linalg.solve(-tail, root[-1][..., None])[..., 0]
    area = np.einsum("nj,nj->n", waiting, left)
    mean = np.where(probability > 1e-280, area, 1.0) / np.maximum(probability, 1e-280)
    mean = np.where(probability > 1e-280, mean, 1 / rates[:, 0].real)
    return PhaseSolution(probability, mean, weights, rates, levels / total[:, None])


def _kron(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the Kronecker products of two stacks of matrices."""
    product = one[:, :, None, :, None] * other[:, None, :, None, :]
    cells, m, n, p, q = product.shape
    return np.asarray(product.reshape(cells, m * n, p * q))


def first_passage(
    up: np.ndarray, stay: np.ndarray, down: np.ndarray, sure: np.ndarray
) -> np.ndarray:
    """Return the matrix of first passages one level down, of levels that are all alike.

    Parameters
    ----------
    up, stay, down : array of shape (cells, states, states)
        Rates to the next level, within a level, less all rates out, and to the level below,
        where the levels drift down. [1/s]
    sure : array of shape (cells, states)
        What every passage keeps: a vector that the sum of the three takes to zero, of ones
        for rates as they are. [-]

    Returns
    -------
    array of shape (cells, states, states)
        Probability of each state on the first visit to the level below. [-]

    Examples
    --------
    >>> up, down = np.array([[[1.0]]]), np.array([[[2.0]]])
    >>> first_passage(up, -up - down, down, np.ones((1, 1))).tolist()
    [[[1.0]]]
    """
    one = np.eye(up.shape[-1])
    # The eigenvalue 1 of the passages, and its vector, is shifted to 0.
    shift = sure[:, :, None] * (sure / (sure**2).sum(axis=1, keepdims=True))[:, None, :]
    inverse = np.linalg.inv(-stay - up @ shift)
    rise, fall = inverse @ up, inverse @ (down - down @ shift)
    found, product = fall, rise
    for _ in range(_STEPS):
        inverse = np.linalg.inv(one - rise @ fall - fall @ rise)
        rise, fall = inverse @ (rise @ rise), inverse @ (fall @ fall)
        step = product @ fall
        found = found + step
        if not (abs(step) > 1e-16).any():
            break
        product = product @ rise
    return np.asarray(found + shift)


def exponentials(
    start: np.ndarray, matrix: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a tail ``start exp(matrix t) end``, over its value at 0, as exponentials.

    Parameters
    ----------
    start : array of shape (cells, states)
        Row vector. [-]
    matrix : array of shape (cells, states, states)
        The generator, as nearly symmetric as it can be. [1/s]
    end : array of shape (cells, states)
        Column vector. [-]

    Returns
    -------
    tuple of two arrays of shape (cells, terms)
        Weights, which sum to 1 [-], and rates [1/s], real where all rates are.

    Examples
    --------
    >>> matrix, one = np.array([[[-3.0, 1.0], [1.0, -3.0]]]), np.ones((1, 2))
    >>> weights, rates = exponentials(np.array([[1.0, 0.0]]), matrix, one)
    >>> abs(weights).round(6), rates.round(6)
    (array([[1., 0.]]), array([[2., 4.]]))
    """
    values, vectors = np.linalg.eig(matrix)
    left = np.einsum("ni,nij->nj", start, vectors)
    weights = left * np.linalg.solve(vectors, end[..., None].astype(vectors.dtype))[..., 0]
    total = weights.sum(axis=1, keepdims=True)
    # Of a wait too rare for a float any tail will do.
    weights = np.where(abs(total) > 1e-280, weights, 1.0)
    return tidied(weights / weights.sum(axis=1, keepdims=True), -values)


def tidied(weights: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return exponentials from the slowest on, real where all are, and then but a few.

    Parameters
    ----------
    weights : array of shape (cells, terms)
        Weights, which sum to 1. [-]
    rates : array of shape (cells, terms)
        Rates. [1/s]

    Returns
    -------
    tuple of two arrays of shape (cells, terms)
        Weights [-] and rates [1/s].

    Examples
    --------
    >>> tidied(np.array([[0.75, 0.25 + 0j]]), np.array([[4.0, 2.0 + 0j]]))
    (array([[0.25, 0.75]]), array([[2., 4.]]))
    """
    order = np.argsort(rates.real, axis=1)
    weights, rates = (np.take_along_axis(x, order, axis=1) for x in (weights, rates))
    # What hardly counts may have rates that rounding has made complex.
    slight = (abs(rates.imag) <= 1e-6 * abs(rates)) | (abs(weights) < 1e-12)
    if slight.all():
        weights, rates = weights.real, rates.real
        if weights.shape[1] > TERMS and (weights > -1e-9).all():
            return _gauss(np.maximum(weights, 0.0), rates)
    return weights, rates


def _gauss(weights: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Gauss quadrature of the rates, in one over the rate plus twice the least."""
    shift = 2 * rates.min(axis=1, keepdims=True)
    at = 1 / (rates + shift)
    vector = np.sqrt(weights)
    basis = [vector / np.linalg.norm(vector, axis=1, keepdims=True)]
    jacobi = np.zeros((len(rates), TERMS, TERMS))
    for j in range(TERMS):
        vector = at * basis[-1]
        jacobi[:, j, j] = np.einsum("ni,ni->n", vector, basis[-1])
        for _ in range(2):  # twice is enough
            for known in basis:
                vector = vector - np.einsum("ni,ni->n", known, vector)[:, None] * known
        size = np.linalg.norm(vector, axis=1)
        if j + 1 < TERMS:
            # Where the measure has fewer points, the rest of the chain is cut off.
            more = size > 1e-13 * jacobi[:, 0, 0]
            jacobi[:, j, j + 1] = jacobi[:, j + 1, j] = np.where(more, size, 0.0)
        basis.append(vector / np.where(size > 0, size, 1.0)[:, None])
    values, vectors = np.linalg.eigh(jacobi)
    found = weights.sum(axis=1)[:, None] * vectors[:, 0] ** 2
    kept = values > 1e-300
    rates = np.where(kept, 1 / np.where(kept, values, 1.0) - shift, shift)
    found, rates = np.where(kept & (rates > 0), found, 0.0), np.where(rates > 0, rates, shift)
    order = np.argsort(np.where(found > 0, rates, np.inf), axis=1)
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(rates, order, axis=1)
