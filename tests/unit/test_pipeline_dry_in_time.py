"""A pass that takes note of nothing: what it tells a step that asks what is lost inside."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from qmodel.pipeline.dry_in_time import DryInTime


class Asked:
    """A step that loses a fifth, and remembers what it was asked."""

    def __init__(self, key: str) -> None:
        self.key, self.asked, self.worst = key, [], 0.125

    def flow(self, share: Any, at: Any) -> Any:
        self.asked.append((share, at.rate, at.in_time))
        return 0.8 * share


def test_a_step_inside_is_asked_about_one_request_at_the_rate_that_comes_to_it() -> None:
    step: Any = Asked("inside")
    of: Any = SimpleNamespace(plan=SimpleNamespace(loses=lambda one: one is step))
    dry = DryInTime(of, np.array([10.0, 40.0]))
    assert dry.through(step, 0.25) == 0.8
    ((share, rate, in_time),) = step.asked
    assert (share, rate.tolist(), in_time) == (1.0, [2.5, 10.0], False)
    other: Any = Asked("another")
    assert dry.through(other) is None
    assert other.asked == []


def test_shares_are_those_of_this_pass_then_the_one_before_then_of_times() -> None:
    of: Any = SimpleNamespace(
        plan=None, _settled={"a": 1}, _known={"a": 2, "b": 2}, shares={"b": 3, "c": 3}
    )
    dry = DryInTime(of, 1.0)
    found = [dry.settled(step, 1.0) for step in map(Asked, "abcd")]  # type: ignore[arg-type]
    assert found == [1, 2, 3, 0.125]
