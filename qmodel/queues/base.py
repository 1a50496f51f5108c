"""What every station has in common: it holds what it is, and the load is an argument.

``station.solve(arrival_rate)`` returns the steady state as a frozen `StationResult`. A
station may be loaded by several streams, each with its own rate and service law
(``station.solve([Stream(...), Stream(...)])``): reads and writes at a database, page kinds
at a monolith. Means and laws then come for the mix and for each stream.

Overload is ``inf`` in its cell; it is a state, not an error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, parameter
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import Assumption, Basis, union
from qmodel.distributions import ZERO, Distribution, Scaled, Sum, from_mean_scv
from qmodel.distributions.algebra import measure
from qmodel.errors import ModelError
from qmodel.glossary import units_of
from qmodel.loads import Load, Renewal, poisson_rate
from qmodel.queues.approximations.dispersion import VARIABILITY, chance_factor, wait_factor
from qmodel.queues.counts.states import States
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FCFS", "LAWS", "MEANS", "Station", "StationResult", "Stream", "StreamResult"]

MEANS = ("utilization", "waiting_time", "response_time", "queue_length", "number_in_system")
LAWS = ("wait", "response", "percentiles")

_ENDLESS, _LARGE = 1e150, 1e60
"""Load of one server that stands for an infinite one, and what is only due to it."""

FCFS = Assumption("fcfs", "requests are served in the order of arrival", "Kendall 1953")


@dataclass(frozen=True, slots=True, eq=False)
class Stream(Model):
    """A flow of requests that arrives at a station.

    Parameters
    ----------
    arrival_rate : number or array
        Requests a second, >= 0. [1/s]
    service : Distribution, optional
        Law of their service time; by default the station's own. [-]
    kind : str, default ""
        What they are called: the kind of request on a path. [-]
    priority : int, optional
        Their class at a station with priorities, 0 for the most urgent; by default the
        order of the streams. [-]
    scv : number or array, optional
        How variable the arrivals are over the times in which the queue fills: SCV of the times
        between them, or index of dispersion (`qmodel.queues.approximations.dispersion`); by
        default they are Poisson, of SCV 1. [-]

    Raises
    ------
    DomainError
        If `arrival_rate` or `scv` is negative.

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
        "variability of its times between arrivals", check=_check.scv, default=None
    )


