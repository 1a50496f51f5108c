"""Pipelines: shared stations, kinds, capacity, replacing parameters, frames, words."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm


def shop() -> qm.Pipeline:
    web, db = qm.MMc(0.010, servers=4), qm.MMc(0.004, servers=2)
    browse = qm.call("web", web)
    buy = qm.series(browse, qm.repeat(2, qm.call("db", db)))
    return qm.Pipeline({"browse": (0.8, browse), "buy": (0.2, buy)})


def test_kinds() -> None:
    r = shop().solve(300.0)
    web, db = qm.MMc(0.010, 4).solve(300.0), qm.MMc(0.004, 2).solve(120.0)
    assert r.visits == {"web": pytest.approx(1.0), "db": pytest.approx(0.4)}
    assert r.kinds["browse"].latency.mean == pytest.approx(web.response_time)
    buy = web.response_time + 2 * db.response_time
    assert r.kinds["buy"].latency.mean == pytest.approx(buy, rel=1e-9)
    assert r.latency.mean == pytest.approx(0.8 * web.response_time + 0.2 * buy, rel=1e-9)
    assert r.kinds["buy"].share == 0.2


def test_capacity() -> None:
    p = shop()
    assert p.max_rate == pytest.approx(400.0)
    assert p.bottleneck == "web"
    r = p.solve(300.0)
    assert r.headroom == pytest.approx(1 / 3)
    assert p.replace({"db.servers": np.array([1, 2])}).bottleneck.tolist() == ["web", "web"]
    assert p.replace({"db.service_time": np.array([0.004, 0.04])}).bottleneck.tolist() == [
        "web",
        "db",
    ]
    assert qm.Pipeline(qm.call("wait", qm.Delay(0.1))).bottleneck == ""
    assert np.isposinf(qm.Pipeline(qm.nothing()).max_rate)


def test_a_station_is_shared_by_its_name() -> None:
    db = qm.MMc(0.010)
    r = qm.Pipeline(qm.series(qm.call("db", db), qm.call("db", db))).solve(30.0)
    assert r.stations["db"].utilization == pytest.approx(0.6)


def test_one_name_for_two_stations() -> None:
    path = qm.series(qm.call("db", qm.MMc(0.010)), qm.call("db", qm.MMc(0.010)))
    with pytest.raises(qm.ModelError, match="two different stations are called 'db'"):
        qm.Pipeline(path)
    limits = qm.series(qm.limit("quota", 10.0), qm.limit("quota", 20.0))
    with pytest.raises(qm.ModelError, match="two different limits are called 'quota'"):
        qm.Pipeline(limits)


def test_shares_and_paths_are_checked() -> None:
    step = qm.nothing()
    with pytest.raises(qm.DomainError, match=r"shares of the kinds must be 1, got 0\.9"):
        qm.Pipeline({"a": (0.5, step), "b": (0.4, step)})
    with pytest.raises(qm.ModelError, match="the path of 'a' must be a Step"):
        qm.Pipeline({"a": (1.0, qm.MMc(0.1))})
    with pytest.raises(qm.DomainError, match=r"arrival_rate .* got -3"):
        shop().solve(-3.0)


def test_parameters_and_replace() -> None:
    p = shop()
    assert p.parameters() == {
        "browse.share": 0.8, "buy.share": 0.2, "web.service_time": 0.010, "web.servers": 4,
        "repeat.times": 2, "db.service_time": 0.004, "db.servers": 2,
    }  # fmt: skip
    more = p.replace({"web.servers": 8, "db.service_time": 0.002})
    assert more.max_rate == pytest.approx(800.0)
    assert p.max_rate == pytest.approx(400.0)
    assert more.stations["db"].servers == 2
    same = p.replace({})
    assert same.max_rate == p.max_rate


def test_replace_keeps_stations_shared() -> None:
    more = shop().replace({"web.servers": 8})
    assert more.solve(300.0).stations["web"].utilization == pytest.approx(3 / 8)


def test_replace_in_steps_and_distributions() -> None:
    cache = qm.call("cache", qm.MMc(0.0002))
    db = qm.call("db", qm.MGc(qm.Gamma(0.01, 0.5), servers=4))
    p = qm.Pipeline(qm.series(qm.limit("quota", 500.0), qm.cached(0.9, lookup=cache, miss=db)))
    known = p.parameters()
    assert known["cache.hit_ratio"] == 0.9
    assert known["quota.rate"] == 500.0
    assert {"db.service.mean", "db.service.scv"} <= set(known)
    changed = p.replace({"cache.hit_ratio": 0.5, "db.service.mean": 0.02})
    assert changed.parameters()["cache.hit_ratio"] == 0.5
    assert changed.stations["db"].service.mean == 0.02


def test_replace_refuses() -> None:
    p = shop()
    with pytest.raises(
        qm.ModelError, match=r"no parameter 'db.server' .* did you mean 'db.servers'\?"
    ):
        p.replace({"db.server": 3})
    with pytest.raises(qm.DomainError, match=r"servers .* got 2\.5"):
        p.replace({"db.servers": 2.5})
    cached = qm.cached(0.9, lookup=qm.call("c", qm.Delay(0.1)), miss=qm.nothing())
    with pytest.raises(qm.DomainError, match=r"hit_ratio .* got 1\.5"):
        qm.Pipeline(cached).replace({"c.hit_ratio": 1.5})


def test_words() -> None:
    p = shop()
    assert str(p.solve(300.0)) == (
        "at 300/s: mean 16.8 ms, p99 63 ms (approximate); web saturates first, at 400/s"
    )
    assert str(p.solve(500.0)) == "at 500/s the pipeline is overloaded: web saturates at 400/s"
    assert "web, db" in str(p.solve(np.array([1.0, 2.0])))
    assert "nothing saturates" in str(qm.Pipeline(qm.call("wait", qm.Delay(0.1))).solve(1.0))


def test_frame() -> None:
    r = shop().solve(np.array([100.0, 300.0]))
    frame = r.to_frame()
    assert frame["station"].tolist() == ["web", "web", "db", "db"]
    total = frame.groupby("arrival_rate")["time_per_request"].sum()
    assert total.tolist() == pytest.approx(r.latency.mean.tolist(), rel=1e-9)
    assert frame.attrs["units"]["time_per_request"] == "s"


def test_limits_on_the_way_to_capacity() -> None:
    """A limit in front lets the rate grow beyond what the station alone bears."""
    path = qm.series(qm.limit("quota", 50.0, burst=5), qm.call("db", qm.MMc(0.010)))
    assert np.isposinf(qm.Pipeline(path).max_rate)
    wide = qm.series(qm.limit("quota", 200.0, burst=5), qm.call("db", qm.MMc(0.010)))
    p = qm.Pipeline(wide)
    r = p.solve(p.max_rate)
    assert r.stations["db"].utilization == pytest.approx(1.0, rel=1e-9)
    assert float(p.max_rate) > 100.0
    none = qm.Pipeline(wide).solve(float(p.max_rate) * 0.9)
    assert none.stations["db"].utilization < 1


def test_no_load() -> None:
    r = shop().solve(0.0)
    assert r.latency.mean == pytest.approx(0.010 + 0.4 * 0.004)
    assert np.isposinf(r.headroom)
    mixed = (
        qm.call("db", qm.MMc(0.01)),
        qm.call("db2", qm.MMc(0.01), service=qm.Exponential(0.02)),
    )
    assert qm.Pipeline(qm.series(*mixed)).solve(0.0).latency.mean == pytest.approx(0.03)


def test_two_services_without_load() -> None:
    db = qm.MMc(0.01)
    path = qm.branch(
        (0.5, qm.call("db", db)), (0.5, qm.call("db", db, service=qm.Exponential(0.03)))
    )
    assert qm.Pipeline(path).solve(0.0).latency.mean == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hedge.delay": -1.0}, "delay must be a finite number >= 0, got -1.0"),
        ({"hedge.budget": 2.0}, "budget must be a probability"),
        ({"all.copies": 0}, "copies must be a whole number >= 1"),
        ({"all.need": 1.5}, "need must be a whole number >= 1"),
        ({"quota.rate": 0.0}, "rate must be a number > 0"),
        ({"quota.burst": [1.0, 0.5]}, "burst must be a number >= 1, got 0.5"),
    ],
)
def test_new_values_of_steps_are_checked(changes: dict[str, float], says: str) -> None:
    leaf = qm.call("leaf", qm.MMc(0.01))
    hedged = qm.hedge("hedge", leaf, 0.1, budget=0.1)
    path = qm.series(qm.limit("quota", 50.0), qm.fan_out("all", 3, hedged, need=2))
    with pytest.raises(qm.DomainError, match=says):
        qm.Pipeline(path).replace(changes)


@pytest.mark.parametrize(
    "path",
    [
        qm.series(qm.call("a", qm.MMc(0.01)), qm.call("b", qm.MMc(0.012))),
        qm.series(qm.limit("quota", 95.0, burst=5.0), qm.call("b", qm.MMc(0.005))),
        qm.series(qm.call("a", qm.MMcK(0.01, 2, 5)), qm.call("b", qm.MMc(0.005))),
        qm.retry(qm.timeout(0.1, qm.call("a", qm.MMc(0.01, 2))), attempts=3),
        qm.parallel(qm.call("a", qm.MMc(0.01)), qm.call("b", qm.MMc(0.012))),
    ],
    ids=["series", "limit", "room", "retry", "fork"],
)
def test_of_an_unknown_load_nothing_is_known(path: qm.Step) -> None:
    pipeline = qm.Pipeline(path)
    for load in (np.nan, np.array([np.nan, 10.0])):
        r = pipeline.solve(load)
        for value in (r.goodput, r.latency.mean, r.latency.quantile(0.5), r.headroom):
            assert np.isnan(value).tolist() == np.isnan(load).tolist()
