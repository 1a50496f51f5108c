"""Roots of monotone functions: to the last digits, in every cell, at any scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmodel.numerics.roots import bracketed, increasing_root, least_above


@given(st.floats(1e-3, 1e6))
def test_square_roots(x: float) -> None:
    found = increasing_root(lambda t: t**2 - x, 0.0, x + 1.0)
    assert found == pytest.approx(np.sqrt(x), rel=1e-11)


@pytest.mark.parametrize(
    "f",
    [
        lambda t: np.log(t) - 1, lambda t: np.exp(t) - np.exp(np.e), lambda t: (t - np.e) ** 3,
        lambda t: np.where(t < np.e, -1.0, 1.0), lambda t: np.arctan(1e6 * (t - np.e)),
        lambda t: np.where(t < np.e, t - np.e, np.inf),
    ],
    ids=["log", "exp", "flat", "step", "steep", "infinite"],
)  # fmt: skip
def test_shapes_that_are_hard(f: object) -> None:
    assert increasing_root(f, 1e-3, 50.0) == pytest.approx(np.e, rel=1e-9)  # type: ignore[arg-type]


def test_cells_are_narrowed_together() -> None:
    targets = np.array([[2.0, 9.0], [1e-6, 1e8]])
    found = increasing_root(lambda t: t**2 - targets, 0.0, 2e4)
    np.testing.assert_allclose(found, np.sqrt(targets), rtol=1e-10)
    assert np.ndim(increasing_root(lambda t: t - 1.0, 0.0, 2.0)) == 0


def test_known_ends_are_not_asked_for() -> None:
    asked: list[float] = []

    def f(t: object) -> object:
        asked.append(float(np.asarray(t)))
        return np.asarray(t) ** 2 - 2.0

    found = increasing_root(f, 0.0, 3.0, at_low=-2.0, at_high=7.0)
    assert found == pytest.approx(np.sqrt(2.0), rel=1e-12)
    assert not {0.0, 3.0} & set(asked)


@pytest.mark.parametrize("side", ["below", "above"])
def test_a_side_is_kept_through_noise(side: str) -> None:
    """Where the function jumps about zero, the answer is where it was seen on that side."""
    targets = np.linspace(1.5, 7.3, 200)

    def f(t: np.ndarray) -> np.ndarray:
        noise = 1e-9 * np.sin(1e13 * t)
        return t**2 - targets + noise

    found = increasing_root(f, np.zeros(200), np.full(200, 9.0), side=side, rtol=1e-14)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, np.sqrt(targets), rtol=1e-8)
    values = f(found)
    assert (values < 0 if side == "below" else values > 0).all()


def test_a_bracket_of_points() -> None:
    points = np.array([0.0, 1.0, 2.0, 4.0])[:, None]
    roots = np.array([-1.0, 0.5, 1.0, 3.0, 9.0, np.nan])
    low, high, at_low, at_high = bracketed(lambda t: t - roots, points)
    np.testing.assert_array_equal(low[:5], [0.0, 0.0, 0.0, 2.0, 2.0])
    np.testing.assert_array_equal(high[:5], [1.0, 1.0, 1.0, 4.0, 4.0])
    np.testing.assert_array_equal(at_low, low - roots)
    np.testing.assert_array_equal(at_high, high - roots)


def test_edges_of_the_bracket() -> None:
    found = increasing_root(lambda t: t - np.array([-1.0, 0.0, 1.0, 5.0, np.nan]), 0.0, 1.0)
    np.testing.assert_array_equal(found, [0.0, 0.0, 1.0, 1.0, np.nan])


def test_few_evaluations() -> None:
    calls = 0

    def f(t: float) -> float:
        nonlocal calls
        calls += 1
        return np.exp(t) - 7.0

    increasing_root(f, 0.0, 10.0)
    assert calls <= 20


@given(st.floats(1e-3, 1e3), st.floats(1.0, 1e12))
def test_least_above(start: float, factor: float) -> None:
    target = start * factor
    assert least_above(lambda t: t - target, start) == pytest.approx(target, rel=1e-9)


def test_never_is_infinite() -> None:
    np.testing.assert_array_equal(
        least_above(lambda t: np.array([t[0] - 8.0, -1.0]), np.array([1.0, 1.0])), [8.0, np.inf]
    )
    assert np.isposinf(least_above(lambda t: t - 1.0, np.inf))
