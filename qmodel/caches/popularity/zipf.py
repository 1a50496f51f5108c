r"""Zipf's law: the popularity of rank i falls as a power of i.

.. math:: p_i = \frac{(i + q)^{-a}}{\sum_{j=1}^{N} (j + q)^{-a}}, \qquad i = 1, \dots, N

for any exponent a >= 0, 1 and above included; a = 0 is the uniform popularity, and q > 0 is
Mandelbrot's form, whose head is flat. Catalogues of 1e9 objects cost as much as of 1e4
(`qmodel.numerics.panels`).

References
----------
.. [1] L. Breslau, P. Cao, L. Fan, G. Phillips, S. Shenker, "Web caching and Zipf-like
   distributions: evidence and implications", IEEE INFOCOM, 1999.
.. [2] B. Mandelbrot, "An informational theory of the statistical structure of language",
   in Communication Theory, 1953.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel.caches.popularity.base import Grid, Head, Popularity
from qmodel.errors import DomainError
from qmodel.numerics.panels import integers
from qmodel.numerics.power_sums import power_sum

__all__ = ["Zipf"]


def _size(name: str, x: Value) -> Value:
    return _check.finite(name, _check.positive(name, x))


@dataclass(frozen=True, slots=True, eq=False)
class Zipf(Popularity):
    """Popularity that falls as a power of the rank.

    Parameters
    ----------
    objects : int or integer array
        Number of objects in the catalogue, >= 1. [-]
    exponent : number or array, default 1
        How fast the popularity falls, >= 0; 0 is uniform. [-]
    shift : number or array, default 0
        Mandelbrot's shift of the rank, >= 0. [-]
    size : number or array, default 1
        Mean size of an object, > 0: 1 for caches that count objects, bytes for caches
        that count bytes. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Examples
    --------
    >>> videos = Zipf(10**9, exponent=[0.6, 0.8, 1.0])
    >>> videos.share_of(1)
    array([0.0001005 , 0.00321501, 0.0469473 ])
    >>> videos.most_popular(10**6).requests.round(4)
    array([0.0629, 0.2405, 0.6757])
    """

    objects: Count = parameter("number of objects", symbol="N", check=_check.count)
    exponent: Value = parameter("exponent", symbol="alpha", check="finite", default=1.0)
    shift: Value = parameter("shift of the rank", symbol="q", check="finite", default=0.0)
    size: Value = parameter("mean size", check=_size, default=1.0)

    @checked
    def share_of(self, rank: Value) -> Value:
        """Return the share of the requests that asks for the object of a rank.

        Parameters
        ----------
        rank : number or array
            The rank, from 1 for the most popular to the number of objects. [-]

        Returns
        -------
        number or array
            The share, of the broadcast shape. [-]

        Raises
        ------
        DomainError
            If `rank` is below 1 or above the number of objects.

        Examples
        --------
        >>> float(Zipf(3, 1.0).share_of(2))
        0.2727
        """
        rank = np.asarray(_check.positive("rank", rank, need="a rank >= 1"))
        wrong = (rank < 1) | (rank > self.objects)
        if wrong.any():
            most, bad = (
                np.broadcast_to(x, wrong.shape)[wrong][0] for x in (self.objects, rank)
            )
            raise DomainError(f"rank must be from 1 to {most:g}, got {bad:g}")
        return _share(rank, self.exponent, self.shift, self._total)

    @property
    def _total(self) -> Value:
        return power_sum(self.exponent, self.shift, self.objects)

    @property
    def grid(self) -> Grid:
        """The nodes of the ranks, with their shares and weights."""
        ranks, count = _ranks(np.asarray(self.objects))
        parameters = (
            np.asarray(x)[..., None] for x in (self.exponent, self.shift, self._total)
        )
        return Grid(_share(ranks, *parameters), count, count * np.asarray(self.size)[..., None])

    @checked
    def above(self, share: Value) -> Head:
        """Return the objects that are asked for by at least a share of the requests.

        Parameters
        ----------
        share : number or array
            The share, > 0. [-]

        Returns
        -------
        Head
            What they have together. [-]

        Examples
        --------
        >>> head = Zipf(1000, 0.8).above(0.01)
        >>> float(head.objects), float(head.requests)
        (10.0, 0.2305)
        """
        a, n = np.asarray(self.exponent), np.asarray(self.objects)
        share = np.asarray(_check.positive("share", share))
        first = self.share_of(1.0)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            rank = np.exp(np.log(share * self._total) / -a) - self.shift
        # The rank whose share is just this one counts, whatever its rounding.
        rank = np.where(a == 0, np.where(share <= first, n, 0), np.floor(rank * (1 + 4e-15)))
        rank = np.where(np.isnan(share), np.nan, np.clip(rank, 0, n))
        asked = power_sum(a, self.shift, rank) / self._total
        return Head(asked, asked, rank[()], (rank * self.size)[()])

    @checked
    def most_popular(self, volume: Value) -> Head:  # noqa: D102 (the ranks are in order)
        volume = np.asarray(_check.nonnegative("volume", volume))
        places = np.minimum(volume / self.size, self.objects)
        whole = np.floor(places)
        total = self._total
        asked = power_sum(self.exponent, self.shift, whole) / total
        following = np.minimum(whole + 1, self.objects)
        next_share = _share(following, self.exponent, self.shift, total)
        asked = np.minimum(asked + (places - whole) * next_share, 1.0)[()]
        return Head(asked, asked, (places + 0.0 * asked)[()], (places * self.size)[()])


def _share(rank: Value, exponent: Value, shift: Value, total: Value) -> Value:
    return ((np.asarray(rank) + shift) ** -np.asarray(exponent) / total)[()]


def _ranks(objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of catalogues of several sizes, filled up with weight 0."""
    if objects.ndim == 0:
        return integers(int(objects))
    rules = [integers(int(n)) for n in objects.ravel()]
    width = max(nodes.size for nodes, _ in rules)
    ranks, count = np.ones((2, len(rules), width))
    count[:] = 0.0
    for row, (nodes, weights) in enumerate(rules):
        ranks[row, : nodes.size], count[row, : nodes.size] = nodes, weights
    return ranks.reshape(*objects.shape, width), count.reshape(*objects.shape, width)
