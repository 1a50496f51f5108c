"""How many permits a pool should have."""

from __future__ import annotations

import numpy as np
import pytest

from qmodel.errors import DomainError
from qmodel.networks import deadlock_free_permits, pool_size, scalability

CURVE = scalability(np.arange(1, 101), speed=20.0, contention=0.05, coherency=0.002)


def test_scalability_distribution() -> None:
    assert np.argmax(CURVE) + 1 == 22
    assert CURVE.max() == pytest.approx(147.949, abs=5e-4)


@pytest.mark.parametrize(
    ("rate", "best", "by_permits"),
    [(80.0, 0.067847, [0.0693, 0.0678, np.inf]), (120.0, 0.096498, [0.4142, 0.0990, np.inf]),
     (140.0, 0.190415, [np.inf, np.inf, np.inf])],
)  # fmt: skip
def test_best_size_where_the_database_slows_down(
    rate: float, best: float, by_permits: list[float]
) -> None:
    r = pool_size(CURVE, rate)
    assert (r.best, r.ceiling) == (22, 22)
    assert r.response_time == pytest.approx(best, abs=1e-6)
    assert r.response_by_permits[[9, 39, 99]] == pytest.approx(by_permits, abs=5e-5)
    assert r.floor <= r.least <= r.best
    assert r.response_by_permits[r.least - 1] <= 1.01 * best
    assert r.response_by_permits[r.least - 2] > 1.01 * best


def test_by_a_direct_sum() -> None:
    r = pool_size(CURVE, 100.0)
    for permits in (8, 15, 40):
        weights = [1.0]
        for n in range(1, 4000):
            weights.append(weights[-1] * 100.0 / CURVE[min(n, permits) - 1])
        mean = np.arange(4000) @ np.array(weights) / sum(weights) / 100.0
        assert r.response_by_permits[permits - 1] == pytest.approx(mean, rel=1e-9)


def test_loads_broadcast_and_overload_is_none() -> None:
    r = pool_size(CURVE, np.array([0.0, 80.0, 150.0, np.nan]))
    assert r.best.tolist() == [1, 22, 0, 0]
    assert r.response_time[[0, 1]] == pytest.approx([0.05, 0.067847], abs=1e-6)
    assert np.isinf(r.response_time[2])
    assert np.isnan(r.response_time[3])


def test_deadlock() -> None:
    assert deadlock_free_permits([1, 16], each=[1, 3]).tolist() == [1, 33]


def test_impossible_numbers() -> None:
    with pytest.raises(DomainError, match="throughputs must be a number > 0, got 0"):
        pool_size([1.0, 0.0], 0.5)
    with pytest.raises(DomainError, match="contention must be a probability"):
        scalability(3, speed=1.0, contention=2.0, coherency=0.0)
    with pytest.raises(DomainError, match="each must be a whole number"):
        deadlock_free_permits(3, each=0)
