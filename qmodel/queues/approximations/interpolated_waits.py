r"""Mean waits of M/G/c interpolated between models solved exactly: approximations.

With :math:`W_M` the mean wait of M/M/c and :math:`W_D` that of M/D/c,

.. math::

    W_q \approx c_s^2 W_M + (1 - c_s^2) W_D, \qquad
    W_q \approx \frac{1 + c_s^2}{2 c_s^2 / W_M + (1 - c_s^2) / W_D}

by Page [1]_ and by Kimura [2]_. Cosmetatos [3]_ has the first with

.. math::

    W_D \approx \frac{W_M}{2} \left(1 + \frac{(1 - \rho)(c - 1)(\sqrt{4 + 5 c} - 2)}
    {16 \rho c}\right) ,

of which only old programs have need: it is 23 % too long at 20 servers and 30 % load.

**Error.** `qmodel.queues.approximations.methods` lists which hold at a point, and with what
error; the errors over load, servers and SCV are in docs/reference/errors-of-approximations.md.

**Shapes.** All arguments broadcast; scalars in, scalars out.
**Numbers.** Floats and NumPy arrays; `cosmetatos` also SymPy expressions.
**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] E. Page, "Queueing Theory in OR", Butterworth, 1972.
.. [2] T. Kimura, "A two-moment approximation for the mean waiting time in the GI/G/s queue",
   Management Science 32, 1986.
.. [3] G. P. Cosmetatos, "Some approximate equilibrium results for the multi-server queue
   (M/G/r)", Operational Research Quarterly 27, 1976.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.errors import DomainError, ModelError
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues import mdc, mgc, mmc
from qmodel.queues.approximations.scaled_waits import multiple, two_moments

__all__ = ["cosmetatos", "kimura", "page"]


def _poisson(*args: Any) -> tuple[Any, ...]:
    rate, s, c, ca2, cs2 = two_moments(*args)
    if is_symbolic(ca2):
        raise DomainError(f"arrival_scv must be 1, of Poisson arrivals, got {ca2}")
    other = np.asarray(ca2)[(np.asarray(ca2) != 1) & ~np.isnan(ca2)]
    if other.size:
        raise DomainError(f"arrival_scv must be 1, of Poisson arrivals, got {other.flat[0]}")
    return rate, s, c, ca2, cs2


def _numbers(*args: Any) -> None:
    if is_symbolic(*args):
        raise ModelError("the exact wait of M/D/c has no closed form for symbols")


def cosmetatos(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Mean wait of M/G/c by Cosmetatos; approximate.

    Within 2 % for constant service on up to 20 servers from half load on; not meant for service
    more variable than exponential.

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
    >>> float(cosmetatos(1.4, 1.0, servers=2, arrival_scv=1.0, service_scv=0.0))
    0.491598
    """
    rate, s, c, _, cs2 = _poisson(arrival_rate, service_time, servers, arrival_scv, service_scv)
    xp = namespace(rate, s, c, cs2)
    spare = spare_servers(rate, s, c)
    with xp.errstate(divide="ignore", invalid="ignore", over="ignore"):
        excess = spare * (c - 1) * (xp.sqrt(4 + 5 * c) - 2) / (16 * c * xp.asarray(rate * s))
        excess = xp.guard(excess, (rate == 0) | (spare <= 0), 0.0)
    return multiple(mmc.waiting_time(rate, s, servers=c), cs2 + (1 - cs2) * (1 + excess) / 2)


def page(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Mean wait of M/G/c between constant and exponential service; approximate.

    The straight line of Page, and of Björklund and Elldin, through the two exact values; not
    meant for service much more variable than exponential.

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
    ModelError
        If an argument is a symbol.

    Examples
    --------
    >>> float(page(4.0, 1.0, servers=5, arrival_scv=1.0, service_scv=0.5))
    0.421586
    """
    rate, s, c, _, cs2 = _poisson(arrival_rate, service_time, servers, arrival_scv, service_scv)
    _numbers(rate, s, c, cs2)
    with np.errstate(invalid="ignore"):
        wait = cs2 * mmc.waiting_time(rate, s, servers=c) + (1 - cs2) * mdc.waiting_time(
            rate, s, servers=c
        )
    return np.where(np.asarray(spare_servers(rate, s, c)) <= 0, np.inf, wait)[()]


def kimura(
    arrival_rate: Value,
    service_time: Value,
    *,
    servers: Count,
    arrival_scv: Value,
    service_scv: Value,
) -> Value:
    """Mean wait of M/G/c by Kimura's interpolation; approximate.

    The same as `qmodel.queues.mgc.waiting_time`, in the form of the others: the harmonic line
    through the two exact values, and the best from two moments.

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
    ModelError
        If an argument is a symbol.

    Examples
    --------
    An H2/5 case whose exact value is 1.2542:

    >>> float(kimura(4.0, 1.0, servers=5, arrival_scv=1.0, service_scv=4.0))
    1.2318
    """
    rate, s, c, _, cs2 = _poisson(arrival_rate, service_time, servers, arrival_scv, service_scv)
    _numbers(rate, s, c, cs2)
    return mgc.waiting_time(rate, s, servers=c, scv=cs2)
