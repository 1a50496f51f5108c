"""The variability of departures: exact behind one server, simulated behind several."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.departures import departure_scv


def test_one_server_against_sample_paths() -> None:
    """Lindley's recursion with 4e5 requests, batch means of 20."""
    rng = np.random.default_rng(7)
    n = 400_000
    for gaps, service, station, load in (
        (rng.exponential(1.0, n), rng.gamma(0.5, 2.0, n), qm.MG1(qm.Gamma(1.0, 2.0)), 0.7),
        (rng.exponential(1.0, n), np.ones(n), qm.MG1(qm.Deterministic(1.0)), 0.8),
        (
            rng.gamma(4.0, 0.25, n),
            rng.exponential(1.0, n),
            qm.GM1(qm.Erlang(1.0, 4), 1.0),
            0.8,
        ),
        (
            rng.gamma(4.0, 0.25, n),
            rng.gamma(2.0, 0.5, n),
            qm.GGc(qm.Erlang(1.0, 4), qm.Erlang(1.0, 2), 1),
            0.8,
        ),
    ):
        arrivals, work = np.cumsum(gaps / load), np.cumsum(service)
        leaves = work + np.maximum.accumulate(arrivals - (work - service))
        between = np.diff(leaves)[n // 20 - 1 :].reshape(20, -1)
        scv = between.var(axis=1) / between.mean(axis=1) ** 2
        found = station.solve(load).departure_scv
        assert found == pytest.approx(scv.mean(), abs=4 * scv.std() / np.sqrt(20))


def test_what_leaves_as_poisson() -> None:
    for station in (qm.MMc(0.1, 4), qm.MG1PS(qm.Gamma(0.1, 3.0)), qm.Delay(qm.Gamma(0.1, 3.0))):
        assert station.solve(np.array([5.0, 9.0])).departure_scv.tolist() == [1.0, 1.0]
    assert float(qm.MG1(qm.Exponential(0.1)).solve(5.0).departure_scv) == pytest.approx(1.0)


def test_many_servers_and_overload() -> None:
    r = qm.MGc(qm.LogNormal(1.0, 4.0), 4).solve(np.array([0.0, 2.8, 5.0]))
    assert r.departure_scv.tolist() == pytest.approx([1.0, 1.735, 2.5])
    one = qm.MG1(qm.Gamma(1.0, 0.25)).solve(np.array([0.0, 0.5, 2.0]))
    assert one.departure_scv.tolist() == pytest.approx([1.0, 1 - 0.25 * 0.75, 0.25])
    assert departure_scv(0.5, service_scv=0.0) == pytest.approx(0.75)
    with pytest.raises(qm.DomainError, match="load"):
        departure_scv(-0.1)


def test_the_next_queue_is_as_long() -> None:
    """Lognormal, four servers at 70 %: the second wait is 1.12 of the first, simulated."""
    first = qm.MGc(qm.LogNormal(1.0, 4.0), 4).solve(2.8)
    arrival, service = float(first.departure_scv), 4.0
    assert (arrival + service) / (1 + service) == pytest.approx(0.825 / 0.736, rel=0.05)
