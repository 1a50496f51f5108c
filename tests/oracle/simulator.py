"""Exact sample paths of queues, to hold formulas against: no clock, no framework.

A station is a function from arrival times and service times to departure times, in the
order of the arrivals; what leaves one enters the next. Nothing here knows the library.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

Array = np.ndarray
Sampler = Callable[[int], Array]


def poisson(rng: np.random.Generator, rate: float, n: int) -> Array:
    """Return the first `n` arrival times of a Poisson stream."""
    return np.cumsum(rng.exponential(1 / rate, n))


def single(arrivals: Array, services: Array) -> Array:
    """FCFS with one server: Lindley's recursion, unrolled to a running maximum."""
    work = np.cumsum(services)
    return work + np.maximum.accumulate(arrivals - (work - services))


def several(arrivals: Array, services: Array, servers: int) -> Array:
    """FCFS, equal servers: the one that is free first takes the next (Kiefer, Wolfowitz)."""
    free = [0.0] * servers
    departures = np.empty(len(arrivals))
    for i, (a, s) in enumerate(zip(arrivals.tolist(), services.tolist(), strict=True)):
        start = free[0] if free[0] > a else a
        departures[i] = start + s
        heapq.heapreplace(free, start + s)
    return departures


def fcfs(arrivals: Array, services: Array, servers: int = 1) -> Array:
    """FCFS for arrivals in any order: requests are served in the order in which they come."""
    order = np.argsort(arrivals, kind="stable")
    a, s = arrivals[order], services[order]
    departures = np.empty(len(a))
    departures[order] = single(a, s) if servers == 1 else several(a, s, servers)
    return departures


def shared(arrivals: Array, services: Array, servers: int = 1) -> Array:
    """Processor sharing: each of the n present is served at rate min(1, servers / n)."""
    present: list[tuple[float, int]] = []  # attained service at which a request leaves
    departures = np.empty(len(arrivals))
    now = attained = 0.0
    arrive, need = arrivals.tolist(), services.tolist()
    i, total = 0, len(arrive)
    while i < total or present:
        speed = 1.0 if len(present) <= servers else servers / len(present)
        leaves = now + (present[0][0] - attained) / speed if present else np.inf
        if i < total and arrive[i] <= leaves:
            attained += (arrive[i] - now) * speed
            now = arrive[i]
            heapq.heappush(present, (attained + need[i], i))
            i += 1
        else:
            now = leaves
            attained, who = heapq.heappop(present)
            departures[who] = now
    return departures


def feedback(arrivals: Array, service: Sampler, again: Array) -> Array:
    """One FCFS server; request k is served ``again[k]`` times, each time from the end."""
    waiting: deque[int] = deque()
    left = again.tolist()
    times = iter(service(int(again.sum())).tolist())
    departures = np.empty(len(arrivals))
    arrive = arrivals.tolist()
    i, now, total = 0, 0.0, len(arrive)
    while i < total or waiting:
        if not waiting:
            now = max(now, arrive[i])
            waiting.append(i)
            i += 1
        now += next(times)
        while i < total and arrive[i] <= now:
            waiting.append(i)
            i += 1
        who = waiting.popleft()
        left[who] -= 1
        if left[who]:
            waiting.append(who)
        else:
            departures[who] = now
    return departures


@dataclass(frozen=True)
class Estimate:
    """A simulated figure and the half width of its confidence interval."""

    value: float
    half: float

    def holds(self, value: float) -> bool:
        return abs(value - self.value) <= self.half

    def __str__(self) -> str:
        return f"{self.value:.6g} +- {self.half:.2g}"


def settled(times: Array) -> Array:
    """Leave out the start, which began empty."""
    return times[len(times) // 20 :]


def estimate(
    times: Array, figure: Callable[[Array], float], *, batches: int = 25, level: float = 0.9998
) -> Estimate:
    """Estimate a figure of the steady state by batch means.

    The level is high because many intervals are looked at, and seeds are fixed: a formula
    that is right fails none of some hundred.
    """
    times = settled(times)
    found = [figure(batch) for batch in np.array_split(times, batches)]
    spread = float(np.std(found, ddof=1)) / np.sqrt(batches)
    return Estimate(figure(times), float(stats.t.ppf((1 + level) / 2, batches - 1)) * spread)


def mean(times: Array, **options: float) -> Estimate:
    return estimate(times, lambda x: float(x.mean()), **options)  # type: ignore[arg-type]


def quantile(times: Array, p: float, **options: float) -> Estimate:
    return estimate(times, lambda x: float(np.quantile(x, p)), **options)  # type: ignore[arg-type]
