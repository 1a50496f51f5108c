r"""Consistent hashing: how uneven the arcs of a hash ring are.

Each of c servers has v points (virtual nodes) at random places of a ring, and serves the
keys on the arcs that end there. The lengths of the c v arcs are those of uniform spacings,
so the shares of the servers are Dirichlet(v, ..., v): one share is Beta(v, (c - 1) v), with
squared coefficient of variation (c - 1) / (c v + 1) [1]_. What decides is the fullest
server. Its *imbalance* is its share over the average 1 / c; a pool of c servers does the
work of c over the imbalance, never of c.

**Mean.** Exact, and so are the means of the second fullest and the others; with one point
each the imbalance is the harmonic number :math:`H_c`.
**Percentiles.** Exact where the share is above one half, else within 0.3 % (by a
saddlepoint, measured against the exact distribution of one point each and simulation; see
`qmodel.balancing.hashing.greatest_share` for both).
**Bounded loads.** A server that has 1 + e times the average passes keys on to the next one
of the ring [2]_: its imbalance is cut at 1 + e, exactly so where keys are many.
**Assumptions.** Points are independent and uniform, and so are the keys, which are many and
none of them hot (`qmodel.balancing.hashing.hot_keys`, `qmodel.balancing.hashing.hashed_keys`).
**Shapes.** All arguments broadcast. **Domain.** Servers and points >= 1.

References
----------
.. [1] N. L. Johnson, S. Kotz, "Continuous Multivariate Distributions", Wiley, 1972, ch. 40.
.. [2] V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent hashing with bounded loads",
   SODA 2018.
"""

from __future__ import annotations

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel.balancing.hashing import greatest_share
from qmodel.errors import DomainError
from qmodel.numerics.quadrature import on_unit_interval
from qmodel.numerics.roots import least_above

__all__ = [
    "ring_imbalance",
    "ring_imbalance_quantile",
    "ring_imbalance_tail",
    "ring_shares",
    "virtual_nodes_needed",
]

_NODES, _WEIGHTS = on_unit_interval(32)
_ENDS = (1e-6, 1 - 1e-9)


@checked
def ring_imbalance(*, servers: Count, virtual_nodes: Count = 1, bound: Value = np.inf) -> Value:
    """Mean load of the fullest server over the average.

    Parameters
    ----------
    servers : int or integer array
        Number of servers, >= 1. [-]
    virtual_nodes : int or integer array, default 1
        Points of each on the ring, >= 1. [-]
    bound : number or array, default inf
        Most load of a server over the average, > 1, where loads are bounded. [-]

    Returns
    -------
    number or array
        The imbalance, of the broadcast shape; exact without a bound. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    With one point each, the fullest of ten servers has three times its share, and seven
    of the ten might as well not be there:

    >>> ring_imbalance(servers=10, virtual_nodes=[1, 10, 100, 1000]).round(3)
    array([2.929, 1.538, 1.159, 1.049])
    >>> float(ring_imbalance(servers=10, virtual_nodes=100, bound=1.1))
    1.0981
    """
    c, v = _ring(servers, virtual_nodes)
    bound = _above_one("bound", bound)
    free = c * greatest_share.mean(c, v)
    if np.all(np.isinf(bound)):
        return free
    low, high = (np.minimum(c * greatest_share.quantile(p, c=c, v=v), bound) for p in _ENDS)
    x = low + (high - low) * _NODES.reshape(-1, *[1] * np.ndim(low))
    above = np.einsum("k,k...->...", _WEIGHTS, greatest_share.tail(x / c, c=c, v=v))
    return np.where(np.isinf(bound), free, low + (high - low) * above)[()]


