r"""The servers that batches find free: the chains of M^X/M/c and of GI^X/M/c, exactly.

Batches of k requests come in Poisson streams. What crosses between n and n + 1 present is equal
both ways,

.. math::

    \min(n + 1, c) \, \mu \, \pi_{n + 1} = \sum_k \lambda_k \sum_{j = n - k + 1}^{n} \pi_j ,

so that the probabilities follow one after the other, all terms positive, and far out as a
geometric series. A batch finds them as they are on the average of time.

Where the times between batches are not exponential they are of a few phases
(`qmodel.distributions.few_phases`); the states are number and phase, up to a number that is
hardly ever present, and the equations of balance have a band as wide as the largest batch. At a
load near 1, where these are too many, the wait is that of a lower load in proportion to
:math:`1 / (1 - \rho)`.

References
----------
.. [1] M. L. Chaudhry, J. G. C. Templeton, "A First Course in Bulk Queues", Wiley 1983.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions.few_phases import balanced, erlangs

__all__ = ["Found", "found_by_batches", "found_by_renewals"]

_IN_A_ROW = 6
"""Phases of times between batches."""
_LEVELS = 12_000
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


def found_by_renewals(
    utilization: Any, servers: Any, batches: Sequence[tuple[Any, int]], scv: Any
) -> Found:
    """Return what batches find at exponential servers, where they come as renewals do.

    Parameters
    ----------
    utilization : number or array
        Busy share of the servers, below 1. [-]
    servers : int or integer array
        Number of servers. [-]
    batches : sequence of pairs
        Share of the requests that come in batches of a size, and that size. [-]
    scv : number or array
        SCV of the times between batches. [-]

    Returns
    -------
    Found
        How many servers are free, and the mean wait of the first of a batch.

    Examples
    --------
    Batches of four in steady intervals find four servers free more often than random ones:

    >>> random, steady = (found_by_renewals(0.7, 4, [(1.0, 4)], scv) for scv in (1.0, 0.2))
    >>> float(random.free[4].round(3)), float(steady.free[4].round(3))
    (0.153, 0.194)
    """
    shares = [np.asarray(share, dtype=float) for share, _ in batches]
    sizes = [size for _, size in batches]
    load, servers, scv, *shares = np.broadcast_arrays(utilization, servers, scv, *shares)
    free = np.full((max(sizes) + 1, load.size), np.nan)
    wait = np.full(load.size, np.nan)
    cells = np.stack([load, servers, scv, *shares]).reshape(3 + len(shares), -1).T
    for cell, (rho, count, varied, *parts) in enumerate(cells.tolist()):
        if not isnan(rho + count + varied + sum(parts)):
            rates = [part / size for part, size in zip(parts, sizes, strict=True)]
            found = _renewals(rho, int(count), sizes, rates, varied)
            free[:, cell], wait[cell] = found
    return Found(free.reshape(-1, *load.shape), wait.reshape(load.shape)[()])


def _renewals(
    load: float, servers: int, sizes: Sequence[int], rates: Sequence[float], scv: float
) -> tuple[np.ndarray, float]:
    """Return free servers and wait of one cell; rates of batches in units of that of all."""
    from scipy.linalg import solve_banded

    events = sum(rates)
    index = sum(rate * size**2 for rate, size in zip(rates, sizes, strict=True))
    spread = max(index * max(scv, 1.0), 1.0) + 1
    # As many that what is beyond is rarer than exp(-20).
    least = 10 * spread / _LEVELS
    rho = min(load, 1 - least)
    levels = servers + int(10 * spread / (1 - rho)) + 4 * max(sizes)
    start, inner = balanced(scv) if scv > 1 else erlangs(scv, _IN_A_ROW)
    stages, most = start.size, max(sizes)
    rate = rho * servers * events  # of batches, in mean services
    quiet, ends = rate * inner, -rate * inner.sum(axis=1)
    low, high = (most + 1) * stages - 1, 2 * stages - 1
    band = np.zeros((low + high + 1, levels * stages))
    each, n = band.reshape(low + high + 1, levels, stages), np.arange(levels)
    busy = np.minimum(n, servers).astype(float)

    def add(into: int, out: int, up: int, much: Any, where: slice) -> None:
        # From (n, out) to (n + up, into).
        each[high + up * stages + into - out, where, out] += much

    for i in range(stages):
        add(i, i, 0, -busy, slice(None))
        add(i, i, -1, busy[1:], slice(1, None))
        for j in range(stages):
            add(j, i, 0, quiet[i, j], slice(None))
            for size, part in zip(sizes, rates, strict=True):
                come = ends[i] * start[j] * part / events
                add(j, i, size, come, slice(0, levels - size))
                add(j, i, 0, come, slice(levels - size, None))
    # One equation follows from the others: there instead a state that is often met is 1.
    often = int(rho * servers) * stages
    columns = np.arange(max(often - low, 0), min(often + high + 1, band.shape[1]))
    band[high + often - columns, columns] = 0.0
    band[high, often] = 1.0
    right = np.zeros(band.shape[1])
    right[often] = 1.0
    states = solve_banded((low, high), band, right).reshape(levels, stages)
    seen = np.maximum(states @ ends, 0.0)
    seen /= seen.sum()
    free = np.zeros(most + 1)
    np.add.at(free, np.clip(servers - n, 0, most), seen)
    wait = float((np.maximum(n + 1 - servers, 0) * seen).sum() / servers)
    return free, wait * (1 - rho) / (1 - load)
