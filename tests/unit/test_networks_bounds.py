"""Bounds hold, and are those of the papers."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.errors import DomainError
from qmodel.networks import bounds, closed


@pytest.mark.parametrize(
    ("users", "think_time", "lower", "upper"),
    [(2, 0.0, 4.3040, 4.3174), (5, 0.0, 6.6859, 6.7524), (10, 0.0, 8.1521, 8.2690),
     (20, 0.0, 9.0947, 9.2431), (80, 0.0, 9.8233, 9.8765), (2, 1.0, 1.4319, 1.5195),
     (5, 1.0, 3.3432, 3.5582), (10, 1.0, 5.7569, 6.1410), (20, 1.0, 8.0856, 8.6467),
     (80, 1.0, 9.7147, 9.8594)],
)  # fmt: skip
def test_geometric_bounds_of_the_paper(
    users: int, think_time: float, lower: float, upper: float
) -> None:
    """Casale, Muntz and Serazzi 2008, tables IV and V."""
    found = bounds.geometric([0.1, 0.1, 0.09, 0.08], users, think_time)
    assert found == pytest.approx((lower, upper), abs=6e-5)


def test_all_bounds_hold() -> None:
    rng = np.random.default_rng(3)
    demands = list(np.exp(rng.uniform(-3, 0, (5, 400))))
    users = rng.integers(1, 60, 400)
    think_time = np.where(rng.random(400) < 0.3, 0.0, np.exp(rng.uniform(-2, 4, 400)))
    site = {f"s{i}": qm.MMc(d) for i, d in enumerate(demands)}
    exact = closed.solve(site, dict.fromkeys(site, 1), users, think_time).throughput
    gaps = []
    for kind in (bounds.asymptotic, bounds.balanced, bounds.proportional, bounds.geometric):
        lower, upper = kind(demands, users, think_time)
        assert (lower <= exact * (1 + 1e-12)).all(), kind
        assert (upper >= exact * (1 - 1e-12)).all(), kind
        gaps.append(float(np.mean(upper / lower - 1)))
    assert gaps[0] > gaps[1] > gaps[3]


def test_servers_enter_the_asymptotic_bound() -> None:
    found = bounds.asymptotic([1.0, 0.5], 50, 2.0, servers=[8, 2])
    site = {"a": qm.MMc(1.0, 8), "b": qm.MMc(0.5, 2)}
    exact = closed.solve(site, dict.fromkeys(site, 1), 50, 2.0).throughput
    assert found.lower <= exact <= found.upper == 4.0


def test_open_bounds_hold() -> None:
    rate = np.linspace(0.0, 0.3, 7)
    exact = sum(qm.MMc(d).solve(rate).response_time for d in (1.0, 2.0, 3.0))
    lower, upper = bounds.open_response([1.0, 2.0, 3.0], rate)
    assert (lower <= exact).all()
    assert (exact <= upper).all()
    assert np.isinf(bounds.open_response([1.0, 2.0, 3.0], 0.4).upper)


def test_impossible_numbers() -> None:
    with pytest.raises(DomainError, match="users must be a number > 0, got 0"):
        bounds.balanced([1.0], 0)
    with pytest.raises(DomainError, match="demands must be a number >= 0, got -1"):
        bounds.geometric([1.0, -1.0], 3)
