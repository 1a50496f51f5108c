from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln

from qmodel.balancing.hashing.hashed_keys import (
    keys_imbalance,
    keys_imbalance_quantile,
    keys_imbalance_tail,
)
from qmodel.errors import DomainError


@cache
def exact(keys, servers):
    """P(max <= k) for k = 0 .. keys: truncated Poisson counts, convolved (Levin 1981)."""
    found, j = [], np.arange(keys + 1)
    distribution = np.exp(j * np.log(keys / servers) - keys / servers - gammaln(j + 1))
    whole = np.exp(keys * np.log(keys) - keys - gammaln(keys + 1))
    for k in j:
        total = np.array([1.0])
        for _ in range(servers):
            total = np.convolve(total, distribution[: k + 1])[: keys + 1]
        found.append(total[keys] / whole if total.size > keys else 0.0)
    return np.array(found)


CASES = [(2, 2), (3, 2), (6, 3), (10, 3), (30, 3), (5, 5), (10, 5), (20, 10), (100, 10)]


@pytest.mark.parametrize(("keys", "servers"), CASES)
def test_against_the_exact_distribution(keys, servers):
    distribution = exact(keys, servers)
    error = 1e-9 if servers == 2 else 2.2e-3 if servers == 3 else 5e-4  # as the docstring says
    tails = keys_imbalance_tail(
        np.arange(keys + 1) * servers / keys, keys=keys, servers=servers
    )
    np.testing.assert_allclose(tails, 1 - distribution, atol=error)
    mean = (1 - distribution).sum() * servers / keys
    assert keys_imbalance(keys, servers) == pytest.approx(mean, rel=5e-4)
    p = np.array([0.01, 0.25, 0.5, 0.9, 0.99])
    numbers = keys_imbalance_quantile(p, keys=keys, servers=servers) * keys / servers
    np.testing.assert_allclose(numbers, [np.searchsorted(distribution, q) for q in p])


@pytest.mark.parametrize(("keys", "servers"), [(1000, 100), (1_000_000, 10), (10**9, 20)])
def test_against_simulation(keys, servers):
    rng = np.random.default_rng(5)
    fullest = rng.multinomial(keys, np.full(servers, 1 / servers), size=20_000).max(axis=1)
    fullest = fullest * servers / keys
    error = 4 * fullest.std() / np.sqrt(fullest.size)
    assert keys_imbalance(keys, servers) == pytest.approx(fullest.mean(), abs=error)
    assert keys_imbalance_tail(fullest.mean(), keys=keys, servers=servers) == pytest.approx(
        (fullest > fullest.mean()).mean(), abs=0.015
    )


@given(st.integers(1, 100_000), st.integers(1, 300), st.floats(0.01, 0.99))
def test_quantiles_invert_tails(keys, servers, p):
    x = keys_imbalance_quantile(p, keys=keys, servers=servers)
    assert keys_imbalance_tail(x, keys=keys, servers=servers) <= 1 - p + 1e-9
    below = x - servers / keys
    if below * keys >= servers:
        assert (
            keys_imbalance_tail(below * (1 + 1e-12), keys=keys, servers=servers) >= 1 - p - 1e-9
        )
    assert keys_imbalance(keys, servers) * (1 + 1e-9) >= 1
    assert x <= servers


def test_edges():
    assert keys_imbalance([1, 5], [6, 1]).tolist() == [6, 1]
    assert keys_imbalance_quantile([0, 1], keys=10, servers=3).tolist() == [1.2, 3]
    assert keys_imbalance_tail([0, 0.9, 3, 4], keys=10, servers=3).tolist() == [1, 1, 0, 0]
    assert np.isnan(keys_imbalance_tail(np.nan, keys=10, servers=3))
    assert np.isnan(keys_imbalance_quantile(np.nan, keys=10, servers=3))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: keys_imbalance(0, 3), "keys must be a whole number >= 1, got 0"),
        (lambda: keys_imbalance(5, 0), "servers must be"),
        (lambda: keys_imbalance_quantile(-0.1, keys=5, servers=3), "p must be a probability"),
        (lambda: keys_imbalance_tail(-0.1, keys=5, servers=3), "imbalance must be"),
    ],
)
def test_refused(call, words):
    with pytest.raises(DomainError, match=words):
        call()
