"""The steady state of a closed network, read as that of any other model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._frames import frame_of, joined
from qmodel._typing import Count, Value
from qmodel._xp import is_symbolic
from qmodel.basis import Assumption, Basis, union
from qmodel.distributions import Distribution
from qmodel.loads import Closed, columns_of
from qmodel.networks.closed_network import ClosedNetwork
from qmodel.networks.round_trip import round_trip
from qmodel.queues.base import MEANS, StationResult
from qmodel.queues.birth_death import MeanOnly
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ClosedResult"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ClosedResult:
    """The steady state of a closed network.

    Parameters
    ----------
    users : int or integer array
        Number of users. [-]
    think_time : number or array
        Mean time between an answer and the next request of a user. [s]
    throughput : number or array
        Requests answered a second. [1/s]
    response_time : number or array
        Mean time from a request to its answer. [s]
    number_in_system : number or array
        Mean number of requests under way; the other users think. [-]
    max_rate : number or array
        Throughput that no number of users exceeds. [1/s]
    knee : number or array
        Users from which on they wait for each other, even if nothing were random. [-]
    stations : dict of str to StationResult
        Each station under its share of the load; distributions are those that a request meets.
        [-]
    basis : Basis
        How much each quantity can be trusted. [-]
    network : ClosedNetwork
        The product form that was solved. [-]
    """

    users: Count
    think_time: Value
    throughput: Value
    response_time: Value
    number_in_system: Value
    max_rate: Value
    knee: Value
    stations: dict[str, StationResult]
    basis: Basis
    network: ClosedNetwork

    def __str__(self) -> str:
        """Return users, throughput and mean response in one line."""
        if is_symbolic(self.response_time) or np.ndim(self.response_time):
            return f"ClosedResult, shape {np.shape(self.response_time)}"
        return (
            f"{int(self.users)} users: throughput {text(float(self.throughput), '1/s')}, "
            f"mean response {text(float(self.response_time), 's')}"
        )

    def __repr__(self) -> str:
        """Return the answer in one line."""
        return f"<{self}>"

    @property
    def load(self) -> Closed:
        """The users, and how long they think."""
        return Closed(self.users, self.think_time)

    @property
    def visits(self) -> dict[str, Value]:
        """Mean visits of one request to each station. [-]."""
        return {n: self.network.leg(n).visits for n in self.network.names}

    @property
    def arrival_rate(self) -> Value:
        """Requests a second, which is the throughput. [1/s]."""
        return self.throughput

    @property
    def goodput(self) -> Value:
        """Requests answered a second: all of them. [1/s]."""
        return self.throughput

    @property
    def accepted(self) -> Value:
        """Share of the requests that is answered: 1, as users wait. [-]."""
        return 1 - self.rejected

    @property
    def rejected(self) -> Value:
        """Share of the requests that is turned away: 0. [-]."""
        return 0 * self.throughput

    @property
    def abandoned(self) -> Value:
        """Share of the requests that gives up: 0. [-]."""
        return 0 * self.throughput

    @property
    def headroom(self) -> Value:
        """Share by which the users can grow up to the knee; negative beyond it. [-]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.knee / self.users - 1

    @cached_property
    def latency(self) -> Distribution:
        """Distribution of the time from a request to its answer. [-]."""
        legs = self.network.legs
        if is_symbolic(self.response_time) or any(leg.node.speeds for leg in legs):
            return MeanOnly(self.response_time)
        met = self.network.log_constant(np.maximum(self.users - 1.0, 0.0))
        # Without users, what one would find.
        rate = 1 / (self.think_time + self.response_time)
        rate = np.where(self.users == 0, rate, self.throughput)[()]
        return round_trip(legs, self.think_time, np.maximum(self.users, 1), rate, met)

    @property
    def bottleneck(self) -> Any:
        """Name of the station that saturates first; an array of names where cells differ."""
        each = self.network.demands_per_server()
        names = np.array(list(each))
        most = np.argmax(np.array(np.broadcast_arrays(*each.values())), axis=0)
        found = names[most]
        return str(found) if found.ndim == 0 else found

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())

    def to_frame(self) -> pd.DataFrame:
        """Return the stations, one row for each station and load.

        Returns
        -------
        pandas.DataFrame
            ``attrs["units"]`` has the units; `time_per_request` adds up to the mean
            response. [-]

        Examples
        --------
        >>> import qmodel as qm
        >>> site = qm.Pipeline(qm.call("web", qm.MMc(0.1)))
        >>> frame = site.solve(qm.Closed(users=[5, 20], think_time=1.0)).to_frame()
        >>> frame[["users", "station", "utilization", "response_time"]].round(3)
           users station  utilization  response_time
        0    5.0     web        0.436          0.147
        1   20.0     web        0.998          1.004
        """
        frames = []
        for name, r in self.stations.items():
            columns: dict[str, Any] = columns_of(self.load) | {"visits": self.visits[name]}
            columns |= {n: getattr(r, n) for n in MEANS}
            columns["time_per_request"] = columns["visits"] * np.asarray(r.response_time)
            frame = frame_of(columns)
            frame.insert(2, "station", name)
            frame["basis"] = r.basis["response_time"]
            frames.append(frame)
        return joined(frames, time_per_request="s")
