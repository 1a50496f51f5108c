"""Every model that the kit draws comes back from its file as the same model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qmodel as qm
from qmodel._values import same
from qmodel.files import Site, site_of_text
from qmodel.files.writing import data_of, text_of
from qmodel.testing import strategies

ENDINGS = (".yaml", ".json", ".toml")
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def round_trip(model: Any, ending: str = ".yaml") -> Site:
    site = model if isinstance(model, Site) else Site(model=model)
    return site_of_text(text_of(data_of(site), ending), ending=ending)


def assert_same(one: Any, other: Any) -> None:
    """Assert that two models are of the same parts with the same numbers, to the last bit."""
    assert data_of(Site(model=one)) == data_of(Site(model=other))
    if isinstance(one, qm.Pipeline):
        first, second = one.parameters(), other.parameters()
        assert list(one.stations) == list(other.stations)
        assert one.urgent == other.urgent
        assert set(first) == set(second)
        assert all(same(first[name], second[name]) for name in first)


@QUICK
@given(strategies.pipelines(), st.sampled_from(ENDINGS))
def test_pipelines(model: qm.Pipeline, ending: str) -> None:
    assert_same(model, round_trip(model, ending).model)


@QUICK
@given(strategies.stations(), st.sampled_from(ENDINGS))
def test_stations(station: qm.Station, ending: str) -> None:
    found = round_trip(station, ending).model
    assert type(found) is type(station)
    assert_same(station, found)
    rate = strategies.rate_of(station, 0.5)
    assert same(found.solve(rate).response_time, station.solve(rate).response_time)


@pytest.mark.parametrize("kind", strategies.STATIONS)
@settings(max_examples=1, deadline=None)
@given(data=st.data())
def test_each_kind_of_station(kind: str, data: Any) -> None:
    station = data.draw(strategies.stations([kind]))
    assert_same(station, round_trip(station).model)


@QUICK
@given(strategies.service_distributions())
def test_distributions(distribution: qm.Distribution) -> None:
    found = round_trip(qm.MG1(distribution)).model.service
    assert found == distribution
    assert type(found).__mro__[1:] == type(distribution).__mro__[1:]
