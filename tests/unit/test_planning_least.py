"""The least value of a parameter that meets the objectives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qmodel as qm

CACHE, DB = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.01, servers=4))
SITE = qm.Pipeline(qm.cached(0.9, lookup=CACHE, miss=DB))


def test_the_least_hit_ratio_that_the_database_survives() -> None:
    rates = np.array([100.0, 400.0, 800.0, 4000.0])
    # The servers of the database do 400/s, so the miss ratio is at most 400 / rate.
    expected = np.maximum(0.0, 1 - 400.0 / rates)
    found = qm.least(SITE, "cache.hit_ratio", rates)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert (SITE.replace({"cache.hit_ratio": found}).solve(rates).max_rate > rates).all()


@given(rate=st.floats(1.0, 4000.0), limit=st.sampled_from(["p99 < 60 ms", "mean < 25 ms"]))
def test_servers_are_enough_and_one_less_is_not(rate: float, limit: str) -> None:
    servers = qm.least(SITE, "db.servers", rate, limit)
    assert servers == int(servers) >= 1
    objective = qm.planning.parse_objective(limit)
    assert objective.met(SITE.replace({"db.servers": servers}).solve(rate))
    if servers > 1:
        assert not objective.met(SITE.replace({"db.servers": servers - 1}).solve(rate))


def test_capacity_of_a_modelled_cache_for_a_latency() -> None:
    pages = qm.caches.Zipf(10**5, exponent=0.9)
    site = qm.Pipeline(qm.cached(qm.caches.LRU(10.0), popularity=pages, lookup=CACHE, miss=DB))
    size = qm.least(site, "cache.capacity", 900.0, "p99 < 35 ms")
    p99 = site.replace({"cache.capacity": size}).solve(900.0).latency.quantile(0.99)
    assert float(p99) == pytest.approx(0.035, rel=1e-6)


def test_cells_without_an_answer_are_infinite_and_nan_stays() -> None:
    rates = np.array([400.0, 6000.0, np.nan])  # The cache itself does 5,000/s.
    found = qm.least(SITE, "db.servers", rates)
    assert found[0] == 1
    assert np.isinf(found[1])
    assert np.isnan(found[2])


def test_what_cannot_be_met_or_asked() -> None:
    with pytest.raises(qm.InfeasibleError, match=r"no db.servers is enough for .* at 6000/s"):
        qm.least(SITE, "db.servers", 6000.0)
    with pytest.raises(qm.ModelError, match=r"did you mean 'db.servers'"):
        qm.least(SITE, "db.server", 100.0)
    with pytest.raises(qm.ModelError, match="model must be a Pipeline"):
        qm.least(qm.MMc(0.01), "servers", 100.0)  # type: ignore[arg-type]
