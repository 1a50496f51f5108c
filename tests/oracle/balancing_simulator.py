"""Balanced replicas with exponential service, simulated in many chains at once.

What counts is how many replicas have k requests or more, for each k. One step draws, in every
chain, an arrival or the end of a service at one worker drawn at random (nothing where it is
idle), so that all steps take the same mean time (uniformisation), and their average is the
average over time. An arrival sees it, and so finds the distribution of the wait: k requests at
a replica of c workers are a wait for k - c + 1 departures. Nothing here knows the library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

Array = np.ndarray
Joins = Callable[[Array, int, int], Array]
"""From the counts (chains, levels), the replicas and the workers of each, the probability
that a
request joins a replica with k or more."""


def shortest(choices: int, repeated: bool = False) -> Joins:
    """Return the policy that joins the shortest of `choices` replicas drawn at random."""

    def joins(counts: Array, replicas: int, workers: int) -> Array:
        probability = np.ones(counts.shape)
        for i in range(choices):
            left = i * (not repeated)
            probability *= np.maximum(counts - left, 0) / (replicas - left)
        return probability

    return joins


def least(counts: Array, replicas: int, workers: int) -> Array:
    """Join the shortest of all."""
    return (counts == replicas) * 1.0


def idle(counts: Array, replicas: int, workers: int) -> Array:
    """Join a replica with a free worker, if there is one, else any."""
    full = counts[:, workers : workers + 1]
    some = full < replicas
    free = np.maximum(counts - full, 0) / np.where(some, replicas - full, 1)
    return np.where(some, free, counts / replicas)


@dataclass(frozen=True)
class Found:
    """What requests find: probabilities of k or more, one row for each group of chains."""

    probabilities: Array
    workers: int

    def _each(self, figure: Callable[[Array], float]) -> tuple[float, float]:
        found = [figure(row) for row in self.probabilities]
        spread = float(np.std(found, ddof=1)) / np.sqrt(len(found))
        half = float(stats.t.ppf(0.9999, len(found) - 1)) * spread
        return figure(self.probabilities.mean(axis=0)), half

    def wait(self) -> tuple[float, float]:
        """Return the mean wait, in service times, and the half width of its interval."""
        return self._each(lambda u: float(u[self.workers :].sum()) / self.workers)

    def probability(self) -> tuple[float, float]:
        """Return the probability of a wait, and the half width of its interval."""
        return self._each(lambda u: float(u[self.workers]))

    def tail(self, row: Array, t: Array) -> Array:
        """Return P(T > t) of the response, by the integral of that of the wait."""
        grid = np.linspace(0, 1, 301)[:, None] * t
        departures = np.arange(len(row) - self.workers)[:, None, None]
        probabilities = row[self.workers :][:, None, None]
        term = np.exp(
            special.xlogy(departures, self.workers * grid)
            - self.workers * grid
            - special.gammaln(departures + 1)
        )
        wait = (probabilities * term).sum(axis=0)
        inner = np.exp(grid - t) * wait
        return np.exp(-t) + np.trapezoid(inner, grid, axis=0)

    def quantile(self, p: float) -> tuple[float, float]:
        """Return a percentile of the response, and the half width of its interval."""

        def of(row: Array) -> float:
            low, high = 0.0, 60.0 * (1 + float(row[self.workers :].sum()))
            for _ in range(30):
                middle = (low + high) / 2
                above = self.tail(row, np.array([middle]))[0] > 1 - p
                low, high = (middle, high) if above else (low, middle)
            return high

        return self._each(of)


def simulate(
    joins: Joins,
    replicas: int,
    workers: int,
    load: float,
    *,
    requests: float,
    seed: int,
    chains: int = 1000,
    groups: int = 20,
) -> Found:
    """Return what `requests` requests find, after a tenth more that are left out.

    All replicas begin with as many requests as they have busy workers on the mean.
    """
    rng = np.random.default_rng(seed)
    steps = int(requests * (1 + load) / load / chains)
    levels = workers + 30
    counts = np.zeros((chains, levels))
    counts[:, : int(load * workers) + 1] = replicas
    rows = np.arange(chains)
    busy = np.minimum(np.arange(levels), workers)
    total, warm = np.zeros(counts.shape), steps // 10
    for step in range(steps + warm):
        arrives = rng.random(chains) * (1 + load) < load
        v = rng.random(chains)[:, None]
        up = (joins(counts, replicas, workers) > v).sum(axis=1)
        # Ends of service at a replica with k or more: busy workers, summed from the top.
        inner = counts[:, 1 : workers + 1]
        below = np.cumsum(inner[:, ::-1], axis=1)[:, ::-1]
        ends = busy * counts
        ends[:, 1:workers] += below[:, 1:]
        down = (ends[:, 1:] > v * (replicas * workers)).sum(axis=1)
        level = np.where(arrives, up, down)
        if level.max() >= levels - 2:
            wide = np.zeros((chains, levels))
            counts, total = np.hstack([counts, wide]), np.hstack([total, wide])
            levels *= 2
            busy = np.minimum(np.arange(levels), workers)
        # Level 0 is where nothing ends; it holds all replicas, always.
        counts[rows, level] += np.where(level > 0, np.where(arrives, 1, -1), 0)
        if step >= warm:
            total += joins(counts, replicas, workers)
    probabilities = total / steps
    return Found(probabilities.reshape(groups, -1, levels).mean(axis=1), workers)
