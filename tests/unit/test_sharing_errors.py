"""The table of errors of shared servers: what the labels say is what it has, and true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.waits.sharing_errors import WORST

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_sharing")


def test_labels_are_those_of_the_table(script: ModuleType) -> None:
    errors = script.TABLE
    table = errors.read()
    assert errors.established(table) == WORST
    assert errors.page(table) == errors.path_of_page.read_text()
    assert errors.written(WORST) == errors.module.read_text()
    varied, even = (
        max(WORST[f"SCV {kind} 0.3"][p] for p in ("p50", "p95", "p99"))
        for kind in ("from", "below")
    )
    basis = qm.MGcPS(qm.Gamma(1.0, 0.5), 2).solve(1.0).basis
    statement = next(a.statement for a in basis.assumptions("p99") if a == "gamma-excess")
    assert (
        f"to p99 were found within {varied} %, of an SCV below 0.3 within {even} %" in statement
    )
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    assert f"p50 to p99 within {varied} %, of an SCV below 0.3 within {even} %" in exact


@pytest.mark.parametrize("point", [0, 5, 12, 26, -1])
def test_the_library_still_has_these_errors(script: ModuleType, point: int) -> None:
    place = script.POINTS[point]
    rows = [r for r in script.TABLE.read() if r["stations"] == script.named(place)]
    assert len(rows) == 4
    for row, value in zip(rows, script.computed(place), strict=True):
        error = 100 * (value / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.02)


def test_simulated_values_are_found_again(script: ModuleType) -> None:
    """One point with a fifth of the requests: within four standard errors."""
    place = script.POINTS[25]
    rows = [r for r in script.TABLE.read() if r["stations"] == script.named(place)]
    for row, (value, error) in zip(rows, script.simulated(place, 40_000, 99), strict=True):
        stored = float(row["simulated"])
        theirs = stored * float(row["standard_error_percent"]) / 100
        assert abs(value - stored) < 4 * np.hypot(error, theirs)
