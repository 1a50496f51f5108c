"""How like times are: waits are alike, services are not."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing.fan_out import fork_join
from qmodel.balancing.fan_out.joined_queues import JoinedQueues, UnequalQueues
from qmodel.balancing.fan_out.likeness import Likeness, correlation_of_waits

T = np.array([0.3, 0.9, 1.5, 3.0, 6.0])
REGULAR = qm.MG1(qm.Gamma(1.0, 0.25)).solve(0.7)
VARIED = qm.MG1(qm.from_mean_scv(0.7, 4.0)).solve(0.9)


def _like(leaf: qm.StationResult) -> Likeness:
    found = fork_join.alike(leaf)
    assert isinstance(found, Likeness)
    return found


def test_who_is_late_by_service_is_late_alone() -> None:
    waits = correlation_of_waits(REGULAR.station.service, REGULAR.wait)
    roots = [float(_like(REGULAR).at(score)[0]) for score in (1.5, 0.0, -2.0, -5.0)]
    assert roots == sorted(roots)
    assert roots[0] < 0.6 * roots[-1]
    assert roots[-1] == pytest.approx(np.sqrt(waits), rel=0.05)
    assert float(_like(REGULAR).largest) <= waits
    # Of exponential service it is about one number, which M/M/1 takes; of constant the same.
    single = qm.MG1(qm.Exponential(1.0)).solve(0.7)
    root = float(_like(single).at(-1.0)[0])
    assert root**2 == pytest.approx(float(fork_join.correlation(single)), abs=0.03)
    assert fork_join.alike(qm.MDc(1.0, 2).solve(0.7)) == 1.0


def test_nobody_is_like_anybody_without_a_wait() -> None:
    leaf = qm.MG1(qm.Gamma(1.0, 0.25)).solve([0.0, 0.7, 1.2])
    found = _like(leaf).at(-2.0)[0]
    assert found[[0, 2]].tolist() == [0.0, 0.0]
    assert found[1] == pytest.approx(float(_like(REGULAR).at(-2.0)[0]))
    time = fork_join.response_distribution(leaf, 8)
    alone = fork_join.response_distribution(REGULAR, 8)
    assert time.mean[1] == pytest.approx(float(alone.mean))
    assert np.isinf(time.mean[2])
    assert time.quantile(0.99)[1] == pytest.approx(float(alone.quantile(0.99)))


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
