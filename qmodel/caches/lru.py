r"""LRU: the object that was not asked for the longest is evicted.

An object is present if it was asked for in the last characteristic time T [1]_:

.. math:: h_i = 1 - e^{-p_i T}, \qquad \sum_i s_i (1 - e^{-p_i T}) = C ,

T counted in requests. The hit ratio does not depend on the request rate.

References
----------
.. [1] H. Che, Y. Tung, Z. Wang, "Hierarchical web caching systems: modeling, design and
   experimental results", IEEE Journal on Selected Areas in Communications 20, 2002, sec. III.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel.caches.replacement import Replacement

__all__ = ["LRU", "presence"]


def presence(x: Any) -> tuple[Any, Any]:
    """Probability that an object was asked for in a characteristic time.

    Parameters
    ----------
    x : number or array
        Mean number of requests for the object in that time, >= 0. [-]

    Returns
    -------
    tuple of number or array
        The probability, and its derivative in the logarithm of x. [-]

    Examples
    --------
    >>> [float(part) for part in presence(1.0)]
    [0.6321, 0.3679]
    """
    there = -np.expm1(-x)
    return there, x * (1 - there)


@dataclass(frozen=True, slots=True, eq=False)
class LRU(Replacement):
    """Cache that evicts the least recently used object.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0. [-]

    Raises
    ------
    DomainError
        If `capacity` is negative.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(10**6, exponent=0.8)
    >>> load = LRU([10**3, 10**4, 10**5]).solve(pages, request_rate=2000.0)
    >>> load.hit_ratio, load.miss_rate.round(1)
    (array([0.1000, 0.2319, 0.4871]), array([1800. , 1536.2, 1025.8]))
    >>> load.characteristic_time.round(1)
    array([ 0.5,  6.1, 80.8])
    """

    def _presence(self, share: Any, time: Any, *_: Any) -> tuple[Any, Any]:
        return presence(share * time)
