"""The number in M/G/c and GI/G/c: exact where the wait is, and its stated errors elsewhere."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential
from qmodel.queues import erlang_c, mgc
from qmodel.queues.approximations.decay import decay_rate
from qmodel.queues.counts.gmc import RenewalNumber
from qmodel.queues.counts.queued import QueuedNumber
from qmodel.queues.waits.decaying import DecayingWait, distribution_of_wait, scv_of_delay

N = np.arange(400)


@pytest.fixture(scope="module")
def qbd():
    path = Path(__file__).parents[1] / "oracle" / "qbd.py"
    spec = importlib.util.spec_from_file_location("oracle_qbd", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def distribution(scv):
    return qm.Gamma(1.0, scv) if scv < 1 else balanced_hyperexponential(1.0, scv)


def phases(qbd, scv):
    return qbd.erlang(round(1 / scv)) if scv <= 1 else qbd.hyperexponential(scv)


@pytest.mark.parametrize("servers", [2, 5, 15])
@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("service", [0.5, 2.0, 4.0])
def test_poisson_arrivals(qbd, servers, load, service):
    s = qbd.solve(qbd.exponential(), phases(qbd, service), servers, load * servers)
    exact = qm.MGc(distribution(service), servers).solve(load * servers)
    tail = 1 - np.cumsum([s.probability(int(n)) for n in N])
    assert abs(exact.number.tail(N) - tail).max() < 1e-9
    # With the states of M/M/c below the servers, and a wait of two exponentials.
    rate, spare = load * servers, (1 - load) * servers
    between = qm.Exponential(1 / rate)
    wait = distribution_of_wait(
        mgc.waiting_time(rate, 1.0, servers=servers, scv=distribution(service).scv),
        probability=erlang_c(servers=servers, offered_load=rate),
        scv=scv_of_delay(load, distribution(service)),
        decay=decay_rate(between, distribution(service), servers, spare / servers),
        scale=1.0,
        over=False,
    )
    markov = qm.MMc(1.0, servers).solve(rate).number
    number = QueuedNumber(markov, wait, between, rate, servers, False)
    assert abs(number.tail(N) - tail).max() < 0.03


@pytest.mark.parametrize("servers", [1, 5])
@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("arrival", [0.25, 0.5, 4.0])
@pytest.mark.parametrize("service", [0.5, 4.0])
def test_renewal_arrivals(qbd, servers, load, arrival, service):
    s = qbd.solve(phases(qbd, arrival), phases(qbd, service), servers, load * servers)
    r = qm.GGc(distribution(arrival), distribution(service), servers).solve(load * servers)
    tail = 1 - np.cumsum([s.probability(int(n)) for n in N])
    assert abs(r.number.tail(N) - tail).max() < 1e-9
    assert r.basis["number"] == "exact"


def test_exact_for_one_hyperexponential_server():
    """There the wait is two exponentials, and so are the states two geometric sequences."""
    service, n = balanced_hyperexponential(1.0, 4.0), np.arange(50)
    between, mean = qm.Exponential(1 / 0.8), qm.MG1(service).solve(0.8).waiting_time
    decay = decay_rate(between, service, 1, 0.2)
    wait = distribution_of_wait(
        mean,
        probability=0.8,
        scv=scv_of_delay(0.8, service),
        decay=decay,
        scale=1.0,
        over=False,
    )
    assert isinstance(wait, DecayingWait)
    number = QueuedNumber(qm.MMc(1.0).solve(0.8).number, wait, between, 0.8, 1, False)
    exact = qm.MG1(service).solve(0.8).number
    np.testing.assert_allclose(number.tail(n), exact.tail(n), rtol=1e-9)
    assert number.variance == pytest.approx(exact.variance, rel=1e-10)


@pytest.mark.parametrize("scv", [0.0, 0.5, 3.0])
def test_exact_for_exponential_servers(scv):
    """The wait of GI/M/c gives back its states above the servers."""
    arrivals = qm.Deterministic(1.0) if scv == 0 else distribution(scv)
    r, n = qm.GMc(arrivals, 1.0, 6).solve(5.0), np.arange(80)
    probability, theta = r.wait.probability, r.wait.drain
    wait = DecayingWait(probability, probability, 1.0, 1 / theta)
    exact = RenewalNumber(5.0, 1.0, arrivals, 6)
    number = QueuedNumber(exact, wait, qm.Scaled(arrivals, 0.2), 5.0, 6, False)
    np.testing.assert_allclose(number.tail(n), exact.tail(n), rtol=1e-9)
    np.testing.assert_allclose(number.probability(n), exact.probability(n), rtol=1e-8)
    assert number.mean == pytest.approx(exact.mean, rel=1e-9)
    assert number.variance == pytest.approx(exact.variance, rel=1e-9)


@pytest.mark.parametrize(
    "station",
    [
        qm.MGc(qm.Gamma(1.0, 0.3), 6),
        qm.MGc(balanced_hyperexponential(1.0, 5.0), 3),
        qm.MGc(qm.LogNormal(1.0, 1.0), 4),
        qm.GGc(qm.Erlang(1.0, 3), qm.Gamma(1.0, 2.0), 4),
    ],
)
def test_states_add_up(station):
    r = station.solve(0.75 * station.servers)
    p = r.number.probability(N)
    assert (p >= 0).all()
    assert p.sum() == pytest.approx(1.0, abs=1e-9)
    assert (N * p).sum() == pytest.approx(r.number_in_system, rel=1e-6)
    assert r.number.mean == pytest.approx(r.number_in_system, rel=1e-9)
    assert (N**2 * p).sum() - r.number.mean**2 == pytest.approx(r.number.variance, rel=1e-5)
    np.testing.assert_allclose(r.number.tail(N), 1 - np.cumsum(p), atol=1e-12)


@pytest.mark.parametrize("arrivals", [qm.Exponential(1.0), qm.Erlang(1.0, 2)])
def test_cells_and_edges(arrivals):
    rates = np.array([0.0, 2.0, 4.0, 9.0, np.nan])
    r = qm.GGc(arrivals, qm.Gamma(1.0, 0.5), 4).solve(rates)
    p, tail = (f(np.array([0, 5])[:, None]) for f in (r.number.probability, r.number.tail))
    alone = qm.GGc(arrivals, qm.Gamma(1.0, 0.5), 4).solve(2.0).number
    np.testing.assert_allclose(p[:, 1], alone.probability([0, 5]), rtol=1e-10)
    assert p[:, 0].tolist() == [1, 0]
    assert tail[:, 2:4].tolist() == [[1, 1], [1, 1]]
    assert p[:, 2:4].tolist() == [[0, 0], [0, 0]]
    assert np.isnan(p[:, 4]).all()
    assert np.isposinf(r.number.mean[2:4]).all()
    assert r.number.mean[0] == 0
