"""The number in M/G/1: chains, distributions of sums, and the models it contains."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential

N = np.arange(40)


@pytest.fixture(scope="module")
def qbd() -> ModuleType:
    path = Path(__file__).parents[1] / "oracle" / "qbd.py"
    spec = importlib.util.spec_from_file_location("oracle_qbd", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("load", [0.05, 0.6, 0.95])
@pytest.mark.parametrize("name", ["E3", "H2"])
def test_matrix_solution(qbd: Any, name: str, load: float) -> None:
    distribution = qm.Erlang(2.0, 3) if name == "E3" else balanced_hyperexponential(2.0, 4.0)
    phases = qbd.erlang(3) if name == "E3" else qbd.hyperexponential(4.0)
    s = qbd.solve(qbd.exponential(), phases, 1, load)
    number = qm.MG1(distribution).solve(load / 2).number
    expected = [s.probability(n) for n in N]
    np.testing.assert_allclose(number.probability(N), expected, rtol=1e-10, atol=1e-17)


@pytest.mark.parametrize("load", [0.01, 0.5, 0.9, 1 - 1e-9])
def test_exponential_and_constant_service(load: float) -> None:
    number = qm.MG1(qm.Exponential(3.0)).solve(load / 3).number
    exact = qm.MMc(3.0).solve(load / 3).number
    np.testing.assert_allclose(number.probability(N), exact.probability(N), rtol=1e-12)
    np.testing.assert_allclose(number.tail(N), exact.tail(N), rtol=1e-12)
    if load < 0.99:
        assert number.variance == pytest.approx(exact.variance, rel=1e-12)
        constant = qm.MG1(qm.Deterministic(3.0)).solve(load / 3).number
        crommelin = qm.MDc(3.0, 1).solve(load / 3).number
        seen = crommelin.tail(N) > 1e-9
        np.testing.assert_allclose(constant.tail(N)[seen], crommelin.tail(N)[seen], rtol=1e-10)


DISTRIBUTIONS = [
    qm.Deterministic(1.0),
    qm.Gamma(1.0, 0.3),
    balanced_hyperexponential(1.0, 9.0),
    qm.Uniform(0.2, 1.8),
    qm.LogNormal(1.0, 0.8),
    qm.Mixture([0.3, 0.7], [qm.Deterministic(0.5), qm.Exponential(1.2)]),
]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
def test_moments_and_tails_of_the_states(distribution: Any) -> None:
    rate = 0.7 / float(distribution.mean)
    r = qm.MG1(distribution).solve(rate)
    n = np.arange(900)
    p = r.number.probability(n)
    assert p.sum() == pytest.approx(1.0, abs=1e-10)
    assert (n * p).sum() == pytest.approx(r.number_in_system, rel=1e-8)
    assert r.number.mean == pytest.approx(r.number_in_system, rel=1e-12)
    # The distribution of Little for the second moment is not what the states were made from.
    assert (n**2 * p).sum() - r.number.mean**2 == pytest.approx(r.number.variance, rel=1e-6)
    np.testing.assert_allclose(r.number.tail(n)[:60], 1 - np.cumsum(p)[:60], atol=1e-12)
    assert r.number.probability(0) == pytest.approx(r.wait.atom, rel=1e-12)
    assert r.basis["number"] == "exact"


def test_number_is_the_arrivals_in_a_response() -> None:
    """E[z^N] is the transform of the response at rate (1 - z)."""
    rate, n = 0.8, np.arange(700)
    r = qm.MG1(qm.Gamma(1.0, 1.7)).solve(rate)
    for z in (0.2, 0.9, -0.5):
        generated = (r.number.probability(n) * z**n).sum()
        assert generated == pytest.approx(r.response.laplace(rate * (1 - z)), rel=1e-11)


def test_cells_and_edges() -> None:
    rates = np.array([[0.0, 0.6], [1.0, 4.0], [np.nan, 0.25]])
    distribution = qm.Gamma(np.array([1.0, 0.9]), 0.5)
    number = qm.MG1(distribution).solve(rates).number
    n = np.array([-1, 0, 3])[:, None, None]
    p, tail = number.probability(n), number.tail(n)
    for i, j in np.ndindex(rates.shape):
        one = (
            qm.MG1(qm.Gamma(float(distribution.mean[j]), 0.5)).solve(float(rates[i, j])).number
        )
        np.testing.assert_allclose(p[:, i, j], one.probability(n.ravel()), rtol=1e-13)
        np.testing.assert_allclose(tail[:, i, j], one.tail(n.ravel()), rtol=1e-13)
    np.testing.assert_array_equal(p[:, 0, 0], [0, 1, 0])
    np.testing.assert_array_equal(tail[:, 1, 0], [1, 1, 1])
    np.testing.assert_array_equal(number.mean[1], [np.inf, np.inf])
    assert np.isnan(tail[:, 2, 0]).all()
    assert np.ndim(qm.MG1(qm.Gamma(1.0, 0.5)).solve(0.5).number.tail(3)) == 0


def test_published_states() -> None:
    """M/D/1 at half load r: 1 - r, (1 - r)(e^r - 1), (1 - r)(e^2r - e^r (1 + r))."""
    number = qm.MG1(qm.Deterministic(1.0)).solve(0.5).number
    e = np.exp(0.5)
    expected = [0.5, 0.5 * (e - 1), 0.5 * (e**2 - e * 1.5)]
    np.testing.assert_allclose(number.probability([0, 1, 2]), expected, rtol=1e-14)
