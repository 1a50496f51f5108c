"""One policy for service without a variance: the mean wait is inf in its cell, no NaN."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.mg1 import MG1
from qmodel.queues.waits.infinite_variance import INFINITE_VARIANCE, wait_of_those
from qmodel.testing.kinds import STATIONS, Parts
from qmodel.testing.strategies import rate_of

HEAVY = qm.Pareto(0.05, 1.5)
BOTH = qm.Pareto(0.05, np.array([1.5, 2.0, 3.5]))
ARRIVALS = qm.Erlang(1.0, 2)

FINITE = (
    *("Delay", "LoadDependent", "MG1K", "MG1KPS", "MG1PS", "MG1SizeBased", "MGcPS", "MGcc"),
    "Serverless",
)
"""Where sharing, the sizes, the room or servers without limit keep the mean finite."""


def station(kind: str, distribution: qm.Distribution) -> qm.Station:
    return STATIONS[kind](Parts(distribution, servers=2, few=3, other=ARRIVALS))


TAKES_ANY = [k for k in STATIONS if np.isinf(station(k, HEAVY).service.scv)]
"""Stations that take a service distribution, and not only its mean."""


def test_which_take_a_distribution() -> None:
    assert {"MG1", "MGc", "GGc", "LeastConnections", "RandomSplit"} <= set(TAKES_ANY)
    assert set(FINITE) <= set(TAKES_ANY)


@pytest.mark.parametrize("kind", TAKES_ANY)
def test_the_mean_wait_is_infinite_in_its_cell(kind: str) -> None:
    one = station(kind, HEAVY)
    for share in (0.2, 0.9):
        r = one.solve(rate_of(one, share))
        means = [r.waiting_time, r.response_time, r.queue_length, r.number_in_system]
        assert (np.isfinite(means) if kind in FINITE else np.isposinf(means)).all()
        if r.wait is not None:
            assert np.isposinf(r.wait.mean) == (kind not in FINITE)
        assert np.isfinite(r.response.quantile(0.5))
    idle = one.solve(0.0)
    assert not np.isnan(idle.waiting_time)
    assert np.isnan(one.solve(np.nan).waiting_time)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", TAKES_ANY)
def test_other_cells_do_not_notice(kind: str) -> None:
    rate = 0.3 * float(rate_of(station(kind, HEAVY), 1.0))
    r = station(kind, BOTH).solve(rate)
    alone = station(kind, qm.Pareto(0.05, 3.5)).solve(rate)
    assert r.waiting_time[2] == pytest.approx(alone.waiting_time, rel=1e-9)
    assert not np.isnan(r.waiting_time).any()
    p50 = r.response.quantile(0.5)
    assert not np.isnan(p50).any()
    assert p50[2] == pytest.approx(alone.response.quantile(0.5), rel=1e-6)


@pytest.mark.parametrize("then", [MG1(HEAVY), qm.MGc(HEAVY, 3), qm.MMc(0.05)], ids=str)
def test_stations_in_a_row(then: qm.Station) -> None:
    """Where both have none the second one was unknown."""
    path = qm.series(qm.call("a", MG1(HEAVY)), qm.call("b", then))
    r = qm.Pipeline(path).solve(np.array([0.0, 1.0, 4.0]))
    assert r.latency.mean.tolist() == [r.latency.mean[0], np.inf, np.inf]
    assert np.isfinite(r.latency.mean[0])
    assert np.isfinite(r.stations["b"].waiting_time[1:]).all() == isinstance(then, qm.MMc)
    assert not np.isnan(r.latency.quantile(np.array([[0.5], [0.99]]))).any()


def test_without_load_nothing_varies() -> None:
    for shape in (1.5, 2.5):
        assert MG1(qm.Pareto(0.05, shape)).solve(0.0).wait.variance == 0


def test_several_servers_say_what_they_rest_on() -> None:
    for model in (qm.MGc(HEAVY, 3), qm.GGc(ARRIVALS, HEAVY, 3)):
        r = model.solve(5.0)
        assert INFINITE_VARIANCE in r.basis.grounds["waiting_time"]
        assert str(r.basis) == "approximate"
    assert INFINITE_VARIANCE not in MG1(HEAVY).solve(2.0).basis.grounds["waiting_time"]


def test_one_server_is_exact() -> None:
    """With P(wait) of one server it is that of Pollaczek and Khinchine."""
    rate = 0.6 / float(HEAVY.mean)
    distribution = wait_of_those(rate, HEAVY, servers=1, probability=0.6)
    t = np.array([0.0, 0.05, 1.0, 30.0])
    np.testing.assert_allclose(
        distribution.tail(t), MG1(HEAVY).solve(rate).wait.tail(t), rtol=1e-6
    )
