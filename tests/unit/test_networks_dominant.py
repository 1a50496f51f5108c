"""Networks of which one or two stations decide all, against exact recursions."""

from __future__ import annotations

import numpy as np
import pytest

from qmodel.networks.dominant import by_one, by_two

RNG = np.random.default_rng(7)


def mean_values(demands: np.ndarray, delay: np.ndarray, users: int) -> tuple[np.ndarray, ...]:
    """Exact mean value analysis of single servers, cells last, in extended precision."""
    demands, delay = demands.astype(np.longdouble), delay.astype(np.longdouble)
    queues = np.zeros_like(demands)
    for n in range(1, users + 1):
        response = demands * (1 + queues)
        through = n / (delay + response.sum(axis=0))
        queues = through * response
    return through.astype(float), queues.astype(float)


@pytest.mark.parametrize("shortcut", [by_one, by_two])
@pytest.mark.parametrize(("users", "stations"), [(60, 2), (60, 5), (600, 2), (600, 20)])
def test_where_it_says_so_it_is_exact(shortcut, users: int, stations: int) -> None:
    cells = 200
    demands = np.exp(RNG.uniform(-3, 0, (stations, cells)))
    demands[1] = demands[0] * (1 - np.exp(RNG.uniform(-6, 0, cells)))
    delay = np.exp(RNG.uniform(-3, 0.5, cells)) * users
    n = np.full(cells, float(users))
    through, queues = mean_values(demands, delay, users)
    here, rate, numbers = shortcut(demands, delay, n)
    assert here.any()
    assert not here.all()
    assert rate[here] == pytest.approx(through[here], rel=1e-14)
    assert numbers[:, here] == pytest.approx(queues[:, here], rel=1e-12)


def test_ties_idle_stations_and_nobody_are_left_to_others() -> None:
    demands = np.array([[1.0, 1.0, 0.0, 1.0, np.nan], [1.0, 0.9, 0.0, 0.5, 0.5]])
    delay = np.array([0.0, 2e3, 1.0, 0.0, 0.0])
    n = np.array([1e3, 1e3, 1e3, 0.0, 1e3])
    for shortcut in (by_one, by_two):
        assert not shortcut(demands, delay, n)[0].any()
    assert not by_two(demands[:1], delay, n)[0].any()
    assert not by_one(demands[:0], delay, n)[0].any()
