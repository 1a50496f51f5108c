r"""The GI/PH/c queue, exactly: interarrival times of any distribution, service of phase type.

While all servers are busy, departures have the rates D0 and D1 of `qmodel.queues.phases.queue`.
With the distribution A of the time between arrivals, the generator T of the wait solves [1]_

.. math::

    T = D_0 + S D_1, \qquad S = \int_0^\infty e^{T u} \, dA(u), \qquad
    P(T_q > t) = y \, e^{T t} \, \mathbf 1, \qquad y = u (I - S)^{-1} ,

u being the states that an arrival finds with all servers busy and no one waiting. The servers
tick together at a rate of at least that of every state, so that :math:`e^{T u}` is a mixture of
powers of a matrix without negative entries, weighted with the probability of as many Poisson
ticks between two arrivals. The equation is iterated; its slowest eigenvector is known from the
equation of `qmodel.queues.approximations.decay` and put in after each step, so that the steps
near saturation are no more than elsewhere. The states below are those of a finite chain between
arrivals.

References
----------
.. [1] S. Asmussen, J. R. Møller, "Calculation of the steady state waiting time distribution in
   GI/PH/c and MAP/PH/c queues", Queueing Systems 37, 2001.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.distributions import Distribution, Scaled
from qmodel.distributions.phase_type import PhaseType
from qmodel.queues.approximations.decay import decay_rate
from qmodel.queues.counts.arrivals import arrivals_in
from qmodel.queues.phases import busy_servers
from qmodel.queues.phases.exponentials import exponentials
from qmodel.queues.phases.queue import PhaseSolution

__all__ = ["LEAST_LOAD", "feasible", "solve_renewal"]

LEAST_LOAD = 0.02
"""Load below which the wait is taken to be as there: behind regular arrivals hardly any."""

_STATES = 200  # of the chain between two arrivals
_TICKS = 1 << 14
_STEPS = 1000


def feasible(interarrival: Distribution, servers: int, phases: int) -> bool:
    """Return whether a queue has few enough states, and interarrival times a light tail.

    Examples
    --------
    >>> from qmodel.distributions import Deterministic, LogNormal
    >>> [feasible(time, 4, 2) for time in (Deterministic(1.0), LogNormal(1.0, 2.0))]
    [True, False]
    """
    sizes = [busy_servers.states(n, phases) for n in range(servers + 1)]
    return sum(sizes) + sizes[-1] <= _STATES and interarrival.exponential_limit > 0


def solve_renewal(
    interarrival: Distribution, service: PhaseType, servers: int, arrival_rate: np.ndarray
) -> PhaseSolution:
    """Return the steady state of GI/PH/c.

    Parameters
    ----------
    interarrival : Distribution
        Shape of the distribution of the interarrival times. [-]
    service : PhaseType
        Distribution of the service time. [-]
    servers : int
        Number of servers, >= 1. [-]
    arrival_rate : array of shape (cells,)
        Arrival rate, > 0 and below saturation. [1/s]

    Returns
    -------
    PhaseSolution
        Probability of waiting, tail of the wait, and levels; NaN where the iteration does not
        converge. [-]

    Examples
    --------
    D/H2/4, service of SCV 2 with balanced means:

    >>> from qmodel.distributions import Deterministic, from_mean_scv
    >>> from qmodel.distributions.phase_type import phases_of
    >>> h2 = phases_of(from_mean_scv(1.0, 2.0))
    >>> float(solve_renewal(Deterministic(1.0), h2, 4, np.array([3.6])).probability[0])
    0.69723079
    """
    cells = [_solve(interarrival, service, servers, float(rate)) for rate in arrival_rate]
    terms = max(cell.weights.shape[1] for cell in cells)
    weights, rates = (
        np.concatenate([
            np.pad(x, ((0, 0), (0, terms - x.shape[1])), constant_values=fill) for x in parts
        ])
        for parts, fill in (([c.weights for c in cells], 0.0), ([c.rates for c in cells], 1.0))
    )  # fmt: skip
    probability, mean = (np.concatenate([c[i] for c in cells]) for i in (0, 1))
    return PhaseSolution(
        probability, mean, weights, rates, np.concatenate([c.levels for c in cells])
    )


def _solve(
    interarrival: Distribution, service: PhaseType, servers: int, rate: float
) -> PhaseSolution:
    gaps = Scaled(interarrival, 1 / (rate * float(interarrival.mean)))
    initial, generator = service.initial[None], service.generator[None]
    stay = busy_servers.changes(servers, generator)[0]
    fall = busy_servers.ends(servers, generator)[0]
    leave = fall @ busy_servers.starts(servers - 1, initial)[0]
    top = float(-stay.diagonal().min())
    ticks, later = _ticks(gaps, top)
    decay = float(decay_rate(gaps, service, servers, 1 - rate * service.mean / servers))
    tail, passed = _steps(stay, leave, top, ticks, decay, float(np.real(gaps.laplace(decay))))
    if np.isnan(tail).any():
        nothing = np.full(1, np.nan)
        unknown = nothing[:, None]
        return PhaseSolution(nothing, nothing, unknown, unknown, np.full((1, servers), np.nan))
    seen, levels = _seen(service, servers, stay, leave, fall, tail, passed, top, (ticks, later))
    one = np.eye(len(tail))
    # Behind regular arrivals a wait may be too rare for more than rounding.
    waiting = np.maximum(np.linalg.solve((one - passed).T, seen), 0.0)
    waiting = np.where(waiting.sum() > 1e-14, waiting, 1e-300)
    probability = waiting.sum()
    mean = np.linalg.solve(-tail.T, waiting).sum() / probability
    root = np.exp(busy_servers.log_weights(servers, initial, generator) / 2)
    scaled = root[:, :, None] * tail / root[:, None, :]
    weights, rates = exponentials(waiting / root, scaled, root)
    return PhaseSolution(
        np.array([probability]), np.array([mean]), weights, rates, levels[None]
    )


def _ticks(gaps: Distribution, top: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of 0, 1, ... Poisson ticks between arrivals, and of more.

    The second are over their sum: a tick at any time has seen as many since the last arrival.
    """
    count = int(40 + 2 * top * gaps.mean + 12 * np.sqrt(top * gaps.mean))
    while True:
        none, more, _ = arrivals_in(gaps, top, count)
        if more[-1] < 1e-16 or count >= _TICKS:
            break
        count *= 2
    more = more[: int(np.argmax(more < 1e-17)) or count]
    ticks = np.append(none, np.append(1 - none, more[1:-1]) - more[1:])
    return np.maximum(ticks, 0.0), more / (top * gaps.mean)


