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
from qmodel.distributions import Distribution
from qmodel.numerics.roots import least_above

__all__ = ["decay_rate"]


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
    >>> from qmodel.distributions import Exponential
    >>> float(decay_rate(Exponential(0.25), Exponential(1.0), 5, 0.2))
    1.0
    """
    top = np.asarray(service.exponential_limit * np.asarray(servers, dtype=float))
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
