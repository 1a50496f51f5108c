"""Which objective ends the capacity, so that its derivative needs no search."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qmodel.loads import Closed
from qmodel.planning._loaded import Loaded
from qmodel.planning._stencils import CENTRAL, STEP
from qmodel.planning.slo import Objective

__all__ = ["CapacityEnd", "capacity_end"]

_ROOM = 1e-5
"""Headroom below which the last digits of a tail decide: what is searched is as good."""


class CapacityEnd(NamedTuple):
    """Where the capacity ends: the load, the objective, and how its margin rises there.

    The `slope` is by the logarithm of the load, and `step` is that of differences around it.
    """

    load: float
    objective: Objective
    slope: float
    step: float

    def read(self, changed: Loaded) -> dict[str, Any]:
        """Return by how much the logarithm of the capacity moves, to first order."""
        missed = self.objective.margin(changed.under(self.load).solve())
        return {"capacity": -missed / self.slope}


def capacity_end(asked: Loaded, wanted: list[Objective], most: float) -> CapacityEnd | None:
    """Return which objective ends the capacity `most`.

    None where it ends at saturation, or so near that it is as good as that, or where two
    objectives meet.
    """
    if not wanted or any(o.from_below for o in wanted):
        return None
    if isinstance(asked.load, Closed):
        return _of_users(asked, wanted, most)
    room = 1 - most / float(np.max(asked.model.max_rate))
    if not room > _ROOM:
        return None
    step = min(STEP, room / 100)
    rates = most * np.exp(step * np.array((0, *CENTRAL.offsets)))
    result = asked.under(rates).solve()
    margins = [np.broadcast_to(o.margin(result), rates.shape) for o in wanted]
    near_it = [i for i, margin in enumerate(margins) if abs(margin[0]) < 1e-6]
    if len(near_it) != 1:
        return None
    slope, _ = CENTRAL.slope(margins[near_it[0]][1:], step)
    return CapacityEnd(most, wanted[near_it[0]], slope, step) if slope > 1e-6 else None


def _of_users(asked: Loaded, wanted: list[Objective], most: float) -> CapacityEnd | None:
    """Return what ends a number of users, as if a part of one more would do."""
    if not 0 < most < np.inf:
        return None
    result = asked.under(np.array([most, most + 1])).solve()
    margins = [np.broadcast_to(o.margin(result), 2) for o in wanted]
    worst = int(np.argmax([margin[1] for margin in margins]))
    here, more = margins[worst]
    at = most + 0.5
    return CapacityEnd(most, wanted[worst], at * (more - here), STEP) if more > here else None
