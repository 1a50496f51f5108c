"""Streams behind a token bucket, and the stations that they come to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

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


# Where tokens wait for requests, and where requests wait for less than a gap: arrivals for a
# token, burst, station at one token a second; mean and p99 by five million requests each.
UNDER_PRESSURE = [
    (2.31, 40.0, qm.MMc(0.5), 0.712, 3.21),
    (1.99, 20.0, qm.MGc(qm.Uniform(0.0, 1.3), 1), 0.921, 2.66),
    (3.0, 5.0, qm.queues.MDc(0.6), 0.684, 1.26),
    (0.75, 1.0, qm.MMc(0.5), 0.5216, 2.392),
    (1.41, 2.0, qm.MGc(qm.Gamma(0.5, 0.25), 1), 0.568, 1.51),
]


@pytest.mark.parametrize(("arrivals", "burst", "station", "mean", "p99"), UNDER_PRESSURE)
def test_what_a_station_feels_of_it(
    arrivals: float, burst: float, station: qm.queues.Station, mean: float, p99: float
) -> None:
    path = qm.series(qm.limit("quota", 1.0, burst=burst), qm.call("api", station))
    response = qm.Pipeline(path).solve(arrivals).stations["api"].response
    assert float(response.mean) == pytest.approx(mean, rel=0.08)
    assert float(response.quantile(0.99)) == pytest.approx(p99, rel=0.15)


def test_tokens_that_wait_are_d_m_1() -> None:
    """The variance of the number that has left is twice that of their exponential sojourn."""
    load = np.array([1.3, 2.0, 4.0])
    found = [brentq(lambda x, a=a: x - np.exp(-a * (1 - x)), 0.0, 0.9) for a in load]
    sojourn = 1 / (load * (1 - np.array(found)))
    time = 1e7
    many = accepted(load, limit=1.0, burst=1e4)
    variance = time * (1 + Limited(load, 1.0, 1e4, many).extra(time, {}))
    assert variance == pytest.approx(2 * sojourn**2, rel=1e-3)


def test_a_station_feels_no_less_than_some_gaps() -> None:
    stream = Limited(2.0, 1.0, 5.0, accepted(2.0, limit=1.0, burst=5.0))
    for scv, gaps in ((0.0, 0.6), (1.0, 3.4), (4.0, 3.4)):
        least = gaps / (2.0 * accepted(2.0, limit=1.0, burst=5.0))
        assert stream.felt(0.1 * least, scv) == pytest.approx(stream.extra(least, {}))
        assert stream.felt(3 * least, scv) == pytest.approx(stream.extra(3 * least, {}))
        assert stream.felt(np.array([0.0]), scv) == pytest.approx(stream.felt(0.0, scv))


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
