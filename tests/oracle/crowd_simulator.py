"""Crowds by sample paths, thousands at once: each step serves the next request of every path.

Nothing here knows the library. Arrays have a row for each request, in order of arrival, and a
column for each path; a path with fewer requests ends with some that never come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


def arrivals(times: Array, rates: Array, paths: int, rng: np.random.Generator) -> Array:
    """Return the arrivals of Poisson streams whose rate is linear between times."""
    fine = np.unique(np.concatenate([np.linspace(times[0], times[-1], 20_001), times]))
    flow = np.interp(fine, times, rates)
    grown = np.concatenate([[0.0], np.cumsum(np.diff(fine) * (flow[1:] + flow[:-1]) / 2)])
    counts = rng.poisson(grown[-1], paths)
    found = np.full((counts.max(), paths), np.inf)
    for k, n in enumerate(counts):
        found[:n, k] = np.interp(np.sort(rng.random(n)) * grown[-1], grown, fine)
    return found


class Servers:
    """The servers of a station, of every path: when each is free."""

    def __init__(self, servers: int, paths: int) -> None:
        self.free = np.zeros((servers, paths))
        self.every = np.arange(paths)

    def serve(self, come: Array, service: Array) -> Array:
        """Return when the next request of each path leaves; one at inf is none."""
        first = self.free.argmin(axis=0)
        leaves = np.maximum(come, self.free[first, self.every]) + service
        known = np.isfinite(leaves)
        self.free[first[known], self.every[known]] = leaves[known]
        return leaves


def through(come: Array, mean: float, servers: int, rng: np.random.Generator) -> Array:
    """Return when requests leave a station with exponential service, first come first served.

    They may come in any order.
    """
    order = np.argsort(come, axis=0, kind="stable")
    come = np.take_along_axis(come, order, axis=0)
    leaves, at = np.empty_like(come), Servers(servers, come.shape[1])
    for k, row in enumerate(come):
        leaves[k] = at.serve(row, rng.exponential(mean, len(row)))
    found = np.empty_like(leaves)
    np.put_along_axis(found, order, leaves, axis=0)
    return found


@dataclass
class Tries:
    """What became of requests that try again."""

    leaves: Array
    """When the first answer in time came, inf where none did."""
    attempts: list[tuple[Array, Array]]
    """Of first, second, ... attempts: when they came, and when their work was done."""


def again(
    come: Array,
    mean: float,
    servers: int,
    after: float,
    attempts: int,
    rng: np.random.Generator,
) -> Tries:
    """Return what becomes of requests that try again after a timeout, while late work is done.

    The arrivals of each attempt are in the order of those before: as many queues as attempts,
    of which each step serves the earliest head in every path.
    """
    size, paths = come.shape
    every = np.arange(paths)
    origin = np.argsort(come, axis=0, kind="stable")
    queues = np.full((attempts, size + 1, paths), np.inf)
    queues[0, :size] = np.take_along_axis(come, origin, axis=0)
    done = np.full((attempts, size + 1, paths), np.inf)
    who = np.zeros((attempts, size + 1, paths), dtype=np.int32)
    who[0, :size] = origin
    head, filled = np.zeros((2, attempts, paths), dtype=np.int64)
    leaves, at = np.full((size, paths), np.inf), Servers(servers, paths)
    while True:
        heads = np.stack([queues[j][head[j], every] for j in range(attempts)])
        one = heads.argmin(axis=0)
        now = heads[one, every]
        if not np.isfinite(now).any():
            break
        end = at.serve(now, rng.exponential(mean, paths))
        place = head[one, every]
        done[one, place, every] = end
        known = np.isfinite(now)
        late = known & (end > now + after)
        good = np.flatnonzero(known & ~late)
        leaves[who[one[good], place[good], good], good] = end[good]
        more = np.flatnonzero(late & (one < attempts - 1))
        kind = one[more] + 1
        slot = filled[kind, more]
        queues[kind, slot, more] = now[more] + after
        who[kind, slot, more] = who[one[more], place[more], more]
        filled[kind, more] += 1
        head[one[known], every[known]] += 1
    tries = [(queues[j, :size], done[j, :size]) for j in range(attempts)]
    return Tries(leaves, tries)


def present(come: Array, leave: Array, at: Array) -> Array:
    """Return the mean number between coming and leaving at each time."""
    return np.array([((come <= t) & (leave > t)).sum(axis=0).mean() for t in at])


@dataclass
class Scaled:
    """Crowds at a station whose servers an autoscaler adds; a row for each time asked."""

    number: Array
    servers: Array
    wait: Array
    """Of one who comes then, to a fiftieth of a second; inf where it is not over."""


def autoscaled(
    times: Array,
    rates: Array,
    at: Array,
    *,
    mean: float,
    servers: int,
    pod: int,
    target: float,
    boot: float,
    paths: int,
    rng: np.random.Generator,
    period: float = 15.0,
    window: float = 60.0,
    growth: float = 2.0,
) -> Scaled:
    """Return crowds at a station that gets more servers, and never fewer.

    Numbers in system in short steps: half of the departures, the arrivals, the other half.
    """
    step = 0.02
    half = step / 2 / mean
    number = rng.poisson(rates[0] * mean, paths)
    ready = np.full(paths, servers)
    came, left = number.copy(), np.zeros(paths, dtype=int)
    booting: list[tuple[float, Array]] = []
    coming, used = np.zeros(paths, dtype=int), [np.zeros(paths)]
    shape = (len(at), paths)
    numbers, pods, waits = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf)
    ahead: dict[int, Array] = {}
    every, length = round(period / step), round(window / period)
    for k in range(1, round((times[-1] - times[0]) / step) + 1):
        now = times[0] + k * step
        arriving = rng.poisson(np.interp(now - step / 2, times, rates) * step, paths)
        for new in (arriving, 0):
            # Servers that go on with the next one are done at their rate, others once.
            some = rng.binomial(np.minimum(number, ready), -np.expm1(-half))
            done = np.where(number > ready, rng.poisson(ready * half), some)
            done = np.minimum(done, number)
            number += new - done
            left += done
        came += arriving
        if booting and booting[0][0] <= now:
            more = booting.pop(0)[1]
            ready, coming = ready + more, coming - more
        used[-1] += np.minimum(number / ready, 1.0)
        if k % every == 0:
            share = sum(used[-length:]) / (every * min(len(used), length))
            have = ready / pod
            want = np.minimum(np.ceil(have * share / target), np.ceil(have * growth))
            more = np.maximum(want * pod - ready - coming, 0).astype(int)
            booting.append((now + boot, more))
            coming = coming + more
            used.append(np.zeros(paths))
        started = left + np.minimum(number, ready)
        for i, before in ahead.items():
            waits[i] = np.where(
                (waits[i] == np.inf) & (started > before), now - at[i], waits[i]
            )
        for i in np.flatnonzero(np.abs(at - now) < step / 2):
            numbers[i], pods[i], ahead[int(i)] = number, ready, came.copy()
            waits[i][number < ready] = 0.0
    return Scaled(numbers, pods, waits)
