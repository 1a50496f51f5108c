r"""A cache whose entries expire: DNS records, HTTP max-age.

An entry lives for a fixed time T after the miss that fetched it, hits do not renew it.
With Poisson requests of rate :math:`\lambda` for it, a cycle has one miss and on average
:math:`\lambda T` hits, so

.. math:: h = \frac{\lambda T}{1 + \lambda T} ,

exactly; also for random lifetimes with mean T that do not depend on the requests.

References
----------
.. [1] J. Jung, A. W. Berger, H. Balakrishnan, "Modeling TTL-based Internet caches", IEEE
   INFOCOM, 2003.
"""

from __future__ import annotations

from qmodel import _check
from qmodel._typing import Value

__all__ = ["hit_ratio"]


def hit_ratio(request_rate: Value, ttl: Value) -> Value:
    """Share of the requests for one entry that find it alive.

    Parameters
    ----------
    request_rate : number or array
        Requests for the entry at this cache, >= 0. [1/s]
    ttl : number or array
        Time to live of the entry, >= 0. [s]

    Returns
    -------
    number or array
        Hit ratio, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is negative.

    Examples
    --------
    >>> float(hit_ratio(1 / 60, ttl=300.0))
    0.8333
    """
    hits = _check.nonnegative("request_rate", request_rate) * _check.nonnegative("ttl", ttl)
    return hits / (1 + hits)
