"""What is lost of streams that are not Poisson: flows, and how variable they are, together.

How many a station loses depends on how variable its arrivals are, and what comes to others on
how many are lost. A pass over the flows is followed by one over the variability of the streams
(`qmodel.pipeline.arrivals`), until that stays as it is. What comes back to a station that loses
some is taken as Poisson there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.pipeline.arrivals import Arrivals
from qmodel.pipeline.flows import Flows, settled

if TYPE_CHECKING:
    from qmodel.pipeline.plan import Plan

__all__ = ["flows_at"]

_ROUNDS = 12
"""Passes after which streams that come back are taken as they are."""


def flows_at(plan: Plan, rate: Any, given: Mapping[Any, Any]) -> Flows:
    """Return the flows at a load, with the shares in `given` and all others settled."""
    flows = settled(plan, rate, given)
    idle = isinstance(rate, int) and rate == 0
    losing = () if idle or not plan.variable else tuple(_losing(plan))
    if not losing:
        return flows
    known: dict[Any, Any] = {}
    before: dict[Any, Any] = {}
    for _ in range(_ROUNDS):
        arrivals = Arrivals(flows)
        scvs = {key: arrivals.scvs[key] for key in losing if key in arrivals.scvs}
        shares = arrivals.accepted
        if not _moved(scvs, known) and not _moved(shares, before):
            break
        known, before = scvs, shares
        flows = settled(plan, rate, {**given, **shares}, scvs)
    flows.arrivals = arrivals
    return flows


def _losing(plan: Plan) -> Iterator[Any]:
    """Yield what loses as many as its stream is variable: stations by name, and limits."""
    yield from (name for name, station in plan.stations.items() if station.losses_follow)
    yield from (key for key, step in plan.coupled.items() if step.spaces)


def _moved(new: Mapping[Any, Any], old: Mapping[Any, Any]) -> bool:
    if new.keys() != old.keys():
        return True
    return any(np.any(np.abs(np.asarray(scv) - old[key]) > 1e-9) for key, scv in new.items())
