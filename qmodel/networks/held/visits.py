r"""Several visits of one request to a pool, which find more or less the same queues.

In heavy traffic they do (the snapshot principle [1]_), so that their waits are equal. The
correlation of two visits is taken to fall exponentially with the time between them, over

.. math::

    \tau = \frac{1 + \rho}{X (1 - \rho)^2} ,

X the throughput at which the pool saturates and :math:`\rho` its load: the integral of the
correlation of the number in M/M/1 [2]_. With an average correlation :math:`\bar c` over all
pairs of visits, each with itself too, all of them find the same with probability
:math:`2 \bar c - 1`, and else each half of them finds its own, which has the right variance.

References
----------
.. [1] M. I. Reiman, "The heavy traffic diffusion approximation for sojourn times in Jackson
   networks", in Applied Probability - Computer Science: The Interface 2, 1982.
.. [2] P. M. Morse, "Stochastic properties of waiting lines", Journal of the Operations
   Research Society of America 3, 1955.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["alike", "halves"]


def alike(limit: Any, arrival_rate: Any, time: Any, visits: Any) -> Any:
    """Return how often all visits find the same queues.

    Parameters
    ----------
    limit : number or array
        Throughput at which the pool saturates. [1/s]
    arrival_rate : number or array
        Rate of the visits of all requests. [1/s]
    time : number or array
        Mean time of one visit. [s]
    visits : int or integer array
        Visits of a request, >= 1. [-]

    Returns
    -------
    number or array
        The share of the requests, 0 to 1. [-]

    Examples
    --------
    Two visits of 20 ms at half load, and near saturation:

    >>> alike(200.0, [100.0, 190.0], 0.02, 2).round(3)
    array([0.513, 0.995])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        load = np.clip(np.divide(arrival_rate, limit), 0.0, 1.0)
        decay = np.asarray(time) * limit * (1 - load) ** 2 / (1 + load)
        one, gap = np.exp(-decay), -np.expm1(-decay)
        pairs = 2 * (one / gap) * (visits - (1 - one**visits) / gap)
        average = (visits + pairs) / np.square(visits)
        # Where it hardly changes: the mean distance of two visits.
        near = 1 - decay * (np.square(visits) - 1) / (3 * np.asarray(visits))
        average = np.where(decay * visits < 1e-5, near, average)
    found = np.where(np.isfinite(average), 2 * average - 1, 1.0)
    return np.clip(found, 0.0, 1.0)[()]


def halves(visits: Any) -> tuple[Any, Any]:
    """Return two numbers of visits, >= 1, that are together as many, if there are two."""
    later = np.maximum(np.asarray(visits) // 2, 1)[()]
    return np.maximum(visits - later, 1)[()], later
