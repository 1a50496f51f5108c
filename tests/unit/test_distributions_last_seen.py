"""The last answers to costly questions."""

from __future__ import annotations

import numpy as np

import qmodel as qm
from qmodel.distributions.last_seen import Last, where


def test_what_was_asked_last_is_not_asked_again() -> None:
    asked: list[str] = []

    def make(name: str) -> object:
        return lambda: asked.append(name) or name

    last, one, other = Last(2), qm.Exponential(1.0), qm.Exponential(1.0)
    for _ in range(2):
        assert last.of("a", one, make("a")) == "a"
        assert last.of("b", one, make("b")) == "b"
    assert asked == ["a", "b"]
    # A third takes the place of the first, and another distribution has its own.
    assert last.of("c", one, make("c")) == "c"
    assert last.of("a", one, make("a again")) == "a again"
    assert last.of("a", other, make("other")) == "other"
    assert asked == ["a", "b", "c", "a again", "other"]


def test_equal_points_are_one() -> None:
    assert where(None) is None
    assert where(np.array([1.0, 2.0])) == where([1.0, 2.0])
    assert where(np.zeros((1, 2))) != where(np.zeros(2))
