"""Round trips and CPU of a TLS connection, paid once for several requests."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.units import ms
from qmodel.web import keep_alive_requests, network, secure_connection

RTT = 40 * ms


def solved(rate=100.0, **options):
    step = secure_connection(RTT, 2 * ms, cores=2, **options)
    return qm.Pipeline(step).solve(rate)


def round_trips(**options):
    r = solved(1e-9, **options)
    return (r.latency.mean - r.visits["tls"] * r.stations["tls"].response_time) / RTT


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # RFC 5246 sec. 7.3 and RFC 8446 sec. 2, and one of TCP; RFC 9001 folds it in.
        ({"tls": "1.2"}, 3),
        ({"tls": "1.2", "resumed": 1.0}, 2),
        ({"tls": "1.3"}, 2),
        ({"tls": "1.3", "resumed": 1.0}, 2),
        ({"tls": "1.3", "resumed": 1.0, "early_data": 1.0}, 1),
        ({"tls": "1.3", "transport": "quic"}, 1),
        ({"tls": "1.3", "transport": "quic", "resumed": 1.0, "early_data": 1.0}, 0),
        ({"tls": "1.2", "resumed": 0.4}, 0.6 * 3 + 0.4 * 2),
        ({"resumed": 0.5, "early_data": 0.5}, 0.75 * 2 + 0.25 * 1),
        ({"requests_per_connection": 10.0}, 0.2),
    ],
)
def test_round_trips(options, expected):
    assert round_trips(**options) == pytest.approx(expected, rel=1e-9)


def test_cpu_is_that_of_the_mix():
    r = solved(500.0, resumed=0.4, resumed_handshake=0.5 * ms, requests_per_connection=5)
    mean = 0.6 * 2 * ms + 0.4 * 0.5 * ms
    assert r.stations["tls"].utilization == pytest.approx(500 / 5 * mean / 2)


def test_reuse_decides_the_capacity_of_the_edge():
    per = np.array([1.0, 10.0, 100.0])
    np.testing.assert_allclose(solved(1.0, requests_per_connection=per).max_rate, 1000 * per)


def test_name_is_resolved_only_for_new_connections():
    before = qm.call("dns", qm.Delay(30 * ms))
    assert solved(1.0, before=before, requests_per_connection=4).visits["dns"] == 0.25


def test_keep_alive_against_simulated_clients():
    gaps = np.random.default_rng(5).exponential(1 / 0.2, 100_000)
    opened = (gaps > 8.0).mean()
    assert 1 / opened == pytest.approx(keep_alive_requests(0.2, 8.0), rel=0.03)  # 4 sigma


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tls": "1.1"}, "tls must be '1.2' or '1.3', got '1.1'"),
        ({"transport": "udp"}, "transport must be 'tcp' or 'quic', got 'udp'"),
        ({"transport": "quic", "tls": "1.2"}, "needs tls '1.3'"),
        ({"tls": "1.2", "early_data": 0.5}, "early_data must be 0 with tls '1.2'"),
        ({"requests_per_connection": 0.5}, "requests_per_connection"),
        ({"resumed": 1.5}, "resumed must be a probability"),
    ],
)
def test_impossible_connections(options, message):
    with pytest.raises(qm.DomainError, match=message):
        solved(**options)


def test_network_is_constant():
    distribution = qm.Pipeline(network(RTT)).solve(5.0).latency
    assert distribution.quantile(0.01) == distribution.quantile(0.99) == RTT
