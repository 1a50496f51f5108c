"""Streams behind a token bucket, and the stations that they come to."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.limited_stream import Limited
from qmodel.queues.counts.token_bucket import accepted

# Arrivals, tokens a second, burst, station; mean and p99 of its response in ms: simulations of
# 3 million requests, to 1 %.
SIMULATED = [
    (600.0, 200.0, 20.0, qm.MMc(0.004), 11.255, 50.13),
    (600.0, 200.0, 1.0, qm.MMc(0.004), 6.134, 28.28),
    (220.0, 200.0, 10.0, qm.MMc(0.004), 14.86, 61.10),
    (150.0, 200.0, 5.0, qm.MMc(0.004), 9.012, 39.33),
    (600.0, 200.0, 20.0, qm.MGc(qm.LogNormal(0.016, 2.0), 4), 24.88, 138.8),
    (300.0, 200.0, 50.0, qm.queues.MDc(0.004), 6.906, 18.78),
]


@pytest.mark.parametrize(("rate", "limit", "burst", "station", "mean", "p99"), SIMULATED)
def test_simulated_responses(
    rate: float, limit: float, burst: float, station: qm.queues.Station, mean: float, p99: float
) -> None:
    path = qm.series(qm.limit("quota", limit, burst=burst), qm.call("api", station))
    r = qm.Pipeline(path).solve(rate)
    response = r.stations["api"].response
    assert float(response.mean) == pytest.approx(mean / 1000, rel=0.12)
    assert float(response.quantile(0.99)) == pytest.approx(p99 / 1000, rel=0.11)
    assert "variability-of-arrivals" in r.basis.assumptions("p99")


def test_limits_of_the_index() -> None:
    rates = np.array([10.0, 50.0, 100.0, 200.0, 1000.0])
    for burst in (1.0, 3.0, 40.0):
        share = accepted(rates, limit=100.0, burst=burst)
        late = 1 + Limited(rates, 100.0, burst, share).extra(1e9, {})
        assert (np.diff(late) <= 0).all()
        assert late[0] == pytest.approx(1.0, abs=0.2)
        soon = 1 + Limited(rates, 100.0, burst, share).extra(0.0, {})
        assert soon == pytest.approx(np.ones(5))
    # One token: a token's time and an exponential one between departures.
    share = accepted(rates, limit=100.0, burst=1.0)
    gaps = (1 / rates) ** 2 / (1 / rates + 0.01) ** 2
    assert 1 + Limited(rates, 100.0, 1.0, share).extra(1e12, {}) == pytest.approx(gaps)


def test_no_load_and_no_limit() -> None:
    path = qm.series(qm.limit("quota", np.array([200.0, 1e9])), qm.call("api", qm.MMc(0.004)))
    times = qm.Pipeline(path).solve(np.array([[0.0], [150.0]])).stations["api"].response_time
    assert times[0] == pytest.approx([0.004, 0.004])
    assert times[1, 1] == pytest.approx(0.01, rel=1e-6)
    assert times[1, 0] < 0.01


def test_a_limit_next_to_the_largest_float_is_none() -> None:
    path = qm.series(qm.limit("quota", 1e308), qm.call("a", qm.MMc(0.01, 4)))
    free = qm.Pipeline(qm.call("a", qm.MMc(0.01, 4))).solve(100.0)
    assert qm.Pipeline(path).solve(100.0).latency.mean == pytest.approx(free.latency.mean)


@pytest.mark.parametrize("hop", [np.inf, 1e308])
def test_after_an_endless_time_nobody_is_met_again(hop: float) -> None:
    cart = qm.web.Service("cart", 0.005, 4)
    tree = qm.web.microservices(qm.web.Service("shop", 0.01, 4, calls=[cart]), hop=hop)
    assert qm.Pipeline(tree).solve(10.0).latency.mean == np.inf
