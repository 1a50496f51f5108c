"""Policies side by side: what a balancer's knowledge is worth, as one frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel.balancing.central_queue import CentralQueue
from qmodel.balancing.policies import POLICIES, Policy, balanced
from qmodel.errors import DomainError
from qmodel.glossary import units_of
from qmodel.queues.base import Station

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare"]

_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@checked
def compare(
    replica: Station,
    replicas: Count,
    arrival_rate: Value,
    *,
    policies: Policy | Iterable[Policy] = tuple(POLICIES),
) -> pd.DataFrame:
    """Solve one pool under several policies and return a row for each.

    Parameters
    ----------
    replica : Station
        What one replica is, with its own workers and service distribution. [-]
    replicas : int or integer array
        Their number, >= 1. [-]
    arrival_rate : number or array
        Arrival rate at the pool, >= 0; arrays make a row for each cell. [1/s]
    policies : iterable of str or callable, optional
        Names in `POLICIES` or classes of pools; by default all names. [-]

    Returns
    -------
    pandas.DataFrame
        `policy`, `replicas`, `arrival_rate`, `utilization`, `waiting_time`,
        `response_time`, `p50`, `p95`, `p99`, `max_rate`, by how much the response is longer
        than behind a central queue (`response_time.extra`), and the weakest `basis`.
        ``attrs["units"]`` has the units, ``attrs["basis"]`` the label of each column. [-]

    Raises
    ------
    DomainError
        If a name is unknown, there is no policy, or a number is outside its domain.
    ModelError
        If no formula is known for a policy with such a replica.

    Examples
    --------
    >>> import qmodel as qm
    >>> some = ["random", "round robin", "central queue"]
    >>> frame = compare(qm.MMc(0.1), replicas=8, arrival_rate=64.0, policies=some)
    >>> frame[["policy", "response_time", "p99", "response_time.extra", "basis"]].round(3)
              policy  response_time    p99  response_time.extra  basis
    0         random          0.500  2.303              288.794  exact
    1    round robin          0.298  1.372              131.700  exact
    2  central queue          0.129  0.515                0.000  exact
    """
    import pandas as pd

    rate = _check.nonnegative("arrival_rate", arrival_rate)
    _check.numbers("a frame of policies", rate, replicas, replica.max_rate)
    if isinstance(policies, str) or callable(policies):
        policies = (policies,)
    ideal = CentralQueue(replica, replicas).solve(rate).response_time
    frames, labels = [], {}
    for policy in policies:
        pool = balanced(policy, replica, replicas)
        name = policy if isinstance(policy, str) else policy.__name__
        result = pool.solve(rate)
        columns: dict[str, Any] = {
            "replicas": pool.replicas,
            "arrival_rate": rate,
            "utilization": result.utilization,
            "waiting_time": result.waiting_time,
            "response_time": result.response_time,
        }
        columns |= {p: result.response.quantile(share) for p, share in _PERCENTILES.items()}
        columns |= {
            "max_rate": pool.max_rate,
            "response_time.extra": _extra(result.response_time, ideal),
        }
        cells = np.broadcast_arrays(*(np.atleast_1d(v) for v in columns.values()))
        rows = {n: c.ravel() for n, c in zip(columns, cells, strict=True)}
        frames.append(pd.DataFrame({"policy": name} | rows | {"basis": str(result.basis)}))
        known = [c for c in columns if c in result.basis.grounds]
        labels[name] = {c: result.basis[c] for c in (*known, "percentiles")}
    if not frames:
        raise DomainError("policies must not be empty")
    table = pd.concat(frames, ignore_index=True)
    units = units_of(list(table.columns)) | {"replicas": "-", "response_time.extra": "%"}
    table.attrs["units"] = units
    table.attrs["basis"] = labels
    return table


def _extra(time: Any, ideal: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return 100 * (np.asarray(time) / ideal - 1)
