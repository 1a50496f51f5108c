"""Which requests fail while a station is down, and how available a pipeline is."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.pipeline.answering import Answering
from qmodel.planning.availability import availability
from qmodel.planning.blast_radius import blast_radius

FRONT, SHOP, ADVICE, CACHE, DB = (
    qm.call(name, qm.MMc(0.002, servers=8))
    for name in ("front", "shop", "advice", "cache", "db")
)
CACHED = qm.cached(0.8, lookup=CACHE, miss=DB)
NAMES = ("front", "shop", "advice", "cache", "db")

PATHS = {
    "series": qm.series(FRONT, SHOP, DB),
    "branch": qm.series(FRONT, qm.branch((0.3, SHOP), (0.5, DB), (0.2, qm.nothing()))),
    "shared database": qm.series(FRONT, CACHED, qm.parallel(qm.series(SHOP, CACHED), DB)),
    "first of two": qm.series(qm.parallel(SHOP, ADVICE, need=1), DB),
    "two of three, one shared": qm.parallel(
        qm.series(SHOP, DB), qm.series(ADVICE, DB), CACHED, need=2
    ),
    "attempts": qm.retry(qm.branch((0.5, SHOP), (0.5, ADVICE)), failure=0.1, attempts=3),
    "repeated": qm.repeat(3, qm.branch((0.25, DB), (0.75, qm.nothing()))),
    "hedged": qm.hedge("hedge", qm.branch((0.5, SHOP), (0.5, ADVICE)), 0.01),
}


def sampled(step: qm.Step, up: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Walk the tree with every request in a state of its own."""
    from qmodel.pipeline import nodes

    every = len(up)
    if isinstance(step, nodes.Call):
        return up[:, NAMES.index(step.name)]
    if isinstance(step, nodes.Series):
        return np.all([sampled(s, up, rng) for s in step.steps], axis=0)
    if isinstance(step, nodes.Branch):
        taken = rng.choice(len(step.steps), every, p=step.probabilities)
        return np.choose(taken, [sampled(s, up, rng) for s in step.steps])
    if isinstance(step, nodes.Parallel):
        return np.sum([sampled(s, up, rng) for s in step.steps], axis=0) >= step.need
    if isinstance(step, nodes.Cached):
        hit = rng.random(every) < step.hit_ratio
        return sampled(step.lookup, up, rng) & (hit | sampled(step.miss, up, rng))
    if isinstance(step, nodes.Repeat):
        return np.all([sampled(step.step, up, rng) for _ in range(step.times)], axis=0)
    if isinstance(step, (nodes.Retry, nodes.Hedged)):
        attempts = step.attempts if isinstance(step, nodes.Retry) else 2
        return np.any([sampled(step.step, up, rng) for _ in range(attempts)], axis=0)
    return np.ones(every, dtype=bool)


@pytest.mark.parametrize("name", PATHS)
def test_against_sampled_outages(name: str) -> None:
    rng = np.random.default_rng(len(name))
    chances = np.array([0.9, 0.7, 0.8, 0.6, 0.5])
    up = rng.random((400_000, 5)) < chances
    found = sampled(PATHS[name], up, rng).mean()
    share = Answering(dict(zip(NAMES, chances.tolist(), strict=True))).share(PATHS[name])
    assert float(share) == pytest.approx(found, abs=4 * 0.5 / np.sqrt(400_000))


@pytest.mark.parametrize("name", PATHS)
def test_averaging_over_all_states_by_hand(name: str) -> None:
    chances = np.array([0.9, 0.7, 0.8, 0.6, 0.5])
    total = 0.0
    for state in product((0.0, 1.0), repeat=5):
        weight = float(np.prod(np.where(state, chances, 1 - chances)))
        total += weight * float(
            Answering(dict(zip(NAMES, state, strict=True))).share(PATHS[name])
        )
    share = Answering(dict(zip(NAMES, chances.tolist(), strict=True))).share(PATHS[name])
    assert float(share) == pytest.approx(total, abs=1e-14)


