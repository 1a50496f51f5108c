"""Times of two phases with three given moments."""

import numpy as np
import pytest

import qmodel as qm
from qmodel.networks.coxian import coxian


def reduced(distribution: qm.Distribution) -> np.ndarray:
    """Return E[T^k] / k! for k = 1, 2, 3."""
    m, v, c = distribution.mean, distribution.variance, distribution.third_cumulant
    return np.array([m, (v + m**2) / 2, (c + 3 * v * m + m**3) / 6])


@pytest.mark.parametrize(
    "distribution",
    [qm.HyperExponential([0.3, 0.7], [2.0, 0.1]), qm.HyperExponential([0.01, 0.99], [9.0, 1.0]),
     qm.Sum((qm.Exponential(1.0), qm.Exponential(0.2))), qm.Exponential(0.3)],
)  # fmt: skip
def test_what_is_of_two_phases_is_found(distribution: qm.Distribution) -> None:
    found = coxian(reduced(distribution))
    assert reduced(found) == pytest.approx(reduced(distribution), rel=1e-9)
    s = np.array([0.01, 0.5, 3.0, 40.0])
    assert found.laplace(s) == pytest.approx(distribution.laplace(s), rel=1e-9)


def test_cells_of_all_kinds() -> None:
    """Regular, exponential and variable; what no two phases are keeps mean and variance."""
    moments = np.array([[2.0] * 4, [3.9, 4.0, 9.0, 3.6], [7.5, 8.0, 60.0, 6.0]])
    found = coxian(moments)
    assert found.mean == pytest.approx(moments[0])
    assert (found.variance + found.mean**2) / 2 == pytest.approx(moments[1])
    for i in range(4):
        alone = coxian(moments[:, i])
        assert found.quantile(0.99)[i] == pytest.approx(alone.quantile(0.99), rel=1e-9)


def test_overload_and_what_is_unknown() -> None:
    found = coxian(np.ones((3, 3)), np.array([2.0, np.inf, np.nan]))
    assert found.mean[0] == pytest.approx(2.0)
    assert np.isinf(found.mean[1])
    assert np.isnan(found.mean[2])
