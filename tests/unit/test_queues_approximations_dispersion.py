"""Streams that are not Poisson: their index of dispersion, and what they do to a station."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.queues.approximations.behind import Behind
from qmodel.queues.approximations.dispersion import (
    DISTURBED,
    POISSON,
    mixed,
)
from qmodel.queues.approximations.relaxation import relaxed
from qmodel.queues.approximations.time_scales import early_scv, scv_at, service_index

STATIONS = [
    qm.MMc(1.0, 4),
    qm.MG1(qm.LogNormal(1.0, 2.0)),
    qm.MDc(1.0, 2),
    qm.MGc(qm.Gamma(1.0, 0.5), 3),
]


def test_relaxation_rises_from_0_to_1_without_steps() -> None:
    t = np.geomspace(1e-9, 1e9, 2000)
    w = relaxed(t)
    assert np.all(np.diff(w) >= 0)
    assert w[0] == pytest.approx(0.0, abs=1e-4)
    assert w[-1] == pytest.approx(1.0)
    assert np.max(np.diff(w)) < 0.01
    assert np.isnan(relaxed(np.nan))


def test_mixes_and_splits() -> None:
    varied = Behind(POISSON, 0.5, 0.5, 1, qm.LogNormal(1.0, 4.0), 1.0)
    alone = varied.extra(1.0, {})
    assert 0 < alone < 3
    assert mixed([(0.5, varied), (0.5, POISSON)]).extra(1.0, {}) == pytest.approx(alone / 2)
    assert varied.thinned(0.25).extra(1.0, {}) == pytest.approx(alone / 4)
    assert mixed([(0.3, varied), (0.7, varied)]) is varied
    assert mixed([(0.3, POISSON), (0.7, POISSON)]) is POISSON
    assert mixed([(0.3, POISSON), (0.7, DISTURBED)]) is DISTURBED
    assert not POISSON
    assert DISTURBED
    assert varied


def test_a_stream_of_poisson_arrivals_has_an_scv_of_1() -> None:
    assert scv_at(POISSON, 0.5, 0.5, 1.0) == 1.0
    loads = np.array([0.0, 0.5, 1.0, 2.0])
    exponential = Behind(POISSON, 0.5, loads, 1, qm.Exponential(1.0), 1.0)
    # The index of services is a quotient of two transforms, right to rounding.
    assert scv_at(exponential, 0.5, 0.5, 1.0) == pytest.approx(np.ones(4), abs=1e-12)


def test_what_always_busy_servers_send_is_their_service() -> None:
    steady = Behind(POISSON, 2.0, 2.0, 1, qm.Deterministic(1.0), 1.0)
    assert scv_at(steady, 1.0, 1.0, 1.0) == pytest.approx(0.0, abs=1e-8)
    varied = Behind(POISSON, 2.0, 2.0, 1, qm.LogNormal(1.0, 4.0), 1.0)
    assert scv_at(varied, 1.0, 1.0, 1.0) == pytest.approx(4.0, rel=1e-6)


def test_the_index_of_services_is_that_of_a_renewal_process() -> None:
    """Erlang-2 services: V(t) = t/2 + (1 - exp(-4 t)) / 8 at rate 1 (Cox and Lewis 1966)."""
    t = np.array([0.1, 1.0, 10.0, 1e3])
    u = 0.31 / t
    mean = u * (1 / (2 * u) + (1 - u / (u + 4)) / 8)  # over an exponential time of rate u
    assert service_index(qm.Gamma(1.0, 0.5), t) == pytest.approx(mean, rel=1e-6)


def test_rare_long_services_are_not_felt_over_short_times() -> None:
    service = qm.Pareto(1.0, 1.5, 1000.0)
    index = service_index(service, np.geomspace(0.001, 1e7, 60))
    assert index[0] == pytest.approx(1.0, abs=0.02)
    assert index[-1] == pytest.approx(float(service.scv), rel=1e-3)
    assert np.all(np.diff(index[20:]) > 0)
    assert np.isnan(service_index(service, np.nan))
    stream = Behind(POISSON, 0.8 / service.mean, 0.8, 1, service, 1.0)
    rate = 0.8 / service.mean
    scv = scv_at(stream, rate, 0.8, 1.0)
    exponential = qm.Exponential(service.mean)
    assert early_scv(stream, rate, 0.8, scv, exponential, 1) < 2.5
    assert scv > 4
    # A station that fills before two services are over feels what it fills by.
    assert early_scv(stream, rate, 0.1, scv, exponential, 1) == scv


@pytest.mark.parametrize("station", STATIONS, ids=lambda s: type(s).__name__)
def test_an_scv_of_1_changes_nothing(station: qm.Station) -> None:
    rates = np.array([0.0, 0.4, 0.9, 9.0])
    plain, other = station.solve(rates), station.solve(qm.Stream(rates, scv=1.0))
    for name in ("utilization", "waiting_time", "response_time", "number_in_system"):
        assert getattr(other, name) == pytest.approx(getattr(plain, name))
    t = np.array([[0.5], [5.0]])
    assert other.response.tail(t) == pytest.approx(plain.response.tail(t), abs=1e-7)
    assert other.basis["waiting_time"] == "approximate"
    assert "variability-of-arrivals" in other.basis.assumptions("p99")
    assert "variability-of-arrivals" not in other.basis.assumptions("utilization")


@pytest.mark.parametrize("station", STATIONS, ids=lambda s: type(s).__name__)
def test_waits_grow_with_the_scv(station: qm.Station) -> None:
    scvs = np.array([0.0, 0.5, 1.0, 2.0, 5.0])
    r = station.solve(qm.Stream(0.8, scv=scvs))
    assert np.all(np.diff(r.waiting_time) > 0)
    assert np.all(np.diff(r.response.quantile(0.9)) > 0)
    assert r.wait is not None
    assert r.wait.mean == pytest.approx(r.waiting_time)
    assert r.queue_length == pytest.approx(0.8 * r.waiting_time)
    assert np.isnan(float(station.solve(qm.Stream(0.8, scv=np.nan)).waiting_time))


def test_streams_count_by_their_rates() -> None:
    db = qm.MMc(0.01, 4)
    mix = db.solve([qm.Stream(100.0, scv=3.0), qm.Stream(200.0)])
    whole = db.solve(qm.Stream(300.0, scv=5 / 3))
    assert float(mix.waiting_time) == pytest.approx(float(whole.waiting_time))
    assert [float(s.waiting_time) for s in mix.streams] == [float(whole.waiting_time)] * 2


@pytest.mark.parametrize("scv", [0.25, 4.0])
def test_near_renewal_arrivals(scv: float) -> None:
    """The exact wait of GI/M/1 is within 5 % at 80 % load."""
    exact = qm.MMc(1.0).solve(qm.Renewal(0.8, scv)).waiting_time
    assert float(qm.MMc(1.0).solve(qm.Stream(0.8, scv=scv)).waiting_time) == pytest.approx(
        float(exact), rel=0.05
    )


def test_symbols() -> None:
    rate, c2 = sp.symbols("lambda c2", positive=True)
    with_scv = qm.MG1(qm.Exponential(sp.Integer(1))).solve(qm.Stream(rate, scv=c2))
    plain = qm.MG1(qm.Exponential(sp.Integer(1))).solve(rate)
    assert sp.simplify(with_scv.waiting_time / plain.waiting_time - (1 + c2) / 2) == 0


def test_bad_input() -> None:
    with pytest.raises(qm.DomainError, match="scv"):
        qm.Stream(1.0, scv=-1.0)
    with pytest.raises(qm.ModelError, match="ErlangA takes Poisson arrivals"):
        qm.ErlangA(0.1, 2, 1.0).solve(qm.Stream(1.0, scv=2.0))
    with pytest.raises(qm.ModelError, match="MMcK takes each request once and alone"):
        qm.MMcK(0.1, 2, 5).solve(qm.Stream(1.0, batch=2))


def test_a_wait_is_rarer_behind_regular_arrivals_and_longer() -> None:
    """Behind constant service M/M/1 is nearly D/M/1 at this load, and less often busy."""
    station = qm.MMc(1.0)
    poisson = station.solve(0.8)
    regular, bursty = (station.solve([qm.Stream(0.8, scv=v)]) for v in (0.36, 4.0))
    assert poisson.wait is not None
    assert regular.wait is not None
    assert bursty.wait is not None
    probabilities = [float(r.wait.tail(0.0)) for r in (regular, poisson, bursty)]
    assert probabilities == sorted(probabilities)
    assert 0.6 < probabilities[0] < 0.75
    assert probabilities[2] < 1
    for r in (regular, bursty):
        assert r.wait is not None
        assert r.wait.mean == pytest.approx(r.waiting_time, rel=1e-9)


def test_servers_of_constant_work_space_what_they_let_go() -> None:
    first, second = qm.call("a", qm.MDc(1.0, 2)), qm.call("b", qm.MDc(1.0, 2))
    slow, few = qm.call("slow", qm.MDc(1.1, 2)), qm.call("few", qm.MDc(0.5, 1))
    for after, waits in ((second, False), (slow, True), (few, True)):
        r = qm.Pipeline(qm.series(first, after)).solve(1.7)
        assert (r.stations[after.name].waiting_time > 1e-9) == waits
    # Of a share, drawn at random, some come at once.
    branched = qm.series(first, qm.branch((0.9, second), (0.1, qm.nothing())))
    r = qm.Pipeline(branched).solve(1.7)
    assert r.stations["b"].waiting_time > 1e-3
