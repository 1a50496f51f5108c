"""Stations to which requests come back: light and heavy traffic, streams, and paths."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.return_visits import as_if_shared, felt, lasting, together

LOGNORMAL = qm.LogNormal(1.0, 4.0)

# Service, servers, load, visits, mean pause, mean wait of a visit: simulated to 1 %.
SIMULATED = [
    (LOGNORMAL, 1, 0.5, 4, 0.0, 1.512),
    (LOGNORMAL, 4, 0.8, 10, 0.0, 0.913),
    (LOGNORMAL, 4, 0.8, 4, 10.0, 1.206),
    (LOGNORMAL, 1, 0.8, 10, 100.0, 7.487),
    (LOGNORMAL, 16, 0.8, 10, 0.0, 0.1123),
    (qm.Deterministic(1.0), 1, 0.8, 4, 10.0, 2.765),
    (qm.Deterministic(1.0), 4, 0.8, 10, 0.0, 0.679),
    (qm.Gamma(1.0, 0.5), 2, 0.7, 4, 1.0, 0.8555),
]


@pytest.mark.parametrize(("service", "servers", "load", "visits", "pause", "wait"), SIMULATED)
def test_simulated_means(
    service: qm.Distribution, servers: int, load: float, visits: int, pause: float, wait: float
) -> None:
    station = qm.MGc(service, servers)
    db, away = qm.call("db", station), qm.call("away", qm.Delay(qm.Exponential(pause or 1.0)))
    step = qm.series(db, away) if pause else db
    r = qm.Pipeline(qm.repeat(visits, step)).solve(load * servers / visits)
    found = r.stations["db"]
    assert found.waiting_time == pytest.approx(wait, rel=0.06)
    whole = visits * (found.response_time + pause)
    assert r.latency.mean == pytest.approx(float(whole), rel=1e-9)
    assert "returns" in r.basis.assumptions("mean")
    assert r.basis["mean"] == "approximate"
    # The same stream at the station alone.
    alone = station.solve(qm.Stream(load * servers, visits=visits, pause=pause))
    assert alone.waiting_time == pytest.approx(float(found.waiting_time), rel=1e-9)


def test_light_traffic() -> None:
    """Two that meet take turns: half the turns wait a service, the first a residual one."""
    load, visits = 1e-6, 5
    r = qm.MG1(LOGNORMAL).solve(qm.Stream(load, visits=visits))
    assert float(r.waiting_time) / load == pytest.approx(1 + (4 - 1) / (2 * visits), rel=1e-4)


def test_heavy_traffic() -> None:
    """The number of requests is (V ca2 + cs2) / (V + 1) times that of M/M/1 (Reiman 1988)."""
    load, visits = 1 - 1e-6, 5
    plain = qm.MMc(1.0).solve(load).waiting_time
    for scv in (1.0, 3.0):
        r = qm.MG1(LOGNORMAL).solve(qm.Stream(load, scv=scv, visits=visits))
        expected = (visits * scv + 4) / (visits + 1)
        assert r.waiting_time / plain == pytest.approx(expected, rel=1e-4)
        assert r.wait is not None
        assert r.wait.mean == pytest.approx(r.waiting_time, rel=1e-6)


def test_one_visit_is_a_plain_stream() -> None:
    rates = np.array([0.0, 0.4, 0.9, 1.0, 9.0, np.nan])
    for station in (qm.MG1(LOGNORMAL), qm.MGc(LOGNORMAL, 3), qm.queues.MDc(0.5, 2)):
        plain = station.solve(rates)
        for once in (qm.Stream(rates, visits=1), qm.Stream(rates, visits=np.ones(6))):
            assert station.solve(once).waiting_time == pytest.approx(
                plain.waiting_time, nan_ok=True
            )
        often = station.solve(qm.Stream(rates, visits=3))
        assert np.array_equal(np.isinf(often.waiting_time), np.isinf(plain.waiting_time))
        assert np.array_equal(np.isnan(often.waiting_time), np.isnan(plain.waiting_time))
        assert often.wait is not None
        assert often.wait.mean == pytest.approx(often.waiting_time, nan_ok=True)


def test_exponential_service_forgets_who_was_there() -> None:
    r = qm.MMc(1.0, 3).solve(qm.Stream(2.0, visits=7))
    assert float(r.waiting_time) == pytest.approx(float(qm.MMc(1.0, 3).solve(2.0).waiting_time))
    path = qm.repeat(7, qm.call("db", qm.MMc(1.0, 3)))
    assert qm.Pipeline(path).solve(2.0 / 7).basis["mean"] == "exact"


def test_waits_are_between_those_of_the_service_and_exponential_ones() -> None:
    visits = np.array([1, 2, 5, 50, 5000])
    for service in (LOGNORMAL, qm.Deterministic(1.0)):
        waits = qm.MGc(service, 4).solve(qm.Stream(3.2, visits=visits)).waiting_time
        plain = qm.MMc(1.0, 4).solve(3.2).waiting_time
        away = np.abs(waits - plain)
        assert np.all(np.diff(away) < 0)
        assert away[-1] < 0.001 * plain
        pauses = np.array([0.0, 1.0, 100.0, 1e9])
        waits = qm.MGc(service, 4).solve(qm.Stream(3.2, visits=5, pause=pauses)).waiting_time
        assert np.all(np.diff(np.abs(waits - plain)) > 0)
        assert waits[-1] == pytest.approx(float(qm.MGc(service, 4).solve(3.2).waiting_time))


def test_shares() -> None:
    assert felt(1, 1.0, 0.3) == pytest.approx(1.0)
    assert together(1, 1.0) == 1
    assert felt(9, 0.0, 0.3) == together(9, 0.0) == 1
    # Memory of a service, spread over the spare share of the servers.
    assert lasting(3.0, 0.5, 1.0, 0.5) == pytest.approx(0.5)
    assert lasting(1e9, 1.0, 1.0, 1.0) == lasting(0.0, 1.0, np.inf, 0.2) == 1


def test_branches_are_no_returns() -> None:
    """A station in both branches is visited once."""
    db = qm.call("db", qm.MG1(LOGNORMAL))
    web = qm.call("web", qm.MG1(LOGNORMAL))
    once = qm.Pipeline(qm.branch((0.3, db), (0.7, qm.series(web, db)))).solve(0.6)
    twice = qm.Pipeline(qm.branch((0.3, db), (0.7, qm.series(db, web, db)))).solve(0.6 / 1.7)
    assert "returns" not in once.basis.assumptions("mean")
    assert "returns" in twice.basis.assumptions("mean")
    assert twice.stations["db"].waiting_time < once.stations["db"].waiting_time


def test_bad_input() -> None:
    for wrong in ({"visits": 0.5}, {"pause": -1.0}):
        with pytest.raises(qm.DomainError, match=next(iter(wrong))):
            qm.Stream(1.0, **wrong)
    with pytest.raises(qm.ModelError, match="each request once"):
        qm.MMcK(0.1, 2, 5).solve(qm.Stream(1.0, visits=2))


def test_the_two_waits_are_nearer_the_higher_the_load() -> None:
    """Of each the mean is between its own and that of both, by the square of the load."""
    load = 0.6
    station = qm.MG1(LOGNORMAL).solve(load)
    share = 0.4
    mean, waits = as_if_shared(station, load, share)
    own, markov = float(station.waiting_time), load / (1 - load)
    assert mean == pytest.approx(share * own + (1 - share) * markov)
    longer = [(mean / x) ** load**2 for x in (own, markov)]
    off = mean / (share * longer[0] * own + (1 - share) * longer[1] * markov)
    assert station.wait is not None
    second = station.wait.variance + own**2, load * 2 / (1 - load) ** 2
    expected = share * second[0] * longer[0] ** 2 + (1 - share) * second[1] * longer[1] ** 2
    assert waits.variance + mean**2 == pytest.approx(expected * off**2, rel=1e-6)


def _balanced(mean: float, servers: int) -> qm.Station:
    p = (1 + np.sqrt(0.6)) / 2
    return qm.MGc(
        qm.HyperExponential((p, 1 - p), (mean / (2 * p), mean / (2 * (1 - p)))), servers
    )


@pytest.mark.parametrize(
    ("visits", "first", "second", "found"),
    [
        (2, qm.MDc(0.5, 2), _balanced(1.7, 4), (11.80, 7.462, 35.65, 56.93)),
        (3, qm.MGc(qm.Gamma(1 / 3, 0.25), 2), qm.MDc(1.7 / 3, 2), (5.899, 4.697, 13.14, 19.11)),
        (3, qm.MDc(1 / 3, 2), qm.MMc(0.7 / 3), (3.371, 2.791, 7.312, 10.46)),
    ],
)
def test_in_turns_behind_regular_service(
    visits: int, first: qm.Station, second: qm.Station, found: tuple[float, ...]
) -> None:
    """Two stations in turns: simulated here, 500,000 requests, errors of 0.5 to 5 %.

    Who has passed a station whose stream is not Poisson comes back to the next one as well,
    which was forgotten: the first was 17 to 21 % high, the second up to 27 % low.
    """
    path = qm.series(qm.call("a", first), qm.call("b", second))
    time = qm.Pipeline(qm.repeat(visits, path)).solve(1.0).latency
    assert float(time.mean) == pytest.approx(found[0], rel=0.05)
    assert time.quantile([0.5, 0.95, 0.99]) == pytest.approx(found[1:], rel=0.08)