def test_series_parallel_and_quorum_are_the_textbook_formulas() -> None:
    up = {"shop": 0.99, "advice": 0.98, "db": 0.97}
    serial = availability(qm.Pipeline(qm.series(SHOP, ADVICE, DB)), up)
    assert float(serial.available) == pytest.approx(
        qm.balancing.in_series(*up.values()), rel=1e-15
    )
    either = qm.Pipeline(qm.parallel(SHOP, ADVICE, DB, need=1))
    assert float(availability(either, up).available) == pytest.approx(
        qm.balancing.in_parallel(*up.values()), rel=1e-15
    )
    for need, copies in ((1, 3), (2, 3), (3, 3), (5, 8)):
        path = qm.Pipeline(qm.fan_out("quorum", copies, DB, need=need))
        found = availability(path, {"db": 0.97}).available
        assert float(found) == pytest.approx(
            float(qm.balancing.k_of_n(need, copies, 0.97)), rel=1e-14
        )
    mixed = qm.Pipeline(qm.parallel(SHOP, ADVICE, DB, need=2))
    a, b, c = up.values()
    assert float(availability(mixed, up).available) == pytest.approx(
        a * b + a * c + b * c - 2 * a * b * c, rel=1e-14
    )


def test_a_station_met_twice_is_up_or_down_for_both() -> None:
    twice = qm.Pipeline(qm.series(DB, FRONT, DB))
    assert float(availability(twice, {"db": 0.9}).available) == pytest.approx(0.9, rel=1e-15)
    no_use = qm.Pipeline(qm.parallel(DB, qm.series(FRONT, DB), need=1))
    assert float(availability(no_use, {"db": 0.9}).available) == pytest.approx(0.9, rel=1e-15)
    again = qm.Pipeline(qm.retry(DB, failure=0.5, attempts=5))
    assert float(availability(again, {"db": 0.9}).available) == pytest.approx(0.9, rel=1e-15)
    # A fan-out that is done twice has the same copies down.
    quorum = qm.fan_out("quorum", 3, DB, need=2)
    same = availability(qm.Pipeline(qm.series(quorum, quorum)), {"db": 0.9}).available
    once = availability(qm.Pipeline(quorum), {"db": 0.9}).available
    assert float(same) == pytest.approx(float(once), rel=1e-15)


def test_what_a_lost_cache_does_depends_on_whether_it_is_spared() -> None:
    site = qm.Pipeline(qm.series(FRONT, CACHED))
    up = {"cache": 0.9, "db": 0.99}
    needed = availability(site, up)
    assert float(needed.available) == pytest.approx(0.9 * (0.8 + 0.2 * 0.99), rel=1e-14)
    assert needed.single_points == ("front", "cache")
    spared = availability(site, up, spared=["cache"])
    expected = 0.9 * (0.8 + 0.2 * 0.99) + 0.1 * 0.99
    assert float(spared.available) == pytest.approx(expected, rel=1e-14)
    assert spared.single_points == ("front",)
    lost = blast_radius(site, spared=["cache"]).set_index("station")
    assert lost.loc["cache"].tolist() == [0.0, 1.0]
    assert lost.loc["db"].tolist() == [0.2, 0.0]


def test_gains_say_where_redundancy_pays() -> None:
    site = qm.Pipeline(qm.series(FRONT, CACHED))
    up = {"front": 0.9999, "cache": 0.999, "db": 0.99}
    r = availability(site, up)
    assert list(r.gains) == ["db", "cache", "front"]
    perfect = availability(site, up | {"db": 1.0}).available
    assert float(r.gains["db"]) == pytest.approx(float(perfect - r.available), rel=1e-9)
    frame = r.to_frame()
    assert frame["single_point"].tolist() == [False, True, True]
    assert r.basis["available"] == "exact"


def test_kinds_of_request_and_the_worst_first() -> None:
    site = qm.Pipeline(
        {"page": (0.7, qm.series(FRONT, qm.parallel(SHOP, ADVICE))), "order": (0.3, SHOP)}
    )
    frame = blast_radius(site).set_index("station")
    assert frame.index.tolist() == ["shop", "front", "advice"]
    assert frame.loc["advice"].tolist() == [0.7, 0.0, 1.0, 0.0]
    r = availability(site, {"advice": 0.9})
    assert float(r.kinds["page"]) == pytest.approx(0.9)
    assert float(r.available) == pytest.approx(0.93)
    assert r.single_points == ("shop",)


