r"""What a request finds at the replica that it joins, when the balancer asks d of N replicas.

Replicas have c workers each, load :math:`\rho`, exponential service of rate 1; a request
joins the one of d replicas, drawn at random, that has the fewest requests.

**Infinitely many replicas.** The shares :math:`s_k` of replicas with k requests at least
settle where what joins a level balances what leaves it [1]_ [2]_,

.. math::

    \min(k, c) \, (s_k - s_{k+1}) = c \rho \, (s_{k-1}^d - s_k^d), \qquad
    s_k = \rho^{(d^k - 1) / (d - 1)} \; \text{for } c = 1 .

Summed from level k on, :math:`c s_{k+1} = c \rho s_k^d` for :math:`k \ge c`, and below
:math:`k s_k + s_{k+1} + \dots + s_c = c \rho s_{k-1}^d`. The second is homogeneous: from any
:math:`s_c` down it gives :math:`s_0`, and division by that the load to which it belongs. So no
equation is solved.

**Finitely many.** The number x of requests a replica fluctuates, slowly where it matters. While
it is x, the shares are taken as those of the load r(x) that has x requests a replica without
end, so that x is a birth-and-death process with density

.. math::

    w(x) \propto r(x)^{-1/2} \exp\Big( -N \int^x \ln \frac{r}{\rho} \, dx -
    b \int^x y \ln \frac{1}{y} \, dx \Big), \qquad y = 1 - r(x),

and a request finds k or more with the mean of
:math:`\prod_{i<d} (N s_k - \theta i) / (N - \theta i)`. As :math:`\rho \to 1`, y is nearly a
gamma variable of shape :math:`N (1 - \rho) / \ln d`; with few replicas the mean is then that of
one queue of all, as state space collapse has it. Two constants are ours, fitted to simulations
of 1e7 requests: b = 0.5, and :math:`\theta` = 0.77 (of d different replicas) or -1 (of d draws
that may repeat). `qmodel.balancing.power_of_d` has the errors.

References
----------
.. [1] N. D. Vvedenskaya, R. L. Dobrushin, F. I. Karpelevich, "Queueing system with selection
   of the shortest of two queues: an asymptotic approach", Problems of Information
   Transmission 32, 1996.
.. [2] M. Mitzenmacher, "The power of two choices in randomized load balancing", IEEE
   Transactions on Parallel and Distributed Systems 12, 2001, sec. 3.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._typing import Count, Value

__all__ = ["levels_found", "response_time"]

_POINTS = 4000  # of the table of one (c, d)
_NODES = 48  # of the integral over x
_FAR = 34.0  # nodes reach to where the density is exp(-34) of its mode
_DEEP = 26.0  # the table reaches to the load 1 - exp(-30)
_CELLS = 512  # a chunk
_EXTRA = 0.5  # b above


def response_time(load: Value, choices: Count = 2) -> Value:
    """Mean response where one of infinitely many single-server replicas is chosen of d.

    Parameters
    ----------
    load : number or array
        Load of each replica, >= 0. [-]
    choices : int or integer array, default 2
        Number of replicas that are asked, d >= 1. [-]

    Returns
    -------
    number or array
        Mean response over mean service time, of the broadcast shape; inf in overload. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> response_time([0.5, 0.9, 0.99], choices=2).round(4)
    array([1.2657, 2.6141, 5.432 ])
    """
    load = _check.nonnegative("load", load)
    d = np.asarray(_check.count("choices", choices), dtype=float)
    stable = np.where(np.asarray(load) >= 1, 0.0, load)
    tail = np.where(np.isnan(stable), 0.0, stable) ** d  # P(the shortest of d is busy)
    total = 1.0 + 0.0 * stable * d
    with np.errstate(over="ignore", under="ignore"):
        while np.any(tail > 1e-17 * total):
            # One choice is a geometric series, which is summed as such.
            total = total + np.where(d == 1, tail / (1 - stable), tail)
            tail = np.where(d == 1, 0.0, (stable * tail) ** d)
    return np.where(np.asarray(load) >= 1, np.inf, total)[()]


class Table(NamedTuple):
    """The states of (c, d) by the number x of requests a replica, from the first on."""

    x: np.ndarray
    spare: np.ndarray  # log of y = 1 - r
    log_load: np.ndarray  # log of r
    integral: np.ndarray  # of log r over x
    extra: np.ndarray  # of y log(1 / y) over x
    full: np.ndarray  # log odds of s_c


def _down(log_full: Any, c: int, d: int) -> Any:
    """Return s_0 for s_c, with load 1 / c: the second equation, upwards from its end."""
    share = above = np.exp(log_full)
    for k in range(c, 0, -1):
        share = (above + (k - 1) * share) ** (1 / d)
        above = above + share
    return share


@lru_cache(maxsize=64)
def table(c: int, d: int) -> Table:
    """Return the states of infinitely many replicas with c workers and d choices."""
    top, low = 60.0, -60.0 * c
    for _ in range(100):
        middle = (low + top) / 2
        saturated = _down(middle, c, d) ** (d - 1) >= c
        low, top = (low, middle) if saturated else (middle, top)
    ends = np.log(80.0), -4.0, -4.0 - _DEEP
    log_full = low - np.exp(np.interp(np.linspace(0, 2, _POINTS), (0, 1, 2), ends))
    first = _down(log_full, c, d)
    load, share = first ** (d - 1) / c, np.exp(log_full) / first
    x, level = load * c, share
    for _ in range(int(_DEEP / np.log(d)) + 12):
        level = load * level**d
        x = x + level
    kept = (load < 1) & (share < 1)
    kept[1:] &= np.diff(x) > 0
    x, load, share = x[kept], load[kept], share[kept]
    y, log_load = 1 - load, np.log(load)
    some = y * -np.log(y)
    # Below the first point nobody waits: r = x / c, and the integrals are closed.
    start = _alone(x[:1], c)
    steps = np.diff(x) / 2
    return Table(
        x,
        np.log(y),
        log_load,
        np.append(start[0], start[0] + np.cumsum(steps * (log_load[1:] + log_load[:-1]))),
        np.append(start[1], start[1] + np.cumsum(steps * (some[1:] + some[:-1]))),
        np.log(share) - np.log1p(-share),
    )


def _alone(x: Any, c: int) -> tuple[Any, Any]:
    """Return both integrals at an x where no request waits."""
    y = np.clip(1 - x / c, 1e-300, 1.0)
    log = np.log(np.maximum(x / c, 1e-300))
    return x * log - x, c * (0.25 - y * y * (1 - 2 * np.log(y)) / 4)


def levels_found(
    load: np.ndarray, *, replicas: np.ndarray, servers: int, choices: int, sampling: float
) -> np.ndarray:
    r"""Return the probabilities that a request finds c + j requests or more where it joins.

    Parameters
    ----------
    load : array of shape (cells,)
        Load, inside 0 to 1. [-]
    replicas : array of shape (cells,)
        Number of replicas, N. [-]
    servers : int
        Workers of each, c. [-]
    choices : int
        Number of replicas asked, d >= 2. [-]
    sampling : float
        How draws without repetition count, :math:`\theta`. [-]

    Returns
    -------
    array of shape (levels, cells)
        For j = 0, 1, ...; from the last one on, each is load**N of the one before. [-]

    Examples
    --------
    >>> many = {"replicas": np.array([1e9]), "servers": 1}
    >>> levels_found(np.array([0.9]), **many, choices=2, sampling=0.77)[:3, 0].round(4)
    array([0.81  , 0.5314, 0.2288])
    """
    known = table(servers, choices)
    chunks = -(-load.size // _CELLS)
    parts = list(
        zip(np.array_split(load, chunks), np.array_split(replicas, chunks), strict=True)
    )
    found = [_levels(known, rho, n, servers, choices, sampling) for rho, n in parts]
    most = max(len(levels) for levels in found)
    return np.concatenate(
        [prolonged(u, rho**n, most) for u, (rho, n) in zip(found, parts, strict=True)], axis=1
    )


def prolonged(levels: np.ndarray, ratio: np.ndarray, most: int) -> np.ndarray:
    """Return `most` levels: after the last one they fall by `ratio` each."""
    further = np.arange(1, most - len(levels) + 1)[:, None]
    return np.concatenate([levels, levels[-1] * ratio**further])


def _levels(
    known: Table, load: np.ndarray, n: np.ndarray, c: int, d: int, sampling: float
) -> np.ndarray:
    log, end = np.log(load), known.x[-1]
    mode = np.where(log < known.log_load[0], load * c, np.interp(log, known.log_load, known.x))
    peak = n * (mode * log - _integral(known, mode, c)[0])

    def height(x: np.ndarray) -> np.ndarray:
        rise: np.ndarray = n * (x * log - _integral(known, x, c)[0]) - peak
        return rise

    low, high = _edge(height, 0.0 * mode, mode), _edge(height, end + 0.0 * mode, mode)
    x = low + (high - low) * ((np.arange(_NODES) + 0.5) / _NODES)[:, None]
    weights = _weights(known, x, height(x), c) * (high - low) / _NODES
    # Beyond the table all replicas are busy, and the density falls by load**N a step of 1.
    last = _weights(known, end + 0.0 * mode, height(end + 0.0 * mode), c)
    beyond = np.where(high >= end, last / (-n * log), 0.0)
    total = weights.sum(axis=0) + beyond

    inside = x >= known.x[0]
    r = -np.expm1(np.interp(x, known.x, known.spare))
    odds = np.interp(x, known.x, known.full)
    share = np.where(inside, 1 / (1 + np.exp(-odds)), 0.0)
    # A few levels below the end the table has no more to say.
    most = min(int(high.max()) - c + 5, int(end - c - 6 / np.log(d)))
    levels = []
    for _ in range(max(most, 1) + 1):
        found = np.ones_like(share)
        for i in range(d):
            found = found * np.maximum(n * share - sampling * i, 0.0) / (n - sampling * i)
        levels.append(((found * weights).sum(axis=0) + beyond) / total)
        share = r * share**d
    return np.array(levels)


def _edge(height: Any, far: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return where the density becomes negligible, from `near` towards `far`, or `far`."""
    out, inner = far, near
    for _ in range(36):
        middle = (out + inner) / 2
        beyond = height(middle) < -_FAR
        out, inner = np.where(beyond, middle, out), np.where(beyond, inner, middle)
    return np.where(height(far) < -_FAR, out, far)


def _integral(known: Table, x: np.ndarray, c: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both integrals at `x`: the first by its parabolas, which keep its digits."""
    i = np.clip(np.searchsorted(known.x, x) - 1, 0, known.x.size - 2)
    step, width = x - known.x[i], known.x[i + 1] - known.x[i]
    slope = (known.log_load[i + 1] - known.log_load[i]) / width
    first = known.integral[i] + step * (known.log_load[i] + slope * step / 2)
    second = known.extra[i] + step / width * (known.extra[i + 1] - known.extra[i])
    below = _alone(x, c)
    inside = x >= known.x[0]
    return np.where(inside, first, below[0]), np.where(inside, second, below[1])


def _weights(known: Table, x: np.ndarray, height: np.ndarray, c: int) -> np.ndarray:
    log = np.interp(x, known.x, known.log_load)
    log = np.where(x < known.x[0], np.log(np.maximum(x / c, 1e-300)), log)
    weights: np.ndarray = np.exp(height - log / 2 - _EXTRA * _integral(known, x, c)[1])
    return weights
