"""Labels of pipelines: which compositions are exact, and what the others assume.

Against sample paths the same statements are held in tests/oracle.
"""

from __future__ import annotations

from typing import Any

import pytest

import qmodel as qm

ONE, OTHER, POOL = qm.MMc(0.5), qm.MMc(0.4), qm.MMc(1.0, servers=4)
SHARED, GENERAL = qm.MG1PS(qm.Exponential(0.5)), qm.MG1(qm.Gamma(0.5, 0.5))
CONSTANT, RANDOM = qm.Delay(0.3), qm.Delay(qm.Exponential(0.3))


def line(*stations: qm.Station) -> qm.Step:
    return qm.series(*(qm.call(f"s{i}", s) for i, s in enumerate(stations)))


def basis(step: Any) -> Any:
    return qm.Pipeline(step).solve(1.0).basis


EXACT = {
    "one queue": line(ONE),
    "tandem": line(ONE, OTHER),
    "several servers at the ends": line(POOL, ONE, POOL),
    "a random delay before": line(RANDOM, ONE),
    "a random delay after": line(ONE, RANDOM),
    "a constant delay between": line(ONE, CONSTANT, OTHER),
    "general service alone": line(GENERAL),
    "delays only": line(RANDOM, CONSTANT, RANDOM),
    "a branch": qm.branch((0.3, qm.call("a", ONE)), (0.7, qm.call("b", OTHER))),
    "a cache": qm.cached(0.5, lookup=qm.call("a", ONE), miss=qm.call("b", OTHER)),
    "a fork of delays": qm.parallel(qm.call("a", RANDOM), qm.call("b", CONSTANT)),
    "repeated delays": qm.repeat(3, qm.call("a", RANDOM)),
    "a fork of one": qm.parallel(qm.call("a", ONE)),
    "one repetition": qm.repeat(1, qm.call("a", ONE)),
    "one attempt": qm.retry(qm.call("a", ONE), failure=0.5, attempts=1),
}

# What the percentiles assume, and the label of the mean.
APPROXIMATE = {
    "several servers in the middle": (line(ONE, POOL, OTHER), "independent-sojourns", "exact"),
    "a random delay between": (line(ONE, RANDOM, OTHER), "independent-sojourns", "exact"),
    "sharing before a queue": (line(SHARED, ONE), "independent-sojourns", "exact"),
    "two ways to one queue": (
        qm.series(
            qm.branch((0.5, qm.call("a", ONE)), (0.5, qm.call("b", OTHER))), qm.call("c", POOL)
        ),
        "independent-sojourns",
        "exact",
    ),
    "general service before": (
        line(GENERAL, ONE),
        "variability-of-arrivals",
        "approximate",
    ),
    "a second visit": (
        qm.series(qm.call("a", ONE), qm.call("b", OTHER), qm.call("a", ONE)),
        "independent-sojourns",
        "exact",
    ),
    "the same queue at once again": (
        qm.series(qm.call("a", OTHER), qm.call("a", OTHER)), "independent-sojourns", "exact",
    ),
    "a miss that asks the cache's queue again": (
        qm.cached(0.5, lookup=qm.call("a", OTHER), miss=qm.call("a", OTHER)),
        "independent-sojourns",
        "exact",
    ),
    "repeated visits": (qm.repeat(2, qm.call("a", qm.MMc(0.2))), "snapshot", "exact"),
    "retries": (qm.retry(qm.call("a", ONE), failure=0.1), "snapshot", "exact"),
    "a fork of queues": (
        qm.parallel(qm.call("a", ONE), qm.call("b", OTHER)),
        "correlated-waits",
        "approximate",
    ),
    "behind a limit": (
        qm.series(qm.limit("quota", 2.0), qm.call("a", ONE)),
        "variability-of-arrivals",
        "approximate",
    ),
    "behind a fork": (
        qm.series(qm.parallel(qm.call("a", RANDOM), qm.call("b", RANDOM)), qm.call("c", ONE)),
        "poisson-departures",
        "approximate",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_exact(name: str) -> None:
    found = basis(EXACT[name])
    assert (str(found), found["mean"], found["p99"]) == ("exact",) * 3


@pytest.mark.parametrize("name", APPROXIMATE)
def test_approximate(name: str) -> None:
    step, assumption, mean = APPROXIMATE[name]
    found = basis(step)
    assert found["p99"] == "approximate"
    assert assumption in found.assumptions("p99")
    assert found["mean"] == mean
    assert found["max_rate"] == found["visits"] == "exact"


def test_stations_downstream_are_labelled_too() -> None:
    r = qm.Pipeline(line(GENERAL, ONE)).solve(1.0)
    assert r.stations["s0"].basis["waiting_time"] == "exact"
    assert r.stations["s1"].basis["waiting_time"] == "approximate"
    assert r.stations["s1"].basis["utilization"] == "exact"
    assert r.to_frame()["basis"].tolist() == ["exact", "approximate"]


def test_an_approximate_station_makes_an_approximate_pipeline() -> None:
    fitted = qm.MGc(qm.LogNormal(1.0, 2.0), 4)
    found = basis(line(fitted))
    assert found["mean"] == "approximate"
    assert set(fitted.solve(1.0).basis.assumptions("response_time")) <= {
        *found.assumptions("mean")
    }


def test_kinds_meet_at_a_station() -> None:
    """A clean kind and one that comes from behind general service share a queue."""
    shared, first = qm.call("db", ONE), qm.call("web", GENERAL)
    p = qm.Pipeline({"direct": (0.5, shared), "through": (0.5, qm.series(first, shared))})
    r = p.solve(1.0)
    assert r.stations["db"].basis["waiting_time"] == "approximate"


def test_the_order_of_kinds_does_not_matter() -> None:
    shared, first = qm.call("db", ONE), qm.call("web", GENERAL)
    kinds = {"direct": (0.5, shared), "through": (0.5, qm.series(first, shared))}
    labels = [
        dict(qm.Pipeline(dict(order)).solve(1.0).stations["db"].basis.grounds)
        for order in (kinds.items(), reversed(kinds.items()))
    ]
    assert labels[0] == labels[1]


def test_losses_of_streams_that_are_not_poisson() -> None:
    """An MG1 before it makes what is turned away approximate, and an M/M/1 does not."""
    room = qm.call("room", qm.MMcK(0.9, 1, 5))
    for losing in (qm.limit("quota", 1.1, burst=5), room):
        for first, label in ((qm.MMc(0.8), "exact"), (qm.MDc(0.8, 1), "approximate")):
            path = qm.series(qm.call("first", first), losing, qm.call("last", qm.MMc(0.1)))
            r = qm.Pipeline(path).solve(1.0)
            for quantity in ("visits", "utilization", "max_rate"):
                assert r.basis[quantity] == label
                named = "losses-behind-a-stream" in r.basis.assumptions(quantity)
                assert named == (label == "approximate")
    assert r.stations["room"].basis["utilization"] == "approximate"


def test_who_gives_up_is_counted_as_of_poisson_arrivals() -> None:
    agents = qm.call("agents", qm.ErlangA(0.9, servers=1, patience=1.0))
    for first, label in ((qm.MMc(0.8), "exact"), (qm.MDc(0.8, 1), "approximate")):
        r = qm.Pipeline(qm.series(qm.call("first", first), agents)).solve(1.0)
        assert r.basis["visits"] == label
        named = "poisson-losses" in r.basis.assumptions("visits")
        assert named == (label == "approximate")
