"""Which objective ends the capacity, so that its derivative needs no search."""

from __future__ import annotations

import numpy as np

from qmodel.planning._models import Asked
from qmodel.planning._stencils import CENTRAL, STEP
from qmodel.planning.slo import Objective

__all__ = ["capacity_end"]


def capacity_end(
    model: Asked, wanted: list[Objective], most: float
) -> tuple[Objective, float] | None:
    """Return the objective that ends the capacity, and how its margin rises with the load.

    None where it ends at saturation, or nearly, or where two objectives meet.
    """
    room = 1 - most / float(np.max(model.max_rate))
    if not wanted or not room > 0.01 or any(o.from_below for o in wanted):
        return None
    step = min(STEP, room / 100)
    rates = most * np.exp(step * np.array((0, *CENTRAL.offsets)))
    result = model.solve(rates)
    margins = [np.broadcast_to(o.margin(result), rates.shape) for o in wanted]
    near_it = [i for i, margin in enumerate(margins) if abs(margin[0]) < 1e-6]
    if len(near_it) != 1:
        return None
    slope, _ = CENTRAL.slope(margins[near_it[0]][1:], step)
    return (wanted[near_it[0]], slope) if slope > 1e-6 else None
