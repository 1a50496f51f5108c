r"""FIFO and RANDOM exactly, for catalogues of some thousand objects.

The probability of each content of the cache is the product of its shares [1]_, so an object
is present with the probability

.. math:: h_i = \frac{p_i\, e_{C-1}(p_{-i})}{e_C(p)}

with the elementary symmetric polynomials e, of all shares and of all but its own. Multiplied
by any T, the shares are odds of independent events, :math:`\pi_i = p_i T / (1 + p_i T)`, and

.. math:: h_i = \pi_i \frac{P(S_{-i} = C - 1)}{P(S = C)}

with the number S of these events. The T that makes their mean C is the characteristic time
of FIFO: then no probability is small, and nothing underflows. So the usual solution is that
the cache holds about, not just, C objects. The hit ratio is right to 1e-12. It costs the
square of the catalogue, so more than 5,000 objects are refused: there `qmodel.caches.FIFO`
is exact up to 32 places and right to 0.001 for more.

References
----------
.. [1] E. Gelenbe, "A unified approach to the evaluation of a class of replacement
   algorithms", IEEE Transactions on Computers C-22, 1973.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel.caches.policies.exact import Exact
from qmodel.caches.policies.fifo import presence
from qmodel.numerics.poisson_binomial import distribution, without_each
from qmodel.numerics.roots import increasing_root

__all__ = ["ExactFIFO"]


@dataclass(frozen=True, slots=True, eq=False)
class ExactFIFO(Exact):
    """Cache that evicts the first in, or one at random, of few objects, solved exactly.

    Parameters
    ----------
    capacity : int or integer array
        Number of objects that fit, >= 0. [-]

    Raises
    ------
    DomainError
        If `capacity` is no whole number.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(200, exponent=0.8)
    >>> exact, usual = ExactFIFO(80).solve(pages), qm.caches.FIFO(80).solve(pages)
    >>> float(exact.hit_ratio), float(usual.hit_ratio)
    (0.6179, 0.6173)
    """

    most_objects = 5000

    def _hits_of(self, shares: Any, capacity: Any, *_: Any) -> Any:
        def over(log_time: Any) -> Any:
            return presence(shares * np.exp(log_time)[:, None])[0].sum(axis=-1) - capacity

        least = np.where(shares > 0, shares, np.inf).min(axis=-1)
        objects = shares.shape[-1]
        low, high = np.log(capacity / objects), np.log(2.0 * objects / least)
        time = np.exp(increasing_root(over, low, high))
        probabilities = presence(shares * time[:, None])[0]
        _, just = without_each(probabilities, capacity - 1)
        whole = np.take_along_axis(
            distribution(probabilities), capacity.astype(int)[:, None], axis=-1
        )
        return probabilities * just / whole
