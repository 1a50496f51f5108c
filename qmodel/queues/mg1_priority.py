r"""The M/G/1 queue with priorities: one server, several streams, the most important first.

Class 1 goes first, each class is served FCFS within itself. With the loads
:math:`\sigma_k = \rho_1 + \dots + \rho_k`, the server is found busy with a remaining work of
mean :math:`W_0`, and

.. math::

    W_{q,k} = \frac{W_0}{(1 - \sigma_{k-1})(1 - \sigma_k)}, \qquad
    W_0 = \sum_i \rho_i \frac{E[S_i^2]}{2 S_i}

if a service once begun is finished (non-preemptive: the sum is over all classes), and

.. math::

    W_k = \frac{S_k}{1 - \sigma_{k-1}}
        + \frac{W_{0,k}}{(1 - \sigma_{k-1})(1 - \sigma_k)}, \qquad
    W_{0,k} = \sum_{i \le k} \rho_i \frac{E[S_i^2]}{2 S_i}

if it is interrupted by a higher class and resumed later (preemptive-resume).

**Distributions.** The wait of class k is the busy period (`qmodel.queues.waits.busy_period`)
that the work ahead of it begins, with the classes above it as arrivals. That work is the wait
of an M/G/1 queue with the classes down to k and, without preemption, with probability
:math:`\sum_{i>k} \rho_i / (1 - \sigma_k)` the remainder of a lower service. This is exact, and
so are all moments; percentiles are inverted to 1e-10, to 3e-3 beside a kink that bounded
service puts into the distribution. Under preemption, constant services of a class put jumps
into the distributions of those below, which are smoothed there, and labelled so.
**Starvation.** A class is in overload when :math:`\sigma_k \ge 1`; those above stay finite. A
saturated class then takes what they leave of the server, :math:`1 - \sigma_j`, in place of
its own load, and the classes below it nothing.
**Wait.** Under preemption, the time present less the time in service, interruptions
included.

References
----------
.. [1] A. Cobham, "Priority assignment in waiting line problems", Operations Research 2, 1954.
.. [2] H. Kesten, J. Th. Runnenburg, "Priority in waiting line problems", Proceedings of the
   Koninklijke Nederlandse Akademie van Wetenschappen A 60, 1957.
.. [3] R. G. Miller, "Priority queues", Annals of Mathematical Statistics 31, 1960.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import namespace
from qmodel.basis import POISSON_ARRIVALS, Assumption, Basis
from qmodel.distributions import ZERO, Distribution, Mixture, Sum
from qmodel.distributions.residual import residual
from qmodel.queues.base import (
    DISTRIBUTIONS,
    MEANS,
    Station,
    StationResult,
    Stream,
    StreamResult,
)
from qmodel.queues.mg1 import GENERAL_SERVICE, MG1
from qmodel.queues.results import in_the_limit
from qmodel.queues.streams import finite_rates, streams_of
from qmodel.queues.waits.busy_period import SMOOTHED_JUMPS, BusyPeriod, Interruptions, jumps
from qmodel.queues.waits.priority_classes import (
    Class,
    classes_of,
    in_order,
    one_stream,
    stretched,
    waiting,
)

__all__ = ["MG1Priority", "response_time", "waiting_time"]

NON_PREEMPTIVE = Assumption(
    "non-preemptive-priority",
    "the most important waiting request is next; a service once begun is finished",
    "Cobham 1954",
)
PREEMPTIVE = Assumption(
    "preemptive-resume-priority",
    "a more important request interrupts the service, which is resumed later without loss",
    "Miller 1960",
)


@checked
def waiting_time(residual_work: Value, *, load_above: Value, load: Value) -> Value:
    """Mean time in queue of one class when a service once begun is finished (Cobham).

    Parameters
    ----------
    residual_work : number or array
        Mean remaining service that an arrival finds, sum of rho E[S^2] / 2 E[S], >= 0. [s]
    load_above : number or array
        Load of the classes before this one, >= 0. [-]
    load : number or array
        Load of these and this class, >= 0. [-]

    Returns
    -------
    number or array
        Mean wait, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is negative.

    Examples
    --------
    >>> float(waiting_time(0.95, load_above=0.5, load=0.95))
    38.0
    """
    work = _check.nonnegative("residual_work", residual_work)
    above = _check.nonnegative("load_above", load_above)
    load = _check.nonnegative("load", load)
    return waiting(work, 1 - above, 1 - load)


@checked
def response_time(
    service_time: Value, *, residual_work: Value, load_above: Value, load: Value
) -> Value:
    """Mean time in queue and in service of one class that is interrupted and resumed.

    Parameters
    ----------
    service_time : number or array
        Mean service time of the class, > 0. [s]
    residual_work : number or array
        Sum of rho E[S^2] / 2 E[S] over this class and those above, >= 0. [s]
    load_above : number or array
        Load of the classes before this one, >= 0. [-]
    load : number or array
        Load of these and this class, >= 0. [-]

    Returns
    -------
    number or array
        Mean response time, of the broadcast shape; inf in overload. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> float(response_time(1.0, residual_work=0.95, load_above=0.5, load=0.95))
    40.0
    """
    s = _check.positive("service_time", service_time)
    above = _check.nonnegative("load_above", load_above)
    wait = waiting_time(residual_work, load_above=above, load=load)
    return wait + stretched(s, 1 - above)


@dataclass(frozen=True, slots=True, eq=False)
class MG1Priority(Station):
    """Station with one server that serves the most important stream first.

    The order of the streams in ``solve([Stream(...), ...])`` is their priority.

    Parameters
    ----------
    service : Distribution
        Distribution of the service time of streams that do not bring their own. [-]
    preemptive : bool, default False
        Whether a more important request interrupts the service, which is resumed later. [-]

    Raises
    ------
    ModelError
        If `service` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> disk = MG1Priority(qm.Exponential(0.010))
    >>> reads, writes = qm.Stream(50.0), qm.Stream(45.0)
    >>> load = disk.solve([reads, writes])
    >>> [float(s.waiting_time) for s in load.streams], load.basis
    ([0.019, 0.38], 'exact')
    >>> [float(s.response.quantile(0.99)) for s in load.streams]
    [0.1049, 1.907]
    """

    service: Distribution
    preemptive: bool = False
    prioritised = True

    @property
    def servers(self) -> int:
        """Number of servers, one. [-]."""
        return 1

    def serving(self, service: Distribution) -> MG1Priority:
        """Return the same discipline with another service distribution."""
        return MG1Priority(service, self.preemptive)

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
            If a stream is not Poisson, or its requests do not come once and alone.
        """
        streams = in_order(streams_of(arrival_rate))
        if not all(s.plain for s in streams):
            raise self._refusal()
        distributions = [self.service if s.service is None else s.service for s in streams]
        rates, endless = finite_rates(streams, self.service.mean)
        classes = classes_of(rates, distributions)
        of = _preemptive if self.preemptive else _non_preemptive
        solved = [of(classes, k) for k in range(len(classes))]
        results = [r for r, _ in solved]
        rate, mix = one_stream(classes)
        xp = namespace(rate, *(r.waiting_time for r in results))
        rate = rate if xp.symbolic else np.asarray(rate, dtype=float)[()]
        with xp.errstate(invalid="ignore", divide="ignore"):
            shares = tuple(
                xp.guard(c.rate / rate, rate == 0, 1.0 / len(classes)) for c in classes
            )
        one = len(classes) == 1
        wait = sum(xp.weigh(p, r.waiting_time) for p, r in zip(shares, results, strict=True))
        grounds = (
            POISSON_ARRIVALS,
            GENERAL_SERVICE,
            PREEMPTIVE if self.preemptive else NON_PREEMPTIVE,
        )
        rough = self.preemptive and any(jumps(c.service) for c in classes[:-1])
        distributions_rest_on = (*grounds, SMOOTHED_JUMPS) if rough else grounds
        result = StationResult(
            arrival_rate=rate,
            utilization=sum(c.rate * c.service.mean for c in classes),
            waiting_time=wait,
            response_time=wait + mix.mean,
            queue_length=sum(xp.weigh(r.arrival_rate, r.waiting_time) for r in results),
            number_in_system=sum(xp.weigh(r.arrival_rate, r.response_time) for r in results),
            wait=solved[0][1] if one else Mixture(shares, tuple(w for _, w in solved)),
            response=results[0].response
            if one
            else Mixture(shares, tuple(r.response for r in results)),
            basis=Basis(
                dict.fromkeys(MEANS, grounds)
                | dict.fromkeys(DISTRIBUTIONS, distributions_rest_on)
            ),
            station=self.serving(mix),
            streams=tuple(
                replace(r, arrival_rate=s.arrival_rate, wait=wait, kind=s.kind)
                for s, (r, wait) in zip(streams, solved, strict=True)
            ),
        )
        return in_the_limit(result, endless)


