"""What the attempts of a retry are, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass

from qmodel._typing import Value
from qmodel.distributions import Distribution

__all__ = ["RetryResult"]


@dataclass(frozen=True, slots=True, eq=False)
class RetryResult:
    """The attempts that one retry makes, in one steady state.

    Parameters
    ----------
    fresh_rate : number or array
        Requests a second that come to it. [1/s]
    attempt_rate : number or array
        Attempts a second that it makes. [1/s]
    amplification : number or array
        Attempts a request makes on average. [-]
    success : number or array
        Share of the requests that succeed in the end. [-]
    goodput : number or array
        Requests a second that succeed. [1/s]
    wasted : number or array
        Share of the attempts that servers work for in vain, as nobody waits any more. [-]
    latency : Distribution
        Distribution of the time until a request succeeds, as its client sees it: failed
        attempts and pauses are in it. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> app = qm.timeout(5.0, qm.call("app", qm.MMc(1.0, servers=8)))
    >>> r = qm.Pipeline(qm.retry(app, attempts=3, pause=1.0)).solve(6.0)
    >>> tried = r.retries["retry"]
    >>> float(tried.attempt_rate), float(tried.wasted), float(tried.latency.quantile(0.999))
    (6.0567, 0.0094, 8.5408)
    >>> float(r.equilibria["collapsed"].retries["retry"].amplification)
    3.0
    """

    fresh_rate: Value
    attempt_rate: Value
    amplification: Value
    success: Value
    goodput: Value
    wasted: Value
    latency: Distribution
