"""Stations that depend on the one before: against the joint equations of both, and laws."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm

FOUR = qm.MMc(0.1, 4)
JAM = qm.Profile([0.0, 5.0, 12.5, 20.0, 36.0], [20.0, 20.0, 70.0, 20.0, 20.0])

AT = np.array([10.0, 15.0, 22.0, 24.0, 26.0, 27.0, 28.0, 29.0, 30.0, 34.0])
JOINT = np.array([10.87, 19.88, 27.64, 26.86, 18.39, 12.61, 7.82, 4.75, 3.17, 2.18])
"""Numbers present at the second of two equal stations, by the equations of both numbers
together, 110,000 of them, in steps of 3 ms; fed by the mean 18 % fewer are there after 28 s."""


def row(*stations: qm.Station) -> qm.Pipeline:
    return qm.Pipeline(qm.series(*(qm.call(f"s{k}", s) for k, s in enumerate(stations))))


@pytest.fixture(scope="module")
def jam() -> qm.pipeline.PipelineOverTime:
    return row(FOUR, FOUR).over_time(JAM, times=np.linspace(0.0, 36.0, 73))


def test_numbers_where_a_jam_ends(jam: qm.pipeline.PipelineOverTime) -> None:
    found = np.interp(AT, jam.times, jam.stations["s1"].number_in_system)
    assert found == pytest.approx(JOINT, rel=0.015)


def test_before_and_long_after_the_jam_it_is_in_its_steady_state(
    jam: qm.pipeline.PipelineOverTime,
) -> None:
    steady = FOUR.solve(20.0)
    for name in ("s0", "s1"):
        station = jam.stations[name]
        assert station.number_in_system[0] == pytest.approx(steady.number_in_system, rel=1e-3)
        assert station.number_in_system[-1] == pytest.approx(steady.number_in_system, rel=0.01)


SECONDS = [
    FOUR,
    qm.MMcK(0.1, 4, 30),
    qm.ErlangA(0.1, 4, 0.5),
    qm.MGcPS(qm.Exponential(0.1), 4),
]


@pytest.mark.thorough
@pytest.mark.parametrize("second", SECONDS, ids=lambda station: type(station).__name__)
def test_what_comes_is_served_lost_or_there(second: qm.Station) -> None:
    """To what a trapezoid misses between the times: half of one of a thousand requests."""
    times = np.linspace(0.0, 36.0, 181)
    r = row(FOUR, second).over_time(JAM, times=times)
    station = r.stations["s1"]
    kept = station.arrival_rate * (1 - station.rejected)
    gone = station.throughput
    if isinstance(second, qm.ErlangA):
        gone = gone + station.queue_length / 0.5
    flows = (kept - gone)[1:] + (kept - gone)[:-1]
    grown = np.concatenate([[0.0], np.cumsum(np.diff(times) * flows / 2)])
    there = station.number_in_system
    assert there == pytest.approx(there[0] + grown, abs=0.5)


def test_half_of_what_leaves_and_others(jam: qm.pipeline.PipelineOverTime) -> None:
    """To half as many servers half of it goes: fewer depend on the first one."""
    half = qm.call("half", qm.MMc(0.1, 2))
    own = qm.call("own", qm.MMc(0.1, 4))
    rest = qm.call("rest", qm.Delay(0.1))
    site = qm.Pipeline(qm.series(own, qm.branch((0.5, half), (0.5, rest))))
    r = site.over_time(JAM, times=jam.times)
    there = r.stations["half"].number_in_system
    at = int(np.flatnonzero(r.times == 22.0)[0])
    # In the jam the spread of a half is that of half as many who come and are served.
    ratio = there[at] / jam.stations["s1"].number_in_system[at]
    assert ratio == pytest.approx(np.sqrt(0.5), rel=0.05)
