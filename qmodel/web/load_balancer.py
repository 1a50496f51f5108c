"""The load balancer: its own small service time, and its policy towards the pool behind it."""

from __future__ import annotations

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel.balancing.policies import Policy, balanced
from qmodel.errors import ModelError
from qmodel.pipeline.steps import call, series
from qmodel.pipeline.steps.base import Step
from qmodel.queues.base import Station
from qmodel.queues.mmc import MMc

__all__ = ["load_balancer"]


@checked
def load_balancer(
    service_time: Value,
    *,
    workers: Count = 1,
    replica: Station | None = None,
    replicas: Count = 1,
    balancing: Policy = "central queue",
    name: str = "load balancer",
) -> Step:
    """Pass a request on to the pool behind.

    Parameters
    ----------
    service_time : number or array
        CPU time a request, > 0. [s]
    workers : int or integer array, default 1
        Cores or processes of the balancer, >= 1. [-]
    replica : Station, optional
        What one replica of the pool is; by default what follows in the path is the pool. [-]
    replicas : int or integer array, default 1
        Number of replicas, >= 1. [-]
    balancing : str or class of pools, default "central queue"
        How requests find a replica: a name in `qmodel.balancing.POLICIES`, such as "random"
        or "round robin", or a class. [-]
    name : str, default "load balancer"
        Name of the station; the pool is "<name> pool". [-]

    Returns
    -------
    Step
        The step, with the pool where `replica` is given. `monolith`, `microservices` and
        `database` have pools of their own, and their policy with them.

    Raises
    ------
    DomainError
        If a parameter is outside its domain, or no policy has the name.
    ModelError
        If no formula is known for the policy with such a replica, or there is a policy, but
        no replica.

    Examples
    --------
    >>> import qmodel as qm
    >>> from qmodel.units import ms, us
    >>> float(qm.Pipeline(load_balancer(25 * us, workers=4)).max_rate)
    160000.0
    >>> site = load_balancer(
    ...     25 * us, workers=4, replica=qm.MMc(20 * ms, 2), replicas=16, balancing="random"
    ... )
    >>> float(qm.Pipeline(site).solve(1280.0).latency.mean)
    0.0556
    """
    _check.count("replicas", replicas)
    own = call(name, MMc(service_time, workers))
    if replica is None:
        if balancing != "central queue":
            raise ModelError("balancing needs a replica, or is said where the pool is made")
        return own
    return series(own, call(f"{name} pool", balanced(balancing, replica, replicas)))