@checked
def ring_imbalance_quantile(
    p: Value, *, servers: Count, virtual_nodes: Count = 1, bound: Value = np.inf
) -> Value:
    """Load of the fullest server over the average that a share `p` of rings keeps below.

    Parameters
    ----------
    p : number or array
        Probability over the places of the points, from 0 to 1. [-]
    servers : int or integer array
        Number of servers, >= 1. [-]
    virtual_nodes : int or integer array, default 1
        Points of each on the ring, >= 1. [-]
    bound : number or array, default inf
        Most load of a server over the average, > 1, where loads are bounded. [-]

    Returns
    -------
    number or array
        The imbalance, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> ring_imbalance_quantile([0.5, 0.95, 0.99], servers=10, virtual_nodes=100).round(3)
    array([1.152, 1.259, 1.315])
    """
    p = _check.probability("p", p)
    c, v = _ring(servers, virtual_nodes)
    return np.minimum(c * greatest_share.quantile(p, c=c, v=v), _above_one("bound", bound))


@checked
def ring_imbalance_tail(imbalance: Value, *, servers: Count, virtual_nodes: Count = 1) -> Value:
    """Probability that the fullest server has more than so many times the average.

    Parameters
    ----------
    imbalance : number or array
        Load of the fullest server over the average, >= 0. [-]
    servers : int or integer array
        Number of servers, >= 1. [-]
    virtual_nodes : int or integer array, default 1
        Points of each on the ring, >= 1. [-]

    Returns
    -------
    number or array
        Probability over the places of the points, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> ring_imbalance_tail([1.1, 1.25, 1.5], servers=10, virtual_nodes=100).round(4)
    array([0.8834, 0.0629, 0.    ])
    """
    x = _check.nonnegative("imbalance", imbalance)
    c, v = _ring(servers, virtual_nodes)
    return greatest_share.tail(x / c, c=c, v=v)


@checked
def ring_shares(servers: int, virtual_nodes: Count = 1) -> Value:
    """Mean shares of the servers of a ring, the fullest first; exact.

    Parameters
    ----------
    servers : int
        Number of servers, >= 1. [-]
    virtual_nodes : int or integer array, default 1
        Points of each on the ring, >= 1. [-]

    Returns
    -------
    array
        The shares, along the first axis; they sum to 1. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> ring_shares(4).round(4), ring_shares(4, 100).round(4)
    (array([0.5208, 0.2708, 0.1458, 0.0625]), array([0.2762, 0.257 , 0.2421, 0.2248]))
    """
    c, v = _ring(servers, virtual_nodes)
    if np.ndim(c):
        raise DomainError(f"servers must be one number, got shape {np.shape(c)}")
    return greatest_share.ordered_means(int(c), v)


@checked
def virtual_nodes_needed(imbalance: Value, *, servers: Count, p: Value = 0.95) -> Value:
    """Least points a server with which a share `p` of rings is even enough.

    Parameters
    ----------
    imbalance : number or array
        Load of the fullest server over the average that is allowed, > 1. [-]
    servers : int or integer array
        Number of servers, >= 1. [-]
    p : number or array, default 0.95
        Probability over the places of the points, below 1. [-]

    Returns
    -------
    number or array
        Points of each server on the ring, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    Twice as even takes four times the points:

    >>> virtual_nodes_needed([1.5, 1.2, 1.1, 1.05], servers=10)
    array([  30.,  164.,  626., 2443.])
    """
    x = _above_one("imbalance", imbalance)
    p = _check.probability("p", p)
    if np.any(p == 1):
        raise DomainError("p must be below 1, as no number of points is certain, got 1.0")
    x, c, p = np.broadcast_arrays(x, _check.count("servers", servers, most=10**5), p)

    def spare(v: Value) -> Value:
        return x - c * greatest_share.quantile(p, c=c, v=v)

    least = np.maximum(np.floor(least_above(spare, np.ones(x.shape))), 1.0)
    return np.where(spare(least) < 0, least + 1, least)[()]


def _ring(servers: Count, virtual_nodes: Count) -> tuple[Count, Count]:
    _check.numbers("the imbalance of a ring", servers, virtual_nodes)
    return _check.count("servers", servers, most=10**5), _check.count(
        "virtual_nodes", virtual_nodes
    )


def _above_one(name: str, x: Value) -> Value:
    _check.numbers("the imbalance of a ring", x)
    x = _check.positive(name, x, need="a number > 1")
    if np.any(x <= 1):
        raise DomainError(f"{name} must be a number > 1, got {np.min(x)}")
    return x
