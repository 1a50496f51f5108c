"""The cache: a look-up, and on a miss whatever it saves."""

from __future__ import annotations

from qmodel._typing import Count, Value
from qmodel.pipeline.nodes import Step
from qmodel.pipeline.steps import cached, call, series
from qmodel.queues.delay import Delay
from qmodel.queues.mmc import MMc

__all__ = ["cache"]


def cache(
    hit_ratio: Value,
    service_time: Value,
    miss: Step,
    *,
    workers: Count = 1,
    hop: Value = 0.0,
    name: str = "cache",
) -> Step:
    """Look up in a cache, and on a miss do what it saves.

    Parameters
    ----------
    hit_ratio : number or array
        Share of the look-ups that the cache answers. [-]
    service_time : number or array
        CPU time of a look-up, > 0. [s]
    miss : Step
        What a miss does, such as `database`. [-]
    workers : int or integer array, default 1
        Threads of the cache, >= 1. [-]
    hop : number or array, default 0
        Constant network round trip to the cache, >= 0. [s]
    name : str, default "cache"
        Name of the station and of the hit ratio. [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Examples
    --------
    What loss of the cache does to the database:

    >>> import numpy as np
    >>> import qmodel as qm
    >>> from qmodel.units import ms, us
    >>> db = qm.call("database", qm.MMc(9 * ms, servers=10))
    >>> p = qm.Pipeline(cache(np.array([0.95, 0.3]), 13.5 * us, db))
    >>> load = p.solve(1000.0).stations["database"].utilization
    >>> load, float(load[1] / load[0])
    (array([0.045, 0.63 ]), 14.0)
    """
    lookup: Step = call(name, MMc(service_time, workers))
    if not (isinstance(hop, (int, float)) and hop == 0):
        lookup = series(call(f"{name} hop", Delay(hop)), lookup)
    return cached(hit_ratio, lookup=lookup, miss=miss, name=name)
