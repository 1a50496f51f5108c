"""What batches find at exponential servers, against the equations of balance."""

from __future__ import annotations

import numpy as np
import pytest

from qmodel.queues.counts.batch_arrivals import found_by_batches
from qmodel.queues.counts.erlang import erlang_c

States = np.ndarray


def balanced(load: float, servers: int, batches: list[tuple[float, int]], most: int) -> States:
    """Return the probabilities of the number present, all equations solved at once."""
    rates = np.zeros((most, most))
    for n in range(most):
        for share, size in batches:
            if n + size < most:
                rates[n, n + size] += share * load * servers / size
        if n:
            rates[n, n - 1] += min(n, servers)
        rates[n, n] = -rates[n].sum()
    system = rates.T.copy()
    system[-1] = 1.0
    return np.linalg.solve(system, np.eye(most)[-1])


@pytest.mark.parametrize(
    ("load", "servers", "batches"),
    [(0.7, 1, [(1.0, 4)]), (0.8, 3, [(0.5, 5), (0.5, 2)]), (0.5, 8, [(0.9, 3), (0.1, 1)])],
)
def test_the_chain(load: float, servers: int, batches: list[tuple[float, int]]) -> None:
    states = balanced(load, servers, batches, 500)
    n = np.arange(states.size)
    found = found_by_batches(load, servers, batches)
    most = len(found.free) - 1
    left = np.clip(servers - n, 0, most)
    wanted = [states[left == i].sum() for i in range(most + 1)]
    np.testing.assert_allclose(found.free, wanted, rtol=1e-9, atol=1e-13)
    wait = (np.maximum(n + 1 - servers, 0) * states).sum() / servers
    assert float(found.wait) == pytest.approx(wait, rel=1e-9)


def test_single_requests_are_those_of_erlang() -> None:
    servers, load = np.array([1, 4, 1000]), 0.9
    found = found_by_batches(load, servers, [(1.0, 1)])
    waits = erlang_c(servers=servers, offered_load=load * servers)
    np.testing.assert_allclose(found.free[0], waits, rtol=1e-9)
    np.testing.assert_allclose(found.wait, waits / (servers * (1 - load)), rtol=1e-9)


def test_cells_are_as_alone() -> None:
    loads, servers = np.array([[0.0], [0.5], [0.99], [np.nan]]), np.array([1, 2, 16])
    found = found_by_batches(loads, servers, [(0.4, 3), (0.6, 1)])
    assert found.free.shape == (4, 4, 3)
    for i, load in enumerate(loads[:, 0]):
        for j, c in enumerate(servers):
            one = found_by_batches(load, int(c), [(0.4, 3), (0.6, 1)])
            np.testing.assert_allclose(found.free[:, i, j], one.free, rtol=1e-9, atol=1e-13)
            np.testing.assert_allclose(found.wait[i, j], one.wait, rtol=1e-9)
