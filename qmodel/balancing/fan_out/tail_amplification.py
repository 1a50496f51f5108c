r"""Tail amplification: a request that asks many leaves waits for the slowest.

With a share p of slow answers at each of n independent leaves, the share of slow requests is

.. math:: 1 - (1 - p)^n = -\operatorname{expm1}(n \ln(1 - p)) ,

so a percentile q of the whole needs :math:`q^{1/n}` at every leaf [1]_. Leaves that are slow
together, for one cause, make it less: it is an upper bound then.

References
----------
.. [1] J. Dean, L. A. Barroso, "The tail at scale", Communications of the ACM 56, 2013.
"""

from __future__ import annotations

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel._xp import namespace

__all__ = ["leaf_percentile", "slow_share"]


@checked
def slow_share(slow: Value, leaves: Count) -> Value:
    """Share of the requests that at least one leaf answers slowly.

    Parameters
    ----------
    slow : number or array
        Share of slow answers at one leaf. [-]
    leaves : int or integer array
        Leaves that every request asks, >= 1. [-]

    Returns
    -------
    number or array
        The share, of the broadcast shape; small ones keep their digits. [-]

    Raises
    ------
    DomainError
        If `slow` is outside 0 to 1, or `leaves` is not a whole number >= 1.

    Examples
    --------
    One answer in a hundred at 100 leaves, one in 10,000 at 2,000:

    >>> float(slow_share(0.01, 100)), float(slow_share(0.0001, 2000))
    (0.634, 0.1813)
    """
    p, n = _check.probability("slow", slow), _check.count("leaves", leaves)
    xp = namespace(p, n)
    with xp.errstate(divide="ignore"):
        return -xp.expm1(n * xp.log1p(-p))


@checked
def leaf_percentile(percentile: Value, leaves: Count) -> Value:
    """Percentile that every leaf must hold for the slowest of them to hold another.

    Parameters
    ----------
    percentile : number or array
        Wanted of the whole, such as 0.99. [-]
    leaves : int or integer array
        Leaves that every request asks, >= 1. [-]

    Returns
    -------
    number or array
        The percentile of a leaf, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If `percentile` is outside 0 to 1, or `leaves` is not a whole number >= 1.

    Examples
    --------
    >>> float(leaf_percentile(0.99, 100))
    0.9999
    """
    p, n = _check.probability("percentile", percentile), _check.count("leaves", leaves)
    xp = namespace(p, n)
    with xp.errstate(divide="ignore"):
        return xp.exp(xp.log(p) / n)
