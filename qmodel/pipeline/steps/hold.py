"""A permit of a pool, kept during a step: a thread, a worker, a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._checked import checked
from qmodel._typing import Count
from qmodel._xp import is_symbolic
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.networks.held.counts import Place
from qmodel.networks.held.inside import Inside, place_of
from qmodel.networks.held.pool import HeldPool
from qmodel.networks.held.result import View
from qmodel.networks.held.visits import alike, halves
from qmodel.networks.pool_size import deadlock_free_permits
from qmodel.pipeline.steps.base import (
    Outcome,
    Step,
    checked_name,
    checked_step,
    choice,
    one_after_the_other,
)
from qmodel.pipeline.steps.call import Call
from qmodel.queues.base import Station, StationResult

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.drawing.graph import Ends, Graph
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved
    from qmodel.queues.approximations.dispersion import Dispersion

__all__ = ["Hold", "hold"]


@dataclass(frozen=True, slots=True, eq=False)
class Pool(HeldPool):
    """A pool of permits that the steps of its name hold."""

    def placed(self, name: str, flows: Flows) -> Station:
        if self.each > 1:
            self._refuse_deadlock(name, flows)
        return replace(self, setting=_Meanwhile(name, flows))

    def solve_at(self, load: Any, at: Solved) -> StationResult:
        return self.at(at).solve(load)

    def at(self, solved: Solved) -> Pool:
        """Return the pool with the stations inside as they are solved."""
        assert isinstance(self.setting, _Meanwhile)
        return replace(self, setting=self.setting.at(solved))

    def _refuse_deadlock(self, name: str, flows: Flows) -> None:
        """Refuse requests that may each keep some permits and wait for more for ever."""
        outer = [h for h, inside in flows.inside.items() if name in inside]
        ask = [np.max(flows.station(h).servers) for h in outer]
        need = deadlock_free_permits(int(min(ask)), each=self.each) if ask else np.inf
        if np.any(np.asarray(self.permits) < need):
            who = f"{min(ask):g} holders of {outer[0]!r}" if ask else "requests without a limit"
            what = f"needs {need:g}, or" if ask else "must be held inside another pool, or let"
            raise ModelError(
                f"{who} that take {self.each} permits each of {name!r} may block each other "
                f"for ever with {np.min(self.permits):g} permits: {name!r} {what} a request "
                "take one"
            )


class _Meanwhile(Inside):
    """What is done in a pipeline while a permit is held."""

    def __init__(self, name: str, flows: Flows) -> None:
        self._name, self._flows = name, flows
        self._at: Any = None

    def at(self, solved: Solved) -> Inside:
        """Return the same at solved stations."""
        if self._name in solved.held:
            known: Inside = solved.held[self._name]
            return known
        other = object.__new__(_Meanwhile)
        known = self.__dict__.setdefault("known", {})
        other.__dict__.update(places=self.places, alone=self.alone, known=known)
        other._name, other._flows, other._at = self._name, solved.flows, solved
        solved.held[self._name] = other
        return other

    @cached_property
    def places(self) -> Mapping[str, Place]:  # type: ignore[override]
        flows, name = self._flows, self._name
        inflow = sum(v for key, v in flows.visits.items() if key[0] == name)
        found: dict[str, Place] = {}
        for other in dict.fromkeys(key[0] for key in flows.held[name]):
            station = flows.station(other)
            own, work = _visits(other, station, flows.held[name])
            total, all_work = _visits(other, station, flows.visits)
            counted = 1.0 if _same(own, total) else own * work / (total * all_work)
            with np.errstate(divide="ignore", invalid="ignore"):
                visits = _rounded(_ratio(own, inflow))
            found[other] = place_of(other, station, visits, work, counted)
        return self._timed(found)

    def _timed(self, found: dict[str, Place]) -> dict[str, Place]:
        """Return places whose times add up to the time held: not so of what is at once."""
        steps = [step for _, root, _ in self._flows.holders[self._name] for step in root.walk()]
        if not any(step.at_once or step.settled_by or step.repeats for step in steps):
            return found
        at_once = {
            inner.name
            for step in steps
            if step.at_once
            for inner in step.walk()
            if isinstance(inner, Call)
        }
        times = {n: p.visits * p.work / p.first for n, p in found.items()}
        together: Any = sum((times[n] for n in times if n in at_once), 0.0)
        more = self.alone.mean - sum(times.values(), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(together > 0, np.clip(1 + more / together, 0.05, 1.0), 1.0)[()]
        if np.any(share < 1 - 1e-9):
            for name in at_once & set(found):
                place = found[name]
                if place.endless:
                    found[name] = place._replace(work=place.work * share)
                else:
                    part = place.visits * share, place.counted * share
                    found[name] = place._replace(visits=part[0], counted=part[1])
        if np.any(more > 1e-9 * self.alone.mean):
            found[""] = Place(1.0, np.maximum(more, 0.0))
        return found

    @cached_property
    def alone(self) -> Distribution:  # type: ignore[override]
        from qmodel.pipeline.solved import Solved

        return self._passage(Solved(self._flows.at(0)))

    def result(self, name: str) -> StationResult:
        return self._at.stations[name]  # type: ignore[no-any-return]

    def services(self, name: str) -> Sequence[Distribution]:
        service = self._flows.plan.stations[name].service
        streams = self._flows.streams(name)
        return [service if s.service is None else s.service for s in streams]

    def passage(self, found: Mapping[str, StationResult]) -> Distribution:
        return self._passage(self._at.where(found))

    def _passage(self, at: Solved) -> Distribution:
        steps = self._flows.holders[self._name]
        outcomes = [step.outcome(at.of_kind(kind)) for kind, step, _ in steps]
        if len(steps) == 1:
            return outcomes[0].time
        total: Any = sum(share for _, _, share in steps)
        weights = [_ratio(share, total) for _, _, share in steps]
        return choice(weights, [Outcome(1, 0, 0, o.time) for o in outcomes]).time


def _ratio(part: Any, whole: Any) -> Any:
    if is_symbolic(part, whole):
        return part / whole
    # Where nothing comes, any ratio will do.
    whole = np.asarray(whole, dtype=float)
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 1.0)[()]


def _rounded(visits: Any) -> Any:
    """Return visits, those that are one but for rounding as one: it decides what is exact."""
    if is_symbolic(visits):
        return visits
    return np.where(np.abs(np.asarray(visits) - 1) <= 1e-12, 1.0, visits)[()]


def _visits(name: str, station: Station, calls: Mapping[Any, Any]) -> tuple[Any, Any]:
    """Return how often a station is called, and the mean work of a call."""
    count: Any = 0
    work: Any = 0
    for (called, _, service, _), share in calls.items():
        if called == name:
            mean = station.service.mean if service is None else service.mean
            count, work = count + share, work + share * mean
    return count, _ratio(work, count)


def _same(own: Any, total: Any) -> bool:
    if is_symbolic(own, total):
        return bool(own == total)
    # What is unknown is no reason to treat all others as if a station were shared.
    return not np.any(np.abs(np.asarray(own) - total) > 1e-12 * np.abs(total))


@dataclass(frozen=True, slots=True, eq=False)
class Hold(Step):
    """A permit of a pool, kept during a step."""

    entry: Call
    step: Step
    word = "hold"

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the pool."""
        return self.entry.name

    @property
    def meets(self) -> str:
        return self.name

    @property
    def in_sequence(self) -> tuple[Step, ...]:
        return self.entry, self.step

    def recipe(self) -> dict[str, Any]:
        """Return the arguments of `hold` that make the same."""
        pool: Any = self.entry.station
        return {
            "name": self.name,
            "permits": pool.permits,
            "step": self.step,
            "each": pool.each,
        }

    def flow(self, share: Any, at: Flows) -> Any:
        return at.hold(self.entry, self.step, share)

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        return self.visits(at, (self,), times)

    def visits(self, at: Solved, same: tuple[Hold, ...], times: Any = 1) -> Outcome:
        whole = self._of_same(at, same, times)
        visits = len(same) * times
        if isinstance(visits, int) and visits == 1:
            return whole
        if len(same) == 1:
            parts: list[tuple[tuple[Hold, ...], Any]] = [(same, part) for part in halves(times)]
        else:
            parts = [(half, times) for half in (same[: len(same) // 2], same[len(same) // 2 :])]
        limit, rate = self._load(at)
        share = alike(limit, rate, whole.time.mean / visits, visits)
        apart = one_after_the_other(self._of_same(at, *part) for part in parts)
        return choice([share, 1 - share], [whole, apart])

    def _of_same(self, at: Solved, same: tuple[Hold, ...], times: Any) -> Outcome:
        """Return the outcome of visits that find the same."""
        views, found = self._views(at), []
        for view in views:
            here = at.where(view.stations)
            held = one_after_the_other([hold.step.outcome(here, times) for hold in same])
            found.append(held._replace(time=view.after(held.time, len(same) * times)))
        if len(found) == 1:
            return found[0]
        return choice([view.share for view in views], found)

    def _load(self, at: Solved) -> tuple[Any, Any]:
        """Return where the pool saturates, and its arrival rate."""
        if self.name in at.found:
            result = at.found[self.name]
            return result.station.max_rate, result.arrival_rate
        pool: Any = at.flows.station(self.name)
        rate = sum(s.arrival_rate for s in at.flows.streams(self.name))
        return pool.at(at).max_rate, rate

    def _views(self, at: Solved) -> tuple[View, ...]:
        """Return what requests find at the pool: as an outer one lets them, or as it is."""
        if self.name in at.found:
            return at.found[self.name].views  # type: ignore[attr-defined,no-any-return]
        pool: Any = at.flows.station(self.name)
        return pool.at(at).views(sum(s.arrival_rate for s in at.flows.streams(self.name)))  # type: ignore[no-any-return]

    def passage(self, behind: set[Any], trace: Trace) -> set[Any]:
        for step in self.in_sequence:
            behind = step.passage(behind, trace)
        return behind

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        if arriving:
            at.disturbed.add(self.name)
        return self.step.departures(arriving, at)

    def sketch(self, ends: Ends, on: Graph) -> Ends:
        taken = self.entry.sketch(ends, on)
        on.note(taken, "kept until all below is done")
        return self.step.sketch(taken, on)


@checked
def hold(name: str, permits: Count, step: Step, *, each: int = 1) -> Step:
    """Wait for a permit of a pool, keep it during a step, and return it.

    Parameters
    ----------
    name : str
        Name of the pool; all holds of one name share it. [-]
    permits : int or integer array
        Permits of the pool, >= 1: threads, workers or connections. [-]
    step : Step
        What is done meanwhile, waits included; holds of other pools among it. [-]
    each : int, default 1
        Permits that one request takes, one after the other, and keeps. With more than one
        the pool must be held inside another one, which limits who asks. [-]

    Returns
    -------
    Step
        The step. The pool is a station of the pipeline, with its wait, its utilization and
        the load at which it saturates.

    Raises
    ------
    DomainError
        If `permits` or `each` is not a whole number >= 1, or `each` exceeds `permits`.
    ModelError
        If `step` is not a step, or holds the same pool; if requests that take several
        permits may block each other for ever.

    Examples
    --------
    Sixteen threads over a pool of ten connections, each of which is kept while its query
    waits for a core and a disk:

    >>> import qmodel as qm
    >>> query = qm.series(
    ...     qm.call("cores", qm.MMc(0.012, servers=4)), qm.call("disk", qm.MMc(0.004))
    ... )
    >>> page = qm.series(
    ...     qm.call("cpu", qm.MMc(0.020, servers=8)), qm.hold("connections", 10, query)
    ... )
    >>> site = qm.Pipeline(qm.hold("threads", 16, page))
    >>> print(site.solve(200.0))
    at 200/s: mean 54.8 ms, p99 153 ms (approximate); disk saturates first, at 242/s

    Pools of other sizes at the same load:

    >>> pools = site.replace({"connections.permits": [4, 5, 6, 10]})
    >>> pools.solve(200.0).latency.quantile(0.99).round(3), pools.bottleneck[2:]
    (array([  inf, 0.258, 0.184, 0.153]), array(['connections', 'disk'], dtype='<U11'))
    """
    checked_name(name)
    checked_step("step", step)
    for inner in step.walk():
        if isinstance(inner, Hold) and inner.name == name:
            raise ModelError(
                f"{name!r} is held inside itself: when all its permits are out, each holder "
                "waits for another for ever; give the inner pool a name and permits of its own"
            )
    return Hold(Call(name, Pool(permits, each=each)), step)
