"""The wait by levels: against M/M/c, inversion of its transform, and its limits."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing.conditional_wait import LevelWait
from qmodel.distributions import Distribution
from qmodel.numerics import inversion

TIMES = np.array([0.0, 0.01, 0.1, 0.7])


def geometric(probability, ratio, n, drain):
    return LevelWait(tuple(probability * ratio**j for j in range(n)), ratio, drain)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_wait_of_mmc_however_many_levels_are_stored(n):
    exact = qm.MMc(0.1, servers=4).solve(36.0).wait
    distribution = geometric(float(exact.tail(0.0)), 0.9, n, 40.0)
    for name in ("mean", "variance", "third_cumulant", "atom", "defect"):
        assert getattr(distribution, name) == pytest.approx(
            float(getattr(exact, name)), rel=1e-12
        )
    assert distribution.tail(TIMES) == pytest.approx(exact.tail(TIMES), rel=1e-12)
    assert distribution.density(TIMES) == pytest.approx(exact.density(TIMES), rel=1e-12)
    assert distribution.laplace(3.0 + 1j) == pytest.approx(exact.laplace(3.0 + 1j), rel=1e-12)
    assert distribution.quantile(0.99) == pytest.approx(float(exact.quantile(0.99)), rel=1e-9)


@pytest.mark.parametrize("ratio", [0.0, 1e-30, 0.3, 0.95])
def test_tail_density_and_cumulant_are_those_of_the_transform(ratio):
    distribution = LevelWait((0.5, 0.4, 0.1), ratio, 2.0)
    t = np.array([0.1, 0.5, 2.0, 5.0])
    tail, density = inversion.tail_and_density(distribution.laplace, 1.0, t, inversion.TALBOT)
    assert distribution.tail(t) == pytest.approx(tail, abs=1e-7)
    assert distribution.density(t) == pytest.approx(density, abs=1e-7)
    by_cauchy = Distribution.third_cumulant.fget(distribution)
    assert distribution.third_cumulant == pytest.approx(by_cauchy, rel=1e-7)


def test_below_zero_idle_full_and_unknown_cells():
    ratio = np.array([0.2, 0.0, 1.0, np.nan])
    distribution = LevelWait((np.array([0.5, 0.0, 1.0, np.nan]),), ratio, 2.0)
    assert distribution.tail(-1.0).tolist() == [1, 1, 1, 1]
    assert distribution.density(-1.0).tolist() == [0, 0, 0, 0]
    for value in (distribution.mean, distribution.variance, distribution.quantile(0.99)):
        assert value[1:3].tolist() == [0.0, np.inf]
        assert np.isnan(value[3])
    assert distribution.defect[:3].tolist() == [0, 0, 1]
