"""Moments and transforms of distributions that are known by their tail."""

from __future__ import annotations

import numpy as np
import pytest

from qmodel.numerics.inversion import EULER
from qmodel.numerics.quadrature import moments, transform


def test_moments_of_an_exponential() -> None:
    first, second, third = moments(lambda t: np.exp(-t / 3.0), 3.0)
    assert (first, second, third) == pytest.approx((3.0, 18.0, 162.0), rel=1e-12)


@pytest.mark.parametrize("scale", [0.2, 1.0, 30.0])
def test_the_scale_is_a_hint(scale: float) -> None:
    assert moments(lambda t: np.exp(-t), scale)[0] == pytest.approx(1.0, rel=1e-11)


def test_moments_of_a_maximum() -> None:
    """Of n equal exponentials: the harmonic number."""
    for n in (2, 10, 100):
        first = moments(lambda t, n=n: -np.expm1(n * np.log1p(-np.exp(-t))), 1.0)[0]
        assert first == pytest.approx(sum(1 / k for k in range(1, n + 1)), rel=1e-11)


def test_breaks_are_met() -> None:
    """A constant and a shifted exponential jump and bend."""
    constant = moments(lambda t: (t < 2.0) * 1.0, 1.0, (2.0,))
    assert constant == pytest.approx((2.0, 4.0, 8.0), rel=1e-13)
    shifted = moments(lambda t: np.where(t < 2.0, 1.0, np.exp(-(t - 2.0))), 3.0, (2.0,))
    assert shifted[0] == pytest.approx(3.0, rel=1e-12)


def test_cells() -> None:
    means = np.array([0.01, 1.0, 50.0])
    first, second, _ = moments(lambda t: np.exp(-t / means), means)
    np.testing.assert_allclose(first, means, rtol=1e-12)
    np.testing.assert_allclose(second, 2 * means**2, rtol=1e-12)


def test_transform_of_an_exponential() -> None:
    for s in (0.5, 2.0, 1 + 5j, 3 - 20j, 40.0):
        assert transform(lambda t: np.exp(-t), s) == pytest.approx(1 / (1 + s), rel=1e-10)


def test_transform_of_a_shifted_exponential() -> None:
    def tail(t: np.ndarray) -> np.ndarray:
        return np.where(t < 2.0, 1.0, np.exp(-(t - 2.0)))

    for s in (0.5, 1 + 5j):
        assert transform(tail, s, (2.0,)) == pytest.approx(np.exp(-2 * s) / (1 + s), abs=1e-10)


def test_transform_on_the_points_of_an_inversion() -> None:
    points = EULER.points[:, None] / np.array([0.5, 4.0])
    found = transform(lambda t: np.exp(-t), points)
    assert found.shape == (31, 2)
    np.testing.assert_allclose(found, 1 / (1 + points), atol=1e-11)


@pytest.mark.parametrize("shape", [(31, 7), (31, 4, 7)])
def test_points_that_all_cells_share_are_a_product_of_matrices(shape) -> None:
    """A time within a deadline, at the points of one time, or of four, in seven cells."""
    means = np.linspace(0.2, 1.5, 7)
    times = np.array([0.5, 1.0, 3.0, 9.0])[: shape[1] if len(shape) > 2 else 1]
    line = 10.0 + 1j * np.pi * np.arange(31)
    s = np.multiply.outer(line, 1 / times)[..., None] + np.zeros(7)
    s = s.reshape(shape)

    def tail(t):
        return np.where(t < 2.0, np.exp(-t / means), 0.0)

    rates = 1 / means
    late = np.exp(-2 * (s + rates))
    exact = 1 - s * (1 - late) / (s + rates)
    found = transform(tail, s, (2.0,))
    assert np.abs(found - exact).max() < 1e-11
    one_by_one = [transform(
        lambda t, m=m: np.where(t < 2.0, np.exp(-t / m), 0.0), s[..., k], (2.0,)
    ) for k, m in enumerate(means)]  # fmt: skip
    assert np.abs(found - np.stack(one_by_one, axis=-1)).max() < 1e-11


def test_points_near_zero_see_times_far_shorter_than_theirs() -> None:
    """The slope of a transform at zero is the mean: it was 4e-5 off."""
    s = 1e-5 * (1 + 1j)
    found = transform(lambda t: 0.4 * np.exp(-t) + 0.6 * np.exp(-20 * t), s)
    assert found == pytest.approx(0.4 / (1 + s) + 0.6 / (1 + s / 20), rel=1e-15)
