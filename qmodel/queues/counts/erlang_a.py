r"""M/M/c+M as a chain: the number present, and the fate of a request by its age.

The formulas are in `qmodel.queues.erlang_a`. Everything is kept in logs, so that neither
the probability of a wait of 1e-200 nor a million servers in overload lose digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.numerics import erlang, poisson
from qmodel.queues.counts.server_states import idle_servers
from qmodel.queues.counts.states import States

__all__: list[str] = []

_SERIES = 60
_LAGUERRE = 32


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """M/M/c+M, with times in service times; `patience` likewise."""

    a: Any
    c: Any
    spare: Any
    patience: Any

    @property
    def x(self) -> Any:
        """Rate of all servers over the rate of impatience."""
        return self.c * self.patience

    @property
    def y(self) -> Any:
        """Arrival rate over the rate of impatience."""
        return self.a * self.patience

    def log_ratio(self) -> Any:
        """Return log of P(N >= c) / p_c."""
        return poisson.log_lower_ratio(self.x, self.y)

    def log_first(self) -> Any:
        """Return log p_c."""
        with np.errstate(all="ignore"):
            return -np.logaddexp(poisson.log_odds(self.c, self.a), self.log_ratio())

    def ratio(self) -> Any:
        """Return P(N >= c) / p_c, the G of the formulas."""
        if not is_symbolic(self.x, self.y):
            return np.exp(self.log_ratio())
        from sympy import exp, lowergamma

        return self.x * self.y**-self.x * exp(self.y) * lowergamma(self.x, self.y)

    def must_wait(self) -> Any:
        """Return P(N >= c), the probability that an arrival must wait."""
        if is_symbolic(self.a, self.c, self.patience):
            from qmodel.numerics.erlang_symbolic import ErlangB

            return self.ratio() / (1 / ErlangB(self.c, self.a) - 1 + self.ratio())
        return np.exp(self.log_first() + self.log_ratio())

    def queue(self) -> tuple[Any, Any]:
        """Return E[J] / y and E[J (J - 1)] / y^2 of the queue J while all servers work."""
        x, y, gap = self.x, self.y, self.spare * self.patience
        with np.errstate(all="ignore"):
            inverse = 1 / self.ratio()
            first = (x * inverse - gap) / y
            second = (1 - (gap + 1) * first) / y
            if is_symbolic(x, y):
                return first, second
            x, y, gap = np.broadcast_arrays(x, y, gap)
            # In light load both are differences of large numbers: there the sum of the
            # series, and between, where the queue is nearly geometric, its integral.
            light = y <= 0.5 * (x + 1)
            between = ~light & (gap > 0) & (gap * gap > 100 * x)
            if light.any():
                series = _series(x, y)
                first, second = (
                    np.where(light, s * inverse, v)
                    for s, v in zip(series, (first, second), strict=True)
                )
            if between.any():
                integral = _integral(x, gap)
                first, second = (
                    np.where(between, s * inverse, v)
                    for s, v in zip(integral, (first, second), strict=True)
                )
        return first, second

    def abandonment(self) -> Any:
        """Return the share of the arrivals that give up."""
        return self.must_wait() * self.queue()[0]

    def served(self) -> Any:
        """Return the share of the arrivals that are served."""
        if is_symbolic(self.x, self.y):
            return 1 - self.abandonment()
        with np.errstate(all="ignore"):
            # In overload the difference has no digits: those served at once, and later.
            at_once = np.exp(self.log_first() + poisson.log_odds(self.c, self.a))
            later = self.must_wait() * self.x / self.y * -np.expm1(-self.log_ratio())
            return np.where(self.y > self.x, at_once + later, 1 - self.abandonment())

    def offered(self, u: Any) -> Any:
        """Return P(V > u), V being what a request of endless patience would wait."""
        z = self.y * np.exp(-u / self.patience)
        with np.errstate(all="ignore"):
            ratio = poisson.log_lower(self.x, z) - poisson.log_lower(self.x, self.y)
            return np.where(self.a > 0, self.must_wait() * np.exp(ratio), 0.0 * z)

    def served_later(self, u: Any) -> Any:
        """Return P(served, W > u)."""
        x, y = self.x, self.y
        z = y * np.exp(-u / self.patience)
        with np.errstate(all="ignore"):
            log = self.log_first() + np.log(x) - np.log1p(x) - poisson.log_pmf(x + 1, y)
            return np.where(self.a > 0, np.exp(log + poisson.log_lower(x + 1, z)), 0.0 * z)

    def called(self, u: Any) -> Any:
        """Return the rate at which requests go from queue to service at the age `u`."""
        v = u / self.patience
        with np.errstate(all="ignore"):
            return self.c * np.exp(self.log_first() - self.c * u - v - self.y * np.expm1(-v))

    def in_service(self, u: Any) -> Any:
        """Return the probability of being in service at the age `u`."""
        x, y, q = self.x, self.y, (self.c - 1) * self.patience
        z = y * np.exp(-u / self.patience)
        with np.errstate(all="ignore"):
            log = self.log_first() + np.log(x / y) - poisson.log_pmf(q, y) - u
            low = np.exp(log + poisson.log_lower(q + 1, y)) - np.exp(
                log + poisson.log_lower(q + 1, z)
            )
            high = np.exp(log + poisson.log_upper(q + 1, z)) - np.exp(
                log + poisson.log_upper(q + 1, y)
            )
            queued = np.maximum(np.where(y < q + 1, low, high), 0.0)
            log_some = self.log_first() + poisson.log_odds(self.c, self.a)
            at_once = np.where(self.a > 0, np.exp(log_some), 1.0 + 0.0 * self.a)
            return np.exp(-u) * at_once + np.where(self.a > 0, queued, 0.0 * u)


def _series(x: Any, y: Any) -> tuple[Any, Any]:
    # Sums of j r_j / y and j (j - 1) r_j / y^2 with r_j = y^j / ((x + 1) ... (x + j)).
    first = second = 0.0 * y
    ratio = 1 / (x + 1)
    for j in range(1, _SERIES):
        first = first + j * ratio
        following = ratio / (x + j + 1)
        second = second + (j + 1) * j * following
        ratio = following * y
    return first, second


def _integral(x: Any, gap: Any) -> tuple[Any, Any]:
    # x times the integral of u^k (1 - u)^(x - 1) e^(yu), k = 1 and 2, in s = (x - y) u.
    nodes, weights = np.polynomial.laguerre.laggauss(_LAGUERRE)
    first = second = 0.0 * x
    for s, w in zip(nodes, weights, strict=True):
        u = s / gap
        rest = np.exp((x - 1) * np.log1p(-np.minimum(u, 1.0)) + x * u)
        rest = np.where(u < 1, rest, 0.0)
        first = first + w * s * rest
        second = second + w * s * s * rest
    return x / gap**2 * first, x / gap**3 * second


@dataclass(frozen=True, slots=True, eq=False)
class ImpatientStates(States):
    """The distribution of the number present in M/M/c+M."""

    chain: Chain

    @property
    def mean(self) -> Value:
        chain = self.chain
        return (chain.a * chain.served() + chain.y * chain.abandonment())[()]

    @property
    def variance(self) -> Value:
        chain = self.chain
        with np.errstate(all="ignore"):
            busy, head = chain.must_wait(), chain.log_first()
            first, second = chain.queue()
            queue = chain.y * first
            spread = chain.y**2 * second + queue - queue**2
            some = np.exp(head + poisson.log_odds(chain.c, chain.a))
            some = np.where(chain.a > 0, some, 1.0 + 0.0 * busy)
            at_most = some + np.where(chain.a > 0, np.exp(head), 0.0)
            idle, of_idle = idle_servers(chain.a, chain.c, chain.spare)
            queued = self.tail(chain.c)
            of_idle = at_most * (of_idle + queued * idle**2)
            of_queue = busy * (spread + some * queue**2)
            return (of_idle + of_queue + 2 * at_most * idle * busy * queue)[()]

    def _log(self, n: Any) -> Any:
        chain = self.chain
        a, c, x, y = chain.a, chain.c, chain.x, chain.y
        with np.errstate(all="ignore"):
            head = chain.log_first()
            least, k = np.clip(n, 0, c), np.maximum(n - c, 0)
            below = head + poisson.log_pmf(least, a) - poisson.log_pmf(c, a)
            above = head + poisson.log_pmf(x + k, y) - poisson.log_pmf(x, y)
            log = np.where(n <= c, below, above)
            log = np.where(a > 0, log, np.where(n == 0, 0.0, -np.inf))
            return np.where(n < 0, -np.inf, np.where(np.isnan(a + x), np.nan, log))

    def probability(self, n: Count) -> Value:
        return np.exp(self._log(np.asarray(n, dtype=float)))[()]

    def tail(self, n: Count) -> Value:
        n = np.asarray(n, dtype=float)
        chain = self.chain
        a, c, x, y = chain.a, chain.c, chain.x, chain.y
        special = erlang.special()
        with np.errstate(all="ignore"):
            following = self._log(n + 1)
            beyond = x + np.maximum(n + 1 - c, 0)
            above = np.exp(following + poisson.log_lower_ratio(beyond, y))
            above = np.where(n + 1 <= c, chain.must_wait(), above)
            least = np.clip(n + 1, 1, c)
            up_to = np.exp(self._log(least) + poisson.log_odds(least, a))
            part = special.gammainc(least, a) - special.gammainc(c, a)
            rest = (1 - above) * part / special.gammaincc(c, a) + above
            below = np.where(a < least, rest, 1 - up_to)
            tail = np.where(n + 1 >= c, above, below)
            tail = np.where(a > 0, tail, 0.0 * a)
            return np.where(n < 0, 1.0, np.where(np.isnan(a + x), np.nan, tail))[()]
