"""No load is too small or too large: each cell is finite or inf, and NaN only for NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.base import MEANS
from qmodel.testing.kinds import STATIONS, Parts
from qmodel.testing.strategies import rate_of

FLOWS = ("loss", "abandonment", "accepted", "throughput", "offered_load")
LOADS = np.array([0.0, 1e-300, 1.0, 1e300, np.inf, np.nan])
SERVICE = {
    "gamma": qm.Gamma(0.1, 2.0),
    "constant": qm.Deterministic(0.1),
    "exponential": qm.Exponential(0.1),
    "uniform": qm.Uniform(0.05, 0.15),
}
SLOW = ("exponential", "uniform")
"""What the first two reach most of: a long run tries them."""


def known(what: str, found: object, load: np.ndarray, *, unknown: bool = True) -> None:
    """Assert that `found` is NaN where the load is, and only there."""
    value = np.broadcast_to(np.asarray(found, dtype=float), load.shape)
    wrong = np.isnan(value) & ~np.isnan(load)
    assert not wrong.any(), f"{what} is {value} at {load}"
    if unknown:
        assert np.isnan(value[np.isnan(load)]).all(), f"{what} is {value} at {load}"


@pytest.mark.parametrize(
    "service", [pytest.param(s, marks=pytest.mark.slow) if s in SLOW else s for s in SERVICE]
)
@pytest.mark.parametrize("kind", STATIONS)
def test_extreme_loads(kind: str, service: str) -> None:
    """Warnings are errors."""
    station = STATIONS[kind](Parts(SERVICE[service], servers=3, few=4))
    for load in (*LOADS, LOADS):
        r = station.solve(load)
        for name in (*MEANS, *FLOWS):
            # What a station never loses needs no load to be known.
            known(name, getattr(r, name), np.asarray(load), unknown=name in MEANS)
        if "percentiles" not in r.basis.grounds or not np.ndim(load):
            continue
        for distribution in (r.wait, r.response):
            if distribution is not None:
                known("mean", distribution.mean, np.asarray(load))
                known("p99", distribution.quantile(0.99), np.asarray(load))
                known("tail", distribution.tail(1.0), np.asarray(load))


@pytest.mark.parametrize("kind", STATIONS)
def test_an_endless_load_is_the_limit_of_large_ones(kind: str) -> None:
    station = STATIONS[kind](Parts(qm.Gamma(0.1, 2.0), servers=3, few=4))
    large, endless = station.solve(1e250), station.solve(np.inf)
    for name in ("waiting_time", "response_time", "loss", "abandonment", "throughput"):
        x, limit = float(getattr(large, name)), float(getattr(endless, name))
        assert x == pytest.approx(limit, rel=1e-12) or (x > 1e100 and np.isposinf(limit)), name
    for name in ("utilization", "queue_length", "number_in_system", "offered_load"):
        x, limit = float(getattr(large, name)), float(getattr(endless, name))
        assert x == pytest.approx(limit, rel=1e-12) or (x > 1e100 and np.isposinf(limit)), name


def test_clients_that_do_not_think() -> None:
    """The distribution of the interactive system with Z = 0."""
    one = qm.FiniteSource(4 / 1170, servers=4, population=1000)
    r = one.solve(np.inf)
    assert r.response_time == pytest.approx(1000 / 1170, rel=1e-14)
    assert r.throughput == pytest.approx(1170, rel=1e-14)
    assert r.response.mean == pytest.approx(1000 / 1170, rel=1e-9)


def test_streams_without_end() -> None:
    """Who comes before an endless stream does not notice it, who comes behind waits."""
    for station in (qm.MG1Priority(qm.Exponential(0.1), True), qm.MMcPriority(0.1, 1, True)):
        r = station.solve([qm.Stream(5.0), qm.Stream(np.inf), qm.Stream(1.0)])
        assert r.streams[0].waiting_time == pytest.approx(0.1, rel=1e-12)
        assert np.isposinf([s.waiting_time for s in r.streams[1:]]).all()
        assert np.isposinf(r.arrival_rate)
        assert np.isposinf(r.streams[1].arrival_rate)
        assert np.isposinf(r.utilization)


NEIGHBOURS = np.array([0.0, 1e-300, 1e-9, 0.3, 0.8, 0.99999, 1.0, 50.0, np.nan])
"""Loads, of which none is told what the others are."""


def same_as_alone(solve: Callable[[np.ndarray | float], Any], loads: np.ndarray) -> None:
    """Assert that mean and percentiles are those of each load by itself.

    Tables over many loads are read off between nodes, within 0.3 %.
    """
    p = np.array([[0.5], [0.99]])
    together = solve(loads)
    for i, load in enumerate(loads):
        alone = solve(float(load))
        found = [together.mean[i], *together.quantile(p)[:, i]]
        wanted = [float(alone.mean), *alone.quantile(p[:, 0])]
        np.testing.assert_allclose(found, wanted, rtol=3e-3, err_msg=f"at {load}")


@pytest.mark.thorough
@pytest.mark.parametrize(
    "service", [pytest.param(s, marks=pytest.mark.slow) if s in SLOW else s for s in SERVICE]
)
@pytest.mark.parametrize("kind", STATIONS)
def test_a_load_does_not_notice_those_beside_it(kind: str, service: str) -> None:
    """What lasts long in one cell was looked at as rarely in the others."""
    station = STATIONS[kind](Parts(SERVICE[service], servers=3, few=4))
    unit = float(rate_of(station, 1.0))
    r = station.solve(0.3 * unit)
    if "percentiles" not in r.basis.grounds or not np.isfinite(r.response_time):
        pytest.skip("it has no percentiles of a response")
    same_as_alone(lambda load: station.solve(load).response, NEIGHBOURS * unit)


@pytest.mark.thorough
@pytest.mark.parametrize("service", SERVICE)
def test_splits_that_merge_do_not_notice_either(service: str) -> None:
    work = SERVICE[service]
    split = qm.branch(*[(0.5, qm.call(f"part {i}", qm.MG1(work))) for i in range(2)])
    then = qm.call("then", qm.MDc(work.mean / 2))
    path = qm.Pipeline(qm.series(split, then))
    same_as_alone(lambda load: path.solve(load).latency, NEIGHBOURS * 2 / float(work.mean))
