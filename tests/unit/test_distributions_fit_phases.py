"""Phases that imitate other service: the fit itself; the waits are in test_queues_mgc.py."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaincc

import qmodel as qm
from qmodel.distributions.erlang_fits import branch_weights, erlangs
from qmodel.distributions.fit_phases import (
    _fitted,
    _residual,
    fit_body,
    fit_phases,
)


@pytest.mark.parametrize(
    ("scv", "error", "means"),
    [
        (2.0, 0.016, (0.7779, 2.583, 8.135)),
        (4.0, 0.05, (0.6455, 3.8776, 18.6178)),
        (9.0, 0.10, (0.5995, 7.4591, 54.2923)),
    ],
)
def test_lognormal(scv: float, error: float, means: tuple[float, ...]) -> None:
    """An independent fit of three exponentials to the same curve."""
    fitted = fit_phases(qm.LogNormal(0.02, scv), 3)
    assert fitted.distribution.mean == pytest.approx(0.02, rel=1e-12)
    assert fitted.distribution.scv == pytest.approx(scv, rel=0.01)
    assert fitted.error == pytest.approx(error, rel=0.05)
    found = sorted(-1 / np.diag(fitted.distribution.generator) / 0.02)
    assert found == pytest.approx(means, rel=0.01)


@pytest.mark.parametrize(
    ("distribution", "error"),
    [
        (qm.Gamma(1.0, 4.0), 0.012),
        (qm.Gamma(1.0, 0.6), 0.01),
        (qm.LogNormal(1.0, 1.2), 0.02),
        (qm.Pareto(1 / 3, 1.5, 1000 / 3), 0.05),
    ],
)
def test_other_distributions(distribution: qm.Distribution, error: float) -> None:
    fitted = fit_phases(distribution)
    assert fitted.error < error
    t = distribution.mean * np.array([0.3, 1.0, 3.0])
    # What is fitted is the residual: E(S - t)+, here by the tail summed up.
    grid = np.geomspace(1e-4, 1e4, 2_001) * distribution.mean  # good to 1e-5
    for at in t:
        late = np.append(at, grid[grid > at])
        there = np.trapezoid(distribution.tail(late), late)
        assert np.trapezoid(fitted.distribution.tail(late), late) == pytest.approx(
            there, rel=3 * error
        )


def test_a_fit_for_many_servers_is_near_where_the_first_of_them_is_free() -> None:
    """Until the first of 8 servers is free with 98 %, as a fit of all times is not."""
    distribution = qm.Pareto(4 / 9, 1.8, 4e3)
    log = _residual(distribution, float(distribution.mean))[1][:40]
    near = log > np.log(0.02) / 8
    assert near.sum() > 10
    fits = fit_body(distribution, 2, 2, 8), fit_phases(distribution, 4)
    worst = []
    for fitted in (fit.distribution for fit in fits):
        assert fitted.mean == pytest.approx(distribution.mean, rel=1e-12)
        assert fitted.scv == pytest.approx(distribution.scv, rel=0.02)
        found = _residual(fitted, float(fitted.mean))[1][:40]
        worst.append(abs(found - log)[near].max())
    assert worst[0] < 0.06
    assert worst[1] > 0.1


def test_few_phases_of_regular_service() -> None:
    """Erlang times are met; one too regular for the phases has an error that says so."""
    assert fit_phases(qm.Gamma(1.0, 0.25)).error < 0.005
    assert fit_phases(qm.Uniform(0.0, 2.0)).error > 0.2


def test_distributions_of_one_shape_are_fitted_once() -> None:
    first = fit_phases(qm.LogNormal(0.02, 3.0))
    before = _fitted.cache_info().hits
    second = fit_phases(qm.LogNormal(5.0, 3.0))
    assert _fitted.cache_info().hits == before + 1
    np.testing.assert_allclose(
        second.distribution.generator * 250, first.distribution.generator, rtol=1e-12
    )


@pytest.mark.parametrize("late", [1.9, 5.5, 25.0])
def test_a_jump_leaves_nothing_beyond_the_distribution(late: float) -> None:
    """A residual service ends where the distribution does, on the grid and in the phases."""
    few = 0.5 / (late - 0.5)
    distribution = qm.Mixture((1 - few, few), (qm.Deterministic(0.5), qm.Deterministic(late)))
    times, log = _residual(distribution, 1.0)
    assert np.exp(times[-1]) == pytest.approx(late, rel=0.06)
    # To what the rule makes of jumps, and away from the end.
    t = np.exp(times[times < np.log(0.8 * late)])
    exact = np.where(t < 0.5, 1 - t, few * (late - t))
    assert np.exp(log[: t.size]) == pytest.approx(exact, rel=0.15)
    fitted = fit_phases(distribution).distribution
    assert fitted.tail(3 * late) < 0.01
    assert float(fitted.third_cumulant) < 2 * float(distribution.third_cumulant) or late < 2


@pytest.mark.parametrize("n", [1, 3])
def test_slopes_of_an_erlang_body(n: int) -> None:
    t, h = np.geomspace(0.01, 20.0, 12), 1e-6
    above, below = (erlangs(t, [n], [1.3 * (1 + x)])[0][0] for x in (h, -h))
    slopes = erlangs(t, [n], [1.3])[1][0]
    assert slopes == pytest.approx((above - below) / (2.6 * h), rel=1e-6)
    # E(X - 0)+ is the mean, and E(X - t)+ that by incomplete gamma functions.
    assert erlangs(np.zeros(1), [n], [1.3])[0][0] == pytest.approx([1.3, 1.69 * (1 + 1 / n)])
    x = n * t / 1.3
    wanted = 1.3 * gammaincc(n + 1, x) - t * gammaincc(n, x)
    assert erlangs(t, [n], [1.3])[0][0, :-1] == pytest.approx(wanted, rel=1e-9, abs=1e-15)


def test_slopes_of_probabilities() -> None:
    odds, h = np.array([-2.0, 0.5, 3.0]), 1e-6
    for i, step in enumerate(h * np.eye(3)):
        above, below = branch_weights(odds + step)[0], branch_weights(odds - step)[0]
        assert branch_weights(odds)[1][:, i] == pytest.approx(
            (above - below) / (2 * h), abs=1e-9
        )


def test_of_more_than_one_minimum_the_better() -> None:
    # From the first of the first steps alone it is 0.2.
    assert fit_phases(qm.Pareto(1.0, 1.5, 1e5), 6).error < 0.08
