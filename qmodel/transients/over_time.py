"""The result of a station over time."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.distributions import Distribution
from qmodel.distributions.broadcasting import select
from qmodel.queues.base import Station
from qmodel.transients.spread import Spread

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StationOverTime"]

_FULL = 0.95
"""Utilization below which a station is never in a jam."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StationOverTime:
    """A station at a sequence of times; all arrays have the shape of `times`.

    Parameters
    ----------
    times : array
        The times. [s]
    arrival_rate : array
        Requests that come. [1/s]
    servers : array
        Servers that are ready. [-]
    number_in_system : array
        Mean number present. [-]
    queue_length : array
        Mean number that waits: the backlog. [-]
    busy : array
        Mean number of busy servers. [-]
    throughput : array
        Requests that are served and leave. [1/s]
    rejected : array
        Share of those that come then that are turned away. [-]
    abandoned : array
        Share of those that come then that will give up waiting. [-]
    waiting_time : array
        Mean time in queue of a request that comes then. [s]
    response_time : array
        Mean time at the station of a request that comes then. [s]
    wait : Distribution or None
        Distribution of the time in queue, a cell for each time; None where servers are shared.
        [-]
    response : Distribution
        Distribution of the time at the station, a cell for each time. [-]
    station : Station
        The station. [-]
    spread : Spread, optional
        How the number present varies; None in a steady state of each moment. [-]
    """

    times: np.ndarray
    arrival_rate: np.ndarray
    servers: np.ndarray
    number_in_system: np.ndarray
    queue_length: np.ndarray
    busy: np.ndarray
    throughput: np.ndarray
    rejected: np.ndarray
    abandoned: np.ndarray
    waiting_time: np.ndarray
    response_time: np.ndarray
    wait: Distribution | None
    response: Distribution
    station: Station
    spread: Spread | None = None

    @property
    def accepted(self) -> np.ndarray:
        """Share of the requests that come then that is served. [-]."""
        accepted: np.ndarray = 1 - self.rejected - self.abandoned
        return accepted

    @property
    def utilization(self) -> np.ndarray:
        """Busy share of the servers. [-]."""
        ready = np.maximum(self.servers, 1e-300)
        return np.where(self.servers > 0, self.busy / ready, np.nan)

    def passes_on(self) -> bool:
        """Return whether what comes is passed on at once: never full, and soon done."""
        soon = self.response_time.max() <= np.diff(self.times).max(initial=0.0)
        return bool(soon and not (self.utilization > _FULL).any())

    def at(self, places: np.ndarray) -> StationOverTime:
        """Return the same at some of the times, by their places."""
        shape = self.times.shape
        values: dict[str, Any] = {
            f.name: getattr(self, f.name)[places]
            for f in fields(self)
            if isinstance(getattr(self, f.name), np.ndarray)
        }
        if self.spread is not None:
            values["spread"] = Spread(*(x[places] for x in self.spread))
        for name in ("wait", "response"):
            distribution = getattr(self, name)
            values[name] = (
                distribution if distribution is None else select(distribution, shape, places)
            )
        return replace(self, **values)

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each time.

        Returns
        -------
        pandas.DataFrame
            Means and p50, p95, p99 of the time at the station. [-]
        """
        import pandas as pd

        names = (
            "arrival_rate servers number_in_system queue_length utilization throughput "
            "rejected abandoned waiting_time response_time"
        )
        columns = {"time": self.times}
        columns |= {name: getattr(self, name) for name in names.split()}
        columns |= {f"p{100 * p:g}": self.response.quantile(p) for p in (0.5, 0.95, 0.99)}
        return pd.DataFrame(columns)
