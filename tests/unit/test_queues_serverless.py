"""Functions that start cold: what is known exactly, and simulated values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

import qmodel as qm
from qmodel.queues import cold_starts


def by_chain(load: float, keep: float, most: int = 40) -> tuple[float, float]:
    """Return share and instances of M/M/inf with unit service, from first passages."""
    n = np.arange(most)
    probability = np.exp(n * np.log(load) - load - np.cumsum(np.log(np.maximum(n, 1))))
    rates = np.diag(np.full(most - 1, load), 1) + np.diag(n[1:].astype(float), -1)
    cold, instances = 0.0, 0.0
    for k in n[:-1]:
        # Until k is exceeded: states 0 to k only.
        inside = rates[: k + 1, : k + 1] - np.diag(load + n[: k + 1])
        left = expm(inside * keep).sum(axis=1)
        cold += probability[k] * left[k]
        instances += 1 - probability[: k + 1] @ left
    return cold, instances


@pytest.mark.parametrize(("load", "keep"), [(0.3, 2.0), (1.0, 20.0), (5.0, 4.0)])
def test_against_first_passages(load: float, keep: float) -> None:
    found = cold_starts(load, 1.0, keep_alive=keep)
    np.testing.assert_allclose(found, by_chain(load, keep), rtol=1e-7)


def test_limits() -> None:
    # A lone function starts cold if no request came within the time.
    rate = np.array([1e-4, 1e-3])
    share, alive = cold_starts(rate, 1e-4, keep_alive=600.0)
    np.testing.assert_allclose(share, np.exp(-600 * rate), rtol=1e-4)
    np.testing.assert_allclose(alive, 1 - np.exp(-600 * rate), rtol=1e-3)
    share, alive = cold_starts(5.0, 1.0, keep_alive=np.array([0.0, 1e9]))
    np.testing.assert_allclose(share, [1.0, 0.0], atol=1e-9)
    assert alive[0] == pytest.approx(5.0)
    # One instance: an arrival finds it busy and is lost, or cold, or warm.
    share, alive = cold_starts(1.0, 1.0, keep_alive=2.0, concurrency=1)
    assert share == pytest.approx(np.exp(-2.0), rel=1e-9)
    assert alive == pytest.approx(1 - 0.5 * np.exp(-2.0), rel=1e-9)
    # The share of many falls with the root of their number.
    share, alive = cold_starts(np.array([2.9e3, 3.1e3]), 1.0, keep_alive=30.0)
    assert share[1] / share[0] == pytest.approx(np.sqrt(29 / 31), rel=1e-3)
    assert (alive[1] - 3.1e3) / (alive[0] - 2.9e3) == pytest.approx(np.sqrt(31 / 29), rel=1e-3)
    assert np.isnan(cold_starts(np.nan, 1.0, keep_alive=1.0)[0])


def test_a_station() -> None:
    start = qm.Deterministic(1.0)
    r = qm.Serverless(qm.Exponential(0.2), start, keep_alive=600.0).solve([0.001, 10.0])
    np.testing.assert_allclose(r.waiting_time, r.cold * 1.0)
    np.testing.assert_allclose(
        r.number_in_system, np.array([0.001, 10.0]) * (0.2 + r.cold), rtol=1e-9
    )
    # Half of the rare requests start cold: the median is about a second more than none.
    assert r.cold[0] == pytest.approx(np.exp(-0.6), rel=1e-3)
    late = r.response.tail(1.1)
    np.testing.assert_allclose(
        late, r.cold * np.exp(-0.1 / 0.2) + (1 - r.cold) * np.exp(-1.1 / 0.2), rtol=1e-6
    )
    assert r.basis["cold"] == "approximate"
    path = qm.series(
        qm.call("f", qm.Serverless(qm.Exponential(0.2), start, 600.0)),
        qm.call("db", qm.MMc(0.01)),
    )
    assert qm.Pipeline(path).solve(10.0).latency.mean == pytest.approx(
        r.response_time[1] + 0.01 / 0.9, rel=1e-9
    )


def test_a_limit_rejects() -> None:
    station = qm.Serverless(qm.Exponential(1.0), qm.Deterministic(1e-9), 1e6, concurrency=4)
    r = station.solve([3.0, 3e6])
    np.testing.assert_allclose(r.loss, qm.erlang_b(servers=4, offered_load=[3.0, 3e6]))
    assert r.instances[0] == pytest.approx(4.0, rel=1e-6)
    assert r.utilization[1] == pytest.approx(1.0, rel=1e-5)
    with pytest.raises(qm.DomainError, match="concurrency"):
        qm.Serverless(qm.Exponential(1.0), qm.Deterministic(1.0), 1.0, concurrency=0)
