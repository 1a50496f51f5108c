"""Synchronised expiry after a flush: paths, the equation of renewals, the steady end."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.caches.policies import ttl
from qmodel.caches.synchronised_expiry import hit_ratio_after_flush


def test_against_many_paths() -> None:
    rng = np.random.default_rng(9)
    rate, life, runs = 2.0, 1.5, 200_000
    times = np.array([0.3, 1.4, 1.6, 2.0, 3.2, 5.0])
    end = np.zeros(runs)  # nobody is present until the first request
    absent = np.zeros(times.size)
    for _ in range(12):
        came = end + rng.exponential(1 / rate, runs)
        absent += ((end[:, None] <= times) & (times < came[:, None])).mean(axis=0)
        end = came + life
    np.testing.assert_allclose(hit_ratio_after_flush(times, rate, life), 1 - absent, atol=4e-3)


def test_the_ends() -> None:
    assert hit_ratio_after_flush(0.0, 3.0, 1.0) == 0.0
    assert hit_ratio_after_flush(0.7, 3.0, 1.0) == pytest.approx(1 - np.exp(-2.1))
    assert hit_ratio_after_flush(200.0, 3.0, 1.0) == pytest.approx(
        float(ttl.hit_ratio(3.0, 1.0)), rel=1e-9
    )
    np.testing.assert_array_equal(hit_ratio_after_flush([0.0, 5.0], 0.0, 1.0), 0.0)


def test_shapes_nan_and_refusals() -> None:
    found = hit_ratio_after_flush([[1.0], [np.nan]], 2.0, [0.5, 1.0, 7.0])
    assert found.shape == (2, 3)
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[0]).all()
    for name, bad in (("time", (-1, 1, 1)), ("request_rate", (1, -1, 1)), ("ttl", (1, 1, 0))):
        with pytest.raises(qm.DomainError, match=name):
            hit_ratio_after_flush(*bad)
