import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmodel.balancing.hashing.hashed_keys import keys_imbalance
from qmodel.balancing.hashing.hot_keys import (
    hot_imbalance,
    hot_imbalance_quantile,
    useful_shards,
)
from qmodel.caches.popularity.zipf import Zipf
from qmodel.errors import DomainError, ModelError


def hashed(keys, exponent, shards, replicated, runs):
    """Load of the fullest shard over the average, of keys that are hashed anew each time."""
    rng = np.random.default_rng(11)
    share = np.arange(1, keys + 1.0) ** -exponent
    share /= share.sum()
    rest = share[replicated:]
    fullest = np.empty(runs)
    for i in range(runs):
        where = rng.integers(0, shards, rest.size)
        fullest[i] = np.bincount(where, rest, shards).max()
    return shards * fullest + share[:replicated].sum()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("keys", "exponent", "shards", "replicated"),
    [
        (1000, 1.0, 2, 0),
        (1000, 0.9, 4, 0),
        (1000, 0.8, 16, 0),
        (5000, 1.0, 16, 10),
        (2000, 1.2, 30, 0),
        (100, 1.5, 10, 0),
        (20, 1.0, 4, 0),
    ],
)
def test_against_simulation(keys, exponent, shards, replicated):
    fullest = hashed(keys, exponent, shards, replicated, 4000)
    distribution = {
        "popularity": Zipf(keys, exponent),
        "shards": shards,
        "replicated": replicated,
    }
    noise = 4 * fullest.std() / np.sqrt(fullest.size) / fullest.mean()
    # The errors of the docstring, and four standard errors of the simulation.
    assert hot_imbalance(**distribution) == pytest.approx(fullest.mean(), rel=0.01 + noise)
    for p, error in ((0.05, 0.045), (0.5, 0.01), (0.9, 0.017), (0.95, 0.017)):
        x = hot_imbalance_quantile(p, **distribution)
        low, high = ((fullest <= x * (1 + e)).mean() for e in (-error, error))
        room = 4 * np.sqrt(p * (1 - p) / fullest.size)
        assert low - room <= p <= high + room


def test_published_simulation():
    # Mean share of the fullest of c shards: simulated, to about 0.5 %.
    keys = Zipf([1e5, 1e5, 1e5, 1e4], [0.8, 1, 1, 0.99])
    shards = np.array([16, 16, 64, 8])
    shares = hot_imbalance(keys, shards) / shards
    np.testing.assert_allclose(shares, [0.0839, 0.1395, 0.0967, 0.2120], rtol=0.015)


def test_the_hottest_key_alone():
    only = Zipf(1)
    assert hot_imbalance(only, 8) == pytest.approx(8)
    assert hot_imbalance_quantile(0.5, popularity=only, shards=8) == pytest.approx(8)
    assert hot_imbalance(only, 8, replicated=1) == pytest.approx(1)
    assert useful_shards(only) == 1
    assert useful_shards(only, replicated=1) == np.inf


def test_equal_keys():
    got = hot_imbalance(Zipf(10_000, 0.0), 10)
    assert got == pytest.approx(keys_imbalance(10_000, 10), rel=3e-3)


@settings(max_examples=25)
@given(
    st.integers(2, 10**6), st.floats(0, 2), st.integers(2, 100), st.integers(0, 50),
    st.floats(0.05, 0.95),
)  # fmt: skip
def test_more_copies_are_more_even(keys, exponent, shards, copies, p):
    popularity = Zipf(keys, exponent)
    distribution = hot_imbalance_quantile(
        p, popularity=popularity, shards=shards, replicated=[copies, copies + 20]
    )
    assert distribution[1] * (1 + 1e-9) >= 1
    assert distribution[1] <= distribution[0] * (1 + 1e-9)
    assert distribution[0] <= shards * (1 + 1e-9)
    # The hottest key is somewhere.
    assert distribution[0] * useful_shards(popularity, replicated=copies) >= shards * (1 - 1e-9)


def test_cells_are_those_alone():
    exponent, shards = np.array([[0.7], [1.1]]), np.array([2, 9, 1])
    for f in (hot_imbalance, lambda k, n: hot_imbalance_quantile(0.8, popularity=k, shards=n)):
        alone = [[f(Zipf(500, float(a)), int(n)) for n in shards] for a in exponent[:, 0]]
        np.testing.assert_allclose(f(Zipf(500, exponent), shards), alone, rtol=1e-7)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: hot_imbalance(Zipf(10), 0), DomainError, "shards must be"),
        (lambda: hot_imbalance(Zipf(10), 2, replicated=-1), DomainError, "replicated must be"),
        (
            lambda: hot_imbalance_quantile(2, popularity=Zipf(10), shards=2),
            DomainError,
            "p must be",
        ),
        (lambda: hot_imbalance([0.5, 0.5], 2), ModelError, "popularity must be a Zipf"),
        (lambda: useful_shards(Zipf(10), replicated=0.5), DomainError, "replicated must be"),
    ],
)
def test_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_two_shards_are_exact_key_by_key():
    share = np.arange(1, 6.0) ** -1.0
    share /= share.sum()
    there = np.array(list(np.ndindex(*[2] * 5)))
    fullest = np.sort(2 * np.maximum(there @ share, (1 - there) @ share))
    p = (np.arange(32) + 0.5) / 32
    got = hot_imbalance_quantile(p, popularity=Zipf(5), shards=2)
    np.testing.assert_allclose(got, fullest, rtol=1e-8)
    assert hot_imbalance(Zipf(5), 2) == pytest.approx(fullest.mean(), rel=3e-3)


def test_three_equal_keys_by_the_formula():
    # The first key is alone with 4/9, and the two other shards have not both keys: 64/81.
    p = 4 / 9 * 64 / 81
    got = hot_imbalance_quantile([p - 0.01, p + 0.01], popularity=Zipf(3, 0.0), shards=3)
    np.testing.assert_allclose(got, [1, 2], rtol=1e-8)


def test_fewer_keys_than_are_told_apart():
    got = hot_imbalance(Zipf([1, 5, 10], 1.0), 4, replicated=[0, 2, 12])
    # Three of five keys are left. With the hottest are both others, or one; or they meet.
    copied, (one, two, three) = 1.5, 1 / np.array([3, 4, 5])
    fullest = one + (1 / 16 + 3 / 16) * (two + three) + 3 / 16 * (two + three - one)
    fullest = (copied + 4 * fullest) / (copied + one + two + three)
    np.testing.assert_allclose(got, [4, fullest, 1], rtol=0.04)
