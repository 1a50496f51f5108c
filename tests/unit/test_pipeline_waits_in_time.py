"""How waits of one request depend on each other while queues fill and drain."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm

EQUAL = qm.Pipeline(
    qm.series(*(qm.call(name, qm.MMc(0.01, servers=4)) for name in ("web", "db")))
)
CROWD = qm.transients.pulse(9000, 30.0, base=120.0, until=120.0)


def alone(found: qm.pipeline.PipelineOverTime) -> np.ndarray:
    """Return the variance of the latency, if all times were independent."""
    total: np.ndarray = sum(station.response.variance for station in found.stations.values())
    return total


@pytest.mark.thorough
def test_in_a_steady_state_they_are_independent() -> None:
    flat = qm.Profile([0.0, 60.0], [370.0, 370.0])
    found = EQUAL.over_time(flat, start={"web": 30, "db": 30}, times=[0.0, 59.0, 60.0])
    assert found.latency.variance[2] == pytest.approx(alone(found)[2], rel=0.01)


def test_who_waits_longer_at_the_first_of_two_equal_stations_waits_shorter_later() -> None:
    """p99 of 2,000 crowds, simulated; at independent stations it would be 4 to 8 % more."""
    at = np.array([42.0, 45.0, 50.0])
    found = EQUAL.over_time(CROWD, times=at)
    assert found.p99 == pytest.approx([1.58, 3.08, 5.22], rel=0.01)
    latest = found.stations["db"].response.variance
    assert (found.latency.variance < found.stations["web"].response.variance + latest).all()


def test_before_a_jam_nothing_depends() -> None:
    found = EQUAL.over_time(CROWD, times=[5.0, 10.0])
    assert found.latency.variance == pytest.approx(alone(found), rel=0.01)


def test_what_a_station_spreads_is_selected_with_it() -> None:
    found = EQUAL.over_time(CROWD, times=[5.0, 45.0]).stations["web"].at(np.array([1]))
    assert found.spread is not None
    assert found.spread.waits == pytest.approx([1.0], abs=1e-6)
    assert found.spread.leave == pytest.approx([0.0], abs=1e-4)
    assert found.spread.noise == pytest.approx([400.0], rel=1e-3)
    assert found.spread.variance > 4000
