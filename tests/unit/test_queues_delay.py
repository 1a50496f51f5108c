"""M/G/inf: nobody waits."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm


def test_number_present() -> None:
    """Any distribution: arrival rate times mean (3/s times 2 s)."""
    for service in (qm.Deterministic(2.0), qm.Exponential(2.0), qm.Gamma(2.0, 3.0)):
        r = qm.Delay(service).solve(3.0)
        assert r.number_in_system == 6.0
        assert r.waiting_time == r.queue_length == r.utilization == 0.0
        assert r.response is service
        assert str(r.basis) == "exact"


def test_a_number_is_a_constant_delay() -> None:
    station = qm.Delay(0.045)
    assert isinstance(station.service, qm.Deterministic)
    assert station.solve(1e9).response.quantile(0.999) == 0.045
    assert np.isposinf(station.max_rate)
    assert np.isposinf(station.servers)


def test_streams_with_their_own_delay() -> None:
    r = qm.Delay(1.0).solve([qm.Stream(1.0), qm.Stream(3.0, qm.Deterministic(2.0))])
    assert r.response_time == pytest.approx(1.75)
    assert [s.response_time for s in r.streams] == [1.0, 2.0]


def test_impossible_values() -> None:
    with pytest.raises(qm.DomainError, match=r"service .* got -1"):
        qm.Delay(-1.0)
    with pytest.raises(qm.DomainError, match="arrival_rate"):
        qm.Delay(1.0).solve(-1.0)


def test_distributions_have_the_cells_of_the_load() -> None:
    rates = np.array([0.0, 3.0, np.nan])
    for service in (qm.Deterministic(2.0), qm.Exponential(np.array([[2.0], [1.0]]))):
        r = qm.Delay(service).solve(rates)
        shape = np.broadcast_shapes(np.shape(service.mean), (3,))
        assert np.shape(r.wait.quantile(0.9)) == shape
        for found in (r.response.quantile(0.9), r.response.tail(0.5), r.response.mean):
            assert np.shape(found) == shape
        known = np.broadcast_to(service.quantile(0.9), shape)
        np.testing.assert_allclose(r.response.quantile(0.9)[..., :2], known[..., :2])
        assert np.isnan(r.response.quantile(0.9)[..., 2]).all()
    assert np.isnan(qm.Delay(1.0).solve(np.nan).response.quantile(0.9))


def test_a_path_of_delays_has_the_cells_of_the_load() -> None:
    path = qm.series(qm.call("a", qm.Delay(1.0)), qm.call("b", qm.Delay(qm.Exponential(0.5))))
    r = qm.Pipeline(path).solve(np.array([1.0, 2.0, np.nan]))
    p = r.latency.quantile(0.9)
    assert p.shape == (3,)
    np.testing.assert_allclose(p[:2], 1.0 - 0.5 * np.log(0.1))
    assert np.isnan(p[2])


def test_nobody_waits_where_nobody_comes() -> None:
    r = qm.Delay(2.0).solve(0.0)
    for name in ("waiting_time", "queue_length", "utilization", "number_in_system"):
        assert getattr(r, name) == 0.0
