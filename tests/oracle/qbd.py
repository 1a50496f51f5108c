"""The exact PH/PH/c queue as a quasi-birth-death process, to hold formulas against.

Interarrival times and service times are of phase type: a start vector and a matrix of
rates between phases. A level is a number of requests present; its states are the phase of
the next arrival and how many of the busy servers are in each phase. From c requests on all
levels are alike: their ratio R comes from logarithmic reduction (Latouche and Ramaswami
1993). Nothing here knows the library.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, islice
from typing import Any

import numpy as np
from scipy.stats import poisson as poisson_distribution

Array = np.ndarray


@dataclass(frozen=True)
class Phases:
    """A distribution of phase type of mean 1."""

    start: Array
    rates: Array

    @property
    def ends(self) -> Array:
        """Rate of the end, in each phase."""
        return -self.rates.sum(axis=1)

    def moment(self, k: int) -> float:
        """Return E[X^k]."""
        power = np.linalg.matrix_power(np.linalg.inv(-self.rates), k)
        return float(np.prod(np.arange(1, k + 1)) * (self.start @ power).sum())

    def scaled(self, mean: float) -> Phases:
        """Return the distribution with another mean."""
        return Phases(self.start, self.rates * self.moment(1) / mean)


def exponential() -> Phases:
    """Return the exponential distribution."""
    return erlang(1)


def erlang(phases: int) -> Phases:
    """Return the Erlang distribution."""
    rates = np.diag(-float(phases) * np.ones(phases))
    rates += np.diag(float(phases) * np.ones(phases - 1), 1)
    return Phases(np.eye(phases)[0], rates)


def hyperexponential(scv: float, share: float = 0.5) -> Phases:
    """Return the two branches with this SCV; the shorter one has `share` of the load."""
    # With p requests in the short branch: E[X^2] = 2 (share^2 / p + (1 - share)^2 / (1 - p)).
    wanted = (scv + 1) / 2
    b = wanted + share**2 - (1 - share) ** 2
    p = (b + np.sqrt(b * b - 4 * wanted * share**2)) / (2 * wanted)
    probabilities = np.array([p, 1 - p])
    means = np.array([share / p, (1 - share) / (1 - p)])
    return Phases(probabilities, np.diag(-1 / means))


@dataclass(frozen=True)
class Solution:
    """The steady state: `levels` are the states from 0 to c requests, then powers of R."""

    servers: int
    arrival_rate: float
    levels: list[Array]
    ratio: Array
    arrive: Array  # of the states above c: the rates of an arrival, phases of service kept
    internal: Array
    complete: Array

    def level(self, n: int) -> Array:
        """Return the probabilities of the states with n requests."""
        if n <= self.servers:
            return self.levels[n]
        return self.levels[-1] @ np.linalg.matrix_power(self.ratio, n - self.servers)

    def probability(self, n: int) -> float:
        """Return P(N = n) at an arbitrary time."""
        return float(self.level(n).sum())

    @property
    def queue_length(self) -> float:
        """Mean number in queue."""
        rest = np.linalg.inv(np.eye(len(self.ratio)) - self.ratio)
        return float((self.levels[-1] @ self.ratio @ rest @ rest).sum())

    @property
    def waiting_time(self) -> float:
        """Mean wait."""
        return self.queue_length / self.arrival_rate

    @property
    def wait_probability(self) -> float:
        """Share of the arrivals that find all servers busy."""
        rest = np.linalg.inv(np.eye(len(self.ratio)) - self.ratio)
        return float((self.levels[-1] @ rest @ self.arrive).sum() / self.arrival_rate)

    def wait_tail(self, t: float) -> float:
        """Return P(wait > t): fewer departures in t than are needed, by uniformisation."""
        top = -self.internal.diagonal().min()
        most = int(top * t + 12 * np.sqrt(top * t) + 40)
        known, more = self._waiting
        known += islice(more, max(most + 1 - len(known), 0))
        weights = poisson_distribution.pmf(np.arange(most + 1), top * t)
        return float(weights @ known[: most + 1])

    @cached_property
    def _waiting(self) -> tuple[list[float], Iterator[float]]:
        """The probabilities of `_after_steps` that are known, and those to come."""
        return [], self._after_steps()

    def _after_steps(self) -> Iterator[float]:
        """Yield the probability that some are still needed after 0, 1, 2, ... steps."""
        found = [self.levels[-1] @ self.arrive / self.arrival_rate]
        level = self.levels[-1]
        while found[-1].sum() > 1e-15 * found[0].sum():
            level = level @ self.ratio
            found.append(level @ self.arrive / self.arrival_rate)
        phases = np.array(found)
        top = -self.internal.diagonal().min()
        stay, leave = np.eye(len(self.internal)) + self.internal / top, self.complete / top
        few = np.ones(phases.shape)  # P(at most i departures in m steps), from each phase
        while True:
            yield float((phases * few).sum())
            before = np.vstack([np.zeros(few.shape[1]), few[:-1]])
            few = few @ stay.T + before @ leave.T


def solve(arrival: Phases, service: Phases, servers: int, arrival_rate: float) -> Solution:
    """Return the steady state; service times have the mean of `service`."""
    arrival = arrival.scaled(1 / arrival_rate)
    size = len(service.start)
    states = [_compositions(m, size) for m in range(servers + 1)]
    again = np.eye(len(arrival.start))
    restart = np.outer(arrival.ends, arrival.start)

    def flows(m: int) -> tuple[Array, Array, Array]:
        """Changes of phase, ends with and without the next request starting, of m servers."""
        index = {s: i for i, s in enumerate(states[m])}
        inner = np.zeros((len(index),) * 2)
        replaced = np.zeros_like(inner)
        below = {s: i for i, s in enumerate(states[m - 1])} if m else {}
        ended = np.zeros((len(index), max(len(below), 1)))
        for s, i in index.items():
            for a in range(size):
                if not s[a]:
                    continue
                inner[i, i] += s[a] * service.rates[a, a]
                left = _moved(s, a, None)
                ended[i, below[left]] += s[a] * service.ends[a]
                for b in range(size):
                    replaced[i, index[_moved(left, None, b)]] += (
                        s[a] * service.ends[a] * service.start[b]
                    )
                    if b != a:
                        inner[i, index[_moved(s, a, b)]] += s[a] * service.rates[a, b]
        return inner, ended, replaced

    def started(m: int) -> Array:
        index = {s: i for i, s in enumerate(states[m + 1])}
        up = np.zeros((len(states[m]), len(index)))
        for i, s in enumerate(states[m]):
            for b in range(size):
                up[i, index[_moved(s, None, b)]] += service.start[b]
        return up

    inner, _, replaced = flows(servers)
    one = np.eye(len(inner))
    up, down = np.kron(restart, one), np.kron(again, replaced)
    local = np.kron(arrival.rates, one) + np.kron(again, inner)
    ratio = _ratio(up, local, down)
    # From c downwards: level n is level n - 1 times factor n.
    factors = []
    above = local + ratio @ down
    for n in range(servers, 0, -1):
        rise = np.kron(restart, started(n - 1))
        factors.append(rise @ np.linalg.inv(-above))
        fall = np.kron(again, flows(n)[1])
        inner_below = flows(n - 1)[0]
        here = np.kron(arrival.rates, np.eye(len(inner_below))) + np.kron(again, inner_below)
        above = here + factors[-1] @ fall
    balance = above.T.copy()
    balance[-1] = 1.0
    levels = [np.linalg.solve(balance, np.eye(len(balance))[-1])]
    for factor in reversed(factors):
        levels.append(levels[-1] @ factor)
    rest = np.linalg.inv(np.eye(len(ratio)) - ratio)
    total = sum(v.sum() for v in levels[:-1]) + (levels[-1] @ rest).sum()
    arrive = np.kron(arrival.ends[:, None], one)
    return Solution(
        servers, arrival_rate, [v / total for v in levels], ratio, arrive, inner, replaced
    )


def _compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    bars = combinations(range(total + parts - 1), parts - 1)
    return [
        tuple(b - a - 1 for a, b in zip((-1, *bar), (*bar, total + parts - 1), strict=True))
        for bar in bars
    ]


def _moved(state: tuple[int, ...], out: int | None, into: int | None) -> tuple[int, ...]:
    moved: list[Any] = list(state)
    if out is not None:
        moved[out] -= 1
    if into is not None:
        moved[into] += 1
    return tuple(moved)


def _ratio(up: Array, local: Array, down: Array) -> Array:
    """Return R by logarithmic reduction."""
    inverse = np.linalg.inv(-local)
    rise, fall = inverse @ up, inverse @ down
    first, product = fall.copy(), rise.copy()
    for _ in range(60):
        both = rise @ fall + fall @ rise
        inverse = np.linalg.inv(np.eye(len(up)) - both)
        rise, fall = inverse @ rise @ rise, inverse @ fall @ fall
        step = product @ fall
        first += step
        product = product @ rise
        if abs(step).max() < 1e-16:
            break
    return up @ np.linalg.inv(-(local + up @ first))
