"""Closed networks and held pools, event by event; knows nothing of the library.

A station is a pair of servers and mean service time, exponential and FCFS, or of servers and a
function that draws service times. A pool is a number of permits around a list of parts, each a
station or another pool. A request passes the parts in order and keeps each permit until it has
passed the parts inside; parts with a probability are passed or left out.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import Any

import numpy as np

Part = Any


class _Place:
    """Servers, or permits, and those who wait for one."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.line: deque[tuple[int, int]] = deque()


def _program(parts: list[Part], capacity: list[_Place], times: list[float]) -> list[tuple]:
    """Return the steps of a request: take a place, work there, give it back."""
    steps: list[tuple] = []
    for part in parts:
        number = len(capacity)
        if isinstance(part, dict) and "probability" in part:
            inner = _program(part["inside"], capacity, times)
            steps += [("skip", (1 - part["probability"], len(inner))), *inner]
            continue
        if isinstance(part, dict):
            capacity.append(_Place(part["permits"]))
            times.append(0.0)
            steps.append(("take", number))
            steps += _program(part["inside"], capacity, times)
        else:
            servers, time = part
            capacity.append(_Place(servers))
            times.append(time)
            steps += [("take", number), ("work", number)]
        steps.append(("give", number))
    return steps


class Simulation:
    """The requests of an open stream, or of users who think, through parts."""

    def __init__(self, parts: list[Part], seed: int) -> None:
        self.capacity: list[_Place] = []
        self.times: list[float] = []
        self.steps = _program(parts, self.capacity, self.times)
        self.random = np.random.default_rng(seed)
        self.events: list[tuple[float, int, int]] = []
        self.start: dict[int, float] = {}
        self.draws: list[float] = []
        self.drawn: dict[int, list[float]] = {}

    def exponential(self, mean: float) -> float:
        """Return a time with this mean."""
        if not self.draws:
            self.draws = list(self.random.exponential(1.0, 100_000))
        return mean * self.draws.pop()

    def uniform(self) -> float:
        """Return a number from 0 to 1."""
        return float(np.exp(-self.exponential(1.0)))

    def service(self, number: int) -> float:
        """Return a service time at a station."""
        time = self.times[number]
        if not callable(time):
            return self.exponential(time)
        drawn = self.drawn.setdefault(number, [])
        if not drawn:
            drawn.extend(time(self.random, 10_000))
        return drawn.pop()

    def go_on(self, now: float, who: int, at: int) -> bool:
        """Let a request pass its steps until it works or waits; return whether it is done."""
        while at < len(self.steps):
            what, number = self.steps[at]
            if what == "skip":
                probability, length = number
                at += 1 + length * (self.uniform() < probability)
                continue
            place = self.capacity[number]
            if what == "take":
                if not place.free:
                    place.line.append((who, at + 1))
                    return False
                place.free -= 1
            elif what == "work":
                end = now + self.service(number)
                heapq.heappush(self.events, (end, who, at + 1))
                return False
            elif place.line:
                # The next in line goes on at once, on the place that is given back.
                heapq.heappush(self.events, (now, *place.line.popleft()))
            else:
                place.free += 1
            at += 1
        return True

    def opened(self, rate: float, requests: int) -> np.ndarray:
        """Return the responses of a Poisson stream, without the first twentieth."""
        found: list[float] = []
        who, following = 0, self.exponential(1 / rate)
        while len(found) < requests:
            if not self.events or following <= self.events[0][0]:
                now, at, me = following, 0, who
                self.start[me] = now
                who, following = who + 1, now + self.exponential(1 / rate)
            else:
                now, me, at = heapq.heappop(self.events)
            if self.go_on(now, me, at):
                found.append(now - self.start.pop(me))
        return np.array(found[requests // 20 :])

    def closed(self, users: int, think_time: float, requests: int) -> np.ndarray:
        """Return the responses of users who think, without the first twentieth."""
        found: list[float] = []
        thinking = len(self.steps) + 1  # a step beyond the last: begin again
        for me in range(users):
            heapq.heappush(self.events, (self.exponential(think_time), me, thinking))
        while len(found) < requests:
            now, me, at = heapq.heappop(self.events)
            if at == thinking:
                self.start[me], at = now, 0
            if self.go_on(now, me, at):
                found.append(now - self.start.pop(me))
                heapq.heappush(self.events, (now + self.exponential(think_time), me, thinking))
        return np.array(found[requests // 20 :])
