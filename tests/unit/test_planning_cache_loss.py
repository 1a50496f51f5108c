"""A pipeline before and after it has lost a cache."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.caches import LRU, Zipf
from qmodel.planning.cache_loss import least_hit_ratio, lose_cache

CACHE, DB = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.01, servers=4))
SITE = qm.Pipeline(qm.cached(0.95, lookup=CACHE, miss=DB))


def test_the_factor_of_the_misses() -> None:
    # A site whose hit ratio fell from 0.95 to 0.3 had 14 times the load on its database.
    loss = lose_cache(SITE, "cache", 200.0, remaining=0.3)
    assert loss.miss_factor == pytest.approx(14.0)
    assert loss.load_factor["db"] == pytest.approx(14.0)
    assert loss.load_factor["cache"] == 1.0
    assert loss.survives
    assert loss.bottleneck == "db"
    assert loss.max_rate == pytest.approx(400 / 0.7)
    assert loss.after.latency.mean > loss.before.latency.mean
    assert loss.basis["mean"] == "exact"


def test_what_writes_load_too_grows_by_less() -> None:
    reads = qm.cached(0.9, lookup=CACHE, miss=DB)
    shop = qm.Pipeline({"read": (0.8, reads), "write": (0.2, DB)})
    loss = lose_cache(shop, "cache", 100.0)
    assert loss.miss_factor == pytest.approx(10.0)
    assert loss.load_factor["db"] == pytest.approx(1.0 / (0.2 + 0.08))


def test_the_new_bottleneck_and_overload() -> None:
    app = qm.call("app", qm.MMc(0.01, servers=10))
    shop = qm.Pipeline(qm.series(app, qm.cached(0.9, lookup=CACHE, miss=DB)))
    loss = lose_cache(shop, "cache", [300.0, 600.0])
    assert list(np.atleast_1d(loss.before.bottleneck)) == ["app"]
    assert loss.bottleneck == "db"
    assert loss.survives.tolist() == [True, False]
    assert np.isinf(loss.after.latency.mean[1])


def test_a_modelled_cache_is_lost_as_well() -> None:
    pages = Zipf(10**5, 0.9)
    site = qm.Pipeline(qm.cached(LRU(1e4), popularity=pages, lookup=CACHE, miss=DB))
    h = float(LRU(1e4).solve(pages).hit_ratio)
    loss = lose_cache(site, "cache", 100.0, remaining=[h / 2, h])
    assert loss.hit_ratio == h
    assert loss.miss_factor == pytest.approx([(1 - h / 2) / (1 - h), 1.0])
    assert loss.after.latency.mean[1] == pytest.approx(float(loss.before.latency.mean))


def test_where_there_were_no_misses() -> None:
    loss = lose_cache(SITE.replace({"cache.hit_ratio": 1.0}), "cache", 100.0)
    assert np.isinf(loss.miss_factor)
    assert np.isinf(loss.load_factor["db"])


def test_the_least_hit_ratio_of_a_modelled_cache() -> None:
    pages = Zipf(10**5, 0.9)
    site = qm.Pipeline(qm.cached(LRU(1e4), popularity=pages, lookup=CACHE, miss=DB))
    rates = np.array([100.0, 800.0, 6000.0])
    found = least_hit_ratio(site, "cache", rates)
    # The database does 400/s, the cache 5,000/s.
    assert found[:2] == pytest.approx([0.0, 0.5], rel=1e-9)
    assert np.isinf(found[2])
    assert least_hit_ratio(site, "cache", 800.0, "mean < 10 ms") > 0.5
    with pytest.raises(qm.InfeasibleError, match=r"no cache.hit_ratio is good enough"):
        least_hit_ratio(site, "cache", 6000.0)


def test_two_caches_and_wrong_names() -> None:
    edge = qm.call("edge", qm.Delay(0.001))
    site = qm.Pipeline(qm.cached(0.6, lookup=edge, miss=SITE.kinds["all"][1]))
    assert lose_cache(site, "edge", 100.0).load_factor["db"] == pytest.approx(2.5)
    assert lose_cache(site, "cache", 100.0).load_factor["db"] == pytest.approx(20.0)
    with pytest.raises(qm.ModelError, match=r"no cache 'db' in the pipeline; there are"):
        lose_cache(site, "db", 100.0)
    with pytest.raises(qm.ModelError, match="there is none"):
        lose_cache(qm.Pipeline(DB), "cache", 100.0)
    with pytest.raises(qm.ModelError, match="model must be a Pipeline"):
        lose_cache(qm.MMc(0.01), "cache", 100.0)  # type: ignore[arg-type]
    with pytest.raises(qm.DomainError, match="remaining must be a probability"):
        lose_cache(site, "cache", 100.0, remaining=1.5)
