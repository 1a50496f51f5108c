"""Closed loads in the questions that open loads are asked: users instead of requests."""

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.errors import DomainError, InfeasibleError, ModelError
from qmodel.loads import in_words
from qmodel.networks import closed
from qmodel.planning import capacity, compare, solve_for, sweep


def pages() -> qm.Pipeline:
    cpu, db = qm.call("cpu", qm.MMc(0.020, servers=2)), qm.call("db", qm.MMc(0.008))
    return qm.Pipeline(qm.series(cpu, qm.repeat(3, db)))


@pytest.mark.parametrize(
    ("objective", "read"),
    [
        ("p99 < 1 s", lambda r: r.latency.quantile(0.99) < 1),
        ("mean < 300 ms", lambda r: r.response_time < 0.3),
        ("utilization < 70 %", lambda r: r.stations["db"].utilization < 0.7),
        ("P(latency > 500 ms) < 2 %", lambda r: r.latency.tail(0.5) < 0.02),
        ("p95 of db < 80 ms", lambda r: r.stations["db"].response.quantile(0.95) < 0.08),
        ("mean wait of db < 30 ms", lambda r: r.stations["db"].waiting_time < 0.03),
    ],
)
def test_one_user_more_is_one_too_many(objective: str, read) -> None:
    most = capacity(pages(), objective, think_time=5.0)
    r = pages().solve(qm.Closed([most, most + 1], 5.0))
    assert read(r).tolist() == [True, False]


@pytest.mark.thorough
def test_all_scenarios_at_once() -> None:
    speeds, thoughts = np.array([0.004, 0.008, 0.4]), np.array([[0.0], [5.0]])
    found = capacity(
        pages().replace({"db.service_time": speeds}), "p99 < 1 s", think_time=thoughts
    )
    assert found.shape == (2, 3)
    assert (found[:, 2] == 0).all()  # too slow for one user
    for i, z in enumerate(thoughts.ravel()):
        for j, s in enumerate(speeds[:2]):
            one = capacity(pages().replace({"db.service_time": s}), "p99 < 1 s", think_time=z)
            assert one == found[i, j]


def test_edges_of_a_capacity_in_users() -> None:
    delay = qm.Pipeline(qm.call("net", qm.Delay(0.1)))
    assert capacity(delay, "mean < 1 s", think_time=1.0) == np.inf
    assert capacity(pages(), think_time=1.0) == np.inf  # users wait: nothing saturates
    assert capacity(pages(), "loss < 1 %", think_time=1.0) == np.inf
    assert capacity(pages(), "goodput > 40/s", think_time=1.0) == np.inf
    assert capacity(pages(), "p99 < 1 s", "goodput > 30/s", think_time=5.0) == 211
    assert np.isnan(
        capacity(pages().replace({"db.service_time": np.nan}), "mean < 1 s", think_time=1.0)
    )
    with pytest.raises(
        InfeasibleError, match="mean is 44 ms with 1 user who thinks 1 s: 'mean"
    ):
        capacity(pages(), "mean < 40 ms", think_time=1.0)
    with pytest.raises(InfeasibleError, match=r"goodput is at most 39\.7/s with"):
        capacity(pages(), "p99 < 1 s", "goodput > 50/s", think_time=5.0)
    with pytest.raises(DomainError, match="think_time must be a finite number >= 0, got -1"):
        capacity(pages(), "mean < 1 s", think_time=-1.0)


def test_solve_for_with_users() -> None:
    load = qm.Closed(400, think_time=5.0)
    found = solve_for(pages(), "db.service_time", load, "p99 < 1 s")
    assert found.side == "at most"
    at = pages().replace({"db.service_time": found.value}).solve(load)
    assert at.latency.quantile(0.99) == pytest.approx(1.0, rel=1e-8)
    servers = solve_for(pages(), "db.servers", qm.Closed([200, 300, 500], 5.0), "p99 < 1 s")
    assert servers.value.tolist() == [1, 2, 3]
    frame = servers.to_frame()
    assert frame["users"].tolist() == [200, 300, 500]
    assert (frame["think_time"] == 5.0).all()
    assert str(solve_for(pages(), "db.servers", load)) == (
        "db.servers of any value: there is a steady state with 400 users who think 5 s"
    )
    with pytest.raises(ModelError, match="is what `capacity` answers"):
        solve_for(pages(), "users", load, "p99 < 1 s")
    with pytest.raises(InfeasibleError, match="with 400 users who think 5 s"):
        solve_for(pages(), "cpu.servers", load, "p99 < 1 s")


