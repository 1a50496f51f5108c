"""Transforms that several parts of one time share are found once."""

from __future__ import annotations

import numpy as np
import pytest

import qmodel as qm
from qmodel.distributions import ZERO, Deterministic, Distribution, Exponential, Mixture, Sum
from qmodel.distributions.shared import each_once, transform

SERVICE = Exponential(0.02)
NAPS = Mixture((0.5, 0.3, 0.2), (Deterministic(0.01), Deterministic(0.02), Deterministic(0.05)))
TIME = Sum((NAPS, SERVICE, SERVICE, Exponential(0.03)))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Distribution]:
    found: list[Distribution] = []
    formula = Exponential.laplace

    def laplace(self: Exponential, s: object) -> object:
        found.append(self)
        return formula(self, s)

    monkeypatch.setattr(Exponential, "laplace", laplace)
    return found


def test_each_is_asked_once_at_the_same_points(asked: list[Distribution]) -> None:
    s = np.array([1.0 + 2.0j, 3.0 - 1.0j])
    with each_once():
        whole = transform(TIME, s)
    assert len(asked) == 2
    np.testing.assert_array_equal(whole, TIME.laplace(s))
    assert len(asked) == 2 + 3


def test_other_points_are_other_values() -> None:
    with each_once():
        values = [transform(SERVICE, np.array([s])) for s in (1.0, 2.0, 1.0)]
    assert [float(x[0]) for x in values] == [1 / 1.02, 1 / 1.04, 1 / 1.02]


def test_parts_of_one_time_are_inverted_together(asked: list[Distribution]) -> None:
    TIME.tail(0.1)
    assert len(asked) == 2


def test_together_or_one_by_one_tails_are_the_same() -> None:
    times = np.linspace(0.06, 0.5, 100)
    alone = [float(TIME.tail(float(t))) for t in times]
    np.testing.assert_allclose(TIME.tail(times), alone, rtol=1e-13, atol=1e-15)
    many = Sum((NAPS, Exponential(np.full(100, 0.02)), SERVICE, Exponential(0.03)))
    np.testing.assert_allclose(many.tail(times), alone, rtol=1e-12, atol=1e-14)


def test_a_part_in_doubt_goes_on_alone() -> None:
    # Of many equal phases twelve points know nothing, and say so.
    time = Sum((NAPS, qm.Sum([Exponential(0.001)] * 40)))
    exact = sum(
        p * qm.Erlang(0.04, 40).tail(0.07 - d)
        for p, d in ((0.5, 0.01), (0.3, 0.02), (0.2, 0.05))
    )
    assert float(time.tail(0.07)) == pytest.approx(float(exact), abs=1e-9)


def test_a_tree_of_shared_times_is_not_walked_as_a_tree(asked: list[Distribution]) -> None:
    """Each of k times follows a constant, or is left out: 2^k ways, of the same k times."""
    counts = []
    for k in (6, 12, 18):
        times = [
            Mixture((0.5, 0.5), (Sum((Deterministic(0.01), Exponential(0.001 * i))), ZERO))
            for i in range(1, k + 1)
        ]
        whole = Sum(times)
        asked.clear()
        assert whole.tail(whole.quantile(0.9999)) == pytest.approx(1e-4, rel=1e-6)
        counts.append(len(asked))
    assert counts[1] < 8 * counts[0]
    assert counts[2] < 5 * counts[1]
