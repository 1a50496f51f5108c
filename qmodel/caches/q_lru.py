r"""q-LRU: LRU that takes in a missed object with probability q only.

What is asked for once is mostly not taken in, so the cache is not filled with it; hits
move an object to the front as in LRU. An object stays until a gap between its requests
exceeds T, and then waits for an admission [1]_:

.. math:: h_i = \frac{q (1 - e^{-p_i T})}{e^{-p_i T} + q (1 - e^{-p_i T})} .

LRU is q = 1. The rarer the admissions, the longer T, and the closer the cache comes to LFU, but
also the longer it takes to get there.

References
----------
.. [1] V. Martina, M. Garetto, E. Leonardi, "A unified approach to the performance analysis
   of caching systems", IEEE INFOCOM, 2014, sec. III.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel.basis import ASYMPTOTIC, Assumption
from qmodel.caches.popularity import Popularity
from qmodel.caches.replacement import Replacement

__all__ = ["QLRU", "RARE_ADMISSION", "presence"]

RARE_ADMISSION = Assumption(
    "rare-admission",
    "objects stay equally long also where few are admitted; hit ratios of q-LRU within 0.001, "
    "0.003 and 0.007 for q of 0.1, 0.01 and 0.001 from 100 places on, and within 0.011, 0.025 "
    "and 0.036 for ten",
    "Martina, Garetto and Leonardi 2014",
    ASYMPTOTIC,
)


def presence(x: Any, admitted: Any) -> tuple[Any, Any]:
    """Probability that an object is present that is taken in with a probability.

    Parameters
    ----------
    x : number or array
        Mean number of requests for the object in a characteristic time, >= 0. [-]
    admitted : number or array
        Probability that a missed object is taken in. [-]

    Returns
    -------
    tuple of number or array
        The probability, and its derivative in the logarithm of x. [-]

    Examples
    --------
    >>> [float(part) for part in presence(1.0, 0.1)]
    [0.1466, 0.1980]
    """
    absent = np.exp(-x)
    coming = -np.expm1(-x) * admitted
    # The exponential underflows long after the probability is 1.
    total = np.maximum(absent + coming, 1e-300)
    return coming / total, admitted * x * absent / total**2


@dataclass(frozen=True, slots=True, eq=False)
class QLRU(Replacement):
    """Cache that evicts the least recently used object, and admits only some.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0. [-]
    admitted : number or array, default 0.1
        Probability q that a missed object is taken in, > 0. [-]

    Raises
    ------
    DomainError
        If `capacity` is negative or `admitted` is no probability above zero.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(10**6, exponent=0.8)
    >>> QLRU(10**4, admitted=[1.0, 0.1, 0.01]).solve(pages).hit_ratio
    array([0.2319, 0.2821, 0.3326])
    """

    admitted: Value = 0.1

    def __post_init__(self) -> None:
        Replacement.__post_init__(self)
        admitted = _check.probability("admitted", self.admitted)
        need = "a probability above 0"
        object.__setattr__(self, "admitted", _check.positive("admitted", admitted, need=need))

    @property
    def _grounds(self) -> tuple[Assumption, ...]:
        return (*super(QLRU, self)._grounds, RARE_ADMISSION)

    def _parameters(self, popularity: Popularity, request_rate: Value) -> Sequence[Any]:
        return (self.admitted,)

    def _presence(self, share: Any, time: Any, *parameters: Any) -> tuple[Any, Any]:
        return presence(share * time, *parameters)

    def _admission(self, share: Any, time: Any, *parameters: Any) -> Any:
        return parameters[0]
