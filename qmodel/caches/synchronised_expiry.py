r"""Synchronised expiry: after a flush objects expire together, and misses come back in waves.

After a flush all objects that are asked for often come in at nearly the same time, and live
for the same time T. So they expire together, and the database has the load of the flush
again, and again, each time less sharply. Where hits do not renew the lifetime, the times
between the misses of an object are T and an exponential time, and

.. math:: 1 - h(t) = \sum_{n \ge 0,\ nT \le t} e^{-x_n} \frac{x_n^n}{n!}, \qquad
          x_n = \lambda (t - nT) ,

exactly for Poisson requests: the n-th term is the probability of n misses so far and of no
object present.

References
----------
.. [1] D. R. Cox, "Renewal Theory", Methuen, 1962, sec. 4.2 (the sum over renewals).
.. [2] J. Jung, A. W. Berger, H. Balakrishnan, "Modeling TTL-based Internet caches", IEEE
   INFOCOM, 2003, for the cycle.
"""

from __future__ import annotations

import numpy as np

from qmodel import _check
from qmodel._typing import Value

__all__ = ["hit_ratio_after_flush"]


def hit_ratio_after_flush(time: Value, request_rate: Value, ttl: Value) -> Value:
    """Share of the requests that hit at a time after a flush, where objects expire.

    Parameters
    ----------
    time : number or array
        Time after the flush, >= 0. [s]
    request_rate : number or array
        Requests for the object, Poisson, >= 0. [1/s]
    ttl : number or array
        How long it lives after it came in; hits do not renew it, > 0. [s]

    Returns
    -------
    number or array
        The share, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain.

    Examples
    --------
    All entries of a flushed cache expire at nearly the same time again:

    >>> hit_ratio_after_flush([1.0, 59.0, 61.0, 63.0, 600.0], 1.0, ttl=60.0)
    array([0.6321, 1.    , 0.6321, 0.8506, 1.    ])
    """
    from scipy.special import gammaln, xlogy

    t, rate, life = (
        np.asarray(x, dtype=float)[..., None]
        for x in (
            _check.nonnegative("time", time),
            _check.nonnegative("request_rate", request_rate),
            _check.positive("ttl", ttl),
        )
    )
    with np.errstate(invalid="ignore"):
        cycles = np.floor(t / life)
    most = np.max(cycles, initial=0.0, where=np.isfinite(cycles))
    n = np.arange(most + 1.0)
    asked = rate * np.maximum(t - n * life, 0.0)
    terms = np.where(n <= cycles, np.exp(xlogy(n, asked) - asked - gammaln(n + 1)), 0.0)
    return (1 - terms.sum(axis=-1) + 0.0 * (t + rate + life)[..., 0])[()]
