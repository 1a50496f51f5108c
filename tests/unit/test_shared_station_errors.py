"""The table of errors of branches that share a station: labels say what it has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing.fan_out.shared_errors import WORST
from qmodel.queues.approximations.measured import of_response

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_shared_stations")


def rows_of(script: ModuleType, start: str) -> list[dict[str, str]]:
    rows = [row for row in script.TABLE.read() if row["stations"].startswith(start)]
    assert rows
    assert len({row["stations"] for row in rows}) == 1
    return rows


def test_labels_are_those_of_the_table(script: ModuleType) -> None:
    table = script.TABLE.read()
    assert {row["group"] for row in table} == set(WORST)
    db = qm.call("db", qm.MMc(1.0, 4))
    steps = [qm.series(qm.call(name, qm.MMc(1.0)), db) for name in "ab"]
    basis = qm.Pipeline(qm.parallel(*steps)).solve(0.5).basis
    said = next(str(a.statement) for a in basis.assumptions("mean") if "branches" in a)
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    for errors in WORST.values():
        assert of_response(errors) in said
        assert of_response(errors) in exact


@pytest.mark.parametrize(
    "point",
    ["4 exponential, 0.47", "1 gamma 0.5, 0.36", "2 exponential, 0.34", "3 exponential, 0.93"],
)
def test_the_library_still_has_these_errors(script: ModuleType, point: str) -> None:
    rows = rows_of(script, point)
    name = rows[0]["stations"]
    found = dict(zip(script.TABLE.quantities, script.computed(name), strict=True))
    for row in rows:
        error = 100 * (found[row["quantity"]] / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.05)
        assert row["group"] == script.group(name)


@pytest.mark.parametrize(
    "point",
    ["2 exponential, 0.34", "1 gamma 0.5, 0.36", "4 exponential, 0.6; after 2 lognormal 2"],
)
def test_simulated_values_are_found_again(script: ModuleType, point: str) -> None:
    """With a hundredth of the requests: within four standard errors."""
    rows = rows_of(script, point)
    seen = script.simulated(rows[0]["stations"], 20_000, 99)
    found = dict(zip(script.TABLE.quantities, seen, strict=True))
    for row in rows:
        value, error = found[row["quantity"]]
        stored = float(row["simulated"])
        theirs = stored * float(row["standard_error_percent"]) / 100
        assert abs(value - stored) <= 4 * np.hypot(error, theirs)
