"""The table of errors behind a limit: what the labels say is what the table has, and true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.limit_errors import WORST

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_limits")


def test_labels_are_those_of_the_table(script: ModuleType) -> None:
    errors = script.TABLE
    table = errors.read()
    assert errors.established(table) == WORST
    assert errors.page(table) == errors.path_of_page.read_text()
    assert errors.written(WORST) == errors.module.read_text()
    path = qm.series(qm.limit("quota", 1.0, burst=5), qm.call("api", qm.MMc(0.5)))
    basis = qm.Pipeline(path).solve(0.5).basis
    statement = next(a.statement for a in basis.assumptions("mean") if a.startswith("vari"))
    varied, regular = WORST["SCV from 1"], WORST["SCV below 1"]
    assert "mean within {mean} % and p99 within {p99} %".format(**varied) in statement
    assert "{mean} % and {p99} % where it is more regular".format(**regular) in statement
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    assert "mean {mean} %, p50 {p50} %, p99 {p99} %; more".format(**varied) in exact
    assert "service mean {mean} %, p50 {p50} %, p99 {p99} %".format(**regular) in exact


@pytest.mark.parametrize("point", [0, 2, 8, -2])
def test_the_library_still_has_these_errors(script: ModuleType, point: int) -> None:
    place = script.POINTS[point]
    rows = [r for r in script.TABLE.read() if r["stations"] == script.named(place)]
    assert len(rows) == 4
    for row, value in zip(rows, script.computed(place), strict=True):
        error = 100 * (value / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.02)


def test_simulated_values_are_found_again(script: ModuleType) -> None:
    """One point with a tenth of the requests: within four standard errors."""
    place = script.POINTS[13]
    rows = [r for r in script.TABLE.read() if r["stations"] == script.named(place)]
    for row, (value, error) in zip(rows, script.simulated(place, 200_000, 99), strict=True):
        stored = float(row["simulated"])
        theirs = stored * float(row["standard_error_percent"]) / 100
        assert abs(value - stored) < 4 * np.hypot(error, theirs)
