"""What is drawn is a model, stable at the loads drawn, and goes to the edges."""

from inspect import isabstract, isclass

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel import balancing
from qmodel.testing import strategies
from qmodel.testing.kinds import IN_PATHS, Parts

QUICK = ("Delay", "MG1", "MG1LCFS", "MG1Setup", "MGc", "MGcc", "MMc", "MMcK", "UnequalServers")
"""Kinds that take a millisecond; tests/properties has all of them."""


@given(strategies.stations(QUICK), strategies.loads())
def test_stations_are_stable_at_every_load(station, load):
    result = station.solve(strategies.rate_of(station, load))
    assert np.isfinite(result.waiting_time)
    assert result.waiting_time >= 0
    assert result.response_time > 0


@pytest.mark.thorough
@given(strategies.pipelines(QUICK), strategies.loads())
def test_pipelines_are_stable_at_every_load(pipeline, load):
    result = pipeline.solve(strategies.rate_of(pipeline, load))
    assert all(np.isfinite(r.waiting_time) for r in result.stations.values())


@pytest.mark.thorough
@given(st.data(), strategies.stations(("MG1", "MGc", "MG1LCFS")), strategies.loads(most=0.9))
def test_streams_bring_the_load(data, station, load):
    drawn = data.draw(strategies.streams(station, load))
    result = station.solve(drawn)
    assert result.arrival_rate == pytest.approx(strategies.rate_of(station, load))
    assert np.isfinite(result.waiting_time)


@given(strategies.service_distributions())
def test_distributions_have_finite_moments(distribution):
    assert distribution.mean > 0
    assert 0 <= distribution.scv <= 100 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("strategy", "edge"),
    [
        (strategies.loads(), lambda x: x <= 1e-12),
        (strategies.loads(), lambda x: x >= 1 - 1e-9),
        (strategies.servers(), lambda x: x == 1),
        (strategies.servers(), lambda x: x == 1_000_000),
        (strategies.scvs(), lambda x: x == 0),
        (strategies.scvs(), lambda x: x == 100),
        (strategies.service_distributions(), lambda x: isinstance(x, qm.Deterministic)),
        (strategies.service_distributions(), lambda x: x.scv > 99),
    ],
)
def test_the_edges_are_reached(strategy, edge):
    assert edge(find(strategy, edge, settings=settings(max_examples=5000, database=None)))


@pytest.mark.parametrize("kind", sorted(strategies.STATIONS))
def test_every_kind_of_station_is_drawn(kind):
    # The first that is drawn; to look for a smaller one takes a second a kind.
    first = settings(phases=[Phase.generate], database=None)
    station = find(strategies.stations([kind]), lambda s: True, settings=first)
    assert type(station).__name__ == kind


def test_paths_call_what_a_path_can_call():
    assert {"MMc", "MG1SizeBased", "MMcK"} < set(IN_PATHS) < set(strategies.STATIONS)
    for kind in IN_PATHS:
        qm.call("it", strategies.STATIONS[kind](Parts(qm.Exponential(1.0), 2)))
    for kind in set(strategies.STATIONS) - set(IN_PATHS):
        station = strategies.STATIONS[kind](Parts(qm.Exponential(1.0), 2))
        # Some are called by users who wait only, and refuse a rate.
        with pytest.raises(qm.ModelError):
            qm.Pipeline(qm.call("it", station)).solve(0.1)


@pytest.mark.parametrize("step", ["Series", "Branch", "Cached", "Repeat", "Retry", "Parallel"])
def test_every_kind_of_step_is_drawn(step):
    one = strategies.paths(kinds=["Delay"], depth=1)
    # Any will do, not the simplest one.
    found = settings(phases=[Phase.generate], max_examples=2000, database=None)
    path = find(one, lambda p: any(type(s).__name__ == step for s in p.walk()), settings=found)
    assert any(type(s).__name__ == step for s in path.walk())


def test_the_table_holds_the_stations_that_the_library_exports():
    public = [getattr(home, name) for home in (qm, balancing) for name in home.__all__]
    stations = [c for c in public if isclass(c) and issubclass(c, qm.Station)]
    missing = {c.__name__ for c in stations if not isabstract(c)} - set(strategies.STATIONS)
    assert not missing, f"a line in qmodel/testing/kinds.py for {missing}"


def test_limits_are_kept():
    assert find(strategies.loads(least=0.3, most=0.4), lambda x: True) >= 0.3
    for most in (0.4, 0.999):
        with_limit = strategies.loads(most=most)
        assert find(with_limit, lambda x, most=most: x == most) == most
    assert find(strategies.scvs(most=2.0), lambda x: x > 1.5) <= 2
    assert find(strategies.servers(most=7), lambda x: x == 7) == 7


def test_rate_of_what_never_saturates():
    assert strategies.rate_of(qm.Delay(0.5), 0.9) == pytest.approx(1.8)
    only_delay = qm.Pipeline(qm.call("net", qm.Delay(0.5)))
    assert strategies.rate_of(only_delay, 0.9) == pytest.approx(0.9)
    rates = strategies.rate_of(qm.MMc(0.5, np.array([1, 2])), 0.5)
    np.testing.assert_allclose(rates, [1.0, 2.0])
