r"""The rate at which the tail of the wait in GI/G/c decays.

Where service has an exponential moment, :math:`P(T_q > t) \sim \alpha e^{-d t}`, d being the
root of

.. math::

    A(d) \, E[e^{d S / c}] = 1

with the transform A of the time between arrivals: exact for service of phase type [1]_, and
:math:`c \mu - \lambda` for M/M/c. The constant :math:`\alpha` has no such equation.

References
----------
.. [1] M. F. Neuts, Y. Takahashi, "Asymptotic behavior of the stationary distributions in the
   GI/PH/c queue with heterogeneous servers", Zeitschrift für Wahrscheinlichkeitstheorie 57,
   1981.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import (
    Deterministic,
    Distribution,
    Exponential,
    Gamma,
    HyperExponential,
    Mixture,
    Scaled,
    Shifted,
    Sum,
    Uniform,
)
from qmodel.distributions.phase_type import PhaseType
from qmodel.numerics.roots import least_above

__all__ = ["decay_rate", "exponential_limit"]


def exponential_limit(distribution: Distribution) -> Value:
    """Return the s below which E[exp(s X)] is finite: 0 for heavy tails, inf if bounded.

    Parameters
    ----------
    distribution : Distribution
        Distribution of a time. [-]

    Returns
    -------
    number or array
        The limit. [1/s]

    Examples
    --------
    >>> float(exponential_limit(Gamma(2.0, scv=0.5)))
    1.0
    """
    if isinstance(distribution, (Deterministic, Uniform)):
        return np.inf
    if isinstance(distribution, Exponential):
        return 1 / np.asarray(distribution.mean)[()]
    if isinstance(distribution, Gamma):
        return 1 / np.asarray(distribution.mean * distribution.scv)[()]
    if isinstance(distribution, PhaseType):
        return -np.linalg.eigvals(distribution.generator).real.max()
    if isinstance(distribution, HyperExponential):
        return 1 / _largest(distribution.probabilities, distribution.means)
    if isinstance(distribution, (Sum, Mixture)):
        with np.errstate(divide="ignore"):
            slowest = tuple(
                1 / np.asarray(exponential_limit(part)) for part in distribution.distributions
            )
            every = (1.0,) * len(slowest)
            weights = distribution.probabilities if isinstance(distribution, Mixture) else every
            return 1 / _largest(weights, slowest)
    if isinstance(distribution, Scaled):
        return exponential_limit(distribution.distribution) / distribution.factor
    return (
        exponential_limit(distribution.distribution)
        if isinstance(distribution, Shifted)
        else 0.0
    )


def _largest(weights: Any, values: Any) -> Any:
    used = [np.where(np.asarray(w) > 0, v, 0.0) for w, v in zip(weights, values, strict=True)]
    largest = used[0]
    for value in used[1:]:
        largest = np.maximum(largest, value)
    return largest[()]


def decay_rate(
    interarrival: Distribution, service: Distribution, servers: Value, slack: Value
) -> Value:
    """Return the rate d at which the tail of the wait decays.

    Parameters
    ----------
    interarrival : Distribution
        Distribution of the interarrival times. [-]
    service : Distribution
        Distribution of the service time. [-]
    servers : int or integer array
        Number of servers. [-]
    slack : number or array
        One less the utilization, without rounding. [-]

    Returns
    -------
    number or array
        The rate; NaN where there is none, and in overload. [1/s]

    Examples
    --------
    >>> float(decay_rate(Exponential(0.25), Exponential(1.0), 5, 0.2))
    1.0
    """
    top = np.asarray(exponential_limit(service) * np.asarray(servers, dtype=float))
    scale = np.asarray(interarrival.mean)
    with np.errstate(all="ignore"):
        heavy = 2 * slack / (scale * (interarrival.scv + (1 - slack) ** 2 * service.scv))
        heavy = np.minimum(heavy, np.where(np.isinf(top), 1e3 / scale, top))
        good = (slack > 0) & (heavy > 0) & (top > 0)
        start = np.where(good, heavy, 1.0)
        end = np.where(good, top, np.inf)

        def at(u: Any) -> Any:
            return start * u / (1 + start * u / end)

        def excess(u: Any) -> Any:
            d = at(u)
            moment = np.log(service.laplace(-d / servers)) + np.log(interarrival.laplace(d))
            return np.where(np.isnan(moment) & good, np.inf, moment / d)

        found = at(least_above(excess, 1e-3 + 0.0 * start))
        # Near saturation the heavy-traffic limit is good to its own distance.
        found = np.where(np.asarray(slack) < 1e-6, heavy, found)
        return np.where(good & (found < end), found, np.nan)[()]
