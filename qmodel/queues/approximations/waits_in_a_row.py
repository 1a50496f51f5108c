r"""How the waits of one request at stations in a row depend on one another.

Behind a Poisson stream and exponential service they are independent. Service that is more
regular than what comes passes the bunches of the arrivals on, so that stations are long
together; service that varies more breaks them up. With the index of dispersion
:math:`c_a^2` of what comes to a station at the time scale of its queue, and the SCV
:math:`c_s^2` of its service,

.. math::

    h = \frac{c_a^2 - c_s^2}{c_a^2 + c_s^2}, \qquad
    \operatorname{cov}(T_i, T_j) = \tfrac{9}{40} \, h_i \, (\phi_i + (1 - \phi_i) h_i) \,
    \frac{\min(1 - \rho_i, 1 - \rho_j)}{\max(1 - \rho_i, 1 - \rho_j)}
    \sqrt{\operatorname{Var} W_i \operatorname{Var} W_j}

for a station i before a station j. That h decides the sign is the condition of Harrison and
Williams [1]_ for independence in heavy traffic; :math:`\phi = E[W]^2 / \operatorname{Var} W`,
at most 1, weighs heavy traffic against light, where both regular and bursty service correlate,
and queues that fill at other speeds depend less. The number 9/40, and the form in h, phi and
the loads, are ours, from simulated rows of equal and of unequal stations.

The time of the whole row then is that of independent stations whose waits vary more or less:
where more, fewer wait, for longer; where less, the wait is drawn towards its mean. Means stay.

References
----------
.. [1] J. M. Harrison, R. J. Williams, "Brownian models of open queueing networks with
   homogeneous customer populations", Stochastics 22, 1987.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions import ZERO, Deterministic, Distribution, Scaled, Sum
from qmodel.distributions.algebra import measure

__all__ = ["Wait", "with_covariances"]

_MOST = 9 / 40


class Wait(NamedTuple):
    """The wait at one station of a row, and what decides how others depend on it."""

    time: Distribution
    utilization: Any
    arrival_scv: Any
    service_scv: Any

    def covariance(self, after: Wait, between: Sequence[Wait] = ()) -> Any:
        """Return the covariance with the time at a station `after` this one [s^2]."""
        arriving, service = np.asarray(self.arrival_scv), np.asarray(self.service_scv)
        first, second = np.asarray(self.time.variance), np.asarray(after.time.variance)
        spare = [np.maximum(1 - np.asarray(w.utilization), 0.0) for w in (self, after)]
        with np.errstate(all="ignore"):
            regular = (arriving - service) / (arriving + service)
            heavy = np.minimum(np.asarray(self.time.mean) ** 2 / first, 1.0)
            share = _MOST * regular * (heavy + (1 - heavy) * regular)
            alike = np.minimum(*spare) / np.maximum(*spare)
            found = share * alike * np.sqrt(first * second)
        return np.where(np.isfinite(found), found, 0.0)[()]


def with_covariances(waits: Sequence[Any]) -> list[Distribution]:
    """Return waits that, taken as independent, have a sum as variable as that of these.

    A wait is a `Wait`, or has its `time` and `covariance` in another way.
    """
    more: list[Any] = [0.0] * len(waits)
    for j, after in enumerate(waits):
        for i, before in enumerate(waits[:j]):
            both = before.covariance(after, waits[i + 1 : j])
            more[i], more[j] = more[i] + both, more[j] + both
    return [_varying(wait.time, extra) for wait, extra in zip(waits, more, strict=True)]


def _varying(time: Distribution, more: Any) -> Distribution:
    """Return a time of the same mean whose variance is larger by `more`, or smaller."""
    if not np.any(more):
        return time
    mean, variance = np.asarray(time.mean), np.asarray(time.variance)
    with np.errstate(all="ignore"):  # Where all waits are endless nothing is known.
        longer = 1 + np.maximum(more, 0.0) / (variance + mean**2)
        narrower = np.sqrt(np.maximum(1 + np.minimum(more, 0.0) / variance, 0.25))
        longer, narrower = (np.where(np.isfinite(x), x, 1.0)[()] for x in (longer, narrower))
        least = np.where(narrower < 1, (1 - narrower) * mean, 0.0)[()]
    stretched = measure((1 / longer, 1 - 1 / longer), (Scaled(time, longer * narrower), ZERO))
    return Sum((Deterministic(least), stretched)) if np.any(least > 0) else stretched
