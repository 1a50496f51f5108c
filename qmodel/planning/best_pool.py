"""How many permits a pool of a pipeline should have, with all that is around and inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.errors import ModelError
from qmodel.networks.pool_size import PoolSize, chosen

if TYPE_CHECKING:
    from qmodel.pipeline.model import Pipeline

__all__ = ["best_pool"]

_MOST = 512
"""Permits up to which all numbers are tried, in seconds."""


@checked
def best_pool(
    pipeline: Pipeline,
    pool: str,
    arrival_rate: Value,
    *,
    most: int = 64,
    percentile: float | None = None,
    tolerance: float = 0.01,
) -> PoolSize:
    """Return how many permits a pool should have, of all sizes up to some number.

    Parameters
    ----------
    pipeline : Pipeline
        The pipeline. [-]
    pool : str
        Name of a pool that is held (`qmodel.hold`). [-]
    arrival_rate : number or array
        Requests a second, >= 0. [1/s]
    most : int, default 64
        The greatest size that is tried, >= 1. [-]
    percentile : float, optional
        The percentile of the latency that is to be short, such as 0.99; by default its
        mean. [-]
    tolerance : float, default 0.01
        By how much the latency of the least size may exceed the best, >= 0. [-]

    Returns
    -------
    PoolSize
        The best size, the least that is nearly as good, the fewest permits that sustain the
        load, and those beyond which nothing is gained. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain.
    ModelError
        If there is no such pool.

    Examples
    --------
    A database that slows down under many queries:

    >>> import qmodel as qm
    >>> curve = qm.networks.scalability(range(1, 65), speed=20, contention=0.05, coherency=2e-3)
    >>> db = qm.LoadDependent(qm.Exponential(0.05), curve * 0.05)
    >>> site = qm.Pipeline(qm.hold("connections", 10, qm.call("database", db)))
    >>> size = best_pool(site, "connections", [80.0, 120.0, 140.0])
    >>> size.best, size.least, size.floor, size.ceiling
    (array([22, 22, 22]), array([11, 18, 21]), array([ 5, 10, 15]), array([22, 22, 22]))
    """
    name = f"{pool}.permits"
    if name not in pipeline.parameters():
        pools = [n.rpartition(".")[0] for n in pipeline.parameters() if n.endswith(".permits")]
        known = f"there are {', '.join(map(repr, pools))}" if pools else "there is none"
        raise ModelError(f"no pool {pool!r} that is held; {known}")
    rate = np.asarray(_check.nonnegative("arrival_rate", arrival_rate), dtype=float)
    tolerance = _check.nonnegative("tolerance", tolerance)
    if percentile is not None:
        percentile = _check.one("percentile", percentile, _check.probability)
    sizes = np.arange(1, _check.one_count("most", most, most=_MOST) + 1)
    sized = pipeline.replace({name: sizes.reshape(-1, *[1] * rate.ndim)})
    latency = sized.solve(rate).latency
    time = latency.mean if percentile is None else latency.quantile(percentile)
    shape = np.broadcast_shapes(np.shape(time), (len(sizes), *rate.shape))
    limit = np.broadcast_to(np.asarray(sized.max_rate), shape)
    return chosen(np.broadcast_to(time, shape), limit, tolerance)
