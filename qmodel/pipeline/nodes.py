"""The nodes of a path, and their two readings.

One reading counts: how often does a request visit each station (`Step.visit`)? The other
composes: what is the law of its time, given the solved stations (`Step.outcome`)? Both
carry what the load decides: which share a limit lets through, a cache answers, a hedge
repeats.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.balancing import fork_join
from qmodel.caches.base import Cache, CacheResult
from qmodel.caches.popularity import Popularity
from qmodel.distributions import (
    ZERO,
    Deterministic,
    Distribution,
    Maximum,
    Minimum,
    OrderStatistic,
    Quorum,
    Repeated,
    Shifted,
    Sum,
)
from qmodel.distributions.algebra import measure
from qmodel.distributions.cells import shape_of
from qmodel.queues.base import Station, StationResult
from qmodel.queues.mmc import MMc
from qmodel.queues.token_bucket import accepted

# The nodes themselves are made by the functions of `qmodel.pipeline.steps`.
__all__ = ["Open", "Outcome", "Solved", "Step", "choice"]

Solved = Mapping[str, StationResult]
Outcome = tuple[Any, Distribution]
"""The share of the requests that get through, and the law of their time."""


class Step(ABC):
    """A part of a request's way."""

    __slots__ = ()

    @property
    def children(self) -> tuple[Step, ...]:
        """The steps inside this one."""
        return ()

    @abstractmethod
    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        """Note the visits of this step and return the share of requests that goes on.

        Parameters
        ----------
        share : number or array
            Share of all requests that comes here. [-]
        shares : mapping
            For each open step and each station that loses requests, what the load makes
            of it: the share that it lets through, answers or repeats. [-]
        note : callable
            Called with a `Call` or an `Open` step and the visits a request makes to it. [-]
        """

    @abstractmethod
    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        """Return the share that gets through and the law of its time, `times` in a row."""

    def walk(self) -> Iterator[Step]:
        """Yield this step and all inside it."""
        yield self
        for child in self.children:
            yield from child.walk()


class Open(Step):
    """A step that does to the requests what the load decides: a limit, a cache, a hedge."""

    __slots__ = ()

    name: str
    """Under which the share is settled."""

    what = ""
    """What it is called where it is in the way."""

    settled = False
    """Whether the share does not depend on the load."""

    slow = False
    """Whether the share depends on the times behind, and not on the flow alone."""

    @property
    def key(self) -> tuple[str, str]:
        """What the share is found by: a cache may be called as its station is."""
        return self.what, self.name

    @property
    def worst(self) -> Any:
        """The share that brings the most load to the stations, of the shape of shares."""
        return 1.0

    @abstractmethod
    def share(self, flow: Any) -> Any:
        """Return the share at a flow into the step [1/s]."""


def _narrow(step: Step) -> bool:
    """Return whether fewer requests may leave the step than come."""
    return isinstance(step, Limit) or (isinstance(step, Call) and step.station.loses)


def _again(outcome: Outcome, times: Any) -> Outcome:
    if isinstance(times, int) and times == 1:
        return outcome
    share, law = outcome
    return share**times, Repeated(law, times)


@dataclass(frozen=True, slots=True, eq=False)
class Call(Step):
    """One visit to a station."""

    name: str
    station: Station
    service: Distribution | None = None

    def serving(self, service: Distribution) -> Call:
        """Return a call to the same station with another law of service."""
        return replace(self, service=service)

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        note(self, share)
        return share * shares.get(self.name, 1)

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        result = solved[self.name]
        through = shares.get(self.name, 1) ** times
        service = self.service or self.station.service
        if isinstance(times, int) and times == 1 and service is result.station.service:
            return through, result.response
        return through, _visits(result, (service,), times)


def _visits(result: StationResult, services: tuple[Distribution, ...], times: Any) -> Any:
    """Return the law of the visits that a request makes to one station on its way."""
    works = services[0] if len(services) == 1 else Sum(services)
    if not (isinstance(times, int) and times == 1):
        works = Repeated(works, times)
    return result.station.law_of_response(result, works, len(services) * times)


@dataclass(frozen=True, slots=True, eq=False)
class Series(Step):
    """Steps one after the other."""

    steps: tuple[Step, ...]

    @property
    def children(self) -> tuple[Step, ...]:
        return self.steps

    def _flat(self) -> Iterator[Step]:
        for step in self.steps:
            yield from step._flat() if isinstance(step, Series) else (step,)

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        for step in self.steps:
            share = step.visit(share, shares, note)
        return share

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        calls: dict[str, list[Call]] = {}
        for step in self._flat():
            if isinstance(step, Call):
                calls.setdefault(step.name, []).append(step)
        outcomes: list[Outcome] = []
        for step in self._flat():
            same = calls.get(step.name, []) if isinstance(step, Call) else []
            if isinstance(step, Call) and len(same) != 1:
                # Visits to one station are taken together, at the first of them.
                services = tuple(call.service or call.station.service for call in same)
                if calls.pop(step.name, None):
                    through = shares.get(step.name, 1) ** (len(same) * times)
                    outcomes.append((through, _visits(solved[step.name], services, times)))
            else:
                outcomes.append(step.outcome(solved, shares, times))
        laws = tuple(law for _, law in outcomes if law is not ZERO)
        return prod(share for share, _ in outcomes), laws[0] if len(laws) == 1 else Sum(laws)