@dataclass(frozen=True, slots=True, eq=False)
class StreamResult:
    """The steady state of one stream at a station.

    Parameters
    ----------
    arrival_rate : number or array
        Its arrival rate. [1/s]
    waiting_time : number or array
        Its mean time in queue. [s]
    response_time : number or array
        Its mean time in queue and in service. [s]
    response : Distribution
        Law of its time in queue and in service. [-]
    wait : Distribution, optional
        Law of its own time in queue, where it is not that of the whole station. [-]
    kind : str, default ""
        What its requests are called. [-]
    """

    arrival_rate: Value
    waiting_time: Value
    response_time: Value
    response: Distribution
    wait: Distribution | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class StationResult:
    """The steady state of a station.

    Parameters
    ----------
    arrival_rate : number or array
        Arrival rate of all streams. [1/s]
    utilization : number or array
        Busy share of the servers. Where requests are lost or give up it is at most 1; in
        overload of a queue it is what they would need, 1 and above. [-]
    waiting_time : number or array
        Mean time in queue; where servers are shared, response less service time. [s]
    response_time : number or array
        Mean time in queue and in service. [s]
    queue_length : number or array
        Mean number in queue. [-]
    number_in_system : number or array
        Mean number in queue and in service. [-]
    wait : Distribution or None
        Law of the time in queue; None where servers are shared and nobody queues. [-]
    response : Distribution
        Law of the time in queue and in service. [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    station : Station
        The station, with the law of service of the mix of its streams. [-]
    loss : number or array, default 0
        Share of the arrivals that find no place and are lost. [-]
    abandonment : number or array, default 0
        Share of the arrivals that give up waiting. [-]
    accepted : number or array, optional
        Share of the arrivals that is served and goes on; by default 1 - loss - abandonment,
        which has no digits left in deep overload. [-]
    number : States or None
        Law of the number of requests present, where it is known. [-]
    streams : tuple of StreamResult
        The same for each stream. [-]
    """

    arrival_rate: Value
    utilization: Value
    waiting_time: Value
    response_time: Value
    queue_length: Value
    number_in_system: Value
    wait: Distribution | None
    response: Distribution
    basis: Basis
    station: Station
    loss: Value = 0
    abandonment: Value = 0
    accepted: Value = None  # a number after `__post_init__`
    number: States | None = None
    streams: tuple[StreamResult, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.accepted is None:
            object.__setattr__(self, "accepted", 1 - self.loss - self.abandonment)

    def __repr__(self) -> str:
        """Return load, utilisation and mean response in one line."""
        station = type(self.station).__name__
        if is_symbolic(self.response_time) or np.ndim(self.response_time):
            return f"<StationResult of {station}, shape {np.shape(self.response_time)}>"
        return (
            f"<{station} at {text(float(self.arrival_rate), '1/s')}: utilization "
            f"{text(float(self.utilization), '%')}, mean response "
            f"{text(float(self.response_time), 's')}>"
        )

    @property
    def working_servers(self) -> Value:
        """Servers that do work, not those that are held while others do. [-]."""
        return self.station.servers

    @property
    def time_here(self) -> Value:
        """Mean time of a visit that counts at no other station. [s]."""
        return self.response_time

    @property
    def offered_load(self) -> Value:
        """Arrival rate times mean service time: the servers that it takes. [erlang]."""
        service = self.station.service.mean
        return namespace(self.arrival_rate, service).weigh(self.arrival_rate, service)

    @property
    def throughput(self) -> Value:
        """Requests served a second; in overload, what the servers can do. [1/s]."""
        rate, station, most = self.arrival_rate, self.station, self.station.max_rate
        xp = namespace(rate, self.accepted, most)
        if xp.symbolic or not station.loses:
            return xp.minimum(rate * self.accepted, most)
        # Of what loses requests and still saturates, `max_rate` counts the lost too.
        with np.errstate(divide="ignore", invalid="ignore"):
            most = np.minimum(most, np.divide(station.servers, station.service.mean))
            through = np.where(np.isinf(rate), most, rate * self.accepted)
        return np.minimum(through, most)

    @property
    def rejected(self) -> Value:
        """Share of the arrivals that are turned away, `loss`. [-]."""
        return self.loss

    @property
    def abandoned(self) -> Value:
        """Share of the arrivals that give up waiting, `abandonment`. [-]."""
        return self.abandonment

    @property
    def goodput(self) -> Value:
        """Requests served a second, `throughput`. [1/s]."""
        return self.throughput

    @property
    def served_wait(self) -> Distribution | None:
        """Law of the time in queue of the requests that are served and go on."""
        return self.wait

    @property
    def served_response(self) -> Distribution:
        """Law of the time at the station of the requests that are served and go on."""
        return self.response

    @property
    def departure_scv(self) -> Value:
        """SCV of the times between departures, as the next station sees them. [-].

        1 where they are Poisson; behind one server that is first come first served it is
        exact, behind several Whitt's approximation (`qmodel.queues.approximations.departures`).
        Of what is lost or gives up it takes the rest as thinned at random.
        """
        from qmodel.queues.approximations.departures import departure_scv

        station, rho = self.station, self.utilization
        between = getattr(station, "interarrival", None)
        arrival_scv = 1.0 if between is None else between.scv
        unknown = self.wait is None or not np.isfinite(station.servers).all()
        if unknown or (station.poisson_output and between is None):
            return 1.0 + 0.0 * np.asarray(rho)[()]
        waiting = None if station.loses else self.waiting_time / station.service.mean
        return departure_scv(
            rho,
            servers=station.servers,
            arrival_scv=arrival_scv,
            service_scv=station.service.scv,
            waiting_time=waiting,
        )

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())

    def to_frame(self) -> pd.DataFrame:
        """Return the means and three percentiles of the response, one row a load point.

        Returns
        -------
        pandas.DataFrame
            One row for each cell; ``attrs["units"]`` has the units. [-]
        """
        import pandas as pd

        columns: dict[str, Any] = {"arrival_rate": self.arrival_rate}
        columns |= {name: getattr(self, name) for name in MEANS}
        columns |= {f"p{100 * p:g}": self.response.quantile(p) for p in (0.5, 0.95, 0.99)}
        cells = np.broadcast_arrays(*(np.atleast_1d(v) for v in columns.values()))
        frame = pd.DataFrame({n: c.ravel() for n, c in zip(columns, cells, strict=True)})
        frame["basis"] = str(self.basis)
        frame.attrs["units"] = units_of(list(frame.columns))
        return frame


