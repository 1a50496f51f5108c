"""The filling time: that of the plain LRU, and the edges."""

from __future__ import annotations

from typing import Any

import numpy as np

import qmodel as qm
from qmodel.caches.policies.filling import filling_time


def presence(_: slice, grid: Any, time: Any) -> Any:
    return -np.expm1(-grid.share * time)


def test_it_is_that_of_lru() -> None:
    pages = qm.caches.Zipf(10**5, np.array([[0.6], [1.2]]), size=2.5)
    sizes = np.array([1.0, 1000.0, 1e5])
    found = filling_time(pages.grid, sizes, (2, 3), presence)
    expected = qm.caches.LRU(sizes).solve(pages).characteristic_time
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_edges() -> None:
    grid = qm.caches.Zipf(100).grid
    found = filling_time(grid, [0.0, 99.9999, 100.0, 1e9, np.nan], (5,), presence)
    assert found[0] == 0.0
    assert np.isfinite(found[1])
    assert np.isinf(found[2:4]).all()
    assert np.isnan(found[4])


def test_many_scenarios_in_chunks() -> None:
    grid = qm.caches.Zipf(10**4, 0.8).grid
    sizes = np.geomspace(1.0, 9e3, 2000)
    found = filling_time(grid, sizes, sizes.shape, presence)
    assert (np.diff(found) > 0).all()
    few = filling_time(grid, sizes[::500], (4,), presence)
    np.testing.assert_allclose(found[::500], few, rtol=1e-10)