def test_a_sweep_of_users_is_the_solution_of_each() -> None:
    frame = sweep(pages(), {"users": [10, 300], "db.servers": [1, 2]}, arrival_rate=None)
    assert frame["think_time" if "think_time" in frame else "users"].size == 4
    frame = sweep(pages(), {"db.servers": [1, 2]}, arrival_rate=qm.Closed(300, 5.0))
    assert list(frame.columns[:3]) == ["users", "think_time", "db.servers"]
    for _, row in frame.iterrows():
        r = pages().replace({"db.servers": int(row["db.servers"])}).solve(qm.Closed(300, 5.0))
        assert row["p99"] == pytest.approx(r.latency.quantile(0.99), rel=1e-9)
        assert row["goodput"] == pytest.approx(r.throughput)
        assert row["headroom"] == pytest.approx(r.knee / 300 - 1)
    assert frame.attrs["units"]["think_time"] == "s"
    with pytest.raises(ModelError, match="one kind of load"):
        sweep(pages(), {"users": [1], "arrival_rate": [1.0]})
    with pytest.raises(ModelError, match="no parameter 'think_time'"):
        sweep(pages(), {"think_time": [1.0]}, arrival_rate=5.0)
    with pytest.raises(ModelError, match="given twice"):
        sweep(pages(), {"users": [1]}, arrival_rate=qm.Closed(3))


def test_models_side_by_side_for_users() -> None:
    models = {"one": pages(), "two": pages().replace({"db.servers": 2})}
    frame = compare(models, qm.Closed([100, 300], 5.0))
    assert frame["users"].tolist() == [100, 300] * 2
    second = models["two"].solve(qm.Closed(300, 5.0))
    assert frame["p99"].iloc[3] == pytest.approx(second.latency.quantile(0.99), rel=1e-9)
    assert frame["utilization"].iloc[3] == pytest.approx(second.stations["db"].utilization)


def test_a_station_alone_is_asked_likewise() -> None:
    found = capacity(qm.MMc(1.0), "mean < 20 s", think_time=10.0)
    # R = N - Z far beyond the knee: 20 at 30 users.
    assert found == 29
    assert capacity(qm.MG1SizeBased(qm.Exponential(0.1), "srpt")) == pytest.approx(10.0)
    with pytest.raises(ModelError, match="cannot take a closed load"):
        capacity(qm.MG1SizeBased(qm.Exponential(0.1), "srpt"), "mean < 1 s", think_time=1.0)


def test_clients_of_a_finite_source_are_the_users_of_a_path() -> None:
    station = qm.FiniteSource(1.0, servers=2, population=30)
    path = qm.Pipeline(qm.call("x", station))
    r, direct = path.solve(qm.Closed(30, 10.0)), station.solve(1 / 10.0)
    assert r.throughput == pytest.approx(direct.throughput, rel=1e-12)
    assert r.latency.quantile(0.99) == pytest.approx(direct.response.quantile(0.99), rel=1e-9)
    with pytest.raises(
        ModelError, match=r"x serves a finite number of clients: .* qmodel\.Closed"
    ):
        path.solve(1.0)
    with pytest.raises(
        DomainError, match="users must be at most the population of x, 30, got 31"
    ):
        path.solve(qm.Closed(31, 10.0))
    assert capacity(path, "mean < 60 s", think_time=10.0) == 30  # all clients there are
    most = capacity(path, "mean < 1.5 s", think_time=10.0)
    assert path.solve(qm.Closed([most, most + 1], 10.0)).response_time.searchsorted(1.5) == 1


def test_closed_forms_of_a_path_on_symbols() -> None:
    s, z = sp.symbols("S Z", positive=True)
    r = qm.Pipeline(qm.call("x", qm.MMc(s))).solve(qm.Closed(2, z))
    assert sp.simplify(r.throughput - 2 * (z + s) / (z**2 + 2 * z * s + 2 * s**2)) == 0
    assert r.response_time.subs({s: 0.1, z: 1.0}) == pytest.approx(
        0.2 / 2.2 * 0.1 + 0.1 + 0, rel=0.02
    )


