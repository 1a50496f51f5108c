"""The k-th shortest of several independent times."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions import Maximum, Minimum, OrderStatistic, Quorum

DISTRIBUTIONS = (
    qm.Exponential(0.02),
    qm.Gamma(0.03, scv=0.5),
    qm.Shifted(qm.HyperExponential([0.9, 0.1], [0.01, 0.1]), 0.005),
)
T = np.array([0.0, 0.004, 0.01, 0.03, 0.1, 0.4])


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_last_is_the_maximum_and_the_first_the_minimum(
    distribution: qm.Distribution,
) -> None:
    for n in (1, 2, 5):
        assert OrderStatistic(distribution, n, of=n).tail(T) == pytest.approx(
            Maximum([distribution] * n).tail(T), rel=1e-12
        )
        assert OrderStatistic(distribution, 1, of=n).tail(T) == pytest.approx(
            Minimum([distribution] * n).tail(T), rel=1e-12
        )
        assert float(OrderStatistic(distribution, n, of=n).mean) == pytest.approx(
            float(Maximum([distribution] * n).mean), rel=1e-10
        )


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("need", [1, 2, 3, 4])
def test_a_quorum_of_equal_distributions_is_an_order_statistic(
    distribution: qm.Distribution, need: int
) -> None:
    one, other = OrderStatistic(distribution, need, of=4), Quorum([distribution] * 4, need)
    assert other.tail(T) == pytest.approx(one.tail(T), rel=1e-11)
    assert other.density(T) == pytest.approx(one.density(T), rel=1e-9)
    assert other.quantile([0.5, 0.99]) == pytest.approx(one.quantile([0.5, 0.99]), rel=1e-8)
    assert float(other.mean) == pytest.approx(float(one.mean), rel=1e-9)


def test_exponential_order_statistics_have_harmonic_means() -> None:
    n, k = np.array([1, 5, 100, 100]), np.array([1, 3, 95, 100])
    distribution = OrderStatistic(qm.Exponential(0.1), k, of=n)
    expected = [
        0.1 * sum(1 / i for i in range(m - j + 1, m + 1)) for m, j in zip(n, k, strict=True)
    ]
    assert distribution.mean == pytest.approx(expected, rel=1e-9)


def test_different_distributions_against_all_outcomes() -> None:
    late = np.array([distribution.tail(0.02) for distribution in DISTRIBUTIONS])
    few = sum(
        np.prod([p if i in still else 1 - p for i, p in enumerate(late)])
        for still in ((0, 1, 2), (0, 1), (0, 2), (1, 2))
    )
    assert float(Quorum(DISTRIBUTIONS, need=2).tail(0.02)) == pytest.approx(few, rel=1e-12)


def test_different_distributions_against_samples() -> None:
    rng = np.random.default_rng(3)
    x = np.sort(
        np.stack(
            [
                rng.exponential(0.02, 10**6),
                rng.gamma(2.0, 0.015, 10**6),
                0.005 + rng.exponential(np.where(rng.random(10**6) < 0.9, 0.01, 0.1)),
            ]
        ),
        axis=0,
    )
    distribution = Quorum(DISTRIBUTIONS, need=2)
    assert float(distribution.mean) == pytest.approx(x[1].mean(), rel=0.003)
    assert float(distribution.quantile(0.99)) == pytest.approx(
        np.quantile(x[1], 0.99), rel=0.01
    )


def test_small_tails_keep_their_digits() -> None:
    # All three of three later than t: the product of the tails, far below rounding.
    distribution = OrderStatistic(qm.Exponential(1.0), 1, of=3)
    assert float(distribution.tail(100.0)) == pytest.approx(np.exp(-300.0), rel=1e-12)
    two = OrderStatistic(qm.Exponential(1.0), 2, of=3)
    late = np.exp(-20.0)
    exact = comb(3, 2) * late**2 * (1 - late) + late**3
    assert float(two.tail(20.0)) == pytest.approx(exact, rel=1e-12)


def test_impossible_needs() -> None:
    with pytest.raises(qm.DomainError, match=r"need must be at most 3, .* got 4"):
        OrderStatistic(qm.Exponential(1.0), 4, of=3)
    with pytest.raises(qm.DomainError, match=r"need must be at most 2, .* got 3"):
        Quorum([qm.Exponential(1.0)] * 2, need=3)
    with pytest.raises(qm.DomainError, match="need must be a whole number >= 1, got 0"):
        Quorum([qm.Exponential(1.0)], need=0)


def _moments(distribution: qm.Distribution) -> list[float]:
    mean, variance = float(distribution.mean), float(distribution.variance)
    third = float(distribution.third_cumulant)
    return [mean, variance + mean**2, third + 3 * mean * variance + mean**3]


@pytest.mark.thorough
def test_moments_of_the_last_of_inverted_times() -> None:
    """What an inversion leaves of a tail far out was weighed by the cube of the time."""
    inverted = qm.MGc(qm.LogNormal(0.02, 2.0), 4).solve(40.0).response
    times = [inverted, qm.LogNormal(0.02, 2.0), qm.LogNormal(0.03, 1.0)]
    t = np.geomspace(1e-12, 5.0, 1001)
    tails = np.array([time.tail(t) for time in times])
    both = tails.sum(axis=0) - (1 - np.prod(1 - tails, axis=0))
    for power, found in enumerate(_moments(Maximum(times))):
        # Of those that both are late by t, the sum of the tails counts some twice.
        twice = (power + 1) * np.trapezoid(t**power * both * t, np.log(t))
        apart = sum(_moments(time)[power] for time in times)
        assert found == pytest.approx(apart - twice, rel=1e-7)
    of_one = OrderStatistic(inverted, 2, of=2)
    assert _moments(of_one) == pytest.approx(_moments(Maximum([inverted] * 2)), rel=1e-9)


@pytest.mark.parametrize("scv", [2.0, 4.0])
def test_the_first_of_times_that_may_be_next_to_nothing(scv: float) -> None:
    """Their density is endless at 0: the mean was a 4,000th too small."""
    one = qm.Gamma(0.1, scv)
    t = np.geomspace(1e-40, 5.0, 400_001)
    mean = np.trapezoid(t * one.tail(t) ** 30, np.log(t))
    assert float(Minimum([one] * 30).mean) == pytest.approx(mean, rel=1e-9)
    assert float(OrderStatistic(one, 1, of=30).mean) == pytest.approx(mean, rel=1e-9)


def test_the_last_of_heavy_times_has_the_mean_that_lies_beyond_all_panels() -> None:
    """Half a percent of it was beyond the last panel, and the variance finite."""
    heavy, other = qm.Pareto(1.0, 1.5), qm.LogNormal(1.0, 2.0)
    t = np.geomspace(1e-9, 1e9, 2_000_001)
    first = np.trapezoid(t * heavy.tail(t) * other.tail(t), np.log(t))
    last = Maximum([heavy, other])
    assert float(last.mean) == pytest.approx(3.0 + 1.0 - first, rel=1e-6)
    assert last.variance == np.inf
    assert Minimum([heavy, heavy]).variance < np.inf
