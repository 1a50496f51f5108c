r"""Mean waits of GI/G/c from two moments, as multiples of that of M/M/c: approximations.

With :math:`W_M` the mean wait of M/M/c, and the squared coefficients of variation
:math:`c_a^2` of the interarrival times and :math:`c_s^2` of the service times,

.. math::

    W_q \approx \frac{c_a^2 + c_s^2}{2} \, W_M \, g ,

with g = 1 (Allen and Cunneen; Lee and Longton [1]_ for Poisson arrivals) or a correction of
the order of :math:`1 - \rho` (Kraemer and Langenbach-Belz [2]_, Whitt [3]_). In heavy traffic
:math:`W_M` tends to :math:`S / (c - a)`: that is `qmodel.queues.approximations.kingman`.

**Error.** `qmodel.queues.approximations.methods` lists which hold at a point, and with what
error; the errors over load, servers and SCV are in docs/reference/errors-of-approximations.md.

**Shapes.** All arguments broadcast; scalars in, scalars out.
**Numbers.** Floats, NumPy arrays, SymPy expressions.
**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] A. M. Lee, P. A. Longton, "Queueing processes associated with airline passenger
   check-in", Operational Research Quarterly 10, 1959.
.. [2] W. Kraemer, M. Langenbach-Belz, "Approximate formulae for the delay in the queueing
   system GI/G/1", 8th International Teletraffic Congress, 1976.
.. [3] W. Whitt, "Approximations for the GI/G/m queue", Production and Operations Management
   2, 1993, (2.24)-(2.25).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues import mmc

__all__ = ["allen_cunneen", "kraemer_langenbach_belz", "whitt"]


def two_moments(rate: Any, s: Any, c: Any, arrival: Any, service: Any) -> tuple[Any, ...]:
    checked = (
        _check.nonnegative("arrival_rate", rate),
        _check.positive("service_time", s),
        _check.count("servers", c),
        _check.scv("arrival_scv", arrival),
        _check.scv("service_scv", service),
    )
    if is_symbolic(*checked):
        return checked
    # A number of Python would raise where it divides by zero.
    return tuple(np.asarray(x, dtype=float)[()] for x in checked)


def multiple(wait: Any, factor: Any) -> Any:
    """Return the product, infinite where the wait is, even without any variability."""
    xp = namespace(wait, factor)
    with xp.errstate(invalid="ignore"):
        return xp.guard(wait * factor, wait == xp.inf, xp.inf)


def allen_cunneen(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Mean wait by Allen and Cunneen's formula; approximate.

    Lee and Longton's for Poisson arrivals, and exact for M/M/c and for M/G/1. With more than
    one server it overestimates where service is more variable than exponential.

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
        Mean wait, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(allen_cunneen(2.4, 1.0, servers=3, arrival_scv=0.5, service_scv=2.0))
    1.348315

    >>> import sympy as sp
    >>> lam, s, ca, cs = sp.symbols("lambda S ca2 cs2", positive=True)
    >>> sp.factor(allen_cunneen(lam, s, servers=1, arrival_scv=ca, service_scv=cs).doit())
    -S**2*lambda*(ca2 + cs2)/(2*(S*lambda - 1))
    """
    rate, s, c, ca2, cs2 = two_moments(
        arrival_rate, service_time, servers, arrival_scv, service_scv
    )
    return multiple(mmc.waiting_time(rate, s, servers=c), (ca2 + cs2) / 2)


def kraemer_langenbach_belz(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Mean wait by Kraemer and Langenbach-Belz; approximate.

    Allen and Cunneen's formula with a factor for arrivals that are not Poisson, made for one
    server.

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
        Mean wait, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(kraemer_langenbach_belz(0.8, 1.0, servers=1, arrival_scv=0.5, service_scv=2.0))
    4.917357
    """
    rate, s, c, ca2, cs2 = two_moments(
        arrival_rate, service_time, servers, arrival_scv, service_scv
    )
    xp = namespace(rate, s, c, ca2, cs2)
    rho, slack = rate * s / c, spare_servers(rate, s, c) / c
    with xp.errstate(all="ignore"):
        regular = -2 * slack * (1 - ca2) ** 2 / (3 * rho * (ca2 + cs2))
        bursty = -slack * (ca2 - 1) / (ca2 + 4 * cs2)
        # Without load or variability the exponents are 0/0, and there is no wait.
        factor = xp.exp(xp.where(ca2 < 1, regular, bursty))
        factor = xp.guard(factor, (rho == 0) | (ca2 + cs2 == 0) | (slack <= 0), 1.0)
    return multiple(mmc.waiting_time(rate, s, servers=c), (ca2 + cs2) / 2 * factor)


def whitt(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Mean wait by Whitt's interpolation; approximate.

    His formulas (2.24) and (2.25), exact for M/M/c and in heavy traffic; the best of the closed
    forms. Constant interarrival times take his own value of D/M/c, which (2.25) does not
    tend to.

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
        Mean wait, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    E4/M/8 at 90 % load, where the exact value is 0.4869:

    >>> float(whitt(7.2, 1.0, servers=8, arrival_scv=0.25, service_scv=1.0))
    0.4977
    """
    rate, s, c, ca2, cs2 = two_moments(
        arrival_rate, service_time, servers, arrival_scv, service_scv
    )
    xp = namespace(rate, s, c, ca2, cs2)
    rho, slack = rate * s / c, spare_servers(rate, s, c) / c
    with xp.errstate(all="ignore"):
        many = (c - 1) * (xp.sqrt(4 + 5 * c) - 2) / (16 * c)
        light = xp.minimum(xp.asarray(0.24), xp.where(c == 1, 0.0 * rho, slack / rho * many))
        f1, f2 = 1 + light, 1 - 4 * light
        f3 = f2 * xp.exp(-2 * slack / (3 * rho))
        f4 = xp.minimum(xp.asarray(1.0), (f1 + f3) / 2)
        mean = (ca2 + cs2) / 2
        # Only below one does the mean SCV matter.
        psi = xp.where(mean < 1, f4 ** (2 * (1 - mean)), 1.0)
        bursty = 4 * (ca2 - cs2) / (4 * ca2 - 3 * cs2) * f1 + cs2 / (4 * ca2 - 3 * cs2) * psi
        steady = ((cs2 - ca2) * f3 + (cs2 + 3 * ca2) * psi) / (2 * ca2 + 2 * cs2)
        factor = xp.where(ca2 > cs2, bursty, xp.where(ca2 == 0, f3, steady))
        factor = xp.guard(factor, (rho == 0) | (mean == 0) | (slack <= 0), 1.0)
    return multiple(mmc.waiting_time(rate, s, servers=c), mean * factor)
