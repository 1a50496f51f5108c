r"""The M/M/c queue with priorities: equal servers, exponential service, several streams.

Streams with mean service times of their own: `qmodel.queues.phases.unequal_priorities`. Of one
mean:

With :math:`\sigma_k = (\lambda_1 + \dots + \lambda_k) S / c` and Erlang's C at the load of all
streams, a service once begun being finished (non-preemptive) [1]_ [2]_,

.. math::

    W_{q,k} = \frac{C S / c}{(1 - \sigma_{k-1})(1 - \sigma_k)} .

A request that waits does so for the busy period that the requests ahead of it begin, the
streams above it arriving at one server c times as fast: the distribution is exact too. If a
service is interrupted by a more important request and resumed later, streams 1 to k do not see
the others, and together are an M/M/c queue of load :math:`\Lambda_k`, so that

.. math::

    W_{q,k} = \frac{\Lambda_k W_q(\Lambda_k) - \Lambda_{k-1} W_q(\Lambda_{k-1})}{\lambda_k} .

The distribution of the first stream is then that of M/M/c; for the others it is not known in
closed form, and here an exponential wait with the exact mean, of the share that M/M/c makes
wait. Its p99 is within 3 % from five servers on (simulation); with one server, where
`MG1Priority` has the exact distribution, it is up to 16 % too short.

**Starvation.** A stream is in overload when :math:`\sigma_k \ge 1`; those above stay finite.
**Wait.** Under preemption, the time present less the time in service, interruptions included.

References
----------
.. [1] A. Cobham, "Priority assignment in waiting line problems", Operations Research 2, 1954.
.. [2] O. Kella, U. Yechiali, "Waiting times in the non-preemptive priority M/M/c queue",
   Stochastic Models 1, 1985.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import ZERO, Distribution, Exponential, Mixture, Sum
from qmodel.errors import ModelError
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues import mmc
from qmodel.queues.base import (
    DISTRIBUTIONS,
    MEANS,
    Station,
    StationResult,
    Stream,
    StreamResult,
)
from qmodel.queues.counts.erlang import erlang_c
from qmodel.queues.mg1_priority import NON_PREEMPTIVE, PREEMPTIVE
from qmodel.queues.phases.unequal_priorities import (
    EXPONENTIAL_INTERRUPTED,
    SAME_PROPORTION,
    STREAMS_AS_ONE,
    waits_of,
)
from qmodel.queues.results import in_the_limit
from qmodel.queues.streams import finite_rates, mixed_service, shares_of, streams_of
from qmodel.queues.waits.busy_period import BusyPeriod
from qmodel.queues.waits.mmc import MMcWait
from qmodel.queues.waits.priority_classes import in_order

__all__ = ["MMcPriority", "interrupted_waiting_time", "waiting_time"]


@checked
def waiting_time(
    arrival_rate: Value, service_time: Value, *, servers: Count = 1, above: Value, below: Value
) -> Value:
    """Mean time in queue of one stream when a service once begun is finished.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate of this stream, >= 0. [1/s]
    service_time : number or array
        Mean service time of all, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]
    above : number or array
        Arrival rate of the streams before this one, >= 0. [1/s]
    below : number or array
        Arrival rate of the streams after this one, >= 0. [1/s]

    Returns
    -------
    number or array
        Mean wait, of the broadcast shape; inf where this stream is in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> above = np.array([0.0, 0.4, 0.8])
    >>> waiting_time(0.4, 1.0, servers=2, above=above, below=0.8 - above)
    array([0.28125, 0.46875, 0.9375 ])
    """
    above = _check.nonnegative("above", above)
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    below = _check.nonnegative("below", below)
    s = _check.positive("service_time", service_time)
    c = _check.count("servers", servers)
    before, after = spare_servers(above, s, c) / c, spare_servers(above + rate, s, c) / c
    xp = namespace(above, rate, below, s, c)
    probability = erlang_c(servers=c, offered_load=(above + rate + below) * s)
    with xp.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return xp.guard(probability * s / c / (before * after), after <= 0, xp.inf)


@checked
def interrupted_waiting_time(
    arrival_rate: Value, service_time: Value, *, servers: Count = 1, above: Value
) -> Value:
    """Mean time not in service of one stream that is interrupted by those above it.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate of this stream, >= 0. [1/s]
    service_time : number or array
        Mean service time of all, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]
    above : number or array
        Arrival rate of the streams before this one, >= 0. [1/s]

    Returns
    -------
    number or array
        Mean wait, of the broadcast shape; inf where this stream is in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> [float(interrupted_waiting_time(0.4, 1.0, servers=2, above=u)) for u in (0.0, 0.4, 0.8)]
    [0.0416667, 0.3392857, 1.3065476]
    """
    above = _check.nonnegative("above", above)
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    s = _check.positive("service_time", service_time)
    c = _check.count("servers", servers)
    xp = namespace(above, rate, s, c)
    total = above + rate
    with xp.errstate(invalid="ignore", over="ignore"):
        queued = total * mmc.waiting_time(total, s, servers=c) - above * mmc.waiting_time(
            above, s, servers=c
        )
    if xp.symbolic:
        return queued / rate
    spare = np.asarray(spare_servers(total, s, c))
    with np.errstate(all="ignore"):
        # Where the stream is small the difference cancels, and the derivative is as good.
        small = np.asarray(rate * s) < 1e-5 * np.minimum(spare, total * s)
        middle = _slope((above + rate / 2) * s, c, spare + rate * s / 2)
        # Without any load the first request never waits.
        middle = np.where(
            np.asarray(total) == 0, erlang_c(servers=c, offered_load=0.0 * total * s), middle
        )
        wait = np.where(small | (np.asarray(rate) == 0), s * middle, queued / rate)
    return np.where(spare <= 0, np.inf, wait)[()]


def _slope(a: Any, c: Any, spare: Any) -> Any:
    """Return the derivative of the mean number in queue of M/M/c in the offered load."""
    probability = np.asarray(erlang_c(servers=c, offered_load=a))
    rise = probability * (spare / a + (1 - probability) / spare)
    return rise * a / spare + probability * c / spare**2


@dataclass(frozen=True, slots=True, eq=False)
class MMcPriority(Station):
    """Station with equal exponential servers that serve the most important stream first.

    The order of the streams in ``solve([Stream(...), ...])`` is their priority.

    Parameters
    ----------
    service_time : number or array
        Mean service time of one request of any stream, > 0. [s]
    servers : int or integer array, default 1
        Number of servers, >= 1. [-]
    preemptive : bool, default False
        Whether a more important request interrupts the service, which is resumed later. [-]

    Raises
    ------
    DomainError
        If a parameter is outside its domain; the message names it and the value.

    Examples
    --------
    >>> import qmodel as qm
    >>> pool = MMcPriority(0.010, servers=10)
    >>> load = pool.solve([qm.Stream(600.0), qm.Stream(300.0)])
    >>> [float(s.waiting_time) for s in load.streams], load.basis
    ([0.0017, 0.0167], 'exact')
    >>> [float(s.response.quantile(0.99)) for s in load.streams]
    [0.0481, 0.1308]
    """

    service_time: Value = parameter(
        "mean service time", unit="s", symbol="S", check=_check.positive
    )
    servers: Count = parameter("servers", symbol="c", check=_check.count, default=1)
    preemptive: bool = False
    service: Exponential = field(init=False, repr=False)
    prioritised = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "service", Exponential(self.service_time))

    def serving(self, service: Distribution) -> MMcPriority:
        """Return the same discipline with another mean of the exponential service."""
        if not isinstance(service, Exponential):
            raise ModelError(f"service must be Exponential for M/M/c, got {service!r}")
        return MMcPriority(service.mean, self.servers, self.preemptive)

    @property
    def _model(self) -> tuple[Assumption, ...]:
        order = PREEMPTIVE if self.preemptive else NON_PREEMPTIVE
        return POISSON_ARRIVALS, mmc.EXPONENTIAL_SERVICE, order

    def _solve(self, arrival_rate: Value) -> StationResult:
        return self.solve(arrival_rate)

    @checked
    def solve(self, arrival_rate: Value | Sequence[Stream]) -> StationResult:
        """Return the steady state at a load.

        Parameters
        ----------
        arrival_rate : number, array or sequence of Stream
            Poisson arrivals, >= 0: a rate, or streams in order of priority. [1/s]

        Returns
        -------
        StationResult
            Means, distributions and their basis; ``inf`` in cells of overload. [-]

        Raises
        ------
        DomainError
            If a rate is negative.
        ModelError
            If a stream brings a distribution of service that is not exponential, is not
            Poisson, or if its requests do not come once and alone.
        """
        streams = in_order(streams_of(arrival_rate))
        if not all(s.plain for s in streams):
            raise self._refusal()
        if any(s.service is not None and s.service != self.service for s in streams):
            return self._unequal(streams)
        rates, endless = finite_rates(streams, self.service_time)
        # All together, in any of these orders, are an M/M/c queue.
        whole = mmc.MMc(self.service_time, self.servers)._solve(sum(rates))
        of = self._interrupted if self.preemptive else self._finished
        waits = [of(rates, k) for k in range(len(rates))]
        results = tuple(
            StreamResult(
                stream.arrival_rate,
                mean,
                mean + self.service_time,
                Sum((distribution, self.service)),
                distribution,
                stream.kind,
            )
            for stream, (mean, distribution) in zip(streams, waits, strict=True)
        )
        means, one = self._model, len(rates) == 1
        distributions = (
            (*means, EXPONENTIAL_INTERRUPTED) if self.preemptive and not one else means
        )
        grounds: dict[str, Any] = dict.fromkeys((*MEANS, "number"), means)
        grounds |= dict.fromkeys(DISTRIBUTIONS, distributions)
        shares = shares_of(rates)
        result = replace(
            whole,
            wait=waits[0][1]
            if one
            else Mixture(shares, tuple(distribution for _, distribution in waits)),
            response=Mixture(shares, tuple(r.response for r in results)),
            station=self,
            basis=Basis(grounds),
            streams=results,
        )
        return in_the_limit(result, endless)

    def _unequal(self, streams: Sequence[Stream]) -> StationResult:
        """Return the steady state of streams with their own mean service times."""
        distributions = [self.service if s.service is None else s.service for s in streams]
        if not all(isinstance(distribution, Exponential) for distribution in distributions):
            kinds = sorted(
                {type(distribution).__name__ for distribution in distributions}
                - {"Exponential"}
            )
            raise ModelError(f"service must be Exponential for M/M/c, got {', '.join(kinds)}")
        c, times = self.servers, [distribution.mean for distribution in distributions]
        if not isinstance(c, int) or is_symbolic(*times, *(s.arrival_rate for s in streams)):
            raise ModelError(
                "streams with means of their own need numbers, and one number of servers"
            )
        rates, endless = finite_rates(streams, self.service_time)
        waits = waits_of(rates, times, c, preemptive=self.preemptive)
        results = [
            StreamResult(
                stream.arrival_rate,
                wait,
                wait + service.mean,
                Sum((time, service)),
                time,
                stream.kind,
            )
            for stream, service, (wait, time) in zip(streams, distributions, waits, strict=True)
        ]
        mix, total = mixed_service(distributions, rates), sum(rates)
        shares = shares_of(rates)
        # No requests, no count.
        parts = zip(shares, results, strict=True)
        wait = sum(np.where(p == 0, 0, p * r.waiting_time) for p, r in parts)
        mean = np.asarray(wait)[()]
        model = self._model
        if not self.preemptive and c > 1:
            model = (*model, SAME_PROPORTION)
        elif self.preemptive and len(streams) > 2:
            model = (*model, STREAMS_AS_ONE)
        weigh = namespace(total).weigh
        grounds = dict.fromkeys(MEANS, model)
        grounds |= dict.fromkeys(DISTRIBUTIONS, (*model, EXPONENTIAL_INTERRUPTED))
        load = sum(r * s for r, s in zip(rates, times, strict=True))
        station = replace(self)
        object.__setattr__(station, "service", mix)
        result = StationResult(
            arrival_rate=total,
            utilization=load / c,
            waiting_time=mean,
            response_time=mean + mix.mean,
            queue_length=weigh(total, mean),
            number_in_system=weigh(total, mean + mix.mean),
            wait=Mixture(shares, tuple(time for _, time in waits)),
            response=Mixture(shares, tuple(r.response for r in results)),
            station=station,
            basis=Basis(grounds),
            streams=tuple(results),
        )
        return in_the_limit(result, endless)

    def _finished(self, rates: Sequence[Any], k: int) -> tuple[Value, Distribution]:
        s, c = self.service_time, self.servers
        above, below = sum(rates[:k]), sum(rates[k + 1 :])
        mean = waiting_time(rates[k], s, servers=c, above=above, below=below)
        probability = erlang_c(servers=c, offered_load=(above + rates[k] + below) * s)
        spare = spare_servers(above + rates[k], s, c)
        xp = namespace(probability, spare)
        drain = xp.guard(spare / s, spare <= 0, 0.0)
        if not k:
            return mean, MMcWait(probability, drain)
        queued = BusyPeriod(MMcWait(1 + 0 * drain, drain), above, Exponential(s / c))
        return mean, Mixture((1 - probability, probability), (ZERO, queued))

    def _interrupted(self, rates: Sequence[Any], k: int) -> tuple[Value, Distribution]:
        s, c = self.service_time, self.servers
        mean = interrupted_waiting_time(rates[k], s, servers=c, above=sum(rates[:k]))
        probability = erlang_c(servers=c, offered_load=sum(rates[: k + 1]) * s)
        xp = namespace(mean, probability)
        with xp.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # Without load nobody waits, whatever the rate of an end.
            drain = xp.guard(probability / mean, mean == 0, c / s)
        return mean, MMcWait(probability, drain)
