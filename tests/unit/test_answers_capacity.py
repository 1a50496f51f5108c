"""How much load a model takes: the number, what binds, and what is lost there."""

from __future__ import annotations

import pytest

import qmodel as qm
from qmodel import answers

WEB = qm.MMc(0.02, servers=4)
DOOR = qm.MMcK(0.1, 5, 10)


def fact(answer: answers.Answer, key: str) -> float:
    return next(f.value for f in answer.facts if f.key == key)


def test_the_number_is_that_of_capacity() -> None:
    goals = ["p99 < 100 ms", "utilization < 80 %"]
    found = answers.capacity(WEB, goals)
    assert fact(found, "capacity") == float(qm.capacity(WEB, *goals))
    assert found.verdict.endswith("; p99 < 100 ms binds")
    table = {column.key: column.values for column in found.tables[0].columns}
    assert table["capacity"] == [float(qm.capacity(WEB, goal)) for goal in goals]
    assert found.good
    assert len(found.pictures) == 2


def test_what_is_lost_is_said() -> None:
    found = answers.capacity(DOOR, "p99 < 500 ms")
    at = DOOR.solve(fact(found, "capacity"))
    assert fact(found, "rejected") == pytest.approx(float(at.loss))
    assert "6.2 % are rejected there" in found.verdict
    assert found.notes
    silent = answers.capacity(DOOR, ["p99 < 500 ms", "loss < 5 %"])
    assert "rejected" not in silent.verdict
    assert not silent.notes


def test_at_any_load_and_at_none() -> None:
    room = qm.MG1K(qm.Exponential(0.1), 3)
    assert answers.capacity(room, "p99 < 2 s").verdict == (
        "p99 < 2 s holds at any load, as what is too much is lost"
    )
    assert answers.capacity(qm.Delay(0.1), "p99 < 2 s").verdict == "p99 < 2 s holds at any load"
    never = answers.capacity(WEB, "p99 < 10 ms")
    assert never.verdict == "p99 < 10 ms does not hold even without load"
    assert not never.good
    assert answers.capacity(WEB).verdict == "Takes up to 200/s before it saturates"


@pytest.mark.thorough
def test_users() -> None:
    found = answers.capacity(WEB, "p99 < 1 s", think_time=5.0)
    assert fact(found, "capacity") == float(qm.capacity(WEB, "p99 < 1 s", think_time=5.0))
    assert len(found.pictures) == 2