@pytest.mark.parametrize(
    ("users", "think", "message"),
    [
        (-1, 1.0, ">= 0, got -1"),
        (2.5, 1.0, "whole number"),
        (1, -1.0, "think_time"),
        (1, np.inf, "think_time"),
    ],
)
def test_impossible_users(users: float, think: float, message: str) -> None:
    with pytest.raises(DomainError, match=message):
        qm.Closed(users, think)


def test_a_loop_without_time() -> None:
    with pytest.raises(DomainError, match="needs time in its loop"):
        qm.Pipeline(qm.call("x", qm.Delay(0.0))).solve(qm.Closed(3))


def test_what_explains_a_closed_load_and_its_stations() -> None:
    r = pages().solve(qm.Closed(200, 5.0))
    why = qm.explain(r, "throughput")
    assert str(why.formula) == "Eq(X, G[N - 1]/G[N])"
    assert qm.explain(r, "mean").value == r.response_time
    assert qm.explain(r, "knee").value == r.knee
    assert qm.explain(r, "p99").value == pytest.approx(r.latency.quantile(0.99))
    # The distribution at a station is not that of an open load, so its formula is not shown.
    assert qm.explain(r, "db.p99").formula is None
    assert qm.explain(r, "db.p99").value == pytest.approx(
        r.stations["db"].response.quantile(0.99)
    )
    with pytest.raises(ModelError, match="did you mean 'throughput'"):
        qm.explain(r, "troughput")


def test_loads_in_words() -> None:
    assert in_words(qm.Closed(1, 2.0)) == "with 1 user who thinks 2 s"
    assert in_words(qm.Closed(1)) == "with 1 user"
    assert in_words(qm.Closed(1200, 0.5)) == "with 1,200 users who think 500 ms"
    assert in_words(qm.Poisson(20.0)) == in_words(20.0) == "at 20/s"


@pytest.mark.thorough
def test_answers_under_users() -> None:
    load, goal = qm.Closed(200, 5.0), "p99 < 1 s"
    found = qm.answers.solve(pages(), load, objectives=goal)
    assert found.good
    assert found.fact("users_within_objectives") == capacity(pages(), goal, think_time=5.0)
    assert len(found.pictures) == 2
    missed = qm.answers.check(pages(), qm.Closed(300, 5.0), objectives=goal)
    assert not missed.good
    assert "with 300 users who think 5 s" in missed.verdict
    both = qm.answers.compare({"a": pages(), "b": pages().replace({"db.servers": 2})}, load)
    assert both.verdict.startswith("With 200 users who think 5 s: a p99 807 ms")
    assert both.pictures
    grid = qm.answers.sweep(pages(), {"users": "10:200:3"})
    assert len(grid.to_frame()) == 3
    assert qm.answers.explain(pages(), "mean", load).verdict.startswith("mean = 237 ms")
    with pytest.raises(DomainError, match="users must be one number"):
        qm.answers.solve(pages(), qm.Closed([1, 2]))


def test_kinds_of_request_are_mixed_by_their_visits() -> None:
    web, db = qm.call("web", qm.MMc(0.01, servers=4)), qm.call("db", qm.MMc(0.02))
    shop = qm.Pipeline({"browse": (0.9, web), "buy": (0.1, qm.series(web, db))})
    r = shop.solve(qm.Closed(50, 1.0))
    same = closed.solve({"web": web.station, "db": db.station}, {"web": 1, "db": 0.1}, 50, 1.0)
    assert r.throughput == pytest.approx(same.throughput, rel=1e-13)


def test_eight_servers_and_ninety_users_are_stable() -> None:
    """Recursions that subtract print -98 for this response of 35."""
    station = qm.Pipeline(qm.call("x", qm.MMc(1.0, servers=8)))
    users = np.arange(1, 201)
    r = station.solve(qm.Closed(users, 5.0))
    assert (np.diff(r.throughput) > -1e-13).all()
    assert r.throughput[-1] == pytest.approx(8.0, rel=1e-12)
    assert r.response_time[89] == pytest.approx(90 / r.throughput[89] - 5.0, rel=1e-12)