@dataclass(frozen=True, slots=True, eq=False)
class Branch(Step):
    """One of several steps, by probability."""

    probabilities: tuple[Value, ...]
    steps: tuple[Step, ...]

    @property
    def children(self) -> tuple[Step, ...]:
        return self.steps

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        through = [
            step.visit(share * p, shares, note)
            for p, step in zip(self.probabilities, self.steps, strict=True)
        ]
        # Without limits all go on: no rounding, and no sum of p's in a symbolic result.
        limited = any(_narrow(step) for step in self.walk())
        return sum(through) if limited else share

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        outcomes = [step.outcome(solved, shares) for step in self.steps]
        return _again(choice(self.probabilities, outcomes), times)


def choice(probabilities: tuple[Any, ...], outcomes: list[Outcome]) -> Outcome:
    """Return the outcome of a choice; the time is that of the requests that get through."""
    laws = tuple(law for _, law in outcomes)
    if all(isinstance(share, (int, float)) and share == 1 for share, _ in outcomes):
        return 1, measure(probabilities, laws)
    through = [p * share for p, (share, _) in zip(probabilities, outcomes, strict=True)]
    total = sum(through)
    return total, measure(tuple(w / total for w in through), laws)


@dataclass(frozen=True, slots=True, eq=False)
class Parallel(Step):
    """Steps all at once; the last one decides, or that which makes enough of them."""

    steps: tuple[Step, ...]
    need: int

    @property
    def children(self) -> tuple[Step, ...]:
        return self.steps

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        through = [step.visit(share, shares, note) for step in self.steps]
        limited = any(_narrow(step) for step in self.walk())
        return share * prod(t / share for t in through) if limited else share

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        outcomes = [step.outcome(solved, shares) for step in self.steps]
        share = prod(share for share, _ in outcomes)
        laws = tuple(law for _, law in outcomes)
        law = Maximum(laws) if self.need == len(laws) else Quorum(laws, self.need)
        return _again((share, law), times)


@dataclass(frozen=True, slots=True, eq=False)
class FanOut(Step):
    """Equal copies of a step all at once, each at stations of its own."""

    name: str
    copies: Count
    step: Step
    need: Count | None

    @property
    def children(self) -> tuple[Step, ...]:
        return (self.step,)

    @property
    def queue(self) -> Call | None:
        """The one M/M/1 queue that each copy is, all of which are waited for."""
        step = self.step
        if self.need is not None or not isinstance(step, Call) or step.service is not None:
            return None
        single = np.all(np.asarray(step.station.servers) == 1)
        return step if single and isinstance(step.station, MMc) else None

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        # The stations stand for those of one copy, which sees every request.
        self.step.visit(share, shares, note)
        return share

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        queue = self.queue
        if queue is not None:
            load = solved[queue.name]
            law = fork_join.response_law(
                load.arrival_rate, load.station.service.mean, self.copies
            )
            return _again((1, law), times)
        _, law = self.step.outcome(solved, shares)
        need = self.copies if self.need is None else self.need
        return _again((1, OrderStatistic(law, need, of=self.copies)), times)


@dataclass(frozen=True, slots=True, eq=False)
class Repeat(Step):
    """A step several times, one after the other."""

    times: Count
    step: Step

    @property
    def children(self) -> tuple[Step, ...]:
        return (self.step,)

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        self.step.visit(share * self.times, shares, note)
        return share

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        times = self.times * times
        if is_symbolic(times) or np.all(np.asarray(times) >= 1):
            return self.step.outcome(solved, shares, times)
        # No visit takes no time, also where the time of one would be infinite.
        never = np.asarray(times) == 0
        some = np.where(never, 1, times)[()]
        outcomes = [(1, ZERO), self.step.outcome(solved, shares, some)]
        return choice(((never * 1.0)[()], (~never * 1.0)[()]), outcomes)


