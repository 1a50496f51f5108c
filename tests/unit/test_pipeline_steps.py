"""Steps: what they take, what they count, what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm

DB = qm.MMc(0.010, servers=2)
ASK = qm.call("db", DB)
WAIT = qm.call("wait", qm.Delay(0.1))


def latency(step: qm.Step, rate: float = 10.0) -> qm.Distribution:
    return qm.Pipeline(step).solve(rate).latency


def test_series_adds() -> None:
    assert latency(qm.series(WAIT, WAIT)).mean == pytest.approx(0.2)
    assert latency(qm.series()).mean == 0
    assert latency(qm.series(ASK)).mean == pytest.approx(DB.solve(10.0).response_time)


def test_branch_mixes() -> None:
    distribution = latency(qm.branch((0.25, WAIT), (0.75, qm.nothing())))
    assert distribution.mean == pytest.approx(0.025)
    assert distribution.quantile(0.74) == 0
    assert distribution.quantile(0.76) == pytest.approx(0.1)
    assert distribution.tail(0.05) == pytest.approx(0.25)


def test_parallel_waits_for_the_last() -> None:
    short = qm.call("short", qm.Delay(0.03))
    assert latency(qm.parallel(WAIT, short)).mean == pytest.approx(0.1)
    assert latency(qm.parallel(ASK)).mean == pytest.approx(
        DB.solve(10.0).response_time, rel=1e-9
    )


def test_repeat() -> None:
    r = qm.Pipeline(qm.repeat(3, ASK)).solve(10.0)
    assert r.visits["db"] == 3
    assert r.stations["db"].arrival_rate == 30.0
    assert r.latency.mean == pytest.approx(3 * DB.solve(30.0).response_time, rel=1e-9)
    assert latency(qm.repeat(2, qm.repeat(3, WAIT))).mean == pytest.approx(0.6)


@pytest.mark.parametrize("station", [DB, qm.MG1PS(qm.Exponential(0.01)), qm.Delay(0.1)])
def test_repeat_never(station: qm.Station) -> None:
    r = qm.Pipeline(qm.series(WAIT, qm.repeat(0, qm.call("s", station)))).solve(10.0)
    assert r.latency.mean == pytest.approx(0.1)
    assert r.visits["s"] == 0
    several = qm.Pipeline(qm.repeat(np.array([0, 1, 2]), qm.call("s", station))).solve(10.0)
    assert several.latency.mean[0] == 0
    assert (np.diff(several.latency.mean) > 0).all()
    assert several.latency.quantile(0.9)[0] == 0


def test_retry() -> None:
    path = qm.retry(WAIT, failure=0.1, attempts=3, pause=0.2)
    r = qm.Pipeline(path).solve(100.0)
    assert r.visits["wait"] == pytest.approx(1.11)
    # 0.1, then 0.1 + 0.2 + 0.1, then once more the last two.
    expected = 0.9 * 0.1 + 0.09 * 0.4 + 0.01 * 0.7
    assert r.latency.mean == pytest.approx(expected)
    assert r.latency.quantile([0.89, 0.98, 0.995]).tolist() == pytest.approx([0.1, 0.4, 0.7])
    once = qm.Pipeline(qm.retry(WAIT, failure=0.7, attempts=1)).solve(1.0)
    assert once.visits["wait"] == 1


def test_cached() -> None:
    r = qm.Pipeline(qm.cached(0.8, lookup=WAIT, miss=ASK)).solve(10.0)
    assert r.visits == {"wait": pytest.approx(1.0), "db": pytest.approx(0.2)}
    assert r.latency.mean == pytest.approx(0.1 + 0.2 * DB.solve(2.0).response_time)


def test_a_call_with_its_own_service() -> None:
    slow = qm.call("db", DB, service=qm.Exponential(0.03))
    r = qm.Pipeline(qm.branch((0.5, ASK), (0.5, slow))).solve(40.0)
    assert r.visits["db"] == pytest.approx(1.0)
    assert r.stations["db"].utilization == pytest.approx(40 * 0.02 / 2)
    wait = r.stations["db"].waiting_time
    assert r.latency.mean == pytest.approx(wait + 0.02, rel=1e-9)


def test_limit() -> None:
    path = qm.series(qm.limit("quota", 100.0, burst=50), qm.call("db", qm.MMc(0.008)))
    r = qm.Pipeline(path).solve(150.0)
    assert r.rejected == pytest.approx(1 / 3, rel=1e-3)
    assert r.goodput == pytest.approx(100.0, rel=1e-3)
    assert r.stations["db"].arrival_rate == pytest.approx(100.0, rel=1e-3)
    free = qm.Pipeline(qm.series(qm.limit("quota", np.inf), ASK)).solve(50.0)
    assert free.rejected == pytest.approx(0.0, abs=1e-12)


def test_a_fork_under_overload_is_overloaded() -> None:
    distribution = latency(qm.parallel(ASK, WAIT), rate=500.0)
    assert np.isposinf(distribution.mean)
    assert np.isposinf(distribution.quantile(0.5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: qm.branch((0.7, ASK), (0.5, WAIT)),
            r"sum of branch probabilities must be 1, got 1\.2",
        ),
        (lambda: qm.branch((0.5, ASK)), r"must be 1, got 0\.5"),
        (lambda: qm.branch((1.5, ASK), (-0.5, WAIT)), r"branch probabilities .* got 1\.5"),
        (lambda: qm.repeat(2.5, ASK), r"times must be a whole number >= 0, got 2\.5"),
        (lambda: qm.repeat(-1, ASK), r"times .* got -1"),
        (
            lambda: qm.retry(ASK, failure=1.2),
            r"failure must be a probability from 0 to 1, got 1\.2",
        ),
        (lambda: qm.retry(ASK, failure=0.1, attempts=0), r"attempts .* got 0"),
        (lambda: qm.retry(ASK, failure=0.1, pause=-1.0), r"pause .* got -1"),
        (lambda: qm.cached(-0.1, lookup=ASK, miss=WAIT), r"hit_ratio .* got -0\.1"),
        (lambda: qm.limit("quota", 0.0), r"rate must be a number > 0, got 0"),
        (lambda: qm.limit("quota", 5.0, burst=0.5), r"burst must be a number >= 1, got 0\.5"),
    ],
)
def test_impossible_values(make: object, message: str) -> None:
    with pytest.raises(qm.DomainError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    "make",
    [
        lambda: qm.series(ASK, DB),
        lambda: qm.parallel(),
        lambda: qm.parallel(0.1),
        lambda: qm.repeat(2, DB),
        lambda: qm.retry(DB, failure=0.1),
        lambda: qm.branch(ASK, WAIT),
        lambda: qm.branch((1.0, DB)),
        lambda: qm.call("db", 0.010),
        lambda: qm.call("a.b", DB),
        lambda: qm.call("", DB),
        lambda: qm.call(3, DB),
        lambda: qm.call("db", DB, service=0.01),
        lambda: qm.cached(0.5, lookup=DB, miss=ASK),
        lambda: qm.limit("a.b", 5.0),
    ],
)
def test_parts_that_do_not_fit(make: object) -> None:
    with pytest.raises(qm.ModelError):
        make()  # type: ignore[operator]
