"""The streams that arrive at a station, each with its own rate and service distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import Model, parameter
from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.distributions import Distribution
from qmodel.distributions.algebra import measure
from qmodel.errors import ModelError
from qmodel.loads import poisson_rate

__all__ = ["Stream", "so_variable"]

_ENDLESS = 1e150
"""Load of one server that stands for an infinite one."""


@dataclass(frozen=True, slots=True, eq=False)
class Stream(Model):
    """A flow of requests that arrives at a station.

    Parameters
    ----------
    arrival_rate : number or array
        Requests a second, >= 0. [1/s]
    service : Distribution, optional
        Distribution of their service time; by default the station's own. [-]
    kind : str, default ""
        What they are called: the kind of request on a path. [-]
    priority : int, optional
        Their class at a station with priorities, 0 for the most urgent; by default the
        order of the streams. [-]
    scv : number or array, optional
        How variable the arrivals are over the times in which the queue fills: SCV of the times
        between them, or index of dispersion (`qmodel.queues.approximations.dispersion`); by
        default they are Poisson, of SCV 1. [-]
    early_scv : number or array, optional
        The same over the first of these times, two services of the station or so, which
        decides how many wait; by default `scv`. [-]
    late_scv : number or array, optional
        The same over times four times as long, which decides how long the longest waits are;
        by default `scv`. [-]
    gap_scv : number or array, optional
        The same of single times between arrivals, which counts at low loads where arrivals
        are regular; by default `scv`. [-]
    disturbance : Distribution, optional
        How long one lasts of what makes waits longer than behind Poisson arrivals, such as a
        long service before; by default it is as long as the probability of a wait asks for,
        and exponential. [-]
    disturbance_share : number or array, default 1
        Share of longer waits that comes of such disturbances, from 0 to 1. [-]
    batch : int, default 1
        How many requests come at once, >= 1, such as all calls of one request in parallel.
        [-]
    visits : number or array, default 1
        How often each request comes in all, >= 1, where all its visits are in this stream: it
        then meets those again who were there
        (`qmodel.queues.approximations.return_visits`). [-]
    pause : number or array, default 0
        Mean time from the end of one visit to the next, >= 0. [s]
    burst : number or array, default inf
        How many requests come at once at most, >= 1, before they come no faster than the
        servers work, as behind a token bucket. [-]

    Raises
    ------
    DomainError
        If `arrival_rate`, an SCV or `pause` is negative, or `batch`, `visits` or
        `burst` below 1.

    Examples
    --------
    >>> import qmodel as qm
    >>> reads, writes = Stream(90.0), Stream(10.0, qm.Exponential(0.030))
    >>> r = qm.MMc(0.010, servers=4).solve([reads, writes])
    >>> float(r.utilization), [float(s.response_time) for s in r.streams]
    (0.3, [0.0102, 0.0302])
    """

    arrival_rate: Value = parameter("requests a second", unit="1/s", symbol="lambda")
    service: Distribution | None = None
    kind: str = ""
    priority: int | None = parameter(
        "class, 0 for the most urgent", check=partial(_check.one_count, least=0), default=None
    )
    scv: Value | None = parameter(
        "variability of its interarrival times", check=_check.scv, default=None
    )
    early_scv: Value | None = parameter(
        "variability of the next ones", check=_check.scv, default=None
    )
    late_scv: Value | None = parameter(
        "variability over longer times", check=_check.scv, default=None
    )
    gap_scv: Value | None = parameter(
        "variability of single gaps", check=_check.scv, default=None
    )
    disturbance: Distribution | None = None
    disturbance_share: Value = parameter(
        "share of what makes waits longer", check=_check.probability, default=1.0
    )
    batch: int = parameter(
        "requests that come at once", check=partial(_check.one_count, least=1), default=1
    )
    visits: Value = parameter("visits of a request", check=_check.at_least(1), default=1)
    pause: Value = parameter("time between visits", unit="s", check="nonnegative", default=0.0)
    burst: Value = parameter("most requests at once", check=_check.at_least(1), default=np.inf)

    @property
    def once(self) -> bool:
        """Whether each request comes once."""
        visits = self.visits
        if isinstance(visits, (int, float)):
            return visits == 1
        return not is_symbolic(visits) and bool(np.all(np.equal(visits, 1)))

    @property
    def plain(self) -> bool:
        """Whether it is Poisson, each request once and alone."""
        return self.scv is None and self.once and self.batch == 1


def so_variable(stream: Stream, **found: Any) -> Stream:
    """Return a stream as variable as a path has found; nothing is checked again.

    Parameters
    ----------
    stream : Stream
        The stream. [-]
    **found : numbers or arrays
        How variable its arrivals are: `scv`, `early_scv`, `late_scv`, `gap_scv`,
        `disturbance`, `disturbance_share` and `burst`. [-]

    Returns
    -------
    Stream
        The same, so variable. [-]
    """
    other = object.__new__(Stream)
    for name in stream.__slots__:
        object.__setattr__(other, name, found.get(name, getattr(stream, name)))
    return other


def streams_of(load: Any, who: str = "a station") -> tuple[Stream, ...]:
    """Return the streams of a load: one rate, one stream or several."""
    if isinstance(load, Stream):
        return (load,)
    if isinstance(load, (list, tuple)) and load and isinstance(load[0], Stream):
        if not all(isinstance(s, Stream) for s in load):
            raise ModelError("a load is one rate or streams only, got a mix of both")
        return tuple(load)
    return (Stream(poisson_rate(load, who)),)


def finite_rates(streams: Sequence[Stream], service_time: Value) -> tuple[list[Value], Any]:
    """Return rates, very large for infinite ones, and where they are infinite, if anywhere."""
    rates = [s.arrival_rate for s in streams]
    if all(isinstance(rate, float) and rate < np.inf for rate in rates):
        return [float(rate) for rate in rates], None  # NumPy's numbers are slower.
    if is_symbolic(*rates) or not any(np.any(np.isinf(rate)) for rate in rates):
        return rates, None
    most = _ENDLESS / np.clip(service_time, 1e-100, 1e100)
    finite = [np.where(np.isinf(rate), most, rate)[()] for rate in rates]
    return finite, np.isinf(sum(rates))


def shares_of(rates: Sequence[Value]) -> tuple[Any, ...]:
    """Return the share of each stream in all requests."""
    total: Any = sum(rates)
    xp = namespace(total)
    if not xp.symbolic:
        total = np.asarray(total, dtype=float)  # a float would raise where it divides by 0
    # Without load all shares are equal: any will do, and 0/0 will not.
    with xp.errstate(invalid="ignore", divide="ignore"):
        return tuple(xp.guard(rate / total, total == 0, 1.0 / len(rates)) for rate in rates)


def mixed_service(
    distributions: Sequence[Distribution], rates: Sequence[Value]
) -> Distribution:
    """Return the service distribution of a mix of streams: each one's, by its share."""
    return measure(shares_of(rates), tuple(distributions))
