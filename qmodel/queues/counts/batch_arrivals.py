r"""The servers that batches find free: the chain of M^X/M/c, exactly.

Batches of k requests come in Poisson streams. What crosses between n and n + 1 present is equal
both ways,

.. math::

    \min(n + 1, c) \, \mu \, \pi_{n + 1} = \sum_k \lambda_k \sum_{j = n - k + 1}^{n} \pi_j ,

so that the probabilities follow one after the other, all terms positive, and far out as a
geometric series. A batch finds them as they are on the average of time.

References
----------
.. [1] M. L. Chaudhry, J. G. C. Templeton, "A First Course in Bulk Queues", Wiley 1983.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Found", "found_by_batches"]

_FAR = 20
"""Batches beyond the servers after which the series is geometric to rounding."""


class Found(NamedTuple):
    """What the first of a batch finds.

    Parameters
    ----------
    free : array of shape (most + 1, ...)
        Probability that 0, 1, ... servers are free; the last that as many are, or more. [-]
    wait : number or array
        Mean wait of the first, of exponential service, in mean services. [-]
    """

    free: np.ndarray
    wait: Any


def found_by_batches(
    utilization: Any, servers: Any, batches: Sequence[tuple[Any, int]]
) -> Found:
    """Return what batches find at exponential servers.

    Parameters
    ----------
    utilization : number or array
        Busy share of the servers, below 1. [-]
    servers : int or integer array
        Number of servers. [-]
    batches : sequence of pairs
        Share of the requests that come in batches of a size, and that size. [-]

    Returns
    -------
    Found
        How many servers are free, and the mean wait of the first of a batch.

    Examples
    --------
    >>> found = found_by_batches(0.5, 1, [(1.0, 3)])
    >>> found.free.round(6).tolist(), float(round(found.wait, 6))
    ([0.5, 0.5, 0.0, 0.0], 2.0)
    """
    most = max(size for _, size in batches)
    shares = [np.asarray(share, dtype=float) for share, _ in batches]
    load, servers, *_ = np.broadcast_arrays(utilization, servers, *shares)
    load, servers = load.astype(float), np.asarray(servers)
    rates = [
        share * load * servers / size for share, (_, size) in zip(shares, batches, strict=True)
    ]
    rates = [rate.ravel() for rate in rates]
    shape, unknown = load.shape, np.isnan(servers.astype(float)).ravel()
    servers = np.where(unknown, 1, servers.ravel()).astype(int)
    window = np.zeros((most, servers.size))  # the probabilities before, the last one last
    window[-1] = 1.0
    cells, total = np.arange(servers.size), np.zeros(servers.size)
    free, wait = np.zeros((most + 1, servers.size)), np.zeros(servers.size)
    last = int(servers.max()) + max(_FAR * most, 4 * _FAR)
    with np.errstate(invalid="ignore", divide="ignore"):
        for n in range(last + 1):
            here = window[-1].copy()
            total += here
            free[np.clip(servers - n, 0, most), cells] += here
            wait += np.maximum(n + 1 - servers, 0) * here
            each = zip(rates, batches, strict=True)
            up: Any = sum(rate * window[most - size :].sum(axis=0) for rate, (_, size) in each)
            window[:-1] = window[1:]
            window[-1] = up / np.minimum(n + 1, servers)
            ratio = window[-1] / here
            if n % 64 == 63:  # of many servers they leave the floats
                unit = np.where(total > 0, total, 1.0)  # NaN stays
                for each_one in (window, total, free, wait):
                    each_one /= unit
        ratio = np.where(np.isfinite(ratio), ratio, 0.0)
        rest = window[-1] / (1 - ratio)
        wait = wait + rest * (last + 2 - servers + ratio / (1 - ratio))
        total = total + rest
        free[0] += rest
        total = np.where(unknown, np.nan, total)
        free, wait = free / total, wait / total / servers
    return Found(free.reshape(most + 1, *shape), wait.reshape(shape)[()])
