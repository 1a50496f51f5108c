"""The policies of a balancer by the names that their users know them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._nearest import did_you_mean
from qmodel._typing import Count
from qmodel._xp import is_symbolic
from qmodel.balancing.central_queue import CentralQueue
from qmodel.balancing.join_idle import JoinIdleQueue
from qmodel.balancing.join_shortest import LeastConnections
from qmodel.balancing.pool import Pool
from qmodel.balancing.power_of_d import PowerOfChoices
from qmodel.balancing.random_split import RandomSplit
from qmodel.balancing.round_robin import RoundRobin
from qmodel.errors import DomainError
from qmodel.queues.base import Station

__all__ = ["POLICIES", "Policy", "balanced"]

Policy: TypeAlias = str | Callable[[Station, Count], Pool]
"""A name in `POLICIES`, or what makes a pool of a replica and a number: a class of pools."""


def _power_of_two(replica: Station, replicas: Count) -> Pool:
    n = _check.count("replicas", replicas)
    if is_symbolic(n) or np.all(np.asarray(n) >= 2):
        return PowerOfChoices(replica, n)
    # Of one replica no two are different: there the second choice is the first again.
    if np.ndim(n):
        return PowerOfChoices(replica, n, choices=np.minimum(2, n))
    return PowerOfChoices(replica, n, distinct=False)


POLICIES: Mapping[str, Callable[[Station, Count], Pool]] = MappingProxyType(
    {
        "random": RandomSplit,
        "round robin": RoundRobin,
        "power of two": _power_of_two,
        "join idle queue": JoinIdleQueue,
        "least connections": LeastConnections,
        "central queue": CentralQueue,
    }
)
"""From the name of a policy to its pool; those that know less come first."""


@checked
def balanced(policy: Policy, replica: Station, replicas: Count) -> Pool:
    """Return equal replicas behind a balancer with a policy.

    Parameters
    ----------
    policy : str or callable
        A name in `POLICIES`, or a class of pools such as `RoundRobin`. [-]
    replica : Station
        What one replica is, with its own workers and service distribution. [-]
    replicas : int or integer array
        Their number, >= 1. [-]

    Returns
    -------
    Pool
        The pool.

    Raises
    ------
    DomainError
        If no policy has this name; the message has the nearest one.
    ModelError
        If `policy` makes something else than a pool.

    Examples
    --------
    >>> import qmodel as qm
    >>> pool = balanced("round robin", qm.MMc(0.1), replicas=5)
    >>> float(pool.solve(40.0).response_time)
    0.3152
    """
    if not isinstance(policy, str):
        if not callable(policy):
            raise DomainError(f"policy must be a name or a class of pools, got {policy!r}")
        return _check.instance("what policy makes", policy(replica, replicas), Pool)  # type: ignore[no-any-return]
    name = policy.lower().replace("-", " ").replace("_", " ")
    if name not in POLICIES:
        raise DomainError(f"no policy {policy!r} for a balancer{did_you_mean(name, POLICIES)}")
    return POLICIES[name](replica, replicas)
