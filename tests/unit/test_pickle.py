"""Models and results are values: they go to other processes and come back equal."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import qmodel as qm
from qmodel import caches
from qmodel.caches.fetching import base as fetching
from qmodel.distributions import NEVER, ZERO
from qmodel.testing.kinds import IN_PATHS, STATIONS, Parts

PARTS = Parts(qm.Gamma(0.1, 2.0), servers=2, few=2, other=qm.Exponential(0.5))
CATALOGUE = caches.Zipf(1000, exponent=0.8)
SMALL = caches.Zipf(12, exponent=0.8)
FETCH = qm.Exponential(0.05)

CACHES: dict[str, Any] = {
    "LRU": lambda: caches.LRU([10.0, 100.0]),
    "FIFO": lambda: caches.FIFO(10.0),
    "Random": lambda: caches.Random(100.0),
    "LFU": lambda: caches.LFU(100.0),
    "KLRU": lambda: caches.KLRU(100.0, 3),
    "QLRU": lambda: caches.QLRU(100.0, 0.5),
    "Clock": lambda: caches.Clock(100.0),
    "TTL": lambda: caches.TTL(10.0),
    "TTL of a distribution": lambda: caches.TTL(qm.Exponential(10.0)),
    "ExpiringLRU": lambda: caches.ExpiringLRU(100.0, 10.0),
    "SampledLRU": lambda: caches.SampledLRU(100.0),
    "WrittenLRU": lambda: caches.WrittenLRU(100.0, 0.1),
    "ExactLRU": lambda: caches.ExactLRU(3),
    "ExactFIFO": lambda: caches.ExactFIFO(3),
    "Resolvers": lambda: caches.Resolvers(10.0),
    "FetchedLRU": lambda: caches.FetchedLRU(100.0, FETCH),
    "FetchedTTL": lambda: caches.FetchedTTL(10.0, FETCH),
    "RefreshedTTL": lambda: caches.RefreshedTTL(10.0, 1.0, FETCH),
}


def again(x: Any) -> Any:
    return pickle.loads(pickle.dumps(x))


@pytest.mark.parametrize("kind", STATIONS)
def test_stations_and_their_results(kind: str) -> None:
    station = STATIONS[kind](PARTS)
    assert repr(again(station)) == repr(station)
    if kind in IN_PATHS:
        result = station.solve(1.5)
        other = again(result)
        assert float(other.response_time) == float(result.response_time)
        if result.response is not None:
            assert float(other.response.mean) == float(result.response.mean)


@pytest.mark.parametrize("kind", CACHES)
def test_caches_and_their_results(kind: str) -> None:
    cache = CACHES[kind]()
    popularity = SMALL if kind.startswith("Exact") else CATALOGUE
    result = again(cache).solve(popularity, 50.0)
    other = again(result)
    np.testing.assert_array_equal(other.hit_ratio, result.hit_ratio)
    if not isinstance(cache, fetching.Fetching):
        np.testing.assert_array_equal(other.hit_ratio_of(1), result.hit_ratio_of(1))


def test_pipelines_popularities_and_designs() -> None:
    site = qm.web.typical_pipeline()
    assert repr(again(site)) == repr(site)
    mean = site.solve(1000.0).latency.mean
    assert float(again(site.solve(1000.0)).latency.mean) == float(mean)
    measured = caches.Measured([5.0, 3.0, 1.0], complete=True)
    assert float(again(measured).share_of(1)) == float(measured.share_of(1))


def test_what_is_one_of_a_kind_stays_so() -> None:
    assert again(NEVER) == NEVER
    assert again(ZERO) == ZERO


def test_representations_are_short() -> None:
    long = np.linspace(1.0, 2.0, 100_000)
    counts = np.arange(1.0, 100_001.0)
    models: list[Any] = [
        qm.Exponential(long), qm.MMc(long, 4), qm.Profile(long, long),
        caches.Measured(counts), caches.LRU(counts), qm.from_samples(long).distribution,
        qm.MMc(0.1).solve(long),
    ]  # fmt: skip
    assert [type(m).__name__ for m in models if len(repr(m)) > 500] == []
