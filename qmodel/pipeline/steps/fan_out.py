"""Equal copies of a step all at once, each at stations of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count
from qmodel._xp import is_symbolic
from qmodel.balancing.fan_out import fork_join
from qmodel.balancing.fan_out.joined_queues import JoinedQueues
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.distributions import Distribution, OrderStatistic
from qmodel.errors import DomainError
from qmodel.pipeline.steps.base import Grounds, Outcome, Step, again, checked_name, checked_step
from qmodel.pipeline.steps.branches import correlation_of, queues_of
from qmodel.pipeline.steps.call import Call
from qmodel.pipeline.steps.parallel import (
    INDEPENDENT_BRANCHES,
    INDEPENDENT_QUORUM,
    refuse_losses,
)
from qmodel.queues.approximations.dispersion import DISTURBED, Dispersion, joined
from qmodel.queues.base import StationResult

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.availability import Answering
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved

__all__ = ["SHARED_LEAVES", "FanOut", "fan_out"]

SHARED_LEAVES = Assumption(
    "shared-leaves",
    "the waits at stations that others load too are as much less alike as the share of the "
    "requests that come to all of them says; from 2 to 6 stations of 1 to 4 servers, of "
    "constant to lognormal service and loads of 0.6 to 0.9, with shares of 0.2 to 0.8, the "
    "mean was found within 5 %, the median within 6 % and p99 within 5 %",
    "our simulations",
    APPROXIMATE,
)


@dataclass(frozen=True, slots=True, eq=False)
class FanOut(Step):
    """Equal copies of a step all at once, each at stations of its own."""

    name: str
    step: Step
    copies: Count = parameter("copies asked at once", symbol="n", check=_check.count)
    need: Count | None = parameter("copies that must answer", symbol="k", check=_check.count)
    word = "fan-out"
    at_once = True

    @property
    def reorders(self) -> bool:
        return bool(np.any(np.asarray(self.copies) > 1))

    @property
    def queue(self) -> Call | None:
        """The one station that each copy is."""
        step = self.step
        return step if isinstance(step, Call) and step.service is None else None

    @property
    def some(self) -> bool:
        """Whether not all copies are waited for."""
        return self.need is not None and bool(np.any(np.less(self.need, self.copies)))

    def flow(self, share: Any, at: Flows) -> Any:
        # The stations stand for those of one copy, which sees every request.
        at.note(self, share)
        self.step.flow(share, at)
        return share

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        distribution: Distribution
        queue = self.queue
        if queue is not None:
            leaf = at.stations[queue.name]
            distribution = fork_join.response_distribution(leaf, self.copies, need=self.need)
            common = self._common(queue, at.flows)
            if self.reorders and np.any(np.less(common, 1)):
                need = self.copies if self.need is None else self.need
                like = fork_join.alike(leaf, common=common)
                distribution = JoinedQueues(leaf.response, need, self.copies, like)
            return again(Outcome(1, 0, 0, distribution), times)
        need = self.copies if self.need is None else self.need
        time = self.step.outcome(at).time
        distribution = OrderStatistic(time, need, of=self.copies)
        if queues := self._joined(at.stations):
            distribution = JoinedQueues(
                time, need, self.copies, correlation_of(self.step, time, queues, at.stations)
            )
        return again(Outcome(1, 0, 0, distribution), times)

    def _common(self, queue: Call, at: Any) -> Any:
        """Return the share of what comes to a copy that comes to all of them at once."""
        flows: Flows = at.steady if at.in_time else at
        alike = {
            step.key
            for _, root in flows.plan.kinds.values()
            for step in _fans(root)
            if step.queue is not None
            and step.queue.name == queue.name
            and np.all(np.greater_equal(step.copies, self.copies))
        }
        common = sum(flows.inflow[key] for key in alike if key in flows.inflow)
        total = np.asarray(flows.by_station()[queue.name], dtype=float)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.asarray(common / total)
        return np.where(share < 1 - 1e-9, share, 1.0)[()]

    def _joined(self, results: Mapping[str, StationResult]) -> Mapping[str, StationResult]:
        """Return the queues that a copy has of its own; none where numbers are symbols."""
        return {} if is_symbolic(self.copies) else queues_of(self.step, results)

    def answered(self, reading: Answering) -> Any:
        return reading.unit(self)

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        left = self.step.departures(arriving, at)
        if not self.reorders or at.symbolic or not isinstance(self.copies, int):
            return left or (DISTURBED if self.reorders else left)
        return joined([(1.0, left)] * self.copies)

    def grounds(self, trace: Trace) -> Grounds:
        if not (self.reorders and trace.queues(self)):
            return Grounds()
        queue = self.queue
        known = queue and fork_join.grounds(
            trace.results[queue.name], self.copies, need=self.need
        )
        if queue is None and self._joined(trace.results):
            grounds = (fork_join.CORRELATED_WAITS,)
            return Grounds(mean=grounds, percentiles=grounds)
        if queue is None or not known:
            return Grounds(mean=(INDEPENDENT_QUORUM if self.some else INDEPENDENT_BRANCHES,))
        callers = (set(_callers(root, queue.name)) for root in trace.roots)
        shared = (SHARED_LEAVES,) if len(set().union(*callers)) > 1 else ()
        if shared and fork_join.CORRELATED_WAITS not in known["percentiles"]:
            known = dict.fromkeys(known, (fork_join.CORRELATED_WAITS,))
        return Grounds(
            mean=(*known["mean"], *shared), percentiles=(*known["percentiles"], *shared)
        )

    @property
    def caption(self) -> str:
        return f"{self.copies} at once" + (f", {self.need} needed" if self.some else "")


def _fans(step: Step) -> Iterator[FanOut]:
    """Yield all fan-outs of a path."""
    if isinstance(step, FanOut):
        yield step
    for child in step.children:
        yield from _fans(child)


def _callers(step: Step, name: str, fan: int | None = None) -> Iterator[int | None]:
    """Yield the fan-out from which each call to a station comes, None where from none."""
    if isinstance(step, Call) and step.name == name:
        yield fan
    for child in step.children:
        yield from _callers(child, name, id(step) if isinstance(step, FanOut) else fan)


@checked
def fan_out(name: str, copies: Count, step: Step, *, need: Count | None = None) -> Step:
    """Ask equal copies of a step all at once, as a search asks all its shards.

    Parameters
    ----------
    name : str
        Name of the fan-out, for `Pipeline.replace`. [-]
    copies : int or integer array
        How many, >= 1. [-]
    step : Step
        One of them. Each copy has stations like these of its own, so that every station
        sees every request. [-]
    need : int or integer array, optional
        How many must be done before the request goes on; by default all. [-]

    Returns
    -------
    Step
        The step. Copies of one station are solved as fork and join
        (`qmodel.balancing.fan_out.fork_join`), other copies as in `parallel`.

    Raises
    ------
    DomainError
        If a number is not whole, or `need` is more than `copies`.
    ModelError
        If `step` is not a step, or may turn requests away.

    Examples
    --------
    >>> import qmodel as qm
    >>> leaf = qm.call("leaf", qm.Delay(qm.Exponential(0.010 / 4.60517)))
    >>> search = qm.Pipeline(qm.fan_out("search", [1, 10, 100], leaf))
    >>> search.solve(10.0).latency.tail(0.010).round(3)
    array([0.01 , 0.096, 0.634])
    """
    number = _check.count("copies", copies)
    if need is not None:
        need = _check.count("need", need)
        _check.numbers("fan_out with need", number, need)
        if np.any(np.asarray(need) > np.asarray(number)):
            raise DomainError(f"need must be at most copies, got {need} of {copies}")
    refuse_losses("fan_out", (checked_step("step", step),))
    return FanOut(checked_name(name), step, number, need)
