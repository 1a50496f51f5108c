"""What is read off the probabilities of a station: flows, backlogs and waits at each time.

A request that has b services in front of it waits for as long as all servers take for b
services, with the servers that will be there then. The backlogs that it may find are taken
together in bins, each a gamma distribution of the same mean and variance; the outermost hold
half a percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel.distributions import ZERO, Distribution, Exponential, Gamma, Scaled, Shifted, Sum
from qmodel.distributions.algebra import measure
from qmodel.queues.base import Station
from qmodel.transients.levels import on_levels
from qmodel.transients.over_time import StationOverTime
from qmodel.transients.sharing import shared_response
from qmodel.transients.spread import spread_of
from qmodel.transients.strand import Part, Strand, served_from
from qmodel.transients.walk import Walk

__all__ = ["CUTS", "Reading", "joined", "mixed_wait"]

CUTS = np.array([0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.82, 0.9, 0.95, 0.98, 0.993, 1.0])
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
    times, rates : array of shape (t,)
        The times [s] and what comes [1/s].
    strands : sequence of Strand
        The ways that the servers went. [-]
    """

    walk: Walk
    numbers: np.ndarray
    times: np.ndarray
    rates: np.ndarray
    strands: Sequence[Strand]

    def result(self, station: Station, *, closed: bool = False) -> StationOverTime:
        """Return the station at all times.

        `closed` asks for a response in closed form where there is one, right to a percent: on
        it timeouts and retries can be composed.
        """
        walk, numbers, rate = self.walk, self.numbers, self.rates
        zero = np.zeros(len(rate))
        ready, present, busy, served, abandoned, rejected = (zero.copy() for _ in range(6))
        parts = self.parts()
        for part in parts:
            ready[part.at] += part.strand.weights[part.at] * part.strand.ready[part.at]
            if numbers[-1] >= walk.room:
                rejected[part.at] += part.finding[:, -1]
            for there, at, p in part.by_servers():
                done = walk.completions(numbers, there)
                values = np.stack([numbers, np.minimum(numbers, there), done], axis=1)
                sums = present, busy, served
                for total, more in zip(sums, (p @ values).T, strict=True):
                    total[at] += more
            if walk.impatience:
                for there, at, p in part._replace(p=part.finding).by_servers():
                    abandoned[at] += p @ ((numbers >= there) * (1 - self._served(there)))
        if walk.shared:
            wait = None
            response = shared_response(walk, numbers, self.times, parts, CUTS)
            waiting = response.mean - walk.service_time
        else:
            wait = self._wait(parts)
            held = walk.service
            if walk.throughputs is not None:
                held = Scaled(held, self._slower(parts))
            response = _after(wait, held) if closed else Sum((wait, held))
            waiting = np.asarray(wait.mean)
        return StationOverTime(
            times=self.times,
            arrival_rate=rate,
            servers=np.round(ready, 9),
            number_in_system=present,
            queue_length=np.maximum(present - busy, 0.0),
            busy=busy,
            throughput=served,
            rejected=rejected,
            abandoned=abandoned,
            waiting_time=waiting,
            response_time=np.asarray(response.mean),
            wait=wait,
            response=response,
            station=station,
            spread=spread_of(walk, numbers, rate, parts),
        )

    def parts(self) -> list[Part]:
        """Return the strands where they are, with the probabilities of each and its numbers."""
        found = []
        for strand in self.strands:
            at = np.flatnonzero(strand.weights)
            if at.size:
                p = np.maximum(strand.seen[at], 0.0)
                whole = np.maximum(p.sum(axis=1), 1e-300)
                found.append(Part(strand, at, p * (strand.weights[at] / whole)[:, None]))
        return found

    def _slower(self, parts: Sequence[Part]) -> np.ndarray:
        """Return how many times longer than alone what is inside a pool takes, in the mean."""
        found = np.zeros(len(self.times))
        for part in parts:
            for servers, at, p in part.by_servers():
                there = max(servers, 1.0)
                inside = np.clip(self.numbers + 1, 1, there)
                found[at] += p @ (inside / self.walk.completions(inside, there))
        return np.maximum(found / self.walk.service_time, 1.0)

    def _changes(self, strand: Strand) -> list[tuple[float, float]]:
        """Return when the servers changed on a way, and on those that it became a part of."""
        by_name = {other.name: other for other in self.strands}
        found, here = list(strand.changes), strand
        while here.into is not None and here.into in by_name:
            left = float(self.times[np.flatnonzero(here.weights)].max(initial=-np.inf))
            here = by_name[here.into]
            after = max(left, found[-1][0])
            found += [change for change in here.changes if change[0] > after]
        return found + here.ahead

    @staticmethod
    def _bins(waits: np.ndarray, *values: np.ndarray) -> tuple[float, np.ndarray]:
        """Return how much there is of waits, and the means of values in bins by share of it."""
        sums = np.zeros((1 + len(values), len(waits) + 1))
        np.cumsum([waits, *(waits * value for value in values)], axis=1, out=sums[:, 1:])
        total = sums[0, -1]
        if total <= 0:
            return 0.0, np.zeros((len(values), len(CUTS) - 1))
        upto = sums[0] / total
        upto[-1] = 1.0
        # Levels on a cut are split.
        at = np.array([np.interp(CUTS, upto, row) for row in sums[1:]])
        return total, np.diff(at, axis=1) / (total * np.diff(CUTS))

    def _wait(self, parts: Sequence[Part]) -> Distribution:
        """Return the wait as a mixture of gamma distributions, a cell for each time."""
        bins, size = len(CUTS) - 1, len(self.times)
        weights, means, scvs = (
            np.zeros((bins, size)),
            np.ones((bins, size)),
            np.ones((bins, size)),
        )
        # Of all who enter the row at a time, not of all who come here: what is there.
        here: list[list[tuple[Any, ...]]] = [[] for _ in self.times]
        for strand, at, p in parts:
            changes = self._changes(strand)
            known: dict[float, tuple[np.ndarray, ...]] = {}
            for i, row in zip(at, p, strict=True):
                here[i].append((row, strand.ready[i], self.times[i], changes, known))
        for i, those in enumerate(here):
            found = [self._met(*one) for one in those]
            waits, takes, square = (
                np.concatenate(x) if len(x) > 1 else x[0]
                for x in list(zip(*found, strict=True))[1:]
            )
            if len(found) > 1:
                order = np.argsort(takes, kind="stable")
                waits, takes, square = waits[order], takes[order], square[order]
            all_met = max(sum(met for met, *_ in found), 1e-300)
            total, (mean, second) = self._bins(waits, takes, square)
            if total <= 0:
                continue
            with np.errstate(invalid="ignore", divide="ignore"):
                # Services vary, and the backlogs of a bin differ too.
                scv = np.maximum(second / mean**2 - 1, 1e-9)
            weights[:, i] = total / all_met * np.diff(CUTS)
            means[:, i], scvs[:, i] = mean, np.where(np.isfinite(scv), scv, 1.0)
        none = np.maximum(1 - weights.sum(axis=0), 0.0)
        return mixed_wait(none, weights, means, scvs)

    def _met(
        self,
        p: np.ndarray,
        servers: float,
        time: float,
        changes: Sequence[tuple[float, float]],
        known: dict[float, tuple[np.ndarray, ...]],
    ) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """Return how many are served, who of them waits, and mean and mean square of the waits.

        `known` is what is so at all times after which the servers stay as they are.
        """
        lasts = bool(self.walk.impatience) or changes[-1][0] <= time
        if not lasts or servers not in known:
            known[servers] = self.waits_at(servers, time, changes)
        served, waits, takes, square = known[servers]
        some = np.flatnonzero(p)
        here = slice(some[0], some[-1] + 1)
        found = float(p[here] @ served[here])
        return found, p[here] * waits[here], takes[here], square[here]

    def waits_at(
        self, servers: float, time: float, changes: Sequence[tuple[float, float]]
    ) -> tuple[np.ndarray, ...]:
        """Return who at each number is served, and waits, and mean and mean square of waits."""
        full = self.numbers >= servers
        served = (self.numbers < self.walk.room).astype(float)
        # Those in front, and what is left of the service that ends first.
        behind = np.maximum(self.numbers - servers, 0.0) + self.walk.variability
        if self.walk.impatience:
            served = served * np.where(full, self._stay(behind, servers), 1.0)
            return served, served * full, *self._patient(behind, servers)
        takes, pace = served_from(time, changes, self.walk)(behind)
        # SCV of a service, from the mean wait; so many of them are as variable each.
        spread = max(self.walk.variability * 2 - 1, 0.05)
        square = takes**2 + spread * behind / np.maximum(pace, 1e-100) ** 2
        return served, served * full, takes, square

    def _served(self, servers: float) -> np.ndarray:
        """Return the probability to be served of those who find each number."""
        return np.asarray(self._stay(np.maximum(self.numbers - servers + 1, 0.0), servers))

    def _stay(self, behind: np.ndarray, servers: Any) -> Any:
        """Return the probability to be served of those with so many services to wait for.

        With k in front that leave or are served at the rates of all servers and of their own
        patience, the product telescopes.
        """
        pace = np.asarray(self.walk.completions(servers, servers))
        return pace / np.maximum(pace + self.walk.impatience * behind, 1e-300)

    def _patient(self, behind: np.ndarray, servers: float) -> tuple[Any, Any]:
        """Return mean and mean square of the waits of those who are served."""
        from scipy.special import digamma, polygamma

        rate = self.walk.impatience
        pace = float(self.walk.completions(servers, servers))
        # Who is served stays: each step in front is as fast as with one more who may leave.
        x = pace / rate
        mean = (digamma(x + behind + 1) - digamma(x + 1)) / rate
        variance = (polygamma(1, x + 1) - polygamma(1, x + behind + 1)) / rate**2
        return mean, mean**2 + variance


