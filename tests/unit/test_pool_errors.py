"""The table of errors of informed pools: what the labels say is what it has, and it is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm
from qmodel.balancing import LeastConnections
from qmodel.balancing.pool_errors import WORST

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_informed_pools")


def test_labels_are_those_of_the_table() -> None:
    basis = LeastConnections(qm.MG1(qm.LogNormal(1.0, 4.0)), 5).solve(2.5).basis
    said = next(str(a.statement) for a in basis.assumptions("p99") if a == "replica-queue")
    figures = "mean {mean} %, p50 {p50} %, p95 {p95} % and p99 {p99} %"
    parts = said.split("; of ")
    assert f"of constant service {figures.format(**WORST['constant'])}" in said
    assert [part[part.index("mean") :] for part in parts[1:]] == [
        figures.format(**errors) for kind, errors in WORST.items() if kind != "constant"
    ]


def test_the_page_of_what_is_exact_has_the_same() -> None:
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    below = WORST["SCV below 1"]
    assert "an SCV below 1 mean {mean} %, p99 {p99} %".format(**below) in exact
    for kind in ("constant", "other, SCV 4", "other, SCV 9", "bounded Pareto"):
        assert "mean {mean} %, p99 {p99} %".format(**WORST[kind]) in exact


def rows_of(script: ModuleType, point: str) -> list[dict[str, str]]:
    return [row for row in script.TABLE.read() if row["stations"] == point]


@pytest.mark.parametrize("place", [0, 20, 40, 56, 63, 80, -1, -2, -7])
def test_the_library_still_has_these_errors(script: ModuleType, place: int) -> None:
    point = script.POINTS[place]
    found = dict(zip(script.TABLE.quantities, script.computed(point), strict=True))
    rows = rows_of(script, point)
    assert rows
    for row in rows:
        error = 100 * (found[row["quantity"]] / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.02)


@pytest.mark.parametrize(
    "point", ["two, 20 of 1, constant 0, 0.5", "least, 2 of 4, hyperexponential 4, 0.5", "idle"]
)
def test_simulated_values_are_found_again(script: ModuleType, point: str) -> None:
    """With a hundredth of the requests: within four standard errors."""
    point = next(each for each in script.POINTS if each.startswith(point))
    rows = rows_of(script, point)
    seen = script.simulated(point, 80_000, 99)
    found = dict(zip(script.TABLE.quantities, seen, strict=True))
    for row in rows:
        value, error = found[row["quantity"]]
        stored = float(row["simulated"])
        theirs = stored * float(row["standard_error_percent"]) / 100
        assert abs(value - stored) <= 4 * np.hypot(error, theirs) + 1e-9
