r"""How large a pool must be, where what it feeds depends on how many it lets in.

Let :math:`X(n)` be the throughput with n requests inside: measured, of a scalability law, or of
the stations inside (`HeldPool.throughputs`). With P permits the queue
serves at the rate :math:`X(\min(n, P))`; one running sum over n gives every P at once. A pool
that is too small wastes capacity, one beyond the peak of X lets the inside slow itself down.

The universal scalability law [1]_ has contention :math:`\alpha` and coherency :math:`\beta`,

.. math::

    X(n) = \frac{g n}{1 + \alpha (n - 1) + \beta n (n - 1)}, \qquad
    n^* = \sqrt{\frac{1 - \alpha}{\beta}} .

**Assumptions.** Poisson arrivals, exponential times between completions, and an inside that is
in equilibrium at each number (flow equivalence).

References
----------
.. [1] N. J. Gunther, "Guerrilla Capacity Planning", Springer, 2007, ch. 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel.errors import DomainError

__all__ = ["PoolSize", "deadlock_free_permits", "pool_size", "scalability"]


@checked
def scalability(users: Value, *, speed: Value, contention: Value, coherency: Value) -> Value:
    """Throughput by the universal scalability law.

    Parameters
    ----------
    users : number or array
        Requests at work at once, >= 0. [-]
    speed : number or array
        Throughput of one alone, > 0. [1/s]
    contention : number or array
        Share of the work that only one can do at a time, 0 to 1. [-]
    coherency : number or array
        Cost of each pair that must agree, >= 0. [-]

    Returns
    -------
    number or array
        Throughput, of the broadcast shape. [1/s]

    Raises
    ------
    DomainError
        If an argument is outside its domain.

    Examples
    --------
    >>> float(scalability(22, speed=20.0, contention=0.05, coherency=0.002))
    147.9489
    """
    n = _check.nonnegative("users", users)
    g = _check.positive("speed", speed)
    a = _check.probability("contention", contention)
    b = _check.nonnegative("coherency", coherency)
    return g * n / (1 + a * (n - 1) + b * n * (n - 1))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PoolSize:
    """The best size of a pool, and those that are nearly as good.

    Parameters
    ----------
    best : int or integer array
        Permits with the least mean response; 0 where none sustains the load. [-]
    least : int or integer array
        Fewest permits whose mean response is within the tolerance of the best. [-]
    floor : int or integer array
        Fewest permits that sustain the load; 0 where none do. [-]
    ceiling : int or integer array
        Permits of the greatest throughput: more only slow the inside down. [-]
    max_rate : number or array
        That throughput. [1/s]
    response_time : number or array
        Mean response with the best size. [s]
    response_by_permits : array
        Mean response with 1, 2, ... permits, on the first axis. [s]
    """

    best: Count
    least: Count
    floor: Count
    ceiling: Count
    max_rate: Value
    response_time: Value
    response_by_permits: Any


@checked
def pool_size(throughputs: Any, arrival_rate: Value, *, tolerance: float = 0.01) -> PoolSize:
    """Return how many permits a pool should have.

    Parameters
    ----------
    throughputs : array of shape (permits, ...)
        Throughput with 1, 2, ... requests inside, > 0; the cells on the other axes. [1/s]
    arrival_rate : number or array
        Poisson arrivals, >= 0. [1/s]
    tolerance : float, default 0.01
        By how much the mean response of the least size may exceed the best, >= 0. [-]

    Returns
    -------
    PoolSize
        The best size, and the limits of the sizes that do. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain.

    Examples
    --------
    A database that is fastest with 22 connections; 10 are too few, and 100 bring it down:

    >>> curve = scalability(range(1, 101), speed=20.0, contention=0.05, coherency=0.002)
    >>> size = pool_size(curve, 120.0)
    >>> int(size.best), int(size.least), int(size.floor), int(size.ceiling)
    (22, 18, 10, 22)
    >>> size.response_by_permits[[9, 21, 39, 99]].round(4)
    array([0.4142, 0.0965, 0.099 ,    inf])
    """
    x = np.asarray(_check.positive("throughputs", throughputs), dtype=float)
    if not x.size or x.ndim == 0:
        raise DomainError("throughputs must be an array of those with 1, 2, ... inside")
    rate = np.asarray(_check.nonnegative("arrival_rate", arrival_rate), dtype=float)
    tolerance = _check.nonnegative("tolerance", tolerance)
    x = x.reshape(len(x), *[1] * max(rate.ndim - (x.ndim - 1), 0), *x.shape[1:])
    x = x + 0 * rate
    permits = np.arange(1, len(x) + 1).reshape(-1, *[1] * (x.ndim - 1))
    with np.errstate(all="ignore"):
        load = rate / x
        # Weights of 0, 1, ... present, with all permits but those at hand.
        logs = np.cumsum(np.log(load), axis=0)
        top = np.maximum(np.maximum.accumulate(logs, axis=0), 0.0)
        before = np.concatenate([np.zeros_like(logs[:1]), logs[:-1]])
        shift = np.concatenate([np.zeros_like(top[:1]), top[:-1]])
        mass, number = _running(before, permits - 1.0, shift)
        last = np.exp(before - shift)
        queued = last * load / (1 - load)
        present = (number + queued * (permits - 1 + 1 / (1 - load))) / (mass + queued)
        response = np.where(load < 1, present / rate, np.inf)
        response = np.where(rate == 0, 1 / x[:1], response)
    response = np.where(np.isnan(rate + x), np.nan, response)
    return chosen(response, x, tolerance)


def chosen(response: Any, max_rate: Any, tolerance: Any) -> PoolSize:
    """Return the sizes from time and limit with 1, 2, ... permits, on the first axis."""
    least_time = np.min(response, axis=0)
    sustained = np.isfinite(least_time)
    near = response <= least_time * (1 + tolerance)
    found = {
        "best": np.argmin(response, axis=0),
        "least": np.argmax(near, axis=0),
        "floor": np.argmax(np.isfinite(response), axis=0),
    }
    counts: dict[str, Any] = {
        name: np.where(sustained, at + 1, 0)[()] for name, at in found.items()
    }
    if np.isnan(tolerance).any():
        counts["least"] = np.where(np.isnan(tolerance), np.nan, counts["least"])[()]
    return PoolSize(
        **counts,
        ceiling=(np.argmax(max_rate, axis=0) + 1)[()],
        max_rate=np.max(max_rate, axis=0)[()],
        response_time=least_time[()],
        response_by_permits=response,
    )


def _running(logs: Any, counts: Any, shift: Any) -> tuple[Any, Any]:
    """Return running sums of exp(logs) and of its counts, over exp(shift)."""
    mass, number = np.zeros_like(logs), np.zeros_like(logs)
    total, weighted, scale = 0.0 * logs[0], 0.0 * logs[0], shift[0]
    for n in range(len(logs)):
        factor = np.exp(scale - shift[n])
        weight = np.exp(logs[n] - shift[n])
        total = total * factor + weight
        weighted = weighted * factor + weight * counts[n]
        mass[n], number[n], scale = total, weighted, shift[n]
    return mass, number


@checked
def deadlock_free_permits(threads: Count, *, each: Count) -> Count:
    """Fewest permits of a pool with which threads that need several cannot block each other.

    If each of m threads takes k permits one after the other and keeps them, m (k - 1) permits
    may all be out while everybody waits for one more.

    Parameters
    ----------
    threads : int or integer array
        Threads that ask the pool, >= 1. [-]
    each : int or integer array
        Permits that a thread holds at once, >= 1. [-]

    Returns
    -------
    int or integer array
        Fewest permits. [-]

    Raises
    ------
    DomainError
        If an argument is not a whole number >= 1.

    Examples
    --------
    >>> deadlock_free_permits(16, each=2)
    17
    """
    m, k = _check.count("threads", threads), _check.count("each", each)
    return m * (k - 1) + 1
