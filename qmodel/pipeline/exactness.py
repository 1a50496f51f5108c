"""What the numbers of a pipeline rest on, read off its tree and its solved stations.

Two questions decide. Do all stations see Poisson arrivals? Stations with a Poisson output
(M/M/c, processor sharing, delays) pass them on; a limit, a fork, or FCFS with general
service does not. And are the times along a path independent? They are on overtake-free
paths of FCFS exponential stations, single-server but at the ends, with delays outside and
constant delays anywhere; a random delay *between* two queues lets requests overtake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from qmodel._xp import is_symbolic
from qmodel.balancing.fork_join import FORK_JOIN, FRAILTY, TWO_QUEUES
from qmodel.basis import (
    APPROXIMATE,
    INDEPENDENT_SOJOURNS,
    POISSON_SPLIT,
    Assumption,
    Basis,
    union,
)
from qmodel.caches.base import CacheResult
from qmodel.distributions import Deterministic
from qmodel.pipeline.nodes import (
    Branch,
    Cached,
    Call,
    FanOut,
    Hedged,
    Limit,
    Parallel,
    Repeat,
    Retry,
    Series,
    Solved,
    Step,
    Stored,
)
from qmodel.queues.base import LAWS, MEANS, StationResult
from qmodel.queues.delay import Delay
from qmodel.queues.mmc import MMc

__all__ = ["grounds_of_pipeline", "with_arrivals"]

INDEPENDENT_BRANCHES = Assumption(
    "independent-branches",
    "parallel branches are taken as independent; queues that the same requests load together "
    "are not: the mean is an upper bound, by up to 35 % at 64 branches, the p99 is within 4 %",
    "Nelson and Tantawi 1988; Baccelli and Makowski 1985",
    APPROXIMATE,
)
INDEPENDENT_QUORUM = Assumption(
    "independent-quorum",
    "branches of which some are enough are taken as independent; queues that the same requests "
    "load are long together, so the tail is too short: for the first of 2 M/M/1 queues at "
    "loads up to 0.95 the mean is up to 20 % low and the p99 28 %, for the first of 20 66 % "
    "and 76 %, for half of 10 to 20 18 % and 54 %; for all but one of 5 to 50 the p99 is up to "
    "31 % low, but the mean up to 29 % high",
    "measured here; David and Nagaraja 2003 for the independent ones",
    APPROXIMATE,
)
SHARED_LEAVES = Assumption(
    "shared-leaves",
    "the queues of a fan-out are taken as loaded by its requests alone, though others come "
    "too; the truth lies between that and independent queues: the mean is low by at most 9 % "
    "for two queues and 35 % for 64, the p99 is within 7 %",
    "bounds from Nelson and Tantawi 1988; checked by simulation here",
    APPROXIMATE,
)
SNAPSHOT = Assumption(
    "snapshot",
    "a request that returns to a queue at once finds the same wait again; right in heavy "
    "traffic, and on the safe side below: with M/M/1 and immediate returns the p99 is 11 % "
    "high at 50 % load and 7 % at 80 %, where independent visits would be 27 % low",
    "Reiman 1982",
    APPROXIMATE,
)


INDEPENDENT_COPIES = Assumption(
    "independent-copies",
    "the copy of a hedged request takes a time of its own, though it may wait in the queue of "
    "its original; with copies in the utilization, p99 is right to 1 % for 16 servers and more "
    "up to 0.55, up to 16 % low for them at 0.62 to 0.95, for eight servers 10 % up to 0.6 and "
    "57 % near the limit that a hedge without a budget sets; on one or two servers 33 to 69 %",
    "Dean and Barroso 2013 for hedging; measured here",
    APPROXIMATE,
)


def _forks(step: Step) -> bool:
    if isinstance(step, FanOut):
        return bool(np.any(np.asarray(step.copies) > 1))
    return isinstance(step, Hedged) or (isinstance(step, Parallel) and len(step.steps) > 1)


def _quorum(step: Step) -> bool:
    """Return whether some of what the step asks are enough."""
    if isinstance(step, FanOut):
        return step.need is not None and bool(np.any(np.less(step.need, step.copies)))
    return isinstance(step, Parallel) and step.need < len(step.steps)


def _callers(step: Step, name: str, fan: Step | None = None) -> Iterator[Step | None]:
    """Yield the fan-out from which each call to a station comes, None where from none."""
    if isinstance(step, Call) and step.name == name:
        yield fan
    for child in step.children:
        yield from _callers(child, name, step if isinstance(step, FanOut) else fan)


def _repeats(step: Step) -> bool:
    if isinstance(step, Repeat):
        return is_symbolic(step.times) or bool(np.any(np.asarray(step.times) > 1))
    return isinstance(step, Retry) and step.attempts > 1 and bool(np.any(step.failure != 0))


def _all_of(marks: Iterable[bool]) -> bool:
    """Return whether any mark is set, after making all of them (`any` would stop early)."""
    return sum(marks) > 0


def disturbed(roots: Iterable[Step], solved: Solved) -> set[str]:
    """Return the stations whose arrivals are not Poisson."""
    found: set[str] = set()

    def leave(step: Step, dirty: bool) -> bool:
        if isinstance(step, Call):
            if dirty:
                found.add(step.name)
            return dirty or step.name in found or not solved[step.name].station.poisson_output
        if isinstance(step, Limit):
            return True
        if isinstance(step, Parallel):
            called = [{s.name for s in b.walk() if isinstance(s, Call)} for b in step.steps]
            for i, names in enumerate(called):
                found.update(names.intersection(*[set().union(*called[:i])]) if i else ())
            out = [leave(child, dirty) for child in step.steps]
            # What joins again is no Poisson stream, unless nothing was forked.
            return any(out) or len(step.steps) > 1
        if isinstance(step, Series):
            for child in step.steps:
                dirty = leave(child, dirty)
            return dirty
        if isinstance(step, Cached):
            return leave(step.miss, leave(step.lookup, dirty))
        if isinstance(step, Stored):
            # Misses of one object keep their distance: its last fetch is in the cache.
            return leave(step.miss, leave(step.lookup, dirty) or True)
        if isinstance(step, FanOut):
            return leave(step.step, dirty) or _forks(step)
        if isinstance(step, Hedged):
            return leave(step.step, dirty or bool(_queues(step)))
        if _repeats(step):
            dirty = _all_of(leave(child, dirty) for child in step.children)
        return _all_of(leave(child, dirty) for child in step.children) or dirty

    roots, before = tuple(roots), -1
    while len(found) != before:
        before = len(found)
        for root in roots:
            leave(root, False)
    return found


def _queues(step: Step) -> set[str]:
    calls = (s for s in step.walk() if isinstance(s, Call))
    return {call.name for call in calls if not isinstance(call.station, Delay)}


def _returns(step: Step) -> bool:
    """Return whether a path through `step` comes to the same queue a second time."""
    if isinstance(step, (Series, Cached, Stored)):
        seen: set[str] = set()
        for child in step.children:
            if seen & _queues(child):
                return True
            seen |= _queues(child)
    return any(_returns(child) for child in step.children)


def overtake_free(roots: Iterable[Step], solved: Solved) -> bool:
    """Return whether the times at the stations of every path are independent, exactly."""
    came_from: dict[str, set[tuple[str, ...] | None]] = {}
    left: set[str] = set()
    random = ("a random delay",)

    def queue(step: Step) -> bool:
        return isinstance(step, Call) and not isinstance(step.station, Delay)

    def after(step: Step, states: set[tuple[str, ...] | None]) -> set[tuple[str, ...] | None]:
        """Return the states behind `step`: the last queue, and constant delays since."""
        if isinstance(step, Call):
            if queue(step):
                came_from.setdefault(step.name, set()).update(states)
                left.update(state[0] for state in states if state)
                return {(step.name,)}
            constant = isinstance(step.service or step.station.service, Deterministic)
            return {
                state and ((*state, step.name) if constant else (*state, *random))
                for state in states
            }
        if isinstance(step, Series):
            for child in step.steps:
                states = after(child, states)
            return states
        if isinstance(step, (Cached, Stored)):
            states = after(step.lookup, states)
            return states | after(step.miss, states)
        if isinstance(step, Branch):
            return set().union(*(after(child, set(states)) for child in step.steps))
        if isinstance(step, (FanOut, Hedged, Parallel, Repeat, Retry)):
            for child in step.children:
                states = states | after(child, states)
            return states
        return states

    for root in roots:
        if _returns(root):
            return False
        forks = (s for s in root.walk() if _forks(s))
        joined = [*forks, *(s for s in root.walk() if _repeats(s))]
        if any(queue(inner) for step in joined for inner in step.walk()):
            return False
        after(root, {None})
    for name, states in came_from.items():
        before = states - {None}
        if not before:
            continue
        station = solved[name].station
        behind_random = any(random[0] in state for state in before if state)
        in_the_middle = name in left and not np.all(np.asarray(station.servers) == 1)
        if len(before) > 1 or behind_random or in_the_middle:
            return False
        for queued in (name, *(state[0] for state in before if state)):
            if not isinstance(solved[queued].station, MMc):
                return False
    return True


def with_arrivals(result: StationResult, poisson: bool) -> Basis:
    """Return the basis of a station's result, weaker where its arrivals are not Poisson."""
    if poisson:
        return result.basis
    grounds = dict(result.basis.grounds)
    for name in grounds:
        if name != "utilization":
            grounds[name] = union(grounds[name], (POISSON_SPLIT,))
    return Basis(grounds)


