"""The wait by levels: against M/M/c, inversion of its transform, and its limits."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing.conditional_wait import LevelWait
from qmodel.distributions import Distribution
from qmodel.numerics import inversion

TIMES = np.array([0.0, 0.01, 0.1, 0.7])


def geometric(chance, ratio, n, drain):
    return LevelWait(tuple(chance * ratio**j for j in range(n)), ratio, drain)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_wait_of_mmc_however_many_levels_are_stored(n):
    exact = qm.MMc(0.1, servers=4).solve(36.0).wait
    law = geometric(float(exact.tail(0.0)), 0.9, n, 40.0)
    for name in ("mean", "variance", "third_cumulant", "atom", "defect"):
        assert getattr(law, name) == pytest.approx(float(getattr(exact, name)), rel=1e-12)
    assert law.tail(TIMES) == pytest.approx(exact.tail(TIMES), rel=1e-12)
    assert law.density(TIMES) == pytest.approx(exact.density(TIMES), rel=1e-12)
    assert law.laplace(3.0 + 1j) == pytest.approx(exact.laplace(3.0 + 1j), rel=1e-12)
    assert law.quantile(0.99) == pytest.approx(float(exact.quantile(0.99)), rel=1e-9)


@pytest.mark.parametrize("ratio", [0.0, 1e-30, 0.3, 0.95])
def test_tail_density_and_cumulant_are_those_of_the_transform(ratio):
    law = LevelWait((0.5, 0.4, 0.1), ratio, 2.0)
    t = np.array([0.1, 0.5, 2.0, 5.0])
    tail, density = inversion.tail_and_density(law.laplace, 1.0, t, inversion.TALBOT)
    assert law.tail(t) == pytest.approx(tail, abs=1e-7)
    assert law.density(t) == pytest.approx(density, abs=1e-7)
    by_cauchy = Distribution.third_cumulant.fget(law)
    assert law.third_cumulant == pytest.approx(by_cauchy, rel=1e-7)


def test_below_zero_idle_full_and_unknown_cells():
    ratio = np.array([0.2, 0.0, 1.0, np.nan])
    law = LevelWait((np.array([0.5, 0.0, 1.0, np.nan]),), ratio, 2.0)
    assert law.tail(-1.0).tolist() == [1, 1, 1, 1]
    assert law.density(-1.0).tolist() == [0, 0, 0, 0]
    for value in (law.mean, law.variance, law.quantile(0.99)):
        assert value[1:3].tolist() == [0.0, np.inf]
        assert np.isnan(value[3])
    assert law.defect[:3].tolist() == [0, 0, 1]
