r"""Caches one behind the other, with a known hit ratio each.

A request goes on to level k if all before it missed, so level k answers the share

.. math:: a_k = h_k \prod_{j<k} (1 - h_j)

of all requests, and what no level answers reaches the origin. The h_k are shares *of what
arrives at the level*: a second cache of the same size has a much lower one than the first,
which has taken the popular objects (`qmodel.caches.hierarchy.hierarchy` says how much lower).

References
----------
.. [1] Q. Huang, K. Birman, R. van Renesse, W. Lloyd, S. Kumar, H. C. Li, "An analysis of
   Facebook photo caching", SOSP, 2013, sec. 4 (65.5, 20.0, 4.6 and 9.9 % by browser,
   edge, origin and backend).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.errors import DomainError

__all__ = ["answered_shares", "hit_ratios"]


def answered_shares(hit_ratios: Sequence[Value]) -> tuple[Value, ...]:
    """Return the share of all requests that each level answers, and the origin.

    Parameters
    ----------
    hit_ratios : sequence of number or array
        Share of hits among the requests that reach each level, the first level first. [-]

    Returns
    -------
    tuple of number or array
        One share a level, and that of the origin; they sum to 1. [-]

    Raises
    ------
    DomainError
        If a hit ratio is no probability.

    Examples
    --------
    The stack of a photo service: browser, edge, origin cache, and the disks behind.

    >>> [round(float(x), 3) for x in answered_shares([0.655, 0.58, 0.317])]
    [0.655, 0.2, 0.046, 0.099]
    """
    left: Any = 1
    shares = []
    for h in hit_ratios:
        h = _check.share("hit_ratios", h)
        shares.append(left * h)
        left = left * (1 - h)
    return (*shares, left)


def hit_ratios(answered: Sequence[Value]) -> tuple[Value, ...]:
    """Return the hit ratio of each level from the share of all requests that it answers.

    Parameters
    ----------
    answered : sequence of number or array
        Share of all requests that each level answers, the first level first; what is
        left of 1 goes to the origin. [-]

    Returns
    -------
    tuple of number or array
        Share of hits among the requests that reach each level; 0 where none do. [-]

    Raises
    ------
    DomainError
        If a share is no probability, or they sum to more than 1.

    Examples
    --------
    >>> [round(float(x), 3) for x in hit_ratios([0.655, 0.200, 0.046])]
    [0.655, 0.58, 0.317]
    """
    left: Any = 1
    ratios = []
    for a in answered:
        a = _check.share("answered", a)
        ratios.append(_over(a, left))
        left = left - a
    if not is_symbolic(left) and np.any(np.asarray(left) < -1e-9):
        raise DomainError(f"the sum of answered must be at most 1, got {1 - np.min(left)}")
    return tuple(ratios)


def _over(share: Any, left: Any) -> Any:
    if is_symbolic(share, left):
        return share / left
    left = np.asarray(left, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A share that is all that is left may exceed it by the rounding of the sum.
        ratio = np.minimum(share / left, 1.0)
        return np.where(left <= 0, 0.0 * np.asarray(share), ratio)[()]
