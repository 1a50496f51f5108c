"""Waits that are less long than others of their mean, as a burst ends."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.streams import Stream
from qmodel.queues.waits.bounded import bounded

PLAIN = qm.MMc(1.0).solve(0.5).wait  # half wait, for 2 on the mean


@pytest.mark.parametrize("longest", [4.5, 6.0, 9.0])
def test_it_ends_and_keeps_mean_and_probability(longest: float) -> None:
    found = bounded(PLAIN, longest)
    assert float(found.mean) == pytest.approx(1.0)
    assert float(found.tail(0.0)) == pytest.approx(0.5)
    assert float(found.tail(longest * (1 + 1e-9))) == pytest.approx(0.0, abs=1e-9)
    t = np.linspace(0.0, longest, 50)
    tail = found.tail(t)
    assert np.all(np.diff(tail) < 0)
    # The density falls by the same factor in equal steps.
    steps = np.diff(np.diff(tail)) / np.diff(tail)[1:]
    assert steps == pytest.approx(steps[0])


def test_no_more_than_half_of_the_longest_is_the_mean_of_those_that_wait() -> None:
    found = bounded(PLAIN, 1.0)
    assert float(found.mean) == pytest.approx(0.25, rel=0.02)
    assert float(found.quantile(0.75)) == pytest.approx(0.5, rel=0.02)
    assert float(found.quantile(0.999999)) <= 1.0


def test_what_is_far_is_not_felt() -> None:
    for longest in (12.0, 100.0, np.inf):
        assert bounded(PLAIN, longest) is PLAIN
    assert bounded(PLAIN, np.inf, 1.0) is PLAIN
    nowhere = qm.MMc(1.0).solve(0.0).wait
    assert bounded(nowhere, 1.0) is nowhere


def test_four_mean_waits_are_as_much_shorter_as_asked() -> None:
    late = 0.5 * np.exp(-4.0)
    for shorter in (0.7, 0.86, 0.946):
        found = bounded(PLAIN, np.inf, shorter)
        assert float(found.mean) == pytest.approx(1.0)
        assert float(found.quantile(1 - late)) == pytest.approx(8.0 * shorter, rel=0.01)


def test_arrays_are_their_cells() -> None:
    rates = np.array([0.0, 0.3, 0.8, 1.0, np.nan])
    longest = np.array([[0.5], [5.0], [np.inf]])
    found = bounded(qm.MMc(1.0).solve(rates).wait, longest).quantile(0.95)
    for i, most in enumerate(longest.ravel()):
        for k, rate in enumerate(rates):
            one = bounded(qm.MMc(1.0).solve(rate).wait, most).quantile(0.95)
            assert float(one) == pytest.approx(float(found[i, k]), rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(("servers", "most"), [(1, 3.0), (2, 1.5)])
def test_behind_a_burst_constant_work_waits_no_longer(servers: int, most: float) -> None:
    """Four at once at most: the last waits for three services of 0.9 s, or for half as many."""
    path = qm.series(
        qm.limit("quota", float(servers), burst=4), qm.call("api", qm.MDc(0.9, servers))
    )
    wait = qm.Pipeline(path).solve(0.9 * servers).stations["api"].wait
    assert wait is not None
    assert 0.5 * most * 0.9 < float(wait.quantile(0.99999)) <= most * 0.9 * (1 + 1e-9)
    faster = qm.series(qm.limit("quota", 1.2, burst=4), qm.call("api", qm.MDc(0.9)))
    wait = qm.Pipeline(faster).solve(1.0).stations["api"].wait
    assert wait is not None  # Tokens come faster than it works: no longest wait.
    assert float(wait.quantile(0.99999)) > 3 * 0.9


def test_streams_say_how_many_come_at_once() -> None:
    with pytest.raises(qm.DomainError, match="burst"):
        Stream(1.0, burst=0.5)


def test_a_load_of_next_to_nothing_stands_beside_a_high_one() -> None:
    """The mean wait is 1e-38 s there; in one array it was unknown."""
    bursty = qm.MG1(qm.HyperExponential((0.95, 0.05), (0.05, 1.0)))
    path = qm.Pipeline(qm.series(qm.call("a", bursty), qm.call("b", qm.MMc(0.4, 4))))
    rates = np.array([1e-300, 1e-9, 9.0])
    both = path.solve(rates).latency.mean
    alone = [float(path.solve(float(rate)).latency.mean) for rate in rates]
    assert both.tolist() == pytest.approx(alone, rel=1e-9)
