"""The API gateway: routing, and security with its cost and its place."""

from __future__ import annotations

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.errors import DomainError
from qmodel.pipeline.steps import call, limit, series
from qmodel.pipeline.steps.base import Step
from qmodel.queues.mmc import MMc

__all__ = ["gateway"]


@checked
def gateway(
    service_time: Value,
    *,
    workers: Count = 1,
    authentication_time: Value = 0.0,
    authenticated: Value = 1,
    authentication: Step | None = None,
    rate_limit: Value | None = None,
    burst: Value = 1.0,
    name: str = "gateway",
) -> Step:
    """Limit, authenticate and route a request.

    Parameters
    ----------
    service_time : number or array
        CPU time of routing, > 0. [s]
    workers : int or integer array, default 1
        Cores or processes, >= 1. [-]
    authentication_time : number or array, default 0
        CPU time of checking a token in the gateway, >= 0. [s]
    authenticated : number or array, default 1
        Share of the requests whose token is checked. [-]
    authentication : Step, optional
        A call to an authentication service, for all requests; `branch` it for a share. [-]
    rate_limit : number or array, optional
        Requests a second let through; none or inf for no limit. [1/s]
    burst : number or array, default 1
        Requests that may come at once beyond the rate, >= 1. [-]
    name : str, default "gateway"
        Name of the station; the limit is "<name> limit". [-]

    Returns
    -------
    Step
        The step. What the limit turns away costs nothing further on: the result's
        `rejected` and `goodput` say how much it is.

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Examples
    --------
    >>> import qmodel as qm
    >>> from qmodel.units import ms
    >>> step = gateway(0.126 * ms, authentication_time=0.022 * ms, workers=4)
    >>> float(qm.Pipeline(step).max_rate)
    27027.0270
    >>> guarded = gateway(0.126 * ms, rate_limit=1000.0, burst=100)
    >>> r = qm.Pipeline(guarded).solve(1500.0)
    >>> float(r.rejected), float(r.goodput)
    (0.3333, 1000.0)
    """
    check = _check.nonnegative("authentication_time", authentication_time)
    share = _check.share("authenticated", authenticated)
    own = _check.positive("service_time", service_time) + share * check
    burst = _check.at_least(1)("burst", burst)
    if rate_limit is None and not is_symbolic(burst) and np.isnan(burst).any():
        raise DomainError("burst must be a number >= 1 where there is no limit, got nan")
    steps: list[Step] = [call(name, MMc(own, workers))]
    if authentication is not None:
        steps.append(authentication)
    if rate_limit is not None and (is_symbolic(rate_limit) or not np.all(np.isinf(rate_limit))):
        steps.insert(0, limit(f"{name} limit", rate_limit, burst=burst))
    return series(*steps)
