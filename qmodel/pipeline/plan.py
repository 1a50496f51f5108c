r"""The plan of a pipeline: what its paths say once and for all, and how a load is solved.

A plan is made when it is first needed and kept with its frozen pipeline. It knows the stations,
the names of all that has parameters, and the *coupled* places, whose share the load decides.
A load is solved in three moves: the shares that follow from flows are settled in a pass over
the paths (`qmodel.pipeline.flows`); those that follow from times, such as the share that a
hedge copies, are fixed points, of which all are found (`qmodel.pipeline.fixed_points`); and
the distributions are composed along the paths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._values import same
from qmodel._xp import is_symbolic
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.pipeline.fixed_points import FixedPoints, fixed_points, least_fixed_point
from qmodel.pipeline.flows import Flows
from qmodel.pipeline.folds import fold, folds, last_with_a_state
from qmodel.pipeline.late_curve import LateCurve, innermost_first, late_curve
from qmodel.pipeline.losses import flows_at
from qmodel.pipeline.parameters import parameters
from qmodel.pipeline.s_curve import SCurve, s_curve
from qmodel.pipeline.saturation import saturation
from qmodel.pipeline.shares import labels
from qmodel.pipeline.solved import Solved
from qmodel.pipeline.steps.base import Step
from qmodel.pipeline.steps.call import Call
from qmodel.queues.base import Station

if TYPE_CHECKING:
    from qmodel.loads import Profile
    from qmodel.pipeline.over_time import PipelineOverTime

__all__ = ["Plan"]

_PATIENCE = 16
"""Steps after which a least steady state is one of those close to a fold."""


class Plan:
    """The plan of a pipeline of kinds of request, each a share and a path."""

    def __init__(self, kinds: Mapping[str, tuple[Any, Step]], urgent: tuple[str, ...]) -> None:
        self.kinds = kinds
        self._urgent = {kind: place for place, kind in enumerate(urgent)}
        self.stations: dict[str, Station] = {}
        self.coupled: dict[Any, Step] = {}
        self.kind_of: dict[Any, str] = {}
        self._loses: dict[int, bool] = {}
        self._last: tuple[Profile, PipelineOverTime] | None = None
        met: Counter[Any] = Counter()
        calls: Counter[str] = Counter()
        for kind, (_, root) in kinds.items():
            for step, several, ahead in _places(root):
                self._note(step, kind)
                if isinstance(step, Call):
                    calls[step.name] += 1 + several
                    if step.loses:
                        met[step.name] += 1 + ahead
                elif step.settled_by == "flow":
                    met[step.key] += 1 + ahead
        self.met_twice = tuple(key for key, times in met.items() if times > 1)
        self.revisited = any(times > 1 for times in calls.values())
        self.timed = tuple(k for k, step in self.coupled.items() if step.settled_by == "times")
        if any(len(things) > 1 for things in self.owners.values()):
            self.parameters  # noqa: B018  # Two values of one name are refused at once.
        for what, name in self.coupled:
            if name in self.stations and what != "cache":
                raise ModelError(f"a {what} and a station are both called {name!r}")

    def _note(self, step: Step, kind: str) -> None:
        if isinstance(step, Call):
            known = self.stations.setdefault(step.name, step.station)
            if known is not step.station and known != step.station:
                raise _two("stations", step.name)
        elif step.settled_by:
            known_step = self.coupled.setdefault(step.key, step)
            self.kind_of.setdefault(step.key, kind)
            if known_step is not step and known_step != step:
                raise _two(f"{step.word}s", step.name)

    def loses(self, step: Step) -> bool:
        """Return whether a request may be lost within a step."""
        if id(step) not in self._loses:
            lost = step.loses or any(self.loses(child) for child in step.children)
            self._loses[id(step)] = lost
        return self._loses[id(step)]

    def check_open(self) -> None:
        """Raise `ModelError` if a station serves a finite number of clients only."""
        for name, station in self.stations.items():
            if station.users_only:
                raise ModelError(
                    f"{name} serves a finite number of clients: {station.not_in_paths}; give "
                    "the load as qmodel.Closed(users, think_time)"
                )

    def urgency(self, kind: Any, priority: int | None) -> int:
        """Return the place in which a call is served at a station with priorities."""
        return self._urgent[kind] if priority is None else priority

    def guess(self, key: Any) -> Any:
        """Return a share to begin with: nothing lost, no hits."""
        return 1.0 if isinstance(key, str) else self.coupled[key].worst

    def over_time(
        self, load: Profile, refills: Any = MappingProxyType({}), **how: Any
    ) -> PipelineOverTime:
        """Return the pipeline under a load that changes; of a load alone, the last is kept."""
        from qmodel.pipeline.in_time import over_time

        if refills or any(x is not None for x in how.values()):
            return over_time(self, load, refills, **how)
        last = self._last
        if last is None or last[0] is not load:
            self._last = last = load, over_time(self, load)
        return last[1]

    # Names.

    @cached_property
    def owners(self) -> dict[str, list[Any]]:
        """What has parameters, by name: steps without one are numbered by kind of step."""
        named: dict[str, list[Any]] = {}
        plain: list[tuple[str, Any]] = []
        seen: set[int] = set()
        services: dict[str, list[Any]] = {}
        for step in self.steps():
            for name, thing in step.owned():
                if id(thing) in seen:
                    continue
                seen.add(id(thing))
                if isinstance(thing, Distribution):
                    # Calls of one service share its parameters, others of the station do not.
                    others = services.setdefault(name, [])
                    place = next((i for i, x in enumerate(others) if x == thing), len(others))
                    others.append(thing)
                    name = labels([name] * (place + 1))[-1]
                if name:
                    named.setdefault(name, []).append(thing)
                else:
                    plain.append((step.word, thing))
        names = [*named, *(word for word, _ in plain)]
        for name, (_, thing) in zip(labels(names)[len(named) :], plain, strict=True):
            named[name] = [thing]
        return named

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """All parameters of stations and steps, by name.

        Raises `ModelError` where one name would stand for two values.
        """
        found: dict[str, Any] = {}
        for owner, things in self.owners.items():
            for thing in things:
                for name, value in parameters(thing).items():
                    whole = f"{owner}.{name}"
                    if not same(found.setdefault(whole, value), value):
                        raise ModelError(
                            f"two different values are called {whole!r}: give the steps or "
                            "stations two names"
                        )
        return found

    @cached_property
    def variable(self) -> bool:
        """Whether what leaves a station may be no Poisson stream."""
        return any(
            not step.station.poisson_output or step.service not in (None, step.station.service)
            if isinstance(step, Call)
            else step.spaces or step.together
            for step in self.steps()
        )

    def steps(self) -> Iterator[Step]:
        """Yield all steps of all kinds of request."""
        for _, root in self.kinds.values():
            yield from root.walk()

    # A load.

    @cached_property
    def _constant(self) -> Flows | None:
        """The flows of a pipeline in which the load decides nothing."""
        lossless = not any(station.loses for station in self.stations.values())
        return flows_at(self, 0, {}) if lossless and not self._by_load else None

    @cached_property
    def _by_load(self) -> bool:
        """Whether a step's share depends on the load."""
        rising = any(getattr(step, "rising", True) for step in self.coupled.values())
        return rising or self.by_rate

    @cached_property
    def by_rate(self) -> bool:
        """Whether a step depends on the rate itself, and not on what flows alone."""
        return any(step.by_rate for step in self.steps())

    def flows(self, rate: Any, given: Mapping[Any, Any]) -> Flows:
        """Return the flows at a load, with the shares in `given` and all others settled."""
        constant = self._constant
        if constant is None or given:
            return flows_at(self, rate, given)
        return constant.at(rate)

    def solved(self, rate: Any, given: Mapping[Any, Any]) -> Solved:
        """Return the stations at a load, with given shares of what depends on times."""
        return Solved(self.flows(rate, given))

    def states(self, rate: Any) -> FixedPoints | None:
        """Return all steady states at a load, as shares; None where there is only one."""
        if not self.timed:
            return None
        down = [step.word for step in self.steps() if step.settles_down]
        if len(self.timed) > 1 and down:
            raise ModelError(
                f"a {down[0]} that lets fewer through when more fail is solved beside one "
                f"timeout or hedge; here are {len(self.timed)}"
            )
        if self.s_curve is not None:
            return self.s_curve.states(rate)
        found: FixedPoints = fixed_points(self.map(rate), self.tops())
        return found

    def least(self, rate: Any) -> tuple[Mapping[Any, Any], FixedPoints | None]:
        """Return the shares of the least steady state at a load, and all states if known."""
        if self._once(rate):
            # A curve of each cell pays where it is asked for at many loads.
            shares, sure = least_fixed_point(self.map(rate, {}), self.tops(), _PATIENCE)
            if np.all(sure):
                return shares, None
            found: FixedPoints = fixed_points(self.map(rate, {}), self.tops())
            return found.least, None
        if len(self.timed) > 1 and not self.settles_down and self.s_curve is None:
            return least_fixed_point(self.map(rate), self.tops())[0], None
        states = self.states(rate)
        return ({} if states is None else states.least), states

    def _once(self, rate: Any) -> bool:
        """Return whether an array of late shares is asked for that no curve is known of."""
        if len(self.timed) != 1 or "curves" in self.__dict__:
            return False
        late = self.coupled[self.timed[0]]
        cells = np.shape(self.hidden[0]) or np.shape(late.worst)
        rising = not is_symbolic(rate) and not self.settles_down
        return bool(cells) and late.loses and rising

    @cached_property
    def settles_down(self) -> bool:
        """Whether more failures may bring less load."""
        return any(step.settles_down for step in self.steps())

    def tops(self) -> dict[Any, Any]:
        """Return the greatest share of what depends on times."""
        return {key: self.coupled[key].worst for key in self.timed}

    @cached_property
    def curves(self) -> dict[Any, LateCurve]:
        """By timeout with none inside: what fails behind it, as a curve of its attempts."""
        found = {key: late_curve(self, key) for key in self.timed}
        return {key: curve for key, curve in found.items() if curve is not None}

    @cached_property
    def curve(self) -> LateCurve | None:
        """What fails behind the only timeout, or a chain of them, by the innermost attempts."""
        if len(self.timed) < 2:
            return next(iter(self.curves.values()), None)
        return late_curve(self, *innermost_first(self))

    @cached_property
    def s_curve(self) -> SCurve | None:
        """All steady states, where all stands behind one timeout."""
        return s_curve(self)

    def map(self, rate: Any, curves: Mapping[Any, LateCurve] | None = None) -> Any:
        """Return the function from shares of what depends on times to those that follow.

        Some are read off `curves`, by default all that there are.
        """
        known = self.curves if curves is None else curves

        def following(shares: Mapping[Any, Any]) -> dict[Any, Any]:
            within = {k: v for curve in known.values() for k, v in curve.given.items()}
            found = {}
            if known:
                inflow = self.flows(rate, within | dict(shares)).inflow
                found = {key: c(rate * inflow[key]) for key, c in known.items()}
            if len(found) < len(self.timed):
                at = self.solved(rate, shares)
                for key in set(self.timed) - set(found):
                    found[key] = self.coupled[key].settled_in(at.of_kind(self.kind_of[key]))
            return found

        return following

    # Saturation.

    @cached_property
    def visits(self) -> dict[str, Any]:
        """Mean visits of one request to each station, the most at any load."""
        worst = dict.fromkeys((n for n, s in self.stations.items() if s.loses), 1.0)
        shares = {key: step.worst for key, step in self.coupled.items()}
        return Flows(self, 0, {**worst, **shares}).by_station()

    def saturation(
        self, given: Mapping[Any, Any], but: frozenset[str] = frozenset()
    ) -> tuple[Any, Any]:
        """Return the load at which the first station saturates, and which that is.

        `given` are the shares of what depends on times; `but` are left out.
        """
        return saturation(self, given, but)

    @cached_property
    def hidden(self) -> tuple[Any, Any]:
        """The load up to which there is one steady state only, and what saturates there."""
        return self.saturation(self.tops() if self.timed else {})

    @cached_property
    def max_rate(self) -> Any:
        """The greatest load with a steady state."""
        hidden = self.hidden[0]
        if not self.timed:
            return hidden
        if len(self.timed) == 1 or self.s_curve is not None:
            return np.fmax(hidden, fold(self, self.timed[0]))
        return last_with_a_state(self, hidden)

    @cached_property
    def folds(self) -> tuple[Any, Any] | None:
        """The load at which the healthy state ends, and below which it is the only one.

        None where that is where the stations saturate.
        """
        return folds(self)


def _places(root: Step) -> Iterator[tuple[Step, bool, bool]]:
    """Yield the steps of a path, whether each may be done several times, and looked ahead to.

    What comes to a step depends on what is lost in it where it is repeated, or guarded.
    """
    left = [(root, False, False)]
    while left:
        step, several, ahead = left.pop()
        yield step, several, ahead
        again, seen = several or step.repeats, ahead or step.repeats or step.guards
        left.extend((child, again, seen) for child in reversed(step.children))


def _two(what: str, name: str) -> ModelError:
    return ModelError(
        f"two different {what} are called {name!r}: share one object between their calls, "
        "or give them two names"
    )