class Station(Model, ABC):
    """A place where requests are served: intrinsic data only."""

    __slots__ = ()

    not_in_paths = ""
    """Why a path cannot call the station, where it cannot."""

    users_only = False
    """Whether a path can call it nevertheless, under a load of users who wait for answers."""

    newest_first = False
    """Whether the newest request goes first, so that in overload most still are in time."""

    loses = False
    """Whether `accepted` may be below 1: arrivals may be lost or give up."""

    prioritised = False
    """Whether some streams are served before others."""

    variable_arrivals = False
    """Whether streams may be more or less variable than Poisson (`Stream.scv`)."""

    poisson_output = False
    """Whether Poisson arrivals leave as a Poisson stream (Burke 1956; Kelly 1979)."""

    if TYPE_CHECKING:

        @property
        def servers(self) -> Count:
            """Number of servers. [-]."""

        # An abstract property would become the default value of a field of this name.
        @property
        def service(self) -> Distribution:
            """Law of the service time of one request."""

    @property
    def max_rate(self) -> Value:
        """Arrival rate at which it saturates, `inf` if it has a steady state at any. [1/s]."""
        with np.errstate(over="ignore"):
            return self.servers / self.service.mean

    @abstractmethod
    def serving(self, service: Distribution) -> Station:
        """Return this kind of station, as large, with another law of service."""

    @abstractmethod
    def _solve(self, arrival_rate: Value) -> StationResult:
        """Return the steady state under one stream."""

    def placed(self, name: str, flows: Any) -> Station:
        """Return the station as it stands in a pipeline; itself, unless others are inside."""
        return self

    def solve_at(self, load: Value | Sequence[Stream], at: Any) -> StationResult:
        """Return the steady state in a pipeline, given its other stations."""
        return self.solve(load)

    def renewal(self, interarrival: Distribution) -> Station:
        """Return the same station where the times between arrivals are of this shape.

        Raises `ModelError` if there is no solution for it.
        """
        raise ModelError(f"{type(self).__name__} takes Poisson arrivals, no Renewal load")

    def law_of_response(
        self, result: StationResult, work: Distribution, visits: Count = 1
    ) -> Distribution:
        """Return the law of the response of requests with their own work.

        Parameters
        ----------
        result : StationResult
            The steady state of this station under all its streams. [-]
        work : Distribution
            Law of the service time of these requests, of all their visits together. [-]
        visits : int or integer array, default 1
            How often they come on one way; they find the same queue (the snapshot
            principle of heavy traffic, Reiman 1982), so their waits are equal. [-]

        Returns
        -------
        Distribution
            Law of the time of all these visits. [-]
        """
        assert result.wait is not None
        if isinstance(visits, int) and visits == 1:
            return Sum((result.wait, work))
        return Sum((Scaled(result.wait, visits), work))

    @checked
    def solve(self, arrival_rate: Value | Load | Sequence[Stream]) -> StationResult:
        """Return the steady state at a load.

        Parameters
        ----------
        arrival_rate : number, array, Load or sequence of Stream
            Poisson arrivals, >= 0: a rate, or several streams; or another `qmodel.Load`
            that the station takes. [1/s]

        Returns
        -------
        StationResult
            Means, laws and their basis; ``inf`` in cells of overload. [-]

        Raises
        ------
        DomainError
            If a rate is negative.
        ModelError
            If the station does not take this kind of load.
        """
        if isinstance(arrival_rate, Renewal):
            shape = from_mean_scv(1.0, arrival_rate.scv)
            return self.renewal(shape).solve(arrival_rate.rate)
        streams = _streams(arrival_rate, type(self).__name__)
        laws = [self.service if s.service is None else s.service for s in streams]
        rates, endless = finite_rates(streams, self.service.mean)
        here = self.serving_all(laws, rates)
        result = here._solve(sum(rates))
        if any(s.scv is not None for s in streams):
            result = self._behind(result, streams, rates)
        if here is self:
            laws = [here.service] * len(laws)
        parts = tuple(
            here._stream(result, s.arrival_rate, law)
            for s, law in zip(streams, laws, strict=True)
        )
        if any(s.kind for s in streams):
            parts = tuple(replace(x, kind=s.kind) for x, s in zip(parts, streams, strict=True))
        return in_the_limit(replace(result, streams=parts), endless)

    def serving_all(self, laws: Sequence[Distribution], rates: Sequence[Value]) -> Station:
        """Return the station with the law of service of a mix of streams."""
        if all(law == self.service for law in laws):
            return self
        if all(law == laws[0] for law in laws):
            return self.serving(laws[0])
        return self.serving(mixed_service(laws, rates))

    def _behind(
        self, result: StationResult, streams: Sequence[Stream], rates: Sequence[Value]
    ) -> StationResult:
        """Return the steady state behind streams that are not Poisson: the waits scaled."""
        if not self.variable_arrivals:
            raise ModelError(
                f"{type(self).__name__} takes Poisson arrivals, no stream with an scv"
            )
        total: Any = sum(rates)
        own: Any = sum(
            rate * (1 if s.scv is None else s.scv)
            for rate, s in zip(rates, streams, strict=True)
        )
        xp = namespace(own, total)
        with xp.errstate(divide="ignore", invalid="ignore"):
            scv = xp.guard(xp.asarray(own) / total, total == 0, 1.0)
        service = result.station.service
        factor = wait_factor(scv, result.utilization, service.scv)
        wait = xp.weigh(factor, result.waiting_time)
        waits = result.wait
        if waits is not None:
            share = chance_factor(scv, result.utilization, service.scv)
            if not is_symbolic(share, factor):
                # No more than all of them wait.
                share = np.minimum(share, 1 / np.maximum(waits.tail(0.0), 1e-300))[()]
            waits = Scaled(waits, factor / share)
            if np.any(share != 1):
                waits = measure((share, 1 - share), (waits, ZERO))
        slower = replace(result, wait=waits)
        return replace(
            slower,
            waiting_time=wait,
            response_time=wait + service.mean,
            queue_length=xp.weigh(total, wait),
            number_in_system=xp.weigh(total, wait + service.mean),
            response=result.station.law_of_response(slower, service),
            number=None,
            basis=Basis(
                {
                    name: ground if name == "utilization" else union(ground, (VARIABILITY,))
                    for name, ground in result.basis.grounds.items()
                    if name != "number"
                }
            ),
        )

    def _stream(
        self, result: StationResult, rate: Value, service: Distribution
    ) -> StreamResult:
        if service == self.service:
            return StreamResult(
                rate, result.waiting_time, result.response_time, result.response
            )
        return StreamResult(
            arrival_rate=rate,
            waiting_time=result.waiting_time,
            response_time=result.waiting_time + service.mean,
            response=self.law_of_response(result, service),
        )


