"""A pipeline under a closed load: users who wait for each answer before they ask again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.errors import ModelError
from qmodel.loads import Closed
from qmodel.networks import closed
from qmodel.queues.birth_death import BirthDeath

if TYPE_CHECKING:
    from qmodel.networks.closed_result import ClosedResult
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.plan import Plan
    from qmodel.queues.base import Station

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
    stations, visits = _without_pools(plan, load.users)
    return closed.solve(stations, visits, load.users, load.think_time)


def _without_pools(plan: Plan, users: Any) -> tuple[dict[str, Station], dict[str, Any]]:
    """Return stations and visits where each pool that may limit the users is one station.

    It serves as fast as its inside with so many in it (flow equivalence); a pool with a permit
    for each user limits nobody.
    """
    flows = plan.flows(1.0, {})
    stations, visits = dict(plan.stations), dict(plan.visits)
    for name in sorted(flows.held, key=flows.depth):
        if name not in stations:
            continue
        pool: Any = flows.station(name)
        if np.all(np.asarray(users) <= np.min(pool.servers)):
            del stations[name], visits[name]
            continue
        stations[name] = BirthDeath(tuple(pool.throughputs))
        for other in _within(flows, name):
            if flows.most(other) is None:
                raise ModelError(
                    f"a closed load takes {other!r} as part of the pool {name!r}, but requests "
                    "call it without a permit, too"
                )
            stations.pop(other, None)
            visits.pop(other, None)
    return stations, visits


def _within(flows: Flows, name: str) -> Iterator[str]:
    for other in flows.inside[name]:
        yield other
        if other in flows.held:
            yield from _within(flows, other)
