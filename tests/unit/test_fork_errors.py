"""The table of errors of forks: what the labels say is what the table has, and it is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from qmodel.balancing.fan_out.fork_errors import WORST
from qmodel.balancing.fan_out.fork_join import CORRELATED_WAITS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_forks")


def test_labels_are_those_of_the_table() -> None:
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    for worst in WORST.values():
        said = f"mean was found within {worst['mean']} % and p99 within {worst['p99']} %"
        assert said in CORRELATED_WAITS.statement
        assert f"mean {worst['mean']} %, p99 {worst['p99']} %" in exact


def _at(script: ModuleType, point: int) -> list[dict[str, str]]:
    named = script.named(script.POINTS[point])
    rows = [r for r in script.TABLE.read() if r["stations"] == named]
    assert len(rows) == 4
    return rows


@pytest.mark.thorough
@pytest.mark.parametrize("point", [0, 13, 15, 21, 25, -1])
def test_the_library_still_has_these_errors(script: ModuleType, point: int) -> None:
    values = script.computed(script.POINTS[point])
    for row, value in zip(_at(script, point), values, strict=True):
        error = 100 * (value / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.02)


def test_simulated_values_are_found_again(script: ModuleType) -> None:
    """One point with fewer requests: within four standard errors."""
    found = script.simulated(script.POINTS[15], 50_000, 99)
    for row, (value, error) in zip(_at(script, 15), found, strict=True):
        stored = float(row["simulated"])
        theirs = stored * float(row["standard_error_percent"]) / 100
        assert abs(value - stored) < 4 * np.hypot(error, theirs)
