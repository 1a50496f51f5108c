"""Permits that are held during steps: threads, workers, connections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.networks import HeldPool

CORES, DISK, CPU = qm.MMc(0.012, servers=4), qm.MMc(0.004), qm.MMc(0.020, servers=8)
QUERY = qm.series(qm.call("cores", CORES), qm.call("disk", DISK))


def site(threads: Any, permits: Any) -> qm.Pipeline:
    page = qm.series(qm.call("cpu", CPU), qm.hold("connections", permits, QUERY))
    return qm.Pipeline(qm.hold("threads", threads, page))


@pytest.mark.parametrize(
    ("permits", "rate", "must_wait", "wait", "holding"),
    [(4, 150.0, 0.478744298791, 0.007941841129, 0.019215513835),
     (4, 180.0, 0.779365583063, 0.033146605093, 0.019816854928),
     (10, 200.0, 0.236195814537, 0.005016374599, 0.029741160763)],
)  # fmt: skip
def test_digits_of_another_chain(
    permits: int, rate: float, must_wait: float, wait: float, holding: float
) -> None:
    r = qm.Pipeline(qm.hold("pool", permits, QUERY)).solve(rate)
    pool = r.stations["pool"]
    assert pool.wait is not None
    assert 1 - pool.wait.atom == pytest.approx(must_wait, abs=1e-12)
    assert pool.waiting_time == pytest.approx(wait, abs=1e-12)
    assert r.latency.mean - pool.waiting_time == pytest.approx(holding, abs=1e-12)
    twin = HeldPool(permits, {"cores": CORES, "disk": DISK}).solve(rate)
    assert r.latency.quantile(0.99) == pytest.approx(twin.response.quantile(0.99), rel=1e-9)


def test_published_limits_of_threads_over_a_pool() -> None:
    """One vector of sizes; the name is that of what fills the threads from inside, to 5 %."""
    threads = site(np.array([6, 8, 10, 12, 16, 20, 32]), 10)
    expected = [152.1, 188.716, 214.3, 229.616, 241.6, 243.6, 243.919]
    assert threads.max_rate == pytest.approx(expected, rel=3e-4)
    assert list(threads.bottleneck) == ["threads"] * 4 + ["disk"] * 3
    assert site(32, 4).bottleneck == "connections"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("threads", "permits", "rate", "mean", "p99"),
    [(32, 10, 150, .04270, .1243), (32, 10, 200, .05485, .1553), (32, 10, 215, .06652, .1921),
     (32, 4, 150, .04681, .1345), (32, 4, 180, .07344, .2371), (1000, 4, 180, .07174, .228),
     (32, 6, 200, .06315, .1862),
     (12, 4, 120, .04133, .1229), (12, 10, 180, .04903, .1383), (12, 10, 200, .05966, .1730),
     (8, 10, 120, .04102, .1222), (8, 10, 150, .04822, .1401), (8, 6, 150, .04842, .1404),
     (6, 6, 100, .04173, .1248)],
)  # fmt: skip
def test_simulated_threads_over_a_pool(
    threads: int, permits: int, rate: float, mean: float, p99: float
) -> None:
    """Published simulations, their own errors up to 2 %: mean within 3.5 %, p99 within 5 %."""
    r = site(threads, permits).solve(float(rate))
    assert r.latency.mean == pytest.approx(mean, rel=0.035)
    assert r.latency.quantile(0.99) == pytest.approx(p99, rel=0.05)
    assert r.basis["mean"] == "approximate"
    assert r.to_frame()["time_per_request"].sum() == pytest.approx(r.latency.mean, rel=1e-9)
    outer = r.stations["threads"]
    assert outer.response_time == pytest.approx(r.latency.mean, rel=1e-9)
    assert outer.response.mean == pytest.approx(r.latency.mean, rel=1e-9)


@pytest.mark.parametrize(
    ("visits", "threads", "permits", "rate", "mean", "p99"),
    [(2, 32, 10, 200, .0554, .1392), (2, 32, 4, 180, .0755, .228),
     (3, 32, 10, 200, .0553, .1297), (3, 32, 4, 150, .0482, .1120),
     (3, 32, 6, 200, .0649, .1711), (3, 12, 10, 180, .0483, .1026),
     (6, 32, 10, 200, .0556, .1279), (6, 32, 6, 200, .0651, .163)],
)  # fmt: skip
def test_several_visits_share_one_wait(
    visits: int, threads: int, permits: int, rate: float, mean: float, p99: float
) -> None:
    cpu, cores, disk = (
        qm.call(n, qm.MMc(s.service_time / visits, s.servers))
        for n, s in (("cpu", CPU), ("cores", CORES), ("disk", DISK))
    )
    turn = qm.series(cpu, qm.hold("connections", permits, qm.series(cores, disk)))
    for path in (qm.repeat(visits, turn), qm.series(*[turn] * visits)):
        r = qm.Pipeline(qm.hold("threads", threads, path)).solve(float(rate))
        assert r.latency.mean == pytest.approx(mean, rel=0.05)
        assert r.latency.quantile(0.99) == pytest.approx(p99, rel=0.1)


@pytest.mark.parametrize("rate", [100.0, 300.0, 600.0])
@pytest.mark.parametrize("scv", [1.0, 4.0])
def test_few_permits_beside_many_are_what_they_are_alone(rate: float, scv: float) -> None:
    """Few permits are solved by their chain, many by the numbers inside, in one array."""

    def solved(permits: Any) -> qm.PipelineResult:
        database = qm.MGc(qm.from_mean_scv(0.008, scv), 4)
        inside = [qm.call("app", qm.MMc(0.01, 8)), qm.call("db", database)]
        inside.append(qm.call("disk", qm.MMc(0.002, 2)))
        return qm.Pipeline(qm.hold("threads", permits, qm.series(*inside))).solve(rate)

    sizes = [3, 10, 11, 64]
    together = solved(np.array(sizes))
    quantiles = together.latency.quantile(0.99)
    for i, permits in enumerate(sizes):
        alone = solved(permits)
        assert together.latency.mean[i] == pytest.approx(alone.latency.mean, rel=1e-9)
        p99 = quantiles[i]
        assert p99 == pytest.approx(alone.latency.quantile(0.99), rel=1e-9)
        for name, station in alone.stations.items():
            found = np.broadcast_to(together.stations[name].response_time, len(sizes))
            # The means of what is found are integrals of tails, to 1e-8.
            assert found[i] == pytest.approx(station.response_time, rel=1e-8)


def test_a_station_inside_that_nobody_visits_is_no_limit() -> None:
    database = qm.call("db", qm.MMc(0.008, 4))
    path = qm.cached(
        np.array([0.5, 1.0]),
        lookup=qm.call("app", qm.MMc(0.01, 8)),
        miss=database,
        name="cache",
    )
    found = qm.Pipeline(qm.hold("threads", 16, path)).max_rate
    assert found[1] == pytest.approx(800.0)
    assert found[0] < found[1]


def test_without_queues_inside_it_is_the_station_of_its_times() -> None:
    rate = np.array([0.0, 100.0, 400.0, 500.0, np.nan])
    for distribution, twin in (
        (qm.Exponential(0.019), qm.MMc(0.019, servers=8)),
        (qm.Deterministic(0.019), qm.MDc(0.019, servers=8)),
    ):
        path = qm.hold("workers", 8, qm.call("work", qm.Delay(distribution)))
        r, plain = qm.Pipeline(path).solve(rate), qm.Pipeline(qm.call("w", twin)).solve(rate)
        assert r.latency.mean == pytest.approx(plain.latency.mean, rel=1e-9, nan_ok=True)
        expected = plain.latency.quantile(0.99)
        assert r.latency.quantile(0.99) == pytest.approx(expected, rel=1e-6, nan_ok=True)
        assert r.max_rate == pytest.approx(plain.max_rate)
    exact = qm.Pipeline(qm.hold("w", 8, qm.call("work", qm.Delay(qm.Exponential(0.019)))))
    assert exact.solve(300.0).basis["p99"] == "exact"


def test_symbols_where_nothing_queues_inside() -> None:
    import sympy as sp

    s, lam = sp.symbols("S lambda", positive=True)
    work = qm.call("work", qm.Delay(qm.Exponential(s)))
    p = qm.Pipeline(qm.hold("workers", 2, work))
    assert sp.simplify(p.max_rate - 2 / s) == 0
    found = sp.simplify(p.solve(lam).latency.mean - qm.MMc(s, 2).solve(lam).response_time)
    assert found == 0
    with pytest.raises(ModelError, match="numbers, not symbols"):
        _ = qm.Pipeline(qm.hold("pool", 2, qm.call("db", qm.MMc(s)))).max_rate


def test_a_pool_that_never_limits_changes_nothing() -> None:
    inside = qm.series(qm.call("cpu", CPU), qm.branch((0.3, QUERY), (0.7, qm.nothing())))
    held, free = qm.Pipeline(qm.hold("threads", 400, inside)), qm.Pipeline(inside)
    rate = np.array([50.0, 150.0, 250.0])
    a, b = held.solve(rate).latency, free.solve(rate).latency
    assert a.mean == pytest.approx(b.mean, rel=1e-9)
    assert a.quantile(0.99) == pytest.approx(b.quantile(0.99), rel=1e-6)
    assert held.max_rate == pytest.approx(free.max_rate, rel=1e-3)


def test_paths_of_several_kinds_share_a_pool_of_one_name() -> None:
    """Alike, they are one stream; of one name and two sizes, they are refused."""
    read = qm.hold(
        "workers", 8, qm.series(qm.call("work", qm.Delay(qm.Exponential(0.02))), QUERY)
    )
    write = qm.hold("workers", 8, qm.series(qm.call("work", read.step.steps[0].station), QUERY))
    two = qm.Pipeline({"read": (0.5, read), "write": (0.5, write)}).solve(120.0)
    one = qm.Pipeline(read).solve(120.0)
    assert two.latency.quantile(0.99) == pytest.approx(one.latency.quantile(0.99), rel=1e-9)
    assert two.kinds["read"].latency.mean == pytest.approx(one.latency.mean, rel=1e-9)
    other = qm.hold("workers", 9, QUERY)
    with pytest.raises(ModelError, match="two different stations are called 'workers'"):
        qm.Pipeline({"read": (0.5, read), "write": (0.5, other)})


def test_a_cache_a_fork_and_a_limit_inside() -> None:
    """Time held is that of the path: a hit needs no query, and what is at once the longest."""
    ask = qm.parallel(*(qm.call(n, qm.MMc(0.01, servers=64)) for n in ("prices", "stock")))
    path = qm.series(ask, qm.cached(0.9, lookup=qm.call("cache", qm.Delay(0.001)), miss=QUERY))
    p = qm.Pipeline(qm.hold("workers", 30, path))
    idle = qm.Pipeline(path).solve(1e-9).latency.mean
    assert p.max_rate == pytest.approx(30 / idle, rel=0.05)
    free = qm.Pipeline(path)
    r, open_ = p.solve(700.0), free.solve(700.0)
    assert r.latency.mean == pytest.approx(open_.latency.mean, rel=0.02)
    assert r.stations["workers"].utilization == pytest.approx(700 / p.max_rate, rel=0.05)
    limited = qm.hold("workers", 30, qm.series(qm.limit("quota", 100.0, burst=50), QUERY))
    shed = qm.Pipeline(limited).solve(200.0)
    assert shed.rejected == pytest.approx(0.5)
    assert np.isfinite(shed.latency.quantile(0.99))


def test_others_at_a_station_inside_do_not_hold_the_pool() -> None:
    """Half of the calls come from outside: the pool sustains less, what is outside is free."""
    inner = qm.hold("workers", 3, qm.call("db", CORES))
    mix = qm.Pipeline({"in": (0.5, inner), "out": (0.5, qm.call("db", CORES))})
    alone = qm.Pipeline(inner)
    assert 2 * alone.max_rate > mix.max_rate > alone.max_rate
    r = mix.solve(250.0)
    assert r.kinds["out"].latency.mean == pytest.approx(CORES.solve(250.0).response_time)
    assert r.kinds["in"].latency.mean > r.kinds["out"].latency.mean


def test_general_service_inside() -> None:
    """The wait for a worker follows the variability of its time, that of a query its own."""
    waits = [
        qm.Pipeline(qm.hold("workers", 8, qm.series(
            qm.call("work", qm.Delay(distribution)), qm.call("db", qm.MMc(0.001, servers=2)),
        ))).solve(340.0).stations["workers"].waiting_time
        for distribution in (
            qm.Deterministic(0.02), qm.Exponential(0.02), qm.LogNormal(0.02, scv=4.0),
        )
    ]  # fmt: skip
    assert waits[0] < 0.6 * waits[1] < 0.4 * waits[2]


def test_cells_are_those_of_their_own_pipelines() -> None:
    rates, permits = np.array([[100.0], [180.0], [400.0]]), np.array([4, 10])
    both = site(16, permits).solve(rates)
    quantiles = both.latency.quantile(0.99)
    for i, rate in enumerate(rates[:, 0]):
        for j, size in enumerate(permits):
            one = site(16, int(size)).solve(float(rate))
            assert both.latency.mean[i, j] == pytest.approx(one.latency.mean, rel=1e-7)
            p99 = quantiles[i, j]
            assert p99 == pytest.approx(one.latency.quantile(0.99), rel=1e-7)


def test_overload_unknown_loads_and_none() -> None:
    r = site(16, 10).solve(np.array([0.0, 200.0, 260.0, np.nan]))
    assert r.latency.mean[0] == pytest.approx(0.036)
    assert np.isinf(r.latency.mean[2])
    assert np.isinf(r.latency.quantile(0.5)[2])
    assert np.isnan(r.latency.mean[3])
    assert r.stations["threads"].utilization[2] > 1


@pytest.mark.parametrize("threads", [None, 6, 32])
def test_what_is_inside_an_overloaded_pool_is_a_closed_network(threads: int | None) -> None:
    """All permits are in use, and no more comes inside than is let in."""
    pool = qm.hold("connections", 10, QUERY)
    p = qm.Pipeline(pool if threads is None else site(threads, 10).kinds["all"][1])
    limit = float(p.max_rate)
    r = p.solve(1.3 * limit)
    disk, pool_ = r.stations["disk"], r.stations["connections"]
    assert float(disk.arrival_rate) == pytest.approx(limit, rel=1e-9)
    assert float(disk.utilization) == pytest.approx(limit * 0.004, rel=1e-9)
    inside = float(disk.number_in_system) + float(r.stations["cores"].number_in_system)
    assert float(disk.number_in_system) == pytest.approx(limit * float(disk.response_time))
    if threads is None:
        stations = {"cores": qm.MMc(0.012, 4), "disk": qm.MMc(0.004)}
        full = qm.networks.closed.solve(stations, {"cores": 1, "disk": 1}, 10)
        assert inside == pytest.approx(10.0, rel=1e-3)
        assert float(disk.response_time) == pytest.approx(
            full.stations["disk"].response_time, rel=1e-3
        )
        assert np.isinf(pool_.response_time)
        assert float(pool_.utilization) == pytest.approx(1.3)
    else:
        assert inside < 10.0
        assert float(pool_.utilization) < 1.0 + 1e-9
        held = float(pool_.number_in_system) + float(r.stations["cpu"].number_in_system)
        assert held == pytest.approx(threads, rel=0.05)


def test_parameters_and_their_meaning() -> None:
    p = site(16, 10)
    assert {"threads.permits", "connections.permits"} < set(p.parameters())
    assert p.replace({"threads.permits": 6}).max_rate == pytest.approx(152.1, rel=3e-4)
    assert qm.capacity(p, "p99 < 150 ms") < p.max_rate
    found = qm.solve_for(p, "connections.permits", 200.0, "p99 < 160 ms")
    assert found.low == 8
    assert found.high == 1_000_000  # the most that can be computed


def test_bad_input() -> None:
    for bad in (0, 2.5, np.nan, True, "ten"):
        with pytest.raises(DomainError, match="permits must be"):
            qm.hold("pool", bad, QUERY)  # type: ignore[arg-type]
    with pytest.raises(DomainError, match="each must be at most the permits, 3, got 4"):
        qm.hold("pool", 3, QUERY, each=4)
    with pytest.raises(ModelError, match="'pool' is held inside itself"):
        qm.hold("pool", 3, qm.series(qm.nothing(), qm.hold("pool", 3, QUERY)))
    with pytest.raises(ModelError, match="step must be a Step"):
        qm.hold("pool", 3, CORES)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="name must be text without a dot"):
        qm.hold("a.pool", 3, QUERY)


def test_several_permits_a_request() -> None:
    """Sixteen threads that take two of each need 17 connections; with fewer they may block."""

    def of(permits: int) -> qm.Pipeline:
        return qm.Pipeline(qm.hold("threads", 16, qm.hold("pool", permits, QUERY, each=2)))

    with pytest.raises(
        ModelError, match=r"16 holders of 'threads' .* for ever with 16 permits"
    ):
        _ = of(16).max_rate
    slots = qm.Pipeline(qm.hold("threads", 16, qm.hold("pool", 10, QUERY)))
    assert of(20).max_rate == pytest.approx(slots.max_rate)
    with pytest.raises(ModelError, match="must be held inside another pool"):
        _ = qm.Pipeline(qm.hold("pool", 20, QUERY, each=2)).max_rate


def test_users_who_wait_for_their_answers() -> None:
    """A permit for each user limits nobody; fewer make of the inside one station."""
    inside = qm.series(qm.call("cpu", CPU), QUERY)
    load = qm.Closed(20, think_time=0.2)
    free = qm.Pipeline(inside).solve(load)
    wide = qm.Pipeline(qm.hold("threads", 20, inside)).solve(load)
    assert wide.response_time == pytest.approx(free.response_time, rel=1e-9)
    assert wide.latency.quantile(0.9) == pytest.approx(free.latency.quantile(0.9), rel=1e-6)
    # A pool moves the queue, but the stations inside work for as many as they did.
    tight = qm.Pipeline(qm.hold("threads", 6, inside)).solve(load)
    assert tight.throughput < free.throughput
    assert tight.throughput == pytest.approx(20 / (0.2 + tight.response_time), rel=1e-9)
    busy = site(16, 10).solve(qm.Closed(500, think_time=0.1))
    assert busy.throughput == pytest.approx(site(16, 10).max_rate, rel=1e-4)
