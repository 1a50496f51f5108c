"""Cost against latency: what each step towards a better percentile costs at least.

Each row is the cheapest choice for its limit (`qmodel.planning.size`), from the cheapest one
with a steady state to one that is within a given share of what unlimited numbers give.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import DomainError
from qmodel.loads import Closed, Poisson, Profile
from qmodel.planning._results import Model
from qmodel.planning.quantities import quantity_of
from qmodel.planning.size import size
from qmodel.planning.sizing import Sizing
from qmodel.planning.slo import Objective

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cost_frontier"]

_LOOSE = {"s": 1e12, "%": 1.0}
"""Limits that any steady state keeps."""


@checked
def cost_frontier(
    model: Model,
    arrival_rate: float | Poisson | Closed | Profile,
    quantity: str = "p99",
    *,
    points: int = 10,
    nearest: float = 0.01,
    **options: Any,
) -> pd.DataFrame:
    """Return the least cost for one limit after the other.

    Parameters
    ----------
    model : Pipeline or Station
        The model. [-]
    arrival_rate : number, Closed or Profile
        The load. [1/s]
    quantity : str, default "p99"
        What improves with cost, as objectives name it: a time, or a share that is lost. [-]
    points : int, default 10
        Most rows, >= 2. [-]
    nearest : number, default 0.01
        Share by which the last limit lies above what unlimited numbers give, > 0. [-]
    **options
        Prices, lots, scenarios, headroom, spares and budget of `size`. [-]

    Returns
    -------
    pandas.DataFrame
        `cost`, the quantity, the numbers of each and what binds, the cheapest first. [-]

    Raises
    ------
    DomainError
        If the quantity is one of which more is better, or a number is outside its domain.
    ModelError
        As of `size`.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.call("web", qm.MMc(0.045)), qm.call("db", qm.MMc(0.020))
    >>> site = qm.Pipeline(qm.series(web, db))
    >>> cost_frontier(site, 200.0, points=4).round(3)
       cost    p99  web.servers  db.servers      binding
    0  15.0  0.321           10           5  web.servers
    1  17.0  0.256           12           5   db.servers
    2  19.0  0.239           13           6   db.servers
    3  21.0  0.236           14           7   db.servers
    """
    import pandas as pd

    what = quantity_of(quantity)
    if what.more_is_better:
        raise DomainError(
            f"a frontier is of something of which less is better, got {quantity!r}"
        )
    count = _check.one_count("points", points, least=2, most=256)
    share = _check.one("nearest", nearest, _check.at_least(1e-6))
    plan = size(model, arrival_rate, Objective(quantity, _LOOSE[what.unit]), **options)
    best, worst = (_worst(values) for values in (plan.unlimited, plan.values))
    rows = [_row(plan, str(what))]
    if worst > best * (1 + share):
        # Closer together where each step costs more.
        steps = np.geomspace(1.0, best * share / (worst - best), count)
        for limit in best + (worst - best) * steps[1:]:
            plan = size(model, arrival_rate, Objective(quantity, float(limit)), **options)
            if plan.cost > rows[-1]["cost"]:
                rows.append(_row(plan, str(what)))
    frame = pd.DataFrame(rows)
    frame.attrs["units"] = {str(what): "-" if what.unit == "%" else what.unit}
    return frame


def _worst(values: Mapping[str, Mapping[str, float]]) -> float:
    return max(value for scenario in values.values() for value in scenario.values())


def _row(plan: Sizing, name: str) -> dict[str, Any]:
    return {
        "cost": plan.cost,
        name: _worst(plan.values),
        **plan.numbers,
        "binding": plan.binding,
    }
