"""The simulator itself, on paths that can be followed by hand."""

from __future__ import annotations

from types import ModuleType

import numpy as np


def test_single_by_hand(sim: ModuleType) -> None:
    departures = sim.single(np.array([0.0, 1.0, 5.0]), np.array([2.0, 2.0, 1.0]))
    assert departures.tolist() == [2.0, 4.0, 6.0]


def test_one_of_several_servers_is_a_single_one(sim: ModuleType) -> None:
    rng = np.random.default_rng(1)
    arrivals, services = sim.poisson(rng, 0.9, 5000), rng.exponential(1, 5000)
    np.testing.assert_allclose(
        sim.several(arrivals, services, 1), sim.single(arrivals, services), rtol=1e-12
    )


def test_several_by_hand(sim: ModuleType) -> None:
    departures = sim.several(np.array([0.0, 0.0, 1.0]), np.array([5.0, 2.0, 1.0]), 2)
    assert departures.tolist() == [5.0, 2.0, 3.0]


def test_shared_by_hand(sim: ModuleType) -> None:
    # Alone until 1, then half the speed each: the second leaves at 3, the first at 4.
    departures = sim.shared(np.array([0.0, 1.0]), np.array([3.0, 1.0]))
    assert departures.tolist() == [4.0, 3.0]
    assert sim.shared(np.array([0.0, 1.0]), np.array([3.0, 1.0]), 2).tolist() == [3.0, 2.0]


def test_feedback_by_hand(sim: ModuleType) -> None:
    ones = lambda n: np.ones(n)  # noqa: E731
    departures = sim.feedback(np.array([0.0, 0.5]), ones, np.array([2, 1]))
    assert departures.tolist() == [3.0, 2.0]


def test_order_of_arrival_at_the_next_station(sim: ModuleType) -> None:
    departures = sim.fcfs(np.array([2.0, 1.0]), np.array([1.0, 5.0]))
    assert departures.tolist() == [7.0, 6.0]


def test_interval_covers_and_excludes(sim: ModuleType) -> None:
    times = np.random.default_rng(2).exponential(1.0, 200_000)
    assert sim.mean(times).holds(1.0)
    assert sim.quantile(times, 0.99).holds(-np.log(0.01))
    assert not sim.mean(times).holds(1.02)
