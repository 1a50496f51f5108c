"""Moments and densities of times are those of their tails, by sums that know nothing."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.distributions import Distribution
from qmodel.queues.counts.batches import GeometricBatch, Services


def times() -> dict[str, Distribution]:
    """Return times whose moments are formulas of their own."""
    patient = qm.ErlangA(0.5, servers=3, patience=1.5).solve(7.0)
    assert patient.wait is not None
    assert patient.served_wait is not None
    return {
        "wait of the impatient": patient.wait,
        "wait of the served": patient.served_wait,
        "response of the served": patient.served_response,
        "services of a batch": Services(GeometricBatch(3.0, 1), qm.Gamma(0.5, 0.5)),
        "the later": qm.Maximum((qm.Exponential(1.0), qm.Gamma(2.0, 0.5), qm.Exponential(0.5))),
        "the sooner": qm.Minimum((qm.Exponential(1.0), qm.Gamma(2.0, 0.5))),
    }


TIMES = times()


@pytest.mark.parametrize("name", TIMES)
def test_moments(name: str) -> None:
    time = TIMES[name]
    t = np.linspace(0.0, 60.0, 120_001)[1:] - 60 / 240_000
    tail = np.asarray(time.tail(t))
    step = t[1] - t[0]
    mean, second = tail.sum() * step, 2 * (t * tail).sum() * step
    assert float(time.mean) == pytest.approx(mean, rel=1e-5)
    assert float(time.variance) == pytest.approx(second - mean**2, rel=1e-5)


@pytest.mark.parametrize("name", TIMES)
def test_densities(name: str) -> None:
    time = TIMES[name]
    t, h = np.array([0.05, 0.4, 1.3, 3.0]), 1e-5
    slope = (np.asarray(time.tail(t - h)) - np.asarray(time.tail(t + h))) / (2 * h)
    assert np.asarray(time.density(t)) == pytest.approx(slope, rel=1e-5)
    tail, density = time.tail_and_density(t)
    assert np.asarray(tail) == pytest.approx(np.asarray(time.tail(t)), rel=1e-9)
    assert np.asarray(density) == pytest.approx(slope, rel=1e-5)


def test_a_percentile_on_symbols_is_the_formula() -> None:
    rate, p = sp.symbols("lambda p", positive=True)
    time = qm.MMc(sp.Rational(1, 10)).solve(rate).response
    found = time.quantile(p).subs({rate: 4, p: sp.Rational(9, 10)})
    assert float(found) == pytest.approx(np.log(10) / (10 - 4))


def test_a_delay_passes_requests_on_without_a_wait() -> None:
    r = qm.Delay(qm.Exponential(0.2)).solve(np.array([0.0, 3.0]))
    assert np.all(np.asarray(r.waiting_time) == 0)
    assert np.asarray(r.response_time) == pytest.approx(0.2)


def test_a_constant_wait_is_that_of_one_server_by_default() -> None:
    from qmodel.queues import mdc

    alone = qm.MDc(1.0, 1).solve(0.7)
    assert float(mdc.waiting_time(0.7, 1.0)) == pytest.approx(float(alone.waiting_time))
    assert float(alone.waiting_time) == pytest.approx(0.7 / (2 * 0.3))
