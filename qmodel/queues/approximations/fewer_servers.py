r"""How many servers there are for arrivals in bunches: as if there were fewer.

A stream whose requests come z at a time on the mean keeps c servers as busy as a stream of
single requests, z times as long each, keeps c / z servers (Hayward's equivalence [1]_). So a
stream that makes the waits at one server F times as long makes them longer still at c servers:
all may be idle behind Poisson arrivals where a bunch fills them. With the probability of a
wait [2]_, :math:`\rho^{e(c)}`, :math:`e(c) = \sqrt{2 (c + 1)} - 1`, the wait is longer, and
likelier, by the factor

.. math:: \rho^{e(c / F) - e(c) - e(1 / F) + 1} ,

which is 1 for one server, and, as F grows, tends to what makes the time that bunches add the
same for any number of servers that work as much together. A bunch of no more requests than
there are servers, as the calls of one request, fills none but those it takes: F is at most its
size over c there, or 1.

References
----------
.. [1] A. A. Fredericks, "Congestion in blocking systems: a simple approximation technique",
   Bell System Technical Journal 59, 1980 (the equivalence, due to W. S. Hayward).
.. [2] H. Sakasegawa, "An approximation formula L_q = alpha rho^beta / (1 - rho)", Annals of the
   Institute of Statistical Mathematics 29, 1977.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from qmodel._xp import is_symbolic

__all__ = ["fewer_servers", "waits_power"]


_TOGETHER = 1.4
"""Power of how much longer waits are that a bunch behind one server is as long as."""


def waits_power(servers: Any) -> Any:
    """Return the power of the load that is the probability of a wait."""
    if isinstance(servers, (int, float)):
        return math.sqrt(2.0 * (servers + 1.0)) - 1.0
    return np.sqrt(2.0 * (np.asarray(servers) + 1.0)) - 1.0


def fewer_servers(
    scv: Any,
    utilization: Any,
    service_scv: Any,
    servers: Any,
    burst: Any = np.inf,
    of_servers: Any = False,
) -> Any:
    """Return how many times longer waits are, and likelier, as bunches find fewer servers.

    Where at most `burst` requests come at once, no more servers than these are filled; what
    leaves servers that are known, `of_servers`, is longer together.

    Examples
    --------
    >>> float(fewer_servers(5.0, 0.5, 1.0, 1)), float(fewer_servers(5.0, 0.5, 1.0, 4))
    (1.0, 1.553)
    """
    if (type(servers) is int and servers == 1) or is_symbolic(scv, utilization, service_scv):
        return 1.0
    if isinstance(scv, float) and scv <= 1:
        return 1.0  # No bunches.
    load = np.minimum(utilization, 1.0)
    peaked = np.maximum(1 + (scv - 1) / (1 + service_scv), 1.0)
    peaked = np.where(of_servers, peaked**_TOGETHER, peaked)
    peaked = np.minimum(peaked, np.maximum(burst / servers, 1.0))
    fewer = waits_power(servers / peaked) - waits_power(servers)
    power = fewer - waits_power(1 / peaked) + 1
    return np.where(np.less_equal(load, 0), 1.0, np.maximum(load, 1e-300) ** power)[()]
