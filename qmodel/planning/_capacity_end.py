"""Which objective ends the capacity, so that its derivative needs no search."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qmodel.planning._models import Asked
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

    def read(self, changed: Asked) -> dict[str, Any]:
        """Return by how much the logarithm of the capacity moves, to first order."""
        return {"capacity": -self.objective.margin(changed.solve(self.load)) / self.slope}


def capacity_end(model: Asked, wanted: list[Objective], most: float) -> CapacityEnd | None:
    """Return which objective ends the capacity `most`.

    None where it ends at saturation, or so near that it is as good as that, or where two
    objectives meet.
    """
    room = 1 - most / float(np.max(model.max_rate))
    if not wanted or not room > _ROOM or any(o.from_below for o in wanted):
        return None
    step = min(STEP, room / 100)
    rates = most * np.exp(step * np.array((0, *CENTRAL.offsets)))
    result = model.solve(rates)
    margins = [np.broadcast_to(o.margin(result), rates.shape) for o in wanted]
    near_it = [i for i, margin in enumerate(margins) if abs(margin[0]) < 1e-6]
    if len(near_it) != 1:
        return None
    slope, _ = CENTRAL.slope(margins[near_it[0]][1:], step)
    return CapacityEnd(most, wanted[near_it[0]], slope, step) if slope > 1e-6 else None
