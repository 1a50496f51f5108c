"""The contour sum against recursions in extended precision, at any population."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from qmodel.networks import convolution
from qmodel.networks.contour import log_constant, steady_state
from qmodel.networks.saddle import Loop, SpeedTable

RNG = np.random.default_rng(0)


def mean_values(demands: np.ndarray, delay: np.ndarray, users: int) -> tuple[np.ndarray, ...]:
    """Exact mean value analysis of single servers, cells last, in extended precision."""
    demands, delay = demands.astype(np.longdouble), delay.astype(np.longdouble)
    queues = np.zeros_like(demands)
    for n in range(1, users + 1):
        response = demands * (1 + queues)
        through = n / (delay + response.sum(axis=0))
        queues = through * response
    return through, queues


@pytest.mark.parametrize("users", [1, 2, 3, 5, 12, 50, 400])
def test_single_servers_equal_mean_value_analysis(users: int) -> None:
    """Far below, around and far beyond the knee; ties; networks of one station."""
    cells = 200
    demands = np.exp(RNG.uniform(-4, 0, (6, cells))) * (RNG.random((6, cells)) < 0.5)
    demands[0], demands[:, :50], demands[0, :50] = 1.0, 0.0, 1.0
    demands[1, 50:80] = 1 - 10 ** RNG.uniform(-6, 0, 30)
    delay = np.concatenate([users * np.linspace(0.7, 1.3, 150), np.zeros(50)])
    through, queues = mean_values(demands, delay, users)
    found = steady_state(Loop(demands, delay), np.full(cells, float(users)))
    assert found.throughput == pytest.approx(through.astype(float), rel=1e-13)
    assert found.single == pytest.approx(queues.astype(float), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("users", [30, 120, 1000])
@pytest.mark.parametrize(("stations", "spread"), [(2, 0.3), (10, 3.0), (40, 0.2)])
def test_few_nodes_suffice_or_are_found_out(users: int, stations: int, spread: float) -> None:
    """Forty stations that are nearly equal need more than 48 nodes where delays are small."""
    cells = 150
    demands = np.exp(RNG.uniform(-spread, 0, (stations, cells)))
    delay = np.exp(RNG.uniform(np.log(1e-3), np.log(3), cells)) * users
    through, queues = mean_values(demands, delay, users)
    found = steady_state(Loop(demands, delay), np.full(cells, float(users)))
    assert found.throughput == pytest.approx(through.astype(float), rel=1e-13)
    assert found.single == pytest.approx(queues.astype(float), rel=1e-12)


def exact_constants(stations: list[tuple[float, list[int]]], delay: float, n: int) -> list:
    """Return G(0), ..., G(n) in 30 digits."""
    with mpmath.workdps(30):
        found = [mpmath.mpf(delay) ** m / mpmath.factorial(m) for m in range(n + 1)]
        for demand, speeds in stations:
            f = [mpmath.mpf(1)]
            for m in range(1, n + 1):
                f.append(f[-1] * mpmath.mpf(demand) / speeds[min(m, len(speeds)) - 1])
            found = [mpmath.fdot(f[: m + 1], found[m::-1]) for m in range(n + 1)]
        return found


@pytest.mark.parametrize("users", [1, 3, 8, 30, 80])
@pytest.mark.parametrize("servers", [(2,), (1, 8), (50, 3, 1), (20, 20), (4, 1, 4)], ids=str)
@pytest.mark.parametrize("delays", [0.0, 1.0, 3.0])
def test_several_servers_equal_the_convolution(
    users: int, servers: tuple[int, ...], delays: float
) -> None:
    stations = [(float(np.exp(RNG.uniform(-3, 0))) * c, list(range(1, c + 1))) for c in servers]
    g = exact_constants(stations, users * delays, users)
    singles = [d for d, speeds in stations if len(speeds) == 1]
    tables = tuple(
        SpeedTable(np.array([d]), np.array(speeds, dtype=float)[:, None])
        for d, speeds in stations
        if len(speeds) > 1
    )
    loop = Loop(np.array(singles).reshape(-1, 1), np.array([users * delays]), tables)
    n = np.array([float(users)])
    found = steady_state(loop, n)
    assert found.throughput[0] == pytest.approx(float(g[-2] / g[-1]), rel=2e-13)
    assert log_constant(loop, n)[0] == pytest.approx(float(mpmath.log(g[-1])), abs=1e-12)
    present = found.single.sum() + sum(t[0] for t in found.tables)
    assert present + found.throughput[0] * users * delays == pytest.approx(users, rel=1e-12)


@pytest.mark.parametrize(
    ("think_time", "throughput"),
    [(1e5, 9.99989751758), (9e4, 11.1022395941), (8e4, 11.1111111111)],
)
def test_a_million_users(think_time: float, throughput: float) -> None:
    """Published with a sum of 8,192 to 32,768 points."""
    loop = Loop(np.array([[0.05], [0.02], [0.09]]), np.array([think_time]))
    found = steady_state(loop, np.array([1e6]))
    if think_time == 9e4:
        # The open network at this throughput would have 90.114 s.
        response = found.single.sum() / found.throughput[0]
        assert response == pytest.approx(71.917, abs=6e-4)
    assert found.throughput[0] == pytest.approx(throughput, rel=1e-11)
    little = found.single.sum() / found.throughput[0]
    assert little == pytest.approx(1e6 / found.throughput[0] - think_time, rel=1e-8)


def test_mean_value_analysis_fails_there_and_this_does_not() -> None:
    """Eight servers and 60 or 90 users, where a recursion prints a negative throughput."""
    eight = SpeedTable(np.array([1.0, 4.0]), np.arange(1.0, 9.0)[:, None] * np.ones(2))
    loop = Loop(np.array([[0.05, 1e-9]]), np.array([0.0, 10.0]), (eight,))
    assert steady_state(loop, np.array([60.0, 90.0])).throughput == pytest.approx(
        [8.0, 2.0], rel=1e-13
    )


def test_convolution_and_contour_agree() -> None:
    x, numbers = convolution.steady_state([(2.0, [1.0]), (3.0, [1.0, 2.0])], 4.0, 20)
    table = SpeedTable(np.array([3.0]), np.array([[1.0], [2.0]]))
    found = steady_state(Loop(np.array([[2.0]]), np.array([4.0]), (table,)), np.array([20.0]))
    assert found.throughput[0] == pytest.approx(x, rel=1e-14)
    assert [found.single[0, 0], found.tables[0][0]] == pytest.approx(numbers, rel=1e-13)


def test_constants_of_many_equal_stations() -> None:
    """The number of ways in which 1000 requests can be at 40 equal stations."""
    loop = Loop(np.ones((40, 1)), np.array([0.0]))
    with mpmath.workdps(30):
        exact = float(mpmath.log(mpmath.binomial(1039, 39)))
    assert log_constant(loop, np.array([1000.0]))[0] == pytest.approx(exact, rel=1e-13)


def test_nobody_and_unknown() -> None:
    loop = Loop(np.array([[1.0, np.nan, 1.0]]), np.array([1.0, 1.0, 1.0]))
    found = steady_state(loop, np.array([0.0, 3.0, 1.0]))
    assert found.throughput[0] == found.single[0, 0] == 0.0
    assert np.isnan(found.throughput[1])
    assert found.throughput[2] == pytest.approx(0.5)
    assert log_constant(loop, np.array([0.0, 3.0, -1.0]))[[0, 2]].tolist() == [0.0, -np.inf]