def _non_preemptive(classes: Sequence[Class], k: int) -> tuple[StreamResult, Distribution]:
    here = classes[k]
    mean = waiting(sum(c.residual_work for c in classes), here.before, here.after)
    ahead = MG1(one_stream(classes[: k + 1])[1]).solve(one_stream(classes[: k + 1])[0]).wait
    assert ahead is not None
    lower = classes[k + 1 :]
    if lower:
        xp = namespace(here.after, *(c.served for c in lower))
        with xp.errstate(invalid="ignore", divide="ignore"):
            shares = tuple(xp.guard(c.served / here.after, here.after <= 0, 0.0) for c in lower)
            idle = 1 - sum(shares)
            idle = idle if xp.symbolic else np.where(idle < 1e-15, 0.0, idle)[()]
        found = Mixture((idle, *shares), (ZERO, *(residual(c.service) for c in lower)))
        ahead = Sum((ahead, found))
    wait = BusyPeriod(ahead, *one_stream(classes[:k])) if k else ahead
    response = Sum((wait, here.service))
    return StreamResult(here.rate, mean, mean + here.service.mean, response), wait


def _preemptive(classes: Sequence[Class], k: int) -> tuple[StreamResult, Distribution]:
    here = classes[k]
    work = sum(c.residual_work for c in classes[: k + 1])
    ahead = MG1(one_stream(classes[: k + 1])[1]).solve(one_stream(classes[: k + 1])[0]).wait
    assert ahead is not None
    mean = waiting(work, here.before, here.after)
    if not k:
        total = mean + here.service.mean
        return StreamResult(here.rate, mean, total, Sum((ahead, here.service))), ahead
    above = one_stream(classes[:k])
    before = BusyPeriod(ahead, *above)
    interruptions = stretched(here.service.mean * (1 - here.before), here.before)
    response = Sum((before, BusyPeriod(here.service, *above)))
    wait = Sum((before, Interruptions(here.service, *above)))
    mean = mean + interruptions
    return StreamResult(here.rate, mean, mean + here.service.mean, response), wait
