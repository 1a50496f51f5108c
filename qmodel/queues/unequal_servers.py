r"""M/M/c with servers of unequal speed: a free server is chosen at random.

Old and new machines in one pool. Server i takes a mean time :math:`S_i = 1 / \mu_i`; a
request that finds several free takes any of them with equal probability, one that waits
the first that becomes free. With :math:`r_i = \lambda S_i`, the chain of the sets of busy
servers is reversible: up rates depend on the number busy only, down rates on the server.
Hence, :math:`e_k` being the elementary symmetric polynomial,

.. math::

    \pi(A) \propto \frac{(c - |A|)!}{c!} \prod_{i \in A} r_i, \qquad
    p_k \propto \frac{(c - k)!}{c!} \, e_k(r_1, \dots, r_c) \; (k \le c), \qquad
    p_{c + j} = p_c \, \rho^j, \quad \rho = \frac{\lambda}{\sum \mu_i} .

The wait is that of M/M/c with this :math:`P(\text{wait}) = p_c / (1 - \rho)`; the response
is a mixture over the servers. Equal servers give M/M/c.

**Numbers.** :math:`e_k / \prod (1 + r_i)` are the probabilities of a sum of independent
events, built by adding positive terms; :math:`c^3` operations on all cells together, for up
to 100 servers.
**Shapes.** The service times and the load broadcast. **Overload.** ``inf`` in the cell.

References
----------
.. [1] F. P. Kelly, "Reversibility and Stochastic Networks", Wiley, 1979, ch. 1.
.. [2] H. Gumbel, "Waiting lines with heterogeneous servers", Operations Research 8, 1960.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import Distribution, HyperExponential, Mixture
from qmodel.errors import DomainError, ModelError
from qmodel.numerics import erlang
from qmodel.queues.base import FCFS, LAWS, MEANS, Station, StationResult
from qmodel.queues.mmc import EXPONENTIAL_SERVICE, _Response, _Wait
from qmodel.queues.states import States

__all__ = ["UnequalServers"]

RANDOM_SERVER = Assumption(
    "random-free-server",
    "a request that finds several servers free takes one of them at random",
    "Gumbel 1960; Kelly 1979",
)


@dataclass(frozen=True, slots=True, eq=False)
class _Number(States):
    """Given probabilities below the number of servers, then a geometric law."""

    below: tuple[Value, ...]
    full: Value
    load: Value

    @property
    def _over(self) -> Any:
        return np.asarray(self.load) >= 1

    @property
    def mean(self) -> Value:
        return self._moment(1)

    @property
    def variance(self) -> Value:
        with np.errstate(invalid="ignore"):
            square = self._moment(2)
            return np.where(np.isinf(square), np.inf, square - self._moment(1) ** 2)[()]

    def _moment(self, order: int) -> Any:
        c, rho = len(self.below), np.minimum(self.load, 1.0)
        with np.errstate(all="ignore"):
            total = sum(n**order * p for n, p in enumerate(self.below))
            ahead = rho / (1 - rho)
            beyond = c + ahead if order == 1 else (c + ahead) ** 2 + ahead / (1 - rho)
            return np.where(self._over, np.inf, total + self.full / (1 - rho) * beyond)[()]

    def probability(self, n: Count) -> Value:
        n, c = np.asarray(n), len(self.below)
        found = np.where(
            n >= c, self.full * np.minimum(self.load, 1.0) ** np.maximum(n - c, 0), 0.0
        )
        for k, p in enumerate(self.below):
            found = np.where(n == k, p, found)
        return found[()]

    def tail(self, n: Count) -> Value:
        n, c = np.asarray(n), len(self.below)
        rho = np.minimum(self.load, 1.0)
        with np.errstate(all="ignore"):
            found = self.full * rho ** np.maximum(n + 1 - c, 0) / (1 - rho)
            for k in range(c - 1, -1, -1):
                found = found + np.where(n < k, self.below[k], 0.0)
        return np.where(self._over | (n < 0), 1.0, found)[()]


def _subsets(ratios: list[Any]) -> list[Any]:
    """Return e_k over the product of all 1 + r, for k = 0, ..., c."""
    found = [1.0 + 0.0 * sum(ratios)] if ratios else [1.0]
    for r in ratios:
        taken, left = r / (1 + r), 1 / (1 + r)
        found = [
            (found[k] * left if k < len(found) else 0.0) + (found[k - 1] * taken if k else 0.0)
            for k in range(len(found) + 1)
        ]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class UnequalServers(Station):
    """Station with exponential servers of different speed, first come first served.

    Parameters
    ----------
    service_times : sequence of numbers or arrays
        Mean service time of one request on each server, > 0. [s]

    Raises
    ------
    DomainError
        If there is no server, or a time is not > 0.

    Examples
    --------
    >>> pool = UnequalServers([1 / 10, 1 / 15, 1 / 20, 1 / 20, 1 / 25])
    >>> load = pool.solve(73.0)
    >>> float(load.number_in_system), float(load.response_time), load.basis
    (6.6147, 0.0906, 'exact')
    """

    service_times: tuple[Value, ...]
    service: HyperExponential = field(init=False, repr=False)
    poisson_output = True

    def __post_init__(self) -> None:
        times = tuple(_check.positive("service_times", s) for s in self.service_times)
        if not times:
            raise DomainError("service_times must not be empty")
        total = sum(1 / s for s in times)
        object.__setattr__(self, "service_times", times)
        # While all are busy, the next free server is i with probability mu_i / sum mu.
        shares = tuple(1 / s / total for s in times)
        object.__setattr__(self, "service", HyperExponential(shares, times))

    @property
    def servers(self) -> int:
        """Number of servers. [-]."""
        return len(self.service_times)

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates, the sum of the rates. [1/s]."""
        return sum(1 / s for s in self.service_times)

    def serving(self, service: Distribution) -> Station:
        """Refuse: the servers differ, so no law is that of all."""
        raise ModelError("servers of unequal speed have no law of service of their own")

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, times, c = np.asarray(arrival_rate, dtype=float), self.service_times, self.servers
        total = self.max_rate
        rho = rate / total
        over = np.asarray(rho >= 1)
        # Beyond saturation any load below will do: its law is not used.
        ratios = [np.where(over, 0.5, rate) * s for s in times]
        gammaln = erlang.special().gammaln
        sizes = [float(np.exp(gammaln(c - k + 1.0) - gammaln(c + 1.0))) for k in range(c + 1)]
        weights = [w * e for w, e in zip(sizes, _subsets(ratios), strict=True)]
        spare = np.where(over, 1.0, (total - rate) / total)
        norm = sum(weights[:-1]) + weights[-1] / spare
        below = [np.where(over, 0.0, w / norm) for w in weights[:-1]]
        full = np.where(over, 0.0, weights[-1] / norm)
        must_wait = np.where(over, 1.0, full / spare)
        drain = np.where(over, 0.0, total - rate)
        shares, laws = [], []
        for i, s in enumerate(times):
            others = _subsets(ratios[:i] + ratios[i + 1 :])
            free = sum(
                w * e / (c - k) for k, (w, e) in enumerate(zip(sizes, others, strict=False))
            )
            at_once = np.where(over, 0.0, free / (1 + ratios[i]) / norm)
            waited = must_wait / s / total
            shares.append((at_once + waited)[()])
            laws.append(_Response((waited / shares[-1])[()], drain[()], 1 / s))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            wait = np.where(over, np.inf, must_wait / drain)[()]
        response = wait + sum(p * s for p, s in zip(shares, times, strict=True))
        weigh = namespace(rate).weigh
        means = (POISSON_ARRIVALS, EXPONENTIAL_SERVICE, RANDOM_SERVER)
        return StationResult(
            arrival_rate=arrival_rate,
            utilization=rho[()],
            waiting_time=wait,
            response_time=response,
            queue_length=weigh(rate, wait),
            number_in_system=weigh(rate, response),
            wait=_Wait(must_wait[()], drain[()]),
            response=Mixture(tuple(shares), tuple(laws)),
            station=self,
            number=_Number(tuple(b[()] for b in below), full[()], rho[()]),
            basis=Basis(
                dict.fromkeys((*MEANS, "number"), means) | dict.fromkeys(LAWS, (*means, FCFS))
            ),
        )
