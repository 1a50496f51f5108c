r"""FIFO and RANDOM: hits change nothing, and what is evicted was not looked at.

An object stays for a characteristic time T from its fetch on: constant under FIFO,
exponential if a random object is evicted. Either way it is absent until the next request,
1 / p_i requests on average, so [1]_

.. math:: h_i = \frac{p_i T}{1 + p_i T}, \qquad \sum_i s_i \frac{p_i T}{1 + p_i T} = C .

Both hit equally often also exactly, and less often than LRU [2]_
(`qmodel.caches.exact_fifo`).

References
----------
.. [1] V. Martina, M. Garetto, E. Leonardi, "A unified approach to the performance analysis
   of caching systems", IEEE INFOCOM, 2014, sec. III.
.. [2] E. Gelenbe, "A unified approach to the evaluation of a class of replacement
   algorithms", IEEE Transactions on Computers C-22, 1973.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qmodel.caches.replacement import Replacement

__all__ = ["FIFO", "Random", "presence"]


def presence(x: Any) -> tuple[Any, Any]:
    """Probability that an object is present that stays for a fixed or a random time.

    Parameters
    ----------
    x : number or array
        Mean number of requests for the object while it stays, >= 0. [-]

    Returns
    -------
    tuple of number or array
        The probability, and its derivative in the logarithm of x. [-]

    Examples
    --------
    >>> presence(1.0)
    (0.5, 0.25)
    """
    absent = 1 / (1 + x)
    there = x * absent
    return there, there * absent


@dataclass(frozen=True, slots=True, eq=False)
class FIFO(Replacement):
    """Cache that evicts the object that came in first.

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
    >>> FIFO([10**3, 10**4, 10**5]).solve(pages).hit_ratio
    array([0.0862, 0.2073, 0.4482])
    """

    def _presence(self, share: Any, time: Any, *_: Any) -> tuple[Any, Any]:
        return presence(share * time)


@dataclass(frozen=True, slots=True, eq=False)
class Random(FIFO):
    """Cache that evicts any of its objects at random; hits as often as `FIFO`.

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
    >>> float(Random(10**4).solve(pages).hit_ratio)
    0.2073
    """
