"""Measures the approximate policies of balancing against simulations, for their labels.

    python docs/errors_of_balancing.py [REQUESTS]
    python docs/errors_of_balancing.py again

simulates each point with as many requests (by default 1,000,000; some ten seconds a point) and
writes docs/reference/errors-of-balancing.csv, a page of the same name and
qmodel/balancing/policy_errors.py; "again" keeps what is simulated and measures only the library
anew. The stored values are of 8 to 24 million requests a point. All work is exponential; other
work is in docs/errors_of_informed_pools.py. tests/unit/test_policy_errors.py computes some
again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from heapq import heappop, heappush, heapreplace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from error_tables import BATCHES, QUANTITIES, ErrorTable, by_batches, of_distribution
from errors_of_many_servers import ROOT, oracle

import qmodel as qm
from qmodel.balancing.join_idle import JoinIdleQueue
from qmodel.balancing.join_shortest import LeastConnections
from qmodel.balancing.power_of_d import PowerOfChoices

CHOICES = {"two": 2, "three": 3, "four": 4}

POINTS = """
least, 2 of 1, 0.5
least, 2 of 1, 0.8
least, 2 of 1, 0.95
least, 5 of 1, 0.5
least, 5 of 1, 0.8
least, 5 of 1, 0.95
least, 20 of 1, 0.5
least, 20 of 1, 0.8
least, 20 of 1, 0.95
least, 100 of 1, 0.5
least, 100 of 1, 0.8
least, 100 of 1, 0.95
least, 5 of 4, 0.5
least, 5 of 4, 0.8
least, 5 of 4, 0.95
least, 20 of 4, 0.5
least, 20 of 4, 0.8
least, 20 of 4, 0.95
two, 5 of 1, 0.5
two, 5 of 1, 0.8
two, 5 of 1, 0.95
two, 20 of 1, 0.5
two, 20 of 1, 0.8
two, 20 of 1, 0.95
two, 100 of 1, 0.5
two, 100 of 1, 0.8
two, 100 of 1, 0.95
two, 5 of 4, 0.5
two, 5 of 4, 0.8
two, 5 of 4, 0.95
two, 20 of 4, 0.5
two, 20 of 4, 0.8
two, 20 of 4, 0.95
three, 5 of 1, 0.5
three, 5 of 1, 0.8
three, 5 of 1, 0.95
three, 20 of 1, 0.5
three, 20 of 1, 0.8
three, 20 of 1, 0.95
three, 100 of 1, 0.5
three, 100 of 1, 0.8
three, 100 of 1, 0.95
three, 5 of 4, 0.5
three, 5 of 4, 0.8
three, 5 of 4, 0.95
three, 20 of 4, 0.5
three, 20 of 4, 0.8
three, 20 of 4, 0.95
idle, 2 of 1, 0.5
idle, 2 of 1, 0.8
idle, 2 of 1, 0.95
idle, 5 of 1, 0.5
idle, 5 of 1, 0.8
idle, 5 of 1, 0.95
idle, 20 of 1, 0.5
idle, 20 of 1, 0.8
idle, 20 of 1, 0.95
idle, 100 of 1, 0.5
idle, 100 of 1, 0.8
idle, 100 of 1, 0.95
idle, 5 of 4, 0.5
idle, 5 of 4, 0.8
idle, 5 of 4, 0.95
idle, 20 of 4, 0.5
idle, 20 of 4, 0.8
idle, 20 of 4, 0.95
two, 3 of 1, 0.7
two, 4 of 1, 0.7
two, 4 of 1, 0.8
two, 5 of 1, 0.7
two, 6 of 1, 0.8
two, 6 of 1, 0.7
two, 6 of 1, 0.9
idle, 4 of 1, 0.95
idle, 8 of 1, 0.95
idle, 16 of 1, 0.95
idle, 2 of 4, 0.95
idle, 8 of 4, 0.95
idle, 8 of 1, 0.9
two repeated, 2 of 1, 0.5
two repeated, 2 of 1, 0.8
two repeated, 3 of 1, 0.5
two repeated, 3 of 1, 0.75
three repeated, 2 of 1, 0.5
four repeated, 3 of 1, 0.5
three repeated, 3 of 1, 0.5
four repeated, 3 of 1, 0.8
two repeated, 20 of 1, 0.8
two repeated, 2 of 1, 0.95
four repeated, 4 of 1, 0.5
two repeated, 20 of 1, 0.95
three repeated, 5 of 1, 0.95
idle 2, 2 of 1, 0.5
idle 3, 3 of 1, 0.5
idle 4, 4 of 1, 0.5
idle 2, 3 of 1, 0.5
idle 2, 16 of 1, 0.95
idle 2, 24 of 1, 0.95
idle 2, 32 of 1, 0.95
idle 3, 32 of 1, 0.95
idle 2, 12 of 1, 0.95
idle 4, 4 of 1, 0.6
idle 2, 2 of 1, 0.95
idle 4, 4 of 1, 0.95
idle 20, 20 of 1, 0.5
idle 20, 20 of 1, 0.95
idle 10, 100 of 1, 0.9
idle 2, 100 of 1, 0.95
least, 8 of 8, 0.7
three repeated, 4 of 3, 0.71
three, 32 of 1, 0.79
least, 8 of 3, 0.65
four repeated, 3 of 3, 0.74
two, 12 of 1, 0.73
least, 16 of 1, 0.56
four repeated, 10 of 4, 0.79
three, 32 of 3, 0.76
two, 4 of 4, 0.7
two, 8 of 2, 0.54
three repeated, 3 of 16, 0.52
two repeated, 5 of 2, 0.65
idle, 12 of 1, 0.64
idle 2, 32 of 1, 0.77
least, 5 of 16, 0.52
three, 5 of 4, 0.53
two repeated, 8 of 1, 0.53
four repeated, 16 of 16, 0.89
three, 8 of 1, 0.7
three, 5 of 2, 0.95
three repeated, 12 of 3, 0.75
four repeated, 5 of 3, 0.9
three, 10 of 4, 0.69
three repeated, 24 of 1, 0.6
four repeated, 4 of 8, 0.88
three repeated, 32 of 2, 0.8
least, 5 of 1, 0.6
two, 24 of 1, 0.79
least, 12 of 8, 0.94
two, 5 of 4, 0.73
four repeated, 5 of 1, 0.83
idle 4, 4 of 1, 0.84
four repeated, 12 of 16, 0.83
four repeated, 32 of 1, 0.75
four repeated, 5 of 8, 0.57
three, 24 of 16, 0.9
two repeated, 5 of 4, 0.68
idle 2, 4 of 1, 0.53
two repeated, 10 of 3, 0.87
three repeated, 12 of 2, 0.63
four repeated, 16 of 1, 0.78
three repeated, 32 of 16, 0.84
least, 12 of 1, 0.81
least, 5 of 1, 0.53
least, 1000 of 1, 0.95
least, 300 of 4, 0.9
least, 2 of 32, 0.5
least, 2 of 32, 0.95
two, 1000 of 1, 0.95
two, 300 of 32, 0.95
two, 3 of 32, 0.95
three, 5 of 32, 0.95
three, 300 of 1, 0.8
idle, 300 of 1, 0.95
idle, 100 of 32, 0.95
idle 100, 500 of 1, 0.8
two repeated, 300 of 1, 0.9
three repeated, 3 of 32, 0.9
""".strip().splitlines()
"""Policy, replicas of workers, load; the last are drawn at random, or large."""


def pool(policy: str, replica: qm.queues.Station, replicas: int) -> qm.queues.Station:
    """Return the pool of a policy."""
    name, *more = policy.split()
    if name == "least":
        return LeastConnections(replica, replicas)
    if name == "idle":
        return JoinIdleQueue(replica, replicas, *map(int, more))
    return PowerOfChoices(replica, replicas, CHOICES[name], distinct=not more)


def parts(point: str) -> tuple[str, int, int, float]:
    """Return policy, replicas, the workers of each, and load."""
    policy, sizes, load = point.split(", ")
    replicas, workers = sizes.split(" of ")
    return policy, int(replicas), int(workers), float(load)


def computed(point: str) -> list[float]:
    """Return each quantity as the library has it."""
    policy, replicas, workers, load = parts(point)
    r = pool(policy, qm.MMc(1.0, workers), replicas).solve(load * replicas * workers)
    assert r.wait is not None
    return [*of_distribution(r.response), float(r.wait.tail(0.0))]


class Balancer:
    """The requests of each replica, and where the next one goes."""

    def __init__(self, policy: str, replicas: int, workers: int, rng: np.random.Generator):
        self.name, *more = policy.split()
        self.repeats = bool(more)
        self.lists = int(more[0]) if more and self.name == "idle" else 1
        self.counts, self.workers, self.rng = [0] * replicas, workers, rng
        self.list_of = [self._below(self.lists) for _ in range(replicas)]

    def _below(self, number: int) -> int:
        return int(self.rng.random() * number)

    def left(self, k: int) -> None:
        """Note that a request has left a replica."""
        self.counts[k] -= 1
        if not self.counts[k]:
            self.list_of[k] = self._below(self.lists)

    def joined(self) -> int:
        """Return the replica that a request goes to."""
        every: Any = range(len(self.counts))
        if self.name == "idle":
            mine = self._below(self.lists)
            some = [
                k for k in every if self.counts[k] < self.workers and self.list_of[k] == mine
            ]
            some = some or every
        else:
            if self.name != "least":
                every = self._drawn(CHOICES[self.name])
            least = min(self.counts[k] for k in every)
            some = [k for k in every if self.counts[k] == least]
        k = int(some[self._below(len(some))])
        self.counts[k] += 1
        return k

    def _drawn(self, choices: int) -> list[int]:
        drawn: list[int] = []
        while len(drawn) < choices:
            k = self._below(len(self.counts))
            if self.repeats or k not in drawn:
                drawn.append(k)
        return drawn


def seen(
    policy: str,
    sizes: tuple[int, int],
    load: float,
    draw: Callable[..., Any],
    *,
    requests: int,
    seed: int,
) -> list[tuple[float, float]]:
    """Return each quantity of replicas of workers and its standard error."""
    replicas, workers = sizes
    sim, rng = oracle(), np.random.default_rng(seed)
    arrivals = sim.poisson(rng, load * replicas * workers, requests)
    work = draw(rng, requests)
    balancer = Balancer(policy, replicas, workers, rng)
    free = [[0.0] * workers for _ in range(replicas)]
    leaving = list[tuple[float, int]]()
    left = np.empty(requests)
    for i, (t, s) in enumerate(zip(arrivals.tolist(), work.tolist(), strict=True)):
        while leaving and leaving[0][0] <= t:
            balancer.left(heappop(leaving)[1])
        k = balancer.joined()
        left[i] = max(free[k][0], t) + s
        heapreplace(free[k], left[i])
        heappush(leaving, (left[i], k))
    response = sim.settled(left - arrivals)
    waits = 1.0 * (response - sim.settled(work) > 1e-9)
    each = [part.mean() for part in np.array_split(waits, BATCHES)]
    error = float(np.std(each, ddof=1) / np.sqrt(BATCHES))
    return [*by_batches(response), (float(waits.mean()), error)]


def simulated(point: str, requests: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity and its standard error, by means of batches."""
    policy, replicas, workers, load = parts(point)
    draw = lambda rng, n: rng.exponential(1.0, n)  # noqa: E731
    return seen(policy, (replicas, workers), load, draw, requests=requests, seed=seed)


