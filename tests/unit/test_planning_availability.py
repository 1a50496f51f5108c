"""The share of the requests that are answered, and what each station costs."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import qmodel as qm
from qmodel.errors import DomainError, ModelError
from qmodel.planning.availability import availability

FRONT, SHOP, ADVICE, CACHE, DB = (
    qm.call(name, qm.MMc(0.002, servers=8))
    for name in ("front", "shop", "advice", "cache", "db")
)

CACHED = qm.cached(0.8, lookup=CACHE, miss=DB)


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
            float(qm.balancing.k_of_n(needed=need, replicas=copies, available=0.97)), rel=1e-14
        )
    mixed = qm.Pipeline(qm.parallel(SHOP, ADVICE, DB, need=2))
    a, b, c = up.values()
    assert float(availability(mixed, up).available) == pytest.approx(
        a * b + a * c + b * c - 2 * a * b * c, rel=1e-14
    )


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


def test_what_a_lost_cache_costs_depends_on_whether_it_is_spared() -> None:
    site = qm.Pipeline(qm.series(FRONT, CACHED))
    up = {"cache": 0.9, "db": 0.99}
    needed = availability(site, up)
    assert float(needed.available) == pytest.approx(0.9 * (0.8 + 0.2 * 0.99), rel=1e-14)
    assert needed.single_points == ("front", "cache")
    spared = availability(site, up, spared=["cache"])
    expected = 0.9 * (0.8 + 0.2 * 0.99) + 0.1 * 0.99
    assert float(spared.available) == pytest.approx(expected, rel=1e-14)
    assert spared.single_points == ("front",)


def test_kinds_of_request() -> None:
    site = qm.Pipeline(
        {"page": (0.7, qm.series(FRONT, qm.parallel(SHOP, ADVICE))), "order": (0.3, SHOP)}
    )
    r = availability(site, {"advice": 0.9})
    assert float(r.kinds["page"]) == pytest.approx(0.9)
    assert float(r.available) == pytest.approx(0.93)
    assert r.single_points == ("shop",)


def test_the_answer_has_as_many_digits_as_nines() -> None:
    site = qm.Pipeline(FRONT)
    assert str(availability(site, {"front": 0.99999})).startswith("99.999 % of the requests")
    assert str(availability(site, {})) == (
        "100 % of the requests are answered; single points of failure: front"
    )


def test_what_is_refused() -> None:
    site = qm.Pipeline(qm.series(FRONT, CACHED))
    with pytest.raises(ModelError, match="did you mean 'cache'"):
        availability(site, {"cach": 0.9})
    with pytest.raises(DomainError, match="up of 'db' must be a probability"):
        availability(site, {"db": 99.9})
    with pytest.raises(ModelError, match="pipeline must be a Pipeline"):
        availability(qm.MMc(1.0), {})  # type: ignore[arg-type]


def test_unknown_shares_and_what_is_no_mapping() -> None:
    site = qm.Pipeline(qm.series(FRONT, SHOP))
    assert "unknown" in str(availability(site, {"front": np.nan, "shop": 0.9}))
    with pytest.raises(ModelError, match="up must be a mapping"):
        availability(site, 0.9)  # type: ignore[arg-type]
    a = sp.Symbol("a", positive=True)
    with pytest.raises(ModelError, match="a frame has no symbolic form"):
        availability(site, {"front": a}).to_frame()
    split = qm.Pipeline(qm.branch((a, FRONT), (1 - a, SHOP)))
    with pytest.raises(ModelError, match="a blast radius has no symbolic form"):
        qm.blast_radius(split)
