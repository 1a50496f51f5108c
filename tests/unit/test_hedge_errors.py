"""The table of errors of hedges: what the label says is what the table has, and it is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from qmodel.balancing.fan_out.hedge_errors import WORST
from qmodel.pipeline.steps.hedge import INDEPENDENT_COPIES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_hedges")


def test_labels_are_those_of_the_table() -> None:
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    for worst in WORST.values():
        said = f"mean was found within {worst['mean']} % and p99 within {worst['p99']} %"
        assert said in INDEPENDENT_COPIES.statement
    many, busy, eight, few = (worst["p99"] for worst in WORST.values())
    assert (
        f"p99 {many} % from 16 servers on to half load, {busy} % above, {eight} % for eight, "
        f"{few} % for one to four"
    ) in exact


def _at(script: ModuleType, point: int) -> list[dict[str, str]]:
    named = script.named(script.POINTS[point])
    rows = [r for r in script.TABLE.read() if r["stations"] == named]
    assert len(rows) == 4
    return rows


@pytest.mark.parametrize("point", [0, 7, 12, 19, 25, -1])
def test_the_library_still_has_these_errors(script: ModuleType, point: int) -> None:
    values = script.computed(script.POINTS[point])
    for row, value in zip(_at(script, point), values, strict=True):
        error = 100 * (value / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.02)


def test_simulated_values_are_found_again(script: ModuleType) -> None:
    """One point with fewer requests: within four standard errors."""
    found = script.simulated(script.POINTS[22], 60_000, 99)
    for row, (value, error) in zip(_at(script, 22), found, strict=True):
        stored = float(row["simulated"])
        theirs = stored * float(row["standard_error_percent"]) / 100
        assert abs(value - stored) < 4 * np.hypot(error, theirs)


def test_a_budget_is_kept(script: ModuleType) -> None:
    rng = np.random.default_rng(5)
    for point, most in ((script.POINTS[12], 0.05), (script.POINTS[22], 0.05)):
        _, copied = script.path(point, 20_000, rng)
        assert 0.5 * most < copied <= most + script.BUCKET / 20_000
