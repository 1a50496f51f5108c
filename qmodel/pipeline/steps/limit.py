"""A rate limit: what finds no token is turned away at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.distributions import ZERO
from qmodel.pipeline.steps.base import Outcome, Step, again, checked_name
from qmodel.queues.approximations.bucket_behind import accepted_behind
from qmodel.queues.approximations.dispersion import DISTURBED, Dispersion
from qmodel.queues.approximations.limited_stream import Limited
from qmodel.queues.approximations.losses_behind import scv_in_room
from qmodel.queues.counts.token_bucket import accepted
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.availability import Answering
    from qmodel.pipeline.drawing.graph import Ends, Graph
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved

__all__ = ["Limit", "limit"]


@dataclass(frozen=True, slots=True, eq=False)
class Limit(Step):
    """A token bucket: what finds no token is turned away at once."""

    name: str
    rate: Value = parameter(
        "requests let through in the long run", unit="1/s", symbol="r", check=_check.positive
    )
    burst: Value = parameter("requests at once", symbol="b", check=_check.at_least(1))
    word = "limit"
    settled_by = "flow"
    spaces = True

    @property
    def loses(self) -> bool:
        return True

    def settled(self, flow: Any, scv: Any = 1.0) -> Any:
        return accepted(flow, limit=self.rate, burst=self.burst, scv=scv)

    def flow(self, share: Any, at: Flows) -> Any:
        return share * at.settled(self, share)

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        through = at.settled[self.key]
        return again(Outcome(through, 1 - through, 0, ZERO), times)

    def answered(self, reading: Answering) -> Any:
        return 1.0  # A limit is no failure.

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        at.limited |= bool(arriving) and not arriving.depth
        come = at.flows.rate * at.flows.inflow[self.key]
        if is_symbolic(come, self.rate, self.burst):
            at.limited |= bool(arriving)
            return arriving or DISTURBED
        if arriving.depth:
            each = np.divide(1.0, self.rate)
            scv = scv_in_room(arriving, come, each, 0.0, 1, self.burst)
            at.scvs[self.key] = scv
            if arriving.station is not None:
                share = accepted_behind(*arriving.station, limit=self.rate, burst=self.burst)
                if np.any(np.isnan(share)):
                    share = np.where(np.isnan(share), self.settled(come, scv), share)[()]
                at.accepted[self.key] = share
        return Limited(come, self.rate, self.burst, at.share(self), arriving)

    def passage(self, behind: set[Any], trace: Trace) -> set[Any]:
        return behind

    def sketch(self, ends: Ends, on: Graph) -> Ends:
        burst = f"bursts of {on.number(self.burst):g}"
        at = on.node(ends, self, self.name, text(on.number(self.rate), "1/s"), burst)
        return on.scaled(at, on.share(self))


@checked
def limit(name: str, rate: Value, *, burst: Value = 1.0) -> Step:
    """Turn away requests that come faster than a rate: a token bucket.

    Parameters
    ----------
    name : str
        Name of the limit; all of one name share one bucket. [-]
    rate : number or array
        Requests a second let through in the long run, > 0; inf for no limit. [1/s]
    burst : number or array, default 1
        Requests that may come at once, >= 1. [-]

    Returns
    -------
    Step
        The step; latencies are then those of the requests let through.

    Raises
    ------
    DomainError
        If `rate` is not > 0 or `burst` is below 1.

    Examples
    --------
    >>> import qmodel as qm
    >>> path = qm.series(qm.limit("quota", 100.0, burst=50), qm.call("db", qm.MMc(0.008)))
    >>> r = qm.Pipeline(path).solve(150.0)
    >>> float(r.rejected), float(r.goodput), float(r.stations["db"].utilization)
    (0.3333, 100.0, 0.8)
    """
    return Limit(checked_name(name), rate, burst)
