r"""The number present after a while of constant load, by uniformisation: exact.

A chain whose rates are at most q is a discrete chain P that jumps at the times of a Poisson
stream,

.. math:: p(t) = \sum_k e^{-q t} \frac{(q t)^k}{k!} \, p(0) P^k, \qquad P = I + Q / q,

a sum of positive terms [1]_. Of a delay the number is Poisson, with mean
:math:`\lambda \int_0^t P(S > u)\,du` where it starts empty.

References
----------
.. [1] A. Jensen, "Markoff chains as an aid in the study of Markoff processes", Skandinavisk
   Aktuarietidskrift 36, 1953.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import DomainError, ModelError
from qmodel.queues.base import Station
from qmodel.queues.delay import Delay
from qmodel.transients.walk import walk_of

__all__ = ["number_after"]

_MOST = 1e7


@checked
def number_after(
    station: Station, arrival_rate: float, time: float, *, start: int = 0
) -> np.ndarray:
    """Return the probabilities of 0, 1, 2, ... requests present after a time.

    Parameters
    ----------
    station : Station
        The station, one scenario. [-]
    arrival_rate : float
        Poisson arrivals, constant, >= 0. [1/s]
    time : float
        How long, >= 0. [s]
    start : int, default 0
        Requests that are there at first. [-]

    Returns
    -------
    array
        The probabilities, as far as they are not below 1e-17; exact for exponential work. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain, or `start` is more than the station has room for.
    ModelError
        If the station has no solution over time, or more than ten million jumps would be
        summed.

    Examples
    --------
    Who is served when a hundred wait at the opening? Of one server, after ten services:

    >>> import qmodel as qm
    >>> p = number_after(qm.MMc(1.0), 0.5, 10.0, start=100)
    >>> float(p @ np.arange(len(p)))
    95.0
    """
    rate = _known("arrival_rate", arrival_rate)
    length = _known("time", time)
    begin = _check.one_count("start", start, least=0, most=1_000_000)
    if isinstance(station, Delay):
        return _at_delay(station, rate, length, begin)
    walk = walk_of(station)
    if begin > walk.room:
        raise DomainError(f"start must be at most the room of {walk.room:g}, got {begin}")
    fastest = rate + float(walk.completions(walk.servers, walk.servers))
    if fastest * length > _MOST:
        jumps = fastest * length
        raise ModelError(
            f"arrival_rate and time make {jumps:.3g} jumps in {length:g} s: too many for a sum"
        )
    spread = np.sqrt(max(rate * length, 1.0))
    most = min(begin + rate * length + 12 * spread + 60, walk.room)
    numbers = np.arange(int(max(most, begin)) + 1.0)
    up, down = walk.births_and_deaths(numbers, rate, walk.servers)
    up[-1], down[0] = 0.0, 0.0
    pace = float((up + down).max())
    p = np.zeros(len(numbers))
    p[begin] = 1.0
    rises, falls = up / pace, down / pace
    stays = 1 - rises - falls
    total = np.zeros(len(numbers))
    for weight in _weights(pace * length):
        total += weight * p
        after = stays * p
        after[1:] += rises[:-1] * p[:-1]
        after[:-1] += falls[1:] * p[1:]
        p = after
    return total


def _known(name: str, x: Any) -> float:
    value = _check.one(name, x, _check.finite)
    if value != value:
        raise DomainError(f"{name} must be a finite number >= 0, got nan")
    return value


def _weights(mean: float) -> np.ndarray:
    from scipy.special import gammaln, xlogy

    k = np.arange(mean + 10 * np.sqrt(mean + 1) + 40)
    return np.asarray(np.exp(xlogy(k, mean) - mean - gammaln(k + 1)))


def _at_delay(station: Delay, rate: float, length: float, begin: int) -> np.ndarray:
    from scipy.special import gammaln, xlogy

    distribution = station.service
    nodes, weights = np.polynomial.legendre.leggauss(64)
    # The tail is steepest near zero.
    share = ((nodes + 1) / 2) ** 2
    stays = length * share
    area = float((distribution.tail(stays) * length * np.sqrt(share) * weights).sum())
    fresh = _weights(rate * area)
    if begin == 0:
        return fresh
    left = float(distribution.tail(length))
    k = np.arange(begin + 1)
    logs = gammaln(begin + 1) - gammaln(k + 1) - gammaln(begin - k + 1)
    old = np.exp(logs + xlogy(k, left) + xlogy(begin - k, 1 - left))
    return np.convolve(fresh, old)
