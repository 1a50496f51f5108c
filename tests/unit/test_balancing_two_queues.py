"""Two replicas and the shorter queue, by the exact chain."""

from __future__ import annotations

import numpy as np
import pytest

from qmodel.balancing import shorter_of_two
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
