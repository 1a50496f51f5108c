"""A station whose load, or whose servers, change in time: what a request meets, and when.

The number present follows the Kolmogorov equations (`qmodel.transients.evolution`) on levels
(`qmodel.transients.levels`): exact for exponential work where backlogs stay below some hundred,
and told apart to a quarter of a percent of the backlog beyond. A request that has b services
in front of it waits for as long as all servers take for b services, with the servers that will
be there then. Where a load is light, and slow against the memory of the queue, each moment is a
steady state.

References
----------
.. [1] A. Jensen, "Markoff chains as an aid in the study of Markoff processes", Skandinavisk
   Aktuarietidskrift 36, 1953.
.. [2] G. F. Newell, "Applications of Queueing Theory", 2nd ed., Chapman and Hall, 1982 (what
   backlogs do on the scale of rush hours).
.. [3] S. G. Eick, W. A. Massey, W. Whitt, "The physics of the M_t/G/inf queue", Operations
   Research 41, 1993.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel.distributions import ZERO, Distribution, Gamma, Scaled, Sum
from qmodel.distributions.algebra import measure
from qmodel.distributions.cells import select
from qmodel.errors import DomainError
from qmodel.loads import Profile
from qmodel.queues.base import Station
from qmodel.queues.delay import Delay
from qmodel.transients.autoscaler import Autoscaler
from qmodel.transients.evolution import evolve
from qmodel.transients.levels import Levels, levels_for
from qmodel.transients.schedule import Constant, Schedule, Staffing
from qmodel.transients.walk import Walk, walk_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StationOverTime", "default_times", "station_over_time"]

_POINTS = 300
_TOLERANCE = 1e-4
"""Error of one step, in probability mass."""

_LIGHT, _SLOW = 0.95, 1e-3
"""Below this load, and as slow against the memory of the queue, a load is followed at once."""

_CUTS = np.array([0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.82, 0.9, 0.95, 0.98, 0.993, 1.0])
"""Shares of those that wait between which their backlogs are taken together."""


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

    def at(self, places: np.ndarray) -> StationOverTime:
        """Return the same at some of the times, by their places."""
        shape = self.times.shape
        values = {
            f.name: getattr(self, f.name)[places]
            for f in fields(self)
            if isinstance(getattr(self, f.name), np.ndarray)
        }
        for name in ("wait", "response"):
            law = getattr(self, name)
            values[name] = law if law is None else select(law, shape, places)
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


def default_times(profile: Profile, times: Any = None) -> np.ndarray:
    """Return the times that are asked for: the given ones, or evenly and at the corners."""
    if times is None:
        even = np.linspace(profile.times[0], profile.times[-1], _POINTS)
        # Corners of a recorded load are as many as its rows: they are times enough.
        corners = profile.times if len(profile.times) <= 4 * _POINTS else profile.times[:0]
        return np.unique(np.concatenate([even, corners]))
    found = np.array(_check.several("times", times), dtype=float)
    if found.ndim != 1 or not (np.diff(found) > 0).all() or not np.isfinite(found).all():
        raise DomainError(f"times must increase, got {_check.short(times)}")
    return found


def station_over_time(
    station: Station,
    profile: Profile,
    times: np.ndarray,
    *,
    servers: Schedule | Autoscaler | None = None,
    start: int | None = None,
) -> StationOverTime:
    """Return a station at each of the `times`.

    Parameters
    ----------
    station : Station
        The station. [-]
    profile : Profile
        What comes. [1/s]
    times : array
        Increasing times. [s]
    servers : Schedule or Autoscaler, optional
        How the number of servers changes; by default it does not. [-]
    start : int, optional
        Requests present at the first time; by default the steady state of the first rate,
        where there is one, else none. [-]

    Returns
    -------
    StationOverTime
        The station over time.
    """
    if isinstance(station, Delay):
        return _delayed(station, profile, times)
    walk = walk_of(station)
    plain = servers is None and start is None and walk.throughputs is None
    if plain and _follows(walk, profile, times):
        return _steady(station, profile, times)
    reach = _reach(walk, profile, times, servers, start)
    for _ in range(6):
        levels = levels_for(max(walk.servers, 1.0), reach, walk.room)
        run = _Run(walk, levels, profile, times, _staffing(servers, walk, times[0]))
        if not run.solve(start) or levels.numbers[-1] >= walk.room:
            return run.result(station)
        reach *= 4
    return run.result(station)


def _follows(walk: Walk, profile: Profile, times: np.ndarray) -> bool:
    """Return whether a load is so slow, and so light, that each moment is a steady state."""
    inside = (profile.times >= times[0]) & (profile.times <= times[-1])
    corners = np.unique(np.concatenate([times, profile.times[inside]]))
    rate = np.asarray(profile.rate(corners))
    most = float(walk.completions(walk.servers, walk.servers))
    if not rate.max() < _LIGHT * most:
        return False
    # The time that the queue remembers, at the greatest load.
    memory = max(1 / (np.sqrt(most) - np.sqrt(rate.max())) ** 2, walk.service_time)
    drift = np.abs(np.diff(rate)) / np.diff(corners)
    return bool((drift * memory <= _SLOW * (most - rate[1:])).all())


def _steady(station: Station, profile: Profile, times: np.ndarray) -> StationOverTime:
    rate = np.asarray(profile.rate(times))
    r, zero = station.solve(rate), np.zeros(len(times))
    return StationOverTime(
        times=times,
        arrival_rate=rate,
        servers=zero + station.servers,
        number_in_system=zero + r.number_in_system,
        queue_length=zero + r.queue_length,
        busy=zero + r.utilization * station.servers,
        throughput=zero + rate * r.accepted,
        rejected=zero + r.loss,
        abandoned=zero + r.abandonment,
        waiting_time=zero + r.waiting_time,
        response_time=zero + r.response_time,
        wait=r.served_wait,
        response=r.served_response,
        station=station,
    )


def _staffing(servers: Schedule | Autoscaler | None, walk: Walk, time: float) -> Staffing:
    if isinstance(servers, Autoscaler):
        return servers.begin(walk.servers, time)
    return Constant(walk.servers) if servers is None else servers


def _reach(walk: Walk, profile: Profile, times: np.ndarray, servers: Any, start: Any) -> float:
    """Return a number present that is hardly exceeded: a fluid backlog, and its spread."""
    grid = np.unique(np.concatenate([np.linspace(times[0], times[-1], 4000), profile.times]))
    rate, staff = profile.rate(grid), _staffing(servers, walk, grid[0])
    ready = walk.servers
    backlog = most = float(start or 0)
    for i, step in enumerate(np.diff(grid)):
        ready = staff.servers(grid[i]) if isinstance(servers, Schedule) else ready
        served = float(walk.completions(ready, ready))
        backlog = max(backlog + (rate[i] - served) * step, 0.0)
        if walk.impatience:
            backlog /= 1 + walk.impatience * step
        most = max(most, backlog)
    moved = float(rate.max()) * min(times[-1] - times[0], 1e4 * walk.service_time)
    present = float(rate.max()) * walk.service_time
    crowd = max(most, min(present, walk.servers)) + walk.servers
    # Levels that are far apart spread more.
    spread = np.sqrt((crowd + moved * max(walk.variability, 1.0)) * max(1.0, most / 300))
    return float(min(crowd + 8 * spread + 60, walk.room))


class _Run:
    """One solution of the equations, and what is read off at each time."""

    def __init__(
        self,
        walk: Walk,
        levels: Levels,
        profile: Profile,
        times: np.ndarray,
        staff: Staffing,
    ) -> None:
        self.walk, self.levels, self.profile, self.times = walk, levels, profile, times
        self.staff = staff
        self.ready = np.empty(len(times))
        self.seen = np.empty((len(times), len(levels.numbers)))
        self.changes: list[tuple[float, float]] = []

    def _rates(self, servers: float) -> Any:
        def rates(time: float) -> tuple[np.ndarray, np.ndarray]:
            rate = float(self.profile.rate(time))
            births, deaths = self.walk.births_and_deaths(self.levels.numbers, rate, servers)
            return self.levels.rates(births, deaths)

        return rates

    def _first(self, start: int | None, servers: float) -> np.ndarray:
        numbers = self.levels.numbers
        p = np.zeros(len(numbers))
        rate = float(self.profile.rate(self.times[0]))
        most = float(self.walk.completions(servers, servers))
        stable = rate < most or np.isfinite(self.walk.room)
        if start is None and (stable or self.walk.impatience):
            up, down = self._rates(servers)(self.times[0])
            with np.errstate(divide="ignore"):
                logs = np.concatenate([[0.0], np.cumsum(np.log(up[:-1]) - np.log(down[1:]))])
            steady: np.ndarray = np.exp(logs - logs.max())
            return np.asarray(steady / steady.sum())
        p[int(np.argmin(np.abs(numbers - (start or 0))))] = 1.0
        return p

    def solve(self, start: int | None) -> bool:
        """Solve; return whether the last level is reached."""
        now = self.times[0]
        ready = self.staff.servers(now)
        p = self._first(start, ready)
        numbers, edge = self.levels.numbers, 0.0
        corners = self.profile.times[(self.profile.times > now)]
        self.changes = [(now, ready)]
        self.ready[0], self.seen[0] = ready, p
        step = min(np.diff(self.times).min(initial=1.0), self.walk.service_time)
        for i, until in enumerate(self.times[1:], 1):
            while now < until:
                later = corners[np.searchsorted(corners, now, side="right") :]
                corner = float(later[0]) if later.size else np.inf
                end = min(until, self.staff.next_change(now), corner)
                rates = self._rates(ready)
                for time, new in evolve(rates, p, now, end, tolerance=_TOLERANCE, step=step):
                    self.staff.observe(time, float(np.minimum(numbers, ready) @ new))
                    step, now, p = max(time - now, 1e-12), time, new
                edge = max(edge, float(p[-1]))
                if (others := self.staff.servers(now)) != ready:
                    ready = others
                    self.changes.append((now, ready))
            self.ready[i], self.seen[i] = ready, p
        return edge > 1e-9

    def result(self, station: Station) -> StationOverTime:
        walk, numbers, ready = self.walk, self.levels.numbers, self.ready
        rate = np.asarray(self.profile.rate(self.times))
        p = np.maximum(self.seen, 0.0)
        p /= p.sum(axis=1, keepdims=True)
        present = p @ numbers
        busy = (p * np.minimum(numbers, ready[:, None])).sum(axis=1)
        rejected = p[:, -1] if numbers[-1] >= walk.room else np.zeros(len(rate))
        abandoned = self._abandoned(p) if walk.impatience else np.zeros(len(rate))
        if walk.shared:
            wait, response = None, self._shared(p)
            waiting = response.mean - walk.service_time
        else:
            wait = self._wait(p)
            held = walk.service
            if walk.throughputs is not None:
                held = Scaled(held, self._slower(p))
            response = Sum((wait, held))
            waiting = np.asarray(wait.mean)
        return StationOverTime(
            times=self.times,
            arrival_rate=rate,
            servers=ready.copy(),
            number_in_system=present,
            queue_length=present - busy,
            busy=busy,
            throughput=self._served(p),
            rejected=rejected,
            abandoned=abandoned,
            waiting_time=waiting,
            response_time=np.asarray(response.mean),
            wait=wait,
            response=response,
            station=station,
        )

    def _slower(self, p: np.ndarray) -> np.ndarray:
        """Return how many times longer than alone what is inside a pool takes, in the mean."""
        numbers, found = self.levels.numbers, []
        for c, row in zip(self.ready, p, strict=True):
            inside = np.clip(numbers + 1, 1, max(c, 1))
            found.append((inside / self.walk.completions(inside, c)) @ row)
        return np.asarray(np.maximum(np.array(found) / self.walk.service_time, 1.0))

    def _served(self, p: np.ndarray) -> np.ndarray:
        """Return the requests that are served a second at each time."""
        numbers = self.levels.numbers
        done = [
            self.walk.completions(numbers, c) @ row
            for c, row in zip(self.ready, p, strict=True)
        ]
        return np.array(done)

    def _served_from(self, time: float) -> Any:
        """Return the function from services after a time to the time that they take."""
        starts = np.array([t for t, _ in self.changes])
        speeds = np.array([float(self.walk.completions(c, c)) for _, c in self.changes])
        first = max(int(np.searchsorted(starts, time, side="right")) - 1, 0)
        edges = np.concatenate([[time], starts[first + 1 :]])
        pace = speeds[first:]
        done = np.concatenate([[0.0], np.cumsum(np.diff(edges) * pace[:-1])])
        # Beyond the last change; servers that never come back are never done.
        last = pace[-1]

        def needed(services: np.ndarray) -> np.ndarray:
            inside = np.interp(services, done, edges - time)
            more = services - done[-1]
            beyond = edges[-1] - time + more / last if last > 0 else np.inf
            return np.asarray(np.where(more > 0, beyond, inside))

        return needed

    def _bins(self, p: np.ndarray, full: np.ndarray) -> tuple[Any, Any]:
        """Return weights and levels of those that wait, in bins by share of them: (bins, n)."""
        waits = p * full
        total = waits.sum()
        if total <= 0:
            return np.zeros(len(_CUTS) - 1), np.zeros((len(_CUTS) - 1, len(p)))
        upto = np.concatenate([[0.0], np.cumsum(waits)]) / total
        upto[-1] = 1.0
        # The share of each level in each bin: levels on a cut are split.
        shares = np.diff(np.clip(upto[None, :], _CUTS[:-1, None], _CUTS[1:, None]), axis=1)
        return shares.sum(axis=1) * total, shares

    def _wait(self, p: np.ndarray) -> Distribution:
        """Return the wait as a mixture of gamma distributions, a cell for each time."""
        numbers, bins, size = self.levels.numbers, len(_CUTS) - 1, len(self.times)
        weights, means, scvs = (
            np.zeros((bins, size)),
            np.ones((bins, size)),
            np.ones((bins, size)),
        )
        spread = max(
            self.walk.variability * 2 - 1, 0.05
        )  # SCV of a service, from the mean wait
        arriving = numbers < self.walk.room
        for i, time in enumerate(self.times):
            found = p[i] * arriving
            found = found / max(found.sum(), 1e-300)
            full = numbers >= self.ready[i]
            # Those in front, and what is left of the service that ends first.
            behind = np.maximum(numbers - self.ready[i], 0.0) + self.walk.variability
            weight, shares = self._bins(found, full)
            mass = np.maximum(shares.sum(axis=1), 1e-300)
            if self.walk.impatience:
                found, takes, square = self._patient(found, full, behind, self.ready[i])
                weight, shares = self._bins(found, full)
                mass = np.maximum(shares.sum(axis=1), 1e-300)
            else:
                takes = self._served_from(time)(behind)
                square = takes**2 * (1 + spread / behind)
            with np.errstate(invalid="ignore"):
                mean = np.where(mass > 1e-290, (shares * takes).sum(axis=1) / mass, 1.0)
                # Each of b services is as variable as one; the backlogs of a bin differ too.
                scv = np.maximum((shares * square).sum(axis=1) / mass / mean**2 - 1, 1e-9)
            weights[:, i] = weight
            means[:, i] = np.where(weight > 0, mean, 1.0)
            scvs[:, i] = np.where((weight > 0) & np.isfinite(scv), scv, 1.0)
        none = np.maximum(1 - weights.sum(axis=0), 0.0)
        laws: Sequence[Distribution] = [Gamma(m, v) for m, v in zip(means, scvs, strict=True)]
        return measure((none, *weights), (ZERO, *laws))

    def _shared(self, p: np.ndarray) -> Distribution:
        """Return the time at shared servers: the work, slower by what is found there."""
        numbers, ready = self.levels.numbers, np.maximum(self.ready, 1e-300)[:, None]
        slower = np.maximum((numbers + 1) / ready, 1.0)
        edges = np.cumsum(p, axis=1)
        weights, laws = [], []
        for low, high in itertools.pairwise(_CUTS):
            upto = np.concatenate([np.zeros((len(p), 1)), edges], axis=1)
            share = np.diff(np.clip(upto, low, high), axis=1)
            mass = np.maximum(share.sum(axis=1), 1e-300)
            weights.append(share.sum(axis=1))
            factor = (share * slower).sum(axis=1) / mass
            laws.append(Scaled(self.walk.service, np.maximum(factor, 1.0)))
        total = sum(weights)
        return measure(tuple(w / total for w in weights), tuple(laws))

    def _abandoned(self, p: np.ndarray) -> np.ndarray:
        """Return the share that gives up before its turn, by the numbers that it finds."""
        numbers, found = self.levels.numbers, np.zeros(len(p))
        for i, c in enumerate(self.ready):
            behind = np.maximum(numbers - c + 1, 0.0)
            served = self._stay(behind, c)
            found[i] = (p[i] * (numbers >= c) * (1 - served)).sum()
        return found

    def _stay(self, behind: np.ndarray, servers: float) -> Any:
        """Return the probability to be served of those with so many services to wait for.

        With k in front that leave or are served at the rates of all servers and of their own
        patience, the product telescopes.
        """
        pace = float(self.walk.completions(servers, servers))
        return pace / (pace + self.walk.impatience * behind) if pace else 0.0 * behind

    def _patient(
        self, p: np.ndarray, full: np.ndarray, behind: np.ndarray, servers: float
    ) -> tuple[Any, Any, Any]:
        """Return who is served, and mean and mean square of their waits."""
        from scipy.special import digamma, polygamma

        rate = self.walk.impatience
        pace = float(self.walk.completions(servers, servers))
        served = p * np.where(full, self._stay(behind, servers), 1.0)
        served = served / max(served.sum(), 1e-300)
        # Who is served stays: each step in front is as fast as with one more who may leave.
        x = pace / rate
        mean = (digamma(x + behind + 1) - digamma(x + 1)) / rate
        variance = (polygamma(1, x + 1) - polygamma(1, x + behind + 1)) / rate**2
        return served, mean, mean**2 + variance


def _delayed(station: Delay, profile: Profile, times: np.ndarray) -> StationOverTime:
    """Return a delay over time: the number present is Poisson, and known exactly [3]."""
    law = station.service
    nodes, weights = np.polynomial.legendre.leggauss(64)
    shares = (nodes + 1) / 2
    stays = np.asarray(law.quantile(shares), dtype=float)
    leaving = profile.rate(times[:, None] - stays) @ (weights / 2)
    # The age of a request in the delay: its tail over its mean.
    length = float(law.quantile(1 - 1e-9))
    ages, size = (nodes + 1) / 2 * length, weights / 2 * length
    inside = (profile.rate(times[:, None] - ages) * law.tail(ages)) @ size
    rate, zero = np.asarray(profile.rate(times)), np.zeros(len(times))
    mean = float(law.mean)
    return StationOverTime(
        times=times,
        arrival_rate=rate,
        servers=zero + np.inf,
        number_in_system=inside,
        queue_length=zero,
        busy=inside,
        throughput=leaving,
        rejected=zero,
        abandoned=zero,
        waiting_time=zero,
        response_time=zero + mean,
        wait=Scaled(ZERO, zero + 1),
        response=Scaled(law, zero + 1),
        station=station,
    )
