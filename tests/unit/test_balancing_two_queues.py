"""Two replicas and the shorter queue, by the exact chain."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing import LeastConnections, PowerOfChoices, shorter_of_two
from qmodel.balancing.two_queues import LEVELS, _solved, equal_levels
from qmodel.errors import DomainError


def by_all_states(
    rate: float, speeds: tuple[float, float], workers: int, most: int = 40
) -> tuple[float, float]:
    """Return the share of the first and the mean response, from the balance of all states."""
    size = most + 1
    flow = np.zeros((size * size,) * 2)
    for one in range(size):
        for two in range(size):
            here = one * size + two
            first = 1.0 if one < two else 0.5 if one == two else 0.0
            ways = [
                (here + size, rate * first * (one < most)),
                (here + 1, rate * (1 - first) * (two < most)),
                (here - size, speeds[0] * min(one, workers)),
                (here - 1, speeds[1] * min(two, workers)),
            ]
            for there, speed in ways:
                if speed > 0:
                    flow[there, here] += speed
                    flow[here, here] -= speed
    flow[-1] = 1.0
    state = np.linalg.solve(flow, np.eye(size * size)[-1]).reshape(size, size)
    one, two = np.indices((size, size))
    joins = np.where(one < two, 1.0, np.where(one == two, 0.5, 0.0))
    return float((state * joins).sum()), float((state * (one + two)).sum()) / rate


@pytest.mark.parametrize(
    ("rate", "times", "workers"),
    [(0.75, (1.0, 2.0), 1), (1.0, (1.0, 1.0), 1), (1.2, (4.0, 1.5), 2)],
)
def test_against_all_states(rate: float, times: tuple[float, float], workers: int) -> None:
    share, response = by_all_states(rate, (1 / times[0], 1 / times[1]), workers)
    found = shorter_of_two(rate, times, workers=workers)
    assert float(found.share) == pytest.approx(share, rel=1e-7)
    assert float(found.response_time) == pytest.approx(response, rel=1e-7)
    swapped = shorter_of_two(rate, times[::-1], workers=workers)
    assert float(swapped.share) == pytest.approx(1 - share, rel=1e-7)


def test_published_figures() -> None:
    unequal = shorter_of_two(0.75, (1.0, 2.0))
    assert float(unequal.share) == pytest.approx(0.59766, abs=1e-5)
    assert float(unequal.response_time) == pytest.approx(2.05536, abs=1e-5)
    equal = shorter_of_two([1.0, 1.6], (1.0, 1.0))
    assert equal.response_time == pytest.approx(
        [1.4263207511672389, 2.955736617637522], rel=1e-10
    )
    assert equal.prob_wait == pytest.approx(
        [0.31596749798201057, 0.6941647752122341], rel=1e-10
    )


def test_least_connections_of_two_is_exact() -> None:
    load = np.array([0.3, 0.5, 0.8, 0.95])
    for workers in (1, 2, 8):
        pool = LeastConnections(qm.MMc(1.0, workers), replicas=2)
        r = pool.solve(2 * workers * load)
        exact = shorter_of_two(2 * workers * load, (1.0, 1.0), workers=workers)
        assert r.response_time == pytest.approx(exact.response_time, rel=1e-8)
        assert r.basis["response_time"] == r.basis["p99"] == "exact"
        assert r.response.mean == pytest.approx(r.response_time, rel=1e-8)
    both = PowerOfChoices(qm.MMc(1.0), replicas=2, choices=2).solve(1.6)
    assert float(both.response_time) == pytest.approx(2.955736617637522, rel=1e-9)
    three = LeastConnections(qm.MMc(1.0), replicas=[2, 3]).solve(1.6)
    assert three.basis["response_time"] == "approximate"
    assert three.response_time[0] == pytest.approx(2.955736617637522, rel=1e-9)
    assert LeastConnections(qm.MMc(1.0, 9), replicas=2).solve(9.0).basis == "approximate"


def test_the_percentiles_of_two() -> None:
    """The wait behind m requests is Erlang's distribution: replayed, 400,000 requests."""
    rng, rate = np.random.default_rng(3), 1.6
    free, seen = np.zeros((2, 400)), []
    ends = np.full((2, 400, 60), -1.0)
    time = np.zeros(400)
    for step in range(2500):
        time = time + rng.exponential(1 / rate, 400)
        numbers = (ends > time[:, None]).sum(axis=2)
        first = (numbers[0] < numbers[1]) | (
            (numbers[0] == numbers[1]) & (rng.random(400) < 0.5)
        )
        chosen, row = np.where(first, 0, 1), np.arange(400)
        done = np.maximum(free[chosen, row], time) + rng.exponential(1.0, 400)
        free[chosen, row] = done
        ends[chosen, row, step % 60] = done
        if step > 500:
            seen.append(done - time)
    distribution = LeastConnections(qm.MMc(1.0), replicas=2).solve(rate).response
    found = np.concatenate(seen)
    for p in (0.5, 0.9, 0.99):
        assert float(distribution.quantile(p)) == pytest.approx(np.quantile(found, p), rel=0.03)


def test_the_fit_of_the_levels() -> None:
    load = np.array([0.003, 0.05, 0.21, 0.5, 0.77, 0.97, 0.9999])
    for workers in (1, 3):
        exact = _solved(2 * workers * load, np.ones(7), np.ones(7), workers, LEVELS)[2]
        assert np.array(equal_levels(load, workers)) == pytest.approx(exact, abs=1e-8)


def test_cells_and_what_is_refused() -> None:
    r = shorter_of_two([0.5, 1.6, np.nan], ([[1.0], [0.5]], 2.0))
    assert r.response_time.shape == (2, 3)
    assert np.isinf(r.response_time[0, 1])
    assert np.isnan(r.share[0, 1])
    assert np.isnan(r.response_time[:, 2]).all()
    for wrong, name in (
        (lambda: shorter_of_two(0.0, (1.0, 1.0)), "arrival_rate"),
        (lambda: shorter_of_two(1.0, (1.0, -1.0)), "service_times"),
        (lambda: shorter_of_two(1.0, (1.0, 1.0, 1.0)), "two service_times, got 3"),
        (lambda: shorter_of_two(1.0, (1.0, 1.0), workers=65), "at most 64"),
    ):
        with pytest.raises(DomainError, match=name):
            wrong()
