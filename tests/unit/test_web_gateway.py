"""Security has a cost and a place."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.units import ms
from qmodel.web import gateway, load_balancer


def test_checking_tokens_costs_capacity():
    plain = qm.Pipeline(gateway(1 * ms, workers=2)).max_rate
    checked = qm.Pipeline(
        gateway(1 * ms, workers=2, authentication_time=1 * ms, authenticated=0.5)
    ).max_rate
    assert (plain, checked) == pytest.approx((2000.0, 2 / 0.0015))


def test_an_authentication_service_is_called():
    service = qm.call("auth", qm.MMc(2 * ms))
    r = qm.Pipeline(gateway(1 * ms, authentication=service)).solve(100.0)
    assert r.visits["auth"] == 1.0
    assert r.latency.mean == pytest.approx(1 / (1000 - 100) + 1 / (500 - 100))


def test_limit_protects_what_is_behind():
    path = qm.series(
        gateway(0.1 * ms, rate_limit=400.0, burst=10), qm.call("db", qm.MMc(2 * ms))
    )
    r = qm.Pipeline(path).solve(np.array([100.0, 400.0, 1000.0, 5000.0]))
    assert (r.stations["db"].utilization < 0.8 + 1e-12).all()
    np.testing.assert_allclose(r.goodput[2:], 400.0, rtol=1e-6)
    assert r.max_rate == np.inf
    assert r.basis["p99"] == "approximate"
    assert "variability-of-arrivals" in r.assumptions


def test_limit_above_capacity_does_not_protect():
    path = qm.series(gateway(0.1 * ms, rate_limit=700.0), qm.call("db", qm.MMc(2 * ms)))
    p = qm.Pipeline(path)
    assert p.bottleneck == "db"
    r = p.solve(p.max_rate)
    assert r.stations["db"].utilization == pytest.approx(1.0, rel=1e-9)
    assert p.max_rate > 500.0


def test_no_limit_is_no_limit():
    same = [qm.Pipeline(gateway(1 * ms, rate_limit=limit)) for limit in (None, np.inf)]
    assert [p.max_rate for p in same] == [1000.0, 1000.0]
    assert same[1].solve(500.0).rejected == 0.0


def test_load_balancer():
    r = qm.Pipeline(load_balancer(0.5 * ms)).solve(100.0)
    assert r.latency.mean == pytest.approx(1 / (2000 - 100))
