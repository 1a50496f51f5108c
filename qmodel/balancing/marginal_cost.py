r"""What one more request a second costs all: the marginal cost of a flow through a station.

A flow :math:`\lambda` with mean wait :math:`W_q(\lambda)` keeps :math:`\lambda W_q` requests
waiting; its derivative is what a further request adds, its own wait and what it makes the
others wait. With :math:`a = \lambda S` and Erlang's C,

.. math::

    \frac{dC}{da} = C \left( \frac{c - a}{a} + \frac{1 - C}{c - a} \right), \qquad
    \frac{d (\lambda W_q)}{d \lambda} = \frac{C S}{c - a}
        \left( 1 + (c - a) + \frac{a (2 - C)}{c - a} \right)

for M/M/c and for shared servers, whatever the service distribution, and for M/G/1

.. math::

    \frac{d (\lambda W_q)}{d \lambda} = W_q \, \frac{2 - \rho}{1 - \rho} .

For all other stations it is a difference quotient of fourth order, right to about 1e-9.

References
----------
.. [1] A. K. Erlang's formula C and its derivative: A. A. Jagers, E. A. van Doorn,
   "Convexity of functions which are generalizations of the Erlang loss function and the
   Erlang delay function", SIAM Review 33, 1991.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues import mg1, mmc
from qmodel.queues.base import Station
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.mgc_ps import MGcPS

__all__ = ["marginal_wait", "marginal_wait_of", "waiting_time_of"]

_STEP = 1e-3  # of the way to the nearer end of the stable rates


@checked
def marginal_wait(arrival_rate: Value, service_time: Value, *, servers: Count = 1) -> Value:
    """Derivative of the number waiting in M/M/c with respect to the arrival rate.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    service_time : number or array
        Mean service time, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]

    Returns
    -------
    number or array
        The derivative, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    On one server the response of all grows by S / (1 - rho)^2, of which S is service:

    >>> float(marginal_wait(8.0, 0.1)), 0.1 / 0.2**2 - 0.1
    (2.4, 2.4)
    """
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    s = _check.positive("service_time", service_time)
    c = _check.count("servers", servers)
    spare, must_wait = spare_servers(rate, s, c), erlang_c(servers=c, offered_load=rate * s)
    xp = namespace(rate, s, must_wait)
    with xp.errstate(divide="ignore", invalid="ignore", over="ignore"):
        others = 1 + spare + rate * s * (2 - must_wait) / spare
        return xp.guard(must_wait * s / spare * others, spare <= 0, xp.inf)


@checked
def waiting_time_of(station: Station) -> Callable[[Any], Any]:
    """Return the mean wait at a station as a function of its arrival rate.

    Parameters
    ----------
    station : Station
        The station. [-]

    Returns
    -------
    callable
        From the rate [1/s] to the wait [s], on numbers and arrays.

    Examples
    --------
    >>> from qmodel.queues import MMc
    >>> float(waiting_time_of(MMc(0.1))(8.0))
    0.4
    """
    service, c = station.service, station.servers
    if isinstance(station, (mmc.MMc, MGcPS)):
        return lambda rate: mmc.waiting_time(rate, service.mean, servers=c)
    if isinstance(station, mg1.MG1):
        return lambda rate: mg1.waiting_time(rate, service.mean, scv=service.scv)
    return lambda rate: station._solve(rate).waiting_time


@checked
def marginal_wait_of(station: Station) -> Callable[[Any], Any]:
    """Return the derivative of the number waiting at a station as a function of the rate.

    Parameters
    ----------
    station : Station
        The station. [-]

    Returns
    -------
    callable
        From the rate [1/s] to the derivative [s], on numbers and arrays.

    Examples
    --------
    >>> from qmodel.queues import MDc, MMc
    >>> float(marginal_wait_of(MMc(0.1))(8.0)), float(marginal_wait_of(MDc(0.1))(8.0))
    (2.4, 1.2)
    """
    service = station.service
    if isinstance(station, (mmc.MMc, MGcPS)):
        return lambda rate: marginal_wait(rate, service.mean, servers=station.servers)
    wait = waiting_time_of(station)
    if isinstance(station, mg1.MG1):

        def of_one(rate: Any) -> Any:
            spare = spare_servers(rate, service.mean, 1)
            with np.errstate(all="ignore"):
                return np.where(spare <= 0, np.inf, wait(rate) * (1 + 1 / spare))[()]

        return of_one

    def quotient(rate: Any) -> Any:
        rate, full = np.asarray(rate, dtype=float), np.asarray(station.max_rate, dtype=float)
        step = np.asarray(_STEP * np.minimum(rate, np.where(rate < full, full - rate, rate)))
        step = (rate + step) - rate  # as it is after rounding, near saturation

        near = rate + np.array([1, -1, 2, -2]).reshape(-1, *[1] * step.ndim) * step
        with np.errstate(all="ignore"):
            one, less, two, least = near * wait(near)
            slope = (8 * (one - less) - (two - least)) / (12 * step)
        slope = np.where(rate == 0, 0.0, slope)
        return np.where(rate >= full, np.inf, slope)[()]

    return quotient