def joined(parts: Sequence[Reading], numbers: np.ndarray) -> Reading:
    """Return readings as one, each of which begins where the one before ends."""
    skipped = [1 if i else 0 for i in range(len(parts))]
    sizes = [len(part.times) - skip for part, skip in zip(parts, skipped, strict=True)]
    strands: dict[tuple[float, ...], Strand] = {}
    begin = 0
    for part, skip, size in zip(parts, skipped, sizes, strict=True):
        here = slice(begin, begin + size)
        for one in part.strands:
            if one.name not in strands:
                whole = sum(sizes)
                strands[one.name] = Strand(
                    one.name,
                    np.zeros(whole),
                    np.zeros((whole, len(numbers))),
                    np.zeros(whole),
                )
            strand = strands[one.name]
            strand.weights[here] = one.weights[skip:]
            strand.ready[here] = one.ready[skip:]
            strand.seen[here] = on_levels(numbers, part.numbers, one.seen[skip:])
            strand.changes += one.changes
            strand.ahead, strand.into = one.ahead, one.into
        begin += size

    def column(name: str) -> np.ndarray:
        return np.concatenate(
            [getattr(part, name)[skip:] for part, skip in zip(parts, skipped, strict=True)]
        )

    return Reading(
        walk=parts[0].walk,
        numbers=numbers,
        times=column("times"),
        rates=column("rates"),
        strands=list(strands.values()),
    )


