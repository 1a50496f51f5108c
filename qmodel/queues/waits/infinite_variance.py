r"""Queues whose service has a mean and no variance: the mean wait is infinite.

By the formula of Pollaczek and Khinchine the mean wait of M/G/1 is proportional to
:math:`E[S^2]`. One policy holds at every queue that serves in the order of arrival: where the
variance of service is infinite, so is the mean wait, in its cell, and percentiles stay finite.
With one server both are exact.

With several servers the wait of those that wait is taken as that at one server of the speed of
all, with the probability of waiting of exponential service. Percentiles are then approximate.
So is the mean: with at most one server to spare it is infinite, but with more, where
:math:`\rho c < c - 1`, fewer moments of service suffice for a finite mean wait [1]_.

References
----------
.. [1] A. Scheller-Wolf, R. Vesilo, "Structural interpretation and derivation of necessary and
   sufficient conditions for delay moments in FIFO multiserver queues", Queueing Systems 54,
   2006.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.distributions import NEVER, ZERO, Distribution, Mixture, Scaled
from qmodel.distributions.broadcasting import select, shape_of
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.waits.mg1 import queued

__all__ = ["INFINITE_VARIANCE", "infinite_in_its_cell", "is_infinite", "wait_of_those"]

INFINITE_VARIANCE = Assumption(
    "infinite-variance",
    "the variance of service is infinite, and so is the mean wait; those that wait do so as at "
    "one server of the speed of all",
    "Scheller-Wolf and Vesilo 2006 for what makes the mean wait of several servers infinite",
    APPROXIMATE,
)


def is_infinite(service: Distribution) -> Any:
    """Return where a distribution has a finite mean and an infinite variance.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]

    Returns
    -------
    bool or array
        Where. [-]

    Examples
    --------
    >>> from qmodel.distributions import Pareto
    >>> is_infinite(Pareto(0.1, [1.5, 2.5])).tolist()
    [True, False]
    """
    return np.isfinite(service.mean) & np.isposinf(service.scv)


def wait_of_those(
    arrival_rate: Value, service: Distribution, *, servers: Any, probability: Value
) -> Distribution:
    """Return the distribution of the wait where the variance of service is infinite.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service : Distribution
        Distribution of the service time. [-]
    servers : int or integer array
        Number of servers. [-]
    probability : number or array
        Probability that a request waits. [-]

    Returns
    -------
    Distribution
        Distribution of the wait; its mean is infinite unless nobody waits. [-]

    Examples
    --------
    >>> from qmodel.distributions import Pareto
    >>> time = wait_of_those(10.0, Pareto(0.05, 1.5), servers=3, probability=0.3)
    >>> float(time.mean), float(time.tail(0.0)), float(time.quantile(0.9))
    (inf, 0.3, 0.2300)
    """
    s, c = np.asarray(service.mean), np.asarray(servers, dtype=float)
    rate, probability = (
        np.asarray(arrival_rate, dtype=float),
        np.asarray(probability, dtype=float),
    )
    spare = np.asarray(spare_servers(rate, s, c))
    over = spare <= 0
    # Where nobody waits, or forever, any load will do.
    calm = np.where(over | (rate == 0), 0.5 * c / s, rate)
    fast = Scaled(service, (1 / c)[()])
    waits = np.where(over, 0.0, probability)
    weights = (np.where(over, 0.0, 1 - probability)[()], waits[()], (1.0 * over)[()])
    return Mixture(weights, (ZERO, queued(calm[()], fast), NEVER))


def infinite_in_its_cell(
    wait: Value,
    *,
    distribution: Distribution,
    arrival_rate: Value,
    service: Distribution,
    servers: Any,
    probability: Value,
) -> tuple[Value, Distribution, tuple[Assumption, ...]]:
    """Return mean and distribution of a wait, and on what they rest, with the policy kept.

    Parameters
    ----------
    wait : number or array
        Mean wait for a finite variance. [s]
    distribution : Distribution
        Distribution of the wait for a finite variance. [-]
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service : Distribution
        Distribution of the service time. [-]
    servers : int or integer array
        Number of servers. [-]
    probability : number or array
        Probability that a request waits, where the variance is infinite. [-]

    Returns
    -------
    tuple of number or array, Distribution, and tuple of Assumption
        The mean wait, infinite where the variance is; its distribution; the assumptions.

    Examples
    --------
    >>> from qmodel.distributions import Exponential, Pareto
    >>> load = {"arrival_rate": 5.0, "servers": 2, "probability": 0.2}
    >>> load["distribution"] = Exponential(0.1)
    >>> same = infinite_in_its_cell(0.1, service=Exponential(0.2), **load)
    >>> other = infinite_in_its_cell(0.1, service=Pareto(0.1, 1.5), **load)
    >>> float(same[0]), float(other[0])
    (0.1, inf)
    """
    heavy = is_infinite(service)
    if not heavy.any():
        return wait, distribution, ()
    rate = np.asarray(arrival_rate, dtype=float)
    # Without load nobody waits; where the load is unknown, so is the wait.
    endless = np.where(rate == 0, 0.0, np.inf) + 0.0 * np.where(np.isinf(rate), 0.0, rate)
    mean = np.where(heavy, endless, wait)[()]
    long = wait_of_those(rate, service, servers=servers, probability=probability)
    if not heavy.all():
        shape = np.broadcast_shapes(shape_of(distribution), heavy.shape)
        there = np.broadcast_to(heavy, shape)
        # A mixture asks all its parts in all cells: one of the others will do where it is not.
        others = np.arange(there.size).reshape(shape)
        usual = select(distribution, shape, np.where(there, others[~there][0], others))
        long = Mixture(((1.0 * ~there)[()], (1.0 * there)[()]), (usual, long))
    return mean, long, (INFINITE_VARIANCE,)
