"""The table of errors of several visits: labels say what it has, and it is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.visit_errors import WORST

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_visits")


def test_labels_are_those_of_the_table(script: ModuleType) -> None:
    errors = script.TABLE
    table = errors.read()
    assert errors.established(table) == WORST
    assert errors.page(table) == errors.path_of_page.read_text()
    assert errors.written(WORST) == errors.module.read_text()
    again = qm.repeat(3, qm.call("a", qm.MG1(qm.LogNormal(1.0, 2.0))))
    basis = qm.Pipeline(again).solve(0.1).basis
    statements = {a: a.statement for a in basis.assumptions("p99")}
    assert f"all visits was found within {WORST['other']['mean']} %" in statements["returns"]
    assert f"p99 within {WORST['exponential']['p99']} %" in statements["snapshot"]
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    assert "p50 {p50} %, p99 {p99} %".format(**WORST["exponential"]) in exact
    assert "mean {mean} %, p50 {p50} % and p99 {p99} %".format(**WORST["other"]) in exact


@pytest.mark.parametrize("point", [1, 13, 22, -2])
def test_the_library_still_has_these_errors(script: ModuleType, point: int) -> None:
    places = script.POINTS[point]
    rows = [r for r in script.TABLE.read() if r["stations"] == script.named(places)]
    assert len(rows) == 4
    for row, value in zip(rows, script.computed(places), strict=True):
        error = 100 * (value / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.02)


def test_simulated_values_are_found_again(script: ModuleType) -> None:
    """One point with a tenth of the requests: within four standard errors."""
    places = script.POINTS[19]
    rows = [r for r in script.TABLE.read() if r["stations"] == script.named(places)]
    for row, (value, error) in zip(rows, script.simulated(places, 200_000, 99), strict=True):
        stored = float(row["simulated"])
        theirs = stored * float(row["standard_error_percent"]) / 100
        assert abs(value - stored) < 4 * np.hypot(error, theirs)
