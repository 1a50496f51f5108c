r"""The number in a queue with servers, from its wait; approximate as that is.

First come, first served, those in queue are the ones that have come during the wait of the
oldest of them. So the number in queue has the distribution of the number of arrivals, at any
time, in a wait [1]_. For a wait of exponential parts, of weights :math:`w_i` and rates
:math:`\theta_i`, and the transforms A and :math:`A_e` of the time between arrivals and of what
remains of it,

.. math::

    P(N > n) = \sum_i w_i A_e(\theta_i) A(\theta_i)^{n - c}, \qquad n \ge c .

The wait of GI/M/c gives its exact states. For other service these stand in below the servers:
the mean number of busy servers is then right, and so is the mean number,

.. math::

    P(N = n) = P(N_{GI/M/c} = n), \quad n < c, \qquad E[N] = a + \lambda W_q .

References
----------
.. [1] R. Haji, G. F. Newell, "A relation between stationary queue and waiting time
   distributions", Journal of Applied Probability 8, 1971, 617-620.
.. [2] H. C. Tijms, M. H. van Hoorn, A. Federgruen, "Approximations for the steady-state
   probabilities in the M/G/c queue", Advances in Applied Probability 13, 1981.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel.distributions import NEVER, ZERO, Distribution, HyperExponential, Mixture
from qmodel.queues.counts.states import States
from qmodel.queues.waits.decaying import DecayingWait

__all__ = ["QueuedNumber"]


@dataclass(frozen=True, slots=True, eq=False)
class QueuedNumber(States):
    """The number in queue and in service at several servers.

    Parameters
    ----------
    markov : States
        The distribution of the number with exponential service. [-]
    wait : Distribution
        Distribution of the time in queue. [-]
    between : Distribution
        Distribution of the time between arrivals, of any mean without load. [-]
    offered_load : number or array
        Arrival rate times mean service time. [erlang]
    servers : int or integer array
        Number of servers. [-]
    full : bool or array
        Where the station is in overload. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> number = qm.MGc(qm.Gamma(1.0, scv=0.1), servers=5).solve(4.0).number
    >>> number.probability([0, 4, 5, 9]).round(4), float(number.tail(9))
    (array([0.0117, 0.1577, 0.1441, 0.0419]), 0.0879)
    """

    markov: States
    wait: Distribution
    between: Distribution
    offered_load: Value
    servers: Count
    full: Value

    @property
    def mean(self) -> Value:
        """Mean number; inf in overload. [-]."""
        return np.where(self.full, np.inf, self.offered_load + self._queue()[0])[()]

    @property
    def variance(self) -> Value:
        """Variance of the number; inf in overload. [-]."""
        idle_servers = np.asarray(self.servers) - self.offered_load
        first, second = self._queue()
        with np.errstate(all="ignore"):
            # With exponential service the queue is geometric.
            mean = self.markov.mean - self.offered_load
            probability = self.markov.tail(self.servers)
            square = np.where(probability > 0, mean * (2 * mean / probability - 1), 0.0)
            other = self.markov.variance + 2 * idle_servers * (first - mean)
            variance = other + (second - first**2) - (square - mean**2)
        return np.where(self.full, np.inf, variance)[()]

    def probability(self, n: Count) -> Value:
        """Return P(N = n); 0 in overload [-]."""
        n, c = np.asarray(n, dtype=float), np.asarray(self.servers, dtype=float)
        after = self.tail(np.maximum(n, c))
        before = self.tail(np.maximum(n, c) - 1)
        return np.where(n < c, self.markov.probability(np.minimum(n, c)), before - after)[()]

    def tail(self, n: Count) -> Value:
        """Return P(N > n); 1 in overload [-]."""
        n, c = np.asarray(n, dtype=float), np.asarray(self.servers, dtype=float)
        beyond: Any = 0.0
        with np.errstate(all="ignore"):
            for weight, first, ratio in self._geometric():
                beyond = beyond + weight * first * ratio ** np.maximum(n - c, 0.0)
            busy = self.markov.tail(np.minimum(n, c - 1))
            tail = np.where(n < c, busy, np.clip(beyond, 0.0, self.markov.tail(c - 1)))
        return np.where(self.full, 1.0, tail)[()]

    def _geometric(self) -> list[tuple[Any, Any, Any]]:
        parts = []
        with np.errstate(all="ignore"):
            for weight, mean in _exponentials(self.wait):
                rate = 1 / np.where(np.asarray(self.full) | np.isinf(mean), 1.0, mean)
                first = 1 - self.between.remaining_gap(rate)
                parts.append((weight, first, self.between.laplace(rate)))
        return parts

    def _queue(self) -> tuple[Any, Any]:
        """Return the first two moments of the number in queue."""
        mean = second = np.asarray(0.0)
        between = self.between.mean
        with np.errstate(all="ignore"):
            for weight, time in _exponentials(self.wait):
                rate = 1 / np.where(np.asarray(self.full) | np.isinf(time), 1.0, time)
                # first / (1 - ratio) is the mean number of arrivals in such a wait.
                here = weight / (rate * between)
                mean = mean + here
                gap = rate * between * (1 - self.between.remaining_gap(rate))
                second = second + here * (2 / gap - 1)
        return mean, second


def _exponentials(distribution: Distribution) -> list[tuple[Any, Any]]:
    """Return weights and means of the exponential parts of a wait."""
    if isinstance(distribution, DecayingWait):
        return [
            (distribution.probability - distribution.weight, distribution.fast),
            (distribution.weight, distribution.slow),
        ]
    if isinstance(distribution, HyperExponential):
        return list(zip(distribution.probabilities, distribution.means, strict=True))
    if isinstance(distribution, Mixture):
        return [
            (p * weight, mean)
            for p, part in zip(
                distribution.probabilities, distribution.distributions, strict=True
            )
            if part is not ZERO and part is not NEVER
            for weight, mean in _exponentials(part)
        ]
    # Less variable than exponential, where neither form of the wait is exact.
    return [(1.0, distribution.mean)]
