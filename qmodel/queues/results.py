"""The steady state of a station, and of each of its streams."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._frames import frame_of
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import Assumption, Basis, union
from qmodel.distributions import Distribution, Sum
from qmodel.queues.counts.states import States
from qmodel.queues.waits.at_once import AtOnce
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.queues.base import Station

__all__ = ["DISTRIBUTIONS", "MEANS", "StationResult", "StreamResult"]

MEANS = ("utilization", "waiting_time", "response_time", "queue_length", "number_in_system")
DISTRIBUTIONS = ("wait", "response", "percentiles")

_LARGE = 1e60
"""What is only due to the load that stands for an infinite one."""


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
        Distribution of its time in queue and in service. [-]
    wait : Distribution, optional
        Distribution of its own time in queue, where it is not that of the whole station. [-]
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
        Distribution of the time in queue; None where servers are shared and nobody queues. [-]
    response : Distribution
        Distribution of the time in queue and in service. [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    station : Station
        The station, with the service distribution of the mix of its streams. [-]
    loss : number or array, default 0
        Share of the arrivals that come to a full station and are lost. [-]
    abandonment : number or array, default 0
        Share of the arrivals that give up waiting. [-]
    accepted : number or array, optional
        Share of the arrivals that is served and goes on; by default 1 - loss - abandonment,
        which has no digits left in deep overload. [-]
    number : States or None
        Distribution of the number of requests present, where it is known. [-]
    streams : tuple of StreamResult
        The same for each stream. [-]
    at_once : AtOnce or None
        What those meet who come at once, where there are some. [-]
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
    at_once: AtOnce | None = None

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

    @classmethod
    def by_littles_law(
        cls,
        station: Station,
        rate: Value,
        waiting_time: Value,
        *,
        wait: Distribution | None,
        basis: Basis,
        response: Distribution | None = None,
        number: States | None = None,
    ) -> StationResult:
        """Return the result of a station where every request waits, and then is served.

        Numbers follow from the times by Little's law; the response is the wait and then
        service, independent of it, unless another is given.
        """
        s = station.service.mean
        weigh = namespace(rate, waiting_time, s).weigh
        if response is None:
            response = Sum((wait, station.service)) if wait is not None else station.service
        return cls(
            arrival_rate=rate,
            utilization=rate * s / station.servers,
            waiting_time=waiting_time,
            response_time=waiting_time + s,
            queue_length=weigh(rate, waiting_time),
            number_in_system=weigh(rate, waiting_time + s),
            wait=wait,
            response=response,
            station=station,
            basis=basis,
            number=number,
        )

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
        """Distribution of the time in queue of the requests that are served and go on."""
        return self.wait

    @property
    def served_response(self) -> Distribution:
        """Distribution of the time at the station of the requests that are served and go on."""
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
        columns: dict[str, Any] = {"arrival_rate": self.arrival_rate}
        columns |= {name: getattr(self, name) for name in MEANS}
        columns |= {f"p{100 * p:g}": self.response.quantile(p) for p in (0.5, 0.95, 0.99)}
        frame = frame_of(columns)
        frame["basis"] = str(self.basis)
        return frame


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


def busy_share(working: Value, servers: Count) -> Value:
    """Return the busy share of servers of which `working` work: not a rounding above 1."""
    share = working / servers
    return share if is_symbolic(share) else np.minimum(share, 1.0)
