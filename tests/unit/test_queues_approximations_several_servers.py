"""What leaves several servers: near chains solved exactly, and exact over long times."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.one_server import OneServer
from qmodel.queues.approximations.several_servers import SeveralServers

RATES = np.array([1e-3, 0.01, 0.1, 1.0])
LAWS = {
    "half of the work is long": ([0.9472, 0.0528], [0.528, 9.47]),
    "one in a hundred is long": ([0.99, 0.01], [1.0, 30.0]),
    "one in five is long": ([0.8, 0.2], [1.0, 20.0]),
    "nearly exponential": ([0.7, 0.3], [1.0, 4.0]),
    "of three lengths": ([0.9, 0.09, 0.01], [1.0, 8.0, 50.0]),
    "as lognormal": ([0.7637, 0.2169, 0.019, 0.0004], [0.41, 2.17, 10.27, 55.24]),
}


@pytest.fixture(scope="module")
def chain() -> ModuleType:
    path = Path(__file__).parents[1] / "oracle" / "departures_chain.py"
    spec = importlib.util.spec_from_file_location("oracle_departures_chain", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _servers(service: qm.Distribution, load: float, count: int) -> SeveralServers:
    service = qm.Scaled(service, load * count / float(service.mean))
    wait = qm.MGc(service, count).solve(1.0).wait
    return SeveralServers(load, service, count, wait)


@pytest.mark.parametrize("load", [0.5, 0.8])
@pytest.mark.parametrize("law", LAWS)
def test_it_is_near_that_of_the_chain(chain: ModuleType, law: str, load: float) -> None:
    """Over long times to 2 %, over others to 10 % of the largest."""
    initial, means = LAWS[law]
    initial = [p / sum(initial) for p in initial]
    service = qm.HyperExponential(initial, means)
    most = int(15 * (1 + float(service.scv)) / (1 - load))
    exact = chain.DeparturesChain(initial, means, load, 2, most)
    expected = np.array([exact.index(rate) for rate in RATES])
    index, _ = _servers(service, load, 2)(RATES)
    assert index[0] == pytest.approx(expected[0], rel=0.02)
    assert index == pytest.approx(expected, abs=0.1 * expected.max())


@pytest.mark.parametrize("phases", [2, 4])
@pytest.mark.parametrize("count", [2, 4])
def test_it_is_of_regular_service_too(chain: ModuleType, count: int, phases: int) -> None:
    start, onward = [1.0, *[0.0] * (phases - 1)], np.eye(phases, k=1)
    exact = chain.DeparturesChain(start, [1.0] * phases, 0.8, count, 100, onward)
    expected = np.array([exact.index(rate) for rate in RATES])
    index, _ = _servers(qm.Erlang(1.0, phases), 0.8, count)(RATES)
    assert index == pytest.approx(expected, abs=0.1 * -expected.min())


def test_over_long_times_it_is_what_the_number_in_the_station_says(chain: ModuleType) -> None:
    """Twice the variance of the number, less its derivative by the rate, for any station."""
    initial, means = LAWS["one in five is long"]
    spread = {}
    for load in (0.6 - 1e-4, 0.6, 0.6 + 1e-4):
        at = chain.DeparturesChain(initial, means, load, 3, 400)
        mean = at.steady @ at.number
        spread[load] = mean, at.steady @ at.number**2 - mean**2, at
    (low, *_), (_, variance, exact), (high, *_) = spread.values()
    more = 2 * (variance - 0.6 * (high - low) / 2e-4)
    rate = 1e-4
    assert exact.index(rate) / rate == pytest.approx(more, rel=0.01)


@pytest.mark.parametrize("count", [1, 2, 16, 1000])
def test_of_exponential_service_nothing_is_seen(count: int) -> None:
    index, _ = _servers(qm.Exponential(1.0), 0.7, count)(RATES)
    assert index == pytest.approx(np.zeros(4), abs=5e-4)


@pytest.mark.parametrize("service", [qm.LogNormal(1.0, 4.0), qm.Erlang(1.0, 3)])
def test_one_server_is_one_server(service: qm.Distribution) -> None:
    several = _servers(service, 0.7, 1)
    one = OneServer(0.7, qm.Scaled(service, 0.7))
    assert float(several.part) == pytest.approx(1.0)
    for found, expected in zip(several(RATES), one(RATES), strict=True):
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_more_servers_hold_less_up() -> None:
    parts = [float(_servers(qm.LogNormal(1.0, 4.0), 0.7, c).part) for c in (1, 2, 4, 8, 32)]
    assert parts == sorted(parts, reverse=True)
    assert parts[-1] < 0.1


def test_full_servers_have_the_index_of_their_services() -> None:
    service = qm.HyperExponential((0.9, 0.1), (0.5, 5.5))
    at = SeveralServers(1.0, service, 4, qm.MGc(service, 4).solve(5.0).wait)
    gap = service.remaining_gap(RATES)
    index, passed = at(RATES)
    assert index == pytest.approx(2 * gap / (RATES * (1 - gap)) - 2, rel=1e-3)
    assert passed == pytest.approx(np.zeros(4), abs=1e-12)


def test_cells_of_arrays_are_as_they_are_alone() -> None:
    load, counts = np.array([0.0, 0.3, 0.95, 1.2]), np.array([[2], [3]])
    service = qm.LogNormal(1.0, 4.0)
    wait = qm.MGc(service, counts).solve(load * counts).wait
    together = SeveralServers(load, service, counts, wait)
    index, passed = together(np.broadcast_to(RATES, (2, 4, 4)))
    assert np.all(np.isfinite(index))
    assert np.all((passed >= 0) & (passed <= 1))
    assert np.all(index[:, 0] == 0)
    for i, c in enumerate((2, 3)):
        for j, rho in enumerate(load):
            alone = SeveralServers(rho, service, c, qm.MGc(service, c).solve(rho * c).wait)
            assert index[i, j] == pytest.approx(alone(RATES)[0], rel=1e-6, abs=1e-9)
            assert passed[i, j] == pytest.approx(alone(RATES)[1], rel=1e-9, abs=1e-12)


def test_where_a_third_moment_is_infinite_the_share_that_waits_decides() -> None:
    service = qm.Pareto(1.0, 2.5)
    load, count = 0.6, 2
    at = SeveralServers(
        load, service, count, qm.MGc(service, count).solve(load * count / service.mean).wait
    )
    often = qm.erlang_c(servers=count, offered_load=load * count)
    assert float(at.part) == pytest.approx(often / load)
    index, _ = at(RATES)
    assert np.all(np.isfinite(index))
    assert np.all(index > -0.5)


def test_of_what_comes_all_is_passed_on_where_nobody_waits() -> None:
    """And where times of service are alike; others draw requests apart."""
    for service, least in ((qm.Deterministic(1.0), 0.99), (qm.Exponential(1.0), 0.5)):
        wait = qm.MGc(service, 50).solve(10.0).wait
        _, passed = SeveralServers(0.2, service, 50, wait)(np.array([1e-3, 1e-2, 0.1, 1.0]))
        assert passed[0] > 0.99
        assert np.all(np.diff(passed) <= 1e-12)
        assert passed[-1] > (least if service.scv == 0 else 0.0)
        assert passed[-1] < (1.01 if service.scv == 0 else 0.5)
