"""What batches find at exponential servers, against the equations of balance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.counts.batch_arrivals import found_by_batches, found_by_renewals
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


@pytest.mark.parametrize(
    ("load", "servers", "batches"),
    [(0.7, 4, [(1.0, 4)]), (0.95, 1, [(1.0, 3)]), (0.9, 16, [(0.5, 8), (0.5, 1)])],
)
def test_renewals_of_an_scv_of_one_are_random(load: float, servers: int, batches: Any) -> None:
    random, renewals = found_by_batches(load, servers, batches), found_by_renewals
    found = renewals(load, servers, batches, np.array([1.0, np.nan]))
    assert found.free[:, 0] == pytest.approx(random.free, abs=1e-9)
    assert found.wait[0] == pytest.approx(float(random.wait), rel=1e-6)
    assert np.isnan(found.wait[1])


@pytest.mark.parametrize("scv", [0.25, 0.5, 4.0])
def test_renewals_one_by_one_are_those_of_gi_m_c(scv: float) -> None:
    """GI/M/3: the wait that a request finds, from the root of its transform."""
    often = (1 + np.sqrt(max(scv - 1, 0.0) / (scv + 1))) / 2
    mixed = qm.HyperExponential([often, 1 - often], [1 / (2 * often), 1 / (2 * (1 - often))])
    gaps = mixed if scv > 1 else qm.Erlang(1.0, round(1 / scv))
    r = qm.GMc(gaps, 1.0, 3).solve(2.4)
    found = found_by_renewals(0.8, 3, [(1.0, 1)], scv)
    assert float(found.free[0]) == pytest.approx(float(r.wait.tail(0.0)), rel=1e-6)
    assert float(found.wait) == pytest.approx(float(r.waiting_time), rel=1e-6)


def test_near_saturation_the_wait_grows_as_the_spare_load_falls() -> None:
    waits = [found_by_renewals(1 - e, 2, [(1.0, 4)], 3.0).wait * e for e in (1e-2, 1e-4, 1e-6)]
    assert waits[0] == pytest.approx(waits[1], rel=0.03)
    assert waits[1] == pytest.approx(waits[2], rel=1e-3)


def test_calls_at_once_behind_a_station_wait_as_its_departures_come() -> None:
    """Simulated with 2e6 calls: .772 behind constant service, 4.89 behind lognormal."""
    waits = []
    for first in (qm.MDc(0.9, 1), qm.MMc(0.8), qm.MG1(qm.LogNormal(0.8, 4.0))):
        many = qm.parallel(*[qm.call("db", qm.MMc(0.2))] * 4)
        r = qm.Pipeline(qm.series(qm.call("first", first), many)).solve(1.0)
        waits.append(float(r.stations["db"].waiting_time))
    assert waits[0] == pytest.approx(0.772, rel=0.36)
    assert waits[1] == pytest.approx(0.2 * (1.5 + 10.0), rel=1e-6)  # M^4/M/1
    assert waits[2] == pytest.approx(4.89, rel=0.12)
