"""The table of errors over time: labels say what it has, and it is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.measured import of_response
from qmodel.transients.crowd_errors import WORST

ROOT = Path(__file__).parents[2]
KINDS = ("constant service", "an SCV below 1", "an SCV from 1", "Pareto service")


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_over_time")


def test_what_is_made_of_the_table() -> None:
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    for kind in KINDS:
        assert f"{kind}: {of_response(WORST[kind])}" in exact


def test_labels_are_those_of_the_table() -> None:
    crowd = qm.Profile([0.0, 5.0, 10.0], [1.0, 3.0, 1.0])

    def said(station: qm.queues.Station) -> list[str]:
        basis = qm.Pipeline(qm.call("a", station)).over_time(crowd, times=[0.0, 5.0]).basis
        assumptions = basis.assumptions("percentiles")
        return [str(a.statement) for a in assumptions if a == "general-in-time"]

    assert said(qm.MMc(1.0, 2)) == []
    for station in (
        qm.MDc(1.0, 2),
        qm.MGc(qm.Gamma(1.0, 0.5), 2),
        qm.MG1(qm.LogNormal(0.4, 2.0)),
    ):
        (statement,) = said(station)
        for kind in KINDS:
            figures = WORST[kind]
            of = f"of {kind} number present {figures['number']} %, "
            assert f"{of}response {of_response(figures)}" in statement


@pytest.mark.parametrize("place", [0, 6, 21, 30, -9])
def test_the_library_still_has_these_errors(script: ModuleType, place: int) -> None:
    point = script.POINTS[place]
    found = dict(zip(script.TABLE.quantities, script.computed(point), strict=True))
    rows = [row for row in script.TABLE.read() if row["stations"] == point]
    assert rows
    for row in rows:
        error = 100 * (found[row["quantity"]] / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.05)


def test_simulated_values_are_found_again(script: ModuleType) -> None:
    """With a few of the paths, and less time before the crowd: within four standard errors."""
    point = next(p for p in script.POINTS if ", 1, " in p or ", 2, " in p)
    seen = script.simulated(point, 1_000, 99)
    found = dict(zip(script.TABLE.quantities, seen, strict=True))
    for row in script.TABLE.read():
        if row["stations"] == point:
            value, error = found[row["quantity"]]
            stored = float(row["simulated"])
            theirs = stored * float(row["standard_error_percent"]) / 100
            assert abs(value - stored) <= 4 * np.hypot(error, theirs)
