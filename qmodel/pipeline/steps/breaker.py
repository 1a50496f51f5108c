r"""A circuit breaker: after too many failures it turns calls away, and tries again later.

A breaker counts the calls that pass it. It *trips* after k failures in a row, or at the end of
a window of n calls of which at least k failed; then it is *open* for a time w, and turns all
calls away. After that it is *half open* and lets h probes through, one after the other: if all
succeed it closes, with the first that fails it opens again. Of calls that fail with a
probability f, independently, it passes before it trips

.. math::

    m = \sum_{i=1}^{k} f^{-i} \quad \text{(in a row)}, \qquad
    m = \frac{n}{P(\text{Bin}(n, f) \ge k)} \quad \text{(of a window)},

calls on average, and as a renewal reward [1]_ the share of the calls that it passes is, with
the rate r of the calls to one breaker and :math:`s = (1 - f)^h`,

.. math:: A = \frac{m s + (1 - s) / f}{m s + (1 - s) / f + r w} .

**Many clients.** Each has a breaker of its own, and r is its share of the rate. Breakers of one
service trip for the same reason, so the failures f that they see are those under the load that
they pass: a fixed point with the timeouts inside.

References
----------
.. [1] S. M. Ross, "Stochastic Processes", 2nd ed., Wiley, 1996, sec. 3.6.
.. [2] M. T. Nygard, "Release It!", 2nd ed., Pragmatic Bookshelf, 2018, ch. 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.errors import DomainError, ModelError
from qmodel.pipeline.steps.base import Grounds, Outcome, Step, again, checked_step
from qmodel.queues.approximations.dispersion import DISTURBED, Dispersion

if TYPE_CHECKING:
    from qmodel.pipeline.arrivals import Arrivals
    from qmodel.pipeline.exactness import Trace
    from qmodel.pipeline.flows import Flows
    from qmodel.pipeline.solved import Solved

__all__ = ["Breaker", "circuit_breaker"]

INDEPENDENT_BREAKERS = Assumption(
    "independent-breakers",
    "the calls of a breaker fail independently of each other, and many breakers are open at "
    "different times, so that what they let through is a steady stream; in simulations of a "
    "pool of eight the healthy state was right, goodput in overload within a factor of two; "
    "below the fold breakers that opened together let the queue drain, so that it came back",
    "Ross 1996, sec. 3.6 (renewal reward); simulated here",
    APPROXIMATE,
)

_several = partial(_check.one_count, most=10_000)


@dataclass(frozen=True, slots=True, eq=False)
class Breaker(Step):
    """A step that is turned away for a while after too many failures."""

    step: Step
    failures: int = parameter("failures that trip it", symbol="k", check=_several)
    wait: Value = parameter("how long it is open", unit="s", symbol="w", check=_check.positive)
    window: int | None = parameter(
        "calls of a window; without, failures in a row trip it",
        symbol="n",
        check=_several,
        default=None,
    )
    probes: int = parameter(
        "calls that must succeed before it closes", check=_several, default=1
    )
    clients: Value = parameter(
        "clients, each with its own breaker", check=_check.at_least(1), default=1
    )
    name: str = ""
    word = "breaker"
    by_rate = True
    guards = True
    settles_down = True

    def __post_init__(self) -> None:
        super(Breaker, self).__post_init__()
        if self.window is not None and self.window < self.failures:
            raise DomainError(
                f"window must be at least the failures that trip it, {self.failures}, got "
                f"{self.window}"
            )

    @property
    def loses(self) -> bool:
        return True

    def passes(self, fails: Any, rate: Any) -> Any:
        """Return the share of the calls that is let through, which fail so often."""
        from scipy.special import betainc

        if is_symbolic(fails, rate, self.wait, self.clients):
            raise ModelError("what a breaker lets through has no symbolic form: put numbers in")
        f = np.asarray(fails, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.window is None:
                calls = sum(f ** -float(i) for i in range(1, self.failures + 1))
            else:
                k, n = self.failures, self.window
                calls = n / betainc(k, n - k + 1.0, f)
            success = (1 - f) ** self.probes
            # Calls between two openings; the probes are 1 + (1 - f) + (1 - f)^2 + ...
            between = np.where(success > 0, calls * success, 0.0)
            between = between + sum((1 - f) ** i for i in range(self.probes))
            return (1 / (1 + rate / self.clients * self.wait / between))[()]

    def flow(self, share: Any, at: Flows) -> Any:
        through = at.through(self.step, share)
        at.note(self, share)
        if through is None:
            return self.step.flow(share, at)
        passed = share * self.passes(1 - through, at.rate * share)
        self.step.flow(passed, at)
        return passed * through

    def outcome(self, at: Solved, times: Any = 1) -> Outcome:
        inside = self.step.outcome(at)
        rate = at.flows.rate * at.flows.inflow[self.key]
        passed = self.passes(inside.rejected + inside.abandoned, rate)
        return again(
            Outcome(
                passed * inside.accepted,
                1 - passed + passed * inside.rejected,
                passed * inside.abandoned,
                inside.time,
            ),
            times,
        )

    def departures(self, arriving: Dispersion, at: Arrivals) -> Dispersion:
        return self.step.departures(arriving, at) or DISTURBED

    def grounds(self, trace: Trace) -> Grounds:
        return Grounds(flow=(INDEPENDENT_BREAKERS,))

    @property
    def caption(self) -> str:
        return f"circuit breaker, {self.failures} failures"


@checked
def circuit_breaker(
    step: Step,
    *,
    wait: Value,
    failures: int = 5,
    window: int | None = None,
    probes: int = 1,
    clients: Value = 1,
    name: str = "",
) -> Step:
    """Turn calls away for a while after too many failures.

    Parameters
    ----------
    step : Step
        What is called; its failures are those of timeouts, full stations and limits. [-]
    wait : number or array
        How long all calls are turned away after it has tripped, > 0. [s]
    failures : int, default 5
        Failures that trip it: in a row, or in one window of calls. [-]
    window : int, optional
        Calls of a window, at the end of which the failures are counted; by default they must
        come in a row. [-]
    probes : int, default 1
        Calls that must succeed before it closes again. [-]
    clients : number or array, default 1
        Clients, each with a breaker of its own and an equal share of the calls, >= 1. [-]
    name : str, optional
        Name for `Pipeline.replace`: "<name>.wait", "<name>.failures". [-]

    Returns
    -------
    Step
        The step. What it turns away counts as rejected, and takes no time.

    Raises
    ------
    DomainError
        If a parameter is outside its domain.
    ModelError
        If `step` is not a step.

    Examples
    --------
    Without a breaker a backlog keeps itself alive at 6 requests a second, and nobody is
    answered in time. With one, the collapsed state still answers more than half of them:

    >>> import qmodel as qm
    >>> app = qm.timeout(5.0, qm.call("app", qm.MMc(1.0, servers=8)))
    >>> for guarded in (app, circuit_breaker(app, wait=30.0, clients=20)):
    ...     r = qm.Pipeline(qm.retry(guarded, attempts=3, pause=1.0)).solve(6.0)
    ...     print({name: round(float(s.goodput), 2) for name, s in r.equilibria.items()})
    {'healthy': 6.0, 'threshold': 5.93, 'collapsed': 0.0}
    {'healthy': 6.0, 'threshold': 5.93, 'collapsed': 3.83}
    """
    return Breaker(checked_step("step", step), failures, wait, window, probes, clients, name)
