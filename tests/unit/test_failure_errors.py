"""The table of errors of failing replicas: labels say what it has, and it is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import qmodel as qm
from qmodel.balancing import Failing
from qmodel.balancing.reliability.failure_errors import WORST

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_failures")


def test_labels_are_those_of_the_table() -> None:
    basis = Failing(qm.MMc(1.0, 5), available=0.98).solve(3.2).basis
    said = next(str(a.statement) for a in basis.assumptions("p99") if a == "quasi-static")
    figures = "mean {mean} %, p50 {p50} %, p95 {p95} % and p99 {p99} %"
    for share in ("below 1e-5", "below 1e-4", "below 1e-3"):
        assert f"{share} {figures.format(**WORST[share])}" in said
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    for share in ("below 1e-5", "below 1e-4"):
        assert "mean {mean} %, p99 {p99} %".format(**WORST[share]) in exact


@pytest.mark.parametrize("place", [0, 31, 60, 80, -1, -2, -5])
def test_the_library_still_has_these_errors(script: ModuleType, place: int) -> None:
    point = script.POINTS[place]
    rows = [row for row in script.TABLE.read() if row["stations"] == point]
    assert len(rows) == len(script.TABLE.quantities)
    found, exact = script.computed(point), script.exact(point)
    for row, value, (true, _) in zip(rows, found, exact, strict=True):
        assert true == pytest.approx(float(row["simulated"]), rel=1e-5)
        error = 100 * (value / true - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.01)
        assert row["group"] == script.group(point)


def test_a_state_that_is_just_stable_is_late_to_settle(script: ModuleType) -> None:
    """Four of six sustain the load by 0.03 %: their steady state is far away."""
    point = "6 up 0.995, 0.67, repairs of 10"
    assert 1e-4 < script.nearly_full(point) < 1e-3
    (slow, *_), ((exact, _), *_) = script.computed(point), script.exact(point)
    assert slow > 4 * exact
