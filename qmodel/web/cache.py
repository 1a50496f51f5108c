"""The cache: a look-up, and on a miss whatever it saves."""

from __future__ import annotations

from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel.caches.base import Cache
from qmodel.caches.popularity.base import Popularity
from qmodel.pipeline.steps import cached, call, series
from qmodel.pipeline.steps.base import Step
from qmodel.queues.delay import Delay
from qmodel.queues.mmc import MMc

__all__ = ["cache"]


@checked
def cache(
    hit_ratio: Value | Cache,
    service_time: Value,
    miss: Step,
    *,
    popularity: Popularity | None = None,
    workers: Count = 1,
    hop: Value = 0.0,
    name: str = "cache",
) -> Step:
    """Look up in a cache, and on a miss do what it saves.

    Parameters
    ----------
    hit_ratio : number, array or Cache
        Share of the look-ups that the cache answers; or the cache, which gives it. [-]
    service_time : number or array
        CPU time of a look-up, > 0. [s]
    miss : Step
        What a miss does, such as `database`. [-]
    popularity : Popularity, optional
        With a cache: which share of the look-ups asks for each object. [-]
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
    ModelError
        If a cache comes without a popularity or a popularity without a cache.

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

    What its memory is worth, 2 KiB an object:

    >>> from qmodel.units import GiB, KiB
    >>> profiles = qm.caches.Zipf(10**7, exponent=0.9, size=2 * KiB)
    >>> step = cache(qm.caches.LRU(1 * GiB), 13.5 * us, db, popularity=profiles)
    >>> p = qm.Pipeline(step).replace({"cache.capacity": np.array([1, 4, 16]) * GiB})
    >>> p.solve(1000.0).stations["database"].utilization.round(2)
    array([0.37, 0.22, 0.03])
    """
    lookup: Step = call(name, MMc(service_time, workers))
    if not (isinstance(hop, (int, float)) and hop == 0):
        lookup = series(call(f"{name} hop", Delay(hop)), lookup)
    return cached(hit_ratio, lookup=lookup, miss=miss, popularity=popularity, name=name)
