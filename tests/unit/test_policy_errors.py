"""The table of errors of balancing: what the labels say is what it has, and it is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing.join_idle import JoinIdleQueue
from qmodel.balancing.join_shortest import LeastConnections
from qmodel.balancing.policy_errors import WORST
from qmodel.balancing.pool import Pool
from qmodel.balancing.power_of_d import PowerOfChoices
from qmodel.queues.approximations.measured import of_response

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_balancing")


def rows_of(script: ModuleType, point: str) -> list[dict[str, str]]:
    rows = [row for row in script.TABLE.read() if row["stations"] == point]
    assert rows
    return rows


def test_what_is_made_of_the_table() -> None:
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    row = next(
        line for line in exact.split("\n") if "`JoinIdleQueue`, exponential work" in line
    )
    for group, worst in WORST.items():
        assert "mean {mean} %, p99 {p99} %".format(**worst) in row, group


@pytest.mark.parametrize(
    ("pool", "groups"),
    [
        (LeastConnections(qm.MMc(1.0), 8), ["least connections"]),
        (PowerOfChoices(qm.MMc(1.0), 8), ["choices", "choices that may repeat"]),
        (JoinIdleQueue(qm.MMc(1.0), 8), ["idle queue", "idle queue, several dispatchers"]),
    ],
)
def test_labels_are_those_of_the_table(pool: Pool, groups: list[str]) -> None:
    said = str(pool.solve(4.0).basis.assumptions("p99")[-1].statement)
    places = [said.index(of_response(WORST[group])) for group in groups]
    assert places == sorted(places)


@pytest.mark.parametrize("place", [0, 17, 40, 60, 70, 85, 95, 110, 125, -1, -5])
def test_the_library_still_has_these_errors(script: ModuleType, place: int) -> None:
    point = script.POINTS[place]
    found = dict(zip(script.TABLE.quantities, script.computed(point), strict=True))
    for row in rows_of(script, point):
        error = 100 * (found[row["quantity"]] / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.02)


@pytest.mark.parametrize(
    "point",
    ["two, 5 of 4, 0.5", "idle 4, 4 of 1, 0.5", "two repeated, 2 of 1, 0.5", "least, 5"],
)
def test_simulated_values_are_found_again(script: ModuleType, point: str) -> None:
    """With a hundredth of the requests: within four standard errors."""
    point = next(each for each in script.POINTS if each.startswith(point))
    seen = script.simulated(point, 80_000, 99)
    found = dict(zip(script.TABLE.quantities, seen, strict=True))
    for row in rows_of(script, point):
        value, error = found[row["quantity"]]
        stored = float(row["simulated"])
        theirs = stored * float(row["standard_error_percent"]) / 100
        assert abs(value - stored) <= 4 * np.hypot(error, theirs) + 1e-9
