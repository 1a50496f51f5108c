from math import comb, fsum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmodel.balancing.hashing import greatest_share


def whitworth(x, c):
    """P(max <= x) for the spacings of a circle with c points (Whitworth 1897)."""
    terms = [(-1) ** j * comb(c, j) * (1 - j * x) ** (c - 1) for j in range(c + 1) if j * x < 1]
    return fsum(terms)


# Measured: 0.0045 for three shares, 0.0013 for more, 1.1e-4 from 30 on.
@pytest.mark.parametrize(
    ("c", "error"), [(2, 1e-12), (3, 5e-3), (4, 1.5e-3), (7, 1.5e-3), (12, 1.5e-3), (30, 2e-4)]
)
def test_the_distribution_of_one_point_each_is_whitworths(c, error):
    x = np.linspace(1.2 / c, 0.99, 60)
    exact = np.array([1 - whitworth(float(y), c) for y in x])
    got = greatest_share.tail(x, c=c, v=1)
    assert np.abs(got - exact).max() < error
    np.testing.assert_allclose(got[x >= 0.5], exact[x >= 0.5], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("c", [3, 5, 10, 30])
def test_percentiles_of_one_point_each(c):
    p = np.array([0.01, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999])
    x = greatest_share.quantile(p, c=c, v=1)
    low, high = x * (1 - 0.003), x * (1 + 0.003)
    assert all(whitworth(float(a), c) < q for a, q in zip(low, p, strict=True))
    assert all(whitworth(float(b), c) > q for b, q in zip(high, p, strict=True))


@pytest.mark.parametrize("c", [1, 2, 3, 10, 1000])
def test_the_mean_of_one_point_each_is_the_harmonic_number(c):
    harmonic = fsum(1 / i for i in range(1, c + 1))
    assert c * greatest_share.mean(c, 1) == pytest.approx(harmonic, rel=1e-11)


def test_ordered_means_of_one_point_each():
    c = 6
    exact = [fsum(1 / j for j in range(i, c + 1)) / c for i in range(1, c + 1)]
    np.testing.assert_allclose(greatest_share.ordered_means(c, 1), exact, rtol=1e-13)


@pytest.mark.parametrize(("c", "v"), [(3, 2), (3, 20), (10, 10), (10, 100), (4, 10_000)])
def test_against_simulated_shares(c, v):
    rng = np.random.default_rng(7)
    shares = rng.gamma(v, size=(200_000, c))
    shares = np.sort(shares / shares.sum(axis=1, keepdims=True), axis=1)[:, ::-1]
    means = shares.mean(axis=0)
    error = 4 * shares.std(axis=0) / np.sqrt(len(shares))
    assert (np.abs(greatest_share.ordered_means(c, v) - means) < error).all()
    assert abs(greatest_share.mean(c, v) - means[0]) < error[0]
    p = np.array([0.05, 0.5, 0.9, 0.95, 0.99])
    kept = (shares[:, :1] <= greatest_share.quantile(p, c=c, v=v)).mean(axis=0)
    noise = 4 * np.sqrt(p * (1 - p) / len(shares))
    assert (np.abs(kept - p) < noise + 0.0015).all()


@given(
    st.floats(0.01, 0.999),
    st.integers(2, 200),
    st.one_of(st.integers(1, 20), st.integers(1, 100_000)),
)
def test_quantiles_invert_tails(p, c, v):
    x = greatest_share.quantile(p, c=c, v=v)
    assert 1 / c <= x <= 1
    # At 1/2 the saddlepoint meets the exact distribution, and below p1 the bracket ends.
    if not 0.49 < x < 0.51:
        assert greatest_share.tail(x, c=c, v=v) == pytest.approx(1 - p, abs=1e-6)


def test_edges():
    assert greatest_share.quantile([0, 1], c=4, v=3).tolist() == [0.25, 1]
    assert greatest_share.tail([0, 0.2, 1, 2], c=4, v=3).tolist() == [1, 1, 0, 0]
    assert greatest_share.quantile([0.1, 0.9], c=1, v=3).tolist() == [1, 1]
    assert greatest_share.tail([0.5, 1], c=1, v=3).tolist() == [1, 0]
    assert np.isnan(greatest_share.tail(np.nan, c=4, v=3))
    assert np.isnan(greatest_share.quantile(np.nan, c=4, v=3))
    assert greatest_share.mean(1, 5) == pytest.approx(1, rel=1e-12)


def test_cells_are_those_alone():
    c, v = np.array([[2], [5], [40]]), np.array([1, 30, 2000])
    for f in (
        greatest_share.mean,
        lambda c, v: greatest_share.quantile(0.9, c=c, v=v),
        lambda c, v: greatest_share.tail(1.3 / c, c=c, v=v),
    ):
        alone = [[float(f(int(i), int(j))) for j in v] for i in c[:, 0]]
        np.testing.assert_allclose(f(c, v), alone, rtol=1e-9)
