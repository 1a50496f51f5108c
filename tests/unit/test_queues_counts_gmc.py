"""The number in GI/M/c: matrix solutions, and the chains it contains."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential


@pytest.fixture(scope="module")
def qbd():
    path = Path(__file__).parents[1] / "oracle" / "qbd.py"
    spec = importlib.util.spec_from_file_location("oracle_qbd", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("servers", [1, 2, 7, 30])
@pytest.mark.parametrize("load", [0.1, 0.5, 0.9])
def test_the_matrix_solution(qbd, servers, load):
    n = np.arange(60)
    for phases, distribution in (
        (qbd.erlang(3), qm.Erlang(7.0, 3)),
        (qbd.hyperexponential(4.0), balanced_hyperexponential(1.0, 4.0)),
    ):
        s = qbd.solve(phases, qbd.exponential(), servers, load * servers)
        expected = np.array([s.probability(int(k)) for k in n])
        number = qm.GMc(distribution, 1.0, servers).solve(load * servers).number
        np.testing.assert_allclose(number.probability(n), expected, rtol=1e-10, atol=2e-14)
        np.testing.assert_allclose(number.tail(n), 1 - np.cumsum(expected), atol=5e-14)


@pytest.mark.parametrize("servers", [1, 5, 60, 500])
@pytest.mark.parametrize("load", [0.02, 0.6, 0.999])
def test_poisson_arrivals(servers, load):
    number = qm.GMc(qm.Exponential(1.0), 1.0, servers).solve(load * servers).number
    exact = qm.MMc(1.0, servers).solve(load * servers).number
    n = np.unique(np.linspace(0, 2 * servers, 50).astype(int))
    np.testing.assert_allclose(
        number.probability(n), exact.probability(n), rtol=1e-9, atol=1e-14
    )
    seen = exact.tail(n) > 1e-200
    np.testing.assert_allclose(number.tail(n)[seen], exact.tail(n)[seen], rtol=1e-10)
    assert number.mean == pytest.approx(exact.mean, rel=1e-11)
    assert number.variance == pytest.approx(exact.variance, rel=1e-10)


DISTRIBUTIONS = [
    qm.Deterministic(1.0),
    qm.Uniform(0.0, 2.0),
    qm.Gamma(1.0, 5.0),
    balanced_hyperexponential(1.0, 16.0),
]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
@pytest.mark.parametrize(("servers", "load"), [(1, 0.7), (10, 0.9), (80, 0.5), (80, 0.97)])
def test_means_that_the_states_were_not_made_from(distribution, servers, load):
    r = qm.GMc(distribution, 1.0, servers).solve(load * servers)
    n = np.arange(servers)
    below = r.number.probability(n)
    # Busy servers, and requests in the system, by Little's law.
    busy = (n * below).sum() + servers * r.number.tail(servers - 1)
    assert busy == pytest.approx(load * servers, rel=1e-9)
    assert r.number.mean == pytest.approx(r.number_in_system, rel=1e-9)
    # An arrival finds n with the rate at which n + 1 is left: those that wait find all busy.
    rate_down = np.append(n[1:], servers) * r.number.probability(n + 1)
    assert rate_down.sum() / (load * servers) == pytest.approx(r.wait.atom, rel=1e-8)
    assert r.basis["number"] == "exact"


def test_one_server_is_gm1():
    n, distribution = np.arange(-1, 30), qm.Erlang(1.0, 4)
    many, one = (
        s.solve(0.8).number for s in (qm.GMc(distribution, 1.0, 1), qm.GM1(distribution, 1.0))
    )
    np.testing.assert_allclose(many.probability(n), one.probability(n), rtol=1e-11)
    np.testing.assert_allclose(many.tail(n), one.tail(n), rtol=1e-11)
    assert many.variance == pytest.approx(one.variance, rel=1e-11)


def test_cells_and_edges():
    rates = np.array([[0.0], [0.7], [2.0], [np.nan], [40.0]])
    servers, distribution = np.array([1, 2, 5]), qm.Gamma(1.0, np.array([0.5, 2.0, 1.0]))
    number = qm.GMc(distribution, 1.0, servers).solve(rates).number
    n = np.array([0, 1, 2, 9])[:, None, None]
    p, tail = number.probability(n), number.tail(n)
    for i, j in np.ndindex(5, 3):
        station = qm.GMc(qm.Gamma(1.0, float(distribution.scv[j])), 1.0, int(servers[j]))
        one = station.solve(float(rates[i, 0])).number
        np.testing.assert_allclose(p[:, i, j], one.probability(n.ravel()), rtol=1e-11)
        np.testing.assert_allclose(tail[:, i, j], one.tail(n.ravel()), rtol=1e-11)
        np.testing.assert_allclose(number.mean[i, j], one.mean, rtol=1e-11)
        np.testing.assert_allclose(number.variance[i, j], one.variance, rtol=1e-11)
    assert p[0, 0].tolist() == [1, 1, 1]
    assert tail[3, 4].tolist() == [1, 1, 1]
    assert np.isposinf(number.mean[4]).all()
    assert np.isnan(p[:, 3]).all()
