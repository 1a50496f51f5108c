r"""The number in M/M/c and M/M/c/K: Poisson below the servers, geometric above.

With c servers, a buffer of :math:`m = K - c` (or no limit), offered load a,
:math:`\rho = a / c`, the odds :math:`R(c, a) = (1 - B) / B` of Erlang B and
:math:`S_m = 1 + \rho + \dots + \rho^m`,

.. math::

    p_c = \frac{1}{R + S_m}, \qquad
    p_n = p_c \frac{f(n; a)}{f(c; a)} \; (n < c), \qquad
    p_n = p_c \, \rho^{n - c} \; (n \ge c), \qquad
    P(N \ge c) = \frac{S_m}{R + S_m},

f being the Poisson pmf. All terms are positive, so no load costs digits; everything is
kept in logs, and in overload counted down from the last state, so nothing overflows. With
I idle servers and J requests in queue, IJ = 0, so that

.. math::

    \mathrm{Var}\, N = \mathrm{Var}\, I + \mathrm{Var}\, J + 2 E[I] E[J] ,

again without a difference; the idle servers of Erlang B have mean
:math:`i = c - a (1 - B)` and variance :math:`a (1 - B - B i)`.

References
----------
.. [1] D. Gross, J. F. Shortle, J. M. Thompson, C. M. Harris, "Fundamentals of Queueing
   Theory", 4th ed., Wiley, 2008, ch. 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.numerics import erlang, geometric, poisson
from qmodel.queues.counts.states import States

__all__ = ["ServerStates"]


def log_load(offered_load: Any, servers: Any, spare: Any) -> Any:
    """Return the log of the load a / c, near saturation from the spare servers c - a."""
    xp = namespace(offered_load, servers)
    if xp.symbolic:
        return xp.log(offered_load / servers)
    short = spare / servers
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # Hardly a positive load is below e^-700, and a log of -inf would make 0 * inf.
        far = np.maximum(np.log(offered_load / servers), -700.0)
        return np.where(abs(short) > 0.5, far, np.log1p(-np.clip(short, -0.5, 0.5)))[()]


def idle_servers(a: Any, c: Any, spare: Any) -> tuple[Any, Any]:
    """Return mean and variance of the idle servers of the loss system M/M/c/c."""
    lost = erlang.erlang_b(a, c)
    mean = spare + a * lost
    variance = a * (1 - lost - lost * mean)
    over = a >= 1.5 * c
    if np.any(over):
        # There the differences cancel, and few are idle: they are summed.
        ratio, first, second = lost, 0.0, 0.0
        for i in range(1, 100):
            ratio = ratio * np.clip((c - i + 1) / a, 0.0, 2 / 3)
            first = first + i * ratio
            second = second + i * i * ratio
        mean = np.where(over, first, mean)
        variance = np.where(over, second - first**2, variance)
    return mean, variance


@dataclass(frozen=True, slots=True, eq=False)
class ServerStates(States):
    """The distribution of the number in a station with servers and a queue, M/M/c or M/M/c/K.

    Parameters
    ----------
    offered_load : number or array
        Arrival rate times mean service time, a. [erlang]
    servers : int or integer array
        Number of servers, c. [-]
    spare : number or array
        Servers less offered load, c - a, with the digits that a rounded. [-]
    room : int or integer array, default inf
        Places in the queue, K - c; without limit, the number is infinite in overload. [-]

    Examples
    --------
    >>> time = ServerStates(2.0, servers=3, spare=1.0)
    >>> float(time.probability(0)), float(time.tail(2)), float(time.mean), float(time.variance)
    (0.1111, 0.4444, 2.8889, 6.5432)
    """

    offered_load: Value
    servers: Count
    spare: Value
    room: Count = np.inf

    def _chain(self) -> tuple[Any, Any, Any, Any, Any, Any]:
        """Return a, c, m, the log load x, log p_c and log p_K."""
        c, m = np.asarray(self.servers, dtype=float), np.asarray(self.room, dtype=float)
        a = np.asarray(self.offered_load, dtype=float)
        x = log_load(a, c, self.spare)
        with np.errstate(all="ignore"):
            log_odds = poisson.log_odds(c, a)
            over = (x > 0) & np.isfinite(m)
            rise = np.where(np.isfinite(m), m, 0.0) * x
            last = -np.logaddexp(log_odds - rise, geometric.log_sum(-x, m))
            first = -np.logaddexp(log_odds, geometric.log_sum(x, m))
            first = np.where(over, last - rise, first)
            last = np.where(np.isinf(m), -np.inf, np.where(over, last, first + rise))
        return a, c, m, x, first, last

    @property
    def mean(self) -> Value:
        """Mean number; inf in overload without limit. [-]."""
        a, _, m, x, first, last = self._chain()
        with np.errstate(all="ignore"):
            busy = np.exp(first + geometric.log_sum(x, m))
            queue = np.where(m == 0, 0.0, busy * geometric.mean(x, m))
            return np.where(self._lost(m, x), np.inf, a * -np.expm1(last) + queue)[()]

    @property
    def variance(self) -> Value:
        """Variance of the number; inf in overload without limit. [-]."""
        a, c, m, x, first, _ = self._chain()
        with np.errstate(all="ignore"):
            busy = np.exp(first + geometric.log_sum(x, m))
            queue, spread = geometric.mean(x, m), geometric.variance(x, m)
            some = np.where(a > 0, np.exp(first + poisson.log_odds(c, a)), 1.0)
            idle, of_idle = idle_servers(a, c, self.spare)
            # Idle servers are those of Erlang B while nobody waits, else none.
            queued = np.exp(first + x + geometric.log_sum(x, m - 1))
            nobody = some + np.where(a > 0, np.exp(first), 0.0)
            of_idle = nobody * (of_idle + queued * idle**2)
            of_queue = busy * (spread + some * queue**2)
            total = of_idle + of_queue + 2 * nobody * idle * busy * queue
            return np.where(self._lost(m, x), np.inf, total)[()]

    def _lost(self, m: Any, x: Any) -> Any:
        return np.isinf(m) & (x >= 0)

    def _log(self, n: Any) -> Any:
        """Return log P(N = n)."""
        a, c, m, x, first, last = self._chain()
        with np.errstate(all="ignore"):
            k = n - c
            above = np.where((x > 0) & np.isfinite(m), last - (m - k) * x, first + k * x)
            above = np.where(k > m, -np.inf, np.where(k == 0, first, above))
            least = np.clip(n, 0, c)
            below = first + poisson.log_pmf(least, a) - poisson.log_pmf(c, a)
            # Without load all the mass is at zero, where the two logs are infinite.
            below = np.where(a > 0, below, np.where(n == 0, 0.0, -np.inf))
            log = np.where(n < c, below, np.where(a > 0, above, -np.inf))
            log = np.where(np.isnan(a + c + m), np.nan, log)
            return np.where((n < 0) | self._lost(m, x), -np.inf, log)

    def probability(self, n: Count) -> Value:
        """Return P(N = n); 0 in overload without limit [-]."""
        return np.exp(self._log(np.asarray(n, dtype=float)))[()]

    def tail(self, n: Count) -> Value:
        """Return P(N > n); 1 in overload without limit [-]."""
        n = np.asarray(n, dtype=float)
        a, c, m, x, first, _ = self._chain()
        with np.errstate(all="ignore"):
            following = self._log(n + 1)
            above = np.exp(following + geometric.log_sum(x, np.maximum(m - (n + 1 - c), -1)))
            least = np.clip(n + 1, 1, c)
            up_to = np.exp(self._log(least) + poisson.log_odds(least, a))
            # Where the tail is small, it is summed from the other end.
            special, busy = erlang.special(), np.exp(first + geometric.log_sum(x, m))
            part = special.gammainc(least, a) - special.gammainc(c, a)
            rest = (1 - busy) * part / special.gammaincc(c, a) + busy
            below = np.where(a < least, rest, 1 - up_to)
            tail = np.where(n + 1 >= c, np.where(n + 1 - c > m, 0.0, above), below)
            tail = np.where(a > 0, tail, 0.0 * a)
            tail = np.where((n < 0) | self._lost(m, x), 1.0, tail)
            return np.where(np.isnan(a + c + m), np.nan, tail)[()]
