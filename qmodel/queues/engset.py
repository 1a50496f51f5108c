r"""Engset's loss system: a finite number of sources, c servers, and nobody waits.

Each of N sources, while idle, asks at rate :math:`\gamma`; with :math:`\alpha = \gamma S`
the number in service is a truncated binomial distribution,

.. math::

    p_k \propto \binom{N}{k} \alpha^k, \quad k \le c, \qquad
    \frac{1}{E_k} = 1 + \frac{k}{(N - k + 1) \alpha} \frac{1}{E_{k-1}}, \qquad E_0 = 1 .

Two shares are called congestion: that of *time* with all servers busy, :math:`E_c`, and
that of *calls* that are lost, which is :math:`E_c` of one source less: a call sees the
others only. The loss of a station is that of calls. Both are insensitive to the service
distributions and of idle times (Cohen 1957).

**Numbers.** The recurrence adds positive terms; c steps, on all cells together.
**Shapes.** All arguments broadcast. **Overload.** There is none. NaN in, NaN out. With a known
number of servers the shares and means are closed forms on symbols too.

References
----------
.. [1] T. Engset, "Die Wahrscheinlichkeitsrechnung zur Bestimmung der Wählerzahl in
   automatischen Fernsprechämtern", Elektrotechnische Zeitschrift 39, 1918.
.. [2] J. W. Cohen, "The generalized Engset formulae", Philips Telecommunication Review 18,
   1957.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.basis import Assumption, Basis
from qmodel.distributions import ZERO, Distribution, Exponential
from qmodel.errors import ModelError
from qmodel.queues.base import DISTRIBUTIONS, MEANS, Station, StationResult
from qmodel.queues.birth_death import state_probabilities
from qmodel.queues.counts.states import FiniteStates
from qmodel.queues.delay import at_load
from qmodel.queues.mmc import EXPONENTIAL_SERVICE
from qmodel.queues.results import busy_share

__all__ = ["Engset", "call_congestion", "time_congestion"]

FINITE_SOURCES = Assumption(
    "finite-sources",
    "a finite number of equal sources, each with at most one request, which sees the others",
    "Engset 1918; Sevcik and Mitrani 1981 (arrival theorem)",
)


def odds(load: Any, servers: Any, population: Any) -> Any:
    """Return (1 - E) / E of the time congestion; inf where there are too few sources."""
    xp = namespace(load, servers, population)
    a, c, n = load, servers, population
    unknown: Any = False
    if xp.symbolic:
        if not isinstance(servers, int):
            raise ModelError(f"beside symbols, servers must be one number, got {servers}")
        most = servers
    else:
        a, c, n = (
            np.asarray(v, dtype=float) for v in np.broadcast_arrays(load, servers, population)
        )
        unknown = np.isnan(a + c + n)
        most = int(np.max(np.where(unknown, 0.0, c), initial=0.0))
    found: Any = 0
    rest: Any = 0
    with xp.errstate(all="ignore"):
        for k in range(1, most + 1):
            rest = xp.guard(k / ((n - k + 1) * a), n < k, xp.inf) * (1 + rest)
            found = xp.guard(found, c == k, rest)
    return xp.guard(found, unknown, np.nan)


_count = partial(_check.count, most=10**6)


@checked
def time_congestion(source_load: Value, *, servers: Count, population: Count) -> Value:
    """Fraction of time in which all servers are busy.

    Parameters
    ----------
    source_load : number or array
        Rate of one idle source times mean service time, >= 0. [erlang]
    servers : int or integer array
        Number of servers, >= 1. [-]
    population : int or integer array
        Number of sources, >= 1. [-]

    Returns
    -------
    number or array
        Probability, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(time_congestion(0.4, servers=3, population=10))
    0.3863
    """
    a = _check.nonnegative("source_load", source_load)
    c, n = _count("servers", servers), _check.count("population", population)
    return 1 / (1 + odds(a, c, n))


@checked
def call_congestion(source_load: Value, *, servers: Count, population: Count) -> Value:
    """Share of the requests that are lost.

    Parameters
    ----------
    source_load : number or array
        Rate of one idle source times mean service time, >= 0. [erlang]
    servers : int or integer array
        Number of servers, >= 1. [-]
    population : int or integer array
        Number of sources, >= 1. [-]

    Returns
    -------
    number or array
        Probability, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(call_congestion(0.4, servers=3, population=10))
    0.3416
    """
    a = _check.nonnegative("source_load", source_load)
    c, n = _count("servers", servers), _check.count("population", population)
    return 1 / (1 + odds(a, c, n - 1))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class EngsetState(StationResult):
    """The steady state of Engset's loss system, with both congestions.

    Parameters
    ----------
    source_load : number or array
        Rate of one idle source times mean service time. [erlang]
    """

    source_load: Value

    @property
    def time_congestion(self) -> Value:
        """Fraction of time in which all servers are busy. [-]."""
        assert isinstance(self.station, Engset)
        return time_congestion(
            self.source_load, servers=self.station.servers, population=self.station.population
        )

    @property
    def call_congestion(self) -> Value:
        """Share of the requests that are lost. [-]."""
        return self.loss


@dataclass(frozen=True, slots=True, eq=False)
class Engset(Station):
    """Station without a queue, for requests from a finite number of sources.

    `solve` takes the rate of *one idle source*; `arrival_rate` of the result is that of all
    sources together, lost requests included. The times are those of the accepted, which
    are served at once.

    Parameters
    ----------
    service_time : number or array
        Mean service time, of any distribution, > 0. [s]
    servers : int or integer array
        Number of servers, >= 1. [-]
    population : int or integer array
        Number of sources, >= 1. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain; the message names it and the value.

    Examples
    --------
    >>> lines = Engset(service_time=180.0, servers=3, population=10)
    >>> load = lines.solve(0.4 / 180.0)
    >>> float(load.call_congestion), float(load.time_congestion), float(load.number_in_system)
    (0.3416, 0.3863, 2.0845)
    """

    service_time: Value = parameter(
        "mean service time", unit="s", symbol="S", check=_check.positive
    )
    servers: Count = parameter("servers", symbol="c", check=_count)
    population: Count = parameter("population", symbol="N", check=_check.count)
    service: Exponential = field(init=False, repr=False)
    loses = True
    not_in_paths = "its arrival rate is not that of a flow of requests"

    def __post_init__(self) -> None:
        object.__setattr__(self, "service", Exponential(self.service_time))

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which the station saturates: never, it loses. [1/s]."""
        return np.inf

    def serving(self, service: Distribution) -> Station:
        """Return as many servers and sources with another mean service time."""
        return Engset(service.mean, self.servers, self.population)

    def _solve(self, arrival_rate: Value) -> StationResult:
        rate, s, c, n = arrival_rate, self.service_time, self.servers, self.population
        xp = namespace(rate, s, c, n)
        a = xp.asarray(rate * s)
        ratio = odds(a, c, n - 1)
        with xp.errstate(divide="ignore", over="ignore"):
            lost, accepted = 1 / (1 + ratio), 1 / (1 + 1 / ratio)
            # Little: n / (idle time + time in service), with the lost ones idle again.
            busy = n * (a * accepted / (1 + a * accepted))
            asked = rate * (n - busy)
        return EngsetState(
            arrival_rate=asked,
            utilization=busy_share(busy, c),
            waiting_time=0 * busy,
            response_time=s + 0 * busy,
            queue_length=0 * busy,
            number_in_system=busy,
            source_load=a,
            wait=at_load(ZERO, busy),
            response=at_load(self.service, busy),
            station=self,
            loss=lost,
            accepted=accepted,
            number=None if xp.symbolic else _states(a, c, n, np.ndim(busy)),
            # The distribution of the time is that of the service, which the means need not
            # know.
            basis=Basis(
                dict.fromkeys((*MEANS, "loss", "number"), (FINITE_SOURCES,))
                | dict.fromkeys(DISTRIBUTIONS, (FINITE_SOURCES, EXPONENTIAL_SERVICE))
            ),
        )


def _states(a: Any, c: Any, n: Any, axes: int) -> FiniteStates:
    k = np.arange(int(np.max(np.minimum(c, n)))).reshape(-1, *[1] * axes)
    up = np.where(k < c, np.maximum(n - k, 0) * a, 0.0)
    return FiniteStates(state_probabilities(up, (k + 1.0) + 0.0 * up))
