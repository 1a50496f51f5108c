r"""FIFO and RANDOM: hits change nothing, and what is evicted was not looked at.

An object stays for a characteristic time T from its fetch on: constant under FIFO,
exponential if a random object is evicted. Either way it is absent until the next request,
1 / p_i requests on average, so [1]_

.. math:: h_i = \frac{p_i T}{1 + p_i T}, \qquad \sum_i s_i \frac{p_i T}{1 + p_i T} = C .

Both hit equally often also exactly, and less often than LRU [2]_.

**Few places.** Exactly, each content of the cache is as likely as the product of its shares
[2]_. With any T the number S of independent events of probabilities :math:`\pi_i = p_i T / (1 +
p_i T)` has the same distribution of contents, given that S = C:

.. math:: h_i(C) = \pi_i \frac{P(S_{-i} = C - 1)}{P(S = C)}
          = p_i T\, \frac{P(S = C - 1)}{P(S = C)}\, (1 - h_i(C - 1)) .

Solved so are up to 64 places; from 32 on the characteristic time has a part in the result
(`qmodel.caches.policies.small_capacity`).

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

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.caches.policies.small_capacity import Catalogue, FewPlaces
from qmodel.numerics.poisson_binomial import Groups, marked_distribution
from qmodel.numerics.roots import increasing_root

__all__ = ["FIFO", "Random", "presence"]

_BEYOND = 96
"""Capacity from which on who is present is only about known."""

_UNSURE = 1e5
"""Factor by which the error of a recursion may grow."""


@checked
def presence(x: Value) -> tuple[Any, Any]:
    """Probability that an object is present that stays for a fixed or a random time.

    Parameters
    ----------
    x : number or array
        Mean number of requests for the object while it stays, >= 0. [-]

    Returns
    -------
    tuple of number or array
        The probability, and its derivative in the logarithm of x. [-]

    Raises
    ------
    DomainError
        If `x` is negative.

    Examples
    --------
    >>> presence(1.0)
    (0.5, 0.25)
    """
    x = _check.nonnegative("x", x)
    absent = 1 / (1 + x)
    there = x * absent
    return there, there * absent


@dataclass(frozen=True, slots=True, eq=False)
class FIFO(FewPlaces):
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

    most_places = 64

    def _presence(self, share: Any, time: Any, *_: Any) -> tuple[Any, Any]:
        return presence(share * time)

    def _gains(self, catalogue: Catalogue) -> Any:
        distribution, marked, _ = self._distribution(catalogue, self.most_places)
        places = np.arange(self.most_places + 1)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            hits = np.where(places[1:] < catalogue.objects, marked[:-1] / distribution[1:], 1.0)
        return np.diff(hits, axis=0, prepend=0.0).T

    def _gains_of(self, share: Any, catalogue: Catalogue) -> Any:
        distribution, _, time = self._distribution(catalogue, _BEYOND)
        with np.errstate(divide="ignore", invalid="ignore"):
            odds = share * (time * distribution[:-1] / distribution[1:])[..., None]
        some = catalogue.objects[:, None]
        # Errors grow by the odds upwards, and shrink by them downwards.
        hits, growth = np.zeros((_BEYOND + 1, *share.shape)), np.ones(share.shape)
        upwards = np.ones(hits.shape, dtype=bool)
        for k in range(1, _BEYOND + 1):
            within = k < some
            ratio = np.where(within, odds[k - 1], 1.0)
            growth = np.minimum(growth, _UNSURE) * np.maximum(np.minimum(ratio, _UNSURE), 1.0)
            upwards[k] = growth < _UNSURE
            known = within & upwards[k]
            hits[k] = np.where(known, np.where(known, ratio, 0.0) * (1 - hits[k - 1]), 1.0)
        last = odds[_BEYOND - 1]
        down = np.where(some > _BEYOND, last / (1 + last), 1.0)
        for k in range(_BEYOND - 1, -1, -1):
            within = k < some
            known = within & ~upwards[k]
            ratio = np.where(known, odds[k], 1.0)
            down = np.where(within, np.where(known, 1 - down / ratio, 0.0), 1.0)
            hits[k] = np.where(known, down, hits[k])
        return np.moveaxis(np.diff(hits[: self.most_places + 1], axis=0), 0, -1)

    def _distribution(self, catalogue: Catalogue, most: int) -> tuple[Any, Any, Any]:
        """Return the distribution of S, with p_i h_i P(S = C) marked, and the time T."""
        singles, share, count = catalogue.singles, catalogue.share, catalogue.count
        places = np.minimum(self.most_places, catalogue.objects / 2)

        def over(log_time: Any) -> Any:
            t = np.exp(log_time)[:, None]
            held = presence(singles * t)[0].sum(axis=-1)
            return held + (count * presence(share * t)[0]).sum(axis=-1) - places

        high = np.full(places.shape, 600.0)
        time = np.exp(increasing_root(over, np.log(places), high))
        x, y = singles.T * time, share * time[:, None]
        rests = 1 / (1 + x)
        none = -(count * np.log1p(y)).sum(axis=-1)
        groups = Groups(y[:, None], count, none[:, None], share * y)
        alone = tuple(z[..., None] for z in (x * rests, rests, singles.T * x * rests))
        distribution, marked = marked_distribution(alone, groups, most)
        return distribution[..., 0], marked[..., 0], time


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
