r"""The queue at one of the replicas that a balancer chooses among, with general service.

What a request meets where it joins is the number there and the rest of the service in progress,
of which the balancer knows the first. So a replica is a queue of its own, at which requests
arrive with a rate :math:`\lambda_k` that depends on its number k, and on nothing else: with
service of phases :math:`(\alpha, T)` in mean S, the states :math:`x_k` of k requests obey

.. math::

    x_k (\lambda_k I - T) = \lambda_{k-1} x_{k-1} + \lambda_k \pi_k \alpha, \qquad
    \pi_k = x_k \mathbf 1 ,

as what leaves k + 1 comes from k. For infinitely many replicas of which each request asks a few
this is exact [1]_. The policy is what it makes of the shares :math:`s_k` of replicas with k
requests or more: a request finds k or more with the probability :math:`u_k = F(s_k)`, so that

.. math::

    \lambda_k \pi_k = \lambda \big( F(s_k) - F(s_{k+1}) \big), \qquad s_{k+1} = s_k - \pi_k ,

one equation for one rate, level by level. F is that of exponential service, where
:math:`s_{k+1} = \rho u_k`: the power of d choices among many has :math:`F(s) = s^d`, and where
replicas are few F knows how their numbers move together. Between its points :math:`\log F` is a
straight line in :math:`\log s`; beyond the last, where the probabilities fall by one ratio,
:math:`\lambda_k` stays, and what is left is summed by the eigenvalues of

.. math::

    x_{k+1} = x_k R, \qquad
    R = \lambda_k (\lambda_k I - \lambda_k \mathbf 1 \alpha - T)^{-1} .

**Few replicas.** With exponential service all are long at the same times; a replica with a long
service is so while others are not. Had all numbers been independent, F would have the slope d
of the choices. Between the two slopes we take the weight

.. math::

    \frac{|c_e^2 - 1|}{c_e^2 + 1} \, \frac{z}{z + 0.6 (d - 1)}, \qquad
    z = (N - 1) (1 - \rho)^2 ,

of the second, :math:`c_e^2` being the SCV of the residual service: none for exponential
service and in heavy traffic, where all replicas are one queue. It is ours, with a constant that
is fitted to simulations. Where none is idle, join idle queue has the slope 1 of a blind choice,
and the weight of d = 2.

**Several workers.** While all c are busy, services are taken as those of one worker of c times
the speed, but for the one that makes the replica full. With an SCV above 1 it lasts as long as
the shortest of a service and the rests of c - 1 others; below 1 services come more evenly, and
it varies half as much more than they do. A replica is full with the probability
:math:`u_0^{g}`, :math:`g = \log \rho / \log u_0^{(1)}` from replicas of one worker, and no more
than :math:`\rho u_0^2 / u_1`.

References
----------
.. [1] M. Bramson, Y. Lu, B. Prabhakar, "Asymptotic independence of queues under randomized
   load balancing", Queueing Systems 71, 2012.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qmodel.numerics.roots import increasing_root

__all__ = ["Phases", "Policy", "Replica", "solved"]

_MOST_LEVELS = 256
_NEVER = 1e-290  # a probability, of which the logarithm is not taken
_LITTLE = 2e-4  # of those that wait, from which on the arrival rate stays as it is
_SLOWEST = 1e-280  # arrival rate
_LEAST_RATE = 1e-6  # of those at further levels, who wait behind as few others
_ROUNDED = 1e-6  # what is left of a share that has lost its digits
_SAME = 1e-9  # slopes that are one
_NARROW = 1e-9  # step to the logarithm of a rate
_SECANTS, _FLAT = 12, 0.05  # steps, and a slope that is none
_STEEP, _LOWER = 1.5, 0.5  # how far the slopes of F may be off at its corners


class Phases(NamedTuple):
    """What a full replica serves, in means of a service.

    Parameters
    ----------
    first : array of shape (phases,)
        Phases in which a service begins that makes the replica full. [-]
    initial : array of shape (phases,)
        Phases in which any other begins. [-]
    generator : array of shape (phases, phases)
        Rates between them. [-]
    weights : array of shape (phases,)
        What a phase counts: 1, or the weight of a node. [-]
    is_age : bool
        Whether a phase is a node of the age of constant service. [-]
    """

    first: np.ndarray
    initial: np.ndarray
    generator: np.ndarray
    weights: np.ndarray
    is_age: bool = False


class Policy(NamedTuple):
    """What a request finds by the shares of replicas, with exponential service.

    Parameters
    ----------
    shares : array of shape (levels, cells)
        Logarithm of the share of the replicas with c + j requests or more. [-]
    found : array of shape (levels, cells)
        Logarithm of the probability to find as many. [-]
    slopes : array of shape (levels - 1, cells)
        Slope between them. [-]
    """

    shares: np.ndarray
    found: np.ndarray
    slopes: np.ndarray

    @classmethod
    def of_levels(
        cls, load: Any, full: Any, levels: Any, ratio: Any, *, choices: Any, weight: Any
    ) -> Policy:
        """Return the policy by what requests find with exponential service.

        Parameters
        ----------
        load, full, ratio : array of shape (cells,)
            Load, probability that a replica is full, and by what the levels fall beyond the
            last. [-]
        levels : array of shape (levels, cells)
            Probability to find c, c + 1, ... requests or more. [-]
        choices, weight : array of shape (cells,)
            The slope of independent replicas, and how far they are that. [-]

        Returns
        -------
        Policy
            What requests find.
        """
        levels = np.concatenate([levels, levels[-1:] * ratio])
        shares = np.concatenate([full[None], load * levels[:-1]])
        x, y = (np.minimum.accumulate(np.log(np.maximum(p, _NEVER))) for p in (shares, levels))
        run, rise = -np.diff(x, axis=0), -np.diff(y, axis=0)
        # Where they fall by one ratio all are long, and none is apart.
        alike = (rise <= run * (1 + _SAME)) & (choices > 1)
        more = np.where(alike, 0.0, choices * run - rise)
        rise = rise + weight * np.maximum(more, 0.0)
        found = np.concatenate([y[:1], y[:1] - np.cumsum(rise, axis=0)])
        return cls(x, found, rise / np.where(run > 0, run, np.inf))

    def at(self, share: np.ndarray) -> np.ndarray:
        """Return the probability to find as many requests as a share of replicas has."""
        log = np.log(np.maximum(share, _NEVER))
        cells = np.arange(log.size)
        right = np.clip((self.shares > log).sum(axis=0), 1, len(self.shares) - 1)
        x1, y1 = self.shares[right, cells], self.found[right, cells]
        slope = np.where(log < x1, 1.0, self.slopes[right - 1, cells])
        return np.where(share > 0, np.exp(y1 + slope * (log - x1)), 0.0)


class Replica(NamedTuple):
    """The states of a full replica in some cells.

    Parameters
    ----------
    states : array of shape (levels, cells, phases)
        Probability of c, c + 1, ... requests, by phase. [-]
    rates : array of shape (levels, cells)
        Arrival rate at each of these. [-]
    last : array of shape (cells, phases)
        What the first of the further levels has of each vector. [-]
    ratios : array of shape (cells, phases)
        By which that falls a level. [-]
    vectors : array of shape (cells, phases, phases)
        The vectors, one a row. [-]
    rate : array of shape (cells,)
        Arrival rate at the further levels. [-]
    joined : array of shape (cells,)
        Rate of all arrivals that wait. [-]
    waiting : array of shape (cells,)
        Mean number of requests that wait. [-]
    """

    states: np.ndarray
    rates: np.ndarray
    last: np.ndarray
    ratios: np.ndarray
    vectors: np.ndarray
    rate: np.ndarray
    joined: np.ndarray
    waiting: np.ndarray

    def of(self, cells: np.ndarray) -> Replica:
        """Return the states in some of the cells."""
        return Replica(
            self.states[:, cells], self.rates[:, cells], *(x[cells] for x in self[2:])
        )

    @property
    def decay(self) -> np.ndarray:
        """The slowest rate of the tail of the wait, in each cell."""
        rate = self.rate[:, None]
        return np.asarray((rate / self.ratios - rate).real.min(axis=1))


def solved(phases: Phases, arrivals: np.ndarray, policy: Policy) -> Replica:
    """Return the states of a full replica.

    Parameters
    ----------
    phases : Phases
        What it serves. [-]
    arrivals : array of shape (cells,)
        Arrivals a replica and service time, less than the workers. [-]
    policy : Policy
        What requests find. [-]

    Returns
    -------
    Replica
        The states, in means of a service. [-]

    Examples
    --------
    Of infinitely many replicas at 90 % load, the shorter of two, with exponential service:

    >>> load, one = np.array([0.9]), np.ones(1)
    >>> levels = np.array([[0.9 ** (2 ** (j + 1) * 2 - 2)] for j in range(8)])
    >>> none = np.zeros(1)
    >>> policy = Policy.of_levels(load, load, levels, none, choices=2.0, weight=none)
    >>> found = solved(Phases(one, one, -np.ones((1, 1)), one), load, policy)
    >>> (1 + found.waiting / load).round(4), found.states[:3, 0, 0].round(4)
    (array([2.6141]), array([0.171 , 0.2507, 0.2724]))
    """
    first, initial, generator, weights, _ = phases
    ends, size, cells = -generator @ weights, initial.size, arrivals.size
    rest = np.linalg.solve(-generator, weights)
    share, steepest = np.exp(policy.shares[0]), np.maximum(policy.slopes.max(axis=0), 1.0)
    found = policy.at(share)
    joined, least = arrivals * found, found * _LITTLE
    full = (share - joined * (initial @ rest)) / (first @ rest)
    states: list[np.ndarray] = []
    rates: list[np.ndarray] = []
    flow, waiting = full[:, None] * first, 0.0 * share

    def at(rate: Any, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the states of a level with an arrival rate, and their sum."""
        stay = rate[:, None, None] * np.eye(size) - generator.T
        sides = np.stack([flow, np.broadcast_to(initial, flow.shape)], axis=-1)
        came, began = np.moveaxis(np.linalg.solve(stay, sides), -1, 0)
        level = came @ weights / (began @ ends)
        return came + (rate * level)[:, None] * began, level

    far, last, ahead = np.zeros(cells, dtype=bool), np.ones(cells), np.zeros(cells)
    while True:
        last = np.where(far, last, np.maximum(arrivals * found / share, _SLOWEST))
        far = far | (np.log(share) <= policy.shares[-1]) | (found <= least)
        if far.all() or len(states) == _MOST_LEVELS:
            break

        def excess(
            log: Any, flow: np.ndarray = flow, share: np.ndarray = share, found: Any = found
        ) -> Any:
            level = np.minimum(at(np.exp(log), flow)[1], share)
            come = arrivals * np.maximum(found - policy.at(share - level), _NEVER)
            return log + np.log(level) - np.log(come)

        usual = np.log(last)
        high = np.where(far, usual, usual + np.log(_STEEP * steepest))
        log = _root(excess, usual + ahead, usual - _LOWER, high, far)
        ahead = np.where(far, 0.0, log - usual)
        rate = np.where(far, last, np.exp(log))
        state, level = at(rate, flow)
        waiting = waiting + len(states) * level
        states.append(state)
        rates.append(rate)
        flow = rate[:, None] * state
        # What cancels is what begins with those that come, and what the rest of them bring.
        less, begun = share - level, flow @ rest
        begun = begun + arrivals * policy.at(begun) * (initial @ rest)
        share = np.where(far, share, np.where(less > _ROUNDED * share, less, begun))
        found = policy.at(share)
    # At a rate of nought Erlang phases have one vector, and no basis.
    rate = np.maximum(last, _LEAST_RATE)
    stay = rate[:, None, None] * (np.eye(size) - np.outer(weights, initial)) - generator
    values, right = np.linalg.eig(stay)
    if not np.any(values.imag):  # Of NumPy 2.5 and later all are complex.
        values, right = values.real, right.real
    ratios, vectors = rate[:, None] / values, np.linalg.inv(right)
    first_beyond = np.einsum("ni,nij->nj", flow, right) / values
    sums = first_beyond * (vectors @ weights) / (1 - ratios)
    waiting = waiting + (sums * (len(states) + ratios / (1 - ratios))).sum(axis=1).real
    return Replica(
        np.array(states).reshape(-1, cells, size),
        np.array(rates).reshape(-1, cells),
        first_beyond,
        ratios,
        vectors,
        rate,
        joined,
        waiting,
    )


def _root(f: Any, start: np.ndarray, low: Any, high: Any, known: np.ndarray) -> np.ndarray:
    """Return where the increasing `f` is zero, by secants, or where these fail by brackets."""
    x, value = start, f(start)
    slope = np.ones_like(x)
    for _ in range(_SECANTS):
        step = np.clip(x - value / slope, low, high) - x
        if (known | (abs(step) < _NARROW)).all():
            return np.asarray(x + step)
        after = f(x + step)
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = (after - value) / step
        slope = np.where(np.isfinite(secant) & (secant > _FLAT), secant, slope)
        x, value = x + step, after
    return np.asarray(increasing_root(f, low, high, atol=_NARROW))