def group(point: str) -> str:
    """Return the policy, in the words of its label."""
    name, *more = parts(point)[0].split()
    if name in CHOICES:
        return "choices that may repeat" if more else "choices"
    return {"least": "least connections", "idle": "idle queue"}[name] + (
        ", several dispatchers" if more else ""
    )


HEAD = f"""# Errors of the policies of balancing

Least connections, the power of choices and join idle queue are approximate. Here they are held
against simulations of {len(POINTS)} points with exponential service. Errors of the response and
of the probability of a wait are in percent; positive is too long.
[The table](errors-of-balancing.csv) has the simulated values and their standard errors; figures
with one above 3 %, and below a thousandth, are left out. The labels of results read the largest
of each policy. [Other service](errors-of-informed-pools.md) has its own page.

A point is the policy (least connections; two to four choices, which may repeat; idle queue, and
of how many dispatchers), its replicas and the workers of each, and load.

Written by `python docs/errors_of_balancing.py`.

"""

TABLE = ErrorTable(
    ROOT / "docs" / "reference" / "errors-of-balancing.csv",
    ROOT / "qmodel" / "balancing" / "policy_errors.py",
    "the policies of balancing",
    HEAD,
    POINTS,
    str,
    computed,
    simulated,
    group=group,
    quantities=(*QUANTITIES, "probability"),
    least=1e-3,
    noisiest=0.03,
)


if __name__ == "__main__":
    TABLE.main(1_000_000)
