"""Which requests fail while a station is down."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import ModelError
from qmodel.planning.blast_radius import blast_radius

FRONT, SHOP, ADVICE, CACHE, DB = (
    qm.call(name, qm.MMc(0.002, servers=8))
    for name in ("front", "shop", "advice", "cache", "db")
)

CACHED = qm.cached(0.8, lookup=CACHE, miss=DB)


def test_a_lost_cache_is_a_miss_where_it_is_spared() -> None:
    site = qm.Pipeline(qm.series(FRONT, CACHED))
    lost = blast_radius(site, spared=["cache"]).set_index("station")
    assert lost.loc["cache"].tolist() == [0.0, 1.0]
    assert lost.loc["db"].tolist() == [0.2, 0.0]
    assert blast_radius(site).set_index("station").loc["cache"].tolist() == [1.0, 0.0]


def test_kinds_of_request_and_the_worst_first() -> None:
    site = qm.Pipeline(
        {"page": (0.7, qm.series(FRONT, qm.parallel(SHOP, ADVICE))), "order": (0.3, SHOP)}
    )
    frame = blast_radius(site).set_index("station")
    assert frame.index.tolist() == ["shop", "front", "advice"]
    assert frame.loc["advice"].tolist() == [0.7, 0.0, 1.0, 0.0]
    assert set(frame.attrs["units"]) == set(frame.columns)


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


def test_what_is_refused() -> None:
    site = qm.Pipeline(qm.series(FRONT, CACHED))
    with pytest.raises(ModelError, match="no station 'x'"):
        blast_radius(site, spared=["x"])
    with pytest.raises(ModelError, match="pipeline must be a Pipeline"):
        blast_radius(qm.MMc(1.0))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="arrays of its own"):
        blast_radius(qm.Pipeline(qm.cached(np.array([0.1, 0.9]), lookup=CACHE, miss=DB)))
