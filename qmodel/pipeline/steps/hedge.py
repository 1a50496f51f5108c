"""A step that is done a second time where it takes long; the first answer counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import namespace
from qmodel.balancing.fan_out.hedge_errors import WORST
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.distributions import Minimum, Shifted
from qmodel.distributions.algebra import measure
from qmodel.pipeline.steps.base import Grounds, Outcome, Step, again, checked_name, checked_step
from qmodel.queues.approximations.dispersion import DISTURBED, Dispersion
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.availability import Answering
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved

__all__ = ["INDEPENDENT_COPIES", "Hedge", "hedge"]

INDEPENDENT_COPIES = Assumption(
    "independent-copies",
    "the copy of a hedged request takes a time of its own, though it may wait in the queue of "
    "its original; without a budget where copies of all could be served, and with one that "
    "saves up ten copies, to loads of 0.9, "
    + "; ".join(
        f"{kind} the mean was found within {WORST[group]['mean']} % and p99 within "
        f"{WORST[group]['p99']} %"
        for group, kind in (
            ("many servers", "on 16 servers and more to a load of 0.5"),
            ("many busy servers", "above that"),
            ("eight servers", "on eight"),
            ("fewer servers", "on one to four"),
        )
    )
    + "; a budget that saves up more lets a backlog of copies build up where the load is high",
    "Dean and Barroso 2013 for hedging; measured here",
    APPROXIMATE,
)


@dataclass(frozen=True, slots=True, eq=False)
class Hedge(Step):
    """A step that is done a second time where it takes long; the first answer counts."""

    name: str
    step: Step
    delay: Value = parameter("time until the copy is sent", unit="s", check=_check.finite)
    budget: Value = parameter("greatest share that is copied", check=_check.probability)
    word = "hedge"
    at_once = True
    settled_by = "times"
    reorders = True
    repeats = True

    @property
    def worst(self) -> Any:
        return self.budget + 0.0 * np.asarray(self.delay)

    def settled_in(self, at: Solved) -> Any:
        late = self.step.outcome(at).time.tail(self.delay)
        _check.numbers("a hedge", late, self.budget)
        return np.minimum(late, self.budget)

    def flow(self, share: Any, at: Flows) -> Any:
        self.step.flow(share * (1 + at.settled(self, share)), at)
        return share

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        one = self.step.outcome(at)
        distribution = one.time
        hedged = Minimum((distribution, Shifted(distribution, self.delay)))
        if isinstance(self.budget, (int, float)) and self.budget == 1:
            return again(one._replace(time=hedged), times)
        late = np.asarray(distribution.tail(self.delay))
        copied = at.settled[self.key]
        served = np.where(late > 0, copied / np.where(late > 0, late, 1.0), 1.0)[()]
        return again(
            one._replace(time=measure((served, 1 - served), (hedged, distribution))), times
        )

    def answered(self, reading: Answering) -> Any:
        # What never answers takes long: a copy of it is sent, as the budget allows.
        one = reading.of(self.step)
        copied = namespace(one, self.budget).minimum(1 - one, self.budget)
        return one if reading.fragile else one + copied * one

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        copied = DISTURBED if at.queues(self) else arriving
        return self.step.departures(arriving or copied, at)

    def grounds(self, trace: Trace) -> Grounds:
        copies = (INDEPENDENT_COPIES,) if trace.queues(self) else ()
        return Grounds(flow=copies, mean=copies)

    @property
    def caption(self) -> str:
        return f"copied after {text(self.delay, 's')}"


@checked
def hedge(name: str, step: Step, delay: Value, *, budget: Value = 1.0) -> Step:
    """Do a step a second time where it takes long, and take the first answer.

    Parameters
    ----------
    name : str
        Name of the hedge, for `Pipeline.replace`. [-]
    step : Step
        The step. The copy goes the same way, and both are done to their end. [-]
    delay : number or array
        Time after which the copy is sent, >= 0; 0 sends both at once. [s]
    budget : number or array, default 1
        Greatest share of the requests that is copied, from 0 to 1; the others that take
        long wait for their first copy. [-]

    Returns
    -------
    Step
        The step. Its stations have the load of the copies. Copies make others late, and so
        more copies: there may be several steady states (`PipelineResult.equilibria`), and
        where copies of all requests would overload a station, a backlog that makes all late
        keeps itself alive above `Pipeline.hidden_capacity`. A budget moves that limit.

    Raises
    ------
    DomainError
        If `delay` is negative or infinite, or `budget` is outside 0 to 1.
    ModelError
        If `step` is not a step.

    Examples
    --------
    >>> import qmodel as qm
    >>> shard = qm.call("shard", qm.MMc(0.01, servers=16))
    >>> hedged = qm.hedge("hedge", shard, delay=0.03)
    >>> capped = qm.hedge("hedge", shard, delay=0.03, budget=0.1)
    >>> for path in (shard, hedged, capped):
    ...     p = qm.Pipeline(path)
    ...     r = p.solve(500.0)
    ...     visits, p99 = r.visits["shard"], r.latency.quantile(0.99)
    ...     print(f"{visits:.3f} visits, p99 {p99:.4f} s, safe to {p.hidden_capacity:.0f}/s")
    1.000 visits, p99 0.0461 s, safe to 1600/s
    1.050 visits, p99 0.0380 s, safe to 800/s
    1.050 visits, p99 0.0380 s, safe to 1455/s
    """
    return Hedge(checked_name(name), checked_step("step", step), delay, budget)
