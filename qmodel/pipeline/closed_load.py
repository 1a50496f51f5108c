"""A pipeline under a closed load: users who wait for each answer before they ask again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qmodel.errors import ModelError
from qmodel.loads import Closed
from qmodel.networks import closed

if TYPE_CHECKING:
    from qmodel.networks.closed_result import ClosedResult
    from qmodel.pipeline.plan import Plan

__all__ = ["closed_state"]


def closed_state(plan: Plan, load: Closed) -> ClosedResult:
    """Return the steady state of a pipeline whose users are so many, and think so long.

    The paths are read as visits to the stations, so what happens at once, or depends on the
    load, is refused with the reason.
    """
    for _, root in plan.kinds.values():
        for step in root.walk():
            if step.at_once or step.loses or step.settled_by:
                why = "does several things at once" if step.at_once else "depends on the load"
                raise ModelError(
                    "a closed load is solved along visits to stations, and "
                    f"{f'{step.word} {step.name!r}' if step.name else f'a {step.word}'} {why}"
                )
    return closed.solve(plan.stations, plan.visits, load.users, load.think_time)
