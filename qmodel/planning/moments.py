"""Whether an objective holds at each moment of a load that changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.errors import ModelError
from qmodel.pipeline.over_time import PipelineOverTime
from qmodel.planning.quantities import Goodput, Mean, Percentile, Share, quantity_of
from qmodel.planning.slo import Objective

__all__ = ["met_at"]


def met_at(goal: Objective, result: PipelineOverTime) -> np.ndarray:
    """Return at which times an objective holds.

    Parameters
    ----------
    goal : Objective
        Mean or percentile of the latency, a loss, or the goodput, of all requests. [-]
    result : PipelineOverTime
        A model over time. [-]

    Returns
    -------
    array of bool
        Whether it holds for those who come at each time; where nobody gets through, the
        latency is no number, and missed. [-]

    Raises
    ------
    ModelError
        If it is about something else.

    Examples
    --------
    >>> import qmodel as qm
    >>> shop = qm.Pipeline(qm.call("web", qm.MMc(0.01, servers=4)))
    >>> r = shop.over_time(qm.Profile([0.0, 60.0], [100.0, 500.0]), times=[0.0, 60.0])
    >>> met_at(qm.planning.parse_objective("p99 < 100 ms"), r).tolist()
    [True, False]
    """
    quantity = quantity_of(goal.quantity)
    values: Any = None
    if isinstance(quantity, Mean) and quantity.variable != "wait":
        values = result.mean
    elif isinstance(quantity, Percentile) and quantity.variable != "wait":
        known = f"p{quantity.digits}" in ("p50", "p95", "p99")  # kept with the result
        values = (
            getattr(result, f"p{quantity.digits}")
            if known
            else result.percentile(quantity.probability)
        )
    elif isinstance(quantity, Goodput):
        values = result.goodput
    elif isinstance(quantity, Share) and quantity.name != "utilization":
        lost = {"rejected": result.rejected, "abandoned": result.abandoned}
        values = lost.get(quantity.name, result.rejected + result.abandoned)
    if values is None or goal.subject:
        raise ModelError(
            f"{goal} is no objective over time: take the mean or a percentile of the latency, "
            "a loss or the goodput, of all requests"
        )
    if quantity.more_is_better:
        return np.asarray(values >= goal.limit * (1 - 1e-9))
    return np.asarray(values <= goal.limit * (1 + 1e-9))
