"""How like times are: waits are alike, services are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr

import qmodel as qm
from qmodel.balancing.fan_out import fork_join
from qmodel.balancing.fan_out.joined_queues import JoinedQueues, UnequalQueues
from qmodel.balancing.fan_out.likeness import (
    Likeness,
    common_factor,
    correlation_of_waits,
)

T = np.array([0.3, 0.9, 1.5, 3.0, 6.0])
REGULAR = qm.MG1(qm.Gamma(1.0, 0.25)).solve(0.7)
VARIED = qm.MG1(qm.from_mean_scv(0.7, 4.0)).solve(0.9)


def _like(leaf: qm.StationResult) -> Likeness:
    found = fork_join.alike(leaf)
    assert isinstance(found, Likeness)
    return found


def _root(like: Likeness, score: float) -> float:
    """Return the root of the correlation of normal scores that are both so late as often."""
    z, weights = common_factor(0.95)
    both = ndtr(like.given(score, weights)[0]) ** 2 @ weights

    def missed(r: float) -> float:
        return float(ndtr((score + np.sqrt(r) * z) / np.sqrt(1 - r)) ** 2 @ weights - both)

    return float(np.sqrt(brentq(missed, 0.0, 0.95)))


def test_who_is_late_by_service_is_late_alone() -> None:
    waits = correlation_of_waits(REGULAR.station.service, REGULAR.wait)
    roots = [_root(_like(REGULAR), score) for score in (1.5, 0.0, -2.0, -5.0)]
    assert roots == sorted(roots)
    assert roots[0] < 0.6 * roots[-1]
    assert roots[-1] == pytest.approx(np.sqrt(waits), rel=0.05)
    assert float(_like(REGULAR).largest) <= waits
    assert fork_join.alike(qm.MDc(1.0, 2).solve(0.7)) == 1.0


@pytest.mark.parametrize(
    ("leaf", "roots"),
    [
        (REGULAR, [0.489, 0.708, 0.781, 0.829, 0.845]),
        (qm.MG1(qm.Exponential(1.0)).solve(0.7), [0.397, 0.516, 0.556, 0.600, 0.621]),
    ],
)
def test_how_often_two_are_late_against_simulation(
    leaf: qm.StationResult, roots: list[float]
) -> None:
    """Ten million requests at 32 queues by Lindley's recursion; standard errors below 0.002.

    With waits of normal scores they were up to 8 and 20 % low.
    """
    scores = (1.5, 0.5, 0.0, -1.0, -2.0)
    found = [_root(_like(leaf), score) for score in scores]
    assert found == pytest.approx(roots, rel=0.045)


def test_some_cells_of_several_loads() -> None:
    """Of which the correlation is less than of the others, so that fewer factors do."""
    leaf = qm.MG1(qm.Gamma(1.0, 0.25)).solve([0.01, 0.9])
    like, alone = _like(leaf), _like(qm.MG1(qm.Gamma(1.0, 0.25)).solve(0.01))
    some = Likeness(like.largest[0], like.cell[0], like.table)
    _, weights = common_factor(some.largest)
    assert len(weights) < like.table.shape[-1]
    theirs = alone.given(-1.0, weights)
    assert some.given(-1.0, weights)[0] == pytest.approx(theirs[0], rel=1e-5)


def test_nobody_is_like_anybody_without_a_wait() -> None:
    leaf = qm.MG1(qm.Gamma(1.0, 0.25)).solve([0.0, 0.7, 1.2])
    _, weights = common_factor(_like(leaf).largest)
    found, alone = (_like(x).given(-2.0, weights)[0] for x in (leaf, REGULAR))
    assert found[[0, 2]] == pytest.approx(-2.0, abs=1e-12)
    assert found[1] == pytest.approx(alone)
    time = fork_join.response_distribution(leaf, 8)
    alone = fork_join.response_distribution(REGULAR, 8)
    assert time.mean[1] == pytest.approx(float(alone.mean))
    assert np.isinf(time.mean[2])
    assert time.quantile(0.99)[1] == pytest.approx(float(alone.quantile(0.99)))


def test_a_service_that_has_a_longest_time_is_not_longer() -> None:
    """Half a million requests at 16 queues, standard errors of 0.1 to 0.3 %.

    With one correlation at each time they were 16, 22, 17 and 3 % high.
    """
    times = qm.Deterministic(0.8 * 0.68), qm.Deterministic(1.2 * 0.68)
    leaf = qm.MG1(qm.Mixture((0.5, 0.5), times)).solve(1.0)
    last = fork_join.response_distribution(leaf, 16)
    found = [float(last.mean), *last.quantile([0.5, 0.95, 0.99]).tolist()]
    assert found == pytest.approx([1.876, 1.546, 4.222, 5.980], rel=0.065)
    far = np.array([20.0, 30.0])
    assert (last.tail(far) >= leaf.response.tail(far)).all()
    assert (last.tail(far) <= 16 * leaf.response.tail(far)).all()


@pytest.mark.thorough
def test_rows_of_stations_are_alike_by_their_waits() -> None:
    """Sixteen rows of two stations, simulated: with one number 8, 10, 16, 15 % high."""
    even = [qm.Deterministic(x * 4 * 0.68) for x in (0.8, 1.2)]
    first, then = qm.MGc(qm.Mixture((0.5, 0.5), even), 4), qm.MG1(qm.Uniform(0.0, 0.9))
    rows = [
        qm.series(qm.call(f"first {i}", first), qm.call(f"then {i}", then)) for i in range(16)
    ]
    time = qm.Pipeline(qm.parallel(*rows)).solve(1.0).latency
    found = [float(time.mean), *time.quantile([0.5, 0.95, 0.99]).tolist()]
    assert found == pytest.approx([4.968, 4.617, 7.157, 8.813], rel=0.075)


@pytest.mark.parametrize("need", [1, 3, 4])
def test_the_distribution_of_one_time_is_kept(need: int) -> None:
    """The mean number of four that are done is four times the share of one."""
    time = REGULAR.response
    done = sum(1 - JoinedQueues(time, k, 4, _like(REGULAR)).tail(T) for k in range(1, 5))
    assert done == pytest.approx(4 * (1 - time.tail(T)), abs=1e-9)
    several = UnequalQueues([time] * 4, need, [_like(REGULAR)] * 4)
    equal = JoinedQueues(time, need, 4, _like(REGULAR))
    assert several.tail(T) == pytest.approx(equal.tail(T), abs=1e-9)
    assert several.density(T) == pytest.approx(equal.density(T), abs=1e-8)


@pytest.mark.parametrize("leaves", [2, 3])
@pytest.mark.parametrize("need", [1, 2])
def test_the_density_is_the_slope_of_the_tail(need: int, leaves: int) -> None:
    times, h = [REGULAR.response, VARIED.response, qm.Exponential(1.0)][:leaves], 1e-5
    of = UnequalQueues(times, need, [_like(REGULAR), _like(VARIED), 0.3][:leaves])
    equal = JoinedQueues(times[0], need, leaves, _like(REGULAR))
    for distribution in (of, equal):
        slope = (distribution.tail(T - h) - distribution.tail(T + h)) / (2 * h)
        assert distribution.density(T) == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_against_simulation() -> None:
    """Loads 0.7 and 0.8; half a million requests, an eighth of it at 32 queues, seed 1000.

    An event simulator of its own; standard errors of 0.3 to 1.2 %. With one correlation at
    all times the first was 13, 19, 13 and 10 % high.
    """
    uniform = qm.MGc(qm.Uniform(0.56, 5.04), 4).solve(1.0)
    last = fork_join.response_distribution(uniform, 32)
    found = [float(last.mean), *last.quantile([0.5, 0.95, 0.99]).tolist()]
    assert found == pytest.approx([6.132, 5.524, 9.369, 11.699], rel=0.05)


@pytest.mark.parametrize("mean", [1e-3, 1.0, 40.0])
def test_waits_that_single_requests_leave_behind(mean: float) -> None:
    """Of exponential service a fourth, whatever the unit of time."""
    nobody = qm.Deterministic(0.0)
    alone = correlation_of_waits(qm.Exponential(mean), nobody)
    assert float(alone) == pytest.approx(0.25, rel=1e-4)
