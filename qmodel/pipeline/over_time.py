"""The result of a pipeline over time: what happens, and what a request meets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.basis import APPROXIMATE, Assumption, Basis
from qmodel.distributions import Distribution
from qmodel.distributions.broadcasting import form_of, joined, select
from qmodel.pipeline.long_waits import percentiles
from qmodel.queues.approximations.measured import of_response
from qmodel.queues.mdc import MDc
from qmodel.queues.mg1 import MG1
from qmodel.queues.mg1_ps import MG1PS
from qmodel.queues.mgc import MGc
from qmodel.queues.mgc_ps import MGcPS
from qmodel.transients.course import State
from qmodel.transients.crowd_errors import WORST
from qmodel.transients.over_time import StationOverTime
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd


__all__ = [
    "FLOWS_IN_TIME",
    "GENERAL_IN_TIME",
    "SHARED_IN_TIME",
    "PipelineOverTime",
    "basis_of",
    "find_percentile",
    "in_minutes",
]

FLOWS_IN_TIME = Assumption(
    "flows-in-time",
    "a station depends on the one before it by some moments of it, and what a request finds "
    "there by what it left behind; in rows of two and three stations with 50 requests or more "
    "the number present was found within 5 %, p95 and p99 within 8 %, and p50 within 8 %, of "
    "three within 12 % where a jam ends; with fewer than ten requests left of a jam numbers up "
    "to 24 % high, and p99 up to twice. Where passes are repeated, as with retries, and behind "
    "an autoscaler it is fed by the mean of what leaves it, as a Poisson stream: numbers were "
    "found within 6 % of retries, and behind an autoscaler within 11 % until a jam ends",
    "Newell 1982; Eick, Massey and Whitt 1993",
    APPROXIMATE,
)

SHARED_IN_TIME = Assumption(
    "shared-in-time",
    "at servers that are shared the number present is that of exponential work: of work that "
    "varies more short requests leave a jam sooner, and with lognormal work of SCV 4 the "
    "number present and p50 were found 40 to 80 % high in a jam, p99 20 %",
    "Gromoll, Puha and Williams 2002; measured here",
    APPROXIMATE,
)

_KINDS = "constant service", "an SCV below 1", "an SCV from 1", "Pareto service"
_MEASURED = "; ".join(
    # Of none while the table is made anew.
    f"of {kind} number present {WORST[kind]['number']} %, response {of_response(WORST[kind])}"
    for kind in _KINDS
    if kind in WORST
)
GENERAL_IN_TIME = Assumption(
    "general-in-time",
    "a station of general service in a load that changes is between a fluid and its steady "
    "states; measured errors at one station, in and after a crowd of up to 1.4 times its "
    f"capacity: {_MEASURED}",
    "Newell 1982; our simulations",
    APPROXIMATE,
)

_SOME = 1e-6
"""A share of requests that is hardly anybody."""

_FULL = 0.995
"""Utilization from which on a station is called full."""


@dataclass(frozen=True, eq=False, repr=False)
class PipelineOverTime:
    """A pipeline at a sequence of times; arrays have the shape of `times`.

    Parameters
    ----------
    times : array
        The times. [s]
    arrival_rate : array
        Requests that come. [1/s]
    goodput : array
        Requests that are served and leave. [1/s]
    latency : Distribution
        Distribution of the time of a request that enters then and gets through, a cell for
        each time. [-]
    accepted, rejected, abandoned : array
        Shares of the requests that enter then. [-]
    stations : mapping of str to StationOverTime
        Each station and held pool. [-]
    shares : mapping
        What depends on times: the shares that are late, or copied, at each time. [-]
    basis : Basis
        How much "mean" and "percentiles" can be trusted. [-]
    ends : mapping of str to State
        Where the stations are at the last time, from which `Pipeline.over_time` can go on. [-]
    unsettled : float
        How far they are then from the steady state of the load, as a probability. [-]
    """

    times: np.ndarray
    arrival_rate: np.ndarray
    goodput: np.ndarray
    latency: Distribution
    accepted: np.ndarray
    rejected: np.ndarray
    abandoned: np.ndarray
    stations: Mapping[str, StationOverTime]
    shares: Mapping[Any, np.ndarray]
    basis: Basis
    ends: Mapping[str, State]
    unsettled: float

    def __post_init__(self) -> None:
        several: tuple[PipelineOverTime | StationOverTime, ...] = self, *self.stations.values()
        for of in several:
            for f in fields(of):
                if isinstance(values := getattr(of, f.name), np.ndarray):
                    object.__setattr__(of, f.name, _still(values.view()))

    @cached_property
    def mean(self) -> np.ndarray:
        """Mean latency of those that enter at each time and get through. [s]."""
        mean = np.broadcast_to(self.latency.mean, self.times.shape)
        return _still(np.where(self._answered, mean, np.nan))

    @cached_property
    def p50(self) -> np.ndarray:
        """Their median latency. [s]."""
        return self.percentile(0.5)

    @cached_property
    def p95(self) -> np.ndarray:
        """The 95th percentile of their latency. [s]."""
        return self.percentile(0.95)

    @cached_property
    def p99(self) -> np.ndarray:
        """The 99th percentile of their latency. [s]."""
        return self.percentile(0.99)

    def at(self, places: np.ndarray) -> PipelineOverTime:
        """Return the same at some of the times, by their places."""
        shape = self.times.shape
        values: dict[str, Any] = {
            f.name: getattr(self, f.name)[places]
            for f in fields(self)
            if isinstance(getattr(self, f.name), np.ndarray)
        }
        values["latency"] = select(self.latency, shape, places)
        values["stations"] = {name: s.at(places) for name, s in self.stations.items()}
        values["shares"] = {key: share[places] for key, share in self.shares.items()}
        return replace(self, **values)

    @property
    def _answered(self) -> np.ndarray:
        return np.asarray(self.accepted > _SOME)

    @cached_property
    def _percentiles(self) -> dict[float, np.ndarray]:
        """Percentiles that are known."""
        return {}

    def percentile(self, p: float) -> np.ndarray:
        """Return a percentile of the latency at each time; NaN where nobody gets through.

        Parameters
        ----------
        p : float
            Probability from 0 to 1. [-]

        Returns
        -------
        array
            The percentile. [s]
        """
        if p not in self._percentiles:
            find_percentile([self], p)
        return self._percentiles[p]

    def tail(self, time: float) -> np.ndarray:
        """Return the share of those who enter at each time whose latency is longer.

        Parameters
        ----------
        time : float
            The latency, >= 0. [s]

        Returns
        -------
        array
            The share; NaN where nobody gets through. [-]
        """
        tail = np.broadcast_to(self.latency.tail(time), self.times.shape)
        return np.where(self._answered, tail, np.nan)

    @property
    def backlog(self) -> np.ndarray:
        """Requests that wait, at all stations. [-]."""
        total: np.ndarray = sum(
            (station.queue_length for station in self.stations.values()),
            np.zeros(len(self.times)),
        )
        return total

    @property
    def lost(self) -> float:
        """Requests that come and are turned away, or give up, in all. [-]."""
        gone = self.arrival_rate * (self.rejected + self.abandoned)
        return float(np.trapezoid(gone, self.times))

    @property
    def load_at_the_end(self) -> float:
        """Greatest utilization at the last time, 1 where a station is still full. [-]."""
        last = [float(station.utilization[-1]) for station in self.stations.values()]
        return max([x for x in last if not np.isnan(x)], default=0.0) / _FULL

    @property
    def overloaded(self) -> dict[str, tuple[float, float]]:
        """First and last time at which each station that ever is saturated is. [s]."""
        found = {}
        for name, station in self.stations.items():
            with np.errstate(invalid="ignore"):
                full = np.flatnonzero(station.utilization > _FULL)
            if full.size:
                found[name] = float(self.times[full[0]]), float(self.times[full[-1]])
        return found

    @property
    def settled_at(self) -> float:
        """When the last station is no longer full; inf if never, NaN if none was. [s]."""
        spans = self.overloaded.values()
        if not spans:
            return np.nan
        last = max(end for _, end in spans)
        return float(np.inf if last >= self.times[-1] else last)

    def __str__(self) -> str:
        """Return what happens in one line."""
        i, worst = int(np.argmax(self.arrival_rate)), int(np.argmax(np.nan_to_num(self.p99)))
        peak = f"peak of {_rate(self.arrival_rate[i])} after {in_minutes(self.times[i])}"
        slowest = f"p99 at most {text(float(self.p99[worst]), 's')}"
        lost = f"; {self.lost:,.0f} requests are lost" if self.lost >= 1 else ""
        spans = self.overloaded
        if not spans:
            return f"{peak}: no station is ever saturated, {slowest}{lost}"
        most = float(self.backlog.max())
        first, *others = sorted(spans, key=lambda n: -self.stations[n].queue_length.max())
        when = ", ".join(
            [f"{first} is saturated {self._when(first)}"]
            + [f"{name} {self._when(name)}" for name in others]
        )
        return (
            f"{peak}: {when}; backlog up to {most:,.0f}, {slowest} "
            f"after {in_minutes(self.times[worst])}{lost}"
        )

    def _when(self, name: str) -> str:
        """Return from when to when a station is saturated."""
        begin, end = self.overloaded[name]
        last = f"to {in_minutes(end)}" if end < self.times[-1] else "to the end, and beyond"
        return f"from {in_minutes(begin)} {last}"

    def __repr__(self) -> str:
        """Return what happens in one line."""
        return f"<PipelineOverTime: {self}>"

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each time.

        Returns
        -------
        pandas.DataFrame
            Load, goodput, latency, losses and backlog; of each station utilization, backlog
            and servers. [-]
        """
        import pandas as pd

        columns: dict[str, Any] = {
            "time": self.times,
            "arrival_rate": self.arrival_rate,
            "goodput": self.goodput,
            "mean": self.mean,
        }
        names = ("p50", "p95", "p99", "rejected", "abandoned", "backlog")
        columns |= {name: getattr(self, name) for name in names}
        for name, station in self.stations.items():
            columns[f"{name}.utilization"] = station.utilization
            columns[f"{name}.queue_length"] = station.queue_length
            columns[f"{name}.servers"] = station.servers
        return pd.DataFrame(columns)


