r"""M/M/c with servers of unequal speed: a free one at random, or the fastest that is free.

Old and new machines in one pool. Server i takes a mean time :math:`S_i = 1 / \mu_i`; a
request that waits takes the first that becomes free.

**At random.** Who finds several free takes any of them with equal probability. With
:math:`r_i = \lambda S_i`, the chain of the sets of busy servers is reversible: up rates
depend on the number busy only, down rates on the server. Hence, :math:`e_k` being the
elementary symmetric polynomial,

.. math::

    \pi(A) \propto \frac{(c - |A|)!}{c!} \prod_{i \in A} r_i, \qquad
    p_k \propto \frac{(c - k)!}{c!} \, e_k(r_1, \dots, r_c) \; (k \le c), \qquad
    p_{c + j} = p_c \, \rho^j, \quad \rho = \frac{\lambda}{\sum \mu_i} .

**The fastest.** No such product is known; but while nobody waits, the chain is that of the
same servers without a queue, where those that are tried first do not see the others. The
recurrence of `qmodel.queues.counts.ordered_entry` gives its shares, and with B for what it
loses,

.. math::

    p_k \propto p_k^{\text{loss}} \; (k < c), \qquad p_{c + j} \propto B \, \rho^j .

The wait is that of M/M/c with this :math:`P(\text{wait}) = p_c / (1 - \rho)`; the response
is a mixture over the servers. Equal servers give M/M/c. Both are exact; it is not always
best to take a slow server rather than to wait for a fast one.

**Numbers.** At random, :math:`e_k / \prod (1 + r_i)` are the probabilities of a sum of
independent events, built by adding positive terms; :math:`c^3` operations on all cells
together, for up to 100 servers. The fastest first takes :math:`\prod (n_i + 1)` sums of rates,
with :math:`n_i` servers of kind i: at most 4096, which is 12 different servers, or two kinds of
63. The distribution of the number present is known up to 12 servers then, to 1e-11.
**Shapes.** The service times and the load broadcast. **Overload.** ``inf`` in the cell.

References
----------
.. [1] F. P. Kelly, "Reversibility and Stochastic Networks", Wiley, 1979, ch. 1.
.. [2] H. Gumbel, "Waiting lines with heterogeneous servers", Operations Research 8, 1960.
.. [3] D. D. Yao, "The arrangement of servers in an ordered-entry system", Operations
   Research 35, 1987.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import Distribution, HyperExponential, Mixture
from qmodel.errors import DomainError, ModelError
from qmodel.numerics import erlang
from qmodel.queues.base import DISTRIBUTIONS, FCFS, MEANS, Station, StationResult
from qmodel.queues.counts.ordered_entry import groups_of_equals, ordered_entry
from qmodel.queues.counts.states import GeometricBeyond
from qmodel.queues.mmc import EXPONENTIAL_SERVICE
from qmodel.queues.waits.mmc import MMcResponse, MMcWait

__all__ = ["UnequalServers"]

RANDOM_SERVER = Assumption(
    "random-free-server",
    "a request that finds several servers free takes one of them at random",
    "Gumbel 1960; Kelly 1979",
)
FASTEST_SERVER = Assumption(
    "fastest-free-server",
    "a request that finds several servers free takes the fastest of them",
    "Palm 1943; Yao 1987",
)
POLICIES = {"random": RANDOM_SERVER, "fastest": FASTEST_SERVER}

_MOST_SUMS = 4096
_MOST_STATES = 12


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
    policy : {"random", "fastest"}, default "random"
        Which of several free servers a request takes. [-]

    Raises
    ------
    DomainError
        If there is no server, a time is not > 0, or `policy` is not one of these.

    Examples
    --------
    >>> pool = UnequalServers([1 / 10, 1 / 15, 1 / 20, 1 / 20, 1 / 25])
    >>> load = pool.solve(73.0)
    >>> float(load.number_in_system), float(load.response_time), load.basis
    (6.6147, 0.0906, 'exact')
    >>> float(UnequalServers(pool.service_times, "fastest").solve(73.0).response_time)
    0.0880

    A pool of old and new machines at light load, where the choice matters most:

    >>> mixed = [0.010] * 8 + [0.040] * 8
    >>> [float(UnequalServers(mixed, p).solve(400.0).response_time) for p in POLICIES]
    [0.0198, 0.0109]
    """

    service_times: tuple[Value, ...] = parameter(
        "mean service time on each server",
        unit="s",
        symbol="S",
        check=_check.each(_check.positive),
    )
    policy: str = "random"
    service: HyperExponential = field(init=False, repr=False)

    def __post_init__(self) -> None:
        times = self.service_times
        if not times:
            raise DomainError("service_times must not be empty")
        if self.policy not in POLICIES:
            known = ", ".join(POLICIES)
            raise DomainError(f"policy must be one of {known}, got {self.policy!r}")
        total = sum(1 / s for s in times)
        # While all are busy, the next free server is i with probability mu_i / sum mu.
        shares = tuple(1 / s / total for s in times)
        object.__setattr__(self, "service", HyperExponential(shares, times))

    @property
    def poisson_output(self) -> bool:  # type: ignore[override]
        """Whether Poisson arrivals leave as a Poisson stream: if any free server will do."""
        return self.policy == "random"

    @property
    def servers(self) -> int:
        """Number of servers. [-]."""
        return len(self.service_times)

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates, the sum of the rates. [1/s]."""
        return sum(1 / s for s in self.service_times)

    def serving(self, service: Distribution) -> Station:
        """Refuse: the servers differ, so no distribution is that of all."""
        raise ModelError("servers of unequal speed have no service distribution of their own")

    def _solve(self, arrival_rate: Value) -> StationResult:
        if is_symbolic(arrival_rate, *self.service_times):
            raise ModelError("servers of unequal speed have no form for symbols; MMc has")
        rate, total = np.asarray(arrival_rate, dtype=float), self.max_rate
        rho, left = rate / total, total - rate
        over = np.asarray(left <= 0)
        # Beyond saturation any load below will do: its distribution is not used.
        calm = np.where(over, 0.5, rate)
        random = self.policy == "random"
        free, full, below, times = (_random if random else _fastest)(calm, self.service_times)
        spare = np.where(over, 1.0, left / total)
        norm = sum(free) + full / spare
        full = np.where(over, 0.0, full / norm)
        must_wait = np.where(over, 1.0, full / spare)
        drain = np.where(over, 0.0, left)
        shares, distributions = [], []
        for s, taken in zip(times, free, strict=True):
            at_once = np.where(over, 0.0, taken / norm)
            waited = must_wait / s / total
            # Of a single server it is one, but for rounding.
            share = np.minimum(at_once + waited, 1.0)
            with np.errstate(invalid="ignore"):
                # Without load the slower servers are never taken.
                probability = np.where(share == 0, 0.0, waited / share)
            shares.append(share[()])
            distributions.append(MMcResponse(probability[()], drain[()], 1 / s))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            wait = np.where(over, np.inf, must_wait / drain)[()]
        response = wait + sum(p * s for p, s in zip(shares, times, strict=True))
        weigh = namespace(rate).weigh
        means = (POISSON_ARRIVALS, EXPONENTIAL_SERVICE, POLICIES[self.policy])
        number = None
        if below:
            below = [np.where(over, 0.0, p / norm)[()] for p in below]
            number = GeometricBeyond(tuple(below), full[()], rho[()], spare[()])
        known = MEANS if number is None else (*MEANS, "number")
        return StationResult(
            arrival_rate=arrival_rate,
            utilization=rho[()],
            waiting_time=wait,
            response_time=response,
            queue_length=weigh(rate, wait),
            number_in_system=weigh(rate, response),
            wait=MMcWait(must_wait[()], drain[()]),
            response=Mixture(tuple(shares), tuple(distributions)),
            station=self,
            number=number,
            basis=Basis(
                dict.fromkeys(known, means) | dict.fromkeys(DISTRIBUTIONS, (*means, FCFS))
            ),
        )


_Weights = tuple[list[Any], Any, list[Any], Sequence[Any]]
"""Weights of taking each server at once, of c present, of fewer; and the service times."""


def _random(rate: Any, times: Sequence[Any]) -> _Weights:
    c, ratios = len(times), [rate * s for s in times]
    gammaln = erlang.special().gammaln
    sizes = [float(np.exp(gammaln(c - k + 1.0) - gammaln(c + 1.0))) for k in range(c + 1)]
    weights = [w * e for w, e in zip(sizes, _subsets(ratios), strict=True)]
    free = []
    for i in range(c):
        others = _subsets(ratios[:i] + ratios[i + 1 :])
        here = sum(w * e / (c - k) for k, (w, e) in enumerate(zip(sizes, others, strict=False)))
        free.append(here / (1 + ratios[i]))
    return free, weights[-1], weights[:-1], times


def _fastest(rate: Any, times: Sequence[Any]) -> _Weights:
    # Which server is the fastest may differ from cell to cell.
    ordered = list(np.sort(np.stack(np.broadcast_arrays(*times)), axis=0))
    groups = groups_of_equals([1 / s for s in ordered])
    if prod(n + 1 for _, n in groups) > _MOST_SUMS:
        raise ModelError(
            f"fastest first is for {_MOST_STATES} different servers or a few kinds of them, "
            f"got {len(groups)} kinds of {len(times)} servers"
        )
    few = len(times) <= _MOST_STATES
    free, lost, busy = ordered_entry(rate, groups, states=few)
    return free, lost, busy[:-1], ordered
