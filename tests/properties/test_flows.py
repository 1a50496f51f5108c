"""One convention of flow, at every station: what comes, what is accepted, what goes on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import qmodel as qm
from qmodel.distributions import Exponential
from qmodel.testing.kinds import IN_PATHS, STATIONS, Parts
from qmodel.testing.strategies import loads, parts, rate_of

FEW = settings(max_examples=max(4, settings.default.max_examples // 8))
"""For each station; the nightly profile draws 250."""

LOADS = np.array([0.0, 1e-9, 0.3, 0.999, 1.0, 1.5, 40.0, 1e9, 1e17, 2.0**60])
"""Of what saturates, or of what its servers can do."""

SEARCHED = ("MG1SizeBased", "PowerOfChoices")
"""A solution of these takes a hundredth of a second, and a capacity needs hundreds."""

LOSES = tuple(k for k, build in STATIONS.items() if build(Parts(Exponential(1.0))).loses)


def one(kind: str) -> qm.Station:
    return STATIONS[kind](Parts(qm.Gamma(0.1, 2.0), servers=3, few=4))


def test_which_stations_lose() -> None:
    assert LOSES == (
        "BirthDeath",
        "Engset",
        "ErlangA",
        "MG1K",
        "MG1KPS",
        "MGcK",
        "MGcc",
        "MMcD",
        "MMcK",
    )


@pytest.mark.parametrize("kind", LOSES)
def test_what_loses_never_saturates(kind: str) -> None:
    assert np.isposinf(one(kind).max_rate)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", STATIONS)
@FEW
@given(drawn=parts(), load=loads())
def test_flows(kind: str, drawn: Parts, load: float) -> None:
    station = STATIONS[kind](drawn)
    for share in (load, 3 * load, 1e6 * load):
        r = station.solve(rate_of(station, share))
        work = r.arrival_rate * station.service.mean
        assert r.offered_load == pytest.approx(work, rel=1e-12, nan_ok=True)
        assert 0 <= r.accepted <= 1
        assert r.accepted == pytest.approx(1 - r.loss - r.abandonment, abs=1e-9)
        assert (r.rejected, r.abandoned, r.goodput) == (r.loss, r.abandonment, r.throughput)
        able = station.servers / station.service.mean
        assert r.throughput <= able * (1 + 1e-12)
        assert r.throughput <= station.max_rate * (1 + 1e-12)
        if station.loses:
            assert r.utilization <= 1
            assert r.throughput == pytest.approx(r.arrival_rate * r.accepted, rel=1e-12)
        else:
            assert r.accepted == 1
            least = np.minimum(r.arrival_rate, station.max_rate)
            assert r.throughput == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("kind", [k for k in STATIONS if k != "BirthDeath"])
def test_more_comes_no_less_goes_on(kind: str) -> None:
    # Left out is what slows down with the number present, as the kit's birth-death chain.
    station = one(kind)
    r = station.solve(rate_of(station, LOADS))
    through = np.broadcast_to(r.throughput, LOADS.shape)
    assert (through[1:] >= through[:-1] * (1 - 1e-12)).all()
    utilization = np.broadcast_to(r.utilization, LOADS.shape)
    assert (utilization[1:] >= utilization[:-1] * (1 - 1e-12)).all()


@pytest.mark.parametrize("kind", LOSES)
@pytest.mark.parametrize("load", [1e6, 1e17, 2.0**70, 1e200])
def test_digits_in_deep_overload(kind: str, load: float) -> None:
    """Where 1 - loss has no digits left, the servers still do what they can."""
    station = one(kind)
    r = station.solve(rate_of(station, load))
    # All work, but for a share of about the reciprocal of the load.
    assert r.utilization == pytest.approx(1, rel=3 / load + 1e-12)
    # The station of the kit that slows down does a tenth less when it is full.
    able = station.servers / station.service.mean * (0.9 if kind == "BirthDeath" else 1)
    assert r.throughput == pytest.approx(able, rel=3 / load + 1e-12)


def test_what_servers_do_while_requests_give_up() -> None:
    station = qm.ErlangA(0.1, 4, 2.0)
    for rate in (1e17, 2.0**70):
        assert station.solve(rate).throughput == pytest.approx(40, rel=1e-14)
        assert station.solve(rate).accepted == pytest.approx(40 / rate, rel=1e-14)


@pytest.mark.parametrize("kind", IN_PATHS)
@pytest.mark.parametrize("load", [0.3, 0.9, 3.0])
def test_what_is_behind_gets_what_is_accepted(kind: str, load: float) -> None:
    station = one(kind)
    rate = float(rate_of(station, load))
    behind = qm.MMc(0.01 / rate, 1)
    path = qm.series(qm.call("front", station), qm.call("behind", behind))
    r = qm.Pipeline(path).solve(rate)
    expected = rate * station.solve(rate).accepted
    assert r.stations["behind"].arrival_rate == pytest.approx(expected, rel=1e-12)
    assert r.stations["front"].accepted == station.solve(rate).accepted


@pytest.mark.parametrize("kind", [k for k in IN_PATHS if k not in SEARCHED])
def test_capacity_is_that_of_a_pipeline_of_one_call(kind: str) -> None:
    station = one(kind)
    pipeline = qm.Pipeline(qm.call("it", station))
    assert pipeline.max_rate == pytest.approx(station.max_rate, rel=1e-14)
    objectives = ["utilization < 60 %"]
    # Where the first waits for others, any mean is missed without load.
    if np.isfinite(idle := station.solve(0.0).response_time):
        objectives.append(f"mean < {3 * float(idle)!r} s")
    for objective in objectives:
        found = qm.capacity(station, objective)
        assert qm.capacity(pipeline, objective) == pytest.approx(found, rel=1e-9)