def find_percentile(parts: Sequence[PipelineOverTime], p: float) -> None:
    """Find a percentile of several stretches of time together, each of which then knows it."""
    alike: dict[Any, list[tuple[PipelineOverTime, np.ndarray, Distribution]]] = {}
    for part in parts:
        part._percentiles[p] = np.full(len(part.times), np.nan)
        some = np.flatnonzero(part._answered)
        if some.size:
            answered = select(part.latency, part.times.shape, some)
            alike.setdefault(form_of(answered), []).append((part, some, answered))
    for group in alike.values():
        sizes = [some.size for _, some, _ in group]
        whole = joined([answered for *_, answered in group], sizes)
        found = percentiles(whole, p, sum(sizes))
        ends = np.cumsum(sizes)
        for (part, some, _), end in zip(group, ends, strict=True):
            part._percentiles[p][some] = found[end - some.size : end]
    for part in parts:
        _still(part._percentiles[p])


def _still(values: np.ndarray) -> np.ndarray:
    """Return values that nobody changes: those who ask for the same have the same."""
    values.flags.writeable = False
    return values


def basis_of(stations: Mapping[str, StationOverTime]) -> Basis:
    """Return how much the numbers of a pipeline with these stations can be trusted."""
    shared = [s.station for s in stations.values() if isinstance(s.station, MG1PS | MGcPS)]
    other = any(np.any(np.abs(station.service.scv - 1) > _SOME) for station in shared)
    labels = (FLOWS_IN_TIME, SHARED_IN_TIME) if other else (FLOWS_IN_TIME,)
    if any(isinstance(s.station, MG1 | MGc | MDc) for s in stations.values()):
        labels = (*labels, GENERAL_IN_TIME)
    return Basis(dict.fromkeys(("mean", "percentiles", "backlog"), labels))


def in_minutes(seconds: float) -> str:
    """Return a time in the unit that people would say."""
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    if seconds > 7200:
        return f"{seconds / 3600:.1f} h"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min"


def _rate(rate: float) -> str:
    return text(float(rate), "1/s")
