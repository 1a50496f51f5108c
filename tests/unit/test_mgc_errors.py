"""The table of errors of M/G/c: what the labels say is what the table has, and it is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import qmodel as qm
from qmodel.queues.approximations.mgc_errors import WORST

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script(script_of_docs: Callable[[str], ModuleType]) -> ModuleType:
    return script_of_docs("errors_of_many_servers")


def test_labels_are_those_of_the_table(script: ModuleType) -> None:
    assert script.established(script.read()) == WORST
    assert script.page(WORST) == script.PAGE.read_text()
    fitted = qm.MGc(qm.LogNormal(1.0, 4.0), 2).solve(1.0).basis.assumptions("p99")
    statement = next(str(a.statement) for a in fitted if a == "fitted-phases")
    assert f"its p99 {WORST['SCV up to 4']['p99']} %" in statement
    exact = (ROOT / "docs" / "reference" / "what-is-exact.md").read_text()
    kinds = "mean {mean} %, p50 {p50} %, p95 {p95} %, p99 {p99} %".format(**WORST["two kinds"])
    assert f"one rare and long: {kinds}" in exact


def test_errors_are_within_what_was_aimed_at() -> None:
    """3 % to an SCV of 4, 6 % at 9 and for bounded Pareto service, in mean and response."""
    assert (
        max(WORST["SCV up to 4"][q] for q in ("mean", "probability", "p99", "response_p99"))
        <= 3
    )
    assert max(WORST["SCV 9"][q] for q in ("mean", "probability", "response_p99")) <= 6
    usual = {q: error for q, error in WORST["bounded Pareto"].items() if q != "p999"}
    assert max(usual.values()) <= 6
    assert max(WORST["SCV below 1"].values()) <= 3
    assert max(error for q, error in WORST["beside constant"].items() if q != "p999") <= 2


@pytest.mark.parametrize(
    "point",
    [
        ("lognormal", 4.0, 4, 0.5),
        ("gamma", 0.3, 2, 0.8),
        ("uniform", 0.3333, 4, 0.5),
        ("Pareto 4.0 to 1,000", 0.125, 48, 0.85),
        ("lognormal", 1.91, 12, 0.53),
    ],
)
def test_the_library_still_has_these_errors(script: ModuleType, point: tuple) -> None:
    rows = [r for r in script.read() if (r["family"], float(r["scv"])) == point[:2]]
    rows = [r for r in rows if (int(r["servers"]), float(r["load"])) == point[2:]]
    assert rows
    found = dict(zip(script.QUANTITIES, script.computed(*point), strict=True))
    for row in rows:
        error = 100 * (found[row["quantity"]] / float(row["simulated"]) - 1)
        assert error == pytest.approx(float(row["error_percent"]), abs=0.02)


def test_simulated_values_are_found_again(script: ModuleType) -> None:
    """One point with a twentieth of the requests: within four standard errors."""
    point = ("gamma", 4.0, 4, 0.5)
    rows = [r for r in script.read() if r["family"] == "gamma" and float(r["scv"]) == 4]
    rows = [r for r in rows if (int(r["servers"]), float(r["load"])) == point[2:]]
    found = dict(zip(script.QUANTITIES, script.simulated(*point, 300_000, 99), strict=True))
    for row in rows:
        value, error = found[row["quantity"]]
        stored = float(row["simulated"])
        theirs = stored * float(row["standard_error_percent"]) / 100
        assert abs(value - stored) < 4 * np.hypot(error, theirs)
