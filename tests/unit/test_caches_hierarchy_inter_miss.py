"""The time between misses: its series in 60 digits, its equation, moments, simulation."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmodel.caches.hierarchy.inter_miss import InterMiss

B = [1e-12, 1e-6, 0.01, 0.2, 0.35, 0.3678, 0.367879, float(np.exp(-1.0))]
U = [0.0, 0.5, 1.0, 1.5, 3.3, 7.7, 19.9, 20.0, 20.1, 21.3, 30.0, 100.0]


def exact(b: float, u: float) -> float:
    with mp.workdps(60):
        terms = [
            -((-mp.mpf(b)) ** k) * (mp.mpf(u) - k) ** k / mp.factorial(k)
            for k in range(1, int(u) + 1)
        ]
        return float(mp.fsum(terms))


@pytest.mark.parametrize("b", B)
def test_against_many_digits(b: float) -> None:
    expected = [exact(b, u) for u in U]
    np.testing.assert_allclose(InterMiss(b).within(U), expected, rtol=0, atol=1e-13)


def test_small_probabilities_keep_their_digits() -> None:
    distribution = InterMiss([1e-12, 1e-9])
    for u in (1.5, 15.0, 25.0):
        expected = [exact(b, u) for b in (1e-12, 1e-9)]
        np.testing.assert_allclose(distribution.within(u), expected, rtol=1e-12)


@given(st.floats(1e-3, 0.36), st.floats(0.0, 15.0))
def test_the_time_to_the_next_miss_is_the_integral(b: float, u: float) -> None:
    # F_e(u) = b times the integral of the tail, as E[X] = T / b.
    edges = np.concatenate([np.arange(np.floor(u) + 1), [u]])
    x, w = np.polynomial.legendre.leggauss(20)
    total = 0.0
    for low, high in itertools.pairwise(edges):
        nodes = low + (high - low) * (x + 1) / 2
        total += (high - low) / 2 * float(w @ (1 - InterMiss(b).within(nodes)))
    assert float(InterMiss(b).until_next(u)) == pytest.approx(b * total, abs=1e-12)


def test_against_a_path() -> None:
    rng = np.random.default_rng(1)
    rate, timer = 1.3, 1.0
    times = np.cumsum(rng.exponential(1 / rate, 2_000_000))
    misses = times[np.flatnonzero(np.diff(times, prepend=-9.0) > timer)]
    between = np.diff(misses)
    distribution = InterMiss(rate * timer * np.exp(-rate * timer))
    for u in (1.5, 2.0, 4.0, 8.0):
        assert np.mean(between <= u) == pytest.approx(float(distribution.within(u)), abs=2.5e-3)


@given(st.lists(st.floats(0.0, 200.0), min_size=2, max_size=5), st.floats(1e-9, 0.36))
def test_it_is_a_distribution(times: list[float], b: float) -> None:
    found: Any = InterMiss(b).within(np.sort(times))
    assert ((found >= -1e-13) & (found <= 1 + 1e-13)).all()
    assert (np.diff(found) >= -1e-12).all()


def test_shapes_and_nan() -> None:
    distribution = InterMiss(np.array([0.1, 0.2, np.nan]))
    found = distribution.within(np.array([[2.0], [50.0], [np.nan]]))
    assert found.shape == (3, 3)
    assert np.isnan(found[2]).all()
    assert np.isnan(found[:, 2]).all()
    assert np.isfinite(found[:2, :2]).all()


def test_hardly_any_misses() -> None:
    # Below the normal numbers Lambert's function has no value.
    distribution = InterMiss(np.array([0.0, 1e-320, 1e-308]))
    assert distribution.within(1e10) == pytest.approx([0.0, 0.0, 0.0], abs=1e-290)
