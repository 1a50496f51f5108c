"""M/M/c+D: published and simulated values, its limits, and the limited wait."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.mmcd import LimitedWait, MMcD


@pytest.mark.parametrize(
    ("rate", "leaves", "within"),
    [
        (6.0, 4.051778e-6, 5.945309908040),
        (8.0, 0.022601414692, 6.378491122820),
        (9.0, 0.111574014027, 3.979239652743),
        (16.0, 0.5, 0.888888888889),
    ],
)
def test_eight_servers_with_a_deadline(rate: float, leaves: float, within: float) -> None:
    """Twelve digits by another program, which simulations confirm: 5 services of patience."""
    r = MMcD(1.0, 8, 5.0).solve(rate)
    assert r.abandonment == pytest.approx(leaves, abs=1e-10)
    answered = r.accepted * rate * r.served_response.cdf(5.0)
    assert answered == pytest.approx(within, rel=1e-11)
    assert str(r.basis) == "exact"


def test_one_server() -> None:
    for rate, idle, leaves in (
        (0.5, 0.5506425151936714, 0.10128503038734261),
        (1.2, 0.17418150039715802, 0.3118179169976317),
    ):
        r = MMcD(1.0, 1, 2.0).solve(rate)
        assert r.wait.atom == pytest.approx(idle, rel=1e-12)
        assert r.abandonment == pytest.approx(leaves, rel=1e-12)
        assert 1 - r.utilization == pytest.approx(idle, rel=1e-12)


def test_in_overload_the_served_have_waited_the_whole_patience() -> None:
    r = MMcD(0.115, 15, 30.0).solve(140.0)
    assert r.served_wait.mean == pytest.approx(29.8954545, rel=1e-8)
    assert qm.ErlangA(0.115, 15, 30.0).solve(140.0).served_wait.mean < 3.0
    deep = MMcD(0.115, 15, 30.0).solve(np.array([1e3, 1e6]))
    np.testing.assert_allclose(deep.accepted, 15 / 0.115 / np.array([1e3, 1e6]), rtol=1e-12)
    np.testing.assert_allclose(deep.utilization, 1.0)


def test_great_patience_is_mmc_and_little_is_a_loss_system() -> None:
    endless, none = MMcD(0.1, 4, 1e4).solve(32.0), MMcD(0.1, 4, 1e-9).solve(32.0)
    assert endless.response_time == pytest.approx(qm.MMc(0.1, 4).solve(32.0).response_time)
    assert endless.response.quantile(0.99) == pytest.approx(
        qm.MMc(0.1, 4).solve(32.0).response.quantile(0.99), rel=1e-9
    )
    lost = qm.MGcc(qm.Exponential(0.1), 4).solve(32.0).loss
    assert none.abandonment == pytest.approx(lost, rel=1e-6)


def test_means_agree_with_distributions_and_littles_distribution() -> None:
    rates = np.array([0.0, 1.0, 7.9, 8.0, 8.1, 20.0])
    r = MMcD(1.0, 8, 2.0).solve(rates)
    np.testing.assert_allclose(r.wait.mean, r.waiting_time, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(r.response.mean, r.response_time, rtol=1e-12)
    np.testing.assert_allclose(r.utilization * 8, r.accepted * rates, rtol=1e-12)
    assert (np.diff(r.waiting_time) > 0).all()


@pytest.mark.parametrize("slope", [-40.0, -3.0, -1e-3, 0.0, 1e-3, 0.4, 1 / 0.7, 40.0])
def test_limited_wait_is_a_distribution(slope: float) -> None:
    alone, with_service = LimitedWait(slope, 2.0), LimitedWait(slope, 2.0, qm.Exponential(0.7))
    for distribution, end in ((alone, 2.0), (with_service, 40.0)):
        t = np.linspace(0.0, end, 200_001)
        tail = distribution.tail(t)
        first, second, third = (np.trapezoid(k * t ** (k - 1) * tail, t) for k in (1, 2, 3))
        assert distribution.mean == pytest.approx(first, rel=1e-7)
        assert distribution.variance == pytest.approx(second - first**2, rel=1e-5)
        cumulant = third - 3 * first * second + 2 * first**3
        assert distribution.third_cumulant == pytest.approx(cumulant, rel=1e-4, abs=1e-7)
        s = 0.7 + 2j
        assert distribution.laplace(s) == pytest.approx(
            1 - s * np.trapezoid(tail * np.exp(-s * t), t)
        )
        slope_there = (distribution.tail(1.4999) - distribution.tail(1.5001)) / 2e-4
        assert distribution.density(1.5) == pytest.approx(slope_there, rel=1e-4, abs=1e-12)


def test_nan_and_impossible_values() -> None:
    assert np.isnan(MMcD(1.0, 2, 1.0).solve(np.array([1.0, np.nan])).accepted[1])
    with pytest.raises(qm.DomainError, match="patience must be finite"):
        MMcD(1.0, 2, np.inf)
    with pytest.raises(qm.ModelError, match="exponential"):
        MMcD(1.0, 2, 1.0).serving(qm.Deterministic(1.0))
