"""The steady state of a pipeline, for the mix and for each kind of request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel._typing import Value
from qmodel._xp import is_symbolic, namespace
from qmodel.basis import Assumption, Basis, union
from qmodel.caches.base import CacheResult
from qmodel.distributions import Distribution
from qmodel.glossary import units_of
from qmodel.queues.base import MEANS, StationResult
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KindResult", "PipelineResult"]


@dataclass(frozen=True, slots=True, eq=False)
class KindResult:
    """What one kind of request sees.

    Parameters
    ----------
    share : number or array
        Share of the requests that are of this kind. [-]
    admitted : number or array
        Share of them that no limit turns away. [-]
    latency : Distribution
        Law of their time through the pipeline. [-]
    """

    share: Value
    admitted: Value
    latency: Distribution

    @property
    def accepted(self) -> Value:
        """Share of them that gets through. [-]."""
        return self.admitted

    @property
    def rejected(self) -> Value:
        """Share of them that is turned away. [-]."""
        return 1 - self.admitted

    @property
    def abandoned(self) -> Value:
        """Share of them that gives up waiting. [-]."""
        return 0 * self.admitted


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class PipelineResult:
    """The steady state of a pipeline.

    Parameters
    ----------
    arrival_rate : number or array
        Requests a second that arrive. [1/s]
    latency : Distribution
        Law of the time of a request through the pipeline. [-]
    stations : mapping of str to StationResult
        The steady state of each station. [-]
    visits : mapping of str to number or array
        Mean number of visits of one request to each station. [-]
    max_rate : number or array
        Arrival rate at which the first station saturates. [1/s]
    bottleneck : str or array of str
        The station that saturates first; "" if none ever does. [-]
    kinds : mapping of str to KindResult
        What each kind of request sees. [-]
    caches : mapping of str to CacheResult
        The steady state of each cache that is modelled. [-]
    admitted : number or array
        Share of the requests that no limit turns away. [-]
    basis : Basis
        How much "mean", "p99", "max_rate" can be trusted. [-]
    """

    arrival_rate: Value
    latency: Distribution
    stations: Mapping[str, StationResult]
    visits: Mapping[str, Value]
    max_rate: Value
    bottleneck: Any
    kinds: Mapping[str, KindResult]
    caches: Mapping[str, CacheResult]
    admitted: Value
    basis: Basis

    @property
    def accepted(self) -> Value:
        """Share of the requests that gets through. [-]."""
        return self.admitted

    @property
    def rejected(self) -> Value:
        """Share of the requests that limits and full stations turn away. [-]."""
        return 1 - self.admitted

    @property
    def abandoned(self) -> Value:
        """Share of the requests that gives up waiting. [-]."""
        return 0 * self.admitted

    @property
    def goodput(self) -> Value:
        """Requests a second that are served, below saturation. [1/s]."""
        return self.arrival_rate * self.admitted

    @property
    def headroom(self) -> Value:
        """Share by which the load can still grow; negative in overload. [-]."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return self.max_rate / self.arrival_rate - 1

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())

    def to_frame(self) -> pd.DataFrame:
        """Return the stations, one row for each station and load point.

        Returns
        -------
        pandas.DataFrame
            ``attrs["units"]`` has the units; `time_per_request` adds up to the mean
            latency where nothing runs in parallel. [-]

        Examples
        --------
        >>> import qmodel as qm
        >>> web, db = qm.call("web", qm.MMc(0.01)), qm.call("db", qm.MMc(0.02))
        >>> frame = qm.Pipeline(qm.series(web, db)).solve(20.0).to_frame()
        >>> list(frame["station"]), float(frame["time_per_request"].sum())
        (['web', 'db'], 0.0458)
        """
        import pandas as pd

        frames = []
        for name, result in self.stations.items():
            columns: dict[str, Any] = {"arrival_rate": self.arrival_rate}
            columns["visits"] = self.visits[name]
            columns |= {field: getattr(result, field) for field in MEANS}
            weigh = namespace(columns["visits"], result.response_time).weigh
            columns["time_per_request"] = weigh(columns["visits"], result.response_time)
            cells = np.broadcast_arrays(*(np.atleast_1d(v) for v in columns.values()))
            frame = pd.DataFrame({n: c.ravel() for n, c in zip(columns, cells, strict=True)})
            frame.insert(0, "station", name)
            frame["basis"] = result.basis["response_time"]
            frames.append(frame)
        table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        table.attrs["units"] = units_of(list(table.columns)) | {"time_per_request": "s"}
        return table

    def __str__(self) -> str:
        """Return the answer in one line, where there is one scenario."""
        rates = self.arrival_rate, self.max_rate
        if any(map(np.ndim, rates)) or is_symbolic(*rates):
            return f"PipelineResult of {', '.join(self.stations)}"
        load = f"at {text(float(self.arrival_rate), '1/s')}"
        if self.arrival_rate >= self.max_rate:
            return (
                f"{load} the pipeline is overloaded: {self.bottleneck} saturates at "
                f"{text(float(self.max_rate), '1/s')}"
            )
        p99 = text(float(self.latency.quantile(0.99)), "s")
        mean = text(float(self.latency.mean), "s")
        limit = (
            f"{self.bottleneck} saturates first, at {text(float(self.max_rate), '1/s')}"
            if self.bottleneck
            else "nothing saturates"
        )
        return f"{load}: mean {mean}, p99 {p99} ({self.basis['p99']}); {limit}"

    def __repr__(self) -> str:
        """Return the answer in one line."""
        return f"<{self}>"
