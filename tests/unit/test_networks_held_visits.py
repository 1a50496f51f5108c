"""How often all visits of a request find the same queues."""

import numpy as np
import pytest

from qmodel.networks.held.visits import alike, halves


def test_one_visit_is_like_itself_and_heavy_traffic_stands_still() -> None:
    assert alike(200.0, np.array([0.0, 50.0, 199.0]), 0.02, 1) == pytest.approx(1.0)
    assert alike(200.0, 199.99999, 0.02, np.array([2, 5, 50])) == pytest.approx(1.0, abs=1e-6)
    assert alike(200.0, np.array([200.0, 300.0, np.nan]), 0.02, 5) == pytest.approx(1.0)


def test_it_is_the_sum_over_all_pairs() -> None:
    limit, rate, time, visits = 100.0, 70.0, 0.03, 6
    tau = (1 + 0.7) / (limit * 0.3**2)
    pairs = np.exp(-abs(np.subtract.outer(np.arange(visits), np.arange(visits))) * time / tau)
    assert alike(limit, rate, time, visits) == pytest.approx(2 * pairs.mean() - 1, rel=1e-12)


def test_falls_with_visits_and_with_the_time_between_them() -> None:
    by_visits = alike(100.0, 60.0, 0.02, np.arange(1, 40))
    assert np.all(np.diff(by_visits) <= 0)
    assert np.all(np.diff(alike(100.0, 60.0, np.geomspace(1e-4, 1.0, 30), 4)) <= 0)
    assert np.all((by_visits >= 0) & (by_visits <= 1))


def test_halves() -> None:
    assert halves(5) == (3, 2)
    assert halves(2) == (1, 1)
    assert [list(x) for x in halves(np.array([1, 3]))] == [[1, 2], [1, 1]]
