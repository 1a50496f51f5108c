"""How large a pool must be: a database that slows down, and threads around it."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import DomainError, ModelError

CURVE = qm.networks.scalability(range(1, 101), speed=20.0, contention=0.05, coherency=0.002)


def site(permits: int) -> qm.Pipeline:
    db = qm.LoadDependent(qm.Exponential(0.05), CURVE * 0.05)
    return qm.Pipeline(qm.hold("connections", permits, qm.call("database", db)))


def test_published_digits_of_a_database_that_slows_down() -> None:
    """Mean responses by size and load, those of the queue with these rates."""
    rate = np.array([80.0, 120.0, 140.0])
    found = site(22).solve(rate).latency.mean
    assert found == pytest.approx([0.067847, 0.096498, 0.190415], abs=1e-6)
    assert site(10).solve(rate).latency.mean == pytest.approx(
        [0.0693, 0.4142, np.inf], abs=5e-5
    )
    assert site(40).solve(rate).latency.mean == pytest.approx(
        [0.0678, 0.0990, np.inf], abs=5e-5
    )
    assert np.isinf(site(100).solve(80.0).latency.mean)
    assert site(22).max_rate == pytest.approx(147.949, abs=1e-3)


@pytest.mark.thorough
def test_the_sizes_are_those_of_the_curve_alone() -> None:
    rate = np.array([80.0, 120.0, 140.0, 150.0])
    here = qm.best_pool(site(1), "connections", rate, most=100)
    alone = qm.networks.pool_size(CURVE, rate)
    for name in ("best", "least", "floor", "ceiling"):
        assert np.all(getattr(here, name) == getattr(alone, name)), name
    assert here.response_time == pytest.approx(alone.response_time, rel=1e-8)
    assert (here.best[3], here.floor[3]) == (0, 0)


def test_a_percentile_may_want_another_size() -> None:
    found = qm.best_pool(site(1), "connections", 120.0, most=40, percentile=0.99)
    assert found.least <= found.best < 22
    quantiles = [site(n).solve(120.0).latency.quantile(0.99) for n in (found.best, 22)]
    assert found.response_time == pytest.approx(quantiles[0], rel=1e-7)
    assert quantiles[0] < quantiles[1]


def test_bad_input() -> None:
    with pytest.raises(ModelError, match=r"no pool 'threads' that is held; .*'connections'"):
        qm.best_pool(site(1), "threads", 10.0)
    with pytest.raises(DomainError, match="most must be a whole number >= 1, got 0"):
        qm.best_pool(site(1), "connections", 10.0, most=0)
    with pytest.raises(DomainError, match="tolerance"):
        qm.best_pool(site(1), "connections", 10.0, tolerance=-1.0)
