"""What is read off the probabilities of a station: flows, backlogs and waits at each time.

A request that has b services in front of it waits for as long as all servers take for b
services, with the servers that will be there then. The backlogs that it may find are taken
together in bins, each a gamma distribution of the same mean and variance; the outermost hold
half a percent.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel.distributions import ZERO, Distribution, Exponential, Gamma, Scaled, Shifted, Sum
from qmodel.distributions.algebra import measure
from qmodel.queues.base import Station
from qmodel.transients.over_time import StationOverTime
from qmodel.transients.walk import Walk

__all__ = ["Reading"]

_CUTS = np.array([0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.82, 0.9, 0.95, 0.98, 0.993, 1.0])
"""Shares of those that wait between which their backlogs are taken together."""


_HARDLY = 1e-7
"""Probability of what is left out where all wait for long."""

_FAR = 6.0
"""Standard deviations that the shortest waits are longer than what is set apart."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reading:
    """The probabilities of the numbers present at a sequence of times.

    Parameters
    ----------
    walk : Walk
        The station. [-]
    numbers : array of shape (n,)
        The levels. [-]
    times, rates, ready : array of shape (t,)
        The times [s], what comes [1/s] and the servers [-].
    seen : array of shape (t, n)
        The probabilities. [-]
    changes : list of (float, float)
        When the servers changed, and to how many. [-]
    """

    walk: Walk
    numbers: np.ndarray
    times: np.ndarray
    rates: np.ndarray
    ready: np.ndarray
    seen: np.ndarray
    changes: Sequence[tuple[float, float]]

    def result(self, station: Station, *, closed: bool = False) -> StationOverTime:
        """Return the station at all times.

        `closed` asks for a response in closed form where there is one, right to a percent: on
        it timeouts and retries can be composed.
        """
        walk, numbers, ready, rate = self.walk, self.numbers, self.ready, self.rates
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
            response = _after(wait, held) if closed else Sum((wait, held))
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
        numbers, found = self.numbers, []
        for c, row in zip(self.ready, p, strict=True):
            inside = np.clip(numbers + 1, 1, max(c, 1))
            found.append((inside / self.walk.completions(inside, c)) @ row)
        return np.asarray(np.maximum(np.array(found) / self.walk.service_time, 1.0))

    def _served(self, p: np.ndarray) -> np.ndarray:
        """Return the requests that are served a second at each time."""
        numbers = self.numbers
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
        numbers, bins, size = self.numbers, len(_CUTS) - 1, len(self.times)
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
        return _past(_longer_than(none, weights, means, scvs), none, weights, means, scvs)

    def _shared(self, p: np.ndarray) -> Distribution:
        """Return the time at shared servers: the work, slower by what is found there."""
        numbers, ready = self.numbers, np.maximum(self.ready, 1e-300)[:, None]
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
        numbers, found = self.numbers, np.zeros(len(p))
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


def _longer_than(none: Any, weights: Any, means: Any, scvs: Any) -> np.ndarray:
    """Return a time that nobody waits less than, 0 where that is little of a wait."""
    spread = means * np.sqrt(scvs)
    shortest = np.where(weights > 0, means - _FAR * spread, np.inf).min(axis=0)
    least = np.where(weights > 0, means, np.inf).min(axis=0)
    apart = (none < _HARDLY) & (shortest > least / 4)
    return np.where(apart, shortest, 0.0)


def _past(after: np.ndarray, none: Any, weights: Any, means: Any, scvs: Any) -> Distribution:
    """Return a wait as a time that all wait, and a mixture: what is far from 0 is smooth."""
    rest = means - after
    laws = [Gamma(m, v) for m, v in zip(rest, scvs * (means / rest) ** 2, strict=True)]
    mixed = measure((none, *weights), (ZERO, *laws))
    return Shifted(mixed, after) if after.any() else mixed


def _after(wait: Distribution, held: Distribution) -> Distribution:
    """Return the time of a wait and what follows it, in closed form if that is exponential.

    After a gamma distributed wait an exponential service makes nearly a gamma distributed time.
    """
    if not isinstance(held, Exponential):
        return Sum((wait, held))
    if isinstance(wait, Shifted):
        return Shifted(_after(wait.law, held), wait.by)
    none, *weights = wait.probabilities  # type: ignore[attr-defined]
    _, *waits = wait.laws  # type: ignore[attr-defined]
    mean, times = held.mean, []
    for law in waits:
        whole = law.mean + mean
        times.append(Gamma(whole, (law.variance + mean**2) / whole**2))
    return measure((none, *weights), (held, *times))