def _streams(load: Any, who: str = "a station") -> tuple[Stream, ...]:
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
    if all(type(rate) is float and rate < np.inf for rate in rates):
        return rates, None
    if is_symbolic(*rates) or not any(np.any(np.isinf(rate)) for rate in rates):
        return rates, None
    most = _ENDLESS / np.clip(service_time, 1e-100, 1e100)
    finite = [np.where(np.isinf(rate), most, rate)[()] for rate in rates]
    return finite, np.isinf(sum(rates))


def in_the_limit(result: StationResult, endless: Any) -> StationResult:
    """Return a result in which what grows with an endless load is infinite."""
    if endless is None:
        return result
    rate, work = result.arrival_rate, result.offered_load
    grown = {n: getattr(result, n) for n in ("utilization", "queue_length", "number_in_system")}
    with np.errstate(invalid="ignore"):
        values: dict[str, Any] = {
            n: np.where(endless & (x > _LARGE), np.inf, x)[()] for n, x in grown.items()
        }
        values["arrival_rate"] = np.where(endless & (work > _LARGE), np.inf, rate)[()]
        gone = endless & (np.asarray(result.accepted) < 1 / _LARGE)
    return replace(result, **values, accepted=np.where(gone, 0.0, result.accepted)[()])


def mixed_service(laws: Sequence[Distribution], rates: Sequence[Value]) -> Distribution:
    """Return the law of service of a mix of streams: each one's, by its share."""
    total: Any = sum(rates)
    xp = namespace(total)
    if not xp.symbolic:
        total = np.asarray(total, dtype=float)  # a float would raise where it divides by 0
    # Without load all shares are equal: any will do, and 0/0 will not.
    with xp.errstate(invalid="ignore", divide="ignore"):
        shares = tuple(xp.guard(rate / total, total == 0, 1.0 / len(rates)) for rate in rates)
    return measure(shares, tuple(laws))


def busy_share(working: Value, servers: Count) -> Value:
    """Return the busy share of servers of which `working` work: not a rounding above 1."""
    share = working / servers
    return share if is_symbolic(share) else np.minimum(share, 1.0)
