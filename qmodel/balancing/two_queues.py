r"""Two replicas, and each request joins the one with fewer requests: solved exactly.

The fewer of the two numbers present, m, and their difference d, with its sign, are a
quasi-birth-death process of the level m [1]_: arrivals take d towards zero and, unless it is
zero, m one up (at d = 0 one of the replicas is drawn), departures from the replica with fewer
take m one down. From c requests at the least busy replica on all levels are alike, for c
workers each, and their ratio comes from cyclic reduction. The difference is cut off at 30 on
either side, which leaves out less than 1e-12 for equal replicas, and is reported otherwise.

Replicas may differ in speed: balancers that count connections then give the faster one more,
but less than would be best, as two requests at the slow one count as much as two at the fast.

For equal replicas the probability to find c + j requests at both is wanted for many loads; over
the power of the load that it begins with, its logarithm is smooth in the load, and is fitted
by a polynomial, to 1e-8.

References
----------
.. [1] G. M. Haight, "Two queues in parallel", Biometrika 45, 1958; M. F. Neuts,
   "Matrix-Geometric Solutions in Stochastic Models", Johns Hopkins, 1981.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.balancing.reliability.breakdowns import ratio_of_levels
from qmodel.errors import DomainError

__all__ = ["LEVELS", "ShorterOfTwo", "equal_levels", "shorter_of_two"]

_FURTHEST = 30
LEVELS = 16
"""Levels whose probabilities are stored; from there on they fall by the square of the load."""

_DEGREE = 30
_NODES = 96
_MOST_WORKERS = 64


class ShorterOfTwo(NamedTuple):
    """Two replicas behind a balancer that counts requests."""

    share: Value
    """Share of the requests that goes to the first. [-]."""

    response_time: Value
    """Mean time of a request, of both. [s]."""

    prob_wait: Value
    """Probability that a request finds all workers of its replica busy. [-]."""


@checked
def shorter_of_two(
    arrival_rate: Value, service_times: Sequence[Value], *, workers: int = 1
) -> ShorterOfTwo:
    """What two replicas do behind a balancer that counts their requests, with exponential work.

    Parameters
    ----------
    arrival_rate : number or array
        Poisson arrivals, > 0. [1/s]
    service_times : sequence of number or array
        Mean service time of a worker of each replica, two of them, > 0. [s]
    workers : int, default 1
        Workers of each replica, from 1 to 64. [-]

    Returns
    -------
    ShorterOfTwo
        Share of the first, mean response and probability of a wait, exact; in overload the time
        is inf and the others are NaN. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    One replica is twice as fast. It would get two thirds if the load were shared by speed:

    >>> pair = shorter_of_two(0.75, (1.0, 2.0))
    >>> float(pair.share), float(pair.response_time)
    (0.5977, 2.0554)
    """
    rate = _check.positive("arrival_rate", arrival_rate)
    times = tuple(
        _check.positive("service_times", s)
        for s in _check.several("service_times", service_times)
    )
    c = _check.one_count("workers", workers)
    if len(times) != 2 or c > _MOST_WORKERS:
        what = f"two service_times, got {len(times)}" if c <= _MOST_WORKERS else f"got {c}"
        raise DomainError(f"workers must be at most {_MOST_WORKERS}, with {what}")
    _check.numbers("two queues", rate, *times)
    shape = np.broadcast_shapes(np.shape(rate), *(np.shape(s) for s in times))
    lam, first, second = (
        np.broadcast_to(np.asarray(x, dtype=float), shape).ravel() for x in (rate, *times)
    )
    stable = lam < c / first + c / second
    found = np.where(np.isnan(lam + first + second), np.nan, [[np.nan], [np.inf], [np.nan]])
    for here in np.array_split(np.flatnonzero(stable), 1 + stable.sum() // 64):
        if here.size:
            share, number, levels = _solved(lam[here], 1 / first[here], 1 / second[here], c, 1)
            found[:, here] = share, number / lam[here], levels[0]
    return ShorterOfTwo(*(x.reshape(shape)[()] for x in found))


@checked
def equal_levels(load: Value, workers: int) -> tuple[Any, ...]:
    """Return the probabilities that both of two equal replicas have c + j requests or more.

    Parameters
    ----------
    load : number or array
        Load, inside 0 to 1. [-]
    workers : int
        Workers c of each replica, from 1 to 64. [-]

    Returns
    -------
    tuple of number or array
        The probabilities for j = 0 to 15; from there on each is that before, times the square
        of the load. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain.

    Examples
    --------
    >>> [round(float(x), 4) for x in equal_levels(0.8, 1)[:3]]
    [0.6942, 0.4528, 0.291]
    """
    workers = _check.one_count("workers", workers, most=_MOST_WORKERS)
    x = np.asarray(_check.nonnegative("load", load), dtype=float)
    found = (
        x ** (2 * (workers + j)) * np.exp(fit(np.maximum(x, least)))
        for j, (fit, least) in enumerate(_fitted(workers))
    )
    return tuple(np.minimum(u, 1.0) for u in found)


@lru_cache(maxsize=32)
def _fitted(workers: int) -> tuple[Any, ...]:
    """Return polynomials of the load: logs of the probabilities, less their first power."""
    nodes = 0.01 + 0.98999 * (1 - np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)) / 2
    one = np.ones(nodes.size)
    _, _, levels = _solved(2 * workers * nodes, one, one, workers, LEVELS)
    fits = []
    for j, u in enumerate(levels):
        # Smaller probabilities have lost digits, and do not count.
        known = u > 1e-9
        y = np.log(u[known]) - 2 * (workers + j) * np.log(nodes[known])
        fit = np.polynomial.Chebyshev.fit(nodes[known], y, _DEGREE)
        fits.append((fit, 0.0 if known.all() else float(nodes[known][0])))
    return tuple(fits)


def _blocks(m: int, lam: Any, speeds: tuple[Any, Any], workers: int) -> tuple[Any, Any, Any]:
    """Return the rates one level up, on the level and one down, where the fewer are m."""
    d = np.arange(-_FURTHEST, _FURTHEST + 1)
    one, two = (
        speed[:, None] * np.minimum(m + np.maximum(sign * d, 0), workers)
        for speed, sign in zip(speeds, (1, -1), strict=True)
    )
    k = np.arange(d.size)
    up, same, down = np.zeros((3, lam.size, d.size, d.size))
    more, less = k[d > 0], k[d < 0]
    up[:, more, more - 1] = up[:, less, less + 1] = lam[:, None]
    for other in (-1, 1):
        same[:, _FURTHEST, _FURTHEST + other] += lam / 2
    same[:, more, more - 1] += one[:, more]
    same[:, less, less + 1] += two[:, less]
    if m > 0:
        # A difference of the furthest size grows no further.
        first, second = k[(d <= 0) & (d > d[0])], k[(d >= 0) & (d < d[-1])]
        down[:, first, first - 1] += one[:, first]
        down[:, second, second + 1] += two[:, second]
    same[:, k, k] -= up.sum(axis=2) + same.sum(axis=2) + down.sum(axis=2)
    return up, same, down


def _solved(lam: Any, fast: Any, slow: Any, workers: int, most: int) -> tuple[Any, Any, Any]:
    """Return the share of the first, the number present, and P(c + j or more)."""
    speeds = fast, slow
    d = np.arange(-_FURTHEST, _FURTHEST + 1)
    ratio = ratio_of_levels(*_blocks(workers + 1, lam, speeds, workers))
    ratios = [ratio]
    for m in range(workers - 1, 0, -1):
        up, _, _ = _blocks(m - 1, lam, speeds, workers)
        _, same, _ = _blocks(m, lam, speeds, workers)
        _, _, down = _blocks(m + 1, lam, speeds, workers)
        ratios.append(up @ np.linalg.inv(-(same + ratios[-1] @ down)))
    ratios.reverse()
    first = (
        _blocks(0, lam, speeds, workers)[1] + ratios[0] @ _blocks(1, lam, speeds, workers)[2]
    )
    first[:, :, -1] = 1.0
    right = np.zeros((lam.size, d.size, 1))
    right[:, -1] = 1.0
    state = np.swapaxes(np.linalg.solve(np.swapaxes(first, 1, 2), right), 1, 2)
    joins = np.where(d < 0, 1.0, np.where(d == 0, 0.5, 0.0))
    total = share = number = np.zeros(lam.size)
    for m in range(workers - 1):
        total, share = total + state.sum(axis=(1, 2)), share + (state @ joins)[:, 0]
        number = number + (state @ (2.0 * m + np.abs(d)))[:, 0]
        state = state @ ratios[m]
    beyond = np.linalg.inv(np.eye(d.size) - ratio)
    rest = state @ beyond
    total, share = total + rest.sum(axis=(1, 2)), share + (rest @ joins)[:, 0]
    number = number + (rest @ (2.0 * (workers - 1) + np.abs(d)))[:, 0]
    number = number + 2 * (rest @ ratio @ beyond).sum(axis=(1, 2))
    levels = []
    for _ in range(most):
        rest = rest @ ratio
        levels.append(rest.sum(axis=(1, 2)) / total)
    return share / total, number / total, np.array(levels)
