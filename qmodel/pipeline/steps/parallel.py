"""Steps all at once; the last one decides, or that which makes enough of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._values import same, same_fields
from qmodel._xp import is_symbolic
from qmodel.balancing.fan_out import fork_join
from qmodel.balancing.fan_out.joined_queues import UnequalQueues
from qmodel.balancing.fan_out.shared_errors import WORST
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.distributions import Distribution, Maximum, Quorum
from qmodel.errors import DomainError, ModelError
from qmodel.pipeline.steps.base import (
    Grounds,
    Outcome,
    Step,
    again,
    checked_step,
    one_after_the_other,
)
from qmodel.pipeline.steps.branches import correlations, queues_of, wait_in
from qmodel.pipeline.steps.call import Call
from qmodel.pipeline.steps.series import Series
from qmodel.queues.approximations.dispersion import DISTURBED, Dispersion, joined
from qmodel.queues.approximations.measured import of_response
from qmodel.queues.base import StationResult

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.availability import Answering
    from qmodel.pipeline.drawing.graph import Ends, Graph
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved

__all__ = [
    "INDEPENDENT_BRANCHES",
    "INDEPENDENT_QUORUM",
    "Parallel",
    "parallel",
]

INDEPENDENT_BRANCHES = Assumption(
    "independent-branches",
    "parallel branches are taken as independent; queues that the same requests load together "
    "are not: the mean is an upper bound, by up to 35 % at 64 branches, the p99 is within "
    "4 %; of branches that call one station, before or after stations of their own, the waits "
    "there are taken as one: of 2 to 6 branches, to 1 to 16 servers at loads of 0.3 to 0.95, "
    f"the measured errors were {of_response(WORST.get('stations', {}))}, and where only "
    f"delays set them apart {of_response(WORST.get('delays', {}))}",
    "Nelson and Tantawi 1988; Baccelli and Makowski 1985; our simulations",
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


@dataclass(frozen=True, slots=True, eq=False)
class Parallel(Step):
    """Steps all at once; the last one decides, or that which makes enough of them."""

    steps: tuple[Step, ...]
    need: int
    name: str = ""
    word = "parallel"
    at_once = True

    @property
    def reorders(self) -> bool:
        return len(self.steps) > 1

    @property
    def together(self) -> bool:
        return any(size > 1 for _, size, _ in self._common)

    @property
    def _common(self) -> list[tuple[str, int, Sequence[Step]]]:
        """The first queue of each branch that others call too, how many do, and what before."""
        firsts = [_first_of(step, self._shared) for step in self.steps]
        names = [name for name, _ in firsts]
        return [(name, names.count(name) if name else 1, before) for name, before in firsts]

    def flow(self, share: Any, at: Flows) -> Any:
        goes = [step.flow(share, at) for step in self.steps]
        if all(x is share for x in goes):
            return share
        for step in self.steps:
            through = at.through(step)
            share = share if through is None else share * through
        return share

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        if not self.reorders:
            return again(self.steps[0].outcome(at), times)
        leaf = self._alike(at.stations)
        if leaf is not None:
            distribution = fork_join.response_distribution(
                leaf, len(self.steps), need=self.need
            )
            return again(Outcome(1, 0, 0, distribution), times)
        if groups := self._at_once(at.stations):
            return again(self._of_groups(groups, at), times)
        outcomes = [step.outcome(at) for step in self.steps]
        all_through = one_after_the_other(outcomes)
        distributions = tuple(o.time for o in outcomes)
        if joined := self._joined(at.stations):
            few = 2 * self.need < len(distributions)
            alike = correlations(
                self.steps, distributions, joined, at.stations, self._shared, few=few
            )
            time: Distribution = UnequalQueues(distributions, self.need, alike)
        else:
            time = (
                Maximum(distributions)
                if self.need == len(distributions)
                else Quorum(distributions, self.need)
            )
        return again(all_through._replace(time=at.shared(time)), times)

    def _at_once(self, results: Mapping[str, StationResult]) -> dict[str, list[Call]]:
        """Return the calls to each station that several branches call at once."""
        if self.need < len(self.steps):
            return {}
        found: dict[str, list[Call]] = {}
        for step in self.steps:
            if isinstance(step, Call) and _met(results[step.name]):
                found.setdefault(step.name, []).append(step)
        return {name: calls for name, calls in found.items() if len(calls) > 1}

    def _of_groups(self, groups: Mapping[str, list[Call]], at: Solved) -> Outcome:
        """Return the outcome where calls to one station wait for each other."""
        results = at.stations
        first = [
            at.shared(_met(results[name]).done([call.work for call in calls]))
            for name, calls in groups.items()
        ]
        rest = [s for s in self.steps if not (isinstance(s, Call) and s.name in groups)]
        outcomes = [step.outcome(at) for step in rest]
        later = [outcome.time for outcome in outcomes]
        times = (*first, *later)
        if len(times) == 1:
            return one_after_the_other(outcomes)._replace(time=first[0])
        queues = [queues_of(step, results) for step in rest]
        met = {name for mine in queues for name in mine if name in groups}
        time: Distribution = Maximum(times)
        if met:
            # Whoever comes to that station by another way waits in the same queue.
            each = zip(groups, first, strict=True)
            alike = [wait_in(results[n], time) if n in met else 0.0 for n, time in each]
            alike += correlations(rest, later, queues, results, self._shared)
            time = UnequalQueues(times, len(times), alike)
        return one_after_the_other(outcomes)._replace(time=at.shared(time))

    def _joined(
        self, results: Mapping[str, StationResult]
    ) -> list[Mapping[str, StationResult]]:
        """Return the queues of each branch, where several have some; or none."""
        queues = [queues_of(step, results) for step in self.steps]
        return queues if sum(map(bool, queues)) > 1 else []

    @property
    def _shared(self) -> frozenset[str]:
        """The queues that several branches go to."""
        called = Counter(
            name
            for step in self.steps
            for name in {c.name for c in step.walk() if isinstance(c, Call) and c.queues}
        )
        return frozenset(name for name, branches in called.items() if branches > 1)

    def _alike(self, results: Mapping[str, StationResult]) -> StationResult | None:
        """Return the station that all steps call, each one of its own, at the same load."""
        calls = [step for step in self.steps if isinstance(step, Call) and step.service is None]
        if not self.reorders or len({call.name for call in calls}) < len(self.steps):
            return None
        first, *others = (results[call.name] for call in calls)
        if first.station.loses or is_symbolic(first.arrival_rate, first.response_time):
            return None
        alike = all(
            same_fields(r.station, first.station) and same(r.arrival_rate, first.arrival_rate)
            for r in others
        )
        return first if alike else None

    def answered(self, reading: Answering) -> Any:
        need = len(self.steps) if reading.fragile else self.need
        return reading.enough([reading.of(step) for step in self.steps], need)

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        # What joins again is no Poisson stream, and branches disturb each other's stations.
        met: set[str] = set()
        for step in self.steps:
            called = at.called(step)
            at.disturbed |= called & met
            met |= called
        left = [
            at.one_of(step, arriving, *first)
            if first[1] > 1 and not at.symbolic
            else step.departures(arriving, at)
            for step, first in zip(self.steps, self._common, strict=True)
        ]
        if not self.reorders or at.symbolic:
            return next((stream for stream in left if stream), DISTURBED)
        return joined([(at.time_in(s), x) for s, x in zip(self.steps, left, strict=True)])

    def grounds(self, trace: Trace) -> Grounds:
        if not (self.reorders and trace.queues(self)):
            return Grounds()
        leaf = self._alike(trace.results)
        known = leaf and fork_join.grounds(leaf, len(self.steps), need=self.need)
        if known:
            return Grounds(mean=known["mean"], percentiles=known["percentiles"])
        if not self._shared and self._joined(trace.results):
            grounds = (fork_join.CORRELATED_WAITS,)
            return Grounds(mean=grounds, percentiles=grounds)
        groups = self._at_once(trace.results)
        if len(groups) == 1 and all(len(calls) == len(self.steps) for calls in groups.values()):
            return Grounds()  # The station says it.
        some = self.need < len(self.steps)
        return Grounds(mean=(INDEPENDENT_QUORUM if some else INDEPENDENT_BRANCHES,))

    def sketch(self, ends: Ends, on: Graph) -> Ends:
        if not self.reorders:
            return self.steps[0].sketch(ends, on)
        needed = "all" if self.need == len(self.steps) else f"{self.need}"
        done = [step.sketch(ends, on) for step in self.steps]
        return on.join(done, self, f"{needed} of {len(self.steps)}", ends)


def _met(result: Any) -> Any:
    """Return what those meet at a station who come at once; None where nobody does."""
    return getattr(result, "at_once", None)


def _first_of(step: Step, names: Collection[str]) -> tuple[str, Sequence[Step]]:
    """Return the first of some queues that a step calls, and what it does before."""
    row = step.steps if isinstance(step, Series) else (step,)
    for place, one in enumerate(row):
        if isinstance(one, Call) and one.name in names and one.queues:
            return one.name, row[:place]
    return "", ()


@checked
def parallel(*steps: Step, need: int | None = None, name: str = "") -> Step:
    """Do steps all at once and wait for the last one, or for some of them.

    Parameters
    ----------
    *steps : Step
        The steps. Branches that go through queues one after the other are solved as fork and
        join (`qmodel.balancing.fan_out.fork_join`): the queues are long together. Calls to one
        station come at once, and wait for each other (`qmodel.queues.waits.at_once`). The times
        of others are taken as independent, exact for delays. [-]
    need : int, optional
        How many must be done before the request goes on; by default all. The others run
        to their end and load their stations. [-]
    name : str, optional
        What the step is called where it is one of several choices. [-]

    Returns
    -------
    Step
        The step.

    Raises
    ------
    DomainError
        If `need` is not a whole number from 1 to the number of steps.
    ModelError
        If there is no step, or an argument is not one; if a step may turn requests away
        where not all are needed.

    Examples
    --------
    >>> import qmodel as qm
    >>> ask = [qm.call(name, qm.Delay(qm.Exponential(0.02))) for name in ("a", "b", "c")]
    >>> float(qm.Pipeline(qm.parallel(*ask)).solve(10.0).latency.mean)
    0.0367
    >>> float(qm.Pipeline(qm.parallel(*ask, need=1)).solve(10.0).latency.mean)
    0.0067
    """
    if not steps:
        raise ModelError("parallel must have at least one step")
    branches = tuple(checked_step("steps", s) for s in steps)
    if need is None:
        return Parallel(branches, len(branches), name)
    enough = _check.count("need", need)
    if np.ndim(enough) or is_symbolic(enough):
        raise DomainError(f"need must be one number, got {need!r}")
    enough = int(enough)
    if enough > len(branches):
        raise DomainError(f"need must be at most {len(branches)}, the steps, got {need}")
    if enough < len(branches):
        refuse_losses("parallel with need", branches)
    return Parallel(branches, enough, name)


def refuse_losses(where: str, steps: tuple[Step, ...]) -> None:
    """Refuse steps that may turn requests away."""
    for inner in (inner for step in steps for inner in step.walk()):
        if inner.loses:
            raise ModelError(f"{where} cannot hold {inner.name!r}, which turns requests away")
