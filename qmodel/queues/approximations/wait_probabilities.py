r"""The probability that a request waits in GI/G/c, from two moments: approximate.

For one server after Kraemer and Langenbach-Belz [1]_, with
:math:`h = (1 + c_a^2 + \rho c_s^2) / (1 + \rho (c_s^2 - 1) + \rho^2 (4 c_a^2 + c_s^2))` where
:math:`c_a^2 \le 1` and :math:`4 \rho / (c_a^2 + \rho^2 (4 c_a^2 + c_s^2))` above,

.. math::

    P(\text{wait}) \approx \rho + (c_a^2 - 1) \rho (1 - \rho) h ;

for several servers that of GI/M/c, exactly, or Whitt's interpolation [2]_ between limits of
few and of many servers. For Poisson arrivals the last two are Erlang's C, which is within 12 %
of M/D/c and of hyperexponential service with an SCV of 9, and 4 % of Erlang-2.

**Shapes.** All arguments broadcast; scalars in, scalars out.
**Numbers.** Floats and NumPy arrays; the first also SymPy expressions.
**Overload.** 1 in the cell. NaN in, NaN out.

References
----------
.. [1] W. Kraemer, M. Langenbach-Belz, "Approximate formulae for the delay in the queueing
   system GI/G/1", 8th International Teletraffic Congress, 1976.
.. [2] W. Whitt, "Approximations for the GI/G/m queue", Production and Operations Management
   2, 1993, sec. 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.errors import DomainError, ModelError
from qmodel.numerics.erlang import special
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues import gmc
from qmodel.queues.approximations.combined_wait import renewal
from qmodel.queues.approximations.scaled_waits import two_moments
from qmodel.queues.counts.erlang import erlang_c

__all__ = ["interpolated", "one_server", "renewal_arrivals"]


def one_server(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Probability of waiting for one server, by Kraemer and Langenbach-Belz; approximate.

    Within 15 % at half load, 2.5 % at 80 %.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    arrival_scv : number or array
        Squared coefficient of variation of the interarrival times, >= 0. [-]
    service_scv : number or array
        Squared coefficient of variation of the service time, >= 0. [-]

    Returns
    -------
    number or array
        Probability, of the broadcast shape; 1 in overload. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(one_server(0.8, 1.0, servers=1, arrival_scv=0.5, service_scv=1.0))
    0.7370
    """
    checked = two_moments(arrival_rate, service_time, servers, arrival_scv, service_scv)
    rate, s, c, ca2, cs2 = checked
    if is_symbolic(c) or np.any(np.asarray(c) > 1):
        raise DomainError(f"servers must be 1 for this formula, got {np.max(c)}")
    xp = namespace(rate, s, ca2, cs2)
    rho, slack = rate * s, spare_servers(rate, s, 1)
    with xp.errstate(all="ignore"):
        common = rho**2 * (4 * ca2 + cs2)
        regular = (1 + ca2 + rho * cs2) / (1 + rho * (cs2 - 1) + common)
        factor = xp.where(ca2 > 1, 4 * rho / (ca2 + common), regular)
        probability = rho * (1 + (ca2 - 1) * slack * factor)
        return xp.guard(probability, slack <= 0, 1.0)


def renewal_arrivals(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Probability of waiting in GI/M/c with fitted arrivals; approximate.

    Exact for exponential service and the customary distributions of arrivals.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    arrival_scv : number or array
        Squared coefficient of variation of the interarrival times, >= 0. [-]
    service_scv : number or array
        Squared coefficient of variation of the service time, >= 0. [-]

    Returns
    -------
    number or array
        Probability, of the broadcast shape; 1 in overload. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.
    ModelError
        If an argument is a symbol.

    Examples
    --------
    E2/H2/4, where the exact value is 0.7546:

    >>> float(renewal_arrivals(3.6, 1.0, servers=4, arrival_scv=0.5, service_scv=2.0))
    0.7424
    """
    checked = two_moments(arrival_rate, service_time, servers, arrival_scv, service_scv)
    if is_symbolic(*checked):
        raise ModelError("the exact wait of GI/M/c has no closed form for symbols")
    rate, s, c, ca2, cs2 = checked
    return renewal(gmc.waiting_probability, rate, s, c, ca2) + 0.0 * cs2


def interpolated(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Probability of waiting by Whitt's interpolation of few and many servers; approximate.

    Erlang's C for Poisson arrivals.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    arrival_scv : number or array
        Squared coefficient of variation of the interarrival times, >= 0. [-]
    service_scv : number or array
        Squared coefficient of variation of the service time, >= 0. [-]

    Returns
    -------
    number or array
        Probability, of the broadcast shape; 1 in overload. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.
    ModelError
        If an argument is a symbol.

    Examples
    --------
    E2/H2/4, where the exact value is 0.7546:

    >>> float(interpolated(3.6, 1.0, servers=4, arrival_scv=0.5, service_scv=2.0))
    0.7549
    """
    checked = two_moments(arrival_rate, service_time, servers, arrival_scv, service_scv)
    if is_symbolic(*checked):
        raise ModelError("Whitt's probability of waiting is a case distinction, not a formula")
    rate, s, c, ca2, cs2 = checked
    slack = np.asarray(spare_servers(rate, s, c) / c)
    rho = rate * s / c
    with np.errstate(all="ignore"):
        b = slack * np.sqrt(c)
        log_c = np.log(erlang_c(servers=c, offered_load=rate * s)) - special().log_ndtr(-b)

        def scaled(factor: Any) -> Any:
            # Ratios of normal tails, in logs: both are tiny with many servers.
            return np.minimum(1.0, np.exp(log_c + special().log_ndtr(-b * factor)))

        g = (c * slack - 0.5) / np.sqrt(c * rho * (ca2 + cs2) / (1 + cs2))
        few, light = scaled((1 + cs2) / (ca2 + cs2)), scaled(2 / (1 + ca2))
        p1 = rho**2 * few + (1 - rho**2) * light
        p2 = ca2 * p1 + (1 - ca2) * special().ndtr(-g)
        between = 2 * (1 - ca2) * (g - 0.5)
        p3 = between * p2 + (1 - between) * p1
        probability = np.where((c <= 6) | (g <= 0.5) | (ca2 >= 1), p1, np.where(g >= 1, p2, p3))
        probability = np.where(rho == 0, 0.0 * (ca2 + cs2), probability)
        return np.where(slack <= 0, 1.0, probability + 0.0 * (rho + cs2))[()]
