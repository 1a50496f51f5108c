"""Roots of monotone functions: to the last digits, in every cell, at any scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmodel.numerics.roots import increasing_root, least_above


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