def grounds_of_pipeline(
    roots: Iterable[Step], solved: Solved, caches: Iterable[CacheResult]
) -> Basis:
    """Return the basis of a pipeline: of its capacity, its mean and its percentiles."""
    roots = tuple(roots)
    steps = [step for root in roots for step in root.walk()]
    results = [solved[name] for name in {s.name: None for s in steps if isinstance(s, Call)}]
    flows = union(*(r.basis.grounds["utilization"] for r in results))
    flows = union(flows, *(cache.basis.grounds["hit_ratio"] for cache in caches))
    mean = union(flows, *(r.basis.grounds["response_time"] for r in results))
    joins = [s for s in steps if isinstance(s, FanOut) and _forks(s) and s.queue is not None]
    forks = [s for s in steps if not isinstance(s, Hedged) and _forks(s) and _queues(s)]
    some = [step for step in forks if _quorum(step)]
    if len(forks) > len(joins) + len(some):
        mean = union(mean, (INDEPENDENT_BRANCHES,))
    if some:
        mean = union(mean, (INDEPENDENT_QUORUM,))
    for join in joins:
        exact = np.all(np.asarray(join.copies) <= 2)
        mean = union(mean, (TWO_QUEUES,) if exact else (FORK_JOIN,))
        leaf = join.queue
        assert leaf is not None
        callers = {id(fan) for root in roots for fan in _callers(root, leaf.name)}
        if len(callers) > 1:
            mean = union(mean, (SHARED_LEAVES,))
    if any(isinstance(s, Hedged) and _queues(s) for s in steps):
        flows, mean = union(flows, (INDEPENDENT_COPIES,)), union(mean, (INDEPENDENT_COPIES,))
    laws = union(mean, *(r.basis.grounds["percentiles"] for r in results))
    if joins:
        laws = union(laws, (FRAILTY,))
    if not overtake_free(roots, solved):
        laws = union(laws, (INDEPENDENT_SOJOURNS,))
    if any(_repeats(s) and _queues(s) for s in steps) or any(map(_returns, roots)):
        laws = union(laws, (SNAPSHOT,))
    return Basis(
        dict.fromkeys(("max_rate", "bottleneck", "visits", *MEANS[:1]), flows)
        | {"mean": mean, "latency": laws}
        | dict.fromkeys(LAWS[2:], laws)
    )