def mixed_wait(none: Any, weights: Any, means: Any, scvs: Any) -> Distribution:
    """Return a wait as a time that all wait, and a mixture: what is far from 0 is smooth."""
    spread = means * np.sqrt(scvs)
    # A time that nobody waits less than, 0 where that is little of a wait.
    shortest = np.where(weights > 0, means - _FAR * spread, np.inf).min(axis=0)
    least = np.where(weights > 0, means, np.inf).min(axis=0)
    after = np.where((none < _HARDLY) & (shortest > least / 4), shortest, 0.0)
    rest = means - after
    distributions = [Gamma(m, v) for m, v in zip(rest, scvs * (means / rest) ** 2, strict=True)]
    mixed = measure((none, *weights), (ZERO, *distributions))
    return Shifted(mixed, after) if after.any() else mixed


def _after(wait: Distribution, held: Distribution) -> Distribution:
    """Return the time of a wait and what follows it, in closed form if that is exponential.

    After a gamma distributed wait an exponential service makes nearly a gamma distributed time.
    """
    if not isinstance(held, Exponential):
        return Sum((wait, held))
    if isinstance(wait, Shifted):
        return Shifted(_after(wait.distribution, held), wait.by)
    none, *weights = wait.probabilities  # type: ignore[attr-defined]
    _, *waits = wait.distributions  # type: ignore[attr-defined]
    mean, times = held.mean, []
    for distribution in waits:
        whole = distribution.mean + mean
        times.append(Gamma(whole, (distribution.variance + mean**2) / whole**2))
    return measure((none, *weights), (held, *times))
