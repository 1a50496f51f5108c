"""What the numbers of a pipeline rest on, read off its steps and its solved stations.

Two questions decide. Do all stations see Poisson arrivals (`qmodel.pipeline.arrivals`)? And are
the times along a path independent? They are on overtake-free paths of FCFS exponential
stations, single-server but at the ends, with delays outside and constant delays anywhere; a
random delay *between* two queues lets requests overtake (`Step.passage`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from qmodel.basis import (
    APPROXIMATE,
    INDEPENDENT_SOJOURNS,
    POISSON_SPLIT,
    Assumption,
    Basis,
    union,
)
from qmodel.caches.base import CacheResult
from qmodel.pipeline.arrivals import Arrivals, Calls
from qmodel.pipeline.steps.base import Step
from qmodel.pipeline.steps.call import Call
from qmodel.queues.approximations.losses_behind import LOSSES_BEHIND
from qmodel.queues.approximations.return_visits import SNAPSHOT
from qmodel.queues.base import DISTRIBUTIONS, MEANS, StationResult
from qmodel.queues.mmc import MMc

__all__ = ["POISSON_LOSSES", "Trace", "labelled"]

POISSON_LOSSES = Assumption(
    "poisson-losses",
    "who is turned away, or leaves, is as many as of Poisson arrivals; where one in fifty is "
    "or more, behind one server of an SCV of 4 the share was found up to 70 % low, behind one "
    "of constant service up to 90 % high",
    "our simulations",
    APPROXIMATE,
)


class Trace(Calls):
    """What steps are asked about, and what they take note of."""

    RANDOM_DELAY = "a random delay"

    def __init__(self, roots: Iterable[Step], results: Mapping[str, StationResult]) -> None:
        super().__init__()
        self.roots, self.results = tuple(roots), results
        self._came_from: dict[str, set[tuple[str, ...] | None]] = {}
        self._left: set[str] = set()

    def arrive(self, name: str, behind: set[Any]) -> None:
        """Note that requests come to a queue from those in `behind`."""
        self._came_from.setdefault(name, set()).update(behind)
        self._left.update(state[0] for state in behind if state)

    def returns(self, step: Step) -> bool:
        """Return whether a path through `step` comes to the same queue a second time."""
        seen: set[str] = set()
        for child in step.in_sequence:
            here = self.queues(child)
            if seen & here:
                return True
            seen |= here
        return any(self.returns(child) for child in step.children)

    def overtake_free(self) -> bool:
        """Return whether the times at the stations of every path are independent, exactly."""
        for root in self.roots:
            if self.returns(root):
                return False
            if any(step.reorders and self.queues(step) for step in root.walk()):
                return False
            root.passage({None}, self)
        for name, states in self._came_from.items():
            before = [state for state in states if state]
            if not before:
                continue
            behind_random = any(self.RANDOM_DELAY in state for state in before)
            single = np.all(np.asarray(self.results[name].station.servers) == 1)
            if len(before) > 1 or behind_random or (name in self._left and not single):
                return False
            queues = (name, *(state[0] for state in before))
            if not all(isinstance(self.results[queue].station, MMc) for queue in queues):
                return False
        return True


def labelled(
    roots: Iterable[Step],
    results: Mapping[str, StationResult],
    arrivals: Arrivals,
    caches: Iterable[CacheResult],
) -> tuple[Basis, dict[str, StationResult]]:
    """Return the basis of a pipeline, and its stations with theirs as their arrivals are."""
    trace = Trace(roots, results)
    unknown = arrivals.disturbed - set(arrivals.scvs)
    stations = {
        name: replace(r, basis=_with_arrivals(r)) if name in unknown else r
        for name, r in results.items()
    }
    steps = [step for root in trace.roots for step in root.walk()]
    called = dict.fromkeys(step.name for step in steps if isinstance(step, Call))
    grounds = [stations[name].basis.grounds for name in called]
    own = [step.grounds(trace) for step in steps]
    losing = any(r.station.loses for name, r in results.items() if name in unknown)
    known = any(step.spaces and step.key in arrivals.scvs for step in steps)
    flow = union(
        (POISSON_LOSSES,) if losing or arrivals.limited else (),
        (LOSSES_BEHIND,) if known else (),
        *(g["utilization"] for g in grounds),
        *(cache.basis.grounds["hit_ratio"] for cache in caches),
        *(g.flow for g in own),
    )
    mean = union(flow, *(g["response_time"] for g in grounds), *(g.mean for g in own))
    distributions = union(mean, *(g["percentiles"] for g in grounds))
    if not trace.overtake_free():
        distributions = union(distributions, (INDEPENDENT_SOJOURNS,))
    distributions = union(distributions, *(g.percentiles for g in own))
    if any(map(trace.returns, trace.roots)):
        distributions = union(distributions, (SNAPSHOT,))
    basis = Basis(
        dict.fromkeys(("max_rate", "bottleneck", "visits", *MEANS[:1]), flow)
        | {"mean": mean, "latency": distributions}
        | dict.fromkeys(DISTRIBUTIONS[2:], distributions)
    )
    return basis, stations


def _with_arrivals(result: StationResult) -> Basis:
    """Return the basis of a station's result where its arrivals are taken as Poisson."""
    lost = (POISSON_LOSSES,) if result.station.loses else ()
    return Basis(
        {
            name: union(grounds, lost if name == "utilization" else (POISSON_SPLIT, *lost))
            for name, grounds in result.basis.grounds.items()
        }
    )
