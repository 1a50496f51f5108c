r"""Kingman's approximation of the mean wait of GI/G/c in heavy traffic, and his bound.

.. math::

    W_q \approx \frac{a}{c} \, \frac{S}{c - a} \, \frac{c_a^2 + c_s^2}{2}, \qquad
    W_q \le \frac{\lambda}{2 (1 - \rho)} \left(\sigma_a^2 + \frac{\sigma_s^2}{c}
    + \frac{c - 1}{c^2} S^2 \right) .

The two are often taken for each other. The first is no bound, the second no approximation.

**Shapes.** All arguments broadcast; scalars in, scalars out.
**Numbers.** Floats, NumPy arrays, SymPy expressions.
**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] J. F. C. Kingman, "Some inequalities for the queue GI/G/1", Biometrika 49, 1962.
.. [2] J. F. C. Kingman, "Inequalities in the theory of queues", Journal of the Royal
   Statistical Society B 32, 1970.
"""

from __future__ import annotations

from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.approximations.scaled_waits import multiple, two_moments

__all__ = ["kingman", "kingman_bound"]


def kingman(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Mean wait in heavy traffic, after Kingman; asymptotic.

    Exact as the load tends to saturation; too long at lower loads, most with many servers. It
    is no bound: `kingman_bound` is.

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
    >>> float(kingman(0.8, 1.0, servers=1, arrival_scv=0.5, service_scv=2.0))
    5.0

    >>> import sympy as sp
    >>> lam, s, c, ca, cs = sp.symbols("lambda S c ca2 cs2", positive=True)
    >>> kingman(lam, s, servers=c, arrival_scv=ca, service_scv=cs)
    S**2*lambda*(ca2/2 + cs2/2)/(c*(-S*lambda + c))
    """
    rate, s, c, ca2, cs2 = two_moments(
        arrival_rate, service_time, servers, arrival_scv, service_scv
    )
    xp = namespace(rate, s, c, ca2, cs2)
    spare = spare_servers(rate, s, c)
    with xp.errstate(divide="ignore", invalid="ignore", over="ignore"):
        wait = rate * s**2 / (c * spare)
        return multiple(xp.guard(wait, spare <= 0, xp.inf), (ca2 + cs2) / 2)


def kingman_bound(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Upper bound of the mean wait, after Kingman; exact as a bound.

    No distribution with these moments waits longer in the mean. For one server it is the bound
    of 1962, for several that of 1970.

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
        Upper bound of the mean wait, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(kingman_bound(0.8, 1.0, servers=1, arrival_scv=0.5, service_scv=2.0))
    5.5625

    Without load there is no bound but for constant interarrival times:

    >>> float(kingman_bound(0.0, 1.0, servers=1, arrival_scv=0.5, service_scv=2.0))
    inf
    """
    rate, s, c, ca2, cs2 = two_moments(
        arrival_rate, service_time, servers, arrival_scv, service_scv
    )
    xp = namespace(rate, s, c, ca2, cs2)
    spare = spare_servers(rate, s, c)
    with xp.errstate(divide="ignore", invalid="ignore", over="ignore"):
        service = rate * s**2 * (cs2 / c + (c - 1) / c**2)
        bound = (ca2 / xp.asarray(rate) + service) * c / (2 * spare)
        return xp.guard(bound, spare <= 0, xp.inf)
