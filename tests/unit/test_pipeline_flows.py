"""Where requests flow: losses, places met twice, priorities, and what no planner may miss."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm

LOSSY = qm.MG1K(qm.Exponential(0.1), 3)
DB = qm.call("db", qm.MMc(0.04))


def test_equal_models_lose_alike_on_a_path() -> None:
    same = [LOSSY, qm.MMcK(0.1, 1, 3)]
    solved = [qm.Pipeline(qm.series(qm.call("door", s), DB)).solve(30.0) for s in same]
    for r in solved:
        assert float(r.rejected) == pytest.approx(0.675, abs=1e-3)
        assert float(r.stations["db"].utilization) == pytest.approx(0.39, abs=1e-3)
        assert float(r.latency.quantile(0.99)) == pytest.approx(0.892, abs=1e-3)
    assert float(solved[0].goodput) == pytest.approx(float(solved[1].goodput), rel=1e-9)


def test_the_goodput_of_one_station() -> None:
    alone = qm.Pipeline(qm.call("door", LOSSY)).solve(10.0)
    assert float(alone.goodput) == pytest.approx(7.5)  # of four equal states one is full
    assert float(alone.kinds["all"].goodput) == pytest.approx(7.5)


def test_a_branch_that_nobody_takes_divides_nothing_by_nothing() -> None:
    fork = qm.parallel(qm.call("a", qm.MMc(1.0)), qm.call("b", qm.MG1K(qm.Exponential(1.0), 1)))
    never = qm.Pipeline(qm.branch((0.0, fork), (1.0, qm.nothing())))
    assert never.max_rate == np.inf
    ratios = np.array([0.0, 0.5, 1.0])
    cache = qm.call("cache", qm.MMc(0.001))
    swept = qm.Pipeline(qm.cached(ratios, lookup=cache, miss=fork))
    assert swept.max_rate == pytest.approx([1.0, 2.0, 1000.0])
    assert np.isfinite(swept.solve(0.5).latency.mean).all()


def test_the_sentence_says_what_is_lost() -> None:
    door = qm.Pipeline(qm.call("door", qm.MMcK(0.1, servers=5, capacity=10)))
    said = str(door.solve(500.0))
    assert "90 % rejected" in said
    assert "goodput 50/s" in said
    impatient = qm.Pipeline(qm.call("agents", qm.ErlangA(0.1, 4, 0.2)))
    assert "abandoned" in str(impatient.solve(60.0))
    assert "rejected" not in str(qm.Pipeline(DB).solve(20.0))


def test_losses_stand_in_the_frame() -> None:
    r = qm.Pipeline(qm.series(qm.call("door", LOSSY), DB)).solve(30.0)
    frame = r.to_frame().set_index("station")
    assert frame.loc["door", "rejected"] == pytest.approx(float(r.rejected))
    assert frame.loc["db", "goodput"] == pytest.approx(float(r.goodput))
    assert frame.loc["db", "abandoned"] == 0


def test_a_station_that_loses_and_yet_saturates() -> None:
    balking = qm.Pipeline(qm.series(qm.limit("quota", 20.0), qm.call("s", qm.MMc(0.1))))
    r = balking.solve(25.0)
    assert r.bottleneck == "s"
    assert float(r.max_rate) == pytest.approx(float(r.pipeline.max_rate))
    assert "overloaded: s saturates" in str(r)


def test_what_is_lost_is_not_tried_again() -> None:
    one = qm.Pipeline(qm.repeat(3, qm.call("door", qm.MMcK(0.1, 2, 3)))).solve(10.0)
    kept = float(one.stations["door"].accepted)
    assert float(one.visits["door"]) == pytest.approx(1 + kept + kept**2, rel=1e-9)
    assert float(one.accepted) == pytest.approx(kept**3, rel=1e-9)
    assert float(one.rejected) == pytest.approx(1 - kept**3, rel=1e-9)
    written = qm.series(*[qm.call("door", qm.MMcK(0.1, 2, 3))] * 3)
    assert float(qm.Pipeline(written).solve(10.0).accepted) == pytest.approx(kept**3, rel=1e-9)


def test_what_gives_up_goes_no_further() -> None:
    agents = qm.ErlangA(0.1, servers=4, patience=0.2)
    r = qm.Pipeline(qm.series(qm.call("agents", agents), DB)).solve(60.0)
    alone = agents.solve(60.0)
    assert float(r.abandoned) == pytest.approx(float(alone.abandonment))
    assert r.rejected == 0
    assert float(r.stations["db"].arrival_rate) == pytest.approx(60 * float(alone.accepted))
    only = qm.Pipeline(qm.call("agents", agents)).solve(60.0)
    assert only.latency.tail(0.3) == pytest.approx(alone.served_response.tail(0.3))


@pytest.mark.parametrize(
    "station", [qm.MG1Priority(qm.Exponential(0.01)), qm.MMcPriority(0.01)]
)
def test_priorities_by_kind_of_request(station: qm.Station) -> None:
    call = qm.call("disk", station)
    kinds = {"page": (0.5, call), "report": (0.5, call)}
    r = qm.Pipeline(kinds).solve(80.0)
    streams = station.solve([qm.Stream(40.0), qm.Stream(40.0)]).streams
    for kind, stream in zip(kinds, streams, strict=True):
        assert float(r.kinds[kind].latency.mean) == pytest.approx(float(stream.response_time))
    turned = qm.Pipeline(kinds, urgent=("report", "page")).solve(80.0)
    assert float(turned.kinds["report"].latency.mean) == pytest.approx(
        float(r.kinds["page"].latency.mean)
    )
    assert [s.kind for s in r.stations["disk"].streams] == ["page", "report"]
    kept = qm.Pipeline(kinds, urgent=("report", "page")).replace({"report.share": 0.1})
    assert kept.urgent == ("report", "page")
    with pytest.raises(qm.ModelError, match="urgent must be the kinds page, report"):
        qm.Pipeline(kinds, urgent=("page",))


@pytest.mark.parametrize("preemptive", [False, True])
def test_priorities_with_services_of_their_own(preemptive: bool) -> None:
    pool = qm.MMcPriority(1.0, 2, preemptive)
    work = {"page": qm.Exponential(0.5), "report": qm.Exponential(2.0)}
    after = qm.call("after", qm.MMc(0.1))
    kinds = {k: (0.5, qm.series(qm.call("pool", pool, s), after)) for k, s in work.items()}
    r = qm.Pipeline(kinds).solve(1.0)
    streams = pool.solve([qm.Stream(0.5, s) for s in work.values()]).streams
    for kind, stream in zip(kinds, streams, strict=True):
        late = float(r.stations["after"].response_time)
        expected = float(stream.response_time) + late
        assert float(r.kinds[kind].latency.mean) == pytest.approx(expected)
    # What leaves is no Poisson stream.
    assert "poisson-departures" in r.basis.assumptions("mean")


def test_priorities_of_single_calls() -> None:
    disk = qm.MG1Priority(qm.Exponential(0.01))
    read, write = qm.call("disk", disk, priority=0), qm.call("disk", disk, priority=1)
    r = qm.Pipeline({"a": (0.5, read), "b": (0.3, write), "c": (0.2, write)}).solve(80.0)
    streams = disk.solve([qm.Stream(40.0), qm.Stream(40.0)]).streams
    means = [float(kind.latency.mean) for kind in r.kinds.values()]
    assert means == pytest.approx(
        [float(streams[0].response_time), *[float(streams[1].response_time)] * 2]
    )
    with pytest.raises(qm.ModelError, match="in order of priority"):
        disk.solve([qm.Stream(1.0, priority=1), qm.Stream(1.0, priority=0)])


def test_renewal_arrivals_stand_on_a_path() -> None:
    regular = qm.GMc(qm.Deterministic(1.0), 0.01, 2)
    r = qm.Pipeline(qm.call("first", regular)).solve(150.0)
    assert float(r.latency.mean) == pytest.approx(float(regular.solve(150.0).response_time))
    loaded = qm.MMc(0.01, 2).solve(qm.Renewal(150.0, 0.0))
    assert float(loaded.response_time) == pytest.approx(float(r.latency.mean), rel=1e-9)


def test_equal_services_in_two_objects_are_one() -> None:
    db = qm.MMc(0.01, servers=2)
    calls = [qm.call("db", db, service=qm.Exponential(0.02)) for _ in range(2)]
    r = qm.Pipeline(qm.branch((0.5, calls[0]), (0.5, calls[1]))).solve(50.0)
    assert isinstance(r.stations["db"].station, qm.MMc)
    assert r.basis["mean"] == "exact"


def test_a_place_met_in_two_orders_is_settled_too() -> None:
    a, b = (qm.call(n, qm.MMcK(0.1, 2, 4)) for n in ("a", "b"))
    both = {"there": (0.5, qm.series(a, b)), "back": (0.5, qm.series(b, a))}
    r = qm.Pipeline(both).solve(20.0)
    assert bool(np.all(r.converged))
    kept = float(r.stations["a"].accepted)
    assert float(r.stations["b"].accepted) == pytest.approx(kept, rel=1e-9)
    came = float(r.stations["a"].arrival_rate)
    assert came == pytest.approx(10 * (1 + kept), rel=1e-9)


def test_in_overload_no_time_is_enough() -> None:
    path = qm.series(qm.call("a", qm.MMc(0.1)), qm.call("b", qm.MMc(0.01)))
    latency = qm.Pipeline(path).solve([5.0, 20.0]).latency
    assert latency.tail(1.0)[1] == 1.0
    assert latency.tail(1e9).tolist() == [pytest.approx(0.0, abs=1e-12), 1.0]
