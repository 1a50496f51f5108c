r"""Join idle queue: a replica that has a free worker reports to a dispatcher, which sends there.

Each of m dispatchers keeps a list of replicas that reported to it; a request that comes to an
empty list goes to a replica drawn at random. Let :math:`\varphi` be the share of full replicas
(the load :math:`\rho` for one worker). The replicas that a list does not hold,
:math:`M = N (\varphi + (1 - \varphi) / m)` at most, come and go like the busy servers of a loss
system that carries :math:`N \varphi`, so that a list is empty with Erlang's B of an A,

.. math::

    E = B(M, A), \qquad A (1 - E) = N \varphi, \qquad
    P = E \Big[ 1 - (1 - \tfrac{1}{m}) (1 - \varphi) \Big]

being the chance that a request waits. A full replica gets requests at a constant rate, so that
the levels found are geometric with the ratio :math:`q = \rho P / \varphi` and the wait of those that
wait is exponential of rate :math:`(1 - q) c / S`. Replicas that are not full get requests at
equal rates; with several workers that gives :math:`\varphi`,

.. math::

    \frac{\varphi (1 - q)}{1 - \varphi} = \frac{B(c, \eta)}{1 - B(c, \eta)}, \qquad
    \eta = \frac{c \rho (1 - P)}{1 - \varphi} .

For one replica with one worker this is M/M/1, and for many with m in proportion the model of
Lu and others [1]_, :math:`P = \rho / (1 + (1 - \rho) N / m)`. That none of the approximations in
between is theirs, the loss system is ours.

**Error** (exponential service). TO MEASURE

**Overload.** ``inf`` in the cell. NaN in, NaN out.

References
----------
.. [1] Y. Lu, Q. Xie, G. Kliot, A. Geller, J. R. Larus, A. Greenberg, "Join-Idle-Queue: a novel
   load balancing algorithm for dynamically scalable web services", Performance Evaluation 68,
   2011.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Count
from qmodel.balancing.informed_pool import InformedPool
from qmodel.balancing.pool import Pool
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.errors import DomainError
from qmodel.numerics.erlang import erlang_b

__all__ = ["JoinIdleQueue", "idle_levels"]

JOIN_IDLE = Assumption(
    "join-idle-queue",
    "the list of idle replicas empties like a loss system of servers. TO MEASURE",
    "Lu et al. 2011 for many dispatchers; our simulations",
    APPROXIMATE,
)


def idle_levels(load: Any, replicas: Any, servers: Any, dispatchers: Any) -> tuple[Any, Any]:
    """Return the chance that a request waits, and the ratio of the levels found.

    Parameters
    ----------
    load : number or array
        Load, inside 0 to 1. [-]
    replicas : int or integer array
        Number of replicas, N >= 1. [-]
    servers : int or integer array
        Workers of each, c >= 1. [-]
    dispatchers : int or integer array
        Number of dispatchers, m >= 1. [-]

    Returns
    -------
    tuple of numbers or arrays
        Chance to find c requests or more; what each further one multiplies it by. [-]

    Examples
    --------
    >>> [round(float(x), 3) for x in idle_levels(0.9, 20, 1, 1)]
    [0.5, 0.5]
    """
    rho, n, c, m = (np.asarray(x, dtype=float) for x in (load, replicas, servers, dispatchers))
    full = rho + 0.0 * n * c * m
    if np.any(c > 1):
        low, high = 0.0 * full, full
        for _ in range(40):
            middle = (low + high) / 2
            chance = _chance(middle, n, m)
            inner = c * rho * (1 - chance) / (1 - middle)
            lost = erlang_b(inner, c)
            ratio = np.minimum(rho * chance / middle, 1.0)
            # More full replicas than their inflow fills: the share is smaller.
            above = middle * (1 - ratio) * (1 - lost) > lost * (1 - middle)
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        full = np.where(c > 1, (low + high) / 2, full)
    chance = _chance(full, n, m)
    return chance, rho * chance / full


def _chance(full: Any, n: Any, m: Any) -> Any:
    """Return the chance to find an empty list and then a full replica."""
    known = 1 - (1 - 1 / m) * (1 - full)  # full replicas, and the idle ones of the own list
    carried, most = n * full, n * known
    # Newton's method from below on a concave function: it does not overshoot.
    offered = carried
    for _ in range(30):
        lost = erlang_b(offered, most)
        slope = 1 - lost - offered * lost * (most / offered - 1 + lost)
        offered = offered + np.maximum(carried - offered * (1 - lost), 0.0) / slope
    return erlang_b(offered, most) * known


@dataclass(frozen=True, slots=True, eq=False)
class JoinIdleQueue(InformedPool):
    """Equal replicas; each request goes to one with a free worker, if one is known.

    Parameters
    ----------
    replica : Station
        What one replica is: `MMc`, `MG1`, `MGc`, `MDc`, `MG1PS` or `MGcPS`. [-]
    replicas : int or integer array
        Their number, >= 1. [-]
    dispatchers : int or integer array, default 1
        Number of dispatchers, each with its own list of idle replicas, at most one a
        replica. [-]

    Raises
    ------
    DomainError
        If `replicas` or `dispatchers` is not a whole number >= 1, or there are more
        dispatchers than replicas.
    ModelError
        If `replica` is not a station.

    Examples
    --------
    A hundred servers at 90 % load:

    >>> import qmodel as qm
    >>> load = JoinIdleQueue(qm.MMc(service_time=0.1), replicas=100).solve(900.0)
    >>> round(float(load.response_time), 3), load.basis
    (0.121, 'approximate')
    """

    dispatchers: Count = 1

    def __post_init__(self) -> None:
        Pool.__post_init__(self)
        dispatchers = _check.count("dispatchers", self.dispatchers)
        m, n = np.broadcast_arrays(dispatchers, self.replicas)
        if np.any(m > n):
            worst = np.flatnonzero((m > n).ravel())[0]
            raise DomainError(
                f"dispatchers must be at most replicas, got dispatchers {m.ravel()[worst]:g} "
                f"of replicas {n.ravel()[worst]:g}"
            )
        object.__setattr__(self, "dispatchers", dispatchers)

    def _levels(self, load: Any, replicas: Any, servers: Any) -> tuple[tuple[Any, ...], Any]:
        chance, ratio = idle_levels(load, replicas, servers, self.dispatchers)
        return (chance,), ratio

    def _grounds(self) -> tuple[Assumption, ...]:
        return (JOIN_IDLE,)