def _mixed(matrix: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """Return the sum of the powers of a matrix, weighted with the probabilities of ticks."""
    one = np.eye(len(matrix))
    total = ticks[-1] * one
    for weight in ticks[-2::-1]:
        total = total @ matrix + weight * one
    return np.asarray(total)


def _steps(
    stay: np.ndarray,
    leave: np.ndarray,
    top: float,
    ticks: np.ndarray,
    decay: float,
    passed: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return T and S; NaN where they are not found."""
    one = np.eye(len(stay))
    slowest = None
    if np.isfinite(decay):
        # The row vector that T multiplies by -decay, and S by the transform there.
        _, _, vectors = np.linalg.svd((stay + passed * leave + decay * one).T)
        slowest = vectors[-1] / vectors[-1].sum()
    tail = stay
    for _ in range(_STEPS):
        mixed = _mixed(one + tail / top, ticks)
        after = stay + mixed @ leave
        step = abs(after - tail).max()
        if step < 1e-11 * top:
            return after, mixed
        if slowest is not None:
            put = after - np.outer(np.ones(len(one)), slowest @ after + decay * slowest)
            # Once it makes no difference, what is put in is only as good as the rate of decay.
            after = put if abs(put - tail).max() > 1e-12 * top else after
        tail = after
    return np.nan * tail, np.nan * tail


def _seen(
    service: PhaseType,
    servers: int,
    stay: np.ndarray,
    leave: np.ndarray,
    fall: np.ndarray,
    tail: np.ndarray,
    passed: np.ndarray,
    top: float,
    ticks: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the states that an arrival finds with all servers busy and no one waiting.

    And, at any time, the probability of 0, 1, ... requests, fewer than servers.
    """
    initial, generator = service.initial[None], service.generator[None]
    sizes = [busy_servers.states(n, service.initial.size) for n in range(servers + 1)]
    # Between arrivals: whoever waits, then all servers busy, then fewer, down to none.
    starts = np.cumsum([0, len(tail), *sizes[::-1]])
    first = {n: int(starts[1 + servers - n]) for n in range(servers + 1)}
    chain = np.zeros((int(starts[-1]),) * 2)
    chain[: len(tail), : len(tail)] = tail
    chain[: len(tail), len(tail) : len(tail) + len(leave)] = leave
    for n in range(servers, 0, -1):
        here, size = first[n], sizes[n]
        inner = stay if n == servers else busy_servers.changes(n, generator)[0]
        down = fall if n == servers else busy_servers.ends(n, generator)[0]
        chain[here : here + size, here : here + size] = inner
        chain[here : here + size, first[n - 1] : first[n - 1] + sizes[n - 1]] = down
    one = np.eye(len(chain))
    begin = {n: first[n] - len(tail) for n in first}
    # From what an arrival finds to the states when it has joined them.
    joined = np.zeros((sum(sizes), len(chain)))
    joined[: sizes[-1], : len(tail)] = np.eye(len(tail))
    for n in range(servers):
        there = slice(first[n + 1], first[n + 1] + sizes[n + 1])
        joined[begin[n] : begin[n] + sizes[n], there] = busy_servers.starts(n, initial)[0]
    # And to what the next one finds, and anyone at any time.
    step, anytime = (
        (joined @ _mixed(one + chain / top, weights))[:, len(tail) :] for weights in ticks
    )
    balance = (step - np.eye(len(step))).T
    weight: Any = np.ones(len(step))
    weight[: sizes[-1]] = np.linalg.solve(np.eye(len(tail)) - passed, np.ones(len(tail)))
    balance[-1] = weight
    found = np.linalg.solve(balance, np.eye(len(step))[-1])
    states = found @ anytime
    levels = [states[begin[n] : begin[n] + sizes[n]].sum() for n in range(servers)]
    return found[: sizes[-1]], np.array(levels)
