r"""k-LRU: an object must be known before it is taken in.

In front of the cache stand k - 1 lists that hold identifiers, not objects, each managed as
LRU. A missed object is taken in if the last list knows it, an identifier enters a list if
the list before knows it, and every one enters the first. With the characteristic time
:math:`T_j` of each, and the presence at one taken as independent of that at the next [1]_,

.. math:: h^{(j)}_i = \frac{h^{(j-1)}_i (1 - e^{-p_i T_j})}
          {e^{-p_i T_j} + h^{(j-1)}_i (1 - e^{-p_i T_j})}, \qquad h^{(0)}_i = 1 ,

which is q-LRU with the probability to be known for its q.
2-LRU is the usual one: it keeps what is asked for once out of the cache, as q-LRU does,
and adapts faster.

References
----------
.. [1] V. Martina, M. Garetto, E. Leonardi, "A unified approach to the performance analysis
   of caching systems", IEEE INFOCOM, 2014, sec. III.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.caches.policies.characteristic_time import characteristic_time
from qmodel.caches.policies.q_lru import presence
from qmodel.caches.policies.replacement import Replacement
from qmodel.caches.popularity.base import Popularity

__all__ = ["INDEPENDENT_LISTS", "KLRU"]

INDEPENDENT_LISTS = Assumption(
    "independent-lists",
    "whether a list of identifiers knows an object does not depend on whether the cache has "
    "it; hit ratios of 2-LRU and 3-LRU within 0.003 from 100 places on, and within 0.006 for "
    "ten",
    "Martina, Garetto and Leonardi 2014",
    APPROXIMATE,
)


@dataclass(frozen=True, slots=True, eq=False)
class KLRU(Replacement):
    """Cache that evicts the least recently used object, and admits what it has seen.

    Parameters
    ----------
    capacity : number or array
        What fits, in the unit of the popularity's sizes: objects or bytes, >= 0. [-]
    levels : int, default 2
        Number k of lists, the cache itself among them, >= 1. [-]
    identifiers : number or array, optional
        Objects whose identifiers each list before the cache holds, in the unit of the
        sizes, > 0; by default as many as fit into the cache. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Notes
    -----
    The derivative in the capacity holds the lists of identifiers fixed.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(10**6, exponent=0.8)
    >>> [float(KLRU(10**4, levels=k).solve(pages).hit_ratio) for k in (1, 2, 3)]
    [0.2319, 0.3388, 0.3490]
    """

    levels: int = parameter(
        "number of lists", symbol="k", check=partial(_check.one_count, most=100), default=2
    )
    identifiers: Value | None = parameter(
        "objects whose identifiers a list holds", check="positive", default=None
    )

    @property
    def _grounds(self) -> tuple[Assumption, ...]:
        grounds = super(KLRU, self)._grounds
        return (*grounds, INDEPENDENT_LISTS) if self.levels > 1 else grounds

    def _parameters(self, popularity: Popularity, request_rate: Value) -> Sequence[Any]:
        room = self.capacity if self.identifiers is None else self.identifiers
        times: list[Any] = []
        for _ in range(self.levels - 1):
            times.append(characteristic_time(popularity, room, self._presence, times))
        return times

    def _presence(self, share: Any, time: Any, *parameters: Any) -> tuple[Any, Any]:
        return presence(share * time, self._known(share, *parameters))

    def _known(self, share: Any, *times: Any) -> Any:
        """Return the probability that the last list of identifiers knows an object."""
        known: Any = 1.0
        for time in times:
            x = np.where(np.isinf(time), 1.0, np.maximum(time, 1e-30)) * share
            known = np.where(np.isinf(time), known > 0, presence(x, known)[0])
        return known

    def _admission(self, share: Any, time: Any, *parameters: Any) -> Any:
        return self._known(share, *parameters)

    def _kept(self, share: Any, *parameters: Any) -> Any:
        return np.where(self._known(share, *parameters) * share > 0, 1.0, 0.0)