@dataclass(frozen=True, slots=True, eq=False)
class Retry(Step):
    """A step again after a failure, up to a number of attempts."""

    step: Step
    failure: Value
    attempts: int
    pause: Value

    @property
    def children(self) -> tuple[Step, ...]:
        return (self.step,)

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        expected = sum(self.failure**k for k in range(self.attempts))
        self.step.visit(share * expected, shares, note)
        return share

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        weights, outcomes = [], []
        for k in range(1, self.attempts + 1):
            last = k == self.attempts
            weights.append(self.failure ** (k - 1) * (1 if last else 1 - self.failure))
            share, law = self.step.outcome(solved, shares, k)
            pauses = Deterministic(self.pause * (k - 1))
            outcomes.append((share, law if k == 1 else Sum((law, pauses))))
        return _again(choice(tuple(weights), outcomes), times)


@dataclass(frozen=True, slots=True, eq=False)
class Cached(Step):
    """A look-up, and on a miss another step."""

    name: str
    hit_ratio: Value
    lookup: Step
    miss: Step

    @property
    def children(self) -> tuple[Step, ...]:
        return (self.lookup, self.miss)

    def _steps(self) -> Series:
        then = Branch((1 - self.hit_ratio, self.hit_ratio), (self.miss, Nothing()))
        return Series((self.lookup, then))

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        return self._steps().visit(share, shares, note)

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        return self._steps().outcome(solved, shares, times)


@dataclass(frozen=True, slots=True, eq=False)
class Stored(Open):
    """A look-up in a cache that is modelled, and on a miss another step."""

    name: str
    policy: Cache
    popularity: Popularity
    lookup: Step
    miss: Step
    what = "cache"

    @property
    def worst(self) -> Any:
        shapes = shape_of((self.policy, self.popularity)), self.popularity.grid.shape
        return np.zeros(np.broadcast_shapes(*shapes))[()]

    @property
    def children(self) -> tuple[Step, ...]:
        return (self.lookup, self.miss)

    @property
    def settled(self) -> bool:  # type: ignore[override]
        return not self.policy.needs_rate

    def solve(self, flow: Any) -> CacheResult:
        """Return the steady state of the cache at a flow of look-ups [1/s]."""
        # Without look-ups the cache is as it would be under very few.
        rate = 1.0 if self.settled and is_symbolic(flow) else np.maximum(flow, 1e-200)
        return self.policy.solve(self.popularity, rate)

    def share(self, flow: Any) -> Any:
        return self.solve(flow).hit_ratio

    def _steps(self, shares: Mapping[Any, Any]) -> Cached:
        return Cached(self.name, shares[self.key], self.lookup, self.miss)

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        note(self, share)
        return self._steps(shares).visit(share, shares, note)

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        return self._steps(shares).outcome(solved, shares, times)


@dataclass(frozen=True, slots=True, eq=False)
class Hedged(Open):
    """A step that is done a second time where it takes long; the first answer counts."""

    name: str
    step: Step
    delay: Value
    budget: Value
    what = "hedge"
    slow = True

    @property
    def worst(self) -> Any:
        return self.budget + 0.0 * np.asarray(self.delay)

    @property
    def children(self) -> tuple[Step, ...]:
        return (self.step,)

    def share(self, flow: Any) -> Any:
        raise AssertionError("the share of a hedge comes from the times behind it")

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        note(self, share)
        self.step.visit(share * (1 + shares[self.key]), shares, note)
        return share

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        through, law = self.step.outcome(solved, shares)
        hedged = Minimum((law, Shifted(law, self.delay)))
        if isinstance(self.budget, (int, float)) and self.budget == 1:
            return _again((through, hedged), times)
        late = np.asarray(law.tail(self.delay))
        served = np.where(late > 0, shares[self.key] / np.where(late > 0, late, 1.0), 1.0)[()]
        return _again((through, measure((served, 1 - served), (hedged, law))), times)

    def repeated(self, solved: Solved, shares: Mapping[Any, Any]) -> Any:
        """Return the share of the requests that takes longer than the delay, as budgeted."""
        late = self.step.outcome(solved, shares)[1].tail(self.delay)
        _check.numbers("a hedge", late, self.budget)
        return np.minimum(late, self.budget)


@dataclass(frozen=True, slots=True, eq=False)
class Limit(Open):
    """A token bucket: what finds no token is turned away at once."""

    name: str
    rate: Value
    burst: Value
    what = "limit"

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        note(self, share)
        return share * shares[self.key]

    def share(self, flow: Any) -> Any:
        return accepted(flow, self.rate, self.burst)

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        return shares[self.key] ** times, ZERO


@dataclass(frozen=True, slots=True, eq=False)
class Nothing(Step):
    """No time, no station."""

    def visit(self, share: Any, shares: Mapping[Any, Any], note: Callable[..., None]) -> Any:
        return share

    def outcome(self, solved: Solved, shares: Mapping[Any, Any], times: Any = 1) -> Outcome:
        return 1, ZERO
