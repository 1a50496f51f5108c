"""All fixed points of rising maps, and which of them are stable."""

from __future__ import annotations

import numpy as np
import pytest

from qmodel.pipeline.fixed_points import fixed_points, greatest_root


def cubic(low: np.ndarray, middle: np.ndarray, high: np.ndarray, slope: float = 0.5):
    """Return a map of shares whose fixed points are given, in each cell."""

    def f(u):
        x = u["u"]
        return {"u": x - slope * (x - low) * (x - middle) * (x - high)}

    return f


def test_three_fixed_points_in_every_cell() -> None:
    low, middle, high = np.array([0.01, 0.1]), np.array([0.3, 0.2]), np.array([0.9, 0.7])
    found = fixed_points(cubic(low, middle, high), {"u": 1.0})
    assert found.least["u"] == pytest.approx(low, rel=1e-9)
    assert found.threshold["u"] == pytest.approx(middle, rel=1e-9)
    assert found.greatest["u"] == pytest.approx(high, rel=1e-9)
    assert found.several.all()


def test_cells_with_one_and_with_three() -> None:
    shift = np.array([0.0, 0.2])

    def f(u):
        x = u["u"]
        return {"u": np.clip(x - 0.5 * (x - 0.1) * (x - 0.3) * (x - 0.9) - shift * x, 0, 1)}

    found = fixed_points(f, {"u": 1.0})
    assert found.several.tolist() == [True, False]
    assert np.isnan(found.threshold["u"][1])
    assert np.isnan(found.greatest["u"][1])


def test_zero_is_a_fixed_point_where_nothing_is_copied() -> None:
    found = fixed_points(lambda u: {"u": 0.5 * u["u"]}, {"u": 1.0})
    assert float(found.least["u"]) == 0.0
    assert not found.several


def test_a_cap_is_a_fixed_point() -> None:
    found = fixed_points(lambda u: {"u": np.minimum(0.2 + u["u"], 0.5)}, {"u": 0.5})
    assert float(found.least["u"]) == pytest.approx(0.5)


def test_unknown_stays_unknown() -> None:
    found = fixed_points(lambda u: {"u": np.nan * u["u"]}, {"u": 1.0})
    assert np.isnan(found.least["u"])


def test_several_unknowns() -> None:
    one = cubic(np.array(0.05), np.array(0.4), np.array(0.8))

    def f(u):
        return {"a": one({"u": u["a"]})["u"], "b": 0.5 * u["a"] + 0.1 * u["b"]}

    found = fixed_points(f, {"a": 1.0, "b": 1.0})
    for key, least, edge, most in (("a", 0.05, 0.4, 0.8), ("b", 0.05 / 1.8, None, 0.8 / 1.8)):
        assert float(found.least[key]) == pytest.approx(least, rel=1e-6)
        assert float(found.greatest[key]) == pytest.approx(most, rel=1e-6)
        if edge is not None:
            # Where iterations part is told to a percent: f is nearly 1:1 there.
            assert float(found.threshold[key]) == pytest.approx(edge, rel=0.02)


def test_the_greatest_value_of_a_curve() -> None:
    at = np.array([0.137, 0.6])
    found = greatest_root(lambda x: 2 - (x - at) ** 2, (2,))
    assert found == pytest.approx(2.0, rel=1e-10)