def test_what_is_saved_is_what_meets_the_station_and_lives() -> None:
    path = qm.series(FRONT, qm.parallel(SHOP, ADVICE, need=1), qm.fan_out("q", 3, DB, need=2))
    frame = blast_radius(qm.Pipeline(path)).set_index("station")
    assert frame["failing"].to_dict() == {"front": 1.0, "shop": 0.0, "advice": 0.0, "db": 0.0}
    assert frame["saved"].to_dict() == {"front": 0.0, "shop": 1.0, "advice": 1.0, "db": 1.0}
    retried = qm.retry(qm.branch((0.5, SHOP), (0.5, ADVICE)), failure=0.0, attempts=3)
    frame = blast_radius(qm.Pipeline(retried)).set_index("station")
    assert frame.loc["shop"].tolist() == [0.125, 0.375]
    all_copies = blast_radius(qm.Pipeline(qm.fan_out("q", 3, DB)))
    assert all_copies["failing"].tolist() == [1.0]


def test_arrays_and_symbols() -> None:
    site = qm.Pipeline(qm.series(FRONT, CACHED, DB))
    ups = np.array([0.9, 0.99, np.nan])
    found = availability(site, {"db": ups, "front": np.array([[0.5], [1.0]])}).available
    assert found.shape == (2, 3)
    assert found[0, 1] == pytest.approx(0.495)
    assert np.isnan(found[:, 2]).all()
    a, h = sp.symbols("A h", positive=True)
    path = qm.cached(h, lookup=CACHE, miss=DB)
    r = availability(qm.Pipeline(path), {"cache": a, "db": a})
    assert sp.simplify(r.available - a * (h + (1 - h) * a)) == 0


def test_caches_that_are_modelled() -> None:
    pages = qm.caches.Zipf(1000, 0.8)
    store = qm.cached(qm.caches.LRU(100), popularity=pages, lookup=CACHE, miss=DB)
    site = qm.Pipeline(store)
    miss = 1 - float(site.solve(10.0).caches["cache"].hit_ratio)
    assert blast_radius(site).set_index("station").loc["db", "failing"] == pytest.approx(miss)
    timed = qm.Pipeline(qm.cached(qm.caches.TTL(5.0), popularity=pages, lookup=CACHE, miss=DB))
    with pytest.raises(ModelError, match="arrival_rate"):
        blast_radius(timed)
    few, many = (blast_radius(timed, arrival_rate=x)["failing"][1] for x in (1.0, 1000.0))
    assert few > many


def test_stations_needed_by_all_cost_no_states() -> None:
    calls = [qm.call(f"s{i}", qm.MMc(0.001)) for i in range(60)]
    site = qm.Pipeline(qm.series(*calls, *calls))
    up = {f"s{i}": 0.999 for i in range(60)}
    assert float(availability(site, up).available) == pytest.approx(0.999**60, rel=1e-13)
    mesh = [qm.parallel(a, b, need=1) for a in calls[:16] for b in calls[:16] if a is not b]
    with pytest.raises(ModelError, match="at most 14 stations"):
        availability(qm.Pipeline(qm.series(*mesh)), up.__class__(list(up.items())[:16]))


def test_what_is_refused() -> None:
    site = qm.Pipeline(qm.series(FRONT, CACHED))
    with pytest.raises(ModelError, match="did you mean 'cache'"):
        availability(site, {"cach": 0.9})
    with pytest.raises(ModelError, match="no station 'x'"):
        blast_radius(site, spared="x")
    with pytest.raises(DomainError, match="up of 'db' must be a probability"):
        availability(site, {"db": 99.9})
    with pytest.raises(ModelError, match="pipeline must be a Pipeline"):
        blast_radius(qm.MMc(1.0))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="arrays of its own"):
        blast_radius(qm.Pipeline(qm.cached(np.array([0.1, 0.9]), lookup=CACHE, miss=DB)))
