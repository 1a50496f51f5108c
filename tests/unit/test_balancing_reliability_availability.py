from math import comb

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from qmodel.balancing.reliability.availability import (
    availability,
    in_parallel,
    in_series,
    k_of_n,
    replicas_needed,
)
from qmodel.errors import DomainError, ModelError


def binomial(k, n, a):
    return sum(comb(n, j) * a**j * (1 - a) ** (n - j) for j in range(k, n + 1))


@given(st.integers(0, 12), st.integers(1, 12), st.floats(0, 1))
def test_k_of_n_is_the_binomial_sum(k, n, a):
    assert k_of_n(needed=k, replicas=n, available=a) == pytest.approx(
        binomial(k, n, a), abs=1e-13
    )


@given(st.integers(1, 50), st.floats(0.05, 0.9999), st.floats(0.01, 0.999999))
def test_replicas_needed_are_the_least(k, a, target):
    n = replicas_needed(k, available=a, target=target)
    assert k_of_n(needed=k, replicas=int(n), available=a) >= target * (1 - 1e-12)
    assert n == k or k_of_n(needed=k, replicas=int(n) - 1, available=a) < target * (1 + 1e-12)


@given(st.integers(1, 20), st.integers(1, 20), st.floats(0, 1))
def test_one_replica_more_never_hurts(k, n, a):
    assert (
        k_of_n(needed=k, replicas=n + 1, available=a)
        >= k_of_n(needed=k, replicas=n, available=a) - 1e-15
    )
    assert (
        k_of_n(needed=k + 1, replicas=n, available=a)
        <= k_of_n(needed=k, replicas=n, available=a) + 1e-15
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_series_and_parallel(parts):
    assert in_series(*parts) <= min(parts)
    assert in_parallel(*parts) >= max(parts) - 1e-15
    n, first = len(parts), parts[0]
    assert in_series(*[first] * n) == pytest.approx(
        k_of_n(needed=n, replicas=n, available=first), abs=1e-14
    )
    assert in_parallel(*[first] * n) == pytest.approx(
        k_of_n(needed=1, replicas=n, available=first), abs=1e-14
    )


def test_five_nines():
    assert 1 - k_of_n(needed=4, replicas=10**6, available=0.999999) < 1e-12
    assert replicas_needed(1, available=0.99, target=0.99999) == 3
    assert replicas_needed([3, 3, 3], available=[1, 0, 0.9], target=[1, 0.5, 1]).tolist() == [
        3,
        np.inf,
        np.inf,
    ]
    assert np.isnan(replicas_needed(3, available=np.nan, target=0.9))
    assert np.isnan(k_of_n(needed=3, replicas=4, available=np.nan))


def test_availability():
    assert availability(99.0, [1.0, 0.0, np.nan]).tolist()[:2] == [0.99, 1.0]
    up, down = sp.symbols("u d", positive=True)
    a = availability(up, down)
    assert sp.simplify(in_parallel(a, a) - (1 - (down / (up + down)) ** 2)) == 0
    assert in_series(a, 1) == a


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: availability(0, 1), "time_between_failures must be"),
        (lambda: availability(1, -1), "time_to_repair must be"),
        (lambda: in_series(0.9, 1.1), "availabilities must be a probability"),
        (lambda: in_parallel(99.0), "availabilities must be .* 99 % is 0.99"),
        (
            lambda: k_of_n(needed=1, replicas=0, available=0.5),
            "replicas must be a whole number >= 1, got 0",
        ),
        (lambda: k_of_n(needed=-1, replicas=1, available=0.5), "needed must be"),
        (lambda: k_of_n(needed=1, replicas=1, available=2), "available must be"),
        (lambda: replicas_needed(0, available=0.5, target=0.5), "needed must be"),
        (lambda: replicas_needed(1, available=0.5, target=1.5), "target must be"),
    ],
)
def test_refused(call, words):
    with pytest.raises(DomainError, match=words):
        call()


def test_what_never_fails_is_always_up():
    assert availability(np.inf, [0.0, 5.0]).tolist() == [1, 1]
    assert availability([1.0, 3.0], np.inf).tolist() == [0, 0]
    assert np.isnan(availability([np.inf], np.inf)).all()


def test_symbols_are_refused_by_name():
    x = sp.Symbol("x", positive=True)
    with pytest.raises(ModelError, match="k_of_n has no symbolic form"):
        k_of_n(needed=2, replicas=3, available=x)
    with pytest.raises(ModelError, match="replicas_needed has no symbolic form"):
        replicas_needed(2, available=x, target=0.9)
