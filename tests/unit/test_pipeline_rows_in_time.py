"""Waits of a row whose stations depend on each other, at the end of a jam."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm

BELL = qm.transients.pulse(9000, 30.0, base=120.0, until=120.0)
FLAT = qm.Profile(
    [0.0, 20.0, 22.0, 60.0, 62.0, 120.0], [200.0, 200.0, 500.0, 500.0, 200.0, 200.0]
)


def row(*parts: tuple[float, int]) -> qm.Pipeline:
    calls = [qm.call(f"s{k}", qm.MMc(*part)) for k, part in enumerate(parts)]
    return qm.Pipeline(qm.series(*calls))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("servers", "p50", "p99"),
    [
        (1, [1.118, 0.801, 0.479], [1.929, 1.627, 1.298]),
        (20, [1.189, 0.870, 0.547], [2.016, 1.714, 1.381]),
    ],
)
def test_two_equal_stations_in_the_seconds_in_which_their_jam_ends(
    servers: int, p50: list[float], p99: list[float]
) -> None:
    """Percentiles of 4,000 crowds, simulated, known to 2 %; as if only the variance of the row
    were known they are 11 to 16 % low."""
    part = servers / 400, servers
    found = row(part, part).over_time(BELL, times=[63.0, 63.5, 64.0])
    assert found.p50 == pytest.approx(p50, rel=0.04)
    assert found.p99 == pytest.approx(p99, rel=0.04)


@pytest.mark.thorough
def test_a_station_that_is_never_full_passes_on_what_came_from_a_jam() -> None:
    """Of 4,000 crowds: behind a station in a jam and one that has a tenth to spare the third,
    as fast as the first, has a quarter fewer if it is fed by a Poisson stream."""
    site = row((0.05, 20), (0.05 / 1.1, 20), (0.05, 20))
    found = site.over_time(FLAT, times=[60.0, 81.0, 82.0])
    assert found.p50 == pytest.approx([10.137, 0.437, 0.177], rel=0.05)
    last = found.stations["s2"].number_in_system
    assert last[1:] == pytest.approx(LAST, rel=0.05)


LAST = [112.6, 51.3]
"""Numbers at the third station after 81 and 82 s, known to 3 %."""


def test_of_half_of_what_leaves_a_jam() -> None:
    """What others send there is independent: waits then nearly are."""
    half = qm.call("half", qm.MMc(0.01, 4))
    own = qm.call("own", qm.MMc(0.01, 4))
    rest = qm.call("rest", qm.Delay(0.1))
    site = qm.Pipeline(qm.series(own, qm.branch((0.5, half), (0.5, rest))))
    found = site.over_time(BELL, times=[45.0, 64.0])
    assert np.isfinite(found.p99).all()
    assert found.mean == pytest.approx(
        found.stations["own"].response_time
        + 0.5 * (found.stations["half"].response_time + 0.1),
        rel=0.15,
    )


@pytest.mark.thorough
def test_behind_a_station_that_gets_more_servers_while_its_jam_lasts() -> None:
    """Of 1,500 crowds: fed by the mean, 14 to 35 % fewer are there, and p50 is 14 % low."""
    site = row((0.05, 20), (0.05, 20))
    servers = {"s0": qm.transients.Schedule([0.0, 45.0], [16, 20])}
    found = site.over_time(BELL, times=[60.0, 66.0, 67.0, 68.0, 80.0], servers=servers)
    assert found.stations["s1"].number_in_system[:4] == pytest.approx(
        [102.6, 116.8, 73.5, 13.3], rel=0.08
    )
    assert found.p50[:4] == pytest.approx([4.642, 0.956, 0.285, 0.090], rel=0.04)
