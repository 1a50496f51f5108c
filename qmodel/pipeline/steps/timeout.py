r"""A timeout: the client gives up what takes longer, and the servers finish it nevertheless.

With T the time of what is inside, a share :math:`P(T > d)` of what is served is late. Its work
is done and wasted; with what is lost inside (a full station, servers that drop what has waited
too long) it is the share f that fails. Tried again (`qmodel.pipeline.steps.retry`), it is load
like any other, which makes more of it late: the share f is a fixed point, of which there may
be three [1]_.

References
----------
.. [1] N. Bronson, A. Aghayev, A. Charapko, T. Zhu, "Metastable failures in distributed
   systems", HotOS 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.basis import ASYMPTOTIC, Assumption
from qmodel.distributions.truncated import within
from qmodel.errors import DomainError
from qmodel.pipeline.steps.base import Grounds, Outcome, Step, again, checked_step
from qmodel.queues.approximations.dispersion import DISTURBED, Dispersion
from qmodel.units import text

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved

__all__ = ["POISSON_RETRIES", "Timeout", "timeout"]

POISSON_RETRIES = Assumption(
    "poisson-retries",
    "attempts that are made again come as a Poisson stream, which holds where pauses are long "
    "against the time that a queue takes to settle; for eight servers at up to 80 % of the "
    "fold the rate of attempts is right within 0.3 %, the mean within 1 %, p99 within 2 %, and "
    "for two stations of lognormal service of an SCV of 4; the attempts of one server meet the "
    "queue that was too long before: at half of the fold their rate is 3 % low and p99 11 %, "
    "with such service 6 % and 30 %, and both within 2 % where pauses are ten timeouts; "
    "nearer to it, noise tips a small pool into the collapsed state; attempts at a room of "
    "exponential service (`MMcK`) are worth less the sooner they come back: of rooms of 5 to "
    "50, with fresh loads of 1.1 to 3 times the capacity, the rate of up to three is right "
    "within 4 %, of four or five within 10 %; at 0.7 to 1 times the capacity up to 9 % low",
    "Bronson et al. 2021; simulated here",
    ASYMPTOTIC,
)


@dataclass(frozen=True, slots=True, eq=False)
class Timeout(Step):
    """A step that the client waits for only so long."""

    step: Step
    after: Value = parameter("how long the client waits", unit="s", check=_check.positive)
    name: str = ""
    word = "timeout"
    settled_by = "times"

    def __post_init__(self) -> None:
        super(Timeout, self).__post_init__()
        if np.any(np.isinf(np.asarray(self.after, dtype=float))):
            raise DomainError(
                "after must be a finite number > 0, got inf: leave the timeout out"
            )

    @property
    def loses(self) -> bool:
        return True

    @property
    def worst(self) -> Any:
        return 1.0 + 0.0 * np.asarray(self.after)

    def settled_in(self, at: Solved) -> Any:
        inside = self.step.outcome(at)
        late = inside.accepted * inside.time.tail(self.after)
        return inside.rejected + inside.abandoned + late

    def flow(self, share: Any, at: Flows) -> Any:
        # What is late is done to its end, and wasted; what fails is told by `settled_in`.
        self.step.flow(share, at)
        return share * (1 - at.settled(self, share))

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        inside, fails = self.step.outcome(at), at.settled[self.key]
        return again(
            Outcome(
                1 - fails,
                inside.rejected,
                np.maximum(fails - inside.rejected, 0.0),
                within(inside.time, self.after),
            ),
            times,
        )

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        return self.step.departures(arriving, at) or DISTURBED

    def grounds(self, trace: Trace) -> Grounds:
        return Grounds(flow=(POISSON_RETRIES,)) if trace.queues(self) else Grounds()

    @property
    def caption(self) -> str:
        return f"within {text(self.after, 's')}"


@checked
def timeout(after: Value, step: Step, *, name: str = "") -> Step:
    """Wait for a step only so long; what is late is abandoned, but done to its end.

    Parameters
    ----------
    after : number or array
        How long the client waits, > 0. [s]
    step : Step
        What it waits for. [-]
    name : str, optional
        Name for `Pipeline.replace`: "<name>.after". [-]

    Returns
    -------
    Step
        The step. Late requests count as abandoned; latencies are of those in time.

    Raises
    ------
    DomainError
        If `after` is not > 0, or infinite.
    ModelError
        If `step` is not a step.

    Examples
    --------
    >>> import qmodel as qm
    >>> app = qm.call("app", qm.MMc(0.1, servers=8))
    >>> r = qm.Pipeline(qm.timeout(0.5, app)).solve(70.0)
    >>> float(r.abandoned), float(r.goodput), float(r.latency.quantile(0.999)) < 0.5
    (0.0281, 68.0301, True)

    Late requests that are tried again are load: there are a healthy state, a collapsed one, and
    a threshold between them.

    >>> path = qm.retry(qm.timeout(0.5, app), attempts=3, pause=0.1)
    >>> r = qm.Pipeline(path).solve(60.0)
    >>> {name: round(float(s.visits["app"]), 4) for name, s in r.equilibria.items()}
    {'healthy': 1.0094, 'threshold': 1.2742, 'collapsed': 3.0}
    >>> float(r.max_rate), float(r.hidden_capacity)
    (68.5995, 26.6667)
    """
    return Timeout(checked_step("step", step), after, name)
