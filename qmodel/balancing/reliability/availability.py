r"""Availability: how often enough of the parts are up.

A part that runs for a mean time between failures and is then repaired is up for the share
:math:`A = \text{MTBF} / (\text{MTBF} + \text{MTTR})` of the time, whatever the distributions of
both [1]_. With independent parts,

.. math::

    \text{in series} \prod_i A_i, \qquad \text{in parallel} \; 1 - \prod_i (1 - A_i), \qquad
    \text{k of n} \; \sum_{j=k}^{n} \binom{n}{j} A^j (1 - A)^{n-j} = I_A(k, n - k + 1),

I being the regularised incomplete beta function. A chain of parts that are all needed is
less available than its weakest one; N + k redundancy asks for the least n of which N are up
often enough.

Exact for independent parts. Failures with a common cause (a power feed, a bad release) are
not independent, and limit what redundancy can buy.
**Shapes.** All arguments broadcast; `availability`, `in_series` and `in_parallel` take
symbols.

References
----------
.. [1] R. E. Barlow, F. Proschan, "Statistical Theory of Reliability and Life Testing",
   Holt, Rinehart and Winston, 1975, ch. 2 and 7.
"""

from __future__ import annotations

from functools import reduce
from operator import mul

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.numerics.roots import least_above

__all__ = ["availability", "in_parallel", "in_series", "k_of_n", "replicas_needed"]


@checked
def availability(time_between_failures: Value, time_to_repair: Value) -> Value:
    """Fraction of time that a part is up.

    Parameters
    ----------
    time_between_failures : number or array
        Mean time that it runs until it fails, > 0. [s]
    time_to_repair : number or array
        Mean time until it runs again, >= 0. [s]

    Returns
    -------
    number or array
        The share, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    One crash a month and five minutes until a new machine serves:

    >>> float(availability(30 * 24 * 3600, 300))
    0.99988
    """
    up = _check.positive("time_between_failures", time_between_failures)
    down = _check.nonnegative("time_to_repair", time_to_repair)
    xp = namespace(up, down)
    with xp.errstate(invalid="ignore"):
        # By their ratio, so that what never fails is always up.
        return 1 / (1 + down / up)


@checked
def in_series(*availabilities: Value) -> Value:
    """Fraction of time that all of some parts are up.

    Parameters
    ----------
    *availabilities : numbers or arrays
        Fraction of time that each is up. [-]

    Returns
    -------
    number or array
        The share, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If one is no probability.

    Examples
    --------
    >>> float(in_series(0.9999, 0.999, 0.999))
    0.9979
    """
    return reduce(mul, (_check.share("availabilities", a) for a in availabilities), 1)


@checked
def in_parallel(*availabilities: Value) -> Value:
    """Fraction of time that at least one of some parts is up.

    Parameters
    ----------
    *availabilities : numbers or arrays
        Fraction of time that each is up. [-]

    Returns
    -------
    number or array
        The share, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If one is no probability.

    Examples
    --------
    >>> float(in_parallel(0.99, 0.99))
    0.9999
    """
    down = (1 - _check.share("availabilities", a) for a in availabilities)
    return 1 - reduce(mul, down, 1)


@checked
def k_of_n(*, needed: Count, replicas: Count, available: Value) -> Value:
    """Fraction of time that at least `needed` of the replicas are up.

    Parameters
    ----------
    needed : int or integer array
        How many must be up, >= 0. [-]
    replicas : int or integer array
        Their number, >= 1. [-]
    available : number or array
        Fraction of time that one is up. [-]

    Returns
    -------
    number or array
        The share, of the broadcast shape; 0 where more are needed than there are. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    Four must be up: without a spare replica, with one and with two.

    >>> k_of_n(needed=4, replicas=[4, 5, 6], available=0.99).round(6)
    array([0.960596, 0.99902 , 0.99998 ])
    """
    k = _check.count("needed", needed, least=0)
    n = _check.count("replicas", replicas)
    _check.numbers("k_of_n", k, n, available)
    return _k_of_n(k, n, _check.probability("available", available))


def _k_of_n(k: Value, n: Value, a: Value) -> Value:
    from scipy.special import betainc

    k, n, a = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (k, n, a)))
    inside = (k >= 1) & (k <= n)
    found = betainc(np.where(inside, k, 1.0), np.where(inside, n - k + 1, 1.0), a)
    found = np.where(k < 1, 1.0, np.where(k > n, 0.0, found))
    return np.where(np.isnan(k + n + a), np.nan, found)[()]


@checked
def replicas_needed(needed: Count, *, available: Value, target: Value) -> Value:
    """Least number of replicas of which enough are up often enough.

    Parameters
    ----------
    needed : int or integer array
        How many must be up, >= 1. [-]
    available : number or array
        Fraction of time that one is up. [-]
    target : number or array
        Fraction of time that as many as needed must be up, below 1 unless every one is
        always up. [-]

    Returns
    -------
    number or array
        The number, of the broadcast shape; inf where none is enough. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    How many spare replicas four and forty need for four nines:

    >>> replicas_needed([4, 40], available=0.99, target=0.9999) - [4, 40]
    array([2., 5.])
    """
    k = _check.count("needed", needed)
    a = _check.probability("available", available)
    goal = _check.probability("target", target)
    _check.numbers("replicas_needed", k, a, goal)
    k, a, goal = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (k, a, goal)))

    def spare(n: Value) -> Value:
        # By what is down: near 1 the digits are there.
        return (1 - goal) - _fewer_up(k, n, a)

    root = np.asarray(least_above(spare, k))
    with np.errstate(invalid="ignore"):
        least = np.maximum(np.floor(root), k)
        found = np.where(spare(np.where(np.isfinite(least), least, k)) < 0, least + 1, least)
    certain = (a == 1) | (goal == 0)
    found = np.where(certain, k, np.where((goal == 1) | (a == 0), np.inf, found))
    return np.where(np.isnan(k + a + goal), np.nan, found)[()]


def _fewer_up(k: Value, n: Value, a: Value) -> Value:
    from scipy.special import betaincc

    return betaincc(k, n - k + 1, a)
