"""M/G/1-PS: insensitive mean, exact exponential percentiles."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions.fit import balanced_hyperexponential

# Exact chain of the tagged request, in mean service times (theory, section 2.6).
EXACT = {
    0.5: (1.132, 4.834, 12.45, 22.20),
    0.8: (2.352, 12.54, 36.94, 71.25),
    0.9: (4.336, 25.43, 78.33, 155.2),
}


@pytest.mark.parametrize("load", EXACT)
def test_exponential_percentiles(load: float) -> None:
    distribution = qm.MG1PS(qm.Exponential(1.0)).solve(load).response
    got = distribution.quantile([0.5, 0.9, 0.99, 0.999])
    np.testing.assert_allclose(got, EXACT[load], rtol=6e-4)


@pytest.mark.parametrize("load", [0.1, 0.5, 0.9, 0.99])
def test_variance(load: float) -> None:
    """Coffman, Muntz and Trotter 1970: (2 + rho) / (2 - rho) / (mu - lambda)^2."""
    distribution = qm.MG1PS(qm.Exponential(1.0)).solve(load).response
    assert distribution.mean == pytest.approx(1 / (1 - load), rel=1e-9)
    expected = (2 + load) / (2 - load) / (1 - load) ** 2
    assert distribution.variance == pytest.approx(expected, rel=1e-7)


def test_the_tail_is_longer_and_the_median_shorter_than_fcfs() -> None:
    shared = qm.MG1PS(qm.Exponential(1.0)).solve(0.8).response
    queued = qm.MMc(1.0).solve(0.8).response
    assert shared.mean == pytest.approx(queued.mean)
    assert shared.quantile(0.99) / queued.quantile(0.99) == pytest.approx(1.6, abs=0.01)
    assert shared.quantile(0.5) < queued.quantile(0.5)


def test_labels() -> None:
    exact = qm.MG1PS(qm.Exponential(1.0)).solve(0.8)
    assert str(exact.basis) == "exact"
    general = qm.MG1PS(balanced_hyperexponential(1.0, 4.0)).solve(0.8)
    assert (general.basis["response_time"], general.basis["p99"]) == ("exact", "approximate")
    assert general.wait is None


def test_overload_beside_stable_cells() -> None:
    r = qm.MG1PS(qm.Exponential(1.0)).solve(np.array([0.8, 1.0, 2.0]))
    quantiles = r.response.quantile(0.99)
    assert quantiles[0] == pytest.approx(36.94, rel=1e-3)
    assert np.isposinf(quantiles[1:]).all()


def test_servers_are_no_argument() -> None:
    assert qm.MG1PS(qm.Exponential(1.0)).servers == 1
    with pytest.raises(TypeError):
        qm.MG1PS(qm.Exponential(1.0), 2)
    with pytest.raises(qm.ModelError, match="service"):
        qm.MG1PS(1.0)
