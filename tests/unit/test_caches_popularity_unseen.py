"""What a log did not see is estimated from what it saw once or twice."""

from __future__ import annotations

import numpy as np
import pytest

from qmodel.caches import FIFO, LFU, LRU, TTL, Measured, Mixed, Warming, Zipf
from qmodel.caches.popularity.unseen import tail_of
from qmodel.errors import DomainError

RNG = np.random.default_rng(5)


def log_of(shares: np.ndarray, requests: int) -> np.ndarray:
    counts = RNG.poisson(shares * requests)
    return counts[counts > 0]


@pytest.mark.parametrize(
    ("pages", "requests", "error"),
    [(Zipf(10**6, 0.8), 10**5, 0.008), (Zipf(10**5, 1.2), 20_000, 0.015),
     (Measured(RNG.lognormal(0, 2, 20_000), complete=True), 20_000, 0.015),
     (Zipf(3000, 0.5), 2000, 0.03)],
    ids=["a million", "steep", "lognormal", "short"],
)  # fmt: skip
def test_hit_ratios_from_a_log(pages: Zipf | Measured, requests: int, error: float) -> None:
    log = Measured(log_of(pages.shares(), requests))
    places = np.array([0.03, 0.15, 0.5, 1.0]) * len(log.counts)
    for policy in (LRU, FIFO):
        truth, found = (policy(places).solve(p).hit_ratio for p in (pages, log))
        naive = policy(places[2]).solve(Measured(log.counts, complete=True)).hit_ratio
        assert found == pytest.approx(truth, abs=error)
        assert naive > truth[2] + 3 * error
    lives = np.array([0.01, 0.3, 1.0]) * requests
    truth, found = (TTL(lives).solve(p, request_rate=1.0).hit_ratio for p in (pages, log))
    assert found == pytest.approx(truth, abs=error)


def test_good_and_turing() -> None:
    """The next request is for a new object as often as the singles say."""
    counts = log_of(Zipf(10**5, 0.9).shares(), 30_000)
    log = Measured(counts)
    new = (counts == 1).sum() / counts.sum()
    # A cache for everything that comes in the time of the log misses what is new.
    missed = TTL(float(counts.sum()), renewing=True).solve(log).miss_ratio
    assert missed == pytest.approx(new, abs=0.002)


def test_requests_and_sizes_are_kept() -> None:
    counts = log_of(Zipf(5000, 0.8).shares(), 10_000)
    sizes = RNG.lognormal(3.0, 1.0, counts.size)
    tail = tail_of(counts, sizes)
    few = counts <= 32
    assert (tail.requests * tail.objects).sum() == pytest.approx(counts[few].sum())
    sized, plain = Measured(counts, sizes), Measured(counts, 2.0)
    for log in (sized, plain):
        assert log.grid.over_requests(1.0 + 0 * log.grid.share) == pytest.approx(1.0)
        assert log.most_popular(log.volume).requests == pytest.approx(1.0, abs=1e-9)
    assert plain.volume == pytest.approx(2 * plain.grid.count.sum())
    assert sized.volume > sizes.sum()
    # Objects of one count are alike here, so sizes change nothing but the unit.
    alike = Measured(counts, np.full(counts.size, 2.0))
    assert LRU(400.0).solve(alike).hit_ratio == pytest.approx(
        float(LRU(400.0).solve(plain).hit_ratio), abs=1e-6
    )


def test_the_order_of_the_objects() -> None:
    log = Measured(log_of(Zipf(10**5, 0.9).shares(), 20_000))
    ranks = np.unique(np.geomspace(1, log.objects, 50).astype(int))
    shares = log.share_of(ranks)
    assert (np.diff(shares) <= 0).all()
    assert shares[0] == pytest.approx(log.counts.max() / log.counts.sum())
    assert log.above(float(shares[0])).objects == pytest.approx(1.0)
    assert LFU(ranks).solve(log).hit_ratio[-1] == pytest.approx(1.0, abs=1e-4)


def test_known_objects_that_nobody_asked_for() -> None:
    shares = np.r_[np.full(500, 0.9 / 500), np.full(20_000, 0.1 / 20_000), np.zeros(10_000)]
    counts = RNG.poisson(shares * 10_000)
    known, guessed = Measured(counts), Measured(counts[counts > 0])
    assert known.objects == pytest.approx(counts.size, abs=1)
    truth = Measured(shares, complete=True)
    places = np.array([100, 500, 1000])
    for log in (known, guessed):
        found = LRU(places).solve(log).hit_ratio
        assert found == pytest.approx(LRU(places).solve(truth).hit_ratio, abs=0.015)


def test_the_label_says_so() -> None:
    log = Measured(log_of(Zipf(1000, 0.8).shares(), 3000))
    r = LRU(100).solve(log)
    assert r.basis["hit_ratio"] == "approximate"
    assert "unseen-objects" in r.assumptions
    for other in (
        LRU(10).solve(Mixed([0.5, 0.5], [log, Zipf(100)])),
        Warming(LRU(10), log, request_rate=3.0),
    ):
        assert "unseen-objects" in other.basis.assumptions("hit_ratio")
    for sure in (Measured([400, 300, 2, 2]), Measured([1, 0.5], complete=True)):
        assert "unseen-objects" not in LRU(1).solve(sure).assumptions
    assert "some" in repr(log)
    assert len(repr(log)) < 100


def test_what_is_no_count() -> None:
    with pytest.raises(DomainError, match=r"counts must be whole .* 0\.5.*complete=True"):
        Measured([3, 0.5])
    assert Measured.of_shares([0.75, 0.25]).complete
    assert np.isnan(LRU(1).solve(Measured([1, 2, np.nan])).hit_ratio)
