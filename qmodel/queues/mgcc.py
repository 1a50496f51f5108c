r"""The M/G/c/c queue: c servers and nobody waits; Erlang's loss system.

Lines, licences, connections without a queue: a request that finds every server taken is
lost. With offered load :math:`a = \lambda S` the share lost and the number present are

.. math::

    B(c, a) = \frac{a^c / c!}{\sum_{k \le c} a^k / k!}, \qquad
    p_n = \frac{a^n / n!}{\sum_{k \le c} a^k / k!}, \qquad
    L = a (1 - B) ,

for any service distribution with mean S [1]_. They come from `qmodel.queues.counts.erlang`, at
a cost that does not depend on c.

**Inverse problems.** B falls with c and rises with a, so both inverses are unique:
`servers_for_loss` by galloping from the fluid value a (1 - b) and bisection,
`load_for_loss` between :math:`(b \, c!)^{1/c}` and :math:`c / (1 - b)`, on the log of the
odds of B.

**Shapes.** All arguments broadcast. **Overload.** There is none: what is too much is lost.
NaN in, NaN out.

References
----------
.. [1] B. A. Sevastyanov, "An ergodic theorem for Markov processes and its application to
   telephone systems with refusals", Theory of Probability and its Applications 2, 1957.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import ZERO, Distribution
from qmodel.numerics import erlang as kernel
from qmodel.numerics.roots import increasing_root
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.base import DISTRIBUTIONS, MEANS, StationResult
from qmodel.queues.counts.erlang import erlang_b
from qmodel.queues.counts.server_states import ServerStates
from qmodel.queues.delay import at_load
from qmodel.queues.finite_room import FiniteRoom
from qmodel.queues.mg1 import GENERAL_SERVICE
from qmodel.queues.results import busy_share

__all__ = ["MGcc", "load_for_loss", "servers_for_loss"]

INSENSITIVE_LOSS = Assumption(
    "insensitive-loss",
    "without a queue, loss and number present depend on the mean service time only",
    "Sevastyanov 1957",
)


_COUNTED = 2.0**50


@checked
def servers_for_loss(offered_load: Value, loss: Value) -> Value:
    """Least number of servers that lose no more than a share `loss` of the arrivals.

    Parameters
    ----------
    offered_load : number or array
        Arrival rate times mean service time, >= 0. [erlang]
    loss : number or array
        Share that may be lost, from 0 to 1. [-]

    Returns
    -------
    number or array
        Whole number of servers, >= 1, of the broadcast shape; inf for no loss at all. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    See Also
    --------
    load_for_loss : the load that so many servers take.

    Examples
    --------
    >>> servers_for_loss([10.0, 708.0, 1e6], 0.01)
    array([1.80000e+01, 7.36000e+02, 9.90099e+05])
    """
    a = np.asarray(_check.nonnegative("offered_load", offered_load), dtype=float)
    b = np.asarray(_check.probability("loss", loss), dtype=float)
    a, b = np.broadcast_arrays(a, b)
    known = (a < _COUNTED) & ~np.isnan(b) & ((b > 0) | (a == 0))
    # Of so many that floats do not count them one by one: what is not lost is carried.
    instead = np.where(b > 0, np.ceil(a * (1 - b)), np.where(np.isnan(a + b), np.nan, np.inf))
    a, b = np.where(known, a, 1.0), np.where(known, b, 0.5)

    def enough(c: np.ndarray) -> np.ndarray:
        met: np.ndarray = kernel.erlang_b(a, c) <= b
        return met

    # At least as many as carry what is not lost; fewer than one is never asked.
    high = np.maximum(np.ceil(a * (1 - b)), 1.0)
    low, step = high - 1, np.ones(a.shape)
    while not (met := enough(high)).all():
        low = np.where(met, low, high)
        high = np.where(met, high, high + step)
        step = 2 * step
    while (wide := high - low > 1).any():
        middle = np.where(wide, np.floor((low + high) / 2), high)
        met = enough(middle)
        low, high = np.where(wide & ~met, middle, low), np.where(met, middle, high)
    return np.where(known, high, instead)[()]


@checked
def load_for_loss(servers: Count, loss: Value) -> Value:
    """Offered load of which `servers` lose just a share `loss`.

    Parameters
    ----------
    servers : int or integer array
        Number of servers, >= 1. [-]
    loss : number or array
        Share that is lost, from 0 to 1. [-]

    Returns
    -------
    number or array
        Offered load, of the broadcast shape; inf if all may be lost. [erlang]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    See Also
    --------
    servers_for_loss : the servers that a load needs.

    Examples
    --------
    >>> load_for_loss([7, 100, 2510], [0.01, 0.01, 1e-6]).round(4)
    array([   2.5009,   84.0642, 2303.5962])
    """
    from scipy.special import gammaln

    c = np.asarray(_check.count("servers", servers), dtype=float)
    b = np.asarray(_check.probability("loss", loss), dtype=float)
    c, b = np.broadcast_arrays(c, b)
    inside = (b > 0) & (b < 1) & np.isfinite(c)
    share = np.where(inside, b, 0.5)
    target = np.log1p(-share) - np.log(share)
    # In the log of the load, whose bracket may span hundreds of decades.
    low = (np.log(share) + gammaln(c + 1)) / c - 1e-9
    high = np.log(c) - np.log1p(-share)
    with np.errstate(divide="ignore"):
        found = np.exp(
            increasing_root(
                lambda u: target - np.log(kernel.odds(np.exp(u), c)), low, high, rtol=1e-15
            )
        )
    edge = np.where(b == 0, 0.0, np.where(b == 1, np.inf, np.nan))
    return np.where(inside, found, edge + 0 * c)[()]


@dataclass(frozen=True, slots=True, eq=False)
class MGcc(FiniteRoom):
    """Station with equal servers, any service distribution, and no queue.

    What finds every server taken is lost. The times are those of the accepted requests,
    which are served at once; `utilization` is the fraction of time that a server works.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time. [-]
    servers : int or integer array
        Number of servers, >= 1. [-]

    Raises
    ------
    DomainError
        If `servers` is not a whole number >= 1.
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> lines = MGcc(qm.Gamma(180.0, scv=2.0), servers=10)
    >>> load = lines.solve(0.05)
    >>> float(load.loss), float(load.throughput), float(load.utilization), load.basis
    (0.1680, 0.0416, 0.7488, 'exact')
    """

    service: Distribution
    servers: Count = parameter("servers", symbol="c", check=_check.count)

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates: never, it loses. [1/s]."""
        return namespace(self.service.mean, self.servers).inf

    @property
    def most(self) -> Count:
        """Requests that the station holds: its servers. [-]."""
        return self.servers

    def serving(self, service: Distribution) -> MGcc:
        """Return as many servers with another service distribution."""
        return MGcc(service, self.servers)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, s, c = arrival_rate, self.service.mean, self.servers
        a = rate * s
        loss = erlang_b(servers=c, offered_load=a)
        accepted = 1 - loss if namespace(a, c).symbolic else _accepted(a, c)
        busy = a * accepted
        grounds = (POISSON_ARRIVALS, GENERAL_SERVICE, INSENSITIVE_LOSS)
        return StationResult(
            arrival_rate=rate,
            utilization=busy_share(busy, c),
            waiting_time=0 * busy,
            response_time=s + 0 * busy,
            queue_length=0 * busy,
            number_in_system=busy,
            wait=at_load(ZERO, busy),
            response=at_load(self.service, busy),
            station=self,
            loss=loss,
            accepted=accepted,
            number=ServerStates(a, c, spare_servers(rate, s, c), 0),
            basis=Basis(dict.fromkeys((*MEANS, *DISTRIBUTIONS, "loss", "number"), grounds)),
        )


def _accepted(load: Value, servers: Count) -> Value:
    # 1 - B without the difference, which has no digits in overload: (1 - B) / B = R.
    with np.errstate(divide="ignore"):
        return (1 / (1 + 1 / np.asarray(kernel.odds(load, servers))))[()]
