"""A pool of servers whose clients time out and try again, event by event.

Service times are exponential of mean 1. The queue may be bounded, or take the newest request
first; the servers may drop what its client has given up; budgets and breakers are those of the
clients.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass, field
from itertools import count

import numpy as np


@dataclass
class Clients:
    """How clients behave, and what bounds their attempts."""

    after: float = 5.0
    attempts: int = 3
    pause: float = 1.0  # the longest; each is drawn from 0 on
    budget: float | None = None  # retries a request
    active: float | None = None  # share of the attempts under way
    ratio: float | None = None  # tokens a success gives back
    tokens: float = 100.0
    breaker: tuple[int, float, int] | None = None  # failures in a row, time open, clients


@dataclass
class Pool:
    """The servers and their queue."""

    servers: int = 8
    last_come_first_served: bool = False
    capacity: float = np.inf  # in all
    drops: bool = False  # what its client has given up


@dataclass
class Breaker:
    """A breaker of one client."""

    failures: int = 0
    opens: float = -1.0  # until when it is open
    probing: bool = False


@dataclass
class Seen:
    """What a simulation counts, after a tenth of it."""

    times: np.ndarray
    attempts: float  # a fresh request
    goodput: float
    rejected: float  # of the attempts, by breakers and a full queue
    fresh: float = field(default=0.0)


def simulated(
    rate: float,
    requests: int,
    clients: Clients,
    pool: Pool | None = None,
    *,
    backlog: int = 0,
    seed: int = 1,
) -> Seen:
    """Simulate `requests` fresh requests."""
    pool = pool or Pool()
    rng = random.Random(seed)
    draw, order = rng.expovariate, count()
    # An attempt is [when it came, since when, which, client, done, given up].
    events: list[tuple[float, int, str, list]] = []
    queue: deque[list] = deque([-1e9, 0.0, 99, 0, True, True] for _ in range(backlog))
    busy = now = 0.0
    retries_under_way = under_way = 0
    balance, tokens = 0.0, clients.tokens
    guards = [Breaker() for _ in range(clients.breaker[2] if clients.breaker else 1)]
    times: list[float] = []
    tried = good = turned = fresh = 0
    begin, since_begin = requests // 10, 0.0

    def push(at: float, kind: str, what: list) -> None:
        heapq.heappush(events, (at, next(order), kind, what))

    def serve() -> None:
        nonlocal busy
        while busy < pool.servers and queue:
            one = queue.pop() if pool.last_come_first_served else queue.popleft()
            if pool.drops and one[5] and one[2] != 99:
                continue
            busy += 1
            push(now + draw(1.0), "end", one)

    def failed(one: list, late: bool) -> None:
        nonlocal balance, tokens
        guard = guards[one[3]]
        if clients.breaker and late:
            k, wait, _ = clients.breaker
            guard.failures += 1
            if guard.probing or guard.failures >= k:
                guard.opens, guard.failures, guard.probing = now + wait, 0, False
        if clients.ratio is not None and late:
            tokens = max(tokens - 1, 0.0)
        if one[2] >= clients.attempts:
            return
        if clients.budget is not None:
            if balance < 1:
                return
            balance -= 1
        if clients.ratio is not None and tokens <= clients.tokens / 2:
            return
        if clients.active is not None and retries_under_way > clients.active * under_way:
            return
        again = rng.uniform(0.0, clients.pause)
        push(now + again, "try", [0.0, one[1], one[2] + 1, one[3], False, False])

    def attempt(one: list) -> None:
        nonlocal tried, turned, under_way, retries_under_way
        one[0] = now
        tried += fresh > begin
        guard = guards[one[3]]
        if clients.breaker:
            if now < guard.opens or guard.probing:
                turned += fresh > begin
                failed(one, late=False)
                return
            guard.probing = guard.opens > 0
        if len(queue) + busy >= pool.capacity:
            turned += fresh > begin
            failed(one, late=True)
            return
        under_way += 1
        retries_under_way += one[2] > 1
        queue.append(one)
        push(now + clients.after, "late", one)
        serve()

    serve()
    push(draw(rate), "fresh", [])
    while fresh < requests:
        now, _, kind, one = heapq.heappop(events)
        if kind == "fresh":
            fresh += 1
            if fresh == begin:
                since_begin = now
            if clients.budget is not None:
                balance = min(balance + clients.budget, 10 * rate * clients.budget + 10)
            attempt([now, now, 1, rng.randrange(len(guards)), False, False])
            push(now + draw(rate), "fresh", [])
        elif kind == "try":
            attempt(one)
        elif kind == "late":
            if not one[4]:
                one[5] = True
                under_way -= 1
                retries_under_way -= one[2] > 1
                failed(one, late=True)
        else:
            busy -= 1
            if not one[5]:
                one[4] = True
                under_way -= 1
                retries_under_way -= one[2] > 1
                guard = guards[one[3]]
                guard.failures = 0
                if guard.probing:
                    guard.probing, guard.opens = False, -1.0
                if clients.ratio is not None:
                    tokens = min(tokens + clients.ratio, clients.tokens)
                if fresh > begin:
                    good += 1
                    times.append(now - one[1])
            serve()
    length = now - since_begin
    return Seen(np.array(times), tried / (fresh - begin), good / length, turned / max(tried, 1))
