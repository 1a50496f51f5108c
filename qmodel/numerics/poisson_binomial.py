r"""How many of several unlike events happen: the Poisson binomial distribution.

With :math:`S = \sum_j B_j` of independent events of probabilities :math:`\pi_j`, the
distribution of S comes from adding one event after the other; all terms are positive. The
distribution without event i is that of S divided by the factor of i,

.. math:: P(S_{-i} = k) = \frac{P(S = k) - \pi_i P(S_{-i} = k - 1)}{1 - \pi_i} ,

which is stable upwards for :math:`\pi_i \le 1/2`; for others the same is done with the
events that do not happen. Absolute error below 1e-13 for a thousand events.

**Few of very many.** Of a distribution that is wanted for small numbers only, events of the
same kind are taken together. With odds x and w of them, their factor of the generating function
is :math:`(1 + x z)^w`, and that of all groups, by Newton's identities [2]_ with the power sums
:math:`P_i = \sum w x^i`,

.. math:: k\, e_k = \sum_{i=1}^{k} (-1)^{i-1} P_i\, e_{k-i} .

References
----------
.. [1] Y. H. Wang, "On the number of successes in independent trials", Statistica Sinica 3,
   1993, sec. 2.
.. [2] I. G. Macdonald, "Symmetric Functions and Hall Polynomials", 2nd ed., Oxford
   University Press, 1995, sec. I.2 (2.11').
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Groups", "distribution", "marked_distribution", "without_each"]

_NOTHING = 1e-60
"""Sums of powers below this one add nothing to a probability."""


class Groups(NamedTuple):
    """Groups of unlike events, along the last axis."""

    odds: Any
    """Odds of each event, with an axis of cases before the groups. [-]."""

    number: Any
    """Number of events, whole or not. [-]."""

    none: Any
    """Log of the probability that none of all events happens, cases last. [-]."""

    marks: Any
    """Mark of each event over the probability that it does not happen. [-]."""


def distribution(probabilities: Any) -> Any:
    """Return the probabilities of 0, 1, ... n events.

    Parameters
    ----------
    probabilities : array
        Probability of each of n events, along the last axis. [-]

    Returns
    -------
    array
        Probabilities, n + 1 along the last axis. [-]

    Examples
    --------
    >>> distribution([0.5, 0.1])
    array([0.45, 0.5 , 0.05])
    """
    # Events first: each step then runs over whole rows.
    probabilities = np.moveaxis(np.asarray(probabilities, dtype=float), -1, 0)
    found = np.zeros((probabilities.shape[0] + 1, *probabilities.shape[1:]))
    found[0] = 1.0
    for n, probability in enumerate(probabilities, start=1):
        moved = probability * found[:n]
        found[:n] -= moved
        found[1 : n + 1] += moved
    return np.moveaxis(found, 0, -1)


def without_each(probabilities: Any, most: Any) -> tuple[Any, Any]:
    """Return how often at most, and just, so many of the other events happen.

    Parameters
    ----------
    probabilities : array
        Probability of each of n events, along the last axis. [-]
    most : int or integer array
        How many, from 0 to n - 1, for each cell. [-]

    Returns
    -------
    tuple of array
        For each event, P(S <= most) and P(S = most) for the sum S of all others. [-]

    Examples
    --------
    >>> without_each([0.5, 0.1], 0)
    (array([0.9, 0.5]), array([0.9, 0.5]))
    """
    probabilities = np.asarray(probabilities, dtype=float)
    events = probabilities.shape[-1]
    whole = np.moveaxis(distribution(probabilities), -1, 0)[..., None]
    flip = probabilities > 0.5
    low = np.where(flip, 1 - probabilities, probabilities)
    # Counting what does not happen, at most m others is at least n - 1 - m of them.
    wanted = np.where(
        flip, events - 1 - np.asarray(most)[..., None], np.asarray(most)[..., None]
    )
    ratio, scale = low / (1 - low), 1 / (1 - low)
    one, sum_, at, below = np.zeros((4, *probabilities.shape))
    ends = set(np.unique(wanted).tolist())
    for k in range(int(wanted.max()) + 1):
        one *= -ratio
        one += np.where(flip, whole[events - k], whole[k]) * scale
        if k in ends:
            here = k == wanted
            at, below = np.where(here, one, at), np.where(here, sum_, below)
        sum_ += one
    return np.where(flip, 1 - below, below + at), at


def marked_distribution(
    singles: tuple[Any, Any, Any], groups: Groups, most: int
) -> tuple[Any, Any]:
    """Return the distribution of few of very many events, also where one of them is left out.

    Parameters
    ----------
    singles : tuple of array
        For each event that stands alone, along the first axis: the probability that it happens,
        that it does not, and its mark; cases last. [-]
    groups : Groups
        All other events. [-]
    most : int
        The largest number that is wanted. [-]

    Returns
    -------
    tuple of array
        P(S = k), and the sum over all events of mark times P(S = k without the event), for
        k from 0 to `most` along the first axis. [-]

    Notes
    -----
    All terms of single events are positive. Those of groups change signs: they keep their
    digits where odds of groups are not far above one, or else single events are so many
    that few of all hardly ever happen.

    Examples
    --------
    >>> none = Groups(np.zeros((1, 0)), np.zeros(0), np.zeros(1), np.zeros(0))
    >>> probability = np.array([[0.5], [0.1]])
    >>> groups = (probability, 1 - probability, np.ones((2, 1)))
    >>> total, marked = marked_distribution(groups, none, 2)
    >>> total[:, 0], marked[:, 0]
    (array([0.45, 0.5 , 0.05]), array([1.4, 0.6, 0. ]))
    """
    shape = np.shape(groups.none)
    sums = np.zeros((most + 1, *shape, 2))
    weights = np.stack([groups.number, groups.number * groups.marks], axis=-1)
    power = np.ones(groups.odds.shape)
    for k in range(most + 1):
        sums[k] = power @ weights
        power *= groups.odds
        if not power.max(initial=0.0) > _NOTHING:
            break
    sums[1::2] *= -1.0
    powers, marks = -sums[..., 0], sums[..., 1]
    total, marked = np.zeros((2, most + 1, *shape))
    total[0] = np.exp(groups.none)
    for k in range(1, most + 1):
        total[k] = np.einsum("k...,k...->...", powers[1 : k + 1], total[k - 1 :: -1]) / k
    for k in range(most + 1):
        marked[k] = np.einsum("k...,k...->...", marks[: k + 1], total[k::-1])
    for happens, rests, mark in zip(*singles, strict=True):
        moved = happens * marked[:-1]
        marked *= rests
        marked[1:] += moved
        marked += mark * total
        moved = happens * total[:-1]
        total *= rests
        total[1:] += moved
    return total, marked
