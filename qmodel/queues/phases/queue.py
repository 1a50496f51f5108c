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

The tail is written as a sum of exponentials (`qmodel.queues.phases.exponentials`): in the
multinomial weights of `busy_servers.log_weights` the matrix T is nearly symmetric for
hyperexponential service, and its eigenvectors nearly orthogonal.

G comes from logarithmic reduction of the equation whose eigenvalue 1 is shifted to 0 [3]_: the
error stays 1e-12 up to a load of 1 - 1e-6, where without the shift half of the digits are lost.
Levels below c follow by block elimination, with positive terms only.

References
----------
.. [1] V. Ramaswami, D. M. Lucantoni, "Algorithms for the multi-server queue with phase type
   service", Stochastic Models 1, 1985.
.. [2] S. Asmussen, J. R. Møller, "Calculation of the steady state waiting time distribution in
   GI/PH/c and MAP/PH/c queues", Queueing Systems 37, 2001.
.. [3] C. He, B. Meini, N. H. Rhee, "A shifted cyclic reduction algorithm for quasi-birth-death
   problems", SIAM Journal on Matrix Analysis and Applications 23, 2001.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qmodel.distributions import Distribution
from qmodel.distributions.phase_type import PhaseType, phases_of
from qmodel.numerics.stationary import stationary
from qmodel.queues.phases import busy_servers
from qmodel.queues.phases.exponentials import exponentials
from qmodel.queues.phases.wait import POISSON

__all__ = ["PhaseSolution", "first_passage", "solve", "stacked"]

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
    # Not from the exponentials, which have fewer digits.
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
