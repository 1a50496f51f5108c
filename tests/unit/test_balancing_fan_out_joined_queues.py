"""Queues that are long together: equal ones and others, by one factor."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing.fan_out.fork_join import response_distribution
from qmodel.balancing.fan_out.joined_queues import JoinedQueues, UnequalQueues
from qmodel.errors import DomainError, ModelError

T = np.array([0.1, 0.5, 1.0, 3.0, 8.0])
ONE = qm.Exponential(1.0)


@pytest.mark.parametrize("need", [1, 2, 3])
@pytest.mark.parametrize("r", [0.0, 0.3, 0.9])
def test_equal_ones_are_a_special_case(need: int, r: float) -> None:
    equal = JoinedQueues(ONE, need, 3, r)
    several = UnequalQueues([ONE] * 3, need, [r] * 3)
    for of in ("tail", "density"):
        assert getattr(several, of)(T) == pytest.approx(getattr(equal, of)(T), abs=1e-9)
    assert float(several.mean) == pytest.approx(float(equal.mean), rel=1e-9)


@pytest.mark.parametrize("need", [1, 2, 3])
def test_without_correlation_they_are_independent(need: int) -> None:
    distributions = [ONE, qm.Exponential(0.3), qm.Shifted(qm.Exponential(2.0), 0.2)]
    joined, apart = (
        UnequalQueues(distributions, need, [0.0] * 3),
        qm.Quorum(distributions, need),
    )
    assert joined.tail(T) == pytest.approx(apart.tail(T), abs=1e-12)
    assert joined.density(T) == pytest.approx(apart.density(T), abs=1e-12)
    # One that is correlated, with nobody to be correlated with, changes nothing.
    lone = UnequalQueues(distributions, need, [0.0, 0.8, 0.0])
    assert lone.tail(T) == pytest.approx(apart.tail(T), abs=1e-9)


@pytest.mark.parametrize("need", [1, 2])
@pytest.mark.parametrize("r", [0.2, 0.31, 0.75, 0.92, 0.93])
def test_two_have_a_rule_of_their_own(need: int, r: float) -> None:
    """As the equal pair, by the factor; its density is the slope of its tail."""
    two, equal = UnequalQueues([ONE, ONE], need, [r, r]), JoinedQueues(ONE, need, 2, r)
    assert two.tail(T) == pytest.approx(equal.tail(T), rel=1e-9, abs=1e-12)
    assert two.density(T) == pytest.approx(equal.density(T), rel=1e-7, abs=1e-10)
    unequal = UnequalQueues([ONE, qm.Exponential(0.2)], need, [r, 0.5])
    h = 1e-5
    slope = (unequal.tail(T - h) - unequal.tail(T + h)) / (2 * h)
    assert unequal.density(T) == pytest.approx(slope, rel=1e-4, abs=1e-8)
    ends = unequal.tail(np.array([0.0, 1e4]))
    assert ends.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("need", [1, 2, 3])
def test_the_density_is_the_slope_of_the_tail(need: int) -> None:
    distributions = [ONE, qm.Exponential(0.3), qm.Gamma(2.0, 0.25)]
    distribution, h = UnequalQueues(distributions, need, [0.3, 0.6, 0.9]), 1e-5
    slope = (distribution.tail(T - h) - distribution.tail(T + h)) / (2 * h)
    assert distribution.density(T) == pytest.approx(slope, rel=1e-4, abs=1e-8)


def test_against_draws_of_the_factor() -> None:
    rng, n, r = np.random.default_rng(4), 400_000, np.array([0.3, 0.6, 0.9])
    scores = np.sqrt(r) * rng.standard_normal((n, 1))
    scores += np.sqrt(1 - r) * rng.standard_normal((n, 3))
    from scipy.special import ndtr

    means = np.array([1.0, 0.3, 2.0])
    times = np.sort(-np.log(ndtr(-scores)) * means, axis=1)
    for need in (1, 2, 3):
        distribution = UnequalQueues([qm.Exponential(m) for m in means], need, list(r))
        assert float(distribution.mean) == pytest.approx(times[:, need - 1].mean(), rel=0.01)
        p99 = np.quantile(times[:, need - 1], 0.99)
        assert float(distribution.quantile(0.99)) == pytest.approx(p99, rel=0.03)


def test_arrays_of_correlations() -> None:
    distribution = UnequalQueues(
        [ONE, qm.Exponential([0.5, 1.0])], 2, [np.array([0.1, 0.7]), 0.4]
    )
    each = (0.5, 0.1), (1.0, 0.7)
    cells = [UnequalQueues([ONE, qm.Exponential(m)], 2, [r, 0.4]) for m, r in each]
    assert distribution.mean == pytest.approx([float(c.mean) for c in cells], rel=1e-8)
    assert distribution.quantile(0.9) == pytest.approx(
        [float(c.quantile(0.9)) for c in cells], rel=1e-6
    )


def test_no_share_takes_no_time() -> None:
    """Weights of the factor add up to a rounding less, and percentiles looked for a jump."""
    loads = np.linspace(0.01, 0.98, 100)
    for leaf in (qm.MMc(1.0).solve(loads), qm.MG1(qm.Gamma(1.0, 2.0)).solve(loads[::25])):
        time = response_distribution(leaf, 16, need=1)
        assert (time.atom == 0).all()
        assert (time.tail(0.0) == 1).all()
        assert (time.tail(1e9) == 0).all()


def test_bad_input() -> None:
    with pytest.raises(
        ModelError, match="correlations must be as many as distributions, 2, got 1"
    ):
        UnequalQueues([ONE, ONE], 2, [0.1])
    with pytest.raises(DomainError, match="correlations"):
        UnequalQueues([ONE, ONE], 2, [0.1, 1.5])
    with pytest.raises(DomainError, match="need must be at most 2"):
        UnequalQueues([ONE, ONE], 3, [0.1, 0.1])


@pytest.mark.parametrize(
    ("need", "of", "r", "p"),
    [(3, 8, 0.8, 0.999), (2, 4, 0.5, 0.9), (7, 8, 0.2, 0.99), (2, 3, 0.25, 0.99)],
)
def test_percentiles_are_those_of_the_tail(need: int, of: int, r: float, p: float) -> None:
    """They stepped by the density of independent times, and the first ended at 99 for 5."""
    equal, several = JoinedQueues(ONE, need, of, r), UnequalQueues([ONE] * of, need, [r] * of)
    for distribution in (equal, several):
        assert float(distribution.tail(distribution.quantile(p))) == pytest.approx(
            1 - p, rel=1e-9
        )
        assert distribution.tail_and_density(T)[1] == pytest.approx(
            distribution.density(T), rel=1e-12
        )
