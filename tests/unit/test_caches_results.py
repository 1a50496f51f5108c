"""Results of caches are values: they pickle, and their text is short."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import qmodel as qm
from qmodel import caches
from qmodel.caches import Measured, Zipf

RATE = 10.0
COUNTS = np.random.default_rng(1).poisson(3.0, 300) + 1
POPULARITIES = {
    "zipf": Zipf(500, [0.7, 0.9]),
    "counted": Measured(COUNTS),
    "mixed": caches.Mixed([0.4, 0.6], [Zipf(50, 1.0), Measured(COUNTS)]),
}
CACHES = {
    "FIFO": caches.FIFO(20), "Random": caches.Random(200), "LRU": caches.LRU(20),
    "large": caches.LRU(200), "LFU": caches.LFU(30.5), "QLRU": caches.QLRU(4),
    "KLRU": caches.KLRU(20), "Clock": caches.Clock(20), "sampled": caches.SampledLRU(20),
    "TTL": caches.TTL(qm.Exponential(3.0)), "renewed": caches.TTL(5.0, renewing=True),
    "expiring": caches.ExpiringLRU(20, 5.0), "written": caches.WrittenLRU(20, 0.2),
    "exact LRU": caches.ExactLRU(20), "exact FIFO": caches.ExactFIFO(20),
    "resolvers": caches.Resolvers(300.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CACHES)
@pytest.mark.parametrize("asked", POPULARITIES)
def test_results_pickle(name: str, asked: str) -> None:
    popularity = POPULARITIES[asked]
    r = CACHES[name].solve(popularity, RATE)
    again = pickle.loads(pickle.dumps(r))
    assert np.array_equal(again.hit_ratio, r.hit_ratio)
    assert np.array_equal(again.hit_ratio_of(3), r.hit_ratio_of(3), equal_nan=True)
    assert again.basis == r.basis
    assert again.basis.grounds == r.basis.grounds


@pytest.mark.parametrize("asked", POPULARITIES)
def test_texts_are_short(asked: str) -> None:
    assert len(repr(POPULARITIES[asked])) < 300
    assert len(repr(caches.LRU(20).solve(POPULARITIES[asked]))) < 100
