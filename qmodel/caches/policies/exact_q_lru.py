r"""q-LRU exactly, for very few objects: the Markov chain of what the cache has in which order.

A state is the objects of the cache, the one asked for last in front. A request for an object
in the cache moves it to the front, and one for another puts that there with probability q, in
place of the last [1]_. There are N! / (N - C)! states, of which up to 2,520 are solved: five
of seven objects, three of fourteen, two of fifty, and one of any thousand, whose hit ratio is
that of LRU, :math:`\sum_i p_i^2`.

References
----------
.. [1] D. Starobinski, D. Tse, "Probabilistic methods for web caching", Performance Evaluation
   46, 2001, sec. 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from math import perm
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.caches.policies.exact import Exact
from qmodel.errors import DomainError

__all__ = ["ExactQLRU", "present", "solvable"]

_STATES = 2520
_CHUNK = 1 << 22
"""Numbers at a time."""


@checked
def solvable(objects: int, places: int) -> bool:
    """Return whether a cache has few enough states.

    Parameters
    ----------
    objects : int
        Number of objects. [-]
    places : int
        Number of them that fit. [-]

    Returns
    -------
    bool
        Whether it has.

    Raises
    ------
    DomainError
        If a number is not a whole one.

    Examples
    --------
    >>> solvable(7, 5), solvable(10, 5), solvable(1000, 1)
    (True, False, True)
    """
    objects, places = (
        _check.one_count(name, x, least=0)
        for name, x in (("objects", objects), ("places", places))
    )
    few = places <= 1 or places >= objects
    return objects <= ExactQLRU.most_objects and (few or perm(objects, places) <= _STATES)


@dataclass(frozen=True, slots=True, eq=False)
class ExactQLRU(Exact):
    """Cache that evicts the least recently used and admits some, solved exactly.

    Parameters
    ----------
    capacity : int or integer array
        Number of objects that fit, >= 0. [-]
    admitted : number or array, default 0.1
        Probability q that a missed object is taken in, > 0. [-]

    Raises
    ------
    DomainError
        If `capacity` is no whole number, `admitted` no probability above zero, or, where it
        is solved, there are too many states.

    Examples
    --------
    >>> import qmodel as qm
    >>> pages = qm.caches.Zipf(6, exponent=0.8)
    >>> ExactQLRU(3, admitted=[1.0, 0.1, 0.01]).solve(pages).hit_ratio.round(6)
    array([0.591639, 0.612966, 0.618371])
    """

    admitted: Value = parameter(
        "probability to be taken in", symbol="q", check=_check.positive_probability, default=0.1
    )

    most_objects = 1000

    @property
    def _parameters(self) -> tuple[Any, ...]:
        return (self.admitted,)

    def _hits_of(self, shares: Any, capacity: Any, *parameters: Any) -> Any:
        return present(shares, capacity, *parameters)


@checked
def present(shares: np.ndarray, places: np.ndarray, admitted: np.ndarray) -> Any:
    """Return which objects are in the cache, one catalogue a row.

    Parameters
    ----------
    shares : array
        Share of the requests for each object. [-]
    places : array
        Whole numbers of objects that fit, one a row. [-]
    admitted : array
        Probability q that a missed object is taken in, one a row. [-]

    Returns
    -------
    array
        Probability of each object to be in the cache. [-]

    Raises
    ------
    DomainError
        If there are too many states.

    Examples
    --------
    >>> import numpy as np
    >>> present(np.array([[0.5, 0.3, 0.2]]), np.array([2]), np.array([0.1])).round(3)
    array([[0.86, 0.68, 0.46]])
    """
    hits = np.where(places[:, None] > 0, 1.0 * (shares > 0), 0.0)
    asked = (shares > 0).sum(axis=-1)
    cases = {(int(n), int(c)) for n, c in zip(asked, places, strict=True) if 0 < c < n}
    for objects, fit in cases:
        if not solvable(objects, fit):
            raise DomainError(
                f"capacity must leave at most {_STATES} orders of what is in the cache, got "
                f"{fit} of {objects} objects"
            )
        rows = np.flatnonzero((asked == objects) & (places == fit))
        step = max(1, _CHUNK // (perm(objects, fit) ** 2 if fit > 1 else objects))
        for start in range(0, rows.size, step):
            here = rows[start : start + step]
            there = shares[here] > 0
            some = shares[here][there].reshape(here.size, objects)
            part = np.zeros(there.shape)
            part[there] = _chain(some, fit, admitted[here][:, None]).ravel()
            hits[here] = part
    return hits


@lru_cache(maxsize=32)
def _moves(objects: int, places: int) -> tuple[Any, Any]:
    """Return the states as rows of objects, and where a request for each object leads."""
    states = np.array(list(permutations(range(objects), places)))
    base = objects ** np.arange(places - 1, -1, -1)
    order = states @ base  # Permutations come in this order.
    after = np.empty((len(states), objects), dtype=int)
    for asked in range(objects):
        # All before it move back by one; of a missed one, all do.
        at = np.where((states == asked).any(axis=1), (states == asked).argmax(axis=1), places)
        moved = np.concatenate([np.full((len(states), 1), asked), states], axis=1)
        keep = np.arange(places + 1) != (at + 1)[:, None]
        keep[at == places] = np.arange(places + 1) < places
        after[:, asked] = np.searchsorted(order, moved[keep].reshape(-1, places) @ base)
    return states, after


def _chain(shares: Any, places: int, admitted: Any) -> Any:
    """Return who is in the cache, catalogues first."""
    if places == 1:
        # Whoever is admitted is drawn like the requests, whatever q is.
        return shares
    states, after = _moves(shares.shape[-1], places)
    number = len(states)
    there = (states[:, :, None] == np.arange(shares.shape[-1])).any(axis=1)
    flow = np.zeros((len(shares), number, number))
    rate = np.where(there, shares[:, None], (admitted * shares)[:, None])
    every = np.arange(number)
    for asked in range(shares.shape[-1]):
        # From each state a request leads to one.
        flow[:, after[:, asked], every] += rate[:, :, asked]
    flow[:, every, every] -= rate.sum(axis=-1)
    flow[:, -1] = 1.0
    right = np.zeros((len(shares), number, 1))
    right[:, -1] = 1.0
    return np.linalg.solve(flow, right)[..., 0] @ there.astype(float)
