"""The response of measured service, against the wait after each of the values."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions import Sum
from qmodel.queues.phases.measured_service import MeasuredResponse, response

TIMES = np.random.default_rng(7).lognormal(0.0, 0.8, 200)
SERVICE = qm.Empirical(TIMES)
MEAN = float(SERVICE.mean)


def value_by_value(wait: qm.Distribution, t: np.ndarray) -> np.ndarray:
    """Return the tail of the response, by that of the wait after each value."""
    tails = np.stack([np.broadcast_to(wait.tail(t - v), np.shape(t)) for v in SERVICE.values])
    return np.tensordot(SERVICE.weights, tails, axes=1)


@pytest.mark.parametrize("servers", [2, 16])
@pytest.mark.parametrize("p", [0.5, 0.9, 0.99, 0.999])
def test_quantiles_in_jumps_and_between(servers: int, p: float) -> None:
    r = qm.MGc(SERVICE, servers).solve(np.linspace(0.3, 0.95, 40) * servers / MEAN)
    assert r.wait is not None
    t = np.asarray(r.response.quantile(p))
    after, before = value_by_value(r.wait, t), value_by_value(r.wait, t * (1 - 1e-12))
    assert (after <= (1 - p) * (1 + 1e-8)).all()
    assert (before >= (1 - p) * (1 - 1e-8)).all()
    between = ~np.isin(t, SERVICE.values)
    assert after[between] == pytest.approx(1 - p, rel=1e-8)


def test_tail_and_density() -> None:
    r = qm.MGc(SERVICE, 4).solve(np.array([1.0, 3.0]) / MEAN)
    assert r.wait is not None
    t = np.linspace(-1.0, 12.0, 131)[:, None]
    both = np.broadcast_arrays(t, r.wait.probability)[0]
    np.testing.assert_allclose(r.response.tail(t), value_by_value(r.wait, both), atol=1e-9)
    h = 1e-7
    slope = (r.response.tail(t) - r.response.tail(t + h)) / h
    smooth = abs(t - SERVICE.values).min(axis=1) > 1e-3
    np.testing.assert_allclose(r.response.density(t)[smooth], slope[smooth], atol=1e-5)


def test_idle_overloaded_and_unknown() -> None:
    r = qm.MGc(SERVICE, 4).solve(np.array([0.0, 1.0, 5.0, np.nan]) / MEAN)
    t = r.response.quantile(0.99)
    assert t[0] == SERVICE.quantile(0.99)
    assert t[2] == np.inf
    assert np.isnan(t[3])
    assert np.isnan(r.response.quantile(np.nan)).all()
    assert r.response.tail(0.01).tolist()[:3] == [1.0, 1.0, 1.0]
    assert np.isnan(r.response.tail(0.01)[3])
    assert np.isnan(r.response.tail(np.nan)).all()


def test_cells_are_what_they_are_alone() -> None:
    r = qm.MGc(SERVICE, np.array([[2], [4]])).solve(np.array([0.5, 1.0, 1.5]) / MEAN)
    kept = pickle.loads(pickle.dumps(r.response))
    for i, c in enumerate((2, 4)):
        for j, load in enumerate((0.5, 1.0, 1.5)):
            one = qm.MGc(SERVICE, c).solve(load / MEAN).response
            for found in (r.response, kept):
                assert found.quantile(0.99)[i, j] == pytest.approx(one.quantile(0.99), rel=1e-9)
            assert r.response.tail(3.0)[i, j] == pytest.approx(one.tail(3.0), rel=1e-9)


def test_behind_renewal_arrivals_and_on_a_path() -> None:
    gaps = qm.Gamma(MEAN / 1.5, 0.5)
    r = qm.GGc(gaps, SERVICE, 2).solve(1.5 / MEAN)
    assert isinstance(r.response, MeasuredResponse)
    assert r.wait is not None
    assert r.response.tail(4.0) == pytest.approx(
        float(value_by_value(r.wait, np.asarray(4.0))), rel=1e-8
    )
    here = qm.MGc(SERVICE, 4).solve(2.0 / MEAN).response
    both, plain = (
        Sum((here, qm.Exponential(0.5))),
        Sum((*here.distributions, qm.Exponential(0.5))),
    )
    assert both.quantile(0.99) == pytest.approx(plain.quantile(0.99), rel=1e-9)


def test_few_values_and_very_many_are_as_other_sums() -> None:
    wait = qm.MGc(SERVICE, 4).solve(2.0 / MEAN).wait
    assert wait is not None
    assert type(response(wait, qm.Empirical([1.0, 2.0]))) is Sum
    assert type(response(wait, qm.Empirical(np.arange(1.0, 1e6)))) is Sum
    assert type(response(wait, qm.Exponential(1.0))) is Sum
