r"""The token bucket: requests that find no token are turned away, nobody waits.

Tokens come at rate r into a bucket that holds b of them; a request takes one. With Poisson
arrivals at rate :math:`\lambda`, :math:`\rho = \lambda / r` and :math:`x = b - 1`, the share
accepted is exactly

.. math::

    A = \frac{1}{\rho + 1 / H}, \qquad
    H = \frac{e^{(\rho - \rho') x} F(x)}{1 - \rho'}, \qquad \rho' e^{-\rho'} = \rho e^{-\rho},
    \quad \rho' \le 1,

with F the distribution function of the M/D/1 wait at load :math:`\rho'`, in service times:
the missing tokens are the work in a queue with constant service. Below saturation
:math:`\rho' = \rho`; above, the conjugate load keeps all terms positive, where the usual
alternating sum loses its digits at a burst of 15.

**Other arrivals.** In the diffusion limit of G/D/1 with a finite room arrivals of another SCV
lose as many as Poisson ones do in a room that is smaller by this factor [2]_: x is divided by
it.

**Batches.** A browser that asks for 154 images at once meets a full bucket and has the rest
refused, however rarely it comes. Of batches of k at regular intervals T at most :math:`c =
\min(k, b)` find a token, and no more than the tokens that come, n + d in a time T with n whole:
c where these are enough, n + d where the bucket has room for one more of them, else, as the
bucket is full before a fraction becomes a whole token, :math:`n + 1 / \lceil 1/d \rceil`.

References
----------
.. [1] A. W. Berger, W. Whitt, "The impact of a job buffer in a token-bank rate-control
   throttle", Stochastic Models 8, 1992.
.. [2] W. Whitt, "A diffusion approximation for the G/GI/n/m queue", Operations Research 52,
   2004.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.distributions import Deterministic
from qmodel.errors import ModelError
from qmodel.queues.mg1 import MG1

__all__ = ["accepted", "accepted_of_batches"]

_NEAR = 1e-5
_LEAST = 0.02
"""SCV below which arrivals are not taken to be."""


@checked
def accepted(arrival_rate: Value, *, limit: Value, burst: Value, scv: Value = 1.0) -> Value:
    """Share of the requests that a token bucket lets through.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate, >= 0. [1/s]
    limit : number or array
        Tokens a second, > 0. [1/s]
    burst : number or array
        Tokens that the bucket holds, >= 1. [-]
    scv : number or array, default 1
        How variable the arrivals are over the time in which the bucket empties: SCV of the
        times between them, >= 0; by default they are Poisson. [-]

    Returns
    -------
    number or array
        Share accepted, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.
    ModelError
        If one of them is a symbol.

    Examples
    --------
    >>> float(1 - accepted(1.0, limit=1.0, burst=5))
    0.1034
    >>> float(1 - accepted(1.3, limit=1.0, burst=10))
    0.2318
    """
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    limit = _check.positive("limit", limit)
    room = _check.nonnegative("burst - 1", _check.positive("burst", burst) - 1.0)
    if not (isinstance(scv, float) and scv == 1):
        room = room / np.maximum(_check.scv("scv", scv), _LEAST)
    if is_symbolic(rate, limit, room):
        raise ModelError(
            "what a token bucket lets through has no symbolic form: put numbers in"
        )
    if not np.any(room):  # A bucket of one token misses none while nothing has come.
        return 1 / (1 + np.divide(rate, limit) + room)
    rho = np.asarray(rate / limit)
    # At saturation the form is 0/0: there the mean of both sides, right to 1e-9.
    aside = np.where(abs(rho - 1) < _NEAR, _NEAR, 0.0)
    if not aside.any():
        return _share(rho, room)[()]
    return (_share(rho - aside, room) + _share(rho + aside, room))[()] / 2


@checked
def accepted_of_batches(batch: Count, *, interval: Value, limit: Value, burst: Count) -> Value:
    """Share of the requests that a token bucket lets through where they come in batches.

    Parameters
    ----------
    batch : int or integer array
        Requests that come at once, >= 1. [-]
    interval : number or array
        Time from one batch to the next, > 0; inf for one alone. [s]
    limit : number or array
        Tokens a second, > 0. [1/s]
    burst : int or integer array
        Tokens that the bucket holds, >= 1. Where a rate and a burst of 100 are configured so
        that the first request needs no token (nginx), it is 101. [-]

    Returns
    -------
    number or array
        Share accepted in the long run, of the broadcast shape; exact. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    A page of 154 images once a minute, against 100 a second:

    >>> share = accepted_of_batches(154, interval=60.0, limit=100.0, burst=101)
    >>> round(154 * (1 - float(share)))
    53
    >>> accepted_of_batches(10, interval=1.0, limit=[2.0, 4.5, 20.0], burst=5)
    array([0.2 , 0.45, 0.5 ])
    """
    k = np.asarray(_check.count("batch", batch), dtype=float)
    gap = _check.positive("interval", interval)
    rate = _check.positive("limit", limit)
    b = np.asarray(_check.count("burst", burst), dtype=float)
    most, come = np.minimum(k, b), np.asarray(rate * gap, dtype=float)
    whole = np.floor(np.minimum(come, most))
    part = np.where(come < most, come, whole) - whole
    with np.errstate(divide="ignore"):
        # A fraction that is a rounding short of 1 / m takes m batches too.
        rarely = np.where(part > 0, 1 / np.ceil(1 / part * (1 - 1e-12)), 0.0)
    fits = b >= whole + 2
    found = np.where(come >= most, most, whole + np.where(fits, part, rarely))
    return np.where(np.isnan(come), np.nan, found / k)[()]


def _share(beside: Any, room: Any) -> Any:
    from scipy.special import lambertw

    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        low = np.where(beside <= 1, beside, -lambertw(-beside * np.exp(-beside)).real)
        missing = MG1(Deterministic(1.0)).solve(low[()]).wait
        assert missing is not None
        below = missing.cdf(room)
        inverse = (1 - low) * np.exp(-(beside - low) * room) / below
        return np.minimum(1 / (beside + inverse), 1.0)
