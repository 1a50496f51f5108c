"""PH/PH/c against the linear equations of its chain, cut off where nobody comes any more.

A third witness beside phph and `qbd.py`: all states at once, one sparse solution, no matrix
equation. The states are the number of requests, the phase of the next arrival, and how many
servers are in each phase; the mean wait is the mean queue over the rate, and the probability of
a wait is that of the states that an arrival meets.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

import qmodel as qm

Phases = tuple[np.ndarray, np.ndarray]


def erlang(n: int) -> Phases:
    return np.eye(n)[0], n * (np.eye(n, k=1) - np.eye(n))


C2: Phases = np.array([1.0, 0.0]), np.array([[-2.0, 0.5], [0.0, -0.5]])
H2: Phases = np.array([0.3, 0.7]), np.diag([-1 / 2.0, -1 / (0.4 / 0.7)])
H3: Phases = np.array([0.9, 0.09, 0.01]), np.diag([-1 / 0.65, -1 / 3.9, -1 / 6.4])
MIXED: Phases = (
    np.array([0.4, 0.6, 0.0]),
    np.array([[-0.7, 0.0, 0.0], [0.0, -2.0, 2.0], [0.0, 0.0, -1.5]]),
)


def chain(
    arrivals: Phases, service: Phases, servers: int, load: float, most: int
) -> tuple[float, float]:
    """Return the probability of a wait, and the mean wait, with at most `most` requests."""
    alpha, a = arrivals
    beta, b = service
    mean_gap = float(alpha @ np.linalg.solve(-a, np.ones(len(alpha))))
    mean_service = float(beta @ np.linalg.solve(-b, np.ones(len(beta))))
    rate = load * servers / mean_service
    a = a * mean_gap * rate
    comes, ends = -a.sum(axis=1), -b.sum(axis=1)
    kinds = range(len(beta))
    busy = [
        [n for n in itertools.product(range(k + 1), repeat=len(beta)) if sum(n) == k]
        for k in range(servers + 1)
    ]
    states = [
        (n, i, phases)
        for n in range(most + 1)
        for i in range(len(alpha))
        for phases in busy[min(n, servers)]
    ]
    number = {state: k for k, state in enumerate(states)}
    flows: list[tuple[int, int, float]] = []

    def moved(phases: tuple[int, ...], *steps: tuple[int, int]) -> tuple[int, ...]:
        found = list(phases)
        for kind, change in steps:
            found[kind] += change
        return tuple(found)

    for (n, i, phases), k in number.items():

        def flow(speed: float, n: int, i: int, phases: tuple[int, ...], k: int = k) -> None:
            if speed > 0:
                flows.append((k, number[n, i, phases], speed))

        for j in range(len(alpha)):
            if j != i:
                flow(a[i, j], n, j, phases)
            if n == most:
                flow(comes[i] * alpha[j] * (i != j), n, j, phases)
            elif n < servers:
                for x in kinds:
                    flow(comes[i] * alpha[j] * beta[x], n + 1, j, moved(phases, (x, 1)))
            else:
                flow(comes[i] * alpha[j], n + 1, j, phases)
        for x in kinds:
            if not phases[x]:
                continue
            for y in kinds:
                if y != x:
                    flow(phases[x] * b[x, y], n, i, moved(phases, (x, -1), (y, 1)))
            if n <= servers:
                flow(phases[x] * ends[x], n - 1, i, moved(phases, (x, -1)))
            else:
                for y in kinds:
                    after = moved(phases, (x, -1), (y, 1))
                    flow(phases[x] * ends[x] * beta[y], n - 1, i, after)
    source, target, speed = (np.array(column) for column in zip(*flows, strict=True))
    size = len(states)
    out = np.bincount(source, speed, size)
    equations = coo_matrix((speed, (target, source)), shape=(size, size)).tolil()
    equations.setdiag(-out)
    # One of the equations follows from the others: the probabilities sum to 1.
    equations[0] = 1.0
    right = np.zeros(size)
    right[0] = 1.0
    found = splu(equations.tocsc()).solve(right)
    numbers = np.array([n for n, _, _ in states])
    seen = found * comes[[i for _, i, _ in states]] / rate
    queue = found @ np.maximum(numbers - servers, 0)
    return float(seen[numbers >= servers].sum()), float(queue / rate)


CELLS = [
    (C2, H2, 3, 0.6, 160),
    (C2, erlang(3), 5, 0.7, 120),
    (erlang(3), MIXED, 3, 0.8, 110),
    (H3, erlang(2), 4, 0.6, 160),
    (H2, C2, 6, 0.7, 170),
    (MIXED, H3, 2, 0.5, 150),
    (erlang(1), MIXED, 4, 0.8, 160),
    (erlang(5), H2, 7, 0.75, 120),
]


@pytest.mark.parametrize("cell", range(len(CELLS)))
def test_waits_of_the_cut_chain(cell: int) -> None:
    arrivals, service, servers, load, most = CELLS[cell]
    probability, wait = chain(arrivals, service, servers, load, most)
    between, work = (qm.PhaseType(*phases) for phases in (arrivals, service))
    found = qm.GGc(between, work, servers).solve(load * servers / float(work.mean))
    assert found.wait is not None
    assert str(found.basis) == "exact"
    assert float(found.wait.tail(0.0)) == pytest.approx(probability, rel=1e-9)
    assert float(found.waiting_time) == pytest.approx(wait, rel=1e-9)


def test_a_chain_that_is_known() -> None:
    """M/M/c, so that the oracle itself is held to something."""
    probability, wait = chain(erlang(1), erlang(1), 4, 0.6, 90)
    known = qm.MMc(1.0, 4).solve(2.4)
    assert known.wait is not None
    assert probability == pytest.approx(float(known.wait.tail(0.0)), rel=1e-12)
    assert wait == pytest.approx(float(known.waiting_time), rel=1e-12)
